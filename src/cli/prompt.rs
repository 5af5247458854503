//! Asks on the terminal for what a plan's tier demands. The door checks the answers again.

use std::io::{self, BufRead};

use super::{args::ChangeArgs, error::CliError, output};
use crate::{
    control::{Consent, TYPED_LETTERS},
    model::{Plan, ReasonCode, RiskTier},
};

/// Asks for what the command line has not given already.
pub(super) async fn consent(plan: &Plan, args: &ChangeArgs) -> Result<Consent, CliError> {
    let mut consent = Consent {
        typed: String::new(),
        reason: args.reason,
        note: args.note.clone(),
        ticket: args.ticket.clone(),
        break_glass: args.break_glass,
    };
    match plan.tier {
        RiskTier::Confirm => {
            let answer = question("apply it? [y/N] ").await?;
            if !matches!(answer.as_str(), "y" | "Y" | "yes") {
                return Err(CliError::Declined);
            }
        }
        RiskTier::Typed => {
            if consent.reason.is_none() {
                consent.reason = Some(reason().await?);
            }
            if consent.reason == Some(ReasonCode::Other) && consent.note.trim().is_empty() {
                consent.note = question("which reason? ").await?;
            }
            consent.typed = question(&format!(
                "type {TYPED_LETTERS} or more letters of `{}` to {}: ",
                plan.target(),
                plan.verb
            ))
            .await?;
        }
        RiskTier::BreakGlass => {
            // Without the flag nothing needs to be asked: the door says what is missing.
            if consent.break_glass {
                if consent.note.trim().is_empty() {
                    consent.note = question("why override a failed check? ").await?;
                }
                consent.typed =
                    question(&format!("type the whole name `{}`: ", plan.target())).await?;
            }
        }
    }
    Ok(consent)
}

/// One digit, as on the plan screen, or the word.
async fn reason() -> Result<ReasonCode, CliError> {
    let choices: Vec<String> = ReasonCode::CHOICES
        .iter()
        .zip(1..)
        .map(|(code, digit)| format!("{digit} {code}"))
        .collect();
    let answer = question(&format!("reason? {}: ", choices.join("  "))).await?;
    let digit = answer
        .parse::<usize>()
        .ok()
        .and_then(|digit| ReasonCode::CHOICES.get(digit.checked_sub(1)?).copied());
    digit
        .or_else(|| answer.parse().ok())
        .ok_or(CliError::Declined)
}

/// Reads one line; the end of the input means no.
async fn question(text: &str) -> Result<String, CliError> {
    output::ask(text);
    let line = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin()
            .lock()
            .read_line(&mut line)
            .map(|length| (length > 0).then_some(line))
    })
    .await
    .map_err(io::Error::other)??;
    match line {
        Some(line) => Ok(line.trim().to_owned()),
        None => Err(CliError::Declined),
    }
}
