//! The root reducer: one message in, the state changed, effects out. No I/O, no clock, no drawing.
//!
//! Called by the loop for every message. It only routes; what a message means for a screen or a form stands
//! beside the state it changes.
#![deny(clippy::wildcard_enum_match_arm)]

mod act;
mod charting;
mod comparing;
mod drilling;
mod follow;
mod go;
mod keys;
mod menu;
mod planning;
mod pointing;
mod present;
mod probing;
mod reviews;
mod rival;
mod series;
pub mod session;
mod sift;
mod take;
mod touch;
mod tour;
mod typing;
mod wearing;

use std::path::PathBuf;

use jiff::Timestamp;

use super::{
    app::{App, Screen},
    effect::Effect,
    layout,
    msg::Msg,
    state::{
        clipboard,
        data::{Changed, Refreshed},
        message::Level,
    },
    view,
};
use crate::control::News;

/// Takes in one message. `app.dirty` is set when something visible has changed.
pub fn update(app: &mut App, message: Msg, now: Timestamp) -> Vec<Effect> {
    let mut effects = Vec::new();
    app.now = now;
    let moves = app.link.moves(app.clock, now, app.form().is_some());
    if moves {
        app.clock = now;
        app.dirty = true;
    }
    let hurried = message.is_typed();
    match message {
        Msg::Key(key) => {
            app.dirty = true;
            keys::key(app, key, &mut effects);
        }
        Msg::Pointer(pointer, place) => {
            app.dirty = true;
            pointing::point(app, pointer, place, &mut effects);
        }
        Msg::Paste(text) => {
            app.dirty = true;
            keys::paste(app, &text);
        }
        Msg::Resize(width, height) => {
            app.size = (width, height);
            app.dirty = true;
        }
        Msg::Redraw => app.dirty = true,
        // The overview is gone on with below, as with every message.
        Msg::GoOn => {}
        Msg::NotSuspended => app.say(
            Level::Warning,
            "it cannot be suspended here: it was started without a shell that could bring it back",
        ),
        Msg::Link(speed) => app.dirty |= app.link.set(speed),
        Msg::Tick => tick(app, &mut effects),
        Msg::News(news) => absorb(app, news, &mut effects),
        Msg::Planned { request, result } => planning::planned(app, request, result, &mut effects),
        Msg::Applied { plan, result } => planning::applied(app, &plan, result, &mut effects),
        Msg::InLines(result) => planning::lined(app, result, &mut effects),
        Msg::Drilled { request, result } => drilling::drilled(app, request, result),
        Msg::Probe {
            request,
            question,
            told,
        } => probing::told(app, request, question, told),
        Msg::Compare {
            request,
            seat,
            told,
        } => comparing::told(app, request, &seat, told),
        Msg::Weighed(weighed) => comparing::weighed(app, *weighed),
        Msg::Scored(workload, scores) => comparing::scored(app, &workload, *scores),
        Msg::Recorded {
            request,
            workload,
            result,
        } => comparing::recorded(app, request, &workload, result),
        Msg::Asked(workload, asked) => comparing::asked(app, &workload, asked),
        Msg::Payload {
            workload,
            sample,
            edited,
            text,
        } => comparing::read(app, &workload, &sample, edited, text),
        Msg::ReviewRead(id, result) => reviews::told(app, &id, result),
        Msg::History(histories) => {
            app.route_facts.remember(histories);
            app.dirty = true;
        }
        Msg::Traffic(workload, result) => charting::told(app, workload, result),
        Msg::Progress { revision, result } => follow::progress(app, revision, result),
        Msg::Saved(result) => saved(app, result),
        Msg::KeysRefused(found) => keys_refused(app, &found),
        Msg::Copied { length, saved } => copied(app, length, &saved),
        Msg::Session(result) => session::told(app, result),
        Msg::Themed(result) => match result {
            Ok(name) => app.say(Level::Note, &format!("theme {name} read again")),
            Err(why) => app.say(Level::Error, &format!("the theme in use is kept: {why}")),
        },
    }
    let log = &app.data.log;
    app.link.follow(log.first(), log.end(), moves);
    refresh(app, hurried, &mut effects);
    session::settle(app);
    ring(app, &mut effects);
    probing::settle(app, &mut effects);
    settle(app);
    charting::settle(app, &mut effects);
    series::settle(app);
    wearing::settle(app, &mut effects);
    tour::settle(app);
    comparing::settle(app, &mut effects);
    go::look_back(app, &mut effects);
    present::present(app, &mut effects);
    effects
}

