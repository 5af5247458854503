//! What the simulated applications ask: bodies in the shape of their family, without `model`.

use serde_json::{Value, json};

const QUESTIONS: &[&str] = &[
    "Where is my order 48213? It should have arrived yesterday.",
    "I would like a refund for the blue lamp, it arrived broken.",
    "I cannot log in any more, the password mail never comes.",
    "Why is there a second line on my invoice this month?",
    "How do I cancel my subscription before the next period?",
    "Do you ship to Iceland, and what does the delivery cost?",
    "Can I change the address of an order that is on its way?",
    "The app shows me somebody else's name. What should I do?",
];

const VENDORS: &[&str] = &[
    "Nordlicht Paper",
    "Okafor Tools",
    "Lima Print",
    "Sato Coffee",
];

const TASKS: &[&str] = &[
    "Write a function to debounce a callback in JavaScript, with a way to cancel it.",
    "Write a Python function that sums a large csv file by account.",
    "Write a Python retry helper with jitter for flaky network calls.",
    "Write a binary search in Rust that returns the insertion point.",
    "Review this code: for i in range(len(xs)): print(xs[i])",
];

/// Small PNG pictures.
const PICTURES: &[&str] = &[
    "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAABlklEQVR42hXRURVEIQhFUSMYgQhGMAIRiGCEE8EIRiACEYhABCLMG7/ZrMt1jMEcyGAN9kAHNjgDBnfwBj6IQQ5q0IMxJnMikzXZE53Y5EyY3Mmb+CQmOalJzw8IUxBhCVtQwYQjIFzhCS6EkEIJLR9YzIUs1mIvdGGLs2BxF2/hi1jkoha9PrCZG9mszd7oxjZnw+Zu3sY3sclNbXp/QJmKKEvZiiqmHAXlKk9xJZRUSmn9gDENMZaxDTXMOAbGNZ7hRhhplNH2gcM8yGEd9kEPdjgHDvfwDn6IQx7q0OcD/wK/Sr4jv9hfkG/1N/x/Fx44BCQU9Pc94zIvclmXfdGLXc79j9/Lu/glLnmpS98PPOZDHuuxH/qwx3n/5ffxHv6IRz7q0e8DznTEWc521DHn+D/KdZ7jTjjplNP+gWAGEqxgBxpYcOIf/AYv8CCCDCro+EAyE0lWshNNLDn5P/MmL/Ekkkwq6fxAMQspVrELLaw49S/lFq/wIoosquj6QDMbaVazG22sOf2v8Dav8SaabKrp5geIAnAQC3NfwAAAAABJRU5ErkJggg==",
    "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAIklEQVR42mP4gARO2NjAES5xhkGogRhFyOKDUcNoPAwKDQC3tAgfTyq4qAAAAABJRU5ErkJggg==",
    "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAUklEQVR42pXC0RSAAAAEwSVZgAACCCCAAAIIIIAAAggggAB69x1RDDdv0FRxSBXHVHFKFedUcUkV11RxSxX3VPFIFc9U8UoV71TxSRXfVPFL9QeWil4QiwrnmgAAAABJRU5ErkJggg==",
    "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAF0lEQVR42mOIwgF+3cGOGEY1jGoYvhoAI+ufENrKZRUAAAAASUVORK5CYII=",
];

fn one<'a>(of: &[&'a str], random: &mut fastrand::Rng) -> &'a str {
    of.get(random.usize(..of.len().max(1)))
        .copied()
        .unwrap_or_default()
}

/// A customer's question; now and then with a tool that could answer it.
pub(super) fn support(random: &mut fastrand::Rng) -> Value {
    let mut body = json!({
        "messages": [
            {"role": "system", "content": "You are the support assistant of a small online shop."},
            {"role": "user", "content": one(QUESTIONS, random)},
        ],
        "max_tokens": 300,
    });
    if random.u32(..6) == 0 {
        body["tools"] = json!([{"type": "function", "function": {
            "name": "lookup_order",
            "parameters": {
                "type": "object",
                "properties": {"order": {"type": "string"}},
                "required": ["order"],
            },
        }}]);
    }
    body
}

