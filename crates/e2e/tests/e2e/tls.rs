//! TLS at the public listeners: certificates from files, for several hosts, that change under load; what
//! cannot be spoken is refused, and what runs goes on.

use gapless_e2e::secure::{Authority, Issued, Tls, TlsLoad};
use gapless_e2e::{CaseApp, Customer, PATIENCE, Site, free_address};
use gapless_testkit::wait::wait_for;
use std::net::SocketAddr;

/// Writes a certificate aside and renames both files, as tools that renew do.
#[expect(clippy::unwrap_used, reason = "a test cannot go on without")]
fn put(site: &Site, name: &str, issued: &Issued) {
    for (end, text) in [("key", &issued.key), ("pem", &issued.chain)] {
        let aside = site.write(&format!("{name}.{end}.new"), text);
        std::fs::rename(aside, site.path().join(format!("{name}.{end}"))).unwrap();
    }
}

/// The case app with TLS at the site's address, by these certificates.
fn app(names: &[&str], rest: &str) -> CaseApp {
    let pair = |name: &&str| format!("{{ certificate = \"{name}.pem\", key = \"{name}.key\" }}");
    let pairs: Vec<String> = names.iter().map(pair).collect();
    CaseApp { tables: format!("[tls]\ncertificates = [{}]\n{rest}\n", pairs.join(", ")), ..CaseApp::new(2) }
}

/// Its `gapless.toml`, its route speaking TLS.
fn define(site: &Site, app: &CaseApp) {
    let text = app.toml(site);
    let listen = format!("listen = \"{}\"\n", site.address());
    site.write("gapless.toml", text.replace(&listen, &format!("{listen}tls = true\n")));
}

fn troubles(site: &Site) -> String {
    site.status().gapless.troubles.join("\n")
}

#[test]
fn several_hosts_have_their_certificates_in_both_versions_and_sessions_go_on() {
    let (site, authority) = (Site::new(), Authority::new());
    put(&site, "a", &authority.issue(&["a.test"]));
    put(&site, "w", &authority.issue(&["*.w.test"]));
    define(&site, &app(&["a", "w"], "hsts = \"1d\""));
    let _ = site.gapless(&["up"]).succeeds();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let clients = Tls::speaking(site.address(), "a.test", authority.root(), &[version]);
        for host in ["a.test", "one.w.test", "two.w.test"] {
            let answer = clients.clone().of_host(host).get("/").unwrap();
            assert_eq!(answer.status, 200);
            assert_eq!(answer.headers["strict-transport-security"], "max-age=86400");
        }
        // By name, as every client does: the certificate of another host is not to be believed.
        clients.clone().of_host("c.test").connect().unwrap_err();
        let first = clients.clone().connect().unwrap();
        assert_eq!(first.is_tls13(), version.version == rustls::ProtocolVersion::TLSv1_3);
        assert!(clients.connect().unwrap().resumed(), "{version:?}");
    }
    let tls = site.status().gapless.tls.unwrap();
    assert_eq!(
        tls.certificates.iter().map(|c| c.hosts[0].as_str()).collect::<Vec<_>>(),
        ["a.test", "*.w.test"]
    );
    wait_for("handshakes to be counted", PATIENCE, || {
        let tls = site.status().gapless.tls.unwrap();
        (tls.handshakes >= 10 && tls.resumed >= 2 && tls.failed >= 2).then_some(())
    });
}

/// Asks twice by each version, and says what it saw: `TLSv1.2 200 false` and so on.
const NODE: &str = r#"
const https = require('node:https'), fs = require('node:fs')
const [, port, ca] = process.argv
const get = (version, session) => new Promise((done, failed) => {
  let ticket
  https.get({ host: '127.0.0.1', port, servername: 'a.test', ca: fs.readFileSync(ca), session, agent: false,
    minVersion: version, maxVersion: version, headers: { host: 'a.test' } }, (answer) => {
    const { socket } = answer
    const said = `${socket.getProtocol()} ${answer.statusCode} ${socket.isSessionReused()}`
    answer.resume().on('end', () => done({ said, ticket: ticket ?? socket.getSession() }))
  }).on('error', failed).on('socket', (socket) => socket.on('session', (got) => { ticket = got }))
})
const all = async () => {
  for (const version of ['TLSv1.2', 'TLSv1.3']) {
    const first = await get(version)
    console.log(first.said)
    console.log((await get(version, first.ticket)).said)
  }
}
all().catch((error) => { console.error(error); process.exit(1) })
"#;

#[test]
fn clients_that_speak_by_openssl_are_served_and_go_on_with_their_sessions() {
    let (site, authority) = (Site::new(), Authority::new());
    put(&site, "a", &authority.issue(&["a.test"]));
    define(&site, &app(&["a"], ""));
    let _ = site.gapless(&["up"]).succeeds();
    let (ca, port) = (site.write("ca.pem", authority.root_pem()), site.address().port().to_string());
    let node = std::process::Command::new("node").args(["-e", NODE, &port]).arg(ca).output().unwrap();
    let said = String::from_utf8_lossy(&node.stdout);
    let expected = "TLSv1.2 200 false\nTLSv1.2 200 true\nTLSv1.3 200 false\nTLSv1.3 200 true\n";
    assert_eq!(said, expected, "{}", String::from_utf8_lossy(&node.stderr));
}

