//! Opening: creates and upgrades the files, reads the overrides, starts the threads.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, atomic::AtomicBool, mpsc},
    thread,
    time::Duration,
};

use tokio::sync::watch;

use super::{
    Inner,
    anchors::{self, Anchors},
    bell::{self, Bell},
    database::{Database, Opening},
    desk::{Desk, Reader},
    files,
    follower::{DESK, Ears, Follower, Wake},
    hold,
    hours::{self, Hours},
    keeper::Keeper,
    log, restore,
    schema::{self, Kind},
    table::Table,
    turn::Turn,
    vitals::Vitals,
    worker::{Alive, Worker},
    writer::Writer,
};
use crate::{
    clock::Clock,
    model::Seq,
    store::{Access, StoreError, host_name, queue::Queue},
};

/// The least time between two rings of the events bell: what a follower sees late, and what keeps it from
/// waking up thousands of times a second.
const EVENTS_GAP: Duration = Duration::from_millis(20);
/// How many questions are answered at once: a long look through the log must not hold up a short one.
const READERS: usize = 2;

/// How often a store that could not be opened at the start is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// The name under which it is noted that nothing could be opened.
const START: &str = "start";
/// The name under which the faults of the events' writer are noted.
pub(super) const WRITER: &str = "writer";

/// Opens a directory. Blocks.
pub(super) fn start(directory: &Path, access: Access, clock: Clock) -> Result<Inner, StoreError> {
    let failed = |error: std::io::Error| StoreError::Open {
        place: directory.display().to_string(),
        cause: error.to_string(),
    };
    let directory = &std::path::absolute(directory).map_err(failed)?;
    hours::hear(directory, &clock);
    let parts = Parts::open(directory, access)?;
    assemble(parts, directory, access, clock).map_err(failed)
}

/// The same for writing, and when the directory cannot be opened now it goes on trying: until then nothing was
/// switched, nothing can be written, and the health says why. Blocks.
pub(super) fn start_or_wait(directory: &Path, clock: Clock) -> Result<Inner, StoreError> {
    let failed = |error: std::io::Error| StoreError::Open {
        place: directory.display().to_string(),
        cause: error.to_string(),
    };
    let directory = &std::path::absolute(directory).map_err(failed)?;
    hours::hear(directory, &clock);
    let parts = Parts::open(directory, Access::Write)
        .unwrap_or_else(|error| Parts::unopened(directory, &error));
    assemble(parts, directory, Access::Write, clock).map_err(failed)
}

/// Starts the threads.
fn assemble(
    parts: Parts,
    directory: &Path,
    access: Access,
    clock: Clock,
) -> std::io::Result<Inner> {
    let (vitals, alive) = (parts.vitals, Alive::default());
    let ended = alive.subscribe();
    let (wakes, woken) = mpsc::channel();
    let (newest, table) = (watch::Sender::new(parts.newest), parts.table);
    let pulse = watch::Sender::new(0);
    let read = |kind| Database::new(kind, directory, Opening::Read);

    let desk = Desk {
        state: parts.state,
        pulse: parts.pulse,
        table: table.clone(),
        bell: Bell::new(directory, bell::OVERRIDES, Duration::ZERO),
        anchors: Anchors::new(directory),
        clock: clock.clone(),
        hours: Hours::new(directory),
        host: host_name(),
    };
    let desk = Arc::new(Worker::start("store-state", [desk], &alive)?);
    let readers = [(); READERS].map(|()| Reader {
        state: read(&schema::STATE),
        log: read(&schema::EVENTS),
        captures: read(&schema::CAPTURES),
    });
    let readers = Worker::start("store-read", readers, &alive)?;
    let keeper = (access == Access::Write).then(|| Keeper {
        log: Database::new(&schema::EVENTS_UPKEEP, directory, Opening::Existing),
        // Opened, and made, when the first one comes.
        captures: Database::new(&schema::CAPTURES, directory, Opening::Create),
        turn: Turn::of(directory, bell::EVENTS),
    });
    let keeper = Arc::new(Worker::start("store-upkeep", keeper, &alive)?);
    let ears = Ears {
        directory: directory.to_owned(),
        wakes: wakes.clone(),
    };
    let follower = Follower {
        wakes: woken,
        watcher: ears.listen(),
        ears,
        state: read(&schema::STATE).noted("overrides", &vitals),
        log: read(&schema::EVENTS).noted("events", &vitals),
        beats: read(&schema::PULSE),
        table: table.clone(),
        newest: newest.clone(),
        pulse: pulse.clone(),
        vitals: Arc::clone(&vitals),
        desk: (access == Access::Write).then(|| Arc::clone(&desk)),
    };
    spawn("store-follow", &alive, move || follower.run())?;
    let queue = Arc::new(Queue::new());
    if access == Access::Write {
        let writer = Writer {
            queue: Arc::clone(&queue),
            log: parts.log,
            turn: Turn::of(directory, bell::EVENTS),
            newest: newest.clone(),
            bell: Bell::new(directory, bell::EVENTS, EVENTS_GAP),
            keeper: Arc::clone(&keeper),
        };
        spawn("store-events", &alive, move || writer.run())?;
    }
    let (stop, stopped) = mpsc::channel();
    let hold = if parts.opened {
        Some(parts.hold)
    } else {
        let latecomer = Latecomer {
            directory: directory.to_owned(),
            vitals: Arc::clone(&vitals),
            wakes: wakes.clone(),
            stopped,
        };
        spawn("store-open", &alive, move || latecomer.run())?;
        None
    };
    Ok(Inner {
        directory: directory.to_owned(),
        access,
        clock,
        closed: AtomicBool::new(false),
        queue,
        desk,
        readers,
        keeper,
        wakes,
        table,
        newest,
        pulse,
        vitals,
        ended,
        latecomer: Mutex::new(Some(stop)),
        _hold: hold,
    })
}

