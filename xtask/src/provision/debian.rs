//! Programs that Debian packages.

use crate::step::{run, runs, tool};
use crate::trouble::Trouble;
use std::process::Command;

/// A program, and the Debian package that has it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Program {
    /// What is run.
    pub(crate) name: &'static str,
    /// An argument with which it does nothing and succeeds.
    pub(crate) probe: &'static str,
    /// What is installed.
    pub(crate) package: &'static str,
}

/// Node and npm, 18 or newer.
pub(crate) const NODE: [Program; 2] = [
    Program { name: "node", probe: "--version", package: "nodejs" },
    Program { name: "npm", probe: "--version", package: "npm" },
];
/// Python 3.
pub(crate) const PYTHON: Program = Program { name: "python3", probe: "--version", package: "python3" };
/// Prometheus' own reading of metrics.
pub(crate) const PROMTOOL: Program = Program { name: "promtool", probe: "--version", package: "prometheus" };
/// Clients of HTTP/2.
pub(crate) const HTTP2: [Program; 2] = [
    Program { name: "curl", probe: "--version", package: "curl" },
    Program { name: "h2load", probe: "--version", package: "nghttp2-client" },
];
/// What code is taken from.
pub(crate) const GIT: Program = Program { name: "git", probe: "--version", package: "git" };
/// What runs services, booted in namespaces by the tests.
pub(crate) const SYSTEMD: Program =
    Program { name: "systemd-analyze", probe: "--version", package: "systemd" };
/// An authority that speaks ACME, and a DNS for it.
pub(crate) const PEBBLE: Program = Program { name: "pebble-challtestsrv", probe: "-h", package: "pebble" };
/// The peers and the load of the benchmarks.
pub(crate) const PEERS: [Program; 3] = [
    Program { name: "nginx", probe: "-v", package: "nginx-light" },
    Program { name: "haproxy", probe: "-v", package: "haproxy" },
    // wrk has no argument that both prints and succeeds, in this version at least.
    Program { name: "wrk", probe: "", package: "wrk" },
];

/// Installs those that are missing; where that cannot be done, says which and how.
pub(crate) fn ensure(programs: &[Program]) -> Result<(), Trouble> {
    let missing = missing(programs);
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().map(|program| program.package).collect();
    let packages = packages.join(" ");
    let by_hand = || {
        let names: Vec<&str> = missing.iter().map(|program| program.name).collect();
        Trouble::Missing {
            what: names.join(", "),
            how: format!(
                "install with `sudo apt-get install {packages}`, or from where you take such things"
            ),
        }
    };
    if !is_root() || !runs(&mut tool("apt-get", ["--version"])) {
        return Err(by_hand());
    }
    eprintln!("installing {packages}");
    let installed = run(&mut apt(["update", "-q"])).and_then(|()| {
        run(apt(["install", "-q", "-y", "--no-install-recommends"])
            .args(missing.iter().map(|program| program.package)))
    });
    match installed {
        Err(trouble) => {
            eprintln!("xtask: {trouble}");
            Err(by_hand())
        }
        Ok(()) if self::missing(programs).is_empty() => Ok(()),
        Ok(()) => Err(by_hand()),
    }
}

fn missing(programs: &[Program]) -> Vec<Program> {
    programs.iter().copied().filter(|program| !is_there(program)).collect()
}

fn is_there(program: &Program) -> bool {
    if program.probe.is_empty() {
        let found = std::env::var_os("PATH").unwrap_or_default();
        return std::env::split_paths(&found).any(|directory| directory.join(program.name).is_file());
    }
    runs(&mut tool(program.name, [program.probe]))
}

fn apt<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = tool("apt-get", arguments);
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// By the owner of our own entry in `/proc`, which is the effective user (`proc(5)`).
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|us| us.uid() == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_not_missing() {
        let shell = Program { name: "sh", probe: "", package: "dash" };
        let nothing = Program { name: "gapless-no-such-tool", probe: "--version", package: "none" };
        let nowhere = Program { name: "gapless-no-such-tool", probe: "", package: "none" };
        let missing: Vec<&str> =
            missing(&[shell, nothing, nowhere]).iter().map(|program| program.name).collect();
        assert_eq!(missing, ["gapless-no-such-tool", "gapless-no-such-tool"]);
        assert!(ensure(&[shell]).is_ok());
    }
}
