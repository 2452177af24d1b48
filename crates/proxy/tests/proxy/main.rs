//! The proxy with real sockets: a thread that runs it, instances that behave as they are told, and a control
//! that tells it what to do.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its hands as well")]

mod frames;
mod http2_client;
mod instance;
mod limits;
mod smuggling;
mod socket_frames;
mod stage;

mod access_log;
mod balance;
mod bodies;
mod connections;
mod control;
mod error_pages;
mod h2c;
mod holding;
mod http2;
mod http2_conformance;
mod http2_limits;
mod idle;
mod previews;
mod retiring;
mod retries;
mod routing;
mod slow;
mod swaps;
mod tls;
mod tls_client;
mod upgrades;
mod websockets;
