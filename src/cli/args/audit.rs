//! `audit` as typed.

use clap::{Args as ClapArgs, ValueEnum};

use super::super::time;
use crate::model::Anchor;

/// Which audit records, and what to do with them.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct AuditArgs {
    /// Not older than: 15m, 2h, or a time such as 2026-11-21T14:00:00Z
    #[arg(long, value_name = "WHEN", value_parser = time::since)]
    pub(in crate::cli) since: Option<time::Since>,
    /// Only about this workload or route
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) target: Option<String>,
    /// The newest so many; 0: all [default: 50, with --since all]
    #[arg(long, value_name = "NUMBER")]
    pub(in crate::cli) limit: Option<usize>,
    /// JSON lines: one record each; with --verify one object
    #[arg(long)]
    pub(in crate::cli) json: bool,
    /// Check that no record was changed, removed or moved since it was written: 0 none was, 1 some were. Prints
    /// the newest record's number and seal, to be kept elsewhere and named with --anchor next time
    #[arg(long, conflicts_with_all = ["since", "target", "limit", "export"])]
    pub(in crate::cli) verify: bool,
    /// With --verify: a number and seal that an earlier one has printed; can be given several times
    #[arg(long, value_name = "NUMBER:SEAL", requires = "verify")]
    pub(in crate::cli) anchor: Vec<Anchor>,
    /// Every record with its seal, oldest first, for another system
    #[arg(long, value_name = "FORMAT", conflicts_with_all = ["limit", "json"])]
    pub(in crate::cli) export: Option<Export>,
    /// With --export: only records after this number
    #[arg(long, value_name = "NUMBER", requires = "export")]
    pub(in crate::cli) after: Option<u64>,
    /// With --export: go on with new ones until interrupted
    #[arg(long, short, requires = "export")]
    pub(in crate::cli) follow: bool,
}

/// How records are handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Export {
    /// JSON lines: previous, seal, record
    Jsonl,
    /// RFC 5424: facility 13 (audit), the record as structured data and as JSON
    Syslog,
}
