//! Parts of URLs: hosts, path prefixes, request targets.

use crate::text::Unfit;
use gapless_model::route::HostPattern;

/// A host, or `*.` and the rest of one.
pub(crate) fn host(text: &str) -> Result<HostPattern, Unfit> {
    let unfit = |help: &str| Unfit::new(format!("cannot be {text:?}: that is no host"), help);
    text.parse().map_err(|_| match text {
        "" | "*" => unfit("leave `host` out to take every host"),
        _ if text.contains("://") => unfit("write the name alone, as `\"example.com\"`"),
        _ if text.contains('/') => unfit("write the name alone; the path goes into `path`"),
        _ if text.contains(':') => unfit("write the name without a port; the port goes into `listen`"),
        _ if !text.is_ascii() => unfit("write it as it is sent, in punycode: `xn--…`"),
        _ => unfit("write a name as `\"example.com\"`, or `\"*.example.com\"` for any one label before it"),
    })
}

/// A path prefix. A slash at its end says nothing that the segments do not, so it goes.
pub(crate) fn prefix(text: &str) -> Result<String, Unfit> {
    if let Some(before) = text.find(['?', '#']) {
        let help = format!("routes know paths only: write `\"{}\"`", &text[..before]);
        return Err(Unfit::new(format!("cannot be {text:?}: that is more than a path"), help));
    }
    if let Some(before) = text.find('*') {
        let kept = text[..before].trim_end_matches('/');
        let kept = if kept.is_empty() { "/" } else { kept };
        let help = format!("a path takes everything below it: write `\"{kept}\"`");
        return Err(Unfit::new(format!("cannot be {text:?}: paths have no wildcards"), help));
    }
    let path = target(text)?;
    let trimmed = path.trim_end_matches('/');
    Ok(if trimmed.is_empty() { "/".to_owned() } else { trimmed.to_owned() })
}

/// A path with an optional query, as it is sent (RFC 9112, section 3.2.1).
pub(crate) fn target(text: &str) -> Result<String, Unfit> {
    if let Some((_, rest)) = text.split_once("://") {
        let path = rest.find('/').map_or("/", |slash| &rest[slash..]);
        let help = format!("write the path alone: `\"{path}\"`; the instance's address is known");
        return Err(Unfit::new(format!("cannot be {text:?}: that is a whole URL"), help));
    }
    if !text.starts_with('/') {
        let help = format!("write `\"/{text}\"`");
        return Err(Unfit::new(format!("cannot be {text:?}: a path begins with `/`"), help));
    }
    match text.chars().find(|c| !c.is_ascii_graphic()) {
        None => Ok(text.to_owned()),
        Some(c) => Err(Unfit::new(
            format!("cannot be {text:?}: {c:?} cannot stand in a path"),
            "write it as it is sent, percent-encoded: a space is `%20`",
        )),
    }
}

/// A URL of something that is reached by https.
pub(crate) fn https(text: &str) -> Result<String, Unfit> {
    let unfit = |help: String| Unfit::new(format!("cannot be {text:?}: that is no URL by https"), help);
    let Some(rest) = text.strip_prefix("https://") else {
        let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
        return Err(unfit(format!("write `\"https://{rest}\"`")));
    };
    let uri_like = !rest.is_empty() && !rest.starts_with('/') && rest.chars().all(|c| c.is_ascii_graphic());
    if uri_like {
        Ok(text.to_owned())
    } else {
        Err(unfit("write it as `\"https://example.com/directory\"`".into()))
    }
}

/// An address of mail; what an authority takes is for it to say.
pub(crate) fn email(text: &str) -> Result<String, Unfit> {
    let plain = text.chars().all(|c| c.is_ascii_graphic() && c != ',' && c != ':');
    match text.split_once('@') {
        Some((name, host)) if plain && !name.is_empty() && host.contains('.') => Ok(text.to_owned()),
        _ => Err(Unfit::new(
            format!("cannot be {text:?}: that is no address of mail"),
            "write one as `\"you@example.com\"`",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_brought_to_one_form() {
        assert_eq!(prefix("/"), Ok("/".into()));
        assert_eq!(prefix("/api/"), Ok("/api".into()));
        assert_eq!(prefix("//"), Ok("/".into()));
        for bad in ["", "api", "/a b", "/ä", "/a?b", "/api/*", "http://x/api"] {
            assert!(prefix(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn urls_are_reached_by_https_and_mail_has_a_host() {
        assert!(https("https://a.b/directory").is_ok());
        for bad in ["", "http://a.b", "https://", "a.b", "https:///x", "https://a b"] {
            assert!(https(bad).is_err(), "{bad:?}");
        }
        assert!(email("a@b.c").is_ok());
        for bad in ["", "a", "@b.c", "a@b", "a b@c.d", "mailto:a@b.c"] {
            assert!(email(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn targets_may_have_a_query() {
        assert_eq!(target("/ready?deep=1"), Ok("/ready?deep=1".into()));
    }
}
