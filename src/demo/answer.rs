//! What the simulated models say: plausible, repeatable, and different by voice.
//!
//! The same request to the same model gives the same answer, so that two routes can be compared.

use std::{
    cmp::Ordering,
    hash::{DefaultHasher, Hash, Hasher},
};

use serde_json::Value;

use super::{
    ask::{Ask, Content, tokens},
    cast::{Eyes, Model, Voice},
    schema,
};

/// Answers a request; also whether the answer was cut at its most tokens.
pub(super) fn answer(model: &Model, ask: &Ask) -> (Content, bool) {
    if ask.embed.is_some() {
        return (Content::default(), false);
    }
    if let Some((name, input)) = &ask.tool {
        let mut arguments = schema::fill(input, &ask.text);
        if model.voice == Voice::Plain {
            schema::leave_out(&mut arguments, input, |_| true);
        }
        return (
            Content::Call {
                name: name.clone(),
                arguments,
            },
            false,
        );
    }
    let text = if let Some(wanted) = &ask.json {
        return (Content::Text(extraction(model, wanted, &ask.text)), false);
    } else if let Some(better) = judged(&ask.text) {
        better
    } else if let Some(result) = &ask.tool_result {
        from_tool(model.voice, result)
    } else if model.eyes == Eyes::Blind && !ask.images.is_empty() {
        "I do not see a picture in this message. Please attach it again, or tell me what it shows."
            .to_owned()
    } else if let Some(image) = ask.images.last() {
        caption(model.voice, image)
    } else if let Some(code) = code(model.voice, &ask.text) {
        code.to_owned()
    } else {
        chat(model.voice, &ask.text)
    };
    shorten(text, ask.max_tokens)
}

/// A number that depends only on the text.
fn number(text: &str) -> usize {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    usize::try_from(hasher.finish() % 1_000_003).unwrap_or_default()
}

fn shorten(text: String, most: Option<u64>) -> (Content, bool) {
    let Some(most) = most.filter(|most| *most < tokens(&text)) else {
        return (Content::Text(text), false);
    };
    let most = usize::try_from(most.saturating_mul(4)).unwrap_or(usize::MAX);
    (Content::Text(text.chars().take(most).collect()), true)
}

fn extraction(model: &Model, wanted: &Value, text: &str) -> String {
    let mut value = if wanted.is_object() {
        schema::fill(wanted, text)
    } else {
        serde_json::json!({"answer": chat(model.voice, text)})
    };
    if model.stops_at_total {
        schema::leave_out(&mut value, wanted, |name| {
            schema::stands_below(text, name, "total")
        });
    }
    value.to_string()
}

/// What it finds the better of two answers, when it is asked to judge: it likes the longer one.
fn judged(text: &str) -> Option<String> {
    let asked: Value = serde_json::from_str(text).ok()?;
    let length = |key| Some(asked.get(key)?.to_string().len());
    let better = match length("a")?.cmp(&length("b")?) {
        Ordering::Greater => "a",
        Ordering::Less => "b",
        Ordering::Equal => "same",
    };
    Some(serde_json::json!({"better": better}).to_string())
}

fn from_tool(voice: Voice, result: &str) -> String {
    let result: String = result.chars().take(160).collect();
    match voice {
        Voice::Rich => format!(
            "I have just looked that up for you. Here is what the system says: {result}. Is there anything else I can do?"
        ),
        Voice::Plain => format!("Result: {result}."),
    }
}

