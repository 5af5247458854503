//! Following what was applied: until every gateway has it and the first request took the new path.

use crate::{
    console::{
        app::App,
        effect::Effect,
        state::{change::Followed, message::Level, plan::Stage},
        view,
    },
    control::{ControlError, Progress},
    model::{AuditRecord, Revision},
};

/// The most changes followed at once.
const FOLLOWED: usize = 8;

/// A change was committed.
pub(super) fn begin(app: &mut App, record: &AuditRecord, effects: &mut Vec<Effect>) {
    // A newer change of the same thing is what counts from now on.
    app.changes.retain(|change| change.key != record.key);
    if app.changes.len() == FOLLOWED {
        app.changes.remove(0);
    }
    app.changes.push(Followed::new(record));
    tell(app, record.revision);
    effects.push(Effect::Watch(record.revision));
}

/// Gateways have applied it, or it is not known.
pub(super) fn progress(app: &mut App, revision: Revision, result: Result<Progress, ControlError>) {
    match result {
        Ok(progress) => {
            let change = app
                .changes
                .iter_mut()
                .find(|change| change.revision == revision);
            if let Some(change) = change {
                change.progress = Some(progress);
                change.look(&app.data);
                tell(app, revision);
            }
        }
        Err(error) => app.say(
            Level::Error,
            &format!(
                "committed as revision {revision}, but how far it has come is not known: {error}"
            ),
        ),
    }
}

/// News came: has a first request taken the new path?
pub(super) fn look(app: &mut App) {
    let mut found = Vec::new();
    for change in &mut app.changes {
        if change.look(&app.data) {
            found.push(change.revision);
        }
    }
    for revision in found {
        tell(app, revision);
    }
}

/// The audit grew: what was changed here and has been changed again elsewhere is followed no more, and its operator is
/// told by whom.
pub(super) fn overtaken(app: &mut App) {
    let applying = app.form().and_then(|form| match &form.stage {
        Stage::Applying(plan) => Some(plan.id.clone()),
        Stage::Planning(_) | Stage::Ready(_) => None,
    });
    let mut told = Vec::new();
    let audit = &app.data.audit;
    app.changes.retain(|change| {
        let newer =
            |record: &&AuditRecord| record.key == change.key && record.revision > change.revision;
        let Some(record) = audit.iter().rev().find(newer) else {
            return true;
        };
        // One's own next change is told of by itself.
        if applying.is_none() || record.plan != applying {
            told.push(record.clone());
        }
        false
    });
    for record in told {
        let target = record.key.named();
        let text = match record.verb {
            None => format!("{target}: the override from here has ended by itself"),
            Some(_) => format!(
                "{} changed {target} after you: {}, audit #{}",
                view::operator(app, &record.actor),
                view::done(&record),
                record.sequence
            ),
        };
        app.say(Level::Warning, &text);
        app.dirty = true;
    }
}

/// Says how far a change has come.
fn tell(app: &mut App, revision: Revision) {
    let Some(change) = app
        .changes
        .iter()
        .find(|change| change.revision == revision)
    else {
        return;
    };
    let text = change.told(&app.data);
    let level = if change.as_meant(&app.data) == Some(false) {
        Level::Warning
    } else {
        Level::Done
    };
    app.say(level, &text);
}
