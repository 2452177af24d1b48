//! Certificates that are fetched: by either challenge, kept, renewed under load, and not lost when that fails.

use gapless_e2e::secure::{Authority, Pebble, Tls, TlsLoad};
use gapless_e2e::{CaseApp, PATIENCE, Site, free_address};
use gapless_testkit::wait::wait_for;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// The case app with a TLS route for each host, and certificates by this authority.
fn define(site: &Site, pebble: &Pebble, redirect: SocketAddr, hosts: &[&str], keys: &str) {
    let tables = format!("[tls]\nredirect = [\"{redirect}\"]\n[tls.acme]\n{}{keys}\n", pebble.keys());
    let text = CaseApp { tables, ..CaseApp::new(1) }.toml(site);
    let listen = format!("listen = \"{}\"\n", site.address());
    let routes: Vec<String> =
        hosts.iter().map(|host| format!("{listen}tls = true\nhost = \"{host}\"\n")).collect();
    site.write("gapless.toml", text.replace(&listen, &routes.join("[[apps.app.routes]]\n")));
}

/// Where what this authority gives is kept.
fn vault(site: &Site, pebble: &Pebble) -> PathBuf {
    let name = pebble.directory().replace("https://", "").replace([':', '/'], "-");
    site.home().join("acme").join(name)
}

fn troubles(site: &Site) -> String {
    site.status().gapless.troubles.join("\n")
}

#[test]
fn certificates_come_by_either_challenge_and_are_kept_for_nobody_else() {
    let (site, redirect) = (Site::new(), free_address());
    let pebble = Pebble::start(&site, redirect, site.address());
    define(&site, &pebble, redirect, &["a.test"], "challenge = \"http-01\"\nemail = \"a@b.test\"\n");
    let up = site.gapless(&["up"]).succeeds();
    assert!(!up.text().contains("warning"), "{}", up.text());
    let clients = Tls::new(site.address(), "a.test", pebble.root()).forgetful();
    wait_for("a certificate by HTTP", PATIENCE, || {
        clients.get("/").ok().filter(|answer| answer.status == 200).ok_or_else(|| troubles(&site)).ok()
    });
    let first = clients.sees().unwrap();
    define(&site, &pebble, redirect, &["a.test", "b.test"], "challenge = \"tls-alpn-01\"\n");
    let _ = site.gapless(&["up"]).succeeds();
    let others = clients.clone().of_host("b.test");
    wait_for("a certificate by TLS", PATIENCE, || others.get("/").ok().filter(|answer| answer.status == 200));

    let vault = vault(&site, &pebble);
    let mode = |path: &PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&vault), 0o700);
    for name in ["account.json", "a.test.pem", "b.test.pem"] {
        assert_eq!(mode(&vault.join(name)), 0o600, "{name}");
    }
    // Another control finds them where they are: nothing is asked for again, and no client sees it.
    drop(pebble);
    let killed = site.kill_control();
    wait_for("another control", PATIENCE, || (site.status().gapless.control_pid != killed).then_some(()));
    assert_eq!(clients.sees().unwrap(), first);
    let hosts: Vec<String> =
        site.status().gapless.tls.unwrap().certificates.into_iter().flat_map(|c| c.hosts).collect();
    assert_eq!(hosts, ["a.test", "b.test"]);
    assert_eq!(troubles(&site), "");
}

#[test]
fn a_certificate_that_cannot_be_renewed_goes_on_and_is_renewed_under_load_when_the_host_points_here_again() {
    let (site, redirect, old) = (Site::new(), free_address(), Authority::new());
    let pebble = Pebble::start(&site, redirect, site.address());
    // As if fetched years ago, and over soon.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let next_year = i32::try_from(1970 + now / 31_556_952 + 1).unwrap();
    let issued = old.issue_until(&["a.test"], next_year);
    let vault = vault(&site, &pebble);
    std::fs::create_dir_all(&vault).unwrap();
    std::fs::write(vault.join("a.test.pem"), format!("{}{}", issued.key, issued.chain)).unwrap();

    pebble.moves("a.test", "127.0.0.9");
    define(&site, &pebble, redirect, &["a.test", "b.test"], "challenge = \"http-01\"\n");
    let _ = site.gapless(&["up"]).succeeds();
    let clients = Tls::knowing(site.address(), "a.test", &[old.root(), pebble.root()]).forgetful();
    let load = TlsLoad::begin(&clients, 2, 2);
    let said = wait_for("the trouble", PATIENCE, || Some(troubles(&site)).filter(|said| !said.is_empty()));
    assert!(
        said.contains("does not find this server at a.test")
            && said.contains("127.0.0.9")
            && said.contains("the former one stays in force"),
        "{said}"
    );
    assert_eq!(clients.sees().unwrap(), issued.der);
    // One host in trouble keeps no other from its certificate.
    let others = Tls::new(site.address(), "b.test", pebble.root());
    wait_for("the other certificate", PATIENCE, || {
        others.get("/").ok().filter(|answer| answer.status == 200)
    });

    pebble.moves("a.test", "127.0.0.1");
    let _ = site.gapless(&["up"]).succeeds();
    wait_for("the new certificate", PATIENCE, || (clients.sees().unwrap() != issued.der).then_some(()));
    let more = load.handshakes() + 20;
    wait_for("handshakes by it", PATIENCE, || (load.handshakes() > more).then_some(()));
    let (answered, handshakes) = load.nothing_lost();
    assert!(answered > 20 && handshakes > 20, "{answered} {handshakes}");
    wait_for("no trouble", PATIENCE, || troubles(&site).is_empty().then_some(()));
}
