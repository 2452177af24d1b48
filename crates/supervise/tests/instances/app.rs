//! An app for the tests: it listens where it is told and answers what its files say.

use gapless_sys::{descriptor, notify};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// Where it listens: `socket`, `port`, `address HOST:PORT`, or nowhere.
pub(crate) const LISTEN: &str = "APP_LISTEN";
/// The directory whose files it answers from: `GET /x` is answered by the first word of `x` as the status, the
/// rest as body (or `Location`); a file that is missing is 200. `hang` never answers: the file `asked` is written
/// then, and `hung-up` when the client has gone.
pub(crate) const ANSWERS: &str = "APP_ANSWERS";
/// What it says on `NOTIFY_SOCKET` first; `;` parts messages.
pub(crate) const NOTIFY: &str = "APP_NOTIFY";

/// The words that run it.
pub(crate) fn command() -> Vec<String> {
    let program = std::env::current_exe().unwrap().into_os_string().into_string().unwrap();
    let arguments = ["--ignored", "--exact", "app::the_app", "--nocapture", "--quiet"];
    std::iter::once(program).chain(arguments.map(str::to_owned)).collect()
}

#[test]
#[ignore = "run by the other tests, as an app"]
fn the_app() {
    let Ok(answers) = std::env::var(ANSWERS).map(PathBuf::from) else { return };
    if let Ok(messages) = std::env::var(NOTIFY) {
        let socket = notify::connect_named().unwrap().unwrap();
        for message in messages.split(';') {
            descriptor::send(&socket, message.as_bytes(), &[]).unwrap();
        }
    }
    let listen = std::env::var(LISTEN).unwrap_or_default();
    match listen.split_once(' ').unwrap_or((&listen, "")) {
        ("socket", _) => {
            let listener = UnixListener::bind(std::env::var("GAPLESS_SOCKET").unwrap()).unwrap();
            for stream in listener.incoming().flatten() {
                serve(answers.clone(), stream.try_clone().unwrap(), stream);
            }
        }
        ("port", _) => tcp(&answers, &format!("127.0.0.1:{}", std::env::var("PORT").unwrap())),
        ("address", address) => tcp(&answers, address),
        _ => {}
    }
    loop {
        std::thread::park();
    }
}

fn tcp(answers: &Path, address: &str) {
    for stream in TcpListener::bind(address).unwrap().incoming().flatten() {
        serve(answers.to_owned(), stream.try_clone().unwrap(), stream);
    }
}

fn serve(answers: PathBuf, reader: impl Read + Send + 'static, mut writer: impl Write + Send + 'static) {
    std::thread::spawn(move || {
        let mut lines = BufReader::new(reader).lines().map_while(Result::ok);
        let Some(request) = lines.next() else { return };
        while lines.next().is_some_and(|line| !line.is_empty()) {}
        let path = request.split(' ').nth(1).unwrap().trim_start_matches('/').to_owned();
        let answer = fs::read_to_string(answers.join(path)).unwrap_or_else(|_| "200 fine".to_owned());
        let (status, rest) = answer.split_once(' ').unwrap_or((&answer, ""));
        if status == "hang" {
            fs::write(answers.join("asked"), "yes\n").unwrap();
            while lines.next().is_some() {}
            fs::write(answers.join("hung-up"), "yes\n").unwrap();
            return;
        }
        let location = if status.starts_with('3') { format!("location: {rest}\r\n") } else { String::new() };
        let length = rest.len();
        let _ = write!(writer, "HTTP/1.1 {status} X\r\n{location}content-length: {length}\r\n\r\n{rest}");
    });
}
