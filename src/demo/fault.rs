//! Faults: the ways in which a simulated provider can fail, and how they are named.
//!
//! Named by scripts, by the control endpoint and by a request header. It must not know how a fault is played:
//! that is the provider's part.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::model::ErrorClass;

/// One way to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FaultKind {
    /// 400, as for a wrong parameter.
    InvalidRequest,
    /// 401, as for a revoked key.
    Authentication,
    /// 403, as for a region that is not served.
    Forbidden,
    /// 404, as for a model that was retired.
    UnknownModel,
    /// 429 with `retry-after`.
    RateLimited,
    /// 429 that means money, without `retry-after`.
    QuotaExhausted,
    /// 500.
    ServerError,
    /// 503.
    Unavailable,
    /// 529.
    Overloaded,
    /// Takes the request and never answers.
    StallHeaders,
    /// Answers the head of a stream and never any output.
    StallOutput,
    /// Ends the connection in the middle of the answer.
    Cut,
    /// 200 with an HTML page, as from a proxy in between.
    Html,
    /// 200 with JSON that does not parse.
    Malformed,
    /// 200 with nothing.
    Empty,
    /// The port is closed: connections are refused.
    Refuse,
}

impl FaultKind {
    /// Every kind.
    pub(super) const ALL: [Self; 16] = [
        Self::InvalidRequest,
        Self::Authentication,
        Self::Forbidden,
        Self::UnknownModel,
        Self::RateLimited,
        Self::QuotaExhausted,
        Self::ServerError,
        Self::Unavailable,
        Self::Overloaded,
        Self::StallHeaders,
        Self::StallOutput,
        Self::Cut,
        Self::Html,
        Self::Malformed,
        Self::Empty,
        Self::Refuse,
    ];

    /// Its name.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "400",
            Self::Authentication => "401",
            Self::Forbidden => "403",
            Self::UnknownModel => "404",
            Self::RateLimited => "429",
            Self::QuotaExhausted => "insufficient-quota",
            Self::ServerError => "500",
            Self::Unavailable => "503",
            Self::Overloaded => "529",
            Self::StallHeaders => "stall-headers",
            Self::StallOutput => "stall-output",
            Self::Cut => "cut",
            Self::Html => "html",
            Self::Malformed => "malformed",
            Self::Empty => "empty",
            Self::Refuse => "refuse",
        }
    }

    /// The status of an error response. `None`: not told by a status.
    pub(super) const fn status(self) -> Option<u16> {
        match self {
            Self::InvalidRequest => Some(400),
            Self::Authentication => Some(401),
            Self::Forbidden => Some(403),
            Self::UnknownModel => Some(404),
            Self::RateLimited | Self::QuotaExhausted => Some(429),
            Self::ServerError => Some(500),
            Self::Unavailable => Some(503),
            Self::Overloaded => Some(529),
            Self::StallHeaders
            | Self::StallOutput
            | Self::Cut
            | Self::Html
            | Self::Malformed
            | Self::Empty
            | Self::Refuse => None,
        }
    }

    /// The plainest fault that the gateway classifies so.
    const fn of_class(class: ErrorClass) -> Self {
        match class {
            ErrorClass::InvalidRequest => Self::InvalidRequest,
            ErrorClass::Authentication => Self::Authentication,
            ErrorClass::Forbidden => Self::Forbidden,
            ErrorClass::QuotaExhausted => Self::QuotaExhausted,
            ErrorClass::RateLimited => Self::RateLimited,
            ErrorClass::ServerError => Self::ServerError,
            ErrorClass::Overloaded => Self::Unavailable,
            ErrorClass::Timeout => Self::StallHeaders,
            ErrorClass::Unreachable => Self::Refuse,
            ErrorClass::BrokenResponse => Self::Malformed,
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl FromStr for FaultKind {
    type Err = String;

    /// Reads a fault's own name, or that of an error class.
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .or_else(|| text.parse::<ErrorClass>().ok().map(Self::of_class))
            .ok_or_else(|| {
                let names = Self::ALL.map(Self::as_str).join(", ");
                format!("`{text}` is not a fault; use an error class or one of {names}")
            })
    }
}

impl Serialize for FaultKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for FaultKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

/// A fault that meets one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// How it fails.
    pub(super) kind: FaultKind,
    /// How long the provider hesitates before it fails.
    pub(super) delay: Duration,
    /// What a rate limit hints at, in seconds.
    pub(super) retry_after: u64,
}

impl Fault {
    /// A fault at once, with a hint of one second.
    pub(super) const fn new(kind: FaultKind) -> Self {
        Self {
            kind,
            delay: Duration::ZERO,
            retry_after: 1,
        }
    }

    /// Reads `KIND` with any of `;model=NAME;delay_ms=N;retry_after=N`. `None`: it is meant for another model.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn from_header(text: &str, model: &str) -> Result<Option<Self>, String> {
        let mut parts = text.split(';').map(str::trim);
        let mut fault = Self::new(parts.next().unwrap_or_default().parse()?);
        for part in parts {
            let number = |value: &str| {
                value
                    .parse::<u64>()
                    .map_err(|_| format!("`{value}` is not a number"))
            };
            match part.split_once('=') {
                Some(("model", name)) if name != model => return Ok(None),
                Some(("model", _)) => {}
                Some(("delay_ms", value)) => fault.delay = Duration::from_millis(number(value)?),
                Some(("retry_after", value)) => fault.retry_after = number(value)?,
                Some(_) | None => return Err(format!("`{part}` is not part of a fault")),
            }
        }
        Ok(Some(fault))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Fault, FaultKind};
    use crate::model::ErrorClass;

    #[test]
    fn every_name_and_every_error_class_is_a_fault() {
        for kind in FaultKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        for class in ErrorClass::ALL {
            assert!(class.as_str().parse::<FaultKind>().is_ok(), "{class}");
        }
        let error = "502".parse::<FaultKind>().unwrap_err();
        assert!(error.contains("`502`") && error.contains("503"), "{error}");
    }

    #[test]
    fn the_readme_names_them_all() {
        let readme = include_str!("../../README.md");
        for kind in FaultKind::ALL {
            assert!(readme.contains(&format!("`{kind}`")), "{kind}");
        }
    }

    #[test]
    fn headers_are_read() {
        let plain = Fault::from_header("503", "m").unwrap();
        assert_eq!(plain, Some(Fault::new(FaultKind::Unavailable)));
        let other = Fault::from_header("503; model=other", "m").unwrap();
        assert_eq!(other, None, "meant for another model");
        let full = Fault::from_header("429;model=m;delay_ms=20;retry_after=7", "m").unwrap();
        assert_eq!(
            full,
            Some(Fault {
                kind: FaultKind::RateLimited,
                delay: Duration::from_millis(20),
                retry_after: 7
            })
        );
        for wrong in ["", "nonsense", "503;delay_ms=soon", "503;colour=red"] {
            assert!(Fault::from_header(wrong, "m").is_err(), "{wrong}");
        }
    }
}
