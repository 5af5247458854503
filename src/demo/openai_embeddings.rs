//! The `openai-embeddings` shape of simulated requests and answers. Errors are those of `openai-chat`.
//!
//! A model's vectors are the same wherever it is hosted, and those of two models cannot be compared: the
//! property that a fallback must respect.

use std::hash::{DefaultHasher, Hash, Hasher};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::ask::{Ask, Embed, Invalid, Reply, tokens};

/// The usual length of a vector. Short: nobody looks anything up with it.
const LENGTH: usize = 64;

/// The most texts of one request.
const MOST: usize = 2048;

/// Reads a request for `/v1/embeddings`.
pub(super) fn read(body: &Value) -> Result<Ask, Invalid> {
    let Some(model) = body["model"].as_str() else {
        return Err(Invalid::parameter(
            "model",
            "you must provide a model parameter",
        ));
    };
    let length = match &body["dimensions"] {
        Value::Null => LENGTH,
        asked => asked
            .as_u64()
            .and_then(|asked| usize::try_from(asked).ok())
            .filter(|asked| (1..=LENGTH).contains(asked))
            .ok_or_else(|| {
                Invalid::parameter(
                    "dimensions",
                    format!("'dimensions' must be from 1 to {LENGTH}"),
                )
            })?,
    };
    let base64 = match body["encoding_format"].as_str() {
        None | Some("float") => false,
        Some("base64") => true,
        Some(other) => {
            return Err(Invalid::parameter(
                "encoding_format",
                format!("'{other}' is not one of 'float' and 'base64'"),
            ));
        }
    };
    Ok(Ask {
        model: model.to_owned(),
        input_tokens: tokens(&body["input"].to_string()),
        embed: Some(Embed {
            inputs: inputs(&body["input"])?,
            length,
            base64,
        }),
        ..Ask::default()
    })
}

/// A text or tokens, or several of them.
fn inputs(input: &Value) -> Result<Vec<String>, Invalid> {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Array(tokens) if tokens.iter().all(Value::is_u64) => Some(value.to_string()),
        _ => None,
    };
    let inputs = match input {
        Value::Array(items) if !items.iter().all(Value::is_u64) => items.iter().map(one).collect(),
        Value::Array(items) if items.is_empty() => None,
        input => one(input).map(|text| vec![text]),
    };
    inputs
        .filter(|inputs: &Vec<String>| inputs.len() <= MOST)
        .ok_or_else(|| {
            Invalid::parameter(
                "input",
                format!("'input' must be a text or tokens, or up to {MOST} of them, none empty"),
            )
        })
}

/// The answer: the vectors in the order of the inputs.
pub(super) fn whole(reply: &Reply) -> Value {
    let Embed {
        inputs,
        length,
        base64,
    } = reply.embed.clone().unwrap_or_default();
    let data = inputs.iter().enumerate().map(|(index, text)| {
        let vector = vector(&reply.model, text, length);
        let embedding = if base64 {
            let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
            json!(BASE64_STANDARD.encode(&bytes))
        } else {
            json!(vector)
        };
        json!({"object": "embedding", "index": index, "embedding": embedding})
    });
    json!({
        "object": "list",
        "data": data.collect::<Vec<_>>(),
        "model": reply.model,
        "usage": {"prompt_tokens": reply.input_tokens, "total_tokens": reply.input_tokens},
    })
}

/// A vector of length one: the sum of one for each word, so that texts with words in common are near.
fn vector(model: &str, text: &str, length: usize) -> Vec<f32> {
    let mut sum = vec![0.0_f32; length];
    for word in text.split_whitespace() {
        let mut hasher = DefaultHasher::new();
        (model, word.to_lowercase()).hash(&mut hasher);
        let mut random = fastrand::Rng::with_seed(hasher.finish());
        for place in &mut sum {
            *place += random.f32() - 0.5;
        }
    }
    let norm = sum.iter().map(|x| x * x).sum::<f32>().sqrt();
    if norm > 0.0 {
        for place in &mut sum {
            *place /= norm;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    use serde_json::{Value, json};

    use super::{read, vector, whole};
    use crate::demo::ask::Reply;

    fn answer(body: &Value) -> Value {
        let ask = read(body).unwrap();
        whole(&Reply {
            model: ask.model,
            embed: ask.embed,
            ..Reply::default()
        })
    }

    #[test]
    fn every_input_gets_its_vector_in_order() {
        let one = answer(&json!({"model": "m", "input": "lamp"}));
        let two = answer(&json!({"model": "m", "input": ["chair", "lamp"]}));
        assert_eq!(one["data"].as_array().unwrap().len(), 1);
        assert_eq!(two["data"][1]["embedding"], one["data"][0]["embedding"]);
        assert_eq!(two["data"][1]["index"], 1);
        let tokens = answer(&json!({"model": "m", "input": [[1, 2], [3]]}));
        assert_eq!(tokens["data"].as_array().unwrap().len(), 2);
        let short = answer(&json!({"model": "m", "input": "lamp", "dimensions": 8}));
        assert_eq!(short["data"][0]["embedding"].as_array().unwrap().len(), 8);
    }

    #[test]
    fn both_encodings_hold_the_same_numbers() {
        let floats = answer(&json!({"model": "m", "input": "lamp"}));
        let base64 = answer(&json!({"model": "m", "input": "lamp", "encoding_format": "base64"}));
        let text = base64["data"][0]["embedding"].as_str().unwrap();
        let decoded: Vec<f32> = BASE64_STANDARD
            .decode(text)
            .unwrap()
            .chunks(4)
            .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
            .collect();
        let floats: Vec<f32> =
            serde_json::from_value(floats["data"][0]["embedding"].clone()).unwrap();
        assert_eq!(floats, decoded);
    }

    #[test]
    fn texts_are_near_within_a_model_and_nothing_is_between_two() {
        let near = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        let red = vector("m", "a red lamp for the desk", 64);
        let blue = vector("m", "a blue lamp for the desk", 64);
        let other = vector("n", "a red lamp for the desk", 64);
        assert!(near(&red, &blue) > 0.6, "{}", near(&red, &blue));
        assert!(near(&red, &other).abs() < 0.5, "{}", near(&red, &other));
    }

    #[test]
    fn wrong_requests_are_refused_by_parameter() {
        for (parameter, body) in [
            ("model", json!({"input": "hi"})),
            ("input", json!({"model": "m"})),
            ("input", json!({"model": "m", "input": ""})),
            ("input", json!({"model": "m", "input": []})),
            ("input", json!({"model": "m", "input": ["a", 1]})),
            (
                "dimensions",
                json!({"model": "m", "input": "a", "dimensions": 9000}),
            ),
            (
                "encoding_format",
                json!({"model": "m", "input": "a", "encoding_format": "hex"}),
            ),
        ] {
            assert_eq!(
                read(&body).unwrap_err().parameter,
                Some(parameter),
                "{body}"
            );
        }
    }
}
