//! The keys themselves. A text of more than one line would not fit a table, so there is none.

use super::{
    Absent::{Required, Told, Value},
    Key, Section,
};

/// One table of the file: `NAME = path, about; key: kind, default, about; ...`.
macro_rules! section {
    ($name:ident = $path:literal, $section:literal; $($key:literal: $kind:literal, $default:expr, $about:literal;)+) => {
        pub(in crate::config) static $name: Section = Section {
            path: $path,
            about: $section,
            keys: &[$(Key { name: $key, kind: $kind, default: $default, about: $about }),+],
        };
    };
}

section! {
    ROOT = "", "A number, and the tables described below.";
    "schema": "number", Required, "Version of this format: `1`.";
    "environment": "table", Told("see below"), "Where the file is in force.";
    "store": "table", Told("see below"), "Where state lives and how long.";
    "gateway": "table", Told("see below"), "How the gateway listens.";
    "probe": "table", Told("see below"), "How often routes are probed, and what that may cost.";
    "providers": "tables", Told("none"), "Who serves models, by name.";
    "routes": "tables", Told("none"), "What can serve a request, by name.";
    "clients": "tables", Told("whoever reaches the listener"), "Who may call, by name. With one of them every request needs a key.";
    "workloads": "tables", Required, "What clients call, by name; at least one.";
}

section! {
    ENVIRONMENT = "environment", "Where the file is in force, and how loudly the console says so.";
    "name": "text", Value("default"), "Shown in the console, for instance `prod/eu-1`.";
    "production": "flag", Value("false"), "The console wears the production accent and starts in OBSERVE.";
}

section! {
    STORE = "store", "Where overrides, events and audit live. A change of where they live needs a restart.";
    "url": "text", Told("`sqlite:` in `$XDG_STATE_HOME/backstop`"),
        "`sqlite:DIRECTORY`, relative to this file, for one host; `nats://HOST:4222,HOST:4222,HOST:4222` for many (`tls://` where the servers want TLS).";
    "view": "path", Told("`$XDG_STATE_HOME/backstop/PREFIX`"),
        "With `nats:` the directory in which this host keeps the overrides that it saw last, and events that the cluster has not taken yet; relative to this file.";
    "prefix": "text", Value("backstop"), "With `nats:` what the names of streams and subjects begin with; fleets that share a cluster have different ones.";
    "login": "table", Told("nobody"), "With `nats:` who this process is to the cluster.";
    "tls": "table", Told("the system's authorities"), "With `nats:` whom to trust, and one's own certificate.";
    "retain_events": "duration", Value("30d"), "Events older than this are removed.";
    "retain_audit": "duration", Value("400d"), "Audit records older than this are removed; so are reviews, but the newest of each workload.";
    "retain_reviews": "duration", Value("90d"),
        "The answers in reviews older than this are removed, but not before they are too old to count (`max_age`); verdicts and notes stay.";
}

section! {
    STORE_LOGIN = "store.login", "Who this process is to a NATS cluster. What it may do there is the cluster's to say: operators who may only read have a login of their own.";
    "with": "choice", Required, "`credentials` (the file of a JWT and its nkey), `nkey` (its seed), `password` or `token`.";
    "user": "text", Told("-"), "The user, for `password`.";
    "key": "key", Required, "Where the secret is, as in `providers.*.key`.";
}

section! {
    STORE_TLS = "store.tls", "PEM files, relative to this file, for a NATS cluster.";
    "authorities": "path", Told("the system's"), "Authorities to trust beside those of the system.";
    "certificate": "path", Told("-"), "One's own certificate, where the servers want one.";
    "key": "path", Told("-"), "Its private key.";
}

