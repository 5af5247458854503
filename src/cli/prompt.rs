//! Asks for what a plan's tier demands. The door checks the answers again.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::{args::ChangeArgs, error::CliError, lines::Lines, output};
use crate::{
    control::{Consent, TYPED_LETTERS},
    model::{Plan, ReasonCode, RiskTier},
};

/// Whoever answers questions. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Asker {
    /// Opened with the first question.
    lines: Arc<Mutex<Option<Lines>>>,
    /// Wherever the lines come from, they answer.
    always: bool,
}

impl Asker {
    /// The lines of a line mode, which answer also when they come from a script.
    pub(super) fn of_lines(lines: Lines) -> Self {
        Self {
            lines: Arc::new(Mutex::new(Some(lines))),
            always: true,
        }
    }

    /// Whether somebody answers: else nothing is asked.
    pub(super) fn answers(&self) -> bool {
        self.always || output::somebody_there()
    }

    /// The next line, whatever it is for; `None`: there are no more.
    pub(super) async fn line(&self) -> Result<Option<String>, CliError> {
        let mut lines = self.lines.lock().await;
        let lines = match &mut *lines {
            Some(lines) => lines,
            none => none.insert(Lines::open().map_err(CliError::Input)?),
        };
        lines.next().await.map_err(CliError::Input)
    }

    /// Drops what was typed before a question that it cannot have been meant for.
    pub(super) async fn forget(&self) -> Result<(), CliError> {
        let mut lines = self.lines.lock().await;
        if lines.is_none() && output::somebody_types() {
            *lines = Some(Lines::open().map_err(CliError::Input)?);
        }
        if let Some(lines) = &mut *lines
            && lines.forget().map_err(CliError::Input)? > 0
        {
            output::talk("what was typed before this was shown does not count");
        }
        Ok(())
    }

    /// Writes down what a script answers: a terminal shows what is typed by itself.
    pub(super) fn echo(&self, line: &str) {
        if self.always && !output::somebody_types() {
            output::talk(line);
        }
    }

    /// Asks; the end of the input means no, also in the middle of a line.
    pub(super) async fn question(&self, text: &str) -> Result<String, CliError> {
        output::ask(text);
        match self.line().await? {
            Some(line) if line.ends_with('\n') => {
                self.echo(line.trim());
                Ok(line.trim().to_owned())
            }
            Some(_) | None => Err(CliError::Declined),
        }
    }

    /// Asks something that is answered by yes or no.
    pub(super) async fn agrees(&self, text: &str) -> Result<bool, CliError> {
        Ok(is_yes(&self.question(text).await?))
    }

    /// Asks for what the command line has not given already.
    pub(super) async fn consent(
        &self,
        plan: &Plan,
        args: &ChangeArgs,
    ) -> Result<Consent, CliError> {
        let mut consent = Consent {
            typed: String::new(),
            reason: args.reason,
            note: args.note.clone(),
            ticket: args.ticket.clone(),
            break_glass: args.break_glass,
        };
        match plan.tier {
            RiskTier::Confirm => {
                let answer = self.question("apply it? [y/N] ").await?;
                if !is_yes(&answer) {
                    return Err(CliError::Declined);
                }
            }
            RiskTier::Typed => {
                if consent.reason.is_none() {
                    consent.reason = Some(self.reason().await?);
                }
                if consent.reason == Some(ReasonCode::Other) && consent.note.trim().is_empty() {
                    consent.note = self.question("which reason? ").await?;
                }
                consent.typed = self
                    .question(&format!(
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
                        consent.note = self.question("why override a failed check? ").await?;
                    }
                    consent.typed = self
                        .question(&format!("type the whole name `{}`: ", plan.target()))
                        .await?;
                }
            }
        }
        Ok(consent)
    }

    /// One digit, as on the plan screen, or the word.
    async fn reason(&self) -> Result<ReasonCode, CliError> {
        let choices: Vec<String> = ReasonCode::CHOICES
            .iter()
            .zip(1..)
            .map(|(code, digit)| format!("{digit} {code}"))
            .collect();
        let answer = self
            .question(&format!("reason? {}: ", choices.join("  ")))
            .await?;
        let digit = answer
            .parse::<usize>()
            .ok()
            .and_then(|digit| ReasonCode::CHOICES.get(digit.checked_sub(1)?).copied());
        digit
            .or_else(|| answer.parse().ok())
            .ok_or(CliError::Declined)
    }
}

/// Whether an answer is a yes.
pub(super) fn is_yes(answer: &str) -> bool {
    matches!(answer, "y" | "Y" | "yes")
}
