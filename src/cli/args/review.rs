//! The options of `review`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

use crate::{cli::exit::EXIT_CODES, model::WorkloadName};

/// What to do with reviews.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ReviewCommand {
    /// List recorded reviews, newest first
    #[command(after_help = EXIT_CODES)]
    List {
        /// Only of this workload
        #[arg(long, value_name = "NAME")]
        workload: Option<WorkloadName>,
        /// The newest so many; 0: all
        #[arg(long, value_name = "NUMBER", default_value = "50")]
        limit: usize,
        /// JSON lines: one review each, without the answers
        #[arg(long)]
        json: bool,
    },
    /// Whose fallback needs a review, and whose first: by debt, use, traffic and age
    #[command(after_help = EXIT_CODES)]
    Queue {
        /// Also those that hold and those that nobody asks for
        #[arg(long)]
        all: bool,
        /// A JSON array
        #[arg(long)]
        json: bool,
    },
    /// Judge both answers to each sample, blind, by questions: the compare screen's review in lines
    #[command(after_help = EXIT_CODES)]
    Judge(ReviewJudgeArgs),
    /// For continuous integration: 0 every gate is open, 1 a review is missing, stale, or below its bar
    #[command(after_help = EXIT_CODES)]
    Check {
        /// Only these [default: every workload that requires a review]
        #[arg(value_name = "WORKLOAD")]
        workloads: Vec<WorkloadName>,
        /// One JSON object: open, workloads
        #[arg(long)]
        json: bool,
    },
    /// Show a review: what was compared, every verdict with its note
    #[command(after_help = EXIT_CODES)]
    Show {
        /// Its id, or a workload: its newest
        #[arg(value_name = "ID|WORKLOAD")]
        review: String,
        /// Both answers to each sample, too
        #[arg(long)]
        answers: bool,
        /// As `export` writes it
        #[arg(long, conflicts_with = "answers")]
        json: bool,
        /// As Markdown, with both answers
        #[arg(long, conflicts_with_all = ["answers", "json"])]
        markdown: bool,
    },
    /// Write a review with all its answers to standard output: JSON, which `import` reads
    #[command(after_help = EXIT_CODES)]
    Export {
        /// Its id, or a workload: its newest
        #[arg(value_name = "ID|WORKLOAD")]
        review: String,
        /// As Markdown
        #[arg(long)]
        markdown: bool,
        /// The verdicts alone as CSV: sample, judgement, note, fingerprint
        #[arg(long, conflicts_with = "markdown")]
        csv: bool,
    },
    /// Write a form for verdicts on a comparison to standard output: CSV with empty judgements, to fill in and
    /// import
    #[command(after_help = EXIT_CODES)]
    Form {
        /// The comparison, as `compare` or `review export` wrote it
        #[arg(value_name = "PATH")]
        comparison: PathBuf,
    },
    /// Record verdicts that were given elsewhere
    #[command(after_help = EXIT_CODES)]
    Import(ReviewImportArgs),
}

/// What to judge, and how.
///
/// Both routes are asked past the gateway, so no traffic moves. Each pair is shown whole as A and B; which is the
/// fallback, and how quick, long and dear it was, is said after the verdict. Nothing is recorded before the end,
/// where it is asked for.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct ReviewJudgeArgs {
    /// Whose fallback
    pub(in crate::cli) workload: WorkloadName,
    /// Only the sample with this id (WORKLOAD/NAME) or name; may be repeated
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) sample: Vec<String>,
    /// Not blind: names and figures stand beside the answers, and the review says so
    #[arg(long)]
    pub(in crate::cli) open: bool,
    /// What you say of the whole
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub(in crate::cli) note: String,
}

/// Which verdicts, and on what.
///
/// The file is CSV with the columns sample, judgement, note and fingerprint, or JSON with `fingerprint` and
/// `verdicts`: a list of sample, judgement, note; or a comparison whose `judgement`s were filled in. The
/// fingerprint is that of the comparison: verdicts on other answers are refused. Recorded as `imported`, with you
/// as the reviewer.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct ReviewImportArgs {
    /// The verdicts
    #[arg(value_name = "PATH")]
    pub(in crate::cli) file: PathBuf,
    /// The comparison that they are about, as `compare` or `review export` wrote it
    #[arg(long, value_name = "PATH", conflicts_with = "review")]
    pub(in crate::cli) comparison: Option<PathBuf>,
    /// The recorded review whose answers they are about, or a workload: its newest
    #[arg(long, value_name = "ID|WORKLOAD")]
    pub(in crate::cli) review: Option<String>,
    /// What you say of the whole
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub(in crate::cli) note: String,
    /// The recorded review as JSON, without the answers
    #[arg(long)]
    pub(in crate::cli) json: bool,
}
