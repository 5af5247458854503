//! `doctor` on installations that are well, and on such that are not: it finds what is wrong, says what to do, and
//! changes nothing.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use rusqlite::Connection;
use serde_json::Value;

use crate::{
    cli_project::{Run, Running, command, run, wait_for},
    control_project::{CONFIG, Project},
};

/// The findings of one check, as `soundness: says -> advice`.
fn of(doctor: &Value, check: &str) -> Vec<String> {
    let checks = doctor["checks"].as_array().unwrap().iter();
    checks
        .filter(|found| found["check"] == check)
        .map(|found| {
            format!(
                "{}: {} -> {}",
                found["soundness"].as_str().unwrap(),
                found["says"].as_str().unwrap(),
                found["advice"].as_str().unwrap_or_default()
            )
        })
        .collect()
}

fn doctor(project: &Project, code: i32) -> Value {
    run(project, "doctor --json").exits(code).json()
}

fn served() -> (Project, Running) {
    let config = CONFIG.replace("[gateway]\n", "[gateway]\nmax_connections = 16\n");
    let project = Project::with(&config);
    let serve = Running::start(&project, "serve");
    wait_for("the gateway", || {
        let listed = run(&project, "gateways --json");
        (listed.code == Some(0) && listed.out.contains("\"alive\":true")).then_some(())
    });
    (project, serve)
}

#[test]
fn what_is_well_is_said_to_be_so() {
    let (project, serve) = served();
    let json = doctor(&project, 0);
    for check in [
        "config",
        "limits",
        "places",
        "store-place",
        "store-permissions",
        "store-users",
        "gateways",
        "audit",
    ] {
        let found = of(&json, check);
        assert_eq!(found.len(), 1, "{check}: {found:?}");
        assert!(found[0].starts_with("good: "), "{check}: {found:?}");
    }
    assert_eq!(of(&json, "store-file").len(), 3);
    assert!(of(&json, "store-users")[0].contains(&format!("{} (backstop)", serve.0.id())));
    let words = run(&project, "doctor --deep").exits(0);
    assert!(words.out.contains("+ store-file"), "{}", words.out);
    assert_eq!(words.err, "nothing is wrong\n");
}

#[test]
fn a_gateway_that_died_is_noticed() {
    let (project, mut serve) = served();
    let pid = serve.0.id();
    serve.0.kill().unwrap();
    serve.0.wait().unwrap();
    // It counts as alive for five seconds.
    let found = wait_for("silence", || {
        let found = of(&run(&project, "doctor --json").json(), "gateways");
        found[0].contains("is silent").then_some(found)
    });
    assert!(
        found[0].contains(&format!("(process {pid} on ")),
        "{found:?}"
    );
    assert!(found[0].contains("gone without a farewell"), "{found:?}");
    assert!(found[1].contains("no gateway is alive"), "{found:?}");
}

#[test]
fn a_gateway_with_another_configuration_is_noticed() {
    let (project, serve) = served();
    let text = fs::read_to_string(project.config()).unwrap();
    // Made in one step: the gateway must not see half of it.
    let half = project.path().join("half.toml");
    fs::write(
        &half,
        text.replace("\"Invoices\"", "\"Invoices\"\nnonsense = 1"),
    )
    .unwrap();
    let bad = run(
        &project,
        &format!("doctor --json --config {}", half.display()),
    )
    .exits(2);
    assert!(
        of(&bad.json(), "config")[0].contains("nonsense"),
        "{}",
        bad.out
    );
    fs::write(&half, text.replace("\"Invoices\"", "\"Bills\"")).unwrap();
    let other = run(
        &project,
        &format!("doctor --json --config {}", half.display()),
    )
    .exits(1);
    let found = of(&other.json(), "gateways");
    assert!(found[0].contains("runs configuration"), "{found:?}");
    drop(serve);
}

type Damage = fn(&Path);

fn database(state: &Path, file: &str) -> Connection {
    Connection::open(state.join(file)).unwrap()
}

fn without_log(state: &Path, file: &str) {
    database(state, file)
        .execute_batch("PRAGMA journal_mode = DELETE")
        .unwrap();
}

