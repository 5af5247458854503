//! `review judge`: both answers to each sample, one below the other, and a verdict asked for after each.
//!
//! The same review as on the console's compare screen, in lines. Blind unless said otherwise: sides are shuffled, and
//! names, speed, length and cost come after the verdict.

use futures_util::TryFutureExt as _;
use tokio::task::LocalSet;

use super::text;
use crate::{
    cli::{
        args::ReviewJudgeArgs,
        compare::{self, Pair, Row, strip},
        error::CliError,
        exit::Exit,
        output,
        prompt::is_yes,
        session::{Doors, Session},
    },
    control::{ControlError, Mode, NewReview, State},
    model::{
        Answer, Basis, Judgement, Place, ReviewMode, ReviewedSample, Tally, WorkloadName, visible,
        visible_lines,
    },
    probe::{self, Comparison, Payload},
    review::{self, Mark},
};

/// The most differences that are told of a sample.
const TOLD: usize = 40;
/// The longest value of a difference.
const VALUE: usize = 400;

/// The two texts of a sample, by the side on which they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    A,
    B,
}

/// What was answered to the question for a verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Said {
    Better(Side),
    Same,
    BothBad,
    Unsafe,
    Note,
    Again,
    Skip,
    Stop,
    Nothing,
}

impl Said {
    fn of(answer: &str) -> Self {
        match answer {
            "a" | "A" => Self::Better(Side::A),
            "b" | "B" => Self::Better(Side::B),
            "=" => Self::Same,
            "-" => Self::BothBad,
            "!" => Self::Unsafe,
            "#" => Self::Note,
            "r" => Self::Again,
            "s" => Self::Skip,
            "q" => Self::Stop,
            _ => Self::Nothing,
        }
    }
}

/// Asks both routes, then the person, then the store.
pub(super) async fn run(doors: &Doors, args: ReviewJudgeArgs) -> Result<Exit, CliError> {
    let session = doors.writing().await?;
    // What could not be recorded is not paid for.
    if session.control.mode() == Mode::Observe {
        return Err(ControlError::Observe.into());
    }
    if !session.asker.answers() {
        return Err(CliError::Usage(
            "nobody is here to judge: `compare WORKLOAD --sheet FILE` keeps the answers, `review import` takes verdicts"
                .to_owned(),
        ));
    }
    let workload = probe::workload(&session.catalog, args.workload.as_str())?;
    let comparison = Comparison::of(&session.catalog, workload, &args.sample)?;
    output::talk(format_args!(
        "asking both routes of {}: {}",
        workload.name,
        comparison.estimate().await?
    ));
    let pairs = LocalSet::new()
        .run_until(compare::answers(&comparison, &session))
        .await?;
    let seed = fastrand::u64(..);
    let mut judging = Judging {
        session: &session,
        open: args.open,
        samples: Vec::new(),
    };
    judging.all(&comparison, pairs, seed).await?;
    let mode = judging.mode(&workload.name).await?;
    let new = NewReview {
        workload: workload.name.clone(),
        basis: Basis::of(workload, comparison.primary, comparison.fallback),
        mode,
        seed,
        samples: judging.samples,
        note: args.note,
    };
    record(&session, new).await
}

struct Judging<'s> {
    session: &'s Session,
    open: bool,
    /// What was judged, or passed over.
    samples: Vec<ReviewedSample>,
}

