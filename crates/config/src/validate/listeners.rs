//! Listeners: whether the system will give all of them at once.

use super::routes::Placed;
use crate::problem::{Problem, Problems};
use std::net::SocketAddr;

/// No port may be wanted on all addresses and on one of them: the system gives it to one listener only
/// (`EADDRINUSE` of `bind(2)`). `[::]` is every address of both families (`IPV6_V6ONLY` off, `ipv6(7)`).
pub(super) fn bindable(placed: &[Placed], problems: &mut Problems) {
    let mut distinct: Vec<&Placed> = Vec::new();
    for next in placed {
        if distinct.iter().any(|known| known.route.listen == next.route.listen) {
            continue;
        }
        if let Some(other) = distinct.iter().find(|known| collide(known.route.listen, next.route.listen)) {
            problems.add(conflict(other, next));
        }
        distinct.push(next);
    }
}

fn collide(a: SocketAddr, b: SocketAddr) -> bool {
    let covers = |a: SocketAddr, b: SocketAddr| a.ip().is_unspecified() && (a.is_ipv6() || b.is_ipv4());
    a.port() == b.port() && (covers(a, b) || covers(b, a))
}

fn conflict(first: &Placed, next: &Placed) -> Problem {
    let (a, b) = (first.route.listen, next.route.listen);
    // Of two that take every address, `[::]` takes more.
    let whole = if a.ip().is_unspecified() && (a.is_ipv6() || !b.ip().is_unspecified()) { a } else { b };
    let label = |placed: &Placed| match placed.route.listen == whole {
        true => format!("{} takes the port on every address", placed.app),
        false if placed.route.listen.ip().is_unspecified() => {
            format!("{} takes it on every IPv4 address", placed.app)
        }
        false => format!("{} wants it on {} alone", placed.app, placed.route.listen.ip()),
    };
    Problem::new(format!("{a} and {b} cannot be listened on at once"))
        .at(next.span, label(next))
        .at(first.span, label(first))
        .help(format!("use {whole} for both, and tell them apart by `host` or `path`; or use two ports"))
}
