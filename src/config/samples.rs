//! Sample files: beside the configuration, inside its directory, JSON objects.

use std::{
    fs::{self, File},
    io::Read as _,
    path::{Component, Path, PathBuf},
};

use super::{diagnostic::Findings, file::Sample};
use crate::model::SampleFile;

/// The largest sample body.
const LARGEST: u64 = 16 << 20;

/// Checks one sample. A sample that cannot be used is left out with a warning, because traffic does not
/// depend on it; a path that leads elsewhere is an error.
pub(super) fn check(sample: &Sample, directory: &Path, findings: &Findings) -> Option<SampleFile> {
    let (name, place) = (sample.file.get_ref(), sample.file.span());
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    let path = directory.join(name);
    if !Path::new(name).components().all(plain) || leaves(&path, directory) {
        findings.error(
            "sample-outside",
            place,
            format!("the sample \"{name}\" is not inside the directory of this file"),
            "keep samples beside the configuration and name them by a relative path without `..`",
        );
        return None;
    }
    match body(&path) {
        Ok(()) => Some(SampleFile {
            class: sample.class.clone(),
            path,
        }),
        Err((code, why)) => {
            findings.warning(
                code,
                place,
                format!("the sample \"{name}\" {why}, so it is left out"),
                format!("looked at {}", path.display()),
            );
            None
        }
    }
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

fn body(path: &Path) -> Result<(), (&'static str, String)> {
    let missing = |error: std::io::Error| ("sample-missing", format!("cannot be read: {error}"));
    let metadata = fs::metadata(path).map_err(missing)?;
    if !metadata.is_file() || metadata.len() > LARGEST {
        return Err((
            "sample-missing",
            format!("is not a file of at most {} MiB", LARGEST >> 20),
        ));
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LARGEST).read_to_end(&mut bytes))
        .map_err(missing)?;
    match serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&bytes) {
        Ok(_) => Ok(()),
        Err(error) if error.is_data() => {
            Err(("sample-not-json", "is not a JSON object".to_owned()))
        }
        Err(error) => Err(("sample-not-json", format!("is not JSON: {error}"))),
    }
}
