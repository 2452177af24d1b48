//! A proxy by itself, for measuring: no control, one app, fixed instances.
//!
//! `cargo run --release -p gapless-proxy --example standalone -- LISTEN WORKERS LOG INSTANCE…`, where LOG is
//! `log` or `quiet` and an instance is a socket's path or an address with port.

#![expect(clippy::unwrap_used, reason = "a tool for developers: it may fail loudly")]

use gapless_model::release::AppProtocol;
use gapless_model::{AccessLog, Address, AppName, ErrorPages, Generation, InstanceId, ReleaseId};
use gapless_proxy::Options;
use gapless_routing::frame::Connection;
use gapless_routing::socket::socket;
use gapless_routing::{AppRouting, Backend, Duty, Listener, Protocol, Route, Snapshot, ToControl, ToProxy};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::time::Duration;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let address: SocketAddr = arguments.next().unwrap().parse().unwrap();
    let workers = arguments.next().unwrap().parse().unwrap();
    let log = arguments.next().unwrap() == "log";
    let access_log = if log { AccessLog::Json } else { AccessLog::Off };
    let app: AppName = "web".parse().unwrap();
    let backends = arguments.zip(1..).map(|(at, number)| Backend {
        instance: InstanceId::new(app.clone(), number),
        release: ReleaseId(1),
        address: at.parse().map_or_else(|_| Address::Unix(at.into()), Address::Tcp),
        protocol: AppProtocol::Http1,
        duty: Duty::Serve { weight: 1 },
        retiring: None,
    });
    let snapshot = Snapshot {
        generation: Generation(1),
        listeners: vec![Listener { address, descriptor: Some(0), protocol: Protocol::Plain }],
        routes: vec![Route { listener: address, host: None, path: "/".into(), app: app.clone() }],
        apps: vec![AppRouting::plain(app.clone(), backends.collect())],
        access_log,
        trust: gapless_model::trust::Trust::default(),
        error_pages: ErrorPages::default(),
    };
    let home = std::env::temp_dir().join(format!("gapless-standalone-{}", std::process::id()));
    std::fs::create_dir_all(&home).unwrap();
    let options = Options { home: home.clone().try_into().unwrap(), workers, log: None, look: Options::LOOK };
    let proxy = std::thread::spawn(move || gapless_proxy::run(options));
    std::thread::spawn(move || control(&home, address, snapshot));
    proxy.join().unwrap();
}

fn control(home: &std::path::Path, address: SocketAddr, snapshot: Snapshot) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let connection = loop {
            match Connection::connect(socket(home, std::process::id())).await {
                Ok(connection) => break connection,
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        };
        let (mut receiver, mut sender) = connection.split::<ToControl, ToProxy>();
        let listener = TcpListener::bind(address).unwrap();
        sender.send(&ToProxy::Apply(snapshot), &[listener.as_fd()]).await.unwrap();
        while let Ok(Some((message, _))) = receiver.recv().await {
            match message {
                ToControl::Applied { .. } => println!("serving at {address}"),
                ToControl::Refused { message, .. } => println!("refused: {message}"),
                _ => {}
            }
        }
    });
}
