//! TLS: certificates by host, versions, resumption, certificates that change under way, and who is refused.

use crate::instance::Instance;
use crate::stage::{Stage, soon};
use crate::tls_client::{Hands, der, pair};
use gapless_model::tls::{TlsLimits, TlsVersion};
use gapless_routing::{CertificatePair, Certificates, Challenges, Handshakes, Protocol, Secret};
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A stage with an instance, whose listener speaks TLS.
async fn secured(pairs: Vec<CertificatePair>) -> (Stage, Instance) {
    let mut stage = Stage::new().await;
    let one = Instance::unix(1);
    stage.route_to(vec![Stage::serve(&one)]).await;
    stage.secure(pairs).await;
    (stage, one)
}

#[tokio::test]
async fn the_certificate_is_that_of_the_host_then_of_the_wildcard_then_the_first() {
    let (first, host, wild) = (pair(&["a.test"]), pair(&["B.test", "b.wild.test"]), pair(&["*.wild.test"]));
    let lower = CertificatePair { hosts: vec!["b.test".into(), "b.wild.test".into()], ..host.clone() };
    let (stage, _one) = secured(vec![first.clone(), lower, wild.clone()]).await;
    for version in [&TLS12, &TLS13] {
        let hands = Hands::new(&[version]);
        for (name, expected) in [
            ("a.test", &first),
            ("b.test", &host),
            ("B.TEST", &host),
            ("b.wild.test", &host),
            ("c.wild.test", &wild),
            ("c.c.wild.test", &first),
            ("unknown.test", &first),
            ("127.0.0.1", &first),
        ] {
            assert_eq!(hands.see(stage.address, name).await, der(expected), "{name}");
        }
    }
}

#[tokio::test]
async fn requests_go_through_and_the_app_knows_that_they_came_by_tls() {
    let (mut stage, _one) = secured(vec![pair(&["a.test"])]).await;
    for version in [&TLS12, &TLS13] {
        let (mut client, _) =
            Hands::new(&[version]).offering("http/1.1").client(stage.address, "a.test").await;
        assert_eq!(client.get("/").await, (200, "1 /".into()));
        let (_, seen) = client.get("/headers").await;
        assert!(seen.contains("x-forwarded-proto: https\n"), "{seen}");
        let large = "x".repeat(300_000);
        assert_eq!(client.post("/length", &large).await, (200, "300000".into()));
    }
    let mut plain = stage.client().await;
    assert!(plain.send(crate::stage::request("GET", "/", "")).await.is_err());
    let failed = stage.handshakes(|h| h.failed == 1).await;
    assert_eq!(failed, Handshakes { complete: 2, resumed: 0, failed: 1 });
}

