//! What to do about a failure, in one sentence.

use gapless_model::probe::{ProbeAnswer, ProbeReport};
use gapless_model::{AbortReason, AppName, Exit, Failure};

/// The next step after a rollout that did not complete; none if the user asked for that.
pub(crate) fn next_step(app: &AppName, why: &AbortReason) -> Option<String> {
    let failure = match why {
        AbortReason::InstanceFailed { failure, .. } => failure,
        AbortReason::NotVerified { .. } => {
            return Some(format!("correct the app, or what it must pass in [apps.{app}.rollout.verify]"));
        }
        AbortReason::NotPromoted { .. } => {
            return Some(format!(
                "roll it out again and `gapless promote {app}` in time, or raise `promote_deadline` in \
                 [apps.{app}.rollout]"
            ));
        }
        AbortReason::NotUp { app: other } => {
            return Some(format!(
                "`gapless status {other}` says why; {app} is started as soon as {other} is up"
            ));
        }
        AbortReason::Asked | AbortReason::AppStopped | AbortReason::MachineRestarted => return None,
    };
    Some(match failure {
        Failure::Spawn { .. } => format!("correct `command` or `cwd` of {app}"),
        Failure::Exited { exit: Exit::OutOfMemory { limit: Some(_) }, .. } => {
            format!(
                "raise `memory` in [apps.{app}.limits], or let it take less: `gapless logs {app}` has its last words"
            )
        }
        Failure::Exited { exit: Exit::OutOfMemory { limit: None }, .. } => {
            format!(
                "there is too little memory for {app} and what runs beside it: fewer `instances`, or more memory"
            )
        }
        Failure::Exited { was_ready: false, .. } => format!("see what it said: `gapless logs {app} --err`"),
        Failure::Exited { was_ready: true, .. } => {
            format!("it crashes in service: `gapless logs {app}` has its last words")
        }
        Failure::StartDeadline { report: Some(report), .. } => about_probe(app, report),
        Failure::StartDeadline { report: None, .. } => {
            format!("if it needs longer to start, raise `deadline` in [apps.{app}.ready]")
        }
        Failure::Unready { report } => about_probe(app, report),
        Failure::Wedged { report } => format!(
            "the liveness probe ({}) must pass whenever the app can work; correct the app or [apps.{app}.live]",
            report.asked
        ),
    })
}

fn about_probe(app: &AppName, report: &ProbeReport) -> String {
    match &report.answer {
        ProbeAnswer::Status { location: Some(_), .. } => {
            format!("name a path in [apps.{app}.ready] that answers 2xx itself, without a redirect")
        }
        ProbeAnswer::Status { code: 404 | 405, .. } => {
            format!("correct `path` in [apps.{app}.ready]: the app does not know that one")
        }
        ProbeAnswer::Status { code: 401 | 403, .. } => {
            format!("name a path in [apps.{app}.ready] that needs no login")
        }
        ProbeAnswer::NotListening { instead } if instead.is_empty() => format!(
            "the app must listen on the port in PORT or the Unix socket in GAPLESS_SOCKET; a program that is \
             told on its command line takes {{port}} or {{socket}} in `command` of {app}"
        ),
        ProbeAnswer::NotListening { instead } => {
            let port = instead.iter().find_map(|at| at.rsplit_once(':')).map_or("N", |(_, port)| port);
            format!(
                "let the app listen on the port in PORT, or, for a Node app with a fixed port, set \
                 `port = {port}` in [apps.{app}]"
            )
        }
        ProbeAnswer::NotNotified { .. } => {
            format!("the app must say READY=1 (sd_notify), or name another probe in [apps.{app}.ready]")
        }
        ProbeAnswer::TimedOut { .. } => {
            format!(
                "if the probe needs longer, raise `timeout` in [apps.{app}.ready]; `gapless logs {app}` may say why it hangs"
            )
        }
        _ => format!(
            "`gapless logs {app}` may say more; if it only needs longer, raise `deadline` in [apps.{app}.ready]"
        ),
    }
}
