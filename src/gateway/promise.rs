//! The write-ahead promise: no fallback answer without a durable event.
//!
//! A place in the event queue is taken before the fallback is tried, the decision is appended when it is
//! chosen, and nothing of the fallback's answer is given to the client before the event is durable. A fallback that
//! the provider made is known only from its answer; nothing that tells of it is given before its event is durable.

use std::{rc::Rc, time::Duration};

use http::HeaderValue;
use tokio::time::timeout;

use super::{
    answer::{self, Told},
    exchange::{self, Exchange},
    serve::Ready,
    worker::Given,
};
use crate::{
    model::{ErrorClass, EventDecision, LogFailure, NoticeGiven, Reason},
    store::Receipt,
};

/// How long an answer waits for its event to become durable.
const RECEIPT_LIMIT: Duration = Duration::from_secs(5);

/// The workload refuses a fallback without an event.
pub(super) struct NotLogged;

/// A fallback that was chosen.
pub(super) struct Chosen {
    pub(super) notice: NoticeGiven,
    why: Reason,
    class: Option<ErrorClass>,
    event: Option<HeaderValue>,
    /// `None`: there was no place for the event, and the workload serves all the same.
    receipt: Option<Receipt>,
}

/// Chooses the fallback: takes a place for the event and hands the decision over.
pub(super) fn choose(
    ready: &Ready<'_>,
    exchange: &mut Exchange,
    notice: NoticeGiven,
    why: Reason,
    class: Option<ErrorClass>,
) -> Result<Chosen, NotLogged> {
    let notice = match notice {
        NoticeGiven::Inline if ready.structured => NoticeGiven::Header,
        NoticeGiven::None | NoticeGiven::Header | NoticeGiven::Inline => notice,
    };
    let mut chosen = Chosen {
        notice,
        why,
        class,
        event: None,
        receipt: None,
    };
    if let Ok(place) = exchange.reserve() {
        let event = exchange.event(EventDecision::Fallback, chosen.why.clone(), class, notice);
        chosen.event = HeaderValue::try_from(event.id.to_string()).ok();
        chosen.receipt = Some(exchange.append(place, event));
        return Ok(chosen);
    }
    exchange.unlogged(exchange.given());
    match ready.in_force.ready.workload.on_log_failure {
        LogFailure::Refuse => Err(NotLogged),
        LogFailure::Serve => Ok(chosen),
    }
}

/// Waits for the promise: nothing of a fallback's answer before its event is durable.
pub(super) async fn durable(
    exchange: &Exchange,
    chosen: Option<Chosen>,
) -> Result<Option<Told>, NotLogged> {
    let Some(chosen) = chosen else {
        return Ok(None);
    };
    let unlogged = unlogged(exchange, chosen.receipt).await?;
    let why = match (answer::cause(&chosen.why), chosen.class) {
        (Some(cause), _) => HeaderValue::from_static(cause),
        (None, Some(class)) => HeaderValue::from_static(class.as_str()),
        (None, None) => HeaderValue::from_static("unknown"),
    };
    Ok(Some(Told {
        why,
        event: chosen.event,
        unlogged,
        notice: match chosen.notice {
            NoticeGiven::None => None,
            NoticeGiven::Header | NoticeGiven::Inline => Some(chosen.notice),
        },
    }))
}

/// Waits for one event; `None`: there was no place for it, which was counted. `true`: it is not known to be durable,
/// and the workload serves all the same.
pub(super) async fn unlogged(
    exchange: &Exchange,
    receipt: Option<Receipt>,
) -> Result<bool, NotLogged> {
    if let Some(receipt) = receipt {
        if is_durable(receipt).await {
            return Ok(false);
        }
        exchange.unlogged(exchange.given());
    }
    match exchange.in_force.ready.workload.on_log_failure {
        LogFailure::Refuse => Err(NotLogged),
        LogFailure::Serve => Ok(true),
    }
}

/// Waits for the event of an answer whose head has gone: what it tells is held back meanwhile, and can no longer be
/// refused.
pub(super) fn settled(
    exchange: &Exchange,
    receipt: Option<Receipt>,
) -> impl Future<Output = ()> + 'static {
    let (worker, in_force) = (Rc::clone(&exchange.worker), exchange.in_force.clone());
    async move {
        if let Some(receipt) = receipt
            && !is_durable(receipt).await
        {
            exchange::unlogged(&worker, &in_force, Given::Answer);
        }
    }
}

async fn is_durable(receipt: Receipt) -> bool {
    matches!(timeout(RECEIPT_LIMIT, receipt.durable()).await, Ok(Ok(_)))
}
