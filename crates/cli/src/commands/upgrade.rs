//! `gapless upgrade`: replaces Gapless itself while everything goes on, and returns when the new one serves.

use crate::errors::Error;
use crate::exit::Exit;
use crate::render::paint;
use crate::screen;
use crate::session::Session;
use gapless_api::request::UpgradeRequest;
use gapless_api::status::GaplessStatus;
use gapless_api::{ClientError, Status};
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::Instant;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The program that takes over [default: this one]
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// How long the new parts may take to stand.
const STANDS: Duration = Duration::from_secs(60);

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(20);

pub(crate) async fn run(session: &Session, args: Args) -> Result<Exit, Error> {
    let program = match args.to {
        Some(path) => std::path::absolute(&path),
        None => std::env::current_exe(),
    };
    let program = program.map_err(|e| Error::failed(format!("cannot tell which program is meant: {e}")))?;
    let Some(program) = program.to_str().map(str::to_owned) else {
        return Err(Error::failed(format!("the name {} is not UTF-8", program.display())));
    };
    let before = session.look(async |client| client.status().await).await?.gapless;
    let asked = Instant::now();
    let request = UpgradeRequest { program: program.clone() };
    match session.client.upgrade(&request).await {
        Ok(answer) if answer.runs_already => return say(args.json, &program, &before, &before, false),
        // Control may be gone before its answer was read: what comes next tells.
        Ok(_) | Err(ClientError::Broken { .. }) => {}
        Err(e) => return Err(e.into()),
    }
    let after = stands(session, &before, &program, asked).await?;
    say(args.json, &program, &before, &after, true)
}

/// Waits until another control and another proxy are there.
async fn stands(
    session: &Session,
    before: &GaplessStatus,
    program: &str,
    asked: Instant,
) -> Result<GaplessStatus, Error> {
    let until = Instant::now() + STANDS;
    // Under a service manager the process is the same: only its time has begun anew.
    let began_since = |now: &GaplessStatus| {
        now.control_pid != before.control_pid || u128::from(now.uptime_ms) < asked.elapsed().as_millis()
    };
    loop {
        match session.client.status().await {
            Ok(Status { gapless: now, .. }) if began_since(&now) => {
                if now.proxy_pid.is_some() && now.proxy_pid != before.proxy_pid {
                    return Ok(now);
                }
                if let Some(trouble) = now.troubles.iter().find(|t| t.contains("of another version")) {
                    return Err(Error::failed(format!("{program} is only in half: {trouble}")).hint(
                        "everything goes on; `gapless upgrade --to FILE` with the former one takes it back",
                    ));
                }
            }
            _ => {}
        }
        if Instant::now() >= until {
            let log = session.home.join("logs/control.log");
            return Err(Error::failed(format!("{program} did not take over within {}s", STANDS.as_secs()))
                .hint(format!("apps and traffic go on; see {}", log.display())));
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn say(
    json: bool,
    program: &str,
    before: &GaplessStatus,
    now: &GaplessStatus,
    done: bool,
) -> Result<Exit, Error> {
    if json {
        let told = serde_json::json!({
            "program": program, "upgraded": done, "from": before.version, "to": now.version, "gapless": now,
        });
        screen::json(&told)?;
        return Ok(Exit::Done);
    }
    let text = if done {
        let [was, is] = [before, now].map(|g| g.proxy_pid.map_or("none".to_owned(), |pid| pid.to_string()));
        let former =
            if now.retiring_proxies.is_empty() { "" } else { "; the former one finishes with its clients" };
        let keeper = if now.keeper_pid.is_some() { "keeper, " } else { "" };
        format!(
            "Gapless {} → {}: {keeper}control and proxy (pid {was} → {is}) are of {program}{former}",
            before.version, now.version
        )
    } else {
        format!("Gapless {} runs from {program} already", now.version)
    };
    screen::out(&format!("{} {text}\n", paint::good("✓")))?;
    Ok(Exit::Done)
}
