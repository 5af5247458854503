//! Keys and pastes: what a key asks for, where typed text goes, and what a burst may not do.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{act, comparing, sift};
use crate::console::{
    action::{Action, Group},
    app::{App, Overlay, Screen},
    chord::Chord,
    effect::Effect,
    keymap::Context,
    layout::{LIST, Room},
    state::{burst::Pace, comparing::over::Over, message::Level},
};

/// Takes a key.
pub(super) fn key(app: &mut App, key: KeyEvent, effects: &mut Vec<Effect>) {
    if is_escape_and_key(app, key) {
        let plain = KeyEvent::new(key.code, key.modifiers - KeyModifiers::ALT);
        for key in [KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE), plain] {
            self::key(app, key, effects);
        }
        return;
    }
    let pace = app.burst.note(key.code, app.now);
    let action = app.setup.keymap.action(app.context(), key);
    if let Some(form) = app.form_mut()
        && form.held.take().is_some()
    {
        form.remark = Some("not applied: another key came right behind <key:apply>".to_owned());
    }
    if let Pace::Paste { began } = pace {
        drop_plans_since(app, began);
        if action.is_some_and(guarded) {
            app.say(
                Level::Warning,
                "that looked like a paste: nothing was changed. Type keys one by one",
            );
            return;
        }
    }
    if pace == Pace::Quick && app.context() == Context::Compare && action.is_some_and(is_verdict) {
        app.say(
            Level::Warning,
            "that verdict came right behind another key: it was not taken",
        );
        return;
    }
    match action {
        Some(action) if app.room() == Room::Summary && must_be_seen(app.context(), action) => {
            let (columns, rows) = LIST;
            let text =
                format!("not done: what it is about cannot be seen; enlarge to {columns}x{rows}");
            app.say(Level::Warning, &text);
        }
        Some(action) => act::act(app, action, pace, effects),
        None => text(app, key, pace),
    }
}

/// Whether alt and a key are an escape and that key. tmux keeps an escape back for half a second, and what is typed
/// meanwhile goes with it in one piece: whoever leaves a screen and goes on at once must not lose both.
fn is_escape_and_key(app: &App, key: KeyEvent) -> bool {
    let context = app.context();
    let one_byte = matches!(
        key.code,
        KeyCode::Char(_) | KeyCode::Enter | KeyCode::Tab | KeyCode::Backspace
    );
    // Where text is typed, alt moves by words.
    let typed = matches!(
        context,
        Context::Text | Context::Filter | Context::Palette | Context::Payload
    );
    key.modifiers.contains(KeyModifiers::ALT)
        && one_byte
        && !typed
        && app.setup.keymap.action(context, key).is_none()
}

/// Whether an action rests on what is on the screen, or costs something that is said there. Verbs that open a plan do
/// not: a plan without room is not shown and cannot be applied.
fn must_be_seen(context: Context, action: Action) -> bool {
    matches!(action, Action::Probe | Action::Yes)
        || (context == Context::Probe && action == Action::Open)
        || action
            .entry()
            .is_some_and(|entry| entry.group == Group::Judge)
}

/// Whether an action is never taken from what looks like a paste: it changes the world or ends the program.
fn guarded(action: Action) -> bool {
    action.changes_the_world()
        || matches!(
            action,
            Action::Quit | Action::Exit | Action::Suspend | Action::Save | Action::Yes
        )
        || action
            .entry()
            .is_some_and(|entry| matches!(entry.group, Group::Change | Group::Judge))
}

/// A verdict takes reading: two of them in one breath are no verdicts.
const fn is_verdict(action: Action) -> bool {
    matches!(
        action,
        Action::VerdictA
            | Action::VerdictB
            | Action::VerdictSame
            | Action::VerdictBad
            | Action::VerdictUnsafe
    )
}

/// Plans that the same burst has opened go away again.
fn drop_plans_since(app: &mut App, began: jiff::Timestamp) {
    let before = app.overlays.len();
    app.overlays
        .retain(|overlay| overlay.form().is_none_or(|form| form.opened < began));
    if app.overlays.len() < before {
        app.say(
            Level::Warning,
            "that looked like a paste: the plan was closed and nothing was changed. Type keys one by one",
        );
    }
}

/// A key that asks for nothing is text, where text can be typed.
fn text(app: &mut App, key: KeyEvent, pace: Pace) {
    let catalog = app.data.catalog.clone();
    match app.overlays.last_mut() {
        Some(Overlay::Plan(form)) => {
            form.remark = None;
            if matches!(pace, Pace::Paste { .. }) && form.focus == super::planning::NAME {
                form.name.clear();
                form.remark = Some("that looked like a paste: type the name by hand".to_owned());
            } else {
                form.key(key);
            }
        }
        Some(Overlay::Palette(palette)) => {
            if palette.field.key(key) {
                palette.propose(catalog.as_deref());
            }
        }
        Some(Overlay::Comparing(Over::Note(field, _))) => {
            field.key(key);
        }
        Some(Overlay::Comparing(Over::Payload(_))) => {
            comparing::typed(app, |payload| payload.key(key));
        }
        Some(Overlay::Filter(field, _)) => {
            if field.key(key) {
                let text = field.text().to_owned();
                sift::filter(app, &text);
            }
        }
        Some(_) | None => unbound(app, key),
    }
}

/// Says that a key means nothing here, but not for every stray arrow.
fn unbound(app: &mut App, key: KeyEvent) {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    if let KeyCode::Char(_) = key.code
        && !control
    {
        let chord = Chord::of(&key);
        let hint = format!("`{chord}` means nothing here; <key:help> lists the keys");
        app.say(Level::Note, &hint);
    }
}

/// Takes a bracketed paste: into text fields only. It never triggers a verb nor confirms.
pub(super) fn paste(app: &mut App, text: &str) {
    let catalog = app.data.catalog.clone();
    let taken = match app.overlays.last_mut() {
        Some(Overlay::Plan(form)) => {
            form.held = None;
            form.paste(text)
        }
        Some(Overlay::Palette(palette)) => {
            let taken = palette.field.paste(text);
            palette.propose(catalog.as_deref());
            taken
        }
        Some(Overlay::Comparing(Over::Note(field, _))) => field.paste(text),
        Some(Overlay::Comparing(Over::Payload(_))) => {
            let mut taken = false;
            comparing::typed(app, |payload| {
                taken = payload.paste(text);
                taken
            });
            if !taken {
                app.say(
                    Level::Warning,
                    "not pasted: the text would be larger than 1 MiB",
                );
            }
            true
        }
        Some(Overlay::Filter(field, _)) => {
            let taken = field.paste(text);
            let text = field.text().to_owned();
            sift::filter(app, &text);
            taken
        }
        Some(_) | None => false,
    };
    if taken {
        return;
    }
    if let Some(form) = app.form_mut() {
        form.remark =
            Some("not applied: a paste is not taken here, type the name by hand".to_owned());
    } else {
        let place = match app.screen {
            Screen::Home
            | Screen::Routes
            | Screen::Events
            | Screen::Reviews
            | Screen::Audit
            | Screen::Gateways => "; <key:filter> opens a filter",
            Screen::Detail(_) | Screen::Compare(_) => "",
        };
        app.say(
            Level::Warning,
            &format!("a paste was ignored: there is no text field open{place}"),
        );
    }
}
