//! `store init` and `store status` on real servers: what is missing is made, what differs is named, what is unsafe is
//! said, and nothing is changed that nobody agreed to.

use std::{fs, time::Duration};

use async_nats::jetstream;
use serde_json::Value;

use crate::{
    cli_project::{Run, run},
    control_project::{CONFIG, Project},
    support::cluster::{Cluster, Encryption, Login, PASSWORD, Setup, USER, until},
};

/// A project whose store is this cluster.
fn project(cluster: &Cluster, more: &str) -> Project {
    let store = format!("url = \"{}\"\n{more}\n", cluster.url());
    let project = Project::with(&CONFIG.replace("url = \"sqlite:state\"\n", &store));
    fs::write(project.path().join("password"), PASSWORD).unwrap();
    private(&project, "password");
    project
}

/// A file of a secret is for its owner alone.
fn private(project: &Project, name: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let file = project.path().join(name);
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
}

fn by_password(user: &str) -> String {
    format!("login = {{ with = \"password\", user = \"{user}\", key = {{ file = \"password\" }} }}")
}

/// Every server's monitoring port, as options.
fn monitoring(cluster: &Cluster) -> String {
    (0..cluster.len()).fold(String::new(), |line, index| {
        format!("{line} --monitoring {}", cluster.monitoring(index))
    })
}

/// The findings that are not good, as `check soundness: says`.
fn unsafe_of(survey: &Value) -> Vec<String> {
    let checks = survey["checks"].as_array().unwrap().iter();
    checks
        .filter(|check| check["soundness"] != "good")
        .map(|check| {
            let part = |name: &str| check[name].as_str().unwrap_or_default().to_owned();
            assert!(
                !part("advice").is_empty() || part("soundness") == "note",
                "{check}"
            );
            format!("{} {}: {}", part("check"), part("soundness"), part("says"))
        })
        .collect()
}

fn acts(run: &Run) -> Vec<String> {
    let steps = run.json()["steps"].as_array().unwrap().clone();
    let act = |step: Value| step["act"].as_str().unwrap().to_owned();
    steps.into_iter().map(act).collect()
}

#[tokio::test]
async fn a_cluster_is_put_in_order_and_every_harm_to_it_is_seen() {
    let mut cluster = Cluster::with(Setup::of(3).login(Login::Password)).await;
    let project = project(&cluster, &by_password(USER));
    let everywhere = monitoring(&cluster);

    // Nothing is there yet, and looking makes nothing.
    let planned = run(&project, "store init --plan --json").exits(1);
    assert!(
        acts(&planned).iter().all(|act| act == "make"),
        "{planned:?}"
    );
    let status = run(&project, "store status --json").exits(5).json();
    assert_eq!(status["streams"], serde_json::json!([]));
    assert!(
        unsafe_of(&status)
            .iter()
            .any(|said| said.starts_with("store-streams bad: not there:"))
    );

    // Made, it is safe; made again, it stays.
    let made = run(&project, &format!("store init{everywhere}")).exits(0);
    let streams = acts(&planned).len();
    assert_eq!(
        made.out.matches("made: on 3 servers").count(),
        streams,
        "{made:?}"
    );
    let again = run(&project, &format!("store init --json{everywhere}")).exits(0);
    assert!(acts(&again).iter().all(|act| act == "keep"), "{again:?}");
    assert!(unsafe_of(&again.json()["survey"]).is_empty(), "{again:?}");
    run(&project, "store init --plan").exits(0);

    // How often they write to disk stands only on their monitoring ports.
    let status = run(&project, "store status --json").exits(1).json();
    assert_eq!(
        unsafe_of(&status),
        ["store-disk warning: how often the servers write to disk cannot be seen from here"]
    );

    // What somebody else changed is named, and left alone until somebody agrees.
    let jetstream = jetstream::new(cluster.client().await);
    let name = "backstop-pulse";
    let stream = jetstream.get_stream(name).await.unwrap();
    let mut config = stream.cached_info().config.clone();
    config.max_age = Duration::from_mins(90);
    config.duplicate_window = Duration::from_mins(1);
    jetstream.update_stream(&config).await.unwrap();
    let refused = run(&project, "store init").exits(3);
    assert!(refused.err.contains("max_age 1h30m, not 3d"), "{refused:?}");
    let status = run(&project, "store status").exits(1);
    assert!(
        status
            .out
            .contains("backstop-pulse: duplicate_window is 1m, not 10m"),
        "{status:?}"
    );
    let changed = run(&project, &format!("store init --change{everywhere}")).exits(0);
    assert!(
        changed
            .out
            .contains("changed: duplicate_window 1m, not 10m, max_age 1h30m, not 3d"),
        "{changed:?}"
    );

    // One server less is a warning, two are the end of it; nobody waits for ever.
    let leader = cluster.leader_of(name).await;
    cluster.kill((leader + 1) % 3);
    until("the cluster has noticed", async || {
        let status = run(&project, "store status --json").json();
        let said = unsafe_of(&status).join("\n");
        said.contains("store-reach warning") && said.contains("store-copies warning")
    })
    .await;
    let table = run(&project, "store status").out;
    assert!(table.contains("2/3"), "{table}");
    cluster.kill((leader + 2) % 3);
    until("there is no leader", async || {
        let status = run(&project, "store status --json").json();
        unsafe_of(&status).iter().any(|said| {
            said.starts_with("store-streams bad:")
                || said.starts_with("store-copies bad: no leader")
        })
    })
    .await;
    cluster.kill(leader);
    let gone = run(&project, "store init").exits(5);
    assert!(gone.err.contains("store status"), "{gone:?}");
    let status = run(&project, "store status --json").exits(5).json();
    assert_eq!(unsafe_of(&status).len(), 3, "{status}");
}

