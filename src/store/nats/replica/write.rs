//! One request to change the state, from the first look at the view to an answer that is certain, or to the words
//! that nobody knows.

use std::time::Duration;

use fastrand::Rng;

use crate::store::nats::link::{NotStored, Stored};

/// How long a request is tried.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is worked out anew because others were faster.
const TRIES: u32 = 200;
/// How long it waits at most before it is worked out anew; grows with each time.
const YIELD: Duration = Duration::from_millis(40);
/// How long it waits at least before it asks a cluster again that gave no answer.
const AGAIN: Duration = Duration::from_millis(100);

/// What has to be done next. What is told then is in brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) enum Next {
    /// Work the request out against the view; the fact gets a name of its own. ([`Write::worked_out`])
    WorkOut,
    /// Publish the fact, the same as before if nothing was worked out since, directly behind this sequence.
    /// ([`Write::told`])
    Publish {
        /// The newest that the view had applied when it was worked out.
        after: u64,
    },
    /// Ask where the log ends and let the view come there. ([`Write::caught_up`])
    CatchUp,
    /// Look in the view which fact stands at this sequence. ([`Write::looked`])
    Look(u64),
    /// Wait. ([`Write::rested`])
    Rest(Duration),
    /// Answer the caller.
    End(End),
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) enum End {
    /// More than half of the servers have the fact, here.
    Stored(u64),
    /// The state does not allow it; the last that was worked out says why.
    Refused,
    /// There is nothing to do.
    Nothing,
    /// It was not made, and never will be; why in words.
    Failed(String),
    /// The same, because whoever one is to the cluster may not publish to this subject.
    Forbidden(String),
    /// Nobody knows whether it was made, or will be; why in words.
    Unknown(String),
}

/// What came of working it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum WorkedOut {
    /// A fact, when this was the newest that the view had applied.
    Fact {
        /// Its sequence.
        after: u64,
    },
    /// The state does not allow it.
    Refused,
    /// There is nothing to do.
    Nothing,
}

/// Whose fact stands at a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Seen {
    /// The one that was published.
    Ours,
    /// Another.
    Others,
    /// None yet, as far as the view goes.
    Nobody,
}

/// A request on its way.
#[derive(Debug)]
pub(in crate::store) struct Write {
    began: Duration,
    chance: Rng,
    tries: u32,
    /// Behind which sequence the fact was worked out.
    after: u64,
    /// It was sent, so it has to be looked for.
    sent: bool,
    /// It was sent and may still be stored; why that is not known.
    maybe: Option<String>,
    /// The view was known to be up to date when the request came.
    current: bool,
    /// It was up to date at some moment since.
    confirmed: bool,
    /// What follows a rest.
    then: Then,
    /// What the cluster said last against it.
    cause: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    WorkOut,
    Publish,
    CatchUp,
}

impl Write {
    /// A request comes. `current`: the view is known to be up to date. `seed`: any number, for waits of different
    /// lengths.
    pub(in crate::store) fn begin(now: Duration, current: bool, seed: u64) -> (Self, Next) {
        let write = Self {
            began: now,
            chance: Rng::with_seed(seed),
            tries: 0,
            after: 0,
            sent: false,
            maybe: None,
            current,
            confirmed: false,
            then: Then::WorkOut,
            cause: String::new(),
        };
        (write, Next::WorkOut)
    }

    /// It was worked out.
    pub(in crate::store) fn worked_out(&mut self, what: WorkedOut) -> Next {
        match what {
            // Nothing is sent to who may not be able to say what becomes of it.
            WorkedOut::Fact { .. } if !self.current && !self.confirmed => Next::CatchUp,
            WorkedOut::Fact { after } => {
                self.after = after;
                self.tries += 1;
                self.publish()
            }
            // The view may be behind: somebody is told that another was faster only when that is so.
            WorkedOut::Refused if !self.confirmed => Next::CatchUp,
            WorkedOut::Refused => Next::End(End::Refused),
            WorkedOut::Nothing => Next::End(End::Nothing),
        }
    }

