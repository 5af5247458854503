use proptest::prelude::*;

use super::{Bar, plot};
use crate::console::{
    glyph::{ASCII, BRAILLE, UNICODE},
    state::chart::Axis,
    theme::Role,
};

const fn value(value: f64) -> Bar {
    Bar::Value(value, Role::Text)
}

fn drawn(bars: &[Bar], rows: usize, glyphs: &crate::console::glyph::Glyphs) -> Vec<String> {
    let axis = Axis::new(bars.len(), bars.len(), glyphs.chart.fill.bars());
    // Dots have room for two bars in a cell: each is drawn twice.
    let bars: Vec<Bar> = (0..axis.bars())
        .map(|bar| bars[axis.slots(bar).start])
        .collect();
    plot(&bars, axis, rows, 1.0, glyphs)
        .iter()
        .map(super::Line::text)
        .collect()
}

#[test]
fn nothing_told_no_traffic_none_and_little_look_different_in_every_set() {
    let bars = [
        Bar::Unknown,
        Bar::Idle,
        value(0.0),
        value(0.001),
        value(0.5),
        value(1.0),
    ];
    for (name, glyphs, expected) in [
        ("ascii", ASCII, ["     #", "? _.##"]),
        (
            "block",
            UNICODE,
            ["     \u{2588}", "? \u{b7}\u{2581}\u{2588}\u{2588}"],
        ),
        (
            "braille",
            BRAILLE,
            ["     \u{28ff}", "? \u{b7}\u{28c0}\u{28ff}\u{28ff}"],
        ),
    ] {
        assert_eq!(drawn(&bars, 2, &glyphs), expected, "{name}");
    }
}

#[test]
fn the_slower_of_two_values_stands_above_the_other() {
    let bars = [Bar::Pair(0.5, 1.0), Bar::Pair(0.5, 0.5)];
    assert_eq!(drawn(&bars, 2, &ASCII), [": ", "##"]);
    assert_eq!(drawn(&bars, 2, &UNICODE), ["\u{2591} ", "\u{2588}\u{2588}"]);
    assert_eq!(drawn(&bars, 2, &BRAILLE), ["\u{2809} ", "\u{28ff}\u{28ff}"]);
}

#[test]
fn one_row_of_ascii_has_seven_steps() {
    let bars: Vec<Bar> = (0..=7).map(|step| value(f64::from(step) / 7.0)).collect();
    assert_eq!(drawn(&bars, 1, &ASCII), ["_.:-=+*#"]);
}

fn bar() -> impl Strategy<Value = Bar> {
    prop_oneof![
        Just(Bar::Unknown),
        Just(Bar::Idle),
        (0.0_f64..2.0).prop_map(value),
        (0.0_f64..1.0, 0.0_f64..3.0).prop_map(|(low, more)| Bar::Pair(low, low + more)),
    ]
}

proptest! {
    #[test]
    fn a_plot_is_as_wide_as_its_axis_and_as_high_as_was_asked(
        bars in prop::collection::vec(bar(), 0..300), cells in 0_usize..300, rows in 0_usize..12,
        set in 0_usize..3,
    ) {
        let glyphs = [ASCII, UNICODE, BRAILLE][set];
        let axis = Axis::new(61, cells, glyphs.chart.fill.bars());
        let lines = plot(&bars, axis, rows, 1.0, &glyphs);
        prop_assert_eq!(lines.len(), rows);
        for line in lines {
            prop_assert_eq!(line.width(), axis.cells());
            prop_assert!(axis.cells() <= cells);
        }
    }

    #[test]
    fn a_higher_value_is_never_drawn_lower(low in 0.0_f64..1.0, more in 0.0_f64..1.0, set in 0_usize..3) {
        let glyphs = [ASCII, UNICODE, BRAILLE][set];
        let filled = |of: f64| -> usize {
            let rows = drawn(&[value(of)], 4, &glyphs);
            rows.iter().filter(|row| row.trim() != "").count()
        };
        prop_assert!(filled(low) <= filled((low + more).min(1.0)));
    }
}
