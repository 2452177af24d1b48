//! Names of cookies.

use crate::text::Unfit;

/// A token (RFC 6265 section 4.1.1) that no browser gives a meaning of its own.
pub(crate) fn parse(text: &str) -> Result<String, Unfit> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if text.is_empty() || !text.bytes().all(is_token) {
        return Err(Unfit::new(
            format!("cannot be {text:?}: that is no name of a cookie"),
            "write a word of letters, digits, `_` and `-`, as `\"instance\"`",
        ));
    }
    // `__Host-` and `__Secure-`: section 4.1.3 of its successor.
    if text.starts_with("__") {
        return Err(Unfit::new(
            format!("cannot be {text:?}: browsers take a cookie with such a name only under conditions"),
            format!("write `{:?}`", text.trim_start_matches('_')),
        ));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_has_a_name_that_browsers_take() {
        for name in ["instance", "a", "app_1-x", "SERVERID"] {
            assert_eq!(parse(name).ok().as_deref(), Some(name));
        }
        for name in ["", "a b", "a=b", "a;b", "ä", "\"a\"", "__Host-x", "a,b", "a\u{7f}"] {
            assert!(parse(name).is_err(), "{name:?}");
        }
    }
}
