//! Verdicts and notes, what they come to, and their way into the store.

use super::{App, Effect, Level, Mode, Over, Overlay};
use crate::{
    console::state::{
        comparing::{Said, Saving, case::Side, over::About},
        field::Field,
    },
    control::{self, ControlError, NewReview, State},
    model::{ReviewHead, SampleId, WorkloadName},
    review::Scores,
};

/// The longest note, in characters.
const NOTE: usize = 500;

/// A verdict key; behind `!` it names the side that is unsafe.
pub(in crate::console::update) fn verdict(app: &mut App, said: Said) {
    let said = match (app.overlays.last(), said) {
        (Some(Overlay::Comparing(Over::Unsafe)), said) => {
            app.overlays.pop();
            match said {
                Said::Better(side) => Said::Unsafe(side),
                Said::Same => Said::BothUnsafe,
                Said::BothBad | Said::Unsafe(_) | Said::BothUnsafe => said,
            }
        }
        (_, said) => said,
    };
    let incident = app.workload().cloned().is_some_and(|workload| {
        let status = app.data.status(&workload);
        status.is_some_and(|status| matches!(status.state, State::Failing | State::Fallback))
    });
    let Some(comparing) = app.comparing_mut() else {
        return;
    };
    if let Some(why) = comparing.unjudgeable() {
        return app.say(Level::Note, why);
    }
    let judged = comparing.case().map(|case| case.sample.id.clone());
    if !comparing.judge(said, incident) {
        return;
    }
    let words = words(said);
    let tally = comparing.tally();
    let count = comparing.cases.len();
    let name = judged.as_ref().map_or("", SampleId::name).to_owned();
    let blind = comparing.mode == Mode::Blind;
    let more = comparing.next_unjudged();
    let end = if more {
        String::new()
    } else if tally.judged == count {
        ". All are judged: <key:verdicts> shows the result and saves it; <key:previous-item> goes back".to_owned()
    } else {
        format!(
            ". {} cannot be judged; <key:verdicts> shows the result",
            count - tally.judged
        )
    };
    let side = if blind { "you said" } else { "noted" };
    app.say(
        Level::Done,
        &format!("{name}: {side} {words} ({} of {count}){end}", tally.judged),
    );
}

/// A verdict in words.
pub(in crate::console) const fn words(said: Said) -> &'static str {
    match said {
        Said::Better(Side::A) => "A is better",
        Said::Better(Side::B) => "B is better",
        Said::Same => "the same",
        Said::BothBad => "both are bad",
        Said::Unsafe(Side::A) => "A is unsafe",
        Said::Unsafe(Side::B) => "B is unsafe",
        Said::BothUnsafe => "both are unsafe",
    }
}

/// Asks which side is unsafe.
pub(in crate::console::update) fn unsafe_side(app: &mut App) {
    let Some(comparing) = app.comparing() else {
        return;
    };
    match comparing.unjudgeable() {
        Some(why) => app.say(Level::Note, why),
        None => app.overlays.push(Overlay::Comparing(Over::Unsafe)),
    }
}

/// Opens the field for a note.
pub(in crate::console::update) fn note(app: &mut App) {
    let whole = matches!(
        app.overlays.last(),
        Some(Overlay::Comparing(Over::Verdicts(_)))
    );
    let Some(comparing) = app.comparing() else {
        return;
    };
    let (text, about) = match comparing.case() {
        Some(case) if !whole => (&case.note, About::Sample(case.sample.id.clone())),
        Some(_) | None => (&comparing.note, About::Review),
    };
    let field = Box::new(Field::with(NOTE, text));
    app.overlays
        .push(Overlay::Comparing(Over::Note(field, about)));
}

