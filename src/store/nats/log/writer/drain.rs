//! Sending what waits while new entries are taken: the writer's own spool first, then those of processes that died.

use std::{collections::HashSet, sync::mpsc};

use super::{
    super::{pack::Letter, send::Delivered, spool::Spool},
    AGAIN, AGAIN_AT_MOST, Writer,
};
use crate::{
    clock::Clock,
    store::{StoreError, nats::link::NotStored},
};

/// Messages that waited and are on their way.
pub(super) struct Underway {
    pub(super) whose: Whose,
    pub(super) delivered: mpsc::Receiver<Delivered>,
}

/// Where messages waited.
pub(super) enum Whose {
    /// In this writer's spool.
    Own,
    /// In memory.
    Stuck,
    /// In the spool of a process that died.
    Orphan(Box<Spool>),
}

impl Writer {
    /// Nothing was delivered, and nobody knows of what.
    pub(super) fn ended(&self) -> Delivered {
        Delivered {
            failed: Some(self.sender.link.failed(&"the program ends")),
            ..Delivered::default()
        }
    }

    /// Sends some of what waits; new entries are taken meanwhile.
    pub(super) fn begin(&mut self) {
        if !*self.sender.link.connected().borrow() {
            self.later(&self.sender.link.failed(&NotStored::Away));
            return;
        }
        self.keep_stuck();
        let now = self.sender.now();
        let (whose, letters) = if !self.spool.is_empty() {
            (Whose::Own, self.spool.next(now))
        } else if !self.stuck.is_empty() {
            (Whose::Stuck, Ok(self.some_stuck(now)))
        } else if let Some(mut orphan) = self.orphans.pop() {
            let letters = orphan.next(now);
            (Whose::Orphan(Box::new(orphan)), letters)
        } else {
            return;
        };
        let (spool, mut whose) = (&mut self.spool, whose);
        let known = match &mut whose {
            Whose::Own => spool.known(),
            Whose::Stuck => Ok(self.known),
            Whose::Orphan(orphan) => orphan.known(),
        };
        let writer = match &whose {
            Whose::Own | Whose::Stuck => &self.spool.writer,
            Whose::Orphan(orphan) => &orphan.writer,
        };
        match (letters, known) {
            (Ok(letters), Ok(known)) => {
                let delivered = self.sender.deliver(writer, letters, known);
                self.underway = Some(Underway { whose, delivered });
            }
            (Err(error), _) | (_, Err(error)) => {
                let failed = Some(error);
                let delivered = Delivered {
                    failed,
                    ..Delivered::default()
                };
                self.settle(whose, delivered);
            }
        }
    }

    /// Tries to bring on disk what could not be kept.
    fn keep_stuck(&mut self) {
        let letters: Vec<&Letter> = self.stuck.iter().collect();
        if !letters.is_empty() && matches!(self.spool.keep(&letters, self.known), Ok(true)) {
            self.queue.places.give_back(count(&self.stuck));
            self.stuck.clear();
        }
    }

    /// The disk takes nothing: straight from memory, as many as keep the order.
    fn some_stuck(&mut self, now: i64) -> Vec<Letter> {
        let mut lanes = HashSet::new();
        let together = self
            .stuck
            .iter_mut()
            .take_while(|letter| lanes.insert(letter.lane.clone()));
        let sent = together.map(|letter| {
            let sent = letter.clone();
            letter.sent = letter.sent.or(Some(now));
            sent
        });
        sent.collect()
    }

    /// Forgets what the cluster has now.
    pub(super) fn settle(&mut self, whose: Whose, delivered: Delivered) {
        let Delivered {
            stored,
            newest,
            failed,
        } = delivered;
        let forgotten = match whose {
            Whose::Own => self.spool.forget(&stored, newest),
            Whose::Stuck => {
                self.stuck.retain(|letter| {
                    let there = stored.contains(&letter.number);
                    if there {
                        self.queue.places.give_back(letter.summary.entries);
                    }
                    !there
                });
                Ok(())
            }
            Whose::Orphan(mut orphan) => {
                let forgotten = orphan.forget(&stored, newest);
                if orphan.is_empty() {
                    orphan.remove();
                } else {
                    self.orphans.push(*orphan);
                }
                forgotten
            }
        };
        if let Some(error) = failed.or(forgotten.err()) {
            self.later(&error);
            return;
        }
        self.pause = AGAIN;
        self.again = Clock::instant();
        if !self.waits() {
            self.spool.remove();
            self.fare(None);
        }
        self.tell();
    }

    /// Tries again after a while.
    pub(super) fn later(&mut self, error: &StoreError) {
        self.again = Clock::instant() + self.pause;
        self.pause = (self.pause * 2).min(AGAIN_AT_MOST);
        if self.waits() {
            self.fare(Some(error));
        }
        self.tell();
    }
}

fn count(letters: &[Letter]) -> usize {
    letters.iter().map(|letter| letter.summary.entries).sum()
}
