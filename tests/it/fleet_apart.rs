//! Static stability with real servers: a gateway goes on, and starts, without its cluster, with the switches that its
//! host saw last; everybody is told; nothing claims to have been applied; what happened meanwhile reaches the cluster
//! when it is back, in order and once; nobody has to do anything for it.

use std::{collections::BTreeSet, net::SocketAddr};

use backstop::{
    clock::Clock,
    model::{Entry, Seq, StorePlace},
    store::{Access, Store},
};

use crate::{
    store_pair::make_streams,
    support::{
        cluster::{Cluster, Passage, until},
        outpost::{Outpost, ask},
    },
};

const SERVERS: usize = 3;

async fn page(client: &reqwest::Client, address: SocketAddr, path: &str) -> String {
    let answer = client.get(format!("http://{address}{path}")).send().await;
    answer.unwrap().text().await.unwrap()
}

/// Whether a gateway says everywhere that it is apart.
async fn says_apart(client: &reqwest::Client, address: SocketAddr) -> bool {
    let ready = page(client, address, "/readyz").await;
    let metrics = page(client, address, "/metrics").await;
    let seconds = metrics
        .lines()
        .find_map(|line| line.strip_prefix("backstop_store_apart_seconds "))
        .and_then(|seconds| seconds.parse::<f64>().ok())
        .unwrap_or_else(|| panic!("{metrics}"));
    ready.contains("APART") && seconds > 0.0
}

/// Who answers for `switched`: the class that made a fallback answer.
async fn reason(client: &reqwest::Client, address: SocketAddr) -> Option<String> {
    let answer = ask(client, address, "switched").await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.fallback
}

async fn decisions(store: &Store) -> Vec<String> {
    let (mut place, mut found) = (Seq(0), Vec::new());
    while let Ok(page) = store.tail(place, 1_000).await {
        let Some((last, _)) = page.last() else { break };
        place = *last;
        found.extend(page.into_iter().filter_map(|(_, entry)| match entry {
            Entry::Decision(event) => Some(event.id.to_string()),
            Entry::Outcome(_) => None,
        }));
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn without_its_cluster_a_gateway_serves_with_the_last_switches() {
    let mut cluster = Cluster::start(SERVERS).await;
    make_streams(&StorePlace::from(&cluster.url()), SERVERS).await;
    let store = format!("url = \"{}\"\nview = \"view\"", cluster.url());
    let post = Outpost::with(&store, "").await;
    let client = reqwest::Client::new();
    let mut gateway = post.serve();
    let address = gateway.address().await;
    until("the gateway is in touch", async || {
        !says_apart(&client, address).await
    })
    .await;
    let force = "force switched --for 1h --reason drill --confirm switched";
    post.run(force).exits(0);
    until("the switch is in force", async || {
        reason(&client, address).await.as_deref() == Some("forced")
    })
    .await;

    // All servers gone at once.
    cluster.power_cut();
    until("the gateway says that it is apart", async || {
        says_apart(&client, address).await
    })
    .await;
    assert_eq!(reason(&client, address).await.as_deref(), Some("forced"));
    let mut meanwhile = BTreeSet::new();
    for _ in 0..10 {
        let answer = ask(&client, address, "eager").await.unwrap();
        assert!(answer.unlogged, "nobody can have promised this: {answer:?}");
        meanwhile.insert(answer.event.unwrap());
        let careful = ask(&client, address, "careful").await.unwrap();
        assert_eq!((careful.status, careful.fallback), (503, None));
    }
    // Nobody is told that anything was applied.
    let refused = post.run("auto switched --confirm switched --reason drill");
    assert_ne!(refused.code, Some(0), "{refused:?}");
    assert!(refused.err.contains("apart"), "{refused:?}");

    // A process that starts now knows the switches, and says what it cannot know.
    let status = post.run("status").exits(0);
    assert!(status.out.contains("gateways unknown"), "{status:?}");
    let switched = status.out.lines().find(|line| line.contains("switched"));
    assert!(switched.unwrap().contains("(by jo until "), "{status:?}");
    let gateways = post.run("gateways").exits(5);
    for told in [&status.err, &gateways.err] {
        assert!(told.contains("APART from the store for "), "{told}");
        assert!(told.contains("kept on no disk of this host"), "{told}");
    }

    // Not even a host that starts now forgets what is in force.
    gateway.kill();
    let mut gateway = post.serve_beside("again");
    let address = gateway.address().await;
    until("the new gateway says that it is apart", async || {
        says_apart(&client, address).await
    })
    .await;
    assert_eq!(reason(&client, address).await.as_deref(), Some("forced"));

    // It comes back, and everything by itself.
    cluster.power_up().await;
    until("the gateway is in touch again", async || {
        !says_apart(&client, address).await
    })
    .await;
    // Each stream finds its leader by itself; until all have one, a command says which has none.
    let auto = "auto switched --confirm switched --reason drill --no-wait";
    until("a change is taken", async || post.run(auto).code == Some(0)).await;
    until("the switch is gone", async || {
        reason(&client, address).await.as_deref() != Some("forced")
    })
    .await;
    let place = StorePlace {
        view: Some(post.path().join("other")),
        ..StorePlace::from(&cluster.url())
    };
    let store = Store::open(place, Access::Observe, Clock::system())
        .await
        .unwrap();
    until("what happened meanwhile is in the log", async || {
        let found = decisions(&store).await;
        let unique: BTreeSet<&String> = found.iter().collect();
        assert_eq!(unique.len(), found.len(), "twice in the log");
        meanwhile.iter().all(|id| unique.contains(id))
    })
    .await;
    gateway.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn behind_a_server_that_is_cut_off_nobody_takes_old_for_new() {
    let cluster = Cluster::start(SERVERS).await;
    make_streams(&StorePlace::from(&cluster.url()), SERVERS).await;
    // Connected to one server only, which then loses the others and does not know it yet.
    let lonely = 0;
    let store = format!("url = \"{}\"\nview = \"view\"", cluster.url_of(lonely));
    let post = Outpost::with(&store, "").await;
    let client = reqwest::Client::new();
    let mut gateway = post.serve();
    let address = gateway.address().await;
    until("the gateway is in touch", async || {
        !says_apart(&client, address).await
    })
    .await;
    cluster.cut_routes(lonely, Passage::Silent);
    until("the gateway says that it is apart", async || {
        says_apart(&client, address).await
    })
    .await;
    let refused = post.run("force switched --for 1h --reason drill --confirm switched");
    assert_ne!(refused.code, Some(0), "{refused:?}");
    cluster.heal(lonely);
    until("the gateway is in touch again", async || {
        !says_apart(&client, address).await
    })
    .await;
    // Made, or made before by a try that did not hear of it.
    until("a change is taken again", async || {
        let run = post.run("force switched --for 1h --reason drill --confirm switched --no-wait");
        let made = matches!(run.code, Some(0 | 1));
        if !made {
            println!("{run:?}");
        }
        made
    })
    .await;
}
