//! What holds whatever a case is.

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
