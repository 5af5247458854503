//! Help, completions, manual pages, version and usage errors: everything that needs no project.

use crate::{
    cli_project::{Run, command, run},
    control_project::Project,
};

const COMMANDS: &[&str] = &[
    "console",
    "serve",
    "check",
    "status",
    "force",
    "hold",
    "auto",
    "notice",
    "drain",
    "undrain",
    "undo",
    "plan",
    "drill",
    "probe",
    "compare",
    "samples",
    "review",
    "explain",
    "report",
    "traffic",
    "events",
    "audit",
    "routes",
    "gateways",
    "key",
    "doctor",
    "backup",
    "restore",
    "store",
    "demo",
    "simulate",
    "theme",
    "completions",
    "man",
    "unit",
    "paths",
    "version",
];

/// Commands that can end with every exit code, and say so.
const WITHOUT_CODES: [&str; 4] = ["completions", "man", "unit", "version"];

#[test]
fn every_command_explains_itself_and_the_exit_codes() {
    let project = Project::new();
    let whole = run(&project, "--help").exits(0);
    assert_eq!(whole.err, "");
    for name in COMMANDS.iter().copied() {
        assert!(
            whole
                .out
                .lines()
                .any(|line| line.trim_start().starts_with(name)),
            "{name} is missing in --help:\n{}",
            whole.out
        );
        let help = run(&project, &format!("{name} --help")).exits(0);
        assert!(help.out.contains("Usage: backstop"), "{name}: {}", help.out);
        assert_eq!(
            help.out.contains("130  interrupted"),
            !WITHOUT_CODES.contains(&name),
            "{name}"
        );
    }
    let listed = whole
        .out
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .count();
    assert_eq!(listed, COMMANDS.len(), "a command is not in the list above");
}

#[test]
fn completions_name_every_command_in_every_shell() {
    let project = Project::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(&project, &format!("completions {shell}")).exits(0).out;
        for name in COMMANDS.iter().copied() {
            assert!(script.contains(name), "{shell}: {name}");
        }
        assert!(script.contains("break-glass"), "{shell}");
        if ["bash", "zsh", "fish"].contains(&shell) {
            assert!(
                script.contains("rate-limit"),
                "{shell}: the reasons are offered"
            );
        }
    }
}

#[test]
fn manual_pages_exist_for_the_program_and_for_every_command() {
    let project = Project::new();
    let page = run(&project, "man").exits(0).out;
    assert!(page.contains(".TH backstop 1"), "{page}");
    assert!(page.contains(".SH \"EXIT STATUS\""));
    for name in COMMANDS {
        let page = run(&project, &format!("man {name}")).exits(0).out;
        assert!(
            page.contains(&format!("backstop\\-{name}")),
            "{name}: {page}"
        );
        assert!(page.contains(".SH \"EXIT STATUS\""), "{name}");
    }
    let wrong = run(&project, "man nonsense").exits(2);
    assert_eq!(wrong.out, "");
}

#[test]
fn versions_agree() {
    let project = Project::new();
    let expected = concat!("backstop ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(run(&project, "version").exits(0).out, expected);
    assert_eq!(run(&project, "--version").exits(0).out, expected);
}

#[test]
fn a_wrong_command_line_is_told_on_standard_error() {
    let project = Project::new();
    for line in [
        "nonsense",
        "force",
        "force support-chat --reason boredom",
        "force support-chat --for soon",
        "force support-chat --plan --apply abc123",
        "force support-chat --for 5m --apply abc123",
        "notice maybe support-chat",
        "events --class nonsense",
        "events --since yesterday",
        "undo minus-one",
        "console --observe --write",
    ] {
        let wrong = run(&project, line).exits(2);
        assert_eq!(wrong.out, "", "{line}");
        assert!(wrong.err.starts_with("error: "), "{line}: {}", wrong.err);
    }
}

#[test]
fn without_a_configuration_the_places_are_named() {
    let project = Project::new();
    std::fs::remove_file(project.config()).unwrap();
    let wrong = run(&project, "status").exits(2);
    assert!(
        wrong.err.contains("there is no configuration"),
        "{}",
        wrong.err
    );
    assert!(wrong.err.contains("backstop demo"), "{}", wrong.err);
    let missing = run(&project, "status --config nowhere.toml").exits(2);
    assert!(missing.err.contains("nowhere.toml"), "{}", missing.err);
}

#[test]
fn paths_are_printed() {
    let project = Project::new();
    let paths = run(&project, "paths --json").exits(0).json();
    let store = paths["store"].as_str().unwrap();
    assert!(
        store.starts_with("sqlite:") && store.ends_with("/state"),
        "{store}"
    );
    for name in ["config", "keys", "themes", "log", "saves", "sessions"] {
        assert!(paths[name].is_string(), "{name}: {paths}");
    }
    let table = run(&project, "paths").exits(0).out;
    assert_eq!(table.lines().count(), 7);
}

#[test]
fn without_a_home_nothing_is_taken_from_a_shared_directory() {
    let project = Project::new();
    // What somebody else may have put there.
    let shared = project.path().join("shared");
    std::fs::create_dir_all(shared.join("backstop/themes")).unwrap();
    std::fs::write(shared.join("backstop/keys.toml"), "not even TOML").unwrap();
    for home in [None, Some(""), Some("relative")] {
        let mut command = command(&project, ["paths", "--json"]);
        command.env_remove("HOME").env("TMPDIR", &shared);
        if let Some(home) = home {
            command.env("HOME", home);
        }
        let paths = Run::of(command.output().unwrap()).exits(0);
        assert!(paths.err.contains("set HOME"), "{home:?}: {}", paths.err);
        let paths = paths.json();
        for name in ["keys", "themes", "log", "saves", "sessions"] {
            assert!(paths[name].is_null(), "{home:?}: {name}: {paths}");
        }
    }
}

#[test]
fn a_closed_pipe_is_no_error() {
    let project = Project::new();
    let mut child = command(&project, ["completions", "bash"]).spawn().unwrap();
    // The reader goes away before it has read everything.
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stderr, b"");
}
#[test]
fn the_console_wants_a_terminal() {
    let project = Project::new();
    run(&project, "force support-chat --plan").exits(0);
    for line in ["", "console", "demo --no-traffic --no-faults"] {
        let refused = run(&project, line).exits(5);
        assert!(
            refused.err.contains("needs a terminal"),
            "{line}: {}",
            refused.err
        );
        assert_eq!(refused.out, "", "{line}");
    }
}
