//! The servers that tests of many hosts stand on: each of their abilities, once.

use std::{path::PathBuf, time::Duration};

use async_nats::{
    Client, ConnectOptions, HeaderMap,
    header::NATS_MESSAGE_ID,
    jetstream::{self, stream},
};
use serde_json::json;
use tokio::time::timeout;

use crate::support::cluster::{Cluster, Encryption, Login, Passage, Setup, until};

/// How long a server that cannot answer is given.
const NO_ANSWER: Duration = Duration::from_millis(700);

/// A stream on disk, on so many servers.
async fn stream(client: &Client, replicas: usize) -> jetstream::Context {
    let mut jetstream = jetstream::new(client.clone());
    jetstream.set_timeout(Duration::from_secs(2));
    let wanted = stream::Config {
        name: "TRIED".to_owned(),
        subjects: vec!["tried.*".to_owned()],
        num_replicas: replicas,
        storage: stream::StorageType::File,
        ..stream::Config::default()
    };
    until("a stream can be made", async || {
        jetstream.create_stream(wanted.clone()).await.is_ok()
    })
    .await;
    jetstream
}

/// Publishes one message until it is acknowledged, at most once.
async fn publish(jetstream: &jetstream::Context, number: u64) {
    until("a message is acknowledged", async || {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, number.to_string());
        let sent = jetstream.publish_with_headers("tried.one", headers, number.to_string().into());
        match sent.await {
            Ok(acknowledged) => acknowledged.await.is_ok(),
            Err(_) => false,
        }
    })
    .await;
}

/// How many messages the stream has, once somebody answers for it.
async fn kept(jetstream: &jetstream::Context) -> u64 {
    let mut found = 0;
    until("the stream answers", async || {
        let Ok(stream) = jetstream.get_stream("TRIED").await else {
            return false;
        };
        found = stream.cached_info().state.messages;
        true
    })
    .await;
    found
}

#[tokio::test]
async fn one_server_keeps_over_kill_nine_what_it_acknowledged() {
    let mut cluster = Cluster::start(1).await;
    let jetstream = stream(&cluster.client().await, 1).await;
    for number in 0..20 {
        publish(&jetstream, number).await;
    }
    cluster.kill(0);
    cluster.revive(0).await;
    cluster.ready().await;
    assert_eq!(
        kept(&jetstream).await,
        20,
        "the same client, which came back by itself"
    );
}

#[tokio::test]
async fn when_the_leader_is_killed_another_leads_and_it_comes_back() {
    let mut cluster = Cluster::start(3).await;
    let jetstream = stream(&cluster.client().await, 3).await;
    publish(&jetstream, 0).await;
    let killed = cluster.leader_of("TRIED").await;
    cluster.kill(killed);
    publish(&jetstream, 1).await;
    assert_ne!(cluster.leader_of("TRIED").await, killed);
    cluster.revive(killed).await;
    cluster.ready().await;
    publish(&jetstream, 2).await;
    assert_eq!(kept(&jetstream).await, 3);
    let stopped = cluster.leader_of("TRIED").await;
    cluster.stop(stopped);
    publish(&jetstream, 3).await;
    assert_ne!(cluster.leader_of("TRIED").await, stopped);
}

/// What somebody who can only reach one server hears from it.
async fn answers(alone: &jetstream::Context) -> bool {
    matches!(
        timeout(NO_ANSWER, alone.get_stream("TRIED")).await,
        Ok(Ok(_))
    )
}

/// What an operator is told to do when a server's copy is damaged.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_its_files_copies_everything_anew() {
    let mut cluster = Cluster::start(3).await;
    let jetstream = stream(&cluster.client().await, 3).await;
    for number in 0..20 {
        publish(&jetstream, number).await;
    }
    for index in 0..3 {
        cluster.stop(index);
        std::fs::remove_dir_all(cluster.path().join(Cluster::name(index)).join("jetstream"))
            .unwrap();
        cluster.revive(index).await;
        cluster.ready().await;
    }
    assert_eq!(kept(&jetstream).await, 20);
}

