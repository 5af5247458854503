//! What gateways say about themselves, compared with what they should be.

use std::time::Duration;

use jiff::Timestamp;

use super::super::time;
use crate::{
    control::unlogged_words,
    model::{Catalog, Checkup, Heartbeat, Revision, Soundness},
};

/// A gateway is alive while its last heartbeat is younger than this, and one that has not applied a change for as
/// long is behind.
const ALIVE: Duration = Duration::from_secs(5);

/// What they are compared with.
#[derive(Debug)]
pub(super) struct Here<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) revision: Option<Revision>,
    pub(super) now: Timestamp,
}

/// Looks at each.
pub(super) fn look(here: &Here<'_>, beats: &[Heartbeat], checks: &mut Vec<Checkup>) {
    let mut alive = 0;
    for beat in beats {
        let quiet = Duration::try_from(here.now.duration_since(beat.at)).unwrap_or_default();
        if quiet > ALIVE {
            checks.push(silent(beat, here.now));
            continue;
        }
        alive += 1;
        one(here, beat, checks);
    }
    if alive == 0 {
        checks.push(Checkup::found(
            "gateways",
            Soundness::Warning,
            "no gateway is alive on this store",
            "start one with `backstop serve`; if one runs, it uses another store",
        ));
    }
}

fn silent(beat: &Heartbeat, now: Timestamp) -> Checkup {
    let own = rustix::system::uname();
    let here = beat.host == own.nodename().to_string_lossy();
    let gone = here && !std::path::Path::new(&format!("/proc/{}", beat.pid)).exists();
    let advice = if gone {
        "its process is gone without a farewell: it was killed or has crashed; what it was writing is kept or undone, \
         never half there"
    } else if here {
        "its process is there: it is stopped, starved, or cannot write to the store; see its log"
    } else {
        "look at its host"
    };
    Checkup::found(
        "gateways",
        Soundness::Warning,
        format!(
            "{} (process {} on {}) is silent for {}",
            beat.gateway,
            beat.pid,
            beat.host,
            time::age(beat.at, now)
        ),
        advice,
    )
}

fn one(here: &Here<'_>, beat: &Heartbeat, checks: &mut Vec<Checkup>) {
    let before = checks.len();
    let name = format!("{} (process {} on {})", beat.gateway, beat.pid, beat.host);
    let mut found = |soundness, says: String, advice: &str| {
        let says = format!("{name} {says}");
        checks.push(Checkup::found("gateways", soundness, says, advice));
    };
    if let Some(since) = beat.apart_since {
        found(
            Soundness::Bad,
            format!(
                "cannot ask the store's cluster for {}; it serves with the switches of revision {}",
                time::age(since, here.now),
                beat.revision
            ),
            "look at its network and at the servers of the store; it catches up by itself",
        );
    } else if beat.partings > 0 {
        found(
            Soundness::Note,
            format!(
                "lost the store's cluster {} times since its start",
                beat.partings
            ),
            "its log says when",
        );
    }
    if beat.version != env!("CARGO_PKG_VERSION") {
        found(
            Soundness::Warning,
            format!("runs version {}", beat.version),
            "restart it, or use the program of the same version",
        );
    }
    if let Some(error) = &beat.config_error {
        found(
            Soundness::Bad,
            format!("refused its configuration and goes on with the last good one: {error}"),
            "`backstop check` shows what is wrong",
        );
    } else if beat.fingerprint != here.catalog.fingerprint {
        found(
            Soundness::Warning,
            format!(
                "runs configuration {}, here is {}",
                beat.fingerprint, here.catalog.fingerprint
            ),
            "it may have another file; SIGHUP makes it read its own again",
        );
    }
    if let Some(lost) = unlogged_words(beat.unlogged, beat.withheld) {
        let last = beat.unlogged_at.map_or_else(String::new, |at| {
            format!("; the last one at {}", time::moment(at))
        });
        found(
            Soundness::Bad,
            format!("since its start {lost}{last}"),
            "the store failed or was full meanwhile",
        );
    }
    if here.revision.is_some_and(|newest| beat.revision != newest) {
        found(
            Soundness::Note,
            format!(
                "has applied revision {} of {}",
                beat.revision,
                here.revision.unwrap_or_default()
            ),
            "it follows within a second; if it stays behind, see its log",
        );
    }
    if beat.draining {
        found(Soundness::Note, "is draining".to_owned(), "");
    }
    if checks.len() == before {
        let says = format!(
            "{name}: same version and configuration, revision {}",
            beat.revision
        );
        checks.push(Checkup::good("gateways", says));
    }
}
