//! Values that are right by themselves and wrong together.

use crate::rendering::{Project, shown, snapshot};

#[test]
fn commands() {
    snapshot(
        "commands",
        &[
            ("none", "[apps.api]\nport = 3000\n"),
            ("empty", "[apps.api]\ncommand = \"\"\n"),
            ("blank with a shell", "[apps.api]\ncommand = \" \"\nshell = true\n"),
            ("no words", "[apps.api]\ncommand = []\n"),
            ("no program", "[apps.api]\ncommand = [\"\", \"a\"]\n"),
            ("and", "[apps.api]\ncommand = \"npm run build && npm start\"\n"),
            ("pipe", "[apps.api]\ncommand = 'node server.js | tee log'\n"),
            ("variable", "[apps.api]\ncommand = \"node server.js --port $PORT\"\n"),
            ("behind an escape", "[apps.api]\ncommand = \"node \\\"a b\\\" > log\"\n"),
            ("assignment", "[apps.api]\ncommand = \"NODE_ENV=production node server.js\"\n"),
            ("open quote", "[apps.api]\ncommand = \"node -e 'x\"\n"),
            ("backslash", "[apps.api]\ncommand = 'node \\'\n"),
            ("two lines", "[apps.api]\ncommand = \"\"\"\nnpm ci\nnode server.js\n\"\"\"\n"),
            ("words and a shell", "[apps.api]\ncommand = [\"a\", \"b\"]\nshell = true\n"),
            ("NUL", "[apps.api]\ncommand = \"a\\u0000b\"\n"),
            (
                "of a probe",
                "[apps.api]\ncommand = \"a\"\n[apps.api.ready]\ncommand = \"curl localhost | grep ok\"\n",
            ),
        ],
    );
}

#[test]
fn routes_and_listeners() {
    snapshot(
        "routes_and_listeners",
        &[
            (
                "two apps on one route",
                "[apps.api]\ncommand = \"a\"\n[[apps.api.routes]]\nlisten = \":8080\"\nhost = \"Example.com\"\n\n\
             [apps.web]\ncommand = \"b\"\n[[apps.web.routes]]\nlisten = \"0.0.0.0:8080\"\nhost = \
             \"example.com\"\npath = \"/\"\n",
            ),
            (
                "two apps on one port",
                "[apps.api]\ncommand = \"a\"\nport = 3000\n\n[apps.web]\ncommand = \"b\"\nport = 3000\n",
            ),
            (
                "one app twice",
                "[apps.api]\ncommand = \"a\"\n[[apps.api.routes]]\nlisten = \":80\"\npath = \"/x/\"\n\
             [[apps.api.routes]]\nlisten = \":80\"\npath = \"/x\"\n",
            ),
            (
                "every address and one",
                "[apps.api]\ncommand = \"a\"\n[[apps.api.routes]]\nlisten = \"127.0.0.1:8080\"\n\n\
             [apps.web]\ncommand = \"b\"\n[[apps.web.routes]]\nlisten = \":8080\"\n",
            ),
            (
                "IPv4 and IPv6",
                "[apps.api]\ncommand = \"a\"\n[[apps.api.routes]]\nlisten = \"[::]:80\"\n[[apps.api.routes]]\n\
             listen = \":80\"\n",
            ),
            (
                "every IPv6 address and one of IPv4",
                "[apps.api]\ncommand = \"a\"\n[[apps.api.routes]]\nlisten = \"127.0.0.1:80\"\n[[apps.api.routes]]\n\
             listen = \"[::]:80\"\n[[apps.api.routes]]\nlisten = \"[::1]:81\"\n[[apps.api.routes]]\nlisten = \":81\"\n",
            ),
            ("no listener", "[apps.api]\ncommand = \"a\"\n[[apps.api.routes]]\nhost = \"a.b\"\n"),
            (
                "no address",
                "[apps.api]\ncommand = \"a\"\naddress = \"none\"\n[[apps.api.routes]]\nlisten = \":80\"\n",
            ),
        ],
    );
}

#[test]
fn probes() {
    snapshot(
        "probes",
        &[
            ("two kinds", "[apps.api]\ncommand = \"a\"\n[apps.api.ready]\npath = \"/ready\"\ntcp = true\n"),
            ("no kind", "[apps.api]\ncommand = \"a\"\n[apps.api.live]\ninterval = \"5s\"\n"),
            ("a choice not taken", "[apps.api]\ncommand = \"a\"\n[apps.api.live]\ntcp = false\n"),
            (
                "of nobody",
                "[apps.api]\ncommand = \"a\"\naddress = \"none\"\n[apps.api.ready]\npath = \"/ready\"\n",
            ),
        ],
    );
}