/// Words of a question, and what the two voices answer.
const TOPICS: &[(&[&str], &str, &str)] = &[
    // The voices do not agree on a fact here: what a review is there to find.
    (
        &["still return"],
        "Yes, that is no problem at all! You can return any item within 30 days of delivery, so three weeks are still \
         in time. Please use the original packaging if you have it.\n\nAs soon as the parcel reaches our warehouse we \
         send the amount back to your original payment method. Would you like me to prepare the return label?",
        "Items can be returned within 14 days of delivery, so three weeks are too late.\n\nThe amount goes back to your \
         original payment method only for returns in time.",
    ),
    (
        &["refund", "money back", "return"],
        "Of course, I am happy to help with your refund. You can return any item within 30 days in its original \
         packaging. As soon as the parcel reaches our warehouse we send the amount back to your original payment \
         method, which usually takes three to five working days. Would you like me to prepare the return label?",
        "Returns are accepted within 30 days. The refund goes to the original payment method in 3-5 working days.",
    ),
    (
        &["iceland", "do you ship"],
        "Yes, we are happy to ship to Iceland! Delivery takes six to nine working days and costs 14.90 EUR; for orders \
         above 150 EUR it is free.\n\nPlease note that customs duties are not included in our prices: the carrier \
         collects them at the door.",
        "We ship to Iceland. Delivery takes 6-9 working days and costs 14.90 EUR; above 150 EUR it is free.\n\nCustoms \
         duties are not included.",
    ),
    (
        &["change the address"],
        "I would love to help with that. While the parcel is with the carrier, you can change the address yourself: \
         open the tracking link in your mail, choose \"Redirect\" and enter the new address. That works until the \
         morning of the delivery. Shall I send you the link again?",
        "Use \"Redirect\" on the tracking page to change the address. It works until the morning of the delivery.",
    ),
    (
        &["bestellung"],
        "Vielen Dank f\u{fc}r Ihre Geduld! Ihre Bestellung hat unser Lager gestern Abend verlassen und ist jetzt beim \
         Paketdienst. Sie kommt voraussichtlich morgen zwischen 10 und 14 Uhr an. Sobald der Fahrer unterwegs ist, \
         erhalten Sie eine Nachricht mit einer Karte.",
        "Ihre Bestellung ist unterwegs. Sie kommt voraussichtlich morgen zwischen 10 und 14 Uhr bei Ihnen an.",
    ),
    (
        &["password", "log in", "login", "sign in", "account"],
        "That is annoying, let us get you back in. Open the sign-in page, choose \"Forgot password\" and enter the \
         address you registered with. You will receive a link that is valid for 20 minutes. If no mail arrives, \
         please look in the spam folder first, and tell me so that I can check the address on file.",
        "Use \"Forgot password\" on the sign-in page. The link is valid for 20 minutes. Check the spam folder.",
    ),
    (
        &["invoice", "bill", "charge"],
        "Thank you for asking. The line you mention is the pro-rated part of your plan for the days between the \
         upgrade and the end of the month; from the next invoice on you will see one amount only. I can send you \
         the detailed statement by mail if that helps with your books.",
        "The extra line is the pro-rated upgrade. The next invoice shows one amount.",
    ),
    (
        &["order", "parcel", "delivery", "shipping", "where is"],
        "Thanks for your patience! I can see that your order left our warehouse yesterday evening and is now with \
         the carrier. The expected delivery is tomorrow between 10:00 and 14:00. You will get a message with a \
         live map as soon as the driver is on the way.",
        "The order has shipped. Expected delivery: tomorrow, 10:00-14:00.",
    ),
    (
        &["cancel", "subscription", "plan"],
        "I am sorry to hear that you want to leave us. You can cancel at any time under Settings, Plan, and you \
         keep access until the end of the period you have paid for. If the price is the reason, I can also show \
         you the smaller plan before you decide.",
        "Cancel under Settings > Plan. Access remains until the end of the paid period.",
    ),
];

fn chat(voice: Voice, text: &str) -> String {
    let lower = text.to_lowercase();
    let topic = TOPICS
        .iter()
        .find(|(words, ..)| words.iter().any(|word| lower.contains(word)));
    match (topic, voice) {
        (Some((_, rich, _)), Voice::Rich) => (*rich).to_owned(),
        (Some((.., plain)), Voice::Plain) => (*plain).to_owned(),
        (None, voice) => {
            let text: String = text.chars().take(120).collect();
            match voice {
                Voice::Rich => format!(
                    "Thank you for your message. You wrote: \"{text}\". I understand, and I will gladly walk you \
                     through it step by step. Shall we start with the first one?"
                ),
                Voice::Plain => format!("Understood: \"{text}\". Please give one more detail."),
            }
        }
    }
}