    /// What became of the message.
    pub(in crate::store) fn told(
        &mut self,
        answer: Result<Stored, NotStored>,
        now: Duration,
    ) -> Next {
        match answer {
            Ok(stored) if stored.sequence == self.after + 1 => {
                Next::End(End::Stored(stored.sequence))
            }
            Ok(stored) => {
                self.maybe = Some(format!(
                    "it was stored at {}, not behind {}",
                    stored.sequence, self.after
                ));
                Next::CatchUp
            }
            // Said by a server that takes itself for the leader. It may be cut off, and the leader have stored it.
            Err(NotStored::Unexpected) => {
                let cause = || NotStored::Unexpected.to_string();
                self.maybe.get_or_insert_with(cause);
                Next::CatchUp
            }
            Err(NotStored::Refused(cause)) => {
                self.cause = cause;
                self.again(now)
            }
            Err(NotStored::Never(cause)) => self.never(cause.clone(), End::Failed(cause)),
            Err(NotStored::Forbidden(subject)) => {
                let cause = NotStored::Forbidden(subject.clone()).to_string();
                self.never(cause, End::Forbidden(subject))
            }
            Err(NotStored::Away) if self.maybe.is_none() => {
                Next::End(End::Failed(NotStored::Away.to_string()))
            }
            Err(NotStored::Away) => self.again(now),
            Err(NotStored::Unknown(cause)) => {
                self.maybe = Some(cause);
                self.again(now)
            }
        }
    }

    /// Whether the view came to where the log ends.
    pub(in crate::store) fn caught_up(&mut self, how: Result<(), String>, now: Duration) -> Next {
        match how {
            Ok(()) => {
                self.confirmed = true;
                if self.sent {
                    Next::Look(self.after + 1)
                } else {
                    Next::WorkOut
                }
            }
            // It was known before that nobody answers: whoever waits is told at once.
            Err(cause) if !self.sent && !self.current => self.give_up(cause),
            Err(_) if self.has_time(now) => self.rest(Then::CatchUp),
            Err(cause) => self.give_up(cause),
        }
    }

    /// Whose fact stands directly behind the one that was expected.
    pub(in crate::store) fn looked(&mut self, seen: Seen, now: Duration) -> Next {
        match seen {
            Seen::Ours => Next::End(End::Stored(self.after + 1)),
            // Ours can never be stored any more.
            Seen::Others => {
                self.maybe = None;
                self.sent = false;
                if self.tries < TRIES && self.has_time(now) {
                    self.rest(Then::WorkOut)
                } else {
                    self.give_up("too many change the state at this moment".to_owned())
                }
            }
            Seen::Nobody if !self.has_time(now) => {
                let cause = self.cause.clone();
                self.give_up(cause)
            }
            // The same message again decides it.
            Seen::Nobody if self.maybe.is_some() => self.rest(Then::Publish),
            Seen::Nobody => self.rest(Then::CatchUp),
        }
    }

    /// The wait is over.
    pub(in crate::store) fn rested(&mut self) -> Next {
        match self.then {
            Then::WorkOut => Next::WorkOut,
            Then::Publish => self.publish(),
            Then::CatchUp => Next::CatchUp,
        }
    }

    fn publish(&mut self) -> Next {
        self.sent = true;
        Next::Publish { after: self.after }
    }

    /// The same message once more while there is time; then what became of it is looked up.
    fn again(&mut self, now: Duration) -> Next {
        if self.has_time(now) {
            self.rest(Then::Publish)
        } else if self.maybe.is_some() {
            Next::CatchUp
        } else {
            Next::End(End::Failed(self.cause.clone()))
        }
    }

    /// This message was not stored, and the same would not be, either. One before it may have been: that is looked up.
    fn never(&mut self, cause: String, end: End) -> Next {
        if self.maybe.is_none() {
            return Next::End(end);
        }
        self.cause = cause;
        Next::CatchUp
    }

    fn has_time(&self, now: Duration) -> bool {
        now.saturating_sub(self.began) < PATIENCE
    }

    fn rest(&mut self, then: Then) -> Next {
        self.then = then;
        let longest = match then {
            Then::WorkOut => (YIELD / 40 * self.tries.min(40)).min(YIELD),
            Then::Publish | Then::CatchUp => AGAIN,
        };
        let chosen = longest.mul_f64(self.chance.f64());
        Next::Rest(match then {
            Then::WorkOut => chosen,
            Then::Publish | Then::CatchUp => AGAIN + chosen,
        })
    }

    fn give_up(&mut self, cause: String) -> Next {
        Next::End(match self.maybe.take() {
            Some(unknown) if cause.is_empty() => End::Unknown(unknown),
            Some(_) => End::Unknown(cause),
            None => End::Failed(cause),
        })
    }
}
