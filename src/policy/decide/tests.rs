#![expect(clippy::too_many_lines, reason = "the tables are the point")]

mod allowances;
mod openings;
mod properties;
mod refusals;
mod triggers;

use std::{collections::BTreeMap, time::Duration};

use super::*;
use crate::model::{
    AllDown, Backoff, Boundary, BoundaryKind, Capability, Capture, ErrorClassSet, Family, KeyPlace,
    LogFailure, NoticePolicy, NoticeStyle, ReviewPolicy, Revision, Tier, Timeouts,
};
use crate::policy::context_doubt;

/// A workload with both routes and everything allowed; each case bends one thing.
#[derive(Clone, Debug)]
pub(in crate::policy) struct Case {
    pub(in crate::policy) workload: Workload,
    pub(in crate::policy) primary: Route,
    pub(in crate::policy) fallback: Option<Route>,
    pub(in crate::policy) switches: Switches,
    pub(in crate::policy) request: RequestFacts,
    pub(in crate::policy) attempts: u32,
    pub(in crate::policy) backoffs: u32,
    pub(in crate::policy) primary_circuit: CircuitView,
    pub(in crate::policy) fallback_circuit: CircuitView,
    asked_while_paused: bool,
    fallback_saturated: bool,
    time_left: Option<Duration>,
    pub(in crate::policy) retry_budget_left: bool,
}

pub(in crate::policy) fn route(name: &str) -> Route {
    Route {
        name: name.into(),
        provider: "provider".into(),
        base_url: "http://127.0.0.1:1".to_owned(),
        family: Family::OpenaiChat,
        model: name.to_owned(),
        credential: None,
        capabilities: Capability::ALL.into_iter().collect(),
        context_tokens: None,
        boundary: Boundary::default(),
        capacity_rps: None,
        key: KeyPlace::None,
        price: None,
        max_concurrent: None,
        workloads: None,
        circuit: true,
        serves: Vec::new(),
    }
}

pub(in crate::policy) fn case() -> Case {
    Case {
        workload: Workload {
            name: "support-chat".into(),
            description: String::new(),
            owner: None,
            family: Family::OpenaiChat,
            primary: "premium".into(),
            fallback: Some("baseline".into()),
            mode: Mode::Auto,
            tier: Tier::Standard,
            user_visible: true,
            triggers: [
                ErrorClass::RateLimited,
                ErrorClass::ServerError,
                ErrorClass::Overloaded,
                ErrorClass::Timeout,
                ErrorClass::Unreachable,
                ErrorClass::BrokenResponse,
            ]
            .into_iter()
            .collect(),
            justifications: BTreeMap::new(),
            timeouts: Timeouts {
                headers: Duration::from_secs(10),
                first_output: Duration::from_secs(10),
                idle: Duration::from_secs(10),
                total: Duration::from_mins(1),
            },
            backoff: Backoff {
                retries: 2,
                initial: Duration::from_millis(500),
                max_wait: Duration::from_secs(5),
            },
            max_attempts: 4,
            retry_share: 1.0,
            notice: NoticePolicy {
                text: "a stand-in model answers".to_owned(),
                style: NoticeStyle::Header,
                enabled: true,
                required: false,
            },
            may_cross: Vec::new(),
            may_change_vectors: None,
            capture: Capture::Off,
            on_log_failure: LogFailure::Refuse,
            all_down: AllDown::Primary,
            review: ReviewPolicy::usual(false),
            samples: Vec::new(),
        },
        primary: route("premium"),
        fallback: Some(route("baseline")),
        switches: Switches {
            notice: true,
            ..Switches::default()
        },
        request: RequestFacts {
            replayable: true,
            ..RequestFacts::default()
        },
        attempts: 1,
        backoffs: 0,
        primary_circuit: CircuitView::default(),
        fallback_circuit: CircuitView::default(),
        asked_while_paused: false,
        fallback_saturated: false,
        time_left: None,
        retry_budget_left: true,
    }
}

impl Case {
    pub(in crate::policy) fn with(mut self, bend: impl FnOnce(&mut Self)) -> Self {
        bend(&mut self);
        self
    }

    pub(in crate::policy) fn situation(&self) -> Situation<'_> {
        Situation {
            workload: &self.workload,
            primary: &self.primary,
            fallback: self.fallback.as_ref(),
            switches: &self.switches,
            request: self.request,
            attempts: self.attempts,
            backoffs: self.backoffs,
            primary_circuit: self.primary_circuit,
            fallback_circuit: self.fallback_circuit,
            asked_while_paused: self.asked_while_paused,
            fallback_saturated: self.fallback_saturated,
            time_left: self.time_left,
            retry_budget_left: self.retry_budget_left,
        }
    }

    fn after(&self, class: ErrorClass) -> Decision {
        decide(&self.situation(), &failed(class))
    }
}

fn failed(class: ErrorClass) -> Failure {
    Failure {
        side: Side::Primary,
        class,
        retry_after: None,
        caller_limit: false,
        saturated: false,
        committed: false,
    }
}

pub(in crate::policy) fn open_circuit() -> CircuitView {
    CircuitView {
        state: CircuitState::Open,
        tripped_by: Some(ErrorClass::Overloaded),
        ..CircuitView::default()
    }
}

const SERVED: Decision = Decision::Fallback {
    notice: NoticeGiven::Header,
    why: Reason::Trigger,
};

fn refused(why: Reason) -> Decision {
    Decision::Refuse { why }
}

/// Two routes of one family whose vectors cannot be compared.
fn embeddings() -> Case {
    case().with(|case| {
        case.workload.family = Family::OpenaiEmbeddings;
        case.primary.family = Family::OpenaiEmbeddings;
        case.fallback = Some(Route {
            family: Family::OpenaiEmbeddings,
            ..route("baseline")
        });
    })
}

fn sized(case: &mut Case, at_least: u32, has: u32) {
    case.request.context = Some(ContextNeed {
        at_least,
        likely: at_least * 2,
    });
    if let Some(fallback) = &mut case.fallback {
        fallback.context_tokens = Some(has);
    }
}

/// A request with signed reasoning, and a fallback that does not claim to read it.
fn signed(case: &mut Case, provider: &str, model: &str) {
    case.request.needs.insert(Capability::SignedReasoning);
    if let Some(fallback) = &mut case.fallback {
        fallback.capabilities = CapabilitySet::EMPTY;
        fallback.provider = provider.into();
        fallback.model = model.to_owned();
    }
}

fn open_to(case: &mut Case, names: &[&str]) {
    if let Some(fallback) = &mut case.fallback {
        fallback.workloads = Some(names.iter().map(|name| (*name).into()).collect());
    }
}