#[tokio::test]
async fn a_leader_that_is_cut_off_leads_no_more_and_catches_up_when_it_is_back() {
    for how in [Passage::Closed, Passage::Silent] {
        let cluster = Cluster::start(3).await;
        let jetstream = stream(&cluster.client().await, 3).await;
        publish(&jetstream, 0).await;
        let apart = cluster.leader_of("TRIED").await;
        let alone = jetstream::new(cluster.client_of(apart).await);
        assert!(
            answers(&alone).await,
            "{how:?}: it is reached through its door"
        );
        cluster.cut_off(apart, how);
        publish(&jetstream, 1).await;
        assert!(!answers(&alone).await, "{how:?}: nobody reaches it");
        until("another leads", async || {
            cluster.leader_of("TRIED").await != apart
        })
        .await;
        cluster.heal(apart);
        cluster.ready().await;
        publish(&jetstream, 2).await;
        until("it answers again", async || answers(&alone).await).await;
        assert_eq!(kept(&jetstream).await, 3, "{how:?}");
    }
}

#[tokio::test]
async fn clients_that_are_cut_off_find_everything_as_they_left_it() {
    let cluster = Cluster::start(3).await;
    let jetstream = stream(&cluster.client().await, 3).await;
    publish(&jetstream, 0).await;
    let leads = cluster.leader_of("TRIED").await;
    cluster.cut_clients_off(Passage::Silent);
    assert!(!answers(&jetstream).await);
    assert_eq!(
        cluster.leader_of("TRIED").await,
        leads,
        "the servers see each other"
    );
    for index in 0..cluster.len() {
        cluster.heal(index);
    }
    assert_eq!(kept(&jetstream).await, 1);
}

#[tokio::test]
async fn a_leader_that_stands_still_is_replaced() {
    let cluster = Cluster::start(3).await;
    let jetstream = stream(&cluster.client().await, 3).await;
    publish(&jetstream, 0).await;
    let still = cluster.leader_of("TRIED").await;
    cluster.pause(still);
    // A client of its own does not notice for a while; another does not know it.
    let other = jetstream::new(cluster.client_of((still + 1) % 3).await);
    publish(&other, 1).await;
    assert_ne!(cluster.leader_of("TRIED").await, still);
    cluster.resume(still);
    cluster.ready().await;
    assert_eq!(kept(&other).await, 2);
}

#[tokio::test]
async fn after_a_power_cut_everything_that_was_acknowledged_is_there() {
    let mut cluster = Cluster::start(3).await;
    let jetstream = stream(&cluster.client().await, 3).await;
    for number in 0..20 {
        publish(&jetstream, number).await;
    }
    cluster.power_cut();
    assert!((0..3).all(|index| cluster.process(index).is_none()));
    cluster.power_up().await;
    assert_eq!(kept(&jetstream).await, 20);
}

#[tokio::test]
async fn who_shows_the_right_thing_is_let_in_and_nobody_else() {
    let cases = [
        (Login::Open, Encryption::Tls),
        (Login::Password, Encryption::None),
        (Login::Nkey, Encryption::Tls),
        (Login::Jwt, Encryption::None),
        (Login::Jwt, Encryption::Mutual),
    ];
    for (login, encryption) in cases {
        let case = format!("{login:?} over {encryption:?}");
        let cluster = Cluster::with(Setup::of(1).login(login).encryption(encryption)).await;
        let jetstream = stream(&cluster.client().await, 1).await;
        publish(&jetstream, 0).await;
        assert_eq!(kept(&jetstream).await, 1, "{case}");
        let nobody = timeout(
            Duration::from_secs(10),
            async_nats::connect(cluster.servers()),
        )
        .await;
        assert!(
            !matches!(nobody, Ok(Ok(_))),
            "{case}: nobody in particular was let in"
        );
    }
}

