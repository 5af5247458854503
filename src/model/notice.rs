//! The degraded-mode notice: telling the caller that a fallback served the answer.

use serde::{Deserialize, Serialize};

/// How a notice reaches the caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeStyle {
    /// In the `x-backstop-degraded` response header.
    #[default]
    Header,
    /// In the header and as the first text of the answer.
    Inline,
}

/// What a workload says about notices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticePolicy {
    /// The text that users may see.
    pub text: String,
    /// How it is given.
    pub style: NoticeStyle,
    /// Whether it is given unless an operator says otherwise.
    pub enabled: bool,
    /// Whether a fallback without a notice is refused.
    pub required: bool,
}

/// How a notice was in fact given for one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeGiven {
    /// Not given: the workload has none, or it is switched off.
    None,
    /// By header.
    Header,
    /// By header and inside the answer.
    Inline,
}
