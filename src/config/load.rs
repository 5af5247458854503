//! One file from disk to catalog or report.

use std::{
    collections::BTreeMap,
    fs::{self, File as Disk},
    io::Read as _,
    ops::Range,
    path::{Path, PathBuf},
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    Keys, Loaded, Report, Variables,
    check::{self, Names},
    diagnostic::Findings,
    file::File,
    fingerprint::fingerprint,
    keys::Places,
    redact::redact,
    resolve::{self, Source},
    samples,
};
use crate::model::{Catalog, SampleId};

/// The largest configuration.
const LARGEST: u64 = 4 << 20;

/// Reads and checks one file; everything wrong with it is in the report, in one run.
#[must_use]
pub fn load(path: &Path, variables: Variables<'_>) -> Loaded {
    load_with(path, variables, Keys::Needed)
}

/// Like [`load`], with a choice about credentials.
#[must_use]
pub fn load_with(path: &Path, variables: Variables<'_>, keys: Keys) -> Loaded {
    let findings = Findings::default();
    let bytes = match read(path, &findings) {
        Ok(bytes) => bytes,
        Err(error) => {
            findings.error(
                "unreadable",
                0..0,
                format!("the file cannot be read: {error}"),
                (),
            );
            return Loaded {
                catalog: None,
                report: Report::new(path, String::new(), findings),
                samples: BTreeMap::new(),
            };
        }
    };
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let good = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            findings.error(
                "not-utf8",
                good..good + 1,
                "the file is not UTF-8 text from here on",
                "save it as UTF-8",
            );
            return Loaded {
                catalog: None,
                report: Report::new(path, redact(&text, &[]), findings),
                samples: BTreeMap::new(),
            };
        }
    };
    let understood = understand(path, &text, variables, keys, &findings);
    let (catalog, samples) = understood.unzip();
    let source = redact(&text, &findings.hidden());
    Loaded {
        catalog,
        report: Report::new(path, source, findings),
        samples: samples.unwrap_or_default(),
    }
}

/// Reads the bytes of a file, not more than a configuration can have.
fn read(path: &Path, findings: &Findings) -> std::io::Result<Vec<u8>> {
    let file = Disk::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(std::io::ErrorKind::IsADirectory.into());
    }
    if writable_by_all(&metadata) {
        findings.error(
            "world-writable",
            0..0,
            "every user of this host can change the file, and so where requests and keys go",
            format!("chmod o-w {}", path.display()),
        );
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(std::io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

#[cfg(unix)]
fn writable_by_all(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.is_file() && metadata.permissions().mode() & 0o002 != 0
}

#[cfg(not(unix))]
fn writable_by_all(_: &fs::Metadata) -> bool {
    false
}

fn understand(
    path: &Path,
    text: &str,
    variables: Variables<'_>,
    keys: Keys,
    findings: &Findings,
) -> Option<(Catalog, BTreeMap<SampleId, Range<usize>>)> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if !syntax(text, &errors, findings) {
        return None;
    }
    let root = Spanned::new(table.span(), DeValue::Table(table.into_inner()));
    let file = File::read(&root, findings)?;
    let names = Names::of(&file);
    check::check(&file, &names, findings);
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let directory = absolute.parent().map_or_else(PathBuf::new, Path::to_owned);
    let catalog = resolve::resolve(
        &file,
        &names,
        &Source {
            fingerprint: fingerprint(text.as_bytes()),
            places: Places {
                directory: &directory,
                variables,
            },
            keys,
            path: absolute.clone(),
        },
        findings,
    )?;
    Some((catalog, samples::places(&file.workloads)))
}

/// Reports what the parser found; says whether the rest of the file was still understood.
fn syntax(text: &str, errors: &[toml::de::Error], findings: &Findings) -> bool {
    let repeated = |error: &toml::de::Error| error.message().starts_with("duplicate key");
    let whole = errors.iter().all(repeated);
    // What is not closed swallows the lines after it, and their errors would mislead.
    let swallowed = errors
        .iter()
        .any(|error| error.message().starts_with("unclosed"));
    let mut errors: Vec<_> = errors.iter().collect();
    errors.sort_by_key(|error| error.span().map(|span| span.start));
    for error in errors.iter().take(if swallowed { 1 } else { usize::MAX }) {
        let place = error.span().unwrap_or(0..0);
        if repeated(error) {
            let key = text.get(place.clone()).unwrap_or_default();
            let message = format!("the key `{key}` is there twice");
            findings.error(
                "repeated-key",
                place,
                message,
                "remove or rename one of them",
            );
        } else {
            let help =
                swallowed.then(|| "something that begins before may not be closed".to_owned());
            findings.error("syntax", place, error.message(), help);
        }
    }
    whole
}
