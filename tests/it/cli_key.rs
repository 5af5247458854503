//! Client keys from the command line: made once, pasted, listed, checked, and nowhere else to be seen.

use std::{fs, io::Write as _, process::Stdio};

use crate::{
    cli_project::{Run, command, run},
    control_project::{CONFIG, Project},
};

/// Runs `key check` with a text on its standard input.
fn check(project: &Project, text: &str) -> Run {
    let mut child = command(project, ["key", "check", "--json"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    Run::of(child.wait_with_output().unwrap())
}

#[test]
fn a_key_is_made_pasted_listed_and_checked() {
    let project = Project::new();
    let made = run(
        &project,
        "key new bot --workload support-chat --expires 2099-01-31",
    )
    .exits(0);
    let key = made.out.trim();
    assert!(key.starts_with("backstop_") && key.len() == 73, "{key}");
    assert!(!made.err.contains(key), "the key is data, not talk");
    let table = made.err.split_once("[clients.bot]").unwrap().1;
    let config = format!("{CONFIG}\n[clients.bot]{table}");
    fs::write(project.path().join("backstop.toml"), &config).unwrap();
    run(&project, "check").exits(0);

    let listed = run(&project, "key list").exits(0);
    assert!(
        listed.out.contains("accepted until") && listed.out.contains("support-chat"),
        "{}",
        listed.out
    );
    let known = check(&project, key).exits(0).json();
    assert_eq!(known["client"], "bot");
    assert_eq!(known["accepted"], true);
    let hash = known["sha256"].as_str().unwrap();
    assert!(config.contains(hash));
    let json = run(&project, "key list --json").exits(0).json();
    assert_eq!(json, known);

    // Another key of the same client is one more line, and not another table.
    let second = run(&project, "key new bot").exits(0);
    assert!(
        second.err.contains("Add this to `keys` of [clients.bot]"),
        "{}",
        second.err
    );
    assert!(!second.err.contains("workloads"), "{}", second.err);
    assert_ne!(second.out, made.out);
    let unknown = check(&project, second.out.trim()).exits(1).json();
    assert_eq!(unknown["accepted"], false);

    fs::write(
        project.path().join("backstop.toml"),
        config.replace("2099", "2001"),
    )
    .unwrap();
    assert_eq!(check(&project, key).exits(1).json()["accepted"], false);
    assert!(
        run(&project, "key list")
            .exits(0)
            .out
            .contains("expired 2001-01-31")
    );
}

#[test]
fn what_cannot_be_a_key_or_a_client_is_refused() {
    let project = Project::new();
    let refused = run(&project, "key new bot --workload suport-chat").exits(2);
    assert!(refused.err.contains("support-chat"), "{}", refused.err);
    run(&project, "key new Bot").exits(2);
    run(&project, "key new bot --expires soon").exits(2);
    let refused = check(&project, "sk-proj-secret").exits(2);
    assert!(!refused.err.contains("sk-proj-secret"), "{}", refused.err);
    let none = run(&project, "key list").exits(0);
    assert!(none.err.contains("no client is configured"), "{}", none.err);
}

#[test]
fn a_key_can_be_made_before_there_is_a_configuration() {
    let project = Project::new();
    fs::remove_file(project.path().join("backstop.toml")).unwrap();
    let made = run(&project, "key new bot --json").exits(0).json();
    assert!(made["key"].as_str().unwrap().starts_with("backstop_"));
    assert_eq!(made["client"], "bot");
}
