//! The README's pictures: taken of the real program in a real terminal, and checked for what they must show.
//!
//! `UPDATE_SCREENSHOTS=1 cargo test --test it screenshots` takes them again.

use std::{collections::BTreeSet, fs, path::Path};

use crate::support::{pty::Pty, svg};

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
const PICTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/screenshots");

/// A demo with its console in a terminal that has all colours and a locale with more than ASCII.
fn demo(arguments: &[&str], size: (u16, u16)) -> Pty {
    let mut all = vec![
        "COLORTERM=truecolor",
        "LANG=C.UTF-8",
        env!("CARGO_BIN_EXE_backstop"),
        "demo",
        "--no-tour",
        "--seed",
        "7",
    ];
    all.extend(arguments);
    Pty::start("env", &all, size)
}

/// Writes a picture when asked to. Fails when it, or the one that is kept, does not say what it must.
fn keep(name: &str, picture: &str, says: &[&str]) {
    let path = Path::new(PICTURES).join(name);
    if std::env::var_os("UPDATE_SCREENSHOTS").is_some() {
        fs::create_dir_all(PICTURES).unwrap();
        fs::write(&path, picture).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    for (which, picture) in [
        ("the program", picture),
        ("the picture that is kept", &kept),
    ] {
        let words = svg::words(picture);
        for word in says {
            assert!(
                words.contains(word),
                "{name}: {which} does not show {word:?}; UPDATE_SCREENSHOTS=1 takes pictures again\n{words}"
            );
        }
    }
}

fn quit(mut pty: Pty) {
    pty.signal("TERM");
    pty.ended();
    pty.assert_restored();
}

/// The screen in the incident, and the plan of its six keys.
#[test]
fn the_incident_and_its_plan() {
    let incident = [
        "demo WRITE",
        "WORKLOAD",
        "SERVING NOW",
        "x FL",
        "support-chat",
        "stable-chat (auto)",
        "+ OK",
        "? help",
        "F force",
    ];
    for (name, size) in [("home.svg", (120, 40)), ("home-80x24.svg", (80, 24))] {
        let mut pty = demo(&[], size);
        keep(name, &pty.picture(&incident), &incident);
        if size == (120, 40) {
            pty.press("b");
            let says = [
                "support-chat > charts",
                "ERRORS",
                "BY FALLBACK",
                "FIRST OUTPUT",
                "? help",
            ];
            keep("charts.svg", &pty.picture(&says), &says);
        }
        if size == (80, 24) {
            pty.press("F");
            pty.wait_for("To confirm, type support-chat");
            pty.press("1sup");
            let says = [
                "force support-chat",
                "NOW",
                "AFTER",
                "CHANGES",
                "returns by itself",
                "[1 5xx]",
                "To confirm, type support-chat",
                "Enter applies",
                "nothing has changed yet",
                "Esc back",
            ];
            keep("plan.svg", &pty.picture(&says), &says);
        }
        quit(pty);
    }
}

/// Two answers beside each other: the fallback drops a field.
#[test]
fn a_comparison() {
    let mut pty = demo(&["--no-faults", "--no-traffic"], (120, 40));
    pty.wait_for("Workloads 7/7");
    pty.press("/bat\r");
    pty.wait_for("Workloads 1/7");
    pty.press("c");
    pty.wait_for("A low-cost-extraction primary  done");
    pty.press("*");
    pty.wait_gone("answered");
    pty.press("]]]]]");
    let says = [
        "6 of 6 extraction-energy",
        "low-cost-extraction",
        "baseline-extraction",
        "vat_id",
        "missing in B",
        "? help",
    ];
    keep("compare.svg", &pty.picture(&says), &says);
    quit(pty);
}

/// The same screen in themes for dark and light rooms, for few colours, and for none.
#[test]
fn themes() {
    let themes = [
        "terminal",
        "high-contrast-dark",
        "catppuccin-mocha",
        "catppuccin-latte",
        "gruvbox-dark",
        "solarized-light",
        "colorblind-dark",
        "mono",
    ];
    let says = ["WORKLOAD", "support-chat", "+ OK", "? help"];
    let mut pictures = Vec::new();
    let mut pty = demo(&[], (80, 24));
    pty.wait_for("x FL");
    for theme in themes {
        pty.press(":");
        pty.wait_gone("? help");
        let command = format!("theme {theme}");
        pty.press(&command);
        pty.wait_for(&command);
        pty.press("\r");
        pictures.push((theme, pty.picture(&says)));
    }
    quit(pty);
    let all: Vec<&str> = says.into_iter().chain(themes).collect();
    keep("themes.svg", &svg::gallery(&pictures, 2, 0.6), &all);
}

#[test]
fn the_readme_shows_every_picture_and_no_other() {
    let readme = fs::read_to_string(README).unwrap();
    let named: BTreeSet<String> = readme
        .split("](tests/screenshots/")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once(')')?.0.to_owned()))
        .collect();
    let there: BTreeSet<String> = fs::read_dir(PICTURES)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(named, there);
    for name in there {
        let size = fs::metadata(Path::new(PICTURES).join(&name)).unwrap().len();
        assert!(size < 150_000, "{name} has {size} bytes");
    }
}
