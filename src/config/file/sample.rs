//! `[[workloads.NAME.samples]]`: which body, and what a good answer to it is.

use std::time::Duration;

use regex::Regex;

use crate::{
    config::{
        diagnostic::Findings,
        reader::{At, Table},
        reference::CHECKS,
        value,
    },
    model::PayloadClass,
};

/// One sample.
pub(in crate::config) struct Sample {
    /// Where the table begins.
    pub(in crate::config) place: std::ops::Range<usize>,
    pub(in crate::config) name: Option<At<String>>,
    pub(in crate::config) class: PayloadClass,
    pub(in crate::config) file: At<String>,
    pub(in crate::config) stream: bool,
    pub(in crate::config) checks: Checks,
}

/// What is demanded of its answer; a schema is still a path.
pub(in crate::config) struct Checks {
    pub(in crate::config) schema: Option<At<String>>,
    pub(in crate::config) contains: Vec<String>,
    pub(in crate::config) matches: Vec<String>,
    pub(in crate::config) tools: Vec<String>,
    pub(in crate::config) language: Option<String>,
    pub(in crate::config) first_output: Option<Duration>,
    pub(in crate::config) no_refusal: bool,
    pub(in crate::config) dimensions: Option<u32>,
}

/// Reads one sample. Without a class or a file it is none, and a finding says so.
pub(super) fn sample(table: &Table<'_>, findings: &Findings) -> Option<Sample> {
    let class = table.word_if_there("class");
    let file = table.filled("file");
    let name = table.filled("name").filter(|name| {
        let good = value::is_name(name.get_ref());
        if !good {
            findings.error(
                "bad-name",
                name.span(),
                format!("the sample's name \"{}\" is not a name", name.get_ref()),
                "use lower-case letters, digits and inner `-`, `_` or `.`, at most 63 characters",
            );
        }
        good
    });
    let checks = checks(&table.table_or_defaults("checks", &CHECKS), findings);
    Some(Sample {
        place: table.place(),
        name,
        class: class?.into_inner(),
        file: file?,
        stream: table.flag("stream").into_inner(),
        checks,
    })
}

fn checks(table: &Table<'_>, findings: &Findings) -> Checks {
    let plain = |key| table.texts(key).into_iter().map(At::into_inner).collect();
    let matches = table.texts("matches").into_iter().filter_map(|pattern| {
        let Err(error) = Regex::new(pattern.get_ref()) else {
            return Some(pattern.into_inner());
        };
        let text = error.to_string();
        let why = text.lines().next_back().unwrap_or_default();
        findings.error(
            "bad-value",
            pattern.span(),
            format!(
                "`matches` is not a regular expression: {}",
                why.trim_start_matches("error: ")
            ),
            "in TOML, a pattern is best written in single quotes",
        );
        None
    });
    Checks {
        schema: table.filled("schema"),
        contains: plain("contains"),
        matches: matches.collect(),
        tools: plain("tools"),
        language: table
            .parsed_if_there("language", language)
            .map(At::into_inner),
        first_output: table
            .parsed_if_there("first_output", value::positive)
            .map(At::into_inner),
        no_refusal: table.flag("no_refusal").into_inner(),
        dimensions: table
            .whole_if_there("dimensions", 1..1_000_000)
            .map(At::into_inner),
    }
}

/// A language that can be told from its text.
fn language(text: &str) -> Result<String, String> {
    if let Some(known) = whatlang::Lang::from_code(text) {
        return Ok(known.code().to_owned());
    }
    let by_name = whatlang::Lang::all()
        .iter()
        .find(|known| known.eng_name().eq_ignore_ascii_case(text))
        .or_else(|| {
            let begins =
                |known: &&whatlang::Lang| text.len() == 2 && known.code().starts_with(text);
            whatlang::Lang::all().iter().find(begins)
        });
    let hint = by_name.map_or_else(String::new, |known| {
        format!("; perhaps \"{}\" ({})", known.code(), known.eng_name())
    });
    Err(format!(
        "\"{text}\" is not the three letters (ISO 639-3) of a language that can be told{hint}"
    ))
}
