//! nginx and HAProxy as the reverse proxies that people put before Node apps: one worker, connections to the
//! backend kept, the usual forwarding headers, no access log.

use super::certificate::Certificate;
use super::web::{Server, nginx_config};
use crate::trouble::Trouble;
use std::net::SocketAddr;

/// What clients speak.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Speech<'a> {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2 without having been asked ("prior knowledge", RFC 9113 section 3.3).
    Http2,
    /// Either within TLS 1.3.
    Tls(&'a Certificate),
}

impl Speech<'_> {
    /// nginx's directives to listen there.
    pub(crate) fn of_nginx(self, address: SocketAddr) -> String {
        match self {
            Self::Http1 => format!("listen {address};"),
            Self::Http2 => format!("listen {address} http2;"),
            Self::Tls(certificate) => format!(
                "listen {address} ssl http2; ssl_certificate {}; ssl_certificate_key {}; ssl_protocols TLSv1.3;",
                certificate.chain().display(),
                certificate.key().display()
            ),
        }
    }
}

/// nginx before `backend`, an address as nginx writes it (`127.0.0.1:80` or `unix:/path`).
pub(crate) fn nginx(backend: &str, speech: Speech<'_>) -> Result<Server, Trouble> {
    Server::start(&["nginx", "-e", "stderr", "-c"], |directory, address| {
        let listen = speech.of_nginx(address);
        nginx_config(
            directory,
            &format!(
                "upstream app {{ server {backend}; keepalive 64; keepalive_requests 1000000000; }}\n\
                 server {{ {listen} location / {{\n  proxy_pass http://app;\n\
                 \x20 proxy_http_version 1.1;\n  proxy_set_header Connection \"\";\n\
                 \x20 proxy_set_header Host $host;\n  proxy_set_header X-Real-IP $remote_addr;\n\
                 \x20 proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n\
                 \x20 proxy_set_header X-Forwarded-Proto $scheme;\n\
                 \x20 proxy_set_header X-Request-ID $request_id;\n}} }}"
            ),
        )
    })
}

/// HAProxy before `backend`.
pub(crate) fn haproxy(backend: SocketAddr, speech: Speech<'_>) -> Result<Server, Trouble> {
    let spoken = match speech {
        Speech::Http1 => String::new(),
        Speech::Http2 => "proto h2".to_owned(),
        Speech::Tls(certificate) => {
            format!("ssl crt {} ssl-min-ver TLSv1.3 alpn h2,http/1.1", certificate.both().display())
        }
    };
    Server::start(&["haproxy", "-db", "-q", "-f"], |_, address| {
        format!(
            "global\n  nbthread 1\n  maxconn 4096\n\
             defaults\n  mode http\n  timeout connect 5s\n  timeout client 1h\n  timeout server 1h\n\
             \x20 option forwardfor\n  http-reuse always\n\
             frontend in\n  bind {address} {spoken}\n  unique-id-format %{{+X}}o%ci%cp%ts%rt%pid\n\
             \x20 unique-id-header X-Request-ID\n  http-request set-header X-Forwarded-Proto %[ssl_fc,iif(https,http)]\n\
             \x20 default_backend app\nbackend app\n  server one {backend}\n"
        )
    })
}
