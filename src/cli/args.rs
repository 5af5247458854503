//! The command line as typed: commands, options and their help. No behaviour.

pub(super) mod alone;
mod audit;
mod change;
mod compare;
mod copy;
mod demo;
mod drill;
mod explain;
mod key;
mod log;
mod look;
mod probe;
mod report;
mod review;
mod samples;
mod serve;
mod store;
mod theme;
mod traffic;

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::exit::EXIT_CODES;
use crate::model::{GatewayName, PlanId, RouteName, WorkloadName};

pub(super) use audit::{AuditArgs, Export};
pub(super) use change::{ChangeArgs, LastingArgs, ScopeArgs};
pub(super) use compare::CompareArgs;
pub(super) use copy::{BackupArgs, RestoreArgs};
pub(super) use demo::{DemoArgs, SimulateArgs};
pub(super) use drill::DrillArgs;
pub(super) use explain::ExplainArgs;
pub(super) use key::{KeyCommand, KeyNewArgs};
pub(super) use log::{EventExport, EventsArgs};
pub(super) use look::LookArgs;
pub(super) use probe::ProbeArgs;
pub(super) use report::ReportArgs;
pub(super) use review::{ReviewCommand, ReviewImportArgs, ReviewJudgeArgs};
pub(super) use samples::{SamplesAddArgs, SamplesCommand};
pub(super) use serve::ServeArgs;
pub(super) use store::{Service, StoreCommand, StoreInitArgs, StoreMigrateArgs, StoreStatusArgs};
pub(super) use theme::{ThemeCommand, ThemePreviewArgs};
pub(super) use traffic::TrafficArgs;

/// The operations console, gateway and command line for fallbacks between model routes.
///
/// Without a command it opens the console.
#[derive(Debug, Parser)]
#[command(
    name = "backstop",
    version,
    about,
    after_help = EXIT_CODES,
    disable_help_subcommand = true,
    infer_subcommands = false
)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

