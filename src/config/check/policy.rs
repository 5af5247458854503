//! One workload's policy against its routes: what could never happen, and what would always be refused.

use std::ops::Range;

use super::{Names, Workload};
use crate::{
    config::{diagnostic::Findings, file::Route, reader::At},
    model::{BoundaryKind, CapabilitySet, ErrorClass, Family, Mode, NoticeStyle, Tier},
};

/// What is checked.
pub(super) struct Subject<'f> {
    pub(super) workload: &'f Workload,
    /// Where the name is right.
    pub(super) primary: Option<&'f Route>,
    /// Where there is one and its name is right.
    pub(super) fallback: Option<&'f Route>,
    pub(super) names: &'f Names<'f>,
}

impl Subject<'_> {
    fn name(&self) -> &str {
        self.workload.name.get_ref()
    }

    /// The place of the fallback's name.
    pub(super) fn fallback_place(&self) -> Range<usize> {
        self.workload
            .fallback
            .as_ref()
            .map_or_else(|| self.workload.name.span(), At::span)
    }
}

/// Leaves everything it finds.
pub(super) fn check(subject: &Subject<'_>, findings: &Findings) {
    triggers(subject, findings);
    justifications(subject, findings);
    modes(subject, findings);
    timeouts(subject, findings);
    notice(subject, findings);
    if subject.workload.fallback.is_some() {
        attempts(subject, findings);
        pair(subject, findings);
    }
}

fn triggers(subject: &Subject<'_>, findings: &Findings) {
    let workload = subject.workload;
    let Some(written) = &workload.triggers else {
        return;
    };
    for class in &written.classes {
        match class.get_ref() {
            ErrorClass::InvalidRequest => findings.error(
                "trigger-never",
                class.span(),
                "`invalid-request` can never cause a fallback: another route would not cure the request",
                "remove it",
            ),
            ErrorClass::Authentication => findings.error(
                "trigger-never",
                class.span(),
                "`authentication` can never cause a fallback: it would hide a broken key",
                "remove it",
            ),
            needs @ (ErrorClass::Forbidden | ErrorClass::QuotaExhausted) => {
                justified(subject, *needs, class.span(), findings);
            }
            ErrorClass::RateLimited => {
                if workload.backoff.retries == 0 {
                    findings.warning(
                        "rate-limit-without-backoff",
                        class.span(),
                        "`rate-limited` causes a fallback at once, because `backoff.retries` is 0",
                        "allow at least one retry: a rate limit is often over in a second",
                    );
                }
            }
            ErrorClass::ServerError
            | ErrorClass::Overloaded
            | ErrorClass::Timeout
            | ErrorClass::Unreachable
            | ErrorClass::BrokenResponse => {}
        }
    }
    let name = subject.name();
    if workload.fallback.is_none() {
        findings.warning(
            "dead-triggers",
            written.place.clone(),
            format!("the triggers of \"{name}\" do nothing: it has no fallback"),
            "name a `fallback`, or remove `triggers`",
        );
    } else if *workload.mode.get_ref() == Mode::Hold {
        findings.warning(
            "dead-triggers",
            written.place.clone(),
            format!("the triggers of \"{name}\" do nothing while its mode is `hold`"),
            "they begin to work when an operator sets the mode `auto`",
        );
    } else if written.words == 0 {
        findings.warning(
            "no-triggers",
            written.place.clone(),
            format!("\"{name}\" has a fallback that no error class may cause"),
            "only an operator can send traffic to it; name triggers if that is not meant",
        );
    }
}

fn justified(subject: &Subject<'_>, class: ErrorClass, place: Range<usize>, findings: &Findings) {
    if subject.workload.justify.contains_key(&class) {
        findings.warning(
            "trigger-justified",
            place,
            format!("`{class}` may cause a fallback, because the file justifies it in writing"),
            "make sure that the reason still holds",
        );
    } else {
        findings.error(
            "trigger-unjustified",
            place,
            format!("`{class}` may cause a fallback only with a written reason"),
            format!("add `justify = {{ {class} = \"why\" }}`, or remove the trigger"),
        );
    }
}

fn justifications(subject: &Subject<'_>, findings: &Findings) {
    let triggers = subject.workload.trigger_set();
    for (class, reason) in &subject.workload.justify {
        if !triggers.contains(*class) {
            findings.warning(
                "unused-justification",
                reason.span(),
                format!("`{class}` is justified but is not among the triggers"),
                (),
            );
        }
    }
}

