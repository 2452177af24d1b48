//! What a client sends, as it is followed, against a reader who does not know of that.

use super::pieces;
use crate::incoming::body::Chunk;
use crate::incoming::{Body, Piece};
use crate::strict::Fault;
use crate::strict::follower::{Follower, Next};
use bytes::BytesMut;

/// The same bytes are refused wherever they are cut; and requests that are let through end for the parser behind
/// where they end for whoever follows them. The first byte says how long the pieces are.
pub fn requests(data: &[u8]) {
    let Some((pace, bytes)) = data.split_first() else { return };
    let mut whole = Follower::default();
    let refused = whole.follow(bytes);
    if let Err(refused) = &refused {
        assert!(refused.right <= bytes.len());
        assert!(Follower::default().follow(&bytes[..refused.right]).is_ok(), "what is right is let through");
    }
    let (fault, until) = in_pieces(*pace, bytes);
    assert_eq!(refused.map_err(|refused| refused.fault).err(), fault, "refused for another reason");
    reread(&bytes[..until]);
}

/// What is wrong with the bytes if they come in pieces, and how many came before that.
fn in_pieces(pace: u8, bytes: &[u8]) -> (Option<Fault>, usize) {
    let mut follower = Follower::default();
    let mut at = 0;
    for piece in pieces(pace, bytes) {
        if let Err(refused) = follower.follow(piece) {
            assert!(refused.right < piece.len());
            return (Some(refused.fault), at);
        }
        at += piece.len();
    }
    (None, at)
}

/// Reads requests one after the other, as far as they are understood, and looks where the follower is.
fn reread(mut bytes: &[u8]) {
    let mut follower = Follower::default();
    let mut follow = |bytes: &[u8]| {
        follower.follow(bytes).expect("it was let through before");
        follower.next()
    };
    loop {
        let mut fields = [httparse::EMPTY_HEADER; 100];
        let mut request = httparse::Request::new(&mut fields);
        let Ok(httparse::Status::Complete(length)) = request.parse(bytes) else { return };
        let lengths: Vec<&[u8]> = values(&request, "content-length");
        let codings: Vec<&[u8]> = values(&request, "transfer-encoding");
        let (head, rest) = bytes.split_at(length);
        let next = follow(head);
        bytes = rest;
        let body = match (&lengths[..], &codings[..]) {
            ([], []) => 0,
            ([length], []) => number(length),
            ([], [coding]) => {
                assert!(coding.eq_ignore_ascii_case(b"chunked"), "{:?}", head.escape_ascii());
                assert_eq!(next, Next::Chunks);
                let Some(length) = chunks(rest) else { return };
                let (body, rest) = rest.split_at(length);
                assert_eq!(follow(body), Next::Request, "behind {:?}", body.escape_ascii());
                bytes = rest;
                continue;
            }
            _ => panic!("a length that is doubtful: {:?}", head.escape_ascii()),
        };
        match next {
            Next::Body(left) => assert_eq!(left, body),
            Next::Request => assert_eq!(body, 0),
            // An answer would have to come first.
            Next::Asked => return,
            other => panic!("{other:?} behind {:?}", head.escape_ascii()),
        }
        let here = usize::try_from(body).unwrap_or(usize::MAX).min(bytes.len());
        if (here as u64) < body {
            return;
        }
        let (body, rest) = bytes.split_at(here);
        if !body.is_empty() {
            assert_eq!(follow(body), Next::Request);
        }
        bytes = rest;
    }
}

fn values<'a>(request: &httparse::Request<'_, 'a>, name: &str) -> Vec<&'a [u8]> {
    let named = request.headers.iter().filter(|field| field.name.eq_ignore_ascii_case(name));
    named.map(|field| field.value.trim_ascii()).collect()
}

fn number(digits: &[u8]) -> u64 {
    let number = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    number.expect("only a number is let through")
}

/// Length of a body in chunks, as the reader of answers has it; none if it does not come to its end.
fn chunks(bytes: &[u8]) -> Option<usize> {
    let mut body = Body::Chunked(Chunk::Size);
    let mut left = BytesMut::from(bytes);
    loop {
        match body.next(&mut left) {
            // It is stricter with names of trailers.
            Err(_) | Ok(Piece::More) => return None,
            Ok(Piece::Data(_)) if !body.is_done() => {}
            Ok(_) => return Some(bytes.len() - left.len()),
        }
    }
}
