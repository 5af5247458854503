//! The way of a plan: asked for, made, redrawn when the world moves, confirmed, applied.
//!
//! Rules kept here: nothing is applied that was not complete and current; a key that confirms is never taken
//! from a paste; a plan whose revision moved is made again before it can be applied.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::{follow, rival, series};
use crate::{
    console::{
        app::{App, Overlay},
        effect::Effect,
        layout,
        state::{
            burst::{Burst, Pace},
            change::Unknown,
            message::Level,
            plan::{Focus, Form, Stage, title},
            series::Became,
            verbs::Offer,
        },
        view,
    },
    control::{self, ControlError, Overview},
    model::{AuditRecord, Command, Overrides, Plan, PlanId, Scope, WorkloadName},
};

/// Enter that came before the plan counts for a plan that comes no later than this.
const PATIENCE: SignedDuration = SignedDuration::from_millis(500);
/// So long a plan that took the place of another one is only looked at.
const LOOK: SignedDuration = SignedDuration::from_millis(1_500);
/// The field in which the name is typed.
pub(super) const NAME: Focus = Focus::Name;

/// Opens a plan for what is offered, or says why that is refused.
pub(super) fn open(app: &mut App, offer: Offer, target: &str, effects: &mut Vec<Effect>) {
    match offer.command {
        Err(why) => {
            let verb = offer.action.entry().map_or("", |entry| entry.label);
            app.say(Level::Warning, &format!("{verb} {target}: {why}"));
        }
        Ok(None) => {}
        Ok(Some(command)) => ask(app, command, effects),
    }
}

/// Asks for a plan and shows its form.
pub(super) fn ask(app: &mut App, command: Command, effects: &mut Vec<Effect>) {
    app.requests += 1;
    let request = app.requests;
    app.home.touched = true;
    app.overlays.push(Overlay::Plan(Box::new(Form::new(
        command.clone(),
        request,
        app.now,
    ))));
    effects.push(Effect::Plan { request, command });
}

/// Asks for the same plan again. With a remark, what was typed must be typed again.
fn again(app: &mut App, remark: Option<String>, effects: &mut Vec<Effect>) {
    app.requests += 1;
    let request = app.requests;
    if let Some(form) = app.form_mut() {
        form.again(request, remark);
        let command = form.command.clone();
        effects.push(Effect::Plan { request, command });
        app.dirty = true;
    }
}

/// A plan was made, or not.
pub(super) fn planned(
    app: &mut App,
    request: u64,
    result: Result<Box<Plan>, ControlError>,
    effects: &mut Vec<Effect>,
) {
    let now = app.now;
    let Some(form) = app.form_mut().filter(|form| form.request == request) else {
        // Its form was left.
        return;
    };
    match result {
        Ok(plan) => {
            form.arrive(plan, now);
            if form
                .held
                .is_some_and(|held| now.duration_since(held) > PATIENCE)
            {
                form.held = None;
                form.remark =
                    Some("the plan took a while: look at it, then <key:apply>".to_owned());
            }
            app.dirty = true;
            recheck(app, effects);
            rival::look(app);
            wake_for_held(app, effects);
        }
        Err(error @ ControlError::Nothing { .. }) if form.return_scope() => {
            again(app, Some(error.to_string()), effects);
        }
        Err(error) => {
            let title = form.title();
            close(app);
            if app.series.is_some() {
                series::note(app, Became::Refused(error.to_string()));
                series::next(app, effects);
            } else {
                app.say(level(&error), &format!("{title}: {error}"));
            }
        }
    }
}

/// How loudly an error is said.
fn level(error: &ControlError) -> Level {
    match error {
        ControlError::Nothing { .. } | ControlError::NothingToUndo => Level::Warning,
        ControlError::Unknown { .. }
        | ControlError::NoEvent(_)
        | ControlError::Observe
        | ControlError::Apart { .. }
        | ControlError::Refused { .. }
        | ControlError::Consent { .. }
        | ControlError::NoPlan(_)
        | ControlError::Stale { .. }
        | ControlError::Conflict(_)
        | ControlError::Replaced { .. }
        | ControlError::NoReview(_)
        | ControlError::BadReview { .. }
        | ControlError::Store(_) => Level::Error,
    }
}