impl Judging<'_> {
    async fn all(
        &mut self,
        comparison: &Comparison<'_>,
        pairs: Vec<Pair>,
        seed: u64,
    ) -> Result<(), CliError> {
        let total = pairs.len();
        let mut stopped = false;
        for (number, (payload, pair)) in comparison.payloads.iter().zip(pairs).enumerate() {
            let head = format!("sample {} of {total}: {}", number + 1, pair.sample);
            let Some(mut sample) = pair.reviewed() else {
                let sides = [&pair.primary, &pair.fallback].into_iter();
                let why: Vec<&str> = sides
                    .filter_map(|side| side.as_ref().err())
                    .map(String::as_str)
                    .collect();
                output::talk(format_args!(
                    "{head}: not both were asked: {}",
                    why.join("; ")
                ));
                continue;
            };
            if !self.open {
                sample.side_a = review::side_a(seed, &sample.sample);
            }
            if !stopped {
                stopped = !self.one(&head, payload, &pair, &mut sample).await?;
            }
            self.samples.push(sample);
        }
        Ok(())
    }

    /// One sample; `false`: no more of them.
    async fn one(
        &self,
        head: &str,
        payload: &Payload<'_>,
        pair: &Pair,
        sample: &mut ReviewedSample,
    ) -> Result<bool, CliError> {
        let asked = payload
            .read()
            .await
            .ok()
            .and_then(|body| probe::asked(&body));
        let page = self.page(head, asked.as_deref(), pair, sample);
        output::line(&page)?;
        loop {
            let answer = self
                .session
                .asker
                .question("verdict? a: A better, b: B better, =: same, -: both bad, !: unsafe, #: note, r: read again, s: skip, q: stop: ")
                .await?;
            let judgement = match Said::of(&answer) {
                Said::Better(side) => better(place(side, sample.side_a)),
                Said::Same => Judgement::Same,
                Said::BothBad => Judgement::BothBad,
                Said::Unsafe => {
                    let which = self
                        .session
                        .asker
                        .question("which must never reach a user? a, b, or = for both: ")
                        .await?;
                    match Said::of(&which) {
                        Said::Better(side) => unsafe_answer(place(side, sample.side_a)),
                        Said::Same => Judgement::BothUnsafe,
                        _ => continue,
                    }
                }
                Said::Note => {
                    sample.note = self.session.asker.question("note: ").await?;
                    continue;
                }
                Said::Again => {
                    output::line(&page)?;
                    continue;
                }
                Said::Skip => return Ok(true),
                Said::Stop => return Ok(false),
                Said::Nothing => continue,
            };
            sample.judgement = Some(judgement);
            output::line(self.verdict(sample))?;
            return Ok(true);
        }
    }

    /// Everything that is known before the verdict.
    fn page(
        &self,
        head: &str,
        asked: Option<&str>,
        pair: &Pair,
        sample: &ReviewedSample,
    ) -> String {
        let mut lines = vec![head.to_owned()];
        if let Some(asked) = asked {
            lines.push(format!("asked: {}", visible_lines(asked, 2000)));
        }
        for side in [Side::A, Side::B] {
            let place = place(side, sample.side_a);
            let answer = of(sample, place);
            let named = if self.open {
                format!(", the {}, {}", word(place), strip::strip(answer).join(", "))
            } else {
                String::new()
            };
            lines.push(format!("{}{named}:", letter(side)));
            lines.push(said(answer, self.open));
        }
        let differs: Vec<String> = pair
            .differences
            .iter()
            .filter(|row| row.is_of_data())
            .map(|row| difference(row, sample.side_a))
            .collect();
        lines.extend(differs.iter().take(TOLD).cloned());
        if let Some(more) = differs.len().checked_sub(TOLD + 1) {
            lines.push(format!("and {} more differences", more + 1));
        }
        lines.join("\n")
    }

    /// What was said, with the names: the verdict stands.
    fn verdict(&self, sample: &ReviewedSample) -> String {
        let judgement = sample.judgement.map_or("not judged", Judgement::as_str);
        if self.open {
            return format!("noted: {judgement}");
        }
        let figures = |place: Place| strip::strip(of(sample, place)).join(", ");
        format!(
            "noted: {judgement}. A was the {}. Primary: {}. Fallback: {}",
            word(sample.side_a),
            figures(Place::Primary),
            figures(Place::Fallback)
        )
    }

    async fn mode(&self, workload: &WorkloadName) -> Result<ReviewMode, CliError> {
        if !self.open {
            return Ok(ReviewMode::Blind);
        }
        let overview = self.session.control.overview().await?;
        let failing = overview
            .workload(workload)
            .is_some_and(|status| matches!(status.state, State::Failing | State::Fallback));
        Ok(if failing {
            ReviewMode::OpenUnderIncident
        } else {
            ReviewMode::Open
        })
    }
}

