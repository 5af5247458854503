//! The table of keys and the operator's file on top of it.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::Path,
};

use backstop::console::{
    action::{Action, TABLE},
    chord::{Chord, ctrl, key},
    keymap::{Context, Keymap},
    keymap_file::{parse_keys, read},
};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

fn press(character: char) -> KeyEvent {
    KeyEvent::new(KeyCode::Char(character), KeyModifiers::NONE)
}

fn errors(source: &str) -> Vec<String> {
    let report = parse_keys(Path::new("keys.toml"), source).expect_err("refused");
    report
        .diagnostics
        .iter()
        .map(|finding| {
            let help = finding.help.as_ref().map(|help| format!("; {help}"));
            format!(
                "{}:{}: {}{}",
                finding.line,
                finding.column,
                finding.message,
                help.unwrap_or_default()
            )
        })
        .collect()
}

#[test]
fn no_two_actions_share_a_chord_in_a_context() {
    let mut taken: HashMap<(Context, Chord), Action> = HashMap::new();
    for entry in TABLE {
        for context in entry.contexts {
            for chord in entry.chords {
                let before = taken.insert((*context, *chord), entry.action);
                assert_eq!(before, None, "{chord} in {context:?}: {:?}", entry.action);
            }
        }
    }
}

#[test]
fn every_action_stands_once_with_words_for_footer_and_help() {
    let mut names = HashSet::new();
    for entry in TABLE {
        assert!(names.insert(entry.name), "{} stands twice", entry.name);
        assert_eq!(Action::named(entry.name), Some(entry.action));
        assert_eq!(entry.action.as_str(), entry.name);
        assert!(
            !entry.help.is_empty() && !entry.help.ends_with('.'),
            "{}",
            entry.name
        );
        assert!((1..=12).contains(&entry.label.len()), "{}", entry.name);
        assert!(
            !entry.contexts.is_empty() && !entry.chords.is_empty(),
            "{}",
            entry.name
        );
    }
}

#[test]
fn chords_of_other_programs_are_never_bound_and_typing_takes_no_character() {
    for entry in TABLE {
        for chord in entry.chords {
            assert_eq!(chord.reserved(), None, "{}", entry.name);
            for context in entry.contexts {
                assert!(
                    !context.takes_as_text(*chord),
                    "{} in {context:?}",
                    entry.name
                );
            }
        }
    }
    for character in ['a', 'b', 's', 'q'] {
        assert!(ctrl(character).reserved().is_some(), "ctrl-{character}");
    }
}

#[test]
fn nothing_that_changes_the_world_is_a_plain_lower_case_letter_but_in_a_plan() {
    for entry in TABLE {
        let safe = [Action::Undo, Action::Claim, Action::Confirm, Action::Probe];
        if entry.action.changes_the_world() && !safe.contains(&entry.action) {
            for chord in entry.chords {
                let lower = chord.character().is_some_and(|it| it.is_ascii_lowercase());
                assert!(!lower, "{}", entry.name);
            }
        }
    }
}

#[test]
fn every_context_can_be_left_and_explains_itself() {
    let keymap = Keymap::default();
    for context in Context::ALL {
        let escape = KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE);
        assert_eq!(
            keymap.action(context, escape),
            Some(Action::Back),
            "{context:?}"
        );
        let control_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(
            keymap.action(context, control_c),
            Some(Action::Exit),
            "{context:?}"
        );
        if !context.is_typing() {
            assert_eq!(
                keymap.action(context, press('?')),
                Some(Action::Help),
                "{context:?}"
            );
            let first = keymap.entries(context).next().unwrap();
            assert_eq!(
                first.0.action,
                Action::Help,
                "help comes first in {context:?}"
            );
        }
    }
}

