//! How the console looks and listens, as typed.

use clap::{Args as ClapArgs, builder::FalseyValueParser};

use crate::console::{Depth, Glyphs, Mouse};

/// How the console looks and listens.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(in crate::cli) struct LookArgs {
    /// The theme
    #[arg(long, value_name = "NAME", env = "BACKSTOP_THEME")]
    pub(in crate::cli) theme: Option<String>,
    /// Colours: never, 16, 256 or rgb; without it what the environment says
    #[arg(long, value_name = "DEPTH")]
    pub(in crate::cli) color: Option<Depth>,
    /// Signs and charts: braille, block, ascii, or auto: what the locale says
    #[arg(
        long,
        value_name = "SET",
        env = "BACKSTOP_GLYPHS",
        default_value = "auto",
        hide_default_value = true
    )]
    pub(in crate::cli) glyphs: Glyphs,
    /// The same as --glyphs ascii
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
    /// For a slow line: at most two frames a second besides keys, 16 colours at most, lists and clocks that move in
    /// steps; a terminal that takes frames slowly is spared by itself
    #[arg(long, env = "BACKSTOP_SLOW", value_parser = FalseyValueParser::new())]
    pub(in crate::cli) slow: bool,
    /// Ring the terminal's bell once when a workload begins to fail, and when an override has ended by itself
    #[arg(long, env = "BACKSTOP_BELL", value_parser = FalseyValueParser::new())]
    pub(in crate::cli) bell: bool,
}

impl LookArgs {
    /// Which signs are wanted.
    pub(in crate::cli) fn signs(&self) -> Glyphs {
        if self.ascii {
            Glyphs::Ascii
        } else {
            self.glyphs
        }
    }
}
