//! Every key of `backstop.toml`, with its default and meaning: the one list that the reader, the defaults,
//! the "did you mean" and the printed reference come from. A key that is not here is not accepted.

mod keys;

use std::fmt::Write as _;

pub(super) use keys::{
    BACKOFF, BOUNDARY, CHECKS, CLIENT, CLIENT_KEY, ENVIRONMENT, GATEWAY, JUSTIFY, KEY, NOTICE,
    PRICE, PROBE, PROVIDER, REVIEW, ROOT, ROUTE, SAMPLE, STORE, STORE_LOGIN, STORE_TLS, TIMEOUTS,
    TLS, WORKLOAD,
};

/// A table of the file.
#[derive(Debug)]
pub(super) struct Section {
    /// As written in the file; `*` stands for a name.
    pub(super) path: &'static str,
    /// What it is for.
    pub(super) about: &'static str,
    /// What may stand in it.
    pub(super) keys: &'static [Key],
}

/// A key of a table.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    /// The kind of value, for people.
    pub(super) kind: &'static str,
    pub(super) default: Absent,
    /// What it does.
    pub(super) about: &'static str,
}

/// What happens when a key is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Absent {
    /// That is an error.
    Required,
    /// This value, read like one from the file.
    Value(&'static str),
    /// Something that depends on other things, in words.
    Told(&'static str),
}

impl Section {
    /// The default text of a key, where it has one.
    pub(super) fn default(&self, name: &str) -> Option<&'static str> {
        let key = self.keys.iter().find(|key| key.name == name)?;
        match key.default {
            Absent::Value(text) => Some(text),
            Absent::Required | Absent::Told(_) => None,
        }
    }
}

/// In the order of the printed reference.
pub(super) static SECTIONS: [&Section; 23] = [
    &ROOT,
    &ENVIRONMENT,
    &STORE,
    &STORE_LOGIN,
    &STORE_TLS,
    &GATEWAY,
    &PROBE,
    &TLS,
    &CLIENT,
    &CLIENT_KEY,
    &PROVIDER,
    &KEY,
    &BOUNDARY,
    &ROUTE,
    &PRICE,
    &WORKLOAD,
    &REVIEW,
    &JUSTIFY,
    &TIMEOUTS,
    &BACKOFF,
    &NOTICE,
    &SAMPLE,
    &CHECKS,
];

/// The configuration reference as Markdown: one table for each table of the file.
#[must_use]
pub fn reference() -> String {
    let mut text = String::new();
    for section in SECTIONS {
        let title = match section.path {
            "" => "Top of the file".to_owned(),
            path => format!("`[{path}]`"),
        };
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "#### {title}\n\n{}\n\n| key | value | default | meaning |\n| --- | --- | --- | --- |\n",
            section.about
        );
        for key in section.keys {
            let default = match key.default {
                Absent::Required => "**required**".to_owned(),
                Absent::Value("") => "empty".to_owned(),
                Absent::Value(value) => format!("`{value}`"),
                Absent::Told(words) => words.to_owned(),
            };
            let _ = writeln!(
                text,
                "| `{}` | {} | {default} | {} |",
                key.name, key.kind, key.about
            );
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::{Absent, SECTIONS};
    use crate::{
        config::{reader::Word as _, value},
        model::{AllDown, Capture, LogFailure, Mode, NoticeStyle, Tier},
    };

    #[test]
    fn every_default_is_a_value_of_its_kind() {
        for section in SECTIONS {
            for key in section.keys {
                let Absent::Value(text) = key.default else {
                    continue;
                };
                let good = match key.kind {
                    "duration" => value::positive(text).is_ok(),
                    "size" => value::size(text).is_ok(),
                    "flag" => text.parse::<bool>().is_ok(),
                    "number" => text.parse::<f64>().is_ok(),
                    "address" => text.parse::<SocketAddr>().is_ok(),
                    "mode" => Mode::read(text).is_some(),
                    "tier" => Tier::read(text).is_some(),
                    "style" => NoticeStyle::read(text).is_some(),
                    "rule" => AllDown::read(text).is_some(),
                    "choice" => LogFailure::read(text).is_some(),
                    "capture" => Capture::read(text).is_some(),
                    "share" => value::share(text).is_ok(),
                    "text" => true,
                    _ => false,
                };
                assert!(good, "{} {}", section.path, key.name);
            }
        }
    }
}
