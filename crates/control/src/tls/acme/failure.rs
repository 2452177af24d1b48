//! Why no certificate was fetched, for people.

use gapless_model::tls::AcmeChallenge;
use std::error::Error;
use std::io;

/// Why no certificate was fetched.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The host does not point here, or what stands before us keeps the authority out.
    #[error(
        "the authority does not find this server at {host}: {why}. Its DNS records must point here, and port {} must \
         reach Gapless from outside", port(*challenge)
    )]
    NotHere { host: String, why: String, challenge: AcmeChallenge },
    /// The authority does not offer the challenge.
    #[error("the authority does not look by {} whether {host} is ours; leave `challenge` out of [tls.acme]", word(*challenge))]
    NotOffered { host: String, challenge: AcmeChallenge },
    /// It said no, or nothing.
    #[error("no certificate for {host} from {authority}: {why}")]
    Authority { host: String, authority: String, why: String },
    /// It took too long.
    #[error("no certificate for {host} from {authority}: no answer within {seconds} s")]
    TooLong { host: String, authority: String, seconds: u64 },
    /// The proxy did not take what is to be shown.
    #[error("no certificate for {host}: the proxy does not answer")]
    NoProxy { host: String },
    /// It could not be kept.
    #[error("the certificate for {host} cannot be kept: {source}")]
    Disk { host: String, source: io::Error },
}

/// What was said, and what was behind it.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let said = source.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        next = source.source();
    }
    text
}

fn port(challenge: AcmeChallenge) -> u16 {
    match challenge {
        AcmeChallenge::Http => 80,
        AcmeChallenge::TlsAlpn => 443,
    }
}

fn word(challenge: AcmeChallenge) -> &'static str {
    match challenge {
        AcmeChallenge::Http => "http-01",
        AcmeChallenge::TlsAlpn => "tls-alpn-01",
    }
}
