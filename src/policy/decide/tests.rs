#![expect(clippy::too_many_lines, reason = "the tables are the point")]

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

/// The table of DESIGN section 3, a row a class, with the triggers a workload has by default.
#[test]
fn every_class_under_the_default_policy() {
    let default = case().with(|case| {
        case.workload.triggers = [
            ErrorClass::ServerError,
            ErrorClass::Overloaded,
            ErrorClass::Timeout,
            ErrorClass::Unreachable,
            ErrorClass::BrokenResponse,
        ]
        .into_iter()
        .collect();
    });
    for (class, decision) in [
        (ErrorClass::InvalidRequest, refused(Reason::NeverTrigger)),
        (ErrorClass::Authentication, refused(Reason::NeverTrigger)),
        (ErrorClass::Forbidden, refused(Reason::NotListed)),
        (ErrorClass::QuotaExhausted, refused(Reason::NotListed)),
        (
            ErrorClass::RateLimited,
            Decision::Retry {
                after: Duration::from_millis(500),
            },
        ),
        (ErrorClass::ServerError, SERVED),
        (ErrorClass::Overloaded, SERVED),
        (ErrorClass::Timeout, SERVED),
        (ErrorClass::Unreachable, SERVED),
        (ErrorClass::BrokenResponse, SERVED),
    ] {
        assert_eq!(default.after(class), decision, "{class}");
    }
    let spent = default.with(|case| case.backoffs = 2);
    assert_eq!(
        spent.after(ErrorClass::RateLimited),
        refused(Reason::NotListed),
        "429 after its backoff, not listed"
    );
}

#[test]
fn classes_that_a_workload_must_name() {
    let named = case().with(|case| {
        case.workload.triggers.insert(ErrorClass::Forbidden);
        case.workload.triggers.insert(ErrorClass::QuotaExhausted);
    });
    assert_eq!(named.after(ErrorClass::Forbidden), SERVED);
    assert_eq!(named.after(ErrorClass::QuotaExhausted), SERVED);
    let spent = named.with(|case| case.backoffs = 2);
    assert_eq!(spent.after(ErrorClass::RateLimited), SERVED);
}

#[test]
fn listing_400_and_401_changes_nothing() {
    let listed = case().with(|case| {
        case.workload.triggers = ErrorClass::ALL.into_iter().collect();
    });
    for class in [ErrorClass::InvalidRequest, ErrorClass::Authentication] {
        assert_eq!(
            listed.after(class),
            refused(Reason::NeverTrigger),
            "{class}"
        );
    }
}

#[test]
fn backoff_honours_the_hint_and_never_invents_one() {
    for (name, hint, backoffs, decision) in [
        ("no hint, first", None, 0, Some(500)),
        ("no hint, second doubles", None, 1, Some(1000)),
        ("hint is honoured", Some(3000), 0, Some(3000)),
        ("hint of zero", Some(0), 0, Some(0)),
        (
            "hint beyond the limit ends the backing off",
            Some(5001),
            0,
            None,
        ),
        ("retries used up", None, 2, None),
    ] {
        let case = case().with(|case| case.backoffs = backoffs);
        let failure = Failure {
            retry_after: hint.map(Duration::from_millis),
            ..failed(ErrorClass::RateLimited)
        };
        let expected = decision.map_or(SERVED, |millis| Decision::Retry {
            after: Duration::from_millis(millis),
        });
        assert_eq!(decide(&case.situation(), &failure), expected, "{name}");
    }
}

