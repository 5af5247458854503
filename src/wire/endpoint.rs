//! Which family and operation a request line means.
//!
//! The gateway asks this first. It must not look at headers or bodies: a workload that is named there is the
//! gateway's business.

use std::borrow::Cow;

use http::Method;
use percent_encoding::percent_decode_str;

use super::{Call, Shape, Stored, Verb, gemini};

/// Beside the ids of responses, and none of them.
const INPUT_TOKENS: &str = "v1/responses/input_tokens";
/// The same.
const COMPACT: &str = "v1/responses/compact";

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation<'a> {
    /// A call of a family, for the policy to serve.
    Ask {
        /// Which.
        call: Call,
        /// The model, percent-decoded, when the family names it in the path and not in the body.
        model: Option<Cow<'a, str>>,
    },
    /// About a response that its provider keeps: `/v1/responses/{id}` and what is below it.
    Stored(Stored<'a>),
    /// `GET /v1/models`, or `/v1beta/models`.
    ListModels,
    /// `GET /v1/models/{id}`, the id as it stands in the path.
    ShowModel(&'a str),
}

/// A request line, understood. Borrows from the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint<'a> {
    /// From `/w/{workload}/`, percent-decoded, when the path has it.
    pub workload: Option<Cow<'a, str>>,
    /// What is asked.
    pub operation: Operation<'a>,
    /// What of the query may go upstream.
    pub query: Option<Cow<'a, str>>,
}

/// A request line that means nothing here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// No path of ours: 404.
    #[error(
        "no such path; ask chat/completions, responses, embeddings, messages or models below /w/WORKLOAD/v1/, or models/MODEL:generateContent below /w/WORKLOAD/v1beta/"
    )]
    Unknown,
    /// Our path, another method: 405, with this in `allow`.
    #[error("this path answers only {allow}")]
    Method {
        /// The method that it answers.
        allow: &'static str,
    },
    /// A method of Gemini's models that is not relayed: 501.
    #[error(
        "this method of a model is not relayed; generateContent, streamGenerateContent and countTokens are"
    )]
    GeminiMethod,
    /// A query that asks for a form of Gemini's answers that cannot be checked: 400.
    #[error(
        "the query parameter `{0}` is not relayed as it is; ask without it for JSON, or with alt=sse for events"
    )]
    GeminiQuery(&'static str),
    /// `/w/{workload}` whose name is empty or does not decode to plain text: 404.
    #[error("the workload name in the path is not readable")]
    Workload,
}

impl PathError {
    /// The HTTP status to answer with.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Unknown | Self::Workload => 404,
            Self::Method { .. } => 405,
            Self::GeminiMethod => 501,
            Self::GeminiQuery(_) => 400,
        }
    }
}

/// Reads a request line.
///
/// # Errors
/// When it is not one of the paths of DESIGN section 4.
pub fn parse<'a>(
    method: &Method,
    path: &'a str,
    query: Option<&'a str>,
) -> Result<Endpoint<'a>, PathError> {
    let (workload, rest) = match path.strip_prefix("/w/") {
        Some(named) => {
            let (name, rest) = named.split_once('/').ok_or(PathError::Unknown)?;
            (Some(decode(name)?), rest)
        }
        None => (None, path.strip_prefix('/').ok_or(PathError::Unknown)?),
    };
    if *method == Method::POST
        && let Some(named) = models(rest).and_then(|named| named.strip_prefix('/'))
        && let Some(line) = gemini::line::read(named, query)?
    {
        let call = Call {
            shape: Shape::GeminiGenerate,
            verb: line.verb,
        };
        return Ok(Endpoint {
            workload,
            operation: Operation::Ask {
                call,
                model: Some(line.model),
            },
            query: line.query,
        });
    }
    if let Some(stored) = rest
        .strip_prefix("v1/responses/")
        .and_then(|path| Stored::read(method, path))
        .filter(|_| !matches!(rest, INPUT_TOKENS | COMPACT))
    {
        let stored = stored.map_err(|allow| PathError::Method { allow })?;
        return Ok(Endpoint {
            workload,
            operation: Operation::Stored(stored),
            query: query.map(Cow::Borrowed),
        });
    }
    let (operation, asked) = operation(rest)?;
    let (also, allow) = if asked == Method::GET {
        (Method::HEAD, "GET, HEAD")
    } else {
        (Method::POST, "POST")
    };
    if *method != asked && *method != also {
        return Err(PathError::Method { allow });
    }
    Ok(Endpoint {
        workload,
        operation,
        query: query.map(Cow::Borrowed),
    })
}

