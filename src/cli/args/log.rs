//! The options of `events`.

use std::path::PathBuf;

use clap::{
    Args as ClapArgs, ValueEnum,
    builder::{PossibleValuesParser, TypedValueParser},
};

use crate::{
    cli::time,
    model::{ErrorClass, EventDecision, WorkloadName},
};

/// Which events.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct EventsArgs {
    /// Go on printing new ones until interrupted
    #[arg(long, short)]
    pub(in crate::cli) follow: bool,
    /// Not older than: 15m, 2h, or a time such as 2026-11-21T14:00:00Z
    #[arg(long, value_name = "WHEN", value_parser = time::since)]
    pub(in crate::cli) since: Option<time::Since>,
    /// Only of this workload
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) workload: Option<WorkloadName>,
    /// Only of this error class
    #[arg(long, value_parser = classes())]
    pub(in crate::cli) class: Option<ErrorClass>,
    /// Only with this decision
    #[arg(long, value_parser = decisions())]
    pub(in crate::cli) decision: Option<EventDecision>,
    /// The newest so many; 0: all [default: 100, with --since all]
    #[arg(long, value_name = "NUMBER")]
    pub(in crate::cli) limit: Option<usize>,
    /// JSON lines: one event with its outcome each. While following, the outcome of an event printed before
    /// comes as a line of its own: {"outcome": ...}
    #[arg(long)]
    pub(in crate::cli) json: bool,
    /// The whole event log, decisions and outcomes with their places, oldest first, for an archive or another store
    #[arg(long, value_name = "FORMAT", conflicts_with_all = ["since", "workload", "class", "decision", "limit", "json"])]
    pub(in crate::cli) export: Option<EventExport>,
    /// With --export: only what stands after this place (`seq` of the last line that was written)
    #[arg(long, value_name = "PLACE", requires = "export")]
    pub(in crate::cli) after: Option<u64>,
    /// Take in what --export has written, from a file or - for standard input; what is there already is passed over
    #[arg(long, value_name = "FILE", conflicts_with_all = ["since", "workload", "class", "decision", "limit", "follow", "export"])]
    pub(in crate::cli) import: Option<PathBuf>,
}

/// How events are handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum EventExport {
    /// JSON lines: seq, and decision or outcome
    Jsonl,
}

fn classes() -> impl TypedValueParser<Value = ErrorClass> {
    PossibleValuesParser::new(ErrorClass::ALL.map(ErrorClass::as_str)).try_map(|text| {
        text.parse::<ErrorClass>()
            .map_err(|()| "not an error class")
    })
}

fn decisions() -> impl TypedValueParser<Value = EventDecision> {
    let all = EventDecision::ALL;
    PossibleValuesParser::new(all.map(EventDecision::as_str)).try_map(move |text| {
        all.into_iter()
            .find(|decision| decision.as_str() == text)
            .ok_or("not a decision")
    })
}