/// Options of every command.
#[derive(Clone, Debug, ClapArgs)]
pub(super) struct Global {
    /// The configuration file [default: ./backstop.toml, then the user's, then /etc/backstop]
    #[arg(long, global = true, value_name = "PATH", env = "BACKSTOP_CONFIG")]
    pub(super) config: Option<PathBuf>,
    /// Your name for the audit, beside the user that the system knows
    #[arg(
        long = "as",
        global = true,
        value_name = "NAME",
        env = "BACKSTOP_OPERATOR"
    )]
    pub(super) declared: Option<String>,
    /// Look only: every change is refused
    #[arg(long, global = true)]
    pub(super) observe: bool,
    /// Lines and prompts instead of a screen, and no colour: for screen readers and plain terminals. Also chosen by
    /// ACCESSIBLE=1 and by TERM=dumb
    #[arg(long, global = true)]
    pub(super) plain: bool,
    /// Write logs as JSON lines
    #[arg(long, global = true)]
    pub(super) log_json: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Open the console (the same as no command)
    #[command(after_help = EXIT_CODES)]
    Console(ConsoleArgs),
    /// Run the gateway: SIGTERM or SIGINT drains, SIGHUP reads the configuration again
    #[command(after_help = EXIT_CODES)]
    Serve(ServeArgs),
    /// Check the configuration: 0 good, 1 warnings, 2 errors
    #[command(after_help = EXIT_CODES)]
    Check {
        /// One JSON object: file, worst, diagnostics
        #[arg(long)]
        json: bool,
        /// A missing key is a note, not an error: for continuous integration, which has no keys
        #[arg(long)]
        no_secrets: bool,
    },
    /// Show what is going on: every workload, worst first, or one of them
    #[command(after_help = EXIT_CODES)]
    Status {
        /// Only this one
        workload: Option<WorkloadName>,
        /// One JSON object: the overview (environment, revision, workloads, routes, gateways), or the one
        /// workload
        #[arg(long)]
        json: bool,
    },
    /// Send all traffic of a workload to its fallback
    #[command(after_help = EXIT_CODES)]
    Force(ModeArgs),
    /// Keep a workload on its primary: nothing falls back
    #[command(after_help = EXIT_CODES)]
    Hold(ModeArgs),
    /// Arm a workload again: its policy decides
    #[command(after_help = EXIT_CODES)]
    Auto(ModeArgs),
    /// Switch the degraded-mode notice of a workload
    #[command(after_help = EXIT_CODES)]
    Notice(NoticeArgs),
    /// Send no new request to a route
    #[command(after_help = EXIT_CODES)]
    Drain(DrainArgs),
    /// Send requests to a route again
    #[command(after_help = EXIT_CODES)]
    Undrain(UndrainArgs),
    /// Put back what was in force before your last change, as a new change
    #[command(after_help = EXIT_CODES)]
    Undo(UndoArgs),
    /// Show a kept plan
    #[command(after_help = EXIT_CODES)]
    Plan {
        /// Its id
        id: PlanId,
        /// The plan as JSON
        #[arg(long)]
        json: bool,
    },
    /// Imagine an outage and see what would happen to every workload; no traffic moves: 0 every request is
    /// answered, 1 some would get an error
    #[command(after_help = EXIT_CODES)]
    Drill(DrillArgs),
    /// What people said of fallbacks: list, show, export, import
    #[command(after_help = EXIT_CODES, disable_help_subcommand = true)]
    Review {
        /// What to do
        #[command(subcommand)]
        command: ReviewCommand,
    },
    /// Say in words why an event came out as it did, what would happen to a workload now, or what an error
    /// class is
    #[command(after_help = EXIT_CODES)]
    Explain(ExplainArgs),
    /// Write an incident report in Markdown: timeline, changes with who and why, what fallbacks served and who
    /// was told, readiness, reviews
    #[command(after_help = EXIT_CODES)]
    Report(ReportArgs),
    /// What workloads carried over time: requests, errors, share of the fallback, first output, and whether changes
    /// helped
    #[command(after_help = EXIT_CODES)]
    Traffic(TrafficArgs),
    /// List fallback events; hand the event log on, or take one in
    #[command(after_help = EXIT_CODES)]
    Events(EventsArgs),
    /// List who changed what, why and until when; check that nobody has changed the list; hand it on
    #[command(after_help = EXIT_CODES)]
    Audit(AuditArgs),
    /// List the routes: circuit, failures, capacity, what probes found, who drained them
    #[command(after_help = EXIT_CODES)]
    Routes {
        /// A JSON array
        #[arg(long)]
        json: bool,
    },
    /// List the gateways
    #[command(after_help = EXIT_CODES)]
    Gateways {
        /// A JSON array
        #[arg(long)]
        json: bool,
        /// Forget a silent gateway that will not come back; a day later all are forgotten
        #[arg(long, value_name = "NAME", conflicts_with = "json")]
        forget: Option<GatewayName>,
    },
    /// Client keys: make one, list them, say what is known of one
    #[command(after_help = EXIT_CODES, disable_help_subcommand = true)]
    Key {
        /// What to do
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Send samples to single routes and say whether they would work right now; no traffic moves
    #[command(after_help = EXIT_CODES)]
    Probe(ProbeArgs),
    /// Ask both routes of a workload with the same samples, and say what differs; no traffic moves
    #[command(after_help = EXIT_CODES)]
    Compare(Box<CompareArgs>),
    /// The request bodies that probes send: list, show, check and add them
    #[command(after_help = EXIT_CODES, disable_help_subcommand = true)]
    Samples {
        /// What to do
        #[command(subcommand)]
        command: SamplesCommand,
    },
    /// Themes: check one, list them, look at one
    #[command(after_help = EXIT_CODES, disable_help_subcommand = true)]
    Theme {
        /// What to do
        #[command(subcommand)]
        command: ThemeCommand,
    },
    /// Look at everything and say what is wrong and what to do: 0 nothing, 1 something, 2 the configuration, 5 the
    /// store cannot be used
    #[command(after_help = EXIT_CODES)]
    Doctor {
        /// Also read every page of every index of the store: slow when it is large
        #[arg(long)]
        deep: bool,
        /// One JSON object: worst, checks (check, soundness, says, advice)
        #[arg(long)]
        json: bool,
    },
    /// Copy the store into a directory, while it is in use
    #[command(after_help = EXIT_CODES)]
    Backup(BackupArgs),
    /// Put a backup in the place of the store; what was there is moved aside
    #[command(after_help = EXIT_CODES)]
    Restore(RestoreArgs),
    /// The store over many hosts: make its streams, look at its servers, take over what one host has
    #[command(after_help = EXIT_CODES, disable_help_subcommand = true)]
    Store {
        /// What to do
        #[command(subcommand)]
        command: StoreCommand,
    },
    /// Everything at once on this machine: simulated providers, gateway, traffic, incident and console
    #[command(after_help = EXIT_CODES)]
    Demo(DemoArgs),
    /// Run only the simulated providers
    #[command(after_help = EXIT_CODES)]
    Simulate(SimulateArgs),
    /// Print shell completions
    Completions {
        /// For which shell
        shell: Shell,
    },
    /// Print the manual page of backstop, or of one command
    Man {
        /// Of which command
        command: Option<String>,
    },
    /// Print what runs it as a service: a systemd unit for the gateway, sandboxed, without root; or the cluster's part
    Unit {
        /// Of what
        #[arg(value_enum, default_value_t)]
        of: Service,
    },
    /// Print every path that is used
    #[command(after_help = EXIT_CODES)]
    Paths {
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Print the version
    Version,
}

/// How the console opens.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(super) struct ConsoleArgs {
    /// Allow changes, also in production (where the console opens in OBSERVE)
    #[arg(long, conflicts_with = "observe")]
    pub(super) write: bool,
    /// Show the tour: an incident in five steps, told while you do them
    #[arg(long)]
    pub(super) tour: bool,
    /// Start without what the last session here has left: screen, filters, orders, marks and theme
    #[arg(long)]
    pub(super) fresh: bool,
    #[command(flatten)]
    pub(super) look: LookArgs,
}

