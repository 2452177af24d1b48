//! Proxies that are measured by turns.

use super::process::{self, Pid};
use super::row::{Other, Row, Unit, median};
use crate::trouble::Trouble;
use std::array;
use std::net::SocketAddr;
use std::time::Duration;

/// A proxy under measurement.
#[derive(Debug)]
pub(crate) struct Candidate {
    name: &'static str,
    /// Where it answers.
    pub(crate) address: SocketAddr,
    processes: Vec<Pid>,
}

impl Candidate {
    /// A proxy, and all processes that work for it.
    pub(crate) fn new(name: &'static str, address: SocketAddr, processes: Vec<Pid>) -> Self {
        Self { name, address, processes }
    }

    /// Microseconds of CPU for each of what `drive` counts.
    pub(crate) fn cost(
        &self,
        drive: impl FnOnce(SocketAddr) -> Result<u64, Trouble>,
    ) -> Result<f64, Trouble> {
        let before = self.used();
        let count = drive(self.address)?;
        Ok((self.used() - before).as_secs_f64() * 1e6 / count as f64)
    }

    /// Resident memory in MiB.
    pub(crate) fn resident(&self) -> f64 {
        self.processes.iter().copied().map(process::resident).sum()
    }

    fn used(&self) -> Duration {
        self.processes.iter().copied().map(process::cpu).sum()
    }
}

/// A row for each of these figures: of so many rounds in which each candidate is measured once, the middle one. Every
/// other round goes backwards, so that nobody is always the one before or behind another, or always last in a machine
/// that gets slower. The first candidate is ours; what it has of another's is told of each round by itself.
pub(crate) fn by_turns<const N: usize>(
    rounds: usize,
    figures: [(&str, Unit); N],
    candidates: &[Candidate],
    mut measure: impl FnMut(&Candidate) -> Result<[f64; N], Trouble>,
) -> Result<[Row; N], Trouble> {
    // By candidate, then by round.
    let mut measured: Vec<Vec<[f64; N]>> = vec![Vec::new(); candidates.len()];
    for round in 0..rounds {
        let mut turns: Vec<_> = candidates.iter().zip(&mut measured).collect();
        if round % 2 == 1 {
            turns.reverse();
        }
        for (one, rounds) in turns {
            rounds.push(measure(one)?);
        }
    }
    let ours = measured.first().cloned().unwrap_or_default();
    Ok(array::from_fn(|n| {
        let (what, unit) = figures[n];
        let middle = |rounds: &[[f64; N]]| median(rounds.iter().map(|round| round[n]).collect());
        let others = candidates.iter().zip(&measured).skip(1);
        others.fold(Row::new(what, unit, middle(&ours)), |row, (other, theirs)| {
            let ratios = ours.iter().zip(theirs).map(|(ours, theirs)| ours[n] / theirs[n]);
            let ratio = median(ratios.collect());
            row.beside_by_turns(Other { who: other.name, theirs: middle(theirs), ratio })
        })
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_round_of_each_counts_and_the_middle_of_all_shares() {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let candidates =
            [Candidate::new("ours", at(1), Vec::new()), Candidate::new("theirs", at(2), Vec::new())];
        let mut ours = [10.0, 40.0, 30.0].into_iter();
        let mut theirs = [20.0, 50.0, 40.0].into_iter();
        let mut turns = Vec::new();
        let [row] = by_turns(3, [("figures", Unit::Count)], &candidates, |one| {
            turns.push(one.name);
            let figures = if one.name == "ours" { &mut ours } else { &mut theirs };
            Ok([figures.next().unwrap()])
        })
        .unwrap();
        assert_eq!(row.ours, 30.0);
        assert_eq!(row.others, [Other { who: "theirs", theirs: 40.0, ratio: 0.75 }]);
        assert_eq!(turns, ["ours", "theirs", "theirs", "ours", "ours", "theirs"]);
    }
}
