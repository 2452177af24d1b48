//! What clients see while an app is down is what its owner has written, and names their request.

use gapless_e2e::{Answer, CaseApp, Customer, Site};

/// An answer to a browser, or to a program, that asks with the id `r-1`.
fn ask(site: &Site, accept: &str) -> Answer {
    let customer = Customer::of(site.address()).header("Accept", accept).header("X-Request-Id", "r-1");
    match customer.get("/") {
        Ok(answer) => answer,
        Err(error) => panic!("no answer: {error}"),
    }
}

#[test]
fn a_stopped_app_shows_its_own_page_and_a_newer_one_after_up() {
    let site = Site::new();
    let mut app = CaseApp::new(1);
    app.keys = "error_pages = \"errors\"".to_owned();
    site.write("errors/503.html", "<h1>Back soon</h1> {request_id}");
    app.up(&site);
    assert_eq!(ask(&site, "text/html").status, 200);
    let _ = site.gapless(&["stop", "app"]).succeeds();
    let answer = ask(&site, "text/html");
    assert_eq!((answer.status, answer.body.as_str()), (503, "<h1>Back soon</h1> r-1"));
    assert_eq!(answer.headers["x-request-id"], "r-1");
    let answer = ask(&site, "application/json");
    assert!(answer.body.contains("\"request_id\":\"r-1\""), "{answer:?}");

    // Another page is a setting: what runs is not touched, and control knows it when it is new.
    let _ = site.gapless(&["start", "app"]).succeeds();
    let before = site.pids("app");
    site.write("errors/503.html", "<h1>In an hour</h1>");
    let _ = site.gapless(&["up"]).succeeds().says("error_pages");
    assert_eq!(site.pids("app"), before);
    site.kill_control();
    let _ = site.gapless(&["stop", "app"]).succeeds();
    assert_eq!(ask(&site, "text/html").body, "<h1>In an hour</h1>");

    site.write("errors/503.html", vec![b'x'; 100_000]);
    let _ = site.gapless(&["up"]).exits(2).says("503.html has 100000 bytes");
    assert_eq!(ask(&site, "text/html").body, "<h1>In an hour</h1>");
}
