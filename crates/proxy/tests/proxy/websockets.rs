//! WebSockets while their instance retires: closed between two messages, or kept.

use crate::instance::Instance;
use crate::socket_frames::{CLOSE, Frame, PING, Server, TEXT, frame, masked, restart};
use crate::stage::{Stage, soon, until};
use gapless_model::Moment;
use gapless_model::app::{DrainSpec, WebSocketPolicy};
use gapless_model::instance::Retiring;
use gapless_routing::socket::socket;
use gapless_routing::{Backend, ToProxy};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Longer than any test.
const LONG: u64 = 600_000;

fn now() -> Moment {
    Moment::from_millis(gapless_sys::clock::boot_millis())
}

/// The instance has so many milliseconds until its connections are cut.
fn retired(server: &Server, within: u64) -> Backend {
    let end = now() + Duration::from_millis(within);
    let retiring = Retiring { since: now(), drain_deadline: end, upgraded_deadline: end };
    Backend { retiring: Some(retiring), ..Stage::finish(&server.instance) }
}

async fn stage(websocket: WebSocketPolicy, window: u64) -> Stage {
    prepared(Stage::new().await, websocket, window)
}

fn prepared(mut stage: Stage, websocket: WebSocketPolicy, window: u64) -> Stage {
    stage.snapshot.apps[0].drain = DrainSpec {
        timeout: Duration::from_millis(300),
        websocket,
        websocket_timeout: Duration::ZERO,
        websocket_window: Duration::from_millis(window),
    };
    stage
}

async fn send(to: &mut (impl AsyncWrite + Unpin), frames: &[Frame]) {
    let bytes: Vec<u8> = frames.iter().flat_map(Frame::bytes).collect();
    to.write_all(&bytes).await.unwrap();
}

#[tokio::test]
async fn what_frames_carry_passes_untouched() {
    let mut stage = stage(WebSocketPolicy::Close, 0).await;
    let mut server = Server::new(1);
    stage.route_to(vec![Stage::serve(&server.instance)]).await;
    let (mut client, mut instance) = server.open(&stage).await;
    // Lengths around the limits of each form; compressed (RSV1), fragmented, with control frames between.
    let mut all: Vec<(u8, usize)> =
        [0, 1, 125, 126, 127, 128, 65_535, 65_536, 300_000].map(|length| (0x82, length)).into();
    all.extend([(0xc1, 77), (0x41, 5), (0x00, 70_000), (PING, 125), (0x80, 0), (0x8a, 0)]);
    let frames: Vec<Frame> = all.iter().map(|(first, length)| frame(*first, vec![*first; *length])).collect();
    let (mut from_client, mut to_instance) = client.split();
    let (mut from_instance, mut to_client) = instance.split();
    let there = async {
        for frame in &frames {
            send(&mut to_instance, &[masked(frame.first, frame.payload.clone())]).await;
        }
    };
    let back = async {
        for frame in &frames {
            send(&mut to_client, std::slice::from_ref(frame)).await;
        }
    };
    let arrive = async {
        for frame in &frames {
            let expected = masked(frame.first, frame.payload.clone());
            assert_eq!(Frame::read(&mut from_instance).await.unwrap(), expected);
        }
    };
    let come_back = async {
        for frame in &frames {
            assert_eq!(Frame::read(&mut from_client).await.unwrap(), *frame);
        }
    };
    tokio::join!(there, back, arrive, come_back);
}

