//! A hundred processes that do nothing, under either.

use super::gapless::Gapless;
use super::ground::Ground;
use super::pm2::Pm2;
use crate::trouble::Trouble;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::time::Duration;

/// How many.
pub(crate) const SIZE: usize = 100;

/// Ours, running; and how long `gapless up` took from nothing to all ready.
pub(crate) fn ours(ground: &Ground) -> Result<(Gapless, Duration), Trouble> {
    let gapless = Gapless::new(&ground.gapless)?;
    let took = gapless.up(&config())?;
    let running = gapless.instances()?.len();
    if running == SIZE {
        Ok((gapless, took))
    } else {
        Err(Trouble::Bench { what: format!("`gapless up` is done, but {running} of {SIZE} run") })
    }
}

/// PM2's, running; and how long `pm2 start` took, its daemon started before.
pub(crate) fn pm2(ground: &Ground) -> Result<(Pm2, Duration), Trouble> {
    let pm2 = Pm2::new(&ground.pm2)?;
    pm2.run(&["ping"])?;
    let took = pm2.start(&ecosystem())?;
    Ok((pm2, took))
}

fn names() -> impl Iterator<Item = String> {
    (0..SIZE).map(|number| format!("sleep-{number:02}"))
}

fn config() -> String {
    let mut text = String::new();
    for name in names() {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "[apps.{name}]\ncommand = \"sleep 3600\"\n");
    }
    text
}

fn ecosystem() -> Value {
    let apps: Vec<Value> = names()
        .map(|name| {
            json!({ "name": name, "script": "/bin/sleep", "args": "3600", "interpreter": "none",
                    "exec_mode": "fork", "vizion": false })
        })
        .collect();
    json!({ "apps": apps })
}
