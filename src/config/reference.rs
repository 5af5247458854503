//! Every key of `backstop.toml`, with its default and meaning: the one list that the reader, the defaults,
//! the "did you mean" and the printed reference come from. A key that is not here is not accepted.

use std::fmt::Write as _;

/// A table of the file.
#[derive(Debug)]
pub(super) struct Section {
    /// As written in the file; `*` stands for a name.
    pub(super) path: &'static str,
    /// What it is for.
    pub(super) about: &'static str,
    /// What may stand in it.
    pub(super) keys: &'static [Key],
}

/// A key of a table.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    /// The kind of value, for people.
    pub(super) kind: &'static str,
    pub(super) default: Absent,
    /// What it does.
    pub(super) about: &'static str,
}

/// What happens when a key is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Absent {
    /// That is an error.
    Required,
    /// This value, read like one from the file.
    Value(&'static str),
    /// Something that depends on other things, in words.
    Told(&'static str),
}

const fn key(name: &'static str, kind: &'static str, default: Absent, about: &'static str) -> Key {
    Key {
        name,
        kind,
        default,
        about,
    }
}

impl Section {
    /// The default text of a key, where it has one.
    pub(super) fn default(&self, name: &str) -> Option<&'static str> {
        let key = self.keys.iter().find(|key| key.name == name)?;
        match key.default {
            Absent::Value(text) => Some(text),
            Absent::Required | Absent::Told(_) => None,
        }
    }
}

use Absent::{Required, Told, Value};

pub(super) static ROOT: Section = Section {
    path: "",
    about: "The top of the file.",
    keys: &[
        key("schema", "number", Required, "Version of this format: `1`."),
        key(
            "environment",
            "table",
            Told("see below"),
            "Where the file is in force.",
        ),
        key(
            "store",
            "table",
            Told("see below"),
            "Where state lives and how long.",
        ),
        key(
            "gateway",
            "table",
            Told("see below"),
            "How the gateway listens.",
        ),
        key(
            "providers",
            "tables",
            Told("none"),
            "Who serves models, by name.",
        ),
        key(
            "routes",
            "tables",
            Told("none"),
            "What can serve a request, by name.",
        ),
        key(
            "workloads",
            "tables",
            Required,
            "What clients call, by name; at least one.",
        ),
    ],
};

pub(super) static ENVIRONMENT: Section = Section {
    path: "environment",
    about: "Where the file is in force, and how loudly the console says so.",
    keys: &[
        key(
            "name",
            "text",
            Value("default"),
            "Shown in the console, for instance `prod/eu-1`.",
        ),
        key(
            "production",
            "flag",
            Value("false"),
            "The console wears the production accent and starts in OBSERVE.",
        ),
    ],
};

pub(super) static STORE: Section = Section {
    path: "store",
    about: "Where overrides, events and audit live. A change needs a restart.",
    keys: &[
        key(
            "url",
            "text",
            Told("`sqlite:` in `$XDG_STATE_HOME/backstop`"),
            "`sqlite:DIRECTORY`, relative to this file.",
        ),
        key(
            "retain_events",
            "duration",
            Value("30d"),
            "Events older than this are removed.",
        ),
        key(
            "retain_audit",
            "duration",
            Value("400d"),
            "Audit records older than this are removed.",
        ),
    ],
};

pub(super) static GATEWAY: Section = Section {
    path: "gateway",
    about: "How the gateway listens. A change of `listen` or `workers` needs a restart.",
    keys: &[
        key(
            "listen",
            "address",
            Value("127.0.0.1:8080"),
            "Loopback only: requests carry no client key yet. Port 0 takes a free one.",
        ),
        key(
            "workers",
            "number",
            Value("0"),
            "Threads; 0: one per processor.",
        ),
        key(
            "max_body",
            "size",
            Value("32MiB"),
            "The largest request body.",
        ),
        key(
            "drain",
            "duration",
            Value("30s"),
            "How long an ending gateway waits for running requests.",
        ),
    ],
};

pub(super) static PROVIDER: Section = Section {
    path: "providers.*",
    about: "What routes of one provider share.",
    keys: &[
        key(
            "base_url",
            "URL",
            Required,
            "Scheme, host, port and path prefix; `https` unless loopback. A last `/v1` is dropped.",
        ),
        key(
            "family",
            "family",
            Required,
            "The wire shape: `openai-chat`, `openai-responses`, `openai-embeddings`, `anthropic-messages` or `gemini-generate`.",
        ),
        key(
            "key",
            "key",
            Told("the routes' own"),
            "Where the credential is.",
        ),
        key(
            "boundary",
            "boundary",
            Told("unknown"),
            "Who pays, where, under which regime.",
        ),
    ],
};

