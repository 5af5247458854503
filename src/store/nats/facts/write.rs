//! Changing the state: each change becomes a fact of the log, or is refused, or nobody knows.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::time::{sleep, timeout};
use ulid::Ulid;

use super::{Facts, Shared};
use crate::{
    model::{Anchor, AuditRecord, ChangeRequest, Plan},
    store::{
        ChangeError, StoreError, Touch,
        fact::{Deed, Fact, Refusal, Request, Worked},
        nats::{
            layout::{OLDEST_SERVER, Stream},
            link::{Expect, NotStored, Outgoing, Stored},
            replica::{End, Next, Seen, WorkedOut, Write},
        },
        sqlite::view::Kept,
    },
};

/// How long one message may wait for its acknowledgement before the same one is sent again.
const ACKNOWLEDGED: Duration = Duration::from_millis(1_500);
/// How long the view may take to come to where the log ends.
const CATCH_UP: Duration = Duration::from_secs(2);

/// What the name and the headers of a message take at most.
const HEADERS: usize = 4 * 1024;

/// A fact that was worked out, on its way into the log.
#[derive(Debug)]
struct Drawn {
    fact: Fact,
    lineage: Arc<str>,
    payload: Bytes,
}

/// What came of a request.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It is in the log.
    Made(Box<Fact>),
    /// There was nothing to do.
    Nothing,
    /// The state does not allow it.
    Refused(Refusal),
}

impl Facts {
    /// Compare-and-set of one override together with its audit record.
    pub(in crate::store) async fn change(
        &self,
        request: ChangeRequest,
    ) -> Result<AuditRecord, ChangeError> {
        match self.write(Request::Change(Box::new(request))).await? {
            Outcome::Made(fact) => fact
                .records()
                .pop()
                .ok_or_else(|| self.failed("a change without a record").into()),
            Outcome::Refused(Refusal::Conflict(conflict)) => Err(ChangeError::Conflict(conflict)),
            Outcome::Refused(Refusal::PlanUsed) => Err(ChangeError::PlanUsed),
            Outcome::Refused(refusal) => Err(self.refused(refusal).into()),
            Outcome::Nothing => Err(self.failed("a change of nothing").into()),
        }
    }

    /// Ends what has expired, exactly once over all hosts.
    pub(in crate::store) async fn end_expired(&self) -> Result<Vec<AuditRecord>, StoreError> {
        match self.write(Request::EndExpired).await? {
            Outcome::Made(fact) => Ok(fact.records()),
            Outcome::Nothing => Ok(Vec::new()),
            Outcome::Refused(refusal) => Err(self.refused(refusal)),
        }
    }

    /// Keeps a plan.
    pub(in crate::store) async fn put_plan(&self, plan: Plan) -> Result<(), StoreError> {
        match self.write(Request::Plan(plan)).await? {
            Outcome::Made(_) | Outcome::Nothing => Ok(()),
            Outcome::Refused(refusal) => Err(self.refused(refusal)),
        }
    }

    /// Takes over what another store did, when the audit here ends where it ended there.
    pub(in crate::store) async fn take_over(
        &self,
        after: Anchor,
        deed: Deed,
    ) -> Result<(), StoreError> {
        let deed = Box::new(deed);
        match self.write(Request::TakeOver { after, deed }).await? {
            Outcome::Made(_) | Outcome::Nothing => Ok(()),
            Outcome::Refused(refusal) => Err(self.refused(refusal)),
        }
    }

    /// A refusal that the caller has no better word for.
    pub(super) fn refused(&self, refusal: Refusal) -> StoreError {
        match refusal {
            Refusal::PlanTaken(id) => StoreError::PlanTaken { id },
            Refusal::ReviewThere(id) => self.failed(&format!("review {id} is there already")),
            Refusal::OtherPast => self.failed(
                "its audit does not end where that of the other store did: it has a past of its own, or somebody \
                 changes it meanwhile",
            ),
            Refusal::PlanUsed => self.failed("the plan was already applied"),
            Refusal::Conflict(_) => self.failed("somebody else was faster"),
        }
    }

    pub(super) fn failed(&self, cause: &str) -> StoreError {
        self.0.shared.link.failed(&cause)
    }