/// An invoice to read.
pub(super) fn extraction(random: &mut fastrand::Rng) -> Value {
    let text = format!(
        "Invoice number: A-{}\nVendor: {}\nDate: 2026-{:02}-{:02}\nTotal: EUR {}.{:02}",
        random.u32(1000..9999),
        one(VENDORS, random),
        random.u32(1..13),
        random.u32(1..29),
        random.u32(20..4000),
        random.u32(..100),
    );
    json!({
        "messages": [
            {"role": "system", "content": "Extract the fields of the invoice."},
            {"role": "user", "content": text},
        ],
        "response_format": {"type": "json_schema", "json_schema": {
            "name": "invoice",
            "strict": true,
            "schema": {
                "type": "object",
                "properties": {
                    "invoice_number": {"type": "string"},
                    "vendor": {"type": "string"},
                    "date": {"type": "string", "format": "date"},
                    "currency": {"type": "string", "enum": ["EUR", "USD"]},
                    "total": {"type": "number"},
                },
                "required": ["invoice_number", "vendor", "date", "currency", "total"],
                "additionalProperties": false,
            },
        }},
    })
}

/// A task for the code assistant.
pub(super) fn code(random: &mut fastrand::Rng) -> Value {
    json!({
        "max_tokens": 600,
        "messages": [{"role": "user", "content": one(TASKS, random)}],
    })
}

/// A picture to describe.
pub(super) fn image(random: &mut fastrand::Rng) -> Value {
    json!({
        "max_tokens": 200,
        "messages": [{"role": "user", "content": [
            {"type": "image", "source": {
                "type": "base64", "media_type": "image/png", "data": one(PICTURES, random),
            }},
            {"type": "text", "text": "Describe this picture in two sentences."},
        ]}],
    })
}

/// A step of an agent: what to do, or what its tool has found out.
pub(super) fn agent(random: &mut fastrand::Rng) -> Value {
    let order = random.u32(10_000..99_999);
    let mut input = vec![json!({
        "role": "user",
        "content": format!("Order: {order}. {}", one(QUESTIONS, random)),
    })];
    if random.u32(..2) == 0 {
        let call = format!("call_{order}");
        input.push(json!({
            "type": "function_call", "call_id": call, "name": "lookup_order",
            "arguments": json!({"order": order.to_string()}).to_string(),
        }));
        input.push(json!({
            "type": "function_call_output", "call_id": call, "output": "packed, leaves tonight",
        }));
    }
    json!({
        "instructions": "You are an agent of a small online shop. Look things up before you answer.",
        "input": input,
        "tools": [{
            "type": "function", "name": "lookup_order", "strict": true,
            "parameters": {
                "type": "object",
                "properties": {"order": {"type": "string"}},
                "required": ["order"],
                "additionalProperties": false,
            },
        }],
        "max_output_tokens": 300,
    })
}

/// Something to look up; now and then pages for the index, many at once.
pub(super) fn search(random: &mut fastrand::Rng) -> Value {
    if random.u32(..12) == 0 {
        let pages: Vec<_> = (0..32).map(|_| one(QUESTIONS, random)).collect();
        return json!({"input": pages, "encoding_format": "base64"});
    }
    json!({"input": one(QUESTIONS, random)})
}

/// A product to describe; now and then as fields for the shop's pages.
pub(super) fn catalog(random: &mut fastrand::Rng) -> Value {
    let mut body = json!({
        "contents": [{"role": "user", "parts": [
            {"text": format!("Product: {}. Write two sentences for the catalog.", one(PRODUCTS, random))},
        ]}],
        "generationConfig": {"maxOutputTokens": 200},
    });
    if random.u32(..5) == 0 {
        body["generationConfig"]["responseMimeType"] = "application/json".into();
        body["generationConfig"]["responseJsonSchema"] = json!({
            "type": "object",
            "properties": {"product": {"type": "string"}, "title": {"type": "string"}},
            "required": ["product", "title"],
        });
    }
    body
}

const PRODUCTS: &[&str] = &[
    "a blue reading lamp with a wooden foot",
    "a linen shirt in three colours",
    "a steel kettle for one litre",
    "a folding chair for the balcony",
];
