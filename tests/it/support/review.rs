//! Answers for tests of comparing.

use std::time::Duration;

use backstop::model::{Answer, Asked, CalledTool, PayloadClass, ProbeResult, Usage};
use jiff::Timestamp;

/// An answer that says this, and of which nothing else is known.
pub(crate) fn answer(text: &str) -> Answer {
    Answer {
        result: ProbeResult {
            route: "route".into(),
            workload: "workload".into(),
            sample: "sample".into(),
            class: PayloadClass::Chat,
            asked: Asked {
                base_url: "http://127.0.0.1:1".to_owned(),
                model: "model".to_owned(),
                sample: None,
            },
            at: Timestamp::UNIX_EPOCH,
            stream: true,
            status: Some(200),
            headers: None,
            first_output: Some(Duration::from_millis(400)),
            total: Duration::from_secs(2),
            usage: Usage::default(),
            cost: None,
            finish: Some("stop".to_owned()),
            model: None,
            checks: Vec::new(),
            failure: None,
            output: String::new(),
        },
        text: text.to_owned(),
        refusal: None,
        tools: Vec::new(),
        vectors: Vec::new(),
        clipped: false,
    }
}

/// An answer that calls tools: names and arguments.
pub(crate) fn calls(calls: &[(&str, &str)]) -> Answer {
    let call = |(name, arguments): &(&str, &str)| CalledTool {
        name: (*name).to_owned(),
        arguments: (*arguments).to_owned(),
    };
    Answer {
        tools: calls.iter().map(call).collect(),
        ..answer("")
    }
}
