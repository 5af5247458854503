//! Lists: marks and ranges, filters and what is said of them, orders, what was said, and records that undo records.

use std::time::Duration;

use backstop::{
    console::{
        app::{Overlay, Screen},
        effect::Effect,
        state::commands::OF_A_SHELL,
    },
    control::{Mode as Door, News},
    model::{AuditRecord, Command, Verb},
};
use crossterm::event::KeyCode;

use crate::console_stage::{Stage, audit, event};

fn stage() -> Stage {
    Stage::incident(80, 24, Door::Write)
}

/// A stage on the audit screen with records of jo, mira, and jo again; the third undid the second.
fn audited() -> Stage {
    let mut stage = stage();
    let record = |sequence, who: &str, undoes| AuditRecord {
        undoes,
        verb: Some(if undoes.is_some() {
            Verb::Undo
        } else {
            Verb::Force
        }),
        ..audit(sequence, who, stage.now)
    };
    let records = vec![record(2, "mira", None), record(3, "jo", Some(2))];
    stage.news(News::Audit(records));
    stage.keys("5");
    stage
}

fn marked(stage: &Stage) -> (usize, usize) {
    stage.app.marked()
}

fn title(stage: &Stage) -> String {
    stage.text().lines().nth(1).unwrap_or_default().to_owned()
}

fn said(stage: &Stage) -> String {
    let shown = stage.app.messages.shown();
    shown
        .map(|message| message.text.clone())
        .unwrap_or_default()
}

#[test]
fn rows_are_marked_one_by_one_and_as_a_range_on_every_list() {
    for (screen, rows) in [("1", 4), ("2", 6), ("3", 4), ("4", 3), ("5", 1), ("6", 1)] {
        let mut stage = stage();
        stage.keys(screen);
        stage.keys("g ");
        assert_eq!(marked(&stage), (1, 0), "screen {screen}");
        assert!(title(&stage).contains("1 marked"), "{}", title(&stage));
        stage.press(KeyCode::Esc);
        assert_eq!(
            marked(&stage),
            (0, 0),
            "screen {screen}: esc takes them away"
        );
        stage.keys("gvG");
        let all = marked(&stage).0;
        assert!(all >= rows, "screen {screen}: {all}");
        assert!(title(&stage).contains("(range)"), "{}", title(&stage));
        stage.keys("v");
        assert_eq!(marked(&stage).0, all, "screen {screen}: they stay marked");
        assert!(!title(&stage).contains("(range)"));
        assert!(stage.text().contains('*'), "screen {screen}");
    }
}

#[test]
fn a_mark_stays_on_its_row_and_a_filter_tells_what_it_hides() {
    let mut stage = stage();
    stage.keys("  ");
    assert_eq!(marked(&stage), (2, 0));
    let names = stage.app.marked_workloads();
    stage.keys("oo");
    let mut sorted = stage.app.marked_workloads();
    sorted.sort();
    let mut before = names.clone();
    before.sort();
    assert_eq!(sorted, before, "in whatever order");
    stage.keys("/");
    stage.keys(names[0].as_str());
    stage.press(KeyCode::Enter);
    assert_eq!(marked(&stage), (1, 1));
    assert!(
        title(&stage).contains("1 marked +1 hidden"),
        "{}",
        title(&stage)
    );
    stage.press(KeyCode::Esc);
    assert_eq!(marked(&stage), (0, 0), "marks go before the filter");
    assert_eq!(stage.app.filtered(), names[0].as_str());
}

#[test]
fn marking_an_event_ends_following_it() {
    let mut stage = stage();
    stage.keys("3 ");
    assert!(!stage.app.events.follows());
    assert_eq!(marked(&stage), (1, 0));
}

#[test]
fn what_is_wrong_with_a_filter_is_told_while_it_is_typed() {
    for (screen, typed, told) in [
        ("1", "wokload:x", "no field `wokload` here"),
        ("1", "st:fial", "no state is `fial`"),
        ("3", "class:tiemout", "no class is `tiemout`"),
        ("3", "since:soon", "`soon` is no time"),
        ("2", "circuit:ajar", "no circuit is `ajar`"),
        ("5", "since:15", "`15` is no time"),
    ] {
        let mut stage = stage();
        stage.keys(screen);
        stage.keys("/");
        stage.keys(typed);
        let text = stage.text();
        assert!(text.contains(told), "{typed}: {text}");
        assert!(text.contains("fields: "), "{typed}");
    }
}