fn modes(subject: &Subject<'_>, findings: &Findings) {
    let mode = &subject.workload.mode;
    if subject.workload.fallback.is_none() && *mode.get_ref() == Mode::Force {
        findings.error(
            "force-without-fallback",
            mode.span(),
            format!(
                "\"{}\" is forced to a fallback that it does not have",
                subject.name()
            ),
            "name a `fallback`, or choose the mode `auto` or `hold`",
        );
    }
}

fn timeouts(subject: &Subject<'_>, findings: &Findings) {
    let clocks = &subject.workload.timeouts;
    let all = clocks.all();
    let never = |clock: &str, place: Range<usize>, other: &str| {
        findings.warning(
            "dead-timeout",
            place,
            format!("the timeout `{clock}` is never reached: `{other}` ends the attempt before"),
            (),
        );
    };
    for (name, clock) in [
        ("headers", &clocks.headers),
        ("first_output", &clocks.first_output),
        ("idle", &clocks.idle),
    ] {
        if let Some(clock) = clock
            && *clock.get_ref() > all.total
        {
            never(name, clock.span(), "total");
        }
    }
    if let (Some(headers), Some(first)) = (&clocks.headers, &clocks.first_output)
        && headers.get_ref() > first.get_ref()
    {
        never("headers", headers.span(), "first_output");
    }
}

fn notice(subject: &Subject<'_>, findings: &Findings) {
    let workload = subject.workload;
    let enabled = workload
        .notice
        .as_ref()
        .is_some_and(|notice| *notice.enabled.get_ref());
    if workload.fallback.is_none() {
        return;
    }
    if let Some(notice) = &workload.notice
        && *notice.style.get_ref() == NoticeStyle::Inline
        && let Some(family) = subject
            .primary
            .and_then(|route| subject.names.family(route))
        && !family.takes_inline_notice()
    {
        findings.warning(
            "notice-not-inline",
            notice.style.span(),
            format!("the notice is given in the header alone: no notice can stand inside answers of {family}"),
            "write `style = \"header\"`, and let the application show `x-backstop-degraded`",
        );
    }
    if *workload.tier.get_ref() == Tier::Paid && !enabled {
        let place = workload
            .notice
            .as_ref()
            .map_or_else(|| workload.tier.span(), |notice| notice.enabled.span());
        findings.warning(
            "paid-without-notice",
            place,
            format!(
                "\"{}\" is paid for and gives no notice, so every fallback will be refused",
                subject.name()
            ),
            match workload.notice {
                Some(_) => "write `enabled = true`",
                None => "add `notice = { text = \"what users may read\" }`",
            },
        );
    } else if let Some(notice) = &workload.notice
        && *notice.required.get_ref()
        && !enabled
    {
        findings.warning(
            "required-notice-off",
            notice.enabled.span(),
            format!(
                "\"{}\" requires a notice that is switched off, so every fallback will be refused",
                subject.name()
            ),
            "until an operator switches the notice on",
        );
    }
}

fn attempts(subject: &Subject<'_>, findings: &Findings) {
    let workload = subject.workload;
    let most = *workload.max_attempts.get_ref();
    let name = subject.name();
    if most < 2 {
        findings.warning(
            "too-few-attempts",
            workload.max_attempts.span(),
            format!("\"{name}\" may make one attempt, so a failure can never reach its fallback"),
            "allow at least 2",
        );
    } else if let Some(place) = workload.trigger_place(ErrorClass::RateLimited)
        && most <= workload.backoff.retries + 1
    {
        findings.warning(
            "too-few-attempts",
            place,
            format!(
                "a rate limit spends all {most} attempts of \"{name}\" on the primary, so it can never reach its fallback"
            ),
            format!("allow at least {} attempts", workload.backoff.retries + 2),
        );
    }
}

