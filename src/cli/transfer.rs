//! `events --export` and `events --import`: the event log as JSON lines, entry by entry, for an archive or another
//! store. Both go through the log a page at a time, whatever its size.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read as _},
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::{
    args::{EventExport, EventsArgs},
    error::CliError,
    exit::Exit,
    log, output,
    session::{Doors, Session},
};
use crate::{
    model::{Entry, Seq, visible},
    store::{Added, StoreError},
};

/// Entries of one page, and of one transaction of an import: gateways wait for each.
const PAGE: usize = 1_000;

/// No entry is longer.
const LONGEST: u64 = 1 << 20;

/// An entry on its line, with its place in the log it comes from.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    seq: Seq,
    #[serde(flatten)]
    entry: Entry,
}

/// `events`: lists them, or does one of the two.
pub(super) async fn events(doors: &Doors, args: EventsArgs) -> Result<Exit, CliError> {
    if let Some(from) = &args.import {
        return import(&doors.writing().await?, from, args.json).await;
    }
    let session = doors.reading().await?;
    match args.export {
        Some(EventExport::Jsonl) => export(&session, &args).await,
        None => log::events(&session, args).await,
    }
}

/// Writes the log, oldest first.
async fn export(session: &Session, args: &EventsArgs) -> Result<Exit, CliError> {
    let store = &session.store;
    let (mut newest, mut health) = (store.newest(), store.health());
    let mut seen = Seq(args.after.unwrap_or(0));
    loop {
        newest.mark_unchanged();
        let full = match store.tail(seen, PAGE).await {
            Ok(page) => {
                let full = page.len() == PAGE;
                seen = page.last().map_or(seen, |(seq, _)| *seq);
                let lines = page.into_iter().map(|(seq, entry)| Line { seq, entry });
                output::json_lines(lines)?;
                full
            }
            Err(StoreError::Closed) => return Ok(Exit::Done),
            Err(error) if !args.follow => return Err(error.into()),
            // Nothing is lost: the next wake-up reads on from the same place.
            Err(error) => {
                output::talk(format_args!("! {}", visible(&error.to_string(), 400)));
                false
            }
        };
        if full {
            continue;
        }
        if !args.follow {
            return Ok(Exit::Done);
        }
        tokio::select! {
            moved = newest.changed() => if moved.is_err() {
                return Ok(Exit::Done);
            },
            Ok(()) = health.changed() => {}
        }
    }
}

/// Reads what `export` has written, from a file or from standard input (`-`).
async fn import(session: &Session, from: &Path, json: bool) -> Result<Exit, CliError> {
    let name = visible(&from.to_string_lossy(), 400).into_owned();
    let reader: Box<dyn BufRead> = if from == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        let opened = File::open(from)
            .map_err(|error| CliError::Usage(format!("cannot read {name}: {error}")))?;
        Box::new(BufReader::with_capacity(1 << 16, opened))
    };
    let import = session.store.import()?;
    let mut lines = Lines {
        reader,
        number: 0,
        text: Vec::new(),
    };
    let mut added = Added::default();
    loop {
        let (page, end) = lines.page();
        if !page.is_empty() {
            added += import.add(page).await?;
        }
        match end {
            None => {}
            Some(Ok(())) => break,
            Some(Err(why)) => {
                return Err(CliError::Usage(format!(
                    "{name}, line {}: {why}; what stands before it is in the log ({}), and is passed over when the \
                     import is run again",
                    lines.number,
                    words(added)
                )));
            }
        }
    }
    if json {
        output::json(&added)?;
    } else {
        output::line(words(added))?;
    }
    Ok(Exit::Done)
}

fn words(added: Added) -> String {
    format!(
        "{} decisions and {} outcomes were added; {} were there already",
        added.decisions, added.outcomes, added.known
    )
}

/// The lines of an export.
struct Lines<R> {
    reader: R,
    /// Of the line that was read last, from 1.
    number: u64,
    text: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// The next entries, and, if they are the last ones, how it ended.
    fn page(&mut self) -> (Vec<Entry>, Option<Result<(), String>>) {
        let mut page = Vec::with_capacity(PAGE);
        while page.len() < PAGE {
            match self.next() {
                Ok(Some(entry)) => page.push(entry),
                Ok(None) => return (page, Some(Ok(()))),
                Err(why) => return (page, Some(Err(why))),
            }
        }
        (page, None)
    }

    fn next(&mut self) -> Result<Option<Entry>, String> {
        self.number += 1;
        self.text.clear();
        let mut limited = (&mut self.reader).take(LONGEST);
        let read = limited.read_until(b'\n', &mut self.text);
        match read {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            Err(error) => return Err(format!("it cannot be read: {error}")),
        }
        if self.text.last() != Some(&b'\n') {
            return Err(if self.text.len() as u64 == LONGEST {
                "it is too long for an event".to_owned()
            } else {
                "it is cut off; the export did not come to its end".to_owned()
            });
        }
        let line: Line = serde_json::from_slice(&self.text)
            .map_err(|error| format!("it is no line of `events --export`: {error}"))?;
        Ok(Some(line.entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (usize, Result<(), String>, u64) {
        let mut lines = Lines {
            reader: text.as_bytes(),
            number: 0,
            text: Vec::new(),
        };
        let (page, end) = lines.page();
        (page.len(), end.unwrap(), lines.number)
    }

    const LINE: &str = r#"{"seq":7,"outcome":{"event":"01KAKQQ5M0000000000000000Z","at":"2026-11-21T10:00:00Z","kind":"completed","status":200,"class":null,"notice":null,"first_output":null,"total":5}}"#;

    #[test]
    fn lines_are_read_and_what_is_none_is_named() {
        let whole = format!("{LINE}\n{LINE}\n");
        assert_eq!(read(&whole), (2, Ok(()), 3));
        assert_eq!(read(""), (0, Ok(()), 1));
        for (case, text, entries, words) in [
            ("cut off", format!("{LINE}\n{LINE}"), 1, "cut off"),
            (
                "torn",
                format!("{LINE}\n{}\n", LINE.replace("total", "")),
                1,
                "no line",
            ),
            (
                "other JSON",
                format!("{LINE}\n{{\"seq\":1}}\n"),
                1,
                "no line",
            ),
            ("endless", "x".repeat(2 << 20), 0, "too long"),
        ] {
            let (found, end, number) = read(&text);
            assert_eq!(found, entries, "{case}");
            assert_eq!(number, entries as u64 + 1, "{case}");
            assert!(end.unwrap_err().contains(words), "{case}");
        }
    }
}
