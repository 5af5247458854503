//! Whatever is in a file: no panic, every place lies in the text, and no credential is shown. The rules are
//! those of the fuzz target.

use proptest::prelude::*;

use crate::fuzz_cases::config::{PASTED, check};

const EXAMPLE: &str = include_str!("fixtures/backstop.toml");

/// Pieces that bring a file close to something meaningful.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-z_.]{1,12} = (\"[a-z/:.]{0,12}\"|[0-9-]{1,9}|true|\\[\\]|\\{\\}|nan|1979-05-27)\n",
        "\\[{1,2}(routes|workloads|providers|gateway|store|schema)(\\.[a-z]{1,4})?\\]{1,2}\n",
        prop::sample::select(EXAMPLE.lines().collect::<Vec<_>>())
            .prop_map(|line| format!("{line}\n")),
        prop::sample::select(vec![
            "\"", "'''", "\"\"\"", "{", "}", "[", "]", "=", "\r\n", "\u{feff}", "\u{202e}", "\0",
            "\\u00e9", PASTED[0], PASTED[1], PASTED[2],
        ])
        .prop_map(str::to_owned),
    ]
}

/// A file made of pieces, or the example with some cut out and others put in.
fn file() -> impl Strategy<Value = String> {
    let edit = (any::<prop::sample::Index>(), 0_usize..40, piece());
    prop_oneof![
        prop::collection::vec(piece(), 0..20).prop_map(|pieces| pieces.concat()),
        prop::collection::vec(edit, 1..6).prop_map(|edits| {
            let mut text = EXAMPLE.to_owned();
            for (place, length, new) in edits {
                let start = text.floor_char_boundary(place.index(text.len() + 1));
                let end = text.ceil_char_boundary(start + length).min(text.len());
                text.replace_range(start..end, &new);
            }
            text
        }),
    ]
}

proptest! {
    #[test]
    fn any_text_gives_a_report_that_points_into_it(text in file()) {
        check(text.as_bytes());
    }

    #[test]
    fn any_bytes_give_a_report(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check(&bytes);
    }
}
