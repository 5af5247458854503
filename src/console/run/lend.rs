//! The terminal lent: to the operator's own editor, with a text in a file that only they can read, and to questions
//! about a plan for which the screen has no room.

use std::{
    io::{self, Read as _, Write as _},
    os::unix::process::CommandExt as _,
    process::Command,
    sync::Arc,
};

use tempfile::NamedTempFile;

use super::Console;
use crate::{
    console::{msg::Msg, state::payload::LARGEST},
    model::{Command as ModelCommand, SampleId, WorkloadName},
};

/// What an editor is wanted for.
pub(super) struct Lend {
    pub(super) workload: WorkloadName,
    pub(super) sample: SampleId,
    pub(super) text: Arc<str>,
}

impl Console {
    /// Gives the terminal to whatever a round has asked for.
    pub(super) async fn lend_what_is_wanted(&mut self) -> io::Result<()> {
        if let Some(command) = self.asked.take() {
            self.ask_in_lines(command).await?;
        }
        match self.lend.take() {
            Some(lend) => self.lend_out(lend).await,
            None => Ok(()),
        }
    }

    /// Gives the terminal to an editor, waits for its end, and takes the terminal and the text again.
    async fn lend_out(&mut self, lend: Lend) -> io::Result<()> {
        let editor = ["VISUAL", "EDITOR"]
            .into_iter()
            .find_map(|name| (self.variables)(name).filter(|value| !value.trim().is_empty()));
        let Some(editor) = editor else {
            self.answer(
                lend,
                Err("neither VISUAL nor EDITOR is set: no editor is known".to_owned()),
            );
            return Ok(());
        };
        self.input = None;
        self.tty.screen.restore();
        let text = Arc::clone(&lend.text);
        let editing = tokio::task::spawn_blocking(move || edit(&editor, &text));
        let edited = self.lent(editing).await?;
        let edited = edited.unwrap_or_else(|error| Err(error.to_string()));
        self.answer(lend, edited);
        Ok(())
    }

    /// Gives the terminal to questions about a plan for which the screen has no room.
    async fn ask_in_lines(&mut self, command: ModelCommand) -> io::Result<()> {
        let Some(control) = self.executor.control() else {
            return Ok(());
        };
        self.input = None;
        self.tty.screen.restore();
        let asking = (self.in_lines)(control, command);
        let record = self.lent(asking).await?;
        self.take_in(Msg::InLines(record));
        Ok(())
    }

    /// Waits while somebody else has the terminal, and takes it again.
    async fn lent<T>(&mut self, work: impl Future<Output = T>) -> io::Result<T> {
        let mut work = std::pin::pin!(work);
        let done = loop {
            tokio::select! {
                done = &mut work => break done,
                // An editor that gives way to the shell tells its whole group; the screen is not ours.
                () = self.signals.told_to_stop() => {
                    if (self.tty.jobs.can_stop)() {
                        self.stand_still().await?;
                    }
                }
            }
        };
        // What was typed to interrupt them was not meant for the console.
        self.signals.forget_keys()?;
        self.listen()?;
        self.come_back()?;
        Ok(done)
    }

    fn answer(&mut self, lend: Lend, text: Result<String, String>) {
        self.take_in(Msg::Payload {
            workload: lend.workload,
            sample: lend.sample,
            edited: true,
            text,
        });
    }
}

/// Runs the editor over a private file with the text; answers the text as it is then.
fn edit(editor: &str, text: &str) -> Result<String, String> {
    let told = |error: io::Error| format!("the text could not be handed to {editor}: {error}");
    let mut file = tempfile::Builder::new()
        .prefix("backstop-")
        .suffix(".json")
        .tempfile()
        .map_err(told)?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.write_all(b"\n"))
        .and_then(|()| file.flush())
        .map_err(told)?;
    // Through a shell, as git does it: the variable may hold arguments.
    let status = Command::new("/bin/sh")
        .arg0("sh")
        .args(["-c", &format!("{editor} \"$1\""), "sh"])
        .arg(file.path())
        .status()
        .map_err(told)?;
    if !status.success() {
        return Err(format!(
            "{editor} ended with {status}: the text is as it was"
        ));
    }
    read(&file).map_err(|error| format!("the text could not be read back: {error}"))
}

/// The text, also when the editor put another file in the place of ours.
fn read(file: &NamedTempFile) -> io::Result<String> {
    let again = std::fs::File::open(file.path())?;
    let mut text = String::new();
    let limit = LARGEST as u64 + 1;
    again.take(limit).read_to_string(&mut text)?;
    if text.len() > LARGEST {
        return Err(io::Error::other("it is larger than 1 MiB now"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::edit;

    #[test]
    fn an_editor_changes_a_private_file_and_its_failure_changes_nothing() {
        let script = "test \"$(stat -c %a \"$1\")\" = 600 && printf changed >\"$1\"; :";
        let editor = format!("sh -c '{script}' sh");
        assert_eq!(edit(&editor, "text").as_deref(), Ok("changed"));
        assert_eq!(edit("true", "text").as_deref(), Ok("text\n"));
        let refused = edit("false", "text").unwrap_err();
        assert!(refused.contains("as it was"), "{refused}");
    }

    #[test]
    fn an_editor_that_puts_another_file_in_its_place_is_read() {
        let editor = "sh -c 'printf new >\"$1.x\" && mv \"$1.x\" \"$1\"' sh";
        assert_eq!(edit(editor, "text").as_deref(), Ok("new"));
    }
}
