//! What the fallback may serve all the same, and what then has to be told.

use super::*;

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
