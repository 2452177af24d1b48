//! Values of the wrong type, and texts that are not what their key takes.

use crate::rendering::snapshot;

/// An app with these lines in it.
macro_rules! app {
    ($lines:literal) => {
        concat!("[apps.api]\ncommand = \"node server.js\"\n", $lines, "\n")
    };
}

#[test]
fn wrong_types() {
    snapshot(
        "wrong_types",
        &[
            ("a text for a number", app!("port = \"3000\"")),
            ("a text for a flag", app!("shell = \"true\"")),
            ("a word for a flag", app!("shell = \"yes\"")),
            ("a number for a text", app!("cwd = 5")),
            ("a flag for a table", app!("ready = true")),
            ("a table for a list of tables", app!("[apps.api.routes]\nlisten = \":80\"")),
            ("a fraction", app!("instances = 1.5")),
            ("a date", app!("env_file = 2024-01-01")),
            ("a number for a signal", app!("[apps.api.stop]\nsignal = 15")),
            ("a number for a variable", app!("env = { WORKERS = 4, DEBUG = true }")),
            ("a text for names", app!("pass_env = \"DATABASE_URL\"")),
            ("a number among words", "[apps.api]\ncommand = [\"node\", 3000]\n"),
            ("a text for an app", "[apps]\napi = \"node server.js\"\n"),
            ("a text for all apps", "apps = \"api\"\n"),
            ("a number among routes", app!("routes = [8080]")),
            ("a number for a command", "[apps.api]\ncommand = 5\n"),
            ("a list for a word", app!("[apps.api.drain]\nwebsocket = [\"close\"]")),
        ],
    );
}

#[test]
fn numbers() {
    snapshot(
        "numbers",
        &[
            ("no instances", app!("instances = 0")),
            ("negative instances", app!("instances = -1")),
            ("a word for instances", app!("instances = \"all\"")),
            ("instances in quotes", app!("instances = \"2\"")),
            ("port 0", app!("port = 0")),
            ("a large port", app!("port = 70000")),
            ("beyond 64 bits", app!("port = 99999999999999999999999")),
            ("no workers", "[proxy]\nworkers = 0\n[apps.api]\ncommand = \"a\"\n"),
            ("no such log", "[proxy]\naccess_log = \"xml\"\n[apps.api]\ncommand = \"a\"\n"),
            ("a flag in quotes", "[proxy]\naccess_log = \"true\"\n[apps.api]\ncommand = \"a\"\n"),
            ("a number for a flag", "[proxy]\naccess_log = 1\n[apps.api]\ncommand = \"a\"\n"),
            ("no cookie", "[apps.api]\ncommand = \"a\"\nbalance = { sticky = \"a b\" }\n"),
            ("a cookie for browsers", "[apps.api]\ncommand = \"a\"\nbalance = { sticky = \"__Host-a\" }\n"),
            ("no failures", app!("port = 1\n[apps.api.ready]\nfailures = 0")),
        ],
    );
}

#[test]
fn durations_and_sizes() {
    snapshot(
        "durations_and_sizes",
        &[
            ("a bare number", app!("[apps.api.stop]\ntimeout = 30")),
            ("a number in quotes", app!("[apps.api.stop]\ntimeout = \"30\"")),
            ("a fraction", app!("[apps.api.stop]\ntimeout = 1.5")),
            ("nonsense", app!("[apps.api.stop]\ntimeout = \"soon\"")),
            ("zero where that is no sense", app!("port = 1\n[apps.api.ready]\ninterval = \"0s\"")),
            ("eternity", app!("[apps.api.stop]\ntimeout = \"1000y\"")),
            ("a bare size", app!("[apps.api.logs]\nmax_size = 10")),
            ("no size", app!("[apps.api.logs]\nmax_size = \"large\"")),
        ],
    );
}

