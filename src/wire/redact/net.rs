//! The patterns by which personal data and secrets are found in text, and what is put in their place.
//!
//! A net, not a promise: names, addresses and what people tell in their own words are not found. What stands
//! in keeps the form (digits stay digits), so that JSON inside a text stays JSON. Rather too much than too
//! little is replaced.

use std::borrow::Cow;

use regex::{Captures, Regex};

/// What is put in the place of secrets.
pub(super) const GONE: &str = "redacted";
/// From so many digits on a number may be a telephone's, an account's or a card's.
pub(super) const DIGITS: usize = 7;

/// The patterns, compiled.
#[derive(Debug)]
pub(super) struct Net {
    private_key: Regex,
    url: Regex,
    email: Regex,
    header: Regex,
    labelled: Regex,
    bearer: Regex,
    basic: Regex,
    prefixed: Regex,
    base64: Regex,
    uuid: Regex,
    iban: Regex,
    long: Regex,
    run: Regex,
    digits: Regex,
}

impl Net {
    pub(super) fn new() -> Result<Self, regex::Error> {
        Ok(Self {
            private_key: Regex::new(
                r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$)",
            )?,
            // Scheme; who signs in; host and path; query and fragment.
            url: Regex::new(
                r#"(?i)\b([a-z][a-z0-9+.-]*://)([^\s/?#"'<>\\]*@)?([^\s?#"'<>\\]*)([?#][^\s"'<>\\]*)?"#,
            )?,
            email: Regex::new(r"[\w.%+'-]+(?:@|%40)[\w-]+(?:\.[\w-]+)+")?,
            // The whole line: it may name a scheme first, or hold several.
            header: Regex::new(
                r#"(?i)((?:authorization|cookie)["'\\]*\s*[:=]\s*["'\\]*)[^\n"'\\]+"#,
            )?,
            labelled: Regex::new(
                r#"(?i)([\w-]*(?:passw(?:or)?[dt]|passcode|passphrase|secret|api[ _-]?key|token|credential)s?["'\\]*\s*(?:[:=]|\b(?:is|ist)\b)\s*["'\\]*)([^\s"'\\,;]{3,})"#,
            )?,
            bearer: Regex::new(r#"(?i)\b(bearer\s+)[^\s"'\\,;]{6,}"#)?,
            basic: Regex::new(r"(?i)\b(basic\s+)([a-z0-9+/]{8,}={0,2})")?,
            prefixed: Regex::new(
                r"\b(?:(?:sk|pk|rk|hf|npm|gsk|glpat|xox[a-z]|github_pat|gh[opusr])[-_][-_.A-Za-z0-9]{10,}|(?:AKIA|ASIA|AIza)[-_A-Za-z0-9]{12,}|ya29\.[-_.A-Za-z0-9]{10,}|eyJ[-_A-Za-z0-9]{8,}(?:\.[-_A-Za-z0-9]*)*)",
            )?,
            base64: Regex::new(r"(;base64,)[-A-Za-z0-9+/=_%]+")?,
            uuid: Regex::new(
                r"(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
            )?,
            iban: Regex::new(r"\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}\b")?,
            long: Regex::new(r"[-A-Za-z0-9+/=_]{40,}")?,
            run: Regex::new(r"[A-Za-z0-9]{16,}")?,
            digits: Regex::new(r"\d(?:[ \t().\-/:\u{2013}\u{a0}]{0,3}\d){6,}")?,
        })
    }

    /// The text without what was found; `None`: nothing was.
    pub(super) fn redact(&self, original: &str) -> Option<String> {
        let mut text = Cow::Borrowed(original);
        let plain = |net: &Regex, with: &str, text: &mut Cow<'_, str>| {
            replace(text, net, |found: &Captures<'_>| {
                let mut put = String::new();
                found.expand(with, &mut put);
                put
            });
        };
        plain(&self.private_key, GONE, &mut text);
        replace(&mut text, &self.url, url);
        plain(&self.email, "person@example.com", &mut text);
        plain(&self.header, "${1}redacted", &mut text);
        plain(&self.bearer, "${1}redacted", &mut text);
        replace(&mut text, &self.basic, basic);
        plain(&self.labelled, "${1}redacted", &mut text);
        plain(&self.prefixed, GONE, &mut text);
        plain(&self.base64, "${1}redacted", &mut text);
        plain(
            &self.uuid,
            "11111111-1111-1111-1111-111111111111",
            &mut text,
        );
        plain(&self.iban, GONE, &mut text);
        replace(&mut text, &self.long, |found| random(found, 4));
        replace(&mut text, &self.run, |found| random(found, 3));
        replace(&mut text, &self.digits, |found| ones(whole(found)));
        (text != original).then(|| text.into_owned())
    }
}

