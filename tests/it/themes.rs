//! Themes: every shipped one is complete and readable, and a user's file is explained when it is wrong.

use std::{collections::BTreeSet, fs, path::PathBuf};

use backstop::{
    config::Severity,
    console::{
        Depth,
        theme::{Look, Role, Sheet, Theme},
        theme_file::{BUILT_IN, Failure, Loaded, PARENTS, check, load, names},
        theme_judge::{TEXT, judge},
    },
};
use ratatui::{
    Terminal,
    backend::TestBackend,
    style::{Color, Modifier},
    text::{Line, Span},
};

fn built_in(name: &str) -> Sheet {
    load(name, &[]).unwrap().sheet
}

/// A directory with theme files in it.
fn directory(files: &[(&str, &str)]) -> (tempfile::TempDir, Vec<PathBuf>) {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(directory.path().join(format!("{name}.toml")), text).unwrap();
    }
    let path = directory.path().to_owned();
    (directory, vec![path])
}

fn broken(name: &str, text: &str) -> Vec<String> {
    let (_keep, directories) = directory(&[(name, text)]);
    match load(name, &directories) {
        Err(Failure::Broken(findings)) => findings
            .into_iter()
            .map(|finding| {
                format!(
                    "{}:{}: {}{}",
                    finding.line,
                    finding.column,
                    finding.message,
                    finding
                        .help
                        .map(|help| format!("; {help}"))
                        .unwrap_or_default()
                )
            })
            .collect(),
        other => panic!("expected findings, got {other:?}"),
    }
}

