//! The commands about the store over many hosts, as typed.

use clap::{Args as ClapArgs, Subcommand, ValueEnum};

use crate::cli::exit::EXIT_CODES;

/// What to do with the store.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum StoreCommand {
    /// Make the streams that are needed, check those that are there, and say what is unsafe
    #[command(after_help = EXIT_CODES)]
    Init(StoreInitArgs),
    /// Servers, streams, copies, and what is unsafe: 0 nothing, 1 something, 5 the store cannot be used
    #[command(after_help = EXIT_CODES)]
    Status(StoreStatusArgs),
    /// Take everything of a store on one host over into the cluster of the configuration
    #[command(after_help = EXIT_CODES)]
    Migrate(StoreMigrateArgs),
}

/// Streams to make.
///
/// What is there and as it should be is left alone, so it can be run again. What differs is named, and changed only
/// when somebody says so.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct StoreInitArgs {
    /// On how many servers each record is [default: 3 for what is made; what is there stays as it is]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u8).range(1..=5))]
    pub(in crate::cli) replicas: Option<u8>,
    /// Say what would be done, and do nothing: 0 nothing, 1 something
    #[arg(long)]
    pub(in crate::cli) plan: bool,
    /// Also change what is there and differs; on a terminal it is asked for
    #[arg(long, conflicts_with = "plan")]
    pub(in crate::cli) change: bool,
    #[command(flatten)]
    pub(in crate::cli) look: StoreStatusArgs,
}

/// A store to take over.
///
/// The audit with its chain, overrides, plans, reviews and what is owed, events, traffic and what probes found. Gateways
/// are stopped meanwhile, or still serve with the old store and change nothing; both are compared at the end. What is
/// there already is passed over, so a migration that was interrupted is run again. The old store stays as it is.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct StoreMigrateArgs {
    /// The store to take over, `sqlite:DIRECTORY`
    #[arg(long, value_name = "URL")]
    pub(in crate::cli) from: String,
    /// Another cluster than that of the configuration, with the same login [default: `store.url`]
    #[arg(long, value_name = "URL")]
    pub(in crate::cli) to: Option<String>,
    /// Say what would be taken over, and do nothing
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
    /// One JSON object: audit, records, overrides, plans, reviews, debts, events, stretches, probes
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// How to look at a cluster.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct StoreStatusArgs {
    /// The monitoring port of a server, `http://HOST:8222`; once for each server. Only there stands how often it
    /// writes to disk
    #[arg(long, value_name = "URL")]
    pub(in crate::cli) monitoring: Vec<String>,
    /// One JSON object: url, prefix, servers, streams, checks (check, soundness, says, advice); of `init` also steps
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// What is run as a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Service {
    /// The gateway, by systemd
    #[default]
    Gateway,
    /// The configuration of a NATS server: one of three that keep the state of many gateways
    NatsServer,
    /// NATS servers and gateways on Kubernetes
    Kubernetes,
}
