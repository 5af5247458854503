//! A good file: what the catalog holds, what defaults are, where things are looked for.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use backstop::{
    config::{self, Keys, Loaded},
    model::{
        AllDown, Basis, Catalog, ErrorClass, Family, LogFailure, Mode, NatsLogin, NoticeStyle,
        PayloadClass, ReviewPolicy, Secret, Tier,
    },
};

/// A directory with the complete example and the keys it names.
struct Example {
    directory: tempfile::TempDir,
    variables: BTreeMap<&'static str, String>,
}

impl Example {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures");
        let place = |name: &str| directory.path().join(name);
        for name in ["samples", "keys", "credentials"] {
            fs::create_dir(place(name)).unwrap();
        }
        for name in [
            "backstop.toml",
            "samples/chat.json",
            "samples/tools.json",
            "samples/json.json",
            "samples/ticket.schema.json",
        ] {
            fs::write(place(name), fs::read(fixtures.join(name)).unwrap()).unwrap();
        }
        for (name, key) in [
            ("keys/coder", "file-key\n"),
            ("credentials/zenith", "credential-key"),
        ] {
            fs::write(place(name), key).unwrap();
            private(&place(name));
        }
        fs::create_dir(place("tls")).unwrap();
        let own = rcgen::generate_simple_self_signed(["gateway".to_owned()]).unwrap();
        fs::write(place("tls/certificate.pem"), own.cert.pem()).unwrap();
        fs::write(place("tls/key.pem"), own.signing_key.serialize_pem()).unwrap();
        private(&place("tls/key.pem"));
        let credentials = place("credentials").to_string_lossy().into_owned();
        let variables = BTreeMap::from([
            ("ACME_KEY", "variable-key".to_owned()),
            ("CREDENTIALS_DIRECTORY", credentials),
            ("HOME", "/home/op".to_owned()),
        ]);
        Self {
            directory,
            variables,
        }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("backstop.toml")
    }

    fn load(&self, keys: Keys) -> Loaded {
        config::load_with(
            &self.path(),
            &|name| self.variables.get(name).cloned(),
            keys,
        )
    }

    fn catalog(&self) -> Catalog {
        let loaded = self.load(Keys::Needed);
        assert_eq!(loaded.report.render(false), "");
        loaded.catalog.unwrap()
    }
}

