//! The checks of a sample, applied to what was said.

use serde_json::Value;

use super::ask::Heard;
use crate::{
    model::{CheckResult, ProbeResult, SampleCheck, Verdict, visible},
    wire::said::Said,
};

/// How the beginning of a refusal reads, in lower case, where a model refuses in plain words.
const REFUSALS: [&str; 12] = [
    "i can't help with",
    "i cannot help with",
    "i can't assist",
    "i cannot assist",
    "i'm sorry, but i can't",
    "i'm sorry, but i cannot",
    "i'm sorry, i can't",
    "i am sorry, but i cannot",
    "sorry, but i can't",
    "i'm unable to",
    "i am unable to",
    "as an ai language model, i",
];

/// Where a refusal in plain words stands, in characters.
const BEGINNING: usize = 160;

/// Applies every check.
pub(super) fn all(checks: &[SampleCheck], heard: &Heard) -> Vec<CheckResult> {
    checks
        .iter()
        .map(|check| {
            let (verdict, detail) = match one(check, heard) {
                Outcome::Passed => (Verdict::Passed, String::new()),
                Outcome::Failed(why) => (Verdict::Failed, why),
                Outcome::Skipped(why) => (Verdict::Skipped, why),
            };
            let limit = ProbeResult::DETAIL_LIMIT;
            CheckResult {
                check: visible(&check.to_string(), limit).into_owned(),
                verdict,
                detail: visible(&detail, limit).into_owned(),
            }
        })
        .collect()
}

enum Outcome {
    Passed,
    Failed(String),
    Skipped(String),
}

fn held(holds: bool, why: impl FnOnce() -> String) -> Outcome {
    if holds {
        Outcome::Passed
    } else {
        Outcome::Failed(why())
    }
}

fn one(check: &SampleCheck, heard: &Heard) -> Outcome {
    let said = &heard.said;
    match check {
        SampleCheck::NoRefusal => refusal(said),
        SampleCheck::FirstOutputWithin { limit } => match heard.first_output {
            Some(came) => held(came <= *limit, || format!("it came after {came:.2?}")),
            None => Outcome::Failed("there was none".to_owned()),
        },
        SampleCheck::JsonSchema { schema, .. } => json(said, schema),
        SampleCheck::ToolCalled { tool } => called(said, tool),
        SampleCheck::Contains { text } => {
            let found = said.text.to_lowercase().contains(&text.to_lowercase());
            held(found, || format!("it says: {}", beginning(said)))
        }
        SampleCheck::Matches { pattern } => match regex::Regex::new(pattern) {
            Ok(pattern) => held(pattern.is_match(&said.text), || {
                format!("it says: {}", beginning(said))
            }),
            Err(error) => Outcome::Failed(format!("the pattern is none: {error}")),
        },
        SampleCheck::Language { code } => language(said, code),
        SampleCheck::Dimensions { count } => dimensions(said, *count),
    }
}

fn refusal(said: &Said) -> Outcome {
    if let Some(refusal) = &said.refusal {
        return Outcome::Failed(format!("refused: {refusal}"));
    }
    if said.text.trim().is_empty() && said.tools.is_empty() && said.vectors.is_empty() {
        let finish = said.finish.as_deref().unwrap_or("no reason");
        return Outcome::Failed(format!("nothing was said (finish: {finish})"));
    }
    let start: String = said.text.chars().take(BEGINNING).collect();
    let start = start.to_lowercase().replace('\u{2019}', "'");
    let refused = REFUSALS.iter().any(|refusal| start.contains(refusal));
    held(!refused, || {
        format!("it reads like one: {}", beginning(said))
    })
}

fn json(said: &Said, schema: &str) -> Outcome {
    let text = said.text.trim();
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(_) if text.starts_with("```") => {
            return Outcome::Failed("the JSON stands inside a code fence".to_owned());
        }
        Err(error) => {
            return Outcome::Failed(format!("not JSON ({error}): {}", beginning(said)));
        }
    };
    let schema = serde_json::from_str::<Value>(schema)
        .map_err(|error| error.to_string())
        .and_then(|schema| jsonschema::validator_for(&schema).map_err(|error| error.to_string()));
    match schema {
        Ok(schema) => match schema.validate(&value) {
            Ok(()) => Outcome::Passed,
            Err(error) => {
                let place = error.instance_path().to_string();
                let place = if place.is_empty() { "/" } else { &place };
                Outcome::Failed(format!("at {place}: {error}"))
            }
        },
        Err(error) => Outcome::Failed(format!("the schema cannot be used: {error}")),
    }
}

fn called(said: &Said, tool: &str) -> Outcome {
    let Some(call) = said.tools.iter().find(|call| call.name == tool) else {
        let names: Vec<&str> = said.tools.iter().map(|call| call.name.as_str()).collect();
        return Outcome::Failed(if names.is_empty() {
            format!("no tool was called; it says: {}", beginning(said))
        } else {
            format!("called instead: {}", names.join(", "))
        });
    };
    let arguments = call.arguments.trim();
    // A tool without parameters may be called with nothing.
    let object = arguments.is_empty()
        || serde_json::from_str::<Value>(arguments).is_ok_and(|value| value.is_object());
    held(object, || {
        format!("its arguments are no JSON object: {arguments}")
    })
}

