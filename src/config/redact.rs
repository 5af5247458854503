//! Hides what may be a credential before any line of a file is shown: people paste keys into the wrong
//! place, and a report ends up in terminals and build logs.

use std::ops::Range;

/// Words in the name of a setting whose text value is hidden, wherever it stands.
const SUSPECTS: [&str; 6] = [
    "key",
    "token",
    "secret",
    "password",
    "passwd",
    "authorization",
];

/// Replaces the given ranges, and every text assigned to a suspicious name, by `*`, byte for byte, so that
/// places stay right. Line breaks stay.
pub(super) fn redact(source: &str, hidden: &[Range<usize>]) -> String {
    let mut bytes = source.as_bytes().to_vec();
    let assigned = suspicious(source);
    for range in hidden.iter().chain(&assigned) {
        for byte in bytes.get_mut(range.clone()).unwrap_or_default() {
            if !matches!(byte, b'\n' | b'\r' | b'"' | b'\'') {
                *byte = b'*';
            }
        }
    }
    // Whole characters were replaced, so this is text; if a range cut one, show nothing of it.
    String::from_utf8(bytes).unwrap_or_else(|error| {
        let kept = |byte: &u8| byte.is_ascii();
        let bytes = error.as_bytes();
        bytes
            .iter()
            .map(|byte| if kept(byte) { char::from(*byte) } else { '*' })
            .collect()
    })
}

/// The texts after `NAME =` for every suspicious name. Works on broken files, too.
fn suspicious(source: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (equals, _) in source.match_indices('=') {
        let (before, after) = (
            source.get(..equals).unwrap_or_default().trim_end(),
            source.get(equals + 1..).unwrap_or_default(),
        );
        let start_of_name = before
            .rfind(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '"' | '\'')))
            .map_or(0, |at| at + 1);
        let name = before
            .get(start_of_name..)
            .unwrap_or_default()
            .to_ascii_lowercase();
        if !SUSPECTS.iter().any(|suspect| name.contains(suspect)) {
            continue;
        }
        let value = after.trim_start_matches([' ', '\t']);
        let start = source.len() - value.len();
        let length = match value.chars().next() {
            // A table or a list says where the key is; its own members are looked at by themselves.
            Some('{' | '[') | None => 0,
            Some(_) => value.find('\n').unwrap_or(value.len()),
        };
        let text = ["\"\"\"", "'''"]
            .iter()
            .find(|quote| value.starts_with(**quote))
            .and_then(|quote| Some(value.get(3..)?.find(quote)? + 6));
        found.push(start..start + text.unwrap_or_else(|| short(value).unwrap_or(length)));
    }
    found
}

/// The length of a one-line quoted text, when it is closed.
fn short(value: &str) -> Option<usize> {
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let line = value.split('\n').next()?;
    let rest = line.get(1..)?;
    let mut escaped = false;
    let end = rest.find(|c: char| {
        let closes = c == quote && !escaped;
        escaped = c == '\\' && !escaped && quote == '"';
        closes
    })?;
    Some(end + 2)
}

#[cfg(test)]
mod tests {
    use super::redact;

    #[test]
    fn what_may_be_a_credential_is_hidden_and_places_stay() {
        for (case, source, shown) in [
            ("a pasted key", "key = \"sk-1\"\n", "key = \"****\"\n"),
            (
                "inside a table",
                "{ key = 'sk-1', family = 'x' }",
                "{ key = '****', family = 'x' }",
            ),
            (
                "another name",
                "api_token = \"a\\\"b\" # c",
                "api_token = \"**\"*\" # c",
            ),
            (
                "not closed",
                "key = \"sk-1\nnext = 1",
                "key = \"****\nnext = 1",
            ),
            (
                "without quotes",
                "key = sk-1\nnext = 1",
                "key = ****\nnext = 1",
            ),
            (
                "several lines",
                "key = \"\"\"a\nb\"\"\"\nc = 1",
                "key = \"\"\"*\n*\"\"\"\nc = 1",
            ),
            (
                "a place",
                "key = { env = \"NAME\" }",
                "key = { env = \"NAME\" }",
            ),
            ("accents", "key = \"\u{e9}\"", "key = \"**\""),
            ("nothing after it", "key =", "key ="),
        ] {
            let hidden = redact(source, &[]);
            assert_eq!(hidden, shown, "{case}");
            assert_eq!(hidden.len(), source.len(), "{case}");
        }
    }

    #[test]
    fn a_given_range_is_hidden_even_when_it_cuts_a_character() {
        assert_eq!(redact("abcdef", &[2..4]), "ab**ef");
        assert_eq!(redact("a\u{e9}b", &[1..2]), "a**b");
        assert_eq!(redact("ab", &[1..9]), "ab");
    }
}
