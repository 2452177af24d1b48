//! Shares of an app's traffic.

use crate::ids::{InstanceId, ReleaseId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Which instances an app's traffic may go to, grouped by release.
///
/// Until there are weights each instance has the same share, so a release's share follows from its number
/// of instances. Empty: nobody serves, requests are held.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Split(pub BTreeMap<ReleaseId, BTreeSet<InstanceId>>);

impl Split {
    /// Whether `instance` may get traffic.
    pub fn names(&self, instance: &InstanceId) -> bool {
        self.0.values().any(|set| set.contains(instance))
    }

    /// All instances that may get traffic.
    pub fn instances(&self) -> impl Iterator<Item = &InstanceId> {
        self.0.values().flatten()
    }

    /// How many instances may get traffic.
    pub fn len(&self) -> usize {
        self.0.values().map(BTreeSet::len).sum()
    }

    /// Whether nobody serves.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds an instance of a release.
    pub fn insert(&mut self, release: ReleaseId, instance: InstanceId) {
        self.0.entry(release).or_default().insert(instance);
    }

    /// Takes an instance out.
    pub fn remove(&mut self, instance: &InstanceId) {
        self.0.retain(|_, set| {
            set.remove(instance);
            !set.is_empty()
        });
    }

    /// Percent of the traffic by release, rounded, adding up to 100 unless empty.
    pub fn percent(&self) -> BTreeMap<ReleaseId, u32> {
        let total = u32::try_from(self.len()).unwrap_or(u32::MAX);
        let mut left = 100;
        let last = self.0.keys().next_back().copied();
        self.0
            .iter()
            .map(|(release, set)| {
                let share = if Some(*release) == last {
                    left
                } else {
                    u32::try_from(set.len()).unwrap_or(u32::MAX) * 100 / total
                };
                left -= share;
                (*release, share)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_add_up() {
        let mut split = Split::default();
        for n in 0..3 {
            let release = ReleaseId(if n == 0 { 1 } else { 2 });
            split.insert(release, InstanceId::new("a".parse().unwrap(), n));
        }
        assert_eq!(split.percent(), BTreeMap::from([(ReleaseId(1), 33), (ReleaseId(2), 67)]));
        assert!(Split::default().percent().is_empty());
    }
}
