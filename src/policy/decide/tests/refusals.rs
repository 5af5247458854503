//! What stands in the way of a fallback although there is a reason for one.

use super::*;

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
