//! The end of a gateway: running requests finish, new ones do not come, and what hangs is cut off.

use std::{sync::Arc, time::Duration};

use backstop::model::OutcomeKind;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Semaphore,
    time::timeout,
};

use crate::support::{
    gateway::{OVERLOADED, PRIMARY, Plan, Site},
    upstream::{DEADLINE, Script, Step},
};

const REQUEST: &str = "POST /w/support-chat/v1/chat/completions HTTP/1.1\r\nhost: h\r\ncontent-length: 27\r\n\r\n{\"model\":\"m\",\"messages\":[]}";

#[tokio::test]
async fn running_requests_finish_and_idle_connections_close() {
    let site = Site::start().await;
    let gate = Arc::new(Semaphore::new(0));
    site.primary.set(Script::new().step(Step::Gate(Arc::clone(&gate))).send(format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{PRIMARY}",
        PRIMARY.len()
    )));
    let address = site.gateway.address();
    let mut idle = TcpStream::connect(address).await.unwrap();
    let mut running = TcpStream::connect(address).await.unwrap();
    running.write_all(REQUEST.as_bytes()).await.unwrap();
    site.primary.asked(1).await;
    let Site {
        gateway,
        store,
        primary,
        ..
    } = site;
    let name = gateway.name().clone();
    let stopping = tokio::spawn(gateway.stop());
    // The idle connection is closed at once, and the listener goes.
    assert_eq!(idle.read(&mut [0; 9]).await.unwrap(), 0);
    let refused = async { while TcpStream::connect(address).await.is_ok() {} };
    timeout(DEADLINE, refused).await.unwrap();
    let beats = store.heartbeats().await.unwrap();
    assert!(beats.iter().any(|beat| beat.gateway == name));
    gate.add_permits(1);
    let mut answer = String::new();
    // Read to the end: the connection is closed after its answer.
    running.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.ends_with(PRIMARY), "{answer}");
    stopping.await.unwrap();
    // It has said farewell.
    assert!(
        store
            .heartbeats()
            .await
            .unwrap()
            .iter()
            .all(|beat| beat.gateway != name)
    );
    drop(primary);
}

#[tokio::test]
async fn what_outlasts_the_drain_limit_is_cut_off_and_recorded() {
    let site = Site::with(Plan {
        settings: Box::new(|settings| settings.drain = Duration::from_millis(50)),
        ..Plan::default()
    })
    .await;
    site.primary.set(Script::json(503, OVERLOADED));
    site.fallback.set(Script::new().step(Step::Hang));
    let mut running = TcpStream::connect(site.gateway.address()).await.unwrap();
    running.write_all(REQUEST.as_bytes()).await.unwrap();
    site.fallback.asked(1).await;
    let Site {
        gateway,
        store,
        fallback,
        primary,
        catalog,
        ..
    } = site;
    gateway.stop().await;
    fallback.cancelled(1).await;
    assert_eq!(running.read(&mut [0; 9]).await.unwrap_or(0), 0);
    let events = store
        .events(backstop::store::EventQuery::default())
        .await
        .unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(
        events[0].outcome.as_ref().unwrap().kind,
        OutcomeKind::ClientGone
    );
    drop((primary, catalog));
}
