//! `[tls]`, and which routes speak it.

use super::directory::join;
use super::routes::Placed;
use super::whole::Surroundings;
use crate::document::{Section, Value};
use crate::problem::{Problem, Problems};
use crate::source::{meant, reason};
use camino::{Utf8Path, Utf8PathBuf};
use gapless_model::route::{HostPattern, RouteSpec};
use gapless_model::tls::{AcmeSpec, CertificateFiles, TlsLimits, TlsSpec, TlsVersion, is_of_tls13};
use std::collections::HashMap;
use std::net::SocketAddr;

/// Reads the table. Its redirects are added to what is listened on.
pub(super) fn of_file(
    section: &Section,
    around: &Surroundings<'_>,
    placed: &mut Vec<Placed>,
    problems: &mut Problems,
) -> TlsSpec {
    let certificates = section.sections("certificates").iter();
    let certificates: Vec<_> = certificates.filter_map(|pair| files(pair, around, problems)).collect();
    let acme = section.section("acme").map(|acme| self::acme(acme, around, problems));
    if certificates.is_empty() && acme.is_none() && problems.is_empty() {
        problems.add(Problem::new("[tls] names no certificate").at(section.span, "").help(
            "name one, as `certificates = [{ certificate = \"certs/example.com.pem\", key = \
             \"certs/example.com.key\" }]`, or let Gapless get them: `acme = { email = \"you@example.com\" }`",
        ));
    }
    let hsts = if let Some(Value::Duration(age)) = section.get("hsts") { Some(*age) } else { None };
    let redirect = redirect(section, placed, problems);
    TlsSpec { certificates, acme, redirect, hsts, limits: limits(section, problems) }
}

fn files(section: &Section, around: &Surroundings<'_>, problems: &mut Problems) -> Option<CertificateFiles> {
    let missing = ["certificate", "key"].into_iter().find(|name| !section.mentions(name));
    if let Some(missing) = missing.filter(|_| !section.has_strays) {
        problems.add(
            Problem::new(format!("a certificate of [tls] does not say where its {missing} is"))
                .at(section.span, format!("`{missing}` is missing")),
        );
    }
    let certificate = file(section, "certificate", around, problems);
    let key = file(section, "key", around, problems);
    Some(CertificateFiles { certificate: certificate?, key: key? })
}

/// The absolute path of a file that is there.
fn file(
    section: &Section,
    key: &str,
    around: &Surroundings<'_>,
    problems: &mut Problems,
) -> Option<Utf8PathBuf> {
    let path = join(&around.directory, section.text(key)?);
    let error = match std::fs::metadata(&path) {
        Ok(found) if !found.is_dir() => return Some(path),
        Ok(_) => "it is a directory".to_owned(),
        Err(error) => reason(&error),
    };
    let problem = Problem::new(format!("the {key} in [{}] cannot be read: {error}", section.path))
        .at(section.place(key), format!("this is {path}"));
    let otherwise = || format!("paths are relative to {}", around.directory);
    problems.add(problem.help(meant(&path, Utf8Path::is_file, otherwise)));
    None
}

fn acme(section: &Section, around: &Surroundings<'_>, problems: &mut Problems) -> AcmeSpec {
    let mut hosts = Vec::new();
    for host in section.list("hosts") {
        match &host.value {
            Value::Host(HostPattern::Exact(name)) => hosts.push(name.clone()),
            Value::Host(HostPattern::Wildcard(rest)) => problems.add(
                Problem::new(format!("[{}] cannot get a certificate for *.{rest}", section.path))
                    .at(host.span, "authorities give those to whoever changes the DNS zone only")
                    .help("name the hosts one by one, or get that certificate otherwise and name its files in `certificates`"),
            ),
            _ => {}
        }
    }
    AcmeSpec {
        email: section.text("email").map(str::to_owned),
        directory: section.text("directory").unwrap_or_default().to_owned(),
        hosts: section.mentions("hosts").then_some(hosts),
        ca: file(section, "ca", around, problems),
        challenge: section.mentions("challenge").then(|| section.word("challenge")),
    }
}

fn limits(section: &Section, problems: &mut Problems) -> TlsLimits {
    let minimum: TlsVersion = section.word("minimum");
    let text = |value: &Value| if let Value::Text(name) = value { Some(name.clone()) } else { None };
    let ciphers: Vec<_> = section.list("ciphers").iter().filter_map(|cipher| text(&cipher.value)).collect();
    if minimum == TlsVersion::V13 && !ciphers.is_empty() && !ciphers.iter().any(|name| is_of_tls13(name)) {
        problems.add(
            Problem::new("the ciphers in [tls] leave nothing to speak")
                .at(section.place("ciphers"), "these are ciphers of TLS 1.2 only")
                .at(section.place("minimum"), "which is not to be spoken")
                .help("name one of TLS 1.3 as well, as `TLS_AES_128_GCM_SHA256`"),
        );
    }
    TlsLimits { minimum, ciphers }
}

fn redirect(section: &Section, placed: &mut Vec<Placed>, problems: &mut Problems) -> Vec<SocketAddr> {
    let mut redirect = Vec::new();
    for written in section.list("redirect") {
        let Value::Listen(listen) = written.value else { continue };
        if let Some(route) = placed.iter().find(|known| known.route.listen == listen && known.route.tls) {
            problems.add(
                Problem::new(format!("[tls] redirects {listen} to https, which is spoken there already"))
                    .at(written.span, "plain HTTP would come by here")
                    .at(route.span, format!("{} is here", route.app))
                    .help("redirect another address, as `\":80\"`"),
            );
            continue;
        }
        redirect.push(listen);
        let route = RouteSpec { listen, host: None, path: "/".to_owned(), tls: false };
        placed.push(Placed { app: "the redirect".to_owned(), route, span: written.span });
    }
    redirect
}

/// Whether a route speaks TLS: as it says, else on port 443 if there is something to speak it by.
pub(super) fn of_route(route: &Section, listen: SocketAddr, there: bool, problems: &mut Problems) -> bool {
    if !route.mentions("tls") {
        return there && listen.port() == 443;
    }
    if route.flag("tls") && !there {
        problems.add(
            Problem::new(format!("a route in [{}] speaks TLS, but there is no certificate", route.path))
                .at(route.place("tls"), "by which one?")
                .help(
                    "add a table `[tls]` with `certificates = [{ certificate = \"…\", key = \"…\" }]`, or with \
                     `acme = {}` to get them by themselves",
                ),
        );
    }
    route.flag("tls")
}

/// The routes of one listener speak the same.
pub(super) fn agree(placed: &[Placed], problems: &mut Problems) {
    let mut known: HashMap<SocketAddr, &Placed> = HashMap::new();
    for next in placed {
        let first = known.entry(next.route.listen).or_insert(next);
        if first.route.tls == next.route.tls {
            continue;
        }
        let label = |placed: &Placed| match placed.route.tls {
            true => format!("{} speaks TLS", placed.app),
            false => format!("{} does not", placed.app),
        };
        problems.add(
            Problem::new(format!("the routes on {} do not agree whether it speaks TLS", next.route.listen))
                .at(next.span, label(next))
                .at(first.span, label(first))
                .help("give all of them `tls = true` or none of them, or another `listen`"),
        );
    }
}
