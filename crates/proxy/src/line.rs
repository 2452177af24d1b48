//! A connection to an instance, with room for a request.

use crate::backend::Backend;
use crate::h2c::Call;
use crate::request_body::Upload;
use crate::upstream::Upstream;
use std::rc::Rc;
use std::time::Duration;

/// What a request goes by.
pub(crate) enum Line {
    /// A connection of its own.
    Http1(Box<Upstream>),
    /// A place on one that it shares.
    Http2(Box<Call>),
}

impl Line {
    /// A place on a connection of HTTP/2, made within `limit` if need be, and whether that was there before.
    ///
    /// # Errors
    /// Those of `connect(2)`.
    pub(crate) async fn shared(backend: &Backend, limit: Duration) -> std::io::Result<(Self, bool)> {
        let (call, pooled) = backend.channels.call(backend.address(), limit).await?;
        Ok((Self::Http2(call), pooled))
    }

    /// What is left of the request once its answer has begun, and where the answer comes from.
    pub(crate) fn answer(self, upload: Option<Rc<Upload>>, at_once: usize) -> crate::answer::Source {
        use crate::answer::Source;
        match self {
            Self::Http1(mut upstream) => {
                upstream.read_at_once(at_once);
                // A client that was not asked for its body gets its answer, and no connection for another one.
                let left = upload.filter(|upload| !upload.has_ended() && !upstream.has_stayed());
                let Some(upload) = left else { return Source::Direct(upstream) };
                upload.forget();
                Source::Pumped(crate::pump::pump(upstream, upload))
            }
            Self::Http2(mut call) => {
                if let Some(upload) = upload {
                    call.go_on(upload);
                }
                Source::Called(call)
            }
        }
    }
}
