//! Where a request goes first, and which failures end the matter.

use super::*;

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