#[tokio::test]
async fn the_close_frame_waits_for_the_end_of_a_message_and_for_its_answer() {
    let mut stage = prepared(Stage::with_workers(1).await, WebSocketPolicy::Close, 0);
    let (mut server, new) = (Server::new(1), Instance::unix(2));
    stage.route_to(vec![Stage::serve(&server.instance)]).await;
    let (mut client, mut instance) = server.open(&stage).await;
    let (mut another, another_instance) = server.open(&stage).await;
    let fragments = [frame(0x41, "one "), frame(0x00, "message "), frame(0x80, "in pieces")];
    send(&mut instance, &fragments[..1]).await;
    assert_eq!(Frame::read(&mut client).await.unwrap(), fragments[0]);
    stage.route_to(vec![retired(&server, LONG), Stage::serve(&new)]).await;
    // One that has no message begun shows that the time has come.
    assert_eq!(Frame::read(&mut another).await.unwrap(), restart());
    drop((another, another_instance));

    // In the middle of a frame, and then of a message: nothing but the instance's words.
    let middle = fragments[1].bytes();
    instance.write_all(&middle[..5]).await.unwrap();
    instance.write_all(&middle[5..]).await.unwrap();
    send(&mut instance, &[frame(PING, "?")]).await;
    assert_eq!(Frame::read(&mut client).await.unwrap(), fragments[1]);
    assert_eq!(Frame::read(&mut client).await.unwrap(), frame(PING, "?"));
    send(&mut client, &[masked(0x8a, "?"), masked(TEXT, "still heard")]).await;
    assert_eq!(Frame::read(&mut instance).await.unwrap(), masked(0x8a, "?"));
    assert_eq!(Frame::read(&mut instance).await.unwrap(), masked(TEXT, "still heard"));

    // What comes behind the end of the message would come behind the close frame.
    send(&mut instance, &[fragments[2].clone(), frame(TEXT, "too late")]).await;
    assert_eq!(Frame::read(&mut client).await.unwrap(), fragments[2]);
    assert_eq!(Frame::read(&mut client).await.unwrap(), restart());

    // Until the client has answered, the instance hears it.
    let answer = masked(CLOSE, 1012_u16.to_be_bytes());
    send(&mut client, &[masked(TEXT, "sent before I knew"), answer.clone()]).await;
    assert_eq!(Frame::read(&mut instance).await.unwrap(), masked(TEXT, "sent before I knew"));
    assert_eq!(Frame::read(&mut instance).await.unwrap(), answer);
    assert_eq!(Frame::read(&mut client).await, None);
    send(&mut instance, &[frame(CLOSE, 1012_u16.to_be_bytes())]).await;
    assert_eq!(Frame::read(&mut instance).await, None);
    stage.control.drained(&server.instance.id).await;
}

#[tokio::test]
async fn all_are_closed_at_moments_of_their_own_and_come_back_to_another_instance() {
    let mut stage = stage(WebSocketPolicy::Close, 1_500).await;
    let (mut old, mut new) = (Server::new(1), Server::new(2));
    stage.route_to(vec![Stage::serve(&old.instance)]).await;
    let mut open = Vec::new();
    for _ in 0..40 {
        open.push(old.open(&stage).await);
    }
    stage.route_to(vec![retired(&old, LONG), Stage::serve(&new.instance)]).await;
    let mut closing = tokio::task::JoinSet::new();
    for (mut client, instance) in open {
        closing.spawn(async move {
            assert_eq!(Frame::read(&mut client).await.unwrap(), restart());
            let when = Instant::now();
            send(&mut client, &[masked(CLOSE, 1012_u16.to_be_bytes())]).await;
            assert_eq!(Frame::read(&mut client).await, None);
            drop(instance);
            when
        });
    }
    let mut when = Vec::new();
    while let Some(closed) = closing.join_next().await {
        when.push(closed.unwrap());
        let (mut client, mut instance) = new.open(&stage).await;
        send(&mut instance, &[frame(TEXT, "new")]).await;
        assert_eq!(Frame::read(&mut client).await.unwrap(), frame(TEXT, "new"));
    }
    let spread = when.iter().max().unwrap().duration_since(*when.iter().min().unwrap());
    assert!(spread > Duration::from_millis(500), "{spread:?}");
    stage.control.drained(&old.instance.id).await;
}