section! {
    GATEWAY = "gateway", "How the gateway listens. A change of `listen` or `workers`, or between HTTP and HTTPS, needs a restart.";
    "listen": "address", Value("127.0.0.1:8080"),
        "Beyond loopback it needs `[clients]`, and `tls` or `plaintext`. Port 0 takes a free one.";
    "region": "name", Told("none"),
        "The region of the gateways that read this file: an override can name it as its scope. `serve --region` (`BACKSTOP_REGION`) says it instead where hosts of several regions share one file.";
    "plaintext": "flag", Value("false"),
        "Beyond loopback: `true` says that something in front does TLS, or that keys and prompts may cross the network unencrypted.";
    "workers": "number", Value("0"), "Threads; 0: one per processor.";
    "max_body": "size", Value("32MiB"), "The largest request body.";
    "max_body_memory": "size", Value("512MiB"),
        "Bodies that are held at the same time, each until its answer begins; a request that finds no room gets 503 before it is read. At least `max_body`.";
    "max_connections": "number", Value("16384"), "Connections of clients at the same time; more are refused at once.";
    "max_requests": "number", Value("16384"), "Requests that run at the same time; one more gets 503 at once. Nothing is queued, so those that run keep their pace.";
    "idle": "duration", Value("75s"), "How long a connection may stand idle, or take for a request head.";
    "pause": "duration", Value("60s"),
        "How long a client may pause within a request body, or take nothing of its answer. A body must also come at 32 KiB/s on average.";
    "tls": "table", Told("plain HTTP"), "The listener's certificate: HTTPS, with HTTP/2.";
    "drain": "duration", Value("30s"), "How long an ending gateway waits for running requests.";
    "without_store": "choice", Value("serve"),
        "What it does when the store cannot be opened at the start. `serve`: it starts, with an alarm, as configured and without a switch; an event cannot be written, so each workload's `on_log_failure` decides; it goes on trying. `refuse`: it does not start.";
}

section! {
    PROBE = "probe", "One gateway of all probes the routes that workloads use: with their samples, and rung by rung. Traffic that flows is proof enough: only silent routes are asked, and those that are paused.";
    "active": "flag", Value("true"), "`false`: nothing is sent by itself; `backstop probe` still can.";
    "interval": "duration", Value("10m"), "How often a silent route is asked with each sample.";
    "paused_interval": "duration", Value("1m"), "The same where the circuit is open or the last probe failed.";
    "fresh": "duration", Value("30m"), "How long a proof holds; then the workload reads `stale`.";
    "at_once": "number", Value("4"), "Probes that run at the same time.";
    "requests_per_hour": "number", Value("600"), "Of all routes; beyond it probes wait for the next hour.";
    "cost_per_day": "number", Value("1.0"), "Of all routes with a price, within 24 hours, in their currency.";
}

section! {
    TLS = "gateway.tls", "PEM files, relative to this file. New content is taken within seconds and without a restart; what cannot be used is refused, told in `/readyz` and the log, and the old certificate stays.";
    "certificate": "path", Required, "The certificate, then those that lead to its root.";
    "key": "path", Required, "Its private key; only the gateway's user may read it.";
}

section! {
    CLIENT = "clients.*", "Who may call. `backstop key new NAME` makes a key and prints these lines; only the hash stands here, so this file may be in version control. A change comes into force without a restart.";
    "workloads": "list", Required, "What it may call: names of workloads, or `[\"*\"]` for every one. Others do not exist for it.";
    "keys": "list", Required, "A list of tables; any of these keys is accepted, so that an old and a new one can overlap.";
    "metrics": "flag", Value("false"), "Whether it may read `/metrics` and the details of `/readyz`.";
}

section! {
    CLIENT_KEY = "clients.*.keys", "A list of tables.";
    "sha256": "hash", Required, "The hash that `backstop key new` prints; of a key at hand: `backstop key check`.";
    "expires": "moment", Told("never"), "From then on it is refused: `2027-01-31` (its first second, UTC) or `2027-01-31T18:00:00Z`.";
}

section! {
    PROVIDER = "providers.*", "What routes of one provider share.";
    "base_url": "URL", Required,
        "As an SDK takes it, version included (`https://api.example.com/openai/v1`); a bare host may go without. `https` unless loopback.";
    "family": "family", Required,
        "The wire shape: `openai-chat`, `openai-responses`, `openai-embeddings`, `anthropic-messages` or `gemini-generate`.";
    "key": "key", Told("the routes' own"), "Where the credential is.";
    "boundary": "boundary", Told("unknown"), "Who pays, where, under which regime.";
}

section! {
    KEY = "providers.*.key", "Where a credential is; exactly one of these. Never the credential itself. Also `routes.*.key` and `store.login.key`.";
    "env": "text", Told("-"), "A variable of the gateway's environment.";
    "file": "path", Told("-"), "A file that only the gateway's user can read, relative to this file.";
    "credential": "text", Told("-"), "A file in `$CREDENTIALS_DIRECTORY` (systemd `LoadCredential=`).";
    "none": "flag", Told("-"), "`true`: the provider wants none.";
}