/// The files, opened.
struct Parts {
    state: Database,
    log: Database,
    pulse: Database,
    vitals: Arc<Vitals>,
    hold: hold::Hold,
    table: Table,
    newest: Seq,
    /// `false`: each is opened when that becomes possible.
    opened: bool,
}

impl Parts {
    fn open(directory: &Path, access: Access) -> Result<Self, StoreError> {
        let vitals = Arc::new(Vitals::new());
        let (opening, opening_pulse) = match access {
            // Whether an observer may say that it is there is for the operating system to decide.
            Access::Observe => (Opening::Read, Opening::Existing),
            Access::Write => (Opening::Create, Opening::Create),
        };
        if access == Access::Write {
            files::directory(directory)?;
            files::file(&directory.join(hold::FILE))?;
        }
        let hold = hold::share(directory)?;
        restore::refuse_unfinished(directory)?;
        if access == Access::Write {
            for file in [bell::OVERRIDES, bell::EVENTS, anchors::FILE, hours::FILE] {
                files::file(&directory.join(file))?;
            }
        }
        let open = |kind: &'static Kind, opening, part| {
            let mut file = Database::new(kind, directory, opening).noted(part, &vitals);
            file.run(|_| Ok(()))?;
            Ok::<_, StoreError>(file)
        };
        let mut state = open(&schema::STATE, opening, DESK)?;
        let mut log = open(&schema::EVENTS, opening, WRITER)?;
        let pulse = open(&schema::PULSE, opening_pulse, "pulse")?;
        Ok(Self {
            table: Table::new(&mut state)?,
            newest: log.run(|connection| log::newest(connection))?,
            state,
            log,
            pulse,
            vitals,
            hold,
            opened: true,
        })
    }

    /// Nothing is opened yet, as that failed.
    fn unopened(directory: &Path, error: &StoreError) -> Self {
        let vitals = Arc::new(Vitals::new());
        vitals.note(START, Some(error));
        let later =
            |kind, part| Database::new(kind, directory, Opening::Create).noted(part, &vitals);
        Self {
            state: later(&schema::STATE, DESK),
            log: later(&schema::EVENTS, WRITER),
            pulse: later(&schema::PULSE, "pulse"),
            hold: hold::Hold::none(),
            table: Table::empty(),
            newest: Seq(0),
            opened: false,
            vitals,
        }
    }
}

/// Tries to open what could not be opened at the start, until it can.
struct Latecomer {
    directory: PathBuf,
    vitals: Arc<Vitals>,
    wakes: mpsc::Sender<Wake>,
    stopped: mpsc::Receiver<()>,
}

impl Latecomer {
    fn run(self) {
        while matches!(
            self.stopped.recv_timeout(TRY_AGAIN),
            Err(mpsc::RecvTimeoutError::Timeout)
        ) {
            match Parts::open(&self.directory, Access::Write) {
                Ok(parts) => {
                    self.vitals.note(START, None);
                    for wake in [Wake::Overrides, Wake::Events] {
                        // The follower ends with the store.
                        let _ = self.wakes.send(wake);
                    }
                    // The files are there and up to date: the others open them by themselves. This one stays only
                    // to have the store held.
                    let _held = parts.hold;
                    let _ = self.stopped.recv();
                    return;
                }
                Err(error) => self.vitals.note(START, Some(&error)),
            }
        }
    }
}

fn spawn(name: &str, alive: &Alive, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    let alive = Arc::clone(alive);
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            work();
            drop(alive);
        })?;
    Ok(())
}
