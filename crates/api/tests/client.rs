//! The client against a control that is played: bytes on a Unix socket.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use gapless_api::client::{Act, Client, ClientError, LogQuery};
use gapless_api::request::{Done, LogLine, ReloadRequest};
use gapless_api::{ErrorKind, Progress};
use gapless_model::RolloutId;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

/// A control that accepts one connection, reads one request and answers in the given pieces.
struct Played {
    home: TempDir,
    request: JoinHandle<String>,
}

impl Played {
    fn answering(pieces: Vec<String>) -> Self {
        let home = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(home.path().join("control.sock")).unwrap();
        let request = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let request = read_request(&mut stream).await;
            for piece in pieces {
                stream.write_all(piece.as_bytes()).await.unwrap();
                tokio::task::yield_now().await;
            }
            request
        });
        Self { home, request }
    }

    fn json(status: &str, body: &str) -> Self {
        let length = body.len();
        Self::answering(vec![format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}")])
    }

    fn client(&self) -> Client {
        Client::new(self.home.path())
    }
}

async fn read_request(stream: &mut UnixStream) -> String {
    let mut text = String::new();
    let mut bytes = [0; 4096];
    loop {
        let n = stream.read(&mut bytes).await.unwrap();
        text.push_str(std::str::from_utf8(&bytes[..n]).unwrap());
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|l| l.strip_prefix("content-length: "));
        if n == 0 || body.len() >= length.map_or(0, |l| l.parse().unwrap()) {
            return text;
        }
    }
}

#[tokio::test]
async fn a_call_names_its_version_and_reads_the_answer() {
    let control = Played::json("200 OK", r#"{"message":"api is being stopped"}"#);
    let done = control.client().act(&"api".parse().unwrap(), Act::Stop).await.unwrap();
    assert_eq!(done, Done { message: "api is being stopped".into() });
    assert!(control.request.await.unwrap().starts_with("POST /v1/apps/api/stop HTTP/1.1\r\n"));
}

#[tokio::test]
async fn a_refusal_arrives_whole() {
    let control = Played::json("409 Conflict", r#"{"kind":"conflict","message":"busy","hint":"wait"}"#);
    let error = control.client().reload(&"api".parse().unwrap(), ReloadRequest::default()).await.unwrap_err();
    let ClientError::Refused(body) = error else { panic!("{error}") };
    assert_eq!(
        (body.kind, body.message.as_str(), body.hint.as_deref()),
        (ErrorKind::Conflict, "busy", Some("wait"))
    );
}

#[tokio::test]
async fn an_answer_of_another_kind_is_named_with_what_was_asked() {
    let control = Played::json("404 Not Found", "no such page");
    let error = control.client().down().await.unwrap_err();
    assert_eq!(error.to_string(), "POST /v1/down: the answer cannot be read: 404 Not Found: no such page");
}

#[tokio::test]
async fn nobody_there_is_not_reachable() {
    let home = tempfile::tempdir().unwrap();
    let error = Client::new(home.path()).status().await.unwrap_err();
    assert!(matches!(error, ClientError::NotReachable { .. }), "{error}");
}

#[tokio::test]
async fn a_control_that_dies_before_it_answers_is_broken_not_unreachable() {
    let control = Played::answering(Vec::new());
    let error = control.client().status().await.unwrap_err();
    assert!(matches!(error, ClientError::Broken { .. }), "{error}");
}

#[tokio::test]
async fn lines_are_put_together_from_pieces_and_a_proper_end_is_told_from_a_cut() {
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
    let first = r#"{"at":1,"instance":"api-1","err":false,"text":"one"}"#;
    let (left, right) = first.split_at(20);
    let second = r#"{"at":2,"instance":"api-2","err":true,"text":"two"}"#;
    let pieces = vec![head.into(), chunk(left), chunk(&format!("{right}\n\n{second}\n")), chunk("")];
    let control = Played::answering(pieces);
    let query = LogQuery { lines: 7, follow: true, out: false, err: true };
    let mut lines = control.client().logs(&"api".parse().unwrap(), query).await.unwrap();
    let texts: Vec<LogLine> =
        [lines.next().await.unwrap().unwrap(), lines.next().await.unwrap().unwrap()].into();
    assert_eq!(texts.iter().map(|l| l.text.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    assert!(lines.next().await.unwrap().is_none());
    let request = control.request.await.unwrap();
    assert!(request.starts_with("GET /v1/apps/api/logs?lines=7&follow=true&stream=err "), "{request}");

    let control = Played::answering(vec![head.into(), chunk("{\"progress\":\"settled\"}\n{\"pro")]);
    let mut lines = control.client().follow_rollout(RolloutId(3)).await.unwrap();
    assert_eq!(lines.next().await.unwrap(), Some(Progress::Settled));
    assert!(matches!(lines.next().await, Err(ClientError::Broken { .. })));
}
