//! How many answers make a verdict.

/// What the answers so far amount to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    /// Enough successes in a row.
    Healthy,
    /// Enough failures in a row.
    Unhealthy,
    /// Neither: whatever was known before still holds.
    Undecided,
}

/// Counts answers of one kind in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Thresholds {
    successes: u32,
    failures: u32,
    passed: bool,
    row: u32,
}

impl Thresholds {
    /// A count from nothing; a threshold of 0 means 1.
    pub(crate) fn new(successes: u32, failures: u32) -> Self {
        Self { successes: successes.max(1), failures: failures.max(1), passed: false, row: 0 }
    }

    /// Counts one answer.
    pub(crate) fn note(&mut self, passed: bool) -> Health {
        self.row = if passed == self.passed { self.row.saturating_add(1) } else { 1 };
        self.passed = passed;
        match passed {
            true if self.row >= self.successes => Health::Healthy,
            false if self.row >= self.failures => Health::Unhealthy,
            _ => Health::Undecided,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Health::{Healthy, Undecided, Unhealthy};
    use super::*;

    #[test]
    fn only_rows_count() {
        let mut thresholds = Thresholds::new(2, 3);
        let answers = [true, false, true, true, true, false, false, true, false, false, false, false];
        let health = answers.map(|passed| thresholds.note(passed));
        assert_eq!(
            health,
            [
                Undecided, Undecided, Undecided, Healthy, Healthy, Undecided, Undecided, Undecided,
                Undecided, Undecided, Unhealthy, Unhealthy
            ]
        );
    }

    #[test]
    fn one_is_the_least() {
        let mut thresholds = Thresholds::new(0, 0);
        assert_eq!(thresholds.note(false), Unhealthy);
        assert_eq!(thresholds.note(true), Healthy);
    }
}
