//! A good file: what the catalog holds, what defaults are, where things are looked for.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use backstop::{
    config::{self, Keys, Loaded},
    model::{Catalog, ErrorClass, Family, LogFailure, Mode, NoticeStyle, Tier},
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
        for name in ["backstop.toml", "samples/chat.json", "samples/tools.json"] {
            fs::write(place(name), fs::read(fixtures.join(name)).unwrap()).unwrap();
        }
        for (name, key) in [
            ("keys/coder", "file-key\n"),
            ("credentials/zenith", "credential-key"),
        ] {
            fs::write(place(name), key).unwrap();
            private(&place(name));
        }
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
        catalog.store,
        format!("sqlite:{}", root.join("state").display())
    );
    assert_eq!(catalog.retention.audit, Duration::from_secs(400 * 86_400));
    assert_eq!(catalog.gateway.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(catalog.gateway.workers, 2);
    assert_eq!(catalog.gateway.max_body, 16 << 20);
    assert_eq!(catalog.gateway.drain, Duration::from_secs(20));

    let chat = &catalog.workloads["support-chat"];
    assert_eq!(chat.family, Family::OpenaiChat);
    assert_eq!(chat.tier, Tier::Paid);
    assert!(!chat.triggers.contains(ErrorClass::BrokenResponse));
    assert_eq!(chat.timeouts.first_output, Duration::from_secs(8));
    assert_eq!(chat.backoff.max_wait, Duration::from_secs(3));
    assert_eq!(chat.notice.style, NoticeStyle::Inline);
    assert!(chat.notice.enabled && chat.notice.required);
    assert_eq!(chat.samples[1].path, root.join("samples/tools.json"));
    let coder = &catalog.workloads["code-assistant"];
    assert_eq!(coder.family, Family::AnthropicMessages);
    assert_eq!(coder.mode, Mode::Hold);
    assert_eq!(coder.on_log_failure, LogFailure::Serve);
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
        catalog.routes["careful-coder"].base_url,
        "https://zenith.example/inference"
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
    let seconds = |duration: Duration| duration.as_secs_f64();
    assert_eq!(seconds(plain.timeouts.headers), 10.0);
    assert_eq!(seconds(plain.timeouts.first_output), 15.0);
    assert_eq!(seconds(plain.timeouts.idle), 20.0);
    assert_eq!(seconds(plain.timeouts.total), 120.0);
    assert_eq!(plain.backoff.retries, 2);
    assert_eq!(seconds(plain.backoff.initial), 0.5);
    assert_eq!(seconds(plain.backoff.max_wait), 5.0);
    assert_eq!(plain.max_attempts, 4);
    assert_eq!(plain.retry_share, 1.0);
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
fn the_fingerprint_follows_the_bytes() {
    let example = Example::new();
    let first = example.catalog().fingerprint;
    assert_eq!(first.len(), 12);
    assert_eq!(example.catalog().fingerprint, first);
    let text = fs::read_to_string(example.path()).unwrap();
    fs::write(example.path(), text + "\n").unwrap();
    assert_ne!(example.catalog().fingerprint, first);
}
