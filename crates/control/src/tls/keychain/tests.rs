use super::*;
use camino::Utf8PathBuf;
use gapless_model::tls::{AcmeSpec, TlsLimits};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};

const NOW: WallTime = WallTime::from_millis(1_800_000_000_000);

struct Stage {
    directory: tempfile::TempDir,
    keychain: Keychain,
}

impl Stage {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), keychain: Keychain::default() }
    }

    fn files(&self, name: &str) -> CertificateFiles {
        let path =
            |end| Utf8PathBuf::from_path_buf(self.directory.path().join(format!("{name}.{end}"))).unwrap();
        CertificateFiles { certificate: path("pem"), key: path("key") }
    }

    /// Writes a new certificate for a host that holds until this year.
    fn write(&self, name: &str, host: &str, until: i32) -> CertificateFiles {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        let files = self.files(name);
        std::fs::write(&files.certificate, params.self_signed(&key).unwrap().pem()).unwrap();
        std::fs::write(&files.key, key.serialize_pem()).unwrap();
        files
    }

    fn sent(&self) -> Arc<Certificates> {
        Arc::clone(&self.keychain.certificates().borrow())
    }
}

fn spec(certificates: Vec<CertificateFiles>) -> TlsSpec {
    TlsSpec { certificates, acme: None, redirect: Vec::new(), hsts: None, limits: TlsLimits::default() }
}

fn read(spec: TlsSpec) -> Prepared {
    Prepared::read(spec, Utf8Path::new("/nowhere"))
}

#[test]
fn a_pair_that_is_no_pair_any_more_leaves_the_former_in_force_and_is_said() {
    let mut stage = Stage::new();
    let (a, b) = (stage.write("a", "a.test", 2100), stage.write("b", "b.test", 2100));
    let wanted = read(spec(vec![b.clone(), a.clone()]));
    stage.keychain.check(&wanted, NOW).unwrap();
    stage.keychain.adopt(wanted, NOW);
    let first = stage.sent();
    let hosts = |sent: &Certificates| sent.pairs.iter().flat_map(|p| p.hosts.clone()).collect::<Vec<_>>();
    assert_eq!((first.number, hosts(&first)), (1, vec!["b.test".to_owned(), "a.test".to_owned()]));

    std::fs::copy(&b.key, &a.key).unwrap();
    stage.keychain.reread(vec![Reading::of(a.clone())], NOW);
    assert_eq!(stage.sent(), first);
    let troubles = stage.keychain.troubles(NOW);
    assert_eq!(troubles.len(), 1);
    assert!(troubles[0].ends_with("a.pem; the former one stays in force"), "{troubles:?}");

    stage.write("a", "a2.test", 2100);
    stage.keychain.reread(vec![Reading::of(a)], NOW);
    assert_eq!(
        (stage.sent().number, hosts(&stage.sent())),
        (2, vec!["b.test".to_owned(), "a2.test".to_owned()])
    );
    assert!(stage.keychain.troubles(NOW).is_empty());
}

#[test]
fn what_is_over_is_refused_unless_it_is_in_force_already() {
    let mut stage = Stage::new();
    let old = stage.write("a", "a.test", 2021);
    let wanted = read(spec(vec![old.clone()]));
    assert!(matches!(stage.keychain.check(&wanted, NOW), Err(BadCertificate::Expired { .. })));
    // As a control that comes after another finds it.
    stage.keychain.adopt(wanted.clone(), NOW);
    stage.keychain.check(&wanted, NOW).unwrap();
    assert_eq!(stage.sent().pairs.len(), 1);
    let troubles = stage.keychain.troubles(NOW);
    assert!(troubles[0].ends_with("a.pem expired on 2021-01-01"), "{troubles:?}");
    stage.write("a", "a.test", 2028);
    stage.keychain.reread(vec![Reading::of(old)], NOW);
    let until = stage.keychain.status().unwrap().certificates[0].expires;
    let soon = WallTime::from_millis(until.as_millis() - 1000);
    assert!(stage.keychain.troubles(soon)[0].contains("expires on 2028-01-01"));
}

#[test]
fn a_control_that_cannot_read_a_file_leaves_the_proxy_what_it_has() {
    let mut stage = Stage::new();
    let gone = stage.files("gone");
    stage.keychain.adopt(read(spec(vec![gone.clone()])), NOW);
    let sent = stage.sent();
    assert_eq!((sent.number, sent.pairs.len(), &sent.kept), (1, 0, &vec![gone.certificate.to_string()]));
    assert!(stage.keychain.troubles(NOW)[0].starts_with("cannot read "));
}

#[test]
fn hosts_without_a_certificate_are_fetched_or_said() {
    let mut stage = Stage::new();
    let wild = stage.write("wild", "*.a.test", 2100);
    let hosts: BTreeSet<HostPattern> =
        ["b.a.test", "a.test", "*.c.test"].iter().map(|host| host.parse().unwrap()).collect();
    stage.keychain.adopt(read(spec(vec![wild.clone()])), NOW);
    assert!(stage.keychain.to_fetch(&hosts).is_empty());
    let warnings = stage.keychain.warnings(&hosts);
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    let acme = AcmeSpec { email: None, directory: String::new(), hosts: None, ca: None, challenge: None };
    let wanted = TlsSpec { acme: Some(acme), ..spec(vec![wild]) };
    stage.keychain.adopt(read(wanted), NOW);
    assert_eq!(stage.keychain.to_fetch(&hosts), BTreeSet::from(["a.test".to_owned()]));
    let warnings = stage.keychain.warnings(&hosts);
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].starts_with("no certificate is for *.c.test: "), "{warnings:?}");
}
