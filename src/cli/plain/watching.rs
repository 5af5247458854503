//! `watch` and `claim`: hearing of changes as they come, and telling the others who is on it.

use std::time::Duration;

use super::{Came, CliError, LineMode, Next, signals};
use crate::{
    cli::{exit::Exit, output},
    control::{ControlError, Mode},
    model::WorkloadName,
};

/// What happened is said at most so often.
const EVERY: Duration = Duration::from_secs(1);

impl LineMode {
    /// Says what happens until a line is typed.
    pub(super) async fn watch(&mut self) -> Result<Next, CliError> {
        output::talk("what happens is said as it comes; Enter ends it");
        let asker = self.asker.clone();
        loop {
            let wait = async {
                tokio::select! {
                    line = asker.line() => line.map(|_| true),
                    () = tokio::time::sleep(EVERY) => Ok(false),
                }
            };
            match self.ears.beside(wait).await {
                Came::Done(ended) => {
                    if ended? {
                        return Ok(Next::Line);
                    }
                }
                Came::Interrupted if output::somebody_types() => {
                    output::talk("");
                    return Ok(Next::Line);
                }
                Came::Interrupted => return Ok(Next::Over(Exit::Signal(signals::INTERRUPT))),
                Came::Over(exit) => return Ok(Next::Over(exit)),
            }
            self.catch_up().await;
        }
    }

    /// Tells the others that this operator is on it, or no more.
    pub(super) fn claim(&self, workload: Option<WorkloadName>) -> Result<Next, CliError> {
        if self.session.control.mode() == Mode::Observe {
            return Err(ControlError::Observe.into());
        }
        if let Some(name) = &workload {
            self.session.control.workload_known(name)?;
        }
        output::line(match &workload {
            Some(name) => format!("you are on {name}; the others see it"),
            None => "you are on nothing".to_owned(),
        })?;
        if let Some(here) = &self.session.here {
            here.claim(workload);
        }
        Ok(Next::Line)
    }
}
