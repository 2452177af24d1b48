//! The text format of Prometheus, version 0.0.4
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>).
//!
//! Written by ourselves: the `prometheus-client` crate counts in its own registry, and these are sums that
//! others have counted.

use std::fmt::{Display, Write};

/// What the answer says that it is.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a family of series is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only grows; its name ends in `_total`.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Buckets, sum and count.
    Histogram,
}

/// Labels of a series: names and values.
pub(super) type Labels<'a> = &'a [(&'a str, &'a dyn Display)];

/// The page in the making.
#[derive(Debug, Default)]
pub(super) struct Text(String);

/// One family, and the page that it is written on.
pub(super) struct Family<'t> {
    text: &'t mut String,
    name: &'static str,
}

impl Text {
    /// Begins a family. `name` says what in base units; `help` is one line.
    pub(super) fn family(&mut self, name: &'static str, kind: Kind, help: &str) -> Family<'_> {
        let word = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {word}");
        Family { text: &mut self.0, name }
    }

    /// The whole page.
    pub(super) fn finish(self) -> String {
        self.0
    }
}

impl Family<'_> {
    /// A series with one value.
    pub(super) fn value(&mut self, labels: Labels<'_>, value: impl Display) {
        self.line("", labels, None, value);
    }

    /// A histogram: counts by bucket (not yet added up), the upper bounds in seconds of all but the last, and
    /// the sum in seconds.
    pub(super) fn histogram(&mut self, labels: Labels<'_>, counts: &[u64], bounds: &[f64], sum: f64) {
        let mut total = 0;
        for (place, count) in counts.iter().enumerate() {
            total += count;
            match bounds.get(place) {
                Some(bound) => self.line("_bucket", labels, Some(bound), total),
                None => self.line("_bucket", labels, Some(&"+Inf"), total),
            }
        }
        self.line("_sum", labels, None, sum);
        self.line("_count", labels, None, total);
    }

    fn line(&mut self, suffix: &str, labels: Labels<'_>, le: Option<&dyn Display>, value: impl Display) {
        let text = &mut *self.text;
        let _ = write!(text, "{}{suffix}", self.name);
        let bound = le.map(|le| ("le", le));
        let mut separator = '{';
        for (name, value) in labels.iter().copied().chain(bound) {
            let value = value.to_string().replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(text, "{separator}{name}=\"{value}\"");
            separator = ',';
        }
        if separator == ',' {
            text.push('}');
        }
        let _ = writeln!(text, " {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_written_as_prometheus_reads_them() {
        let mut text = Text::default();
        text.family("up", Kind::Gauge, "Whether it is.").value(&[], 1);
        let mut family = text.family("x_seconds", Kind::Histogram, "Time.");
        family.histogram(&[("app", &"a\"b\\c\n")], &[1, 0, 2], &[0.001, 2.5], 7.25);
        assert_eq!(
            text.finish(),
            "# HELP up Whether it is.\n# TYPE up gauge\nup 1\n# HELP x_seconds Time.\n\
             # TYPE x_seconds histogram\n\
             x_seconds_bucket{app=\"a\\\"b\\\\c\\n\",le=\"0.001\"} 1\n\
             x_seconds_bucket{app=\"a\\\"b\\\\c\\n\",le=\"2.5\"} 1\n\
             x_seconds_bucket{app=\"a\\\"b\\\\c\\n\",le=\"+Inf\"} 3\n\
             x_seconds_sum{app=\"a\\\"b\\\\c\\n\"} 7.25\nx_seconds_count{app=\"a\\\"b\\\\c\\n\"} 3\n"
        );
    }
}
