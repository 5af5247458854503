//! The commands about client keys, as typed.

use clap::{Args as ClapArgs, Subcommand};

use crate::{
    cli::exit::EXIT_CODES,
    config,
    model::{ClientName, WorkloadName},
};

/// What to do with client keys.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum KeyCommand {
    /// Make a key: it goes to standard output, once; the lines for the configuration to standard error
    #[command(after_help = EXIT_CODES)]
    New(KeyNewArgs),
    /// List the keys of the configuration: client, first digits of the hash, state, workloads
    #[command(after_help = EXIT_CODES)]
    List {
        /// JSON lines: one key each
        #[arg(long)]
        json: bool,
    },
    /// Read a key from standard input: print its hash, and whose it is; 0 accepted, 1 not
    #[command(after_help = EXIT_CODES)]
    Check {
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
}

/// A new key.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct KeyNewArgs {
    /// Whose: a new client, or one that gets another key
    #[arg(value_parser = client_name)]
    pub(in crate::cli) name: ClientName,
    /// What a new client may call; may be repeated [default: every workload]
    #[arg(long = "workload", value_name = "NAME")]
    pub(in crate::cli) workloads: Vec<WorkloadName>,
    /// From then on the key is refused: 2027-01-31 (its first second, UTC) or 2027-01-31T18:00:00Z
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    pub(in crate::cli) expires: Option<String>,
    /// A new client may read /metrics and the details of /readyz
    #[arg(long)]
    pub(in crate::cli) metrics: bool,
    /// One JSON object: client, key, sha256, expires
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

fn client_name(text: &str) -> Result<ClientName, String> {
    if config::is_name(text) {
        return Ok(text.into());
    }
    Err(
        "use lower-case letters, digits and inner `-`, `_` or `.`, at most 63 characters"
            .to_owned(),
    )
}

/// As the configuration reads it, and kept as typed.
fn moment(text: &str) -> Result<String, String> {
    config::moment(text).map(|_| text.to_owned())
}
