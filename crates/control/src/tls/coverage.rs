//! Which hosts have a certificate, and which have not.

use super::Certificate;
use gapless_model::route::HostPattern;
use std::collections::BTreeSet;

/// Whether the certificate is for these hosts, all of them.
pub(super) fn covers(certificate: &Certificate, host: &HostPattern) -> bool {
    let wanted = host.to_string();
    let wildcard = match host {
        HostPattern::Exact(name) => name.split_once('.').map(|(_, rest)| format!("*.{rest}")),
        HostPattern::Wildcard(_) => None,
    };
    certificate.pair.hosts.iter().any(|known| *known == wanted || Some(known) == wildcard.as_ref())
}

/// A sentence for each host that none of the certificates is for.
pub(super) fn warnings<'a>(
    hosts: impl Iterator<Item = &'a HostPattern>,
    certificates: &[&Certificate],
    fetched: &BTreeSet<String>,
) -> Vec<String> {
    let without = hosts.filter(|host| {
        !fetched.contains(&host.to_string()) && !certificates.iter().any(|known| covers(known, host))
    });
    let shown = certificates.first().map_or_else(
        || "their handshakes are refused".to_owned(),
        |first| format!("they see the one in {}, and refuse it", first.pair.name),
    );
    without.map(|host| format!("no certificate is for {host}: clients who ask for it: {shown}")).collect()
}
