//! What runs it as a service: the unit for systemd, what it promises, and whether systemd agrees; that the gateway says
//! when it is ready; the servers of a cluster, whether they take their configuration and what their logins may do.

use std::{
    fs,
    os::unix::{fs::PermissionsExt as _, net::UnixDatagram},
    process::{Command, Stdio},
    time::Duration,
};

use async_nats::{ConnectOptions, jetstream};
use rustix::process::Signal;
use saphyr::{LoadableYamlNode as _, Yaml};

use crate::{
    cli_project::{Running, command, run},
    control_project::{CONFIG, Project},
    support::cluster::{Cluster, Encryption, Login, Setup, server_program},
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

/// The secrets of the configuration of a server.
const SECRETS: [&str; 5] = ["KEEPER", "GATEWAY", "OPERATOR", "OBSERVER", "SYSTEM"];

/// What the server's own check says of a configuration with these files in place of certificates.
async fn checked(configuration: &str, tls: &str) {
    let cluster = Cluster::with(Setup::of(1).encryption(Encryption::Tls)).await;
    let directory = cluster.path();
    let mut text = configuration.to_owned();
    for (named, file) in [
        ("server.pem", "server.pem"),
        ("server.key", "server.key"),
        ("authority.pem", "authority.pem"),
        ("tls.crt", "server.pem"),
        ("tls.key", "server.key"),
        ("ca.crt", "authority.pem"),
    ] {
        let there = directory.join(file).display().to_string();
        text = text.replace(&format!("{tls}/{named}"), &there);
    }
    let file = directory.join("tried.conf");
    fs::write(&file, text).unwrap();
    let mut check = Command::new(server_program());
    check.arg("-t").arg("-c").arg(&file);
    check.env("SERVER_NAME", "nats-1").env("POD_NAME", "nats-1");
    for secret in SECRETS {
        check.env(format!("{secret}_PASSWORD"), "a-secret");
    }
    let said = check.output().unwrap();
    let words = String::from_utf8_lossy(&said.stderr);
    assert!(
        said.status.success() && words.contains("is valid"),
        "{words}"
    );
}

#[tokio::test]
async fn the_servers_of_a_cluster_take_the_configuration_that_is_printed() {
    let text = run(&Project::new(), "unit nats-server").exits(0).out;
    assert!(text.contains("sync_interval: always"));
    checked(&text, "/etc/nats-server").await;
}

#[tokio::test]
async fn what_is_printed_for_kubernetes_is_what_it_says() {
    let text = run(&Project::new(), "unit kubernetes").exits(0).out;
    let all = Yaml::load_from_str(&text).unwrap();
    let kinds: Vec<&str> = all
        .iter()
        .map(|one| one["kind"].as_str().unwrap())
        .collect();
    let wanted = [
        "ConfigMap",
        "Service",
        "PodDisruptionBudget",
        "StatefulSet",
        "ConfigMap",
        "PodDisruptionBudget",
        "Deployment",
        "Service",
    ];
    assert_eq!(kinds, wanted);
    let (nats, gateway) = (
        &all[3]["spec"],
        &all[6]["spec"]["template"]["spec"]["containers"][0],
    );
    assert_eq!(nats["replicas"].as_integer(), Some(3));
    assert_eq!(
        gateway["readinessProbe"]["httpGet"]["path"].as_str(),
        Some("/readyz")
    );
    let configuration = all[0]["data"]["nats-server.conf"].as_str().unwrap();
    assert!(configuration.contains("sync_interval: always"));
    // The same logins as elsewhere.
    let elsewhere = run(&Project::new(), "unit nats-server").exits(0).out;
    let plain = |text: &str| {
        let lines = text.lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.collect::<Vec<_>>().join("\n")
    };
    assert_eq!(plain(&logins(configuration)), plain(&logins(&elsewhere)));
    checked(configuration, "/etc/nats-tls").await;
    // And the gateway's part is a configuration.
    let store = all[4]["data"]["backstop.toml"].as_str().unwrap();
    let cluster = Cluster::with(Setup::of(1).encryption(Encryption::Tls)).await;
    let mut store = store.to_owned();
    for (named, file) in [
        ("/etc/nats-tls/ca.crt", "authority.pem"),
        ("/etc/backstop-tls/tls.crt", "server.pem"),
        ("/etc/backstop-tls/tls.key", "server.key"),
    ] {
        store = store.replace(named, &cluster.path().join(file).display().to_string());
    }
    let project = Project::with(&store);
    let check = run(&project, "check --no-secrets");
    assert!(matches!(check.code, Some(0 | 1)), "{check:?}");
}

/// The users of the account, as they stand in a configuration.
pub(crate) fn logins(configuration: &str) -> String {
    let (_, rest) = configuration.split_once("users: [\n").unwrap();
    let (users, _) = rest
        .split_once("\n  SYS ")
        .or_else(|| rest.split_once("\n      SYS "))
        .unwrap();
    let users = users.trim_end().trim_end_matches('}').trim_end();
    users.trim_end_matches(']').to_owned()
}

#[tokio::test]
async fn each_login_may_do_what_it_is_for_and_no_more() {
    let text = run(&Project::new(), "unit nats-server").exits(0).out;
    let mut users = logins(&text);
    for secret in SECRETS {
        users = users.replace(&format!("${secret}_PASSWORD"), "a-secret");
    }
    let cluster = Cluster::with(Setup::of(1).login(Login::Password).users(&users)).await;
    let as_user = |user: &str| {
        let store = format!(
            "url = \"{}\"\nlogin = {{ with = \"password\", user = \"{user}\", key = {{ file = \"secret\" }} }}\n",
            cluster.url()
        );
        let project = Project::with(&CONFIG.replace("url = \"sqlite:state\"\n", &store));
        let secret = project.path().join("secret");
        fs::write(&secret, "a-secret").unwrap();
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
        project
    };
    for user in ["gateway", "operator", "observer"] {
        let refused = run(&as_user(user), "store init --replicas 1").exits(3);
        assert!(
            refused.err.contains("$JS.API.STREAM.CREATE."),
            "{refused:?}"
        );
    }
    run(&as_user("keeper"), "store init --replicas 1").exits(1);
    // Who may not change anything is told so, and why.
    let line = "force support-chat --confirm support-chat --reason 5xx";
    let refused = run(&as_user("observer"), line).exits(3).err;
    for word in [
        "the login `observer`",
        "`backstop.state`",
        "nothing was changed",
        "backstop store status",
    ] {
        assert!(refused.contains(word), "{word}: {refused}");
    }
    for (user, writes) in [("gateway", true), ("operator", true), ("observer", false)] {
        let status = run(&as_user(user), "store status --json").exits(1).json();
        assert_eq!(
            status["streams"].as_array().unwrap().len(),
            7,
            "{user}: {status}"
        );
        let options =
            ConnectOptions::with_user_and_password(user.to_owned(), "a-secret".to_owned());
        let mut jetstream = jetstream::new(options.connect(cluster.servers()).await.unwrap());
        jetstream.set_timeout(Duration::from_secs(2));
        assert!(
            jetstream.delete_stream("backstop-pulse").await.is_err(),
            "{user} removed a stream"
        );
        let state = jetstream.get_stream("backstop-state").await.unwrap();
        // Gateways trim the log of changes; nobody else may.
        assert_eq!(state.purge().await.is_ok(), user == "gateway", "{user}");
        assert!(
            state.delete_message(1).await.is_err(),
            "{user} removed a record"
        );
        for (subject, may) in [
            ("backstop.state", writes),
            ("backstop.events.support-chat.one", writes),
            ("backstop.pulse.gateway.one", writes),
            ("backstop.pulse.presence.one", true),
        ] {
            let sent = jetstream.publish(subject, "{}".into()).await.unwrap().await;
            assert_eq!(sent.is_ok(), may, "{user} {subject}");
        }
    }
}
