//! Following a file: what comes into force, what is refused, and what survives.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use backstop::{
    config::{self, Follow, Followed, Keys},
    model::Catalog,
};
use tempfile::TempDir;

/// Far longer than it ever takes.
const DEADLINE: Duration = Duration::from_secs(30);

fn text(description: &str) -> String {
    format!(
        r#"schema = 1
[store]
url = "memory:follow"
[providers.acme]
base_url = "http://127.0.0.1:9"
family = "openai-chat"
key = {{ file = "key" }}
[routes.one]
provider = "acme"
model = "m"
[workloads.chat]
description = "{description}"
primary = "one"
"#
    )
}

/// Replaces a file at once, so that nobody sees half of it.
fn replace(path: &Path, text: &str) {
    let draft = path.with_extension("draft");
    fs::write(&draft, text).unwrap();
    fs::rename(&draft, path).unwrap();
}

/// A followed file in a directory of its own.
struct Case {
    path: PathBuf,
    followed: Followed,
    follow: Follow,
    directory: TempDir,
}

impl Case {
    /// Follows `backstop.toml` in a directory that `prepare` fills.
    fn start(prepare: impl Fn(&Path)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("backstop.toml");
        let key = directory.path().join("key");
        fs::write(&key, "first-key").unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        prepare(directory.path());
        let loaded = config::load_with(&path, &|_| None, Keys::Needed);
        assert_eq!(loaded.report.render(false), "");
        let (followed, follow) = config::follow(loaded.catalog.unwrap());
        Self {
            path,
            followed,
            follow,
            directory,
        }
    }

    fn plain() -> Self {
        Self::start(|root| fs::write(root.join("backstop.toml"), text("first")).unwrap())
    }

    async fn catalog(&mut self, wanted: impl Fn(&Catalog) -> bool) -> Arc<Catalog> {
        let wait = self.followed.catalog.wait_for(|catalog| wanted(catalog));
        let found = tokio::time::timeout(DEADLINE, wait).await;
        Arc::clone(&found.unwrap().unwrap())
    }

    async fn described(&mut self, description: &str) {
        self.catalog(|catalog| catalog.workloads["chat"].description == description)
            .await;
    }

    async fn refused(&mut self) -> String {
        let wait = self.followed.refused.wait_for(Option::is_some);
        let found = tokio::time::timeout(DEADLINE, wait).await;
        found.unwrap().unwrap().clone().unwrap()
    }

    async fn accepted(&mut self) {
        let wait = self.followed.refused.wait_for(Option::is_none);
        let found = tokio::time::timeout(DEADLINE, wait).await;
        found.unwrap().unwrap();
    }

    fn in_force(&self) -> String {
        let catalog = self.followed.catalog.borrow();
        catalog.workloads["chat"].description.clone()
    }
}

#[tokio::test]
async fn a_good_change_comes_into_force() {
    let mut case = Case::plain();
    let old = case.followed.catalog.borrow().fingerprint.clone();
    fs::write(&case.path, text("second")).unwrap();
    case.described("second").await;
    assert_ne!(case.followed.catalog.borrow().fingerprint, old);
    assert_eq!(*case.followed.refused.borrow(), None);
}

#[tokio::test]
async fn a_bad_change_is_refused_in_one_line_and_the_old_file_stays_in_force() {
    let mut case = Case::plain();
    let bad = text("second")
        .replace("\"one\"", "\"on\"")
        .replace("[routes.one]", "[routes.one]\nx = 1");
    replace(&case.path, &bad);
    let why = case.refused().await;
    let place = format!("{}:", case.path.display());
    assert_eq!(
        why.strip_prefix(&place).unwrap(),
        "9:1: error[unknown-key]: unknown key `x` in `one`; known keys: provider, model, capabilities, \
         context_tokens, capacity_rps, max_concurrent, workloads, circuit, serves, price, probes_per_hour, probe_cost_per_day, \
         base_url, family, key, boundary (and 1 more; run backstop check)"
    );
    assert!(!why.contains('\n'));
    assert_eq!(case.in_force(), "first");

    fs::write(&case.path, text("third")).unwrap();
    case.described("third").await;
    case.accepted().await;
}

