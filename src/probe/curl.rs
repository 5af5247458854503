//! A probe as a command for a shell: the same request, with the key left to the shell.

use std::fmt::Write as _;

use super::{ProbeError, target::Target};
use crate::model::{KeyPlace, Route, Sample, Secret, visible};

/// Stands for the key while the headers are made; the real one never comes here.
const PLACEHOLDER: &str = "BACKSTOP-KEY-OF-THE-ROUTE";

/// The command that sends a sample to a route. Its lines end with a line feed; it holds no key, and nothing
/// that a terminal would obey.
///
/// # Errors
/// When the probe itself could not be sent.
pub fn curl(sample: &Sample, route: &Route) -> Result<String, ProbeError> {
    let body = super::measure::read(sample)?;
    let shown = Route {
        credential: (route.key != KeyPlace::None).then(|| Secret::new(PLACEHOLDER)),
        ..route.clone()
    };
    let target = Target::new(&shown)?;
    let question = target.question(&body, sample)?;
    let (variable, comment) = match &route.key {
        KeyPlace::Variable(name) => (name.as_str(), String::new()),
        place @ (KeyPlace::File(_) | KeyPlace::Credential(_)) => {
            let place = place.to_string();
            ("KEY", format!("# KEY: what {} holds\n", escaped(&place)))
        }
        KeyPlace::None => ("KEY", String::new()),
    };
    let mut command = format!(
        "{comment}curl --silent --show-error --include --no-buffer \\\n  --request POST {}",
        single(&question.uri.to_string())
    );
    for (name, value) in &question.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        let quoted = match value.split_once(PLACEHOLDER) {
            // The only part that the shell may fill in.
            Some((before, after)) => format!(
                "{}\"${{{variable}:?}}\"{}",
                single(&format!("{name}: {before}")),
                if after.is_empty() {
                    String::new()
                } else {
                    single(after)
                }
            ),
            None => single(&format!("{name}: {value}")),
        };
        // Writing to a String cannot fail.
        let _ = write!(command, " \\\n  --header {quoted}");
    }
    // Inside JSON, what a terminal would obey can only stand in a string, where its escape means the same.
    let body = escaped(&String::from_utf8_lossy(&question.body));
    let end = delimiter(&body);
    let _ = write!(
        command,
        " \\\n  --data-binary @- <<'{end}'\n{body}\n{end}\n"
    );
    Ok(command)
}

/// JSON text with every raw character that a terminal would obey as its escape.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        let mut bytes = [0; 4];
        let piece: &str = character.encode_utf8(&mut bytes);
        let obeyed = visible(piece, 1) != piece;
        if obeyed && !matches!(character, '\n' | '\t' | '\r') {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(character);
        }
    }
    out
}

/// A word that no line of the body is.
fn delimiter(body: &str) -> String {
    let mut word = "JSON".to_owned();
    while body.lines().any(|line| line.trim_end() == word) {
        word.push('_');
    }
    word
}

/// In single quotes, in which a shell changes nothing.
fn single(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::{delimiter, escaped, single};

    #[test]
    fn quotes_are_those_of_a_shell() {
        for (text, quoted) in [
            ("plain", "'plain'"),
            ("it's", r"'it'\''s'"),
            ("$HOME `x` \\", "'$HOME `x` \\'"),
        ] {
            assert_eq!(single(text), quoted);
        }
    }

    #[test]
    fn what_a_terminal_obeys_is_escaped() {
        assert_eq!(
            escaped("{\"a\": \"\u{e9}\u{202e}\u{9b}\"}\n"),
            "{\"a\": \"\u{e9}\\u202e\\u009b\"}\n"
        );
    }

    #[test]
    fn the_end_is_no_line_of_the_body() {
        assert_eq!(delimiter("{}"), "JSON");
        assert_eq!(delimiter("{}\nJSON\n"), "JSON_");
    }
}
