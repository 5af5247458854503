//! Whatever is in a file: no panic, every place lies in the text, and no credential is shown.

use std::{fs, path::Path};

use backstop::config::{self, Keys, Severity};
use proptest::prelude::*;

const EXAMPLE: &str = include_str!("fixtures/backstop.toml");

/// Keys in the wrong place, closed and not.
const PASTED: [&str; 3] = [
    "key = \"sk-pasted\"",
    "key = 'sk-pasted",
    "token=\"\"\"sk-pasted",
];

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

fn check(path: &Path, bytes: &[u8]) -> Result<(), TestCaseError> {
    fs::write(path, bytes).unwrap();
    let variables = |name: &str| name.ends_with("KEY").then(|| "secret-value".to_owned());
    let loaded = config::load_with(path, &variables, Keys::Needed);
    let report = &loaded.report;
    prop_assert_eq!(
        loaded.catalog.is_some(),
        report.worst() != Some(Severity::Error)
    );
    let mut last = 0;
    for diagnostic in &report.diagnostics {
        let span = diagnostic.span.clone();
        prop_assert!(report.source.get(span.clone()).is_some(), "{diagnostic:?}");
        prop_assert!(span.start >= last, "not in the order of the file");
        last = span.start;
        let lines = report.source.split('\n').count();
        prop_assert!((1..=lines).contains(&diagnostic.line), "{diagnostic:?}");
        let line = report.source.split('\n').nth(diagnostic.line - 1).unwrap();
        prop_assert!((1..=line.chars().count() + 1).contains(&diagnostic.column));
    }
    // An edit may have cut the name off a pasted key, and then nothing tells what it is.
    let text = String::from_utf8_lossy(bytes);
    let whole: usize = PASTED.iter().map(|piece| text.matches(piece).count()).sum();
    let recognisable = whole == text.matches("sk-pasted").count();
    for colour in [false, true] {
        let shown = report.render(colour);
        prop_assert!(!(recognisable && shown.contains("sk-pasted")), "{shown}");
        let obeyed = |c: char| c.is_control() && c != '\n' && !(colour && c == '\u{1b}');
        prop_assert!(!shown.contains(obeyed), "{shown:?}");
        prop_assert!(!shown.contains(['\u{202e}', '\u{feff}']), "{shown:?}");
    }
    let debug = format!("{loaded:?}");
    prop_assert!(!debug.contains("secret-value"));
    Ok(())
}

proptest! {
    #[test]
    fn any_text_gives_a_report_that_points_into_it(text in file()) {
        let directory = tempfile::tempdir().unwrap();
        check(&directory.path().join("backstop.toml"), text.as_bytes())?;
    }

    #[test]
    fn any_bytes_give_a_report(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let directory = tempfile::tempdir().unwrap();
        check(&directory.path().join("backstop.toml"), &bytes)?;
    }
}