/// Shows what the verdicts come to and records them, when that is wanted.
async fn record(session: &Session, mut new: NewReview) -> Result<Exit, CliError> {
    let tally = Tally::of(&new.samples);
    if tally.judged == 0 {
        return Err(CliError::Negative(
            "nothing was judged, so nothing is recorded".to_owned(),
        ));
    }
    output::line(format_args!(
        "the fallback is the same or better in {}",
        text::tally(&tally)
    ))?;
    if new.note.is_empty() {
        let ask = "a note on the whole, or Enter: ";
        new.note = session.asker.question(ask).await?;
    }
    let answer = session.asker.question("record it? [y/N] ").await?;
    if !is_yes(&answer) {
        return Err(CliError::Said("not recorded".to_owned()));
    }
    let recorded = session.control.record_review(new).map_err(CliError::from);
    output::line(text::recorded(&recorded.await?))?;
    Ok(Exit::Done)
}

const fn place(side: Side, side_a: Place) -> Place {
    match (side, side_a) {
        (Side::A, place) => place,
        (Side::B, Place::Primary) => Place::Fallback,
        (Side::B, Place::Fallback) => Place::Primary,
    }
}

const fn better(place: Place) -> Judgement {
    match place {
        Place::Primary => Judgement::PrimaryBetter,
        Place::Fallback => Judgement::FallbackBetter,
    }
}

const fn unsafe_answer(place: Place) -> Judgement {
    match place {
        Place::Primary => Judgement::PrimaryUnsafe,
        Place::Fallback => Judgement::FallbackUnsafe,
    }
}

const fn letter(side: Side) -> &'static str {
    match side {
        Side::A => "A",
        Side::B => "B",
    }
}

const fn word(place: Place) -> &'static str {
    match place {
        Place::Primary => "primary",
        Place::Fallback => "fallback",
    }
}

const fn of(sample: &ReviewedSample, place: Place) -> &Answer {
    match place {
        Place::Primary => &sample.primary,
        Place::Fallback => &sample.fallback,
    }
}

/// An answer, whole. Its provider's words of failure would give a side away, so they wait.
fn said(answer: &Answer, open: bool) -> String {
    let mut lines = Vec::new();
    match &answer.result.failure {
        Some(failure) if open => lines.push(format!(
            "(no answer: {}: {})",
            failure.class,
            visible(&failure.detail, VALUE)
        )),
        Some(_) => lines.push("(no answer)".to_owned()),
        None => {}
    }
    if let Some(refusal) = &answer.refusal {
        lines.push(format!(
            "(refused) {}",
            visible_lines(refusal, Answer::TEXT_LIMIT)
        ));
    }
    if !answer.text.is_empty() {
        lines.push(visible_lines(&answer.text, Answer::TEXT_LIMIT));
    }
    for tool in &answer.tools {
        lines.push(format!(
            "calls {} with {}",
            visible(&tool.name, VALUE),
            visible(&tool.arguments, Answer::ARGUMENTS_LIMIT)
        ));
    }
    if !answer.vectors.is_empty() {
        lines.push(format!("{} vectors", answer.vectors.len()));
    }
    if lines.is_empty() {
        lines.push("(nothing)".to_owned());
    }
    lines.join("\n")
}

/// A value that differs, by sides.
fn difference(row: &Row, side_a: Place) -> String {
    let value = |place: Place| match place {
        Place::Primary => row.primary.as_deref(),
        Place::Fallback => row.fallback.as_deref(),
    };
    let told = |side: Side| match value(place(side, side_a)) {
        Some(text) => format!("{} has {}", letter(side), visible(text, VALUE)),
        None => format!("{} has nothing", letter(side)),
    };
    let what = match row.mark {
        Mark::TypeChanged => "another type",
        Mark::Same | Mark::Changed | Mark::OnlyA | Mark::OnlyB => "differs",
    };
    format!(
        "{what}: {}: {}; {}",
        visible(&row.at, VALUE),
        told(Side::A),
        told(Side::B)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_is_the_route_that_was_shuffled_there() {
        for (side, side_a, expected) in [
            (Side::A, Place::Primary, Place::Primary),
            (Side::A, Place::Fallback, Place::Fallback),
            (Side::B, Place::Primary, Place::Fallback),
            (Side::B, Place::Fallback, Place::Primary),
        ] {
            assert_eq!(place(side, side_a), expected, "{side:?} {side_a:?}");
        }
        assert_eq!(better(Place::Fallback), Judgement::FallbackBetter);
        assert_eq!(unsafe_answer(Place::Fallback), Judgement::FallbackUnsafe);
    }
}
