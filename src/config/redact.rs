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
        let outside = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '"' | '\''));
        let name = before.rsplit(outside).next().unwrap_or_default();
        let name = name.to_ascii_lowercase();
        if !SUSPECTS.iter().any(|suspect| name.contains(suspect)) {
            continue;
        }
        let value = after.trim_start_matches([' ', '\t']);
        let start = source.len() - value.len();
        found.push(start..start + length(value));
    }
    found
}

/// The length of the text that begins a value; of the line, or of all the rest, where it is not closed.
fn length(value: &str) -> usize {
    // A table or a list says where the key is; its own members are looked at by themselves.
    if value.starts_with(['{', '[']) {
        return 0;
    }
    let line = value.find('\n').unwrap_or(value.len());
    let closed = |quote: &str| {
        let rest = value.get(quote.len()..).unwrap_or_default();
        rest.find(quote).map(|end| end + 2 * quote.len())
    };
    match value.get(..3) {
        Some(quote @ ("\"\"\"" | "'''")) => closed(quote).unwrap_or(value.len()),
        Some(_) | None => short(value).unwrap_or(line),
    }
}

/// The length of a quoted text that ends on its line.
fn short(value: &str) -> Option<usize> {
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let line = value.split('\n').next()?;
    let mut escaped = false;
    let end = line.get(1..)?.find(|c: char| {
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
            (
                "several lines, not closed",
                "key = \"\"\"a\nb",
                "key = \"\"\"*\n*",
            ),
            ("after anything", "\u{1400}key = 'sk'", "\u{1400}key = '**'"),
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
        for (source, range, shown) in [
            ("abcdef", 2..4, "ab**ef"),
            ("a\u{e9}b", 1..2, "a**b"),
            ("ab", 1..9, "ab"),
        ] {
            assert_eq!(redact(source, std::slice::from_ref(&range)), shown);
        }
    }
}
