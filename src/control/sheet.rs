//! A comparison as a file: what was asked, what both routes answered, and the verdicts, if there are any.
//!
//! Written by `compare --json` and `review export`; read by `review import`. A fingerprint over the answers ties
//! verdicts to exactly these outputs. Pure: whoever calls reads and writes the files.

mod verdicts;
mod written;

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::NewReview;
use crate::model::{
    Actor, Answer, Basis, CalledTool, PayloadClass, Review, ReviewId, ReviewMode, ReviewedSample,
    SampleId, Tally, WorkloadName, visible, visible_lines,
};

pub use verdicts::{Given, Verdicts};

/// How much of the digest names the outputs, in bytes.
const NAMED_BY: usize = 16;

/// A comparison that cannot be read, or verdicts that are not about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SheetError {
    /// Neither of the forms that are known.
    #[error("{what} cannot be read: {why}")]
    Unreadable {
        /// `the comparison`, `the verdicts`.
        what: &'static str,
        /// Why, with the place.
        why: String,
    },
    /// A later version wrote it.
    #[error(
        "the comparison has the form `{found}`, and this version knows `{}`",
        Sheet::FORM
    )]
    OtherForm {
        /// As it says.
        found: String,
    },
    /// Its outputs are not those that it names.
    #[error(
        "the outputs in the comparison are not those that its fingerprint names ({named}, found {found}); export \
         it again"
    )]
    Changed {
        /// What it says.
        named: String,
        /// What it holds.
        found: String,
    },
    /// The verdicts do not say which outputs they are about.
    #[error(
        "the verdicts do not say which outputs they are about: they need the `fingerprint` of the comparison, \
         {0}"
    )]
    Unnamed(String),
    /// The verdicts are about other outputs.
    #[error("the verdicts are about other outputs ({given}) than the comparison ({named})")]
    OtherOutputs {
        /// What the verdicts name.
        given: String,
        /// What the comparison names.
        named: String,
    },
    /// No such sample.
    #[error("{place}: the comparison has no sample `{sample}`")]
    UnknownSample {
        /// Where in the file.
        place: String,
        /// Which.
        sample: String,
    },
    /// A second verdict on a sample.
    #[error("{place}: there is a verdict on `{sample}` already")]
    Twice {
        /// Where in the file.
        place: String,
        /// Which.
        sample: String,
    },
    /// No such verdict.
    #[error("{place}: `{word}` is no verdict; use one of {}", known())]
    UnknownJudgement {
        /// Where in the file.
        place: String,
        /// As given.
        word: String,
    },
    /// Nothing is judged.
    #[error("there is no verdict in it")]
    NoVerdict,
    /// The texts of the answers are gone.
    #[error("the answers of review {0} are not kept any more, so nobody can judge them again")]
    Stripped(ReviewId),
}

fn known() -> String {
    crate::model::Judgement::ALL
        .map(crate::model::Judgement::as_str)
        .join(", ")
}

/// What is known of the review that a sheet was exported from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// Which.
    pub id: ReviewId,
    /// Who judged.
    pub actor: Actor,
    /// How.
    pub mode: ReviewMode,
    /// What came out.
    pub tally: Tally,
    /// What the reviewer says of the whole.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// The texts of the answers are gone: their retention is over.
    #[serde(default)]
    pub stripped: bool,
}

/// The first thing that is asked of a file.
#[derive(Deserialize)]
struct Form {
    form: Option<String>,
}

/// A comparison as a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sheet {
    /// [`Sheet::FORM`].
    pub form: String,
    /// Names the outputs; verdicts must name it, too.
    pub fingerprint: String,
    /// Whose fallback.
    pub workload: WorkloadName,
    /// When it was compared, or reviewed.
    pub at: Timestamp,
    /// What was compared.
    pub basis: Basis,
    /// From it sides are shuffled; 0: they were not.
    pub seed: u64,
    /// The review that it is of; `None`: nobody has reviewed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<Recorded>,
    /// Every sample with both answers.
    pub samples: Vec<ReviewedSample>,
}

impl Sheet {
    /// The form of the file, with its version.
    pub const FORM: &'static str = "backstop-comparison-1";
    /// The largest file that is read.
    pub const LIMIT: u64 = 64 << 20;

    /// Of a comparison that nobody has judged.
    #[must_use]
    pub fn of_comparison(
        workload: WorkloadName,
        basis: Basis,
        at: Timestamp,
        samples: Vec<ReviewedSample>,
    ) -> Self {
        Self {
            form: Self::FORM.to_owned(),
            fingerprint: fingerprint(&workload, &samples),
            workload,
            at,
            basis,
            seed: 0,
            review: None,
            samples,
        }
    }

    /// Of a recorded review.
    #[must_use]
    pub fn of_review(review: Review) -> Self {
        let head = review.head;
        Self {
            seed: review.seed,
            review: Some(Recorded {
                id: head.id,
                actor: head.actor,
                mode: head.mode,
                tally: head.tally,
                note: head.note,
                stripped: review.stripped,
            }),
            ..Self::of_comparison(head.workload, head.basis, head.at, review.samples)
        }
    }

    /// Whether a file says that it is one, of whatever version.
    #[must_use]
    pub fn is_one(text: &[u8]) -> bool {
        serde_json::from_slice::<Form>(text).is_ok_and(|form| form.form.is_some())
    }

