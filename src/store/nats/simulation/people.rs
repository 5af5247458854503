//! What operators and gateways want: changes of the same few keys, plans that several people apply, and the end of
//! what has expired.

use std::time::Duration;

use jiff::Timestamp;

use super::{host::Role, queue::Event, world::World};
use crate::{
    model::{
        Actor, AuditRecord, Change, ChangeRequest, Mode, Override, OverrideKey, Plan, PlanId,
        Radius, ReasonCode, Revision, RiskTier, Subject, Verb,
    },
    store::fact::{Deed, Fact, Request},
};

/// When the simulation begins, in microseconds since 1970.
const BEGINS: i64 = 1_795_269_600_000_000;
/// How many workloads and routes there are.
const NAMES: usize = 4;

/// What a process wants.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    Change {
        key: OverrideKey,
        expected: Revision,
    },
    EndExpired,
    Plan,
    House,
}

/// The moment at which a point of the simulation's time is by an exact clock.
pub(super) fn moment(now: Duration) -> Timestamp {
    let micros = i64::try_from(now.as_micros()).unwrap_or(0);
    Timestamp::from_microsecond(BEGINS + micros).unwrap_or(Timestamp::MIN)
}

impl World {
    /// What the clock of a host shows.
    pub(super) fn clock(&self, host: usize) -> Timestamp {
        let micros = moment(self.now).as_microsecond() + self.hosts[host].ahead;
        Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MIN)
    }

    /// When the clock of a host shows this.
    fn shows(&self, host: usize, at: Timestamp) -> Duration {
        let micros = at.as_microsecond() - BEGINS - self.hosts[host].ahead;
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    }

    /// A process begins to want things.
    pub(super) fn wake(&mut self, process: usize) {
        let it = &self.processes[process];
        let (life, host) = (it.life, it.host);
        match it.role {
            Role::Operator => {
                let at = self.now + self.chance_of(self.size.thought);
                self.queue.at(at, Event::Wish { process, life });
            }
            Role::Gateway => {
                let ends = self.hosts[host].view.ends();
                self.expects(host, &ends);
                self.house_later(process);
            }
        }
    }

    /// A host has seen a fact: its gateway looks again when what is set by it expires.
    pub(super) fn expects_of(&mut self, host: usize, fact: &Fact) {
        if let Deed::Changed { keys, .. } = &fact.deed {
            let current = keys.iter().filter_map(|it| it.slot.current.as_ref());
            let ends: Vec<Timestamp> = current.filter_map(|it| it.expires).collect();
            self.expects(host, &ends);
        }
    }

    /// The gateway of a host looks again at these moments.
    pub(super) fn expects(&mut self, host: usize, ends: &[Timestamp]) {
        let process = host;
        if self.processes[process].role != Role::Gateway || !self.processes[process].up() {
            return;
        }
        let life = self.processes[process].life;
        for end in ends {
            // All of them are woken by the same moment, some a little late.
            let late = self.chance.f64();
            let late = Duration::from_secs(1).mul_f64(late * late);
            let at = self.shows(host, *end).max(self.now) + late;
            self.queue.at(at, Event::Expiry { process, life });
        }
    }

    /// A gateway looks for what has expired.
    pub(super) fn expiry(&mut self, process: usize, life: u32) {
        let it = &self.processes[process];
        if it.lives(life)
            && it.work.is_none()
            && self.hosts[it.host].view.has_expired(self.clock(it.host))
        {
            self.want(process, Kind::EndExpired, Request::EndExpired);
        }
    }

    /// An operator wants something.
    pub(super) fn wish(&mut self, process: usize, life: u32) {
        let it = &self.processes[process];
        if !it.lives(life) || it.work.is_some() || !self.wishes {
            return;
        }
        let host = it.host;
        if self.hosts[host].view.lineage.is_none() {
            let at = self.now + Duration::from_secs(1);
            return self.queue.at(at, Event::Wish { process, life });
        }
        let key = self.some_key();
        let choice = self.chance.u8(0..20);
        let mine = self.hosts[host].view.slot(&key).map(|slot| slot.revision);
        let expected = match choice {
            // Somebody told them on the telephone what is there now.
            0..3 => self.newest(&key),
            _ => mine.unwrap_or_default(),
        };
        let actor = Actor {
            user: format!("operator-{process}"),
            declared: None,
            host: self.hosts[host].name.clone(),
            from: None,
            via: "console".to_owned(),
        };
        if choice >= 18 {
            let plan = self.some_plan(host, key, expected, actor);
            self.board.push(plan.id.clone());
            return self.want(process, Kind::Plan, Request::Plan(plan));
        }
        let known = self.chance.usize(0..=self.board.len());
        let planned = self
            .board
            .get(known)
            .and_then(|id| self.hosts[host].view.plan(id))
            .filter(|_| choice >= 14)
            .cloned();
        let request = match planned {
            Some(plan) => self.request(host, plan.key, plan.expected, actor, Some(plan.id)),
            None => self.request(host, key, expected, actor, None),
        };
        let kind = Kind::Change {
            key: request.key.clone(),
            expected: request.expected,
        };
        self.want(process, kind, Request::Change(Box::new(request)));
    }

    fn some_key(&mut self) -> OverrideKey {
        let name = format!("name-{}", self.chance.usize(0..NAMES));
        match self.chance.u8(0..3) {
            0 => OverrideKey::mode(name.into()),
            1 => OverrideKey::notice(name.into()),
            _ => OverrideKey::drain(name.into()),
        }
    }

    /// The newest revision of a key that anybody was told.
    fn newest(&self, key: &OverrideKey) -> Revision {
        let hosts = self.hosts.iter().take(64);
        let seen = hosts.filter_map(|host| host.view.slot(key));
        seen.map(|slot| slot.revision).max().unwrap_or_default()
    }

    fn some_plan(
        &mut self,
        host: usize,
        key: OverrideKey,
        expected: Revision,
        actor: Actor,
    ) -> Plan {
        let made = self.clock(host);
        let lasting = Duration::from_mins(15);
        Plan {
            radius: Radius::default(),
            // Short, so that two people may draw the same one.
            id: PlanId(format!("{:03x}", self.chance.u16(0..0x1000))),
            made,
            valid_until: made.checked_add(lasting).unwrap_or(made),
            actor,
            verb: Verb::Force,
            key,
            expected,
            revision: self.hosts[host].view.revision,
            before: None,
            after: None,
            expires: None,
            fingerprint: "5af1".to_owned(),
            basis: String::new(),
            now_line: String::new(),
            after_line: String::new(),
            effects: Vec::new(),
            checks: Vec::new(),
            tier: RiskTier::Typed,
            undoes: None,
        }
    }

    fn request(
        &mut self,
        host: usize,
        key: OverrideKey,
        expected: Revision,
        actor: Actor,
        plan: Option<PlanId>,
    ) -> ChangeRequest {
        let at = self.clock(host);
        let change = match (&key.subject, self.chance.bool()) {
            (Subject::Mode(_), true) => Change::Mode(Mode::Force),
            (Subject::Mode(_), false) => Change::Mode(Mode::Hold),
            (Subject::Notice(_), given) => Change::Notice(given),
            (Subject::Drain(_), _) => Change::Drain,
        };
        let lasting = Duration::from_secs(2) + self.chance_of(Duration::from_secs(30));
        let expires = (self.chance.u8(0..4) > 0).then(|| at.checked_add(lasting).unwrap_or(at));
        let ends = self.chance.u8(0..4) == 0;
        let next = (!ends).then(|| Override {
            change,
            actor: actor.clone(),
            since: at,
            expires,
            reason: ReasonCode::Drill,
            note: String::new(),
            ticket: None,
            break_glass: false,
        });
        let audit = AuditRecord {
            sequence: 0,
            at,
            actor,
            verb: Some(if ends { Verb::Auto } else { Verb::Force }),
            key: key.clone(),
            before: None,
            after: next.as_ref().map(|next| next.change),
            expires: next.as_ref().and_then(|next| next.expires),
            reason: ReasonCode::Drill,
            note: String::new(),
            ticket: None,
            revision: Revision::default(),
            plan: plan.clone(),
            undoes: None,
            break_glass: false,
        };
        ChangeRequest {
            key,
            expected,
            next,
            audit,
            plan,
            owes: Vec::new(),
        }
    }
}