#[test]
fn since_keeps_what_is_not_older_and_the_chip_tells_from_when() {
    let mut stage = stage();
    stage.wait(Duration::from_mins(20));
    let fresh = event(900, stage.now, "support-chat");
    stage.news(News::Entries(vec![(
        backstop::model::Seq(9_000),
        backstop::model::Entry::Decision(Box::new(fresh)),
    )]));
    stage.keys("3/since:15m");
    stage.press(KeyCode::Enter);
    let rows = stage.app.events.rows(&stage.app.data.log, u64::MAX);
    assert_eq!(rows.len(), 1);
    assert!(
        title(&stage).contains("/since:15m (from 14:37Z)"),
        "{}",
        title(&stage)
    );
}

#[test]
fn tab_completes_fields_and_what_they_can_be() {
    let mut stage = stage();
    stage.keys("/sta");
    stage.press(KeyCode::Tab);
    stage.keys("fai");
    stage.press(KeyCode::Tab);
    assert_eq!(stage.app.filtered(), "state:failing");
    assert_eq!(stage.app.home.rows().len(), 1);
}

#[test]
fn lists_have_orders_and_tell_which() {
    let mut stage = audited();
    assert!(title(&stage).contains("sort:time"), "{}", title(&stage));
    stage.keys("oO");
    assert!(
        title(&stage).contains("sort:who reversed"),
        "{}",
        title(&stage)
    );
    stage.keys("4o");
    assert!(title(&stage).contains("sort:name"), "{}", title(&stage));
    let mut names = stage.app.reviews.table.keys.clone();
    names.sort();
    assert_eq!(stage.app.reviews.table.keys, names);
    stage.keys("3o");
    assert!(said(&stage).contains("the order of time"));
}

#[test]
fn everything_that_was_said_can_be_read_again() {
    let mut stage = stage();
    stage.news(News::Refused(Some("backstop.toml:3:1: no".to_owned())));
    stage.keys("3o");
    assert!(stage.app.messages.is_error());
    stage.keys("L");
    let text = stage.text();
    assert!(text.contains("workloads > messages") || text.contains("events > messages"));
    assert!(text.contains("backstop.toml:3:1: no"), "{text}");
    assert!(text.contains("the order of time"), "{text}");
    assert!(!stage.app.messages.is_error(), "what is on screen is read");
    stage.press(KeyCode::Esc);
    assert!(stage.app.overlays.is_empty());
}

#[test]
fn a_record_leads_to_the_one_that_undid_it_and_back() {
    let mut stage = audited();
    stage.keys("/who:mira");
    stage.press(KeyCode::Enter);
    stage.press(KeyCode::Enter);
    assert!(stage.text().contains("audit > #2"), "{}", stage.text());
    assert!(stage.text().contains("undone by #3"));
    stage.press(KeyCode::Enter);
    assert!(stage.text().contains("audit > #3"), "{}", stage.text());
    stage.press(KeyCode::Enter);
    assert!(stage.text().contains("audit > #2"));
}

#[test]
fn a_record_is_undone_by_a_plan_or_says_why_not() {
    let mut stage = audited();
    stage.keys("GU");
    let wanted = said(&stage);
    assert!(
        wanted.contains("#3 has changed") || wanted.contains("#1"),
        "{wanted}"
    );
    stage.keys("gU");
    let form = stage.app.form().expect("a plan");
    assert_eq!(form.command, Command::Undo { sequence: Some(3) });
    stage.press(KeyCode::Esc);
    stage.press(KeyCode::Enter);
    let effects = stage.keys("U");
    let asked = effects.iter().any(|effect| {
        matches!(
            effect,
            Effect::Plan {
                command: Command::Undo { sequence: Some(3) },
                ..
            }
        )
    });
    assert!(asked, "{effects:?}");
}

#[test]
fn brackets_turn_events_and_records_over() {
    let mut stage = audited();
    stage.press(KeyCode::Enter);
    stage.keys("]");
    assert!(matches!(stage.app.overlays[..], [Overlay::Record(2, 0)]));
    stage.keys("[");
    assert!(matches!(stage.app.overlays[..], [Overlay::Record(3, 0)]));
    stage.press(KeyCode::Esc);
    stage.keys("3k");
    stage.press(KeyCode::Enter);
    let [Overlay::Event(number, _)] = stage.app.overlays[..] else {
        panic!("an event is open");
    };
    stage.keys("]");
    assert!(matches!(stage.app.overlays[..], [Overlay::Event(other, 0)] if other == number + 1));
    assert_eq!(stage.app.screen, Screen::Events);
}

#[test]
fn help_and_actions_are_filtered_and_an_action_is_run_from_its_list() {
    let mut stage = stage();
    stage.keys("?/undo");
    let text = stage.text();
    assert!(text.contains("plan: undo my last change"), "{text}");
    assert!(!text.contains("plan: hold the primary"), "{text}");
    stage.press(KeyCode::Enter);
    stage.press(KeyCode::Esc);
    stage.keys("x/drill");
    let text = stage.text();
    assert!(text.contains("imagine its route down"), "{text}");
    assert!(!text.contains("all traffic to"), "{text}");
    stage.press(KeyCode::Enter);
    stage.press(KeyCode::Enter);
    assert!(matches!(stage.app.overlays[..], [Overlay::Drill(_)]));
}

