//! What a change does, in sentences: traffic that moves, who shares the route, notices, its end, its undo.
//!
//! Pure. Called by `draw` when a plan is made; the sentences stand on the plan screen as they are.

use super::{
    checks::{Scene, moved},
    intent::Intent,
    radius, words,
};
use crate::model::{
    CircuitState, ErrorClass, Mode, NoticeStyle, Route, RouteName, Subject, Workload,
};

/// What happens to traffic now, what will happen, and what else changes.
pub(super) struct Effects {
    pub(super) now_line: String,
    pub(super) after_line: String,
    pub(super) sentences: Vec<String>,
}

/// Writes the effects of an intent.
pub(super) fn describe(scene: &Scene<'_>, intent: &Intent) -> Effects {
    let mut effects = match &intent.key.subject {
        Subject::Mode(name) => scene
            .workload(name)
            .map(|workload| mode(scene, intent, workload)),
        Subject::Notice(name) => scene
            .workload(name)
            .map(|workload| notice(scene, intent, workload)),
        Subject::Drain(name) => scene.route(name).map(|route| drain(scene, intent, route)),
    }
    .unwrap_or_else(|| Effects {
        now_line: format!("`{}` is not configured any more", intent.key.target()),
        after_line: "its override is gone".to_owned(),
        sentences: Vec::new(),
    });
    if !scene.is_whole() {
        let place = if scene.key.scope.is_all() {
            let (reached, alive) = (scene.reached().count(), scene.alive().count());
            format!("on {reached} of {alive} gateways")
        } else {
            scene.key.scope.words()
        };
        for line in [&mut effects.now_line, &mut effects.after_line] {
            line.insert_str(0, &format!("{place}: "));
        }
    }
    let reach = radius::sentence(scene, &radius::of(scene));
    effects.sentences.splice(0..0, reach);
    effects.sentences.push(end(scene, intent));
    effects
        .sentences
        .push("undo: `z` in the console, `backstop undo` in a shell".to_owned());
    effects
}

fn mode(scene: &Scene<'_>, intent: &Intent, workload: &Workload) -> Effects {
    let after = scene.mode_after(workload, intent);
    let now_line = serving_line(scene, workload);
    let mut sentences = Vec::new();
    if intent.extends() {
        return Effects {
            after_line: now_line.clone(),
            now_line,
            sentences: vec!["no traffic moves: only the end changes".to_owned()],
        };
    }
    let fallback = workload.fallback.as_ref();
    let after_line = match (after, fallback) {
        (Mode::Force, Some(fallback)) => {
            sentences.extend(takeover(scene, workload, fallback));
            format!("{} serves all requests", route_line(scene, fallback))
        }
        (Mode::Force, None) => "nothing can serve in its place".to_owned(),
        (Mode::Hold, _) => {
            sentences.extend(back_to_primary(scene, workload));
            sentences.push(format!(
                "no failure falls back any more: the errors of {} reach the callers",
                workload.primary
            ));
            format!("{} serves alone", route_line(scene, &workload.primary))
        }
        (Mode::Auto, fallback) => {
            sentences.extend(back_to_primary(scene, workload));
            let primary = route_line(scene, &workload.primary);
            match fallback {
                Some(fallback) => {
                    sentences.push(format!(
                        "armed: {} fall back to {fallback}; everything else stays refused",
                        words::list(workload.triggers.iter())
                    ));
                    format!("{primary} serves, {fallback} catches its failures")
                }
                None => format!("{primary} serves; there is no fallback by policy"),
            }
        }
    };
    Effects {
        now_line,
        after_line,
        sentences,
    }
}

/// All traffic of a workload goes to its fallback.
fn takeover(scene: &Scene<'_>, workload: &Workload, fallback: &RouteName) -> Vec<String> {
    let mut sentences = Vec::new();
    let total = scene
        .overview
        .workload(&workload.name)
        .map_or(0.0, |status| status.rps);
    let moving = moved(scene, workload);
    if scene.is_idle() {
        sentences.push("no traffic moves: no gateway is there".to_owned());
    } else if total > 0.0 {
        sentences.push(format!(
            "{} ({} of {}) move from {} to {fallback}; running answers finish where they are",
            words::rps(moving),
            words::percent(moving / total),
            workload.name,
            workload.primary,
        ));
    } else {
        sentences.push(format!(
            "{} has no traffic right now; new requests go to {fallback}",
            workload.name
        ));
    }
    if let Some(route) = scene.route(fallback) {
        let used = scene
            .overview
            .route(fallback)
            .map_or(0.0, |status| status.rps);
        let capacity = route.capacity_rps.map_or_else(
            || "capacity not configured".to_owned(),
            |capacity| format!("of {capacity:.0} rps"),
        );
        let others: Vec<_> = scene
            .catalog
            .users_of(fallback)
            .filter(|user| user.name != workload.name)
            .map(|user| &user.name)
            .collect();
        let shared = if others.is_empty() {
            "nobody else uses it".to_owned()
        } else {
            format!("also serves {}", words::list(others))
        };
        sentences.push(format!(
            "{fallback}: {used:.1} -> {:.1} {capacity}; {shared}",
            used + moving
        ));
    }
    sentences.push(notice_line(workload, scene.notice(workload)));
    let lost = scene
        .route(&workload.primary)
        .zip(scene.route(fallback))
        .map(|(primary, fallback)| primary.capabilities.without(fallback.capabilities))
        .filter(|lost| !lost.is_empty());
    sentences.push(format!(
        "{} and {} still never change route{}",
        ErrorClass::InvalidRequest,
        ErrorClass::Authentication,
        lost.map(|lost| format!("; requests that need {lost} stay refused"))
            .unwrap_or_default()
    ));
    sentences
}