    /// Makes a request part of the log, and of the view before the caller hears of it.
    pub(super) async fn write(&self, request: Request) -> Result<Outcome, StoreError> {
        self.may_write()?;
        let shared = &self.0.shared;
        let _turn = self.0.turn.lock().await;
        let (mut write, mut next) = {
            let current = *shared.touch.borrow() == Touch::Current;
            Write::begin(shared.now(), current, fastrand::u64(..))
        };
        let mut drawn: Option<Drawn> = None;
        let mut refusal = None;
        loop {
            next = match next {
                Next::WorkOut => {
                    let (place, worked) = shared.view.work_out(request.clone()).await?;
                    let worked = match (worked, place.lineage) {
                        (Worked::Nothing, _) => WorkedOut::Nothing,
                        (Worked::Refused(why), _) => {
                            refusal = Some(why);
                            WorkedOut::Refused
                        }
                        (Worked::Out(_), None) => {
                            // The view is of no log yet.
                            if let Err(cause) = shared.catch_up(CATCH_UP).await {
                                return Err(self.failed(&format!("{cause}; nothing was changed")));
                            }
                            next = Next::WorkOut;
                            continue;
                        }
                        (Worked::Out(deed), Some(lineage)) => {
                            shared.refuse_old_server()?;
                            let id = Ulid::from_parts(
                                u64::try_from(shared.link.clock().now().as_millisecond())
                                    .unwrap_or(0),
                                u128::from(fastrand::u64(..)) << 16 | u128::from(fastrand::u16(..)),
                            );
                            let fact = Fact::new(id.to_string(), shared.link.clock().now(), *deed);
                            let payload =
                                fact.write().map_err(|error| shared.link.failed(&error))?;
                            shared.refuse_large(payload.len())?;
                            drawn = Some(Drawn {
                                fact,
                                lineage: lineage.into(),
                                payload: payload.into(),
                            });
                            WorkedOut::Fact {
                                after: place.applied,
                            }
                        }
                    };
                    write.worked_out(worked)
                }
                Next::Publish { after } => {
                    let answer = match &drawn {
                        Some(drawn) => shared.publish(drawn, after).await,
                        None => Err(NotStored::Refused("nothing was worked out".to_owned())),
                    };
                    if let Err(error) = &answer {
                        tracing::debug!(%error, after, "a fact was not acknowledged");
                    }
                    write.told(answer, shared.now())
                }
                Next::CatchUp => {
                    let how = shared.catch_up(CATCH_UP).await;
                    write.caught_up(how, shared.now())
                }
                Next::Look(sequence) => match shared.view.fact_at(sequence).await {
                    Ok(found) => {
                        let ours = drawn.as_ref().map(|drawn| drawn.fact.id.as_str());
                        let seen = match found.as_deref() {
                            None => Seen::Nobody,
                            found if found == ours => Seen::Ours,
                            Some(_) => Seen::Others,
                        };
                        write.looked(seen, shared.now())
                    }
                    Err(error) => write.caught_up(Err(error.to_string()), shared.now()),
                },
                Next::Rest(duration) => {
                    sleep(duration).await;
                    write.rested()
                }
                Next::End(end) => return self.end(end, drawn, refusal).await,
            };
        }
    }

    async fn end(
        &self,
        end: End,
        drawn: Option<Drawn>,
        refusal: Option<Refusal>,
    ) -> Result<Outcome, StoreError> {
        let shared = &self.0.shared;
        match (end, drawn, refusal) {
            (End::Stored(sequence), Some(drawn), _) => {
                shared.show(sequence, &drawn).await;
                Ok(Outcome::Made(Box::new(drawn.fact)))
            }
            (End::Refused, _, Some(refusal)) => Ok(Outcome::Refused(refusal)),
            (End::Nothing, _, _) => Ok(Outcome::Nothing),
            (End::Failed(cause), _, _) => {
                Err(self.failed(&format!("{cause}; nothing was changed")))
            }
            (End::Forbidden(subject), _, _) => {
                Err(shared.link.not_stored(&NotStored::Forbidden(subject)))
            }
            (End::Unknown(cause), _, _) => Err(StoreError::Unknown {
                place: shared.link.url().to_owned(),
                cause,
            }),
            (End::Stored(_) | End::Refused, _, _) => Err(self.failed("an answer to nothing")),
        }
    }
}

impl Shared {
    async fn publish(&self, drawn: &Drawn, after: u64) -> Result<Stored, NotStored> {
        let message = Outgoing {
            subject: self.layout().subject(Stream::State, &[]),
            id: drawn.fact.id.clone(),
            expect: Expect::Newest(after),
            headers: Vec::new(),
            payload: drawn.payload.clone(),
        };
        match timeout(ACKNOWLEDGED, self.link.publish(message)).await {
            Ok(answer) => answer,
            Err(_) => Err(NotStored::Unknown("the cluster does not answer".to_owned())),
        }
    }

    /// Shows a fact that is in the log before its author hears of it. It is made, whether or not that works.
    async fn show(&self, sequence: u64, drawn: &Drawn) {
        let facts = Arc::from([(sequence, drawn.fact.clone())]);
        match self.view.apply(Arc::clone(&drawn.lineage), facts).await {
            Ok(Kept::Through(applied)) => self.applied(&drawn.lineage, applied),
            Ok(Kept::Gap(_) | Kept::OtherLog | Kept::OtherPast) => self.again.notify_one(),
            Err(error) => tracing::error!(%error, "a change was made and could not be noted here"),
        }
    }

    /// A fact that no server takes is refused before it is sent, with what to do.
    fn refuse_large(&self, length: usize) -> Result<(), StoreError> {
        let most = self.link.client().max_payload();
        // Nothing is known before the first connection; then nothing can be sent either.
        if most == 0 || length.saturating_add(HEADERS) <= most {
            return Ok(());
        }
        Err(self.link.failed(&format!(
            "what is to be written has {length} bytes packed, and its servers take {most}: raise `max_payload` in the \
             configuration of each of them; nothing was changed"
        )))
    }

    /// Servers before a certain one acknowledge the same place twice when their leader is lost.
    fn refuse_old_server(&self) -> Result<(), StoreError> {
        let version = self.link.client().server_info().version;
        let mut numbers = version
            .split(['.', '-'])
            .map_while(|part| part.parse().ok());
        let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        // Nothing is known before the first connection; then nothing can be sent either.
        if version.is_empty() || found >= OLDEST_SERVER {
            return Ok(());
        }
        let (major, minor) = OLDEST_SERVER;
        Err(self.link.failed(&format!(
            "its server is version {version}, on which two changes can both be acknowledged as the first; \
             {major}.{minor} is the oldest that may be used"
        )))
    }
}
