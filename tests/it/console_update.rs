//! The console's rules, without a terminal: messages in, state and effects out.

use std::{sync::Arc, time::Duration};

use backstop::{
    console::{
        app::{Overlay, Screen},
        effect::Effect,
        msg::Msg,
        state::{
            plan::{self as form, Focus},
            themes::Themes,
        },
    },
    control::{Consent, ControlError, Mode as Door, News, Progress},
    model::{
        AuditRecord, Check, CheckVerdict, Command, Conflict, Entry, ErrorClass, Event,
        EventDecision, Mode, OutcomeKind, OverrideKey, Plan, PlanId, Readiness, Reason, ReasonCode,
        Reviewed, Revision, RiskTier, Routed, Scope, Seq, Slot, WorkloadName,
    },
    store::Health,
};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::console_stage::{
    Stage, audit, auto_plan, catalog, drill, event, force_command, force_plan, forced,
    forced_record, heartbeat, outcome, overrides, presence, start,
};
use crate::store_reviews::review;

const QUICK: Duration = Duration::from_millis(5);

fn stage() -> Stage {
    Stage::incident(80, 24, Door::Write)
}

/// `F` was pressed and the plan is there.
fn planned() -> Stage {
    let mut stage = stage();
    stage.keys("F");
    let plan = force_plan(stage.now);
    stage.planned(plan);
    stage
}

fn applies(effects: &[Effect]) -> Vec<(&Plan, &Consent)> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Apply { plan, consent } => Some((plan.as_ref(), consent)),
            _ => None,
        })
        .collect()
}

fn plans(effects: &[Effect]) -> Vec<&Command> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Plan { command, .. } => Some(command),
            _ => None,
        })
        .collect()
}

fn said(stage: &Stage) -> String {
    stage
        .app
        .messages
        .shown()
        .map(|message| message.text.clone())
        .unwrap_or_default()
}

fn remark(stage: &Stage) -> String {
    let remark = stage.app.form().and_then(|form| form.remark.clone());
    let keymap = &stage.app.setup.keymap;
    keymap.keyed(&remark.unwrap_or_default()).into_owned()
}

// --- the way of a plan -------------------------------------------------------------------------------------

#[test]
fn an_escape_that_tmux_kept_back_and_the_key_behind_it_are_both_taken() {
    let alt = |code| Msg::Key(KeyEvent::new(code, KeyModifiers::ALT));
    let mut stage = planned();
    stage.send(alt(KeyCode::Char('3')));
    assert!(stage.app.form().is_none(), "the plan was left");
    assert_eq!(stage.app.screen, Screen::Events);
    let suspend = KeyModifiers::ALT | KeyModifiers::CONTROL;
    let effects = stage.send(Msg::Key(KeyEvent::new(KeyCode::Char('z'), suspend)));
    assert!(effects.contains(&Effect::Suspend), "{effects:?}");
    // In a text field it is a key of the field.
    stage.keys("/");
    stage.send(alt(KeyCode::Char('b')));
    assert!(!stage.app.overlays.is_empty());
}

#[test]
fn six_keys_force_the_worst_workload() {
    let mut stage = stage();
    let asked = stage.keys("F");
    assert_eq!(plans(&asked), [&force_command()]);
    let plan = force_plan(stage.now);
    assert_eq!(applies(&stage.planned(plan.clone())), []);
    assert_eq!(applies(&stage.keys("1sup")), []);
    let effects = stage.press(KeyCode::Enter);
    let consent = Consent {
        typed: "sup".to_owned(),
        reason: Some(ReasonCode::ServerErrors),
        note: String::new(),
        ticket: None,
        break_glass: false,
    };
    assert_eq!(applies(&effects), [(&plan, &consent)]);
    assert!(matches!(
        stage.app.form().unwrap().stage,
        form::Stage::Applying(_)
    ));
}

#[test]
fn six_keys_at_once_force_it_when_nothing_follows() {
    let mut stage = stage();
    for key in "F1sup".chars() {
        stage.at_once(KeyCode::Char(key));
    }
    let effects = stage.at_once(KeyCode::Enter);
    assert_eq!(applies(&effects), [], "not before its plan is there");
    stage.now += QUICK;
    let plan = force_plan(stage.now);
    let effects = stage.planned(plan);
    assert_eq!(
        applies(&effects),
        [],
        "not before it is clear that nothing follows"
    );
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::Wake(_)))
    );
    let effects = stage.wait(Duration::from_millis(60));
    assert_eq!(applies(&effects).len(), 1);
}

/// A plan that has to tell of doubts, so that 80x24 does not hold all of it.
fn doubtful_plan(stage: &Stage) -> Plan {
    let mut plan = force_plan(stage.now);
    let doubt = |name: &str, why: &str| Check {
        name: name.to_owned(),
        verdict: CheckVerdict::Warn,
        why: why.to_owned(),
    };
    plan.checks.splice(
        0..0,
        [
            doubt(
                "readiness",
                "unverified: support-chat/support-chat was never probed on stable-baseline",
            ),
            doubt(
                "health",
                "stable-baseline had no traffic in the last 60 s: whether it works is not known",
            ),
            doubt(
                "boundary",
                "crosses billing (card -> contract), as the policy allows",
            ),
        ],
    );
    plan
}

#[test]
fn six_keys_at_once_apply_a_plan_of_which_only_what_is_well_is_out_of_sight() {
    let mut stage = stage();
    for key in "F1sup".chars() {
        stage.at_once(KeyCode::Char(key));
    }
    stage.at_once(KeyCode::Enter);
    let plan = doubtful_plan(&stage);
    stage.planned(plan);
    let text = stage.text();
    assert!(text.contains("below, where all is well: PgDn"), "{text}");
    assert!(text.contains("! boundary"), "{text}");
    assert!(!text.contains("nobody else is at it"), "{text}");
    let effects = stage.wait(Duration::from_millis(60));
    assert_eq!(applies(&effects).len(), 1, "{}", remark(&stage));
}

#[test]
fn what_speaks_against_a_plan_stands_before_what_is_well_and_must_be_seen() {
    let mut stage = stage();
    let mut jo = presence("jo", Some("support-chat"));
    jo.claim = Some("support-chat".into());
    stage.news(News::Presences(vec![presence("mira", None), jo]));
    stage.send(Msg::Resize(80, 22));
    stage.keys("F");
    let plan = doubtful_plan(&stage);
    stage.planned(plan);
    stage.keys("1sup");
    assert_eq!(applies(&stage.press(KeyCode::Enter)), []);
    assert!(remark(&stage).contains("to its end"), "{}", remark(&stage));
    stage.press(KeyCode::PageDown);
    let text = stage.text();
    let (people, well) = (text.find("I'm on it"), text.find("+ family"));
    assert!(people.is_some() && people < well, "{text}");
    assert_eq!(applies(&stage.press(KeyCode::Enter)).len(), 1);
}

