//! A route as probes ask it: address, headers, and a body with the route's model in it.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Uri, header};

use super::ProbeError;
use crate::{
    model::{Route, Sample, Secret},
    wire::{
        Call, Framing, RouteHead, Shape, Verb,
        request::{self, ScanError},
        upstream::Origin,
    },
};

/// How a probe names itself to the provider.
const USER_AGENT: &str = concat!("backstop/", env!("CARGO_PKG_VERSION"), " (probe)");

/// A route, ready to be asked.
pub(super) struct Target {
    pub(super) shape: Shape,
    pub(super) head: RouteHead,
    pub(super) origin: Origin,
    /// What no result may repeat.
    pub(super) credential: Option<Secret>,
}

/// One request, ready to be sent.
pub(super) struct Question {
    pub(super) method: Method,
    /// Absolute.
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) call: Call,
    /// An answer in events is expected.
    pub(super) stream: bool,
}

impl Target {
    pub(super) fn new(route: &Route) -> Result<Self, ProbeError> {
        let head = RouteHead::new(route)?;
        let origin =
            Origin::new(head.scheme(), head.authority()).map_err(|error| ProbeError::Origin {
                route: route.name.clone(),
                error,
            })?;
        Ok(Self {
            shape: Shape::of(route.family),
            head,
            origin,
            credential: route.credential.clone(),
        })
    }

    /// A sample's body, ready to be sent.
    pub(super) fn question(&self, body: &Bytes, sample: &Sample) -> Result<Question, ProbeError> {
        self.fill(call(self.shape, sample).verb, body)
            .map_err(|error| ProbeError::Unfit {
                sample: sample.id.clone(),
                error,
            })
    }

    /// A body as a client would send it, with the route's model in the place of its own.
    pub(super) fn fill(&self, verb: Verb, body: &Bytes) -> Result<Question, ScanError> {
        let client = client_headers();
        let call = Call {
            shape: self.shape,
            verb,
        };
        let scan = request::scan(call, &client, body)?;
        let body = match &scan.model {
            Some(place) => {
                let slices = request::with_model(body, place, self.head.model().clone());
                Bytes::from(slices.concat())
            }
            None => body.clone(),
        };
        Ok(Question {
            method: Method::POST,
            uri: self.uri(verb),
            headers: self.head.headers(&client),
            body,
            call,
            stream: scan.facts.stream,
        })
    }

    /// Asks for the provider's list of models.
    pub(super) fn models(&self, uri: Uri) -> Question {
        let mut headers = self.head.headers(&client_headers());
        headers.remove(header::CONTENT_TYPE);
        Question {
            method: Method::GET,
            uri,
            headers,
            body: Bytes::new(),
            call: self.shape.into(),
            stream: false,
        }
    }

    /// Where a call goes. Without a query there is nothing in it that could be refused.
    pub(super) fn uri(&self, verb: Verb) -> Uri {
        self.head.uri(verb, None).unwrap_or_default()
    }
}

/// What a sample asks for.
pub(super) fn call(shape: Shape, sample: &Sample) -> Call {
    let verb = match shape {
        Shape::GeminiGenerate if sample.stream => Verb::Stream(Framing::Events),
        Shape::OpenaiChat
        | Shape::OpenaiResponses
        | Shape::OpenaiEmbeddings
        | Shape::AnthropicMessages
        | Shape::GeminiGenerate => Verb::Generate,
    };
    Call { shape, verb }
}

fn client_headers() -> HeaderMap {
    HeaderMap::from_iter([
        (header::USER_AGENT, HeaderValue::from_static(USER_AGENT)),
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        ),
    ])
}
