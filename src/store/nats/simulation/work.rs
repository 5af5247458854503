//! How a process makes a request part of the log: [`Write`], and what the program does for it.

use std::{sync::Arc, time::Duration};

use super::{
    Planted,
    host::Role,
    people::Kind,
    post::{Ask, Purpose, Said},
    queue::Event,
    world::World,
};
use crate::{
    model::Revision,
    store::{
        fact::{Fact, Refusal, Request, Worked},
        nats::{
            link::NotStored,
            replica::{End, Next, Seen, Standing, WorkedOut, Write},
        },
    },
};

/// How long the view may take to come to where the log ended; the program's own limit.
const CATCH_UP: Duration = Duration::from_secs(2);
/// How long a request may take until it is answered.
const PATIENCE: Duration = Duration::from_secs(15);

/// A request on its way.
#[derive(Debug)]
pub(super) struct Work {
    number: u64,
    write: Write,
    request: Request,
    fact: Option<Arc<Fact>>,
    refusal: Option<Refusal>,
    /// Which operation of the history it is.
    operation: usize,
    drawn: u32,
    /// How far the view has to come, and until when.
    waits: Option<(u64, Duration)>,
}

/// A request as its author knows it.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) process: usize,
    pub(super) kind: Kind,
    pub(super) began: Duration,
    pub(super) ended: Option<(Duration, Ended)>,
}

/// What its author was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Stored(u64),
    /// What was there, when that is why.
    Conflict(Revision),
    /// For another reason.
    Refused,
    Nothing,
    Failed,
    Unknown,
    /// Its process was killed.
    Killed,
}

impl World {
    /// A process wants something of the state.
    pub(super) fn want(&mut self, process: usize, kind: Kind, request: Request) {
        let operation = self.history.len();
        self.history.push(Operation {
            process,
            kind,
            began: self.now,
            ended: None,
        });
        let contact = &self.processes[process].contact;
        let current = contact.standing(self.now) == Standing::Current;
        let (write, next) = Write::begin(self.now, current, self.chance.u64(..));
        let it = &mut self.processes[process];
        it.works += 1;
        it.work = Some(Work {
            number: it.works,
            write,
            request,
            fact: None,
            refusal: None,
            operation,
            drawn: 0,
            waits: None,
        });
        self.go(process, next);
    }

    /// What has to be done next is done in a moment: in between a process can be killed.
    fn go(&mut self, process: usize, next: Next) {
        let Some(work) = self.processes[process].work.as_ref() else {
            return;
        };
        let number = work.number;
        let after = match &next {
            Next::Rest(duration) => *duration,
            _ if self.chance.u16(0..500) == 0 => self.chance_of(Duration::from_millis(300)),
            _ => Duration::from_micros(30) + self.chance_of(Duration::from_micros(300)),
        };
        let work = number;
        let event = Event::Step {
            process,
            work,
            next,
        };
        self.queue.at(self.now + after, event);
    }

    fn working(&mut self, process: usize, number: u64) -> Option<&mut Work> {
        let work = self.processes[process].work.as_mut();
        work.filter(|work| work.number == number)
    }

    pub(super) fn step(&mut self, process: usize, number: u64, next: Next) {
        let now = self.now;
        let host = self.processes[process].host;
        let Some(work) = self.working(process, number) else {
            return;
        };
        let next = match next {
            Next::WorkOut => return self.work_out(process, number),
            Next::Publish { after } => {
                let Some(fact) = work.fact.as_ref().map(Arc::clone) else {
                    return self.violated("nothing was worked out".to_owned());
                };
                let purpose = Purpose::Publish { work: number };
                return self.ask(process, purpose, Ask::Publish { fact, after });
            }
            Next::CatchUp => {
                let purpose = Purpose::CatchUp { work: number };
                return self.ask(process, purpose, Ask::Info);
            }
            Next::Look(sequence) => {
                let ours = work.fact.as_ref().map(|fact| fact.id.clone());
                let seen = match self.hosts[host].view.fact_at(sequence) {
                    None => Seen::Nobody,
                    found if found == ours.as_ref() => Seen::Ours,
                    Some(_) => Seen::Others,
                };
                match self.working(process, number) {
                    Some(work) => work.write.looked(seen, now),
                    None => return,
                }
            }
            Next::Rest(_) => work.write.rested(),
            Next::End(end) => return self.end(process, end),
        };
        self.go(process, next);
    }

    fn work_out(&mut self, process: usize, number: u64) {
        let host = self.processes[process].host;
        let at = self.clock(host);
        let Some(work) = self.working(process, number) else {
            return;
        };
        let (request, operation, drawn) = (work.request.clone(), work.operation, work.drawn);
        let place = self.hosts[host].view.place();
        let worked =
            self.hosts[host]
                .view
                .work_out(request, at, &self.hosts[host].name, self.size.planted);
        let (mut new, mut refusal) = (None, None);
        let what = match worked {
            // The view is of no log yet: the program says so.
            Ok(Worked::Out(_)) if place.lineage.is_none() => {
                let cause = "this host has not seen the fleet's state yet".to_owned();
                return self.end(process, End::Failed(cause));
            }
            Ok(Worked::Out(deed)) => {
                let fact = Fact::new(format!("{operation}-{drawn}"), at, *deed);
                // What the others apply is what they read.
                let written = fact.write().ok();
                new = written.and_then(|bytes| Fact::read(&bytes).ok());
                if new.as_ref() != Some(&fact) {
                    self.violated(format!("{} is not what was written", fact.id));
                }
                let after = place.applied;
                WorkedOut::Fact { after }
            }
            Ok(Worked::Nothing) => WorkedOut::Nothing,
            Ok(Worked::Refused(why)) => {
                refusal = Some(why);
                WorkedOut::Refused
            }
            Err(error) => return self.violated(format!("it cannot be written: {error}")),
        };
        let Some(work) = self.working(process, number) else {
            return;
        };
        if let Some(fact) = new {
            work.fact = Some(Arc::new(fact));
            work.drawn += 1;
        }
        work.refusal = refusal.or(work.refusal.take());
        let next = work.write.worked_out(what);
        self.go(process, next);
    }

