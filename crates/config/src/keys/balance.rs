//! `[apps.NAME.balance]`.

use super::kind::{Default, Key, Kind, Table};
use crate::defaults;
use std::time::Duration;

/// `[apps.NAME.balance]`.
pub(crate) static BALANCE: Table = Table {
    path: "apps.NAME.balance",
    doc: "How requests are spread over the instances, beside the load that each has. An instance to which no \
          connection can be made three times in a row is passed over for a while in any case, as long as others \
          can be asked.",
    keys: &[
        Key {
            name: "eject_after",
            kind: Kind::Number { min: 1, max: 1_000_000 },
            default: Default::Derived("never: what is wrong may be the requests"),
            example: "5",
            doc: "After so many failures in a row (answers with 5xx, or a connection closed without any) an \
                  instance is passed over for 5 seconds, each time for longer, at most a minute; never the last \
                  one, and never more than half of them.",
        },
        Key {
            name: "slow_start",
            kind: Kind::Duration { min: Duration::ZERO },
            default: Default::Duration(defaults::BALANCE_SLOW_START),
            example: "\"30s\"",
            doc: "How long a new instance takes from a tenth of its share of the requests to the whole: for apps \
                  that have to get warm.",
        },
        Key {
            name: "sticky",
            kind: Kind::Cookie,
            default: Default::Nothing,
            example: "\"instance\"",
            doc: "The name of a cookie that keeps each client with the instance that answered it first, until \
                  that one retires or fails; for apps that keep sessions in memory.",
        },
    ],
};