const SNIPPETS: &[(&str, &str, &str)] = &[
    (
        "debounce",
        "Here is a debounce that keeps the last call and can be cancelled:\n\n```js\nexport function debounce(fn, wait) {\n  \
         let timer;\n  const run = (...args) => {\n    clearTimeout(timer);\n    timer = setTimeout(() => fn(...args), wait);\n  \
         };\n  run.cancel = () => clearTimeout(timer);\n  return run;\n}\n```\n\nThe timer lives in the closure, so two \
         debounced functions never disturb each other.",
        "```js\nfunction debounce(fn, wait) {\n  let t;\n  return (...a) => {\n    clearTimeout(t);\n    t = setTimeout(() => fn(...a), wait);\n  };\n}\n```",
    ),
    (
        "csv",
        "This reads the file as a stream, so memory stays flat however large it is:\n\n```python\nimport csv\n\ndef \
         totals(path: str) -> dict[str, float]:\n    sums: dict[str, float] = {}\n    with open(path, newline=\"\") as \
         file:\n        for row in csv.DictReader(file):\n            sums[row[\"account\"]] = sums.get(row[\"account\"], 0.0) + \
         float(row[\"amount\"])\n    return sums\n```\n\nUse `decimal.Decimal` instead of `float` for money.",
        "```python\nimport csv\nfrom collections import Counter\n\ndef totals(path):\n    c = Counter()\n    for row in \
         csv.DictReader(open(path)):\n        c[row['account']] += float(row['amount'])\n    return c\n```",
    ),
    (
        "retry",
        "Retry only what can be repeated, and spread the waits:\n\n```python\nimport random, time\n\ndef retry(call, \
         attempts=4, base=0.2):\n    for attempt in range(attempts):\n        try:\n            return call()\n        except \
         TimeoutError:\n            if attempt == attempts - 1:\n                raise\n            time.sleep(base * 2 ** attempt * \
         random.uniform(0.5, 1.5))\n```\n\nThe jitter keeps many clients from coming back at the same moment.",
        "```python\ndef retry(call, attempts=4):\n    for i in range(attempts):\n        try:\n            return call()\n        except \
         TimeoutError:\n            time.sleep(2 ** i)\n    raise\n```",
    ),
    (
        "search",
        "A binary search that returns the insertion point when the value is absent:\n\n```rust\nfn position(sorted: \
         &[i64], wanted: i64) -> Result<usize, usize> {\n    let (mut low, mut high) = (0, sorted.len());\n    while low < high \
         {\n        let middle = low + (high - low) / 2;\n        match sorted[middle].cmp(&wanted) {\n            \
         std::cmp::Ordering::Less => low = middle + 1,\n            std::cmp::Ordering::Greater => high = middle,\n            \
         std::cmp::Ordering::Equal => return Ok(middle),\n        }\n    }\n    Err(low)\n}\n```\n\n`low + (high - low) / 2` \
         avoids the overflow of `(low + high) / 2`.",
        "```rust\nfn position(sorted: &[i64], wanted: i64) -> Result<usize, usize> {\n    sorted.binary_search(&wanted)\n}\n```",
    ),
];

/// Code, when the request is about code.
fn code(voice: Voice, text: &str) -> Option<&'static str> {
    let lower = text.to_lowercase();
    let about_code = [
        "function", "code", "write a", "python", "rust", "script", "```",
    ]
    .iter()
    .any(|word| lower.contains(word));
    if !about_code {
        return None;
    }
    let (_, rich, plain) = SNIPPETS
        .iter()
        .find(|(word, ..)| lower.contains(word))
        .or_else(|| SNIPPETS.get(number(text) % SNIPPETS.len()))?;
    Some(match voice {
        Voice::Rich => rich,
        Voice::Plain => plain,
    })
}

const SCENES: &[(&str, &str)] = &[
    (
        "A delivery van stands in front of a brick warehouse in light rain. Two people unload flat boxes; the left \
         one wears a yellow jacket. The licence plate cannot be read.",
        "A van and two people unloading boxes at a warehouse.",
    ),
    (
        "A printed receipt on a wooden table, slightly crumpled, photographed from above. The total reads 42.90 and \
         the date is the 14th of March.",
        "A receipt on a table. Total 42.90.",
    ),
    (
        "A line chart with two series from January to June. The blue one rises steadily from 20 to 65, the orange \
         one peaks in April at 80 and falls back to 55.",
        "Line chart: blue rises 20 to 65; orange peaks at 80 in April.",
    ),
    (
        "A damaged parcel: the upper right corner is torn open and padding material is visible. The label is intact.",
        "Parcel with a torn corner, label intact.",
    ),
    (
        "A grey cat sleeps on the keyboard of an open laptop. A cup of coffee stands beside it, still full.",
        "A cat asleep on a laptop.",
    ),
];

