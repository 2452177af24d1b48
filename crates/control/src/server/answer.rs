//! Answers and errors as they travel.

use crate::core::Closing;
use axum::Json;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use gapless_api::request::Done;
use gapless_api::{ErrorBody, ErrorKind};

/// An error on its way to the client.
#[derive(Debug)]
pub(super) struct Failed(pub(super) ErrorBody);

/// What a handler gives.
pub(super) type Answer<T> = Result<Json<T>, Failed>;

impl From<ErrorBody> for Failed {
    fn from(body: ErrorBody) -> Self {
        Self(body)
    }
}

impl From<Closing> for Failed {
    fn from(closing: Closing) -> Self {
        Self(closing.into())
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let status = match self.0.kind {
            ErrorKind::BadRequest => StatusCode::BAD_REQUEST,
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::Conflict => StatusCode::CONFLICT,
            ErrorKind::Forbidden => StatusCode::FORBIDDEN,
            ErrorKind::Failed => StatusCode::INTERNAL_SERVER_ERROR,
            ErrorKind::Closing => StatusCode::SERVICE_UNAVAILABLE,
        };
        (status, Json(self.0)).into_response()
    }
}

/// Something was done, or begun.
pub(super) const fn done(message: String) -> Json<Done> {
    Json(Done { message })
}

/// A request that makes no sense.
pub(super) fn bad_request(message: String) -> Failed {
    Failed(ErrorBody { kind: ErrorKind::BadRequest, message, hint: None, about: None })
}

/// The answer to every other path.
pub(super) async fn no_such_path(uri: Uri) -> Failed {
    Failed(ErrorBody {
        kind: ErrorKind::NotFound,
        message: format!("this Gapless ({}) has nothing at {}", env!("CARGO_PKG_VERSION"), uri.path()),
        hint: Some("the command line may be newer than what runs".to_owned()),
        about: None,
    })
}
