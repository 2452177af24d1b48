//! How long a reload of four Node instances takes, against the time that they need to boot.

use super::gapless::Gapless;
use super::ground::Ground;
use super::pm2::Pm2;
use super::process;
use super::row::{Row, Unit, median};
use super::until::{millis, until};
use super::web::free_address;
use crate::trouble::Trouble;
use rustix::process::Signal;
use serde_json::json;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// One after another, as `max_surge = 1` has it: as many waves as instances.
const INSTANCES: u32 = 4;
const ROUNDS: usize = 5;

/// Apps that are up at once, and after as long as an app with a few hundred packages needs.
pub(crate) fn measure(ground: &Ground) -> Result<Vec<Row>, Trouble> {
    let mut rows = Vec::new();
    for (what, boot) in [("bare Node", 0), ("Node with 500 ms of boot", 500)] {
        let address = free_address()?;
        let app = app(address, boot);
        let waves = boot_time(&app, address)? * f64::from(INSTANCES);
        let theirs = reload_pm2(ground, &app)?;
        let ours = reload_ours(ground, &app, address)?;
        rows.push(
            Row::new(format!("reload of {INSTANCES} × {what}"), Unit::Milliseconds, ours)
                .beside("boot of its waves", waves)
                .beside("PM2", theirs),
        );
        rows.push(
            Row::new("the same, to the boot of its waves", Unit::Ratio, ours / waves)
                .at_most(1.3)
                .beside("PM2", theirs / waves),
        );
    }
    Ok(rows)
}

/// As people write them: a hard-coded port, no signal handler.
fn app(address: SocketAddr, boot_ms: u32) -> String {
    let port = address.port();
    format!(
        "const http = require('node:http');\n\
         const server = http.createServer((request, response) => response.end('ok'));\n\
         setTimeout(() => server.listen({port}, '127.0.0.1'), {boot_ms});\n"
    )
}

/// Milliseconds from the spawn of the bare app until it answers: the middle one of some.
fn boot_time(app: &str, address: SocketAddr) -> Result<f64, Trouble> {
    let place = tempfile::tempdir().map_err(|source| Trouble::File {
        verb: "create",
        path: std::env::temp_dir(),
        source,
    })?;
    let path = place.path().join("app.js");
    std::fs::write(&path, app).map_err(|source| Trouble::File {
        verb: "write",
        path: path.clone(),
        source,
    })?;
    let took: Result<Vec<f64>, Trouble> = (0..ROUNDS).map(|_| boot_once(&path, address)).collect();
    Ok(median(took?))
}

fn boot_once(app: &Path, address: SocketAddr) -> Result<f64, Trouble> {
    let began = Instant::now();
    let mut child = Command::new("node")
        .arg(app)
        .stdin(Stdio::null())
        .spawn()
        .map_err(|source| Trouble::Spawn { command: "node app.js".into(), source })?;
    let answered = until("the app answers", Duration::from_secs(20), Duration::from_millis(1), || {
        TcpStream::connect(address).ok()
    });
    let took = millis(began.elapsed());
    process::signal(child.id(), Signal::KILL);
    // It was killed just now: nothing to learn from how it ended.
    let _ = child.wait();
    answered.map(|_| took)
}

fn reload_pm2(ground: &Ground, app: &str) -> Result<f64, Trouble> {
    let pm2 = Pm2::new(&ground.pm2)?;
    pm2.put("app.js", app)?;
    pm2.start(&json!({ "apps": [{ "name": "web", "script": "app.js", "exec_mode": "cluster",
                                  "instances": INSTANCES, "vizion": false }] }))?;
    let took: Result<Vec<f64>, Trouble> =
        (0..ROUNDS).map(|_| Ok(millis(pm2.run(&["reload", "web"])?.0))).collect();
    Ok(median(took?))
}

fn reload_ours(ground: &Ground, app: &str, port: SocketAddr) -> Result<f64, Trouble> {
    let gapless = Gapless::new(&ground.gapless)?;
    gapless.put("app.js", app)?;
    let front = free_address()?;
    gapless.up(&format!(
        "[apps.web]\ncommand = \"node app.js\"\ninstances = {INSTANCES}\nport = {}\n\n\
         [[apps.web.routes]]\nlisten = \"{front}\"\n\n[apps.web.rollout]\nbake = \"0s\"\n",
        port.port()
    ))?;
    let took: Result<Vec<f64>, Trouble> =
        (0..ROUNDS).map(|_| Ok(millis(gapless.run(&["reload", "web"])?.0))).collect();
    Ok(median(took?))
}