/// What is done to a store, the exit code, the check that must find it, and what that must say.
const DAMAGES: [(&str, Damage, i32, &str, &str); 11] = [
    (
        "not there",
        |state| fs::remove_dir_all(state).unwrap(),
        5,
        "store-place",
        "is not there -> start the gateway once",
    ),
    (
        "a file in its place",
        |state| {
            fs::remove_dir_all(state).unwrap();
            fs::write(state, "").unwrap();
        },
        5,
        "store-place",
        "is not a directory -> ",
    ),
    (
        "others may write",
        |state| {
            fs::set_permissions(state.join("pulse.db"), fs::Permissions::from_mode(0o606)).unwrap();
        },
        5,
        "store-permissions",
        "(mode 606): they could change overrides past the audit -> chmod go-w ",
    ),
    (
        "others may read",
        |state| fs::set_permissions(state, fs::Permissions::from_mode(0o755)).unwrap(),
        1,
        "store-permissions",
        "note: others may read ",
    ),
    (
        "a file is gone",
        |state| fs::remove_file(state.join("events.db")).unwrap(),
        5,
        "store-file",
        "bad: events.db is not there -> put it back, or restore a backup",
    ),
    (
        "no database",
        |state| {
            without_log(state, "state.db");
            fs::write(state.join("state.db"), "this is no database".repeat(1_000)).unwrap();
        },
        5,
        "store-file",
        "bad: state.db: file is not a database -> restore a backup",
    ),
    (
        "a damaged page",
        |state| {
            without_log(state, "events.db");
            let mut bytes = fs::read(state.join("events.db")).unwrap();
            let page = 4096;
            let count = bytes.len() / page;
            for at in 1..count {
                bytes[at * page..at * page + 64].fill(0xa5);
            }
            fs::write(state.join("events.db"), bytes).unwrap();
        },
        5,
        "store-file",
        "bad: events.db: ",
    ),
    (
        "a newer schema",
        |state| {
            database(state, "pulse.db")
                .pragma_update(None, "user_version", 99)
                .unwrap();
        },
        5,
        "store-file",
        "bad: pulse.db: schema 99, this program knows up to ",
    ),
    (
        "an older schema",
        |state| {
            database(state, "pulse.db")
                .pragma_update(None, "user_version", 1)
                .unwrap();
        },
        1,
        "store-file",
        "-> start a gateway of this version: it brings it up to date",
    ),
    (
        "an audit that was changed",
        |state| {
            database(state, "state.db")
                .execute_batch("DELETE FROM audit WHERE sequence = 1")
                .unwrap();
        },
        1,
        "audit",
        "bad: 1 findings, the first: record 1 is missing -> `backstop audit --verify` lists them",
    ),
    (
        "a restore that was interrupted",
        |state| fs::write(state.join("restore.unfinished"), "").unwrap(),
        5,
        "store-restore",
        "run `backstop restore` again",
    ),
];

#[test]
fn what_is_wrong_with_a_store_is_found_and_explained() {
    for (case, damage, code, check, wanted) in DAMAGES {
        let config = CONFIG.replace("[gateway]\n", "[gateway]\nmax_connections = 16\n");
        let project = Project::with(&config);
        for mode in ["force", "auto", "hold"] {
            let reason = if mode == "auto" { "" } else { "--reason drill" };
            run(
                &project,
                &format!("{mode} support-chat --confirm sup {reason} --no-wait"),
            )
            .exits(0);
        }
        damage(&project.path().join("state"));
        let json = doctor(&project, code);
        let found = of(&json, check).join("\n");
        assert!(found.contains(wanted), "{case}: {found}");
    }
}

#[test]
fn who_holds_a_lock_is_named() {
    let project = Project::new();
    run(
        &project,
        "hold support-chat --confirm sup --reason drill --no-wait",
    )
    .exits(0);
    let mut holder = database(&project.path().join("state"), "state.db");
    let held = holder
        .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
        .unwrap();
    let json = doctor(&project, 5);
    let found = of(&json, "store-lock");
    let own = format!("{} (", std::process::id());
    assert!(
        found[0].contains("state.db has been locked for two seconds by"),
        "{found:?}"
    );
    assert!(found[0].contains(&own), "{found:?}");
    drop(held);
    assert_eq!(
        of(&run(&project, "doctor --json").json(), "store-lock"),
        Vec::<String>::new()
    );
}

#[test]
fn keys_are_named_and_never_shown() {
    let config = CONFIG.replace("key = { none = true }", "key = { env = \"ACME_KEY\" }");
    let project = Project::with(&config);
    let with = |key: Option<&str>| {
        let mut doctor = command(&project, ["doctor", "--json"]);
        if let Some(key) = key {
            doctor.env("ACME_KEY", key);
        }
        Run::of(doctor.output().unwrap())
    };
    let there = with(Some("planted-7c1f"));
    assert_eq!(
        of(&there.json(), "keys"),
        ["good: there: the variable ACME_KEY -> "]
    );
    assert!(!format!("{there:?}").contains("planted"), "{there:?}");
    let missing = with(None);
    assert!(
        of(&missing.json(), "keys")[0]
            .starts_with("note: not to be seen from here: the variable ACME_KEY")
    );
}

#[test]
fn the_certificate_is_looked_at() {
    for (case, year, wanted) in [("good", 2100, "good: "), ("ended", 2001, "bad: ")] {
        let config = CONFIG.replace(
            "listen = \"127.0.0.1:0\"\n",
            "listen = \"127.0.0.1:0\"\ntls = { certificate = \"own.pem\", key = \"own.key\" }\n",
        );
        let project = Project::with(&config);
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2000, 1, 1);
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        fs::write(
            project.path().join("own.pem"),
            params.self_signed(&key).unwrap().pem(),
        )
        .unwrap();
        fs::write(project.path().join("own.key"), key.serialize_pem()).unwrap();
        let found = of(&run(&project, "doctor --json").json(), "tls");
        assert!(
            found[0].starts_with(wanted) && found[0].contains(&format!("{year}-01-01")),
            "{case}: {found:?}"
        );
    }
}