/// Overrides or configuration have moved: a plan that rests on what was is made again.
pub(super) fn recheck(app: &mut App, effects: &mut Vec<Effect>) {
    let Some(plan) = app.form().and_then(Form::ready) else {
        return;
    };
    let mut remark = None;
    // A plan may be newer than the news: then it is the news that has to catch up.
    let newer = |overrides: &&Arc<Overrides>| overrides.revision > plan.revision;
    if let Some(overrides) = app.data.overrides.as_ref().filter(newer) {
        let found = overrides.expected(&plan.key);
        if found != plan.expected {
            let by = overrides
                .slots
                .get(&plan.key)
                .and_then(|slot| slot.current.as_ref())
                .map_or_else(
                    || "it".to_owned(),
                    |current| format!("{} changed it, and it", current.actor.name()),
                );
            remark = Some(format!(
                "{by} moved to revision {found}: the plan was made again; look at it, then confirm"
            ));
        }
    }
    let sites = app.overview().map(Overview::sites).unwrap_or_default();
    if let Some(overrides) = app.data.overrides.as_ref().filter(newer)
        && !control::names_exceptions(plan, overrides, &sites, app.now)
    {
        remark = Some(
            "a more specific override was set: the plan was made again; look at it, then confirm"
                .to_owned(),
        );
    }
    if let Some(catalog) = &app.data.catalog
        && !control::rests_on(plan, catalog)
    {
        remark = Some(
            "the configuration changed: the plan was made again; look at it, then confirm"
                .to_owned(),
        );
    }
    let target = WorkloadName::from(plan.target());
    let reviewed = app.data.reviewed.of(&target).next();
    if let Some(head) = reviewed.filter(|head| head.at > plan.made) {
        remark = Some(format!(
            "{} recorded a review: the plan was made again; look at it, then confirm",
            head.actor
        ));
    }
    if remark.is_some() {
        again(app, remark, effects);
    }
}

/// Sooner or later.
pub(super) fn last(app: &mut App, longer: bool, effects: &mut Vec<Effect>) {
    let Some(form) = app.form_mut() else { return };
    if matches!(form.stage, Stage::Applying(_)) {
        return;
    }
    if form.last(longer) {
        again(app, None, effects);
    } else {
        form.remark = Some(match (form.lasting(), longer) {
            (None, _) => "this change does not end by itself".to_owned(),
            (Some(_), true) => "24h is the longest".to_owned(),
            (Some(_), false) => "5m is the shortest".to_owned(),
        });
    }
}

/// To other gateways.
pub(super) fn turn(app: &mut App, effects: &mut Vec<Effect>) {
    let sites = app.overview().map(Overview::sites).unwrap_or_default();
    let scopes = control::scopes(&sites);
    let Some(form) = app.form_mut() else { return };
    if matches!(form.stage, Stage::Applying(_)) {
        return;
    }
    if form.turn_scope(&scopes) {
        let place = form.scope().map(Scope::words).unwrap_or_default();
        let remark = format!("{place} now: look at the plan, then confirm");
        again(app, Some(remark), effects);
    } else {
        form.remark = Some(match form.scope() {
            Some(_) => "there is no other place: one gateway's host, without a region".to_owned(),
            None => "an undo holds where the change was".to_owned(),
        });
    }
}

/// Enter in a plan whose target is typed.
pub(super) fn enter(app: &mut App, pace: Pace, effects: &mut Vec<Effect>) {
    let (now, mode) = (app.now, app.setup.mode);
    let Some(form) = app.form_mut() else { return };
    let quick = match pace {
        Pace::Typed => false,
        Pace::Quick | Pace::Paste { .. } => true,
    };
    // Over a slow line keys come in heaps and before their plan; Enter then waits until it is clear that
    // nothing follows and that the plan is there.
    if quick || matches!(form.stage, Stage::Planning(_)) {
        form.held = Some(now);
        wake_for_held(app, effects);
        return;
    }
    apply(app, mode, effects);
}

/// The key that confirms a plan of the lowest tier.
pub(super) fn confirm(app: &mut App, pace: Pace, effects: &mut Vec<Effect>) {
    let (now, mode) = (app.now, app.setup.mode);
    let Some(form) = app.form_mut() else { return };
    // A key that was meant for the plan before, or for its name, does not confirm this one.
    let just_came = form
        .replaced
        .is_some_and(|at| now.duration_since(at) < LOOK);
    match pace {
        Pace::Typed if !just_came => apply(app, mode, effects),
        Pace::Typed | Pace::Quick | Pace::Paste { .. } => {
            form.remark = Some("look at the plan first, then confirm".to_owned());
        }
    }
}

/// Asks to be woken when a held Enter can be obeyed.
fn wake_for_held(app: &mut App, effects: &mut Vec<Effect>) {
    if app.form().is_some_and(|form| form.held.is_some()) {
        effects.push(Effect::Wake(Burst::window() + Duration::from_millis(10)));
    }
}