#[tokio::test]
async fn a_client_may_end_its_side_by_goodbye_and_still_gets_its_answer() {
    let (stage, _one) = secured(vec![pair(&["a.test"])]).await;
    let mut stream = Hands::new(&[&TLS13]).shake(stage.address, "a.test").await.unwrap();
    stream.write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    stream.get_mut().1.send_close_notify();
    stream.flush().await.unwrap();
    let mut answer = String::new();
    soon("the answer", stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

#[tokio::test]
async fn sessions_go_on_with_whichever_worker_and_whatever_certificate() {
    let (mut stage, _one) = secured(vec![pair(&["a.test"])]).await;
    for version in [&TLS12, &TLS13] {
        let hands = Hands::new(&[version]);
        let (mut client, resumed) = hands.client(stage.address, "a.test").await;
        assert!(!resumed);
        // The ticket comes with the first answer.
        client.get("/").await;
        let mut held = Vec::new();
        for _ in 0..6 {
            let (mut client, resumed) = hands.client(stage.address, "a.test").await;
            assert!(resumed, "{version:?}");
            client.get("/").await;
            held.push(client);
        }
        let pairs = vec![pair(&["a.test"])];
        stage.certify(Certificates { number: 2, pairs, ..Certificates::default() }).await;
        let (_, resumed) = hands.client(stage.address, "a.test").await;
        assert!(resumed, "{version:?}");
    }
    let counted = stage.handshakes(|h| h.complete == 16).await;
    assert_eq!((counted.resumed, counted.failed), (14, 0));
}

#[tokio::test]
async fn other_certificates_are_for_new_connections_and_leave_the_others_alone() {
    let (old, new) = (pair(&["a.test"]), pair(&["a.test"]));
    let (mut stage, _one) = secured(vec![old.clone()]).await;
    let hands = Hands::new(&[&TLS13]);
    let (mut held, _) = hands.client(stage.address, "a.test").await;
    held.get("/").await;
    let broken = CertificatePair { name: "broken.pem".into(), key: Secret("x".into()), ..pair(&["b.test"]) };
    let pairs = vec![broken, new.clone()];
    let troubles = stage.certify(Certificates { number: 2, pairs, ..Certificates::default() }).await;
    assert_eq!(troubles.len(), 1);
    assert!(troubles[0].starts_with("broken.pem: no private key"), "{troubles:?}");
    assert_eq!(Hands::new(&[&TLS13]).see(stage.address, "a.test").await, der(&new));
    assert_eq!(held.get("/after").await, (200, "1 /after".into()));
    // A control that cannot read them any more does not take them away.
    let kept = vec![new.name.clone()];
    stage.certify(Certificates { number: 3, kept, ..Certificates::default() }).await;
    assert_eq!(Hands::new(&[&TLS13]).see(stage.address, "a.test").await, der(&new));
    // A listener that turns plain does so for new connections only, too.
    stage.snapshot.listeners[0].protocol = Protocol::Plain;
    stage.apply().await;
    assert_eq!(held.get("/after").await, (200, "1 /after".into()));
    assert_eq!(stage.client().await.get("/plain").await, (200, "1 /plain".into()));
}

#[tokio::test]
async fn versions_and_ciphers_are_limited_as_wanted() {
    let (mut stage, _one) = secured(vec![pair(&["a.test"])]).await;
    let limits = TlsLimits { minimum: TlsVersion::V13, ciphers: vec!["TLS_AES_128_GCM_SHA256".into()] };
    let pairs = vec![pair(&["a.test"])];
    stage.certify(Certificates { number: 2, pairs, limits, ..Certificates::default() }).await;
    Hands::new(&[&TLS12]).shake(stage.address, "a.test").await.unwrap_err();
    let stream = Hands::new(&[&TLS13]).shake(stage.address, "a.test").await.unwrap();
    let suite = stream.get_ref().1.negotiated_cipher_suite().unwrap().suite();
    assert_eq!(suite, rustls::CipherSuite::TLS13_AES_128_GCM_SHA256);
    stage.handshakes(|h| h.failed == 1).await;
}

#[tokio::test]
async fn without_a_certificate_the_handshake_is_refused() {
    let mut stage = Stage::new().await;
    stage.snapshot.listeners[0].protocol = Protocol::Tls { hsts: None };
    stage.apply().await;
    Hands::new(&[&TLS13]).shake(stage.address, "a.test").await.unwrap_err();
    stage.certify(Certificates::default()).await;
    let refused = Hands::new(&[&TLS13]).shake(stage.address, "a.test").await.unwrap_err();
    assert!(refused.to_string().contains("alert"), "{refused}");
    stage.handshakes(|h| h.failed == 2).await;
}

#[tokio::test]
async fn what_no_route_takes_is_sent_to_https_and_answers_insist_on_it() {
    let mut stage = Stage::new().await;
    let one = Instance::unix(1);
    stage.snapshot.routes[0].host = Some("plain.test".parse().unwrap());
    stage.snapshot.listeners[0].protocol = Protocol::Redirect { port: 443 };
    stage.route_to(vec![Stage::serve(&one)]).await;
    let end = "Connection: close\r\n\r\n";
    let answer =
        stage.raw(&format!("POST /a?b=c HTTP/1.1\r\nHost: A.test:80\r\nContent-Length: 0\r\n{end}")).await;
    assert!(answer.starts_with("HTTP/1.1 308 "), "{answer}");
    assert!(answer.contains("location: https://a.test/a?b=c\r\n"), "{answer}");
    let answer = stage.raw(&format!("GET / HTTP/1.1\r\nHost: plain.test\r\n{end}")).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && !answer.contains("strict-transport"), "{answer}");
    stage.snapshot.listeners[0].protocol = Protocol::Redirect { port: 8443 };
    stage.apply().await;
    let answer = stage.raw(&format!("GET / HTTP/1.1\r\nHost: [::1]\r\n{end}")).await;
    assert!(answer.contains("location: https://[::1]:8443/\r\n"), "{answer}");

    stage.certify(Certificates { pairs: vec![pair(&["a.test"])], ..Certificates::default() }).await;
    stage.snapshot.listeners[0].protocol = Protocol::Tls { hsts: Some(86_400) };
    stage.snapshot.routes[0].host = None;
    stage.apply().await;
    let (mut client, _) = Hands::new(&[&TLS13]).client(stage.address, "a.test").await;
    let response = client.send(crate::stage::request("GET", "/", "")).await.unwrap();
    assert_eq!(response.headers()["strict-transport-security"], "max-age=86400");
}

#[tokio::test]
async fn an_authority_is_answered_whatever_app_has_the_host() {
    let mut stage = Stage::new().await;
    let one = Instance::unix(1);
    stage.route_to(vec![Stage::serve(&one)]).await;
    let mut plain = stage.client().await;
    let shown = pair(&["a.test"]);
    let challenges = Challenges {
        http: [("token".to_owned(), "token.print".to_owned())].into(),
        tls: [("a.test".to_owned(), shown.clone())].into(),
    };
    let served = pair(&["a.test"]);
    let pairs = vec![served.clone()];
    let mut certificates = Certificates { number: 1, pairs, challenges, ..Certificates::default() };
    stage.certify(certificates.clone()).await;
    assert_eq!(plain.get("/.well-known/acme-challenge/token").await, (200, "token.print".into()));
    let others = "/.well-known/acme-challenge/of-the-app";
    assert_eq!(plain.get(others).await, (200, format!("1 {others}")));

    stage.snapshot.listeners[0].protocol = Protocol::Tls { hsts: None };
    stage.apply().await;
    let authority = Hands::new(&[&TLS13]).offering("acme-tls/1");
    let mut stream = authority.shake(stage.address, "a.test").await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"acme-tls/1".as_slice()));
    assert_eq!(stream.get_ref().1.peer_certificates().unwrap()[0], der(&shown));
    // There is nothing to talk about within.
    assert_eq!(soon("the end", stream.read(&mut [0; 1])).await.unwrap_or(0), 0);
    authority.shake(stage.address, "b.test").await.unwrap_err();
    assert_eq!(Hands::new(&[&TLS13]).see(stage.address, "a.test").await, der(&served));
    certificates.challenges = Challenges::default();
    stage.certify(certificates).await;
    authority.shake(stage.address, "a.test").await.unwrap_err();
}

