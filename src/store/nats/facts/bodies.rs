//! Reviews with their outputs: the packed review goes into a stream of its own, before the fact that says that it is
//! there; a host fetches it when somebody wants to see it, and keeps it.

use std::time::Duration;

use async_nats::jetstream::{
    message::StreamMessage,
    stream::{DirectGetErrorKind, RawMessageErrorKind},
};
use bytes::Bytes;
use tokio::time::timeout;

use super::{Facts, Shared, write::Outcome};
use crate::{
    model::{Review, ReviewHead, ReviewId},
    store::{
        StoreError,
        fact::Request,
        nats::{
            layout::Stream,
            link::{Expect, NotStored, Outgoing},
        },
        reviews,
        sqlite::view::{self, Body},
    },
};

/// How many pieces a packed review has; said with each of them.
const PIECES: &str = "Backstop-Pieces";
/// Said with the pieces of a review whose outputs are gone.
const STRIPPED: &str = "Backstop-Stripped";
/// What a message may not be full of: its subject and headers count, too.
const ROOM: usize = 16 * 1024;
/// How often a piece is sent that nobody acknowledged.
const TRIES: u32 = 3;
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(2);

impl Facts {
    /// Keeps a review.
    pub(in crate::store) async fn put_review(
        &self,
        review: Review,
        settles: bool,
    ) -> Result<(), StoreError> {
        self.may_write()?;
        let (head, packed) = self.pack(review).await?;
        let shared = &self.0.shared;
        shared.upload(&head.id, &packed, None).await?;
        let request = Request::Review {
            head: head.clone(),
            settles,
        };
        match self.write(request).await? {
            Outcome::Made(_) | Outcome::Nothing => {
                let body = Body {
                    head,
                    stripped: false,
                    packed: packed.into(),
                };
                // It is fetched again when it could not be kept.
                if let Err(error) = self.view().keep_body(body).await {
                    tracing::debug!(%error, "the outputs of a review are not kept here");
                }
                Ok(())
            }
            Outcome::Refused(refusal) => Err(self.refused(refusal)),
        }
    }

    async fn pack(&self, review: Review) -> Result<(ReviewHead, Bytes), StoreError> {
        let packed = tokio::task::spawn_blocking(move || {
            reviews::pack(&review).map(|packed| (review.head, packed.into()))
        });
        let packed = packed
            .await
            .map_err(|error| self.failed(&error.to_string()))?;
        packed.map_err(|error| self.failed(&error.to_string()))
    }

    async fn unpack(&self, packed: Bytes) -> Result<Review, StoreError> {
        tokio::task::spawn_blocking(move || view::unpack(&packed))
            .await
            .map_err(|error| self.failed(&error.to_string()))?
            .map_err(|cause| self.failed(&cause))
    }

    /// A review by its name, with its outputs unless their retention is over.
    pub(in crate::store) async fn review(
        &self,
        id: ReviewId,
    ) -> Result<Option<Review>, StoreError> {
        self.refresh().await;
        let head = match self.view().body(id.clone()).await? {
            (None, _) => return Ok(None),
            (Some(_), Some(review)) => return Ok(Some(review)),
            (Some(head), None) => head,
        };
        let shared = &self.0.shared;
        let (packed, _) = shared.download(&id).await?.ok_or_else(|| {
            self.failed(&format!(
                "the outputs of review {id} are not there any more"
            ))
        })?;
        let review = self.unpack(packed.clone()).await?;
        let body = Body {
            head,
            stripped: review.stripped,
            packed: packed.into(),
        };
        self.view().keep_body(body).await?;
        Ok(Some(review))
    }

    /// Writes what is left of a review over it; whichever host is first.
    pub(super) async fn strip(&self, id: &ReviewId) -> Result<(), StoreError> {
        let shared = &self.0.shared;
        let Some((packed, first)) = shared.download(id).await? else {
            return Ok(());
        };
        let mut review = self.unpack(packed).await?;
        if review.stripped {
            return Ok(());
        }
        review.strip();
        let (_, stripped) = self.pack(review).await?;
        let kept = shared.upload(id, &stripped, Some(first.sequence)).await?;
        for piece in kept..pieces_of(&first) {
            shared.purge(&[&id.0, &piece.to_string()]).await?;
        }
        Ok(())
    }
}

impl Shared {
    /// Puts a packed review into the stream, the first piece last: when that is there, all are. `over`: the first
    /// piece of what it replaces. Answers how many pieces there are.
    async fn upload(
        &self,
        id: &ReviewId,
        packed: &Bytes,
        over: Option<u64>,
    ) -> Result<usize, StoreError> {
        let size = self
            .link
            .client()
            .max_payload()
            .saturating_sub(ROOM)
            .max(ROOM);
        let pieces = packed.len().div_ceil(size).max(1);
        for piece in (0..pieces).rev() {
            let end = ((piece + 1) * size).min(packed.len());
            let payload = packed.slice(piece * size..end);
            let expect = match over {
                Some(first) if piece == 0 => Expect::NewestOfSubject(first),
                Some(_) => Expect::Anything,
                None => Expect::NewestOfSubject(0),
            };
            self.upload_piece(id, piece, pieces, expect, payload)
                .await?;
        }
        Ok(pieces)
    }