#[test]
fn a_plan_that_is_newer_than_the_news_is_not_made_again() {
    let mut stage = stage();
    stage.keys("F1sup");
    stage.press(KeyCode::Enter);
    // Somebody changed it just now, and the door knew that when it made the plan.
    let plan = Plan {
        expected: Revision(413),
        revision: Revision(413),
        ..force_plan(stage.now)
    };
    assert_eq!(plans(&stage.planned(plan)), [] as [&Command; 0]);
    let table = forced(stage.now, "jo", 413);
    let effects = stage.news(News::Overrides(Arc::new(table)));
    assert_eq!(plans(&effects), [] as [&Command; 0]);
    assert_eq!(applies(&stage.wait(Duration::from_millis(60))).len(), 1);
}

#[test]
fn an_enter_that_cannot_be_obeyed_is_never_lost_without_a_word() {
    // It was on its way when its plan grew too old.
    let mut stage = planned();
    stage.keys("1su");
    stage.now += Duration::from_mins(10);
    stage.at_once(KeyCode::Char('p'));
    let effects = stage.at_once(KeyCode::Enter);
    assert_eq!(applies(&effects), []);
    let effects = stage.wait(Duration::from_millis(1));
    assert_eq!(plans(&effects).len(), 1, "made again");
    assert!(remark(&stage).contains("then Enter"), "{}", remark(&stage));

    // A paste came right behind it.
    let mut stage = planned();
    stage.keys("1sup");
    stage.at_once(KeyCode::Enter);
    stage.send(Msg::Paste("INC-42".to_owned()));
    assert_eq!(applies(&stage.wait(Duration::from_millis(60))), []);
    assert!(remark(&stage).contains("not applied"), "{}", remark(&stage));
}

#[test]
fn a_plan_left_while_it_is_being_applied_is_not_called_unchanged() {
    let mut stage = planned();
    stage.keys("1sup");
    assert_eq!(applies(&stage.press(KeyCode::Enter)).len(), 1);
    stage.press(KeyCode::Esc);
    assert!(
        !said(&stage).contains("nothing was changed"),
        "{}",
        said(&stage)
    );
}

#[test]
fn a_remark_names_its_key_on_a_screen_too_small_for_the_plan() {
    let mut stage = stage();
    stage.send(Msg::Resize(58, 12));
    stage.keys("F");
    stage.press(KeyCode::Enter);
    stage.now += Duration::from_secs(2);
    let plan = force_plan(stage.now);
    stage.planned(plan);
    let text = stage.text();
    assert!(text.contains("look at it, then Enter"), "{text}");
}

#[test]
fn an_enter_that_waited_too_long_for_its_plan_must_be_pressed_again() {
    let mut stage = stage();
    stage.keys("F1sup");
    stage.press(KeyCode::Enter);
    stage.now += Duration::from_secs(2);
    let plan = force_plan(stage.now);
    stage.planned(plan);
    assert_eq!(applies(&stage.wait(Duration::from_secs(1))), []);
    assert!(
        remark(&stage).contains("took a while"),
        "{}",
        remark(&stage)
    );
    assert_eq!(applies(&stage.press(KeyCode::Enter)).len(), 1);
}

#[test]
fn a_paste_without_marks_never_confirms() {
    let mut stage = stage();
    for key in "F1sup\nmore text".chars() {
        let code = if key == '\n' {
            KeyCode::Enter
        } else {
            KeyCode::Char(key)
        };
        assert_eq!(applies(&stage.at_once(code)), []);
    }
    assert!(
        stage.app.form().is_none(),
        "the plan that it opened is closed"
    );
    assert!(
        said(&stage).contains("looked like a paste"),
        "{}",
        said(&stage)
    );
    assert_eq!(applies(&stage.wait(Duration::from_secs(1))), []);
}

#[test]
fn a_paste_without_marks_never_starts_a_verb_nor_ends_the_program() {
    let mut stage = stage();
    let effects: Vec<Effect> = "jkgjkgjkFHADizqS"
        .chars()
        .flat_map(|key| stage.at_once(KeyCode::Char(key)))
        .collect();
    let harmless = |effect: &Effect| matches!(effect, Effect::Present(_) | Effect::Wake(_));
    assert!(effects.iter().all(harmless), "{effects:?}");
    assert_eq!(stage.app.claim, None);
}

#[test]
fn a_paste_into_an_open_plan_never_confirms_it() {
    let mut stage = planned();
    stage.keys("1");
    stage.now += Duration::from_secs(1);
    for key in "support-chat".chars() {
        stage.at_once(KeyCode::Char(key));
    }
    let effects = stage.at_once(KeyCode::Enter);
    assert_eq!(applies(&effects), []);
    assert_eq!(applies(&stage.wait(Duration::from_secs(1))), []);
    assert!(
        stage.app.form().unwrap().name.is_empty(),
        "the name must be typed by hand"
    );
}

#[test]
fn a_bracketed_paste_goes_to_text_fields_only() {
    let mut stage = stage();
    stage.send(Msg::Paste("F1sup\n".to_owned()));
    assert!(stage.app.overlays.is_empty());
    assert!(
        said(&stage).contains("paste was ignored"),
        "{}",
        said(&stage)
    );
    let mut stage = planned();
    stage.keys("1");
    stage.send(Msg::Paste("support-chat\n".to_owned()));
    assert!(stage.app.form().unwrap().name.is_empty());
    assert_eq!(applies(&stage.press(KeyCode::Enter)), []);
    stage.press(KeyCode::Tab);
    stage.send(Msg::Paste("INC-42\x1b[2J\nF".to_owned()));
    assert_eq!(stage.app.form().unwrap().ticket.text(), "INC-42\u{241b}[2J");
    let mut stage = self::stage();
    stage.keys("/");
    stage.send(Msg::Paste("support".to_owned()));
    assert_eq!(stage.app.home.names().len(), 1);
}

#[test]
fn what_is_missing_is_said_and_nothing_is_applied() {
    let fields: [(&str, &str, &str); 6] = [
        ("nothing typed", "", "type at least 3"),
        ("no name", "1", "type at least 3"),
        ("too short", "1su", "type at least 3"),
        ("another name", "1bat", "does not begin"),
        ("no reason", "sup", "give a reason"),
        ("other, without words", "6", "type at least 3"),
    ];
    for (case, typed, missing) in fields {
        let mut stage = planned();
        stage.keys(typed);
        if stage.app.form().unwrap().focus != Focus::Name {
            stage.press(KeyCode::Enter);
        }
        assert_eq!(applies(&stage.press(KeyCode::Enter)), [], "{case}");
        assert!(
            remark(&stage).contains(missing),
            "{case}: {}",
            remark(&stage)
        );
        assert!(stage.app.form().is_some(), "{case}: the form stays");
    }
}

#[test]
fn the_reason_other_asks_for_words_and_takes_digits_there() {
    let mut stage = planned();
    stage.keys("6");
    assert_eq!(stage.app.form().unwrap().focus, Focus::Note);
    stage.keys("eu-1 [2] down?");
    stage.press(KeyCode::Enter);
    stage.keys("sup");
    let effects = stage.press(KeyCode::Enter);
    let (_, consent) = applies(&effects)[0];
    assert_eq!(consent.reason, Some(ReasonCode::Other));
    assert_eq!(consent.note, "eu-1 [2] down?");
}

