//! Circles in what comes after what.

use std::collections::{BTreeMap, BTreeSet};

/// Those who could never be first, as each is after the next, and the last after the first: one circle for each that is
/// in any. `after` has whom each comes after; who is in it only as such comes after nobody.
pub fn circles<'a, N: Ord + ?Sized>(after: &BTreeMap<&'a N, Vec<&'a N>>) -> Vec<Vec<&'a N>> {
    let mut walk = Walk { after, way: Vec::new(), done: BTreeSet::new(), circles: Vec::new() };
    after.keys().for_each(|one| walk.from(one));
    walk.circles
}

/// From one to another, each behind the one that it comes after.
struct Walk<'w, 'a, N: Ord + ?Sized> {
    after: &'w BTreeMap<&'a N, Vec<&'a N>>,
    way: Vec<&'a N>,
    done: BTreeSet<&'a N>,
    circles: Vec<Vec<&'a N>>,
}

impl<'a, N: Ord + ?Sized> Walk<'_, 'a, N> {
    fn from(&mut self, one: &'a N) {
        if self.done.contains(one) {
            return;
        }
        if let Some(begin) = self.way.iter().position(|earlier| *earlier == one) {
            return self.note(begin);
        }
        self.way.push(one);
        for before in self.after.get(one).into_iter().flatten() {
            self.from(before);
        }
        self.way.pop();
        self.done.insert(one);
    }

    /// What begins there on the way is a circle.
    fn note(&mut self, begin: usize) {
        let circle = &self.way[begin..];
        if !circle.iter().any(|one| self.circles.iter().flatten().any(|other| other == one)) {
            self.circles.push(circle.to_vec());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(after: &[(&'static str, &[&'static str])]) -> Vec<String> {
        let after = after.iter().map(|(one, before)| (*one, before.to_vec())).collect();
        circles::<str>(&after).into_iter().map(|circle| circle.join(" ")).collect()
    }

    #[test]
    fn whoever_can_never_be_first_is_found() {
        let none: [&str; 0] = [];
        assert_eq!(found(&[("c", &["b", "a"]), ("b", &["a"]), ("a", &["elsewhere"])]), none);
        assert_eq!(found(&[("a", &["a"])]), ["a"]);
        assert_eq!(found(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"])]), ["b c"]);
        assert_eq!(found(&[("a", &["b"]), ("b", &["a"]), ("x", &["a", "y"]), ("y", &["x"])]), ["a b", "x y"]);
        assert_eq!(found(&[("a", &["b", "c"]), ("b", &["a"]), ("c", &["a"])]), ["a b"], "one of each");
    }
}
