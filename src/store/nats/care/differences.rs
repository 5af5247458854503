//! How a stream differs from what it should be, setting by setting, under the servers' own names.
//!
//! Compared is what the wanted one says; where a stream is placed, its description and its metadata are the
//! operators' own.

use std::{fmt::Write as _, time::Duration};

use async_nats::jetstream::stream::Config;
use serde_json::{Map, Value};

use crate::store::Difference;

/// Settings that are not ours to say.
const THEIRS: [&str; 5] = [
    "name",
    "description",
    "metadata",
    "placement",
    "consumer_limits",
];
/// Settings that no server changes on a stream that is there.
const FIXED: [&str; 4] = ["storage", "retention", "max_consumers", "mirror"];
/// Settings that no server takes back.
const LATCHED: [&str; 2] = ["deny_delete", "deny_purge"];
/// Settings in nanoseconds.
const SPANS: [&str; 2] = ["max_age", "duplicate_window"];

/// What differs.
pub(super) fn between(found: &Config, wanted: &Config) -> Vec<Difference> {
    let (Ok(found), Ok(wanted)) = (fields(found), fields(wanted)) else {
        return Vec::new();
    };
    let names = wanted.keys().chain(found.keys());
    let mut names: Vec<&String> = names
        .filter(|name| !THEIRS.contains(&name.as_str()))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .filter(|name| meant(found.get(*name)) != meant(wanted.get(*name)))
        .map(|name| Difference {
            setting: name.clone(),
            found: shown(name, found.get(name)),
            wanted: shown(name, wanted.get(name)),
            changeable: if LATCHED.contains(&name.as_str()) {
                meant(found.get(name)).is_none()
            } else {
                !FIXED.contains(&name.as_str())
            },
        })
        .collect()
}

/// The found one with everything that can be changed as it should be.
pub(super) fn applied(found: &Config, wanted: &Config) -> Result<Config, serde_json::Error> {
    let (mut into, from) = (fields(found)?, fields(wanted)?);
    for difference in between(found, wanted) {
        if !difference.changeable {
            continue;
        }
        match from.get(&difference.setting) {
            Some(value) => into.insert(difference.setting, value.clone()),
            None => into.remove(&difference.setting),
        };
    }
    serde_json::from_value(Value::Object(into))
}

fn fields(config: &Config) -> Result<Map<String, Value>, serde_json::Error> {
    match serde_json::to_value(config)? {
        Value::Object(fields) => Ok(fields),
        _ => Ok(Map::new()),
    }
}

/// A setting that is left out means what servers take for granted.
fn meant(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| match value {
        Value::Null => false,
        Value::Bool(set) => *set,
        // None, and no limit.
        Value::Number(number) => number.as_i64() != Some(0) && number.as_i64() != Some(-1),
        Value::String(text) => !text.is_empty() && text != "none",
        Value::Array(all) => !all.is_empty(),
        Value::Object(all) => !all.is_empty(),
    })
}

fn shown(name: &str, value: Option<&Value>) -> String {
    match meant(value) {
        None => "none".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) if SPANS.contains(&name) => {
            let span = Duration::from_nanos(number.as_u64().unwrap_or_default());
            span_text(span)
        }
        Some(value) => value.to_string(),
    }
}

/// `10m`, `30d`, `1d12h`.
fn span_text(span: Duration) -> String {
    let mut rest = span.as_secs();
    let mut text = String::new();
    for (unit, seconds) in [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)] {
        if rest >= seconds {
            // Writing into a text does not fail.
            let _ = write!(text, "{}{unit}", rest / seconds);
            rest %= seconds;
        }
    }
    if text.is_empty() {
        format!("{span:?}")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use async_nats::jetstream::stream::StorageType;

    use super::*;

    fn config() -> Config {
        Config {
            name: "one".to_owned(),
            subjects: vec!["one.>".to_owned()],
            max_age: Duration::from_hours(24),
            max_messages: -1,
            num_replicas: 3,
            ..Config::default()
        }
    }

    #[test]
    fn what_is_left_out_means_what_servers_take_for_granted() {
        let found = Config {
            max_messages: 0,
            description: Some("ours".to_owned()),
            ..config()
        };
        assert_eq!(between(&found, &config()), []);
    }

    #[test]
    fn differences_are_named_and_put_right_where_that_is_possible() {
        let found = Config {
            num_replicas: 1,
            max_age: Duration::from_mins(90),
            storage: StorageType::Memory,
            deny_purge: true,
            description: Some("theirs".to_owned()),
            ..config()
        };
        let wanted = Config {
            deny_delete: true,
            ..config()
        };
        let told: Vec<String> = between(&found, &wanted)
            .into_iter()
            .map(|one| {
                format!(
                    "{}: {} -> {}, {}",
                    one.setting, one.found, one.wanted, one.changeable
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                "deny_delete: none -> true, true",
                "deny_purge: true -> none, false",
                "max_age: 1h30m -> 1d, true",
                "num_replicas: 1 -> 3, true",
                "storage: memory -> file, false",
            ]
        );
        let put_right = applied(&found, &wanted).unwrap();
        assert!(put_right.deny_delete && put_right.deny_purge);
        assert_eq!(put_right.num_replicas, 3);
        assert_eq!(put_right.max_age, Duration::from_hours(24));
        assert_eq!(put_right.storage, StorageType::Memory);
        assert_eq!(put_right.description.as_deref(), Some("theirs"));
    }
}