#[test]
fn keys_mean_what_the_table_says() {
    let keymap = Keymap::default();
    for (context, event, action) in [
        (Context::Workloads, press('F'), Some(Action::Force)),
        (Context::Workloads, press('f'), Some(Action::Follow)),
        (Context::Workloads, press('X'), None),
        (Context::Routes, press('X'), Some(Action::Drain)),
        (Context::Plan, press('F'), None),
        (Context::Plan, press('s'), None),
        (Context::Plan, press('1'), None),
        (Context::Plan, press(']'), Some(Action::Longer)),
        (Context::Confirm, press('y'), Some(Action::Confirm)),
        (Context::Workloads, press('y'), Some(Action::Copy)),
        (Context::Filter, press('/'), None),
    ] {
        assert_eq!(
            keymap.action(context, event),
            action,
            "{event:?} in {context:?}"
        );
    }
}

#[test]
fn a_file_replaces_the_chords_of_what_it_names() {
    let keymap = parse_keys(
        Path::new("keys.toml"),
        "[keys]\nforce = [\"f6\", \"P\"]\nfollow = \"ctrl-f\"\nwide = []\nback = [\"esc\", \"backspace\"]\n",
    )
    .unwrap();
    assert_eq!(
        keymap.action(Context::Workloads, press('P')),
        Some(Action::Force)
    );
    assert_eq!(keymap.action(Context::Workloads, press('F')), None);
    assert_eq!(
        keymap.action(Context::Plan, press('P')),
        None,
        "text stays text"
    );
    assert_eq!(keymap.shown(Action::Force), "f6");
    assert_eq!(keymap.shown(Action::Wide), "");
    assert_eq!(keymap.chords(Action::Follow), [ctrl('f')]);
    let listed: Vec<_> = keymap
        .entries(Context::Workloads)
        .filter(|(entry, _)| matches!(entry.action, Action::Wide | Action::Force))
        .map(|(entry, chords)| (entry.action, chords.len()))
        .collect();
    assert_eq!(
        listed,
        [(Action::Force, 2)],
        "what has no chord is not offered"
    );
    assert_eq!(keymap.chords(Action::Hold), [key('H')], "the rest stays");
}

#[test]
fn two_actions_may_change_places() {
    let source = "[keys]\nforce = \"H\"\nhold = \"F\"\n";
    let keymap = parse_keys(Path::new("keys.toml"), source).unwrap();
    assert_eq!(
        keymap.action(Context::Detail, press('H')),
        Some(Action::Force)
    );
    assert_eq!(
        keymap.action(Context::Detail, press('F')),
        Some(Action::Hold)
    );
}

#[test]
fn every_action_can_be_bound_to_another_key_everywhere_it_means_something() {
    let f9 = Chord::of(&KeyEvent::new(KeyCode::F(9), KeyModifiers::NONE));
    for entry in TABLE {
        let source = format!("[keys]\n\"{}\" = [\"f9\"]\n", entry.name);
        let keymap = parse_keys(Path::new("keys.toml"), &source)
            .unwrap_or_else(|report| panic!("{}: {}", entry.name, report.render(false)));
        assert_eq!(keymap.chords(entry.action), [f9], "{}", entry.name);
        for context in entry.contexts {
            let bound = keymap.action(*context, KeyEvent::new(KeyCode::F(9), KeyModifiers::NONE));
            assert_eq!(bound, Some(entry.action), "{} in {context:?}", entry.name);
            let left: Vec<_> = entry
                .chords
                .iter()
                .filter(|chord| keymap.bound(*context, **chord) == Some(entry.action))
                .collect();
            assert!(left.is_empty(), "{}: {left:?} in {context:?}", entry.name);
        }
    }
}

#[test]
fn texts_name_the_key_that_is_bound() {
    let source = "[keys]\nback = [\"f9\", \"esc\"]\nprobe = []\n";
    let keymap = parse_keys(Path::new("keys.toml"), source).unwrap();
    for (text, expected) in [
        ("<key:back> lifts it", "f9 lifts it"),
        ("<key:back>, <key:help>", "f9, ?"),
        ("<key:probe> asks", "probe asks"),
        ("<key:nothing> and <key:", "<key:nothing> and <key:"),
        ("no key", "no key"),
    ] {
        assert_eq!(keymap.keyed(text), expected, "{text}");
    }
}

