//! What proxies and controls of other versions say: during an upgrade, and after one that was taken back, the two are
//! not of the same. The fixtures are what a version with this language said; they are never edited.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its hands as well")]

use gapless_routing::{ToControl, ToProxy, WIRE};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt::Debug;

const TO_PROXY: &str = include_str!("../fixtures/wire-1.to-proxy.jsonl");
const TO_CONTROL: &str = include_str!("../fixtures/wire-1.to-control.jsonl");

/// Objects whose keys are data or name a variant: nobody adds a field to them.
const CLOSED: [&str; 4] = ["releases", "served_by", "duty", "address"];

/// The same with a field that nobody here knows, in every place where a later version might add one.
fn with_more(value: &mut Value, open: bool) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                with_more(field, !CLOSED.contains(&name.as_str()));
            }
            if open {
                fields.insert("tomorrow".into(), json!({ "more": [1] }));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| with_more(item, true)),
        _ => {}
    }
}

fn each_is_understood<M: Serialize + DeserializeOwned + PartialEq + Debug>(said: &str) {
    for line in said.lines() {
        let message: M = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        // Nothing that was said is lost, nor said otherwise today.
        let (then, now) =
            (serde_json::from_str::<Value>(line).unwrap(), serde_json::to_value(&message).unwrap());
        assert_eq!(now, then);
        let mut more = then;
        with_more(&mut more, false);
        assert_eq!(serde_json::from_value::<M>(more).unwrap(), message, "{line}");
    }
}

#[test]
fn what_was_said_in_language_1_is_understood_and_what_comes_beside_it_is_read_past() {
    assert_eq!(WIRE, 1, "a new language gets fixtures of its own");
    each_is_understood::<ToProxy>(TO_PROXY);
    each_is_understood::<ToControl>(TO_CONTROL);
}

#[test]
fn before_there_were_languages_a_proxy_said_less_of_itself() {
    let hello = r#"{"hello":{"pid":1,"version":"0.1.0","generation":2,"listeners":[]}}"#;
    let ToControl::Hello { wire, retiring, .. } = serde_json::from_str(hello).unwrap() else {
        panic!("{hello}")
    };
    assert_eq!((wire, retiring), (0, false));
}

#[test]
fn a_message_that_nobody_here_knows_is_refused_by_its_name() {
    let refused = serde_json::from_str::<ToProxy>(r#"{"dance":{"tempo":120}}"#).unwrap_err().to_string();
    assert!(refused.contains("dance"), "{refused}");
}
