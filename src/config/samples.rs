//! Sample files: beside the configuration, inside its directory, JSON objects; and the schemas of their
//! checks.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{self, Read as _},
    ops::Range,
    path::{Component, Path, PathBuf},
};

use super::{
    diagnostic::Findings,
    file::{Sample as Entry, Workload},
    fingerprint::fingerprint,
    reader::At,
};
use crate::model::{Sample, SampleCheck, SampleId};

/// The largest sample body, and the largest schema, in bytes.
pub const SAMPLE_LIMIT: u64 = 16 << 20;

/// What is said of a directory, a pipe, or a body that is too large.
const NO_SAMPLE: &str = "is not a file of at most 16 MiB";

/// The samples of a workload. One that cannot be used is left out with a warning, because traffic does not
/// depend on it; a path that leads elsewhere is an error.
pub(super) fn of(workload: &Workload, directory: &Path, findings: &Findings) -> Vec<Sample> {
    let mut names = BTreeSet::new();
    let samples = workload.samples.iter().filter_map(|entry| {
        let sample = sample(workload, entry, directory, findings)?;
        if !names.insert(sample.id.clone()) {
            let place = entry.name.as_ref().map_or(entry.place.clone(), At::span);
            findings.error(
                "repeated-sample",
                place,
                format!(
                    "the workload has two samples called \"{}\"",
                    sample.id.name()
                ),
                "give one of them another `name`",
            );
        }
        Some(sample)
    });
    samples.collect()
}

fn sample(
    workload: &Workload,
    entry: &Entry,
    directory: &Path,
    findings: &Findings,
) -> Option<Sample> {
    let path = inside(&entry.file, "sample", directory, findings)?;
    let bytes = readable(&entry.file, "sample", &path, findings)?;
    if let Err(error) = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&bytes)
    {
        let why = if error.is_data() {
            "is not a JSON object".to_owned()
        } else {
            format!("is not JSON: {error}")
        };
        left_out(
            &entry.file,
            "sample",
            ("sample-not-json", &why),
            &path,
            findings,
        );
        return None;
    }
    Some(Sample {
        id: id(workload, entry),
        class: entry.class,
        path,
        digest: fingerprint(&bytes),
        stream: entry.stream,
        checks: checks(entry, directory, findings)?,
    })
}

fn id(workload: &Workload, entry: &Entry) -> SampleId {
    let name = entry
        .name
        .as_ref()
        .map_or_else(|| stem(entry.file.get_ref()), |name| name.get_ref().clone());
    SampleId::of(&workload.name.get_ref().as_str().into(), &name)
}

/// Where each sample names its file.
pub(super) fn places(workloads: &[Workload]) -> BTreeMap<SampleId, Range<usize>> {
    let of = |workload: &Workload| {
        let place = |entry: &Entry| (id(workload, entry), entry.file.span());
        workload.samples.iter().map(place).collect::<Vec<_>>()
    };
    workloads.iter().flat_map(of).collect()
}

/// `samples/long-question.json`: `long-question`.
fn stem(file: &str) -> String {
    let name = Path::new(file).file_stem().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// `None`: one of them cannot be made; the sample without it would prove too much.
fn checks(entry: &Entry, directory: &Path, findings: &Findings) -> Option<Vec<SampleCheck>> {
    let said = &entry.checks;
    let mut checks = Vec::new();
    if said.no_refusal {
        checks.push(SampleCheck::NoRefusal);
    }
    checks.extend(
        said.first_output
            .map(|limit| SampleCheck::FirstOutputWithin { limit }),
    );
    if let Some(file) = &said.schema {
        checks.push(schema(file, directory, findings)?);
    }
    let clone = |list: &[String], make: fn(String) -> SampleCheck| -> Vec<SampleCheck> {
        list.iter().cloned().map(make).collect()
    };
    checks.extend(clone(&said.tools, |tool| SampleCheck::ToolCalled { tool }));
    checks.extend(clone(&said.contains, |text| SampleCheck::Contains { text }));
    checks.extend(clone(&said.matches, |pattern| SampleCheck::Matches {
        pattern,
    }));
    checks.extend(
        said.language
            .clone()
            .map(|code| SampleCheck::Language { code }),
    );
    checks.extend(
        said.dimensions
            .map(|count| SampleCheck::Dimensions { count }),
    );
    Some(checks)
}

/// A schema that compiles. A reference to elsewhere does not: nothing is fetched for a check.
fn schema(file: &At<String>, directory: &Path, findings: &Findings) -> Option<SampleCheck> {
    let path = inside(file, "schema", directory, findings)?;
    let bytes = readable(file, "schema", &path, findings)?;
    let compiled = serde_json::from_slice(&bytes)
        .map_err(|error| format!("is not JSON: {error}"))
        .and_then(|schema| {
            jsonschema::validator_for(&schema).map_err(|error| unusable(&error.to_string()))
        });
    if let Err(why) = compiled {
        left_out(file, "schema", ("bad-schema", &why), &path, findings);
        return None;
    }
    Some(SampleCheck::JsonSchema {
        path,
        schema: String::from_utf8_lossy(&bytes).into(),
        digest: fingerprint(&bytes),
    })
}

fn unusable(error: &str) -> String {
    let outside = error.strip_prefix("Resource '");
    match outside.and_then(|rest| rest.split_once('\'')) {
        Some((address, _)) => {
            format!("refers to {address}, and nothing is fetched for a check")
        }
        None => format!("is not a usable JSON schema: {error}"),
    }
}

/// The path of a file that is named, when it stays in the directory.
fn inside(file: &At<String>, what: &str, directory: &Path, findings: &Findings) -> Option<PathBuf> {
    let name = file.get_ref();
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    let path = directory.join(name);
    if Path::new(name).components().all(plain) && !leaves(&path, directory) {
        return Some(path);
    }
    findings.error(
        "sample-outside",
        file.span(),
        format!("the {what} \"{name}\" is not inside the directory of this file"),
        format!(
            "keep {what}s beside the configuration and name them by a relative path without `..`"
        ),
    );
    None
}

/// Whether a link leads out of the directory.
fn leaves(path: &Path, directory: &Path) -> bool {
    let real = |path: &Path| -> Option<PathBuf> { fs::canonicalize(path).ok() };
    match (real(path), real(directory)) {
        (Some(path), Some(directory)) => !path.starts_with(directory),
        // A file that is not there is reported as missing.
        _ => false,
    }
}

fn readable(file: &At<String>, what: &str, path: &Path, findings: &Findings) -> Option<Vec<u8>> {
    let why = match read(path) {
        Ok(Some(bytes)) => return Some(bytes),
        Ok(None) => NO_SAMPLE.to_owned(),
        Err(error) => format!("cannot be read: {error}"),
    };
    left_out(file, what, ("sample-missing", &why), path, findings);
    None
}

/// Reads a sample again, as it is now. It blocks; but for no pipe, and for no more than a sample may have.
///
/// # Errors
/// When it cannot be read, or is not a sample any more.
pub fn sample_body(path: &Path) -> io::Result<Vec<u8>> {
    read(path)?.ok_or_else(|| io::Error::other(NO_SAMPLE))
}

fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() || metadata.len() > SAMPLE_LIMIT {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    File::open(path)?
        .take(SAMPLE_LIMIT)
        .read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

fn left_out(
    file: &At<String>,
    what: &str,
    (code, why): (&'static str, &str),
    path: &Path,
    findings: &Findings,
) {
    findings.warning(
        code,
        file.span(),
        format!(
            "the {what} \"{}\" {why}, so the sample is left out",
            file.get_ref()
        ),
        format!("looked at {}", path.display()),
    );
}
