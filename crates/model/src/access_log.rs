//! The access log.

use serde::{Deserialize, Serialize};

/// Whether, and how, requests are written to the access log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub enum AccessLog {
    /// They are not.
    Off,
    /// A JSON object for each.
    #[default]
    Json,
    /// The combined format of web servers: what most tools that read access logs know.
    Combined,
}

/// As it is written: what is said with a flag is said so, as versions did that knew of nothing else.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Flag(bool),
    Word(Word),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Word {
    Json,
    Combined,
}

impl From<Written> for AccessLog {
    fn from(written: Written) -> Self {
        match written {
            Written::Flag(false) => Self::Off,
            Written::Flag(true) | Written::Word(Word::Json) => Self::Json,
            Written::Word(Word::Combined) => Self::Combined,
        }
    }
}

impl From<AccessLog> for Written {
    fn from(log: AccessLog) -> Self {
        match log {
            AccessLog::Off => Self::Flag(false),
            AccessLog::Json => Self::Flag(true),
            AccessLog::Combined => Self::Word(Word::Combined),
        }
    }
}
