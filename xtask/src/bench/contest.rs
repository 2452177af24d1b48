//! Ours, nginx and HAProxy, each with one worker before an nginx that answers 200 bytes.
//!
//! Ours reaches it by its Unix socket as our users have it, theirs by TCP as theirs have it.

use super::candidate::Candidate;
use super::gapless::Gapless;
use super::ground::Ground;
use super::peer_proxy::{self, Speech};
use super::until::until;
use super::web::{Server, backend_config, free_address};
use crate::trouble::Trouble;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

/// The three, running until it is dropped.
#[derive(Debug)]
pub(crate) struct Contest {
    // Held for their drop.
    _gapless: Gapless,
    _servers: [Server; 3],
    /// Ours first.
    pub(crate) candidates: Vec<Candidate>,
}

impl Contest {
    /// Starts them all.
    pub(crate) fn begin(ground: &Ground, speech: Speech<'_>) -> Result<Self, Trouble> {
        let backend = Server::start(&["nginx", "-e", "stderr", "-c"], |directory, address| {
            backend_config(directory, &address.to_string())
        })?;
        let nginx = peer_proxy::nginx(&backend.address.to_string(), speech)?;
        let haproxy = peer_proxy::haproxy(backend.address, speech)?;
        let gapless = Gapless::new(&ground.gapless)?;
        let front = free_address()?;
        start_ours(&gapless, front, speech)?;
        let candidates = vec![
            Candidate::new("Gapless", front, vec![gapless.pid("proxy_pid")?]),
            Candidate::new("nginx", nginx.address, nginx.processes()),
            Candidate::new("HAProxy", haproxy.address, haproxy.processes()),
        ];
        Ok(Self { _gapless: gapless, _servers: [nginx, haproxy, backend], candidates })
    }
}

/// Ours before an nginx that it runs itself.
fn start_ours(gapless: &Gapless, front: SocketAddr, speech: Speech<'_>) -> Result<(), Trouble> {
    let template = backend_config(Path::new("@DIR@"), "unix:@SOCKET@");
    let template = gapless.put("backend.template", &template)?;
    let directory = template.parent().unwrap_or(Path::new(".")).display().to_string();
    let fill = format!("s,@SOCKET@,'$GAPLESS_SOCKET',;s,@DIR@,{directory},");
    let (route, tls) = match speech {
        Speech::Http1 | Speech::Http2 => ("", String::new()),
        Speech::Tls(certificate) => (
            "tls = true\n",
            format!(
                "\n[tls]\ncertificates = [{{ certificate = {:?}, key = {:?} }}]\n",
                certificate.chain(),
                certificate.key()
            ),
        ),
    };
    let config = format!(
        "[proxy]\nworkers = 1\naccess_log = false\n\n[apps.backend]\n\
         command = \"sed '{fill}' backend.template > backend.conf; exec nginx -e stderr -c {directory}/backend.conf\"\n\
         shell = true\n\n[[apps.backend.routes]]\nlisten = \"{front}\"\n{route}{tls}"
    );
    gapless.up(&config)?;
    until("the proxy answers", Duration::from_secs(10), Duration::from_millis(5), || {
        TcpStream::connect(front).ok()
    })?;
    Ok(())
}
