//! Reads values of known kinds out of a parsed TOML tree, and goes on after each mistake.
//!
//! serde stops at the first error; this reader leaves a finding and lets the caller continue, so that one
//! run shows everything. Which keys a table may have, and their defaults, comes from `reference`.

use std::{collections::BTreeMap, ops::Range, str::FromStr, time::Duration};

use toml::{Spanned, de::DeValue};

use super::{
    diagnostic::Findings,
    reference::{Absent, Section},
    value,
};

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
        for (key, (place, _)) in &table.entries {
            if !section.keys.iter().any(|known| known.name == *key) {
                let of = match section.path {
                    "" => String::new(),
                    _ => format!(" in `{}`", table.name.get_ref()),
                };
                findings.error(
                    "unknown-key",
                    place.clone(),
                    format!("unknown key `{key}`{of}"),
                    value::guess(key, section.keys.iter().map(|key| key.name), "known keys"),
                );
            }
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

    /// The place to point at when the table as a whole is meant.
    pub(super) fn place(&self) -> Range<usize> {
        self.name.span()
    }

    fn get(&self, key: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        let found = self.entries.get(key).map(|(_, value)| *value);
        if found.is_none()
            && self
                .section
                .keys
                .iter()
                .any(|known| known.name == key && known.default == Absent::Required)
        {
            self.findings.error(
                "missing-key",
                self.place(),
                format!("`{}` needs the key `{key}`", self.name.get_ref()),
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

    /// The places of texts under keys that the table must not have.
    pub(super) fn unknown_texts(&self) -> impl Iterator<Item = Range<usize>> {
        self.entries
            .iter()
            .filter(|(key, _)| !self.section.keys.iter().any(|known| known.name == **key))
            .filter(|(_, (_, value))| value.get_ref().is_str())
            .map(|(_, (_, value))| value.span())
    }

    /// How a key of this table is called in messages.
    fn path(&self, key: &str) -> String {
        match self.section.path {
            "" => key.to_owned(),
            _ => format!("{}.{key}", self.name.get_ref()),
        }
    }

    /// A text as it is.
    pub(super) fn text(&self, key: &str) -> Option<At<String>> {
        let value = self.get(key)?;
        match value.get_ref() {
            DeValue::String(text) => Some(At::new(value.span(), text.as_ref().to_owned())),
            other => {
                wrong_kind(self.findings, value.span(), key, "a text", other);
                None
            }
        }
    }

    /// A text that says something.
    pub(super) fn words(&self, key: &str) -> Option<At<String>> {
        let text = self.text(key)?;
        if text.get_ref().trim().is_empty() {
            self.findings.error(
                "empty",
                text.span(),
                format!("`{key}` must not be empty"),
                (),
            );
            return None;
        }
        Some(text)
    }

    /// A text in a small language; the default is read by the same rules.
    pub(super) fn parsed<T: Default>(
        &self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> At<T> {
        self.parsed_if_there(key, &parse)
            .unwrap_or_else(|| self.standard(key, |text| parse(text).ok()))
    }

    /// Like [`Self::parsed`], without a default.
    pub(super) fn parsed_if_there<T>(
        &self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<At<T>> {
        let text = self.text(key)?;
        match parse(text.get_ref()) {
            Ok(value) => Some(At::new(text.span(), value)),
            Err(why) => {
                self.findings
                    .error("bad-value", text.span(), format!("`{key}`: {why}"), ());
                None
            }
        }
    }

    fn standard<T: Default>(&self, key: &str, parse: impl Fn(&str) -> Option<T>) -> At<T> {
        let value = self.section.default(key).and_then(parse);
        At::new(self.place(), value.unwrap_or_default())
    }

    /// A duration.
    pub(super) fn duration(&self, key: &str) -> At<Duration> {
        self.parsed(key, value::duration)
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, key: &str) -> At<bool> {
        if let Some(value) = self.get(key) {
            if let DeValue::Boolean(flag) = value.get_ref() {
                return At::new(value.span(), *flag);
            }
            wrong_kind(
                self.findings,
                value.span(),
                key,
                "true or false",
                value.get_ref(),
            );
        }
        self.standard(key, |text| text.parse().ok())
    }

    /// A whole number in a range.
    pub(super) fn whole(&self, key: &str, range: Range<u32>) -> At<u32> {
        self.whole_if_there(key, range)
            .unwrap_or_else(|| self.standard(key, |text| text.parse().ok()))
    }

    /// Like [`Self::whole`], without a default.
    pub(super) fn whole_if_there(&self, key: &str, range: Range<u32>) -> Option<At<u32>> {
        let value = self.get(key)?;
        let DeValue::Integer(number) = value.get_ref() else {
            wrong_kind(
                self.findings,
                value.span(),
                key,
                "a whole number",
                value.get_ref(),
            );
            return None;
        };
        let number = i64::from_str_radix(number.as_str(), number.radix()).ok();
        match number.and_then(|number| u32::try_from(number).ok()) {
            Some(number) if range.contains(&number) => Some(At::new(value.span(), number)),
            Some(_) | None => {
                self.findings.error(
                    "out-of-range",
                    value.span(),
                    format!("`{key}` must be from {} to {}", range.start, range.end - 1),
                    (),
                );
                None
            }
        }
    }

    /// A number that may have a fraction, checked by `allowed`, described by `wanted`.
    pub(super) fn number_if_there(
        &self,
        key: &str,
        allowed: impl Fn(f64) -> bool,
        wanted: &str,
    ) -> Option<At<f64>> {
        let value = self.get(key)?;
        let number = match value.get_ref() {
            DeValue::Float(number) => number.as_str().parse::<f64>().ok(),
            DeValue::Integer(number) => i32::from_str_radix(number.as_str(), number.radix())
                .ok()
                .map(f64::from),
            DeValue::String(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => {
                wrong_kind(
                    self.findings,
                    value.span(),
                    key,
                    "a number",
                    value.get_ref(),
                );
                return None;
            }
        };
        match number.filter(|number| number.is_finite() && allowed(*number)) {
            Some(number) => Some(At::new(value.span(), number)),
            None => {
                self.findings.error(
                    "out-of-range",
                    value.span(),
                    format!("`{key}` must be {wanted}"),
                    (),
                );
                None
            }
        }
    }

    /// Like [`Self::number_if_there`], with the default.
    pub(super) fn number(&self, key: &str, allowed: impl Fn(f64) -> bool, wanted: &str) -> At<f64> {
        self.number_if_there(key, allowed, wanted)
            .unwrap_or_else(|| self.standard(key, |text| text.parse().ok()))
    }

    /// One word of a closed list.
    pub(super) fn word<T: Word>(&self, key: &str) -> At<T>
    where
        T: Default,
    {
        self.word_if_there(key)
            .unwrap_or_else(|| self.standard(key, T::read))
    }

    /// Like [`Self::word`], without a default.
    pub(super) fn word_if_there<T: Word>(&self, key: &str) -> Option<At<T>> {
        let text = self.text(key)?;
        let word = self.known_word(key, &text)?;
        Some(At::new(text.span(), word))
    }

    fn known_word<T: Word>(&self, key: &str, text: &At<String>) -> Option<T> {
        let word = T::read(text.get_ref());
        if word.is_none() {
            self.findings.error(
                "unknown-value",
                text.span(),
                format!("`{key}` does not know \"{}\"", text.get_ref()),
                value::guess(text.get_ref(), T::words(), "known values"),
            );
        }
        word
    }

    /// A list of words; repeats are reported.
    pub(super) fn words_of<T: Word + PartialEq>(&self, key: &str) -> Option<Vec<At<T>>> {
        let mut words: Vec<At<T>> = Vec::new();
        for value in self.list(key)? {
            let DeValue::String(text) = value.get_ref() else {
                wrong_kind(
                    self.findings,
                    value.span(),
                    key,
                    "a list of texts",
                    value.get_ref(),
                );
                continue;
            };
            let text = At::new(value.span(), text.as_ref().to_owned());
            let Some(word) = self.known_word::<T>(key, &text) else {
                continue;
            };
            if words.iter().any(|known| *known.get_ref() == word) {
                self.findings.warning(
                    "repeated",
                    text.span(),
                    format!("`{key}` has \"{}\" twice", text.get_ref()),
                    (),
                );
                continue;
            }
            words.push(At::new(text.span(), word));
        }
        Some(words)
    }

    fn list(&self, key: &str) -> Option<&'t [Spanned<DeValue<'t>>]> {
        let value = self.get(key)?;
        if let DeValue::Array(list) = value.get_ref() {
            return Some(list);
        }
        wrong_kind(self.findings, value.span(), key, "a list", value.get_ref());
        None
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

    /// The named tables inside a table: `[routes.NAME]`. Names are checked.
    pub(super) fn named(&self, key: &str, section: &'static Section) -> Vec<Table<'t>> {
        let Some(value) = self.get(key) else {
            return Vec::new();
        };
        let place = self.key_place(key).unwrap_or_else(|| value.span());
        let name = At::new(place, key.to_owned());
        let Some(outer) = Self::open_any(self.findings, section, name, value) else {
            return Vec::new();
        };
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
        tables
    }
}

/// A word of a closed list.
pub(super) trait Word: Sized {
    /// Every word.
    fn words() -> impl Iterator<Item = &'static str>;
    /// The meaning of a word.
    fn read(text: &str) -> Option<Self>;
}

macro_rules! words {
    ($($type:ty: $($word:literal => $value:expr),+;)+) => {$(
        impl Word for $type {
            fn words() -> impl Iterator<Item = &'static str> {
                [$($word),+].into_iter()
            }

            fn read(text: &str) -> Option<Self> {
                match text {
                    $($word => Some($value),)+
                    _ => None,
                }
            }
        }
    )+};
}

macro_rules! listed {
    ($($type:ty),+) => {$(
        impl Word for $type {
            fn words() -> impl Iterator<Item = &'static str> {
                Self::ALL.into_iter().map(Self::as_str)
            }

            fn read(text: &str) -> Option<Self> {
                Self::from_str(text).ok()
            }
        }
    )+};
}

use crate::model::{
    BoundaryKind, Capability, ErrorClass, Family, LogFailure, Mode, NoticeStyle, Tier,
};

listed!(Capability, ErrorClass, Family);
words! {
    BoundaryKind: "billing" => Self::Billing, "region" => Self::Region, "compliance" => Self::Compliance;
    Mode: "auto" => Self::Auto, "hold" => Self::Hold, "force" => Self::Force;
    Tier: "standard" => Self::Standard, "paid" => Self::Paid;
    NoticeStyle: "header" => Self::Header, "inline" => Self::Inline;
    LogFailure: "refuse" => Self::Refuse, "serve" => Self::Serve;
}
