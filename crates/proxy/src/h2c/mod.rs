//! HTTP/2 to instances, in clear text and without asking first (RFC 9113 section 3.3): for apps that say that
//! they speak it, gRPC above all. One connection carries many requests.

mod call;
mod channel;
mod sending;

pub(crate) use call::Call;
pub(crate) use channel::Channels;