/// Primary and fallback beside each other.
fn pair(subject: &Subject<'_>, findings: &Findings) {
    let workload = subject.workload;
    let place = subject.fallback_place();
    if let (Some(primary), Some(fallback)) = (&workload.primary, &workload.fallback)
        && primary.get_ref() == fallback.get_ref()
    {
        findings.error(
            "fallback-is-primary",
            place,
            format!(
                "\"{}\" has \"{}\" as its own fallback",
                subject.name(),
                primary.get_ref()
            ),
            "name another route, or remove `fallback`",
        );
        return;
    }
    let (Some(primary), Some(fallback)) = (subject.primary, subject.fallback) else {
        return;
    };
    let names = subject.names;
    let (from, to) = (primary.name.get_ref(), fallback.name.get_ref());
    if let (Some(one), Some(other)) = (names.family(primary), names.family(fallback))
        && one != other
    {
        findings.error(
            "cross-family-fallback",
            place,
            format!(
                "the fallback \"{to}\" speaks {other}, but the primary \"{from}\" speaks {one}"
            ),
            format!("name a route of the family {one}"),
        );
        return;
    }
    if same_endpoint(primary, fallback, names) {
        findings.warning(
            "same-endpoint",
            place.clone(),
            format!("the fallback \"{to}\" asks the same model at the same address as \"{from}\""),
            "what breaks one breaks both; name a route that can differ in its fate",
        );
    }
    capabilities(primary, fallback, place.clone(), findings);
    vectors(subject, primary, fallback, findings);
    if let (Some(one), Some(other)) = (names.boundary(primary), names.boundary(fallback)) {
        let crossed: Vec<BoundaryKind> = one
            .crossings(other)
            .filter(|kind| !workload.may_cross.contains(kind))
            .collect();
        if !crossed.is_empty() {
            let tag = |boundary: &crate::model::Boundary, kind| {
                boundary.tag(kind).unwrap_or("unknown").to_owned()
            };
            let words: Vec<String> = crossed
                .iter()
                .map(|kind| format!("{kind} ({} to {})", tag(one, *kind), tag(other, *kind)))
                .collect();
            let list: Vec<String> = crossed.iter().map(|kind| format!("\"{kind}\"")).collect();
            findings.warning(
                "boundary-crossed",
                place,
                format!(
                    "\"{from}\" and \"{to}\" differ in {}, so every fallback will be refused",
                    words.join(" and ")
                ),
                format!("if it may be crossed: `may_cross = [{}]`", list.join(", ")),
            );
        }
    }
}

/// A fallback that would mix the vectors of two models in one index, without anybody having said so.
fn vectors(subject: &Subject<'_>, primary: &Route, fallback: &Route, findings: &Findings) {
    let model = |route: &Route| route.model.as_ref().map(|model| model.get_ref().clone());
    let (Some(one), Some(other)) = (model(primary), model(fallback)) else {
        return;
    };
    let embeddings = subject.names.family(primary) == Some(Family::OpenaiEmbeddings);
    let permitted = &subject.workload.may_change_vectors;
    match (embeddings && one != other, permitted) {
        (true, None) => findings.error(
            "vectors-differ",
            subject.fallback_place(),
            format!("the fallback's model \"{other}\" makes vectors that cannot be compared with those of \"{one}\""),
            "name a route with the same model; or, if it is the same under another name or both are known to your \
             index: `may_change_vectors = \"why\"`",
        ),
        (true, Some(permitted)) => findings.warning(
            "vectors-justified",
            permitted.span(),
            format!("vectors of \"{other}\" may stand in for those of \"{one}\", because the file justifies it in writing"),
            "make sure that the reason still holds",
        ),
        (false, Some(permitted)) => findings.warning(
            "unused-justification",
            permitted.span(),
            "`may_change_vectors` does nothing: it is for embeddings whose fallback has another model",
            (),
        ),
        (false, None) => {}
    }
}

/// Whether two routes differ in nothing that an outage could tell apart.
fn same_endpoint(primary: &Route, fallback: &Route, names: &Names<'_>) -> bool {
    let address = |route: &Route| {
        let own = route.base_url.as_ref().map(|url| url.get_ref().clone());
        own.or_else(|| Some(names.provider(route)?.base_url.as_ref()?.get_ref().clone()))
    };
    let model = |route: &Route| route.model.as_ref().map(|model| model.get_ref().clone());
    let plain = primary.key.is_none() && fallback.key.is_none();
    plain
        && address(primary).is_some()
        && address(primary) == address(fallback)
        && model(primary).is_some()
        && model(primary) == model(fallback)
}

fn capabilities(primary: &Route, fallback: &Route, place: Range<usize>, findings: &Findings) {
    let to = fallback.name.get_ref();
    let lacking: CapabilitySet = primary.capabilities.without(fallback.capabilities);
    if !lacking.is_empty() {
        findings.warning(
            "capability-missing",
            place.clone(),
            format!("the fallback \"{to}\" lacks what the primary has: {lacking}"),
            "requests that need it are not served by the fallback",
        );
    }
    if let (Some(one), Some(other)) = (primary.context_tokens, fallback.context_tokens)
        && other < one
    {
        findings.warning(
            "context-smaller",
            place,
            format!("the fallback \"{to}\" has a context of {other} tokens, the primary {one}"),
            "longer requests fail on the fallback",
        );
    }
}
