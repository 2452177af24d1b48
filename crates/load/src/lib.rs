//! A bounded load of HTTP/1.1 requests, and an honest account of what became of each.
//!
//! `gapless demo`, the end-to-end tests and the benchmark run a [`Plan`] against an address while something
//! happens behind it, and read the [`Report`]. Bounded twice: by time and by number of requests.
//!
//! **Honest** means that the client never helps. A request that was written, even in part, is never sent
//! again: whatever happens then is what a user would have seen, and it is lost unless a whole, right answer
//! comes in time. One thing only is no loss: a kept connection that the server closed while it was idle, which
//! the client saw *before* it wrote anything. Every HTTP client opens another one then (RFC 9112, 9.3.1 and
//! 9.5), and so does this one; it looks at the socket right before each request, so that it is never fooled
//! by its own slowness.
//!
//! It is not a benchmark of last nanoseconds: each client is one task that sends one request after the other.
//! It speaks no TLS and no HTTP/2, and it follows no redirect: whatever is not 2xx is lost.

mod answer;
mod client;
mod connection;
mod failure;
mod latency;
mod plan;
mod progress;
mod report;
mod request;
mod run;
mod tally;
mod thread;

pub use answer::{Answer, Sent, Verify, VersionFrom};
pub use failure::{Failure, FailureKind};
pub use latency::Latency;
pub use plan::{Connections, Pace, Plan, RequestKind, Stream};
pub use progress::Progress;
pub use report::{Gap, Report, StreamReport, VersionCount};
pub use run::{Handle, Load, run};
pub use thread::LoadThread;