#[cfg(unix)]
fn private(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn the_complete_example_loads_without_a_finding() {
    let example = Example::new();
    let catalog = example.catalog();
    let root = example.directory.path();
    assert_eq!(catalog.source, example.path());
    assert_eq!(catalog.environment.name, "prod/eu-1");
    assert!(catalog.environment.production);
    assert_eq!(
        catalog.store.url,
        format!("sqlite:{}", root.join("state").display())
    );
    assert_eq!(catalog.retention.audit, Duration::from_hours(400 * 24));
    assert_eq!(catalog.retention.reviews, Duration::from_hours(90 * 24));
    assert_eq!(catalog.gateway.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(catalog.gateway.workers, 2);
    assert_eq!(catalog.gateway.region, Some("eu-west".into()));
    assert_eq!(catalog.gateway.max_body, 16 << 20);
    assert_eq!(catalog.gateway.drain, Duration::from_secs(20));
    assert_eq!(catalog.gateway.max_connections, 4096);
    assert_eq!(catalog.gateway.max_requests, 2048);
    assert_eq!(catalog.gateway.max_body_memory, 256 << 20);
    let tls = catalog.gateway.tls.as_ref().unwrap();
    assert_eq!(tls.key, root.join("tls/key.pem"));

    let bot = &catalog.clients["support-bot"];
    assert_eq!(bot.keys.len(), 2);
    assert_eq!(
        bot.keys[0]
            .expires
            .map(|moment| moment.to_string())
            .as_deref(),
        Some("2027-01-31T00:00:00Z")
    );
    assert!(bot.reach.covers("support-chat") && !bot.reach.covers("code-assistant"));
    assert!(!bot.metrics && catalog.clients["prometheus"].metrics);

    let chat = &catalog.workloads["support-chat"];
    assert_eq!(chat.family, Family::OpenaiChat);
    assert_eq!(chat.tier, Tier::Paid);
    assert!(!chat.triggers.contains(ErrorClass::BrokenResponse));
    assert_eq!(chat.timeouts.first_output, Duration::from_secs(8));
    assert_eq!(chat.backoff.max_wait, Duration::from_secs(3));
    assert_eq!(chat.notice.style, NoticeStyle::Inline);
    assert!(chat.notice.enabled && chat.notice.required);
    let [greeting, order, ticket] = &chat.samples[..] else {
        panic!("{:?}", chat.samples);
    };
    assert_eq!(greeting.id.as_str(), "support-chat/chat");
    assert_eq!(greeting.class, PayloadClass::Chat);
    let words: Vec<String> = greeting.checks.iter().map(ToString::to_string).collect();
    assert_eq!(
        words,
        [
            "no refusal",
            "first output in 5s",
            "contains \"parcel\"",
            "language eng"
        ]
    );
    assert_eq!(order.id.name(), "order-status");
    assert_eq!(order.path, root.join("samples/tools.json"));
    assert_eq!(ticket.digest.len(), 12);
    let words: Vec<String> = ticket.checks.iter().map(ToString::to_string).collect();
    assert_eq!(
        words,
        [
            "no refusal",
            "json schema ticket.schema.json",
            "matches /\"priority\":\\s*[1-5]/"
        ]
    );
    let coder = &catalog.workloads["code-assistant"];
    assert_eq!(coder.family, Family::AnthropicMessages);
    assert_eq!(coder.mode, Mode::Hold);
    assert_eq!(coder.on_log_failure, LogFailure::Serve);
    assert_eq!(chat.all_down, AllDown::Primary);
    assert_eq!(catalog.routes["stable-baseline"].max_concurrent, Some(200));
    let only = catalog.routes["steady-coder"].workloads.as_deref().unwrap();
    assert_eq!(only, ["code-assistant".into()]);
}

#[test]
fn a_route_inherits_from_its_provider_or_overrides_it() {
    let catalog = Example::new().catalog();
    let key = |route: &str| {
        catalog.routes[route]
            .credential
            .as_ref()
            .map(|key| key.expose().to_owned())
    };
    assert_eq!(key("premium-chat").as_deref(), Some("variable-key"));
    assert_eq!(key("careful-coder").as_deref(), Some("credential-key"));
    assert_eq!(key("steady-coder").as_deref(), Some("file-key"));
    assert_eq!(key("stable-baseline"), None);
    let coder = &catalog.routes["steady-coder"];
    assert_eq!(coder.base_url, "https://messages.acme.example");
    assert_eq!(coder.family, Family::AnthropicMessages);
    assert_eq!(
        coder.boundary.billing, None,
        "a route's boundary replaces the provider's whole"
    );
    assert_eq!(
        catalog.routes["careful-coder"].base_url, "https://zenith.example/inference/v1",
        "what is written is asked"
    );
    assert_eq!(
        catalog.routes["premium-chat"].boundary.region.as_deref(),
        Some("eu")
    );
}

#[test]
fn what_is_left_out_has_the_documented_default() {
    let catalog = Example::new().catalog();
    let plain = &catalog.workloads["nightly-summary"];
    assert_eq!(plain.fallback, None);
    assert_eq!(plain.mode, Mode::Auto);
    assert_eq!(plain.tier, Tier::Standard);
    assert!(!plain.user_visible && !plain.notice.enabled);
    let millis = |duration: Duration| duration.as_millis();
    assert_eq!(millis(plain.timeouts.headers), 10_000);
    assert_eq!(millis(plain.timeouts.first_output), 15_000);
    assert_eq!(millis(plain.timeouts.idle), 20_000);
    assert_eq!(millis(plain.timeouts.total), 120_000);
    assert_eq!(plain.backoff.retries, 2);
    assert_eq!(millis(plain.backoff.initial), 500);
    assert_eq!(millis(plain.backoff.max_wait), 5_000);
    assert_eq!(plain.max_attempts, 4);
    assert!((plain.retry_share - 1.0).abs() < f64::EPSILON);
    assert_eq!(plain.on_log_failure, LogFailure::Refuse);
    let triggers: Vec<&str> = plain.triggers.iter().map(ErrorClass::as_str).collect();
    assert_eq!(
        triggers,
        [
            "server-error",
            "overloaded",
            "timeout",
            "unreachable",
            "broken-response"
        ]
    );
}

#[test]
fn what_reviews_must_be_is_read_in_every_form() {
    let example = Example::new();
    let text = fs::read_to_string(example.path()).unwrap();
    let written = "review = { required = true, max_age = \"30d\", min_samples = 3, \
                   at_least = \"same-or-better 80 %\" }\n";
    assert!(text.contains(written));
    let days = |days: u64| Duration::from_hours(days * 24);
    let usual = ReviewPolicy {
        min_samples: 3,
        ..ReviewPolicy::usual(true)
    };
    for (case, review, policy, kept) in [
        ("people see it", "review = { min_samples = 3 }\n", usual, 90),
        (
            "a number of percent",
            "review = { at_least = 66, min_samples = 2 }\n",
            ReviewPolicy {
                at_least: 66,
                min_samples: 2,
                ..usual
            },
            90,
        ),
        (
            "a share without blanks",
            "review = { at_least = \"same-or-better 7%\", min_samples = 3 }\n",
            ReviewPolicy {
                at_least: 7,
                ..usual
            },
            90,
        ),
        (
            "its answers are there for as long as it counts",
            "review = { max_age = \"365d\", min_samples = 3 }\n",
            ReviewPolicy {
                max_age: days(365),
                ..usual
            },
            365,
        ),
    ] {
        fs::write(example.path(), text.replace(written, review)).unwrap();
        let catalog = example.catalog();
        assert_eq!(catalog.workloads["support-chat"].review, policy, "{case}");
        assert_eq!(catalog.retention.reviews, days(kept), "{case}");
        // It is not user-visible: nobody asks for one.
        assert!(!catalog.workloads["nightly-summary"].review.required);
    }
}

#[test]
fn a_changed_schema_is_another_expectation() {
    let example = Example::new();
    let checks = || {
        let catalog = example.catalog();
        let basis = Basis::now(&catalog, &catalog.workloads["support-chat"]).unwrap();
        basis.samples[2].checks.clone()
    };
    let before = checks();
    assert!(
        before[1].starts_with("json schema ticket.schema.json ("),
        "{before:?}"
    );
    let schema = example.directory.path().join("samples/ticket.schema.json");
    let text = fs::read_to_string(&schema).unwrap();
    fs::write(&schema, text + " ").unwrap();
    assert_ne!(checks(), before);
}

#[test]
fn the_fingerprint_follows_the_bytes() {
    let example = Example::new();
    let first = example.catalog().fingerprint;
    assert_eq!(first.len(), 12);
    assert_eq!(example.catalog().fingerprint, first);
    let text = fs::read_to_string(example.path()).unwrap();
    fs::write(example.path(), text + "\n").unwrap();
    assert_ne!(example.catalog().fingerprint, first);
}

#[test]
fn a_file_is_looked_for_in_a_fixed_order() {
    let directory = tempfile::tempdir().unwrap();
    let xdg = directory.path().join("xdg");
    let home = directory.path().join("home");
    for place in [xdg.join("backstop"), home.join(".config/backstop")] {
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join("backstop.toml"), "").unwrap();
    }
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let find = |explicit: Option<&str>, set: &[(&str, String)]| {
        let set: BTreeMap<_, _> = set.iter().cloned().collect();
        config::find(explicit.map(Path::new), &|name| set.get(name).cloned())
    };
    let named = ("BACKSTOP_CONFIG", "named.toml".to_owned());
    let (xdg_set, home_set) = (("XDG_CONFIG_HOME", text(&xdg)), ("HOME", text(&home)));
    let all = [named, xdg_set.clone(), home_set.clone()];
    assert_eq!(
        find(Some("given.toml"), &all).unwrap(),
        Path::new("given.toml")
    );
    assert_eq!(find(None, &all).unwrap(), Path::new("named.toml"));
    assert_eq!(
        find(None, &[xdg_set, home_set.clone()]).unwrap(),
        xdg.join("backstop/backstop.toml")
    );
    assert_eq!(
        find(None, &[home_set]).unwrap(),
        home.join(".config/backstop/backstop.toml")
    );
    let places = find(None, &[("HOME", "/nowhere".to_owned())]).unwrap_err();
    assert_eq!(
        places,
        [
            "backstop.toml",
            "/nowhere/.config/backstop/backstop.toml",
            "/etc/backstop/backstop.toml"
        ]
        .map(PathBuf::from)
    );
}

#[test]
fn state_without_a_url_is_at_home() {
    let mut example = Example::new();
    let text = fs::read_to_string(example.path()).unwrap();
    fs::write(example.path(), text.replace("url = \"sqlite:state\"", "")).unwrap();
    let store = |example: &Example| example.load(Keys::Needed).catalog.unwrap().store.url;
    assert_eq!(store(&example), "sqlite:/home/op/.local/state/backstop");
    example
        .variables
        .insert("XDG_STATE_HOME", "/state".to_owned());
    assert_eq!(store(&example), "sqlite:/state/backstop");
}

/// Many hosts: what the example, which is of one host, cannot show.
const FLEET: &str = r#"
[store]
url = "nats://a.internal:4222, b.internal:4222,c.internal"
view = "seen"
prefix = "payments"

[store.login]
with = "password"
user = "gateway"
key = { file = "cluster.key" }

[store.tls]
authorities = "ca.pem"
certificate = "host.pem"
key = "host.key"
"#;

#[test]
fn a_cluster_is_a_place_with_a_login() {
    let example = Example::new();
    let directory = example.directory.path().to_owned();
    let text = fs::read_to_string(example.path()).unwrap();
    let (before, rest) = text.split_once("[store]").unwrap();
    let (_, after) = rest.split_once("\n[").unwrap();
    let text = format!("{before}{FLEET}\n[{after}");
    fs::write(example.path(), text).unwrap();
    let secret = directory.join("cluster.key");
    fs::write(&secret, "hunter2-hunter2\n").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let place = example.load(Keys::IfThere).catalog.unwrap().store;
    assert_eq!(
        place.url,
        "nats://a.internal:4222, b.internal:4222,c.internal"
    );
    assert_eq!(place.view, Some(directory.join("seen")));
    assert_eq!(place.nats.prefix, "payments");
    assert_eq!(
        place.nats.login,
        NatsLogin::Password {
            user: "gateway".to_owned(),
            password: Secret::new("hunter2-hunter2"),
        }
    );
    assert_eq!(place.nats.authorities, Some(directory.join("ca.pem")));
    assert!(!format!("{place:?}").contains("hunter2"));
}

#[test]
fn the_reference_names_every_key_of_the_example_and_no_other() {
    let reference = config::reference();
    let one_host = fs::read_to_string(Example::new().path()).unwrap();
    let text = one_host + FLEET;
    let described: Vec<&str> = reference
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(key, _)| key)
        .collect();
    assert!(described.len() > 60, "{described:?}");
    for key in described {
        let used = text.contains(&format!("{key} = "))
            || text.contains(&format!("[{key}"))
            || text.contains(&format!(".{key}]"));
        assert!(used, "the example does not show `{key}`");
    }
    // What the file may hold is what the reference lists: an unlisted key is refused by the same table.
    assert!(reference.contains("| `drain` | duration | `30s` | "));
    assert!(reference.contains("| `primary` | name | **required** | "));
}
