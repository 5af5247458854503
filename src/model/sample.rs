//! Samples: request bodies that stand for a workload's traffic, and what a good answer to them is.
//!
//! Made by `config`; sent and judged by `probe`. The body itself stays in its file: it may be large.

use std::{fmt, path::PathBuf, str::FromStr, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::{Capability, SampleId};

/// What kind of payload a sample is. Each breaks in its own way on a fallback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PayloadClass {
    /// Plain conversation.
    Chat,
    /// An answer of a given form.
    Json,
    /// Tool or function calls.
    Tools,
    /// Images in the request.
    Vision,
    /// A request near the context that the workload uses.
    Long,
    /// Program text.
    Code,
    /// Texts to vectors.
    Embeddings,
}

impl PayloadClass {
    /// Every class, in the order of the documentation.
    pub const ALL: [Self; 7] = [
        Self::Chat,
        Self::Json,
        Self::Tools,
        Self::Vision,
        Self::Long,
        Self::Code,
        Self::Embeddings,
    ];

    /// The name used in configuration and on screen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Json => "json",
            Self::Tools => "tools",
            Self::Vision => "vision",
            Self::Long => "long",
            Self::Code => "code",
            Self::Embeddings => "embeddings",
        }
    }

    /// The capability that a sample of this class is there to prove, where there is one.
    #[must_use]
    pub const fn proves(self) -> Option<Capability> {
        match self {
            Self::Json => Some(Capability::JsonSchema),
            Self::Tools => Some(Capability::Tools),
            Self::Vision => Some(Capability::Vision),
            Self::Chat | Self::Long | Self::Code | Self::Embeddings => None,
        }
    }
}

impl fmt::Display for PayloadClass {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl FromStr for PayloadClass {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|class| class.as_str() == text)
            .ok_or(())
    }
}

/// One sample as configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Unique in the catalog.
    pub id: SampleId,
    /// What it stands for.
    pub class: PayloadClass,
    /// Absolute path of the JSON body.
    pub path: PathBuf,
    /// A short digest of the body as it was when the configuration was read.
    pub digest: String,
    /// Whether a stream is asked, in a family that says so in the path. Others say it in the body.
    pub stream: bool,
    /// What a good answer is, besides being an answer at all.
    pub checks: Vec<SampleCheck>,
}

/// One demand on the answer to a sample.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "check", rename_all = "kebab-case")]
pub enum SampleCheck {
    /// The text is JSON that a schema accepts.
    JsonSchema {
        /// The schema's file, absolute.
        path: PathBuf,
        /// Its text.
        schema: Arc<str>,
        /// A short digest of it.
        digest: String,
    },
    /// The text contains another, without regard to case.
    Contains {
        /// Which.
        text: String,
    },
    /// The text matches a regular expression.
    Matches {
        /// In the syntax of the `regex` crate.
        pattern: String,
    },
    /// A tool was called with arguments that are a JSON object.
    ToolCalled {
        /// Its name.
        tool: String,
    },
    /// The text is in a language.
    Language {
        /// ISO 639-3, for instance `deu`.
        code: String,
    },
    /// The first output came in time.
    FirstOutputWithin {
        /// In this time.
        limit: Duration,
    },
    /// Neither the model nor the provider refused to answer.
    NoRefusal,
    /// Each vector has this many numbers. Stored vectors are worthless with another count.
    Dimensions {
        /// How many.
        count: u32,
    },
}

impl fmt::Display for SampleCheck {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::JsonSchema { path, .. } => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                write!(formatter, "json schema {name}")
            }
            Self::Contains { text } => write!(formatter, "contains \"{text}\""),
            Self::Matches { pattern } => write!(formatter, "matches /{pattern}/"),
            Self::ToolCalled { tool } => write!(formatter, "calls tool {tool}"),
            Self::Language { code } => write!(formatter, "language {code}"),
            Self::FirstOutputWithin { limit } => write!(formatter, "first output in {limit:?}"),
            Self::NoRefusal => formatter.write_str("no refusal"),
            Self::Dimensions { count } => write!(formatter, "{count} dimensions"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::PayloadClass;

    #[test]
    fn every_class_is_read_back_from_its_name() {
        for class in PayloadClass::ALL {
            assert_eq!(class.as_str().parse(), Ok(class));
            let json = serde_json::to_string(&class).expect("a word");
            assert_eq!(json, format!("\"{class}\""));
        }
    }
}
