//! Themes from the command line: checked with place and hint, listed with where they come from, shown.

use std::{fs, path::PathBuf};

use crate::{
    cli_project::{Run, command, run},
    control_project::Project,
};

/// A project whose user has a theme.
fn with_theme(name: &str, text: &str) -> (Project, PathBuf) {
    let project = Project::new();
    let directory = project.path().join(".config/backstop/themes");
    fs::create_dir_all(&directory).unwrap();
    let file = directory.join(format!("{name}.toml"));
    fs::write(&file, text).unwrap();
    (project, file)
}

#[test]
fn what_is_shipped_is_good() {
    let checked = run(&Project::new(), "theme check --json").exits(0);
    assert_eq!(checked.lines().len(), 14);
    for theme in checked.lines() {
        assert_eq!(theme["worst"], serde_json::Value::Null, "{theme}");
    }
}

#[test]
fn an_error_has_a_place_and_a_hint_and_a_warning_its_own_exit_code() {
    let broken = "schema = 1\ninherits = \"base\"\n[palette]\nsea = \"#12345\"\n[roles]\nlink = { rgb = \"see\" }\n";
    let (project, file) = with_theme("mine", broken);
    let told = run(&project, "theme check mine").exits(2);
    let place = format!("{}:4:7", file.display());
    assert!(told.out.contains(&place), "{}", told.out);
    assert!(told.out.contains("write #rgb, #rrggbb"), "{}", told.out);
    assert!(told.err.contains("it cannot be used"), "{}", told.err);

    // A palette alone is a whole theme; here with one colour that can hardly be read.
    let nord = include_str!("../../themes/nord.toml");
    fs::write(
        &file,
        nord.replace("name = \"nord\"\n", "\n")
            .replace("muted = \"#b3bccb\"", "muted = \"#4c566a\""),
    )
    .unwrap();
    let told = run(&project, "theme check mine --json").exits(1).json();
    let muted = &told["diagnostics"][0];
    assert_eq!(muted["code"], "contrast", "{told}");
    assert_eq!(muted["severity"], "warning");
    let line = nord
        .lines()
        .position(|line| line.starts_with("muted"))
        .unwrap()
        + 1;
    assert_eq!(muted["line"], line);
    assert!(told["contrast"].as_f64().unwrap() < 2.0);

    // A file anywhere can be checked before it is put in its place.
    fs::copy(&file, project.path().join("draft.toml")).unwrap();
    run(&project, "theme check ./draft.toml").exits(1);
    let unknown = run(&project, "theme check gruvbox-drak").exits(2);
    assert!(
        unknown.err.contains("did you mean `gruvbox-dark`?"),
        "{}",
        unknown.err
    );
}

#[test]
fn the_list_says_where_each_theme_comes_from() {
    let (project, file) = with_theme("nord", "schema = 1\ninherits = \"gruvbox-dark\"\n");
    let listed = run(&project, "theme list --json").exits(0).lines();
    let of = |name: &str| {
        listed
            .iter()
            .find(|theme| theme["name"] == name)
            .unwrap()
            .clone()
    };
    assert_eq!(
        of("nord")["file"],
        file.to_str().unwrap(),
        "instead of the built-in one"
    );
    assert_eq!(of("nord")["variant"], "dark", "as what it inherits");
    assert_eq!(of("gruvbox-dark")["file"], serde_json::Value::Null);
    let table = run(&project, "theme list").exits(0).out;
    assert!(
        table.contains("built in") && table.contains(file.to_str().unwrap()),
        "{table}"
    );
    assert!(!table.contains("\nbase"), "{table}");
}

#[test]
fn a_preview_is_text_in_a_pipe_and_has_colours_when_asked() {
    let project = Project::new();
    let plain = run(&project, "theme preview nord").exits(0).out;
    assert!(
        plain.contains("x FL  support-chat") && !plain.contains('\x1b'),
        "{plain}"
    );
    let rgb = run(&project, "theme preview nord --color rgb").exits(0).out;
    assert!(
        rgb.contains("\x1b[") && rgb.contains("48;2;46;52;64"),
        "{rgb:?}"
    );
    let few = run(&project, "theme preview nord --color 16").exits(0).out;
    assert!(few.contains("\x1b[") && !few.contains("48;2;"), "{few:?}");
    let never = run(&project, "theme preview nord --color never")
        .exits(0)
        .out;
    assert!(never.contains("\x1b[1"), "attributes stay: {never:?}");

    let mut unicode = command(&project, ["theme", "preview", "mono"]);
    let unicode = Run::of(unicode.env("LANG", "C.UTF-8").output().unwrap()).exits(0);
    assert!(unicode.out.contains('\u{2500}'), "{}", unicode.out);
}
