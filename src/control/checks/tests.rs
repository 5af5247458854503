//! Every check, one named case per verdict it can give; and the tiers that follow.

mod force;
mod others;
mod tiers;

use std::time::Duration;

use super::*;
use crate::{
    control::{
        Probed, UNTIL_CHANGED, draw,
        fixture::{actor, catalog, heartbeat, load, now, overrides, seconds, set, traffic},
        intent, overview,
    },
    model::{
        Asked, Boundary, BoundaryKind, Capability, CircuitState, Command, Family, Heartbeat, Plan,
        PlanId, ProbeRecord, ReasonCode, Reviewed, Revision, RiskTier, Rung, RungResult, Scope,
        Tier, Verdict,
    },
};

const CLOSED: CircuitState = CircuitState::Closed;

/// Everything a plan is made from: 10 rps of `chat` on `premium`, `stable` lightly used.
struct Setup {
    catalog: Catalog,
    overrides: Overrides,
    heartbeats: Vec<Heartbeat>,
    presences: Vec<Presence>,
    last_change: Option<AuditRecord>,
    probed: Vec<ProbeRecord>,
    command: Command,
}

fn mode(mode: Mode) -> Command {
    Command::Mode {
        workload: "chat".into(),
        mode,
        lasting: None,
        scope: Scope::All,
    }
}

fn setup(command: Command) -> Setup {
    Setup {
        catalog: catalog(),
        overrides: Overrides::default(),
        heartbeats: vec![heartbeat(
            vec![traffic("chat", 600, 0, 0, 0)],
            vec![
                load("premium", 600, 0, CLOSED),
                load("stable", 600, 0, CLOSED),
            ],
        )],
        presences: Vec::new(),
        last_change: None,
        probed: Vec::new(),
        command,
    }
}

impl Setup {
    fn with(mut self, bend: impl FnOnce(&mut Self)) -> Self {
        bend(&mut self);
        self
    }

    fn workload(&mut self) -> &mut Workload {
        self.catalog.workloads.get_mut("chat").unwrap()
    }

    fn route(&mut self, name: &str) -> &mut Route {
        self.catalog.routes.get_mut(name).unwrap()
    }

    /// The smallest request was sent to `stable` so many seconds ago.
    fn minimal(&mut self, verdict: Verdict, age: i64) {
        self.probed.push(ProbeRecord::Rung(Box::new(RungResult {
            route: "stable".into(),
            rung: Rung::Minimal,
            asked: Asked::of(&self.catalog.routes["stable"], None),
            at: seconds(-age),
            verdict,
            evidence: "503".to_owned(),
            class: None,
            sample: None,
            cost: None,
        })));
    }

    fn plan(&self) -> Plan {
        let sites: Vec<_> = self.heartbeats.iter().map(Heartbeat::site).collect();
        let intent = intent::intend(&self.command, &self.catalog, &self.overrides, &sites, now())
            .unwrap()
            .unwrap();
        let seen = overview(
            &self.catalog,
            &self.overrides,
            &self.heartbeats,
            [],
            &Probed::new(self.probed.clone(), &[]),
            &Reviewed::default(),
            now(),
        );
        let me = actor("mira");
        let scene = Scene {
            catalog: &self.catalog,
            overrides: &self.overrides,
            overview: &seen,
            presences: &self.presences,
            last_change: self.last_change.as_ref(),
            actor: &me,
            heartbeats: &self.heartbeats,
            key: &intent.key,
            now: now(),
        };
        draw::plan(&scene, &intent, PlanId("abc123".to_owned()))
    }
}

/// Both routes make vectors, each of its own model's.
fn embeddings(setup: &mut Setup) {
    setup.workload().family = Family::OpenaiEmbeddings;
    for name in ["premium", "stable"] {
        setup.route(name).family = Family::OpenaiEmbeddings;
    }
}

fn presence(bend: impl FnOnce(&mut Presence)) -> Presence {
    let mut presence = Presence {
        session: "s1".to_owned(),
        actor: actor("jo"),
        since: now(),
        at: now(),
        viewing: None,
        plan: None,
        plan_since: None,
        plan_taken: None,
        claim: None,
        process: None,
    };
    bend(&mut presence);
    presence
}

fn change_by(user: &str, age: i64) -> AuditRecord {
    AuditRecord {
        sequence: 7,
        at: seconds(-age),
        actor: actor(user),
        verb: Some(Verb::Hold),
        key: OverrideKey::mode("chat".into()),
        before: None,
        after: None,
        expires: None,
        reason: ReasonCode::Quality,
        note: String::new(),
        ticket: None,
        revision: Revision(7),
        plan: None,
        undoes: None,
        break_glass: false,
    }
}

type Bend = fn(&mut Setup);