fn language(said: &Said, code: &str) -> Outcome {
    let Some(found) = whatlang::detect(&said.text) else {
        return Outcome::Failed(format!("no language can be told: {}", beginning(said)));
    };
    if found.lang().code() == code {
        return Outcome::Passed;
    }
    let text = format!("it looks like {}", found.lang().eng_name());
    if found.is_reliable() {
        Outcome::Failed(text)
    } else {
        Outcome::Skipped(format!("{text}, but there is too little text to be sure"))
    }
}

fn dimensions(said: &Said, count: u32) -> Outcome {
    let wrong = said.vectors.iter().find(|found| **found != count as usize);
    match (wrong, said.vectors.is_empty()) {
        (None, false) => Outcome::Passed,
        (Some(found), _) => Outcome::Failed(format!("a vector has {found}")),
        (None, true) => Outcome::Failed("there is no vector".to_owned()),
    }
}

fn beginning(said: &Said) -> String {
    let text = visible(said.text.trim(), 80);
    if text.is_empty() {
        "(no text)".to_owned()
    } else {
        format!("\"{text}\"")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Heard, SampleCheck, Verdict, all};
    use crate::wire::said::ToolCall;

    fn heard(text: &str) -> Heard {
        let mut heard = Heard::default();
        text.clone_into(&mut heard.said.text);
        heard
    }

    #[test]
    fn texts_are_judged() {
        let schema = SampleCheck::JsonSchema {
            path: "s.json".into(),
            schema: r#"{"type":"object","required":["a"],"properties":{"a":{"type":"integer"}}}"#
                .into(),
            digest: String::new(),
        };
        let german = SampleCheck::Language {
            code: "deu".to_owned(),
        };
        let refusal = SampleCheck::NoRefusal;
        let called = SampleCheck::ToolCalled {
            tool: "lookup".to_owned(),
        };
        for (check, text, verdict, words) in [
            (&schema, " {\"a\": 1}\n", Verdict::Passed, ""),
            (&schema, "{\"a\": \"1\"}", Verdict::Failed, "at /a: "),
            (&schema, "{}", Verdict::Failed, "at /: "),
            (
                &schema,
                "```json\n{\"a\":1}\n```",
                Verdict::Failed,
                "inside a code fence",
            ),
            (&schema, "Sure: 1", Verdict::Failed, "not JSON"),
            (
                &german,
                "Ihre Bestellung ist heute Morgen bei uns verschickt worden und kommt morgen an.",
                Verdict::Passed,
                "",
            ),
            (
                &german,
                "Your order has left our warehouse this morning and should be with you tomorrow.",
                Verdict::Failed,
                "it looks like English",
            ),
            (&refusal, "The answer is 7.", Verdict::Passed, ""),
            (&refusal, " ", Verdict::Failed, "nothing was said"),
            (
                &refusal,
                "I\u{2019}m sorry, but I can\u{2019}t do that.",
                Verdict::Failed,
                "reads like one",
            ),
            (
                &called,
                "It is on its way.",
                Verdict::Failed,
                "no tool was called",
            ),
        ] {
            let found = all(std::slice::from_ref(check), &heard(text)).remove(0);
            assert_eq!(found.verdict, verdict, "{check} on {text:?}: {found:?}");
            assert!(
                found.detail.contains(words),
                "{check} on {text:?}: {found:?}"
            );
        }
    }

    #[test]
    fn calls_vectors_and_times_are_judged() {
        let call = |name: &str, arguments: &str| ToolCall {
            name: name.to_owned(),
            arguments: arguments.to_owned(),
        };
        let mut heard = heard("");
        heard.said.tools = vec![call("lookup", "{}"), call("send", "{\"a\":")];
        heard.said.vectors = vec![64, 64];
        heard.first_output = Some(Duration::from_millis(200));
        let tool = |tool: &str| SampleCheck::ToolCalled {
            tool: tool.to_owned(),
        };
        let within = |millis| SampleCheck::FirstOutputWithin {
            limit: Duration::from_millis(millis),
        };
        let checks = [
            (tool("lookup"), Verdict::Passed),
            (tool("send"), Verdict::Failed),
            (tool("other"), Verdict::Failed),
            (within(200), Verdict::Passed),
            (within(199), Verdict::Failed),
            (SampleCheck::Dimensions { count: 64 }, Verdict::Passed),
            (SampleCheck::Dimensions { count: 65 }, Verdict::Failed),
            (SampleCheck::NoRefusal, Verdict::Passed),
        ];
        for (check, verdict) in checks {
            let found = all(std::slice::from_ref(&check), &heard).remove(0);
            assert_eq!(found.verdict, verdict, "{found:?}");
        }
    }
}
