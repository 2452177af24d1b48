//! What differs between an app as it is and as a file has it, in words. Values of the environment are never
//! named: they may be secrets.

use gapless_model::{AppSettings, Instances, ReleaseSpec};
use std::collections::BTreeSet;
use std::fmt::Display;

/// The differences that need new processes, by key.
pub(super) fn release_changes(old: &ReleaseSpec, new: &ReleaseSpec) -> Vec<String> {
    let mut changes: Vec<String> = Vec::new();
    let mut differ = |key: &str, differs: bool| {
        if differs {
            changes.push(key.to_owned());
        }
    };
    differ("command", old.command != new.command);
    differ("cwd", old.cwd != new.cwd);
    differ("port", old.port != new.port);
    differ("address", old.address != new.address);
    differ("protocol", old.protocol != new.protocol);
    differ("user", old.process.user != new.process.user);
    differ("group", old.process.group != new.process.group);
    differ("umask", old.process.umask != new.process.umask);
    differ("nofile", old.process.nofile != new.process.nofile);
    let (was, is) = (&old.process.limits, &new.process.limits);
    differ("limits.memory", was.memory != is.memory);
    differ("limits.cpu", was.cpu != is.cpu);
    differ("limits.pids", was.pids != is.pids);
    differ("startup", old.startup != new.startup);
    differ("ready", old.ready != new.ready || old.start_deadline != new.start_deadline);
    differ("live", old.live != new.live);
    differ("stop", old.stop != new.stop);
    differ("secrets", old.secrets != new.secrets);
    let names: BTreeSet<_> = old.env.keys().chain(new.env.keys()).collect();
    changes.extend(
        names.into_iter().filter(|n| old.env.get(*n) != new.env.get(*n)).map(|name| format!("env.{name}")),
    );
    changes
}

/// The differences that are applied to what runs, as `instances: 2 → 4`.
pub(super) fn settings_changes(old: &AppSettings, new: &AppSettings) -> Vec<String> {
    let mut changes = Vec::new();
    if old.instances != new.instances {
        changes.push(arrow("instances", &count(old.instances), &count(new.instances)));
    }
    if old.routes != new.routes {
        let list = |s: &AppSettings| s.routes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        changes.push(arrow("routes", &list(old), &list(new)));
    }
    let mut differ = |key: &str, differs: bool| {
        if differs {
            changes.push(key.to_owned());
        }
    };
    differ("after", old.after != new.after);
    differ("drain", old.drain != new.drain);
    differ("restart", old.restart != new.restart);
    differ("rollout", old.rollout != new.rollout);
    differ("logs", old.logs != new.logs);
    differ("hold", old.hold != new.hold);
    differ("retry", old.retry != new.retry);
    differ("balance", old.balance != new.balance);
    differ("max_memory", old.max_memory != new.max_memory);
    differ("limits", old.limits != new.limits);
    differ("error_pages", old.error_pages != new.error_pages);
    changes
}

fn arrow(key: &str, old: &impl Display, new: &impl Display) -> String {
    format!("{key}: {old} → {new}")
}

fn count(instances: Instances) -> String {
    match instances {
        Instances::Count(n) => n.to_string(),
        Instances::Max => "max".to_owned(),
    }
}
