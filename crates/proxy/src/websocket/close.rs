//! Close frames (RFC 6455 section 5.5.1).

/// Service restart (IANA's registry of WebSocket close codes): the client may connect again.
const RESTART: [u8; 2] = 1012_u16.to_be_bytes();

/// Going away (RFC 6455 section 7.4.1).
const AWAY: [u8; 2] = 1001_u16.to_be_bytes();

const REASON: [u8; 31] = *b"the service restarts, reconnect";

/// What a client is told when its instance retires.
pub(crate) const TO_CLIENT: [u8; 4 + REASON.len()] = {
    let mut frame = [0; 4 + REASON.len()];
    frame[0] = 0x88;
    frame[1] = 2 + REASON.len() as u8;
    [frame[2], frame[3]] = RESTART;
    let mut at = 0;
    while at < REASON.len() {
        frame[4 + at] = REASON[at];
        at += 1;
    }
    frame
};

/// What an instance is told in the place of a client that does not answer. Masked, as a client has to, with a
/// key that changes nothing: there is nobody on the way to an instance who could mistake it for anything.
pub(crate) const TO_INSTANCE: [u8; 8] = [0x88, 0x82, 0, 0, 0, 0, AWAY[0], AWAY[1]];
