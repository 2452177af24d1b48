//! What the unit says (`systemd.unit(5)`, `systemd.service(5)`, `systemd.exec(5)`).

use super::systemd::Manager;
use gapless_model::resources::OWN_CGROUP;
use std::fmt::Write as _;
use std::time::Duration;

/// The first line of every unit of ours: what has it may be replaced and removed.
pub(crate) const OURS: &str = "# Written by `gapless startup`; `gapless unstartup` removes it.";

/// How long is left to systemd's own part of stopping, beyond ours.
const BEYOND: Duration = Duration::from_secs(10);

/// What a unit is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About<'a> {
    /// Its name, with `.service`.
    pub(crate) unit: &'a str,
    /// Whose manager reads it.
    pub(crate) manager: Manager,
    /// Our program.
    pub(crate) program: &'a str,
    /// `GAPLESS_HOME`.
    pub(crate) home: &'a str,
    /// How long everything may take to finish when it is stopped.
    pub(crate) drain: Duration,
    /// Whether the manager can start it in a cgroup below the unit's own.
    pub(crate) below: bool,
}

/// What keeps the system from whatever an app might do, and that no app needs. Apps run under it as well, so it is less
/// than a service could have that has none.
const FENCES: &str = "
# The system is not theirs to change. Apps inherit all of this: what some of them need is not fenced off (their own
# directories anywhere, /tmp and /home, programs with other rights, namespaces for browsers, code made at run time).
ProtectSystem=full
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=~@clock @cpu-emulation @module @obsolete @raw-io @reboot @swap
SystemCallErrorNumber=EPERM
CapabilityBoundingSet=~CAP_AUDIT_CONTROL CAP_AUDIT_READ CAP_BLOCK_SUSPEND CAP_BPF CAP_IPC_LOCK
CapabilityBoundingSet=~CAP_LEASE CAP_LINUX_IMMUTABLE CAP_MAC_ADMIN CAP_MAC_OVERRIDE CAP_MKNOD CAP_NET_ADMIN
CapabilityBoundingSet=~CAP_NET_RAW CAP_PERFMON CAP_SYS_BOOT CAP_SYS_MODULE CAP_SYS_PACCT CAP_SYS_RAWIO CAP_SYS_TIME
CapabilityBoundingSet=~CAP_SYS_TTY_CONFIG CAP_SYSLOG CAP_WAKE_ALARM
";

/// The whole file.
pub(crate) fn unit(about: &About<'_>) -> String {
    let About { unit, manager, program, home, drain, below } = *about;
    let (program, own_home) = (word(program), word(home));
    let user = if manager == Manager::User { " --user" } else { "" };
    let (network, target) = match manager {
        Manager::System => {
            ("After=network-online.target\nWants=network-online.target\n", "multi-user.target")
        }
        Manager::User => ("", "default.target"),
    };
    let mut text = format!(
        "{OURS}
# Own settings: `systemctl{user} edit {unit}`, which keeps them in a file beside this one.
[Unit]
Description=Gapless, and the apps that it runs
{network}StartLimitIntervalSec=60
StartLimitBurst=30

[Service]
Type=notify
NotifyAccess=main
ExecStart={program} internal control --home {own_home}
# Another version of Gapless: the one that is in the file by now.
ExecReload={program} --home {own_home} upgrade
# Stops everything; but on `systemctl{user} restart` everything goes on.
ExecStop={program} internal unit-stop --home {own_home} --unit {unit} --within {within}s{user}
Restart=on-failure
RestartSec=100ms
WatchdogSec=30
TimeoutStartSec=90
TimeoutStopSec={stop}
# Apps and proxy are not control's to take along, whatever becomes of it, and one app's memory is not the others'.
KillMode=process
OOMPolicy=continue
# Listening sockets and what apps say outlive control.
FileDescriptorStoreMax=1024
LimitNOFILE=524288
TasksMax=infinity
# Limits of instances are kept by cgroups below the unit's own, in which nobody may be then: not Gapless either.
Delegate=yes
",
        within = drain.as_secs(),
        stop = (drain + BEYOND).as_secs(),
    );
    if below {
        let _ = writeln!(text, "DelegateSubgroup={OWN_CGROUP}");
    }
    if manager == Manager::System {
        // A path in `/usr` or `/etc` would be read-only otherwise.
        let _ = match home {
            "/var/lib/gapless" => writeln!(text, "StateDirectory=gapless\nStateDirectoryMode=0700"),
            _ => writeln!(text, "ReadWritePaths=-{}", own_home.replace("$$", "$")),
        };
        text.push_str(FENCES);
    }
    let _ = write!(text, "\n[Install]\nWantedBy={target}\n");
    text
}

/// A word of a command line, as the unit has to have it.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.+:@=,".contains(c);
    let escaped: String = text
        .chars()
        .map(|c| match c {
            '%' => "%%".to_owned(),
            '$' => "$$".to_owned(),
            '"' | '\\' => format!("\\{c}"),
            c => c.to_string(),
        })
        .collect();
    if text.chars().all(plain) { escaped } else { format!("\"{escaped}\"") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(manager: Manager, home: &str) -> String {
        let program = "/usr/local/bin/gapless";
        let (unit, drain) = ("gapless.service", Duration::from_secs(25));
        super::unit(&About { unit, manager, program, home, drain, below: true })
    }

    #[test]
    fn the_units_are_as_they_were_written() {
        insta::assert_snapshot!("system", about(Manager::System, "/var/lib/gapless"));
        insta::assert_snapshot!("user", about(Manager::User, "/home/ann/.local/state/gapless"));
    }

    #[test]
    fn a_home_of_its_own_may_be_written() {
        let text = about(Manager::System, "/srv/my apps/100%");
        assert!(text.contains("ReadWritePaths=-\"/srv/my apps/100%%\"\n"), "{text}");
        assert!(text.contains("control --home \"/srv/my apps/100%%\"\n"), "{text}");
    }
}
