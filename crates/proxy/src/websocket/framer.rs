//! Where the frames and messages of one direction of a WebSocket begin and end (RFC 6455 section 5.2).
//!
//! It sees every byte once and keeps none. What frames carry, compressed or not, masked or not, means
//! nothing to it.

/// Opcodes from here on are of control frames, which may come between the fragments of a message.
const CONTROL: u8 = 0x8;

/// The opcode of a close frame.
const CLOSE: u8 = 0x8;

/// How far a direction has been followed.
#[derive(Debug, Clone)]
pub(crate) struct Framer {
    place: Place,
    /// A message has begun whose last fragment has not.
    open: bool,
}

#[derive(Debug, Clone)]
enum Place {
    /// In the head of a frame, or before it.
    Head(Head),
    /// In a frame, with so many bytes of it to come: at least one.
    Payload { left: u64, last: Last },
    /// Behind a close frame: nothing that comes now is a frame.
    Closed,
    /// A length that no frame can have: where the next one begins cannot be known.
    Lost,
}

/// What has been read of a frame's head.
#[derive(Debug, Clone, Copy, Default)]
struct Head {
    have: u8,
    first: u8,
    second: u8,
    length: u64,
}

/// What is over when a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    /// A frame of a message that goes on.
    Fragment,
    /// A message.
    Message,
    /// A control frame.
    Control,
    /// The whole direction: it was a close frame.
    Direction,
}

impl Default for Framer {
    fn default() -> Self {
        Self { place: Place::Head(Head::default()), open: false }
    }
}

impl Framer {
    /// Follows all of `bytes`.
    pub(crate) fn follow(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = &bytes[self.frame(bytes)..];
        }
    }

    /// Follows `bytes` up to where no message is begun, or to their end. Returns how many that are: none if
    /// no message is begun already.
    pub(crate) fn follow_to_boundary(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while taken < bytes.len() && !self.is_between_messages() {
            taken += self.frame(&bytes[taken..]);
        }
        taken
    }

    /// Whether no frame and no message is begun, so that one of another origin could be put in here.
    pub(crate) fn is_between_messages(&self) -> bool {
        self.is_between_frames() && !self.open
    }

    /// Whether no frame is begun. A control frame could be put in here, also in the middle of a message.
    pub(crate) fn is_between_frames(&self) -> bool {
        matches!(self.place, Place::Head(Head { have: 0, .. }))
    }

    /// Whether a close frame has passed, all of it: nothing may come behind it.
    pub(crate) fn has_closed(&self) -> bool {
        matches!(self.place, Place::Closed)
    }

    /// Follows some of `bytes`, which are not empty: never beyond the end of a frame. Returns how many.
    fn frame(&mut self, bytes: &[u8]) -> usize {
        match &mut self.place {
            Place::Head(head) => {
                let mut taken = 0;
                for byte in bytes {
                    taken += 1;
                    head.take(*byte);
                    if head.is_complete() {
                        let head = *head;
                        self.begin(head);
                        break;
                    }
                }
                taken
            }
            Place::Payload { left, last } => {
                let here = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left -= here as u64;
                if *left == 0 {
                    let last = *last;
                    self.end(last);
                }
                here
            }
            Place::Closed | Place::Lost => bytes.len(),
        }
    }

    fn begin(&mut self, head: Head) {
        let last = head.last();
        match head.length {
            0 => self.end(last),
            // RFC 6455 section 5.2: the most significant bit must be 0.
            length if length > i64::MAX as u64 => self.place = Place::Lost,
            left => self.place = Place::Payload { left, last },
        }
        if last == Last::Fragment {
            self.open = true;
        }
    }

    fn end(&mut self, last: Last) {
        self.place = match last {
            Last::Direction => Place::Closed,
            Last::Fragment | Last::Message | Last::Control => Place::Head(Head::default()),
        };
        if last == Last::Message {
            self.open = false;
        }
    }
}

impl Head {
    fn take(&mut self, byte: u8) {
        match self.have {
            0 => self.first = byte,
            1 => {
                self.second = byte;
                // Overwritten by what follows if it says that more follows.
                self.length = if self.extended() == 0 { u64::from(byte & 0x7f) } else { 0 };
            }
            n if n < 2 + self.extended() => self.length = self.length << 8 | u64::from(byte),
            // The key of the mask.
            _ => {}
        }
        self.have += 1;
    }

