//! The system's clock without its jumps. Somebody sets the clock wrong, and right again: no override may end at once
//! for it, none may stay for years, and no two processes may hold the same lease.
//!
//! A difference to the steady time since boot that comes at once is not believed before it has lasted for a minute.
//! Processes of one host tell each other what they believe, so that one that starts meanwhile joins in.

use std::sync::{Mutex, OnceLock, PoisonError};

use rustix::time::{ClockId, clock_gettime};

/// A difference that is no drift, in microseconds.
const JUMP: i64 = 2_000_000;
/// For how long a jump must last.
const BELIEVED_AFTER: i64 = 60_000_000;
/// What others have told is not taken when it is older.
const FRESH: i64 = 10_000_000;

/// What this process holds for the time.
#[derive(Debug)]
struct Belief {
    /// From the steady time to the time of day; `None`: nobody has asked yet.
    offset: Option<i64>,
    /// What the system's clock has claimed, and since when.
    claimed: Option<(i64, i64)>,
    /// Another process has been heard.
    heard: bool,
    /// When it was last logged that a jump is not believed.
    logged: Option<i64>,
}

static BELIEF: Mutex<Belief> = Mutex::new(Belief::none());

impl Belief {
    const fn none() -> Self {
        Self {
            offset: None,
            claimed: None,
            heard: false,
            logged: None,
        }
    }

    /// By how many seconds the system's clock has jumped, once in a while.
    fn news(&mut self, steady: i64) -> Option<i64> {
        let (claimed, _) = self.claimed?;
        if self.logged.is_some_and(|at| steady - at < BELIEVED_AFTER) {
            return None;
        }
        self.logged = Some(steady);
        Some((claimed - self.offset?) / 1_000_000)
    }

    /// The time of day, from what the system's clock says and from the steady time.
    fn now(&mut self, says: i64, steady: i64) -> i64 {
        let offset = says - steady;
        let near = |other: i64| (offset - other).abs() < JUMP;
        let Some(believed) = self.offset.filter(|believed| !near(*believed)) else {
            self.believe(offset);
            return says;
        };
        let since = match self.claimed {
            Some((claimed, since)) if near(claimed) => since,
            Some(_) | None => {
                self.claimed = Some((offset, steady));
                steady
            }
        };
        if steady - since >= BELIEVED_AFTER {
            self.believe(offset);
            return says;
        }
        steady + believed
    }

    const fn believe(&mut self, offset: i64) {
        self.offset = Some(offset);
        self.claimed = None;
    }

    /// Takes what another process believes; once, before this one has a belief that is worth more.
    const fn hear(&mut self, told: Told, steady: i64) {
        let age = steady - told.steady;
        if !self.heard && age > -FRESH && age < FRESH {
            self.believe(told.offset);
        }
        self.heard = true;
    }
}

/// What one process tells another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Told {
    /// When.
    steady: i64,
    offset: i64,
}

impl Told {
    /// Always of the same length.
    fn line(self) -> String {
        let Self { steady, offset } = self;
        format!("{:<36} {steady:020} {offset:020}\n", boot())
    }

    /// `None`: it is none, or of another time since boot.
    fn read(text: &str) -> Option<Self> {
        let mut words = text.strip_suffix('\n')?.split(' ');
        let of = words.next()?;
        let steady = words.next()?.parse().ok()?;
        let offset = words.next()?.parse().ok()?;
        (of == boot() && words.next().is_none()).then_some(Self { steady, offset })
    }
}

/// The time of day in microseconds since 1970, from what the system's clock says.
pub(super) fn now(says: i64) -> i64 {
    let (now, news) = belief(|belief| {
        let steady = steady();
        (belief.now(says, steady), belief.news(steady))
    });
    if let Some(seconds) = news {
        tracing::warn!(
            seconds,
            "the system's clock has jumped; it is believed when it stays there for a minute"
        );
    }
    now
}

/// What this process believes, for others of this host.
pub(super) fn tell(says: i64) -> String {
    let steady = steady();
    let now = belief(|belief| belief.now(says, steady));
    let offset = now - steady;
    Told { steady, offset }.line()
}

/// Hears what another process has told.
pub(super) fn hear(text: &str) {
    if let Some(told) = Told::read(text) {
        belief(|belief| belief.hear(told, steady()));
    }
}