#[tokio::test]
async fn three_servers_behind_tls_and_tokens_are_a_cluster_too() {
    let setup = Setup::of(3).login(Login::Jwt).encryption(Encryption::Tls);
    let cluster = Cluster::with(setup).await;
    let jetstream = stream(&cluster.client().await, 3).await;
    publish(&jetstream, 0).await;
    // Somebody of the same account who may only read.
    let reader = cluster.further("reader", &json!({"pub": {"deny": ["tried.>"]}}));
    let options = cluster
        .trusted()
        .credentials_file(&reader.file)
        .await
        .unwrap();
    let jetstream = jetstream::new(options.connect(cluster.servers()).await.unwrap());
    assert_eq!(kept(&jetstream).await, 1);
    let sent = jetstream.publish("tried.one", "no".into()).await.unwrap();
    assert!(sent.await.is_err(), "a reader wrote");
    // The system's own account sees the servers.
    let options = cluster
        .trusted()
        .credentials(&cluster.system().text)
        .unwrap();
    let system = options.connect(cluster.servers()).await.unwrap();
    let told = system
        .request("$SYS.REQ.SERVER.PING", "".into())
        .await
        .unwrap();
    assert!(String::from_utf8_lossy(&told.payload).contains("\"statsz\""));
}

#[tokio::test]
async fn a_user_by_password_may_do_what_its_permissions_say() {
    let reader = r#"{user: reader, password: seen, permissions: {publish: ["$JS.API.>"], subscribe: ["_INBOX.>"]}}"#;
    let cluster = Cluster::with(Setup::of(1).login(Login::Password).users(reader)).await;
    let jetstream = stream(&cluster.client().await, 1).await;
    publish(&jetstream, 0).await;
    let options = ConnectOptions::with_user_and_password("reader".to_owned(), "seen".to_owned());
    let reader = jetstream::new(options.connect(cluster.servers()).await.unwrap());
    assert_eq!(kept(&reader).await, 1);
    let sent = reader.publish("tried.one", "no".into()).await.unwrap();
    assert!(sent.await.is_err(), "a reader wrote");
}

#[tokio::test]
async fn what_is_not_wanted_safe_is_not() {
    let setup = Setup::of(3).lazily_synced().without_doors();
    let cluster = Cluster::with(setup).await;
    let jetstream = stream(&cluster.client().await, 3).await;
    publish(&jetstream, 0).await;
    let jsz = format!("{}/jsz?config=true", cluster.monitoring(0));
    let told: serde_json::Value = reqwest::get(jsz).await.unwrap().json().await.unwrap();
    assert_ne!(told["config"]["sync_always"], json!(true), "{told}");
}

/// `tests/run cluster` holds one here until its input ends, and says where it is.
#[tokio::test]
async fn when_it_is_dropped_nothing_is_left() {
    let cluster = Cluster::start(3).await;
    if std::env::var_os("BACKSTOP_CLUSTER_HOLD").is_some() {
        hold(&cluster);
    }
    let (leader, directory) = (cluster.leader().await, cluster.path().to_owned());
    assert_eq!(Cluster::name(leader), format!("n{}", leader + 1));
    let processes: Vec<PathBuf> = (0..3)
        .filter_map(|index| cluster.process(index))
        .map(|process| PathBuf::from(format!("/proc/{process}/exe")))
        .collect();
    assert_eq!(processes.len(), 3);
    assert!(processes.iter().all(|process| process.read_link().is_ok()));
    drop(cluster);
    assert!(processes.iter().all(|process| process.read_link().is_err()));
    assert!(!directory.exists());
}

#[expect(clippy::print_stdout, reason = "for somebody who asked for it")]
fn hold(cluster: &Cluster) {
    println!("cluster: {}", cluster.url());
    for index in 0..cluster.len() {
        let (name, process) = (Cluster::name(index), cluster.process(index));
        println!(
            "  {name}: {}, process {}, monitoring {}",
            cluster.url_of(index),
            process.unwrap_or_default(),
            cluster.monitoring(index)
        );
    }
    println!("  files: {}", cluster.path().display());
    println!("held until its input ends (Ctrl-D)");
    let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
}