pub(super) static KEY: Section = Section {
    path: "providers.*.key",
    about: "Where a credential is; exactly one of these. Never the credential itself. Also `routes.*.key`.",
    keys: &[
        key(
            "env",
            "text",
            Told("-"),
            "A variable of the gateway's environment.",
        ),
        key(
            "file",
            "path",
            Told("-"),
            "A file that only the gateway's user can read, relative to this file.",
        ),
        key(
            "credential",
            "text",
            Told("-"),
            "A file in `$CREDENTIALS_DIRECTORY` (systemd `LoadCredential=`).",
        ),
        key(
            "none",
            "flag",
            Told("-"),
            "`true`: the provider wants none.",
        ),
    ],
};

pub(super) static BOUNDARY: Section = Section {
    path: "providers.*.boundary",
    about: "Tags that a fallback may not change unless its workload says so. Also `routes.*.boundary`. \
            An absent tag differs from a present one.",
    keys: &[
        key("billing", "text", Told("unknown"), "Who pays."),
        key(
            "region",
            "text",
            Told("unknown"),
            "Where data is processed.",
        ),
        key("compliance", "text", Told("unknown"), "Under which regime."),
    ],
};

pub(super) static ROUTE: Section = Section {
    path: "routes.*",
    about: "Provider, endpoint, model, credential and boundary that move together.",
    keys: &[
        key("provider", "name", Required, "One of `[providers]`."),
        key(
            "model",
            "text",
            Required,
            "The provider's name of the model.",
        ),
        key(
            "capabilities",
            "list",
            Told("none"),
            "What it can honour: `streaming`, `tools`, `json-schema`, `vision`, `logprobs`, `cache-control`, `reasoning`, `audio`.",
        ),
        key(
            "context_tokens",
            "number",
            Told("unknown"),
            "Context window.",
        ),
        key(
            "capacity_rps",
            "number",
            Told("unknown"),
            "Requests per second it may carry; headroom is counted against it.",
        ),
        key(
            "base_url",
            "URL",
            Told("the provider's"),
            "As in the provider.",
        ),
        key(
            "family",
            "family",
            Told("the provider's"),
            "As in the provider.",
        ),
        key("key", "key", Told("the provider's"), "As in the provider."),
        key(
            "boundary",
            "boundary",
            Told("the provider's"),
            "As in the provider; replaces it whole.",
        ),
    ],
};

pub(super) static WORKLOAD: Section = Section {
    path: "workloads.*",
    about: "A named use of models with its own fallback policy. Its family is that of its primary.",
    keys: &[
        key("description", "text", Value(""), "One line for operators."),
        key("owner", "text", Told("nobody"), "Who to ask."),
        key(
            "primary",
            "name",
            Required,
            "The route that serves normally.",
        ),
        key(
            "fallback",
            "name",
            Told("no fallback by policy"),
            "The route that may serve instead; same family.",
        ),
        key(
            "mode",
            "mode",
            Value("auto"),
            "`auto`: falls back on a trigger; `hold`: primary only; `force`: fallback only.",
        ),
        key(
            "tier",
            "tier",
            Value("standard"),
            "`standard`, or `paid`: never replaced without a notice.",
        ),
        key(
            "user_visible",
            "flag",
            Value("false"),
            "Whether people see the output.",
        ),
        key(
            "triggers",
            "list",
            Told("`server-error`, `overloaded`, `timeout`, `unreachable`, `broken-response`"),
            "The error classes that may cause a fallback. Further: `rate-limited` (after backoff); `forbidden`, `quota-exhausted` (with `justify`).",
        ),
        key(
            "justify",
            "table",
            Told("none"),
            "The written reason for each trigger that needs one.",
        ),
        key(
            "timeouts",
            "table",
            Told("see below"),
            "The clocks of an attempt.",
        ),
        key(
            "backoff",
            "table",
            Told("see below"),
            "What a rate limit is answered with first.",
        ),
        key(
            "max_attempts",
            "number",
            Value("4"),
            "The most attempts one request may cost, the client's own retries counted.",
        ),
        key(
            "retry_share",
            "number",
            Value("1.0"),
            "Fallbacks and retries as a share of requests, 0.0 to 1.0; 1.0: no limit.",
        ),
        key(
            "notice",
            "table",
            Told("none is given"),
            "The degraded-mode notice.",
        ),
        key(
            "may_cross",
            "list",
            Told("none"),
            "Boundaries that a fallback may cross: `billing`, `region`, `compliance`.",
        ),
        key(
            "on_log_failure",
            "choice",
            Value("refuse"),
            "When an event cannot be made durable: `refuse` the fallback, or `serve` it marked.",
        ),
        key(
            "samples",
            "list",
            Told("none"),
            "Request bodies that stand for its traffic.",
        ),
    ],
};

