//! What must hold of the parsers here, whatever they are given: asked by `cargo fuzz` (see `fuzz/`) and, with
//! fewer cases, by the tests. A function panics where something does not hold.

use crate::Config;
use crate::text::{cookie, duration, listen, network, size, url, words};
use camino::Utf8Path;
use miette::Diagnostic;
use std::collections::BTreeMap;
use std::time::Duration;

/// A file is read or refused; each problem of one that is refused points into it and can be shown.
pub fn file(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let nowhere = Utf8Path::new("/nowhere/at/all");
    let Err(report) = Config::parse("gapless.toml", text.to_owned(), nowhere, &BTreeMap::new()) else {
        return;
    };
    assert!(!report.problems().is_empty());
    for problem in report.problems() {
        assert!(!problem.to_string().is_empty());
        for label in problem.labels().into_iter().flatten() {
            let end = label.offset() + label.len();
            assert!(text.get(label.offset()..end).is_some(), "{problem} points at {label:?}");
        }
    }
}

/// What people write in a string. What can be shown is read back as what it was.
pub fn texts(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(given) = duration::parse(text, Duration::ZERO) {
        assert_eq!(duration::parse(&duration::show(given), Duration::ZERO), Ok(given));
    }
    if let Ok(bytes) = size::parse(text) {
        assert_eq!(size::parse(&size::show(bytes)), Ok(bytes));
    }
    if let Ok(network) = network::parse(text) {
        assert_eq!(network::parse(&network.to_string()), Ok(network));
    }
    if let Ok(address) = listen::parse(text) {
        assert_eq!(listen::parse(&address.to_string()), Ok(address));
    }
    if let Ok(host) = url::host(text) {
        assert_eq!(url::host(&host.to_string()), Ok(host));
    }
    if let Ok(path) = url::prefix(text) {
        assert_eq!(url::prefix(&path).as_ref(), Ok(&path));
    }
    if let Ok(name) = cookie::parse(text) {
        assert!(
            name.bytes().all(|byte| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&byte)),
            "{name:?}"
        );
    }
    let _ = (url::target(text), url::https(text), url::email(text));
    if let Ok(words) = words::split(text) {
        // Within single quotes nothing means anything, but the quote itself.
        let quoted: Vec<String> =
            words.iter().map(|word| format!("'{}'", word.replace('\'', r"'\''"))).collect();
        assert_eq!(words::split(&quoted.join(" ")).ok(), Some(words));
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    const WORDS: &[&str] = &[
        "1",
        "30",
        ".5",
        "s",
        "ms",
        "h",
        "d",
        " ",
        "MiB",
        "kb",
        "TB",
        "18446744073709551615",
        "10.0.0.0",
        "/8",
        "::1",
        "[",
        "]",
        ":",
        "8080",
        "localhost",
        "*",
        ".",
        "example.com",
        "/",
        "//",
        "?a=b",
        "#",
        "https://",
        "@",
        "'",
        "\"",
        "\\",
        "word",
        "$X",
        "\u{e4}",
        "%2f",
        "..",
    ];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_read_is_shown_and_read_again(words in vec(select(WORDS), 0..8)) {
            super::texts(words.concat().as_bytes());
        }

        #[test]
        fn any_text(text in ".{0,40}") {
            super::texts(text.as_bytes());
            super::file(text.as_bytes());
        }
    }
}
