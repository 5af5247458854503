//! Eight hours of a busy console on a simulated clock, through the real update, view and canvas.
//! `cargo bench --bench console -- soak`

use std::time::Duration;

use backstop::{
    console::{app::App, msg::Msg},
    control::News,
    model::Presence,
};
use crossterm::event::KeyCode;
use jiff::Timestamp;

use super::{Counted, actor, app, entries, heartbeat, key, now, update};

const HOURS: u64 = 8;
const WORKLOADS: usize = 200;
/// Events in each second, and the size of the screen.
const EVENTS: u64 = 5;
const SIZE: (u16, u16) = (120, 40);
/// Memory that may come on top of what the first hour has filled: what is kept of events is bounded, and it is
/// full by then.
const SLACK: u64 = 2 << 20;

/// Tells how memory and bytes went by the hour; fails when memory grows after the first.
pub(super) fn soak() {
    let mut app = app(WORKLOADS, 2_000, SIZE);
    let mut screen = Counted::new(SIZE);
    let mut at = now();
    let mut sequence = 10_000;
    let mut filled = None;
    for hour in 1..=HOURS {
        let mut bytes = 0;
        for second in 0..3_600 {
            at += Duration::from_secs(1);
            beat(&mut app, at, sequence);
            sequence += EVENTS;
            wander(&mut app, at, second);
            bytes += screen.bytes(&app);
        }
        let memory = resident();
        eprintln!(
            "soak, hour {hour}: {:.1} MiB, {} bytes/s, {} events since the start",
            memory as f64 / f64::from(1 << 20),
            bytes / 3_600,
            sequence - 10_000
        );
        let first = *filled.get_or_insert(memory);
        assert!(memory <= first + SLACK, "memory grows: {first} {memory}");
    }
}

/// One second of a busy store.
fn beat(app: &mut App, at: Timestamp, sequence: u64) {
    let presence = Presence {
        session: format!("s-{}", sequence % 7),
        actor: actor(),
        since: at,
        at,
        viewing: None,
        plan: None,
        plan_since: None,
        plan_taken: None,
        claim: None,
        process: None,
    };
    for news in [
        News::Heartbeats(vec![heartbeat(WORKLOADS, at, sequence)]),
        entries(sequence, EVENTS, at),
        News::Presences(vec![presence]),
    ] {
        update(app, Msg::News(news), at);
    }
    update(app, Msg::Tick, at);
}

/// What an operator does meanwhile: moves, looks at every screen, filters, opens and closes.
fn wander(app: &mut App, at: Timestamp, second: u64) {
    const WAY: &[u8] = b"jjk2jjk3kjG4j5k1/07\r\x1b\r\x1b?\x1bppww";
    let pressed = WAY[usize::try_from(second).unwrap_or(0) % WAY.len()];
    let code = match pressed {
        b'\r' => KeyCode::Enter,
        b'\x1b' => KeyCode::Esc,
        letter => KeyCode::Char(char::from(letter)),
    };
    key(app, code, at + Duration::from_millis(300));
}

/// The memory of this process.
fn resident() -> u64 {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap_or_default();
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kilobytes = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}
