//! `serve` as a process: the gateway confirms changes, reloads, and drains on signals.

use rustix::process::Signal;
use serde_json::Value;

use crate::{
    cli_project::{Running, run, wait_for},
    control_project::Project,
};

fn gateways(project: &Project) -> Vec<Value> {
    let listed = run(project, "gateways --json");
    if listed.code == Some(0) {
        listed.json().as_array().unwrap().clone()
    } else {
        // The store is made by the gateway, which may still be starting.
        Vec::new()
    }
}

fn serving(project: &Project) -> Running {
    let gateway = Running::start(project, "serve --log-json");
    wait_for("a living gateway", || {
        gateways(project)
            .iter()
            .any(|gateway| gateway["alive"] == true)
            .then_some(())
    });
    gateway
}

#[test]
fn a_change_is_done_when_the_gateway_says_so() {
    let project = Project::new();
    let mut gateway = serving(&project);
    let applied = run(
        &project,
        "force support-chat --confirm sup --reason 5xx --json",
    )
    .exits(0)
    .json();
    assert_eq!(applied["progress"]["applied"], 1);
    assert_eq!(applied["progress"]["gateways"], 1);
    assert_eq!(applied["progress"]["confirmed"], true);
    let state = run(&project, "status support-chat --json").exits(0).json()["state"].clone();
    assert_eq!(state, "forced");
    let undone = run(&project, "undo --confirm sup").exits(0).out;
    assert!(undone.contains("applied on 1/1 gateways in "), "{undone}");

    gateway.signal(Signal::TERM);
    assert_eq!(gateway.ends(), Some(0));
    assert_eq!(gateways(&project).len(), 0, "it said farewell");
}

#[test]
fn a_hang_up_reloads_and_a_bad_file_is_refused_loudly() {
    let project = Project::new();
    let good = std::fs::read_to_string(project.config()).unwrap();
    // Another shell still has the good one.
    std::fs::write(project.path().join("copy.toml"), &good).unwrap();
    let mut gateway = serving(&project);
    let refused = || {
        run(&project, "gateways --json --config copy.toml")
            .exits(0)
            .json()[0]
            .clone()
    };
    assert_eq!(refused()["config_error"], Value::Null);
    std::fs::write(project.config(), "nonsense = ").unwrap();
    gateway.signal(Signal::HUP);
    wait_for("the refusal", || {
        refused()["config_error"].is_string().then_some(())
    });
    assert_eq!(refused()["same_config"], true, "the old one stays in force");
    let shown = run(&project, "gateways --config copy.toml").exits(0).out;
    assert!(shown.contains("refused: "), "{shown}");
    std::fs::write(project.config(), good + "\n# changed\n").unwrap();
    gateway.signal(Signal::HUP);
    wait_for("the new file in force", || {
        let gateway = refused();
        (gateway["config_error"].is_null() && gateway["same_config"] == false).then_some(())
    });
    gateway.signal(Signal::INT);
    assert_eq!(gateway.ends(), Some(0));
}

#[test]
fn a_taken_address_is_told() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let config = crate::control_project::CONFIG.replace("127.0.0.1:0", &address);
    let project = Project::with(&config);
    let refused = run(&project, "serve").exits(5);
    assert!(refused.err.contains(&address), "{}", refused.err);
}

#[test]
fn a_log_beside_the_configuration_does_not_feed_itself() {
    let project = Project::new();
    let log = project.path().join("gateway.log");
    let file = std::fs::File::create(&log).unwrap();
    let mut gateway = Running::start_traced(&project, "serve", file);
    wait_for("a living gateway", || {
        (!gateways(&project).is_empty()).then_some(())
    });
    gateway.signal(Signal::TERM);
    assert_eq!(gateway.ends(), Some(0));
    let told = std::fs::read_to_string(&log).unwrap();
    assert!(told.contains("the gateway has ended"), "{told}");
    assert!(told.contains("DEBUG") || told.contains("TRACE"), "{told}");
    assert!(!told.contains("inotify event"), "the watcher is not heard");
}

#[test]
fn a_limit_of_open_files_below_the_connections_is_told() {
    let project = Project::new();
    for (files, told) in [(1024, true), (65536, false)] {
        // What nobody may raise in this place cannot be asked for.
        let hard = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
        if hard.is_some_and(|hard| hard < files.into()) {
            continue;
        }
        let log = project.path().join("gateway.log");
        let file = std::fs::File::create(&log).unwrap();
        let mut gateway = Running::start_limited(&project, files, file);
        let text = wait_for("a start", || {
            let text = std::fs::read_to_string(&log).unwrap();
            text.contains("the gateway serves").then_some(text)
        });
        assert!(text.contains(&format!("open_files={files}")), "{text}");
        assert_eq!(text.contains("raise the hard limit"), told, "{text}");
        gateway.signal(Signal::TERM);
        assert_eq!(gateway.ends(), Some(0));
    }
}
