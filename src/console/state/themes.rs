//! Which theme is worn, and which one is only tried on while a command is typed.
//!
//! Part of the state; `update` compares what should be shown with what is, after every message.

/// The themes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Themes {
    /// Every theme there is.
    pub names: Vec<String>,
    /// The one that was worn at the start.
    pub first: String,
    /// The one that stays.
    pub worn: String,
    /// The one that was asked for last: what is on screen, as soon as it is read.
    pub shown: String,
}

impl Themes {
    /// A theme that is worn, of these.
    #[must_use]
    pub fn new(worn: &str, names: Vec<String>) -> Self {
        Self {
            names,
            first: worn.to_owned(),
            worn: worn.to_owned(),
            shown: worn.to_owned(),
        }
    }
}

impl Default for Themes {
    /// The one that needs no detection, alone.
    fn default() -> Self {
        Self::new("terminal", vec!["terminal".to_owned()])
    }
}
