//! The commands about themes, as typed.

use clap::{Args as ClapArgs, Subcommand};

use crate::{cli::exit::EXIT_CODES, console::Depth};

/// What to do with themes.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ThemeCommand {
    /// Check themes: syntax, names, contrast (WCAG AA), states that look alike, also with colour blindness; 0 good,
    /// 1 warnings, 2 errors
    #[command(after_help = EXIT_CODES)]
    Check {
        /// Names, or files that end in .toml [default: every theme]
        themes: Vec<String>,
        /// JSON lines, one theme each: name, worst, contrast, apart, diagnostics
        #[arg(long)]
        json: bool,
    },
    /// List themes and where they come from
    #[command(after_help = EXIT_CODES)]
    List {
        /// JSON lines, one theme each: name, variant, file (null: built in), contrast, apart
        #[arg(long)]
        json: bool,
    },
    /// Print a sample screen in a theme
    #[command(after_help = EXIT_CODES)]
    Preview(ThemePreviewArgs),
}

/// A sample screen.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct ThemePreviewArgs {
    /// Names, or files that end in .toml [default: every theme]
    pub(in crate::cli) themes: Vec<String>,
    /// Colours: never, 16, 256 or rgb; without it what the environment says, and none where it is no terminal
    #[arg(long, value_name = "DEPTH")]
    pub(in crate::cli) color: Option<Depth>,
    /// ASCII signs only; without it what the locale says
    #[arg(long)]
    pub(in crate::cli) ascii: bool,
}