#[test]
fn digits_are_the_reason_until_one_is_chosen_and_then_belong_to_a_name_that_has_them() {
    let mut stage = planned();
    let mut plan = force_plan(stage.now);
    plan.key = OverrideKey::mode("gpt4-chat".into());
    stage.app.overlays.clear();
    stage.keys("F");
    stage.planned(plan);
    stage.keys("2gpt4");
    let form = stage.app.form().unwrap();
    assert_eq!(
        (form.reason, form.name.text()),
        (Some(ReasonCode::Timeout), "gpt4")
    );
    stage.keys("3");
    let form = stage.app.form().unwrap();
    assert_eq!(
        form.reason,
        Some(ReasonCode::RateLimit),
        "the name does not go on with 3"
    );
    assert_eq!(form.name.text(), "gpt4");
    for _ in 0..4 {
        stage.press(KeyCode::Backspace);
    }
    stage.press(KeyCode::Backspace);
    assert_eq!(stage.app.form().unwrap().reason, None, "taken back");
}

#[test]
fn break_glass_wants_the_whole_name_and_a_written_reason() {
    let mut stage = stage();
    stage.keys("F");
    let mut plan = force_plan(stage.now);
    plan.tier = RiskTier::BreakGlass;
    plan.checks.insert(
        0,
        Check {
            name: "boundary".to_owned(),
            verdict: CheckVerdict::Fail,
            why: "the region would change from eu to us".to_owned(),
        },
    );
    stage.planned(plan);
    assert!(stage.text().contains("BREAK-GLASS"));
    assert!(stage.text().contains("FAILS: the region would change"));
    stage.keys("1sup");
    assert_eq!(applies(&stage.press(KeyCode::Enter)), []);
    assert!(remark(&stage).contains("whole name"), "{}", remark(&stage));
    stage.keys("port-chat");
    assert_eq!(applies(&stage.press(KeyCode::Enter)), []);
    assert!(
        remark(&stage).contains("written reason"),
        "{}",
        remark(&stage)
    );
    stage.press(KeyCode::BackTab);
    stage.keys("provider is down, users wait");
    stage.press(KeyCode::Enter);
    let effects = stage.press(KeyCode::Enter);
    let (_, consent) = applies(&effects)[0];
    assert!(consent.break_glass);
    assert_eq!(consent.note, "provider is down, users wait");
}

#[test]
fn a_refused_check_cannot_be_overridden() {
    let mut stage = stage();
    stage.keys("F");
    let mut plan = force_plan(stage.now);
    plan.checks.insert(
        0,
        Check {
            name: "family".to_owned(),
            verdict: CheckVerdict::Refuse,
            why: "the fallback speaks another family".to_owned(),
        },
    );
    stage.planned(plan);
    stage.keys("1sup");
    assert_eq!(applies(&stage.press(KeyCode::Enter)), []);
    assert!(
        stage.text().contains("nothing here can override it"),
        "{}",
        stage.text()
    );
}

#[test]
fn observe_shows_the_plan_and_never_applies_it() {
    let mut stage = Stage::incident(80, 24, Door::Observe);
    assert_eq!(plans(&stage.keys("F")), [&force_command()]);
    let plan = force_plan(stage.now);
    stage.planned(plan);
    stage.keys("1sup");
    assert_eq!(applies(&stage.press(KeyCode::Enter)), []);
    let text = stage.text();
    assert!(text.contains("OBSERVE: this session can look"), "{text}");
    assert!(
        text.contains("backstop force support-chat --for 30m --reason 5xx"),
        "{text}"
    );
    let mut stage = Stage::incident(80, 24, Door::Observe);
    stage.keys("jjA");
    let plan = auto_plan(stage.now);
    stage.planned(plan);
    assert_eq!(applies(&stage.keys("y")), []);
}

#[test]
fn one_key_confirms_the_lowest_tier_but_never_a_quick_one() {
    let mut stage = stage();
    stage.keys("jj");
    assert_eq!(
        stage.app.home.list.selected().unwrap().as_str(),
        "image-understanding"
    );
    let asked = stage.keys("A");
    assert_eq!(
        plans(&asked),
        [&Command::Mode {
            workload: "image-understanding".into(),
            mode: Mode::Auto,
            lasting: None,
            scope: Scope::All
        }]
    );
    let plan = auto_plan(stage.now);
    stage.planned(plan.clone());
    stage.now += QUICK;
    assert_eq!(
        applies(&stage.at_once(KeyCode::Char('y'))),
        [],
        "not right behind `A`"
    );
    assert!(remark(&stage).contains("look at the plan first"));
    let effects = stage.keys("y");
    assert_eq!(applies(&effects)[0].0, &plan);
    assert!(
        stage.text().contains("support-chat"),
        "the table stays visible above"
    );
}

#[test]
fn y_right_after_the_plan_was_replaced_does_not_confirm_the_new_one() {
    // The name of the old plan's target may hold a `y`.
    let mut stage = planned();
    stage.keys("1su");
    let table = forced(stage.now, "jo", 413);
    stage.news(News::Overrides(Arc::new(table)));
    let mut plan = auto_plan(stage.now);
    plan.key = OverrideKey::mode("support-chat".into());
    plan.expected = Revision(413);
    stage.planned(plan);
    assert_eq!(applies(&stage.keys("y")), []);
    assert!(remark(&stage).contains("look at the plan first"));
    stage.wait(Duration::from_secs(2));
    assert_eq!(applies(&stage.keys("y")).len(), 1);
}

#[test]
fn enter_does_not_confirm_what_needs_another_key() {
    let mut stage = stage();
    stage.keys("jjA");
    let plan = auto_plan(stage.now);
    stage.planned(plan);
    assert_eq!(applies(&stage.press(KeyCode::Enter)), []);
    assert!(remark(&stage).contains("one key applies it"));
}

#[test]
fn y_before_the_plan_is_there_does_nothing() {
    let mut stage = stage();
    stage.keys("jjA");
    let effects = stage.keys("y");
    assert_eq!(applies(&effects), []);
    assert!(
        !effects
            .iter()
            .any(|effect| matches!(effect, Effect::Copy(_)))
    );
    let plan = auto_plan(stage.now);
    assert_eq!(applies(&stage.planned(plan)), []);
}

#[test]
fn escape_always_leaves_and_nothing_changes() {
    let mut stage = planned();
    stage.keys("1sup");
    assert_eq!(applies(&stage.press(KeyCode::Esc)), []);
    assert!(stage.app.overlays.is_empty());
    assert!(said(&stage).contains("nothing was changed"));
    // A late answer of a plan that was left opens nothing.
    let now = stage.now;
    stage.send(Msg::Planned {
        request: 1,
        result: Ok(Box::new(force_plan(now))),
    });
    assert!(stage.app.overlays.is_empty());
}

