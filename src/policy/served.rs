//! Whether an answer came from another model than the one that was asked.
//!
//! Used by the gateway to recognise a fallback that a router made by itself. Names of models are no
//! identities: an alias is answered by a snapshot, a deployment by whatever stands behind it, and a router
//! spells names in its own way. So this says yes only when nothing else explains the difference.

/// Whether the model that an answer names is another than the one that was asked.
///
/// With `patterns` (`*` stands for anything; letters in any case) the configuration has said what else is right, and
/// everything beside these and the asked name is another model. Without it only names of the form
/// `vendor/model` are compared, as routers between vendors write them: there, names are the same when they
/// hold the same words, dates of snapshots and words for stages set aside.
#[must_use]
pub fn is_other_model(asked: &str, served: &str, patterns: &[String]) -> bool {
    if served.is_empty() || asked.eq_ignore_ascii_case(served) {
        return false;
    }
    if !patterns.is_empty() {
        let served = served.to_ascii_lowercase();
        return !patterns
            .iter()
            .any(|pattern| fits(&pattern.to_ascii_lowercase(), &served));
    }
    match (vendor_and_model(asked), vendor_and_model(served)) {
        // The router was asked to choose.
        (None | Some(("openrouter", _)), _) | (_, None) => false,
        (Some((_, asked)), Some((_, served))) => words(asked) != words(served),
    }
}

/// `vendor/model`, and nothing longer: paths are how some servers call their files.
fn vendor_and_model(name: &str) -> Option<(&str, &str)> {
    name.split_once('/')
        .filter(|(vendor, model)| !vendor.is_empty() && !model.is_empty() && !model.contains('/'))
}

/// The words of a name that say which model it is, in no order: routers turn `claude-sonnet-4` into
/// `claude-4-sonnet-20250522`. A variant (`:free`) is the same model under other conditions.
fn words(model: &str) -> Vec<String> {
    let model = model.split(':').next().unwrap_or_default();
    let mut words: Vec<String> = Vec::new();
    let mut parts = model
        .split(['-', '.', '_', '@', ' '])
        .filter(|part| !part.is_empty())
        .peekable();
    while let Some(part) = parts.next() {
        let numeric = |part: &str, length: usize| {
            part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        let stage = matches!(
            part.to_ascii_lowercase().as_str(),
            "latest" | "preview" | "exp" | "experimental" | "beta" | "stable"
        );
        // `0613`, `20241022`, `2024-08-06`, and `preview-05-20`.
        let date = numeric(part, 4) || numeric(part, 6) || numeric(part, 8);
        if date || stage {
            while parts.next_if(|next| numeric(next, 2)).is_some() {}
        } else {
            words.push(part.to_ascii_lowercase());
        }
    }
    words.sort_unstable();
    words
}

/// Whether a text fits a pattern in which `*` stands for anything.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(start) else {
        return false;
    };
    let mut pieces = rest.split('*').peekable();
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return text.ends_with(piece);
        }
        let Some(at) = text.find(piece) else {
            return false;
        };
        text = text.get(at + piece.len()..).unwrap_or_default();
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::is_other_model;

    #[test]
    fn only_a_real_difference_is_another_model() {
        for (asked, served, other) in [
            ("gpt-4o", "gpt-4o", false),
            ("gpt-4o", "gpt-4o-2024-08-06", false),
            // A deployment has any name, so does an alias: nothing is said without a vendor.
            ("prod-chat", "gpt-4o-2024-08-06", false),
            ("gpt-4o", "gpt-4o-mini", false),
            ("accounts/fireworks/models/x", "y/z", false),
            ("openai/gpt-4o", "", false),
            ("openai/gpt-4o", "gpt-4o-mini", false),
            ("openai/gpt-4o", "openai/gpt-4o", false),
            ("openai/gpt-4o", "OpenAI/GPT-4o", false),
            ("openai/gpt-4o", "openai/gpt-4o-2024-08-06", false),
            ("openai/gpt-4o:nitro", "openai/gpt-4o", false),
            ("openai/gpt-4", "openai/gpt-4-0613", false),
            (
                "anthropic/claude-sonnet-4",
                "anthropic/claude-4-sonnet-20250522",
                false,
            ),
            (
                "anthropic/claude-3.7-sonnet",
                "anthropic/claude-3-7-sonnet-20250219",
                false,
            ),
            (
                "anthropic/claude-3-5-sonnet-latest",
                "anthropic/claude-3-5-sonnet-20241022",
                false,
            ),
            (
                "google/gemini-2.5-flash",
                "google/gemini-2.5-flash-preview-05-20",
                false,
            ),
            ("x-ai/grok-4", "xai/grok-4-0709", false),
            ("openrouter/auto", "openai/gpt-4o-mini", false),
            ("openai/gpt-4o", "openai/gpt-4o-mini", true),
            ("openai/gpt-4o", "openai/gpt-4", true),
            ("openai/gpt-5", "openai/gpt-4", true),
            ("anthropic/claude-opus-4.1", "anthropic/claude-opus-4", true),
            ("anthropic/claude-opus-4", "openai/gpt-4o", true),
            (
                "meta-llama/llama-3.3-70b-instruct",
                "meta-llama/llama-3.1-8b-instruct:free",
                true,
            ),
        ] {
            assert_eq!(
                is_other_model(asked, served, &[]),
                other,
                "{asked} answered by {served}"
            );
        }
    }

    #[test]
    fn what_a_route_says_it_serves_is_the_rule() {
        let serves = ["gpt-4o-2024-*".to_owned(), "*-Chat-*-v2".to_owned()];
        for (served, other) in [
            ("prod-chat", false),
            ("gpt-4o-2024-08-06", false),
            ("GPT-4o-2024-11-20", false),
            ("my-chat-eu-v2", false),
            ("my-chat-v2", true),
            ("gpt-4o", true),
            ("gpt-4o-mini", true),
            ("xgpt-4o-2024-08-06", true),
        ] {
            assert_eq!(
                is_other_model("prod-chat", served, &serves),
                other,
                "{served}"
            );
        }
    }

    proptest! {
        #[test]
        fn a_snapshot_is_the_model_that_was_asked(
            model in "[a-z]{2,8}(-[a-z0-9]{1,3}){0,3}",
            date in "-20[0-9]{6}|-20[0-9]{2}-[0-9]{2}-[0-9]{2}|-[0-9]{4}|-latest|-preview-[0-9]{2}-[0-9]{2}|:free",
        ) {
            let (asked, served) = (format!("v/{model}"), format!("v/{model}{date}"));
            prop_assert!(!is_other_model(&asked, &served, &[]));
            prop_assert!(!is_other_model(&served, &asked, &[]));
        }

        #[test]
        fn any_names_and_patterns_are_answered(asked: String, served: String, pattern in "[a-z*]{0,8}") {
            let _ = is_other_model(&asked, &served, &[]);
            let all = [pattern, "*".to_owned()];
            prop_assert!(!is_other_model(&asked, &served, &all));
        }
    }
}
