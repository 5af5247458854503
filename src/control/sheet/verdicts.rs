//! Verdicts out of a file: JSON or CSV, as people and other tools write them; and the empty form to fill in.

use serde::Deserialize;

use super::{Sheet, SheetError};
use crate::model::{Judgement, SampleId, visible};

/// The longest note, in characters.
const NOTE: usize = 2_000;

/// The columns of a CSV file; `sample` and `judgement` must be there.
const COLUMNS: [&str; 4] = ["sample", "judgement", "note", "fingerprint"];

/// A verdict on one sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// Where in the file, for what is wrong with it.
    pub place: String,
    /// On which.
    pub sample: SampleId,
    /// What.
    pub judgement: Judgement,
    /// Why, fit to be shown.
    pub note: String,
}

/// The verdicts of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdicts {
    /// Which outputs they are about, when the file says so.
    pub fingerprint: Option<String>,
    /// They, in the order of the file.
    pub given: Vec<Given>,
}

/// A verdict in a JSON file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    sample: String,
    #[serde(default)]
    judgement: Option<String>,
    #[serde(default)]
    note: String,
}

/// A JSON file.
#[derive(Deserialize)]
struct File {
    #[serde(default)]
    fingerprint: Option<String>,
    verdicts: Vec<Row>,
}

impl Verdicts {
    /// Reads a file: JSON when it begins like an object, else CSV with a line of titles. A row without a judgement
    /// is a sample that was not judged.
    ///
    /// # Errors
    /// When it is neither, or a word in it is no verdict.
    pub fn read(text: &[u8]) -> Result<Self, SheetError> {
        let json = text
            .iter()
            .find(|byte| !byte.is_ascii_whitespace())
            .is_some_and(|byte| *byte == b'{');
        if json {
            Self::json(text)
        } else {
            Self::csv(text)
        }
    }

    fn json(text: &[u8]) -> Result<Self, SheetError> {
        let file: File = serde_json::from_slice(text).map_err(|error| unreadable(&error))?;
        let mut given = Vec::new();
        for (index, row) in file.verdicts.into_iter().enumerate() {
            let place = format!("verdict {}", index + 1);
            given.extend(one(
                place,
                &row.sample,
                row.judgement.as_deref().unwrap_or_default(),
                &row.note,
            )?);
        }
        Ok(Self {
            fingerprint: file.fingerprint,
            given,
        })
    }

    fn csv(text: &[u8]) -> Result<Self, SheetError> {
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .flexible(true)
            // Spreadsheets begin with a byte order mark.
            .from_reader(text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text));
        let titles = reader
            .headers()
            .map_err(|error| unreadable(&error))?
            .clone();
        let column = |name: &str| {
            titles
                .iter()
                .position(|title| title.eq_ignore_ascii_case(name))
        };
        let [Some(sample), Some(judgement), note, fingerprint] = COLUMNS.map(column) else {
            return Err(SheetError::Unreadable {
                what: "the verdicts",
                why: "the first line must name the columns `sample` and `judgement`, and can name `note` and \
                      `fingerprint`"
                    .to_owned(),
            });
        };
        let mut verdicts = Self::default();
        for record in reader.records() {
            let record = record.map_err(|error| unreadable(&error))?;
            let place = record
                .position()
                .map_or_else(|| "a line".to_owned(), |at| format!("line {}", at.line()));
            let cell = |column: Option<usize>| {
                let cell = column.and_then(|column| record.get(column));
                cell.unwrap_or_default()
            };
            let named = cell(fingerprint);
            if !named.is_empty() {
                match &verdicts.fingerprint {
                    Some(before) if before != named => {
                        return Err(SheetError::OtherOutputs {
                            given: visible(named, 64).into_owned(),
                            named: visible(before, 64).into_owned(),
                        });
                    }
                    Some(_) => {}
                    None => verdicts.fingerprint = Some(named.to_owned()),
                }
            }
            let row = one(place, cell(Some(sample)), cell(Some(judgement)), cell(note))?;
            verdicts.given.extend(row);
        }
        Ok(verdicts)
    }
}

fn one(
    place: String,
    sample: &str,
    judgement: &str,
    note: &str,
) -> Result<Option<Given>, SheetError> {
    let word = judgement.trim();
    if word.is_empty() {
        return Ok(None);
    }
    let Ok(judgement) = word.to_ascii_lowercase().parse() else {
        return Err(SheetError::UnknownJudgement {
            place,
            word: visible(word, 60).into_owned(),
        });
    };
    Ok(Some(Given {
        place,
        sample: sample.trim().into(),
        judgement,
        note: visible(unquoted(note.trim()), NOTE).into_owned(),
    }))
}

fn unreadable(error: &impl ToString) -> SheetError {
    SheetError::Unreadable {
        what: "the verdicts",
        why: visible(&error.to_string(), 300).into_owned(),
    }
}

/// What a spreadsheet would run as a formula is written with a quote before it.
fn quoted(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\'', '\t', '\r']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

fn unquoted(text: &str) -> &str {
    text.strip_prefix('\'').unwrap_or(text)
}

impl Sheet {
    /// Its samples as CSV with the verdicts that there are: a form to fill in, and to import again.
    #[must_use]
    pub fn csv(&self) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        // Writing to memory cannot fail, and every row has as many cells.
        let _ = writer.write_record(COLUMNS);
        for sample in &self.samples {
            let _ = writer.write_record([
                quoted(sample.sample.as_str()).as_str(),
                sample.judgement.map_or("", Judgement::as_str),
                quoted(&visible(&sample.note, NOTE)).as_str(),
                self.fingerprint.as_str(),
            ]);
        }
        let bytes = writer.into_inner().unwrap_or_default();
        String::from_utf8(bytes).unwrap_or_default()
    }
}
