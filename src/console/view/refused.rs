//! Why an action is refused now: the same words in footer, help, palette and list of actions.

use crate::{
    console::{
        action::Action,
        app::{App, Overlay, Screen},
        state::verbs,
    },
    control::Mode,
    model::Plan,
};

/// Said of what only a session that may write can do.
const OBSERVE: &str = "this session is OBSERVE";

/// Why an action is refused now; `None`: it is not.
pub(super) fn reason(app: &App, action: Action) -> Option<String> {
    if let Action::Force | Action::Hold | Action::Auto | Action::Notice = action {
        let workload = app.workload()?;
        return verbs::for_workload(&app.data, workload, app.clock)
            .into_iter()
            .find(|offer| offer.action == action)?
            .command
            .err()
            .map(|why| format!("{workload}: {why}"));
    }
    if let (Action::Apply | Action::Confirm | Action::SaveReview, Some((since, _))) =
        (action, app.data.apart())
    {
        return Some(format!(
            "apart from the store since {}",
            since.strftime("%H:%M:%SZ")
        ));
    }
    if let Action::Apply | Action::Confirm = action {
        let plan = app.form()?.plan();
        return match (app.setup.mode, plan.and_then(Plan::refusal)) {
            (Mode::Observe, _) => Some(OBSERVE.to_owned()),
            (Mode::Write, Some(refusal)) => Some(refusal.why.clone()),
            (Mode::Write, None) => None,
        };
    }
    if action == Action::Undo {
        let undo = verbs::undo(&app.data, &app.setup.actor);
        return undo.command.err().map(String::from);
    }
    if action == Action::UndoRecord {
        let sequence = match app.overlays.last() {
            Some(Overlay::Record(sequence, _)) => Some(*sequence),
            Some(_) | None => app.audit.list.selected().copied(),
        };
        let undo = verbs::undo_record(&app.data, sequence?);
        return undo.command.err().map(String::from);
    }
    if action == Action::SaveReview {
        return (app.setup.mode == Mode::Observe).then(|| OBSERVE.to_owned());
    }
    if let Action::VerdictA
    | Action::VerdictB
    | Action::VerdictSame
    | Action::VerdictBad
    | Action::VerdictUnsafe = action
    {
        return app.comparing()?.unjudgeable().map(str::to_owned);
    }
    if let (Action::Sort | Action::Reverse, Screen::Events) = (action, &app.screen) {
        return Some("events stand in the order of time".to_owned());
    }
    None
}
