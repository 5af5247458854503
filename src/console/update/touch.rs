//! What the operator is told when the store's cluster goes away and comes back, and what became of a change that got
//! no answer meanwhile.

use super::follow;
use crate::{
    console::{app::App, effect::Effect, state::message::Level},
    model::{AuditRecord, visible},
};

/// It went away, or came back.
pub(super) fn moved(app: &mut App) {
    let apart = app.data.apart().map(|(since, cause)| {
        let since = since.strftime("%H:%M:%SZ");
        format!(
            "apart from the store since {since}: {}; nothing can be changed from here until it is back",
            visible(cause, 300)
        )
    });
    let back = apart.is_none();
    if let Some(form) = app.form_mut() {
        form.remark = apart;
    }
    if back {
        let text = "in touch with the store again: this is how it is now";
        app.say(Level::Done, text);
    }
}

/// News of the audit: does it tell of a change that got no answer?
pub(super) fn look(app: &mut App, effects: &mut Vec<Effect>) {
    let Some(unknown) = &app.unknown else { return };
    let made = |record: &&AuditRecord| record.plan.as_ref() == Some(&unknown.plan);
    let Some(record) = app.data.audit.iter().rev().find(made).cloned() else {
        return;
    };
    let text = format!(
        "{} WAS applied: audit {}, revision {}",
        unknown.what, record.sequence, record.revision
    );
    app.unknown = None;
    follow::begin(app, &record, effects);
    app.say(Level::Warning, &text);
}
