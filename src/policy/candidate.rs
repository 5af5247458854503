//! Whether the fallback is a candidate for one request: every boundary that it must not cross.
//!
//! Asked by [`super::decide()`] each time a fallback is possible. The fallback is judged by itself, for this
//! request, at this moment: that the primary was allowed to serve it says nothing here.

use super::{RequestFacts, Situation};
use crate::model::{
    Capability, CapabilitySet, Family, Mode, NoticeGiven, NoticeStyle, Reason, Route, Tier,
    Workload,
};

/// How many tokens of context a request takes, its reserved output included. Two bounds, because its bytes
/// cannot say more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContextNeed {
    /// Sure enough to refuse on.
    pub at_least: u32,
    /// Most requests take less.
    pub likely: u32,
}

/// That a request may not fit into a route that nothing surely keeps it from: allowed, and said.
#[must_use]
pub fn context_doubt(request: &RequestFacts, route: &Route) -> Option<String> {
    let (need, has) = (request.context?, route.context_tokens?);
    (need.likely > has).then(|| {
        format!(
            "the request may not fit: it takes {} to about {} tokens of context and {} has {has}",
            need.at_least, need.likely, route.name
        )
    })
}

/// Whether a route is open to a workload.
#[must_use]
pub fn entitled(workload: &Workload, route: &Route) -> bool {
    route
        .workloads
        .as_ref()
        .is_none_or(|names| names.contains(&workload.name))
}

/// Whether the policy lets the fallback serve this request at all, and how the caller is told.
///
/// # Errors
/// Why it does not.
pub fn may_serve(situation: &Situation<'_>) -> Result<NoticeGiven, Reason> {
    let workload = situation.workload;
    let fallback = situation.fallback.ok_or(Reason::NoFallbackConfigured)?;
    match situation.switches.mode {
        Mode::Hold => return Err(Reason::Held),
        Mode::Auto | Mode::Force => {}
    }
    if fallback.family != workload.family {
        return Err(Reason::FamilyDiffers);
    }
    // Not even by breaking glass: an index with two kinds of vectors cannot be mended by switching back.
    if workload.family == Family::OpenaiEmbeddings
        && situation.primary.model != fallback.model
        && workload.may_change_vectors.is_none()
    {
        return Err(Reason::VectorsDiffer);
    }
    if !entitled(workload, fallback) {
        return Err(Reason::NotEntitled);
    }
    able(situation, fallback)?;
    let broken_glass = situation.switches.break_glass && situation.switches.mode == Mode::Force;
    if !broken_glass
        && let Some(boundary) = situation
            .primary
            .boundary
            .crossings(&fallback.boundary)
            .find(|kind| !workload.may_cross.contains(kind))
    {
        return Err(Reason::BoundaryCrossed { boundary });
    }
    let notice = notice(situation);
    if notice == NoticeGiven::None && !broken_glass {
        if workload.notice.required {
            return Err(Reason::NoticeImpossible);
        }
        match workload.tier {
            Tier::Paid => return Err(Reason::PaidTierWithoutNotice),
            Tier::Standard => {}
        }
    }
    if situation.switches.fallback_drained_by.is_some() {
        return Err(Reason::FallbackDrained);
    }
    Ok(notice)
}

/// Whether the fallback can honour what the request asks for.
fn able(situation: &Situation<'_>, fallback: &Route) -> Result<(), Reason> {
    let mut missing = situation
        .request
        .needs
        .without(fallback.capabilities)
        .without(shared_state(situation.primary, fallback));
    if missing.contains(Capability::SignedReasoning) {
        // The same model of the same provider wrote it, whatever key or address it is asked by.
        let primary = situation.primary;
        if primary.provider != fallback.provider || primary.model != fallback.model {
            return Err(Reason::ReasoningBound);
        }
        missing.remove(Capability::SignedReasoning);
    }
    if !missing.is_empty() {
        return Err(Reason::MissingCapability { missing });
    }
    if let (Some(need), Some(has)) = (situation.request.context, fallback.context_tokens)
        && need.at_least > has
    {
        let needs = need.at_least;
        return Err(Reason::ContextTooSmall { needs, has });
    }
    Ok(())
}

/// What a provider keeps is there for every route that asks it with the same key.
fn shared_state(primary: &Route, fallback: &Route) -> CapabilitySet {
    let same = primary.base_url == fallback.base_url && primary.credential == fallback.credential;
    same.then_some(Capability::ProviderState)
        .into_iter()
        .collect()
}

/// How the caller is told when the fallback serves.
fn notice(situation: &Situation<'_>) -> NoticeGiven {
    let policy = &situation.workload.notice;
    if !situation.switches.notice || policy.text.is_empty() {
        return NoticeGiven::None;
    }
    let inside = situation.workload.family.takes_inline_notice();
    match policy.style {
        NoticeStyle::Inline if inside => NoticeGiven::Inline,
        NoticeStyle::Header | NoticeStyle::Inline => NoticeGiven::Header,
    }
}
