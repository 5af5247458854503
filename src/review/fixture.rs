//! Answers for the tests of this module.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::{
    Answer, Asked, CalledTool, ErrorClass, PayloadClass, Place, ProbeFailure, ProbeResult,
    ReviewedSample, Usage,
};

/// An answer that says this, and of which nothing else is known.
pub(super) fn answer(text: &str) -> Answer {
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
            first_output: None,
            total: Duration::from_secs(1),
            usage: Usage::default(),
            cost: None,
            finish: None,
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
pub(super) fn calls(calls: &[(&str, &str)]) -> Answer {
    let call = |(name, arguments): &(&str, &str)| CalledTool {
        name: (*name).to_owned(),
        arguments: (*arguments).to_owned(),
    };
    Answer {
        tools: calls.iter().map(call).collect(),
        ..answer("")
    }
}

/// No answer.
pub(super) fn failed() -> Answer {
    let mut answer = answer("");
    answer.result.failure = Some(ProbeFailure {
        class: ErrorClass::Overloaded,
        detail: "503".to_owned(),
    });
    answer
}

/// A sample that nobody has judged.
pub(super) fn reviewed(class: PayloadClass, primary: Answer, fallback: Answer) -> ReviewedSample {
    ReviewedSample {
        sample: "sample".into(),
        class,
        primary,
        fallback,
        side_a: Place::Primary,
        judgement: None,
        note: String::new(),
    }
}