#[tokio::test]
async fn one_that_closes_by_itself_is_left_to_it() {
    let mut stage = stage(WebSocketPolicy::Close, 0).await;
    let mut server = Server::new(1);
    stage.route_to(vec![Stage::serve(&server.instance)]).await;
    let (mut client, mut instance) = server.open(&stage).await;
    let (own, answer) = (1000_u16.to_be_bytes(), 1000_u16.to_be_bytes());
    send(&mut client, &[masked(CLOSE, own)]).await;
    assert_eq!(Frame::read(&mut instance).await.unwrap(), masked(CLOSE, own));
    stage.route_to(vec![retired(&server, LONG)]).await;
    send(&mut instance, &[frame(TEXT, "said before"), frame(CLOSE, answer)]).await;
    drop(instance);
    assert_eq!(Frame::read(&mut client).await.unwrap(), frame(TEXT, "said before"));
    assert_eq!(Frame::read(&mut client).await.unwrap(), frame(CLOSE, answer));
    assert_eq!(Frame::read(&mut client).await, None);
    stage.control.drained(&server.instance.id).await;
}

#[tokio::test]
async fn a_client_that_never_answers_is_given_up_and_its_instance_told() {
    let mut stage = stage(WebSocketPolicy::Close, 0).await;
    let mut server = Server::new(1);
    stage.route_to(vec![Stage::serve(&server.instance)]).await;
    let (mut client, mut instance) = server.open(&stage).await;
    stage.route_to(vec![retired(&server, 700)]).await;
    assert_eq!(Frame::read(&mut client).await.unwrap(), restart());
    assert_eq!(Frame::read(&mut instance).await.unwrap(), masked(CLOSE, 1001_u16.to_be_bytes()));
    assert_eq!(Frame::read(&mut instance).await, None);
    assert_eq!(Frame::read(&mut client).await, None);
    stage.control.drained(&server.instance.id).await;
}

#[tokio::test]
async fn at_the_deadline_a_message_is_broken_off_but_no_frame_is_torn() {
    let mut stage = stage(WebSocketPolicy::Close, 0).await;
    let mut server = Server::new(1);
    stage.route_to(vec![Stage::serve(&server.instance)]).await;
    let (mut between, mut between_instance) = server.open(&stage).await;
    let (mut within, mut within_instance) = server.open(&stage).await;
    send(&mut between_instance, &[frame(0x01, "begun")]).await;
    within_instance.write_all(&frame(TEXT, "half a frame").bytes()[..6]).await.unwrap();
    assert_eq!(Frame::read(&mut between).await.unwrap(), frame(0x01, "begun"));
    stage.route_to(vec![retired(&server, 500)]).await;
    assert_eq!(Frame::read(&mut between).await.unwrap(), restart());
    assert_eq!(Frame::read(&mut between).await, None);
    let mut rest = Vec::new();
    let _ = soon("the end", within.read_to_end(&mut rest)).await;
    assert_eq!(rest, frame(TEXT, "half a frame").bytes()[..6]);
    stage.control.drained(&server.instance.id).await;
}

#[tokio::test]
async fn an_instance_that_dies_in_the_middle_of_a_frame_ends_it_there() {
    let mut stage = stage(WebSocketPolicy::Close, 0).await;
    let mut server = Server::new(1);
    stage.route_to(vec![Stage::serve(&server.instance)]).await;
    let (mut client, mut instance) = server.open(&stage).await;
    let half = &frame(TEXT, "never said").bytes()[..7];
    instance.write_all(half).await.unwrap();
    drop(instance);
    let mut rest = Vec::new();
    soon("the end", client.read_to_end(&mut rest)).await.unwrap();
    assert_eq!(rest, half);
    drop(client);
    // Also when it dies while the end of the message is waited for.
    let (mut client, mut instance) = server.open(&stage).await;
    instance.write_all(half).await.unwrap();
    stage.route_to(vec![retired(&server, LONG)]).await;
    drop(instance);
    let mut rest = Vec::new();
    soon("the end", client.read_to_end(&mut rest)).await.unwrap();
    assert_eq!(rest, half);
    drop(client);
    stage.control.drained(&server.instance.id).await;
}

