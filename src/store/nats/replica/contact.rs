//! Whether what a view shows is all there is: a connection proves nothing, as the server behind it may be cut off
//! from the others. An answer of the log's leader proves it when more than half of the servers heard the leader
//! a moment ago, and once the view has come to where the log ended then.

use std::{collections::VecDeque, time::Duration};

/// How often the leader is asked, with few who ask.
const EVERY: Duration = Duration::from_secs(2);
/// How much rarer each further one who follows the log makes it.
const EACH: Duration = Duration::from_millis(5);
/// How long ago the leader may have heard the others for its answer to be taken for that of more than half: they
/// speak once a second.
const HEARD: Duration = Duration::from_secs(3);
/// How long after the moment that was proved one is in touch, at least.
const HOLDS: Duration = Duration::from_secs(5);
/// How long a view may be behind before the reading is begun again.
const STALLED: Duration = Duration::from_secs(1);
/// How many answers wait for the view.
const WAITING: usize = 8;

/// What the leader of the log answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct Answer {
    /// Which log it is.
    pub(in crate::store) lineage: String,
    /// Where the log ends.
    pub(in crate::store) last: u64,
    /// The other servers that keep the log: how long ago the leader heard each; `None`: it is gone.
    pub(in crate::store) others: Vec<Option<Duration>>,
    /// How many follow the log.
    pub(in crate::store) followers: usize,
}

/// How a view stands to the fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) enum Standing {
    /// It shows all there is.
    Current,
    /// That is not known.
    Apart {
        /// When it last was; `None`: never since the process began.
        proven: Option<Duration>,
        /// In words.
        cause: String,
    },
}

/// An answer that counts once the view is far enough.
#[derive(Clone, Copy, Debug)]
struct Proof {
    asked: Duration,
    /// The moment that it proves.
    moment: Duration,
    /// Where the log ended.
    last: u64,
}

/// What is known of it.
#[derive(Debug)]
pub(in crate::store) struct Contact {
    /// Which log is being read into the view.
    lineage: Option<String>,
    applied: u64,
    /// When the view last moved.
    moved: Duration,
    proven: Option<Duration>,
    waiting: VecDeque<Proof>,
    followers: usize,
    /// Why the log cannot be read, if that is so.
    unread: Option<String>,
    cause: String,
}

impl Contact {
    /// Nothing was asked or read yet.
    pub(in crate::store) fn new() -> Self {
        Self {
            lineage: None,
            applied: 0,
            moved: Duration::ZERO,
            proven: None,
            waiting: VecDeque::new(),
            followers: 0,
            unread: None,
            cause: "the cluster has not answered yet".to_owned(),
        }
    }

    /// The leader answered what was asked at a moment. Whether that speaks for more than half.
    pub(in crate::store) fn answered(&mut self, asked: Duration, answer: &Answer) -> bool {
        self.followers = answer.followers;
        let mut heard: Vec<Duration> = answer.others.iter().flatten().copied().collect();
        heard.retain(|ago| *ago < HEARD);
        heard.sort_unstable();
        let all = 1 + answer.others.len();
        // The leader and so many others are more than half.
        let needed = all / 2;
        let ago = match needed.checked_sub(1) {
            None => Some(Duration::ZERO),
            Some(last) => heard.get(last).copied(),
        };
        let Some(ago) = ago else {
            let alive = 1 + heard.len();
            self.cause =
                format!("the server that answers sees {alive} of the {all} that keep the state");
            return false;
        };
        if let Some(lineage) = &self.lineage
            && *lineage != answer.lineage
        {
            // What was proved was another log's.
            self.lineage = None;
            self.proven = None;
            self.waiting.clear();
            self.cause = format!(
                "the cluster has another log than this host has seen until {}",
                self.applied
            );
        }
        // It may have led nobody since it last heard them. The oldest counts soonest, the newest longest.
        if self.waiting.len() >= WAITING {
            self.waiting.pop_back();
        }
        self.waiting.push_back(Proof {
            asked,
            moment: asked.saturating_sub(ago),
            last: answer.last,
        });
        self.settle();
        if let Some(Proof { last, .. }) = self.waiting.back() {
            self.cause = format!("this host has seen {} of {last} changes", self.applied);
            if let Some(unread) = &self.unread {
                self.cause = format!("{}: {unread}", self.cause);
            }
        }
        true
    }

    /// There was no answer, or not one that says anything.
    pub(in crate::store) fn failed(&mut self, cause: String) {
        self.cause = cause;
    }

    /// The log could not be read, or not on from where the view is.
    pub(in crate::store) fn unread(&mut self, cause: String) {
        self.cause.clone_from(&cause);
        self.unread = Some(cause);
    }

    /// The view has come this far.
    pub(in crate::store) fn applied(&mut self, through: u64, now: Duration) {
        if self.applied != through {
            self.applied = through;
            self.moved = now;
        }
        self.settle();
    }

    fn settle(&mut self) {
        if self.lineage.is_none() {
            return;
        }
        while let Some(proof) = self.waiting.front() {
            if proof.last > self.applied {
                return;
            }
            self.proven = self.proven.max(Some(proof.moment));
            self.waiting.pop_front();
        }
    }

    /// The newest moment that is proved.
    pub(in crate::store) fn proven(&self) -> Option<Duration> {
        self.proven
    }

    /// How it stands.
    pub(in crate::store) fn standing(&self, now: Duration) -> Standing {
        let holds = HOLDS.max(self.every() * 2);
        match self.proven {
            Some(proven) if now.saturating_sub(proven) < holds => Standing::Current,
            proven => Standing::Apart {
                proven,
                cause: self.cause.clone(),
            },
        }
    }

    /// Whether the view stays behind although the cluster answers: its reading has to be begun again.
    pub(in crate::store) fn stalled(&self, now: Duration) -> bool {
        let oldest = self.waiting.front();
        self.lineage.is_none()
            || oldest.is_some_and(|proof| now.saturating_sub(proof.asked.max(self.moved)) > STALLED)
    }

    /// A reading of a log begins, from where the view is: what waited for the one before is asked anew.
    pub(in crate::store) fn begun(&mut self, lineage: &str, applied: u64, now: Duration) {
        if self.lineage.as_deref() != Some(lineage) {
            self.proven = None;
        }
        self.lineage = Some(lineage.to_owned());
        self.unread = None;
        self.waiting.clear();
        self.applied = applied;
        self.moved = now;
    }

    /// How long until the leader is asked again; `chance` from 0 to 1 spreads those who ask.
    pub(in crate::store) fn pause(&self, chance: f64) -> Duration {
        self.every().mul_f64(0.75 + 0.25 * chance.clamp(0.0, 1.0))
    }

    fn every(&self) -> Duration {
        EVERY.max(EACH * u32::try_from(self.followers).unwrap_or(u32::MAX))
    }
}
