//! How the console looks and listens, as typed.

use clap::Args as ClapArgs;

use crate::console::{Depth, Mouse};

/// How the console looks and listens.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(in crate::cli) struct LookArgs {
    /// The theme
    #[arg(long, value_name = "NAME", env = "BACKSTOP_THEME")]
    pub(in crate::cli) theme: Option<String>,
    /// Colours: never, 16, 256 or rgb; without it what the environment says
    #[arg(long, value_name = "DEPTH")]
    pub(in crate::cli) color: Option<Depth>,
    /// ASCII signs only; without it what the locale says
    #[arg(long)]
    pub(in crate::cli) ascii: bool,
    /// The mouse: off, local (on, but not over SSH) or on; `M` switches it at any time
    #[arg(
        long,
        value_name = "WHEN",
        env = "BACKSTOP_MOUSE",
        default_value = "off",
        hide_default_value = true
    )]
    pub(in crate::cli) mouse: Mouse,
}