#[test]
fn a_plan_whose_revision_moved_is_made_again_before_it_can_be_applied() {
    let mut stage = planned();
    stage.keys("1sup");
    let table = forced(stage.now, "jo", 413);
    let effects = stage.news(News::Overrides(Arc::new(table)));
    assert_eq!(plans(&effects), [&force_command()]);
    let form = stage.app.form().unwrap();
    assert!(matches!(form.stage, form::Stage::Planning(Some(_))));
    assert!(
        form.name.is_empty(),
        "what was typed was typed for the old plan"
    );
    assert_eq!(form.reason, Some(ReasonCode::ServerErrors));
    assert!(stage.text().contains("jo changed it"), "{}", stage.text());
    assert_eq!(applies(&stage.press(KeyCode::Enter)), []);
    let mut plan = force_plan(stage.now);
    plan.expected = Revision(413);
    stage.planned(plan.clone());
    assert_eq!(applies(&stage.wait(Duration::from_secs(1))), []);
    stage.keys("sup");
    assert_eq!(applies(&stage.press(KeyCode::Enter))[0].0, &plan);
}

#[test]
fn a_change_of_something_else_leaves_the_plan_alone() {
    let mut stage = planned();
    stage.keys("1sup");
    let mut table = overrides(stage.now);
    table.revision = Revision(414);
    assert_eq!(
        plans(&stage.news(News::Overrides(Arc::new(table)))).len(),
        0
    );
    assert_eq!(applies(&stage.press(KeyCode::Enter)).len(), 1);
}

#[test]
fn a_review_that_is_recorded_meanwhile_makes_the_plan_again() {
    let mut stage = planned();
    let made = force_plan(stage.now).made;
    let recorded = |workload: &str, at| {
        let head = review(workload, at, 1).head;
        News::Reviews(Arc::new(Reviewed {
            place: 1,
            heads: vec![head],
            debts: Vec::new(),
        }))
    };
    let later = made + Duration::from_secs(1);
    for (case, news) in [
        ("of another workload", recorded("nobody", later)),
        ("before the plan was made", recorded("support-chat", made)),
    ] {
        assert_eq!(plans(&stage.news(news)).len(), 0, "{case}");
    }
    let effects = stage.news(recorded("support-chat", later));
    assert_eq!(plans(&effects), [&force_command()]);
    assert!(remark(&stage).contains("ana recorded a review"));
}

#[test]
fn a_new_configuration_makes_the_plan_again() {
    let mut stage = planned();
    let mut other = catalog();
    other.fingerprint = "other".to_owned();
    let effects = stage.news(News::Catalog(Arc::new(other)));
    assert_eq!(plans(&effects), [&force_command()]);
    assert!(remark(&stage).contains("configuration changed"));
}

#[test]
fn an_old_plan_is_made_again_by_itself() {
    let mut stage = planned();
    stage.keys("1sup");
    let effects = stage.wait(Duration::from_mins(11));
    assert_eq!(plans(&effects), [&force_command()]);
    assert_eq!(
        stage.app.form().unwrap().name.text(),
        "sup",
        "nothing moved"
    );
}

#[test]
fn sooner_and_later_make_another_plan_and_keep_what_was_typed() {
    let mut stage = planned();
    stage.keys("1sup");
    let effects = stage.keys("]");
    assert_eq!(
        plans(&effects),
        [&Command::Mode {
            workload: "support-chat".into(),
            mode: Mode::Force,
            lasting: Some(Duration::from_hours(1)),
            scope: Scope::All
        }]
    );
    assert_eq!(stage.app.form().unwrap().name.text(), "sup");
    stage.keys("[[[[[[[");
    let lasting = stage.app.form().unwrap().lasting();
    assert_eq!(lasting, Some(Duration::from_mins(5)));
    assert!(remark(&stage).contains("shortest"));
}

#[test]
fn plan_errors_are_said_in_words_with_the_next_step() {
    let conflict = Conflict {
        key: OverrideKey::mode("support-chat".into()),
        expected: Revision(0),
        found: Slot {
            revision: Revision(413),
            current: None,
        },
        winner: Some(Box::new(AuditRecord {
            actor: crate::console_stage::actor("jo"),
            ..forced_record(start())
        })),
    };
    let moved = ControlError::Stale {
        plan: PlanId("8f31".to_owned()),
        why: "the revision moved".to_owned(),
    };
    for (error, words) in [
        (ControlError::Conflict(Box::new(conflict)), "jo changed"),
        (moved, "is stale"),
    ] {
        let mut stage = planned();
        stage.keys("1sup");
        stage.press(KeyCode::Enter);
        let effects = stage.send(Msg::Applied {
            plan: PlanId("8f31".to_owned()),
            result: Err(error),
        });
        assert_eq!(plans(&effects).len(), 1, "{words}: made again");
        assert!(remark(&stage).contains(words), "{}", remark(&stage));
        assert!(stage.app.form().unwrap().name.is_empty());
    }
    for (error, words) in [
        (ControlError::Observe, "OBSERVE session"),
        (
            ControlError::Refused {
                why: "the family differs".to_owned(),
            },
            "the family differs",
        ),
        (
            ControlError::Consent {
                missing: "a ticket".to_owned(),
            },
            "a ticket",
        ),
    ] {
        let mut stage = planned();
        stage.keys("1sup");
        stage.press(KeyCode::Enter);
        let effects = stage.send(Msg::Applied {
            plan: PlanId("8f31".to_owned()),
            result: Err(error),
        });
        assert_eq!(plans(&effects).len(), 0);
        assert!(said(&stage).contains("NOT applied"), "{}", said(&stage));
        assert!(said(&stage).contains(words), "{}", said(&stage));
        assert!(
            matches!(stage.app.form().unwrap().stage, form::Stage::Ready(_)),
            "{words}"
        );
    }
}

#[test]
fn a_command_without_a_plan_closes_its_form_and_says_why() {
    let mut stage = stage();
    stage.keys("F");
    let request = stage.app.form().unwrap().request;
    stage.send(Msg::Planned {
        request,
        result: Err(ControlError::Nothing {
            what: "`support-chat` is forced".to_owned(),
        }),
    });
    assert!(stage.app.overlays.is_empty());
    assert!(said(&stage).contains("nothing to change"));
}

#[test]
fn a_verb_that_is_refused_says_why_and_asks_for_no_plan() {
    let mut stage = stage();
    stage.keys("G");
    assert_eq!(
        stage.app.home.list.selected().unwrap().as_str(),
        "code-assistant"
    );
    assert_eq!(plans(&stage.keys("F")).len(), 0);
    assert!(
        said(&stage).contains("no fallback by policy"),
        "{}",
        said(&stage)
    );
    assert_eq!(plans(&stage.keys("A")).len(), 0);
    assert!(said(&stage).contains("on auto already"));
    assert_eq!(plans(&stage.keys("z")).len(), 0);
    assert!(said(&stage).contains("no change of yours"));
    assert!(
        stage.text().contains("(F force)"),
        "brackets, not only a colour"
    );
}

