//! Makes a value of a JSON schema out of a text: how the simulated models extract and call tools.
//!
//! Looks for `Label: value` in the text; invents what it cannot find.

use serde_json::{Map, Value, json};

/// Nesting that is followed; deeper, `null` stands.
const DEPTH: usize = 8;

/// A value that fits the schema, filled from the text where the text says something.
pub(super) fn fill(schema: &Value, text: &str) -> Value {
    value("answer", schema, text, DEPTH)
}

/// Takes fields out of a filled value that its schema does not demand.
pub(super) fn leave_out(value: &mut Value, schema: &Value, which: impl Fn(&str) -> bool) {
    let demanded = |name: &str| {
        let names = schema["required"].as_array();
        names.is_none_or(|names| names.iter().any(|known| known == name))
    };
    if let Value::Object(fields) = value {
        fields.retain(|name, _| demanded(name) || !which(name));
    }
}

/// Whether the line of one label stands below that of another.
pub(super) fn stands_below(text: &str, name: &str, other: &str) -> bool {
    let place = |name: &str| text.lines().position(|line| labelled(name, line).is_some());
    place(name)
        .zip(place(other))
        .is_some_and(|(line, other)| line > other)
}

fn value(name: &str, schema: &Value, text: &str, depth: usize) -> Value {
    if depth == 0 {
        return Value::Null;
    }
    if let Some(fixed) = schema.get("const") {
        return fixed.clone();
    }
    if let Some(choices) = schema["enum"].as_array() {
        return choice(choices, text);
    }
    let found = labelled(name, text);
    match kind(schema) {
        "object" => object(schema, text, depth),
        "array" => json!([value(name, &schema["items"], text, depth - 1)]),
        "integer" => found
            .and_then(|found| digits(found).parse::<f64>().ok())
            .map_or(json!(1), |number| json!(whole(number))),
        "number" => found
            .and_then(|found| digits(found).parse::<f64>().ok())
            .map_or(json!(1.0), |number| json!(number)),
        "boolean" => json!(found.is_none_or(|found| !found.eq_ignore_ascii_case("no"))),
        "null" => Value::Null,
        _ => match (found, schema["format"].as_str()) {
            (Some(found), _) => json!(found),
            (None, Some("date")) => json!("2026-03-14"),
            (None, Some("date-time")) => json!("2026-03-14T09:00:00Z"),
            (None, Some("email")) => json!("someone@example.com"),
            (None, _) => json!("unknown"),
        },
    }
}

fn object(schema: &Value, text: &str, depth: usize) -> Value {
    let mut fields = Map::new();
    if let Some(properties) = schema["properties"].as_object() {
        for (name, schema) in properties {
            fields.insert(name.clone(), value(name, schema, text, depth - 1));
        }
    }
    Value::Object(fields)
}

/// The first named type that is not null.
fn kind(schema: &Value) -> &str {
    match &schema["type"] {
        Value::String(kind) => kind,
        Value::Array(kinds) => kinds
            .iter()
            .filter_map(Value::as_str)
            .find(|kind| *kind != "null")
            .unwrap_or("null"),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            if schema["properties"].is_object() {
                "object"
            } else {
                "string"
            }
        }
    }
}

/// The choice that the text names, or the first.
fn choice(choices: &[Value], text: &str) -> Value {
    let lower = text.to_lowercase();
    choices
        .iter()
        .find(|choice| {
            choice
                .as_str()
                .is_some_and(|choice| lower.contains(&choice.to_lowercase()))
        })
        .or_else(|| choices.first())
        .cloned()
        .unwrap_or_default()
}

/// What follows `name:` up to the end of the line or the next comma.
fn labelled<'a>(name: &str, text: &'a str) -> Option<&'a str> {
    let wanted = name.to_lowercase().replace(['_', '-'], " ");
    text.lines().find_map(|line| {
        let (label, rest) = line.split_once(':')?;
        let label = label.trim().to_lowercase().replace(['_', '-'], " ");
        let same = label == wanted || label.ends_with(&format!(" {wanted}"));
        let rest = rest.split([',', ';']).next()?.trim();
        (same && !rest.is_empty()).then_some(rest)
    })
}

/// The digits of an amount such as `EUR 1280.50`.
fn digits(text: &str) -> String {
    text.chars()
        .filter(|letter| letter.is_ascii_digit() || matches!(letter, '.' | '-'))
        .collect()
}

#[expect(clippy::cast_possible_truncation, reason = "a float cast saturates")]
const fn whole(number: f64) -> i64 {
    number as i64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::fill;

    #[test]
    fn labels_in_the_text_fill_the_fields() {
        let schema = json!({"type": "object", "properties": {
            "invoice_number": {"type": "string"},
            "total": {"type": "number"},
            "items": {"type": "integer"},
            "currency": {"enum": ["USD", "EUR"]},
            "due": {"type": ["string", "null"], "format": "date"},
            "paid": {"type": "boolean"},
            "lines": {"type": "array", "items": {"type": "object", "properties": {"total": {"type": "number"}}}},
        }});
        let text = "Invoice number: A-17\nTotal: EUR 1280.50\nItems: 3\nPaid: no";
        assert_eq!(
            fill(&schema, text),
            json!({
                "invoice_number": "A-17", "total": 1280.5, "items": 3, "currency": "EUR",
                "due": "2026-03-14", "paid": false, "lines": [{"total": 1280.5}],
            })
        );
    }

    #[test]
    fn odd_schemas_do_no_harm() {
        let mut deep = json!({"type": "string"});
        for _ in 0..50 {
            deep = json!({"type": "array", "items": deep});
        }
        assert!(fill(&deep, "").is_array());
        assert_eq!(fill(&json!(true), ""), json!("unknown"));
        assert_eq!(fill(&json!({"enum": []}), ""), json!(null));
        assert_eq!(fill(&json!({"const": 7}), ""), json!(7));
    }
}
