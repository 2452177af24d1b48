//! What a client sees when the proxy answers by itself.

use crate::stage::{Client, Stage, request};
use gapless_model::ErrorPages;
use std::collections::BTreeMap;

fn pages(pages: &[(u16, &str)]) -> ErrorPages {
    ErrorPages::new(
        pages.iter().map(|(status, page)| (*status, (*page).to_owned())).collect::<BTreeMap<_, _>>(),
    )
}

/// Status, kind and body of an answer to the request `r-1`, which it always names in its head.
async fn ask(client: &mut Client, path: &str, accept: &str) -> (u16, String, String) {
    let mut request = request("GET", path, "");
    request.headers_mut().insert("accept", accept.parse().unwrap());
    request.headers_mut().insert("x-request-id", "r-1".parse().unwrap());
    let answer = client.send(request).await.unwrap();
    assert_eq!(
        (&answer.headers()["x-request-id"], &answer.headers()["cache-control"]),
        (&"r-1".parse().unwrap(), &"no-store".parse().unwrap())
    );
    let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
    (answer.status().as_u16(), kind, String::from_utf8(answer.body().to_vec()).unwrap())
}

#[tokio::test]
async fn programs_get_json_browsers_a_page_and_others_text_and_all_the_id() {
    let mut stage = Stage::new().await;
    stage.snapshot.routes[0].path = "/app".into();
    stage.snapshot.apps[0].hold.max_requests = 0;
    stage.apply().await;
    let mut client = stage.client().await;
    let (status, kind, body) = ask(&mut client, "/app", "text/html,*/*;q=0.8").await;
    assert_eq!((status, kind.as_str()), (503, "text/html; charset=utf-8"));
    assert!(body.contains("The app is not ready") && body.contains("<code>r-1</code>"), "{body}");
    let (status, kind, body) = ask(&mut client, "/app", "application/json").await;
    assert_eq!((status, kind.as_str()), (503, "application/json"));
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((body["status"].as_u64(), body["request_id"].as_str()), (Some(503), Some("r-1")));
    let (status, kind, body) = ask(&mut client, "/", "*/*").await;
    assert_eq!((status, kind.as_str()), (404, "text/plain; charset=utf-8"));
    assert!(body.starts_with("404 Not Found\n") && body.ends_with("Request id: r-1\n"), "{body}");
}

#[tokio::test]
async fn own_pages_are_shown_the_apps_before_those_of_all_and_newer_ones_at_once() {
    let mut stage = Stage::new().await;
    stage.snapshot.routes[0].path = "/app".into();
    stage.snapshot.apps[0].hold.max_requests = 0;
    stage.snapshot.error_pages = pages(&[(404, "nowhere {request_id}"), (503, "all {status}")]);
    stage.apply().await;
    let mut client = stage.client().await;
    let shown = async |client: &mut Client, path| ask(client, path, "*/*").await.2;
    assert_eq!(shown(&mut client, "/app").await, "all 503");
    assert_eq!(shown(&mut client, "/").await, "nowhere r-1");
    stage.snapshot.apps[0].error_pages = pages(&[(503, "<b>own</b> {request_id}")]);
    stage.apply().await;
    let (_, kind, body) = ask(&mut client, "/app", "*/*").await;
    assert_eq!((kind.as_str(), body.as_str()), ("text/html; charset=utf-8", "<b>own</b> r-1"));
    assert_eq!(shown(&mut client, "/").await, "nowhere r-1");
    let (_, kind, _) = ask(&mut client, "/app", "application/json").await;
    assert_eq!(kind, "application/json", "whatever pages there are");
    stage.snapshot.apps[0].error_pages = ErrorPages::default();
    stage.snapshot.error_pages = ErrorPages::default();
    stage.apply().await;
    assert!(shown(&mut client, "/app").await.starts_with("503 Service Unavailable"));
}
