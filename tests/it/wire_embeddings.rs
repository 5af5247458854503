//! `openai-embeddings`: what a request needs, and what an answer must have.

use backstop::{
    model::{Capability, CapabilitySet},
    policy::{BrokenKind, Evidence},
    wire::{Shape, request, response},
};
use http::{HeaderMap, StatusCode};

use Capability::{Dimensions, TokenInput};

#[test]
fn a_request_needs_what_it_asks_for() {
    for (case, fields, needs) in [
        ("text", r#""input":"hi""#, &[][..]),
        ("texts", r#""input":["a","b"]"#, &[]),
        ("tokens", r#""input":[1,2,3]"#, &[TokenInput]),
        ("lists of tokens", r#""input":[[1],[2,3]]"#, &[TokenInput]),
        ("nothing", r#""input":[]"#, &[]),
        (
            "a length",
            r#""input":"hi","dimensions":256"#,
            &[Dimensions],
        ),
        ("no length", r#""input":"hi","dimensions":null"#, &[]),
        ("float", r#""input":"hi","encoding_format":"float""#, &[]),
        ("base64", r#""input":"hi","encoding_format":"base64""#, &[]),
        ("never a stream", r#""input":"hi","stream":true"#, &[]),
    ] {
        let body = format!(r#"{{"model":"m",{fields}}}"#);
        let scan =
            request::scan(Shape::OpenaiEmbeddings, &HeaderMap::new(), body.as_bytes()).unwrap();
        let wanted: CapabilitySet = needs.iter().copied().collect();
        assert_eq!(scan.facts.needs, wanted, "{case}");
        assert!(!scan.facts.stream, "{case}");
    }
}

#[test]
fn an_answer_has_vectors() {
    let error = Some(BrokenKind::ErrorInsideSuccess);
    let malformed = Some(BrokenKind::Malformed);
    for (case, body, wanted) in [
        (
            "floats",
            r#"{"object":"list","data":[{"index":0,"embedding":[0.1,-2e-3]}]}"#,
            None,
        ),
        (
            "base64",
            r#"{"object":"list","data":[{"index":0,"embedding":"zczMPQ=="}]}"#,
            None,
        ),
        ("no vector", r#"{"object":"list","data":[]}"#, malformed),
        ("no list", r#"{"object":"list"}"#, malformed),
        ("another shape", r#"{"output":[]}"#, malformed),
        ("error", r#"{"error":{"message":"m"}}"#, error),
        ("error null", r#"{"error":null,"data":[{}]}"#, None),
        (
            "cut",
            r#"{"data":[{"embedding":[0.1,"#,
            Some(BrokenKind::Cut),
        ),
    ] {
        let evidence =
            response::body_evidence(Shape::OpenaiEmbeddings, StatusCode::OK, body.as_bytes());
        let kind = evidence.map(|evidence| match evidence {
            Evidence::Broken { kind, .. } => kind,
            other => panic!("{other:?}"),
        });
        assert_eq!(kind, wanted, "{case}");
        let notice = response::with_notice(Shape::OpenaiEmbeddings, body.as_bytes(), "n");
        assert_eq!(notice, None, "{case}: vectors are never touched");
    }
}
