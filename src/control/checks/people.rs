//! Checks about who and what else is there: gateways, other operators, the last change.

use std::time::Duration;

use super::{Scene, check};
use crate::{
    control::{intent::Intent, words},
    model::{Check, CheckVerdict, Presence, Subject},
};

/// A change by somebody else this young may be one that is still being worked on.
const FRESH: Duration = Duration::from_mins(10);

/// Whether somebody is there to apply it, under the same configuration.
pub(super) fn gateways(scene: &Scene<'_>) -> Vec<Check> {
    let name = "gateways";
    let scope = &scene.key.scope;
    let all = scene.overview.alive().count();
    let alive: Vec<_> = scene
        .overview
        .alive()
        .filter(|gateway| scope.covers(&gateway.site()))
        .collect();
    if alive.is_empty() && all > 0 {
        // The check of the scope says it.
        return Vec::new();
    }
    if alive.is_empty() {
        return vec![check(
            name,
            CheckVerdict::Warn,
            "no gateway is alive: it takes effect when one starts",
        )];
    }
    let mut checks = Vec::new();
    let other: Vec<_> = alive
        .iter()
        .filter(|gateway| !gateway.same_config)
        .map(|gateway| &gateway.gateway)
        .collect();
    if !other.is_empty() {
        checks.push(check(
            "config",
            CheckVerdict::Warn,
            format!(
                "{} run{} another configuration than the one read here",
                words::list(&other),
                if other.len() == 1 { "s" } else { "" }
            ),
        ));
    }
    let draining = alive.iter().filter(|gateway| gateway.draining).count();
    let behind = alive.iter().filter(|gateway| !gateway.current).count();
    let why = format!(
        "{} alive{}{}{}",
        count(alive.len(), "gateway"),
        if scope.is_all() {
            String::new()
        } else {
            format!(" {}, {} elsewhere", scope.words(), all - alive.len())
        },
        if draining > 0 {
            format!(", {draining} draining")
        } else {
            String::new()
        },
        if behind > 0 {
            format!(", {behind} not at the newest revision yet")
        } else {
            String::new()
        }
    );
    let verdict = if behind > 0 {
        CheckVerdict::Warn
    } else {
        CheckVerdict::Pass
    };
    checks.push(check(name, verdict, why));
    checks
}

/// Who else looks at the target, has a plan open on it, or said that they are on it.
pub(super) fn others(scene: &Scene<'_>, intent: &Intent) -> Vec<Check> {
    let mut checks = Vec::new();
    let workload = match &intent.key.subject {
        Subject::Mode(workload) | Subject::Notice(workload) => Some(workload),
        Subject::Drain(_) => None,
    };
    let mut viewers = Vec::new();
    for presence in scene.presences {
        let who = words::who(&presence.actor);
        if let Some((plan, key)) = &presence.plan
            && key.target() == intent.key.target()
        {
            checks.push(check(
                "people",
                CheckVerdict::Warn,
                format!(
                    "{who} has plan {plan} open on `{key}`{}{}",
                    elsewhere(scene, presence),
                    presence.plan_since.map_or_else(String::new, |since| {
                        format!(", since {}", since.strftime("%H:%M:%SZ"))
                    })
                ),
            ));
        } else if workload.is_some() && presence.claim.as_ref() == workload {
            checks.push(check(
                "people",
                CheckVerdict::Warn,
                format!("{who} said \"I'm on it\""),
            ));
        } else if workload.is_some() && presence.viewing.as_ref() == workload {
            viewers.push(who);
        }
    }
    if viewers.is_empty() && checks.is_empty() {
        checks.push(check(
            "people",
            CheckVerdict::Pass,
            "nobody else is looking, no other plan is open",
        ));
    } else if !viewers.is_empty() {
        checks.push(check(
            "people",
            CheckVerdict::Pass,
            format!(
                "{} {} looking at it",
                words::list(&viewers),
                if viewers.len() == 1 { "is" } else { "are" }
            ),
        ));
    }
    checks
}

/// On which host, when it is another one.
fn elsewhere(scene: &Scene<'_>, presence: &Presence) -> String {
    if presence.actor.host == scene.actor.host {
        String::new()
    } else {
        format!(", on {}", crate::model::visible(&presence.actor.host, 60))
    }
}

/// What changed last, and by whom.
pub(super) fn history(scene: &Scene<'_>) -> Check {
    let name = "history";
    let Some(last) = scene.last_change else {
        return check(name, CheckVerdict::Pass, "never changed before");
    };
    let verb = last
        .verb
        .map_or("its override expired", crate::model::Verb::as_str);
    let why = format!(
        "last change {}: {verb}{}{}",
        words::ago(last.at, scene.now),
        if last.verb.is_some() {
            format!(" by {} ({})", words::who(&last.actor), last.reason)
        } else {
            String::new()
        },
        if last.break_glass {
            ", break-glass"
        } else {
            ""
        }
    );
    let theirs = last.verb.is_some()
        && (last.actor.user != scene.actor.user || last.actor.declared != scene.actor.declared);
    let fresh = words::between(last.at, scene.now) < FRESH;
    let verdict = if theirs && fresh {
        CheckVerdict::Warn
    } else {
        CheckVerdict::Pass
    };
    check(name, verdict, why)
}

fn count(number: usize, thing: &str) -> String {
    if number == 1 {
        format!("1 {thing}")
    } else {
        format!("{number} {thing}s")
    }
}
