//! Capabilities: what a route can honour inside its family, and what a request asks for.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// One ability of a route that a request can depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Capability {
    /// Server-sent events.
    Streaming,
    /// Tool or function calls.
    Tools,
    /// Output bound to a JSON schema.
    JsonSchema,
    /// Images in the request.
    Vision,
    /// Log probabilities.
    Logprobs,
    /// Provider-side prompt caching marks.
    CacheControl,
    /// Reasoning or thinking controls.
    Reasoning,
    /// Audio in or out.
    Audio,
    /// What only the provider keeps that made it: stored responses, files, containers, sealed reasoning. A
    /// route has it when it sees what the primary's provider keeps.
    ProviderState,
    /// Vectors of a length that the request names.
    Dimensions,
    /// Input as token numbers, which mean something only to the tokenizer that made them.
    TokenInput,
    /// A tool call that the request demands: any, or a named one.
    ForcedTools,
    /// Tool arguments bound to their schema (`strict`).
    StrictTools,
    /// A say in whether tools are called in parallel.
    ParallelTools,
    /// Reading signed or encrypted reasoning that another model wrote in an earlier turn.
    SignedReasoning,
}

impl Capability {
    /// Every capability, in bit order.
    pub const ALL: [Self; 15] = [
        Self::Streaming,
        Self::Tools,
        Self::JsonSchema,
        Self::Vision,
        Self::Logprobs,
        Self::CacheControl,
        Self::Reasoning,
        Self::Audio,
        Self::ProviderState,
        Self::Dimensions,
        Self::TokenInput,
        Self::ForcedTools,
        Self::StrictTools,
        Self::ParallelTools,
        Self::SignedReasoning,
    ];

    /// The name used in configuration and on screen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Streaming => "streaming",
            Self::Tools => "tools",
            Self::JsonSchema => "json-schema",
            Self::Vision => "vision",
            Self::Logprobs => "logprobs",
            Self::CacheControl => "cache-control",
            Self::Reasoning => "reasoning",
            Self::Audio => "audio",
            Self::ProviderState => "provider-state",
            Self::Dimensions => "dimensions",
            Self::TokenInput => "token-input",
            Self::ForcedTools => "forced-tools",
            Self::StrictTools => "strict-tools",
            Self::ParallelTools => "parallel-tools",
            Self::SignedReasoning => "signed-reasoning",
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl FromStr for Capability {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|capability| capability.as_str() == text)
            .ok_or(())
    }
}

/// A set of capabilities in one machine word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CapabilitySet(u16);

impl CapabilitySet {
    /// The empty set.
    pub const EMPTY: Self = Self(0);

    /// Adds one capability.
    pub fn insert(&mut self, capability: Capability) {
        self.0 |= 1 << capability as u8;
    }

    /// Takes one capability out.
    pub fn remove(&mut self, capability: Capability) {
        self.0 &= !(1 << capability as u8);
    }

    /// Whether the capability is in the set.
    #[must_use]
    pub const fn contains(self, capability: Capability) -> bool {
        self.0 & (1 << capability as u8) != 0
    }

    /// What is in `self` and not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether nothing is in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The members, in the order of [`Capability::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        Capability::ALL
            .into_iter()
            .filter(move |capability| self.contains(*capability))
    }
}

impl FromIterator<Capability> for CapabilitySet {
    fn from_iter<I: IntoIterator<Item = Capability>>(capabilities: I) -> Self {
        let mut set = Self::EMPTY;
        for capability in capabilities {
            set.insert(capability);
        }
        set
    }
}

impl fmt::Display for CapabilitySet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, capability) in self.iter().enumerate() {
            if index > 0 {
                formatter.write_str(", ")?;
            }
            formatter.write_str(capability.as_str())?;
        }
        Ok(())
    }
}

impl Serialize for CapabilitySet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for CapabilitySet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<String>::deserialize(deserializer)?
            .iter()
            .map(|name| {
                name.parse::<Capability>()
                    .map_err(|()| D::Error::custom(format!("unknown capability `{name}`")))
            })
            .collect()
    }
}