#[tokio::test]
async fn the_file_in_force_written_back_ends_the_refusal() {
    let mut case = Case::plain();
    fs::write(&case.path, "").unwrap();
    case.refused().await;
    fs::write(&case.path, text("first")).unwrap();
    case.accepted().await;
    assert_eq!(case.in_force(), "first");
}

#[tokio::test]
async fn editors_that_rename_are_followed_again_and_again() {
    let mut case = Case::plain();
    for description in ["second", "third", "fourth"] {
        let draft = case.directory.path().join(".backstop.toml.swp");
        fs::write(&draft, text(description)).unwrap();
        fs::rename(&draft, &case.path).unwrap();
        case.described(description).await;
    }
    fs::rename(&case.path, case.path.with_extension("bak")).unwrap();
    assert!(case.refused().await.contains("cannot be read"));
    assert_eq!(case.in_force(), "fourth");
    fs::write(&case.path, text("fifth")).unwrap();
    case.described("fifth").await;
}

#[tokio::test]
async fn a_link_that_is_swapped_is_followed() {
    // As Kubernetes mounts a ConfigMap: backstop.toml -> ..data/backstop.toml, ..data -> ..1.
    let version = |root: &Path, name: &str, description: &str| {
        fs::create_dir(root.join(name)).unwrap();
        fs::write(root.join(name).join("backstop.toml"), text(description)).unwrap();
        let link = root.join("..new");
        symlink(name, &link).unwrap();
        fs::rename(&link, root.join("..data")).unwrap();
    };
    let mut case = Case::start(|root| {
        version(root, "..1", "first");
        symlink("..data/backstop.toml", root.join("backstop.toml")).unwrap();
    });
    version(case.directory.path(), "..2", "second");
    case.described("second").await;
    version(case.directory.path(), "..3", "third");
    case.described("third").await;
}

#[tokio::test]
async fn a_link_into_another_directory_is_followed_there() {
    let other = tempfile::tempdir().unwrap();
    let target = other.path().join("real.toml");
    let mut case = Case::start(|root| {
        fs::write(&target, text("first")).unwrap();
        symlink(&target, root.join("backstop.toml")).unwrap();
    });
    fs::write(&target, text("second")).unwrap();
    case.described("second").await;
}

#[tokio::test]
async fn what_cannot_change_while_running_asks_for_a_restart() {
    for (name, old, new, why) in [
        (
            "listener",
            "schema = 1",
            "schema = 1\ngateway = { listen = \"127.0.0.1:9999\" }",
            "gateway.listen changed from 127.0.0.1:8080 to 127.0.0.1:9999, which needs a restart",
        ),
        (
            "workers",
            "schema = 1",
            "schema = 1\ngateway = { workers = 3 }",
            "gateway.workers changed from 0 to 3, which needs a restart",
        ),
        (
            "store",
            "memory:follow",
            "memory:other",
            "store.url changed from memory:follow to memory:other, which needs a restart",
        ),
    ] {
        let mut case = Case::plain();
        replace(&case.path, &text("second").replace(old, new));
        assert_eq!(case.refused().await, why, "{name}");
        assert_eq!(case.in_force(), "first", "{name}");
    }
}

#[tokio::test]
async fn a_reload_reads_the_keys_again() {
    let mut case = Case::plain();
    let key = |catalog: &Catalog| {
        let key = catalog.routes["one"].credential.as_ref();
        key.map(|key| key.expose().to_owned())
    };
    assert_eq!(
        key(&case.followed.catalog.borrow()).as_deref(),
        Some("first-key")
    );
    fs::write(case.directory.path().join("key"), "second-key").unwrap();
    case.follow.reload();
    case.catalog(|catalog| key(catalog).as_deref() == Some("second-key"))
        .await;
    fs::remove_file(case.directory.path().join("key")).unwrap();
    case.follow.reload();
    assert!(case.refused().await.contains("error[no-credential]"));
    assert_eq!(
        key(&case.followed.catalog.borrow()).as_deref(),
        Some("second-key")
    );
}

#[tokio::test]
async fn following_ends_when_it_is_dropped() {
    let mut case = Case::plain();
    drop(case.follow);
    let closed = tokio::time::timeout(DEADLINE, case.followed.catalog.changed()).await;
    assert!(closed.unwrap().is_err());
}