#[test]
fn limits() {
    snapshot(
        "limits",
        &[
            ("no memory", app!("limits = { memory = \"0B\" }")),
            ("too little memory", app!("[apps.api.limits]\nmemory = \"512KB\"")),
            ("memory without unit", app!("limits = { memory = 512 }")),
            ("negative memory", app!("limits = { memory = \"-5MB\" }")),
            ("watched beyond the limit", app!("max_memory = \"600MB\"\nlimits = { memory = \"512MB\" }")),
            ("no cpu", app!("limits = { cpu = 0 }")),
            ("negative cpu", app!("limits = { cpu = -1.5 }")),
            ("very much cpu", app!("limits = { cpu = 100_000 }")),
            ("cpu in quotes", app!("limits = { cpu = \"1.5\" }")),
            ("cpu in words", app!("limits = { cpu = \"50%\" }")),
            ("no processes", app!("limits = { pids = 0 }")),
            ("negative processes", app!("limits = { pids = -1 }")),
            ("half a process", app!("limits = { pids = 1.5 }")),
        ],
    );
}

#[test]
fn words() {
    snapshot(
        "words",
        &[
            ("a signal", app!("[apps.api.stop]\nsignal = \"SIGTEM\"")),
            ("no signal", app!("[apps.api.stop]\nsignal = \"STOP\"")),
            ("a slip", app!("[apps.api.restart]\npolicy = \"on_failure\"")),
            ("nothing near", app!("[apps.api.drain]\nwebsocket = \"wait\"")),
            ("an address mode", app!("address = \"unix\"")),
        ],
    );
}

#[test]
fn addresses() {
    snapshot(
        "addresses",
        &[
            ("a number", "[apps.api]\ncommand = \"a\"\n[[apps.api.routes]]\nlisten = 8080\n"),
            ("a port alone", "[apps.api]\ncommand = \"a\"\n[[apps.api.routes]]\nlisten = \"8080\"\n"),
            ("no port", "[apps.api]\ncommand = \"a\"\n[[apps.api.routes]]\nlisten = \"127.0.0.1\"\n"),
            ("port 0", "[apps.api]\ncommand = \"a\"\n[[apps.api.routes]]\nlisten = \"127.0.0.1:0\"\n"),
            ("a star", "[apps.api]\ncommand = \"a\"\n[[apps.api.routes]]\nlisten = \"*:80\"\n"),
            ("a name", "[apps.api]\ncommand = \"a\"\n[[apps.api.routes]]\nlisten = \"example.com:80\"\n"),
            (
                "IPv6 without brackets",
                "[apps.api]\ncommand = \"a\"\n[[apps.api.routes]]\nlisten = \"::1:80\"\n",
            ),
            ("a URL", "[apps.api]\ncommand = \"a\"\n[[apps.api.routes]]\nlisten = \"http://localhost:80\"\n"),
            (
                "a host with a port",
                "[apps.api]\ncommand = \"a\"\nport = 1\n[[apps.api.routes]]\nhost = \"a.b:80\"\n",
            ),
            ("every host", "[apps.api]\ncommand = \"a\"\nport = 1\n[[apps.api.routes]]\nhost = \"*\"\n"),
            ("no host", "[apps.api]\ncommand = \"a\"\nport = 1\n[[apps.api.routes]]\nhost = \"a b\"\n"),
            (
                "a path without slash",
                "[apps.api]\ncommand = \"a\"\nport = 1\n[[apps.api.routes]]\npath = \"api\"\n",
            ),
            (
                "a path with a star",
                "[apps.api]\ncommand = \"a\"\nport = 1\n[[apps.api.routes]]\npath = \"/api/*\"\n",
            ),
            (
                "a path with a query",
                "[apps.api]\ncommand = \"a\"\nport = 1\n[[apps.api.routes]]\npath = \"/a?b\"\n",
            ),
            ("a probe of a URL", app!("port = 1\n[apps.api.ready]\npath = \"http://localhost:3000/ready\"")),
            ("a probe with a blank", app!("port = 1\n[apps.api.ready]\npath = \"/is ready\"")),
            (
                "tls on a route",
                "[apps.api]\ncommand = \"a\"\n[[apps.api.routes]]\nlisten = \":443\"\ntls = true\n",
            ),
        ],
    );
}
