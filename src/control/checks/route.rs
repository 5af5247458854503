//! Checks about routes: can this one carry that workload, would it work right now, and has it room.

use super::{Scene, check, readiness, rules};
use crate::{
    control::{Serving, overview::fails, words},
    model::{
        Check, CheckVerdict, CircuitState, Mode, NoticeStyle, Route, RouteName, Tier, Workload,
    },
};

/// From here on a route is nearly full.
const TIGHT: f64 = 0.8;

/// All checks for a workload whose fallback is to serve all of its traffic.
pub(super) fn takes_over(scene: &Scene<'_>, workload: &Workload) -> Vec<Check> {
    let Some(name) = &workload.fallback else {
        return vec![check(
            "fallback",
            CheckVerdict::Refuse,
            format!(
                "{} has no fallback route by policy; only the configuration can give it one",
                workload.name
            ),
        )];
    };
    let (Some(primary), Some(fallback)) = (scene.route(&workload.primary), scene.route(name))
    else {
        return vec![check(
            "fallback",
            CheckVerdict::Refuse,
            format!("{name} is not in the configuration"),
        )];
    };
    let mut checks = vec![
        check(
            "fallback",
            CheckVerdict::Pass,
            format!("{name} is configured"),
        ),
        rules::family(workload, fallback),
        health(scene, name, CheckVerdict::Fail),
    ];
    checks.extend(rules::entitled(workload, fallback));
    checks.extend(readiness::of_fallback(scene, workload));
    checks.extend(drained(scene, name));
    checks.push(headroom(scene, fallback, moved(scene, workload)));
    checks.extend(rules::vectors(workload, primary, fallback));
    checks.push(boundary(workload, primary, fallback));
    checks.push(announced(
        workload,
        scene.notice(workload),
        "the policy refuses that",
    ));
    checks.push(capabilities(primary, fallback));
    checks
}

fn capabilities(primary: &Route, fallback: &Route) -> Check {
    let name = "capabilities";
    let lost = primary.capabilities.without(fallback.capabilities);
    let mut why = Vec::new();
    if !lost.is_empty() {
        why.push(format!("{} lacks {lost}", fallback.name));
    }
    if let (Some(has), Some(had)) = (fallback.context_tokens, primary.context_tokens)
        && has < had
    {
        why.push(format!("its context is {has} tokens, not {had}"));
    }
    if why.is_empty() {
        check(
            name,
            CheckVerdict::Pass,
            format!("{} can all that {} can", fallback.name, primary.name),
        )
    } else {
        check(
            name,
            CheckVerdict::Warn,
            format!("{}; requests that need it stay refused", why.join("; ")),
        )
    }
}

fn boundary(workload: &Workload, primary: &Route, fallback: &Route) -> Check {
    let name = "boundary";
    let describe = |kind| {
        let tag = |route: &Route| {
            route
                .boundary
                .tag(kind)
                .unwrap_or("not declared")
                .to_owned()
        };
        format!("{kind} ({} -> {})", tag(primary), tag(fallback))
    };
    let crossed: Vec<_> = primary.boundary.crossings(&fallback.boundary).collect();
    let forbidden: Vec<_> = crossed
        .iter()
        .filter(|kind| !workload.may_cross.contains(kind))
        .map(|kind| describe(*kind))
        .collect();
    if !forbidden.is_empty() {
        return check(
            name,
            CheckVerdict::Fail,
            format!(
                "would cross {}, which the policy does not allow",
                words::list(forbidden)
            ),
        );
    }
    if crossed.is_empty() {
        return check(
            name,
            CheckVerdict::Pass,
            "billing, region and compliance stay the same",
        );
    }
    check(
        name,
        CheckVerdict::Warn,
        format!(
            "crosses {}, as the policy allows",
            words::list(crossed.into_iter().map(describe))
        ),
    )
}

/// Whether callers learn that a fallback answered. `otherwise`: what follows when they must and do not.
pub(super) fn announced(workload: &Workload, given: bool, otherwise: &str) -> Check {
    let name = "notice";
    let given = given && !workload.notice.text.is_empty();
    if given {
        let how = match workload.notice.style {
            NoticeStyle::Header => "in the header",
            NoticeStyle::Inline => "in the header and inside the answer",
        };
        let who = match workload.tier {
            Tier::Paid => "the paid tier is told",
            Tier::Standard => "callers are told",
        };
        return check(name, CheckVerdict::Pass, format!("{who}, {how}"));
    }
    match (workload.tier, workload.notice.required) {
        (Tier::Paid, _) => check(
            name,
            CheckVerdict::Fail,
            format!("the paid tier would be served by a fallback without a notice; {otherwise}"),
        ),
        (Tier::Standard, true) => check(
            name,
            CheckVerdict::Fail,
            format!("the workload demands a notice and none is given; {otherwise}"),
        ),
        (Tier::Standard, false) if workload.user_visible => check(
            name,
            CheckVerdict::Warn,
            "people see the output and are not told",
        ),
        (Tier::Standard, false) => check(
            name,
            CheckVerdict::Pass,
            "no notice is given, and none is demanded",
        ),
    }
}

