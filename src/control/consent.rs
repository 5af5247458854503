//! Whether what an operator gave fits what a plan demands. Pure; the same for console and CLI.

use super::{Consent, ControlError};
use crate::model::{CheckVerdict, Plan, ReasonCode, RiskTier};

/// So many leading letters name a target; a shorter name is typed whole.
pub const TYPED_LETTERS: usize = 3;

/// The shortest written reason for breaking glass.
pub const NOTE_LETTERS: usize = 10;

/// Refuses with the first thing that is missing.
///
/// # Errors
/// [`ControlError::Consent`], in words that say what to give.
pub fn fits(plan: &Plan, consent: &Consent) -> Result<(), ControlError> {
    let missing = match plan.tier {
        // Whatever tier: a name that was typed and is another one was meant for another target.
        RiskTier::Confirm if consent.typed.is_empty() => None,
        RiskTier::Confirm => named(plan.target(), &consent.typed),
        RiskTier::Typed => named(plan.target(), &consent.typed).or_else(|| reasoned(consent)),
        RiskTier::BreakGlass => broken_glass(plan, consent),
    };
    match missing {
        Some(missing) => Err(ControlError::Consent { missing }),
        None => Ok(()),
    }
}

fn named(target: &str, typed: &str) -> Option<String> {
    let typed_letters = typed.chars().count();
    let enough = TYPED_LETTERS.min(target.chars().count());
    if typed_letters < enough {
        return Some(format!(
            "type at least {enough} leading letters of `{target}`"
        ));
    }
    (!target.starts_with(typed)).then(|| format!("what was typed does not begin `{target}`"))
}

fn reasoned(consent: &Consent) -> Option<String> {
    match consent.reason {
        None => Some("give a reason: 5xx, timeout, rate-limit, quality, drill or other".to_owned()),
        Some(ReasonCode::Other) if consent.note.trim().is_empty() => {
            Some("the reason `other` needs a note that says which".to_owned())
        }
        Some(_) => None,
    }
}

fn broken_glass(plan: &Plan, consent: &Consent) -> Option<String> {
    let target = plan.target();
    if !consent.break_glass {
        let failed = plan
            .checks
            .iter()
            .filter(|check| check.verdict == CheckVerdict::Fail)
            .map(|check| format!("{}: {}", check.name, check.why));
        let failed: Vec<String> = failed.collect();
        return Some(format!(
            "a check failed; overriding it must be said (break-glass): {}",
            failed.join("; ")
        ));
    }
    if consent.typed != target {
        return Some(format!("break-glass needs the whole name `{target}`"));
    }
    (consent.note.trim().chars().count() < NOTE_LETTERS)
        .then(|| format!("break-glass needs a written reason of at least {NOTE_LETTERS} letters"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        control::fixture::{actor, now},
        model::{OverrideKey, PlanId, Radius, Revision, Verb},
    };

    fn plan(target: &str, tier: RiskTier) -> Plan {
        Plan {
            id: PlanId("abc123".to_owned()),
            made: now(),
            valid_until: now(),
            actor: actor("jo"),
            verb: Verb::Force,
            key: OverrideKey::mode(target.into()),
            expected: Revision(0),
            revision: Revision(0),
            before: None,
            after: None,
            expires: None,
            fingerprint: String::new(),
            basis: String::new(),
            now_line: String::new(),
            after_line: String::new(),
            effects: Vec::new(),
            checks: Vec::new(),
            tier,
            undoes: None,
            radius: Radius::default(),
        }
    }

    fn consent(typed: &str, reason: Option<ReasonCode>, note: &str, break_glass: bool) -> Consent {
        Consent {
            typed: typed.to_owned(),
            reason,
            note: note.to_owned(),
            ticket: None,
            break_glass,
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn consent_must_fit_the_tier() {
        use RiskTier::{BreakGlass, Confirm, Typed};
        let because = Some(ReasonCode::ServerErrors);
        let note = "users are stuck";
        for (case, target, tier, given, fine) in [
            (
                "a yes needs nothing typed",
                "chat",
                Confirm,
                consent("", None, "", false),
                true,
            ),
            (
                "a yes to another name",
                "chat",
                Confirm,
                consent("batch", None, "", false),
                false,
            ),
            (
                "three letters",
                "chat",
                Typed,
                consent("cha", because, "", false),
                true,
            ),
            (
                "two letters",
                "chat",
                Typed,
                consent("ch", because, "", false),
                false,
            ),
            (
                "nothing typed",
                "chat",
                Typed,
                consent("", because, "", false),
                false,
            ),
            (
                "the whole name",
                "chat",
                Typed,
                consent("chat", because, "", false),
                true,
            ),
            (
                "more than the name",
                "chat",
                Typed,
                consent("chats", because, "", false),
                false,
            ),
            (
                "letters of another",
                "chat",
                Typed,
                consent("bat", because, "", false),
                false,
            ),
            (
                "letters from the middle",
                "support-chat",
                Typed,
                consent("chat", because, "", false),
                false,
            ),
            (
                "the wrong case",
                "chat",
                Typed,
                consent("CHA", because, "", false),
                false,
            ),
            (
                "a short name is typed whole",
                "ab",
                Typed,
                consent("ab", because, "", false),
                true,
            ),
            (
                "half of a short name",
                "ab",
                Typed,
                consent("a", because, "", false),
                false,
            ),
            (
                "letters count, not bytes",
                "\u{e9}t\u{e9}-chat",
                Typed,
                consent("\u{e9}t", because, "", false),
                false,
            ),
            (
                "no reason",
                "chat",
                Typed,
                consent("chat", None, "", false),
                false,
            ),
            (
                "another reason without words",
                "chat",
                Typed,
                consent("chat", Some(ReasonCode::Other), " ", false),
                false,
            ),
            (
                "another reason in words",
                "chat",
                Typed,
                consent("chat", Some(ReasonCode::Other), "moon", false),
                true,
            ),
            (
                "glass, all given",
                "chat",
                BreakGlass,
                consent("chat", None, note, true),
                true,
            ),
            (
                "glass without saying so",
                "chat",
                BreakGlass,
                consent("chat", because, note, false),
                false,
            ),
            (
                "glass with three letters",
                "chat",
                BreakGlass,
                consent("cha", because, note, true),
                false,
            ),
            (
                "glass with a short note",
                "chat",
                BreakGlass,
                consent("chat", because, "because", true),
                false,
            ),
            (
                "glass with a note of blanks",
                "chat",
                BreakGlass,
                consent("chat", because, "           ", true),
                false,
            ),
        ] {
            let result = fits(&plan(target, tier), &given);
            assert_eq!(result.is_ok(), fine, "{case}: {result:?}");
        }
    }
}
