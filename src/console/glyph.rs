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
};

impl Default for Glyphs {
    fn default() -> Self {
        ASCII
    }
}

impl Glyphs {
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
    use super::{ASCII, Glyphs, UNICODE};

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
