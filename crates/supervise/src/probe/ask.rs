//! One question of any kind, bounded in time.

use super::{command, http, tcp};
use crate::address::Unreachable;
use crate::target::Target;
use gapless_model::ProbeSpec;
use gapless_model::probe::{ProbeAnswer, ProbeKind};
use std::sync::Arc;

/// Asks `target` once.
pub(super) async fn ask(spec: ProbeSpec, target: Arc<Target>) -> ProbeAnswer {
    match &spec.kind {
        // It speaks when it is ready, not when it is asked: that is bounded by the start deadline alone.
        ProbeKind::Notify => match &target.notify {
            Some(notify) => notify.ready().await,
            None => ProbeAnswer::NotNotified { status: None },
        },
        // That it does not run any more is noticed elsewhere, and at once.
        ProbeKind::Alive => ProbeAnswer::Passed,
        ProbeKind::Http { path } => in_time(&spec, http::get(&target, path)).await,
        ProbeKind::Tcp => in_time(&spec, tcp::open(&target)).await,
        ProbeKind::Command(line) => in_time(&spec, command::run(&target, line)).await,
    }
}

async fn in_time(spec: &ProbeSpec, question: impl Future<Output = ProbeAnswer>) -> ProbeAnswer {
    let after = spec.timeout;
    // Kept aside while it is asked: every instance has room for a question, few are being asked.
    tokio::time::timeout(after, Box::pin(question)).await.unwrap_or(ProbeAnswer::TimedOut { after })
}

/// The question, for people; with the address where that is what went wrong.
pub(super) fn asked(kind: &ProbeKind, target: &Target, unreachable: bool) -> String {
    match kind {
        ProbeKind::Http { path } if unreachable => format!("GET {path} from {}", target.place()),
        ProbeKind::Http { path } => format!("GET {path}"),
        ProbeKind::Tcp => format!("connect to {}", target.place()),
        ProbeKind::Command(line) => format!("`{}`", target.fill(line)),
        ProbeKind::Notify => "READY=1 on NOTIFY_SOCKET".to_owned(),
        ProbeKind::Alive if unreachable => format!("connect to {}", target.place()),
        ProbeKind::Alive => "whether it runs".to_owned(),
    }
}

impl From<Unreachable> for ProbeAnswer {
    /// What the instance listens on instead is found out when somebody is going to read it.
    fn from(unreachable: Unreachable) -> Self {
        match unreachable {
            Unreachable::NotListening => Self::NotListening { instead: Vec::new() },
            Unreachable::Error(error) => Self::Error { message: format!("cannot connect: {error}") },
        }
    }
}