    /// Bytes of the length behind the first two.
    const fn extended(self) -> u8 {
        match self.second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        }
    }

    const fn is_complete(self) -> bool {
        let mask = if self.second & 0x80 == 0 { 0 } else { 4 };
        self.have >= 2 && self.have == 2 + self.extended() + mask
    }

    const fn last(self) -> Last {
        match self.first & 0x0f {
            CLOSE => Last::Direction,
            opcode if opcode >= CONTROL => Last::Control,
            _ if self.first & 0x80 == 0 => Last::Fragment,
            _ => Last::Message,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// A frame with so many bytes; masked as a client's, if it should be.
    fn frame(first: u8, length: usize, mask: bool, as_long_as: u8) -> Vec<u8> {
        let bit = if mask { 0x80 } else { 0 };
        let mut frame = vec![first];
        match (length, as_long_as) {
            (0..=125, 0) => frame.push(bit | u8::try_from(length).unwrap()),
            (0..=0xffff, 0 | 1) => {
                frame.push(bit | 126);
                frame.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
            _ => {
                frame.push(bit | 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        if mask {
            frame.extend([1, 2, 3, 4]);
        }
        frame.extend(std::iter::repeat_n(0x88, length));
        frame
    }

    fn after(frames: &[Vec<u8>]) -> (bool, bool, bool) {
        let mut framer = Framer::default();
        framer.follow(&frames.concat());
        (framer.is_between_frames(), framer.is_between_messages(), framer.has_closed())
    }

    #[test]
    fn messages_end_where_they_say() {
        for length in [0, 1, 125, 126, 127, 128, 65_535, 65_536, 70_000] {
            for mask in [false, true] {
                // Text and binary, compressed (RSV1, RFC 7692) or not.
                for first in [0x81, 0x82, 0xc1] {
                    let whole = frame(first, length, mask, 0);
                    assert_eq!(after(std::slice::from_ref(&whole)), (true, true, false), "{length}");
                    assert_eq!(
                        after(&[whole[..whole.len() - 1].to_vec()]),
                        (false, false, false),
                        "{length}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_message_goes_on_over_control_frames_until_its_last_fragment() {
        let (begin, more, end) =
            (frame(0x01, 5, false, 0), frame(0x00, 0, false, 0), frame(0x80, 3, false, 0));
        let (ping, pong) = (frame(0x89, 4, false, 0), frame(0x8a, 0, false, 0));
        assert_eq!(after(std::slice::from_ref(&begin)), (true, false, false));
        assert_eq!(after(&[begin.clone(), ping.clone(), more.clone(), pong.clone()]), (true, false, false));
        assert_eq!(after(&[begin, ping, more, pong.clone(), end]), (true, true, false));
        assert_eq!(after(&[pong]), (true, true, false));
    }

    #[test]
    fn nothing_comes_behind_a_close_frame() {
        let close = frame(0x88, 2, false, 0);
        assert_eq!(after(&[frame(0x01, 1, false, 0), close.clone()]), (false, false, true));
        assert_eq!(after(&[close, frame(0x81, 1, false, 0)]), (false, false, true));
        let mut ours = Framer::default();
        ours.follow(&super::super::close::TO_CLIENT);
        assert!(ours.has_closed());
        let mut ours = Framer::default();
        ours.follow(&super::super::close::TO_INSTANCE);
        assert!(ours.has_closed());
    }

    #[test]
    fn what_cannot_be_a_length_is_no_boundary_ever_again() {
        let mut lost = vec![0x82, 127];
        lost.extend(u64::MAX.to_be_bytes());
        assert_eq!(after(&[lost, frame(0x81, 1, false, 0)]), (false, false, false));
    }

    #[test]
    fn it_follows_no_further_than_the_next_boundary() {
        let mut framer = Framer::default();
        let frames =
            [frame(0x01, 5, false, 0), frame(0x80, 200, false, 0), frame(0x81, 9, false, 0)].concat();
        framer.follow(&frames[..3]);
        assert_eq!(framer.follow_to_boundary(&frames[3..]), 7 + 204 - 3);
        assert_eq!(framer.follow_to_boundary(&frames[211..]), 0);
    }

    fn frames() -> impl Strategy<Value = Vec<u8>> {
        let length = prop_oneof![4 => 0..4_usize, 2 => 120..130_usize, 1 => 65_530..65_540_usize];
        let one = (0..16_u8, any::<bool>(), length, any::<bool>(), 0..3_u8)
            // A close frame ends it all: rarely.
            .prop_map(|(opcode, fin, length, mask, long)| {
                let opcode = if opcode == CLOSE && length != 2 { 1 } else { opcode };
                frame(opcode | u8::from(fin) << 7, length, mask, long)
            });
        vec(one, 0..12).prop_map(|frames| frames.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn frames_are_seen_however_they_come(pace in any::<u8>(), frames in frames(), cut in 0..20_usize) {
            let end = frames.len() - cut.min(frames.len());
            // Few places of the longest are enough.
            if frames.len() < 5_000 || pace % 20 > 15 {
                crate::fuzz::framer(&[&[pace], &frames[..end]].concat());
            }
        }

        #[test]
        fn anything_is_seen_the_same_however_it_comes(bytes in vec(any::<u8>(), 0..400)) {
            crate::fuzz::framer(&bytes);
        }
    }
}
