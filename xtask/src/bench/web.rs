//! nginx as the backend of all proxies, and ports to put things on.

use super::process::{self, Pid};
use super::until::until;
use crate::trouble::Trouble;
use rustix::process::Signal;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// A loopback address that nobody has right now.
pub(crate) fn free_address() -> Result<SocketAddr, Trouble> {
    let free = || TcpListener::bind("127.0.0.1:0")?.local_addr();
    free().map_err(|source| Trouble::Bench { what: format!("cannot find a free loopback port: {source}") })
}

/// What nginx is told to serve 200 bytes with one worker, from `listen`; all its files in `directory`.
pub(crate) fn backend_config(directory: &Path, listen: &str) -> String {
    let body = "x".repeat(200);
    nginx_config(directory, &format!("server {{ listen {listen}; location / {{ return 200 \"{body}\"; }} }}"))
}

/// An nginx of one worker that logs no requests and keeps connections open, with these blocks inside `http`.
pub(crate) fn nginx_config(directory: &Path, blocks: &str) -> String {
    nginx_config_of(directory, 4096, blocks)
}

/// The same for so many connections, those to its backends counted.
pub(crate) fn nginx_config_of(directory: &Path, connections: u32, blocks: &str) -> String {
    let directory = directory.display();
    format!(
        "user root;\nworker_processes 1;\ndaemon off;\npid {directory}/nginx.pid;\n\
         error_log {directory}/error.log;\nevents {{ worker_connections {connections}; }}\n\
         http {{\n  access_log off;\n  keepalive_requests 1000000000;\n  keepalive_timeout 1h;\n\
         \x20 client_body_temp_path {directory}/b;\n  proxy_temp_path {directory}/p;\n\
         \x20 fastcgi_temp_path {directory}/f;\n  uwsgi_temp_path {directory}/u;\n  scgi_temp_path {directory}/s;\n\
         {blocks}\n}}\n"
    )
}

/// A server that runs until it is dropped, in a directory of its own.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    // Held for its drop: the directory goes when the server has gone.
    _directory: TempDir,
    /// Where it answers.
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Writes the config that `config` makes of the directory and the address, runs `command` with the
    /// config's path as its last argument, and waits until the address answers.
    pub(crate) fn start(
        command: &[&str],
        config: impl FnOnce(&Path, SocketAddr) -> String,
    ) -> Result<Self, Trouble> {
        let directory = tempfile::Builder::new().prefix("gw-").tempdir().map_err(|source| Trouble::File {
            verb: "create",
            path: std::env::temp_dir(),
            source,
        })?;
        let address = free_address()?;
        let path = directory.path().join("config");
        let unwritable = |source| Trouble::File { verb: "write", path: path.clone(), source };
        fs::write(&path, config(directory.path(), address)).map_err(unwritable)?;
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).map_err(unwritable)?;
        let [program, arguments @ ..] = command else {
            return Err(Trouble::Bench { what: "no program to run".into() });
        };
        let child = Command::new(program)
            .args(arguments)
            .arg(&path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|source| Trouble::Spawn { command: command.join(" "), source })?;
        let server = Self { child, _directory: directory, address };
        until(&format!("{program} answers"), Duration::from_secs(10), Duration::from_millis(5), || {
            TcpStream::connect(address).ok()
        })?;
        Ok(server)
    }

    /// The process that was started.
    pub(crate) fn pid(&self) -> Pid {
        self.child.id()
    }

    /// It and its workers.
    pub(crate) fn processes(&self) -> Vec<Pid> {
        let us = self.child.id();
        [vec![us], process::children(us)].concat()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // At once, for both of them, and with their workers.
        process::signal(self.child.id(), Signal::TERM);
        // It was stopped just now: nothing to learn from how it ended.
        let _ = self.child.wait();
    }
}