    /// Reads one. Texts come out fit to be shown, whoever wrote the file.
    ///
    /// # Errors
    /// When it is none, of another version, or its outputs were changed since it was written.
    pub fn read(text: &[u8]) -> Result<Self, SheetError> {
        let unreadable = |error: serde_json::Error| SheetError::Unreadable {
            what: "the comparison",
            why: visible(&error.to_string(), 300).into_owned(),
        };
        let form: Form = serde_json::from_slice(text).map_err(unreadable)?;
        match form.form {
            Some(form) if form == Self::FORM => {}
            Some(other) => {
                return Err(SheetError::OtherForm {
                    found: visible(&other, 60).into_owned(),
                });
            }
            None => {
                return Err(SheetError::Unreadable {
                    what: "the comparison",
                    why: format!(
                        "it has no `form`; `backstop compare --json` writes {}",
                        Self::FORM
                    ),
                });
            }
        }
        let mut sheet: Self = serde_json::from_slice(text).map_err(unreadable)?;
        let found = fingerprint(&sheet.workload, &sheet.samples);
        if found != sheet.fingerprint {
            return Err(SheetError::Changed {
                named: visible(&sheet.fingerprint, 64).into_owned(),
                found,
            });
        }
        for sample in &mut sheet.samples {
            sample.note = visible(&sample.note, 2_000).into_owned();
            show(&mut sample.primary);
            show(&mut sample.fallback);
        }
        Ok(sheet)
    }

    /// The review that these verdicts make of it.
    ///
    /// # Errors
    /// When they are about other outputs, or there is none.
    pub fn judged(mut self, verdicts: &Verdicts, note: String) -> Result<NewReview, SheetError> {
        match &verdicts.fingerprint {
            None => return Err(SheetError::Unnamed(self.fingerprint)),
            Some(given) if *given != self.fingerprint => {
                return Err(SheetError::OtherOutputs {
                    given: visible(given, 64).into_owned(),
                    named: self.fingerprint,
                });
            }
            Some(_) => {}
        }
        if let Some(review) = self.review.filter(|review| review.stripped) {
            return Err(SheetError::Stripped(review.id));
        }
        for sample in &mut self.samples {
            sample.judgement = None;
            sample.note = String::new();
        }
        for given in &verdicts.given {
            let sample = self
                .samples
                .iter_mut()
                .find(|one| one.sample == given.sample);
            let Some(sample) = sample else {
                return Err(SheetError::UnknownSample {
                    place: given.place.clone(),
                    sample: visible(given.sample.as_str(), 80).into_owned(),
                });
            };
            if sample.judgement.is_some() {
                return Err(SheetError::Twice {
                    place: given.place.clone(),
                    sample: sample.sample.to_string(),
                });
            }
            sample.judgement = Some(given.judgement);
            sample.note.clone_from(&given.note);
        }
        if verdicts.given.is_empty() {
            return Err(SheetError::NoVerdict);
        }
        Ok(NewReview {
            workload: self.workload,
            basis: self.basis,
            mode: ReviewMode::Imported,
            seed: self.seed,
            samples: self.samples,
            note,
        })
    }

    /// The verdicts that stand in the sheet itself.
    #[must_use]
    pub fn verdicts(&self) -> Verdicts {
        let given = self
            .samples
            .iter()
            .enumerate()
            .filter_map(|(index, sample)| {
                Some(Given {
                    place: format!("sample {}", index + 1),
                    sample: sample.sample.clone(),
                    judgement: sample.judgement?,
                    note: sample.note.clone(),
                })
            });
        Verdicts {
            fingerprint: Some(self.fingerprint.clone()),
            given: given.collect(),
        }
    }
}

/// Makes an answer's texts fit to be shown.
fn show(answer: &mut Answer) {
    let texts = [&mut answer.text]
        .into_iter()
        .chain(answer.refusal.as_mut())
        .chain(
            answer
                .tools
                .iter_mut()
                .flat_map(|tool| [&mut tool.name, &mut tool.arguments]),
        )
        .chain(
            answer
                .result
                .failure
                .as_mut()
                .map(|failure| &mut failure.detail),
        )
        .chain(&mut answer.result.finish)
        .chain(&mut answer.result.model);
    for text in texts {
        *text = visible_lines(text, Answer::TEXT_LIMIT);
    }
    for check in &mut answer.result.checks {
        check.check = visible_lines(&check.check, 400);
        check.detail = visible_lines(&check.detail, 400);
    }
}

/// What of an answer its reader judges. Figures are left out: they differ in the last digit when they are read back.
#[derive(Serialize)]
struct Said<'a> {
    text: &'a str,
    refusal: Option<&'a str>,
    tools: &'a [CalledTool],
    vectors: &'a [usize],
    clipped: bool,
}

impl<'a> Said<'a> {
    fn of(answer: &'a Answer) -> Self {
        Self {
            text: &answer.text,
            refusal: answer.refusal.as_deref(),
            tools: &answer.tools,
            vectors: &answer.vectors,
            clipped: answer.clipped,
        }
    }
}

/// Names outputs.
fn fingerprint(workload: &WorkloadName, samples: &[ReviewedSample]) -> String {
    let outputs: Vec<(&SampleId, PayloadClass, Said<'_>, Said<'_>)> = samples
        .iter()
        .map(|sample| {
            let (primary, fallback) = (Said::of(&sample.primary), Said::of(&sample.fallback));
            (&sample.sample, sample.class, primary, fallback)
        })
        .collect();
    // Texts, numbers and lists are always JSON.
    let json = serde_json::to_vec(&(workload, outputs)).unwrap_or_default();
    let mut name = String::with_capacity(2 * NAMED_BY);
    for byte in digest(&SHA256, &json).as_ref().iter().take(NAMED_BY) {
        let _ = write!(name, "{byte:02x}");
    }
    name
}

#[cfg(test)]
mod tests;
