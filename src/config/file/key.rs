//! Where a credential is. A credential itself never belongs into the file, and is not repeated when it is.

use std::ops::Range;

use crate::config::{
    diagnostic::Findings,
    reader::{At, Table},
    reference::KEY,
    value,
};

/// Where a credential is.
pub(in crate::config) enum Key {
    /// In a variable.
    Variable(String),
    /// In a file, relative to the configuration.
    File(String),
    /// In a file of `$CREDENTIALS_DIRECTORY`.
    Credential(String),
    /// The provider wants none.
    None,
    /// Not said in a way that can be used; a finding says so.
    Unclear,
}

/// Reads `key`.
pub(super) fn key(table: &Table<'_>, findings: &Findings) -> Option<At<Key>> {
    if let Some(place) = table.text_place("key") {
        findings.hide(place.clone());
        findings.error(
            "credential-in-file",
            place.clone(),
            "a key must not be written into this file",
            "name its place: `key = { env = \"NAME\" }`, `{ file = \"PATH\" }`, `{ credential = \"NAME\" }` \
             or `{ none = true }`; then replace the key, it may have been seen",
        );
        return Some(At::new(place, Key::Unclear));
    }
    let source = table.table("key", &KEY)?;
    let mut unknown = false;
    for (_, _, value) in source.unknown() {
        findings.hide(value);
        unknown = true;
    }
    let mut said: Vec<At<Key>> = Vec::new();
    if let Some(name) = source.filled("env") {
        said.push(At::new(name.span(), variable(&name, findings)));
    }
    if let Some(path) = source.filled("file") {
        said.push(At::new(path.span(), Key::File(path.into_inner())));
    }
    if let Some(name) = source.filled("credential") {
        said.push(At::new(name.span(), credential(name, findings)));
    }
    if source.key_place("none").is_some() {
        let none = source.flag("none");
        let key = if *none.get_ref() {
            Key::None
        } else {
            unclear(findings, none.span());
            Key::Unclear
        };
        said.push(At::new(none.span(), key));
    }
    let members = ["env", "file", "credential"];
    let broken = unknown || members.iter().any(|key| source.key_place(key).is_some());
    match (said.pop(), said.is_empty()) {
        (Some(key), true) => return Some(key),
        // What is wrong with it has its own finding already.
        (None, _) if broken => {}
        (Some(_) | None, _) => unclear(findings, source.place()),
    }
    Some(At::new(source.place(), Key::Unclear))
}

fn unclear(findings: &Findings, place: Range<usize>) {
    findings.error(
        "unclear-credential",
        place,
        "`key` must say exactly one place",
        "one of `env = \"NAME\"`, `file = \"PATH\"`, `credential = \"NAME\"` or `none = true`",
    );
}

fn variable(name: &At<String>, findings: &Findings) -> Key {
    if value::is_variable(name.get_ref()) {
        return Key::Variable(name.get_ref().clone());
    }
    // Not repeated in the message: it may be the key itself.
    findings.hide(name.span());
    findings.error(
        "bad-value",
        name.span(),
        "`env` is not the name of a variable",
        "letters, digits and `_`, for instance `env = \"ACME_KEY\"`; not the key itself",
    );
    Key::Unclear
}

fn credential(name: At<String>, findings: &Findings) -> Key {
    if name.get_ref().contains(['/', '\0']) || name.get_ref().starts_with('.') {
        findings.error(
            "bad-value",
            name.span(),
            "`credential` must be a plain file name",
            "the name given to systemd's `LoadCredential=`",
        );
        return Key::Unclear;
    }
    Key::Credential(name.into_inner())
}
