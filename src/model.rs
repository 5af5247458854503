//! The words of Backstop as plain types: workloads, routes, events, overrides, audit, heartbeats.
//!
//! Everybody uses this module; it uses nobody. It must not do I/O, read a clock or hold a lock:
//! time and identifiers are passed in by the caller.

mod audit;
mod audit_chain;
mod boundary;
mod capability;
mod capture;
mod catalog;
mod checkup;
mod client;
mod error_class;
mod error_detail;
mod event;
mod family;
mod heartbeat;
mod lease;
mod markdown;
mod method;
mod name;
mod notice;
mod overrides;
mod plan;
mod presence;
mod probe;
mod probing;
mod radius;
mod readiness;
mod review;
mod route_mark;
mod sample;
mod scope;
mod secret;
mod standing;
mod store_place;
mod text;
mod traffic;
mod workload;

pub use audit::{Actor, AuditRecord, ReasonCode};
pub use audit_chain::{Anchor, Seal, SealedRecord, canonical};
pub use boundary::{Boundary, BoundaryKind};
pub use capability::{Capability, CapabilitySet};
pub use capture::{Capture, Captured};
pub use catalog::{
    Catalog, Environment, GatewaySettings, KeyPlace, Provider, Retention, Route, TlsFiles,
};
pub use checkup::{Checkup, Soundness};
pub use client::{AcceptedKey, Client, ClientKey, KeyHash, Reach};
pub use error_class::{ErrorClass, ErrorClassSet};
pub use error_detail::ErrorDetail;
pub use event::{
    Attempt, Entry, Event, EventDecision, EventId, Outcome, OutcomeKind, Reason, Seq, StoredEvent,
};
pub use family::Family;
pub use heartbeat::{CircuitState, Heartbeat, RouteTraffic, Routed, WorkloadTraffic};
pub use lease::{Lease, Spent};
pub use markdown::{markdown, markdown_block};
pub use method::Method;
pub use name::{
    ClientName, GatewayName, HostName, ProviderName, RegionName, RouteName, SampleId, WorkloadName,
};
pub use notice::{NoticeGiven, NoticePolicy, NoticeStyle};
pub use overrides::{
    Change, ChangeRequest, Conflict, Mode, Override, OverrideKey, Overrides, Revision, Slot,
    Subject,
};
pub use plan::{Check, CheckVerdict, Command, Plan, PlanId, RiskTier, Verb};
pub use presence::Presence;
pub use probe::{
    Asked, CheckResult, Cost, Price, ProbeFailure, ProbeKey, ProbePoint, ProbeRecord, ProbeResult,
    ProbeSubject, Rung, RungResult, Usage, Verdict,
};
pub use probing::{Budget, Probing};
pub use radius::{Exception, Radius, Reached};
pub use readiness::{Readiness, ReadinessReason, WorkloadReadiness};
pub use review::{
    Answer, Basis, CalledTool, ComparedRoute, ComparedSample, Judgement, Place, Review, ReviewHead,
    ReviewId, ReviewMode, ReviewPolicy, ReviewedSample, Tally,
};
pub use route_mark::RouteMark;
pub use sample::{PayloadClass, Sample, SampleCheck};
pub use scope::{Scope, Site};
pub use secret::Secret;
pub use standing::{Debt, Reviewed, Standing};
pub use store_place::{NatsAccess, NatsLogin, StorePlace};
pub use text::{hostile, visible, visible_lines};
pub use traffic::{EventCount, EventTally, Stretch, TrafficPast};
pub use workload::{AllDown, Backoff, LogFailure, Tier, Timeouts, Workload};