section! {
    BOUNDARY = "providers.*.boundary", "Tags that a fallback may not change unless its workload says so. Also `routes.*.boundary`. An absent tag differs from a present one.";
    "billing": "text", Told("unknown"), "Who pays.";
    "region": "text", Told("unknown"), "Where data is processed.";
    "compliance": "text", Told("unknown"), "Under which regime.";
}

section! {
    ROUTE = "routes.*", "Provider, endpoint, model, credential and boundary that move together.";
    "provider": "name", Required, "One of `[providers]`.";
    "model": "text", Required, "The provider's name of the model.";
    "capabilities": "list", Told("none"),
        "What it can honour: `streaming`, `tools`, `json-schema`, `vision`, `logprobs`, `cache-control`, `reasoning`, `audio`, `provider-state`, `dimensions`, `token-input`, `forced-tools`, `strict-tools`, `parallel-tools`, `signed-reasoning`.";
    "context_tokens": "number", Told("unknown"), "Context window.";
    "capacity_rps": "number", Told("unknown"), "Requests per second it may carry; headroom is counted against it.";
    "max_concurrent": "number", Told("no limit"),
        "Requests that one gateway may run on it at the same time. One more is not queued: a fallback serves it where `overloaded` is a trigger, else 503.";
    "workloads": "list", Told("every one"), "The workloads that may use it; others are refused.";
    "circuit": "flag", Value("true"), "Whether it is paused while it keeps failing; `false`: it is asked every time.";
    "serves": "list", Told("by vendor and model"), "Patterns (`*`) of the names by which answers may call the model; any other name is a fallback that the provider made.";
    "price": "table", Told("unknown"), "What its tokens cost.";
    "probes_per_hour": "number", Told("the whole of `probe.requests_per_hour`"), "Its own limit within that.";
    "probe_cost_per_day": "number", Told("the whole of `probe.cost_per_day`"), "Its own limit within that.";
    "base_url": "URL", Told("the provider's"), "As in the provider.";
    "family": "family", Told("the provider's"), "As in the provider.";
    "key": "key", Told("the provider's"), "As in the provider.";
    "boundary": "boundary", Told("the provider's"), "As in the provider; replaces it whole.";
}

section! {
    PRICE = "routes.*.price", "For a million tokens; probes say and sum up what they cost.";
    "input": "number", Required, "Of the request.";
    "output": "number", Told("0"), "Of the answer, reasoning included.";
    "currency": "text", Value("USD"), "In what.";
}

section! {
    WORKLOAD = "workloads.*", "A named use of models with its own fallback policy. Its family is that of its primary.";
    "description": "text", Value(""), "One line for operators.";
    "owner": "text", Told("nobody"), "Who to ask.";
    "primary": "name", Required, "The route that serves normally.";
    "fallback": "name", Told("no fallback by policy"), "The route that may serve instead; same family.";
    "mode": "mode", Value("auto"), "`auto`: falls back on a trigger; `hold`: primary only; `force`: fallback only.";
    "tier": "tier", Value("standard"), "`standard`, or `paid`: never replaced without a notice.";
    "user_visible": "flag", Value("false"), "Whether people see the output.";
    "triggers": "list", Told("`server-error`, `overloaded`, `timeout`, `unreachable`, `broken-response`"),
        "The error classes that may cause a fallback. Further: `rate-limited` (after backoff); `forbidden`, `quota-exhausted` (with `justify`).";
    "justify": "table", Told("none"), "The written reason for each trigger that needs one.";
    "timeouts": "table", Told("see below"), "The clocks of an attempt.";
    "backoff": "table", Told("see below"), "What a rate limit is answered with first.";
    "max_attempts": "number", Value("4"), "The most attempts one request may cost, the client's own retries counted.";
    "retry_share": "number", Value("1.0"), "Fallbacks and retries as a share of requests, 0.0 to 1.0; 1.0: no limit.";
    "notice": "table", Told("none is given"), "The degraded-mode notice.";
    "may_cross": "list", Told("none"), "Boundaries that a fallback may cross: `billing`, `region`, `compliance`.";
    "may_change_vectors": "text", Told("it may not"),
        "Embeddings only: the written reason why a fallback with another `model` may serve. Its vectors mean nothing beside the primary's.";
    "on_log_failure": "choice", Value("refuse"),
        "When an event cannot be made durable: `refuse` the fallback, or `serve` it marked.";
    "all_down": "rule", Value("primary"),
        "When every route that may serve is paused by its circuit: ask the `primary` all the same, or `refuse` at once (503 with Retry-After).";
    "capture": "capture", Value("off"),
        "`redacted`: gateways keep a few of its request bodies for a day, redacted, for `samples add --from-traffic`; `off`: none.";
    "review": "table", Told("see below"), "What people must have said of the fallback's output before an operator arms or forces it.";
    "samples": "list", Told("none"), "Request bodies that stand for its traffic.";
}

