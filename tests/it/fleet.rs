//! Three gateways as processes, a console in a terminal and the command line: a change reaches each, who runs another
//! configuration is named, and one that is stopped or killed is told as what it is.

use rustix::process::Signal;
use serde_json::Value;

use crate::{
    cli_project::{Running, run, wait_for},
    control_project::Project,
    support::pty::Pty,
};

/// The gateways that are there, by state.
fn states(project: &Project) -> Vec<(u64, String)> {
    let listed = run(project, "gateways --json");
    if listed.code != Some(0) {
        // The store is made by the first gateway, which may still be starting.
        return Vec::new();
    }
    let listed = listed.json();
    let told = |gateway: &Value| {
        (
            gateway["pid"].as_u64().unwrap(),
            gateway["state"].as_str().unwrap().to_owned(),
        )
    };
    listed.as_array().unwrap().iter().map(told).collect()
}

fn state_of(project: &Project, gateway: &Running) -> Option<String> {
    let pid = u64::from(gateway.0.id());
    let mut all = states(project).into_iter();
    all.find(|(known, _)| *known == pid).map(|(_, state)| state)
}

#[test]
fn three_gateways_are_seen_followed_and_missed() {
    let project = Project::new();
    let same = std::fs::read_to_string(project.config()).unwrap();
    std::fs::write(project.path().join("other.toml"), same + "\n# another\n").unwrap();
    let mut first = Running::start(&project, "serve --region eu-west");
    wait_for("the first gateway", || state_of(&project, &first));
    let second = Running::start(&project, "serve --region eu-west");
    let mut third = Running::start(&project, "serve --region eu-east --config other.toml");
    wait_for("three living gateways", || {
        let alive = states(&project)
            .into_iter()
            .filter(|(_, state)| state == "alive");
        (alive.count() == 3).then_some(())
    });
    let listed = run(&project, "gateways").exits(0).out;
    assert!(
        listed.contains("! 1 of 3 gateways run another configuration: "),
        "{listed}"
    );
    assert!(
        listed.contains("eu-east") && listed.contains("(another)"),
        "{listed}"
    );

    // A change is told gateway by gateway.
    let line = "force support-chat --confirm support-chat --reason 5xx";
    let applied = run(&project, &format!("{line} --json")).exits(0).json();
    let progress = &applied["progress"];
    assert_eq!(
        (&progress["applied"], &progress["gateways"]),
        (&3.into(), &3.into())
    );
    let each = progress["each"].as_array().unwrap();
    assert_eq!(each.len(), 3);
    for one in each {
        assert_eq!(one["state"], "applied", "{one}");
        assert!(one["after_ms"].is_u64(), "{one}");
    }

    // The console shows them, and one that is stopped.
    let config = project.config();
    let mut console = Pty::backstop(
        &[
            "console",
            "--write",
            "--fresh",
            "--config",
            config.to_str().unwrap(),
        ],
        (120, 40),
    );
    console.wait_for("Workloads ");
    console.press("6");
    console.wait_for("Gateways 3/3");
    console.wait_for("gateways 3/3 at rev 1");
    second.signal(Signal::STOP);
    console.wait_for("1 SILENT");
    console.wait_for("where one still runs it serves with the last switches it saw");
    assert_eq!(state_of(&project, &second).as_deref(), Some("silent"));
    let undone = run(&project, "undo --confirm support-chat").exits(0).out;
    assert!(undone.contains("applied on 2/2 gateways in "), "{undone}");
    assert!(undone.contains(" is silent for "), "{undone}");

    // It catches up by itself.
    second.signal(Signal::CONT);
    wait_for("the stopped one to catch up", || {
        (state_of(&project, &second).as_deref() == Some("alive")).then_some(())
    });
    console.wait_for("gateways 3/3 at rev 2");

    // One that is killed says no farewell; one that ends does.
    third.signal(Signal::KILL);
    third.ends();
    wait_for("the killed one to be missed", || {
        (state_of(&project, &third).as_deref() == Some("silent")).then_some(())
    });
    first.signal(Signal::TERM);
    assert_eq!(first.ends(), Some(0));
    assert_eq!(state_of(&project, &first), None);
    console.wait_for("gateways 1/1 at rev 2, 1 SILENT");
}
