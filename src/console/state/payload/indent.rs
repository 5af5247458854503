//! JSON on one line, in lines that can be read. Only blanks between tokens change: no number, no escape and no
//! order of fields does.

/// The text itself when it has lines already; else one line for each field and item.
pub(super) fn readable(text: &str) -> String {
    let text = text.trim_end_matches(['\n', '\r', ' ']);
    if text.contains('\n') {
        return text.replace("\r\n", "\n");
    }
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = 0_usize;
    let mut characters = text.chars().peekable();
    let mut in_string = false;
    while let Some(character) = characters.next() {
        if in_string {
            out.push(character);
            match character {
                '\\' => out.extend(characters.next()),
                '"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match character {
            '{' | '[' => {
                out.push(character);
                while characters.peek() == Some(&' ') {
                    characters.next();
                }
                if let Some(close) = characters.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(close);
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(character);
            }
            ',' => {
                out.push(',');
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            ' ' => {}
            other => {
                in_string = other == '"';
                out.push(other);
            }
        }
    }
    out
}

fn line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth.min(40)));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::readable;

    #[test]
    fn one_line_becomes_many_and_nothing_else_changes() {
        for (case, source, expected) in [
            (
                "fields",
                r#"{"a":1.50,"b":[]}"#,
                "{\n  \"a\": 1.50,\n  \"b\": []\n}",
            ),
            (
                "strings",
                r#"{"a":"x: {\"y\", 1}"}"#,
                "{\n  \"a\": \"x: {\\\"y\\\", 1}\"\n}",
            ),
            ("lines stay", "{\n\"a\":1}\n", "{\n\"a\":1}"),
            ("no JSON", "hello, you", "hello,\nyou"),
        ] {
            assert_eq!(readable(source), expected, "{case}");
        }
    }

    proptest! {
        #[test]
        fn it_means_the_same(keys in prop::collection::vec("\\PC{0,8}", 0..6), text in "\\PC{0,30}") {
            let value: Value = keys.iter().map(|key| (key.clone(), Value::from(text.clone()))).collect();
            let shown: Value = serde_json::from_str(&readable(&value.to_string())).unwrap();
            prop_assert_eq!(shown, value);
        }
    }
}
