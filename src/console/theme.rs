//! Themes: a style for each role, on one kind of terminal.
//!
//! Views ask for a [`Role`]; which colours that is was decided in a theme file (`theme_file`) and by the
//! terminal's depth. It must not know what is drawn.

use ratatui::style::{Color, Modifier, Style};

pub use super::role::Role;
use super::{depth::Depth, theme_derive::derive};

/// How a role looks in one rendering.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// The colour of the text.
    pub foreground: Option<Color>,
    /// The colour behind it.
    pub background: Option<Color>,
    /// Bold, underlined, ...
    pub attributes: Modifier,
}

/// The renderings of a role; each may be left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Looks {
    /// For 24 bit terminals; 256 colours are derived from it.
    pub rgb: Option<Look>,
    /// For sixteen colours.
    pub ansi: Option<Look>,
    /// Without colours.
    pub mono: Option<Modifier>,
}

/// What a theme is made for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Variant {
    /// A dark background.
    Dark,
    /// A light background.
    Light,
    /// The background that is there.
    #[default]
    Any,
}

impl Variant {
    /// Its name in theme files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::Any => "any",
        }
    }

    /// The variant of a name in theme files.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Dark, Self::Light, Self::Any]
            .into_iter()
            .find(|variant| variant.as_str() == name)
    }
}

/// A whole theme file with what it inherits, for every kind of terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// The name of the theme.
    pub name: String,
    /// What it is made for.
    pub variant: Variant,
    /// By role, in the order of [`Role::ALL`].
    pub looks: [Looks; Role::ALL.len()],
}

impl Looks {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The rendering for a depth, or the nearest there is.
    fn at(&self, depth: Depth) -> Look {
        let mono = || {
            self.mono.map(|attributes| Look {
                attributes,
                ..Look::default()
            })
        };
        match depth {
            Depth::Rgb | Depth::Indexed => self.rgb.or(self.ansi).or_else(mono),
            Depth::Ansi => self.ansi.or(self.rgb).or_else(mono),
            Depth::Mono => mono().or(self.ansi).or(self.rgb),
        }
        .unwrap_or_default()
    }
}

impl Sheet {
    /// The styles for one kind of terminal.
    #[must_use]
    pub fn theme(&self, depth: Depth) -> Theme {
        let styles = match depth {
            Depth::Mono | Depth::Ansi | Depth::Rgb => Role::ALL.map(|role| self.style(role, depth)),
            Depth::Indexed => derive(&Role::ALL.map(|role| self.style(role, Depth::Rgb))),
        };
        Theme { styles }
    }

    /// The style of a role, or of the nearest that stands in for it.
    fn style(&self, role: Role, depth: Depth) -> Style {
        let mut candidate = role;
        while self.looks[candidate as usize].is_empty() {
            match candidate.stand_in() {
                Some(next) => candidate = next,
                // A selection that cannot be seen would make every verb a gamble.
                None if candidate == Role::Selection => {
                    return Style::new().add_modifier(Modifier::REVERSED);
                }
                None => return Style::new(),
            }
        }
        let look = self.looks[candidate as usize].at(depth);
        let mut style = Style::new().add_modifier(look.attributes);
        if depth != Depth::Mono {
            style.fg = look.foreground.map(|colour| depth.show(colour));
            style.bg = look.background.map(|colour| depth.show(colour));
        }
        style
    }
}

/// A style for each role, for one kind of terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theme {
    styles: [Style; Role::ALL.len()],
}

impl Default for Theme {
    /// The built-in `terminal` in sixteen colours.
    fn default() -> Self {
        super::theme_file::default_sheet().theme(Depth::Ansi)
    }
}

impl Theme {
    /// The style of a role; to be patched over what is below.
    #[must_use]
    pub const fn style(&self, role: Role) -> Style {
        self.styles[role as usize]
    }
}
