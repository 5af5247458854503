//! Where an override holds: on every gateway, on those of one region, or on those of one host.
//!
//! Part of every override key; a gateway knows its own [`Site`], and `policy` decides which scope wins there.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{HostName, RegionName, visible};

/// The longest name that is shown whole; hosts have no longer ones.
const NAME: usize = 64;

/// The gateways for which an override holds. From the widest to the most specific.
///
/// Written as `all`, `region:eu-west`, `host:ops-1`: names of the configuration hold neither `@` nor `:`, so a
/// scope can stand behind one, and what follows the first `:` is the name, whatever a host calls itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// Every gateway.
    #[default]
    All,
    /// Those that were given this region.
    Region(RegionName),
    /// Those on this host.
    Host(HostName),
}

/// Where a gateway runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Site {
    /// Its host, as the operating system calls it.
    pub host: HostName,
    /// The region that it was given; `None`: only its host tells it from others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<RegionName>,
}

impl Scope {
    /// Whether a gateway at this site is inside.
    #[must_use]
    pub fn covers(&self, site: &Site) -> bool {
        match self {
            Self::All => true,
            Self::Region(region) => site.region.as_ref() == Some(region),
            Self::Host(host) => site.host == *host,
        }
    }

    /// Whether every gateway is meant.
    #[must_use]
    pub const fn is_all(&self) -> bool {
        match self {
            Self::All => true,
            Self::Region(_) | Self::Host(_) => false,
        }
    }

    /// How specific it is: the greater number wins where two scopes hold.
    #[must_use]
    pub const fn rank(&self) -> u8 {
        match self {
            Self::All => 0,
            Self::Region(_) => 1,
            Self::Host(_) => 2,
        }
    }

    /// In words that are safe to show, behind a verb: `on all gateways`, `in region eu-west`, `on host ops-1`.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::All => "on all gateways".to_owned(),
            Self::Region(region) => format!("in region {}", visible(region.as_str(), NAME)),
            Self::Host(host) => format!("on host {}", visible(host.as_str(), NAME)),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => formatter.pad("all"),
            Self::Region(region) => write!(formatter, "region:{region}"),
            Self::Host(host) => write!(formatter, "host:{host}"),
        }
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "all" => Ok(Self::All),
            Some(("region", name)) if !name.is_empty() => Ok(Self::Region(name.into())),
            Some(("host", name)) if !name.is_empty() => Ok(Self::Host(name.into())),
            None | Some(_) => Err(format!(
                "`{text}` is not a scope; write all, region:NAME or host:NAME"
            )),
        }
    }
}

impl Serialize for Scope {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Scope, Site};

    fn site(host: &str, region: Option<&str>) -> Site {
        Site {
            host: host.into(),
            region: region.map(Into::into),
        }
    }

    #[test]
    fn a_scope_covers_the_gateways_that_it_names() {
        let (ops, plain) = (site("ops-1", Some("eu-west")), site("ops-1", None));
        for (scope, of_region, without) in [
            ("all", true, true),
            ("region:eu-west", true, false),
            ("region:eu", false, false),
            ("host:ops-1", true, true),
            ("host:eu-west", false, false),
            ("region:ops-1", false, false),
        ] {
            let parsed: Scope = scope.parse().unwrap();
            let covers = (parsed.covers(&ops), parsed.covers(&plain));
            assert_eq!(covers, (of_region, without), "{scope}");
        }
    }

    #[test]
    fn what_is_no_scope_is_refused() {
        for text in [
            "", "All", "region", "region:", "host:", "zone:a", ":a", "all:",
        ] {
            assert!(text.parse::<Scope>().is_err(), "{text}");
        }
    }

    #[test]
    fn words_are_safe_to_show() {
        let scope: Scope = "host:a\u{1b}[2J\u{202e}".parse().unwrap();
        let words = scope.words();
        assert!(!words.chars().any(crate::model::hostile), "{words}");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(name in ".{1,70}", kind in 0..3_u8) {
            let scope = match kind {
                0 => Scope::All,
                1 => Scope::Region(name.as_str().into()),
                _ => Scope::Host(name.as_str().into()),
            };
            prop_assert_eq!(&scope.to_string().parse::<Scope>().unwrap(), &scope);
            let json = serde_json::to_string(&scope).unwrap();
            prop_assert_eq!(serde_json::from_str::<Scope>(&json).unwrap(), scope);
        }
    }
}
