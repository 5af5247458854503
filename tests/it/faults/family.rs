//! What a provider of each family sends: the small pieces that the faults are made of.

use backstop::wire::Shape;

/// Where the text of an answer goes.
const TEXT: &str = "TEXT";

/// How an answer is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// In one piece.
    Whole,
    /// As server-sent events.
    Stream,
}

impl Form {
    pub(crate) const ALL: [Self; 2] = [Self::Whole, Self::Stream];
}

/// The pieces of one family.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fixture {
    /// Below the workload's path.
    pub(crate) path: &'static str,
    /// The request for a whole answer.
    pub(crate) ask: &'static str,
    /// A whole answer.
    whole: &'static str,
    /// An error body: overloaded.
    pub(crate) overloaded: &'static str,
    /// An error body: too many requests.
    pub(crate) limited: &'static str,
    /// What only families with streams have.
    pub(crate) stream: Option<Stream>,
}

/// The pieces of a stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stream {
    /// Below the workload's path.
    pub(crate) path: &'static str,
    /// The request.
    pub(crate) ask: &'static str,
    /// Events before the first output.
    pub(crate) begin: &'static str,
    /// One event of output.
    output: &'static str,
    /// What follows the last output, with the end marker.
    pub(crate) end: &'static str,
    /// An error event: overloaded.
    pub(crate) error: &'static str,
    /// How an error event of the gateway's begins.
    pub(crate) own_error: &'static str,
}

impl Fixture {
    /// A whole answer with a text.
    pub(crate) fn whole(&self, text: &str) -> String {
        self.whole.replace(TEXT, text)
    }

    /// Below the workload's path.
    pub(crate) fn path(&self, form: Form) -> &'static str {
        match form {
            Form::Whole => self.path,
            Form::Stream => self.streamed().path,
        }
    }

    /// The request.
    pub(crate) fn ask(&self, form: Form) -> &'static str {
        match form {
            Form::Whole => self.ask,
            Form::Stream => self.streamed().ask,
        }
    }

    /// Of a family that has streams.
    pub(crate) fn streamed(&self) -> Stream {
        self.stream.expect("a family with streams")
    }
}

impl Stream {
    /// One event of output with a text.
    pub(crate) fn output(&self, text: &str) -> String {
        self.output.replace(TEXT, text)
    }

    /// A whole stream.
    pub(crate) fn all(&self, text: &str) -> String {
        [self.begin, &self.output(text), self.end].concat()
    }
}

/// The pieces of a shape.
pub(crate) const fn of(shape: Shape) -> Fixture {
    match shape {
        Shape::OpenaiChat => OPENAI_CHAT,
        Shape::OpenaiResponses => OPENAI_RESPONSES,
        Shape::OpenaiEmbeddings => OPENAI_EMBEDDINGS,
        Shape::AnthropicMessages => ANTHROPIC_MESSAGES,
        Shape::GeminiGenerate => GEMINI_GENERATE,
    }
}

const OPENAI_OVERLOADED: &str =
    r#"{"error":{"message":"busy","type":"server_error","code":"server_is_overloaded"}}"#;
const OPENAI_LIMITED: &str =
    r#"{"error":{"message":"slow","type":"requests","code":"rate_limit_exceeded"}}"#;

const OPENAI_CHAT: Fixture = Fixture {
    path: "/v1/chat/completions",
    ask: r#"{"model":"m","messages":[]}"#,
    whole: r#"{"id":"1","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"TEXT"},"finish_reason":"stop"}]}"#,
    overloaded: OPENAI_OVERLOADED,
    limited: OPENAI_LIMITED,
    stream: Some(Stream {
        path: "/v1/chat/completions",
        ask: r#"{"model":"m","stream":true,"messages":[]}"#,
        begin: "data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n",
        output: "data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"TEXT\"}}]}\n\n",
        end: "data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
        error: "data: {\"error\":{\"message\":\"busy\",\"type\":\"server_error\",\"code\":\"server_is_overloaded\"}}\n\n",
        own_error: "data: {\"error\":",
    }),
};

