//! One measured figure, beside the peers' and the bound that we set ourselves.

use serde::Serialize;

/// One line of the report.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    /// What was measured, for people.
    pub(crate) what: String,
    /// In what.
    pub(crate) unit: Unit,
    /// Ours.
    pub(crate) ours: f64,
    /// What we promise; none where the figure is only for comparison.
    pub(crate) bound: Option<Bound>,
    /// Others'.
    pub(crate) others: Vec<Other>,
}

/// The figure of another.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Other {
    /// Whose.
    pub(crate) who: &'static str,
    /// Theirs.
    pub(crate) theirs: f64,
    /// How much ours is of it. Measured by turns it is the middle one of all rounds, as the machine that both had in
    /// one round is the same, which that of the middle round of each is not.
    pub(crate) ratio: f64,
}

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Unit {
    /// Milliseconds.
    Milliseconds,
    /// Microseconds.
    Microseconds,
    /// 2^10 bytes.
    Kibibytes,
    /// 2^20 bytes.
    Mebibytes,
    /// A plain number.
    Count,
    /// One figure divided by another.
    Ratio,
}

/// What we promise of a figure; smaller is always better.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Bound {
    /// At most this much.
    AtMost(f64),
    /// At most this share of what each of these others has. One that is not there breaks the promise.
    ShareOf(f64, &'static [&'static str]),
}

impl Row {
    /// A figure without peers and promise.
    pub(crate) fn new(what: impl Into<String>, unit: Unit, ours: f64) -> Self {
        Self { what: what.into(), unit, ours, bound: None, others: Vec::new() }
    }

    /// The same with a promise.
    pub(crate) fn at_most(mut self, bound: f64) -> Self {
        self.bound = Some(Bound::AtMost(bound));
        self
    }

    /// The same with the promise to be at most this share of what each of these others has.
    pub(crate) fn at_most_of(mut self, share: f64, who: &'static [&'static str]) -> Self {
        self.bound = Some(Bound::ShareOf(share, who));
        self
    }

    /// The same beside another's figure.
    pub(crate) fn beside(self, who: &'static str, theirs: f64) -> Self {
        let ratio = self.ours / theirs;
        self.beside_by_turns(Other { who, theirs, ratio })
    }

    /// The same beside another's figure that was measured by turns with ours.
    pub(crate) fn beside_by_turns(mut self, other: Other) -> Self {
        self.others.push(other);
        self
    }

    /// Whether the promise is kept; none where there is none.
    pub(crate) fn kept(&self) -> Option<bool> {
        self.bound.map(|bound| match bound {
            Bound::AtMost(most) => self.ours <= most,
            Bound::ShareOf(share, who) => who
                .iter()
                .all(|who| self.others.iter().any(|other| other.who == *who && other.ratio <= share)),
        })
    }
}

impl Unit {
    /// A figure with its unit.
    pub(crate) fn say(self, figure: f64) -> String {
        let digits = match figure.abs() {
            ..10.0 => 2,
            10.0..100.0 => 1,
            _ => 0,
        };
        match self {
            Self::Milliseconds => format!("{figure:.digits$} ms"),
            Self::Microseconds => format!("{figure:.digits$} µs"),
            Self::Kibibytes => format!("{figure:.digits$} KiB"),
            Self::Mebibytes => format!("{figure:.1} MiB"),
            Self::Count => format!("{figure:.0}"),
            Self::Ratio => format!("{figure:.2} ×"),
        }
    }
}

/// The middle one; of an even number the lower of the two in the middle. NaN if there is none.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_a_figure_that_was_measured() {
        assert_eq!(median(vec![9.0, 1.0, 5.0]), 5.0);
        assert_eq!(median(vec![4.0, 1.0]), 1.0);
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn a_promise_is_kept_or_not() {
        let row = Row::new("x", Unit::Milliseconds, 5.0);
        assert_eq!(row.kept(), None);
        assert_eq!(row.clone().at_most(5.0).kept(), Some(true));
        assert_eq!(row.clone().at_most(4.9).kept(), Some(false));
        let beside = row.beside("a", 6.0).beside("b", 4.0);
        assert_eq!(beside.clone().at_most_of(1.0, &["a"]).kept(), Some(true));
        assert_eq!(beside.clone().at_most_of(0.8, &["a"]).kept(), Some(false));
        assert_eq!(beside.clone().at_most_of(1.0, &["a", "b"]).kept(), Some(false));
        assert_eq!(beside.at_most_of(1.0, &["c"]).kept(), Some(false));
    }

    #[test]
    fn a_share_is_that_of_the_rounds() {
        let other = Other { who: "a", theirs: 10.0, ratio: 0.95 };
        let row = Row::new("x", Unit::Microseconds, 8.0).beside_by_turns(other);
        assert_eq!(row.at_most_of(0.9, &["a"]).kept(), Some(false));
    }

    #[test]
    fn figures_have_the_digits_that_mean_something() {
        assert_eq!(Unit::Milliseconds.say(4.321), "4.32 ms");
        assert_eq!(Unit::Milliseconds.say(321.4), "321 ms");
        assert_eq!(Unit::Microseconds.say(21.37), "21.4 µs");
        assert_eq!(Unit::Kibibytes.say(3.412), "3.41 KiB");
        assert_eq!(Unit::Count.say(0.0), "0");
        assert_eq!(Unit::Ratio.say(0.934), "0.93 ×");
    }
}
