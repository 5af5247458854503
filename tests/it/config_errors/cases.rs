//! One case for each rule: what is changed in the base, and every finding with its line and column.

/// A mistake, or several.
pub(super) struct Case {
    pub(super) name: &'static str,
    /// Replacements in the base text; each must apply.
    pub(super) edits: &'static [(&'static str, &'static str)],
    /// `LINE:COLUMN: SEVERITY[CODE]: MESSAGE; HELP`, with `DIR` for the directory.
    pub(super) found: &'static [&'static str],
}

pub(super) static CASES: &[Case] = &[
    Case {
        name: "the base has nothing wrong",
        edits: &[],
        found: &[],
    },
    Case {
        name: "a syntax error",
        edits: &[("model = \"m\"", "model = ")],
        found: &["8:9: error[syntax]: string values must be quoted, expected literal string"],
    },
    Case {
        name: "several syntax errors hide no other",
        edits: &[
            ("model = \"m\"", "model = "),
            ("primary = \"one\"", "primary = \"one"),
        ],
        found: &[
            "8:9: error[syntax]: string values must be quoted, expected literal string",
            "13:15: error[syntax]: invalid basic string, expected `\"`",
        ],
    },
    Case {
        name: "a repeated key does not hide the rest",
        edits: &[
            ("model = \"m\"", "model = \"m\"\nmodel = \"m2\""),
            ("fallback = \"two\"", "fallback = \"tow\""),
        ],
        found: &[
            "9:1: error[repeated-key]: the key `model` is there twice; remove or rename one of them",
            "15:12: error[unknown-route]: workload \"chat\" names the fallback \"tow\", and there is no such route; did you mean \"two\"?",
        ],
    },
    Case {
        name: "an unknown key at the top",
        edits: &[("schema = 1", "schema = 1\nenviroment = { name = \"x\" }")],
        found: &[
            "2:1: error[unknown-key]: unknown key `enviroment`; did you mean \"environment\"?",
        ],
    },
    Case {
        name: "an unknown key in a route",
        edits: &[("model = \"m\"", "model = \"m\"\ncapabilites = [\"tools\"]")],
        found: &[
            "9:1: error[unknown-key]: unknown key `capabilites` in `one`; did you mean \"capabilities\"?",
        ],
    },
    Case {
        name: "an unknown key in an inline table",
        edits: &[(
            "fallback = \"two\"",
            "fallback = \"two\"\ntimeouts = { header = \"1s\" }",
        )],
        found: &[
            "15:14: error[unknown-key]: unknown key `header` in `chat.timeouts`; did you mean \"headers\"?",
        ],
    },
    Case {
        name: "a key with the wrong separator",
        edits: &[(
            "fallback = \"two\"",
            "fallback = \"two\"\nuser-visible = true",
        )],
        found: &[
            "15:1: error[unknown-key]: unknown key `user-visible` in `chat`; did you mean \"user_visible\"?",
        ],
    },
    Case {
        name: "a key unlike any other",
        edits: &[("[providers.acme]", "[gateway]\nport = 80\n[providers.acme]")],
        found: &[
            "3:1: error[unknown-key]: unknown key `port` in `gateway`; known keys: listen, region, plaintext, workers, max_body, max_body_memory, max_connections, max_requests, idle, pause, tls, drain, without_store",
        ],
    },
    Case {
        name: "a region that is no name",
        edits: &[(
            "[providers.acme]",
            "[gateway]\nregion = \"EU West\"\n[providers.acme]",
        )],
        found: &[
            "3:10: error[bad-value]: `region`: \"EU West\" is not a name: lower-case letters, digits and inner `-`, `_` or `.`, at most 63 characters",
        ],
    },
    Case {
        name: "memory for bodies that has no room for one",
        edits: &[(
            "[providers.acme]",
            "[gateway]\nmax_body = \"2MiB\"\nmax_body_memory = \"1MiB\"\n[providers.acme]",
        )],
        found: &[
            "4:19: error[body-memory-too-small]: `max_body_memory` is less than `max_body`, so the largest body would never be taken; raise it, or lower `max_body`",
        ],
    },
    Case {
        name: "no schema",
        edits: &[("schema = 1\n", "")],
        found: &["1:1: error[missing-key]: the file needs the key `schema`"],
    },
    Case {
        name: "a schema of the future",
        edits: &[("schema = 1", "schema = 2")],
        found: &[
            "1:10: error[unsupported-schema]: schema 2 is not known to this version; write `schema = 1`",
        ],
    },
    Case {
        name: "no workload at all",
        edits: &[(
            "[workloads.chat]\nprimary = \"one\"\nfallback = \"two\"\n",
            "",
        )],
        found: &["1:1: error[missing-key]: the file needs the key `workloads`"],
    },
    Case {
        name: "an empty list of workloads",
        edits: &[(
            "[workloads.chat]\nprimary = \"one\"\nfallback = \"two\"\n",
            "[workloads]\n",
        )],
        found: &[
            "12:2: error[no-workloads]: the file has no workload, so a gateway could serve nothing; add a table [workloads.NAME] with the key `primary`",
        ],
    },
    Case {
        name: "a workload without a primary",
        edits: &[("primary = \"one\"\n", "")],
        found: &[
            "6:9: warning[unused-route]: no workload uses the route \"one\"",
            "12:12: error[missing-key]: `chat` needs the key `primary`",
        ],
    },
    Case {
        name: "a route without provider and model",
        edits: &[(
            "[routes.one]\nprovider = \"acme\"\nmodel = \"m\"",
            "[routes.one]",
        )],
        found: &[
            "6:9: error[missing-key]: `one` needs the key `model`",
            "6:9: error[missing-key]: `one` needs the key `provider`",
        ],
    },
    Case {
        name: "a provider without an address",
        edits: &[("base_url = \"https://api.acme.example\"\n", "")],
        found: &["2:12: error[missing-key]: `acme` needs the key `base_url`"],
    },
    Case {
        name: "a text where a table belongs",
        edits: &[("schema = 1", "schema = 1\nenvironment = \"prod\"")],
        found: &["2:15: error[wrong-kind]: `environment` must be a table, not a text"],
    },
    Case {
        name: "a number where a text belongs",
        edits: &[("model = \"m\"", "model = 4")],
        found: &["8:9: error[wrong-kind]: `model` must be a text in quotes, not a whole number"],
    },
    Case {
        name: "a text where a number belongs",
        edits: &[("schema = 1", "schema = \"1\"")],
        found: &["1:10: error[wrong-kind]: `schema` must be a whole number, not a text"],
    },
    Case {
        name: "a list of tables where tables belong",
        edits: &[("[workloads.chat]", "[[workloads]]")],
        found: &["12:1: error[wrong-kind]: `workloads` must be a table, not a list"],
    },
    Case {
        name: "a text where a list belongs",
        edits: &[("model = \"m\"", "model = \"m\"\ncapabilities = \"tools\"")],
        found: &["9:16: error[wrong-kind]: `capabilities` must be a list, not a text"],
    },
    Case {
        name: "a number where a flag belongs",
        edits: &[("fallback = \"two\"", "fallback = \"two\"\nuser_visible = 1")],
        found: &[
            "15:16: error[wrong-kind]: `user_visible` must be true or false, not a whole number",
        ],
    },
    Case {
        name: "a number without its unit",
        edits: &[(
            "fallback = \"two\"",
            "fallback = \"two\"\ntimeouts = { total = 60 }",
        )],
        found: &[
            "15:22: error[wrong-kind]: `total` must be a duration in quotes such as \"10s\", not a whole number",
        ],
    },
    Case {
        name: "a duration that is none",
        edits: &[(
            "fallback = \"two\"",
            "fallback = \"two\"\ntimeouts = { total = \"60 seconds\", idle = \"-1s\" }",
        )],
        found: &[
            "15:22: error[bad-value]: `total`: \"60 seconds\" is not a duration such as 500ms, 10s, 2m, 12h or 30d",
            "15:43: error[bad-value]: `idle`: \"-1s\" is not a duration such as 500ms, 10s, 2m, 12h or 30d",
        ],
    },
    Case {
        name: "a review that can never be what it must be",
        edits: &[(
            "fallback = \"two\"",
            "fallback = \"two\"\nuser_visible = true",
        )],
        found: &[
            "12:12: warning[too-few-samples]: arming or forcing the fallback of \"chat\" needs a review of 5 samples, and it has 0; add samples (`backstop samples add`) or lower `review.min_samples`; until then only break-glass does it",
        ],
    },
    Case {
        name: "nobody asks for a review",
        edits: &[(
            "fallback = \"two\"",
            "fallback = \"two\"\nuser_visible = true\nreview = { required = false }",
        )],
        found: &[],
    },
    Case {
        name: "the share in every form that is none",
        edits: &[(
            "fallback = \"two\"",
            "fallback = \"two\"\nreview = { at_least = \"80%\" }",
        )],
        found: &[
            "15:23: error[bad-value]: `at_least`: \"80%\" is not a share such as \"same-or-better 80 %\", nor a number such as 80",
        ],
    },
    Case {
        name: "a share beyond the whole, in words",
        edits: &[(
            "fallback = \"two\"",
            "fallback = \"two\"\nreview = { at_least = \"same-or-better 101 %\" }",
        )],
        found: &[
            "15:23: error[bad-value]: `at_least`: \"same-or-better 101 %\" is not a share such as \"same-or-better 80 %\", nor a number such as 80",
        ],
    },
    Case {
        name: "a share beyond the whole, and no sample at all",
        edits: &[(
            "fallback = \"two\"",
            "fallback = \"two\"\nreview = { at_least = 101, min_samples = 0, max_age = \"0d\" }",
        )],
        found: &[
            "15:23: error[out-of-range]: `at_least` must be from 0 to 100",
            "15:42: error[out-of-range]: `min_samples` must be from 1 to 1000",
            "15:55: error[bad-value]: `max_age`: must be longer than zero",
        ],
    },
    Case {
        name: "a share that is a list",
        edits: &[(
            "fallback = \"two\"",
            "fallback = \"two\"\nreview = { at_least = [80], minsamples = 3 }",
        )],
        found: &[
            "15:23: error[wrong-kind]: `at_least` must be a whole number, not a list",
            "15:29: error[unknown-key]: unknown key `minsamples` in `chat.review`; did you mean \"min_samples\"?",
        ],
    },
    Case {
        name: "a duration beyond all measure",
        edits: &[(
            "[providers.acme]",
            "[store]\nretain_events = \"99999999999999999999d\"\nretain_audit = \"36501d\"\n[providers.acme]",
        )],
        found: &[
            "3:17: error[bad-value]: `retain_events`: \"99999999999999999999d\" is not a duration such as 500ms, 10s, 2m, 12h or 30d",
            "4:16: error[bad-value]: `retain_audit`: \"36501d\" is not a duration such as 500ms, 10s, 2m, 12h or 30d",
        ],
    },
    Case {
        name: "a duration of nothing",
        edits: &[(
            "fallback = \"two\"",
            "fallback = \"two\"\ntimeouts = { total = \"0s\" }",
        )],
        found: &["15:22: error[bad-value]: `total`: must be longer than zero"],
    },
    Case {
        name: "a size that is none",
        edits: &[(
            "[providers.acme]",
            "[gateway]\nmax_body = \"32MB\"\n[providers.acme]",
        )],
        found: &[
            "3:12: error[bad-value]: `max_body`: \"32MB\" is not a size such as 512KiB, 32MiB or 1GiB",
        ],
    },
    Case {
        name: "numbers out of range",
        edits: &[
            (
                "fallback = \"two\"",
                "fallback = \"two\"\nmax_attempts = 0\nretry_share = 1.5",
            ),
            (
                "model = \"m\"",
                "model = \"m\"\ncapacity_rps = 0\ncontext_tokens = -1",
            ),
        ],
        found: &[
            "9:16: error[out-of-range]: `capacity_rps` must be larger than zero",
            "10:18: error[out-of-range]: `context_tokens` must be from 1 to 4294967294",
            "17:16: error[out-of-range]: `max_attempts` must be from 1 to 100",
            "18:15: error[out-of-range]: `retry_share` must be from 0.0 to 1.0",
        ],
    },
    Case {
        name: "not a number",
        edits: &[(
            "fallback = \"two\"",
            "fallback = \"two\"\nretry_share = nan",
        )],
        found: &["15:15: error[out-of-range]: `retry_share` must be from 0.0 to 1.0"],
    },
    Case {
        name: "an empty text",
        edits: &[("model = \"m\"", "model = \" \"")],
        found: &["8:9: error[empty]: `model` must not be empty"],
    },
    Case {
        name: "an unknown family",
        edits: &[("family = \"openai-chat\"", "family = \"openai\"")],
        found: &[
            "4:10: error[unknown-value]: `family` does not know \"openai\"; known values: openai-chat, openai-responses, openai-embeddings, anthropic-messages, gemini-generate",
        ],
    },
    Case {
        name: "an unknown capability",
        edits: &[(
            "model = \"m\"",
            "model = \"m\"\ncapabilities = [\"stream\", \"vison\"]",
        )],
        found: &[
            "9:17: error[unknown-value]: `capabilities` does not know \"stream\"; did you mean \"streaming\"?",
            "9:27: error[unknown-value]: `capabilities` does not know \"vison\"; did you mean \"vision\"?",
        ],
    },
    Case {
        name: "a capability twice",
        edits: &[
            (
                "model = \"m\"",
                "model = \"m\"\ncapabilities = [\"tools\", \"tools\"]",
            ),
            ("model = \"n\"", "model = \"n\"\ncapabilities = [\"tools\"]"),
        ],
        found: &["9:26: warning[repeated]: `capabilities` has \"tools\" twice"],
    },
    Case {
        name: "an unknown mode",
        edits: &[("fallback = \"two\"", "fallback = \"two\"\nmode = \"armed\"")],
        found: &[
            "15:8: error[unknown-value]: `mode` does not know \"armed\"; known values: auto, hold, force",
        ],
    },
    Case {
        name: "an unknown trigger",
        edits: &[(
            "fallback = \"two\"",
            "fallback = \"two\"\ntriggers = [\"sever-error\", \"5xx\"]",
        )],
        found: &[
            "15:13: error[unknown-value]: `triggers` does not know \"sever-error\"; did you mean \"server-error\"?",
            "15:28: error[unknown-value]: `triggers` does not know \"5xx\"; known values: invalid-request, authentication, forbidden, quota-exhausted, rate-limited, server-error, overloaded, timeout, unreachable, broken-response",
        ],
    },
    Case {
        name: "a name with forbidden characters",
        edits: &[("[workloads.chat]", "[workloads.\"Support Chat\"]")],
        found: &[
            "12:12: error[bad-name]: \"Support Chat\" in `workloads` is not a name; use lower-case letters, digits and inner `-`, `_` or `.`, at most 63 characters",
        ],
    },
    Case {
        name: "an unknown provider",
        edits: &[(
            "[routes.two]\nprovider = \"acme\"",
            "[routes.two]\nprovider = \"akme\"",
        )],
        found: &[
            "10:12: error[unknown-provider]: route \"two\" names the provider \"akme\", which does not exist; did you mean \"acme\"?",
        ],
    },
    Case {
        name: "an unknown route",
        edits: &[("primary = \"one\"", "primary = \"on\"")],
        found: &[
            "13:11: error[unknown-route]: workload \"chat\" names the primary \"on\", and there is no such route; did you mean \"one\"?",
        ],
    },
    Case {
        name: "a route unlike any other",
        edits: &[("fallback = \"two\"", "fallback = \"stable-baseline\"")],
        found: &[
            "9:9: warning[unused-route]: no workload uses the route \"two\"",
            "14:12: error[unknown-route]: workload \"chat\" names the fallback \"stable-baseline\", and there is no such route; routes: one, two",
        ],
    },
    Case {
        name: "a primary as its own fallback",
        edits: &[
            ("fallback = \"two\"", "fallback = \"one\""),
            ("[routes.two]\nprovider = \"acme\"\nmodel = \"n\"\n", ""),
        ],
        found: &[
            "11:12: error[fallback-is-primary]: \"chat\" has \"one\" as its own fallback; name another route, or remove `fallback`",
        ],
    },
    Case {
        name: "a fallback of another family",
        edits: &[(
            "model = \"n\"",
            "model = \"n\"\nfamily = \"anthropic-messages\"",
        )],
        found: &[
            "15:12: error[cross-family-fallback]: the fallback \"two\" speaks anthropic-messages, but the primary \"one\" speaks openai-chat; name a route of the family openai-chat",
        ],
    },
    Case {
        name: "embeddings whose fallback makes other vectors",
        edits: &[("family = \"openai-chat\"", "family = \"openai-embeddings\"")],
        found: &[
            "14:12: error[vectors-differ]: the fallback's model \"n\" makes vectors that cannot be compared with those of \"m\"; name a route with the same model; or, if it is the same under another name or both are known to your index: `may_change_vectors = \"why\"`",
        ],
    },
    Case {
        name: "embeddings whose fallback makes other vectors, with a reason",
        edits: &[
            ("family = \"openai-chat\"", "family = \"openai-embeddings\""),
            (
                "fallback = \"two\"",
                "fallback = \"two\"\nmay_change_vectors = \"the index holds both\"",
            ),
        ],
        found: &[
            "15:22: warning[vectors-justified]: vectors of \"n\" may stand in for those of \"m\", because the file justifies it in writing; make sure that the reason still holds",
        ],
    },
    Case {
        name: "a reason for vectors where there are none",
        edits: &[(
            "fallback = \"two\"",
            "fallback = \"two\"\nmay_change_vectors = \"the index holds both\"",
        )],
        found: &[
            "15:22: warning[unused-justification]: `may_change_vectors` does nothing: it is for embeddings whose fallback has another model",
        ],
    },
    Case {
        name: "a notice where none can stand",
        edits: &[
            ("family = \"openai-chat\"", "family = \"openai-responses\""),
            (
                "fallback = \"two\"",
                "fallback = \"two\"\nnotice = { text = \"t\", style = \"inline\" }",
            ),
        ],
        found: &[
            "15:32: warning[notice-not-inline]: the notice is given in the header alone: no notice can stand inside answers of openai-responses; write `style = \"header\"`, and let the application show `x-backstop-degraded`",
        ],
    },
    Case {
        name: "a fallback that differs by name only",
        edits: &[("model = \"n\"", "model = \"m\"")],
        found: &[
            "14:12: warning[same-endpoint]: the fallback \"two\" asks the same model at the same address as \"one\"; what breaks one breaks both; name a route that can differ in its fate",
        ],
    },
    Case {
        name: "a fallback over all boundaries",
        edits: &[(
            "model = \"n\"",
            "model = \"n\"\nboundary = { billing = \"b\", region = \"us\" }",
        )],
        found: &[
            "15:12: warning[boundary-crossed]: \"one\" and \"two\" differ in billing (unknown to b) and region (unknown to us), so every fallback will be refused; if it may be crossed: `may_cross = [\"billing\", \"region\"]`",
        ],
    },
    Case {
        name: "a boundary that may be crossed, and one that may not",
        edits: &[
            (
                "model = \"n\"",
                "model = \"n\"\nboundary = { billing = \"b\", region = \"us\" }",
            ),
            (
                "fallback = \"two\"",
                "fallback = \"two\"\nmay_cross = [\"region\"]",
            ),
        ],
        found: &[
            "15:12: warning[boundary-crossed]: \"one\" and \"two\" differ in billing (unknown to b), so every fallback will be refused; if it may be crossed: `may_cross = [\"billing\"]`",
        ],
    },
    Case {
        name: "a fallback that can do less",
        edits: &[
            (
                "model = \"m\"",
                "model = \"m\"\ncapabilities = [\"streaming\", \"tools\", \"vision\"]\ncontext_tokens = 128000",
            ),
            (
                "model = \"n\"",
                "model = \"n\"\ncapabilities = [\"streaming\"]\ncontext_tokens = 8000",
            ),
        ],
        found: &[
            "18:12: warning[capability-missing]: the fallback \"two\" lacks what the primary has: tools, vision; requests that need it are not served by the fallback",
            "18:12: warning[context-smaller]: the fallback \"two\" has a context of 8000 tokens, the primary 128000; longer requests fail on the fallback",
        ],
    },
    Case {
        name: "triggers that can never fall back",
        edits: &[(
            "fallback = \"two\"",
            "fallback = \"two\"\ntriggers = [\"invalid-request\", \"authentication\", \"timeout\"]",
        )],
        found: &[
            "15:13: error[trigger-never]: `invalid-request` can never cause a fallback: another route would not cure the request; remove it",
            "15:32: error[trigger-never]: `authentication` can never cause a fallback: it would hide a broken key; remove it",
        ],
    },
    Case {
        name: "triggers without a fallback",
        edits: &[
            ("fallback = \"two\"\n", "triggers = [\"timeout\"]\n"),
            ("[routes.two]\nprovider = \"acme\"\nmodel = \"n\"\n", ""),
        ],
        found: &[
            "11:1: warning[dead-triggers]: the triggers of \"chat\" do nothing: it has no fallback; name a `fallback`, or remove `triggers`",
        ],
    },
    Case {
        name: "triggers on hold",
        edits: &[(
            "fallback = \"two\"",
            "fallback = \"two\"\nmode = \"hold\"\ntriggers = [\"timeout\"]",
        )],
        found: &[
            "16:1: warning[dead-triggers]: the triggers of \"chat\" do nothing while its mode is `hold`; they begin to work when an operator sets the mode `auto`",
        ],
    },
    Case {
        name: "an empty list of triggers",
        edits: &[("fallback = \"two\"", "fallback = \"two\"\ntriggers = []")],
        found: &[
            "15:1: warning[no-triggers]: \"chat\" has a fallback that no error class may cause; only an operator can send traffic to it; name triggers if that is not meant",
        ],
    },
    Case {
        name: "a trigger twice",
        edits: &[(
            "fallback = \"two\"",
            "fallback = \"two\"\ntriggers = [\"timeout\", \"timeout\"]",
        )],
        found: &["15:24: warning[repeated]: `triggers` has \"timeout\" twice"],
    },
    Case {
        name: "forbidden and quota without a reason",
        edits: &[(
            "fallback = \"two\"",
            "fallback = \"two\"\ntriggers = [\"forbidden\", \"quota-exhausted\"]",
        )],
        found: &[
            "15:13: error[trigger-unjustified]: `forbidden` may cause a fallback only with a written reason; add `justify = { forbidden = \"why\" }`, or remove the trigger",
            "15:26: error[trigger-unjustified]: `quota-exhausted` may cause a fallback only with a written reason; add `justify = { quota-exhausted = \"why\" }`, or remove the trigger",
        ],
    },
    Case {
        name: "forbidden with a reason",
        edits: &[(
            "fallback = \"two\"",
            "fallback = \"two\"\ntriggers = [\"forbidden\"]\njustify = { forbidden = \"one region only\" }",
        )],
        found: &[
            "15:13: warning[trigger-justified]: `forbidden` may cause a fallback, because the file justifies it in writing; make sure that the reason still holds",
        ],
    },
    Case {
        name: "an empty reason is none",
        edits: &[(
            "fallback = \"two\"",
            "fallback = \"two\"\ntriggers = [\"forbidden\"]\njustify = { forbidden = \"\" }",
        )],
        found: &[
            "15:13: error[trigger-unjustified]: `forbidden` may cause a fallback only with a written reason; add `justify = { forbidden = \"why\" }`, or remove the trigger",
            "16:25: error[empty]: `forbidden` must not be empty",
        ],
    },
    Case {
        name: "a reason without its trigger",
        edits: &[(
            "fallback = \"two\"",
            "fallback = \"two\"\njustify = { quota-exhausted = \"shared budget\" }",
        )],
        found: &[
            "15:31: warning[unused-justification]: `quota-exhausted` is justified but is not among the triggers",
        ],
    },
    Case {
        name: "a reason for a class that needs none",
        edits: &[(
            "fallback = \"two\"",
            "fallback = \"two\"\njustify = { timeout = \"slow\" }",
        )],
        found: &[
            "15:13: error[unknown-key]: unknown key `timeout` in `chat.justify`; known keys: forbidden, quota-exhausted",
        ],
    },
    Case {
        name: "rate limits without backoff",
        edits: &[(
            "fallback = \"two\"",
            "fallback = \"two\"\ntriggers = [\"rate-limited\"]\nbackoff = { retries = 0 }",
        )],
        found: &[
            "15:13: warning[rate-limit-without-backoff]: `rate-limited` causes a fallback at once, because `backoff.retries` is 0; allow at least one retry: a rate limit is often over in a second",
        ],
    },
    Case {
        name: "rate limits that spend every attempt",
        edits: &[(
            "fallback = \"two\"",
            "fallback = \"two\"\ntriggers = [\"rate-limited\"]\nmax_attempts = 3",
        )],
        found: &[
            "15:13: warning[too-few-attempts]: a rate limit spends all 3 attempts of \"chat\" on the primary, so it can never reach its fallback; allow at least 4 attempts",
        ],
    },
    Case {
        name: "one attempt",
        edits: &[("fallback = \"two\"", "fallback = \"two\"\nmax_attempts = 1")],
        found: &[
            "15:16: warning[too-few-attempts]: \"chat\" may make one attempt, so a failure can never reach its fallback; allow at least 2",
        ],
    },
    Case {
        name: "a backoff that contradicts itself",
        edits: &[(
            "fallback = \"two\"",
            "fallback = \"two\"\nbackoff = { initial = \"9s\" }",
        )],
        found: &[
            "15:23: error[backoff-contradicts]: the first wait `initial` is longer than the longest wait `max_wait`",
        ],
    },
    Case {
        name: "timeouts beyond the total",
        edits: &[(
            "fallback = \"two\"",
            "fallback = \"two\"\ntimeouts = { headers = \"20s\", first_output = \"30s\", idle = \"11s\", total = \"10s\" }",
        )],
        found: &[
            "15:24: warning[dead-timeout]: the timeout `headers` is never reached: `total` ends the attempt before",
            "15:46: warning[dead-timeout]: the timeout `first_output` is never reached: `total` ends the attempt before",
            "15:60: warning[dead-timeout]: the timeout `idle` is never reached: `total` ends the attempt before",
        ],
    },
    Case {
        name: "headers after the first output",
        edits: &[(
            "fallback = \"two\"",
            "fallback = \"two\"\ntimeouts = { headers = \"20s\", first_output = \"15s\" }",
        )],
        found: &[
            "15:24: warning[dead-timeout]: the timeout `headers` is never reached: `first_output` ends the attempt before",
        ],
    },
    Case {
        name: "a short total is no contradiction to defaults",
        edits: &[(
            "fallback = \"two\"",
            "fallback = \"two\"\ntimeouts = { total = \"5s\" }",
        )],
        found: &[],
    },
    Case {
        name: "forced to nowhere",
        edits: &[
            ("fallback = \"two\"\n", "mode = \"force\"\n"),
            ("[routes.two]\nprovider = \"acme\"\nmodel = \"n\"\n", ""),
        ],
        found: &[
            "11:8: error[force-without-fallback]: \"chat\" is forced to a fallback that it does not have; name a `fallback`, or choose the mode `auto` or `hold`",
        ],
    },
    Case {
        name: "a notice without a text",
        edits: &[(
            "fallback = \"two\"",
            "fallback = \"two\"\nnotice = { required = true }",
        )],
        found: &["15:1: error[missing-key]: `chat.notice` needs the key `text`"],
    },
    Case {
        name: "a notice on two lines",
        edits: &[(
            "fallback = \"two\"",
            "fallback = \"two\"\nnotice = { text = \"a\\nb\" }",
        )],
        found: &[
            "15:19: error[bad-notice]: the notice has a line break or control character, which a header cannot carry; write it on one line",
        ],
    },
    Case {
        name: "a notice that is too long",
        edits: &[(
            "fallback = \"two\"",
            "fallback = \"two\"\nnotice = { text = \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\" }",
        )],
        found: &[
            "15:19: error[bad-notice]: the notice is longer than 500 characters; some clients refuse long headers",
        ],
    },
    Case {
        name: "a notice beyond ASCII",
        edits: &[(
            "fallback = \"two\"",
            "fallback = \"two\"\nnotice = { text = \"Vertretung f\u{fc}r heute\" }",
        )],
        found: &[
            "15:19: warning[notice-not-ascii]: the notice has characters beyond ASCII, which some clients garble in a header",
        ],
    },
    Case {
        name: "paid for, without a notice",
        edits: &[("fallback = \"two\"", "fallback = \"two\"\ntier = \"paid\"")],
        found: &[
            "15:8: warning[paid-without-notice]: \"chat\" is paid for and gives no notice, so every fallback will be refused; add `notice = { text = \"what users may read\" }`",
        ],
    },
    Case {
        name: "paid for, with a notice that is off",
        edits: &[(
            "fallback = \"two\"",
            "fallback = \"two\"\ntier = \"paid\"\nnotice = { text = \"x\", enabled = false }",
        )],
        found: &[
            "16:34: warning[paid-without-notice]: \"chat\" is paid for and gives no notice, so every fallback will be refused; write `enabled = true`",
        ],
    },
    Case {
        name: "a required notice that is off",
        edits: &[(
            "fallback = \"two\"",
            "fallback = \"two\"\nnotice = { text = \"x\", enabled = false, required = true }",
        )],
        found: &[
            "15:34: warning[required-notice-off]: \"chat\" requires a notice that is switched off, so every fallback will be refused; until an operator switches the notice on",
        ],
    },
    Case {
        name: "an unused route",
        edits: &[("fallback = \"two\"\n", "")],
        found: &["9:9: warning[unused-route]: no workload uses the route \"two\""],
    },
    Case {
        name: "an unused provider",
        edits: &[(
            "[routes.one]",
            "[providers.spare]\nbase_url = \"https://spare.example\"\nfamily = \"openai-chat\"\n[routes.one]",
        )],
        found: &["6:12: warning[unused-provider]: no route uses the provider \"spare\""],
    },
    Case {
        name: "a provider without a key",
        edits: &[("key = { env = \"ACME_KEY\" }\n", "")],
        found: &[
            "2:12: error[missing-key]: `acme` needs the key `key`, because a route of it has none of its own; `key = { env = \"NAME\" }`; `key = { none = true }` where the provider wants none",
        ],
    },
    Case {
        name: "a variable that is not set",
        edits: &[("env = \"ACME_KEY\"", "env = \"ACME_KYE\"")],
        found: &[
            "5:15: error[no-credential]: the variable ACME_KYE is not set, so its routes cannot be served; set it where the gateway runs, or name another place for the key",
        ],
    },
    Case {
        name: "a variable that is not set, for nobody",
        edits: &[(
            "[routes.one]",
            "[providers.spare]\nbase_url = \"https://spare.example\"\nfamily = \"openai-chat\"\nkey = { env = \"SPARE\" }\n[routes.one]",
        )],
        found: &[
            "6:12: warning[unused-provider]: no route uses the provider \"spare\"",
            "9:15: warning[no-credential]: the variable SPARE is not set, so its routes cannot be served; set it where the gateway runs, or name another place for the key",
        ],
    },
    Case {
        name: "an empty variable",
        edits: &[("env = \"ACME_KEY\"", "env = \"EMPTY\"")],
        found: &["5:15: error[no-credential]: the variable EMPTY is empty; put the key into it"],
    },
    Case {
        name: "a variable with more than a key",
        edits: &[("env = \"ACME_KEY\"", "env = \"WORDS\"")],
        found: &[
            "5:15: error[bad-credential]: the variable WORDS holds more than one plain word, so it cannot be a key; leave only the key in it",
        ],
    },
    Case {
        name: "a route's own key is missing",
        edits: &[(
            "model = \"m\"",
            "model = \"m\"\nkey = { env = \"ROUTE_KEY\" }",
        )],
        found: &[
            "9:15: error[no-credential]: the variable ROUTE_KEY is not set, so its routes cannot be served; set it where the gateway runs, or name another place for the key",
        ],
    },
    Case {
        name: "a key file that is not there",
        edits: &[("env = \"ACME_KEY\"", "file = \"keys/none\"")],
        found: &[
            "5:16: error[no-credential]: the key file DIR/keys/none cannot be read: No such file or directory (os error 2); create it, readable by the gateway's user only",
        ],
    },
    Case {
        name: "a key file that others can read",
        edits: &[("env = \"ACME_KEY\"", "file = \"keys/open\"")],
        found: &[
            "5:16: warning[credential-file-open]: the key file DIR/keys/open can be read by other users; chmod 600 DIR/keys/open",
        ],
    },
    Case {
        name: "a credential outside systemd",
        edits: &[("env = \"ACME_KEY\"", "credential = \"acme\"")],
        found: &[
            "5:22: error[no-credential]: the credential \"acme\" cannot be found: CREDENTIALS_DIRECTORY is not set; systemd sets it for a service with LoadCredential=",
        ],
    },
    Case {
        name: "a credential with a path",
        edits: &[("env = \"ACME_KEY\"", "credential = \"../acme\"")],
        found: &[
            "5:22: error[bad-value]: `credential` must be a plain file name; the name given to systemd's `LoadCredential=`",
        ],
    },
    Case {
        name: "two places for a key",
        edits: &[("env = \"ACME_KEY\"", "env = \"ACME_KEY\", none = true")],
        found: &[
            "5:1: error[unclear-credential]: `key` must say exactly one place; one of `env = \"NAME\"`, `file = \"PATH\"`, `credential = \"NAME\"` or `none = true`",
        ],
    },
    Case {
        name: "no place for a key",
        edits: &[("{ env = \"ACME_KEY\" }", "{}")],
        found: &[
            "5:1: error[unclear-credential]: `key` must say exactly one place; one of `env = \"NAME\"`, `file = \"PATH\"`, `credential = \"NAME\"` or `none = true`",
        ],
    },
    Case {
        name: "not none",
        edits: &[("env = \"ACME_KEY\"", "none = false")],
        found: &[
            "5:16: error[unclear-credential]: `key` must say exactly one place; one of `env = \"NAME\"`, `file = \"PATH\"`, `credential = \"NAME\"` or `none = true`",
        ],
    },
    Case {
        name: "a key written into the file",
        edits: &[("{ env = \"ACME_KEY\" }", "\"sk-live-1234\"")],
        found: &[
            "5:7: error[credential-in-file]: a key must not be written into this file; name its place: `key = { env = \"NAME\" }`, `{ file = \"PATH\" }`, `{ credential = \"NAME\" }` or `{ none = true }`; then replace the key, it may have been seen",
        ],
    },
    Case {
        name: "a key where its variable belongs",
        edits: &[("env = \"ACME_KEY\"", "env = \"sk-live-1234\"")],
        found: &[
            "5:15: error[bad-value]: `env` is not the name of a variable; letters, digits and `_`, for instance `env = \"ACME_KEY\"`; not the key itself",
        ],
    },
    Case {
        name: "a key under another name",
        edits: &[("env = \"ACME_KEY\"", "value = \"sk-live-1234\"")],
        found: &[
            "5:9: error[unknown-key]: unknown key `value` in `acme.key`; known keys: env, file, credential, none",
        ],
    },
    Case {
        name: "a key beside a mistake",
        edits: &[(
            "model = \"m\"",
            "model = \"m\"\nheaders = { api-key = \"sk-live-1234\" }",
        )],
        found: &[
            "9:1: error[unknown-key]: unknown key `headers` in `one`; a name with a dot needs quotes: \"one.headers\"",
        ],
    },
    Case {
        name: "a key in a broken line",
        edits: &[("key = { env = \"ACME_KEY\" }", "key = \"sk-live-1234")],
        found: &["5:20: error[syntax]: invalid basic string, expected `\"`"],
    },
    Case {
        name: "a password in a URL",
        edits: &[(
            "https://api.acme.example",
            "https://me:hunter2@api.acme.example",
        )],
        found: &[
            "3:12: error[credential-in-file]: `base_url` holds a user name or password; take it out of the URL and name its place with `key`",
        ],
    },
    Case {
        name: "plain http to another host",
        edits: &[("https://api.acme.example", "http://api.acme.example")],
        found: &[
            "3:12: error[insecure-base-url]: `base_url` would send the key unencrypted to another host; use https; http is only for loopback",
        ],
    },
    Case {
        name: "plain http to this host",
        edits: &[("https://api.acme.example", "http://[::1]:9000/")],
        found: &[],
    },
    Case {
        name: "a URL without a scheme",
        edits: &[("https://api.acme.example", "api.acme.example")],
        found: &[
            "3:12: error[bad-base-url]: `base_url` has no scheme or no host; write for instance \"https://api.example.com\"",
        ],
    },
    Case {
        name: "a URL of another kind",
        edits: &[("https://api.acme.example", "ftp://api.acme.example")],
        found: &[
            "3:12: error[bad-base-url]: `base_url` must begin with https:// (or http:// on loopback); change the scheme",
        ],
    },
    Case {
        name: "a URL with a query",
        edits: &[("https://api.acme.example", "https://api.acme.example/?a=b")],
        found: &[
            "3:12: error[bad-base-url]: `base_url` has a query or a fragment, which requests cannot keep; leave only scheme, host, port and path prefix",
        ],
    },
    Case {
        name: "a URL with an impossible port",
        edits: &[("https://api.acme.example", "https://api.acme.example:99999")],
        found: &[
            "3:12: error[bad-base-url]: `base_url` has no host or a port that does not exist; write for instance \"https://api.example.com:8443\"",
        ],
    },
    Case {
        name: "no URL",
        edits: &[("https://api.acme.example", "https://api acme")],
        found: &[
            "3:12: error[bad-base-url]: `base_url` is not a URL; write for instance \"https://api.example.com\"",
        ],
    },
    Case {
        name: "a listener that others can reach",
        edits: &[(
            "[providers.acme]",
            "[gateway]\nlisten = \"0.0.0.0:8080\"\n[providers.acme]",
        )],
        found: &[
            "3:10: error[listen-plaintext]: `listen` is 0.0.0.0:8080, and keys and prompts would cross the network unencrypted; give it a certificate in [gateway.tls]; `plaintext = true` says that something in front does TLS; or listen on 127.0.0.1 or [::1]",
            "3:10: error[listen-without-keys]: `listen` is 0.0.0.0:8080, which other hosts can reach, and no client needs a key; make a key with `backstop key new NAME` and add the lines that it prints, or listen on 127.0.0.1 or [::1]",
        ],
    },
    Case {
        name: "a listener with keys and consent that others can reach",
        edits: &[(
            "[providers.acme]",
            "[gateway]\nlisten = \"0.0.0.0:8080\"\nplaintext = true\n[clients.bot]\nworkloads = [\"*\"]\nkeys = [{ sha256 = \"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\", expires = 2027-01-31 }]\n[providers.acme]",
        )],
        found: &[],
    },
    Case {
        name: "a certificate that cannot be used",
        edits: &[(
            "[providers.acme]",
            "[gateway]\nlisten = \"0.0.0.0:8080\"\ntls = { certificate = \"good.json\", key = \"nowhere.pem\" }\n[clients.bot]\nworkloads = [\"*\"]\nkeys = [{ sha256 = \"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\" }]\n[providers.acme]",
        )],
        found: &[
            "4:23: error[bad-certificate]: DIR/good.json holds no certificate in PEM form; the listener could not speak TLS; both must be PEM files that belong together",
        ],
    },
    Case {
        name: "clients with mistakes",
        edits: &[(
            "[providers.acme]",
            "[clients.bot]\nworkloads = [\"chta\", 7]\nkeys = [{ sha256 = \"hunter2\" }, { sha256 = \"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\", expires = \"soon\" }]\n[clients.cat]\nworkloads = [\"*\", \"chat\"]\nkeys = [{ sha256 = \"0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef\", expires = 7 }]\n[clients.dog]\nworkloads = []\nkeys = []\n[providers.acme]",
        )],
        found: &[
            "3:14: error[unknown-workload]: client \"bot\" may call the workload \"chta\", which does not exist; did you mean \"chat\"?",
            "3:22: error[wrong-kind]: `workloads` must be a list of texts that are not empty, not a whole number",
            "4:20: error[bad-value]: `sha256` is not a SHA-256 of 64 hexadecimal digits; write what `backstop key new NAME` printed, or `backstop key check` prints for a key",
            "4:122: error[bad-value]: `expires`: \"soon\" is not a date or moment such as 2027-01-31 or 2027-01-31T18:00:00Z",
            "6:14: warning[repeated]: `workloads` has \"*\", which is every workload, and names beside it; leave one of both",
            "7:20: error[repeated-hash]: this is already a key of the client \"bot\"; a key says who calls, so it belongs to one client, once",
            "7:98: error[wrong-kind]: `expires` must be a date, not a whole number",
            "10:1: error[no-keys]: the client \"dog\" has no key, so it could never call; add the line that `backstop key new NAME` prints, or remove the client",
        ],
    },
    Case {
        name: "a client key where its hash belongs",
        edits: &[(
            "[providers.acme]",
            "[clients.bot]\nworkloads = [\"*\"]\nkeys = [{ sha256 = \"backstop_5ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e\" }]\n[providers.acme]",
        )],
        found: &[
            "4:20: error[credential-in-file]: a client key must not be written into this file, only its hash; `backstop key check` prints the hash of a key; but make a new one, this one may have been seen",
        ],
    },
    Case {
        name: "a listener without a port",
        edits: &[(
            "[providers.acme]",
            "[gateway]\nlisten = \"127.0.0.1\"\n[providers.acme]",
        )],
        found: &[
            "3:10: error[bad-value]: `listen`: \"127.0.0.1\" is not an address with a port such as 127.0.0.1:8080 or [::1]:8080",
        ],
    },
    Case {
        name: "a store that is not known",
        edits: &[(
            "[providers.acme]",
            "[store]\nurl = \"postgres://me:hunter2@x\"\n[providers.acme]",
        )],
        found: &[
            "3:7: error[unsupported-store]: `url` does not name a store of this version; write \"sqlite:DIRECTORY\", or \"nats://HOST:4222,HOST:4222,HOST:4222\" for many hosts",
        ],
    },
    Case {
        name: "a password in a cluster's URL",
        edits: &[(
            "[providers.acme]",
            "[store]\nurl = \"nats://me:hunter2@a:4222\"\n[providers.acme]",
        )],
        found: &[
            "3:7: error[credential-in-file]: a user or password must not be written into the URL; name its place in [store.login]; then replace the password, it may have been seen",
        ],
    },
    Case {
        name: "a cluster's server that is none",
        edits: &[(
            "[providers.acme]",
            "[store]\nurl = \"nats://a:4222,b:port\"\n[providers.acme]",
        )],
        found: &[
            "3:7: error[bad-value]: `b:port` is not the address of a server; write \"nats://HOST:4222,HOST:4222,HOST:4222\"",
        ],
    },
    Case {
        name: "a login without a cluster",
        edits: &[(
            "[providers.acme]",
            "[store]\nlogin = { with = \"token\", key = { env = \"T\" } }\n[providers.acme]",
        )],
        found: &[
            "3:1: error[unused-key]: `login` says nothing here: this store is not a cluster; remove it, or write url = \"nats://HOST:4222,HOST:4222,HOST:4222\"",
        ],
    },
    Case {
        name: "a login in unknown words",
        edits: &[(
            "[providers.acme]",
            "[store]\nurl = \"nats://a\"\nlogin = { with = \"kerberos\", key = { env = \"T\" } }\n[providers.acme]",
        )],
        found: &[
            "4:18: error[unknown-value]: `with` does not know \"kerberos\"; known values: credentials, nkey, password, token",
        ],
    },
    Case {
        name: "a password without a user",
        edits: &[(
            "[providers.acme]",
            "[store]\nurl = \"nats://a\"\nlogin = { with = \"password\", key = { env = \"KEY\" } }\n[providers.acme]",
        )],
        found: &[
            "4:18: error[missing-key]: a password needs the key `user`; user = \"NAME\"",
            "4:44: error[no-credential]: the variable KEY is not set, so the cluster lets nobody in; set it where the gateway runs, or name another place for the key",
        ],
    },
    Case {
        name: "a certificate without its key",
        edits: &[(
            "[providers.acme]",
            "[store]\nurl = \"tls://a\"\ntls = { certificate = \"a.pem\" }\n[providers.acme]",
        )],
        found: &[
            "4:23: error[missing-key]: a certificate and its key belong together; name both in [store.tls]",
        ],
    },
    Case {
        name: "a prefix that no stream can have",
        edits: &[(
            "[providers.acme]",
            "[store]\nurl = \"nats://a\"\nprefix = \"a.b\"\n[providers.acme]",
        )],
        found: &[
            "4:10: error[bad-value]: `prefix`: \"a.b\" cannot begin the name of a stream: 1 to 32 letters, digits, `-` and `_`",
        ],
    },
    Case {
        name: "production in a home directory",
        edits: &[(
            "[providers.acme]",
            "[environment]\nproduction = true\n[providers.acme]",
        )],
        found: &[
            "1:1: warning[store-default]: a production file without `store.url` keeps state in the home of whoever runs Backstop; gateway and operators would not see each other; write for instance url = \"sqlite:/var/lib/backstop\" under [store]",
        ],
    },
    Case {
        name: "a sample of an unknown class",
        edits: &[(
            "fallback = \"two\"",
            "fallback = \"two\"\nsamples = [{ class = \"poem\", file = \"good.json\" }]",
        )],
        found: &[
            "15:22: error[unknown-value]: `class` does not know \"poem\"; known values: chat, json, tools, vision, long, code, embeddings",
        ],
    },
    Case {
        name: "samples that are not there or not JSON",
        edits: &[(
            "fallback = \"two\"",
            "fallback = \"two\"\nsamples = [{ class = \"chat\", file = \"none.json\" }, { class = \"chat\", file = \"bad.json\" }, { class = \"chat\", file = \"list.json\" }, { class = \"chat\", file = \"keys\" }]",
        )],
        found: &[
            "15:37: warning[sample-missing]: the sample \"none.json\" cannot be read: No such file or directory (os error 2), so the sample is left out; looked at DIR/none.json",
            "15:77: warning[sample-not-json]: the sample \"bad.json\" is not JSON: expected value at line 1 column 11, so the sample is left out; looked at DIR/bad.json",
            "15:116: warning[sample-not-json]: the sample \"list.json\" is not a JSON object, so the sample is left out; looked at DIR/list.json",
            "15:156: warning[sample-missing]: the sample \"keys\" is not a file of at most 16 MiB, so the sample is left out; looked at DIR/keys",
        ],
    },
    Case {
        name: "two samples of one name, one with a bad name",
        edits: &[(
            "fallback = \"two\"",
            "fallback = \"two\"\nsamples = [{ class = \"chat\", file = \"good.json\" }, { class = \"chat\", file = \"good.json\" }, { class = \"chat\", file = \"good.json\", name = \"A b\" }]",
        )],
        found: &[
            "15:52: error[repeated-sample]: the workload has two samples called \"good\"; give one of them another `name`",
            "15:92: error[repeated-sample]: the workload has two samples called \"good\"; give one of them another `name`",
            "15:137: error[bad-name]: the sample's name \"A b\" is not a name; use lower-case letters, digits and inner `-`, `_` or `.`, at most 63 characters",
        ],
    },
    Case {
        name: "checks that cannot be made",
        edits: &[(
            "fallback = \"two\"",
            "fallback = \"two\"\n[[workloads.chat.samples]]\nclass = \"chat\"\nfile = \"good.json\"\nchecks = { matches = [\"(\"], language = \"de\", contains = [1], dimensions = 0, schemas = \"x\" }",
        )],
        found: &[
            "18:23: error[bad-value]: `matches` is not a regular expression: unclosed group; in TOML, a pattern is best written in single quotes",
            "18:40: error[bad-value]: `language`: \"de\" is not the three letters (ISO 639-3) of a language that can be told; perhaps \"deu\" (German)",
            "18:58: error[wrong-kind]: `contains` must be a list of texts that are not empty, not a whole number",
            "18:75: error[out-of-range]: `dimensions` must be from 1 to 999999",
            "18:78: error[unknown-key]: unknown key `schemas` in `chat.samples.checks`; did you mean \"schema\"?",
        ],
    },
    Case {
        name: "schemas that cannot be used",
        edits: &[(
            "fallback = \"two\"",
            "fallback = \"two\"\nsamples = [{ class = \"json\", file = \"good.json\", checks = { schema = \"none.json\" } }, { class = \"json\", file = \"good.json\", name = \"b\", checks = { schema = \"type.json\" } }, { class = \"json\", file = \"good.json\", name = \"c\", checks = { schema = \"remote.json\" } }]",
        )],
        found: &[
            "15:70: warning[sample-missing]: the schema \"none.json\" cannot be read: No such file or directory (os error 2), so the sample is left out; looked at DIR/none.json",
            "15:157: warning[bad-schema]: the schema \"type.json\" is not a usable JSON schema: \"objekt\" is not valid under any of the schemas listed in the 'anyOf' keyword, so the sample is left out; looked at DIR/type.json",
            "15:244: warning[bad-schema]: the schema \"remote.json\" refers to http://127.0.0.1:9/x.json, and nothing is fetched for a check, so the sample is left out; looked at DIR/remote.json",
        ],
    },
    Case {
        name: "samples from elsewhere",
        edits: &[(
            "fallback = \"two\"",
            "fallback = \"two\"\nsamples = [{ class = \"chat\", file = \"../good.json\" }, { class = \"chat\", file = \"/etc/hostname\" }, { class = \"chat\", file = \"link.json\" }]",
        )],
        found: &[
            "15:37: error[sample-outside]: the sample \"../good.json\" is not inside the directory of this file; keep samples beside the configuration and name them by a relative path without `..`",
            "15:80: error[sample-outside]: the sample \"/etc/hostname\" is not inside the directory of this file; keep samples beside the configuration and name them by a relative path without `..`",
            "15:124: error[sample-outside]: the sample \"link.json\" is not inside the directory of this file; keep samples beside the configuration and name them by a relative path without `..`",
        ],
    },
    Case {
        name: "text that a terminal would obey",
        edits: &[(
            "primary = \"one\"",
            "primary = \"on\u{202e}\u{9b}e\" # \u{202e}\u{9b}",
        )],
        found: &[
            "6:9: warning[unused-route]: no workload uses the route \"one\"",
            "13:11: error[unknown-route]: workload \"chat\" names the primary \"on\u{fffd}\u{fffd}e\", and there is no such route; routes: one, two",
        ],
    },
    Case {
        name: "columns count characters",
        edits: &[("model = \"m\"", "model = { \"\u{e9}\u{e9}\u{e9}\" = 1 }")],
        found: &["8:9: error[wrong-kind]: `model` must be a text in quotes, not a table"],
    },
    Case {
        name: "a table twice",
        edits: &[(
            "[routes.two]",
            "[routes.one]\nmodel = \"again\"\n[routes.two]",
        )],
        found: &[
            "9:9: error[repeated-key]: the key `one` is there twice; remove or rename one of them",
            "10:1: error[repeated-key]: the key `model` is there twice; remove or rename one of them",
        ],
    },
    Case {
        name: "a table under a near name",
        edits: &[("[workloads.chat]", "[workload.chat]")],
        found: &[
            "1:1: error[missing-key]: the file needs the key `workloads`",
            "12:2: error[unknown-key]: unknown key `workload`; did you mean \"workloads\"?",
        ],
    },
    Case {
        name: "an unquoted dot in a name",
        edits: &[("[routes.two]", "[routes.two.five]")],
        found: &[
            "9:9: error[missing-key]: `two` needs the key `model`",
            "9:9: error[missing-key]: `two` needs the key `provider`",
            "9:13: error[unknown-key]: unknown key `five` in `two`; a name with a dot needs quotes: \"two.five\"",
        ],
    },
    Case {
        name: "a table that is not closed",
        edits: &[("{ env = \"ACME_KEY\" }", "{ env = \"ACME_KEY\"")],
        found: &[
            "6:1: error[syntax]: missing key for inline table element, expected `,`; something that begins before may not be closed",
        ],
    },
    Case {
        name: "a list that is not closed",
        edits: &[("model = \"m\"", "model = \"m\"\ncapabilities = [\"tools\"")],
        found: &[
            "10:1: error[syntax]: missing comma between array elements, expected `,`; something that begins before may not be closed",
        ],
    },
    Case {
        name: "a key of plain letters where its variable belongs",
        edits: &[("env = \"ACME_KEY\"", "env = \"sk_live_1234567890abcdef\"")],
        found: &[
            "5:15: error[bad-value]: `env` is not the name of a variable; letters, digits and `_`, for instance `env = \"ACME_KEY\"`; not the key itself",
        ],
    },
    Case {
        name: "proofs that are stale before the next one",
        edits: &[(
            "schema = 1\n",
            "schema = 1\n[probe]\ninterval = \"10m\"\nfresh = \"5m\"\n",
        )],
        found: &[
            "4:9: error[fresh-before-interval]: `fresh` is shorter than `interval`, so every proof would be stale before the next one; make it at least as long as `interval`; three times as long forgives a lost round",
        ],
    },
    Case {
        name: "proofs that are made without a pause",
        edits: &[("schema = 1\n", "schema = 1\n[probe]\ninterval = \"0s\"\n")],
        found: &["3:12: error[bad-value]: `interval`: must be longer than zero"],
    },
    Case {
        name: "a budget below nothing",
        edits: &[("model = \"m\"", "model = \"m\"\nprobe_cost_per_day = -1")],
        found: &["9:22: error[out-of-range]: `probe_cost_per_day` must be zero or larger"],
    },
];
