//! The stage: prepares a demo, starts its parts behind whatever stands in front, and clears everything away.

use std::{
    collections::BTreeMap,
    fs::{self, File, Permissions},
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Serialize;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    DemoError, Options, history, leftover,
    project::{self, Project},
    provider::{self, Seat, Tempo},
    script::Script,
    signals, simulate, traffic,
};
use crate::{
    clock::Clock,
    config,
    gateway::{self, Gateway},
    model::WorkloadName,
    probe::{self, Prober, Rounds, Schedule},
    store::{Access, Store},
};

/// A demo whose directory, configuration and ports exist, and in which nothing runs yet.
#[derive(Debug)]
pub struct Prepared {
    options: Options,
    directory: TempDir,
    /// Tells other demos that the directory is in use; none where it is to be kept.
    lock: Option<File>,
    project: Project,
    seats: Vec<Seat>,
}

/// What the one in front of the demo (the console, or the waiting of `--headless`) is given.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Any other subcommand can be given this with `--config`.
    pub config: PathBuf,
    /// Holds what serves, once it does.
    pub serving: watch::Receiver<Option<Serving>>,
    /// Cancelled when the demo's time is up, or when it could not start: the front should end.
    pub end: CancellationToken,
}

/// A demo that serves, as `--headless` prints it.
#[derive(Clone, Debug, Serialize)]
pub struct Serving {
    /// The gateway's URL.
    pub gateway: String,
    /// The configuration file.
    pub config: PathBuf,
    /// The store's URL.
    pub store: String,
    /// What clients can call.
    pub workloads: Vec<WorkloadName>,
    /// The simulated providers' URLs.
    pub providers: BTreeMap<&'static str, String>,
}

/// Makes the directory, writes the configuration and takes the ports of the simulated providers. Takes
/// milliseconds, so that a console can open the configuration at once.
pub fn prepare(options: Options) -> Result<Prepared, DemoError> {
    let mut directory = tempfile::Builder::new()
        .prefix(leftover::PREFIX)
        .permissions(Permissions::from_mode(0o700))
        .tempdir()
        .map_err(|cause| DemoError::write(&std::env::temp_dir(), cause))?;
    directory.disable_cleanup(options.keep);
    let lock = if options.keep {
        None
    } else {
        let lock = leftover::lock(directory.path());
        Some(lock.map_err(|cause| DemoError::write(directory.path(), cause))?)
    };
    let seats = provider::take_seats(0)?;
    let project = project::write(directory.path(), &seats)?;
    Ok(Prepared {
        options,
        directory,
        lock,
        project,
        seats,
    })
}

impl Prepared {
    /// The configuration file.
    #[must_use]
    pub fn config(&self) -> &Path {
        &self.project.config
    }

    /// Where logs belong: never on the screen.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.project.log
    }

    /// Starts everything and calls `front` at once, without waiting for the rest; when `front` returns, ends
    /// everything and removes the directory. Needs a runtime with several threads, so that the parts do
    /// not hold up the front.
    ///
    /// # Errors
    /// When a part could not start; `front` has been told to end then.
    pub async fn run<Front, Output>(self, clock: Clock, front: Front) -> Result<Output, DemoError>
    where
        Front: AsyncFnOnce(Stage) -> Output,
    {
        let Self {
            options,
            directory,
            lock,
            project,
            seats,
        } = self;
        let (announce, serving) = watch::channel(None);
        let front_ends = CancellationToken::new();
        let mut serves = serving.clone();
        let stage = Stage {
            config: project.config.clone(),
            serving,
            end: front_ends.clone(),
        };
        let over = CancellationToken::new();
        let in_front = async {
            let output = front(stage).await;
            over.cancel();
            output
        };
        let behind = async {
            let started = Parts::start(options, &project, seats, clock).await;
            match started {
                Ok(parts) => {
                    announce.send_replace(Some(parts.serving.clone()));
                    over.cancelled().await;
                    parts.stop().await
                }
                Err(error) => {
                    front_ends.cancel();
                    Err(error)
                }
            }
        };
        // Counted from the moment it serves, so that even a short demo says where it is.
        let time = async {
            tokio::select! {
                () = over.cancelled() => {}
                () = async {
                    let _ = serves.wait_for(Option::is_some).await;
                    signals::time_up(options.seconds).await;
                } => front_ends.cancel(),
            }
        };
        // Off this thread: nothing waits for it.
        let parent = std::env::temp_dir();
        let swept = tokio::task::spawn_blocking(move || leftover::sweep(&parent, &Clock::system()));
        let (output, behind, ()) = tokio::join!(in_front, behind, time);
        let _ = swept.await;
        behind?;
        let path = directory.path().to_owned();
        if !options.keep {
            clear(directory).map_err(|cause| DemoError::write(&path, cause))?;
        }
        // Only now: nobody else may clear the directory away before.
        drop(lock);
        Ok(output)
    }

    /// Runs without a screen: gives `print` one line of JSON once the gateway serves, and ends when the time is
    /// up or at SIGTERM, SIGINT or SIGHUP.
    pub async fn headless(self, clock: Clock, print: impl FnOnce(&str)) -> Result<(), DemoError> {
        let front = async |mut stage: Stage| {
            let wait = async {
                if let Ok(serving) = stage.serving.wait_for(Option::is_some).await {
                    let line = serving.as_ref().map(serde_json::to_string);
                    if let Some(Ok(line)) = line {
                        print(&line);
                    }
                }
                std::future::pending::<()>().await;
            };
            tokio::select! {
                biased;
                () = wait => Ok(()),
                () = stage.end.cancelled() => Ok(()),
                asked = signals::asked_to_end(None) => asked.map_err(DemoError::Signals),
            }
        };
        self.run(clock, front).await?
    }
}

