//! `samples add --from-traffic`: what gateways captured of a workload, listed, and one of it as a sample.

use serde_json::{Value, json};

use super::{Made, class, save};
use crate::{
    cli::{
        args::SamplesAddArgs,
        error::CliError,
        exit::Exit,
        output::{self, Paint, Stream, Tone},
        table::Table,
        time,
    },
    clock::Clock,
    model::{Capture, Captured, Catalog, Family, Workload, visible},
    store::{Access, Store},
};

/// How much of a body's text is shown.
const WORDS: usize = 48;

/// Lists, or adds the one that is picked.
pub(super) async fn run(
    catalog: &Catalog,
    workload: &Workload,
    args: &SamplesAddArgs,
) -> Result<Exit, CliError> {
    let wanted = args.class.as_deref().map(class).transpose()?;
    let clock = Clock::system();
    let store = Store::open(&catalog.store, Access::Observe, clock.clone()).await?;
    let found = store.captures(workload.name.clone()).await?;
    store.close().await?;
    let Some(number) = args.pick else {
        if args.name.is_some() {
            return Err(CliError::Usage(
                "say with --pick which one gets this name".to_owned(),
            ));
        }
        let shown = found
            .iter()
            .filter(|one| wanted.is_none_or(|class| one.class == class));
        return list(workload, &shown.collect::<Vec<_>>(), &clock, args.json);
    };
    let Some(picked) = found.iter().find(|one| one.number == number) else {
        return Err(CliError::Usage(format!(
            "nothing of \"{}\" is kept under the number {number} any more; without --pick all are listed",
            workload.name
        )));
    };
    let name = args.name.clone();
    let made = Made {
        name: name.unwrap_or_else(|| format!("traffic-{number}")),
        class: wanted.unwrap_or(picked.class),
        // In other families the body says it.
        whole: workload.family == Family::GeminiGenerate && !picked.stream,
    };
    let done = save(catalog, workload, &made, picked.body.as_bytes(), args.json)?;
    output::talk("redacted by patterns, which do not know names or stories: look through it");
    Ok(done)
}

fn list(
    workload: &Workload,
    found: &[&Captured],
    clock: &Clock,
    as_json: bool,
) -> Result<Exit, CliError> {
    if as_json {
        let rows: Vec<Value> = found.iter().map(|one| row(one)).collect();
        output::json(&rows)?;
        return Ok(Exit::Done);
    }
    let now = clock.now();
    let mut table = Table::new(&["NUMBER", "AGE", "CLASS", "SIZE", "NEEDS", "BEGINS"]);
    for one in found {
        table.row(
            Tone::Plain,
            &[
                &one.number.to_string(),
                &time::age(one.at, now),
                one.class.as_str(),
                &one.body.len().to_string(),
                &one.needs.to_string(),
                &beginning(&one.body),
            ],
        );
    }
    if !found.is_empty() {
        output::line(table.render(Paint::of(Stream::Out)))?;
    }
    output::talk(match (workload.capture, found.is_empty()) {
        (Capture::Off, true) => format!(
            "\"{0}\" is not captured; `capture = \"redacted\"` in [workloads.{0}] says that it shall be",
            workload.name
        ),
        (Capture::Redacted, true) => {
            "nothing was captured in the last 24 hours; only what was answered well is".to_owned()
        }
        (Capture::Off | Capture::Redacted, false) => {
            "add one with --pick NUMBER; all are gone after 24 hours".to_owned()
        }
    });
    Ok(Exit::Done)
}

fn row(one: &Captured) -> Value {
    json!({
        "number": one.number,
        "at": one.at,
        "class": one.class,
        "size": one.body.len(),
        "needs": one.needs,
        "stream": one.stream,
        "begins": beginning(&one.body),
    })
}

/// The first words of what was said last.
fn beginning(body: &str) -> String {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let said = ["messages", "input", "contents"]
        .iter()
        .find_map(|key| last_text(body.get(key)?))
        .unwrap_or_default();
    let line = said.split_whitespace().collect::<Vec<_>>().join(" ");
    visible(&line, WORDS).into_owned()
}

/// The last text in a list of turns, their parts included.
fn last_text(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        Value::Array(items) => items.iter().rev().find_map(last_text),
        Value::Object(fields) => ["content", "parts", "text"]
            .iter()
            .find_map(|key| last_text(fields.get(*key)?)),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::beginning;

    #[test]
    fn what_was_said_last_is_shown() {
        for (body, words) in [
            (
                r#"{"messages":[{"content":"first"},{"content":[{"type":"text","text":"where\nis it?"},{"type":"image_url"}]}]}"#,
                "where is it?",
            ),
            (r#"{"input":"a text"}"#, "a text"),
            (r#"{"contents":[{"parts":[{"text":"a part"}]}]}"#, "a part"),
            (r#"{"input":[[1,2]]}"#, ""),
            ("{", ""),
        ] {
            assert_eq!(beginning(body), words, "{body}");
        }
    }
}
