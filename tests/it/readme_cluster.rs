//! The README's way from one host to three, run on a real cluster with the logins that `unit nats-server` gives it.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use crate::{
    cli_project::run,
    cli_unit::logins,
    control_project::{CONFIG, Project},
    support::cluster::{Cluster, Encryption, Login, Setup},
};

const README: &str = include_str!("../../README.md");

/// The commands of the blocks for many hosts, with the exit code each must end with.
fn commands() -> Vec<(String, i32)> {
    let blocks = README.split("```console many-hosts\n").skip(1);
    let lines = blocks.flat_map(|block| block.split("```").next().unwrap_or("").lines());
    let commands = lines.filter_map(|line| line.strip_prefix("$ "));
    commands
        .map(|command| match command.split_once("# exit ") {
            Some((command, code)) => (command.trim().to_owned(), code.trim().parse().unwrap()),
            None => (command.to_owned(), 0),
        })
        .collect()
}

/// The configuration of a fleet, as the README says, at this cluster.
fn fleet(cluster: &Cluster) -> String {
    let (_, rest) = README
        .split_once("<!-- begin: fleet -->\n```toml\n")
        .unwrap();
    let (text, _) = rest.split_once("```").unwrap();
    let servers = "tls://nats-1.example:4222,nats-2.example:4222,nats-3.example:4222";
    assert!(text.contains(servers), "{text}");
    let store = text.replace(servers, &cluster.url());
    CONFIG.replace("[store]\nurl = \"sqlite:state\"\n", &store)
}

#[tokio::test]
async fn the_way_from_one_host_to_three_was_walked() {
    let project = Project::new();
    let printed = run(&project, "unit nats-server").exits(0).out;
    let mut users = logins(&printed);
    for login in ["KEEPER", "GATEWAY", "OPERATOR", "OBSERVER"] {
        users = users.replace(
            &format!("${login}_PASSWORD"),
            &format!("of-{}", login.to_lowercase()),
        );
    }
    let setup = Setup::of(3)
        .login(Login::Password)
        .encryption(Encryption::Tls);
    let cluster = Cluster::with(setup.users(&users)).await;
    // One host has some state, and stands beside.
    run(
        &project,
        "hold support-chat --confirm sup --reason drill --no-wait",
    )
    .exits(0);
    let put = |name: &str, text: &str| {
        let file = project.path().join(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    };
    let fleet = fleet(&cluster);
    put("fleet.toml", &fleet);
    put("keeper.toml", &fleet.replace("\"gateway", "\"keeper"));
    put("gateway-password", "of-gateway");
    put("keeper-password", "of-keeper");
    fs::copy(cluster.authority(), project.path().join("authority.pem")).unwrap();

    let commands = commands();
    assert!(commands.len() >= 7, "{commands:?}");
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_backstop"));
    let path = format!(
        "{}:{}",
        binary.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    for (mut command, code) in commands {
        for index in 0..cluster.len() {
            let named = format!("http://nats-{}.example:8222", index + 1);
            command = command.replace(&named, &cluster.monitoring(index));
        }
        let ran = Command::new("sh")
            .args(["-c", &command])
            .env_clear()
            .env("PATH", &path)
            .env("HOME", project.path())
            .env("LOGNAME", "jo")
            .current_dir(project.path())
            .output()
            .unwrap();
        assert_eq!(
            ran.status.code(),
            Some(code),
            "{command}\n{}{}",
            String::from_utf8_lossy(&ran.stdout),
            String::from_utf8_lossy(&ran.stderr)
        );
    }
    // Who may only look sees the same, and changes nothing.
    let observer = fleet.replace("\"gateway", "\"observer");
    put(
        "observer.toml",
        &observer.replace("[store]\n", "[store]\nview = \"observer-view\"\n"),
    );
    put("observer-password", "of-observer");
    let seen = run(&project, "--config observer.toml status --json").exits(0);
    assert!(seen.out.contains("\"hold\""), "{seen:?}");
    let refused = run(
        &project,
        "--config observer.toml hold batch-extraction --confirm bat --reason drill --no-wait",
    );
    assert_eq!(refused.code, Some(3), "{refused:?}");
    let audit = run(&project, "--config fleet.toml audit --json").exits(0);
    assert_eq!(audit.lines().len(), 1, "{audit:?}");
}
