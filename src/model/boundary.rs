//! Boundaries: the billing, region and compliance side on which a route stands.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The tags of one route. Two routes differ in a kind when their tags for it differ; an absent tag differs
/// from a present one, because what is unknown cannot be promised.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Boundary {
    /// Who pays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing: Option<String>,
    /// Where data is processed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Under which regime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compliance: Option<String>,
}

/// One kind of boundary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BoundaryKind {
    /// Who pays.
    Billing,
    /// Where data is processed.
    Region,
    /// Under which regime.
    Compliance,
}

impl BoundaryKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Billing, Self::Region, Self::Compliance];

    /// The name used in configuration and on screen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Billing => "billing",
            Self::Region => "region",
            Self::Compliance => "compliance",
        }
    }
}

impl fmt::Display for BoundaryKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl Boundary {
    /// The tag for one kind.
    #[must_use]
    pub fn tag(&self, kind: BoundaryKind) -> Option<&str> {
        match kind {
            BoundaryKind::Billing => self.billing.as_deref(),
            BoundaryKind::Region => self.region.as_deref(),
            BoundaryKind::Compliance => self.compliance.as_deref(),
        }
    }

    /// The kinds in which `self` and `other` differ.
    pub fn crossings<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = BoundaryKind> + 'a {
        BoundaryKind::ALL
            .into_iter()
            .filter(|kind| self.tag(*kind) != other.tag(*kind))
    }
}
