//! Texts, numbers, flags and words out of a table.

use std::{ops::Range, time::Duration};

use jiff::Timestamp;
use toml::de::DeValue;

use super::{At, Table, Word, wrong_kind};
use crate::config::value;

impl Table<'_> {
    /// A text as it is.
    pub(in crate::config) fn text(&self, key: &str) -> Option<At<String>> {
        let value = self.get(key)?;
        match value.get_ref() {
            DeValue::String(text) => Some(At::new(value.span(), text.as_ref().to_owned())),
            other => {
                let wanted = match self.describe(key).map(|known| known.kind) {
                    Some("duration") => "a duration in quotes such as \"10s\"",
                    Some("size") => "a size in quotes such as \"32MiB\"",
                    Some(_) | None => "a text in quotes",
                };
                wrong_kind(self.findings, value.span(), key, wanted, other);
                None
            }
        }
    }

    /// A text that says something.
    pub(in crate::config) fn filled(&self, key: &str) -> Option<At<String>> {
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

    /// A moment, as TOML writes one or in quotes. Of a wrong one there is a finding, and the far past: it
    /// must not read as none.
    pub(in crate::config) fn moment(
        &self,
        key: &str,
        parse: impl Fn(&str) -> Result<Timestamp, String>,
    ) -> Option<Timestamp> {
        let value = self.get(key)?;
        let text = match value.get_ref() {
            DeValue::Datetime(moment) => moment.to_string(),
            DeValue::String(text) => text.as_ref().to_owned(),
            other => {
                wrong_kind(self.findings, value.span(), key, "a date", other);
                return Some(Timestamp::MIN);
            }
        };
        let moment = parse(&text).inspect_err(|why| {
            self.findings
                .error("bad-value", value.span(), format!("`{key}`: {why}"), ());
        });
        Some(moment.unwrap_or(Timestamp::MIN))
    }

    /// A text in a small language; the default is read by the same rules.
    pub(in crate::config) fn parsed<T: Default>(
        &self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> At<T> {
        self.parsed_if_there(key, &parse)
            .unwrap_or_else(|| self.standard(key, |text| parse(text).ok()))
    }

    /// Like [`Self::parsed`], without a default.
    pub(in crate::config) fn parsed_if_there<T>(
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
    pub(in crate::config) fn duration(&self, key: &str) -> At<Duration> {
        self.parsed(key, value::duration)
    }

    /// `true` or `false`.
    pub(in crate::config) fn flag(&self, key: &str) -> At<bool> {
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
    pub(in crate::config) fn whole(&self, key: &str, range: Range<u32>) -> At<u32> {
        self.whole_if_there(key, range)
            .unwrap_or_else(|| self.standard(key, |text| text.parse().ok()))
    }

    /// Like [`Self::whole`], without a default.
    pub(in crate::config) fn whole_if_there(
        &self,
        key: &str,
        range: Range<u32>,
    ) -> Option<At<u32>> {
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
    pub(in crate::config) fn number_if_there(
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
        let number = number.filter(|number| number.is_finite() && allowed(*number));
        if number.is_none() {
            self.findings.error(
                "out-of-range",
                value.span(),
                format!("`{key}` must be {wanted}"),
                (),
            );
        }
        number.map(|number| At::new(value.span(), number))
    }

    /// Like [`Self::number_if_there`], with the default.
    pub(in crate::config) fn number(
        &self,
        key: &str,
        allowed: impl Fn(f64) -> bool,
        wanted: &str,
    ) -> At<f64> {
        self.number_if_there(key, allowed, wanted)
            .unwrap_or_else(|| self.standard(key, |text| text.parse().ok()))
    }

    /// One word of a closed list.
    pub(in crate::config) fn word<T: Word + Default>(&self, key: &str) -> At<T> {
        self.word_if_there(key)
            .unwrap_or_else(|| self.standard(key, T::read))
    }

    /// Like [`Self::word`], without a default.
    pub(in crate::config) fn word_if_there<T: Word>(&self, key: &str) -> Option<At<T>> {
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

    /// A list of texts that say something.
    pub(in crate::config) fn texts(&self, key: &str) -> Vec<At<String>> {
        let list = self.list(key).unwrap_or_default();
        let text = |value: &At<DeValue<'_>>| match value.get_ref() {
            DeValue::String(text) if !text.trim().is_empty() => {
                Some(At::new(value.span(), text.as_ref().to_owned()))
            }
            other => {
                let wanted = "a list of texts that are not empty";
                wrong_kind(self.findings, value.span(), key, wanted, other);
                None
            }
        };
        list.iter().filter_map(text).collect()
    }

    /// A list of words; repeats are reported.
    pub(in crate::config) fn words_of<T: Word + PartialEq>(&self, key: &str) -> Option<Vec<At<T>>> {
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
}
