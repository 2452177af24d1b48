//! Time, of two kinds that are never mixed: [`Moment`] to decide by, [`WallTime`] to show.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// Milliseconds since the machine booted, suspended time included (`CLOCK_BOOTTIME`).
///
/// All deadlines are moments: they outlive a restart of control, and a wall clock that jumps does not
/// touch them. After a reboot no moment of before means anything, nor does any instance of before exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment(u64);

impl Moment {
    /// The moment `ms` milliseconds after boot.
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms)
    }

    /// Milliseconds after boot.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// How long ago `earlier` was, zero if it is yet to come.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl std::ops::Add<Duration> for Moment {
    type Output = Self;

    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(rhs.as_millis()).unwrap_or(u64::MAX)))
    }
}

/// Milliseconds since 1970-01-01T00:00:00Z, as the wall clock had it. For people; nothing is decided by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WallTime(u64);

impl WallTime {
    /// The time `ms` milliseconds after the epoch.
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms)
    }

    /// Milliseconds after the epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }
}

/// A duration as people write it, without the digits that nobody reads: `850ms`, `4.2s`, `3m 20s`, `2h 5m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spoken(pub Duration);

impl fmt::Display for Spoken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        let s = self.0.as_secs();
        match s {
            0 => write!(f, "{ms}ms"),
            1..10 if ms % 1000 >= 100 => write!(f, "{}.{}s", s, (ms % 1000) / 100),
            1..60 => write!(f, "{s}s"),
            60..3600 if s.is_multiple_of(60) => write!(f, "{}m", s / 60),
            60..3600 => write!(f, "{}m {}s", s / 60, s % 60),
            3600..86400 if (s / 60).is_multiple_of(60) => write!(f, "{}h", s / 3600),
            3600..86400 => write!(f, "{}h {}m", s / 3600, (s / 60) % 60),
            _ => write!(f, "{}d {}h", s / 86400, (s / 3600) % 24),
        }
    }
}

/// Durations on the wire and on disk are whole milliseconds.
pub mod millis {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::time::Duration;

    /// Writes a duration as whole milliseconds.
    pub fn serialize<S: Serializer>(d: &Duration, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_u64(u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
    }

    /// Reads a duration of whole milliseconds.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
        u64::deserialize(d).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_write_them() {
        let spoken = |ms| Spoken(Duration::from_millis(ms)).to_string();
        assert_eq!(
            [0, 850, 1000, 4_230, 59_999, 60_000, 200_000, 7_500_000, 90_000_000].map(spoken),
            ["0ms", "850ms", "1s", "4.2s", "59s", "1m", "3m 20s", "2h 5m", "1d 1h"]
        );
    }
}
