//! Whole probes against a listener that never answers.

use std::{io::Read, net::TcpListener, sync::Arc, thread, time::Duration};

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{Arrival, Run, Told};
use crate::{
    clock::Clock,
    config,
    console::{
        msg::Msg,
        state::probing::{Subject, questions},
    },
    control::{self, Control, Mode},
    store::{Access, Store},
};

/// Long enough for a busy machine; nothing waits for it to pass.
const DEADLINE: Duration = Duration::from_secs(20);

/// A door onto one workload, both of whose routes lead to an address.
async fn door(directory: &std::path::Path, address: &str) -> Control {
    let body = r#"{"model":"chat","messages":[{"role":"user","content":"Hello"}]}"#;
    std::fs::write(directory.join("hello.json"), body).unwrap();
    let text = format!(
        r#"
schema = 1
environment = {{ name = "test" }}
providers.acme = {{ base_url = "http://{address}/v1", family = "openai-chat", key = {{ none = true }} }}
routes.first = {{ provider = "acme", model = "one" }}
routes.second = {{ provider = "acme", model = "two" }}

[workloads.chat]
primary = "first"
fallback = "second"
samples = [{{ class = "chat", file = "hello.json" }}]
"#
    );
    let file = directory.join("backstop.toml");
    std::fs::write(&file, text).unwrap();
    let loaded = config::load(&file, &|_| None);
    let catalog = loaded.catalog.expect("accepted");
    let clock = Clock::system();
    let url = format!("memory:{}", directory.display());
    let store = Store::open(&url, Access::Write, clock.clone())
        .await
        .unwrap();
    Control::new(
        watch::channel(Arc::new(catalog)).1,
        watch::channel(None).1,
        store,
        clock,
        control::actor(&|_| None, None, "console"),
        Mode::Write,
    )
}

#[tokio::test]
async fn a_probe_that_is_stopped_closes_its_connections() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let directory = tempfile::tempdir().unwrap();
    let control = door(directory.path(), &address).await;
    let subject = Subject::Workload("chat".into());
    let (questions, left_out) = questions(&control.catalog(), &subject);
    assert_eq!((questions.len(), left_out), (2, 0));
    // Reads what comes on each of the two connections until its other end goes away.
    let provider = thread::spawn(move || {
        let asked = [(), ()].map(|()| {
            let (connection, _) = listener.accept().unwrap();
            connection.set_read_timeout(Some(DEADLINE)).unwrap();
            let mut first = [0; 16];
            (&connection).read_exact(&mut first).unwrap();
            (connection, first)
        });
        (asked, listener)
    });
    let (arrivals, mut arrived) = mpsc::channel(64);
    let run = Run {
        request: 7,
        questions,
        door: watch::channel(Some(control)).1,
        arrivals,
        tls: Arc::default(),
        clock: Clock::system(),
    };
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let running = thread::spawn(move || run.block(&stopped));
    let (asked, listener) = tokio::task::spawn_blocking(|| provider.join().unwrap())
        .await
        .unwrap();
    assert!(!running.is_finished(), "it waits for answers");
    stop.cancel();
    let rest = tokio::task::spawn_blocking(move || {
        running.join().unwrap();
        asked.map(|(mut connection, first)| {
            assert_eq!(&first, b"POST /v1/chat/co");
            // An error would be that the connection is still open when the time is up.
            connection.read_to_end(&mut Vec::new()).unwrap()
        })
    })
    .await
    .unwrap();
    assert!(rest.iter().all(|bytes| *bytes > 0));
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "nothing is tried again");
    let mut told = Vec::new();
    while let Some(Arrival::Msg(Msg::Probe {
        request,
        told: news,
        ..
    })) = arrived.recv().await
    {
        assert_eq!(request, 7);
        told.push(news);
    }
    assert!(
        matches!(told.as_slice(), [Told::Sent, Told::Sent]),
        "{told:?}"
    );
}
