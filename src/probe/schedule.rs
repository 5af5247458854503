//! The thread on which probing by schedule runs, beside a gateway and never on its threads.

use std::{io, thread::Builder};

use tokio::{
    runtime::{self, LocalOptions},
    sync::oneshot,
};
use tokio_util::sync::CancellationToken;

use super::Rounds;

/// Probing by schedule, running. Dropped without [`Schedule::stop`], it ends by itself and its lease runs out.
#[derive(Debug)]
pub struct Schedule {
    stop: CancellationToken,
    ended: oneshot::Receiver<()>,
}

impl Schedule {
    /// Starts it.
    ///
    /// # Errors
    /// When no thread can be made.
    pub fn start(rounds: Rounds) -> io::Result<Self> {
        let stop = CancellationToken::new();
        let (alive, ended) = oneshot::channel();
        let stopped = stop.clone();
        Builder::new().name("probe".to_owned()).spawn(move || {
            let runtime = runtime::Builder::new_current_thread()
                .enable_all()
                .build_local(LocalOptions::default());
            match runtime {
                Ok(runtime) => runtime.block_on(rounds.run(stopped)),
                Err(error) => tracing::error!(%error, "nothing is probed: no runtime can be made"),
            }
            drop(alive);
        })?;
        Ok(Self { stop, ended })
    }

    /// Stops sending, gives the lease back, and waits for both.
    pub async fn stop(mut self) {
        self.stop.cancel();
        let _ = (&mut self.ended).await;
    }
}

impl Drop for Schedule {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