const OPENAI_RESPONSES: Fixture = Fixture {
    path: "/v1/responses",
    ask: r#"{"model":"m","input":"hi"}"#,
    whole: r#"{"id":"r","object":"response","model":"m","status":"completed","error":null,"output":[{"type":"message","role":"assistant","content":[{"type":"output_text","text":"TEXT","annotations":[]}]}]}"#,
    overloaded: OPENAI_OVERLOADED,
    limited: OPENAI_LIMITED,
    stream: Some(Stream {
        path: "/v1/responses",
        ask: r#"{"model":"m","stream":true,"input":"hi"}"#,
        begin: "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"status\":\"in_progress\",\"error\":null,\"output\":[]},\"sequence_number\":0}\n\nevent: response.output_item.added\ndata: {\"type\":\"response.output_item.added\",\"output_index\":0,\"item\":{\"type\":\"message\",\"role\":\"assistant\",\"content\":[]},\"sequence_number\":1}\n\n",
        output: "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"output_index\":0,\"delta\":\"TEXT\",\"sequence_number\":2}\n\n",
        end: "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\",\"error\":null,\"output\":[{\"type\":\"message\"}]},\"sequence_number\":3}\n\n",
        error: "event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{\"status\":\"failed\",\"error\":{\"code\":\"server_error\",\"message\":\"sorry\"},\"output\":[]},\"sequence_number\":3}\n\n",
        own_error: "event: error\ndata: {",
    }),
};

const OPENAI_EMBEDDINGS: Fixture = Fixture {
    path: "/v1/embeddings",
    ask: r#"{"model":"m","input":"hi"}"#,
    whole: r#"{"object":"list","model":"m","data":[{"object":"embedding","index":0,"embedding":"TEXT"}],"usage":{"prompt_tokens":1,"total_tokens":1}}"#,
    overloaded: OPENAI_OVERLOADED,
    limited: OPENAI_LIMITED,
    stream: None,
};

const ANTHROPIC_MESSAGES: Fixture = Fixture {
    path: "/v1/messages",
    ask: r#"{"model":"m","max_tokens":9,"messages":[]}"#,
    whole: r#"{"id":"m","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"TEXT"}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1}}"#,
    overloaded: r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
    limited: r#"{"type":"error","error":{"type":"rate_limit_error","message":"Slow"}}"#,
    stream: Some(Stream {
        path: "/v1/messages",
        ask: r#"{"model":"m","max_tokens":9,"stream":true,"messages":[]}"#,
        begin: "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[],\"model\":\"m\",\"stop_reason\":null,\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
        output: "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"TEXT\"}}\n\n",
        end: "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":4}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
        error: "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n",
        own_error: "event: error\ndata: {",
    }),
};

const GEMINI_GENERATE: Fixture = Fixture {
    path: "/v1beta/models/m:generateContent",
    ask: r#"{"contents":[]}"#,
    whole: r#"{"candidates":[{"content":{"parts":[{"text":"TEXT"}],"role":"model"},"finishReason":"STOP","index":0}],"modelVersion":"m"}"#,
    overloaded: r#"{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}"#,
    limited: r#"{"error":{"code":429,"message":"slow","status":"RESOURCE_EXHAUSTED"}}"#,
    stream: Some(Stream {
        path: "/v1beta/models/m:streamGenerateContent?alt=sse",
        ask: r#"{"contents":[],"generationConfig":{}}"#,
        begin: "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\"}],\"role\":\"model\"},\"index\":0}],\"modelVersion\":\"m\"}\r\n\r\n",
        output: "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"TEXT\"}],\"role\":\"model\"},\"index\":0}]}\r\n\r\n",
        end: "data: {\"candidates\":[{\"finishReason\":\"STOP\",\"index\":0}],\"usageMetadata\":{\"totalTokenCount\":4}}\r\n\r\n",
        error: "data: {\"error\":{\"code\":503,\"message\":\"busy\",\"status\":\"UNAVAILABLE\"}}\r\n\r\n",
        own_error: "data: {\"error\":",
    }),
};
