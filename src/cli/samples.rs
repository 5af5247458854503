//! `samples`: the request bodies that probes send, listed, shown, checked and added.

mod traffic;

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

use serde_json::json;
use tokio::task::spawn_blocking;

use super::{
    args::{Global, SamplesAddArgs, SamplesCommand},
    error::CliError,
    exit::Exit,
    output::{self, Paint, Stream, Tone},
    session,
    table::Table,
};
use crate::{
    config::{self, Keys},
    model::{Catalog, PayloadClass, Sample, Workload},
    probe,
};

/// Does what was asked.
pub(super) async fn run(global: &Global, command: SamplesCommand) -> Result<Exit, CliError> {
    let catalog = session::catalog_with(global, Keys::IfThere)?;
    match command {
        SamplesCommand::List { json } => list(&catalog, json),
        SamplesCommand::Show { id } => show(&catalog, &id),
        SamplesCommand::Check { json } => check(&catalog, json),
        SamplesCommand::Add(args) => add(&catalog, &args).await,
    }
}

fn all(catalog: &Catalog) -> impl Iterator<Item = (&Workload, &Sample)> {
    catalog.workloads.values().flat_map(|workload| {
        workload
            .samples
            .iter()
            .map(move |sample| (workload, sample))
    })
}

fn list(catalog: &Catalog, as_json: bool) -> Result<Exit, CliError> {
    if as_json {
        let samples: Vec<&Sample> = all(catalog).map(|(_, sample)| sample).collect();
        output::json(&samples)?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["SAMPLE", "CLASS", "DIGEST", "CHECKS"]);
    for (_, sample) in all(catalog) {
        let checks: Vec<String> = sample.checks.iter().map(ToString::to_string).collect();
        table.row(
            Tone::Plain,
            &[
                sample.id.as_str(),
                sample.class.as_str(),
                &sample.digest,
                &checks.join("; "),
            ],
        );
    }
    output::line(table.render(Paint::of(Stream::Out)))?;
    Ok(Exit::Done)
}

fn show(catalog: &Catalog, id: &str) -> Result<Exit, CliError> {
    let Some((_, sample)) = all(catalog).find(|(_, sample)| sample.id.as_str() == id) else {
        return Err(probe::JobError::Sample {
            name: id.to_owned(),
        }
        .into());
    };
    let body = config::sample_body(&sample.path)?;
    let text = probe::escaped(&String::from_utf8_lossy(&body));
    output::line(text.trim_end())?;
    Ok(Exit::Done)
}

fn check(catalog: &Catalog, as_json: bool) -> Result<Exit, CliError> {
    let mut found = Vec::new();
    for (workload, sample) in all(catalog) {
        found.push((&sample.id, probe::findings(catalog, workload, sample)?));
    }
    let wrong: usize = found.iter().map(|(_, findings)| findings.len()).sum();
    if as_json {
        let rows: Vec<_> = found
            .iter()
            .map(|(id, findings)| {
                let messages: Vec<&str> = findings.iter().map(|it| it.message.as_str()).collect();
                json!({"id": id, "findings": messages})
            })
            .collect();
        output::json(&rows)?;
    } else {
        for (id, findings) in &found {
            for finding in findings {
                output::line(format_args!("{id}: {}", finding.message))?;
            }
        }
    }
    let missing: Vec<&str> = catalog
        .workloads
        .values()
        .filter(|workload| workload.samples.is_empty())
        .map(|workload| workload.name.as_str())
        .collect();
    if !missing.is_empty() {
        output::talk(format_args!("without samples: {}", missing.join(", ")));
    }
    output::talk(format_args!("{} samples, {wrong} findings", found.len()));
    Ok(if wrong == 0 {
        Exit::Done
    } else {
        Exit::Reserved
    })
}

async fn add(catalog: &Catalog, args: &SamplesAddArgs) -> Result<Exit, CliError> {
    let workload = catalog
        .workloads
        .get(args.workload.as_str())
        .ok_or_else(|| usage(format!("there is no workload \"{}\"", args.workload)))?;
    if args.from_traffic {
        return traffic::run(catalog, workload, args).await;
    }
    let made = Made {
        name: args.name.clone().unwrap_or_default(),
        class: class(args.class.as_deref().unwrap_or_default())?,
        whole: false,
    };
    made.named()?;
    let from = args.from.clone();
    // Not in the way of a signal: nobody may finish typing.
    let body = spawn_blocking(move || read(from.as_deref()))
        .await
        .map_err(io::Error::other)??;
    save(catalog, workload, &made, &body, args.json)
}

fn usage(text: String) -> CliError {
    CliError::Usage(text)
}

fn class(text: &str) -> Result<PayloadClass, CliError> {
    text.parse().map_err(|()| {
        let known = PayloadClass::ALL.map(PayloadClass::as_str).join(", ");
        usage(format!("\"{text}\" is not one of {known}"))
    })
}

/// A sample to be.
struct Made {
    name: String,
    class: PayloadClass,
    /// The answer is not asked as a stream, where only the configuration can say so.
    whole: bool,
}

impl Made {
    fn named(&self) -> Result<(), CliError> {
        let name = &self.name;
        let plain =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
        if name.is_empty() || name.len() > 63 || !name.chars().all(plain) || name.starts_with('-') {
            let words = "use lower-case letters, digits, `-` and `_`, at most 63 characters";
            return Err(usage(format!("\"{name}\" is not a name; {words}")));
        }
        Ok(())
    }
}

/// Writes a sample and prints the lines for the configuration.
fn save(
    catalog: &Catalog,
    workload: &Workload,
    made: &Made,
    body: &[u8],
    as_json: bool,
) -> Result<Exit, CliError> {
    made.named()?;
    let body = probe::adopt(workload, body).map_err(|error| usage(error.to_string()))?;
    let directory = catalog.source.parent().unwrap_or(Path::new("."));
    let file = format!("samples/{}.json", made.name);
    write(&directory.join(&file), &body)?;
    let (workload, class) = (&workload.name, made.class);
    let stream = if made.whole { "\nstream = false" } else { "" };
    let lines =
        format!("[[workloads.{workload}.samples]]\nclass = \"{class}\"\nfile = \"{file}\"{stream}");
    if as_json {
        output::json(&json!({"file": directory.join(&file), "class": class, "lines": lines}))?;
    } else {
        output::talk(format_args!(
            "wrote {}; add these lines to {}, with checks:",
            directory.join(&file).display(),
            catalog.source.display()
        ));
        output::line(lines)?;
    }
    Ok(Exit::Done)
}

fn read(from: Option<&Path>) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    match from {
        Some(path) => fs::File::open(path)?
            .take(config::SAMPLE_LIMIT + 1)
            .read_to_end(&mut body)?,
        None => io::stdin()
            .lock()
            .take(config::SAMPLE_LIMIT + 1)
            .read_to_end(&mut body)?,
    };
    if body.len() as u64 > config::SAMPLE_LIMIT {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(body)
}

/// Writes a file that was not there before, for its owner only: bodies may hold what users wrote.
pub(super) fn write(path: &Path, body: &[u8]) -> Result<(), CliError> {
    let make = || {
        if let Some(parent) = path.parent() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(parent)?;
        }
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?
            .write_all(body)
    };
    make().map_err(|error: io::Error| {
        CliError::Usage(format!("cannot write {}: {error}", path.display()))
    })
}
