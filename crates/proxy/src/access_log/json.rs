//! A line as a JSON object.

use super::lines::Entry;
use serde::Serialize;

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    client: std::net::SocketAddr,
    method: &'a str,
    host: &'a str,
    path: &'a str,
    status: u16,
    bytes: u64,
    ms: f64,
    app: Option<&'a str>,
    release: Option<String>,
    instance: Option<String>,
    id: &'a str,
    tries: u32,
    held_ms: u64,
}

/// Adds a line.
pub(super) fn write(entry: &Entry<'_>, lines: &mut Vec<u8>) {
    let Entry { record, asked, status, took, backend, at } = entry;
    let line = Line {
        time: format!("{at:.3}"),
        client: record.client.peer,
        method: asked.method.as_str(),
        host: asked.host.as_ref().and_then(|host| host.to_str().ok()).unwrap_or_default(),
        path: asked.path(),
        status: *status,
        bytes: record.bytes,
        ms: (took.as_secs_f64() * 1e6).round() / 1e3,
        app: record.app.as_ref().map(|app| app.name.as_str()),
        release: backend.map(|backend| backend.release.to_string()),
        instance: backend.map(|backend| backend.instance.to_string()),
        id: record.id.to_str().unwrap_or_default(),
        tries: record.tries,
        held_ms: u64::try_from(record.held.as_millis()).unwrap_or(u64::MAX),
    };
    // Writing to memory cannot fail, and nothing here is no JSON.
    let _ = serde_json::to_writer(&mut *lines, &line);
    lines.push(b'\n');
}
