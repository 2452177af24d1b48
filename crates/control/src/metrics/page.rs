//! Which metrics there are.

use super::book::Book;
use super::text::{Kind, Text};
use crate::core::Core;
use crate::engine::App;
use gapless_model::WallTime;
use gapless_routing::counters::LATENCY_BOUNDS;
use std::fmt::Display;

/// The first digits of status codes, as labels.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// Everything, as Prometheus reads it. `began` is when this control did.
pub(crate) fn page(core: &Core, began: WallTime) -> String {
    let mut text = Text::default();
    gapless(&mut text, core, began);
    proxy(&mut text, &core.counted);
    requests(&mut text, &core.counted);
    instances(&mut text, core);
    apps(&mut text, core);
    text.finish()
}

fn gapless(text: &mut Text, core: &Core, began: WallTime) {
    text.family("gapless_build_info", Kind::Gauge, "Which Gapless this is.")
        .value(&[("version", &env!("CARGO_PKG_VERSION"))], 1);
    text.family("gapless_start_time_seconds", Kind::Gauge, "When control began, since 1970.")
        .value(&[], seconds(began.as_millis(), 1e3));
    text.family("gapless_proxy_up", Kind::Gauge, "Whether the proxy is connected to control.")
        .value(&[], u8::from(core.engine.proxy().is_some()));
}

fn proxy(text: &mut Text, book: &Book) {
    let proxy = book.proxy();
    text.family("gapless_connections_accepted_total", Kind::Counter, "Connections of clients accepted.")
        .value(&[], proxy.accepted);
    text.family("gapless_connections_open", Kind::Gauge, "Connections of clients open now.")
        .value(&[], proxy.open);
    let handshakes = book.handshakes();
    let mut family = text.family(
        "gapless_tls_handshakes_total",
        Kind::Counter,
        "TLS handshakes with clients, by result; resumed are those that went on from an earlier connection.",
    );
    family.value(&[("result", &"full")], handshakes.complete.saturating_sub(handshakes.resumed));
    family.value(&[("result", &"resumed")], handshakes.resumed);
    family.value(&[("result", &"failed")], handshakes.failed);
    text.family(
        "gapless_unrouted_requests_total",
        Kind::Counter,
        "Requests that no app could have served: no such host or path, or no proper request.",
    )
    .value(&[], proxy.unrouted);
}

fn requests(text: &mut Text, book: &Book) {
    let apps = book.apps();
    let releases = || {
        apps.iter()
            .flat_map(|(app, sums)| sums.releases.iter().map(move |(id, counters)| (app, id, counters)))
    };
    let mut family = text.family(
        "gapless_requests_total",
        Kind::Counter,
        "Requests answered in full by an instance, by the class of their status.",
    );
    for (app, release, counters) in releases() {
        for (class, count) in CLASSES.iter().zip(counters.answers.classes) {
            family.value(&[("app", app), ("release", release), ("class", class)], count);
        }
    }
    let mut family = text.family(
        "gapless_request_duration_seconds",
        Kind::Histogram,
        "Time from a request's head to the last byte of its answer.",
    );
    let bounds = LATENCY_BOUNDS.map(|micros| seconds(u64::from(micros), 1e6));
    for (app, release, counters) in releases() {
        let answers = &counters.answers;
        let sum = seconds(answers.latency_us, 1e6);
        family.histogram(&[("app", app), ("release", release)], &answers.latency, &bounds, sum);
    }
    let mut family =
        text.family("gapless_response_bytes_total", Kind::Counter, "Bytes of the bodies of answers.");
    for (app, release, counters) in releases() {
        family.value(&[("app", app), ("release", release)], counters.answers.bytes);
    }
    let mut family = text.family(
        "gapless_requests_lost_total",
        Kind::Counter,
        "Requests answered by the proxy itself with 502, 503 or 504, or cut; without a release where none was asked.",
    );
    for (app, release, counters) in releases() {
        family.value(&[("app", app), ("release", release)], counters.traffic.failed);
    }
    for (app, sums) in &apps {
        family.value(&[("app", app), ("release", &"")], sums.lost_by_none());
    }
    let mut family = text.family(
        "gapless_ejections_total",
        Kind::Counter,
        "How often an instance was ejected by a worker.",
    );
    for (app, release, counters) in releases() {
        family.value(&[("app", app), ("release", release)], counters.ejections);
    }
    let mut by_app = |name, kind, help, value: &dyn Fn(&super::book::AppSums) -> Box<dyn Display>| {
        let mut family = text.family(name, kind, help);
        for (app, sums) in &apps {
            family.value(&[("app", app)], value(sums));
        }
    };
    by_app(
        "gapless_requests_client_gone_total",
        Kind::Counter,
        "Requests given up by their client before the answer was complete.",
        &|sums| Box::new(sums.traffic.client_gone),
    );
    by_app("gapless_requests_retried_total", Kind::Counter, "Requests sent more than once.", &|sums| {
        Box::new(sums.traffic.retried)
    });
    by_app(
        "gapless_requests_held_total",
        Kind::Counter,
        "Requests held because no instance could take them.",
        &|sums| Box::new(sums.traffic.held),
    );
    by_app(
        "gapless_requests_held_seconds_total",
        Kind::Counter,
        "How long requests were held, all together.",
        &|sums| Box::new(seconds(sums.held_us, 1e6)),
    );
    by_app("gapless_requests_holding", Kind::Gauge, "Requests being held now.", &|sums| {
        Box::new(sums.holding)
    });
}

