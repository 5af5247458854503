//! The threads of a gateway: the workers, and one for accepting, snapshots and heartbeats.

use std::{
    io,
    sync::Arc,
    thread::{Builder, JoinHandle},
};

use tokio::{
    net::TcpListener,
    runtime::{self, LocalOptions, LocalRuntime},
    sync::mpsc,
};
use tokio_util::sync::CancellationToken;

use super::{
    alarm,
    capture::{self, Taken},
    heartbeat::Beater,
    keeper::{self, Keeper},
    server, tls, worker,
    worker::Shared,
};

/// Running threads.
#[derive(Debug)]
pub(super) struct Threads {
    handles: Vec<JoinHandle<()>>,
    /// Closed when the last of them has ended.
    ended: mpsc::Receiver<()>,
}

impl Threads {
    pub(super) fn start(
        shared: &Arc<Shared>,
        keeper: Keeper,
        beater: Beater,
        captures: mpsc::Receiver<Taken>,
        listener: std::net::TcpListener,
        workers: usize,
    ) -> io::Result<Self> {
        let (alive, ended) = mpsc::channel(1);
        let (working, worked) = mpsc::channel(1);
        let mut handles = Vec::with_capacity(workers + 1);
        let mut doors = Vec::with_capacity(workers);
        for index in 0..workers {
            let (door, accepted) = mpsc::unbounded_channel();
            doors.push(door);
            let shared = Arc::clone(shared);
            let alive = (alive.clone(), working.clone());
            handles.push(spawn(&format!("gateway-{index}"), move |runtime| {
                runtime.block_on(worker::run(index, shared, accepted));
                // Ends what the drain limit has left.
                drop(runtime);
                drop(alive);
            })?);
        }
        let front = Front {
            shared: Arc::clone(shared),
            keeper,
            beater,
            captures,
            listener,
            doors,
            worked,
        };
        handles.push(spawn("gateway-keeper", move |runtime| {
            runtime.block_on(front.run());
            drop(alive);
        })?);
        Ok(Self { handles, ended })
    }

    /// Waits until all have ended.
    pub(super) async fn ended(mut self) {
        // Nobody sends: it is closed when the last thread has let go of it.
        while self.ended.recv().await.is_some() {}
        for handle in self.handles {
            if handle.join().is_err() {
                tracing::error!("a gateway thread has panicked");
            }
        }
    }
}

fn spawn(
    name: &str,
    body: impl FnOnce(LocalRuntime) + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let (told, ready) = std::sync::mpsc::channel();
    let handle = Builder::new().name(name.to_owned()).spawn(move || {
        // A local runtime cannot be made on one thread and used on another.
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build_local(LocalOptions::default());
        match runtime {
            Ok(runtime) => {
                let _ = told.send(Ok(()));
                body(runtime);
            }
            Err(error) => {
                let _ = told.send(Err(error));
            }
        }
    })?;
    ready
        .recv()
        .unwrap_or_else(|_| Err(io::Error::other("the thread ended at once")))?;
    Ok(handle)
}

/// Everything but serving.
struct Front {
    shared: Arc<Shared>,
    keeper: Keeper,
    beater: Beater,
    captures: mpsc::Receiver<Taken>,
    listener: std::net::TcpListener,
    doors: Vec<mpsc::UnboundedSender<server::Accepted>>,
    worked: mpsc::Receiver<()>,
}

impl Front {
    async fn run(self) {
        let Self {
            shared,
            keeper,
            beater,
            captures,
            listener,
            doors,
            mut worked,
        } = self;
        let ended = CancellationToken::new();
        let applied = Arc::clone(&keeper.applied);
        let beating = tokio::task::spawn_local(keeper::beat(
            Arc::clone(&shared),
            Arc::clone(&applied),
            beater,
            ended.clone(),
        ));
        tokio::task::spawn_local(keeper.run());
        if let Some((certificate, files)) = shared.certificate.clone() {
            tokio::task::spawn_local(tls::follow(Arc::clone(&shared), certificate, files));
        }
        tokio::task::spawn_local(keeper::readiness(Arc::clone(&shared)));
        tokio::task::spawn_local(alarm::watch(Arc::clone(&shared)));
        tokio::task::spawn_local(alarm::crowding(Arc::clone(&shared)));
        tokio::task::spawn_local(alarm::parting(Arc::clone(&shared)));
        tokio::task::spawn_local(keeper::housekeep(Arc::clone(&shared)));
        tokio::task::spawn_local(capture::keep(Arc::clone(&shared), captures));
        match TcpListener::from_std(listener) {
            Ok(listener) => server::accept(listener, doors, Arc::clone(&shared)).await,
            Err(error) => tracing::error!(%error, "the listener cannot be used"),
        }
        // The doors are closed now: the workers finish what runs. Say at once that this gateway drains.
        applied.notify_one();
        while worked.recv().await.is_some() {}
        ended.cancel();
        let _ = beating.await;
    }
}
