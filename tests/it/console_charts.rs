//! Charts on every screen that has them: what they look like with each set of signs, that they stay inside their area,
//! and that keys lead there and back.

use backstop::{
    console::{app::Screen, effect::Effect, glyph, glyph::Glyphs, msg::Msg, theme::Theme, view},
    control::{
        Mode as Door, News,
        traffic::{History, Point, Sum, Told},
    },
    model::{AuditRecord, ErrorClass, EventCount, EventTally, Stretch, Verb},
};
use crossterm::event::KeyCode;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use ratatui::{Terminal, backend::TestBackend};

use crate::console_stage::{Stage, actor, forced_record};

const SETS: [(&str, Glyphs); 3] = [
    ("ascii", glyph::ASCII),
    ("block", glyph::UNICODE),
    ("braille", glyph::BRAILLE),
];

/// An hour of `support-chat` up to the last whole minute: nobody there, no traffic, calm, an outage that a force ended
/// nine minutes ago, and another one that begins.
fn history(now: Timestamp) -> History {
    let until = Stretch::Minute.start(Stretch::Minute.of(now));
    let points = (0..60_i64).map(|minute| {
        let errors = match minute {
            40..51 => 410,
            51 => 180,
            58.. => 300,
            _ => 3,
        };
        let told = match minute {
            0..6 => Told::Unknown,
            6..10 => Told::Idle,
            _ => Told::Carried(Sum {
                requests: 1_000,
                errors,
                fallbacks: if minute > 50 { 1_000 - errors } else { 0 },
                primary_failures: errors,
                uncaught: errors,
                first_output_p50_ms: Some(if errors > 100 { 4_200 } else { 640 }),
                first_output_p95_ms: Some(if errors > 100 { 9_800 } else { 1_900 }),
            }),
        };
        Point {
            start: until - SignedDuration::from_mins(60 - minute),
            told,
        }
    });
    History {
        workload: Some("support-chat".into()),
        since: until - SignedDuration::from_mins(60),
        stretch: Stretch::Minute,
        points: points.collect(),
        until,
        events: EventTally {
            since: until - SignedDuration::from_mins(60),
            counts: (40..52)
                .flat_map(|minute| {
                    let classes = [Some(ErrorClass::RateLimited), Some(ErrorClass::Overloaded)];
                    classes.map(|class| EventCount {
                        start: until - SignedDuration::from_mins(60 - minute),
                        class,
                        count: u64::from(class == Some(ErrorClass::Overloaded)) * 100 + 30,
                    })
                })
                .collect(),
        },
    }
}

/// A console on which the history is known, with a force nine minutes ago and jo's notice before it.
pub(crate) fn stage(width: u16, height: u16) -> Stage {
    let mut stage = Stage::incident(width, height, Door::Write);
    let ago = |minutes| stage.now - SignedDuration::from_mins(minutes);
    let notice = AuditRecord {
        verb: Some(Verb::NoticeOn),
        actor: actor("jo"),
        ..AuditRecord {
            key: "notice/support-chat".parse().unwrap(),
            ..forced_record(ago(30))
        }
    };
    let forced = AuditRecord {
        sequence: 3,
        ..forced_record(ago(9))
    };
    stage.news(News::Audit(vec![notice, forced]));
    stage
}

pub(crate) fn told(stage: &mut Stage) {
    let history = history(stage.now);
    stage.send(Msg::Traffic(Some("support-chat".into()), Ok(history)));
    stage.wait(std::time::Duration::from_secs(1));
}

fn text(stage: &Stage, glyphs: &Glyphs) -> String {
    let (width, height) = stage.app.size;
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal
        .draw(|frame| view::view(&stage.app, &Theme::default(), glyphs, frame))
        .unwrap();
    view::text_of(terminal.backend().buffer())
}

#[test]
fn the_page_of_charts_in_every_set_of_signs_and_size() {
    for (width, height) in [(80, 24), (120, 40), (160, 40), (200, 50)] {
        let mut stage = stage(width, height);
        stage.keys("b");
        told(&mut stage);
        for (set, glyphs) in SETS {
            insta::assert_snapshot!(
                format!("charts-{set}-{width}x{height}"),
                text(&stage, &glyphs)
            );
        }
    }
}

