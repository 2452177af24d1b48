//! What an instance answers.

use super::pieces;
use crate::incoming::{self, Body, Piece, Places};
use bytes::BytesMut;
use http::{HeaderMap, Method, StatusCode};

/// Longer lines are refused only where they are cut.
const LONGEST: usize = 8 * 1024;

/// The same answer is read from the same bytes, wherever they are cut. The first byte says how long the pieces are,
/// the second whether it was asked for a head only.
pub fn answers(data: &[u8]) {
    let [pace, asked, bytes @ ..] = data else { return };
    let bytes = &bytes[..bytes.len().min(LONGEST)];
    let method = if asked % 4 == 0 { Method::HEAD } else { Method::GET };
    let whole = read(std::iter::once(bytes), &method);
    let cut = read(pieces(*pace, bytes), &method);
    assert_eq!(whole, cut);
    if let Some(length) = whole.length {
        let read = whole.body.len() as u64;
        assert!(read <= length, "more than was said");
        assert!(whole.end != End::Complete || read == length, "less than was said");
    }
}

#[derive(Debug, PartialEq, Default)]
struct Answer {
    status: Option<StatusCode>,
    fields: HeaderMap,
    keep_alive: bool,
    length: Option<u64>,
    body: Vec<u8>,
    trailers: HeaderMap,
    end: End,
    unread: usize,
}

#[derive(Debug, Default, PartialEq, Clone, Copy)]
enum End {
    #[default]
    Cut,
    Complete,
    Nonsense,
}

fn read<'a>(mut pieces: impl Iterator<Item = &'a [u8]>, method: &Method) -> Answer {
    let mut answer = Answer::default();
    let mut bytes = BytesMut::new();
    let mut places = Places::default();
    let mut body: Option<Body> = None;
    loop {
        answer.end = match &mut body {
            None => match incoming::head(&mut bytes, method, &mut answer.fields, &mut places, &mut false) {
                Ok(Some(head)) => {
                    answer.status = Some(head.status);
                    answer.keep_alive = head.keep_alive;
                    answer.length = head.body.length();
                    body = Some(head.body);
                    continue;
                }
                Ok(None) => End::Cut,
                Err(_) => End::Nonsense,
            },
            Some(body) => match body.next(&mut bytes) {
                Ok(Piece::Data(data)) => {
                    assert!(!data.is_empty());
                    answer.body.extend_from_slice(&data);
                    continue;
                }
                Ok(Piece::Trailers(trailers)) => {
                    assert!(body.is_done());
                    answer.trailers = trailers;
                    continue;
                }
                Ok(Piece::More) => End::Cut,
                Ok(Piece::End) => End::Complete,
                Err(_) => End::Nonsense,
            },
        };
        match pieces.next() {
            Some(piece) if answer.end == End::Cut => bytes.extend_from_slice(piece),
            _ if answer.end != End::Complete => return answer,
            // Nothing of what comes behind an answer belongs to it.
            next => {
                let rest: usize = next.into_iter().chain(pieces).map(<[u8]>::len).sum();
                answer.unread = bytes.len() + rest;
                return answer;
            }
        }
    }
}
