//! The schema and the reference, and that they say what the parser does.

use camino::Utf8Path;
use gapless_config::{Config, reference, schema};
use serde_json::Value;
use std::collections::BTreeMap;

#[test]
fn the_reference() {
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("reference", reference());
    });
}

#[test]
fn the_schema() {
    let text = serde_json::to_string_pretty(&schema()).unwrap();
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("schema", text);
    });
}

/// Writes every default of the schema into a file; it must be read as the file without them.
#[test]
fn what_is_published_as_default_is_the_default() {
    fn collect(object: &Value, path: &str, lines: &mut Vec<String>) {
        for (name, property) in object["properties"].as_object().unwrap() {
            if let Some(default) = property.get("default") {
                lines.push(format!("{path}{name} = {default}"));
            }
            // What is nothing by default is something when it is there.
            let by_itself = !["startup", "live", "verify"].contains(&name.as_str());
            if property.get("properties").is_some() && by_itself {
                collect(property, &format!("{path}{name}."), lines);
            }
        }
    }
    let app = &schema()["properties"]["apps"]["additionalProperties"];
    let mut lines = Vec::new();
    collect(app, "", &mut lines);
    assert!(lines.len() > 25, "{lines:?}");
    let read = |lines: &str| {
        let text = format!("[apps.a]\ncommand = \"a\"\nport = 1\n{lines}\n");
        Config::parse("gapless.toml", text, Utf8Path::new("/"), &BTreeMap::new()).unwrap().apps
    };
    assert_eq!(read(&lines.join("\n")), read(""));
}
