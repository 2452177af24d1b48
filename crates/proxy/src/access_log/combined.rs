//! A line in the combined format (<https://httpd.apache.org/docs/current/logs.html#combined>).

use super::asked::Visitor;
use super::lines::Entry;
use http::HeaderValue;
use std::io::Write;

/// Adds a line.
pub(super) fn write(entry: &Entry<'_>, visitor: &Visitor, lines: &mut Vec<u8>) {
    let Entry { record, asked, status, at, .. } = entry;
    let at = at.strftime("%d/%b/%Y:%H:%M:%S +0000");
    // Writing to memory cannot fail.
    let _ = write!(lines, "{} - - [{at}] \"{} ", record.client.peer.ip().to_canonical(), asked.method);
    escape(asked.path().as_bytes(), lines);
    let _ = write!(lines, " {:?}\" {status} {} \"", visitor.version, record.bytes);
    said(visitor.referer.as_ref(), lines);
    lines.extend_from_slice(b"\" \"");
    said(visitor.agent.as_ref(), lines);
    lines.extend_from_slice(b"\"\n");
}

fn said(value: Option<&HeaderValue>, lines: &mut Vec<u8>) {
    escape(value.map_or(b"-", HeaderValue::as_bytes), lines);
}

/// As nginx writes what a stranger has said: nothing in it can end the field or the line.
fn escape(text: &[u8], lines: &mut Vec<u8>) {
    for byte in text {
        match byte {
            b'"' | b'\\' | 0..=0x1f | 0x7f.. => drop(write!(lines, "\\x{byte:02X}")),
            byte => lines.push(*byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_field() {
        let mut lines = Vec::new();
        escape("a \"b\" \\ \t ä\u{7f}".as_bytes(), &mut lines);
        assert_eq!(String::from_utf8(lines).unwrap(), r"a \x22b\x22 \x5C \x09 \xC3\xA4\x7F");
        let mut lines = Vec::new();
        said(None, &mut lines);
        assert_eq!(lines, b"-");
    }
}
