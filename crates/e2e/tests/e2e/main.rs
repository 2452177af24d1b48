//! One file per promise, each trying to break it: real processes, real sockets, real signals, under load.
//!
//! One program for all of them: linking thirty of them took longer than running some. `cargo nextest run -p gapless-e2e
//! NAME` runs those of one file.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its hands as well")]

mod acme;
mod answered;
mod bad_input;
mod bad_release;
mod balance;
mod blue_green;
mod commands;
mod control_killed;
mod deleted;
mod error_pages;
mod examples;
mod foreground;
mod full_disk;
mod good_release;
mod grpc;
mod hostile;
mod http2;
mod isolation;
mod journal_damaged;
mod keeper_killed;
mod killed;
mod limits;
mod logs;
mod long_work;
mod memory;
mod metrics;
mod order;
mod pid_reused;
mod probes;
mod program_replaced;
mod proxy_killed;
mod queue;
mod read_only_disk;
mod rebooted;
mod recreate;
mod reload;
mod routes;
mod soak;
mod status;
mod supervision;
mod systemd;
mod tls;
mod upgrade;
mod websockets;
mod who_may_command;
mod without_keeper;