/// What runs behind the front.
struct Parts {
    serving: Serving,
    gateway: Gateway,
    schedule: Schedule,
    store: Store,
    /// Keeps the configuration followed.
    _follow: config::Follow,
    applications: (CancellationToken, TaskTracker),
    providers: (CancellationToken, TaskTracker),
}

impl Parts {
    async fn start(
        options: Options,
        project: &Project,
        seats: Vec<Seat>,
        clock: Clock,
    ) -> Result<Self, DemoError> {
        let script = if options.faults {
            simulate::load_script("incident")?
        } else {
            Script::default()
        };
        let seed = options.seed.unwrap_or_else(|| fastrand::u64(..));
        let urls = seats
            .iter()
            .map(|seat| (seat.member.name, seat.url()))
            .collect();
        let providers = (CancellationToken::new(), TaskTracker::new());
        // Ends them when one of the next steps fails.
        let guard = providers.0.clone().drop_guard();
        let (token, tasks) = &providers;
        provider::start(seats, &script, seed, &clock, Tempo::Usual, token, tasks);

        let loaded = config::load(&project.config, &|name| std::env::var(name).ok());
        let Some(catalog) = loaded.catalog else {
            return Err(DemoError::Config(loaded.report.render(false)));
        };
        let place = catalog.store.clone();
        let workloads = catalog.workloads.keys().cloned().collect();
        let store = Store::open(&place, Access::Write, clock.clone()).await?;
        let tls = Arc::default();
        let busy = options.traffic && options.faults;
        history::write(&store, &catalog, &tls, &clock, busy).await?;
        let (followed, follow) = config::follow(catalog);
        let gateway = Gateway::start(gateway::Options {
            catalog: followed.catalog.clone(),
            refused: followed.refused,
            store: store.clone(),
            clock: clock.clone(),
            tls: Arc::clone(&tls),
            region: None,
        })
        .await?;
        let schedule = Schedule::start(Rounds {
            prober: Prober::new(tls, clock.clone()),
            catalog: followed.catalog,
            store: store.clone(),
            clock,
            name: gateway.name().clone(),
            beat: probe::BEAT,
        })
        .map_err(DemoError::Probing)?;
        let address = format!("http://{}", gateway.address());
        let applications = (CancellationToken::new(), TaskTracker::new());
        if options.traffic {
            traffic::start(&address, seed, &applications.0, &applications.1)
                .map_err(DemoError::Traffic)?;
        }
        guard.disarm();
        Ok(Self {
            serving: Serving {
                gateway: address,
                config: project.config.clone(),
                store: place.url,
                workloads,
                providers: urls,
            },
            gateway,
            schedule,
            store,
            _follow: follow,
            applications,
            providers,
        })
    }

    /// Ends clients first and providers last, so that the end looks like no incident.
    async fn stop(self) -> Result<(), DemoError> {
        end(self.applications).await;
        self.schedule.stop().await;
        self.gateway.stop().await;
        end(self.providers).await;
        Ok(self.store.close().await?)
    }
}

/// Removes the directory. The console's last connection to the store may end at the same moment, and leave or take
/// away a file of its own while the directory is read.
fn clear(directory: TempDir) -> io::Result<()> {
    /// So often at most.
    const TRIES: usize = 100;
    let path = directory.keep();
    let mut removed = Ok(());
    for _ in 0..TRIES {
        removed = fs::remove_dir_all(&path);
        match &removed {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Ok(()) | Err(_) => return removed,
        }
    }
    removed
}

async fn end((token, tasks): (CancellationToken, TaskTracker)) {
    token.cancel();
    tasks.close();
    tasks.wait().await;
}