impl Stage {
    async fn handshakes(&mut self, enough: impl Fn(&Handshakes) -> bool) -> Handshakes {
        soon("the count of handshakes", async {
            loop {
                let counted = self.control.counters().await.handshakes;
                if enough(&counted) {
                    return counted;
                }
            }
        })
        .await
    }
}

#[tokio::test]
async fn an_upgraded_connection_goes_on_within_tls() {
    let (stage, _one) = secured(vec![pair(&["a.test"])]).await;
    let mut stream = Hands::new(&[&TLS12]).shake(stage.address, "a.test").await.unwrap();
    let upgrade = "GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";
    stream.write_all(upgrade.as_bytes()).await.unwrap();
    let mut seen = String::new();
    while !seen.ends_with("\r\n\r\nhello ") {
        let mut part = [0; 1024];
        let read = soon("the answer", stream.read(&mut part)).await.unwrap();
        assert!(read > 0, "{seen}");
        seen.push_str(&String::from_utf8_lossy(&part[..read]));
    }
    assert!(seen.starts_with("HTTP/1.1 101"), "{seen}");
    stream.write_all(b"within").await.unwrap();
    stream.flush().await.unwrap();
    let mut echoed = [0; 6];
    soon("the echo", stream.read_exact(&mut echoed)).await.unwrap();
    assert_eq!(&echoed, b"within");
}