#[test]
fn what_refuses_a_fallback_after_a_trigger() {
    let crossing = |boundary: Boundary| {
        move |case: &mut Case| {
            case.fallback = Some(Route {
                boundary,
                ..route("baseline")
            });
        }
    };
    let rows: Vec<(&str, Case, Reason)> = vec![
        (
            "no fallback route",
            case().with(|case| case.fallback = None),
            Reason::NoFallbackConfigured,
        ),
        (
            "on hold",
            case().with(|case| case.switches.mode = Mode::Hold),
            Reason::Held,
        ),
        (
            "another family",
            case().with(|case| {
                case.fallback = Some(Route {
                    family: Family::AnthropicMessages,
                    ..route("baseline")
                });
            }),
            Reason::FamilyDiffers,
        ),
        (
            "a capability is missing",
            case().with(|case| {
                case.request.needs.insert(Capability::Vision);
                case.fallback = Some(Route {
                    capabilities: [Capability::Streaming].into_iter().collect(),
                    ..route("baseline")
                });
            }),
            Reason::MissingCapability {
                missing: [Capability::Vision].into_iter().collect(),
            },
        ),
        (
            "what only the primary's provider keeps",
            case().with(|case| {
                case.request.needs.insert(Capability::ProviderState);
                case.fallback = Some(Route {
                    base_url: "http://127.0.0.1:2".to_owned(),
                    capabilities: CapabilitySet::EMPTY,
                    ..route("baseline")
                });
            }),
            Reason::MissingCapability {
                missing: [Capability::ProviderState].into_iter().collect(),
            },
        ),
        (
            "what only the primary's account keeps",
            case().with(|case| {
                case.request.needs.insert(Capability::ProviderState);
                case.fallback = Some(Route {
                    credential: Some(crate::model::Secret::new("another")),
                    capabilities: CapabilitySet::EMPTY,
                    ..route("baseline")
                });
            }),
            Reason::MissingCapability {
                missing: [Capability::ProviderState].into_iter().collect(),
            },
        ),
        (
            "vectors of another model",
            embeddings(),
            Reason::VectorsDiffer,
        ),
        (
            "billing changes",
            case().with(crossing(Boundary {
                billing: Some("other".to_owned()),
                ..Boundary::default()
            })),
            Reason::BoundaryCrossed {
                boundary: BoundaryKind::Billing,
            },
        ),
        (
            "region changes",
            case().with(crossing(Boundary {
                region: Some("us".to_owned()),
                ..Boundary::default()
            })),
            Reason::BoundaryCrossed {
                boundary: BoundaryKind::Region,
            },
        ),
        (
            "compliance changes",
            case().with(crossing(Boundary {
                compliance: Some("none".to_owned()),
                ..Boundary::default()
            })),
            Reason::BoundaryCrossed {
                boundary: BoundaryKind::Compliance,
            },
        ),
        (
            "a demanded notice is switched off",
            case().with(|case| {
                case.workload.notice.required = true;
                case.switches.notice = false;
            }),
            Reason::NoticeImpossible,
        ),
        (
            "a demanded notice has no text",
            case().with(|case| {
                case.workload.notice.required = true;
                case.workload.notice.text.clear();
            }),
            Reason::NoticeImpossible,
        ),
        (
            "paid tier without a notice",
            case().with(|case| {
                case.workload.tier = Tier::Paid;
                case.switches.notice = false;
            }),
            Reason::PaidTierWithoutNotice,
        ),
        (
            "fallback drained",
            case().with(|case| case.switches.fallback_drained_by = Some("jo".to_owned())),
            Reason::FallbackDrained,
        ),
        (
            "fallback's circuit open",
            case().with(|case| case.fallback_circuit = open_circuit()),
            Reason::FallbackCircuitOpen,
        ),
        (
            "body gone",
            case().with(|case| case.request.replayable = false),
            Reason::NotReplayable,
        ),
        (
            "attempts spent",
            case().with(|case| case.attempts = 4),
            Reason::AttemptsSpent,
        ),
        (
            "attempts spent by the client's own retries",
            case().with(|case| case.request.client_retries = 3),
            Reason::AttemptsSpent,
        ),
        (
            "the request surely does not fit",
            case().with(|case| sized(case, 2001, 2000)),
            Reason::ContextTooSmall {
                needs: 2001,
                has: 2000,
            },
        ),
        (
            "signed reasoning of another model",
            case().with(|case| signed(case, "other", "premium")),
            Reason::ReasoningBound,
        ),
        (
            "signed reasoning of the same model at another provider",
            case().with(|case| signed(case, "elsewhere", "premium")),
            Reason::ReasoningBound,
        ),
        (
            "signed reasoning and no claim is not lost among the capabilities",
            case().with(|case| {
                signed(case, "elsewhere", "premium");
                case.request.needs.insert(Capability::Vision);
            }),
            Reason::ReasoningBound,
        ),
        (
            "the route is for others",
            case().with(|case| open_to(case, &["batch", "nightly"])),
            Reason::NotEntitled,
        ),
        (
            "the fallback is full",
            case().with(|case| case.fallback_saturated = true),
            Reason::FallbackSaturated,
        ),
        (
            "both paused, the primary asked all the same",
            case().with(|case| {
                case.asked_while_paused = true;
                case.fallback_circuit = open_circuit();
            }),
            Reason::AllRoutesDown {
                rule: AllDown::Primary,
            },
        ),
        (
            "the caller has gone",
            case().with(|case| case.time_left = Some(Duration::ZERO)),
            Reason::CallerLimit,
        ),
        (
            "retry budget spent",
            case().with(|case| case.retry_budget_left = false),
            Reason::RetryBudgetSpent,
        ),
    ];
    for (name, case, why) in rows {
        assert_eq!(case.after(ErrorClass::Overloaded), refused(why), "{name}");
    }
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

#[test]
fn vectors_of_another_model_need_a_written_reason_and_no_operator_can_do_without() {
    let refused_at_once = Opening::Primary {
        refused: Some(Reason::VectorsDiffer),
    };
    let forced = embeddings().with(|case| {
        case.switches.mode = Mode::Force;
        case.switches.break_glass = true;
    });
    assert_eq!(open(&forced.situation()), refused_at_once);
    let drained = embeddings().with(|case| {
        case.switches.primary_drained_by = Some("jo".to_owned());
    });
    assert_eq!(open(&drained.situation()), refused_at_once);
    let written = embeddings().with(|case| {
        case.workload.may_change_vectors = Some("both are in the index".to_owned());
    });
    assert_eq!(written.after(ErrorClass::Timeout), SERVED);
    let same = embeddings().with(|case| {
        let model = case.primary.model.clone();
        case.fallback.as_mut().unwrap().model = model;
    });
    assert_eq!(same.after(ErrorClass::Timeout), SERVED);
}

#[test]
fn what_a_provider_keeps_is_there_for_another_of_its_models() {
    let same_account = case().with(|case| {
        case.request.needs.insert(Capability::ProviderState);
        case.fallback.as_mut().unwrap().capabilities = CapabilitySet::EMPTY;
    });
    assert_eq!(same_account.after(ErrorClass::Timeout), SERVED);
}

#[test]
fn where_no_notice_can_stand_inside_the_header_tells_and_the_event_says_so() {
    for family in Family::ALL {
        let case = case().with(|case| {
            case.workload.family = family;
            case.workload.notice.style = NoticeStyle::Inline;
            case.primary.model = "same".to_owned();
            case.fallback = Some(Route {
                family,
                model: "same".to_owned(),
                ..route("baseline")
            });
        });
        let notice = match family {
            Family::OpenaiResponses | Family::OpenaiEmbeddings => NoticeGiven::Header,
            Family::OpenaiChat | Family::AnthropicMessages | Family::GeminiGenerate => {
                NoticeGiven::Inline
            }
        };
        assert_eq!(
            case.after(ErrorClass::Timeout),
            Decision::Fallback {
                notice,
                why: Reason::Trigger
            },
            "{family}"
        );
    }
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

#[test]
fn what_the_fallback_may_serve_all_the_same() {
    let rows: Vec<(&str, Case)> = vec![
        (
            "it may just fit",
            case().with(|case| sized(case, 2000, 2000)),
        ),
        (
            "its context is unknown",
            case().with(|case| {
                sized(case, 9_000_000, 1);
                case.fallback = Some(route("baseline"));
            }),
        ),
        (
            "signed reasoning of the same model",
            case().with(|case| signed(case, "provider", "premium")),
        ),
        (
            "signed reasoning, and the route claims to read it",
            case().with(|case| {
                case.request.needs.insert(Capability::SignedReasoning);
            }),
        ),
        (
            "the route is for this workload, too",
            case().with(|case| open_to(case, &["batch", "support-chat"])),
        ),
        (
            "the caller still waits",
            case().with(|case| case.time_left = Some(Duration::from_millis(1))),
        ),
    ];
    for (name, case) in rows {
        assert_eq!(case.after(ErrorClass::Overloaded), SERVED, "{name}");
    }
}

#[test]
fn a_doubt_about_the_context_is_said() {
    let doubt = |at_least, has| {
        let mut case = case();
        sized(&mut case, at_least, has);
        context_doubt(&case.request, case.fallback.as_ref().unwrap())
    };
    assert_eq!(doubt(1000, 2000), None);
    let said = doubt(1500, 2000).unwrap();
    assert!(
        said.contains("1500 to about 3000") && said.contains("baseline has 2000"),
        "{said}"
    );
}

#[test]
fn a_full_primary_is_a_reason_of_its_own() {
    let full = Failure {
        saturated: true,
        ..failed(ErrorClass::Overloaded)
    };
    let after = |case: Case| decide(&case.situation(), &full);
    assert_eq!(
        after(case()),
        Decision::Fallback {
            notice: NoticeGiven::Header,
            why: Reason::PrimarySaturated
        }
    );
    let unlisted = case().with(|case| case.workload.triggers = ErrorClassSet::EMPTY);
    assert_eq!(after(unlisted), refused(Reason::PrimarySaturated));
    let alone = case().with(|case| case.fallback = None);
    assert_eq!(after(alone), refused(Reason::PrimarySaturated));
    let held = case().with(|case| case.switches.mode = Mode::Hold);
    assert_eq!(after(held), refused(Reason::Held));
}

#[test]
fn a_backoff_that_the_caller_does_not_wait_for_is_not_begun() {
    let waiting = case().with(|case| case.time_left = Some(Duration::from_millis(500)));
    assert_eq!(
        waiting.after(ErrorClass::RateLimited),
        SERVED,
        "500 ms of backoff is too late"
    );
    let longer = case().with(|case| case.time_left = Some(Duration::from_millis(501)));
    assert!(matches!(
        longer.after(ErrorClass::RateLimited),
        Decision::Retry { .. }
    ));
}

#[test]
fn allowed_crossings_and_given_notices() {
    let crossing = case().with(|case| {
        case.workload.may_cross = vec![BoundaryKind::Region];
        case.fallback = Some(Route {
            boundary: Boundary {
                region: Some("us".to_owned()),
                ..Boundary::default()
            },
            ..route("baseline")
        });
    });
    assert_eq!(crossing.after(ErrorClass::Timeout), SERVED);
    let inline = case().with(|case| case.workload.notice.style = NoticeStyle::Inline);
    assert_eq!(
        inline.after(ErrorClass::Timeout),
        Decision::Fallback {
            notice: NoticeGiven::Inline,
            why: Reason::Trigger
        }
    );
    let silent = case().with(|case| case.switches.notice = false);
    assert_eq!(
        silent.after(ErrorClass::Timeout),
        Decision::Fallback {
            notice: NoticeGiven::None,
            why: Reason::Trigger
        },
        "standard tier may go without"
    );
}

#[test]
fn breaking_glass_takes_over_boundary_and_notice_of_a_forced_workload_only() {
    let bent = |mode, break_glass| {
        case().with(|case| {
            case.switches.mode = mode;
            case.switches.mode_by = Some("jo".to_owned());
            case.switches.break_glass = break_glass;
            case.switches.notice = false;
            case.workload.notice.required = true;
            case.fallback = Some(Route {
                boundary: Boundary {
                    billing: Some("other".to_owned()),
                    ..Boundary::default()
                },
                ..route("baseline")
            });
        })
    };
    let crossed = Reason::BoundaryCrossed {
        boundary: BoundaryKind::Billing,
    };
    assert_eq!(
        open(&bent(Mode::Force, false).situation()),
        Opening::Primary {
            refused: Some(crossed.clone())
        }
    );
    assert!(matches!(
        open(&bent(Mode::Force, true).situation()),
        Opening::Fallback {
            notice: NoticeGiven::None,
            why: Reason::Forced { .. }
        }
    ));
    assert_eq!(
        bent(Mode::Auto, true).after(ErrorClass::Timeout),
        refused(crossed),
        "an armed workload keeps to its policy"
    );
    let other_family = bent(Mode::Force, true).with(|case| {
        case.fallback = case.fallback.take().map(|fallback| Route {
            family: Family::AnthropicMessages,
            ..fallback
        });
    });
    assert_eq!(
        open(&other_family.situation()),
        Opening::Primary {
            refused: Some(Reason::FamilyDiffers)
        },
        "no glass to break between families"
    );
}

#[test]
fn failures_that_end_the_matter() {
    for (name, failure, why) in [
        (
            "after the first output",
            Failure {
                committed: true,
                ..failed(ErrorClass::BrokenResponse)
            },
            Reason::AfterCommit,
        ),
        (
            "the caller's own limit",
            Failure {
                caller_limit: true,
                ..failed(ErrorClass::Timeout)
            },
            Reason::CallerLimit,
        ),
        (
            "the fallback failed, too",
            Failure {
                side: Side::Fallback,
                ..failed(ErrorClass::Overloaded)
            },
            Reason::AllRoutesFailed,
        ),
        (
            "the fallback alone was asked, and the request is wrong",
            Failure {
                side: Side::Fallback,
                ..failed(ErrorClass::InvalidRequest)
            },
            Reason::NeverTrigger,
        ),
        (
            "the fallback alone was asked, and its credential is wrong",
            Failure {
                side: Side::Fallback,
                ..failed(ErrorClass::Authentication)
            },
            Reason::AllRoutesFailed,
        ),
    ] {
        assert_eq!(
            decide(&case().situation(), &failure),
            refused(why),
            "{name}"
        );
    }
}

#[test]
fn where_a_request_goes_first() {
    let primary = |refused| Opening::Primary { refused };
    let fallback = |why| Opening::Fallback {
        notice: NoticeGiven::Header,
        why,
    };
    let forced = || {
        case().with(|case| {
            case.switches.mode = Mode::Force;
            case.switches.mode_by = Some("jo".to_owned());
            case.switches.revision = Revision(7);
        })
    };
    let by_jo = || Reason::Forced {
        by: "jo".to_owned(),
        revision: Revision(7),
    };
    let paused = || case().with(|case| case.primary_circuit = open_circuit());
    let refusing = |bend: &dyn Fn(&mut Case)| {
        paused()
            .with(|case| case.workload.all_down = AllDown::Refuse)
            .with(bend)
    };
    let dark = || Reason::AllRoutesDown {
        rule: AllDown::Refuse,
    };
    let rows: Vec<(&str, Case, Opening)> = vec![
        ("auto", case(), primary(None)),
        (
            "hold",
            case().with(|case| case.switches.mode = Mode::Hold),
            primary(None),
        ),
        ("forced", forced(), fallback(by_jo())),
        (
            "forced by the configuration",
            case().with(|case| case.switches.mode = Mode::Force),
            fallback(Reason::ForcedByConfig),
        ),
        (
            "forced over the fallback's open circuit",
            forced().with(|case| case.fallback_circuit = open_circuit()),
            fallback(by_jo()),
        ),
        (
            "forced, but the request needs more than the fallback has",
            forced().with(|case| {
                case.request.needs.insert(Capability::Tools);
                case.fallback = Some(Route {
                    capabilities: CapabilitySet::EMPTY,
                    ..route("baseline")
                });
            }),
            primary(Some(Reason::MissingCapability {
                missing: [Capability::Tools].into_iter().collect(),
            })),
        ),
        (
            "forced, paid, without a notice",
            forced().with(|case| {
                case.workload.tier = Tier::Paid;
                case.switches.notice = false;
            }),
            primary(Some(Reason::PaidTierWithoutNotice)),
        ),
        (
            "primary drained",
            case().with(|case| case.switches.primary_drained_by = Some("jo".to_owned())),
            fallback(Reason::Drained {
                by: "jo".to_owned(),
            }),
        ),
        (
            "primary drained and on hold",
            case().with(|case| {
                case.switches.primary_drained_by = Some("jo".to_owned());
                case.switches.mode = Mode::Hold;
            }),
            primary(Some(Reason::Held)),
        ),
        ("circuit open", paused(), fallback(Reason::CircuitOpen)),
        (
            "circuit half open: this request is the trial",
            case().with(|case| {
                case.primary_circuit = CircuitView {
                    state: CircuitState::HalfOpen,
                    ..open_circuit()
                };
            }),
            primary(None),
        ),
        (
            "circuit opened by a class that is no trigger",
            paused().with(|case| case.workload.triggers = ErrorClassSet::EMPTY),
            primary(None),
        ),
        (
            "circuit open and on hold",
            paused().with(|case| case.switches.mode = Mode::Hold),
            primary(None),
        ),
        (
            "both circuits open: the primary is asked",
            paused().with(|case| case.fallback_circuit = open_circuit()),
            primary(None),
        ),
        (
            "both circuits open, and nobody is asked then",
            refusing(&|case| case.fallback_circuit = open_circuit()),
            Opening::Refuse { why: dark() },
        ),
        (
            "the only circuit open, and nobody is asked then",
            refusing(&|case| case.fallback = None),
            Opening::Refuse { why: dark() },
        ),
        (
            "opened by a class that is no trigger, and nobody is asked then",
            refusing(&|case| case.workload.triggers = ErrorClassSet::EMPTY),
            Opening::Refuse { why: dark() },
        ),
        (
            "circuit open, the fallback may not serve, and nobody is asked then",
            refusing(&|case| case.switches.mode = Mode::Hold),
            Opening::Refuse { why: Reason::Held },
        ),
        (
            "the rule for all down does not keep the fallback from serving",
            refusing(&|_| {}),
            fallback(Reason::CircuitOpen),
        ),
        (
            "circuit open and the fallback full",
            paused().with(|case| case.fallback_saturated = true),
            primary(None),
        ),
        (
            "forced and the fallback full: nothing flows back",
            forced().with(|case| case.fallback_saturated = true),
            Opening::Refuse {
                why: Reason::FallbackSaturated,
            },
        ),
    ];
    for (name, case, opening) in rows {
        assert_eq!(open(&case.situation()), opening, "{name}");
    }
}

mod properties {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::entitled;

    prop_compose! {
        fn any_case()(
            mode in prop::sample::select(vec![Mode::Auto, Mode::Hold, Mode::Force]),
            triggers in prop::collection::vec(prop::sample::select(ErrorClass::ALL.to_vec()), 0..10),
            needs in prop::collection::vec(prop::sample::select(Capability::ALL.to_vec()), 0..3),
            has in prop::collection::vec(prop::sample::select(Capability::ALL.to_vec()), 0..8),
            family in prop::sample::select(Family::ALL.to_vec()),
            flags in prop::collection::vec(any::<bool>(), 14),
            context in prop::option::of((0_u32..4000, 0_u32..4000)),
            left in prop::option::of(0_u64..10_000),
            attempts in 0_u32..6,
            backoffs in 0_u32..4,
            client_retries in 0_u32..4,
        ) -> Case {
            let mut case = case();
            case.switches.mode = mode;
            case.workload.triggers = triggers.into_iter().collect();
            case.request.needs = needs.into_iter().collect();
            case.request.replayable = flags[0];
            case.request.client_retries = client_retries;
            case.switches.notice = flags[1];
            case.workload.notice.required = flags[2];
            case.workload.tier = if flags[3] { Tier::Paid } else { Tier::Standard };
            case.fallback = flags[4].then(|| Route {
                base_url: "http://127.0.0.1:2".to_owned(),
                family: if flags[5] { Family::OpenaiChat } else { family },
                capabilities: has.into_iter().collect(),
                boundary: Boundary {
                    billing: flags[6].then(|| "other".to_owned()),
                    ..Boundary::default()
                },
                ..route("baseline")
            });
            if flags[7] {
                case.primary_circuit = open_circuit();
            }
            if flags[8] {
                case.fallback_circuit = open_circuit();
            }
            case.fallback_saturated = flags[9];
            case.asked_while_paused = flags[10];
            if flags[11] {
                case.workload.all_down = AllDown::Refuse;
            }
            if let Some(fallback) = &mut case.fallback {
                fallback.context_tokens = flags[12].then_some(2000);
                fallback.workloads = flags[13].then(|| vec!["another".into()]);
            }
            case.request.context = context.map(|(at_least, more)| ContextNeed {
                at_least,
                likely: at_least + more,
            });
            case.time_left = left.map(Duration::from_millis);
            case.attempts = attempts;
            case.backoffs = backoffs;
            case
        }
    }

    prop_compose! {
        fn any_failure()(
            class in prop::sample::select(ErrorClass::ALL.to_vec()),
            on_fallback in any::<bool>(),
            caller_limit in any::<bool>(),
            saturated in any::<bool>(),
            committed in any::<bool>(),
            hint in prop::option::of(0_u64..100_000_000),
        ) -> Failure {
            Failure {
                side: if on_fallback { Side::Fallback } else { Side::Primary },
                class,
                retry_after: hint.map(Duration::from_millis),
                caller_limit,
                saturated,
                committed,
            }
        }
    }

    proptest! {
        #[test]
        fn a_fallback_after_a_failure_keeps_every_rule(case in any_case(), failure in any_failure()) {
            let decision = decide(&case.situation(), &failure);
            if let Decision::Fallback { notice, .. } = decision {
                let fallback = case.fallback.as_ref().expect("a fallback needs a route");
                prop_assert!(!matches!(failure.class, ErrorClass::InvalidRequest | ErrorClass::Authentication));
                prop_assert!(case.workload.triggers.contains(failure.class));
                prop_assert_eq!(fallback.family, case.workload.family);
                prop_assert!(case.request.needs.without(fallback.capabilities).is_empty());
                prop_assert_eq!(&fallback.boundary, &case.primary.boundary);
                prop_assert_ne!(case.switches.mode, Mode::Hold);
                prop_assert_eq!(failure.side, Side::Primary);
                prop_assert!(!failure.committed && !failure.caller_limit);
                prop_assert!(notice != NoticeGiven::None || !(case.workload.notice.required || case.workload.tier == Tier::Paid));
                prop_assert!(!case.fallback_saturated);
                prop_assert_ne!(case.fallback_circuit.state, CircuitState::Open);
                prop_assert_ne!(case.time_left, Some(Duration::ZERO));
                prop_assert!(entitled(&case.workload, fallback) && fits(&case, fallback));
                prop_assert!(case.request.replayable && case.retry_budget_left);
                prop_assert!(case.attempts + case.request.client_retries < case.workload.max_attempts);
            }
        }

        #[test]
        fn retries_are_bounded_and_only_for_rate_limits(case in any_case(), failure in any_failure()) {
            if let Decision::Retry { after } = decide(&case.situation(), &failure) {
                prop_assert_eq!(failure.class, ErrorClass::RateLimited);
                prop_assert!(after <= case.workload.backoff.max_wait);
                prop_assert!(case.backoffs < case.workload.backoff.retries);
                prop_assert!(case.time_left.is_none_or(|left| after < left));
                prop_assert!(case.attempts + case.request.client_retries < case.workload.max_attempts);
                prop_assert!(failure.retry_after.is_none_or(|hint| hint == after));
            }
        }

        #[test]
        fn the_first_route_keeps_the_same_rules(case in any_case()) {
            if let Opening::Fallback { notice, .. } = open(&case.situation()) {
                let fallback = case.fallback.as_ref().expect("a fallback needs a route");
                prop_assert_eq!(fallback.family, case.workload.family);
                prop_assert!(case.request.needs.without(fallback.capabilities).is_empty());
                prop_assert_ne!(case.switches.mode, Mode::Hold);
                prop_assert!(notice != NoticeGiven::None || !(case.workload.notice.required || case.workload.tier == Tier::Paid));
                prop_assert!(!case.fallback_saturated);
                prop_assert!(entitled(&case.workload, fallback) && fits(&case, fallback));
            }
        }

        #[test]
        fn nobody_is_asked_only_by_the_rule_or_when_the_forced_route_is_full(case in any_case()) {
            if let Opening::Refuse { why } = open(&case.situation()) {
                let ruled = case.workload.all_down == AllDown::Refuse
                    && case.primary_circuit.state == CircuitState::Open;
                let full = why == Reason::FallbackSaturated && case.switches.mode == Mode::Force;
                prop_assert!(ruled || full, "{why:?}");
            }
        }

        #[test]
        fn every_refusal_has_words(case in any_case(), failure in any_failure()) {
            let mut reasons = Vec::new();
            if let Decision::Refuse { why } = decide(&case.situation(), &failure) {
                reasons.push(why);
            }
            match open(&case.situation()) {
                Opening::Refuse { why } | Opening::Primary { refused: Some(why) } => reasons.push(why),
                Opening::Primary { refused: None } | Opening::Fallback { .. } => {}
            }
            for why in reasons {
                let words = crate::policy::explain(&why);
                prop_assert!(words.len() > 10 && !words.ends_with('.'), "{words}");
            }
        }

        /// Whatever fails in whatever way: one request ends after a bounded number of attempts.
        #[test]
        fn every_request_ends(case in any_case(), failures in prop::collection::vec(any_failure(), 40)) {
            let mut case = case;
            (case.attempts, case.backoffs) = (0, 0);
            let mut side = Side::Primary;
            for failure in failures {
                case.attempts += 1;
                match decide(&case.situation(), &Failure { side, ..failure }) {
                    Decision::Retry { .. } => case.backoffs += 1,
                    Decision::Fallback { .. } => side = Side::Fallback,
                    Decision::Refuse { .. } => {
                        prop_assert!(case.attempts <= case.workload.max_attempts);
                        return Ok(());
                    }
                }
            }
            prop_assert!(false, "it never ended");
        }
    }

    /// What surely does not fit is never tried.
    fn fits(case: &Case, fallback: &Route) -> bool {
        match (case.request.context, fallback.context_tokens) {
            (Some(need), Some(has)) => need.at_least <= has,
            _ => true,
        }
    }
}
