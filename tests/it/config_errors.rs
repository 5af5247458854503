//! Bad files: every rule with its code, line and column; the rendered text; exit-worthy severities.

mod cases;

use std::{fs, path::Path};

use backstop::config::{self, Keys, Loaded, Report, Severity};
use cases::CASES;
use tempfile::TempDir;

/// A small file with nothing wrong. Each case changes it.
const BASE: &str = r#"schema = 1
[providers.acme]
base_url = "https://api.acme.example"
family = "openai-chat"
key = { env = "ACME_KEY" }
[routes.one]
provider = "acme"
model = "m"
[routes.two]
provider = "acme"
model = "n"
[workloads.chat]
primary = "one"
fallback = "two"
"#;

fn variable(name: &str) -> Option<String> {
    match name {
        "ACME_KEY" => Some("secret-of-acme".to_owned()),
        "EMPTY" => Some("\n".to_owned()),
        "WORDS" => Some("secret-of-acme and more".to_owned()),
        _ => None,
    }
}

/// A directory with everything that cases point to.
fn directory() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| directory.path().join(name);
    fs::create_dir(place("keys")).unwrap();
    for (name, text) in [
        ("keys/open", "secret-of-file"),
        ("good.json", "{}"),
        ("bad.json", "{\"model\": }"),
        ("list.json", "[]"),
        ("type.json", "{\"type\": \"objekt\"}"),
        ("remote.json", "{\"$ref\": \"http://127.0.0.1:9/x.json\"}"),
    ] {
        fs::write(place(name), text).unwrap();
    }
    mode(&place("keys/open"), 0o644);
    std::os::unix::fs::symlink("/etc/hostname", place("link.json")).unwrap();
    directory
}

fn mode(path: &Path, bits: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(bits)).unwrap();
}

fn load(directory: &TempDir, text: &[u8], keys: Keys) -> Loaded {
    let path = directory.path().join("backstop.toml");
    fs::write(&path, text).unwrap();
    config::load_with(&path, &variable, keys)
}

/// One line for each finding, without the directory.
fn lines(report: &Report, directory: &TempDir) -> Vec<String> {
    let root = directory.path().to_string_lossy().into_owned();
    report
        .diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity != Severity::Note)
        .map(|diagnostic| {
            let line = diagnostic.to_string().replace(&root, "DIR");
            line.strip_prefix("DIR/backstop.toml:").unwrap().to_owned()
        })
        .collect()
}