/// The operation of a path below the workload, and its method.
fn operation(rest: &str) -> Result<(Operation<'_>, Method), PathError> {
    match rest {
        "v1/chat/completions" => Ok(ask(Shape::OpenaiChat, Verb::Generate)),
        "v1/responses" => Ok(ask(Shape::OpenaiResponses, Verb::Generate)),
        INPUT_TOKENS => Ok(ask(Shape::OpenaiResponses, Verb::CountTokens)),
        COMPACT => Ok(ask(Shape::OpenaiResponses, Verb::Compact)),
        "v1/embeddings" => Ok(ask(Shape::OpenaiEmbeddings, Verb::Generate)),
        "v1/messages" => Ok(ask(Shape::AnthropicMessages, Verb::Generate)),
        "v1/messages/count_tokens" => Ok(ask(Shape::AnthropicMessages, Verb::CountTokens)),
        _ => match models(rest) {
            Some("") => Ok((Operation::ListModels, Method::GET)),
            Some(id) => match id.strip_prefix('/') {
                Some(id) if !id.is_empty() => Ok((Operation::ShowModel(id), Method::GET)),
                Some(_) | None => Err(PathError::Unknown),
            },
            None => Err(PathError::Unknown),
        },
    }
}

/// What stands behind `v1/models`, or behind `models` of one of Google's versions.
fn models(rest: &str) -> Option<&str> {
    let (version, rest) = rest.split_once('/')?;
    gemini::is_version(version).then(|| rest.strip_prefix("models"))?
}

/// A call whose model stands in the body.
fn ask(shape: Shape, verb: Verb) -> (Operation<'static>, Method) {
    let call = Call { shape, verb };
    (Operation::Ask { call, model: None }, Method::POST)
}

/// A name from a path segment. A decoded slash or control character is refused: no name has one, and it
/// must not reach a log or a screen as part of one.
fn decode(segment: &str) -> Result<Cow<'_, str>, PathError> {
    let name = percent_decode_str(segment)
        .decode_utf8()
        .map_err(|_| PathError::Workload)?;
    let readable = !name.is_empty() && !name.chars().any(|c| c == '/' || c.is_control());
    if readable {
        Ok(name)
    } else {
        Err(PathError::Workload)
    }
}

#[cfg(test)]
mod tests {
    use http::Method;
    use proptest::prelude::*;

