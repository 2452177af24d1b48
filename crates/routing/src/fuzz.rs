//! What must hold of what is read from the socket, whatever that is: asked by `cargo fuzz` (see `fuzz/`) and, with
//! fewer cases, by the tests. A function panics where something does not hold.

use crate::frame::Connection;
use crate::{ToControl, ToProxy};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::Write;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use tokio::runtime::{Builder, Runtime};

/// More may not fit into a socket that nobody reads.
const LONGEST: usize = 64 * 1024;

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread().enable_io().build().expect("a runtime");
}

/// What is understood can be said again and means the same; what is not is an error, and the end. The first byte says
/// who reads.
pub fn frames(data: &[u8]) {
    let Some((who, bytes)) = data.split_first() else { return };
    let bytes = &bytes[..bytes.len().min(LONGEST)];
    if who % 2 == 0 { read::<ToProxy>(bytes) } else { read::<ToControl>(bytes) }
}

fn read<T: DeserializeOwned + Serialize>(bytes: &[u8]) {
    let (mut there, here) = UnixStream::pair().expect("a pair of sockets");
    there.write_all(bytes).expect("they fit into the socket");
    there.shutdown(Shutdown::Write).expect("it is open");
    here.set_nonblocking(true).expect("it is open");
    RUNTIME.with(|runtime| {
        runtime.block_on(async {
            let here = tokio::net::UnixStream::from_std(here).expect("a socket");
            let (mut receiver, _sender) = Connection::new(here).split::<T, ()>();
            while let Ok(Some((message, descriptors))) = receiver.recv().await {
                assert!(descriptors.is_empty());
                let said = serde_json::to_string(&message).expect("it can be said");
                let again: T = serde_json::from_str(&said).expect("it is understood");
                assert_eq!(serde_json::to_string(&again).expect("it can be said"), said);
            }
        });
    });
}

#[cfg(test)]
mod tests {
    use super::frames;
    use crate::{Snapshot, ToProxy};
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn frame(text: &[u8], length: u32, descriptors: u32) -> Vec<u8> {
        [&length.to_le_bytes()[..], &descriptors.to_le_bytes(), text].concat()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes(bytes in vec(any::<u8>(), 0..100)) {
            frames(&bytes);
        }

        #[test]
        fn frames_of_anything(who in any::<u8>(), text in vec(any::<u8>(), 0..60), more in 0..3_u32, descriptors in 0..3_u32) {
            let length = u32::try_from(text.len()).unwrap() + more;
            frames(&[&[who], &frame(&text, length, descriptors)[..]].concat());
        }

        #[test]
        fn snapshots_that_are_changed_somewhere(at in any::<prop::sample::Index>(), byte in any::<u8>(), count in 1..4_usize) {
            let text = serde_json::to_vec(&ToProxy::Apply(Snapshot::default())).unwrap();
            let length = u32::try_from(text.len()).unwrap();
            let mut bytes = [&[0], &frame(&text, length, 0).repeat(count)[..]].concat();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            frames(&bytes);
        }
    }
}
