//! The headings under which the help shows actions.

/// Under which heading the help shows an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Group {
    /// Verbs that open a plan.
    Change,
    /// What two answers are worth.
    Judge,
    /// Typing and plans.
    Form,
    /// Where am I.
    Move,
    /// Which rows, and how they look.
    View,
    /// The program itself.
    Session,
}

impl Group {
    /// The heading.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Judge => "judge",
            Self::Form => "form",
            Self::Move => "move",
            Self::View => "view",
            Self::Session => "session",
        }
    }
}
