//! The README: its tables are those of the program, and its `console` blocks run against a demo.
//!
//! `UPDATE_README=1 cargo test --test it readme` writes the tables again.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use backstop::{
    cli, config,
    console::{action, keymap},
};

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");

/// The keys as a table: what a key asks for, in the order of the help.
fn keys() -> String {
    let mut out = String::from("| key | does | where | name |\n|---|---|---|---|\n");
    let keymap = keymap::Keymap::default();
    for entry in action::TABLE {
        let chords: Vec<String> = entry
            .chords
            .iter()
            .map(|chord| format!("`{chord}`").replace('|', "\\|"))
            .collect();
        let places: BTreeSet<String> = entry
            .contexts
            .iter()
            .map(|context| context.as_str().to_owned())
            .collect();
        let places: Vec<String> = places.into_iter().collect();
        let place = if places.len() > 3 {
            "everywhere it can mean something".to_owned()
        } else {
            places.join(", ")
        };
        let help = keymap.keyed(entry.help);
        let (keys, name) = (chords.join(" "), entry.name);
        let _ = writeln!(out, "| {keys} | {help} | {place} | `{name}` |");
    }
    out
}

/// What people expect of a terminal program and where it is, with the keys as they are.
fn features() -> String {
    keymap::Keymap::default()
        .keyed(include_str!("features.md"))
        .into_owned()
}

/// What stands in backticks there and is neither key nor flag nor command.
const OTHER_WORDS: [&str; 16] = [
    "!",
    "~",
    "field:value",
    "OBSERVE",
    "WRITE",
    "NO_COLOR",
    "ACCESSIBLE=1",
    "keys.toml",
    "/etc/backstop",
    "fg",
    "PAUSED +37",
    "SLOW LINK",
    "ctrl-a",
    "ctrl-b",
    "ctrl-s",
    "ctrl-q",
];

#[test]
fn its_features_are_found_where_it_says() {
    let table = features();
    assert!(
        !table.contains("<key:"),
        "an action that is not there: {table}"
    );
    assert!(table.lines().count() > 35);
    let keys: BTreeSet<String> = action::TABLE
        .iter()
        .flat_map(|entry| entry.chords)
        .map(ToString::to_string)
        .collect();
    let help = |command: &str| {
        let words = command.split_whitespace().chain(["--help"]);
        let output = Command::new(env!("CARGO_BIN_EXE_backstop"))
            .args(words)
            .output()
            .unwrap();
        assert!(output.status.success(), "no command {command}");
        String::from_utf8(output.stdout).unwrap()
    };
    let usual = help("console") + &help("status");
    for word in table.split('`').skip(1).step_by(2) {
        if let Some(command) = word.strip_prefix("backstop ") {
            let (command, flags) = command.split_once(" --").unwrap_or((command, ""));
            let known = help(command);
            for flag in flags.split(" --").filter(|flag| !flag.is_empty()) {
                assert!(known.contains(&format!("--{flag}")), "{word}");
            }
        } else if word.starts_with("--") {
            assert!(usual.contains(word), "no flag {word}");
        } else {
            assert!(
                keys.contains(word) || OTHER_WORDS.contains(&word),
                "neither a key nor a flag nor a command: {word}"
            );
        }
    }
}

/// Replaces what stands between the marks of a block.
fn with_block(text: &str, name: &str, body: &str) -> String {
    let begin = format!("<!-- begin: {name} -->\n");
    let end = format!("<!-- end: {name} -->");
    let (before, rest) = text.split_once(&begin).expect(name);
    let (_, after) = rest.split_once(&end).expect(name);
    format!("{before}{begin}\n{}\n{end}{after}", body.trim())
}

#[test]
fn its_tables_are_those_of_the_program() {
    let before = fs::read_to_string(README).unwrap();
    let mut after = before.clone();
    let exit_codes = format!("```text\n{}\n```", cli::EXIT_CODES);
    for (name, body) in [
        ("keys", keys()),
        ("features", features()),
        ("configuration", config::reference()),
        ("commands", cli::reference()),
        ("exit codes", exit_codes),
    ] {
        after = with_block(&after, name, &body);
    }
    if std::env::var_os("UPDATE_README").is_some() {
        fs::write(README, &after).unwrap();
        return;
    }
    assert!(
        before == after,
        "README.md is behind the code; run UPDATE_README=1 cargo test --test it readme"
    );
}

/// The commands of the `console` blocks with the exit code each must end with.
fn commands(text: &str) -> Vec<(String, i32)> {
    let mut inside = false;
    let mut commands = Vec::new();
    for line in text.lines() {
        match line {
            "```console" => inside = true,
            "```" => inside = false,
            line if inside => {
                if let Some(command) = line.strip_prefix("$ ") {
                    let (command, code) = match command.split_once("# exit ") {
                        Some((command, code)) => (command.trim(), code.trim().parse().unwrap()),
                        None => (command, 0),
                    };
                    commands.push((command.to_owned(), code));
                }
            }
            _ => {}
        }
    }
    commands
}

#[test]
fn its_commands_run_against_a_demo() {
    let commands = commands(&fs::read_to_string(README).unwrap());
    assert!(commands.len() >= 10, "{commands:?}");
    let binary = Path::new(env!("CARGO_BIN_EXE_backstop"));
    let mut demo = Command::new(binary)
        .args(["demo", "--headless", "--seconds", "300", "--no-faults"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(demo.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
    let path = format!(
        "{}:{}",
        binary.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    // Where what they write may lie.
    let directory = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for (command, code) in commands {
        let output = Command::new("sh")
            .args(["-c", &command])
            .env("PATH", &path)
            .env("BACKSTOP_CONFIG", ready["config"].as_str().unwrap())
            .env("GATEWAY", ready["gateway"].as_str().unwrap())
            .current_dir(&directory)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        if output.status.code() != Some(code) {
            wrong.push(format!(
                "{command}\n  wanted {code}, got {}\n{}{}",
                output.status,
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            ));
        }
    }
    // Asked, not killed: it removes its directory on the way out.
    Command::new("kill")
        .arg(demo.id().to_string())
        .status()
        .unwrap();
    assert!(demo.wait().unwrap().success());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
