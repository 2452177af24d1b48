//! A load of clients that speak TLS.

use super::{Kept, Tls};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Clients that ask for `/` until they are stopped: some over kept connections, some with a handshake each.
#[derive(Debug)]
pub struct TlsLoad {
    state: Arc<State>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct State {
    over: AtomicBool,
    answered: AtomicU64,
    handshakes: AtomicU64,
    failures: Mutex<Vec<String>>,
}

impl TlsLoad {
    /// Begins with so many clients of each kind.
    pub fn begin(clients: &Tls, kept: usize, anew: usize) -> Self {
        let state = Arc::new(State::default());
        let client = |keeps: bool| {
            let (state, tls) = (Arc::clone(&state), clients.clone());
            std::thread::spawn(move || state.run(&tls, keeps))
        };
        let threads = (0..kept + anew).map(|n| client(n < kept)).collect();
        Self { state, threads }
    }

    /// Handshakes so far.
    pub fn handshakes(&self) -> u64 {
        self.state.handshakes.load(Ordering::SeqCst)
    }

    /// Answers so far.
    pub fn answered(&self) -> u64 {
        self.state.answered.load(Ordering::SeqCst)
    }

    /// Stops it. How many were answered, and how many handshakes that took.
    ///
    /// # Panics
    /// A handshake or a request failed.
    #[track_caller]
    pub fn nothing_lost(self) -> (u64, u64) {
        self.state.over.store(true, Ordering::SeqCst);
        for thread in self.threads {
            assert!(thread.join().is_ok(), "a client of the load has panicked");
        }
        let failures = self.state.failures.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(failures.is_empty(), "{} failed: {failures:#?}", failures.len());
        (self.state.answered.load(Ordering::SeqCst), self.state.handshakes.load(Ordering::SeqCst))
    }
}

impl State {
    fn run(&self, tls: &Tls, keeps: bool) {
        let mut held: Option<Kept> = None;
        while !self.over.load(Ordering::SeqCst) {
            if let Err(error) = self.once(tls, &mut held) {
                self.failures.lock().unwrap_or_else(PoisonError::into_inner).push(error.to_string());
                return;
            }
            if !keeps {
                held = None;
            }
        }
    }

    fn once(&self, tls: &Tls, held: &mut Option<Kept>) -> std::io::Result<()> {
        let mut connection = match held.take() {
            Some(kept) => kept,
            None => {
                let connected = tls.connect()?;
                self.handshakes.fetch_add(1, Ordering::SeqCst);
                connected
            }
        };
        let answer = connection.get("/")?;
        if answer.status != 200 {
            return Err(std::io::Error::other(format!("{answer:?}")));
        }
        self.answered.fetch_add(1, Ordering::SeqCst);
        // The server may say that it was the last one here.
        if answer.headers.get("connection").is_none_or(|said| said != "close") {
            *held = Some(connection);
        }
        Ok(())
    }
}
