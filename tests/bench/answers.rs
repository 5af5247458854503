//! Two answers that stream beside each other for a while, drawn as often as the console draws data: bytes for each
//! second, alone and while events arrive.

use std::time::Duration;

use backstop::{
    console::{msg::Msg, state::comparing::live::Told},
    control::News,
    model::Place,
    probe::Seat,
};

use super::{Counted, asked, entries, heartbeat, now, update};

const SIZE: (u16, u16) = (120, 40);
const SECONDS: u64 = 20;
/// A frame of data each tenth of a second, as the loop draws them.
const FRAMES: u64 = 10;
/// What each side says from frame to frame: sixty words a second, as quick models do.
const WORDS: u64 = 6;

/// Tells the bytes for each second.
pub(super) fn tell() {
    for (name, events) in [("alone", 0), ("2,000 events/s arriving", 2_000)] {
        let (bytes, most) = bytes(events);
        eprintln!(
            "bytes {}x{} two streaming answers, {name}: {:.1} kB/s, most in one second {:.1} kB (goal 5)",
            SIZE.0,
            SIZE.1,
            bytes as f64 / SECONDS as f64 / 1e3,
            most as f64 / 1e3
        );
    }
}

/// All bytes, and those of the second with the most.
fn bytes(events: u64) -> (usize, usize) {
    let (mut app, request, sample) = asked(SIZE);
    let mut screen = Counted::new(SIZE);
    screen.bytes(&app);
    let start = now() + Duration::from_secs(20);
    let (mut all, mut most, mut said) = (0, 0, [0; 2]);
    for second in 0..SECONDS {
        let mut of_second = 0;
        for frame in 0..FRAMES {
            let at = start + Duration::from_millis((second * FRAMES + frame) * 1_000 / FRAMES);
            let places = [Place::Primary, Place::Fallback];
            for (place, said) in places.into_iter().zip(&mut said) {
                let seat = Seat {
                    sample: sample.clone(),
                    run: 0,
                    place,
                };
                let first = second == 0 && frame == 0;
                let told = if first { Told::Sent } else { heard(said) };
                let message = Msg::Compare {
                    request,
                    seat,
                    told,
                };
                update(&mut app, message, at);
            }
            if events > 0 {
                let each = events / FRAMES;
                let sequence = 1_000_000 + (second * FRAMES + frame) * each;
                update(&mut app, Msg::News(entries(sequence, each, at)), at);
            }
            if frame == 0 {
                let beat = heartbeat(12, at, second * 40);
                update(&mut app, Msg::News(News::Heartbeats(vec![beat])), at);
                update(&mut app, Msg::Tick, at);
            }
            of_second += screen.bytes(&app);
        }
        all += of_second;
        most = most.max(of_second);
    }
    (all, most)
}

/// The next words of an answer; a paragraph ends now and then.
fn heard(said: &mut u64) -> Told {
    const TEXT: [&str; 12] = [
        "the",
        "order",
        "left",
        "our",
        "warehouse",
        "yesterday",
        "and",
        "arrives",
        "before",
        "noon",
        "on",
        "Friday,",
    ];
    let mut text = String::new();
    for _ in 0..WORDS {
        text.push_str(TEXT[usize::try_from(*said).unwrap_or(0) % TEXT.len()]);
        text.push_str(if *said % 70 == 69 { "\n\n" } else { " " });
        *said += 1;
    }
    Told::Heard {
        head: Some((200, Duration::from_millis(210))),
        first_output: Some(Duration::from_millis(420)),
        text,
        left_out: 0,
    }
}
