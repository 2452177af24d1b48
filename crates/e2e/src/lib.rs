//! The promises of Gapless, tried with real processes, sockets and signals: one test file per promise.
//!
//! `apps/cases.mjs` is the app of these tests, as well or ill behaved as its environment says.
