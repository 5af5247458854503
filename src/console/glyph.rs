//! The few signs that are drawn beside words: ASCII by default, Unicode when the locale says so.
//!
//! State symbols are the same in both, so that a screen read out or pasted means the same.

/// A set of signs. Each is one column wide unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glyphs {
    /// A horizontal rule, repeated.
    pub rule: &'static str,
    /// Between two panes.
    pub divider: &'static str,
    /// Corners of a box: top left, top right, bottom left, bottom right.
    pub corners: [&'static str; 4],
    /// Before the selected row.
    pub cursor: &'static str,
    /// From one route to another; one or two columns.
    pub arrow: &'static str,
    /// Between the steps of a path.
    pub crumb: &'static str,
    /// Where text was cut.
    pub cut: &'static str,
    /// Between two words of a line.
    pub dot: &'static str,
    /// More rows above.
    pub more_above: &'static str,
    /// More rows below.
    pub more_below: &'static str,
    /// A level from nothing to full.
    pub spark: [&'static str; 8],
    /// How charts are drawn.
    pub chart: Chart,
}

/// The signs of a chart. Nobody there, no traffic and none of what is counted never look alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chart {
    /// What fills a cell from its bottom, level by level.
    pub fill: Fill,
    /// Where the slower of two values lies above the filled part; braille sets its own dot.
    pub light: &'static str,
    /// None of it, at the bottom.
    pub zero: &'static str,
    /// Nothing was told of this time.
    pub unknown: &'static str,
}

/// What fills a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// One bar in each cell, in steps; the last one is the whole cell.
    Steps(&'static [&'static str]),
    /// Dots: two bars in each cell, each in four steps.
    Dots,
}

impl Fill {
    /// Bars in a cell.
    #[must_use]
    pub const fn bars(self) -> usize {
        match self {
            Self::Steps(_) => 1,
            Self::Dots => 2,
        }
    }

    /// Steps from an empty cell to a full one.
    #[must_use]
    pub const fn steps(self) -> usize {
        match self {
            Self::Steps(steps) => steps.len(),
            Self::Dots => 4,
        }
    }
}

/// Which signs an operator wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// What the locale says: blocks where it is UTF-8, else ASCII.
    #[default]
    Auto,
    /// Unicode, and charts of dots: twice as many bars in the same room.
    Braille,
    /// Unicode, and charts of blocks: more fonts have them, and their steps are finer.
    Block,
    /// ASCII only.
    Ascii,
}

impl std::str::FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "braille" => Ok(Self::Braille),
            "block" => Ok(Self::Block),
            "ascii" => Ok(Self::Ascii),
            other => Err(format!(
                "`{other}` is no set of signs; use auto, braille, block or ascii"
            )),
        }
    }
}

/// Plain ASCII.
pub const ASCII: Glyphs = Glyphs {
    rule: "-",
    divider: "|",
    corners: ["+", "+", "+", "+"],
    cursor: ">",
    arrow: "->",
    crumb: ">",
    cut: "~",
    dot: "-",
    more_above: "^",
    more_below: "v",
    spark: [" ", ".", ":", "-", "=", "+", "*", "#"],
    chart: Chart {
        fill: Fill::Steps(&[".", "=", "#"]),
        light: ":",
        zero: "_",
        unknown: "?",
    },
};

/// Box drawing, arrows and blocks; nothing of ambiguous meaning and no emoji.
pub const UNICODE: Glyphs = Glyphs {
    rule: "\u{2500}",
    divider: "\u{2502}",
    corners: ["\u{250c}", "\u{2510}", "\u{2514}", "\u{2518}"],
    cursor: "\u{25b8}",
    arrow: "\u{2192}",
    crumb: "\u{203a}",
    cut: "\u{2026}",
    dot: "\u{b7}",
    more_above: "\u{2191}",
    more_below: "\u{2193}",
    spark: [
        " ", "\u{2581}", "\u{2582}", "\u{2583}", "\u{2584}", "\u{2585}", "\u{2586}", "\u{2588}",
    ],
    chart: Chart {
        fill: Fill::Steps(&[
            "\u{2581}", "\u{2582}", "\u{2583}", "\u{2584}", "\u{2585}", "\u{2586}", "\u{2587}",
            "\u{2588}",
        ]),
        light: "\u{2591}",
        zero: "\u{b7}",
        unknown: "?",
    },
};

