//! How the console looks: the theme that was asked for, the terminal's colours, the signs.
//!
//! Made by `run` at the start; the theme in it is replaced when its file changes.

use super::{
    ConsoleError, Depth, Options,
    glyph::Glyphs,
    reload,
    theme::{Sheet, Theme},
    theme_file::{self, Failure, Loaded},
};

/// What a view needs beside the state.
pub(super) struct Look {
    /// The theme as it was read at the start.
    pub(super) read: Result<Loaded, Failure>,
    depth: Depth,
    /// The styles in force.
    pub(super) theme: Theme,
    /// The signs in force.
    pub(super) glyphs: Glyphs,
}

impl Look {
    /// The look that was asked for, and what is wrong with its file. A theme that does not exist is an error;
    /// one that is broken is not worth an incident without a console: the built-in one stands in.
    pub(super) fn new(options: &Options) -> Result<(Self, Option<String>), ConsoleError> {
        let appearance = &options.appearance;
        let variables = |name: &str| (options.variables)(name);
        let read = theme_file::load(&appearance.theme, &appearance.directories);
        let (sheet, complaint) = match &read {
            Ok(loaded) => {
                let warning = loaded.findings.first().map(ToString::to_string);
                (loaded.sheet.clone(), warning)
            }
            Err(Failure::Unknown { suggestion, known }) => {
                return Err(ConsoleError::NoTheme {
                    name: appearance.theme.clone(),
                    suggestion: suggestion.clone(),
                    known: known.clone(),
                });
            }
            Err(failure @ Failure::Broken(_)) => (
                theme_file::default_sheet(),
                Some(reload::in_words(&appearance.theme, failure)),
            ),
        };
        let depth = appearance
            .depth
            .unwrap_or_else(|| Depth::detect(&variables));
        // A colour of the palette is three bytes instead of up to seventeen.
        let depth = if appearance.slow {
            depth.min(Depth::Ansi)
        } else {
            depth
        };
        let glyphs = Glyphs::of(appearance.glyphs, &variables);
        let look = Self {
            read,
            depth,
            theme: sheet.theme(depth),
            glyphs,
        };
        Ok((look, complaint))
    }

    /// Another theme, on the same terminal.
    pub(super) fn wear(&mut self, sheet: &Sheet) {
        self.theme = sheet.theme(self.depth);
    }
}