/// The string literals of a source file, as far as its tests.
fn literals(source: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines()
        .map(str::trim_start)
        .filter(|line| !line.starts_with("//"))
        .flat_map(|line| {
            let line = line.split(" // ").next().unwrap_or_default();
            line.split('"')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect()
}

/// What the console says must be right for whoever has bound other keys.
#[test]
fn no_text_names_a_key_by_itself() {
    let mut directories = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/console")];
    let mut named = Vec::new();
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
                continue;
            }
            let file = path.file_name().unwrap().to_str().unwrap();
            // Where the names of keys come from, and tests.
            if ["chord.rs", "tests.rs", "keymap_file.rs"].contains(&file) {
                continue;
            }
            for text in literals(&fs::read_to_string(&path).unwrap()) {
                let words = text.split(|part: char| !part.is_alphanumeric() && part != '-');
                for word in words {
                    let key = ["Esc", "Enter", "Tab", "PgDn", "PgUp", "Shift-Tab"].contains(&word)
                        || word.starts_with("ctrl-");
                    if key {
                        named.push(format!("{file}: {text}"));
                    }
                }
            }
        }
    }
    assert!(
        named.is_empty(),
        "write <key:back> for instance:\n{}",
        named.join("\n")
    );
}

#[test]
fn errors_name_the_place_and_both_actions() {
    for (case, source, expected) in [
        (
            "clash with a default",
            "[keys]\nforce = [\"H\"]\n",
            "2:10: \"force\" and \"hold\" both ask for `H` in workloads; \"hold\" has it unless the file says otherwise; give one of them another key",
        ),
        (
            "clash inside the file",
            "[keys]\nforce = [\"K\"]\nhold = [\"f2\", \"K\"]\n",
            "3:15: \"force\" and \"hold\" both ask for `K` in workloads",
        ),
        (
            "unknown action",
            "[keys]\nfocre = [\"K\"]\n",
            "2:1: there is no action \"focre\"; did you mean \"force\"?",
        ),
        (
            "reserved",
            "[keys]\nforce = [\"ctrl-b\"]\n",
            "2:10: `ctrl-b` cannot be bound: it is the prefix of tmux",
        ),
        (
            "no key",
            "[keys]\nforce = [\"hyper-x\"]\n",
            "2:10: `hyper-x` is not a key; write for instance \"F\", \"ctrl-d\", \"enter\" or \"space\"",
        ),
        ("no text", "[keys]\nforce = [1]\n", "2:10: a key is a text"),
        (
            "no way out",
            "[keys]\nexit = []\n",
            "2:1: \"exit\" needs at least one key",
        ),
        (
            "text in a plan",
            "[keys]\nback = [\"B\"]\n",
            "2:1: \"back\" also works while text is typed, where these keys are text; add a key that is not a character, for instance \"esc\" or \"f2\"",
        ),
        (
            "other table",
            "[key]\n",
            "1:2: unknown key \"key\"; did you mean \"keys\"?",
        ),
        ("syntax", "[keys\n", "1:6: unclosed table, expected `]`"),
    ] {
        assert_eq!(errors(source), [expected], "{case}");
    }
}

#[test]
fn everything_wrong_is_told_in_one_run_in_the_order_of_the_file() {
    let source = "[keys]\nhold = \"ctrl-s\"\nfocre = \"K\"\nforce = \"D\"\n";
    let lines: Vec<String> = errors(source)
        .iter()
        .map(|error| error.split(':').next().unwrap().to_owned())
        .collect();
    assert_eq!(lines, ["2", "3", "4"]);
}

#[test]
fn a_file_that_is_not_there_is_an_error_with_its_name() {
    let report = read(Path::new("/nowhere/keys.toml")).expect_err("refused");
    let shown = report.diagnostics[0].to_string();
    assert!(shown.starts_with("/nowhere/keys.toml:1:1"), "{shown}");
}
