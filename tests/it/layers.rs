//! The shape of the source: layers, file sizes, and a purpose on top of every file.
//!
//! Reads the files as text. What the compiler cannot keep apart inside one crate is kept apart here.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The rows of the table in `src/lib.rs`, lowest first. A module uses only modules of lower rows.
const ROWS: [&[&str]; 7] = [
    &["clock", "model", "telemetry"],
    &["policy", "review"],
    &["config", "store", "wire"],
    &["gateway", "probe"],
    &["control"],
    &["console", "demo"],
    &["cli"],
];

/// The longest file, tests not counted.
const LONGEST: usize = 450;

/// A source file.
struct Source {
    path: PathBuf,
    /// `["control", "overview"]` for `src/control/overview.rs`.
    module: Vec<String>,
    text: String,
}

impl Source {
    fn name(&self) -> String {
        self.path
            .strip_prefix(env!("CARGO_MANIFEST_DIR"))
            .unwrap()
            .display()
            .to_string()
    }

    /// The lines that are neither comments nor the test module at the end.
    fn code(&self) -> impl Iterator<Item = &str> {
        self.text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
    }

    /// How long it is without the test module at its end.
    fn length(&self) -> usize {
        let lines: Vec<&str> = self.text.lines().collect();
        lines
            .windows(2)
            .position(|pair| {
                pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ") && pair[1].ends_with('{')
            })
            .unwrap_or(lines.len())
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    collect(&root, &root, &mut found);
    found.sort_by(|left, right| left.path.cmp(&right.path));
    found
}

fn collect(root: &Path, directory: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let module = path
                .strip_prefix(root)
                .unwrap()
                .with_extension("")
                .iter()
                .map(|part| part.to_str().unwrap().to_owned())
                .collect();
            found.push(Source {
                text: fs::read_to_string(&path).unwrap(),
                path,
                module,
            });
        }
    }
}

/// The modules that are compiled only for tests: declared under `#[cfg(test)]` in their parent.
fn test_modules(sources: &[Source]) -> BTreeSet<Vec<String>> {
    let mut tests = BTreeSet::new();
    for source in sources {
        let lines: Vec<&str> = source.text.lines().map(str::trim).collect();
        for pair in lines.windows(2) {
            if pair[0] == "#[cfg(test)]"
                && let Some(name) = pair[1]
                    .trim_start_matches("pub(crate) ")
                    .strip_prefix("mod ")
                    .and_then(|rest| rest.strip_suffix(';'))
            {
                let mut module = source.module.clone();
                module.push(name.to_owned());
                tests.insert(module);
            }
        }
    }
    tests
}

fn row(module: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&module))
}

/// The top modules that a text names after `crate::`, also inside `crate::{a, b::{c}}`.
fn uses(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let pieces: Vec<&str> = text.split("crate::").collect();
    for pair in pieces.windows(2) {
        // `$crate::` of a macro is the same; `mycrate::` is not.
        let before = pair[0].chars().next_back();
        if before.is_some_and(|character| character.is_alphanumeric() || character == '_') {
            continue;
        }
        let rest = pair[1].trim_start();
        if let Some(group) = rest.strip_prefix('{') {
            let (mut depth, mut part) = (1, String::new());
            for character in group.chars() {
                match character {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    _ => {}
                }
                if depth == 0 || (depth == 1 && character == ',') {
                    names.extend(first_word(&part));
                    part.clear();
                } else {
                    part.push(character);
                }
                if depth == 0 {
                    break;
                }
            }
        } else {
            names.extend(first_word(rest));
        }
    }
    names
}

fn first_word(text: &str) -> Option<String> {
    let word: String = text
        .trim_start()
        .chars()
        .take_while(|character| character.is_alphanumeric() || *character == '_')
        .collect();
    (!word.is_empty()).then_some(word)
}

#[test]
fn an_arrow_points_only_down() {
    let mut wrong = Vec::new();
    for source in sources() {
        let own = source.module[0].as_str();
        if own == "lib" || own == "main" {
            continue;
        }
        let own_row = row(own).unwrap_or_else(|| panic!("{own} has no row in the table above"));
        let code: Vec<&str> = source.code().collect();
        for used in uses(&code.join("\n")) {
            match row(&used) {
                Some(other) if used == own || other < own_row => {}
                Some(other) => wrong.push(format!(
                    "{} (row {own_row}) uses {used} (row {other})",
                    source.name()
                )),
                None => wrong.push(format!("{} uses {used}, which has no row", source.name())),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_map_in_the_library_shows_the_same_rows() {
    let sources = sources();
    let library = sources
        .iter()
        .find(|source| source.module == ["lib"])
        .unwrap();
    let mut drawn = BTreeMap::new();
    for line in library.text.lines() {
        let mut words = line
            .strip_prefix("//! ")
            .unwrap_or_default()
            .split_whitespace();
        if let Some(Ok(number)) = words.next().map(str::parse::<usize>) {
            let words: Vec<&str> = words.collect();
            drawn.insert(number, words);
        }
    }
    for (number, modules) in ROWS.iter().enumerate() {
        let words = &drawn[&number];
        let mut named = words[..modules.len()].to_vec();
        named.sort_unstable();
        assert_eq!(&named, modules, "row {number}");
    }
    let there: BTreeSet<&str> = sources
        .iter()
        .map(|source| source.module[0].as_str())
        .filter(|module| !["lib", "main"].contains(module))
        .collect();
    let known: BTreeSet<&str> = ROWS.iter().copied().flatten().copied().collect();
    assert_eq!(there, known);
}

#[test]
fn files_stay_small_and_say_what_they_are_for() {
    let sources = sources();
    let tests = test_modules(&sources);
    let mut wrong = Vec::new();
    for source in &sources {
        if source.path.ends_with("mod.rs") {
            wrong.push(format!("{}: `foo.rs` beside `foo/` instead", source.name()));
        }
        if (1..=source.module.len()).any(|end| tests.contains(&source.module[..end])) {
            continue;
        }
        if !source.text.starts_with("//! ") {
            wrong.push(format!("{}: no word on what it is for", source.name()));
        }
        if source.length() > LONGEST {
            wrong.push(format!("{}: {} lines", source.name(), source.length()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_reader_of_uses_reads_them_all() {
    for (text, names) in [
        ("use crate::model::Actor;", vec!["model"]),
        (
            "use crate::{clock::Clock, model::{Actor, Plan}, store::Store};",
            vec!["clock", "model", "store"],
        ),
        (
            "use crate::{\n    model::{self, Mode},\n    policy,\n};",
            vec!["model", "policy"],
        ),
        (
            "let x = crate::policy::explain(r); crate::store::open();",
            vec!["policy", "store"],
        ),
        ("fn f(a: &mycrate::model::A) {}", vec![]),
        ("$crate::model::A", vec!["model"]),
    ] {
        let expected: BTreeSet<String> = names.into_iter().map(str::to_owned).collect();
        assert_eq!(uses(text), expected, "{text}");
    }
}
