//! Reads values of known kinds out of a parsed TOML tree, and goes on after each mistake.
//!
//! serde stops at the first error; this reader leaves a finding and lets the caller continue, so that one
//! run shows everything. Which keys a table may have, and their defaults, comes from `reference`.

mod values;
mod word;

use std::{collections::BTreeMap, ops::Range};

use toml::{Spanned, de::DeValue};

use super::{
    diagnostic::Findings,
    reference::{Absent, Key, Section},
    value,
};

pub(super) use word::Word;

/// A value with its place in the file.
pub(super) type At<T> = Spanned<T>;

/// One table of the file.
pub(super) struct Table<'t> {
    /// What it is called, at the place to point at when something is missing.
    pub(super) name: At<String>,
    section: &'static Section,
    entries: BTreeMap<&'t str, (Range<usize>, &'t Spanned<DeValue<'t>>)>,
    findings: &'t Findings,
}

/// What a value is, for people.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn wrong_kind(
    findings: &Findings,
    place: Range<usize>,
    key: &str,
    wanted: &str,
    value: &DeValue<'_>,
) {
    findings.error(
        "wrong-kind",
        place,
        format!("`{key}` must be {wanted}, not {}", kind(value)),
        (),
    );
}

impl<'t> Table<'t> {
    /// Opens a table and reports the keys that it must not have.
    pub(super) fn open(
        findings: &'t Findings,
        section: &'static Section,
        name: At<String>,
        value: &'t Spanned<DeValue<'t>>,
    ) -> Option<Self> {
        let table = Self::open_any(findings, section, name, value)?;
        for (key, place, _) in table.unknown() {
            let of = match section.path {
                "" => String::new(),
                _ => format!(" in `{}`", table.name.get_ref()),
            };
            findings.error(
                "unknown-key",
                place,
                format!("unknown key `{key}`{of}"),
                table.meant(key),
            );
        }
        Some(table)
    }

    /// Opens a table whose keys are names.
    fn open_any(
        findings: &'t Findings,
        section: &'static Section,
        name: At<String>,
        value: &'t Spanned<DeValue<'t>>,
    ) -> Option<Self> {
        let DeValue::Table(table) = value.get_ref() else {
            let key = name.get_ref();
            wrong_kind(findings, value.span(), key, "a table", value.get_ref());
            return None;
        };
        let entries = table
            .iter()
            .map(|(key, value)| (key.get_ref().as_ref(), (key.span(), value)))
            .collect();
        Some(Self {
            name,
            section,
            entries,
            findings,
        })
    }

    /// What an unknown key may have been meant to be.
    fn meant(&self, key: &str) -> Option<String> {
        let known = self.section.keys.iter().map(|known| known.name);
        let is_table = |(_, value): &(_, &Spanned<DeValue<'_>>)| value.get_ref().is_table();
        let dotted =
            self.section.path.ends_with('*') && self.entries.get(key).is_some_and(is_table);
        if dotted && value::nearest(key, known.clone()).is_none() {
            let name = self.name.get_ref();
            return Some(format!("a name with a dot needs quotes: \"{name}.{key}\""));
        }
        value::guess(key, known, "known keys")
    }

    /// The place to point at when the table as a whole is meant.
    pub(super) fn place(&self) -> Range<usize> {
        self.name.span()
    }

    fn describe(&self, key: &str) -> Option<&'static Key> {
        self.section.keys.iter().find(|known| known.name == key)
    }

    fn get(&self, key: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        let found = self.entries.get(key).map(|(_, value)| *value);
        if found.is_none()
            && self
                .describe(key)
                .is_some_and(|known| known.default == Absent::Required)
        {
            let whose = match self.section.path {
                "" => "the file".to_owned(),
                _ => format!("`{}`", self.name.get_ref()),
            };
            self.findings.error(
                "missing-key",
                self.place(),
                format!("{whose} needs the key `{key}`"),
                (),
            );
        }
        found
    }

    /// The place of a key, when it is there.
    pub(super) fn key_place(&self, key: &str) -> Option<Range<usize>> {
        self.entries.get(key).map(|(place, _)| place.clone())
    }

    /// The place of a value that is a text, when it is one.
    pub(super) fn text_place(&self, key: &str) -> Option<Range<usize>> {
        let (_, value) = self.entries.get(key)?;
        value.get_ref().is_str().then(|| value.span())
    }

    /// The keys that the table must not have, with their places and those of their values.
    pub(super) fn unknown(&self) -> impl Iterator<Item = (&'t str, Range<usize>, Range<usize>)> {
        self.entries
            .iter()
            .filter(|(key, _)| self.describe(key).is_none())
            .map(|(key, (place, value))| (*key, place.clone(), value.span()))
    }

    /// How a key of this table is called in messages.
    fn path(&self, key: &str) -> String {
        match self.section.path {
            "" => key.to_owned(),
            _ => format!("{}.{key}", self.name.get_ref()),
        }
    }

    fn list(&self, key: &str) -> Option<&'t [Spanned<DeValue<'t>>]> {
        let value = self.get(key)?;
        if let DeValue::Array(list) = value.get_ref() {
            return Some(list);
        }
        wrong_kind(self.findings, value.span(), key, "a list", value.get_ref());
        None
    }

    /// How many values a list has, good or bad.
    pub(super) fn length(&self, key: &str) -> usize {
        let value = self.entries.get(key).map(|(_, value)| value.get_ref());
        value
            .and_then(DeValue::as_array)
            .map_or(0, |list| list.len())
    }

    /// The tables of a list.
    pub(super) fn tables(&self, key: &str, section: &'static Section) -> Vec<Table<'t>> {
        let list = self.list(key).unwrap_or_default();
        list.iter()
            .filter_map(|value| {
                let name = At::new(value.span(), self.path(key));
                Table::open(self.findings, section, name, value)
            })
            .collect()
    }

    /// A table inside this one, when it is there.
    pub(super) fn table(&self, key: &str, section: &'static Section) -> Option<Table<'t>> {
        let value = self.get(key)?;
        let place = self.key_place(key).unwrap_or_else(|| value.span());
        Table::open(
            self.findings,
            section,
            At::new(place, self.path(key)),
            value,
        )
    }

    /// A table inside this one; an empty one when it is absent, so that its defaults apply.
    pub(super) fn table_or_defaults(&self, key: &str, section: &'static Section) -> Table<'t> {
        self.table(key, section).unwrap_or_else(|| Table {
            name: At::new(self.place(), self.path(key)),
            section,
            entries: BTreeMap::new(),
            findings: self.findings,
        })
    }

    /// The named tables inside a table: `[routes.NAME]`. Names are checked. `None`: no table is there.
    pub(super) fn named(&self, key: &str, section: &'static Section) -> Option<Vec<Table<'t>>> {
        let value = self.get(key)?;
        let place = self.key_place(key).unwrap_or_else(|| value.span());
        let name = At::new(place, key.to_owned());
        let outer = Self::open_any(self.findings, section, name, value)?;
        let mut tables: Vec<Table<'t>> = Vec::new();
        for (name, (place, value)) in &outer.entries {
            if !value::is_name(name) {
                self.findings.error(
                    "bad-name",
                    place.clone(),
                    format!("\"{name}\" in `{key}` is not a name"),
                    "use lower-case letters, digits and inner `-`, `_` or `.`, at most 63 characters",
                );
            }
            let name = At::new(place.clone(), (*name).to_owned());
            tables.extend(Table::open(self.findings, section, name, value));
        }
        Some(tables)
    }
}
