//! Threads that do a backend's blocking work, one piece after the other, so that no caller ever blocks.

use std::{
    fmt, io,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
};

use tokio::sync::{oneshot, watch};

use crate::store::StoreError;

type Job<T> = Box<dyn FnOnce(&mut T) + Send>;

/// Held by every thread of a store; when the last one lets go, the store has ended.
pub(super) type Alive = Arc<watch::Sender<()>>;

/// A queue of work for one or more threads, each with its own `T`.
pub(super) struct Worker<T> {
    jobs: Mutex<Option<mpsc::Sender<Job<T>>>>,
}

impl<T: Send + 'static> Worker<T> {
    /// Starts one thread for each context.
    pub(super) fn start(
        name: &str,
        contexts: impl IntoIterator<Item = T>,
        alive: &Alive,
    ) -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel::<Job<T>>();
        let queue = Arc::new(Mutex::new(queue));
        for mut context in contexts {
            let queue = Arc::clone(&queue);
            let alive = Arc::clone(alive);
            thread::Builder::new()
                .name(name.to_owned())
                .spawn(move || {
                    loop {
                        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                        match job {
                            Ok(job) => job(&mut context),
                            Err(mpsc::RecvError) => break,
                        }
                    }
                    drop(alive);
                })?;
        }
        Ok(Self {
            jobs: Mutex::new(Some(jobs)),
        })
    }

    /// Has work done and waits for its answer. Work whose caller went away before it began is left undone.
    pub(super) async fn call<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut T) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.send(move |context| {
            if !answer.is_closed() {
                // The caller may have gone meanwhile; the work is done all the same.
                let _ = answer.send(work(context));
            }
        })?;
        answered.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Has work done without waiting.
    pub(super) fn send(
        &self,
        work: impl FnOnce(&mut T) + Send + 'static,
    ) -> Result<(), StoreError> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let jobs = jobs.as_ref().ok_or(StoreError::Closed)?;
        jobs.send(Box::new(work)).map_err(|_| StoreError::Closed)
    }

    /// Takes no more work; what waits is still done.
    pub(super) fn close(&self) {
        self.jobs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }
}

impl<T> fmt::Debug for Worker<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Worker")
    }
}
