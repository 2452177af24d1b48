//! Which instance gets a request: the less loaded of two picked at random.
//!
//! Two random choices come close to always asking everybody, without the herd that runs to whoever looked
//! idle last (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001).

/// What is known of one candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Load {
    /// Requests that it is working on.
    pub(crate) in_flight: u32,
    /// Its share among the others; 0 takes it out.
    pub(crate) weight: u32,
}

/// Picks one of `candidates` by index; none if all have weight 0. `random(n)` gives a number below `n`.
pub(crate) fn choose(
    candidates: usize,
    load: impl Fn(usize) -> Load,
    mut random: impl FnMut(u64) -> u64,
) -> Option<usize> {
    let total: u64 = (0..candidates).map(|i| u64::from(load(i).weight)).sum();
    if total == 0 {
        return None;
    }
    let first = nth(candidates, &load, random(total), None);
    let rest = total.saturating_sub(u64::from(load(first).weight));
    if rest == 0 {
        return Some(first);
    }
    let second = nth(candidates, &load, random(rest), Some(first));
    let (a, b) = (load(first), load(second));
    // An idle one is taken as it comes, so that shares follow the weights as long as there is little to do.
    // Else (in flight + 1) / weight decides, without the division.
    let busier = a.in_flight > 0
        && (u64::from(a.in_flight) + 1) * u64::from(b.weight)
            > (u64::from(b.in_flight) + 1) * u64::from(a.weight);
    Some(if busier { second } else { first })
}

/// The candidate at `point` of the line on which each takes as much room as its weight, `without` left out.
fn nth(candidates: usize, load: &impl Fn(usize) -> Load, point: u64, without: Option<usize>) -> usize {
    let mut left = point;
    let mut last = 0;
    for i in (0..candidates).filter(|i| Some(*i) != without) {
        let weight = u64::from(load(i).weight);
        if left < weight {
            return i;
        }
        left -= weight;
        last = i;
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(loads: &[(u32, u32)], picks: usize) -> Vec<usize> {
        let mut rng = fastrand::Rng::with_seed(7);
        let mut counts = vec![0; loads.len()];
        for _ in 0..picks {
            let load = |i: usize| Load { in_flight: loads[i].0, weight: loads[i].1 };
            counts[choose(loads.len(), load, |n| rng.u64(..n)).unwrap()] += 1;
        }
        counts
    }

    #[test]
    fn nobody_and_one() {
        let none = choose(0, |_| unreachable!(), |_| 0);
        assert_eq!(none, None);
        assert_eq!(choose(2, |_| Load { in_flight: 0, weight: 0 }, |_| 0), None);
        assert_eq!(spread(&[(9, 1)], 10), [10]);
        assert_eq!(spread(&[(9, 1), (0, 0)], 10), [10, 0]);
    }

    #[test]
    fn the_idle_one_of_two_always_wins() {
        assert_eq!(spread(&[(3, 1), (0, 1)], 100), [0, 100]);
        // Three times the weight carries three times the load.
        assert_eq!(spread(&[(4, 3), (1, 1)], 100), [100, 0]);
        assert_eq!(spread(&[(9, 3), (1, 1)], 100), [0, 100]);
    }

    #[test]
    fn the_most_loaded_of_many_gets_nothing_and_the_rest_share() {
        let counts = spread(&[(9, 1), (0, 1), (0, 1), (0, 1)], 3000);
        assert_eq!(counts[0], 0);
        assert!(counts[1..].iter().all(|n| (800..1200).contains(n)), "{counts:?}");
    }

    #[test]
    fn idle_instances_share_by_weight() {
        let counts = spread(&[(0, 9), (0, 1)], 1000);
        assert!((850..950).contains(&counts[0]), "{counts:?}");
    }
}