fn belief<T>(work: impl FnOnce(&mut Belief) -> T) -> T {
    // Nobody panics while holding it, and every value of it is whole.
    work(&mut BELIEF.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Goes on while the machine sleeps, where that can be had.
#[cfg(target_os = "linux")]
const STEADY: ClockId = ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const STEADY: ClockId = ClockId::Monotonic;

fn steady() -> i64 {
    let time = clock_gettime(STEADY);
    time.tv_sec.saturating_mul(1_000_000) + time.tv_nsec / 1_000
}

/// Which time since boot it is. Without one, others are not heard.
fn boot() -> &'static str {
    static BOOT: OnceLock<String> = OnceLock::new();
    BOOT.get_or_init(|| {
        let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
        id.map(|id| id.trim().to_owned()).unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;
    const HOUR: i64 = 3_600 * SECOND;
    const NOON: i64 = 1_800_000_000 * SECOND;

    /// Asks once a second, while the clock is wrong by `wrong` from the 10th second on for `lasting` of them.
    fn asked(belief: &mut Belief, wrong: i64, lasting: i64) -> Vec<i64> {
        (0..200)
            .map(|second| {
                let jumps = (10..10 + lasting).contains(&second);
                let says = NOON + second * SECOND + if jumps { wrong } else { 0 };
                belief.now(says, 77 + second * SECOND) - NOON - second * SECOND
            })
            .collect()
    }

    #[test]
    fn jumps_that_do_not_last_are_not_seen_and_others_a_minute_later() {
        for wrong in [HOUR, -HOUR, 20 * 365 * 24 * HOUR, -5 * SECOND] {
            let mut belief = Belief::none();
            let brief = asked(&mut belief, wrong, 59);
            assert_eq!(belief.news(0), None, "it is over");
            belief.now(NOON + wrong, 77);
            let said = [belief.news(0), belief.news(1), belief.news(2 * HOUR)];
            let seconds = Some(wrong / SECOND);
            assert_eq!(said, [seconds, None, seconds]);
            assert!(brief.iter().all(|off| *off == 0), "{wrong}: {brief:?}");
            let lasting = asked(&mut Belief::none(), wrong, 500);
            let at = lasting.iter().position(|off| *off == wrong);
            assert_eq!(at, Some(70), "{wrong}: {lasting:?}");
            assert!(lasting[70..].iter().all(|off| *off == wrong), "{wrong}");
        }
    }

    #[test]
    fn a_clock_that_jumps_back_and_forth_is_never_believed() {
        let mut belief = Belief::none();
        for second in 0..10_000 {
            let wrong = [0, HOUR, -HOUR, 9 * HOUR][usize::try_from(second % 4).unwrap()];
            let steady = second * SECOND;
            assert_eq!(belief.now(NOON + steady + wrong, steady), NOON + steady);
        }
    }

    #[test]
    fn drift_is_followed() {
        let mut belief = Belief::none();
        for second in 0..1_000 {
            // A tenth of a second in every second: no clock is that bad.
            let says = NOON + second * SECOND + second * SECOND / 10;
            assert_eq!(belief.now(says, second * SECOND), says);
        }
    }

    #[test]
    fn who_starts_in_a_jump_believes_who_was_there_before() {
        let told = |steady| Told {
            steady,
            offset: NOON,
        };
        for (case, told, wrong) in [
            ("a second ago", told(99 * SECOND), 0),
            ("long ago", told(9 * SECOND), HOUR),
        ] {
            let mut belief = Belief::none();
            belief.hear(told, 100 * SECOND);
            let steady = 101 * SECOND;
            let now = belief.now(NOON + steady + HOUR, steady);
            assert_eq!(now, NOON + steady + wrong, "{case}");
        }
        // Only once: a belief of one's own is not given up.
        let mut belief = Belief::none();
        belief.hear(told(0), SECOND);
        belief.hear(
            Told {
                steady: SECOND,
                offset: 0,
            },
            SECOND,
        );
        assert_eq!(belief.now(NOON + SECOND, SECOND), NOON + SECOND);
    }

    #[test]
    fn what_is_told_is_heard() {
        for told in [(0, NOON), (77 * SECOND, -NOON), (i64::MAX, i64::MIN + 1)] {
            let (steady, offset) = told;
            let told = Told { steady, offset };
            let line = told.line();
            assert_eq!(line.len(), 36 + 1 + 20 + 1 + 20 + 1);
            assert_eq!(Told::read(&line), Some(told));
            for torn in 0..line.len() {
                assert_eq!(Told::read(line.get(..torn).unwrap()), None);
            }
        }
        let other = format!("{:<36} {:020} {:020}\n", "another-boot", 1, 1);
        assert_eq!(Told::read(&other), None);
    }
}