#[test]
fn a_screen_too_small_for_a_plan_shows_the_command_line_and_applies_nothing() {
    let mut stage = planned();
    stage.keys("1sup");
    stage.send(Msg::Resize(59, 17));
    let effects = stage.press(KeyCode::Enter);
    assert_eq!(applies(&effects), []);
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::InLines(_))),
        "{effects:?}"
    );
    let text = stage.text();
    for told in [
        "backstop force support-chat --for 30m --reason 5xx",
        "Enter asks in",
        "enlarge",
        "nothing has changed",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    stage.send(Msg::InLines(Err("not confirmed".to_owned())));
    assert!(stage.text().contains("not confirmed"), "{}", stage.text());
    // What was typed before is still there.
    stage.send(Msg::Resize(80, 24));
    assert_eq!(applies(&stage.press(KeyCode::Enter)).len(), 1);
}

#[test]
fn a_plan_that_does_not_fit_must_be_read_to_its_end() {
    let mut stage = stage();
    stage.send(Msg::Resize(60, 18));
    stage.keys("F");
    let plan = force_plan(stage.now);
    stage.planned(plan);
    assert!(stage.text().contains("below: PgDn"), "{}", stage.text());
    stage.keys("1sup");
    assert_eq!(applies(&stage.press(KeyCode::Enter)), []);
    assert!(remark(&stage).contains("to its end"), "{}", remark(&stage));
    for _ in 0..6 {
        stage.press(KeyCode::PageDown);
    }
    assert_eq!(applies(&stage.press(KeyCode::Enter)).len(), 1);
}

// --- after it was applied ----------------------------------------------------------------------------------

fn applied() -> Stage {
    let mut stage = planned();
    stage.keys("1sup");
    stage.press(KeyCode::Enter);
    let record = forced_record(stage.now);
    let effects = stage.send(Msg::Applied {
        plan: PlanId("8f31".to_owned()),
        result: Ok(Box::new(record)),
    });
    assert!(
        effects.contains(&Effect::Watch(Revision(413))),
        "{effects:?}"
    );
    assert!(stage.app.overlays.is_empty());
    stage
}

fn progress(applied: usize, gateways: usize) -> Msg {
    Msg::Progress {
        revision: Revision(413),
        result: Ok(Progress {
            applied,
            gateways,
            elapsed: Duration::from_millis(20),
            each: Vec::new(),
        }),
    }
}

#[test]
fn a_change_is_done_only_when_the_gateways_say_so() {
    let mut stage = applied();
    assert!(
        said(&stage).contains("waiting for the gateways"),
        "{}",
        said(&stage)
    );
    assert!(stage.app.pending(&"support-chat".into()).is_some());
    stage.send(progress(1, 2));
    assert!(
        said(&stage).contains("applied on 1/2 gateways in 0.02 s"),
        "{}",
        said(&stage)
    );
    assert!(stage.text().contains("pend"), "{}", stage.text());
    stage.send(progress(2, 2));
    assert_eq!(
        said(&stage),
        "forced support-chat: applied on 2/2 gateways in 0.02 s; waiting for the first request"
    );
}

#[test]
fn the_first_request_on_the_new_path_is_shown() {
    let mut stage = applied();
    stage.send(progress(1, 1));
    let mut beat = heartbeat(stage.now, Revision(413));
    let at = stage.now;
    beat.workloads[0].last_routed = Some(Routed {
        at,
        route: "premium-chat".into(),
        revision: Revision(412),
    });
    stage.news(News::Heartbeats(vec![beat.clone()]));
    assert!(
        said(&stage).contains("waiting for the first"),
        "under the old revision"
    );
    beat.workloads[0].last_routed = Some(Routed {
        at,
        route: "stable-baseline".into(),
        revision: Revision(413),
    });
    stage.news(News::Heartbeats(vec![beat]));
    let clock = at.strftime("%H:%M:%S");
    assert_eq!(
        said(&stage),
        format!(
            "forced support-chat: applied on 1/1 gateways in 0.02 s; first request on the new path: {clock} served by stable-baseline"
        )
    );
    assert!(stage.app.pending(&"support-chat".into()).is_none());
}

#[test]
fn an_event_tells_the_first_request_sooner_than_a_heartbeat() {
    let mut stage = applied();
    stage.send(progress(1, 1));
    let forced = Event {
        revision: Revision(413),
        reason: Reason::Forced {
            by: "mira".to_owned(),
            revision: Revision(413),
        },
        ..event(9000, stage.now, "support-chat")
    };
    let ended = outcome(&forced, OutcomeKind::Completed);
    stage.news(News::Entries(vec![(
        Seq(9000),
        Entry::Decision(Box::new(forced)),
    )]));
    assert!(said(&stage).contains("waiting"), "it has not ended yet");
    stage.news(News::Entries(vec![(Seq(9001), Entry::Outcome(ended))]));
    assert!(
        said(&stage).contains("served by stable-baseline"),
        "{}",
        said(&stage)
    );
}

#[test]
fn a_first_request_that_went_elsewhere_is_a_warning() {
    let mut stage = applied();
    stage.send(progress(1, 1));
    let mut beat = heartbeat(stage.now, Revision(413));
    beat.workloads[0].last_routed = Some(Routed {
        at: stage.now,
        route: "premium-chat".into(),
        revision: Revision(413),
    });
    stage.news(News::Heartbeats(vec![beat]));
    assert!(
        said(&stage).contains("NOT where it was sent"),
        "{}",
        said(&stage)
    );
}

#[test]
fn without_a_gateway_the_console_says_when_it_takes_effect() {
    let mut stage = applied();
    stage.send(progress(0, 0));
    assert!(
        said(&stage).contains("no gateway is alive"),
        "{}",
        said(&stage)
    );
    assert!(stage.app.pending(&"support-chat".into()).is_none());
}

#[test]
fn undo_is_offered_after_a_change_of_mine_only() {
    let mut stage = applied();
    stage.keys("z");
    assert!(
        stage.app.overlays.is_empty(),
        "the audit does not know of it yet"
    );
    let record = forced_record(stage.now);
    stage.news(News::Audit(vec![record]));
    let effects = stage.keys("z");
    assert_eq!(plans(&effects), [&Command::Undo { sequence: None }]);
}

#[test]
fn an_applied_plan_is_not_redrawn_by_its_own_change() {
    let mut stage = planned();
    stage.keys("1sup");
    stage.press(KeyCode::Enter);
    let table = forced(stage.now, "mira", 413);
    let effects = stage.news(News::Overrides(Arc::new(table)));
    assert_eq!(plans(&effects).len(), 0);
}

// --- the list ----------------------------------------------------------------------------------------------

