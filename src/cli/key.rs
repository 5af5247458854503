//! `key`: makes client keys and says what is known of one. The key itself is printed once and kept nowhere.

use std::io::{self, Read as _};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    args::{Global, KeyCommand, KeyNewArgs},
    error::CliError,
    exit::Exit,
    output::{self, Paint, Stream, Tone},
    session,
    table::Table,
    time,
};
use crate::{
    clock::Clock,
    config::Keys,
    model::{AcceptedKey, Catalog, Client, ClientKey, Reach, WorkloadName},
};

/// The longest text that is read as a key.
const LONGEST: u64 = 4096;

/// Runs one of them.
pub(super) fn run(global: &Global, command: KeyCommand) -> Result<Exit, CliError> {
    match command {
        KeyCommand::New(args) => new(global, &args),
        KeyCommand::List { json } => list(global, json),
        KeyCommand::Check { json } => check(global, json),
    }
}

/// Makes a key: it goes to standard output, what belongs into the configuration to standard error.
fn new(global: &Global, args: &KeyNewArgs) -> Result<Exit, CliError> {
    // A key can be made before there is a configuration.
    let catalog = session::catalog_with(global, Keys::IfThere).ok();
    if let Some(catalog) = &catalog {
        known(catalog, args)?;
    }
    let mut random = [0; 32];
    aws_lc_rs::rand::fill(&mut random)
        .map_err(|_| io::Error::other("the operating system gives no randomness"))?;
    let key = ClientKey::new(random);
    let hash = key.hash();
    let expires = args
        .expires
        .as_ref()
        .map(|text| format!(", expires = {text:?}"));
    let line = format!("{{ sha256 = \"{hash}\"{} }}", expires.unwrap_or_default());
    let workloads: Vec<&str> = args.workloads.iter().map(WorkloadName::as_str).collect();
    let existing = catalog
        .as_ref()
        .and_then(|catalog| catalog.clients.get(&args.name));
    if args.json {
        output::json(&json!({
            "client": args.name, "key": key.expose(), "sha256": hash.to_string(), "expires": args.expires,
        }))?;
    } else {
        output::line(key.expose())?;
    }
    output::talk(
        "The key stands on standard output, once: give it to the client, it is kept nowhere.",
    );
    if existing.is_some() {
        output::talk(format_args!(
            "\nAdd this to `keys` of [clients.{}]; keys that stand there stay accepted until you remove them:\n\n  {line},\n",
            args.name
        ));
    } else {
        let workloads = if workloads.is_empty() {
            vec!["*"]
        } else {
            workloads
        };
        let metrics = if args.metrics { "\nmetrics = true" } else { "" };
        output::talk(format_args!(
            "\nAdd this to the configuration; a running gateway takes it without a restart:\n\n\
             [clients.{}]\nworkloads = {workloads:?}{metrics}\nkeys = [\n  {line},\n]\n",
            args.name
        ));
    }
    Ok(Exit::Done)
}

fn known(catalog: &Catalog, args: &KeyNewArgs) -> Result<(), CliError> {
    match args
        .workloads
        .iter()
        .find(|name| !catalog.workloads.contains_key(*name))
    {
        Some(unknown) => Err(CliError::Usage(format!(
            "there is no workload `{unknown}`; there are {}",
            names(catalog.workloads.keys().map(WorkloadName::as_str))
        ))),
        None => Ok(()),
    }
}

fn list(global: &Global, as_json: bool) -> Result<Exit, CliError> {
    let catalog = session::catalog_with(global, Keys::IfThere)?;
    let now = Clock::system().now();
    let keys = || {
        let of = |client| std::iter::repeat(client);
        catalog
            .clients
            .values()
            .flat_map(move |client| of(client).zip(&client.keys))
    };
    if as_json {
        for (client, key) in keys() {
            output::json(&shown(client, key, now))?;
        }
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["CLIENT", "KEY", "STATE", "WORKLOADS"]);
    for (client, key) in keys() {
        let (tone, state) = state(key, now);
        let metrics = if client.metrics { ", metrics" } else { "" };
        table.row(
            tone,
            &[
                client.name.as_str(),
                &key.hash.short(),
                &state,
                &format!("{}{metrics}", reach(client)),
            ],
        );
    }
    if catalog.clients.is_empty() {
        output::talk(
            "no client is configured: whoever reaches the listener may call; make a key with `backstop key new NAME`",
        );
    } else {
        output::line(table.render(Paint::of(Stream::Out)))?;
    }
    Ok(Exit::Done)
}

/// Reads a key from standard input, so that it stands in no history and no list of processes.
fn check(global: &Global, as_json: bool) -> Result<Exit, CliError> {
    if output::somebody_there() {
        output::talk("Paste the key, then Enter and Ctrl-D:");
    }
    let mut text = String::new();
    io::stdin().lock().take(LONGEST).read_to_string(&mut text)?;
    let Some(key) = ClientKey::read(text.trim()) else {
        return Err(CliError::Usage(
            "this is not a client key; one begins with `backstop_` and comes from `backstop key new`".to_owned(),
        ));
    };
    let catalog = session::catalog_with(global, Keys::IfThere)?;
    let hash = key.hash();
    let now = Clock::system().now();
    let found = catalog.clients.values().find_map(|client| {
        let known = client.keys.iter().find(|known| known.hash == hash)?;
        Some((client, known))
    });
    if as_json {
        let shown = match found {
            Some((client, key)) => shown(client, key, now),
            None => json!({"client": null, "sha256": hash.to_string(), "accepted": false}),
        };
        output::json(&shown)?;
    } else {
        output::line(format_args!("sha256 {hash}"))?;
        match found {
            Some((client, key)) => output::line(format_args!(
                "client {}: {}; workloads: {}",
                client.name,
                state(key, now).1,
                reach(client)
            ))?,
            None => output::talk(format_args!(
                "no client of {} has it",
                catalog.source.display()
            )),
        }
    }
    Ok(match found {
        Some((_, key)) if accepted(key, now) => Exit::Done,
        Some(_) | None => Exit::Reserved,
    })
}

fn accepted(key: &AcceptedKey, now: Timestamp) -> bool {
    key.expires.is_none_or(|expires| now < expires)
}

fn state(key: &AcceptedKey, now: Timestamp) -> (Tone, String) {
    match key.expires {
        None => (Tone::Good, "accepted".to_owned()),
        Some(expires) if now < expires => (
            Tone::Good,
            format!("accepted until {}", time::moment(expires)),
        ),
        Some(expires) => (Tone::Bad, format!("expired {}", time::moment(expires))),
    }
}

fn reach(client: &Client) -> String {
    match &client.reach {
        Reach::Every => "every".to_owned(),
        Reach::Only(workloads) if workloads.is_empty() => "none".to_owned(),
        Reach::Only(workloads) => names(workloads.iter().map(WorkloadName::as_str)),
    }
}

fn shown(client: &Client, key: &AcceptedKey, now: Timestamp) -> Value {
    let workloads = match &client.reach {
        Reach::Every => vec!["*"],
        Reach::Only(names) => names.iter().map(WorkloadName::as_str).collect(),
    };
    json!({
        "client": client.name,
        "sha256": key.hash.to_string(),
        "expires": key.expires,
        "accepted": accepted(key, now),
        "workloads": workloads,
        "metrics": client.metrics,
    })
}

fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}
