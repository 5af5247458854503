//! Opening: creates and upgrades the files, reads the overrides, starts the threads.

use std::{
    path::Path,
    sync::{Arc, atomic::AtomicBool, mpsc},
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
    follower::Follower,
    hold,
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
    store::{Access, StoreError, host_name, queue::Queue},
};

/// The least time between two rings of the events bell: what a follower sees late, and what keeps it from
/// waking up thousands of times a second.
const EVENTS_GAP: Duration = Duration::from_millis(20);
/// How many questions are answered at once: a long look through the log must not hold up a short one.
const READERS: usize = 2;

/// The name under which the faults of the events' writer are noted.
pub(super) const WRITER: &str = "writer";

/// Opens a directory. Blocks.
pub(super) fn start(directory: &Path, access: Access, clock: Clock) -> Result<Inner, StoreError> {
    let failed = |error: std::io::Error| StoreError::Open {
        place: directory.display().to_string(),
        cause: error.to_string(),
    };
    let directory = &std::path::absolute(directory).map_err(failed)?;
    let mut parts = Parts::open(directory, access)?;
    let (vitals, alive) = (Arc::clone(&parts.vitals), Alive::default());
    let ended = alive.subscribe();
    let (wakes, woken) = mpsc::channel();
    let newest = watch::Sender::new(parts.log.run(|connection| log::newest(connection))?);
    let table = Table::new(&mut parts.state)?;
    let read = |kind| Database::new(kind, directory, Opening::Read);

    let desk = Desk {
        state: parts.state,
        pulse: parts.pulse,
        table: table.clone(),
        bell: Bell::new(directory, bell::OVERRIDES, Duration::ZERO),
        anchors: Anchors::new(directory),
        clock: clock.clone(),
        host: host_name(),
    };
    let desk = Worker::start("store-state", [desk], &alive).map_err(failed)?;
    let readers = [(); READERS].map(|()| Reader {
        state: read(&schema::STATE),
        log: read(&schema::EVENTS),
        captures: read(&schema::CAPTURES),
    });
    let readers = Worker::start("store-read", readers, &alive).map_err(failed)?;
    let keeper = (access == Access::Write).then(|| Keeper {
        log: Database::new(&schema::EVENTS_UPKEEP, directory, Opening::Existing),
        // Opened, and made, when the first one comes.
        captures: Database::new(&schema::CAPTURES, directory, Opening::Create),
        turn: Turn::of(directory, bell::EVENTS),
    });
    let keeper = Arc::new(Worker::start("store-upkeep", keeper, &alive).map_err(failed)?);
    let follower = Follower {
        wakes: woken,
        watcher: bell::listen(directory, wakes.clone()),
        state: read(&schema::STATE).noted("overrides", &vitals),
        log: read(&schema::EVENTS).noted("events", &vitals),
        table: table.clone(),
        newest: newest.clone(),
    };
    spawn("store-follow", &alive, move || follower.run()).map_err(failed)?;
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
        spawn("store-events", &alive, move || writer.run()).map_err(failed)?;
    }
    Ok(Inner {
        directory: directory.clone(),
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
        vitals,
        ended,
        _hold: parts.hold,
    })
}

/// The files, opened.
struct Parts {
    state: Database,
    log: Database,
    pulse: Database,
    vitals: Arc<Vitals>,
    hold: hold::Hold,
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
            for file in [bell::OVERRIDES, bell::EVENTS, anchors::FILE] {
                files::file(&directory.join(file))?;
            }
        }
        let open = |kind: &'static Kind, opening, part| {
            let mut file = Database::new(kind, directory, opening).noted(part, &vitals);
            file.run(|_| Ok(()))?;
            Ok::<_, StoreError>(file)
        };
        Ok(Self {
            state: open(&schema::STATE, opening, "desk")?,
            log: open(&schema::EVENTS, opening, WRITER)?,
            pulse: open(&schema::PULSE, opening_pulse, "desk")?,
            vitals,
            hold,
        })
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