#[test]
fn every_rule_finds_its_mistake_at_its_place() {
    let directory = directory();
    let mut wrong = Vec::new();
    for case in CASES {
        let mut text = BASE.to_owned();
        for (old, new) in case.edits {
            assert!(
                text.contains(old),
                "{}: {old:?} is not in the text",
                case.name
            );
            text = text.replacen(old, new, 1);
        }
        let loaded = load(&directory, text.as_bytes(), Keys::Needed);
        let found = lines(&loaded.report, &directory);
        assert_eq!(
            loaded.catalog.is_some(),
            loaded.report.worst() != Some(Severity::Error),
            "{}: a catalog is there when there is no error",
            case.name
        );
        let shown = format!("{:?}{}", loaded.report, loaded.report.render(false));
        for secret in ["sk-live", "sk_live", "hunter2", "5ec2e7", "secret-of"] {
            assert!(
                !shown.contains(secret),
                "{}: {secret} in {shown}",
                case.name
            );
        }
        if found != case.found {
            wrong.push(format!("{}\n  {}", case.name, found.join("\n  ")));
        }
    }
    assert!(wrong.is_empty(), "found instead:\n{}", wrong.join("\n"));
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table is as long as its cases")]
fn what_may_not_hold_in_an_outage_is_said() {
    let directory = directory();
    for (case, edits, code, place, part) in [
        (
            "one provider",
            &[][..],
            "note[shared-fate]",
            "14:12",
            "share the provider \"acme\" and its key",
        ),
        (
            "a key of its own",
            &[("model = \"n\"", "model = \"n\"\nkey = { none = true }")],
            "note[shared-fate]",
            "15:12",
            "share the provider \"acme\": its outage",
        ),
        (
            "no circuit",
            &[("model = \"m\"", "model = \"m\"\ncircuit = false")],
            "note[circuit-off]",
            "6:9",
            "never paused",
        ),
        (
            "capacity unknown",
            &[("model = \"m\"", "model = \"m\"\ncapacity_rps = 10")],
            "note[capacity-unknown]",
            "15:12",
            "does not say what it can carry",
        ),
        (
            "capacity too small",
            &[
                ("model = \"m\"", "model = \"m\"\ncapacity_rps = 10"),
                ("model = \"n\"", "model = \"n\"\ncapacity_rps = 9"),
            ],
            "note[capacity-small]",
            "16:12",
            "carries 9 requests per second, and up to 10 may land on it",
        ),
        (
            "prices in two currencies",
            &[
                (
                    "model = \"m\"",
                    "model = \"m\"\nprice = { input = 1, output = 1 }",
                ),
                (
                    "model = \"n\"",
                    "model = \"n\"\nprice = { input = 1, output = 1, currency = \"EUR\" }",
                ),
            ],
            "warning[mixed-currencies]",
            "10:9",
            "is in EUR, that of others in USD",
        ),
        (
            "a proof that no budget allows",
            &[("model = \"n\"", "model = \"n\"\nprobes_per_hour = 3")],
            "warning[probes-too-few]",
            "9:9",
            "takes up to 4 requests, so it is never begun",
        ),
        (
            "fewer at a time",
            &[
                ("model = \"m\"", "model = \"m\"\nmax_concurrent = 10"),
                ("model = \"n\"", "model = \"n\"\nmax_concurrent = 9"),
            ],
            "note[concurrency-small]",
            "13:18",
            "may run 9 requests at a time",
        ),
        (
            "context unknown",
            &[("model = \"m\"", "model = \"m\"\ncontext_tokens = 10")],
            "note[context-unknown]",
            "15:12",
            "does not say its context",
        ),
        (
            "closed to its workload",
            &[("model = \"n\"", "model = \"n\"\nworkloads = [\"other\"]")],
            "warning[not-entitled]",
            "15:12",
            "every fallback will be refused",
        ),
        (
            "open to nobody known",
            &[(
                "model = \"n\"",
                "model = \"n\"\nworkloads = [\"chat\", \"other\"]",
            )],
            "warning[unknown-workload]",
            "12:22",
            "there is no such workload",
        ),
        (
            "primary closed to its workload",
            &[("model = \"m\"", "model = \"m\"\nworkloads = []")],
            "error[not-entitled]",
            "14:11",
            "the primary of \"chat\" is not open to it",
        ),
        (
            "longer than callers wait",
            &[(
                "fallback = \"two\"",
                "fallback = \"two\"\ntimeouts = { total = \"200s\" }",
            )],
            "warning[clocks-beyond-caller]",
            "15:22",
            "clients give up after 600 s",
        ),
        (
            "repeats of repeats",
            &[(
                "fallback = \"two\"",
                "fallback = \"two\"\nmax_attempts = 9\nbackoff = { retries = 5 }",
            )],
            "warning[retries-multiply]",
            "15:16",
            "may cost 21 attempts",
        ),
    ] {
        let mut text = BASE.to_owned();
        for (old, new) in edits {
            assert!(text.contains(old), "{case}");
            text = text.replacen(old, new, 1);
        }
        let loaded = load(&directory, text.as_bytes(), Keys::Needed);
        let found: Vec<String> = loaded
            .report
            .diagnostics
            .iter()
            .map(ToString::to_string)
            .collect();
        let wanted = format!(":{place}: {code}: ");
        assert!(
            found
                .iter()
                .any(|line| line.contains(&wanted) && line.contains(part)),
            "{case}: {wanted} {part}\n{found:#?}"
        );
    }
}

#[test]
fn where_there_are_no_keys_a_missing_one_is_a_note() {
    let directory = directory();
    let text = BASE.replace("ACME_KEY", "NOT_SET");
    let with = load(&directory, text.as_bytes(), Keys::Needed);
    assert_eq!(with.report.worst(), Some(Severity::Error));
    let without = load(&directory, text.as_bytes(), Keys::Noted);
    assert_eq!(without.report.worst(), Some(Severity::Note));
    assert!(without.catalog.is_some());
    let codes: Vec<&str> = without
        .report
        .diagnostics
        .iter()
        .map(|found| found.code)
        .collect();
    assert!(codes.contains(&"no-credential"), "{codes:?}");
}

#[test]
fn a_finding_is_shown_with_its_line_and_a_caret() {
    let directory = directory();
    let text = BASE
        .replace("\"two\"\n", "\"tow\"\ntier = \"paid\" # \u{202e}hidden\n")
        .replace(
            "model = \"m\"",
            "model = \"m\"\nkey = \"sk-live-1234\" # \u{9b}31m",
        );
    let report = load(&directory, text.as_bytes(), Keys::Needed).report;
    let shown = report
        .render(false)
        .replace(&*directory.path().to_string_lossy(), "DIR");
    assert_eq!(
        shown,
        r#"error[credential-in-file]: a key must not be written into this file
 --> DIR/backstop.toml:9:7
  |
9 | key = "************" # MARK31m
  |       ^^^^^^^^^^^^^^
  |
  = help: name its place: `key = { env = "NAME" }`, `{ file = "PATH" }`, `{ credential = "NAME" }` or `{ none = true }`; then replace the key, it may have been seen

error[unknown-route]: workload "chat" names the fallback "tow", and there is no such route
  --> DIR/backstop.toml:15:12
   |
15 | fallback = "tow"
   |            ^^^^^
   |
   = help: did you mean "two"?

warning[paid-without-notice]: "chat" is paid for and gives no notice, so every fallback will be refused
  --> DIR/backstop.toml:16:8
   |
16 | tier = "paid" # MARKhidden
   |        ^^^^^^
   |
   = help: add `notice = { text = "what users may read" }`
"#
        .replace("MARK", "\u{fffd}")
    );
}

#[test]
fn colour_changes_nothing_but_colour() {
    let directory = directory();
    let text = BASE.replace("\"two\"\n", "\"tow\"\n");
    let report = load(&directory, text.as_bytes(), Keys::Needed).report;
    let (plain, coloured) = (report.render(false), report.render(true));
    assert!(!plain.contains('\u{1b}'));
    assert!(coloured.contains("\u{1b}["));
    let mut stripped = String::new();
    for (index, part) in coloured.split("\u{1b}[").enumerate() {
        let text = if index == 0 {
            part
        } else {
            part.split_once('m').unwrap().1
        };
        stripped.push_str(text);
    }
    assert_eq!(stripped, plain);
}

#[test]
fn findings_serialise_for_scripts() {
    let directory = directory();
    let text = BASE.replace("\"two\"\n", "\"tow\"\n");
    let report = load(&directory, text.as_bytes(), Keys::Needed).report;
    let mut json = serde_json::to_value(&report.diagnostics).unwrap();
    json[0]["file"] = "backstop.toml".into();
    assert_eq!(
        json,
        serde_json::json!([{
            "severity": "error",
            "code": "unknown-route",
            "message": "workload \"chat\" names the fallback \"tow\", and there is no such route",
            "file": "backstop.toml",
            "line": 14,
            "column": 12,
            "span": { "start": 246, "end": 251 },
            "help": "did you mean \"two\"?",
        }])
    );
}

#[test]
fn without_the_gateway_s_environment_an_operator_still_gets_a_catalog() {
    let directory = directory();
    let text = BASE.replace("ACME_KEY", "NOT_HERE");
    let loaded = load(&directory, text.as_bytes(), Keys::IfThere);
    assert_eq!(lines(&loaded.report, &directory), Vec::<String>::new());
    assert!(loaded.catalog.unwrap().routes["one"].credential.is_none());
    let loaded = load(&directory, BASE.as_bytes(), Keys::IfThere);
    assert!(loaded.catalog.unwrap().routes["one"].credential.is_some());
}

#[test]
fn a_file_that_cannot_be_read_is_a_finding_too() {
    let directory = directory();
    let load = |text: &[u8]| load(&directory, text, Keys::Needed);
    let mut latin = BASE.as_bytes().to_vec();
    latin.extend(b"# caf\xe9");
    let large = format!("{BASE}# {}", "x".repeat(4 << 20));
    let with_mark = "\u{feff}schema = 3\n";
    for (name, bytes, found) in [
        (
            "not UTF-8",
            latin.as_slice(),
            vec![
                "15:6: error[not-utf8]: the file is not UTF-8 text from here on; save it as UTF-8",
            ],
        ),
        (
            "too large",
            large.as_bytes(),
            vec!["1:1: error[unreadable]: the file cannot be read: file too large"],
        ),
        (
            "a byte order mark takes no column",
            with_mark.as_bytes(),
            vec![
                "1:1: error[missing-key]: the file needs the key `workloads`",
                "1:10: error[unsupported-schema]: schema 3 is not known to this version; write `schema = 1`",
            ],
        ),
        (
            "nothing",
            b"",
            vec![
                "1:1: error[missing-key]: the file needs the key `schema`",
                "1:1: error[missing-key]: the file needs the key `workloads`",
            ],
        ),
    ] {
        let loaded = load(bytes);
        assert_eq!(lines(&loaded.report, &directory), found, "{name}");
        assert!(loaded.catalog.is_none(), "{name}");
        assert!(loaded.report.render(false).starts_with("error["), "{name}");
    }

    load(BASE.as_bytes());
    let path = directory.path().join("backstop.toml");
    mode(&path, 0o666);
    let open = config::load(&path, &variable);
    assert_eq!(
        lines(&open.report, &directory),
        [
            "1:1: error[world-writable]: every user of this host can change the file, and so where requests and keys go; chmod o-w DIR/backstop.toml"
        ]
    );
    assert!(open.catalog.is_none());

    fs::remove_file(&path).unwrap();
    let missing = config::load(&path, &variable);
    assert_eq!(
        missing
            .report
            .render(false)
            .replace(&*directory.path().to_string_lossy(), "DIR"),
        "error[unreadable]: the file cannot be read: No such file or directory (os error 2)\n--> DIR/backstop.toml:1:1\n"
    );
    fs::create_dir(&path).unwrap();
    let found = lines(&config::load(&path, &variable).report, &directory);
    assert_eq!(
        found,
        ["1:1: error[unreadable]: the file cannot be read: is a directory"]
    );
}
