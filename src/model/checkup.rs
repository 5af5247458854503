//! What a look at an installation found: one line for each thing that was looked at.

use serde::Serialize;

/// How a thing is. Ordered from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Soundness {
    /// As it should be.
    Good,
    /// Worth knowing.
    Note,
    /// It works, and should be looked after.
    Warning,
    /// It does not work, or will not for long.
    Bad,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checkup {
    /// Which: a stable name for scripts, for instance `store-disk`.
    pub check: &'static str,
    /// How it is.
    pub soundness: Soundness,
    /// What was found.
    pub says: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

impl Checkup {
    /// As it should be.
    #[must_use]
    pub fn good(check: &'static str, says: impl Into<String>) -> Self {
        Self {
            check,
            soundness: Soundness::Good,
            says: says.into(),
            advice: None,
        }
    }

    /// Something to know, to look after or to repair, and how.
    #[must_use]
    pub fn found(
        check: &'static str,
        soundness: Soundness,
        says: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        let advice: String = advice.into();
        Self {
            check,
            soundness,
            says: says.into(),
            advice: (!advice.is_empty()).then_some(advice),
        }
    }
}
