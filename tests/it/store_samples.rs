//! Records to test with.

use std::time::Duration;

use backstop::model::{
    Actor, Attempt, AuditRecord, Change, ChangeRequest, ErrorClass, Event, EventDecision, EventId,
    Family, Heartbeat, Mode, NoticeGiven, Outcome, OutcomeKind, Override, OverrideKey, Plan,
    PlanId, Presence, Radius, Reason, ReasonCode, Revision, RiskTier, Verb,
};
use jiff::Timestamp;

/// The moment at which every manual clock of these tests starts.
pub(crate) fn start() -> Timestamp {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

pub(crate) fn actor(user: &str) -> Actor {
    Actor {
        user: user.to_owned(),
        declared: None,
        host: "host-1".to_owned(),
        from: Some("10.0.0.7".to_owned()),
        via: "cli".to_owned(),
    }
}

pub(crate) fn mode_key(workload: &str) -> OverrideKey {
    OverrideKey::mode(workload.into())
}

/// A change to a mode, or back to the configuration.
pub(crate) fn change(
    key: &OverrideKey,
    expected: Revision,
    next: Option<Change>,
    user: &str,
    at: Timestamp,
    lasting: Option<Duration>,
) -> ChangeRequest {
    let expires = lasting.map(|lasting| at + lasting);
    ChangeRequest {
        key: key.clone(),
        expected,
        next: next.map(|change| Override {
            change,
            actor: actor(user),
            since: at,
            expires,
            reason: ReasonCode::ServerErrors,
            note: "provider is down".to_owned(),
            ticket: Some("INC-7".to_owned()),
            break_glass: false,
        }),
        audit: AuditRecord {
            sequence: 0,
            at,
            actor: actor(user),
            verb: Some(Verb::Force),
            key: key.clone(),
            before: None,
            after: next,
            expires,
            reason: ReasonCode::ServerErrors,
            note: "provider is down".to_owned(),
            ticket: Some("INC-7".to_owned()),
            revision: Revision(0),
            plan: None,
            undoes: None,
            break_glass: false,
        },
        plan: None,
        owes: Vec::new(),
    }
}

pub(crate) const FORCE: Option<Change> = Some(Change::Mode(Mode::Force));

pub(crate) fn event_id(number: u64) -> EventId {
    EventId::new(start(), u128::from(number))
}

/// A fallback of `support-chat` after a 503.
pub(crate) fn event(number: u64, at: Timestamp) -> Event {
    Event {
        id: event_id(number),
        at,
        gateway: "gw-1".into(),
        workload: "support-chat".into(),
        client: None,
        family: Family::OpenaiChat,
        primary: "premium-chat".into(),
        fallback: Some("stable-chat".into()),
        decision: EventDecision::Fallback,
        reason: Reason::Trigger,
        class: Some(ErrorClass::Overloaded),
        detail: None,
        status: Some(503),
        attempts: vec![Attempt {
            route: "premium-chat".into(),
            status: Some(503),
            code: Some("overloaded".to_owned()),
            class: Some(ErrorClass::Overloaded),
            detail: None,
            took: Duration::from_millis(12),
        }],
        notice: NoticeGiven::Header,
        stream: true,
        revision: Revision(3),
        fingerprint: "a1b2c3d4".to_owned(),
        remark: None,
        method: None,
    }
}

pub(crate) fn outcome(number: u64, at: Timestamp) -> Outcome {
    Outcome {
        event: event_id(number),
        at,
        kind: OutcomeKind::Completed,
        status: 200,
        class: None,
        notice: None,
        first_output: Some(Duration::from_millis(180)),
        total: Duration::from_millis(950),
    }
}

pub(crate) fn heartbeat(gateway: &str, at: Timestamp) -> Heartbeat {
    Heartbeat {
        gateway: gateway.into(),
        host: "host-1".to_owned(),
        region: None,
        pid: 4711,
        version: "0.1.0".to_owned(),
        listen: "127.0.0.1:4000".parse().unwrap(),
        started: start(),
        at,
        revision: Revision(2),
        fingerprint: "a1b2c3d4".to_owned(),
        config_error: None,
        draining: false,
        unlogged: 0,
        withheld: 0,
        unlogged_at: None,
        apart_since: None,
        partings: 0,
        workloads: Vec::new(),
        routes: Vec::new(),
    }
}

pub(crate) fn presence(session: &str, at: Timestamp) -> Presence {
    Presence {
        session: session.to_owned(),
        actor: actor("ana"),
        since: start(),
        at,
        viewing: Some("support-chat".into()),
        plan: Some((PlanId("3f9c".to_owned()), mode_key("support-chat"))),
        plan_since: None,
        plan_taken: None,
        claim: None,
        process: None,
    }
}

pub(crate) fn plan(id: &str, made: Timestamp) -> Plan {
    Plan {
        id: PlanId(id.to_owned()),
        made,
        valid_until: made + Duration::from_mins(10),
        actor: actor("ana"),
        verb: Verb::Force,
        key: mode_key("support-chat"),
        expected: Revision(0),
        revision: Revision(0),
        before: None,
        after: FORCE,
        expires: None,
        fingerprint: "a1b2c3d4".to_owned(),
        basis: String::new(),
        now_line: "41 % of the traffic fails".to_owned(),
        after_line: "all traffic goes to stable-chat".to_owned(),
        effects: vec!["undo with z".to_owned()],
        checks: Vec::new(),
        tier: RiskTier::Typed,
        undoes: None,
        radius: Radius::default(),
    }
}
