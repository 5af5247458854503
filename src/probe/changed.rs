//! The event that tells of a change of readiness. Made by `rounds`.

use jiff::Timestamp;

use crate::model::{
    Catalog, Event, EventDecision, EventId, GatewayName, NoticeGiven, Reason, Revision, Workload,
    WorkloadReadiness,
};

/// The event of a change.
pub(super) fn event(
    seen: (Timestamp, &GatewayName),
    catalog: &Catalog,
    workload: &Workload,
    before: &WorkloadReadiness,
    now: &WorkloadReadiness,
    revision: Revision,
) -> Event {
    let (at, gateway) = seen;
    Event {
        id: EventId::new(at, fastrand::u128(..)),
        at,
        gateway: gateway.clone(),
        workload: workload.name.clone(),
        client: None,
        family: workload.family,
        primary: workload.primary.clone(),
        fallback: now.fallback.clone(),
        decision: EventDecision::Readiness,
        reason: Reason::Readiness {
            before: before.word,
            now: now.word,
            why: now
                .reasons
                .first()
                .map(|reason| reason.why.clone())
                .unwrap_or_default(),
        },
        class: None,
        detail: None,
        remark: None,
        method: None,
        status: None,
        attempts: Vec::new(),
        notice: NoticeGiven::None,
        stream: false,
        revision,
        fingerprint: catalog.fingerprint.clone(),
    }
}