#[test]
fn home_and_events_have_charts_where_there_is_room() {
    for (width, height) in [(120, 40), (160, 40), (200, 50)] {
        let mut stage = stage(width, height);
        told(&mut stage);
        insta::assert_snapshot!(
            format!("home-charts-{width}x{height}"),
            text(&stage, &glyph::UNICODE)
        );
    }
    for (width, height) in [(80, 24), (200, 50)] {
        let mut stage = stage(width, height);
        stage.keys("3");
        stage.wait(std::time::Duration::from_secs(1));
        insta::assert_snapshot!(
            format!("events-charts-{width}x{height}"),
            text(&stage, &glyph::BRAILLE)
        );
    }
}

#[test]
fn the_key_leads_there_and_back_to_where_one_was() {
    let mut stage = stage(80, 24);
    let on = |stage: &Stage| stage.app.charts.page.is_charts();
    assert!(!on(&stage));
    stage.keys("b");
    assert!(on(&stage) && matches!(stage.app.screen, Screen::Detail(_)));
    stage.press(KeyCode::Esc);
    assert_eq!(stage.app.screen, Screen::Home);
    stage.press(KeyCode::Enter);
    assert!(!on(&stage), "the facts come first");
    stage.keys("b");
    assert!(on(&stage));
    stage.press(KeyCode::Esc);
    assert!(!on(&stage) && matches!(stage.app.screen, Screen::Detail(_)));
    stage.keys("bb");
    assert!(!on(&stage));
    stage.keys("bq");
    assert!(!on(&stage) && matches!(stage.app.screen, Screen::Detail(_)));
}

#[test]
fn the_past_is_asked_for_where_it_is_seen_and_not_for_each_key() {
    let asks = |effects: &[Effect]| {
        let asks = effects
            .iter()
            .filter(|effect| matches!(effect, Effect::Traffic(..)));
        asks.count()
    };
    let mut small = stage(80, 24);
    assert_eq!(
        asks(&small.keys("jkj")),
        0,
        "home at 80 columns has no chart"
    );
    assert_eq!(asks(&small.keys("b")), 1);
    assert_eq!(asks(&small.keys("jkjk")), 0, "it is being read");
    small.send(Msg::Traffic(
        Some("batch-extraction".into()),
        Err("the disk is full".to_owned()),
    ));
    assert_eq!(asks(&small.keys("jk")), 0);
    let text = small.text();
    assert!(
        text.contains("nothing") || text.contains("gateway"),
        "{text}"
    );
    assert_eq!(
        asks(&small.wait(std::time::Duration::from_secs(11))),
        1,
        "again after a while"
    );
}

#[test]
fn what_is_not_current_is_said_and_a_paused_view_stands() {
    let mut stage = stage(80, 24);
    stage.keys("b");
    told(&mut stage);
    let before = text(&stage, &glyph::ASCII);
    assert!(before.contains("41% now"), "{before}");
    assert!(before.contains("errors 41 % -> <1 % within"), "{before}");
    stage.keys("p");
    let paused = stage.app.charts.picture.clone();
    stage.wait(std::time::Duration::from_secs(70));
    assert_eq!(stage.app.charts.picture, paused);
    stage.keys("p");
    stage.wait(std::time::Duration::from_secs(70));
    let after = text(&stage, &glyph::ASCII);
    assert!(after.contains("not told now"), "{after}");
}

#[test]
fn an_age_instead_of_a_time_where_ages_are_wanted() {
    let mut stage = stage(80, 24);
    stage.keys("bt");
    told(&mut stage);
    let text = text(&stage, &glyph::ASCII);
    assert!(text.contains("60m ago"), "{text}");
    assert!(text.contains("by you 9m ago"), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]
    #[test]
    fn charts_fit_into_any_terminal(width in 1_u16..300, height in 1_u16..100, set in 0_usize..3, keys in "[b3tp1]{0,4}") {
        let mut stage = stage(width, height);
        told(&mut stage);
        stage.keys(&keys);
        told(&mut stage);
        let text = text(&stage, &SETS[set].1);
        prop_assert_eq!(text.lines().count(), usize::from(height));
    }
}
