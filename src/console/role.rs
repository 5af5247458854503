//! Roles: what something on the screen means. A theme gives each a style; a widget never has one of its own.
//!
//! Used by every view through `theme`. It must not know a colour.

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

    /// The states of a workload.
    pub const STATES: [Self; 7] = [
        Self::StateOk,
        Self::StateDegraded,
        Self::StateFallback,
        Self::StateForced,
        Self::StateFailing,
        Self::StateUnknown,
        Self::StateDisabled,
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

    /// The role that stands in when a theme does not name this one.
    #[must_use]
    pub const fn stand_in(self) -> Option<Self> {
        match self {
            Self::Text | Self::Selection => None,
            Self::Title | Self::Key => Some(Self::Heading),
            Self::Link | Self::SideA | Self::EnvOther | Self::ModeObserve => Some(Self::Info),
            Self::KeyDisabled
            | Self::Border
            | Self::StateUnknown
            | Self::StateDisabled
            | Self::SparkLow => Some(Self::Muted),
            Self::BorderFocus => Some(Self::Border),
            Self::SelectionInactive | Self::Cursor => Some(Self::Selection),
            Self::Match
            | Self::Error
            | Self::StateDegraded
            | Self::DiffChange
            | Self::SideB
            | Self::ModeWrite => Some(Self::Warning),
            Self::StateOk | Self::DiffAdd => Some(Self::Success),
            Self::StateFallback | Self::StateForced => Some(Self::StateDegraded),
            Self::StateFailing | Self::DiffDel | Self::EnvProd => Some(Self::Error),
            Self::DiffEmph => Some(Self::Match),
            Self::Muted
            | Self::Heading
            | Self::Info
            | Self::Success
            | Self::Warning
            | Self::SparkHigh => Some(Self::Text),
        }
    }

    /// The role of a name in theme files.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::Role;

    #[test]
    fn every_role_stands_where_it_is_looked_up_and_its_chain_ends() {
        for (index, role) in Role::ALL.into_iter().enumerate() {
            assert_eq!(role as usize, index, "{role:?}");
            assert_eq!(Role::named(role.as_str()), Some(role));
            let chain = std::iter::successors(Some(role), |role| role.stand_in());
            let end = chain.take(Role::ALL.len()).last();
            assert!(
                matches!(end, Some(Role::Text | Role::Selection)),
                "{role:?}: {end:?}"
            );
        }
    }
}
