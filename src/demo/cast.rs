//! The cast: which simulated providers there are, which models they serve, and how each model behaves.
//!
//! Read by the providers, by the configuration that the demo writes, and by `backstop simulate`. Plain data.

use std::time::Duration;

use super::shape::Shape;

/// How a model words its answers, so that the output of two routes can be told apart at a glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Voice {
    /// Full sentences, warm, detailed.
    Rich,
    /// Short and dry.
    Plain,
}

/// What a model does with images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Eyes {
    /// It refuses them.
    None,
    /// It sees them.
    Good,
    /// It takes them and does not see them: it answers well, and wrong, so that no status and no ping tells. What
    /// probes are there to find.
    Blind,
}

/// One simulated model.
#[derive(Debug)]
pub(super) struct Model {
    /// The provider's name of it.
    pub(super) name: &'static str,
    /// How it words answers.
    pub(super) voice: Voice,
    /// Until its first output, before jitter.
    pub(super) first_output: Duration,
    /// How fast the rest follows.
    pub(super) tokens_per_second: u32,
    /// What it does with images.
    pub(super) eyes: Eyes,
    /// Whether it makes vectors, and nothing else.
    pub(super) embeds: bool,
    /// Whether it reads invoices up to their total only, and leaves out what stands below and is not demanded:
    /// what a review is there to find.
    pub(super) stops_at_total: bool,
}

/// One simulated provider.
#[derive(Debug)]
pub(super) struct Member {
    /// Its name in the configuration.
    pub(super) name: &'static str,
    /// What it speaks.
    pub(super) shape: Shape,
    /// The key it expects. Worth nothing anywhere else.
    pub(super) key: &'static str,
    /// What it serves.
    pub(super) models: &'static [Model],
}

impl Member {
    /// One of its models.
    pub(super) fn model(&self, name: &str) -> Option<&'static Model> {
        self.models.iter().find(|model| model.name == name)
    }
}

/// A model with the usual behaviour; the table below changes what is particular.
const fn model(name: &'static str, voice: Voice, first_output_ms: u64, speed: u32) -> Model {
    Model {
        name,
        voice,
        first_output: Duration::from_millis(first_output_ms),
        tokens_per_second: speed,
        eyes: Eyes::None,
        embeds: false,
        stops_at_total: false,
    }
}

/// An open model for vectors, which two providers host: the only good fallback for vectors is the same model.
const LEXIS: Model = Model {
    embeds: true,
    ..model("lexis-embed", Voice::Plain, 30, 4000)
};

/// Every simulated provider.
pub(super) const CAST: &[Member] = &[
    Member {
        name: "aurora",
        shape: Shape::OpenaiChat,
        key: "simulated-aurora-key",
        models: &[model("aurora-large", Voice::Rich, 180, 110)],
    },
    Member {
        name: "basalt",
        shape: Shape::OpenaiChat,
        key: "simulated-basalt-key",
        models: &[
            model("basalt-chat", Voice::Plain, 120, 140),
            Model {
                stops_at_total: true,
                ..model("basalt-extract", Voice::Plain, 140, 160)
            },
        ],
    },
    Member {
        name: "pennant",
        shape: Shape::OpenaiChat,
        key: "simulated-pennant-key",
        models: &[model("pennant-mini", Voice::Plain, 70, 240)],
    },
    Member {
        name: "cobalt",
        shape: Shape::AnthropicMessages,
        key: "simulated-cobalt-key",
        models: &[
            model("cobalt-code", Voice::Rich, 260, 120),
            Model {
                eyes: Eyes::Good,
                ..model("cobalt-vision", Voice::Rich, 220, 120)
            },
        ],
    },
    Member {
        name: "dune",
        shape: Shape::AnthropicMessages,
        key: "simulated-dune-key",
        models: &[
            model("dune-code", Voice::Plain, 160, 160),
            Model {
                eyes: Eyes::Blind,
                ..model("dune-vision", Voice::Plain, 150, 160)
            },
        ],
    },
    Member {
        name: "ember",
        shape: Shape::OpenaiResponses,
        key: "simulated-ember-key",
        models: &[model("ember-agent", Voice::Rich, 240, 120), LEXIS],
    },
    Member {
        name: "fjord",
        shape: Shape::OpenaiResponses,
        key: "simulated-fjord-key",
        models: &[model("fjord-agent", Voice::Plain, 150, 150), LEXIS],
    },
    Member {
        name: "garnet",
        shape: Shape::GeminiGenerate,
        key: "simulated-garnet-key",
        models: &[model("garnet-text", Voice::Rich, 200, 130)],
    },
    Member {
        name: "harbor",
        shape: Shape::GeminiGenerate,
        key: "simulated-harbor-key",
        models: &[model("harbor-text", Voice::Plain, 130, 160)],
    },
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::CAST;

    #[test]
    fn names_are_unique() {
        let mut providers = HashSet::new();
        let mut models = HashSet::new();
        for member in CAST {
            assert!(providers.insert(member.name), "{}", member.name);
            for model in member.models {
                assert!(models.insert(model.name) || model.embeds, "{}", model.name);
                assert_eq!(
                    member.model(model.name).map(|found| found.name),
                    Some(model.name)
                );
            }
        }
    }
}
