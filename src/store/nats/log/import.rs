//! Taking in entries that were exported: what is there is read once, what is not is added at the end.

use std::{collections::HashSet, ops::ControlFlow};

use tokio::sync::Mutex;

use super::{
    Log,
    follow::identity,
    pack::Packer,
    read,
    send::{outgoing, send_all},
};
use crate::{
    model::{Entry, EventId},
    store::{Added, StoreError, queue::Job},
};

/// How many messages are on their way at once.
const TOGETHER: usize = 64;

/// An import that goes on.
#[derive(Debug)]
pub(in crate::store) struct Import {
    log: Log,
    writer: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    packer: Packer,
    /// What is in the log, of everything before a sequence.
    known: HashSet<(EventId, bool)>,
    next: u64,
}

impl Log {
    /// Begins an import.
    pub(in crate::store) fn import(&self) -> Result<Import, StoreError> {
        self.may_write()?;
        Ok(Import {
            log: self.clone(),
            writer: self.new_writer(),
            state: Mutex::default(),
        })
    }
}

impl Import {
    /// Adds what is not there yet, in the cluster when this returns. After an error some of it may be: what is run
    /// again passes that over.
    pub(in crate::store) async fn add(&self, entries: Vec<Entry>) -> Result<Added, StoreError> {
        let link = self.log.link();
        let mut state = self.state.lock().await;
        let state = &mut *state;
        let extent = read::extent(link).await?;
        let known = &mut state.known;
        let begin = state.next.max(extent.first).max(1);
        read::stream(link, (begin, extent.last), true, |message| {
            known.extend(message.entries().iter().map(|(_, entry)| identity(entry)));
            ControlFlow::Continue(())
        })
        .await?;
        state.next = extent.last + 1;
        let (mut added, mut jobs) = (Added::default(), Vec::new());
        for entry in entries {
            let is_new = state.known.insert(identity(&entry));
            added.count(&entry, is_new);
            if is_new {
                jobs.push(Job {
                    entry,
                    answer: None,
                });
            }
        }
        let (waves, _) = state.packer.pack(jobs);
        for wave in waves {
            let letters: Vec<_> = wave.into_iter().map(|parcel| parcel.letter).collect();
            for some in letters.chunks(TOGETHER) {
                let sent = send_all(link, outgoing(link, &self.writer, some.iter())).await;
                if let Some(error) = sent.into_iter().find_map(Result::err) {
                    // It is not known what is there now.
                    *state = State {
                        packer: std::mem::take(&mut state.packer),
                        ..State::default()
                    };
                    return Err(link.failed(&error));
                }
            }
        }
        Ok(added)
    }
}