    /// What became of the message.
    pub(super) fn told(&mut self, process: usize, number: u64, said: Said) {
        let now = self.now;
        let hasty = self.size.planted == Some(Planted::Hasty);
        let Some(work) = self.working(process, number) else {
            return;
        };
        let answer = match said {
            Said::Stored(answer) => answer,
            Said::Nobody => Err(NotStored::Refused(
                "no stream of Backstop answers".to_owned(),
            )),
            Said::Silence if hasty && work.drawn < 3 => return self.go(process, Next::WorkOut),
            Said::Silence | Said::Info(..) => {
                Err(NotStored::Unknown("the cluster does not answer".to_owned()))
            }
        };
        let next = work.write.told(answer, now);
        self.go(process, next);
    }

    /// The leader said where the log ends.
    pub(super) fn came(&mut self, process: usize, number: u64, asked: Duration, said: Said) {
        let proved = self.prove(process, asked, said);
        let (now, progress) = (self.now, self.processes[process].progress);
        let Some(work) = self.working(process, number) else {
            return;
        };
        let next = match proved {
            Ok(log) if progress < log.last => {
                let until = now + CATCH_UP;
                work.waits = Some((log.last, until));
                let work = number;
                return self.queue.at(until, Event::Behind { process, work });
            }
            Ok(_) => work.write.caught_up(Ok(()), now),
            Err(cause) => work.write.caught_up(Err(cause), now),
        };
        self.go(process, next);
    }

    /// The view has come further: perhaps far enough.
    pub(super) fn reached(&mut self, process: usize) {
        let now = self.now;
        let it = &mut self.processes[process];
        let progress = it.progress;
        let Some(work) = it.work.as_mut() else {
            return;
        };
        if work.waits.is_some_and(|(last, _)| progress >= last) {
            work.waits = None;
            let next = work.write.caught_up(Ok(()), now);
            self.go(process, next);
        }
    }

    pub(super) fn behind(&mut self, process: usize, number: u64) {
        let now = self.now;
        let Some(work) = self.working(process, number) else {
            return;
        };
        if work.waits.is_some_and(|(_, until)| now >= until) {
            work.waits = None;
            let cause = "this host has not seen all changes".to_owned();
            let next = work.write.caught_up(Err(cause), now);
            self.read_again(process, Duration::from_micros(50));
            self.go(process, next);
        }
    }

    /// The author is told.
    fn end(&mut self, process: usize, end: End) {
        let Some(work) = self.processes[process].work.take() else {
            return;
        };
        let ended = match end {
            End::Stored(sequence) => {
                // It is shown before its author hears of it.
                if let Some(fact) = &work.fact {
                    self.keep(process, sequence, fact);
                }
                Ended::Stored(sequence)
            }
            End::Refused => match work.refusal {
                Some(Refusal::Conflict(conflict)) => Ended::Conflict(conflict.found.revision),
                Some(_) | None => Ended::Refused,
            },
            End::Nothing => Ended::Nothing,
            End::Failed(cause) | End::Forbidden(cause) => {
                self.says_why(process, &cause);
                Ended::Failed
            }
            End::Unknown(cause) => {
                self.says_why(process, &cause);
                Ended::Unknown
            }
        };
        self.ended(work.operation, &ended);
        let it = &self.processes[process];
        let (life, role) = (it.life, it.role);
        match role {
            Role::Gateway => {
                // The program looks again every 30 s, and whenever anything changes.
                let at =
                    self.now + Duration::from_secs(2) + self.chance_of(Duration::from_secs(20));
                self.queue.at(at, Event::Expiry { process, life });
            }
            Role::Operator => {
                let at = self.now + self.chance_of(self.size.thought);
                self.queue.at(at, Event::Wish { process, life });
            }
        }
    }

    fn says_why(&mut self, process: usize, cause: &str) {
        if cause.is_empty() {
            self.violated(format!(
                "process {process} is told that it failed, and not why"
            ));
        }
    }

    pub(super) fn ended(&mut self, operation: usize, ended: &Ended) {
        let now = self.now;
        let it = &mut self.history[operation];
        let answers = match it.kind {
            Kind::Change { .. } | Kind::Plan => &mut self.tally.changes,
            Kind::EndExpired => &mut self.tally.ends,
            Kind::House => &mut self.tally.house,
        };
        match ended {
            Ended::Stored(_) => answers.acknowledged += 1,
            Ended::Conflict(_) | Ended::Refused => answers.refused += 1,
            Ended::Nothing => answers.nothing += 1,
            Ended::Failed => answers.failed += 1,
            Ended::Unknown => answers.unknown += 1,
            Ended::Killed => answers.killed += 1,
        }
        let took = now.saturating_sub(it.began);
        it.ended = Some((now, ended.clone()));
        let words = format!(
            "{operation} of process {}: {:?}: {ended:?} after {took:?}",
            it.process, it.kind
        );
        self.note(|| words);
        if took > PATIENCE {
            self.violated(format!("{operation} was answered after {took:?}"));
        }
    }

    /// A process that is killed hears nothing any more.
    pub(super) fn abandon(&mut self, process: usize) {
        if let Some(work) = self.processes[process].work.take() {
            self.ended(work.operation, &Ended::Killed);
        }
    }
}