/// The same, with charts of dots.
pub const BRAILLE: Glyphs = Glyphs {
    chart: Chart {
        fill: Fill::Dots,
        ..UNICODE.chart
    },
    ..UNICODE
};

impl Default for Glyphs {
    fn default() -> Self {
        ASCII
    }
}

impl Glyphs {
    /// The set that was chosen.
    #[must_use]
    pub fn of(choice: Choice, variables: &dyn Fn(&str) -> Option<String>) -> Self {
        match choice {
            Choice::Auto => Self::of_locale(variables),
            Choice::Braille => BRAILLE,
            Choice::Block => UNICODE,
            Choice::Ascii => ASCII,
        }
    }

    /// The set for a locale: the first of `LC_ALL`, `LC_CTYPE` and `LANG` that is set and not empty decides.
    #[must_use]
    pub fn of_locale(variables: &dyn Fn(&str) -> Option<String>) -> Self {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .into_iter()
            .find_map(|name| variables(name).filter(|value| !value.is_empty()))
            .unwrap_or_default()
            .to_ascii_lowercase();
        // The Linux console's fonts lack most of these signs, whatever the locale says.
        let console = variables("TERM").is_some_and(|term| term == "linux");
        if !console && (locale.contains("utf-8") || locale.contains("utf8")) {
            UNICODE
        } else {
            ASCII
        }
    }
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr as _;

    use super::{ASCII, BRAILLE, Choice, Fill, Glyphs, UNICODE};

    #[test]
    fn the_choice_decides_and_auto_asks_the_locale() {
        let utf8 = |name: &str| (name == "LANG").then(|| "C.UTF-8".to_owned());
        for (name, expected) in [
            ("auto", UNICODE),
            ("braille", BRAILLE),
            ("block", UNICODE),
            ("ascii", ASCII),
        ] {
            let choice: Choice = name.parse().unwrap();
            assert_eq!(Glyphs::of(choice, &utf8), expected, "{name}");
        }
        assert!("dots".parse::<Choice>().is_err());
    }

    #[test]
    fn signs_of_charts_are_one_column_wide_and_no_two_mean_different_things() {
        for glyphs in [ASCII, UNICODE, BRAILLE] {
            let chart = glyphs.chart;
            let mut signs = vec![" ", chart.light, chart.zero, chart.unknown];
            if let Fill::Steps(steps) = chart.fill {
                signs.extend(steps);
            }
            assert!(signs.iter().all(|sign| sign.width() == 1), "{signs:?}");
            let count = signs.len();
            signs.sort_unstable();
            signs.dedup();
            assert_eq!(signs.len(), count, "{signs:?}");
        }
    }

    #[test]
    fn the_first_locale_variable_that_is_set_decides() {
        for (case, variables, expected) in [
            ("nothing set", &[][..], ASCII),
            ("utf-8", &[("LANG", "en_GB.UTF-8")], UNICODE),
            ("utf8", &[("LC_CTYPE", "C.utf8")], UNICODE),
            ("latin", &[("LANG", "de_DE.ISO-8859-1")], ASCII),
            (
                "all wins",
                &[("LC_ALL", "C"), ("LANG", "en_GB.UTF-8")],
                ASCII,
            ),
            (
                "empty is not set",
                &[("LC_ALL", ""), ("LANG", "C.UTF-8")],
                UNICODE,
            ),
            (
                "linux console",
                &[("TERM", "linux"), ("LANG", "C.UTF-8")],
                ASCII,
            ),
        ] {
            let variables = |name: &str| {
                variables
                    .iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(Glyphs::of_locale(&variables), expected, "{case}");
        }
    }
}
