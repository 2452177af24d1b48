//! Which app a request is for: by host, then by path. One table for each listener.

use gapless_model::route::HostPattern;
use std::collections::HashMap;

/// Routes of one listener. `T` is what they lead to.
#[derive(Debug)]
pub(crate) struct Table<T> {
    exact: HashMap<String, Vec<Prefix<T>>>,
    wildcard: HashMap<String, Vec<Prefix<T>>>,
    any: Vec<Prefix<T>>,
}

/// One route.
#[derive(Debug)]
pub(crate) struct Prefix<T> {
    /// Without a slash at its end; empty for every path.
    path: String,
    pub(crate) to: T,
}

impl<T> Prefix<T> {
    /// Its path, as it was written.
    pub(crate) fn path(&self) -> String {
        if self.path.is_empty() { "/".to_owned() } else { self.path.clone() }
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { exact: HashMap::new(), wildcard: HashMap::new(), any: Vec::new() }
    }
}

impl<T> Table<T> {
    /// Adds a route.
    pub(crate) fn insert(&mut self, host: Option<&HostPattern>, path: &str, to: T) {
        let prefixes = match host {
            None => &mut self.any,
            Some(HostPattern::Exact(name)) => self.exact.entry(name.clone()).or_default(),
            Some(HostPattern::Wildcard(rest)) => self.wildcard.entry(rest.clone()).or_default(),
        };
        let path = path.trim_end_matches('/').to_owned();
        let place = prefixes.partition_point(|other| other.path.len() >= path.len());
        prefixes.insert(place, Prefix { path, to });
    }

    /// Whether hosts make any difference.
    pub(crate) fn asks_for_host(&self) -> bool {
        !(self.exact.is_empty() && self.wildcard.is_empty())
    }

    /// Where a request goes; `host` in lower case and without port.
    pub(crate) fn find(&self, host: &str, path: &str) -> Option<&Prefix<T>> {
        self.by_name(host, path).or_else(|| longest(&self.any, path))
    }

    /// Whether any path of this host leads somewhere.
    pub(crate) fn knows(&self, host: &str) -> bool {
        let rest = host.split_once('.').map(|(_, rest)| rest);
        !self.any.is_empty()
            || self.exact.contains_key(host)
            || rest.is_some_and(|rest| self.wildcard.contains_key(rest))
    }

    fn by_name(&self, host: &str, path: &str) -> Option<&Prefix<T>> {
        if !self.asks_for_host() {
            return None;
        }
        let exact = self.exact.get(host).and_then(|prefixes| longest(prefixes, path));
        exact.or_else(|| {
            let (label, rest) = host.split_once('.')?;
            let prefixes = self.wildcard.get(rest).filter(|_| !label.is_empty())?;
            longest(prefixes, path)
        })
    }
}

/// The first match; they are in order of their length.
fn longest<'a, T>(prefixes: &'a [Prefix<T>], path: &str) -> Option<&'a Prefix<T>> {
    prefixes.iter().find(|prefix| {
        path.strip_prefix(prefix.path.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || prefix.path.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exact_host_goes_before_the_wildcard_and_the_longest_path_wins() {
        let mut table = Table::default();
        for (host, path, to) in [
            ("", "/", "any"),
            ("", "/api", "any api"),
            ("*.example.com", "/", "wild"),
            ("a.example.com", "/x/", "exact x"),
            ("a.example.com", "/x/y", "exact x y"),
        ] {
            let host: Option<HostPattern> = (!host.is_empty()).then(|| host.parse().unwrap());
            table.insert(host.as_ref(), path, to);
        }
        for (host, path, to) in [
            ("other", "/", "any"),
            ("other", "/apix", "any"),
            ("other", "/api", "any api"),
            ("other", "/api/", "any api"),
            ("other", "*", "any"),
            ("b.example.com", "/api", "wild"),
            ("a.example.com", "/x", "exact x"),
            ("a.example.com", "/x/y/z", "exact x y"),
            ("a.example.com", "/", "wild"),
            ("a.b.example.com", "/", "any"),
            ("example.com", "/", "any"),
        ] {
            assert_eq!(table.find(host, path).map(|found| found.to), Some(to), "{host} {path}");
        }
        assert!(Table::<u8>::default().find("x", "/").is_none());
    }
}
