//! Comparing holds for any two texts: nothing is lost, nothing is said twice, and swapping swaps.

use backstop::{
    model::{Answer, PayloadClass},
    review::{Comparison, Grain, Mark, Section, Side, Span, compare, words},
};
use proptest::prelude::*;

use crate::support::review::{answer, calls};

/// Texts of any characters, and of pieces that mean something to one of the views.
fn text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "\n",
        "\n\n",
        "\r\n",
        " ",
        "  ",
        "\t",
        "# ",
        "- ",
        "1. ",
        "> ",
        "| a | b |",
        "---",
        "```",
        "```rs\n",
        "~~~",
        "word",
        "Word",
        "other",
        "The refund is on its way.",
        "It takes five days!",
        "e\u{301}",
        "\u{202e}",
        "\u{0}",
        "\u{1f468}\u{200d}\u{1f469}",
        "\u{4f60}\u{597d}",
        "{",
        "}",
        "[",
        "]",
        "\"",
        ":",
        ",",
        "1",
        "1.0",
        "null",
        "\\",
        "\"a\":1",
        "{\"a\":[1,2]}",
    ]);
    prop_oneof![
        3 => prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat()),
        1 => any::<String>(),
    ]
}

fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        prop::sample::select(vec!["0", "1", "1.0", "-2.5e3", "10"]).prop_map(str::to_owned),
        prop::sample::select(vec![
            "\"\"",
            "\"a\"",
            "\"A\"",
            "\"a b c\"",
            "\"\\u00e9\"",
            "\"~/\""
        ])
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        let key = prop::sample::select(vec!["id", "name", "total", "a/b", "~", ""]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5)
                .prop_map(|all| format!("[{}]", all.join(", "))),
            prop::collection::vec((key, inner), 0..5).prop_map(|all| {
                let all: Vec<String> = all
                    .into_iter()
                    .map(|(key, value)| format!("\"{key}\": {value}"))
                    .collect();
                format!("{{{}}}", all.join(","))
            }),
        ]
    })
}

fn one() -> impl Strategy<Value = Answer> {
    let name = prop::sample::select(vec!["search", "refund"]);
    let tools = prop::collection::vec((name, json()), 0..5);
    (
        prop_oneof![text(), json()],
        tools,
        prop::collection::vec(0_usize..3, 0..4),
    )
        .prop_map(|(text, tools, vectors)| {
            let tools: Vec<(&str, &str)> = tools
                .iter()
                .map(|(name, json)| (*name, json.as_str()))
                .collect();
            Answer {
                text,
                vectors,
                ..calls(&tools)
            }
        })
}

fn class() -> impl Strategy<Value = PayloadClass> {
    prop::sample::select(PayloadClass::ALL.to_vec())
}

/// What a row says, in the words of its sides.
fn told(comparison: &Comparison, a: &Answer, b: &Answer) -> Vec<(Mark, String, String)> {
    let mut told: Vec<_> = (0..comparison.len())
        .map(|row| {
            let text = |side, answer| {
                comparison
                    .text(row, side, answer)
                    .map(|text| format!("{text:?}"))
            };
            (
                comparison.mark(row).unwrap(),
                text(Side::A, a).unwrap_or_default(),
                text(Side::B, b).unwrap_or_default(),
            )
        })
        .collect();
    told.sort_by_key(|row| format!("{row:?}"));
    told
}

/// The ranges of one side, where rows keep the order of the text.
fn ranges(comparison: &Comparison, side: Side) -> Vec<Vec<std::ops::Range<usize>>> {
    comparison
        .sections
        .iter()
        .filter_map(|section| match section {
            Section::Prose(rows) => Some(
                rows.iter()
                    .filter_map(|row| match side {
                        Side::A => row.a.clone(),
                        Side::B => row.b.clone(),
                    })
                    .map(|block| block.range)
                    .collect(),
            ),
            Section::Code(code) => Some(
                code.lines
                    .iter()
                    .filter_map(|row| match side {
                        Side::A => row.a.clone(),
                        Side::B => row.b.clone(),
                    })
                    .map(|line| line.range)
                    .collect(),
            ),
            _ => None,
        })
        .collect()
}

fn on_boundaries(text: &str, spans: &[Span]) -> bool {
    spans
        .iter()
        .all(|span| !span.range.is_empty() && text.get(span.range.clone()).is_some())
        && spans
            .windows(2)
            .all(|two| two[0].range.end <= two[1].range.start)
}