section! {
    REVIEW = "workloads.*.review", "The gate in front of `auto` and `force`. A review counts for the routes, models, samples and checks that were compared; when one of them changes, it is stale. What is in use already is never switched by it.";
    "required": "flag", Told("`user_visible`"), "Whether arming or forcing the fallback needs one; without it only break-glass does it.";
    "max_age": "duration", Value("30d"), "How long one holds.";
    "min_samples": "number", Value("5"), "How many samples must have been judged.";
    "at_least": "share", Value("same-or-better 80 %"), "On how many of them the fallback must be as good or better; also a whole number of percent. One verdict `unsafe` forbids it whatever the share.";
}

section! {
    JUSTIFY = "workloads.*.justify", "Why an error class that another model seldom cures may cause a fallback.";
    "forbidden": "text", Told("-"), "Reason for the trigger `forbidden` (403).";
    "quota-exhausted": "text", Told("-"), "Reason for the trigger `quota-exhausted`.";
}

section! {
    TIMEOUTS = "workloads.*.timeouts", "Each runs from the start of an attempt, but `idle`.";
    "headers": "duration", Told("10s, at most `total`"), "Until the response head.";
    "first_output": "duration", Told("15s, at least `headers`, at most `total`"),
        "Until the first output of a stream.";
    "idle": "duration", Told("20s, at most `total`"), "Between two chunks.";
    "total": "duration", Value("120s"), "Until the end of the answer.";
}

section! {
    BACKOFF = "workloads.*.backoff", "Retries on the primary after a rate limit. A provider's Retry-After is honoured up to `max_wait`.";
    "retries": "number", Value("2"), "0: none.";
    "initial": "duration", Value("500ms"), "The first wait; doubles after each.";
    "max_wait": "duration", Value("5s"), "The longest single wait.";
}

section! {
    NOTICE = "workloads.*.notice", "Tells the caller that a fallback served the answer.";
    "text": "text", Required, "What users may read; one line.";
    "style": "style", Value("header"), "`header`, or `inline`: also as the first text of the answer.";
    "enabled": "flag", Value("true"), "Given unless an operator says otherwise.";
    "required": "flag", Value("false"), "A fallback without it is refused.";
}

section! {
    SAMPLE = "workloads.*.samples", "A list of tables: `[[workloads.NAME.samples]]`. Probes send them to both routes.";
    "name": "name", Told("the file's, without `.json`"), "Unique in its workload; its id is `WORKLOAD/NAME`.";
    "class": "class", Required, "`chat`, `json`, `tools`, `vision`, `long`, `code` or `embeddings`.";
    "file": "path", Required, "A JSON request body beside this file, in its directory.";
    "stream": "flag", Value("true"), "Only for `gemini-generate`: ask for a stream. In other families the body says it.";
    "checks": "table", Told("it is an answer, and no refusal"), "What a good answer is.";
}

section! {
    CHECKS = "workloads.*.samples.checks", "What a good answer is; all must hold.";
    "schema": "path", Told("-"), "The text is JSON that this JSON schema accepts; a file beside this one.";
    "contains": "list", Told("-"), "The text contains each of these, in any case.";
    "matches": "list", Told("-"), "The text matches each of these regular expressions.";
    "tools": "list", Told("-"), "Each of these tools is called, with a JSON object as arguments.";
    "language": "text", Told("-"), "The text is in this language: ISO 639-3, for instance `deu`.";
    "first_output": "duration", Told("-"), "The first output comes in this time.";
    "no_refusal": "flag", Value("true"), "Neither the model nor the provider refuses.";
    "dimensions": "number", Told("-"), "Each vector has so many numbers.";
}
