//! Pages that the proxy shows when it has to answer by itself.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Pages by status, as HTML. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ErrorPages(Option<Arc<BTreeMap<u16, String>>>);

impl ErrorPages {
    /// The statuses that the proxy answers with by itself, and so all for which a page is ever shown.
    pub const STATUSES: [u16; 7] = [400, 404, 405, 421, 502, 503, 504];

    /// The largest page, in bytes: they are part of what is journaled, and of what the proxy is told.
    pub const LARGEST: u64 = 64 * 1024;

    /// These pages.
    pub fn new(pages: BTreeMap<u16, String>) -> Self {
        Self((!pages.is_empty()).then(|| Arc::new(pages)))
    }

    /// The page for a status, if there is one.
    pub fn get(&self, status: u16) -> Option<&str> {
        self.0.as_ref()?.get(&status).map(String::as_str)
    }

    /// Whether there is none at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

impl Serialize for ErrorPages {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(pages) => pages.serialize(serializer),
            None => serializer.collect_map(std::iter::empty::<(u16, &str)>()),
        }
    }
}

impl<'de> Deserialize<'de> for ErrorPages {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeMap::deserialize(deserializer).map(Self::new)
    }
}
