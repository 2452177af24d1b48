//! The framer against one that has all bytes before it at once.

use crate::websocket::framer::Framer;
use std::collections::BTreeSet;

/// Wherever the bytes are cut, the framer sees the same frames and messages. The first byte says how long the
/// pieces are.
pub fn framer(data: &[u8]) {
    let Some((pace, bytes)) = data.split_first() else { return };
    let expected = Places::of(bytes);
    let mut framer = Framer::default();
    let mut at = 0;
    let mut turn = usize::from(*pace);
    loop {
        assert_eq!(framer.is_between_frames(), expected.frames.contains(&at), "frames at {at}");
        assert_eq!(framer.is_between_messages(), expected.messages.contains(&at), "messages at {at}");
        assert_eq!(framer.has_closed(), expected.closed.is_some_and(|closed| at >= closed), "closed at {at}");
        let next = expected.messages.range(at..).next();
        let mut to_boundary = framer.clone();
        assert_eq!(to_boundary.follow_to_boundary(&bytes[at..]), next.map_or(bytes.len(), |next| *next) - at);
        assert!(next.is_none() || to_boundary.is_between_messages());
        if at == bytes.len() {
            return;
        }
        turn = (turn * 7 + 3) % 23;
        let end = (at + 1 + turn % usize::from(*pace).clamp(1, 20)).min(bytes.len());
        framer.follow(&bytes[at..end]);
        at = end;
    }
}

/// Offsets at which no frame is begun, those at which no message is, and where it closes.
#[derive(Default)]
struct Places {
    frames: BTreeSet<usize>,
    messages: BTreeSet<usize>,
    closed: Option<usize>,
}

impl Places {
    fn of(bytes: &[u8]) -> Self {
        let mut places = Self::default();
        let (mut at, mut open) = (0, false);
        loop {
            places.frames.insert(at);
            if !open {
                places.messages.insert(at);
            }
            let [first, second, rest @ ..] = &bytes[at..] else { return places };
            let (extended, length) = match second & 0x7f {
                126 => (2, rest.first_chunk().map(|b| u64::from(u16::from_be_bytes(*b)))),
                127 => (8, rest.first_chunk().map(|b| u64::from_be_bytes(*b))),
                small => (0, Some(u64::from(small))),
            };
            let Some(length) = length else { return places };
            let head = 2 + extended + if second & 0x80 == 0 { 0 } else { 4 };
            let end = length.checked_add((at + head) as u64).filter(|_| length < 1 << 63);
            let Some(end) = end.filter(|end| *end <= bytes.len() as u64) else { return places };
            at = usize::try_from(end).expect("no more than there are bytes");
            match first & 0x0f {
                8 => {
                    places.closed = Some(at);
                    return places;
                }
                9.. => {}
                _ => open = first & 0x80 == 0,
            }
        }
    }
}