#[test]
fn the_cursor_starts_on_the_worst_and_follows_it_until_it_is_moved() {
    let mut stage = Stage::dark(80, 24, Door::Write);
    stage.news(News::Catalog(Arc::new(catalog())));
    let now = stage.now;
    stage.news(News::Overrides(Arc::new(overrides(now))));
    assert!(stage.app.home.list.selected().is_some());
    stage.news(News::Heartbeats(vec![heartbeat(now, Revision(412))]));
    stage.wait(Duration::from_secs(1));
    assert_eq!(
        stage.app.home.list.selected().unwrap().as_str(),
        "support-chat"
    );
    stage.keys("j");
    let chosen = stage.app.home.list.selected().unwrap().clone();
    let mut beat = heartbeat(stage.now, Revision(412));
    // Nothing fails any more: another order.
    for traffic in &mut beat.workloads {
        traffic.primary_failures = 0;
        traffic.fallbacks = 0;
        traffic.errors = 0;
    }
    stage.news(News::Heartbeats(vec![beat]));
    stage.wait(Duration::from_secs(1));
    assert_eq!(stage.app.home.list.selected(), Some(&chosen));
}

#[test]
fn the_order_stands_still_under_an_open_plan() {
    let mut stage = planned();
    let order = stage.app.home.names().to_vec();
    let mut beat = heartbeat(stage.now, Revision(412));
    for traffic in &mut beat.workloads {
        traffic.errors = 0;
        traffic.primary_failures = 0;
    }
    stage.news(News::Heartbeats(vec![beat]));
    stage.wait(Duration::from_secs(1));
    assert_eq!(stage.app.home.names(), order);
    stage.press(KeyCode::Esc);
    stage.wait(Duration::from_secs(1));
    assert_ne!(stage.app.home.names(), order);
}

#[test]
fn a_filter_keeps_what_matches_and_escape_lifts_it() {
    let mut stage = stage();
    stage.keys("/st:fail");
    assert_eq!(stage.app.home.names().len(), 1);
    stage.press(KeyCode::Enter);
    assert!(stage.text().contains("/st:fail"), "{}", stage.text());
    stage.press(KeyCode::Esc);
    assert_eq!(stage.app.home.names().len(), 4);
    stage.keys("/!chat");
    assert_eq!(stage.app.home.names().len(), 3);
    stage.press(KeyCode::Esc);
    assert_eq!(
        stage.app.home.names().len(),
        4,
        "Esc takes back what is being typed"
    );
}

#[test]
fn workloads_are_filtered_and_sorted_by_the_readiness_of_their_fallbacks() {
    let mut stage = stage();
    for (case, text, names) in [
        ("blocked", "ready:blocked", &["image-understanding"][..]),
        ("stale", "ready:stale", &["batch-extraction"]),
        ("none", "ready:none", &["code-assistant"]),
        ("the word alone", "blocked", &["image-understanding"]),
        (
            "not ready",
            "!ready:ready !ready:none !ready:bl",
            &["batch-extraction"],
        ),
    ] {
        stage.keys("/");
        stage.keys(text);
        let shown: Vec<&str> = stage
            .app
            .home
            .names()
            .iter()
            .map(WorkloadName::as_str)
            .collect();
        assert_eq!(shown, names, "{case}");
        stage.press(KeyCode::Esc);
    }
    stage.keys("o");
    assert!(stage.text().contains("sort:readiness"), "{}", stage.text());
    let words: Vec<Readiness> = stage
        .app
        .home
        .names()
        .iter()
        .map(|name| stage.app.data.status(name).unwrap().readiness.word)
        .collect();
    let worst_first = [
        Readiness::Blocked,
        Readiness::Stale,
        Readiness::Ready,
        Readiness::NoneByPolicy,
    ];
    assert_eq!(words, worst_first);
}

#[test]
fn a_drill_asks_again_for_each_failure_and_scope_and_drops_old_answers() {
    let asked = |effects: &[Effect]| {
        effects.iter().find_map(|effect| match effect {
            Effect::Drill {
                request,
                names,
                class,
            } => Some((*request, names.join(" "), *class)),
            _ => None,
        })
    };
    let mut stage = stage();
    let (first, name, class) = asked(&stage.keys("d")).unwrap();
    assert_eq!(
        (name.as_str(), class),
        ("premium-chat", ErrorClass::Overloaded)
    );
    let (_, name, _) = asked(&stage.keys("s")).unwrap();
    assert_eq!(name, "northwind");
    let mut classes = Vec::new();
    let mut last = first;
    for _ in 0..6 {
        let (request, name, class) = asked(&stage.keys("c")).unwrap();
        assert_eq!(name, "northwind");
        classes.push(class);
        last = request;
    }
    assert_eq!(
        classes.last(),
        Some(&ErrorClass::Overloaded),
        "round the end"
    );
    for wanted in [
        ErrorClass::Timeout,
        ErrorClass::RateLimited,
        ErrorClass::Authentication,
    ] {
        assert!(classes.contains(&wanted), "{wanted}");
    }
    let answer = |stage: &Stage| Ok(Box::new(drill(stage.now)));
    let result = answer(&stage);
    stage.send(Msg::Drilled {
        request: first,
        result,
    });
    assert!(
        stage.text().contains("asking the policy"),
        "an old answer is dropped"
    );
    let result = answer(&stage);
    stage.send(Msg::Drilled {
        request: last,
        result,
    });
    assert!(
        stage.text().contains("callers would get errors"),
        "{}",
        stage.text()
    );
    stage.press(KeyCode::Esc);
    assert!(stage.app.overlays.is_empty());
    let effects = {
        stage.keys(":drill contoso");
        stage.press(KeyCode::Enter)
    };
    assert_eq!(asked(&effects).unwrap().1, "contoso");
}

#[test]
fn pausing_stops_the_view_and_not_the_data() {
    let mut stage = stage();
    stage.keys("p");
    let before = stage.app.data.log.end();
    let entries = (0..37)
        .map(|number| {
            let event = event(7000 + number, stage.now, "support-chat");
            (Seq(7000 + number), Entry::Decision(Box::new(event)))
        })
        .collect();
    stage.news(News::Entries(entries));
    assert_eq!(stage.app.data.log.end(), before + 37);
    assert!(stage.text().contains("PAUSED +37"), "{}", stage.text());
    assert!(!stage.text().contains("premium-chat 503 ->"));
    stage.keys("p");
    assert!(stage.text().contains("premium-chat 503 ->"));
}

#[test]
fn scrolling_up_drops_follow_and_the_bottom_takes_it_up_again() {
    let mut stage = stage();
    stage.keys("3");
    assert!(stage.app.events.follows());
    stage.keys("kk");
    assert!(!stage.app.events.follows());
    let selected = stage.app.events.selected();
    let newer = event(7000, stage.now, "support-chat");
    stage.news(News::Entries(vec![(
        Seq(7000),
        Entry::Decision(Box::new(newer)),
    )]));
    assert_eq!(
        stage.app.events.selected(),
        selected,
        "the cursor stays on its event"
    );
    stage.keys("G");
    assert!(stage.app.events.follows());
    assert_eq!(
        stage.app.events.selected(),
        Some(stage.app.data.log.end() - 1)
    );
    stage.keys("f");
    assert!(!stage.app.events.follows());
}

