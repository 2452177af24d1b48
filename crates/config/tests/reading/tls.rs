//! What `[tls]` means.

use camino::Utf8Path;
use gapless_config::Config;
use gapless_model::tls::{AcmeChallenge, AcmeSpec, CertificateFiles, TlsLimits, TlsSpec, TlsVersion};
use std::collections::BTreeMap;
use std::time::Duration;

fn read(text: &str) -> Config {
    let directory = tempfile::tempdir().unwrap();
    let path = Utf8Path::from_path(directory.path()).unwrap();
    for name in ["a.pem", "a.key", "ca.pem"] {
        std::fs::write(path.join(name), "").unwrap();
    }
    let mut config = Config::parse("gapless.toml", text.to_owned(), path, &BTreeMap::new()).unwrap();
    if let Some(tls) = &mut config.tls {
        let short = |file: &mut camino::Utf8PathBuf| *file = file.strip_prefix(path).unwrap().to_owned();
        for files in &mut tls.certificates {
            short(&mut files.certificate);
            short(&mut files.key);
        }
        tls.acme.iter_mut().filter_map(|acme| acme.ca.as_mut()).for_each(short);
    }
    config
}

#[test]
fn everything_is_read() {
    let tls = read(
        "[apps.a]\ncommand = \"a\"\nport = 1\n[tls]\nredirect = [\":80\", \"[::1]:81\"]\nhsts = \"1d\"\n\
         minimum = \"1.3\"\nciphers = [\"TLS_AES_128_GCM_SHA256\"]\n\
         acme = { email = \"a@b.c\", directory = \"https://ca.test/dir\", hosts = [\"Example.com\"], ca = \
         \"ca.pem\", challenge = \"tls-alpn-01\" }\n\
         [[tls.certificates]]\ncertificate = \"a.pem\"\nkey = \"a.key\"\n",
    )
    .tls;
    let expected = TlsSpec {
        certificates: vec![CertificateFiles { certificate: "a.pem".into(), key: "a.key".into() }],
        acme: Some(AcmeSpec {
            email: Some("a@b.c".into()),
            directory: "https://ca.test/dir".into(),
            hosts: Some(vec!["example.com".into()]),
            ca: Some("ca.pem".into()),
            challenge: Some(AcmeChallenge::TlsAlpn),
        }),
        redirect: vec!["0.0.0.0:80".parse().unwrap(), "[::1]:81".parse().unwrap()],
        hsts: Some(Duration::from_secs(86_400)),
        limits: TlsLimits { minimum: TlsVersion::V13, ciphers: vec!["TLS_AES_128_GCM_SHA256".into()] },
    };
    assert_eq!(tls, Some(expected));
}

#[test]
fn an_empty_acme_is_enough_and_port_443_speaks_tls_unless_it_says_otherwise() {
    let routes = "[apps.a]\ncommand = \"a\"\n[[apps.a.routes]]\nlisten = \":443\"\n[[apps.a.routes]]\nlisten = \
                  \":8080\"\n[[apps.a.routes]]\nlisten = \"127.0.0.1:8443\"\ntls = true\n\
                  [[apps.a.routes]]\nlisten = \"[::1]:443\"\ntls = false\n[tls]\nacme = {}\n";
    let config = read(routes);
    let spoken: Vec<bool> = config.apps[0].settings.routes.iter().map(|route| route.tls).collect();
    assert_eq!(spoken, [true, false, true, false]);
    let tls = config.tls.unwrap();
    let acme = tls.acme.unwrap();
    assert_eq!((acme.email, acme.hosts, acme.ca, acme.challenge), (None, None, None, None));
    assert!(acme.directory.starts_with("https://acme-v02.api.letsencrypt.org/"));
    assert_eq!((tls.hsts, tls.limits), (None, TlsLimits::default()));

    let without = read("[apps.a]\ncommand = \"a\"\n[[apps.a.routes]]\nlisten = \":443\"\n");
    assert!(!without.apps[0].settings.routes[0].tls);
}
