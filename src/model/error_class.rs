//! Error classes: the closed list of what can be wrong with an attempt (DESIGN section 3).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// What an attempt's failure was. The classifier's only output; policies name these as triggers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum ErrorClass {
    /// The request itself is wrong; another route would not help. Never a trigger.
    InvalidRequest,
    /// The credential was not accepted. Never a trigger.
    Authentication,
    /// The account or region may not do this.
    Forbidden,
    /// Money or a spent period, not load.
    QuotaExhausted,
    /// Too many requests right now.
    RateLimited,
    /// The provider broke.
    ServerError,
    /// The provider is out of capacity.
    Overloaded,
    /// One of the workload's clocks ran out.
    Timeout,
    /// No usable connection.
    Unreachable,
    /// An answer that is not one.
    BrokenResponse,
}

impl ErrorClass {
    /// Every class, in the order of the table in DESIGN.
    pub const ALL: [Self; 10] = [
        Self::InvalidRequest,
        Self::Authentication,
        Self::Forbidden,
        Self::QuotaExhausted,
        Self::RateLimited,
        Self::ServerError,
        Self::Overloaded,
        Self::Timeout,
        Self::Unreachable,
        Self::BrokenResponse,
    ];

    /// The name used in configuration, headers, events and labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid-request",
            Self::Authentication => "authentication",
            Self::Forbidden => "forbidden",
            Self::QuotaExhausted => "quota-exhausted",
            Self::RateLimited => "rate-limited",
            Self::ServerError => "server-error",
            Self::Overloaded => "overloaded",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::BrokenResponse => "broken-response",
        }
    }
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl FromStr for ErrorClass {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|class| class.as_str() == text)
            .ok_or(())
    }
}

/// A set of error classes; a workload's triggers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ErrorClassSet(u16);

impl ErrorClassSet {
    /// The empty set.
    pub const EMPTY: Self = Self(0);

    /// Adds one class.
    pub fn insert(&mut self, class: ErrorClass) {
        self.0 |= 1 << class as u8;
    }

    /// Whether the class is in the set.
    #[must_use]
    pub const fn contains(self, class: ErrorClass) -> bool {
        self.0 & (1 << class as u8) != 0
    }

    /// Whether nothing is in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The members, in the order of [`ErrorClass::ALL`].
    pub fn iter(self) -> impl Iterator<Item = ErrorClass> {
        ErrorClass::ALL
            .into_iter()
            .filter(move |class| self.contains(*class))
    }
}

impl FromIterator<ErrorClass> for ErrorClassSet {
    fn from_iter<I: IntoIterator<Item = ErrorClass>>(classes: I) -> Self {
        let mut set = Self::EMPTY;
        for class in classes {
            set.insert(class);
        }
        set
    }
}

impl Serialize for ErrorClassSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for ErrorClassSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<String>::deserialize(deserializer)?
            .iter()
            .map(|name| {
                name.parse::<ErrorClass>()
                    .map_err(|()| D::Error::custom(format!("unknown error class `{name}`")))
            })
            .collect()
    }
}