/// Enter in the field: the note is taken.
pub(in crate::console::update) fn noted(app: &mut App) {
    let Some(Overlay::Comparing(Over::Note(field, about))) = app.overlays.pop() else {
        return;
    };
    let text = field.text().trim().to_owned();
    let Some(comparing) = app.comparing_mut() else {
        return;
    };
    let note = match &about {
        About::Review => Some(&mut comparing.note),
        About::Sample(sample) => comparing
            .cases
            .iter_mut()
            .find(|case| case.sample.id == *sample)
            .map(|case| &mut case.note),
    };
    if let Some(note) = note.filter(|note| **note != text) {
        *note = text;
        comparing.saving = Saving::Not;
    }
}

/// Shows the names of the sample on screen, which was judged blind.
pub(in crate::console::update) fn reveal(app: &mut App) {
    let Some(case) = app.comparing_mut().and_then(|it| it.case_mut()) else {
        return;
    };
    if case.judgement.is_some() {
        case.revealed = true;
    } else {
        app.say(Level::Note, "judge it first: then its names can be shown");
    }
}

/// What the verdicts come to. Names are shown from here on, so that judged samples keep their verdicts.
pub(in crate::console::update) fn verdicts(app: &mut App, effects: &mut Vec<Effect>) {
    let Some(comparing) = app.comparing_mut() else {
        return;
    };
    if comparing.tally().judged == 0 {
        return app.say(
            Level::Note,
            "nothing is judged yet: a or b for the better side, = same, - both bad, ! unsafe",
        );
    }
    comparing.reveal();
    effects.push(Effect::Score(
        comparing.workload.clone(),
        comparing.reviewed(),
    ));
    // What was said of the last verdict is said by now.
    if !app.messages.is_error() {
        app.messages.read();
    }
    app.overlays.push(Overlay::Comparing(Over::Verdicts(0)));
}

/// What the answers measure up to was worked out.
pub(in crate::console::update) fn scored(app: &mut App, workload: &WorkloadName, scores: Scores) {
    if let Some(comparing) = app.comparisons.get_mut(workload) {
        comparing.scores = Some(scores);
        app.dirty = true;
    }
}

/// Sends the review to the store.
pub(in crate::console::update) fn save(app: &mut App, effects: &mut Vec<Effect>) {
    if app.setup.mode == control::Mode::Observe {
        return app.say(
            Level::Warning,
            "not saved: this session is OBSERVE. The verdicts are kept until this console ends",
        );
    }
    let catalog = app.data.catalog.clone();
    app.requests += 1;
    let request = app.requests;
    let Some(comparing) = app.comparing_mut() else {
        return;
    };
    match comparing.saving {
        Saving::Asked(_) => return,
        Saving::Done(_) => return app.say(Level::Note, "it is saved already"),
        Saving::Not => {}
    }
    if comparing.outdated(catalog.as_deref()) {
        return app.say(
            Level::Error,
            "not saved: routes or samples were changed since it began, so it would count for nothing; m begins anew",
        );
    }
    comparing.saving = Saving::Asked(request);
    effects.push(Effect::Record {
        request,
        review: Box::new(NewReview {
            workload: comparing.workload.clone(),
            basis: comparing.basis.clone(),
            mode: comparing.recorded_as(),
            seed: comparing.seed,
            samples: comparing.reviewed(),
            note: comparing.note.clone(),
        }),
    });
}

/// The store has it, or not.
pub(in crate::console::update) fn recorded(
    app: &mut App,
    request: u64,
    workload: &WorkloadName,
    result: Result<Box<ReviewHead>, ControlError>,
) {
    let Some(comparing) = app.comparisons.get_mut(workload) else {
        return;
    };
    if comparing.saving != Saving::Asked(request) {
        return;
    }
    match result {
        Ok(head) => {
            let text = format!(
                "saved: review of {workload}, {} of {} same or better, {}",
                head.tally.same_or_better,
                head.tally.judged,
                head.mode.words()
            );
            comparing.saving = Saving::Done(head.id);
            app.overlays
                .retain(|overlay| !matches!(overlay, Overlay::Comparing(Over::Verdicts(_))));
            app.say(Level::Done, &text);
        }
        Err(error) => {
            comparing.saving = Saving::Not;
            app.say(Level::Error, &format!("not saved: {error}"));
        }
    }
}