fn back_to_primary(scene: &Scene<'_>, workload: &Workload) -> Option<String> {
    let (_, moving) = scene.rates(&workload.name);
    let total = scene.overview.workload(&workload.name)?.rps;
    (moving > 0.0).then(|| {
        format!(
            "{} ({} of {}) move back to {}; running answers finish where they are",
            words::rps(moving),
            words::percent(moving / total.max(moving)),
            workload.name,
            workload.primary
        )
    })
}

fn notice(scene: &Scene<'_>, intent: &Intent, workload: &Workload) -> Effects {
    let given = scene.notice_after(workload, intent);
    let line = |given| {
        if given {
            "a fallback's answer carries the notice"
        } else {
            "a fallback's answer carries no notice"
        }
    };
    let mut sentences = vec![notice_line(workload, given)];
    if let Some(share) = scene
        .overview
        .workload(&workload.name)
        .and_then(|status| status.fallback_share)
        .filter(|share| *share > 0.0)
    {
        sentences.push(format!(
            "{} of its answers came from the fallback in the last 60 s",
            words::percent(share)
        ));
    }
    sentences.push("no traffic moves".to_owned());
    Effects {
        now_line: line(scene.notice(workload)).to_owned(),
        after_line: line(given).to_owned(),
        sentences,
    }
}

fn notice_line(workload: &Workload, given: bool) -> String {
    if given && !workload.notice.text.is_empty() {
        let text = crate::model::visible(&workload.notice.text, 120);
        match workload.notice.style {
            NoticeStyle::Header => format!("callers are told in the header: \"{text}\""),
            NoticeStyle::Inline => {
                format!("callers are told in the header and in the answer: \"{text}\"")
            }
        }
    } else {
        "callers are not told".to_owned()
    }
}

fn drain(scene: &Scene<'_>, intent: &Intent, route: &Route) -> Effects {
    let users: Vec<_> = scene
        .catalog
        .users_of(&route.name)
        .map(|workload| &workload.name)
        .collect();
    let used_by = if users.is_empty() {
        "no workload uses it".to_owned()
    } else {
        format!("used by {}", words::list(&users))
    };
    let now_line = format!("{}, {used_by}", route_line(scene, &route.name));
    if let (None, Some((scope, entry))) = (intent.after, scene.above()) {
        return Effects {
            after_line: now_line.clone(),
            now_line,
            sentences: vec![format!(
                "{} stays drained: {} drained it {}",
                route.name,
                words::who(&entry.actor),
                scope.words()
            )],
        };
    }
    if intent.after.is_none() {
        return Effects {
            now_line,
            after_line: format!("{} takes requests again", route.name),
            sentences: vec![format!("requests may go to {} again", route.name)],
        };
    }
    let mut sentences = vec![format!(
        "no new request goes to {}; running answers finish",
        route.name
    )];
    for workload in scene.catalog.users_of(&route.name) {
        if workload.primary != route.name {
            sentences.push(format!(
                "{}: failures of {} are not caught while it lasts",
                workload.name, workload.primary
            ));
        } else if let Some(fallback) = &workload.fallback {
            sentences.push(format!(
                "{}: {} move to {fallback}",
                workload.name,
                words::rps(moved(scene, workload))
            ));
        } else {
            sentences.push(format!("{}: has no other route", workload.name));
        }
    }
    Effects {
        now_line,
        after_line: format!("{} takes no new request", route.name),
        sentences,
    }
}

/// Which route serves a workload now, and how well.
fn serving_line(scene: &Scene<'_>, workload: &Workload) -> String {
    let Some(status) = scene.overview.workload(&workload.name) else {
        return format!("{} serves", workload.primary);
    };
    let errors = status
        .error_share
        .filter(|share| *share > 0.0)
        .map(|share| format!(", {} of its answers are errors", words::percent(share)))
        .unwrap_or_default();
    let failures = status
        .primary_error_share
        .filter(|share| *share > 0.0)
        .map(|share| {
            format!(
                ", {} fails {} of requests",
                status.primary,
                words::percent(share)
            )
        })
        .unwrap_or_default();
    format!(
        "{} serves{failures}{errors}, {} in the last 60 s",
        scene.serving(workload, status),
        words::rps(scene.rates(&workload.name).0)
    )
}

/// A route and how it fares.
fn route_line(scene: &Scene<'_>, name: &RouteName) -> String {
    let Some(status) = scene.overview.route(name) else {
        return name.to_string();
    };
    let circuit = match status.circuit {
        CircuitState::Closed => "",
        CircuitState::Open => " (circuit open)",
        CircuitState::HalfOpen => " (circuit half-open)",
    };
    format!("{name}{circuit}")
}

fn end(scene: &Scene<'_>, intent: &Intent) -> String {
    match (intent.after, intent.expires) {
        (None, _) => match scene.above() {
            None => "back to the configuration; nothing expires".to_owned(),
            Some((scope, entry)) => format!(
                "from then on it follows what holds {}: {} by {}",
                scope.words(),
                entry.change,
                words::who(&entry.actor)
            ),
        },
        (Some(_), Some(expires)) => format!(
            "returns by itself at {} (in {})",
            words::clock(expires),
            words::span(words::between(scene.now, expires))
        ),
        (Some(_), None) => "stays until somebody changes it".to_owned(),
    }
}
