//! Every case below `tests/fuzz/cases` against the rules of its fuzz target: inputs that once broke one, and
//! the seeds that the fuzzer starts from. No fuzzer is needed for this.

#![expect(
    unreachable_pub,
    reason = "the checks are public in the fuzzer's crate"
)]

use std::{fs, path::Path};

#[path = "../fuzz/src/config.rs"]
pub(crate) mod config;
#[path = "../fuzz/src/error_body.rs"]
mod error_body;
#[path = "../fuzz/src/splice.rs"]
mod splice;
#[path = "../fuzz/src/stream.rs"]
mod stream;

/// Runs one target over the files of the directories, which have some.
fn replay(check: fn(&[u8]), directories: &[&str]) {
    for directory in directories {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
        let mut files: Vec<_> = fs::read_dir(&directory)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file())
            .collect();
        files.sort();
        assert!(!files.is_empty(), "{} is empty", directory.display());
        for file in files {
            let data = fs::read(&file).unwrap();
            let held = std::panic::catch_unwind(|| check(&data)).is_ok();
            assert!(held, "{} breaks the rule above", file.display());
        }
    }
}

#[test]
fn stream() {
    replay(
        stream::check,
        &["tests/fuzz/cases/stream", "tests/fixtures/wire"],
    );
}

#[test]
fn splice() {
    replay(splice::check, &["tests/fuzz/cases/splice"]);
}

#[test]
fn error_body() {
    replay(
        error_body::check,
        &["tests/fuzz/cases/error-body", "tests/fixtures/wire"],
    );
}

#[test]
fn config() {
    replay(
        config::check,
        &[
            "tests/fuzz/cases/config",
            "tests/it/config_errors",
            "tests/it/fixtures",
        ],
    );
}
