//! Bytes in pieces, as a network might deliver them.

/// Pieces of 1 to 20 bytes, in an order that `pace` makes.
pub(super) fn pieces(pace: u8, mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut turn = usize::from(pace);
    std::iter::from_fn(move || {
        turn = (turn * 7 + 3) % 23;
        let length = 1 + turn % usize::from(pace).clamp(1, 20);
        let (piece, rest) = bytes.split_at(length.min(bytes.len()));
        bytes = rest;
        (!piece.is_empty()).then_some(piece)
    })
}