#[test]
fn the_palette_shows_keys_and_what_is_refused() {
    let mut stage = stage();
    stage.keys(":force ");
    let text = stage.text();
    let row = |text: &str, name: &str| {
        let found = text.lines().find(|line| line.contains(name));
        found.unwrap_or_default().to_owned()
    };
    let allowed = row(&text, "force support-chat");
    assert!(allowed.contains(" F "), "{text}");
    assert!(allowed.contains("all traffic to stable-baseline"), "{text}");
    let refused = row(&text, "force code-assistant");
    assert!(refused.contains("refused: no fallback by policy"), "{text}");
    stage.press(KeyCode::Esc);
    stage.keys(":fo su");
    assert!(
        stage.text().contains("force support-chat"),
        "{}",
        stage.text()
    );
    stage.press(KeyCode::Tab);
    stage.press(KeyCode::Enter);
    assert!(stage.app.form().is_some());
    stage.press(KeyCode::Esc);
    stage.keys(":");
    stage.press(KeyCode::Up);
    assert!(
        stage.text().contains(":force support-chat"),
        "what was said before"
    );
    stage.press(KeyCode::Esc);
    stage.keys(":messages");
    stage.press(KeyCode::Enter);
    assert!(matches!(stage.app.overlays[..], [Overlay::Messages(0)]));
}

#[test]
fn what_is_said_to_be_a_command_for_a_shell_is_one() {
    let reference = backstop::cli::reference();
    let names: Vec<&str> = reference
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split([' ', '`']).next())
        .collect();
    for name in OF_A_SHELL {
        assert!(names.contains(&name), "{name}: {names:?}");
        let mut stage = stage();
        stage.keys(":");
        stage.keys(name);
        stage.press(KeyCode::Enter);
        let said = said(&stage);
        assert!(said.contains(&format!("backstop {name}")), "{name}: {said}");
    }
}

#[test]
fn brackets_go_from_message_to_message() {
    let mut stage = Stage::incident(60, 16, Door::Observe);
    // Keys that mean nothing, each of which is said.
    stage.keys("BCEIJKRVYZBCEIJKRVYZL");
    let at = |stage: &Stage| match stage.app.overlays.last() {
        Some(Overlay::Messages(scroll)) => *scroll,
        other => panic!("{other:?}"),
    };
    let mut places = vec![at(&stage)];
    for key in ["]", "]", "[", "[", "["] {
        stage.keys(key);
        places.push(at(&stage));
    }
    let [first, second, third, ..] = places[..] else {
        panic!("{places:?}");
    };
    assert!(first < second && second < third, "{places:?}");
    assert_eq!(places[3..], [second, first, first]);
}

#[test]
fn times_are_told_in_the_zone_of_the_operator_where_it_is_another() {
    let mut stage = stage();
    let styles = |stage: &mut Stage| {
        [(); 4].map(|()| {
            stage.keys("t");
            let text = stage.text();
            let first = text.lines().next().unwrap_or_default().trim_end();
            first.rsplit(' ').next().unwrap_or_default().to_owned()
        })
    };
    let utc = styles(&mut stage);
    assert!(utc.iter().all(|clock| clock.ends_with('Z')), "{utc:?}");
    stage.app.zone = Some(jiff::tz::TimeZone::fixed(jiff::tz::offset(2)));
    let [ages, local, again, _] = styles(&mut stage);
    assert!(ages.starts_with("14:32") && ages.ends_with('Z'), "{ages}");
    assert!(
        local.starts_with("16:32") && local.ends_with("+02:00"),
        "{local}"
    );
    assert!(
        again.starts_with("14:32") && again.ends_with('Z'),
        "{again}"
    );
    stage.keys("t3");
    let text = stage.text();
    assert!(text.contains(" 16:3"), "{text}");
}

#[test]
fn routes_show_other_columns_when_that_is_asked_for() {
    for (width, height, (more, fewer)) in [
        (60, 20, (true, false)),
        (80, 24, (true, false)),
        (120, 40, (false, true)),
    ] {
        let mut stage = Stage::incident(width, height, Door::Write);
        stage.keys("2");
        let model = |stage: &Stage| stage.text().contains("MODEL");
        assert_eq!(model(&stage), fewer, "{width}");
        stage.keys("W");
        assert_eq!(model(&stage), more, "{width}\n{}", stage.text());
    }
}
