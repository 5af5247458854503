//! Fallbacks that a provider makes itself: recognised in its answer and recorded as events of their own kind.
//!
//! Nothing is decided here and no notice of ours is given: the provider has told the caller, or the answer's
//! own `model` does. What is known before the head is sent stands in a header as well.

use http::HeaderValue;

use super::{exchange::Exchange, headers};
use crate::{
    model::{Reason, Route, visible},
    policy::{Side, is_other_model},
    store::Receipt,
    wire::served::{HandOver, Served},
};

/// The longest name of a model that is put into an event.
const NAME_LIMIT: usize = 128;

/// A fallback that a provider made.
pub(super) struct Noted {
    /// The model that answered, for the head.
    pub(super) model: HeaderValue,
    /// Its event; `None`: there was no place for it.
    pub(super) receipt: Option<Receipt>,
}

/// Hands over what an answer has said, once for each request.
pub(super) fn note(exchange: &mut Exchange, side: Side, served: &Served) -> Option<Noted> {
    if exchange.provider_made.is_some() || *served == Served::default() {
        return None;
    }
    let HandOver { from, to, trigger } = made(&exchange.in_force.ready.route(side)?.route, served)?;
    let model = headers::value(&to);
    let from = from?;
    let receipt = exchange.provider_made(side, Reason::ProviderFallback { from, to, trigger });
    Some(Noted { model, receipt })
}

/// What the provider did, with the model that was asked where it does not say which one declined.
fn made(route: &Route, served: &Served) -> Option<HandOver> {
    let asked = || Some(visible(&route.model, NAME_LIMIT).into_owned());
    if let Some(hand_over) = &served.hand_over {
        return Some(HandOver {
            from: hand_over.from.clone().or_else(asked),
            ..hand_over.clone()
        });
    }
    let model = served.model.as_ref()?;
    is_other_model(&route.model, model, &route.serves).then(|| HandOver {
        from: asked(),
        to: model.clone(),
        trigger: None,
    })
}
