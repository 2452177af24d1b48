//! Four instances of a small Node app, under either.

use super::gapless::Gapless;
use super::ground::Ground;
use super::pm2::Pm2;
use crate::trouble::Trouble;
use serde_json::json;
use std::net::SocketAddr;

/// How many instances.
pub(crate) const INSTANCES: u32 = 4;

/// An app as people write them, with a hard-coded port and no signal handler.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NodeApp {
    /// The port that it asks for.
    pub(crate) address: SocketAddr,
    /// How long it takes to get there, beyond Node itself.
    pub(crate) boot_ms: u32,
    /// How long each answer takes.
    pub(crate) answer_ms: u32,
}

impl NodeApp {
    /// Its source.
    pub(crate) fn source(&self) -> String {
        let Self { address, boot_ms, answer_ms } = self;
        let answer = match answer_ms {
            0 => "response.end('ok')".to_owned(),
            ms => format!("setTimeout(() => response.end('ok'), {ms})"),
        };
        format!(
            "const http = require('node:http');\n\
             const server = http.createServer((request, response) => {answer});\n\
             setTimeout(() => server.listen({}, '127.0.0.1'), {boot_ms});\n",
            address.port()
        )
    }

    /// In PM2's cluster mode; reached by its own port.
    pub(crate) fn under_pm2(&self, ground: &Ground) -> Result<Pm2, Trouble> {
        let pm2 = Pm2::new(&ground.pm2)?;
        pm2.put("app.js", &self.source())?;
        pm2.start(&json!({ "apps": [{ "name": "web", "script": "app.js", "exec_mode": "cluster",
                                      "instances": INSTANCES, "vizion": false }] }))?;
        Ok(pm2)
    }

    /// Under ours, with nothing said that need not be; reached by `front`.
    pub(crate) fn under_gapless(&self, ground: &Ground, front: SocketAddr) -> Result<Gapless, Trouble> {
        self.under_gapless_by(ground, front, "bake = \"0s\"")
    }

    /// The same with these lines on rollouts, and whatever comes behind them.
    pub(crate) fn under_gapless_by(
        &self,
        ground: &Ground,
        front: SocketAddr,
        rollout: &str,
    ) -> Result<Gapless, Trouble> {
        let gapless = Gapless::new(&ground.gapless)?;
        gapless.put("app.js", &self.source())?;
        gapless.up(&format!(
            "[apps.web]\ncommand = \"node app.js\"\ninstances = {INSTANCES}\nport = {}\n\n\
             [[apps.web.routes]]\nlisten = \"{front}\"\n\n[apps.web.rollout]\n{rollout}\n",
            self.address.port()
        ))?;
        Ok(gapless)
    }
}