pub(super) static JUSTIFY: Section = Section {
    path: "workloads.*.justify",
    about: "Why an error class that another model seldom cures may cause a fallback.",
    keys: &[
        key(
            "forbidden",
            "text",
            Told("-"),
            "Reason for the trigger `forbidden` (403).",
        ),
        key(
            "quota-exhausted",
            "text",
            Told("-"),
            "Reason for the trigger `quota-exhausted`.",
        ),
    ],
};

pub(super) static TIMEOUTS: Section = Section {
    path: "workloads.*.timeouts",
    about: "Each runs from the start of an attempt, but `idle`.",
    keys: &[
        key(
            "headers",
            "duration",
            Told("10s, at most `total`"),
            "Until the response head.",
        ),
        key(
            "first_output",
            "duration",
            Told("15s, at least `headers`, at most `total`"),
            "Until the first output of a stream.",
        ),
        key(
            "idle",
            "duration",
            Told("20s, at most `total`"),
            "Between two chunks.",
        ),
        key(
            "total",
            "duration",
            Value("120s"),
            "Until the end of the answer.",
        ),
    ],
};

pub(super) static BACKOFF: Section = Section {
    path: "workloads.*.backoff",
    about: "Retries on the primary after a rate limit. A provider's Retry-After is honoured up to `max_wait`.",
    keys: &[
        key("retries", "number", Value("2"), "0: none."),
        key(
            "initial",
            "duration",
            Value("500ms"),
            "The first wait; doubles after each.",
        ),
        key(
            "max_wait",
            "duration",
            Value("5s"),
            "The longest single wait.",
        ),
    ],
};

pub(super) static NOTICE: Section = Section {
    path: "workloads.*.notice",
    about: "Tells the caller that a fallback served the answer.",
    keys: &[
        key("text", "text", Required, "What users may read; one line."),
        key(
            "style",
            "style",
            Value("header"),
            "`header`, or `inline`: also as the first text of the answer.",
        ),
        key(
            "enabled",
            "flag",
            Value("true"),
            "Given unless an operator says otherwise.",
        ),
        key(
            "required",
            "flag",
            Value("false"),
            "A fallback without it is refused.",
        ),
    ],
};

pub(super) static SAMPLE: Section = Section {
    path: "workloads.*.samples",
    about: "A list of tables.",
    keys: &[
        key(
            "class",
            "class",
            Required,
            "`chat`, `json`, `tools`, `vision`, `long`, `code` or `embeddings`.",
        ),
        key(
            "file",
            "path",
            Required,
            "A JSON request body beside this file, in its directory.",
        ),
    ],
};

/// In the order of the printed reference.
pub(super) static SECTIONS: [&Section; 14] = [
    &ROOT,
    &ENVIRONMENT,
    &STORE,
    &GATEWAY,
    &PROVIDER,
    &KEY,
    &BOUNDARY,
    &ROUTE,
    &WORKLOAD,
    &JUSTIFY,
    &TIMEOUTS,
    &BACKOFF,
    &NOTICE,
    &SAMPLE,
];

/// The configuration reference as Markdown: one table for each table of the file.
#[must_use]
pub fn reference() -> String {
    let mut text = String::new();
    for section in SECTIONS {
        let title = match section.path {
            "" => "Top of the file".to_owned(),
            path => format!("`[{path}]`"),
        };
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "#### {title}\n\n{}\n\n| key | value | default | meaning |\n| --- | --- | --- | --- |\n",
            section.about
        );
        for key in section.keys {
            let default = match key.default {
                Required => "**required**".to_owned(),
                Value("") => "empty".to_owned(),
                Value(value) => format!("`{value}`"),
                Told(words) => words.to_owned(),
            };
            let _ = writeln!(
                text,
                "| `{}` | {} | {default} | {} |",
                key.name, key.kind, key.about
            );
        }
        text.push('\n');
    }
    text
}