#[tokio::test]
async fn those_that_are_kept_stay_until_they_end_or_their_time_is_over() {
    let mut stage = stage(WebSocketPolicy::Keep, 0).await;
    let mut server = Server::new(1);
    stage.route_to(vec![Stage::serve(&server.instance)]).await;
    let (mut client, mut instance) = server.open(&stage).await;
    stage.route_to(vec![retired(&server, LONG)]).await;
    let (ping, pong) = (masked(TEXT, "ping"), frame(TEXT, "pong"));
    for _ in 0..3 {
        send(&mut client, std::slice::from_ref(&ping)).await;
        assert_eq!(Frame::read(&mut instance).await.unwrap(), ping);
        send(&mut instance, std::slice::from_ref(&pong)).await;
        assert_eq!(Frame::read(&mut client).await.unwrap(), pong);
        // As the snapshots of other apps come by.
        stage.apply().await;
    }
    drop((client, instance));
    stage.control.drained(&server.instance.id).await;

    stage.route_to(vec![Stage::serve(&server.instance)]).await;
    let (mut client, _instance) = server.open(&stage).await;
    // The last 300 ms are those for closing.
    let begun = Instant::now();
    stage.route_to(vec![retired(&server, 800)]).await;
    assert_eq!(Frame::read(&mut client).await.unwrap(), restart());
    assert!(begun.elapsed() >= Duration::from_millis(400), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn an_instance_that_is_only_not_ready_keeps_them() {
    let mut stage = stage(WebSocketPolicy::Close, 0).await;
    let (mut server, new) = (Server::new(1), Instance::unix(2));
    stage.route_to(vec![Stage::serve(&server.instance)]).await;
    let (mut client, mut instance) = server.open(&stage).await;
    stage.route_to(vec![Stage::finish(&server.instance), Stage::serve(&new)]).await;
    stage.apply().await;
    send(&mut instance, &[frame(TEXT, "here")]).await;
    assert_eq!(Frame::read(&mut client).await.unwrap(), frame(TEXT, "here"));
}

#[tokio::test]
async fn what_is_no_websocket_is_kept_and_cut_at_the_deadline() {
    let mut stage = stage(WebSocketPolicy::Close, 0).await;
    let mut server = Server::speaking(1, "other");
    stage.route_to(vec![Stage::serve(&server.instance)]).await;
    let (mut client, mut instance) = server.open(&stage).await;
    let begun = Instant::now();
    stage.route_to(vec![retired(&server, 800)]).await;
    instance.write_all(b"anything").await.unwrap();
    let mut heard = Vec::new();
    soon("the end", client.read_to_end(&mut heard)).await.unwrap();
    assert_eq!((heard.as_slice(), begun.elapsed() >= Duration::from_millis(700)), (&b"anything"[..], true));
    stage.control.drained(&server.instance.id).await;
}

#[tokio::test]
async fn a_proxy_that_ends_closes_them_first() {
    for policy in [WebSocketPolicy::Close, WebSocketPolicy::Keep] {
        let mut stage = stage(policy, 200).await;
        let mut server = Server::new(1);
        stage.route_to(vec![Stage::serve(&server.instance)]).await;
        let (mut client, mut instance) = server.open(&stage).await;
        stage.control.sender.send(&ToProxy::Shutdown { within: 4_000 }, &[]).await.unwrap();
        assert_eq!(Frame::read(&mut client).await.unwrap(), restart());
        let answer = masked(CLOSE, 1012_u16.to_be_bytes());
        send(&mut client, std::slice::from_ref(&answer)).await;
        assert_eq!(Frame::read(&mut instance).await.unwrap(), answer);
        drop(instance);
        assert_eq!(Frame::read(&mut client).await, None);
        let socket = socket(stage.home.path(), std::process::id());
        until("the end of the proxy", || !socket.exists()).await;
    }
}
