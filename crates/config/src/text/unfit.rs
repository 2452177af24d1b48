//! Why a text is not what its key takes.

/// Why a text is not what its key takes, and what would be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unfit {
    /// What is wrong, as the end of a sentence that begins with the key.
    pub(crate) what: String,
    /// What would be right.
    pub(crate) help: String,
}

impl Unfit {
    /// Both sentences.
    pub(crate) fn new(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { what: what.into(), help: help.into() }
    }
}