#[test]
fn events_are_filtered_by_field_and_new_ones_pass_the_same_filter() {
    let mut stage = stage();
    stage.keys("3/decision:refused");
    stage.press(KeyCode::Enter);
    let rows = |stage: &Stage| {
        stage
            .app
            .events
            .rows(&stage.app.data.log, stage.app.events_end())
            .len()
    };
    assert_eq!(rows(&stage), 2);
    let refused = Event {
        decision: EventDecision::Refused,
        reason: Reason::Held,
        ..event(7000, stage.now, "support-chat")
    };
    let served = event(7001, stage.now, "support-chat");
    stage.news(News::Entries(vec![
        (Seq(7000), Entry::Decision(Box::new(refused))),
        (Seq(7001), Entry::Decision(Box::new(served))),
    ]));
    assert_eq!(rows(&stage), 3);
}

#[test]
fn the_log_keeps_ten_thousand_events_and_counts_what_it_lets_go() {
    let mut stage = stage();
    let known = stage.app.data.log.end();
    for part in 0..25 {
        let entries = (0..500)
            .map(|number| {
                let seq = 10_000 + part * 500 + number;
                let event = event(seq, stage.now, "support-chat");
                (Seq(seq), Entry::Decision(Box::new(event)))
            })
            .collect();
        stage.news(News::Entries(entries));
    }
    assert_eq!(stage.app.data.log.len(), 10_000);
    assert_eq!(stage.app.data.log.first(), known + 12_500 - 10_000);
    stage.keys("3g");
    assert_eq!(
        stage.app.events.selected(),
        Some(stage.app.data.log.first())
    );
    assert!(
        stage.text().contains("older: `backstop events`"),
        "{}",
        stage.text()
    );
}

#[test]
fn entries_that_were_told_before_are_passed_over() {
    let mut stage = stage();
    let end = stage.app.data.log.end();
    let now = start();
    stage.news(News::Entries(crate::console_stage::entries(now)));
    assert_eq!(stage.app.data.log.end(), end);
}

// --- people, session, screens ------------------------------------------------------------------------------

#[test]
fn a_claim_is_told_to_the_others_and_shown() {
    let mut stage = stage();
    let effects = stage.keys("i");
    let claim = effects.iter().find_map(|effect| match effect {
        Effect::Present(presence) => presence.claim.clone(),
        _ => None,
    });
    assert_eq!(claim.unwrap().as_str(), "support-chat");
    assert!(stage.text().contains("you are on support-chat"));
    stage.keys("i");
    assert_eq!(stage.app.claim, None);
}

#[test]
fn presence_is_told_on_change_and_every_few_seconds() {
    let mut stage = stage();
    let told = |effects: &[Effect]| {
        effects
            .iter()
            .filter(|effect| matches!(effect, Effect::Present(_)))
            .count()
    };
    assert_eq!(told(&stage.keys("j")), 0, "nothing to tell");
    assert_eq!(
        told(&stage.press(KeyCode::Enter)),
        1,
        "a workload is looked at"
    );
    assert_eq!(told(&stage.wait(Duration::from_secs(1))), 0);
    assert_eq!(told(&stage.wait(Duration::from_secs(5))), 1);
    stage.keys("F");
    let plan = force_plan(stage.now);
    let effects = stage.planned(plan);
    let plan = effects.iter().find_map(|effect| match effect {
        Effect::Present(presence) => presence.plan.clone(),
        _ => None,
    });
    assert_eq!(plan.unwrap().0, PlanId("8f31".to_owned()));
}

#[test]
fn the_others_are_seen_in_the_plan() {
    let mut stage = planned();
    let mut jo = presence("jo", None);
    jo.plan = Some((
        PlanId("77cc".to_owned()),
        OverrideKey::mode("support-chat".into()),
    ));
    stage.news(News::Presences(vec![jo]));
    assert!(
        stage.text().contains("jo has plan #77cc open for it"),
        "{}",
        stage.text()
    );
}

#[test]
fn errors_stay_until_they_are_read() {
    let mut stage = stage();
    stage.send(Msg::Saved(Err("the disk is full".to_owned())));
    stage.wait(Duration::from_mins(10));
    stage.keys("jk");
    assert!(stage.text().contains("the disk is full"));
    stage.press(KeyCode::Esc);
    assert!(!stage.text().contains("the disk is full"));
}

#[test]
fn what_is_wrong_for_long_is_said_for_as_long() {
    let mut stage = stage();
    stage.news(News::Health(Health::Failing("disk is full".to_owned())));
    assert!(
        stage.text().contains("the store fails: disk is full"),
        "{}",
        stage.text()
    );
    stage.news(News::Health(Health::Good));
    let mut beat = heartbeat(stage.now, Revision(412));
    beat.unlogged = 3;
    stage.news(News::Heartbeats(vec![beat]));
    stage.wait(Duration::from_secs(1));
    assert!(
        stage
            .text()
            .contains("3 answers were served by a fallback WITHOUT"),
        "{}",
        stage.text()
    );
    stage.wait(Duration::from_mins(2));
    assert!(
        stage.text().contains("no gateway is alive"),
        "{}",
        stage.text()
    );
    assert!(stage.text().contains("DATA 2m OLD"), "{}", stage.text());
}

#[test]
fn q_leaves_screens_and_quits_only_at_the_top() {
    let mut stage = stage();
    stage.keys("3");
    stage.press(KeyCode::Enter);
    for _ in 0..2 {
        assert!(!stage.keys("q").contains(&Effect::Quit));
    }
    assert_eq!(stage.app.screen, Screen::Home);
    assert!(stage.keys("q").contains(&Effect::Quit));
}

#[test]
fn screens_by_digit_and_back_to_the_last_one() {
    let mut stage = stage();
    for (key, screen) in [
        ("2", Screen::Routes),
        ("3", Screen::Events),
        ("4", Screen::Reviews),
        ("5", Screen::Audit),
        ("6", Screen::Gateways),
        ("-", Screen::Audit),
        ("1", Screen::Home),
    ] {
        stage.keys(key);
        assert_eq!(stage.app.screen, screen, "{key}");
    }
}

#[test]
fn the_detail_goes_to_its_neighbours_and_back() {
    let mut stage = stage();
    stage.press(KeyCode::Enter);
    assert_eq!(stage.app.screen, Screen::Detail("support-chat".into()));
    stage.keys("]");
    assert_eq!(stage.app.screen, Screen::Detail("batch-extraction".into()));
    stage.keys("[");
    stage.press(KeyCode::Esc);
    assert_eq!(stage.app.screen, Screen::Home);
    assert_eq!(
        stage.app.home.list.selected().unwrap().as_str(),
        "support-chat"
    );
}

#[test]
fn the_action_list_names_keys_and_reasons_and_opens_the_plan() {
    let mut stage = stage();
    stage.keys("Gx");
    let text = stage.text();
    assert!(text.contains("actions for code-assistant"), "{text}");
    assert!(text.contains("refused: no fallback by policy"), "{text}");
    stage.press(KeyCode::Esc);
    stage.keys("gx");
    let effects = stage.press(KeyCode::Enter);
    assert_eq!(plans(&effects), [&force_command()]);
    assert!(matches!(stage.app.overlays.as_slice(), [Overlay::Plan(_)]));
}

