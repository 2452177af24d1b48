//! The apps, customers and questions that these tests share.

use gapless_api::request::ReleaseRow;
use gapless_api::status::AppStatus;
use gapless_e2e::traffic::begin;
use gapless_e2e::{Answer, CaseApp, Customer, Site, apps_directory};
use gapless_load::{LoadThread, Plan, RequestKind, Stream, VersionFrom};
use gapless_model::RolloutPhase;
use gapless_model::release::Mark;
use serde_json::Value;
use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

/// Writes `apps/code.mjs` with this version into a directory of the site.
pub(crate) fn code(site: &Site, directory: &str, version: &str) -> String {
    let app = fs::read(apps_directory().join("code.mjs")).unwrap();
    site.write(&format!("{directory}/server.mjs"), app);
    site.write(&format!("{directory}/version.mjs"), format!("export const version = {version:?};\n"));
    site.path().join(directory).display().to_string()
}

/// The file of an app that runs what [`code`] wrote: two instances, no bake time.
pub(crate) fn code_app(site: &Site, directory: &str, setting: &str, words: &str) {
    let text = format!(
        "[apps.app]\ncommand = \"node server.mjs {words}\"\ncwd = {directory:?}\nport = 3000\ninstances = 2\n\
         env = {{ SETTING = {setting:?} }}\n\n[[apps.app.routes]]\nlisten = \"{}\"\n\n[apps.app.ready]\n\
         path = \"/ready\"\ninterval = \"100ms\"\n\n[apps.app.rollout]\nbake = \"0s\"\n",
        site.address()
    );
    site.write("gapless.toml", text);
}

pub(crate) fn ask(address: SocketAddr) -> Answer {
    let answer = Customer::of(address).get("/").unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

/// What answers: version, setting, words of the command.
pub(crate) fn runs(site: &Site) -> [String; 3] {
    let said = ask(site.address()).json();
    ["version", "setting", "words"].map(|key| match &said[key] {
        Value::Array(words) => words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        text => text.as_str().unwrap_or_default().to_owned(),
    })
}

/// A load that only asks for `/`.
pub(crate) fn customers(site: &Site) -> LoadThread {
    let pause = Duration::from_millis(10);
    let kept = Stream::new("kept", 8, RequestKind::get("/")).every(pause);
    let anew = Stream::new("anew", 8, RequestKind::get("/")).every(pause).connecting_anew();
    let plan = Plan::new(site.address(), Duration::from_secs(120)).with(kept).with(anew);
    begin(
        Plan { timeout: Duration::from_secs(40), ..plan }
            .versioned_by(VersionFrom::Header("x-version".into())),
    )
}

pub(crate) fn releases(site: &Site) -> Vec<(u32, bool, Mark)> {
    let rows: Vec<ReleaseRow> =
        serde_json::from_str(&site.gapless(&["releases", "app", "--json"]).succeeds().out).unwrap();
    rows.into_iter().map(|row| (row.release.0, row.current, row.mark)).collect()
}

pub(crate) fn current(site: &Site) -> Option<u32> {
    site.app("app").release.map(|release| release.0)
}

pub(crate) fn is_replacing(app: &AppStatus) -> bool {
    app.rollout.as_ref().is_some_and(|r| matches!(r.phase, RolloutPhase::Replacing { .. }))
}

pub(crate) fn is_baking(app: &AppStatus) -> bool {
    app.rollout.as_ref().is_some_and(|r| matches!(r.phase, RolloutPhase::Baking { .. }))
}

/// A rollout of `v2`, which takes two seconds to boot, from `v1`.
pub(crate) fn slow(instances: u32) -> CaseApp {
    CaseApp { bake: "0s".into(), ..CaseApp::new(instances).env("VERSION", "v2").env("BOOT_MS", 1500) }
}
