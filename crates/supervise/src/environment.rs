//! What an instance finds in its environment: the release's own, and our marks over it.

use crate::offer::Offer;
use crate::rundir::RunDir;
use crate::secrets;
use gapless_model::probe::ProbeKind;
use gapless_model::{AddressMode, InstanceId, ProbeSpec, Release};
use std::collections::BTreeMap;

/// The mark by which an instance is found again: whose it is.
pub(crate) const HOME: &str = "GAPLESS_HOME";
/// The mark by which an instance is found again: which it is.
pub(crate) const INSTANCE: &str = "GAPLESS_INSTANCE";
/// The mark by which an instance is found again: of which release it is.
pub(crate) const RELEASE: &str = "GAPLESS_RELEASE";
/// The mark of a command that probes an instance, which has all the others too.
pub(crate) const PROBE: &str = "GAPLESS_PROBE";

/// The mark of a command that runs once, for nobody's sake but the control's that started it.
pub(crate) const ONCE: &str = "GAPLESS_ONCE";

/// Meant for Gapless itself, or for whoever called it: never for an app (`systemd.exec(5)`, and all that begins as
/// ours).
const NOT_FOR_APPS: [&str; 13] = [
    "NOTIFY_SOCKET",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
    "LISTEN_PID",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    "FDSTORE",
    "MAINPID",
    "MANAGERPID",
    "SYSTEMD_EXEC_PID",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "CREDENTIALS_DIRECTORY",
];

/// Those of whoever called us, which are another's for an app that runs as somebody else.
const OF_A_USER: [&str; 4] = ["HOME", "USER", "LOGNAME", "MAIL"];

/// The whole environment of an instance; nothing of our own leaks into it.
///
/// # Errors
/// As [`without_ours`].
pub(crate) fn of(
    release: &Release,
    instance: &InstanceId,
    run: &RunDir,
    offer: &Offer,
) -> Result<BTreeMap<String, String>, String> {
    let spec = &release.spec;
    let mut environment = without_ours(release)?;
    let mut set = |name: &str, value: String| environment.insert(name.to_owned(), value);
    set(HOME, run.home().to_string());
    set("GAPLESS_APP", instance.app().to_string());
    set(INSTANCE, instance.to_string());
    set(RELEASE, release.id.to_string());
    if spec.address != AddressMode::None {
        set("GAPLESS_SOCKET", offer.socket.to_string());
        set("PORT", offer.port.to_string());
    }
    if says_ready_itself(release) {
        set("NOTIFY_SOCKET", run.notify(instance).to_string());
    }
    if let Some(port) = offer.adopted_port {
        set("GAPLESS_PORT", port.to_string());
        let own = environment.remove("NODE_OPTIONS");
        environment.insert("NODE_OPTIONS".to_owned(), node_options(own.as_deref(), run.preload().as_str()));
    }
    Ok(environment)
}

/// The release's own environment, with its secrets as they are now.
///
/// # Errors
/// A message for people: which secret cannot be read, and why.
pub(crate) fn without_ours(release: &Release) -> Result<BTreeMap<String, String>, String> {
    let mut environment = release.base_env.clone();
    environment.retain(|name, _| {
        let callers = release.spec.process.user.is_some() && OF_A_USER.contains(&name.as_str());
        !callers && !name.starts_with("GAPLESS_") && !NOT_FOR_APPS.contains(&name.as_str())
    });
    environment.extend(release.spec.env.clone());
    environment.extend(secrets::read(release)?);
    Ok(environment)
}

/// Whether one of its probes is the app's own word.
pub(crate) fn says_ready_itself(release: &Release) -> bool {
    probes(release).any(|probe| probe.kind == ProbeKind::Notify)
}

/// Whether one of its probes is a command.
pub(crate) fn asks_by_command(release: &Release) -> bool {
    probes(release).any(|probe| matches!(probe.kind, ProbeKind::Command(_)))
}

fn probes(release: &Release) -> impl Iterator<Item = &ProbeSpec> {
    let spec = &release.spec;
    std::iter::once(&spec.ready).chain(&spec.startup).chain(&spec.live)
}

/// The app's own options with our preload after them. A path with spaces is quoted as Node wants it
/// (`NODE_OPTIONS` in the Node manual: double quotes, backslashes before `"` and `\`).
fn node_options(own: Option<&str>, preload: &str) -> String {
    let preload = if preload.contains([' ', '"', '\\']) {
        format!("\"{}\"", preload.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        preload.to_owned()
    };
    let require = format!("--require={preload}");
    match own.map(str::trim).filter(|own| !own.is_empty()) {
        Some(own) => format!("{own} {require}"),
        None => require,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_apps_own_node_options_stay_in_front() {
        assert_eq!(node_options(None, "/r/p.cjs"), "--require=/r/p.cjs");
        assert_eq!(
            node_options(Some(" --max-old-space-size=300 "), "/r/p.cjs"),
            "--max-old-space-size=300 --require=/r/p.cjs"
        );
        assert_eq!(node_options(Some(""), r#"/a b/"c\d"#), r#"--require="/a b/\"c\\d""#);
    }
}
