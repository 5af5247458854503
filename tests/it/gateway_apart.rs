//! A gateway whose store has gone away: it goes on with the last switches it saw, says so, and counts.

use std::time::Duration;

use backstop::{
    model::{Change, Mode, OverrideKey},
    store::{Pretence, Touch},
};

use crate::support::{
    gateway::{FALLBACK, Site},
    upstream::DEADLINE,
};

const BODY: &str = r#"{"model":"support-chat","messages":[]}"#;

/// Asks a page until it has a text.
async fn until(site: &Site, path: &str, text: &str) -> String {
    let told = async {
        loop {
            let page = site.get(path).await.text().await.unwrap();
            if page.contains(text) {
                return page;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(DEADLINE, told)
        .await
        .unwrap_or_else(|_| panic!("{path} never says {text}"))
}

#[tokio::test]
async fn apart_it_serves_with_the_last_switches_and_says_so() {
    let site = Site::start().await;
    let key = OverrideKey::mode("support-chat".into());
    site.switch(key, Some(Change::Mode(Mode::Force))).await;
    let page = until(&site, "/readyz", "revision: 1\n").await;
    assert!(page.contains("store cluster: in touch\n"), "{page}");
    let metrics = site.get("/metrics").await.text().await.unwrap();
    for line in [
        "backstop_store_apart_seconds 0\n",
        "backstop_store_partings_total 0\n",
        "backstop_spooled_events 0\n",
    ] {
        assert!(metrics.contains(line), "{metrics}");
    }

    let ago = std::time::Duration::from_secs(42);
    site.store.pretend(Pretence::Touch(Touch::Apart {
        since: site.clock.now() - ago,
        cause: "no server answers".to_owned(),
    }));
    let page = until(&site, "/readyz", "APART").await;
    assert!(page.starts_with("ready\n"), "{page}");
    assert!(page.contains("APART for 42 s, since "), "{page}");
    assert!(
        page.contains(
            "no server answers; it serves with the switches of revision 1, the last it saw\n"
        ),
        "{page}"
    );
    let metrics = until(&site, "/metrics", "backstop_store_partings_total 1\n").await;
    assert!(
        !metrics.contains("backstop_store_apart_seconds 0\n"),
        "{metrics}"
    );
    // The switch it saw is still in force.
    let answer = site.ask(BODY).await;
    assert_eq!(answer.text().await.unwrap(), FALLBACK);

    site.store.pretend(Pretence::Touch(Touch::Current));
    until(&site, "/readyz", "store cluster: in touch\n").await;
    let metrics = site.get("/metrics").await.text().await.unwrap();
    assert!(
        metrics.contains("backstop_store_apart_seconds 0\n"),
        "{metrics}"
    );
    assert!(
        metrics.contains("backstop_store_partings_total 1\n"),
        "{metrics}"
    );
    // What it went through stands in its sign of life.
    site.heartbeat(|beat| beat.partings == 1 && beat.apart_since.is_none())
        .await;
}
