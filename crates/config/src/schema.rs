//! The JSON schema of the file, for editors: made of the key tables.

use crate::keys::{Default, Key, Kind, ROOT, Table};
use crate::text::{duration, size};
use gapless_model::Signal;
use serde_json::{Map, Value, json};

/// The schema of `gapless.toml` (JSON Schema, draft 2020-12). The same at every call.
pub fn schema() -> Value {
    let mut schema = object(&ROOT);
    schema.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("title".into(), json!("gapless.toml"));
    Value::Object(schema)
}

fn object(table: &Table) -> Map<String, Value> {
    let properties: Map<String, Value> =
        table.keys.iter().map(|key| (key.name.to_owned(), Value::Object(property(key)))).collect();
    let required: Vec<&str> = table
        .keys
        .iter()
        .filter(|key| matches!(key.default, Default::Required))
        .map(|key| key.name)
        .collect();
    let mut object = Map::new();
    object.insert("description".into(), json!(table.doc));
    object.insert("type".into(), json!("object"));
    object.insert("properties".into(), Value::Object(properties));
    object.insert("additionalProperties".into(), json!(false));
    if !required.is_empty() {
        object.insert("required".into(), json!(required));
    }
    object
}

fn property(key: &Key) -> Map<String, Value> {
    let mut property = match &key.kind {
        Kind::Table(inner) => object(inner),
        kind => match shape(kind) {
            Value::Object(shape) => shape,
            _ => Map::new(),
        },
    };
    property.insert("description".into(), json!(key.doc));
    if let Some(default) = default(key) {
        property.insert("default".into(), default);
    }
    property
}

fn shape(kind: &Kind) -> Value {
    match kind {
        Kind::File | Kind::Host | Kind::Text => json!({ "type": "string" }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::FlagOr { words } => {
            let mut all = vec![json!(true), json!(false)];
            all.extend(words.iter().map(|word| json!(word)));
            json!({ "enum": all })
        }
        Kind::Number { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Kind::Cores => json!({ "type": "number", "minimum": 0.01, "maximum": 1024 }),
        Kind::Instances => json!({ "oneOf": [{ "type": "integer", "minimum": 1 }, { "const": "max" }] }),
        Kind::Duration { .. } => json!({
            "type": "string",
            "pattern": "^\\s*([0-9]+(\\.[0-9]+)?\\s*[A-Za-zµ]+\\s*)+$",
            "examples": ["500ms", "30s", "1m 30s", "2h", "7d"],
        }),
        Kind::Size => json!({
            "type": "string",
            "pattern": "^\\s*[0-9]+(\\.[0-9]+)?\\s*([KkMmGgTt][Ii]?)?[Bb]\\s*$",
            "examples": ["64KiB", "10MB", "1GB"],
        }),
        Kind::Word { built, .. } => json!({ "enum": built }),
        Kind::Signal => json!({
            "type": "string",
            "examples": Signal::ALL.iter().map(|signal| signal.name()).collect::<Vec<_>>(),
        }),
        Kind::Command => json!({ "oneOf": [
            { "type": "string", "minLength": 1 },
            { "type": "array", "items": { "type": "string" }, "minItems": 1 },
        ] }),
        Kind::Listen => json!({ "type": "string", "pattern": ":[0-9]+$" }),
        Kind::Network => json!({ "type": "string", "pattern": "^[0-9a-fA-F.:]+(/[0-9]+)?$" }),
        Kind::Cookie => json!({ "type": "string", "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$" }),
        Kind::Prefix | Kind::Target => json!({ "type": "string", "pattern": "^/" }),
        Kind::Env => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        Kind::Names => json!({ "type": "array", "items": { "type": "string" } }),
        Kind::Tables(inner) => json!({ "type": "array", "items": object(inner) }),
        Kind::Named(inner) => json!({
            "type": "object",
            "additionalProperties": object(inner),
            "minProperties": 1,
        }),
        Kind::Url => json!({ "type": "string", "pattern": "^https://" }),
        Kind::Email => json!({ "type": "string", "pattern": "@" }),
        Kind::List(kind) => json!({ "type": "array", "items": shape(kind) }),
        Kind::Table(_) => Value::Null,
    }
}

fn default(key: &Key) -> Option<Value> {
    match &key.default {
        Default::Nothing | Default::Required | Default::Derived(_) => None,
        Default::Text(text) => Some(json!(text)),
        Default::Duration(given) => Some(json!(duration::show(*given))),
        Default::Size(bytes) => Some(json!(size::show(*bytes))),
        Default::Number(number) => Some(json!(number)),
        Default::Flag(flag) => Some(json!(flag)),
    }
}
