//! `serve`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use crate::{config::is_name, model::RegionName};

/// How the gateway runs.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct ServeArgs {
    /// Log into this file instead of standard error: private, put aside as .old at 8 MiB, and free to be renamed,
    /// removed or truncated by whoever rotates it, without a signal
    #[arg(long, value_name = "PATH")]
    pub(in crate::cli) log: Option<PathBuf>,
    /// The region of this gateway, which overrides can name as their scope [default: gateway.region]
    #[arg(long, value_name = "NAME", env = "BACKSTOP_REGION", value_parser = region)]
    pub(in crate::cli) region: Option<RegionName>,
}

fn region(text: &str) -> Result<RegionName, String> {
    if is_name(text) {
        return Ok(text.into());
    }
    Err(
        "use lower-case letters, digits and inner `-`, `_` or `.`, at most 63 characters"
            .to_owned(),
    )
}