/// Time passes: a held Enter is obeyed, an old plan is made again.
pub(super) fn tick(app: &mut App, effects: &mut Vec<Effect>) {
    let (now, mode) = (app.now, app.setup.mode);
    let Some(form) = app.form_mut() else { return };
    let ready = form.ready().map(|plan| plan.valid_until);
    if let (Some(held), Some(_)) = (form.held, ready) {
        let waited = now.duration_since(held);
        if waited >= SignedDuration::try_from(Burst::window()).unwrap_or_default() {
            form.held = None;
            apply(app, mode, effects);
            return;
        }
    }
    if ready.is_some_and(|until: Timestamp| now >= until) {
        again(app, None, effects);
    }
}

/// Applies the plan, or says what is missing.
fn apply(app: &mut App, mode: control::Mode, effects: &mut Vec<Effect>) {
    let shown = view::measure(app, layout::area(app.size)).is_some();
    let Some(form) = app.form_mut() else { return };
    if !shown {
        // What cannot be read here can be read line by line; nothing was consented to yet.
        form.remark = None;
        effects.push(Effect::InLines(form.command.clone()));
        return;
    }
    let missing = form.missing(mode);
    if let Some(missing) = missing.or_else(|| rival::stands_before(app)) {
        if let Some(form) = app.form_mut() {
            form.remark = Some(missing);
        }
        app.dirty = true;
        return;
    }
    let Some(form) = app.form_mut() else { return };
    let consent = form.consent();
    let Some(plan) = form.ready().cloned() else {
        return;
    };
    form.remark = None;
    form.stage = Stage::Applying(Box::new(plan.clone()));
    app.dirty = true;
    effects.push(Effect::Apply {
        plan: Box::new(plan),
        consent,
    });
}

/// A plan was applied, or not.
pub(super) fn applied(
    app: &mut App,
    plan: &PlanId,
    result: Result<Box<AuditRecord>, ControlError>,
    effects: &mut Vec<Effect>,
) {
    let mine = app
        .form()
        .and_then(Form::plan)
        .is_some_and(|open| open.id == *plan);
    match result {
        Ok(record) => {
            follow::begin(app, &record, effects);
            if mine {
                let given = app.form().cloned();
                close(app);
                if let (Some(series), Some(form)) = (&mut app.series, given) {
                    series.remember(&form);
                    series.note(Became::Applied);
                    series::next(app, effects);
                }
            }
        }
        Err(error @ (ControlError::Stale { .. } | ControlError::Conflict(_))) if mine => {
            again(app, Some(format!("{error}: this is the new one")), effects);
        }
        Err(error) => {
            let what = match app.form().filter(|_| mine).and_then(Form::plan) {
                Some(plan) => title(plan.verb, &plan.key.named()),
                None => format!("plan {plan}"),
            };
            if error.is_unknown() {
                unknown(app, mine, plan, &what, &error);
                return;
            }
            // The form stays as it was, so that what is missing can be given.
            if let Some(form) = app.form_mut().filter(|_| mine)
                && let Stage::Applying(plan) = &form.stage
            {
                form.stage = Stage::Ready(plan.clone());
                form.remark = Some(format!("NOT applied: {error}"));
            }
            app.say(Level::Error, &format!("{what} was NOT applied: {error}"));
        }
    }
}

/// Nobody knows whether the plan was applied. It is not offered again: whoever wants it looks first.
fn unknown(app: &mut App, mine: bool, plan: &PlanId, what: &str, error: &ControlError) {
    app.unknown = Some(Unknown {
        plan: plan.clone(),
        what: what.to_owned(),
    });
    if mine {
        close(app);
    }
    if app.series.is_some() {
        series::note(app, Became::Unknown(error.to_string()));
    }
    let told = format!("UNKNOWN whether {what} was applied: {error}");
    app.say(Level::Error, &told);
}

/// The plan was asked about in lines. What was typed into the form stays when nothing came of it.
pub(super) fn lined(
    app: &mut App,
    result: Result<Box<AuditRecord>, String>,
    effects: &mut Vec<Effect>,
) {
    match result {
        Ok(record) => {
            close(app);
            follow::begin(app, &record, effects);
        }
        Err(why) => {
            if let Some(form) = app.form_mut() {
                form.remark = Some(why.clone());
            }
            app.say(Level::Warning, &why);
        }
    }
}

/// Closes the plan.
fn close(app: &mut App) {
    app.overlays
        .retain(|overlay| !matches!(overlay, Overlay::Plan(_)));
    app.dirty = true;
}
