//! Themes: a style for each meaning, never for a widget.
//!
//! Views ask for a [`Role`]; which colours that is, on which kind of terminal, is decided here and in the
//! theme files. It must not know what is drawn.

use ratatui::style::{Color, Modifier, Style};

/// What something on the screen means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Plain text.
    Text,
    /// Less important text.
    Muted,
    /// The name of a screen.
    Title,
    /// The heads of columns and paragraphs.
    Heading,
    /// An address.
    Link,
    /// A key that can be pressed.
    Key,
    /// A key that cannot be pressed now.
    KeyDisabled,
    /// A rule or a box.
    Border,
    /// The box that has the keys.
    BorderFocus,
    /// The selected row.
    Selection,
    /// The selected row of a pane that has not the keys.
    SelectionInactive,
    /// Where typed text goes.
    Cursor,
    /// What a filter matched.
    Match,
    /// For information.
    Info,
    /// It worked.
    Success,
    /// Look at this.
    Warning,
    /// It failed.
    Error,
    /// The primary serves.
    StateOk,
    /// It serves, worse than it should.
    StateDegraded,
    /// The fallback serves by itself.
    StateFallback,
    /// The fallback serves because an operator said so.
    StateForced,
    /// Requests fail.
    StateFailing,
    /// Nobody knows.
    StateUnknown,
    /// Switched off.
    StateDisabled,
    /// Added.
    DiffAdd,
    /// Removed.
    DiffDel,
    /// Changed.
    DiffChange,
    /// The changed part of a changed line.
    DiffEmph,
    /// The one side of a comparison.
    SideA,
    /// The other side.
    SideB,
    /// A low level of a history.
    SparkLow,
    /// A high level of a history.
    SparkHigh,
    /// The name of a production environment.
    EnvProd,
    /// The name of another environment.
    EnvOther,
    /// This session only looks.
    ModeObserve,
    /// This session can change things.
    ModeWrite,
}

impl Role {
    /// All of them, in the order of the enum.
    pub const ALL: [Self; 36] = [
        Self::Text,
        Self::Muted,
        Self::Title,
        Self::Heading,
        Self::Link,
        Self::Key,
        Self::KeyDisabled,
        Self::Border,
        Self::BorderFocus,
        Self::Selection,
        Self::SelectionInactive,
        Self::Cursor,
        Self::Match,
        Self::Info,
        Self::Success,
        Self::Warning,
        Self::Error,
        Self::StateOk,
        Self::StateDegraded,
        Self::StateFallback,
        Self::StateForced,
        Self::StateFailing,
        Self::StateUnknown,
        Self::StateDisabled,
        Self::DiffAdd,
        Self::DiffDel,
        Self::DiffChange,
        Self::DiffEmph,
        Self::SideA,
        Self::SideB,
        Self::SparkLow,
        Self::SparkHigh,
        Self::EnvProd,
        Self::EnvOther,
        Self::ModeObserve,
        Self::ModeWrite,
    ];

    /// Its name in theme files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Muted => "muted",
            Self::Title => "title",
            Self::Heading => "heading",
            Self::Link => "link",
            Self::Key => "key",
            Self::KeyDisabled => "key.disabled",
            Self::Border => "border",
            Self::BorderFocus => "border.focus",
            Self::Selection => "selection",
            Self::SelectionInactive => "selection.inactive",
            Self::Cursor => "cursor",
            Self::Match => "match",
            Self::Info => "info",
            Self::Success => "success",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::StateOk => "state.ok",
            Self::StateDegraded => "state.degraded",
            Self::StateFallback => "state.fallback",
            Self::StateForced => "state.forced",
            Self::StateFailing => "state.failing",
            Self::StateUnknown => "state.unknown",
            Self::StateDisabled => "state.disabled",
            Self::DiffAdd => "diff.add",
            Self::DiffDel => "diff.del",
            Self::DiffChange => "diff.change",
            Self::DiffEmph => "diff.emph",
            Self::SideA => "side.a",
            Self::SideB => "side.b",
            Self::SparkLow => "spark.low",
            Self::SparkHigh => "spark.high",
            Self::EnvProd => "env.prod",
            Self::EnvOther => "env.other",
            Self::ModeObserve => "mode.observe",
            Self::ModeWrite => "mode.write",
        }
    }
}

/// A style for each role, for one kind of terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theme {
    styles: [Style; Role::ALL.len()],
}

impl Default for Theme {
    /// Without any colour: right on every terminal.
    fn default() -> Self {
        let mut styles = [Style::new(); Role::ALL.len()];
        styles[Role::Selection as usize] = Style::new().add_modifier(Modifier::REVERSED);
        styles[Role::StateFailing as usize] = Style::new().add_modifier(Modifier::BOLD);
        Self { styles }
    }
}

impl Theme {
    /// The style of a role; to be patched over what is below.
    #[must_use]
    pub const fn style(&self, role: Role) -> Style {
        self.styles[role as usize]
    }

    /// The background of the whole screen.
    #[must_use]
    pub fn background(&self) -> Color {
        self.styles[Role::Text as usize].bg.unwrap_or(Color::Reset)
    }
}