proptest! {
    #[test]
    fn nothing_of_a_side_is_lost_or_told_twice(class in class(), a in one(), b in one()) {
        let comparison = compare(class, &a, &b);
        prop_assert!(!comparison.coarse);
        for (side, answer) in [(Side::A, &a), (Side::B, &b)] {
            for ranges in ranges(&comparison, side) {
                prop_assert!(ranges.windows(2).all(|two| two[0].end <= two[1].start), "{ranges:?}");
            }
            // Every character but white space and fences is in some row of the text.
            let rows: String = (0..comparison.len())
                .filter(|row| !matches!(comparison.section(*row), Some((Section::Calls(_), _))))
                .filter_map(|row| comparison.text(row, side, answer))
                .collect();
            let fields = comparison.sections.iter().any(|section| matches!(section, Section::Fields(_)));
            let code = class == PayloadClass::Code && (answer.text.contains("```") || answer.text.contains("~~~"));
            if !fields && !code {
                let bare = |text: &str| text.chars().filter(|one| !one.is_whitespace()).collect::<String>();
                prop_assert_eq!(bare(&rows), bare(&answer.text));
            }
        }
    }

    #[test]
    fn swapping_the_sides_mirrors_the_marks(class in class(), a in one(), b in one()) {
        let there = compare(class, &a, &b);
        let back = compare(class, &b, &a);
        let mut mirrored: Vec<_> = told(&back, &b, &a)
            .into_iter()
            .map(|(mark, one, other)| (mark.mirrored(), other, one))
            .collect();
        mirrored.sort_by_key(|row| format!("{row:?}"));
        prop_assert_eq!(told(&there, &a, &b), mirrored);
    }

    #[test]
    fn the_same_is_the_same(class in class(), a in one()) {
        let comparison = compare(class, &a, &a);
        prop_assert_eq!(comparison.differences(), Vec::<usize>::new());
        prop_assert!((0..comparison.len()).all(|row| comparison.mark(row) == Some(Mark::Same)));
    }

    #[test]
    fn marks_stand_on_characters_and_mirror(a in text(), b in text()) {
        for grain in [Grain::Line, Grain::Sentences] {
            let found = words(&a, &b, grain);
            prop_assert!(on_boundaries(&a, &found.a), "{:?}", found.a);
            prop_assert!(on_boundaries(&b, &found.b), "{:?}", found.b);
            let back = words(&b, &a, grain);
            prop_assert_eq!((&back.a, &back.b), (&found.b, &found.a));
        }
        let (one, other) = (answer(&a), answer(&b));
        let comparison = compare(PayloadClass::Chat, &one, &other);
        for row in 0..comparison.len() {
            let found = comparison.words(row, &one, &other);
            if let Some(text) = comparison.text(row, Side::A, &one) {
                prop_assert!(on_boundaries(text, &found.a));
            }
        }
    }

    #[test]
    fn what_is_left_without_the_marks_is_the_same(a in text(), b in text()) {
        let found = words(&a, &b, Grain::Line);
        let kept = |text: &str, spans: &[Span]| {
            let mut kept = text.to_owned();
            for span in spans.iter().rev() {
                kept.replace_range(span.range.clone(), "");
            }
            kept.split_whitespace().collect::<Vec<_>>().concat()
        };
        prop_assert_eq!(kept(&a, &found.a), kept(&b, &found.b));
    }
}

/// Sizes at which work is bounded: the result is coarser and says so, and still holds.
#[test]
fn what_is_too_large_is_compared_more_coarsely_and_whole() {
    let lines = |seed: usize| -> String {
        (0..60_000_usize)
            .map(|line| {
                if line * line % (seed + 7) < 3 {
                    "a\n"
                } else {
                    "b\n"
                }
            })
            .collect()
    };
    let nested = |inner: &str| format!("{}{inner}{}", "[".repeat(20_000), "]".repeat(20_000));
    let numbers = |by: usize| -> String {
        let all: Vec<String> = (0..30_000_usize)
            .map(|number| (number % by).to_string())
            .collect();
        format!("[{}]", all.join(","))
    };
    for (case, class, a, b) in [
        ("code", PayloadClass::Code, lines(1), lines(4)),
        ("brackets", PayloadClass::Json, nested("1"), nested("2")),
        ("numbers", PayloadClass::Json, numbers(7), numbers(5)),
        (
            "a line",
            PayloadClass::Chat,
            "alpha beta ".repeat(60_000),
            "beta alpha ".repeat(60_000),
        ),
    ] {
        let (one, other) = (answer(&a), answer(&b));
        let comparison = compare(class, &one, &other);
        let marked = words(&a, &b, Grain::Line);
        assert!(comparison.coarse || marked.coarse, "{case}");
        assert!(
            on_boundaries(&a, &marked.a) && on_boundaries(&b, &marked.b),
            "{case}"
        );
        assert!(!comparison.differences().is_empty(), "{case}");
        let back = compare(class, &other, &one);
        assert_eq!(
            back.differences().len(),
            comparison.differences().len(),
            "{case}"
        );
        if class == PayloadClass::Code {
            for (side, answer) in [(Side::A, &one), (Side::B, &other)] {
                let rows: Vec<&str> = (0..comparison.len())
                    .filter_map(|row| comparison.text(row, side, answer))
                    .collect();
                assert_eq!(rows.join("\n"), answer.text.trim_end(), "{case}");
            }
        }
    }
}
