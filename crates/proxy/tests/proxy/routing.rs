//! Which app gets a request, and what it sees of it.

use crate::instance::Instance;
use crate::stage::{Stage, request};
use gapless_routing::{AppRouting, Route};

#[tokio::test]
async fn host_and_path_lead_to_the_app() {
    let mut stage = Stage::new().await;
    let (one, two) = (Instance::unix(1), Instance::tcp(2).await);
    stage.snapshot.apps.push(AppRouting::plain("api".parse().unwrap(), vec![Stage::serve(&two)]));
    stage.snapshot.routes[0].host = Some("*.com".parse().unwrap());
    stage.snapshot.routes.push(Route {
        listener: stage.address,
        host: Some("Example.com".parse().unwrap()),
        path: "/api".into(),
        app: "api".parse().unwrap(),
    });
    stage.route_to(vec![Stage::serve(&one)]).await;
    let mut client = stage.client().await;
    assert_eq!(client.get("/").await, (200, "1 /".into()));
    assert_eq!(client.get("/api/x?y").await, (200, "2 /api/x".into()));
    assert_eq!(client.get("/apix").await, (200, "1 /apix".into()));
    let mut other = request("GET", "/", "");
    other.headers_mut().insert("host", "localhost".parse().unwrap());
    other.headers_mut().insert("accept", "application/json".parse().unwrap());
    let response = client.send(other).await.unwrap();
    assert_eq!(response.status(), 404);
    let id = response.headers()["x-request-id"].to_str().unwrap();
    let body = String::from_utf8(response.body().to_vec()).unwrap();
    assert!(body.contains(id) && body.starts_with('{'), "{body}");
}

#[tokio::test]
async fn headers_are_clean_in_both_directions() {
    let mut stage = Stage::new().await;
    let (unix, tcp) = (Instance::unix(1), Instance::tcp(2).await);
    stage.route_to(vec![Stage::serve(&unix)]).await;
    let mut client = stage.client().await;
    let mut asked = request("GET", "/headers", "");
    for (name, value) in [
        ("connection", "x-mine, keep-alive"),
        ("x-mine", "1"),
        ("te", "trailers"),
        ("x-request-id", "abc.1"),
        ("x-gapless-client", "6.6.6.6:6"),
        ("x-forwarded-for", "9.9.9.9"),
        ("cookie", "a=b"),
    ] {
        asked.headers_mut().insert(name, value.parse().unwrap());
    }
    let response = client.send(asked).await.unwrap();
    assert_eq!(response.headers()["x-request-id"], "abc.1");
    let seen = String::from_utf8(response.into_body().to_vec()).unwrap();
    let address = seen.lines().find_map(|line| line.strip_prefix("x-gapless-client: ")).unwrap().to_owned();
    assert!(address.starts_with("127.0.0.1:") && address.len() > 10, "{address}");
    let seen: Vec<_> = seen.lines().filter(|line| !line.starts_with("x-gapless-client")).collect();
    assert_eq!(
        seen,
        [
            "cookie: a=b",
            "host: example.com",
            "te: trailers",
            "x-forwarded-for: 9.9.9.9, 127.0.0.1",
            "x-forwarded-host: example.com",
            "x-forwarded-proto: http",
            "x-request-id: abc.1",
        ]
    );

    let response = client.send(request("GET", "/answer-headers", "")).await.unwrap();
    let names: Vec<_> = response.headers().keys().map(|name| name.as_str()).collect();
    for gone in ["connection", "x-secret", "keep-alive", "transfer-encoding"] {
        assert!(!names.contains(&gone), "{names:?}");
    }
    assert_eq!(response.headers()["x-request-id"].len(), 32);

    stage.route_to(vec![Stage::serve(&tcp)]).await;
    let (_, seen) = client.get("/headers").await;
    assert!(!seen.contains("x-gapless-client"), "only Unix sockets are told: {seen}");
}

#[tokio::test]
async fn requests_without_a_clear_host_are_refused_and_old_clients_are_not() {
    let mut stage = Stage::new().await;
    let one = Instance::unix(1);
    stage.route_to(vec![Stage::serve(&one)]).await;
    let end = "Connection: close\r\n\r\n";
    let answer = stage.raw(&format!("GET / HTTP/1.1\r\n{end}")).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    let answer = stage.raw(&format!("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n{end}")).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    let answer = stage.raw(&format!("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n{end}")).await;
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
    let answer = stage.raw("GET /old HTTP/1.0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 200 OK") && answer.ends_with("1 /old"), "{answer}");
    let answer = stage.raw(&format!("GET http://a.b/abs HTTP/1.1\r\nHost: A.b\r\n{end}")).await;
    assert!(answer.ends_with("1 /abs"), "{answer}");
}
