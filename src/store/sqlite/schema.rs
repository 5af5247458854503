//! The database files, and the ladder of steps that brings each to its present shape.
//!
//! A step is never edited once it was released: a new one is added. The number of steps taken is the file's
//! `user_version`; a file with more steps than we know is refused.

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::{chain, fault::Fault};

/// Work inside the transaction of a ladder.
type Fill = fn(&Transaction<'_>) -> Result<(), Fault>;

/// One database file.
#[derive(Debug)]
pub(super) struct Kind {
    /// Its name in the state directory.
    pub(super) file: &'static str,
    /// The steps of its ladder.
    steps: &'static [&'static str],
    /// What steps cannot say in SQL; done behind them, in the same transaction.
    fill: Option<Fill>,
    /// How far a commit waits for the disk.
    pub(super) synchronous: &'static str,
    /// After how many pages of log a commit also moves them into the file; 0: a keeper does it.
    pub(super) checkpoint_pages: u32,
}

/// Overrides, audit, plans and reviews: few writes, every one durable.
pub(super) static STATE: Kind = Kind {
    file: "state.db",
    steps: &[
        "
        CREATE TABLE slots (
            key TEXT PRIMARY KEY,
            revision INTEGER NOT NULL,
            -- Microseconds since 1970, like every moment here; NULL: never, or no override.
            expires INTEGER,
            current TEXT
        ) WITHOUT ROWID;
        CREATE TABLE audit (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            at INTEGER NOT NULL,
            target TEXT NOT NULL,
            revision INTEGER NOT NULL,
            record TEXT NOT NULL
        );
        CREATE INDEX audit_revision ON audit (revision);
        CREATE TABLE plans (
            id TEXT PRIMARY KEY,
            made INTEGER NOT NULL,
            -- The revision it was applied at.
            applied INTEGER,
            plan TEXT NOT NULL
        ) WITHOUT ROWID;
    ",
        "
        CREATE TABLE reviews (
            -- Sorts by time.
            id TEXT PRIMARY KEY,
            workload TEXT NOT NULL,
            at INTEGER NOT NULL,
            head TEXT NOT NULL
        );
        CREATE INDEX reviews_workload ON reviews (workload, id);
        -- Packed, with the outputs; apart, so that a list reads none of it.
        CREATE TABLE review_bodies (
            id TEXT PRIMARY KEY,
            at INTEGER NOT NULL,
            -- FALSE: without the outputs.
            whole INTEGER NOT NULL,
            body BLOB NOT NULL
        );
        CREATE INDEX review_bodies_whole ON review_bodies (at) WHERE whole;
        -- Reviews that are owed.
        CREATE TABLE debts (
            workload TEXT PRIMARY KEY, since INTEGER NOT NULL, debt TEXT NOT NULL
        ) WITHOUT ROWID;
        -- Moves with every review and debt, so that a look costs one number.
        CREATE TABLE reviewed (only INTEGER PRIMARY KEY CHECK (only = 0), place INTEGER NOT NULL);
        INSERT INTO reviewed VALUES (0, 0);
    ",
        "
        ALTER TABLE audit ADD COLUMN seal TEXT;
        -- The newest record that retention removed, and how many it removed in all.
        CREATE TABLE audit_cut (
            only INTEGER PRIMARY KEY CHECK (only = 0),
            sequence INTEGER NOT NULL, seal TEXT NOT NULL, at INTEGER NOT NULL, records INTEGER NOT NULL
        );
        -- The newest record that was there before there were seals, and when it got its own.
        CREATE TABLE audit_sealed_late (
            only INTEGER PRIMARY KEY CHECK (only = 0), sequence INTEGER NOT NULL, at INTEGER NOT NULL
        );
    ",
        "
        -- Only in a view of a fleet's log: of which log it is, and how far it has come in it.
        CREATE TABLE applied (
            only INTEGER PRIMARY KEY CHECK (only = 0),
            lineage TEXT NOT NULL, sequence INTEGER NOT NULL,
            -- When the view was last known to show all there is.
            current INTEGER
        );
        -- The names of the newest facts in it, by their places.
        CREATE TABLE facts (sequence INTEGER PRIMARY KEY, id TEXT NOT NULL);
    ",
        "
        -- Only in a view: the fleet has forgotten its outputs.
        ALTER TABLE reviews ADD COLUMN stripped INTEGER NOT NULL DEFAULT FALSE;
        -- Only in a view: the bases in the log, each with the newest record of the audit at its place.
        CREATE TABLE bases (
            sequence INTEGER PRIMARY KEY, head INTEGER NOT NULL, at INTEGER NOT NULL,
            -- Where it is not the state that this view had; NULL: it is the same.
            differs TEXT
        );
    ",
    ],
    fill: Some(chain::seal_what_was_there),
    synchronous: "FULL",
    checkpoint_pages: 1_000,
};

