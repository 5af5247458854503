//! The page of promises in the README: every test and every command that it names is there. And the promises about what
//! the program is made of, which are kept by looking at the files.

use std::{collections::BTreeSet, fs, path::Path};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(path)).unwrap()
}

/// The section with this title, up to the next one of the same rank.
fn section(text: &str, title: &str) -> String {
    let heading = format!("\n## {title}\n");
    let (_, rest) = text.split_once(&heading).expect(title);
    rest.split("\n## ").next().unwrap().to_owned()
}

/// What stands in backticks, in the table rows.
fn quoted(section: &str) -> Vec<String> {
    let rows = section.lines().filter(|line| line.starts_with("| "));
    rows.flat_map(|row| row.split('`').skip(1).step_by(2).map(str::to_owned))
        .collect()
}

/// Whether `module::name` is a test; `module::` alone: whether there is one in it.
fn is_test(named: &str) -> bool {
    let Some((module, name)) = named.split_once("::") else {
        return false;
    };
    let Ok(text) = fs::read_to_string(Path::new(ROOT).join(format!("tests/it/{module}.rs"))) else {
        return false;
    };
    let listed = read("tests/it/main.rs").contains(&format!("mod {module};"));
    let marked = ["#[test]", "#[tokio::test"]
        .iter()
        .any(|mark| text.contains(mark))
        || text.contains("proptest!");
    listed && marked && (name.is_empty() || text.contains(&format!("fn {name}(")))
}

/// Whether a command of the long form can be given.
fn is_command(command: &str) -> bool {
    let words: Vec<&str> = command.split_whitespace().collect();
    match words[..] {
        ["tests/run", part, ..] => read("tests/run").contains(&format!("#   tests/run {part}")),
        ["tests/release"] => read("tests/release").contains("\nonce)\n"),
        ["tests/release", "twice"] => read("tests/release").contains("\ntwice)\n"),
        ["cargo", "bench", "--bench", name, ..] => {
            Path::new(ROOT)
                .join(format!("tests/bench/{name}.rs"))
                .exists()
                && read("Cargo.toml").contains(&format!("path = \"tests/bench/{name}.rs\""))
        }
        ["BACKSTOP_LONG=1", "cargo", "test", "--test", "it", module] => {
            read(&format!("tests/it/{module}.rs")).contains("BACKSTOP_LONG")
        }
        _ => false,
    }
}

#[test]
fn every_test_and_command_that_is_named_is_there() {
    let page = section(&read("README.md"), "Promises");
    let named = quoted(&page);
    let (mut tests, mut commands, mut wrong) = (0, 0, Vec::new());
    for one in &named {
        if one.contains("::") {
            tests += 1;
            if !is_test(one) {
                wrong.push(one);
            }
        } else if one.starts_with("tests/") || one.contains("cargo ") {
            commands += 1;
            if !is_command(one) {
                wrong.push(one);
            }
        }
    }
    assert!(wrong.is_empty(), "not there: {wrong:#?}");
    assert!(
        tests >= 25 && commands >= 6,
        "{tests} tests, {commands} commands"
    );
    for row in page
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| -"))
    {
        let cells: Vec<&str> = row.split(" | ").collect();
        let proven = cells
            .get(1)
            .is_some_and(|cell| cell.contains("::") || cell.contains("tests/"));
        assert!(cells[0] == "| promise" || proven, "how is it tested? {row}");
    }
    assert!(page.contains("### What is not promised"), "{page}");
    assert!(!is_test("campaign::nothing_of_the_sort") && !is_test("nowhere::"));
    assert!(!is_command("tests/run nothing") && !is_command("cargo bench --bench nothing"));
}

#[test]
fn every_dependency_has_its_reason_above_it() {
    let text = read("Cargo.toml");
    let (mut inside, mut before, mut without, mut count) = (false, "", Vec::new(), 0);
    for line in text.lines() {
        if line.starts_with('[') {
            inside = line == "[dependencies]" || line == "[dev-dependencies]";
        } else if inside && line.contains(" = ") && !line.starts_with('#') {
            count += 1;
            if !before.starts_with("# ") {
                without.push(line);
            }
        }
        before = line;
    }
    assert!(count > 40 && without.is_empty(), "{without:#?}");
}

#[test]
fn what_it_is_made_of_comes_from_one_place_and_is_pinned() {
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    assert_eq!(
        manifest["lints"]["rust"]["unsafe_code"].as_str(),
        Some("forbid")
    );
    let locked: toml::Table = read("Cargo.lock").parse().unwrap();
    let mut sources = BTreeSet::new();
    for package in locked["package"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let Some(source) = package.get("source") else {
            assert!(
                name.starts_with("backstop"),
                "{name} comes from a directory"
            );
            continue;
        };
        sources.insert(source.as_str().unwrap());
        let sum = package["checksum"].as_str().unwrap();
        assert_eq!(sum.len(), 64, "{name} has no checksum");
    }
    assert_eq!(sources.len(), 1, "{sources:?}");
}