fn instances(text: &mut Text, core: &Core) {
    let book = &core.counted;
    let mut family = text.family(
        "gapless_instance_requests_total",
        Kind::Counter,
        "The same as gapless_requests_total by instance, as long as the instance is there.",
    );
    for row in &book.instances {
        for (class, count) in CLASSES.iter().zip(book.classes(&row.instance)) {
            let app = row.instance.app();
            let labels: [(&str, &dyn Display); 4] =
                [("app", app), ("release", &row.release), ("instance", &row.instance), ("class", class)];
            family.value(&labels, count);
        }
    }
    type Figure<'a> = &'a dyn Fn(&gapless_routing::InstanceCounters) -> u64;
    let mut gauge = |name, help, value: Figure<'_>| {
        let mut family = text.family(name, Kind::Gauge, help);
        for row in &book.instances {
            let labels: [(&str, &dyn Display); 3] =
                [("app", row.instance.app()), ("release", &row.release), ("instance", &row.instance)];
            family.value(&labels, value(row));
        }
    };
    gauge("gapless_instance_requests_in_flight", "Requests that it is working on.", &|row| {
        row.in_flight.requests.into()
    });
    gauge("gapless_instance_upgraded_connections", "Upgraded connections (WebSockets) open to it.", &|row| {
        row.in_flight.upgraded.into()
    });
    gauge("gapless_instance_ejected", "How many workers pass it over because it failed.", &|row| {
        row.ejected.as_ref().map_or(0, |ejected| ejected.workers.into())
    });
    let mut family =
        text.family("gapless_instance_memory_bytes", Kind::Gauge, "Resident memory of its process group.");
    for app in core.engine.apps() {
        for (instance, release, pid) in app.processes() {
            if let Some(usage) = core.usage.get(&pid) {
                let labels: [(&str, &dyn Display); 3] =
                    [("app", &app.name), ("release", &release), ("instance", instance)];
                family.value(&labels, usage.memory);
            }
        }
    }
}

fn apps(text: &mut Text, core: &Core) {
    let mut by_app = |name, kind, help, value: &dyn Fn(&App) -> u64| {
        let mut family = text.family(name, kind, help);
        for app in core.engine.apps() {
            family.value(&[("app", &app.name)], value(app));
        }
    };
    by_app("gapless_instances_ready", Kind::Gauge, "Instances that are ready.", &|app| app.ready().into());
    by_app("gapless_instances_wanted", Kind::Gauge, "Instances that are wanted.", &|app| {
        core.engine.wanted(app).into()
    });
    by_app(
        "gapless_restarts_total",
        Kind::Counter,
        "Instances started again after they failed, since control began.",
        &|app| app.tally.restarts,
    );
    by_app("gapless_rollout_in_progress", Kind::Gauge, "Whether a rollout is in progress.", &|app| {
        u64::from(app.is_rolling())
    });
    let mut family = text.family(
        "gapless_rollouts_total",
        Kind::Counter,
        "Rollouts that have ended, by outcome, since control began.",
    );
    for app in core.engine.apps() {
        let tally = &app.tally;
        for (outcome, count) in
            [("completed", tally.completed), ("aborted", tally.aborted), ("failed", tally.failed)]
        {
            family.value(&[("app", &app.name), ("outcome", &outcome)], count);
        }
    }
    let mut family = text.family(
        "gapless_traffic_share_ratio",
        Kind::Gauge,
        "Share of the app's new requests that goes to the release.",
    );
    for app in core.engine.apps() {
        for (release, percent) in app.shares() {
            family.value(&[("app", &app.name), ("release", &release)], f64::from(percent) / 100.0);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people and their graphs")]
fn seconds(count: u64, per_second: f64) -> f64 {
    count as f64 / per_second
}
