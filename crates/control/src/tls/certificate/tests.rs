use super::*;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};

const NOW: WallTime = WallTime::from_millis(1_800_000_000_000);

/// A certificate for these hosts that holds between these years.
fn made(hosts: &[&str], years: (i32, i32)) -> (String, String) {
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let mut params = CertificateParams::new(hosts).unwrap();
    params.not_before = date_time_ymd(years.0, 1, 1);
    params.not_after = date_time_ymd(years.1, 1, 1);
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

fn of(chain: &str, key: &str) -> Result<Certificate, BadCertificate> {
    Certificate::of("a.pem", "a.key", chain.as_bytes(), key.as_bytes())
}

#[test]
fn hosts_and_times_are_read() {
    let (chain, key) = made(&["A.test", "*.b.test", "127.0.0.1"], (2020, 2040));
    let certificate = of(&chain, &key).unwrap();
    assert_eq!(certificate.pair.hosts, ["a.test", "*.b.test"]);
    assert_eq!(day(certificate.from), "2020-01-01");
    assert_eq!(day(certificate.until), "2040-01-01");
    certificate.holds(NOW).unwrap();
    assert_eq!(certificate.remaining(certificate.until), Duration::ZERO);
}

#[test]
fn what_does_not_fit_is_said() {
    let (chain, key) = made(&["a.test"], (2020, 2040));
    let (other, other_key) = made(&["a.test"], (2020, 2040));
    let locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    for (chain, key, expected) in [
        (chain.as_str(), other_key.as_str(), "the key in a.key is not that of the certificate in a.pem"),
        (&format!("{other}{chain}"), &key, "the key in a.key is not that of the certificate in a.pem"),
        ("", &key, "a.pem holds no certificate that can be read: it is empty"),
        ("x", &key, "a.pem holds no certificate that can be read: there is no PEM"),
        (&key, &key, "a.pem holds no certificate that can be read: there is a key"),
        (&chain, &chain, "a.key holds no private key that can be read: there is a certificate"),
        (&chain, locked, "a.key holds no private key that can be read: it is locked by a passphrase"),
    ] {
        assert_eq!(of(chain, key).unwrap_err().to_string(), expected);
    }
    let (chain, key) = made(&["a.test"], (2020, 2021));
    let expired = of(&chain, &key).unwrap().holds(NOW).unwrap_err();
    assert_eq!(expired.to_string(), "the certificate in a.pem expired on 2021-01-01");
    let (chain, key) = made(&["a.test"], (2039, 2040));
    let early = of(&chain, &key).unwrap().holds(NOW).unwrap_err();
    assert_eq!(early.to_string(), "the certificate in a.pem does not hold before 2039-01-01");
}

#[test]
fn a_key_of_every_usual_kind_is_taken() {
    for algorithm in [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519] {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let chain = CertificateParams::new(vec!["a.test".to_owned()]).unwrap().self_signed(&key).unwrap();
        of(&chain.pem(), &key.serialize_pem()).unwrap();
    }
}