    use super::{Operation, PathError, parse};
    use crate::wire::{Call, Framing, Shape, Stored, Verb};

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table is as long as its cases")]
    fn paths_of_the_design_are_understood() {
        let ask = |shape, verb| Operation::Ask {
            call: Call { shape, verb },
            model: None,
        };
        let gemini = |verb, model: &'static str| Operation::Ask {
            call: Call {
                shape: Shape::GeminiGenerate,
                verb,
            },
            model: Some(model.into()),
        };
        let chat = ask(Shape::OpenaiChat, Verb::Generate);
        let messages = ask(Shape::AnthropicMessages, Verb::Generate);
        for (case, method, path, workload, operation) in [
            (
                "openai sdk with a workload base url",
                Method::POST,
                "/w/support-chat/v1/chat/completions",
                Some("support-chat"),
                chat.clone(),
            ),
            (
                "openai sdk, workload named elsewhere",
                Method::POST,
                "/v1/chat/completions",
                None,
                chat,
            ),
            (
                "anthropic sdk with a workload base url",
                Method::POST,
                "/w/support-chat/v1/messages",
                Some("support-chat"),
                messages.clone(),
            ),
            (
                "anthropic sdk, workload named elsewhere",
                Method::POST,
                "/v1/messages",
                None,
                messages.clone(),
            ),
            (
                "anthropic sdk, counting tokens",
                Method::POST,
                "/w/support-chat/v1/messages/count_tokens",
                Some("support-chat"),
                ask(Shape::AnthropicMessages, Verb::CountTokens),
            ),
            (
                "openai sdk, responses",
                Method::POST,
                "/w/agent-runs/v1/responses",
                Some("agent-runs"),
                ask(Shape::OpenaiResponses, Verb::Generate),
            ),
            (
                "openai sdk, counting tokens",
                Method::POST,
                "/w/agent-runs/v1/responses/input_tokens",
                Some("agent-runs"),
                ask(Shape::OpenaiResponses, Verb::CountTokens),
            ),
            (
                "openai sdk, embeddings",
                Method::POST,
                "/v1/embeddings",
                None,
                ask(Shape::OpenaiEmbeddings, Verb::Generate),
            ),
            (
                "openai sdk, a stored response",
                Method::DELETE,
                "/w/agent-runs/v1/responses/resp_1",
                Some("agent-runs"),
                Operation::Stored(Stored {
                    method: Method::DELETE,
                    path: "resp_1",
                }),
            ),
            (
                "models of a workload",
                Method::GET,
                "/w/a/v1/models",
                Some("a"),
                Operation::ListModels,
            ),
            (
                "models",
                Method::GET,
                "/v1/models",
                None,
                Operation::ListModels,
            ),
            (
                "one model",
                Method::GET,
                "/v1/models/support-chat",
                None,
                Operation::ShowModel("support-chat"),
            ),
            (
                "one model of a workload, with a slash in its id",
                Method::GET,
                "/w/a/v1/models/org/m",
                Some("a"),
                Operation::ShowModel("org/m"),
            ),
            (
                "models, as google's sdk asks",
                Method::GET,
                "/w/a/v1beta/models",
                Some("a"),
                Operation::ListModels,
            ),
            (
                "one model, as google's sdk asks",
                Method::GET,
                "/v1beta/models/support-chat",
                None,
                Operation::ShowModel("support-chat"),
            ),
            (
                "google's sdk with a workload base url",
                Method::POST,
                "/w/a/v1beta/models/m:generateContent",
                Some("a"),
                gemini(Verb::Generate, "m"),
            ),
            (
                "google's sdk, stable version",
                Method::POST,
                "/v1/models/a:countTokens",
                None,
                gemini(Verb::CountTokens, "a"),
            ),
            (
                "google's rest stream",
                Method::POST,
                "/v1beta/models/a:streamGenerateContent",
                None,
                gemini(Verb::Stream(Framing::Array), "a"),
            ),
            (
                "encoded name",
                Method::POST,
                "/w/caf%C3%A9%20bar/v1/messages",
                Some("caf\u{e9} bar"),
                messages.clone(),
            ),
            (
                "encoded plain letters",
                Method::POST,
                "/w/%61b/v1/messages",
                Some("ab"),
                messages,
            ),
        ] {
            let endpoint = parse(&method, path, None).unwrap();
            assert_eq!(endpoint.workload.as_deref(), workload, "{case}");
            assert_eq!(endpoint.operation, operation, "{case}");
        }
    }

    #[test]
    fn other_request_lines_get_a_typed_refusal() {
        let post = PathError::Method { allow: "POST" };
        let get = PathError::Method { allow: "GET, HEAD" };
        for (case, method, path, error) in [
            ("root", Method::GET, "/", PathError::Unknown),
            ("a preflight", Method::OPTIONS, "/v1/messages", post),
            ("a preflight of a list", Method::OPTIONS, "/v1/models", get),
            ("only a head", Method::HEAD, "/v1/messages", post),
            ("empty", Method::GET, "", PathError::Unknown),
            ("asterisk", Method::OPTIONS, "*", PathError::Unknown),
            ("workload alone", Method::POST, "/w/a", PathError::Unknown),
            (
                "trailing slash",
                Method::POST,
                "/v1/messages/",
                PathError::Unknown,
            ),
            (
                "longer word",
                Method::POST,
                "/v1/messagesx",
                PathError::Unknown,
            ),
            (
                "no model id",
                Method::GET,
                "/v1/models/",
                PathError::Unknown,
            ),
            (
                "no workload name",
                Method::POST,
                "/w//v1/messages",
                PathError::Workload,
            ),
            (
                "encoded slash",
                Method::POST,
                "/w/a%2Fb/v1/messages",
                PathError::Workload,
            ),
            (
                "encoded line feed",
                Method::POST,
                "/w/a%0Ab/v1/messages",
                PathError::Workload,
            ),
            (
                "not utf-8",
                Method::POST,
                "/w/%FF/v1/messages",
                PathError::Workload,
            ),
            ("get a generation", Method::GET, "/v1/messages", post),
            (
                "get a count",
                Method::GET,
                "/v1/responses/input_tokens",
                post,
            ),
            (
                "get a cancelling",
                Method::GET,
                "/v1/responses/resp_1/cancel",
                post,
            ),
            (
                "change a response",
                Method::PUT,
                "/v1/responses/resp_1",
                PathError::Method {
                    allow: "GET, DELETE",
                },
            ),
            (
                "out of the responses",
                Method::GET,
                "/v1/responses/../files/f",
                PathError::Unknown,
            ),
            ("post a list", Method::POST, "/v1/models", get),
            (
                "another method of gemini",
                Method::POST,
                "/w/a/v1beta/models/m:embedContent",
                PathError::GeminiMethod,
            ),
            (
                "a tuned model of gemini",
                Method::POST,
                "/w/a/v1beta/tunedModels/m:generateContent",
                PathError::Unknown,
            ),
            ("gemini, no method", Method::POST, "/v1beta/models/m", get),
        ] {
            assert_eq!(parse(&method, path, None), Err(error), "{case}");
        }
    }

    #[test]
    fn what_of_a_query_goes_upstream_depends_on_the_family() {
        for (case, path, query, kept) in [
            ("openai keeps it", "/v1/responses", "key=a&b=1", "key=a&b=1"),
            (
                "gemini loses its key",
                "/v1beta/models/m:generateContent",
                "key=a&b=1",
                "b=1",
            ),
        ] {
            let endpoint = parse(&Method::POST, path, Some(query)).unwrap();
            assert_eq!(endpoint.query.as_deref(), Some(kept), "{case}");
        }
    }

    proptest! {
        #[test]
        fn any_path_is_answered(path in "(/w/a)?(/v1beta/models/)?[/a-z0-9%:.]{0,40}", query in "[a-z%&=0-9]{0,20}") {
            let _ = parse(&Method::POST, &path, Some(&query));
        }
    }
}
