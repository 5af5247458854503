//! Configuration files: every finding points into the text, no credential is shown, and a file means the same
//! however it is written.

use std::{fs, path::Path};

use backstop::{
    config::{self, Keys, Loaded, Severity},
    model::Catalog,
};

/// A key in the environment; must never be seen.
const SECRET: &str = "secret-value";

/// Keys that were pasted into the file, closed and not; must never be seen either.
pub const PASTED: [&str; 3] = [
    "key = \"sk-pasted\"",
    "key = 'sk-pasted",
    "token=\"\"\"sk-pasted",
];

/// Checks one file.
pub fn check(data: &[u8]) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("backstop.toml");
    let loaded = load(&path, data);
    points_into_the_text(&loaded);
    is_safe_to_show(&loaded, data);
    if let Some(catalog) = &loaded.catalog {
        means_the_same_when_written_anew(catalog, &path, data);
    }
}

fn load(path: &Path, data: &[u8]) -> Loaded {
    fs::write(path, data).expect("the file is written");
    let variables = |name: &str| name.ends_with("KEY").then(|| SECRET.to_owned());
    config::load_with(path, &variables, Keys::Needed)
}

fn points_into_the_text(loaded: &Loaded) {
    let report = &loaded.report;
    assert_eq!(
        loaded.catalog.is_some(),
        report.worst() != Some(Severity::Error)
    );
    let lines: Vec<&str> = report.source.split('\n').collect();
    let mut last = 0;
    for diagnostic in &report.diagnostics {
        let span = diagnostic.span.clone();
        assert!(report.source.get(span.clone()).is_some(), "{diagnostic:?}");
        assert!(span.start >= last, "not in the order of the file");
        last = span.start;
        assert!(
            (1..=lines.len()).contains(&diagnostic.line),
            "{diagnostic:?}"
        );
        let line = lines[diagnostic.line - 1];
        assert!((1..=line.chars().count() + 1).contains(&diagnostic.column));
    }
}

fn is_safe_to_show(loaded: &Loaded, data: &[u8]) {
    // An edit may have cut the name off a pasted key, and then nothing tells what it is.
    let text = String::from_utf8_lossy(data);
    let whole: usize = PASTED.iter().map(|piece| text.matches(piece).count()).sum();
    let recognisable = whole == text.matches("sk-pasted").count();
    let written = text.contains(SECRET);
    for colour in [false, true] {
        let shown = loaded.report.render(colour);
        assert!(!(recognisable && shown.contains("sk-pasted")), "{shown}");
        assert!(written || !shown.contains(SECRET), "{shown}");
        let obeyed = |c: char| c.is_control() && c != '\n' && !(colour && c == '\u{1b}');
        assert!(!shown.contains(obeyed), "{shown:?}");
        assert!(!shown.contains(['\u{202e}', '\u{feff}']), "{shown:?}");
    }
    assert!(written || !format!("{loaded:?}").contains(SECRET));
}

/// Tables in another order, other quotes, other notations of tables: the same configuration.
fn means_the_same_when_written_anew(catalog: &Catalog, path: &Path, data: &[u8]) {
    let text = std::str::from_utf8(data).expect("what loads is text");
    let table: toml::Table = toml::from_str(text).expect("what loads is TOML");
    let anew = toml::to_string(&table).expect("and can be written again");
    let again = load(path, anew.as_bytes());
    let again = again
        .catalog
        .unwrap_or_else(|| panic!("{}\n{anew}", again.report.render(false)));
    assert_eq!(shown(catalog), shown(&again), "{anew}");
}

/// A catalog without what depends on how the file is written.
fn shown(catalog: &Catalog) -> String {
    let mut catalog = catalog.clone();
    catalog.fingerprint.clear();
    for workload in catalog.workloads.values_mut() {
        workload
            .samples
            .sort_by(|one, other| (&one.class, &one.path).cmp(&(&other.class, &other.path)));
    }
    format!("{catalog:#?}")
}