/// A workload's mode.
#[derive(Debug, ClapArgs)]
pub(super) struct ModeArgs {
    /// Which workload
    pub(super) workload: WorkloadName,
    #[command(flatten)]
    pub(super) lasting: LastingArgs,
    #[command(flatten)]
    pub(super) scope: ScopeArgs,
    #[command(flatten)]
    pub(super) change: ChangeArgs,
}

/// A workload's notice.
#[derive(Debug, ClapArgs)]
pub(super) struct NoticeArgs {
    /// Give it or not
    pub(super) switch: Switch,
    /// Which workload
    pub(super) workload: WorkloadName,
    #[command(flatten)]
    pub(super) lasting: LastingArgs,
    #[command(flatten)]
    pub(super) scope: ScopeArgs,
    #[command(flatten)]
    pub(super) change: ChangeArgs,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Switch {
    /// Give the notice
    On,
    /// Do not give it
    Off,
}

/// A route's drain.
#[derive(Debug, ClapArgs)]
pub(super) struct DrainArgs {
    /// Which route
    pub(super) route: RouteName,
    #[command(flatten)]
    pub(super) lasting: LastingArgs,
    #[command(flatten)]
    pub(super) scope: ScopeArgs,
    #[command(flatten)]
    pub(super) change: ChangeArgs,
}

/// A route's drain ends.
#[derive(Debug, ClapArgs)]
pub(super) struct UndrainArgs {
    /// Which route
    pub(super) route: RouteName,
    #[command(flatten)]
    pub(super) scope: ScopeArgs,
    #[command(flatten)]
    pub(super) change: ChangeArgs,
}

/// What to undo.
#[derive(Debug, ClapArgs)]
pub(super) struct UndoArgs {
    /// The audit number to undo, anybody's [default: your last change that still stands]
    pub(super) sequence: Option<u64>,
    #[command(flatten)]
    pub(super) change: ChangeArgs,
}
