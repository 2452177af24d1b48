//! A control that is played: it answers each request by a script, and remembers what it was asked.

use crate::parts::Parts;
use crate::screen::Screen;
use crate::session::Session;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

/// How one request is answered.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    /// By this status and body.
    Json(u16, String),
    /// By these lines, then an end in good order.
    Lines(Vec<String>),
    /// By these lines, then the connection breaks: control was killed.
    Cut(Vec<String>),
}

/// The play: a home with a control socket in it.
#[derive(Debug)]
pub(super) struct Played {
    home: TempDir,
    asked: Rc<RefCell<Vec<String>>>,
}

impl Played {
    /// Answers the requests that begin with a text by the replies under it, in their order. To be called
    /// within a `LocalSet`.
    pub(super) fn new(script: Vec<(&'static str, Vec<Reply>)>) -> Self {
        let home = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(home.path().join("control.sock")).unwrap();
        let asked = Rc::new(RefCell::new(Vec::new()));
        let script: Vec<_> =
            script.into_iter().map(|(ask, replies)| (ask, VecDeque::from(replies))).collect();
        tokio::task::spawn_local(play(listener, Rc::new(RefCell::new(script)), Rc::clone(&asked)));
        Self { home, asked }
    }

    /// A session that speaks to it, and cannot start anything.
    pub(super) fn session(&self) -> Rc<Session> {
        session(self.home.path())
    }

    /// The first words of all requests so far, connections that ask nothing left out.
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.borrow().clone()
    }
}

/// A session in any home.
pub(super) fn session(home: &Path) -> Rc<Session> {
    let screen = Screen { live: false, colours: false };
    let parts = Parts {
        launch: |_| unreachable!("nothing is started here"),
        keeper: |_, _| ExitCode::FAILURE,
        control: |_| ExitCode::FAILURE,
        proxy: |_, _| ExitCode::FAILURE,
        formats: |_| String::new(),
        spawn_keeper: |_, _| Err(io::Error::other("this is a play")),
    };
    Rc::new(Session::new(home.to_owned(), screen, &parts))
}

type Script = Rc<RefCell<Vec<(&'static str, VecDeque<Reply>)>>>;

async fn play(listener: UnixListener, script: Script, asked: Rc<RefCell<Vec<String>>>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::task::spawn_local(answer(stream, Rc::clone(&script), Rc::clone(&asked)));
    }
}

async fn answer(mut stream: UnixStream, script: Script, asked: Rc<RefCell<Vec<String>>>) {
    let mut text = Vec::new();
    while !whole(&text) {
        // A connection that asks nothing: somebody only looks whether control is there.
        if stream.read_buf(&mut text).await.unwrap() == 0 {
            return;
        }
    }
    let text = String::from_utf8(text).unwrap();
    let first = text.split(" HTTP/").next().unwrap().to_owned();
    asked.borrow_mut().push(first.clone());
    let reply = {
        let mut script = script.borrow_mut();
        let replies = script.iter_mut().find(|(ask, _)| first.starts_with(ask));
        replies
            .and_then(|(_, replies)| replies.pop_front())
            .unwrap_or_else(|| panic!("not in the play: {first}"))
    };
    let (text, ends) = match reply {
        Reply::Json(status, body) => {
            (format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n\r\n{body}", body.len()), true)
        }
        Reply::Lines(lines) => (chunks(&lines), true),
        Reply::Cut(lines) => (chunks(&lines), false),
    };
    stream.write_all(text.as_bytes()).await.unwrap();
    if ends && text.contains("chunked") {
        stream.write_all(b"0\r\n\r\n").await.unwrap();
    }
}

fn chunks(lines: &[String]) -> String {
    let chunk = |line: &String| format!("{:x}\r\n{line}\n\r\n", line.len() + 1);
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_owned();
    head + &lines.iter().map(chunk).collect::<String>()
}

fn whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |n| n.parse().unwrap())
}