    async fn upload_piece(
        &self,
        id: &ReviewId,
        piece: usize,
        pieces: usize,
        expect: Expect,
        payload: Bytes,
    ) -> Result<(), StoreError> {
        let stripped = !matches!(expect, Expect::NewestOfSubject(0));
        let mut headers = vec![(PIECES, pieces.to_string())];
        if stripped {
            headers.push((STRIPPED, "true".to_owned()));
        }
        let kind = if stripped { "stripped" } else { "whole" };
        let number = piece.to_string();
        let mut last = NotStored::Away;
        for _ in 0..TRIES {
            let message = Outgoing {
                subject: self.layout().subject(Stream::Reviews, &[&id.0, &number]),
                id: format!("review-{id}-{number}-{kind}"),
                expect,
                headers: headers.clone(),
                payload: payload.clone(),
            };
            match timeout(ANSWER, self.link.publish(message)).await {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(NotStored::Unexpected)) => {
                    // From an earlier try, or another host has replaced it.
                    let found = self.piece(id, piece).await?;
                    let same = found.is_some_and(|found| found.payload == payload);
                    if same || stripped {
                        return Ok(());
                    }
                    let cause = format!("review {id} is there already");
                    return Err(self.link.failed(&cause));
                }
                Ok(Err(
                    error @ (NotStored::Away | NotStored::Never(_) | NotStored::Forbidden(_)),
                )) => return Err(self.link.not_stored(&error)),
                Ok(Err(error)) => last = error,
                Err(_) => last = NotStored::Unknown("the cluster does not answer".to_owned()),
            }
        }
        Err(self.link.failed(&last))
    }

    /// A packed review, and the message with its first piece.
    async fn download(&self, id: &ReviewId) -> Result<Option<(Bytes, StreamMessage)>, StoreError> {
        let Some(first) = self.piece(id, 0).await? else {
            return Ok(None);
        };
        let pieces = pieces_of(&first);
        if pieces == 1 {
            return Ok(Some((first.payload.clone(), first)));
        }
        let mut packed = first.payload.to_vec();
        for piece in 1..pieces {
            let Some(next) = self.piece(id, piece).await? else {
                let cause =
                    format!("review {id} is not whole: piece {piece} of {pieces} is missing");
                return Err(self.link.failed(&cause));
            };
            packed.extend_from_slice(&next.payload);
        }
        Ok(Some((packed.into(), first)))
    }

    async fn piece(
        &self,
        id: &ReviewId,
        piece: usize,
    ) -> Result<Option<StreamMessage>, StoreError> {
        let subject = self
            .layout()
            .subject(Stream::Reviews, &[&id.0, &piece.to_string()]);
        let stream = self.layout().stream(Stream::Reviews);
        let stream = self.link.context().get_stream_no_info(stream).await;
        let stream = stream.map_err(|error| self.link.failed(&error))?;
        let silent = |_| self.link.failed(&"the cluster does not answer");
        let near = timeout(ANSWER, stream.direct_get_last_for_subject(subject.as_str())).await;
        match near.map_err(silent)? {
            Ok(found) => return Ok(Some(found)),
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => {}
            Err(error) => return Err(self.link.failed(&error)),
        }
        // Any server may have answered that; the leader knows.
        let sure = timeout(ANSWER, stream.get_last_raw_message_by_subject(&subject)).await;
        match sure.map_err(silent)? {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(self.link.failed(&error)),
        }
    }

    /// Removes a review's outputs, all of them.
    pub(super) async fn remove(&self, id: &ReviewId) -> Result<(), StoreError> {
        // More pieces than any review has would be a fault of its own.
        self.purge(&[&id.0]).await
    }

    async fn purge(&self, tokens: &[&str]) -> Result<(), StoreError> {
        let mut subject = self.layout().subject(Stream::Reviews, tokens);
        if tokens.len() == 1 {
            subject.push_str(".>");
        }
        let stream = self.layout().stream(Stream::Reviews);
        let stream = self.link.context().get_stream_no_info(stream).await;
        let stream = stream.map_err(|error| self.link.failed(&error))?;
        let done = timeout(ANSWER, stream.purge().filter(subject).into_future()).await;
        match done {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(self.link.failed(&error)),
            Err(_) => Err(self.link.failed(&"the cluster does not answer")),
        }
    }
}

fn pieces_of(first: &StreamMessage) -> usize {
    let said = first.headers.get(PIECES);
    said.and_then(|said| said.as_str().parse().ok())
        .unwrap_or(1)
}