#[test]
fn every_shipped_theme_is_read_without_a_finding_and_lies_in_the_themes_folder() {
    for (name, text) in BUILT_IN {
        let loaded = load(name, &[]).unwrap_or_else(|failure| panic!("{name}: {failure:?}"));
        assert_eq!(loaded.findings, [], "{name}");
        assert_eq!(loaded.sheet.name, name);
        let path = format!("{}/themes/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        assert_eq!(fs::read_to_string(path).unwrap(), text, "{name}");
    }
    let shipped = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/themes")).unwrap();
    assert_eq!(
        shipped.count(),
        BUILT_IN.len() + PARENTS.len(),
        "every file of the folder is embedded"
    );
}

#[test]
fn every_role_is_named_by_every_shipped_theme_or_its_parent() {
    for (name, _) in BUILT_IN {
        let sheet = built_in(name);
        for role in Role::ALL {
            let looks = sheet.looks[role as usize];
            assert!(looks.mono.is_some(), "{name} leaves out {}", role.as_str());
        }
    }
}

#[test]
fn without_colours_there_is_no_colour_in_any_theme() {
    for (name, _) in BUILT_IN {
        let theme = built_in(name).theme(Depth::Mono);
        for role in Role::ALL {
            let style = theme.style(role);
            assert_eq!(
                (style.fg, style.bg),
                (None, None),
                "{name} {}",
                role.as_str()
            );
        }
    }
    for depth in [Depth::Ansi, Depth::Indexed, Depth::Rgb] {
        let theme = built_in("mono").theme(depth);
        for role in Role::ALL {
            let style = theme.style(role);
            assert_eq!((style.fg, style.bg), (None, None), "mono {}", role.as_str());
        }
    }
}

#[test]
fn states_differ_by_more_than_colour() {
    for (name, _) in BUILT_IN {
        for depth in [Depth::Mono, Depth::Ansi] {
            let theme = built_in(name).theme(depth);
            let attributes: BTreeSet<u16> = Role::STATES
                .iter()
                .map(|role| theme.style(*role).add_modifier.bits())
                .collect();
            assert_eq!(attributes.len(), Role::STATES.len(), "{name} {depth:?}");
        }
    }
}

#[test]
fn sixteen_colour_renderings_use_the_terminals_own_colours_only() {
    for (name, _) in BUILT_IN {
        let theme = built_in(name).theme(Depth::Ansi);
        for role in Role::ALL {
            let style = theme.style(role);
            for colour in [style.fg, style.bg].into_iter().flatten() {
                assert!(
                    !matches!(colour, Color::Rgb(..) | Color::Indexed(_)),
                    "{name} {}: {colour:?}",
                    role.as_str()
                );
            }
        }
    }
}

#[test]
fn two_hundred_and_fifty_six_colours_are_derived() {
    let theme = built_in("catppuccin-mocha").theme(Depth::Indexed);
    for role in Role::ALL {
        let style = theme.style(role);
        for colour in [style.fg, style.bg].into_iter().flatten() {
            assert!(
                !matches!(colour, Color::Rgb(..)),
                "{}: {colour:?}",
                role.as_str()
            );
        }
    }
    assert!(matches!(
        theme.style(Role::Text).bg,
        Some(Color::Indexed(16..))
    ));
}

/// A theme as a terminal with 256 colours shows it.
fn as_derived(sheet: &Sheet) -> Sheet {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let known = |colour: Color| match colour {
        Color::Indexed(grey @ 232..) => {
            let level = 8 + 10 * (grey - 232);
            Color::Rgb(level, level, level)
        }
        Color::Indexed(cube @ 16..) => {
            let step = |place: u8| STEPS[usize::from((cube - 16) / place % 6)];
            Color::Rgb(step(36), step(6), step(1))
        }
        other => other,
    };
    let theme = sheet.theme(Depth::Indexed);
    let mut derived = sheet.clone();
    for role in Role::ALL {
        let style = theme.style(role);
        derived.looks[role as usize].rgb = Some(Look {
            foreground: style.fg.map(known),
            background: style.bg.map(known),
            attributes: style.add_modifier,
        });
    }
    derived
}

#[test]
fn every_shipped_theme_can_be_read_by_every_eye() {
    for (name, _) in BUILT_IN {
        let judgement = judge(&built_in(name));
        assert_eq!(judgement.remarks, [], "{name}");
        let own_colours = !["terminal", "mono"].contains(&name);
        assert_eq!(judgement.contrast.is_some(), own_colours, "{name}");
        if name.starts_with("high-contrast") {
            assert!(judgement.contrast.unwrap() >= 7.0, "{name}: {judgement:?}");
        }
    }
}

#[test]
fn two_hundred_and_fifty_six_colours_can_be_read_as_well() {
    for (name, _) in BUILT_IN {
        let judgement = judge(&as_derived(&built_in(name)));
        if let (Some(contrast), Some(apart)) = (judgement.contrast, judgement.apart) {
            let wanted = if name.starts_with("high-contrast") {
                7.0
            } else {
                TEXT
            };
            assert!(contrast >= wanted, "{name}: {judgement:#?}");
            // The colours in between are missing: a little less of this is all there is.
            assert!(apart >= 6.0, "{name}: {judgement:#?}");
        }
    }
}

#[test]
fn a_check_says_what_can_hardly_be_read_and_where_to_change_it() {
    let text = "schema = 1\ninherits = \"nord\"\n[palette]\ndegraded = \"#4c566a\"\n[roles]\n\"state.ok\" = { rgb = \"muted\" }\n\"state.unknown\" = { rgb = \"muted\", ansi = \"green\" }\n";
    let (_keep, directories) = directory(&[("dim", text)]);
    let checked = check("dim", &directories).unwrap();
    assert!(checked.sheet.is_some(), "warnings only");
    let told: Vec<String> = checked.reports[0]
        .diagnostics
        .iter()
        .map(|finding| {
            format!(
                "{}:{} {} {}",
                finding.line, finding.column, finding.code, finding.message
            )
        })
        .collect();
    for expected in [
        "4:12 contrast \"warning\" has a contrast of 1.7 on its background (#4c566a on #2e3440)",
        "4:12 contrast \"warning\" has a contrast of 1.4 on the selected row (#4c566a on #3b4252)",
        "7:1 alike \"state.ok\" and \"state.unknown\" look the same in sixteen colours",
    ] {
        assert!(
            told.iter().any(|line| line == expected),
            "{expected}\n{told:#?}"
        );
    }
    assert!(
        told.iter().any(
            |line| line.contains("apart \"state.ok\" and \"state.unknown\" are only 0.0 apart")
        ),
        "{told:#?}"
    );
    assert!(
        load("dim", &directories).unwrap().findings.is_empty(),
        "a console does not judge"
    );
    assert!(matches!(
        check("dimm", &directories),
        Err(Failure::Unknown { .. })
    ));
}

#[test]
fn what_is_only_inherited_cannot_be_worn() {
    assert!(matches!(load("base", &[]), Err(Failure::Unknown { .. })));
    assert!(!names(&[]).contains(&"base".to_owned()));
}

/// A few roles, drawn.
fn frame(theme: &Theme) -> ratatui::buffer::Buffer {
    let mut terminal = Terminal::new(TestBackend::new(20, 7)).unwrap();
    terminal
        .draw(|frame| {
            let area = frame.area();
            frame.buffer_mut().set_style(area, theme.style(Role::Text));
            for (row, role) in Role::STATES.into_iter().enumerate() {
                let line = Line::from(Span::styled(role.as_str(), theme.style(role)));
                frame
                    .buffer_mut()
                    .set_line(0, u16::try_from(row).unwrap(), &line, 20);
            }
        })
        .unwrap();
    terminal.backend().buffer().clone()
}

#[test]
fn two_themes_give_two_frames() {
    let frames: Vec<_> = BUILT_IN
        .iter()
        .map(|(name, _)| frame(&built_in(name).theme(Depth::Rgb)))
        .collect();
    for (left, first) in frames.iter().enumerate() {
        for second in &frames[left + 1..] {
            assert_ne!(first, second);
        }
    }
}

#[test]
fn a_file_of_the_operator_comes_before_the_built_in_one_and_keeps_what_it_inherits() {
    let (_keep, directories) = directory(&[
        (
            "terminal",
            "schema = 1\n[roles]\nerror = { ansi = \"light-red\" }\n",
        ),
        (
            "mine",
            "schema = 1\ninherits = \"catppuccin-mocha\"\n[palette]\nbad = \"#f00\"\n[roles]\nlink = { rgb = \"bad\" }\n",
        ),
    ]);
    let own = load("terminal", &directories)
        .unwrap()
        .sheet
        .theme(Depth::Ansi);
    assert_eq!(own.style(Role::Error).fg, Some(Color::LightRed));
    assert_eq!(
        own.style(Role::StateFailing).fg,
        Some(Color::LightRed),
        "a role that is left out falls back by its chain"
    );
    assert!(
        own.style(Role::Selection)
            .add_modifier
            .contains(Modifier::REVERSED),
        "a selection can always be seen"
    );

    let mine = load("mine", &directories).unwrap().sheet.theme(Depth::Rgb);
    assert_eq!(mine.style(Role::Link).fg, Some(Color::Rgb(255, 0, 0)));
    assert_eq!(
        mine.style(Role::Error).fg,
        Some(Color::Rgb(255, 0, 0)),
        "a palette entry of the child changes what the parent says with it"
    );
    assert_eq!(
        mine.style(Role::StateOk).fg,
        Some(Color::Rgb(0x7f, 0xd6, 0xc6))
    );
    assert!(names(&directories).contains(&"mine".to_owned()));
}

#[test]
fn errors_name_the_place_and_the_next_step() {
    for (case, text, expected) in [
        (
            "no schema",
            "name = \"t\"\n",
            "1:1: the version of the format is missing; write `schema = 1` first",
        ),
        (
            "newer schema",
            "schema = 2\n",
            "1:10: this version of the format is not known; write `schema = 1`",
        ),
        (
            "syntax",
            "schema = 1\n[roles\n",
            "2:7: unclosed table, expected `]`",
        ),
        (
            "unknown colour",
            "schema = 1\n[palette]\nblue = \"#00f\"\n[roles]\nlink = { rgb = \"bleu\" }\n",
            "5:16: unknown colour \"bleu\"; did you mean \"blue\"?",
        ),
        (
            "bad hex",
            "schema = 1\n[palette]\nx = \"#12g\"\n",
            "3:5: unknown colour \"#12g\"; write #rgb, #rrggbb, a palette name or an ANSI name",
        ),
        (
            "not ascii hex",
            "schema = 1\n[palette]\nx = \"#\u{e9}\u{e9}\"\n",
            "3:5: unknown colour \"#\u{e9}\u{e9}\"; write #rgb, #rrggbb, a palette name or an ANSI name",
        ),
        (
            "attribute",
            "schema = 1\n[roles]\nlink = { mono = [\"bolt\"] }\n",
            "3:18: unknown attribute \"bolt\"; did you mean \"bold\"?",
        ),
        (
            "hex where sixteen are",
            "schema = 1\n[roles]\nlink = { ansi = \"#00f\" }\n",
            "3:17: `ansi` takes the sixteen names only; write for instance \"light-red\"",
        ),
        (
            "unquoted role",
            "schema = 1\n[roles]\nstate.failing = { ansi = \"red\" }\n",
            "3:1: unknown role \"state\"; write it in quotes: \"state.failing\"",
        ),
        (
            "circle",
            "schema = 1\ninherits = \"t\"\n",
            "2:12: t inherits t: a circle",
        ),
        (
            "unknown parent",
            "schema = 1\ninherits = \"terminl\"\n",
            "2:12: there is no theme \"terminl\" to inherit; did you mean \"terminal\"?",
        ),
        (
            "variant",
            "schema = 1\nvariant = \"grey\"\n",
            "2:11: `variant` is \"dark\", \"light\" or \"any\"",
        ),
        (
            "a colour for a role",
            "schema = 1\n[roles]\nlink = \"blue\"\n",
            "3:8: a role is a table of renderings; write for instance { rgb = \"#89b4fa\", ansi = \"blue\" }",
        ),
    ] {
        assert_eq!(broken("t", text), [expected], "{case}");
    }
}

#[test]
fn unknown_keys_are_warnings_and_the_rest_still_counts() {
    let text = "schema = 1\ncolour = 1\n[roles]\n\"state.faling\" = { ansi = \"red\" }\nlink = { ansy = \"blue\", ansi = \"cyan\" }\n";
    let (_keep, directories) = directory(&[("t", text)]);
    let Loaded { sheet, findings } = load("t", &directories).unwrap();
    let shown: Vec<_> = findings
        .iter()
        .map(|finding| {
            (
                finding.severity,
                finding.line,
                finding.column,
                finding.help.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            (Severity::Warning, 2, 1, None),
            (
                Severity::Warning,
                4,
                1,
                Some("did you mean \"state.failing\"?")
            ),
            (Severity::Warning, 5, 10, Some("did you mean \"ansi\"?")),
        ]
    );
    assert_eq!(
        sheet.theme(Depth::Ansi).style(Role::Link).fg,
        Some(Color::Cyan)
    );
}

#[test]
fn a_theme_that_is_not_there_is_named_with_a_near_one() {
    for (asked, near) in [("monno", Some("mono")), ("zzz", None), ("../mono", None)] {
        match load(asked, &[]) {
            Err(Failure::Unknown { suggestion, known }) => {
                assert_eq!(suggestion.as_deref(), near, "{asked}");
                assert_eq!(known.len(), BUILT_IN.len());
            }
            other => panic!("{asked}: {other:?}"),
        }
    }
}
