//! Names and numbers of things.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The name of an app: 1 to 63 of `a-z A-Z 0-9 . _ -`, beginning with a letter or digit.
///
/// It becomes part of paths and of environment variables, hence the narrow alphabet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AppName(String);

/// Why a text is no [`AppName`], [`ReleaseId`] or [`InstanceId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {what}: {rule}")]
pub struct BadName {
    /// What was read.
    pub text: String,
    /// What it should have been.
    pub what: &'static str,
    /// The rule it breaks.
    pub rule: &'static str,
}

impl AppName {
    /// The longest name, in bytes.
    pub const MAX: usize = 63;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AppName {
    type Err = BadName;

    fn from_str(s: &str) -> Result<Self, BadName> {
        let plain = |c: char| c.is_ascii_alphanumeric();
        let fits = s.len() <= Self::MAX
            && s.starts_with(plain)
            && s.chars().all(|c| plain(c) || matches!(c, '.' | '_' | '-'));
        if fits {
            Ok(Self(s.to_owned()))
        } else {
            Err(BadName {
                text: s.to_owned(),
                what: "app name",
                rule: "use 1 to 63 of a-z, A-Z, 0-9, '.', '_' and '-', beginning with a letter or digit",
            })
        }
    }
}

impl TryFrom<String> for AppName {
    type Error = BadName;
    fn try_from(s: String) -> Result<Self, BadName> {
        s.parse()
    }
}

impl From<AppName> for String {
    fn from(n: AppName) -> Self {
        n.0
    }
}

impl fmt::Display for AppName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The number of a release within its app, written `r1`, `r2`, …; short enough to type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReleaseId(pub u32);

impl FromStr for ReleaseId {
    type Err = BadName;

    fn from_str(s: &str) -> Result<Self, BadName> {
        s.strip_prefix('r').and_then(|n| n.parse().ok()).map(Self).ok_or_else(|| BadName {
            text: s.to_owned(),
            what: "release",
            rule: "releases are written r1, r2, …; `gapless releases APP` lists them",
        })
    }
}

impl TryFrom<String> for ReleaseId {
    type Error = BadName;
    fn try_from(s: String) -> Result<Self, BadName> {
        s.parse()
    }
}

impl From<ReleaseId> for String {
    fn from(r: ReleaseId) -> Self {
        r.to_string()
    }
}

impl fmt::Display for ReleaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("r{}", self.0))
    }
}

/// One instance of an app, written `api-3`. The number is never used twice in the life of an app; a crash
/// and restart keeps it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InstanceId {
    app: AppName,
    number: u32,
}

impl InstanceId {
    /// Instance `number` of `app`.
    pub const fn new(app: AppName, number: u32) -> Self {
        Self { app, number }
    }

    /// Whose instance it is.
    pub const fn app(&self) -> &AppName {
        &self.app
    }

    /// Its number within the app; a higher one was started later.
    pub const fn number(&self) -> u32 {
        self.number
    }
}

impl FromStr for InstanceId {
    type Err = BadName;

    fn from_str(s: &str) -> Result<Self, BadName> {
        let bad =
            || BadName { text: s.to_owned(), what: "instance", rule: "instances are written APP-NUMBER" };
        let (app, number) = s.rsplit_once('-').ok_or_else(bad)?;
        Ok(Self { app: app.parse()?, number: number.parse().map_err(|_| bad())? })
    }
}

impl TryFrom<String> for InstanceId {
    type Error = BadName;
    fn try_from(s: String) -> Result<Self, BadName> {
        s.parse()
    }
}

impl From<InstanceId> for String {
    fn from(i: InstanceId) -> Self {
        i.to_string()
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}-{}", self.app, self.number))
    }
}

/// The number of a rollout, counted over all apps of an installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RolloutId(pub u64);

impl fmt::Display for RolloutId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// The number of a routing snapshot. A higher one is newer; they are never reused, restarts included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generation(pub u64);

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn app_names_stay_within_their_alphabet() {
        for good in ["api", "a", "Web.2", "my_app-x"] {
            assert_eq!(good.parse::<AppName>().unwrap().as_str(), good);
        }
        for bad in ["", "-a", ".x", "a b", "a/b", "ä", &"x".repeat(64)] {
            assert!(bad.parse::<AppName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn instance_and_release_ids_read_back() {
        let id: InstanceId = "my-app-12".parse().unwrap();
        assert_eq!((id.app().as_str(), id.number()), ("my-app", 12));
        assert_eq!(id.to_string(), "my-app-12");
        assert_eq!("r7".parse::<ReleaseId>().unwrap(), ReleaseId(7));
        assert!("7".parse::<ReleaseId>().is_err());
    }
}
