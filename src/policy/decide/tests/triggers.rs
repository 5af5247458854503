//! Which failures are a reason for a fallback, and what is waited for before.

use super::*;

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