#[test]
fn no_handshake_fails_while_certificates_change_and_no_request_while_the_app_is_reloaded() {
    let (site, authority) = (Site::new(), Authority::new());
    put(&site, "a", &authority.issue(&["a.test"]));
    define(&site, &app(&["a"], ""));
    let _ = site.gapless(&["up"]).succeeds();
    let clients = Tls::new(site.address(), "a.test", authority.root()).forgetful();
    let load = TlsLoad::begin(&clients, 4, 4);
    for _ in 0..3 {
        let issued = authority.issue(&["a.test"]);
        put(&site, "a", &issued);
        wait_for("the new certificate", PATIENCE, || (clients.sees().unwrap() == issued.der).then_some(()));
    }
    let reload = site.gapless(&["reload", "app"]).succeeds().says(" 0 lost");
    assert!(!reload.text().contains("aborted"), "{}", reload.text());
    // Whoever dies: certificates are there again before anybody is asked for them.
    site.kill_control();
    let more = load.handshakes() + 50;
    wait_for("handshakes without control", PATIENCE, || (load.handshakes() > more).then_some(()));
    let (answered, handshakes) = load.nothing_lost();
    assert!(answered > 200 && handshakes > 100, "{answered} {handshakes}");
    assert_eq!(troubles(&site), "");
}

#[test]
fn files_that_do_not_fit_any_more_leave_what_works() {
    let (site, authority) = (Site::new(), Authority::new());
    let first = authority.issue(&["a.test"]);
    put(&site, "a", &first);
    define(&site, &app(&["a"], ""));
    let _ = site.gapless(&["up"]).succeeds();
    let clients = Tls::new(site.address(), "a.test", authority.root()).forgetful();
    let load = TlsLoad::begin(&clients, 1, 1);
    site.write("a.key", &authority.issue(&["a.test"]).key);
    let said = wait_for("the trouble", PATIENCE, || Some(troubles(&site)).filter(|said| !said.is_empty()));
    assert!(said.contains("a.key is not that of the certificate in") && said.contains("former"), "{said}");
    assert_eq!(clients.sees().unwrap(), first.der);
    // Not even a control that is new, and has never seen them fit, takes it away.
    let killed = site.kill_control();
    wait_for("another control", PATIENCE, || (site.status().gapless.control_pid != killed).then_some(()));
    wait_for("the trouble again", PATIENCE, || troubles(&site).contains("a.key").then_some(()));
    assert_eq!(clients.sees().unwrap(), first.der);
    assert_eq!(clients.get("/").unwrap().status, 200);

    // Nor does an `up`, which is refused; so is one with a certificate that is over.
    let refused = site.gapless(&["up"]).exits(2).says("is not that of the certificate");
    assert!(!refused.text().contains("PRIVATE KEY-----\n"), "{}", refused.text());
    put(&site, "a", &authority.issue_until(&["a.test"], 2021));
    let _ = site.gapless(&["up"]).exits(2).says("expired on 2021-01-01").says("Nothing was changed");
    let _ = site.gapless(&["check"]).exits(2).says("expired on 2021-01-01");
    assert_eq!(clients.sees().unwrap(), first.der);
    let (answered, _) = load.nothing_lost();
    assert!(answered > 20, "{answered}");
    let last = authority.issue(&["a.test"]);
    put(&site, "a", &last);
    wait_for("the last certificate", PATIENCE, || (clients.sees().unwrap() == last.der).then_some(()));
    wait_for("no trouble", PATIENCE, || troubles(&site).is_empty().then_some(()));
}

#[test]
fn what_comes_by_http_is_sent_to_https_and_a_listener_turns_to_tls_without_loss() {
    let (site, authority) = (Site::new(), Authority::new());
    put(&site, "a", &authority.issue(&["a.test"]));
    CaseApp::new(1).up(&site);
    let plain = Customer::of(site.address()).header("Host", "a.test");
    assert_eq!(plain.get("/").unwrap().status, 200);
    let redirect: SocketAddr = free_address();
    let secured = CaseApp { instances: 1, ..app(&["a"], &format!("redirect = [\"{redirect}\"]")) };
    define(&site, &secured);
    let up = site.gapless(&["up"]).succeeds();
    assert!(!up.text().contains("warning"), "{}", up.text());
    let clients = Tls::new(site.address(), "a.test", authority.root());
    wait_for("TLS", PATIENCE, || clients.get("/").ok().filter(|answer| answer.status == 200));
    let port = site.address().port();
    let sent = Customer::of(redirect).header("Host", "a.test").get("/x?y=z").unwrap();
    assert_eq!(
        (sent.status, sent.headers["location"].clone()),
        (308, format!("https://a.test:{port}/x?y=z"))
    );

    // A host that no certificate is for is worth a word; another app that does not speak TLS there is refused.
    let listen = format!("listen = \"{}\"\n", site.address());
    let text = secured.toml(&site).replace(&listen, &format!("{listen}tls = true\nhost = \"b.test\"\n"));
    site.write("gapless.toml", text);
    let _ = site.gapless(&["up"]).succeeds().says("warning: no certificate is for b.test");
    let other =
        format!("[apps.other]\ncommand = \"sleep 100\"\n[[apps.other.routes]]\n{listen}host = \"c.test\"\n");
    site.write("other.toml", other);
    let _ = site.gapless(&["up", "-f", "other.toml"]).exits(2).says("speaks TLS and other does not");
    let _ = site.gapless(&["delete", "app"]).succeeds();
    wait_for("the redirect to close", PATIENCE, || Customer::of(redirect).get("/").err());
}
