//! Errors as they travel.

use gapless_model::AppName;
use gapless_model::route::RouteSpec;
use serde::{Deserialize, Serialize};

/// The body of every answer that is not 2xx.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct ErrorBody {
    /// Which kind; it decides the exit code.
    pub kind: ErrorKind,
    /// What happened, to what, and why.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
    /// The part of the request that it is about: whoever has read that from a file can point at the place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<Box<About>>,
}

/// A part of a request that a file has a place for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum About {
    /// A route.
    Route(RouteSpec),
    /// A key in the table of an app.
    Key {
        /// Which app.
        app: AppName,
        /// Which key.
        key: String,
    },
}

/// Kinds of errors, by what they mean for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// The request makes no sense as it is: exit code 2.
    BadRequest,
    /// No such app, release or rollout: exit code 2.
    NotFound,
    /// It makes sense, but not now: exit code 1.
    Conflict,
    /// Whoever asked may not: exit code 1.
    Forbidden,
    /// It was tried and failed before anything changed: exit code 1.
    Failed,
    /// Control is ending and has done nothing of it; another one may come in a moment, and can be asked the same:
    /// exit code 4.
    Closing,
}