#[test]
fn settings() {
    snapshot(
        "settings",
        &[
            (
                "no room to roll",
                "[apps.api]\ncommand = \"a\"\n[apps.api.rollout]\nmax_surge = 0\nmax_unavailable = 0\n",
            ),
            ("no room by default", "[apps.api]\ncommand = \"a\"\n[apps.api.rollout]\nmax_surge = 0\n"),
            (
                "backoff",
                "[apps.api]\ncommand = \"a\"\n[apps.api.restart]\nbackoff = \"1m\"\nbackoff_max = \"1s\"\n",
            ),
            ("backoff by default", "[apps.api]\ncommand = \"a\"\n[apps.api.restart]\nbackoff = \"1m\"\n"),
            (
                "nothing to turn",
                "[apps.api]\ncommand = \"a\"\n[apps.api.rollout]\nstrategy = \"blue-green\"\n",
            ),
            (
                "a preview for strangers",
                "[apps.api]\ncommand = \"a\"\nport = 3000\n[apps.api.rollout]\npreview = \":9100\"\n",
            ),
            (
                "a preview where the public is",
                "[apps.api]\ncommand = \"a\"\nport = 3000\n[apps.api.rollout]\npreview = \"127.0.0.1:3000\"\n",
            ),
            (
                "no checks",
                "[apps.api]\ncommand = \"a\"\nport = 3000\n[apps.api.rollout.verify]\ntimeout = \"9s\"\n",
            ),
            (
                "a check of nothing",
                "[apps.api]\ncommand = \"a\"\nport = 3000\n[[apps.api.rollout.verify.checks]]\nstatus = 204\n",
            ),
            ("longest backoff", "[apps.api]\ncommand = \"a\"\n[apps.api.restart]\nbackoff_max = \"1ms\"\n"),
        ],
    );
}

#[test]
fn order_of_start() {
    let apps = |after: [&str; 3]| -> String {
        let app = |(name, after): (&str, &str)| format!("[apps.{name}]\ncommand = \"a\"\n{after}\n");
        ["db", "cache", "web"].into_iter().zip(after).map(app).collect()
    };
    let texts = [
        ("a slip of the finger", apps(["", "", "after = [\"cahce\"]"])),
        ("no such app", apps(["", "", "after = [\"db\", \"queue\"]"])),
        ("no other app", "[apps.web]\ncommand = \"a\"\nafter = [\"db\"]\n".to_owned()),
        ("itself", apps(["after = [\"db\"]", "", ""])),
        ("twice", apps(["", "", "after = [\"db\", \"cache\", \"db\"]"])),
        ("each after the other", apps(["after = [\"cache\"]", "after = [\"db\"]", ""])),
        (
            "a circle of three, and one beside it",
            apps(["after = [\"web\"]", "after = [\"db\"]", "after = [\"cache\", \"db\"]"]),
        ),
        ("one name", apps(["", "", "after = \"db\""])),
        ("a number", apps(["", "", "after = [1]"])),
    ];
    snapshot("order_of_start", &texts.each_ref().map(|(name, text)| (*name, text.as_str())));
}

#[test]
fn names() {
    snapshot(
        "names",
        &[
            ("a blank", "[apps.\"my app\"]\ncommand = \"a\"\n"),
            ("a slash", "[apps.\"/etc\"]\ncommand = \"a\"\n"),
            ("empty", "[apps.\"\"]\ncommand = \"a\"\n"),
            ("another alphabet", "[apps.\"приложение\"]\ncommand = \"a\"\n"),
        ],
    );
}

#[test]
fn variables() {
    snapshot(
        "variables",
        &[
            ("an equals sign", "[apps.api]\ncommand = \"a\"\nenv = { \"A=B\" = \"c\" }\n"),
            ("no name", "[apps.api]\ncommand = \"a\"\nenv = { \"\" = \"c\" }\n"),
            ("NUL in a name", "[apps.api]\ncommand = \"a\"\nenv = { \"A\\u0000\" = \"c\" }\n"),
            ("NUL in a value", "[apps.api]\ncommand = \"a\"\nenv = { A = \"c\\u0000\" }\n"),
            ("ours", "[apps.api]\ncommand = \"a\"\n[apps.api.env]\nGAPLESS_SOCKET = \"/tmp/x\"\n"),
            (
                "two apps told one PORT",
                "[apps.a]\ncommand = \"a\"\nport = 80\n[apps.b]\ncommand = \"b\"\nenv = { PORT = \"80\" }\n",
            ),
            ("another PORT", "[apps.api]\ncommand = \"a\"\nport = 80\nenv = { PORT = \"3000\" }\n"),
            (
                "passed, but not set",
                "[apps.api]\ncommand = \"a\"\npass_env = [\"DATABASE_URI\", \"TOKEN\"]\n",
            ),
            ("passed, and no name", "[apps.api]\ncommand = \"a\"\npass_env = [\"A=B\"]\n"),
        ],
    );
}

#[test]
fn apps_that_are_not_there() {
    let project = Project::new();
    project.write("gapless.toml", "[apps.api]\ncommand = \"a\"\n[apps.worker]\ncommand = \"b\"\n");
    let config = project.load().unwrap();
    let said = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        project.rendered(&config.select(&names).unwrap_err())
    };
    shown(
        "apps_that_are_not_there",
        &format!("{}\n{}\n{}", said(&["worke"]), said(&["zebra"]), said(&["ap", "x", "api"])),
    );
    let selected = config.select(&["worker".into()]).unwrap();
    assert_eq!(selected.iter().map(|app| app.name.as_str()).collect::<Vec<_>>(), ["worker"]);
    assert_eq!(config.select(&[]).unwrap().len(), 2);
}