impl App {
    /// Says something on the message line; `<key:back>` in it becomes the key that is bound.
    pub(super) fn say(&mut self, level: Level, text: &str) {
        let text = self.setup.keymap.keyed(text).into_owned();
        self.messages.say(level, &text, self.now);
        self.dirty = true;
    }
}

/// The key file is not in use: each mistake stays until it is read.
fn keys_refused(app: &mut App, found: &[String]) {
    for finding in found {
        let text = format!("{finding}; the key file is not in use, every key is as built in");
        app.say(Level::Error, &text);
    }
}

/// A view was saved, or not.
fn saved(app: &mut App, result: Result<Vec<PathBuf>, String>) {
    match result {
        Ok(files) => {
            let files: Vec<String> = files
                .iter()
                .map(|file| file.display().to_string())
                .collect();
            app.say(Level::Note, &format!("saved {}", files.join(" and ")));
        }
        Err(why) => app.say(Level::Error, &format!("not saved: {why}")),
    }
}

/// A text was copied.
fn copied(app: &mut App, length: usize, saved: &Result<PathBuf, String>) {
    let (text, all) = clipboard::told(app.between, length, saved);
    app.say(if all { Level::Note } else { Level::Warning }, &text);
}

/// Rings for what is new.
fn ring(app: &mut App, effects: &mut Vec<Effect>) {
    let (overview, overrides) = (&app.data.overview, &app.data.overrides);
    let overview = overview.as_ref();
    if app.bell.look(overview, overrides.as_deref(), app.now) {
        effects.push(Effect::Bell);
    }
}

/// A second has passed, or a delay that was asked for.
fn tick(app: &mut App, effects: &mut Vec<Effect>) {
    app.dirty |= app.messages.fade(app.now);
    planning::tick(app, effects);
    if app.screen == Screen::Reviews {
        // How long a review holds is told by the time that is left.
        go::arrange(app);
    }
}

/// Takes in news.
fn absorb(app: &mut App, news: News, effects: &mut Vec<Effect>) {
    let changed = app.data.absorb(news);
    // Heartbeats and probes are seen in the overview only.
    app.dirty |= !matches!(
        changed,
        Changed::Nothing | Changed::Heartbeats | Changed::Probes
    );
    match changed {
        Changed::Nothing | Changed::Health | Changed::Probes => {}
        Changed::People => rival::look(app),
        Changed::Touch => touch::moved(app),
        Changed::Events => {
            app.events.catch_up(&app.data.log);
            follow::look(app);
        }
        Changed::Heartbeats => follow::look(app),
        Changed::Overrides | Changed::Catalog | Changed::Reviews => planning::recheck(app, effects),
        Changed::Audit => {
            app.audit.arrange(app.data.audit.iter());
            touch::look(app, effects);
            follow::overtaken(app);
        }
        Changed::Refused => {
            if let Some(refused) = app.data.refused.clone() {
                app.say(
                    Level::Error,
                    &format!("the changed configuration is refused, the old one stays in force: {refused}"),
                );
            }
        }
    }
}

/// Computes the overview when it is due, and asks to be woken when it will be.
fn refresh(app: &mut App, hurried: bool, effects: &mut Vec<Effect>) {
    match app.data.refresh(app.now, hurried) {
        Refreshed::Computed { changed: true } => {
            app.dirty = true;
            go::arrange(app);
        }
        Refreshed::Due(rest) => effects.push(Effect::Wake(rest)),
        Refreshed::Current | Refreshed::Computed { changed: false } => {}
    }
    if app.home.is_frozen() && !go::holds_still(app) {
        go::arrange(app);
    }
    go::recount(app);
}

/// Brings cursors and scroll positions in line with the rows there are and the room there is.
fn settle(app: &mut App) {
    let areas = view::areas(app);
    let height = usize::from(areas.body.height);
    let frozen = app.paused.is_some() || !app.overlays.is_empty();
    let overview = match &app.paused {
        Some(paused) => paused.overview.as_deref(),
        None => app.data.overview.as_ref(),
    };
    if let Some(overview) = overview {
        app.home.settle(overview, height, frozen);
    }
    app.routes.settle(height);
    app.reviews.table.settle(height);
    app.audit.settle(height);
    app.gateways.settle(height);
    let end = app.events_end();
    app.events.settle(&app.data.log, end, height);
    go::clamp(app, layout::area(app.size));
}