/// The event log. Every index here is paid for by every event: rows go to the end of their tables, and what
/// filters need is kept apart from the text, so that a filter reads little.
const LOG: Kind = Kind {
    file: "events.db",
    steps: &["
        CREATE TABLE entries (
            seq INTEGER PRIMARY KEY,
            at INTEGER NOT NULL,
            event BLOB NOT NULL,
            -- NULL: an outcome.
            decision TEXT,
            workload TEXT,
            class TEXT
        );
        CREATE INDEX outcomes ON entries (event) WHERE decision IS NULL;
        CREATE TABLE bodies (seq INTEGER PRIMARY KEY, body TEXT NOT NULL);
        -- The first place in the log at which a minute occurs: where to begin for `since`.
        CREATE TABLE minutes (minute INTEGER PRIMARY KEY, first INTEGER NOT NULL);
        -- The newest place that retention removed, so that no place is used twice.
        CREATE TABLE removed (only INTEGER PRIMARY KEY CHECK (only = 0), seq INTEGER NOT NULL);
        INSERT INTO removed VALUES (0, 0);
    "],
    fill: None,
    synchronous: "FULL",
    checkpoint_pages: 0,
};

/// The event log as gateways write it: every commit waits for the disk.
pub(super) static EVENTS: Kind = LOG;

/// The event log as its upkeep writes it: what is lost by a power cut is removed again.
pub(super) static EVENTS_UPKEEP: Kind = Kind {
    synchronous: "NORMAL",
    ..LOG
};

/// What is true now: heartbeats and presence, written every second, and what probes found, which probing brings
/// back. A power cut may take the last of it. `NORMAL` keeps the file whole without waiting for the disk.
pub(super) static PULSE: Kind = Kind {
    file: "pulse.db",
    steps: &["
        CREATE TABLE heartbeats (
            gateway TEXT PRIMARY KEY, at INTEGER NOT NULL, heartbeat TEXT NOT NULL
        ) WITHOUT ROWID;
        CREATE TABLE presences (
            session TEXT PRIMARY KEY, at INTEGER NOT NULL, presence TEXT NOT NULL
        ) WITHOUT ROWID;
    ", "
        CREATE TABLE leases (
            name TEXT PRIMARY KEY, holder TEXT NOT NULL, until INTEGER NOT NULL, term INTEGER NOT NULL
        ) WITHOUT ROWID;
        CREATE TABLE readiness (workload TEXT PRIMARY KEY, readiness TEXT NOT NULL) WITHOUT ROWID;
        -- Hours since 1970.
        CREATE TABLE spending (
            hour INTEGER NOT NULL, route TEXT NOT NULL, requests INTEGER NOT NULL, cost REAL NOT NULL,
            PRIMARY KEY (hour, route)
        ) WITHOUT ROWID;
    ", "
        CREATE TABLE probes (
            route TEXT NOT NULL, subject TEXT NOT NULL, at INTEGER NOT NULL, record TEXT NOT NULL,
            PRIMARY KEY (route, subject)
        );
        CREATE INDEX probes_at ON probes (at);
        CREATE TABLE probe_points (
            route TEXT NOT NULL, subject TEXT NOT NULL, at INTEGER NOT NULL, point TEXT NOT NULL,
            PRIMARY KEY (route, subject, at)
        ) WITHOUT ROWID;
    ", "
        -- Grows with every transaction: what is kept late is not older than what was read before.
        ALTER TABLE probes ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
        CREATE INDEX probes_place ON probes (place);
    ", "
        -- What became of requests, over all gateways, by minute and by hour.
        CREATE TABLE traffic (
            -- Its length in seconds, and which one, counted from 1970.
            stretch INTEGER NOT NULL, number INTEGER NOT NULL, workload TEXT NOT NULL,
            requests INTEGER NOT NULL, primary_failures INTEGER NOT NULL, fallbacks INTEGER NOT NULL,
            errors INTEGER NOT NULL, uncaught INTEGER NOT NULL,
            PRIMARY KEY (stretch, number, workload)
        ) WITHOUT ROWID;
    ", "
        -- Milliseconds, of the slowest gateway; NULL: not told. A row without a workload (an empty name) says that a
        -- gateway has counted, so that no traffic can be told from nobody there.
        ALTER TABLE traffic ADD COLUMN first_p50 INTEGER;
        ALTER TABLE traffic ADD COLUMN first_p95 INTEGER;
    "],
    fill: None,
    synchronous: "NORMAL",
    checkpoint_pages: 1_000,
};

/// Captured request bodies: worth little, and gone within a day.
pub(super) static CAPTURES: Kind = Kind {
    file: "captures.db",
    steps: &["
        CREATE TABLE captures (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            at INTEGER NOT NULL,
            workload TEXT NOT NULL,
            class TEXT NOT NULL,
            captured TEXT NOT NULL
        );
        CREATE INDEX captures_kind ON captures (workload, class, number);
    "],
    fill: None,
    synchronous: "NORMAL",
    checkpoint_pages: 1_000,
};

impl Kind {
    /// The schema that this binary knows.
    pub(super) fn known(&self) -> i64 {
        i64::try_from(self.steps.len()).unwrap_or(i64::MAX)
    }

    /// The schema that the file has.
    pub(super) fn found(connection: &Connection) -> Result<i64, Fault> {
        Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
    }

    /// Takes the steps that are missing. The caller has refused newer files.
    pub(super) fn climb(&self, connection: &mut Connection) -> Result<(), Fault> {
        if Self::found(connection)? >= self.known() {
            return Ok(());
        }
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another process may have been faster.
        let done = usize::try_from(Self::found(&transaction)?).unwrap_or(0);
        for step in self.steps.iter().skip(done) {
            transaction.execute_batch(step)?;
        }
        if let Some(fill) = self.fill {
            fill(&transaction)?;
        }
        transaction.pragma_update(None, "user_version", self.known())?;
        transaction.commit()?;
        Ok(())
    }
}