/// Whether a route works right now, as far as gateways know. `when_failing` is the verdict if it does not.
pub(super) fn health(scene: &Scene<'_>, name: &RouteName, when_failing: CheckVerdict) -> Check {
    let label = "health";
    let Some(status) = scene.overview.route(name) else {
        return check(
            label,
            CheckVerdict::Warn,
            format!("nothing is known of {name}"),
        );
    };
    let failing = status.failure_share.filter(|share| *share > 0.0);
    match status.circuit {
        CircuitState::Open => check(
            label,
            when_failing,
            format!("{name} is failing right now: its circuit is open"),
        ),
        CircuitState::HalfOpen => check(
            label,
            CheckVerdict::Warn,
            format!("{name} has just failed and is being tried again (circuit half-open)"),
        ),
        CircuitState::Closed => match failing {
            Some(share) if fails(status) => check(
                label,
                when_failing,
                format!(
                    "{name} is failing right now: {} of its attempts in the last 60 s",
                    words::percent(share)
                ),
            ),
            Some(share) => check(
                label,
                CheckVerdict::Pass,
                format!(
                    "{name} answers; {} of its attempts failed in the last 60 s",
                    words::percent(share)
                ),
            ),
            None if status.rps > 0.0 => check(
                label,
                CheckVerdict::Pass,
                format!("{name} answers; no failure in the last 60 s"),
            ),
            None => check(
                label,
                CheckVerdict::Warn,
                format!("{name} had no traffic in the last 60 s: whether it works is not known"),
            ),
        },
    }
}

fn drained(scene: &Scene<'_>, name: &RouteName) -> Option<Check> {
    let drain = scene.drain(name)?;
    Some(check(
        "drain",
        CheckVerdict::Fail,
        format!(
            "{name} is drained by {}{}: the policy refuses to send requests there",
            words::who(&drain.actor),
            drain
                .expires
                .map(|expires| format!(" until {}", words::clock(expires)))
                .unwrap_or_default()
        ),
    ))
}

/// Requests per second of a workload that its fallback does not serve yet.
pub(in crate::control) fn moved(scene: &Scene<'_>, workload: &Workload) -> f64 {
    let (all, caught) = scene.rates(&workload.name);
    all - caught
}

fn headroom(scene: &Scene<'_>, route: &Route, added: f64) -> Check {
    let name = "headroom";
    let now = scene
        .overview
        .route(&route.name)
        .map_or(0.0, |status| status.rps);
    let after = now + added;
    let Some(capacity) = route.capacity_rps.filter(|capacity| *capacity > 0.0) else {
        return check(
            name,
            CheckVerdict::Warn,
            format!(
                "{} goes from {now:.1} to {}; its capacity is not configured",
                route.name,
                words::rps(after)
            ),
        );
    };
    let used = after / capacity;
    let why = format!(
        "{} goes from {now:.1} to {} of {capacity:.0}",
        route.name,
        words::rps(after)
    );
    if used > 1.0 {
        check(
            name,
            CheckVerdict::Fail,
            format!(
                "{why}: {} more than it may carry",
                words::rps(after - capacity)
            ),
        )
    } else if used > TIGHT {
        check(
            name,
            CheckVerdict::Warn,
            format!("{why}: only {} left", words::percent(1.0 - used)),
        )
    } else {
        check(
            name,
            CheckVerdict::Pass,
            format!("{why}: {} left", words::percent(1.0 - used)),
        )
    }
}

/// For `hold`: nothing catches the primary's failures.
pub(super) fn primary_alone(scene: &Scene<'_>, workload: &Workload) -> Check {
    let mut check = health(scene, &workload.primary, CheckVerdict::Fail);
    if check.verdict == CheckVerdict::Fail {
        check
            .why
            .push_str(", and held there its errors reach the callers");
    }
    check
}

/// For `auto`: the primary gets its traffic back; the fallback stays armed.
pub(super) fn primary_again(scene: &Scene<'_>, workload: &Workload) -> Vec<Check> {
    let mut checks = vec![health(scene, &workload.primary, CheckVerdict::Warn)];
    if let Some(route) = scene.route(&workload.primary) {
        let forced = scene
            .overview
            .workload(&workload.name)
            .filter(|status| matches!(status.serving, Serving::Forced { .. }));
        if let Some(status) = forced {
            let mut room = headroom(scene, route, status.rps);
            room.verdict = room.verdict.min(CheckVerdict::Warn);
            checks.push(room);
        }
    }
    if let Some(mut proven) = readiness::of_fallback(scene, workload) {
        // What stands behind the primary is worth knowing, and never in the way back to it.
        proven.verdict = proven.verdict.min(CheckVerdict::Warn);
        checks.push(proven);
    }
    if let Some(drain) = scene.drain(&workload.primary) {
        checks.push(check(
            "drain",
            CheckVerdict::Warn,
            format!(
                "{} is drained by {}: the fallback goes on serving",
                workload.primary,
                words::who(&drain.actor)
            ),
        ));
    }
    checks
}

/// For `drain` of a workload's primary: who serves instead.
pub(super) fn switched_away(scene: &Scene<'_>, workload: &Workload) -> Check {
    let held = scene.mode_there(workload) == Mode::Hold;
    match &workload.fallback {
        Some(_) if held => check(
            "users",
            CheckVerdict::Fail,
            format!(
                "{} is held on {}: the gateways go on asking it",
                workload.name, workload.primary
            ),
        ),
        Some(fallback) => check(
            "users",
            CheckVerdict::Warn,
            format!("{}: all traffic goes to {fallback}", workload.name),
        ),
        None => check(
            "users",
            CheckVerdict::Fail,
            format!(
                "{} has no other route: the gateways go on asking {}",
                workload.name, workload.primary
            ),
        ),
    }
}

/// For `drain` of a workload's fallback: nothing catches its primary's failures.
pub(super) fn without_fallback(scene: &Scene<'_>, workload: &Workload, drained: &Route) -> Check {
    let serving = scene
        .overview
        .workload(&workload.name)
        .is_some_and(|status| *scene.serving(workload, status) == drained.name);
    if serving {
        check(
            "users",
            CheckVerdict::Fail,
            format!(
                "{} is served by this route now and would have no other",
                workload.name
            ),
        )
    } else {
        check(
            "users",
            CheckVerdict::Warn,
            format!("{} has no fallback while it lasts", workload.name),
        )
    }
}
