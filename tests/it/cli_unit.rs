//! The unit for systemd: what it promises, and whether systemd agrees; and that the gateway says when it is ready.

use std::{
    fs,
    os::unix::net::UnixDatagram,
    process::{Command, Stdio},
    time::Duration,
};

use rustix::process::Signal;

use crate::{
    cli_project::{Running, command, run},
    control_project::Project,
};

/// The exposure of which `systemd-analyze security` speaks is from 0 to 10.
const EXPOSED: &str = "20";

#[test]
fn the_unit_gives_the_gateway_its_state_and_takes_everything_else_away() {
    let unit = run(&Project::new(), "unit").exits(0).out;
    for line in [
        "Type=notify",
        "User=backstop",
        "UMask=0077",
        "StateDirectoryMode=0700",
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=",
        "ProtectSystem=strict",
        "ProtectHome=yes",
        "PrivateTmp=yes",
        "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
        "SystemCallFilter=@system-service",
        "MemoryDenyWriteExecute=yes",
        "LimitCORE=0",
    ] {
        assert!(unit.lines().any(|one| one == line), "{line} in {unit}");
    }
    assert!(unit.contains("MemoryMax=") && unit.contains("LoadCredential="));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("backstop.service");
    // The program of the test stands for the one that would be installed.
    let there = unit.replace("/usr/local/bin/backstop", env!("CARGO_BIN_EXE_backstop"));
    fs::write(&path, there).unwrap();
    let Some(verified) = analyze(&["verify"], &path) else {
        // Not every machine that builds has systemd.
        return;
    };
    assert!(verified.0 && verified.1.trim().is_empty(), "{verified:?}");
    let threshold = format!("--threshold={EXPOSED}");
    let judged = analyze(&["security", "--offline=true", &threshold], &path).unwrap();
    assert!(judged.0, "{}", judged.1);
}

/// Whether systemd is content, and what it says; `None`: it is not there.
fn analyze(args: &[&str], path: &std::path::Path) -> Option<(bool, String)> {
    let run = Command::new("systemd-analyze")
        .args(args)
        .arg(path)
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    Some((run.status.success(), said))
}

#[test]
fn a_service_manager_hears_that_the_gateway_serves_and_that_it_ends() {
    let project = Project::new();
    let path = project.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let hear = || {
        let mut bytes = [0; 256];
        let length = manager.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    };
    let mut serving = command(&project, ["serve"]);
    serving
        .env("NOTIFY_SOCKET", &path)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut gateway = Running(serving.spawn().unwrap());
    let ready = hear();
    assert!(
        ready.starts_with("READY=1\nSTATUS=serving at 127.0.0.1:"),
        "{ready}"
    );
    gateway.signal(Signal::TERM);
    assert_eq!(hear(), "STOPPING=1\nSTATUS=draining");
    assert_eq!(gateway.ends(), Some(0));
}
