//! Whether what an operator gave fits what a plan demands. Pure; the same for console and CLI.

use super::{Consent, ControlError};
use crate::model::{Plan, ReasonCode, RiskTier};

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
        return Some("a check failed; overriding it must be said (break-glass)".to_owned());
    }
    if consent.typed != target {
        return Some(format!("break-glass needs the whole name `{target}`"));
    }
    (consent.note.trim().chars().count() < NOTE_LETTERS)
        .then(|| format!("break-glass needs a written reason of at least {NOTE_LETTERS} letters"))
}
