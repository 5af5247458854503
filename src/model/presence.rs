//! Presence: who else has a console open, what they look at, and what they say they are doing.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Actor, OverrideKey, PlanId, WorkloadName};

/// One open console. Written every few seconds and on change; forgotten when it stops.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// Unique to the console process.
    pub session: String,
    /// Who.
    pub actor: Actor,
    /// When the console opened.
    pub since: Timestamp,
    /// When this was written.
    pub at: Timestamp,
    /// The workload they look at.
    pub viewing: Option<WorkloadName>,
    /// The plan they have open, and on what.
    pub plan: Option<(PlanId, OverrideKey)>,
    /// Since when that plan is open. `None` beside a plan: told by a version that does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_since: Option<Timestamp>,
    /// When they took the target over from whoever had a plan open for it before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_taken: Option<Timestamp>,
    /// The workload of which they said "I'm on it".
    pub claim: Option<WorkloadName>,
    /// The process on its host. `None`: told by a version that does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<u32>,
}

impl Presence {
    /// Whether they have a plan open for a target, and say since when.
    #[must_use]
    pub fn plans(&self, target: &str) -> bool {
        let plan = self.plan.as_ref();
        self.plan_since.is_some() && plan.is_some_and(|(_, key)| key.target() == target)
    }

    /// Whether it is told under another name, or from another place. If not, it may be one's own other terminal, what a
    /// process that was killed has left, or somebody who shares the account.
    #[must_use]
    pub fn is_of_another(&self, actor: &Actor) -> bool {
        let who = |actor: &Actor| {
            let Actor {
                user,
                declared,
                host,
                from,
                via: _,
            } = actor.clone();
            (user, declared, host, from)
        };
        who(&self.actor) != who(actor)
    }

    /// Of two who have a plan open for one target, whether this one goes first: who took it over last, else who
    /// opened first. The same on every host, whoever asks.
    #[must_use]
    pub fn goes_before(&self, other: &Self) -> bool {
        match self.plan_taken.cmp(&other.plan_taken) {
            Ordering::Greater => true,
            Ordering::Less => false,
            Ordering::Equal => {
                (self.plan_since, &self.session) < (other.plan_since, &other.session)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(session: &str, since: i64, taken: Option<i64>) -> Presence {
        let at = |second| Timestamp::from_second(second).unwrap();
        Presence {
            session: session.to_owned(),
            actor: Actor {
                user: session.to_owned(),
                declared: None,
                host: "ops-1".to_owned(),
                from: None,
                via: "console".to_owned(),
            },
            since: at(0),
            at: at(since),
            viewing: None,
            plan: Some((
                PlanId("ab12".to_owned()),
                OverrideKey::mode("support-chat".into()),
            )),
            plan_since: Some(at(since)),
            plan_taken: taken.map(at),
            claim: None,
            process: None,
        }
    }

    #[test]
    fn of_two_open_plans_one_goes_first_whoever_asks() {
        for (case, left, right, first) in [
            (
                "who opened first",
                open("a", 5, None),
                open("b", 3, None),
                "b",
            ),
            ("at once", open("a", 5, None), open("b", 5, None), "a"),
            ("taken over", open("a", 5, Some(9)), open("b", 3, None), "a"),
            (
                "taken back",
                open("a", 5, Some(9)),
                open("b", 3, Some(12)),
                "b",
            ),
        ] {
            let wins = |one: &Presence, other: &Presence| {
                (one.goes_before(other)).then(|| one.session.clone())
            };
            let winners: Vec<String> = [wins(&left, &right), wins(&right, &left)]
                .into_iter()
                .flatten()
                .collect();
            assert_eq!(winners, [first], "{case}");
        }
        assert!(open("a", 1, None).plans("support-chat"));
        assert!(!open("a", 1, None).plans("batch"));
    }
}