#[tokio::test]
async fn one_server_that_asks_nobody_and_writes_when_it_likes_is_called_unsafe() {
    let cluster = Cluster::with(Setup::of(1).lazily_synced()).await;
    let project = project(&cluster, "");
    let refused = run(&project, "store init").exits(5);
    assert!(refused.err.contains("--replicas 1"), "{refused:?}");
    let made = run(
        &project,
        &format!("store init --replicas 1 --json{}", monitoring(&cluster)),
    );
    let said = unsafe_of(&made.exits(5).json()["survey"]);
    assert!(
        said[0].starts_with("store-copies warning: on a single server: backstop-state, "),
        "{said:?}"
    );
    assert!(
        said[1].starts_with("store-disk bad: n1 writes to disk every 120 s"),
        "{said:?}"
    );
    assert_eq!(
        said[2],
        "store-login warning: the servers let anybody in who reaches them"
    );
    assert_eq!(said.len(), 3, "{said:?}");
    // More copies than servers: refused by the cluster, and said so.
    let refused = run(&project, "store init --replicas 3 --change").exits(5);
    assert!(
        refused.err.contains("fewer servers than replicas"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn who_is_not_let_in_hears_why_and_who_may_only_read_changes_nothing() {
    let observer = format!(
        "{{user: observer, password: \"{PASSWORD}\", permissions: {{publish: [\"$JS.API.INFO\", \"$JS.API.STREAM.INFO.>\"], \
         subscribe: [\"_INBOX.>\"]}}}}"
    );
    let cluster = Cluster::with(Setup::of(1).login(Login::Password).users(&observer)).await;
    run(
        &project(&cluster, &by_password(USER)),
        "store init --replicas 1",
    )
    .exits(1);
    let nobody = project(&cluster, &by_password("stranger"));
    let status = run(&nobody, "store status --json").exits(5).json();
    let said = unsafe_of(&status);
    assert!(said[0].contains("authorization violation"), "{said:?}");
    let observer = project(&cluster, &by_password("observer"));
    let status = run(&observer, "store status --json").exits(1).json();
    assert_eq!(status["streams"].as_array().unwrap().len(), 7, "{status}");
    let refused = run(&observer, "store init --replicas 3 --change").exits(3);
    assert!(refused.err.contains("the store at"), "{refused:?}");
}

#[tokio::test]
async fn credentials_and_certificates_are_taken_from_their_files() {
    for login in [Login::Jwt, Login::Nkey] {
        let cluster = Cluster::with(Setup::of(1).login(login).encryption(Encryption::Mutual)).await;
        let (certificate, key) = cluster.certificate();
        let more = format!(
            "[store.login]\nwith = \"{}\"\nkey = {{ file = \"secret\" }}\n[store.tls]\nauthorities = \"{}\"\n\
             certificate = \"{}\"\nkey = \"{}\"",
            if login == Login::Jwt {
                "credentials"
            } else {
                "nkey"
            },
            cluster.authority().display(),
            certificate.display(),
            key.display()
        );
        let project = project(&cluster, &more);
        let user = cluster.credentials();
        let secret = if login == Login::Jwt {
            &user.text
        } else {
            &user.seed
        };
        fs::write(project.path().join("secret"), secret).unwrap();
        private(&project, "secret");
        let line = format!("store init --replicas 1 --json{}", monitoring(&cluster));
        let made = run(&project, &line).exits(1);
        let survey = &made.json()["survey"];
        let said = unsafe_of(survey);
        assert_eq!(said.len(), 1, "{login:?}: {said:?}");
        assert!(
            survey.to_string().contains("connections are encrypted"),
            "{survey}"
        );
    }
}

#[test]
fn a_store_on_one_host_is_no_cluster() {
    let refused = run(&Project::new(), "store status").exits(2);
    assert!(
        refused
            .err
            .contains("is no cluster; `backstop doctor` looks"),
        "{refused:?}"
    );
}