/// Every digit as a one.
pub(super) fn ones(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_numeric() { '1' } else { c })
        .collect()
}

fn replace(text: &mut Cow<'_, str>, net: &Regex, with: impl Fn(&Captures<'_>) -> String) {
    if let Cow::Owned(new) = net.replace_all(text, with) {
        *text = Cow::Owned(new);
    }
}

fn whole<'t>(found: &Captures<'t>) -> &'t str {
    part(found, 0)
}

fn part<'t>(found: &Captures<'t>, index: usize) -> &'t str {
    found.get(index).map_or("", |part| part.as_str())
}

/// Keeps scheme, host and path.
fn url(found: &Captures<'_>) -> String {
    let query = part(found, 4).chars().next();
    let query = query.map_or_else(String::new, |mark| format!("{mark}{GONE}"));
    format!("{}{}{query}", part(found, 1), part(found, 3))
}

/// A word after "basic" is a key when it does not look like a word.
fn basic(found: &Captures<'_>) -> String {
    let word = part(found, 2);
    let plain = |c: char| c.is_ascii_lowercase();
    if word.chars().skip(1).all(plain) {
        return whole(found).to_owned();
    }
    format!("{}{GONE}", part(found, 1))
}

/// Letters and digits that change often are no word that a person wrote.
fn random(found: &Captures<'_>, changes: usize) -> String {
    let text = whole(found);
    let kinds: Vec<bool> = text
        .bytes()
        .filter(u8::is_ascii_alphanumeric)
        .map(|byte| byte.is_ascii_digit())
        .collect();
    let seen = kinds.windows(2).filter(|pair| pair[0] != pair[1]).count();
    if seen >= changes { GONE } else { text }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::Net;

    #[test]
    fn what_is_found_is_replaced_and_the_rest_stays() {
        let net = Net::new().expect("good patterns");
        for (case, text, left) in [
            (
                "an address",
                "to bob.o'neil+x@mail.example.co.uk.",
                "to person@example.com.",
            ),
            (
                "in a link",
                "?to=bob%40example.com",
                "?to=person@example.com",
            ),
            (
                "a telephone",
                "call +49 (151) 234-5678 now",
                "call +11 (111) 111-1111 now",
            ),
            ("a card", "4111 1111 1111 1234", "1111 1111 1111 1111"),
            (
                "other digits",
                "\u{664}\u{665}\u{666}\u{664}\u{665}\u{666}\u{664}",
                "1111111",
            ),
            (
                "an account",
                "DE89 3704 0044 0532 0130 00, ok",
                "redacted, ok",
            ),
            (
                "a bearer",
                "Authorization: Token abcdef x",
                "Authorization: redacted",
            ),
            ("basic", "Basic dXNlcjpwYXNz", "Basic redacted"),
            ("a key", "use sk-proj-abcdefghijkl.", "use redacted"),
            ("a token", "eyJhbGciOiJI.eyJzdWIi.abc x", "redacted x"),
            (
                "a password",
                "my password is hunter2!",
                "my password is redacted",
            ),
            (
                "a link",
                "https://u:p@host.example/a/b?k=v#f) x",
                "https://host.example/a/b?redacted x",
            ),
            ("hex", "commit 9f86d081884c7d659a2f", "commit redacted"),
            (
                "a uuid",
                "123e4567-e89b-12d3-a456-426614174000",
                "11111111-1111-1111-1111-111111111111",
            ),
            (
                "data",
                "![x](data:image/png;base64,aaaa)",
                "![x](data:image/png;base64,redacted)",
            ),
            (
                "a private key",
                "-----BEGIN RSA PRIVATE KEY-----\nab\n-----END RSA PRIVATE KEY----- and",
                "redacted and",
            ),
            (
                "half a private key",
                "-----BEGIN PRIVATE KEY-----\nab",
                "redacted",
            ),
        ] {
            assert_eq!(net.redact(text).as_deref(), Some(left), "{case}");
            let again = net.redact(left);
            assert!(again.is_none_or(|again| again == left), "{case}: twice");
        }
        for text in [
            "Order 4711 came at 10:30, version 1.2.3.",
            "getCustomerV2Profile in src/components/UserProfile2/AccountSettingsPanel.rs",
            "basic instructions about a sketchbook, https://example.com/docs/page",
            "claude-sonnet-4-5 and gpt-4o-mini",
        ] {
            assert_eq!(net.redact(text), None, "{text}");
        }
    }
}