#[test]
fn the_palette_speaks_the_verbs_of_the_command_line() {
    let mut stage = stage();
    stage.keys(":force sup");
    let effects = stage.press(KeyCode::Enter);
    assert_eq!(plans(&effects), [&force_command()]);
    stage.press(KeyCode::Esc);
    stage.keys(":drain stab");
    assert_eq!(plans(&stage.press(KeyCode::Enter)).len(), 1);
    stage.press(KeyCode::Esc);
    stage.keys(":undrain stab");
    assert_eq!(plans(&stage.press(KeyCode::Enter)).len(), 0);
    assert!(said(&stage).contains("in use already"), "{}", said(&stage));
    stage.keys(":notice on sup");
    assert_eq!(plans(&stage.press(KeyCode::Enter)).len(), 0);
    assert!(said(&stage).contains("is on already"), "{}", said(&stage));
    stage.keys(":notice off sup");
    assert_eq!(plans(&stage.press(KeyCode::Enter)).len(), 1);
    stage.press(KeyCode::Esc);
    stage.keys(":nonsense");
    stage.press(KeyCode::Enter);
    assert!(said(&stage).contains("is no command"));
    assert!(
        matches!(stage.app.overlays.last(), Some(Overlay::Palette(_))),
        "still open"
    );
}

#[test]
fn a_theme_is_tried_on_under_the_cursor_and_only_enter_keeps_it() {
    let mut stage = stage();
    let names = ["terminal", "mono", "nord"].map(str::to_owned).to_vec();
    stage.app.themes = Themes::new("terminal", names);
    let worn = |effects: &[Effect]| -> Vec<String> {
        let worn = effects.iter().filter_map(|effect| match effect {
            Effect::Wear(name) => Some(name.clone()),
            _ => None,
        });
        worn.collect()
    };
    assert_eq!(worn(&stage.keys(":theme ")), [""; 0]);
    assert_eq!(worn(&stage.press(KeyCode::Down)), [""; 0], "worn already");
    assert_eq!(worn(&stage.press(KeyCode::Down)), ["mono"]);
    assert_eq!(worn(&stage.press(KeyCode::Down)), ["nord"]);
    assert_eq!(worn(&stage.press(KeyCode::Esc)), ["terminal"]);
    assert_eq!(
        worn(&stage.keys(":theme no")),
        [""; 0],
        "a beginning is no theme yet"
    );
    assert_eq!(worn(&stage.press(KeyCode::Enter)), ["nord"]);
    assert!(
        said(&stage).contains("BACKSTOP_THEME=nord"),
        "{}",
        said(&stage)
    );
    assert_eq!(stage.app.themes.worn, "nord");
    stage.keys(":theme nerd");
    stage.press(KeyCode::Enter);
    assert!(
        said(&stage).contains("there is no `nerd`"),
        "{}",
        said(&stage)
    );
}

#[test]
fn routes_are_drained_by_name() {
    let mut stage = stage();
    stage.keys("2");
    let selected = stage.app.routes.list.selected().unwrap().clone();
    let effects = stage.keys("X");
    assert_eq!(
        plans(&effects),
        [&Command::Drain {
            route: selected,
            lasting: Some(Duration::from_mins(30)),
            scope: Scope::All
        }]
    );
}

#[test]
fn a_row_is_copied_and_a_view_is_saved() {
    let mut stage = stage();
    let effects = stage.keys("y");
    assert!(
        effects.iter().any(
            |effect| matches!(effect, Effect::Copy(text) if text.starts_with("support-chat x failing"))
        ),
        "{effects:?}"
    );
    let effects = stage.keys("S");
    let (text, json) = effects
        .iter()
        .find_map(|effect| match effect {
            Effect::Save { text, json, .. } => Some((text.clone(), json.clone())),
            _ => None,
        })
        .unwrap();
    assert!(text.contains("SERVING NOW"));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["workloads"][0]["workload"], "support-chat");
}

#[test]
fn suspend_and_exit_work_from_everywhere() {
    for open in ["", "F", "/", ":", "?", "x", "3"] {
        let mut stage = stage();
        stage.keys(open);
        for (key, effect) in [
            ('z', Effect::Suspend),
            ('l', Effect::Repaint),
            ('c', Effect::Quit),
        ] {
            stage.now += Duration::from_secs(1);
            let key = KeyEvent::new(KeyCode::Char(key), KeyModifiers::CONTROL);
            assert!(
                stage.send(Msg::Key(key)).contains(&effect),
                "{open} {effect:?}"
            );
        }
    }
}

// --- when something is drawn -------------------------------------------------------------------------------

#[test]
fn nothing_is_drawn_when_nothing_changed() {
    let mut stage = stage();
    stage.app.dirty = false;
    stage.send(Msg::Tick);
    assert!(!stage.app.dirty, "the same second");
    let beat = heartbeat(stage.now, Revision(412));
    stage.news(News::Heartbeats(vec![beat]));
    stage.app.dirty = false;
    stage.news(News::Health(Health::Good));
    assert!(!stage.app.dirty, "the same health");
    stage.wait(Duration::from_secs(1));
    assert!(stage.app.dirty, "the clock");
    stage.app.dirty = false;
    stage.keys("j");
    assert!(stage.app.dirty);
}

#[test]
fn the_overview_is_not_computed_for_every_event() {
    let mut stage = stage();
    stage.news(News::Heartbeats(vec![heartbeat(stage.now, Revision(412))]));
    let at = |stage: &Stage| stage.app.data.overview.as_ref().unwrap().at;
    let before = at(&stage);
    let mut wakes = 0;
    for number in 0..50 {
        let event = event(7000 + number, stage.now, "support-chat");
        let effects = stage.news(News::Entries(vec![(
            Seq(7000 + number),
            Entry::Decision(Box::new(event)),
        )]));
        wakes += effects
            .iter()
            .filter(|effect| matches!(effect, Effect::Wake(_)))
            .count();
    }
    assert!(wakes <= 1, "asked to be woken once, not {wakes} times");
    assert_eq!(at(&stage), before);
    stage.wait(Duration::from_millis(300));
    assert!(at(&stage) > before);
}

#[test]
fn the_audit_shows_who_what_why_until_and_what_undid_it() {
    let mut stage = stage();
    let record = forced_record(stage.now);
    let undo = AuditRecord {
        undoes: Some(2),
        verb: Some(backstop::model::Verb::Undo),
        ..audit(3, "mira", stage.now)
    };
    stage.news(News::Audit(vec![record, undo]));
    stage.keys("5j");
    let text = stage.text();
    assert!(text.contains("undone #3"), "{text}");
    stage.press(KeyCode::Enter);
    let text = stage.text();
    for words in [
        "mira on ops1 by console, from 10.0.0.7",
        "undone by #3",
        "plan      #8f31",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
}