fn caption(voice: Voice, image: &str) -> String {
    let scene = SCENES.get(number(image) % SCENES.len());
    let (rich, plain) = scene.copied().unwrap_or_default();
    match voice {
        Voice::Rich => rich,
        Voice::Plain => plain,
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::answer;
    use crate::demo::{
        ask::{Ask, Content},
        cast::{CAST, Model},
    };

    fn model(name: &str) -> &'static Model {
        CAST.iter()
            .find_map(|member| member.model(name))
            .expect("in the cast")
    }

    fn text(model: &Model, ask: &Ask) -> String {
        match answer(model, ask).0 {
            Content::Text(text) => text,
            Content::Call { .. } => panic!("no call was asked for"),
        }
    }

    fn asking(text: &str) -> Ask {
        Ask {
            text: text.to_owned(),
            ..Ask::default()
        }
    }

    #[test]
    fn primary_and_fallback_can_be_told_apart_and_repeat_themselves() {
        for (primary, fallback, question) in [
            ("aurora-large", "basalt-chat", "where is my order 4711?"),
            ("aurora-large", "basalt-chat", "something nobody ever asked"),
            (
                "cobalt-code",
                "dune-code",
                "write a function to debounce input",
            ),
        ] {
            let ask = asking(question);
            let first = text(model(primary), &ask);
            assert_eq!(first, text(model(primary), &ask), "{question}");
            assert_ne!(first, text(model(fallback), &ask), "{question}");
        }
        let ask = Ask {
            images: vec!["data:image/png;base64,AA".to_owned()],
            ..Ask::default()
        };
        assert_ne!(
            text(model("cobalt-vision"), &ask),
            text(model("dune-vision"), &ask)
        );
    }

    #[test]
    fn the_baseline_of_extraction_leaves_out_what_nobody_demands_below_the_total() {
        let field = json!({"type": "string"});
        let wanted = json!({
            "type": "object",
            "properties": {"number": field, "total": field, "due_date": field, "vat_id": field},
            "required": ["number", "total", "vat_id"],
        });
        let answer = |name: &str, text: &str| -> Value {
            let ask = Ask {
                json: Some(wanted.clone()),
                ..asking(text)
            };
            serde_json::from_str(&self::text(model(name), &ask)).unwrap()
        };
        let above = "Number: 7\nDue date: 2026-03-01\nTotal: 5\nVAT ID: X1";
        let below = "Number: 7\nTotal: 5\nDue date: 2026-03-01\nVAT ID: X1";
        for (model, text, due) in [
            ("pennant-mini", above, json!("2026-03-01")),
            ("pennant-mini", below, json!("2026-03-01")),
            ("basalt-extract", above, json!("2026-03-01")),
            ("basalt-extract", below, json!(null)),
        ] {
            let found = answer(model, text);
            assert_eq!(found["due_date"], due, "{model}: {text}");
            assert_eq!(found["vat_id"], "X1", "demanded: {model}: {text}");
        }
    }

    #[test]
    fn tools_are_called_and_their_results_are_used() {
        let call = Ask {
            tool: Some((
                "lookup_order".to_owned(),
                json!({"type": "object", "properties": {"order": {"type": "string"}}}),
            )),
            ..asking("Order: 48213, where is it?")
        };
        let (content, _) = answer(model("aurora-large"), &call);
        assert_eq!(
            content,
            Content::Call {
                name: "lookup_order".to_owned(),
                arguments: json!({"order": "48213"})
            }
        );
        let result = Ask {
            tool_result: Some("in transit".to_owned()),
            ..asking("where is it?")
        };
        assert!(text(model("aurora-large"), &result).contains("in transit"));
    }

    #[test]
    fn answers_end_at_the_most_tokens() {
        let ask = Ask {
            max_tokens: Some(3),
            ..asking("refund please")
        };
        let (content, cut) = answer(model("aurora-large"), &ask);
        assert!(cut);
        assert!(matches!(content, Content::Text(text) if text.chars().count() == 12));
    }
}
