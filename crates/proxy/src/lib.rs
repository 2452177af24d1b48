//! The data plane: takes clients' connections and passes their requests on to instances.
//!
//! It is a process of its own (`gapless internal proxy`), started by control and told what to do over the
//! socket of its own in `GAPLESS_HOME`, by the messages of [`gapless_routing`]. It decides nothing about
//! instances: it routes by the newest snapshot, whether or not control is alive, and reports what it sees.
//!
//! One thread holds the link to control (`coordinator.rs`). Each worker is a thread of its own that accepts
//! on a copy of every listening socket and shares nothing with the others on the way of a request:
//!
//! ```text
//! listener → connection → forward → app (pick) → backend (pool) → upstream
//!                ↑            ↓ nobody ready: waiting                ↓
//!              client ←────────────────── answer ←───────────────────┘
//! ```
//!
//! The promise that all else rests on: a request is counted as in flight in the same step in which its
//! instance is picked, and a snapshot is applied between two such steps. So after a worker has applied a
//! snapshot, whatever it sent on by an older one is in its count.
//!
//! It never starts, stops or probes an instance, never reads `gapless.toml`, and never closes a client's
//! connection because of what an instance did, unless an answer broke off in the middle.

mod access_log;
mod answer;
mod app;
mod backend;
mod balance;
mod census;
mod client;
mod clock;
mod connection;
mod coordinator;
mod crew;
mod ending;
mod exchange;
mod forward;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod h2c;
mod headers;
mod hold;
mod http2;
mod incoming;
mod line;
mod link;
mod listener;
mod meter;
mod outgoing;
mod own_answer;
mod own_log;
mod patience;
mod plan;
mod pool;
mod preview;
mod pump;
mod record;
mod refusal;
mod request_body;
mod retry;
mod run;
mod socket;
mod sockets;
mod stream;
mod strict;
mod table;
mod tally;
mod target;
mod tls;
mod upstream;
mod waiting;
mod websocket;
mod worker;

pub use run::{Options, run};
