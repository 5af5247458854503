//! `check`: everything that is right and wrong with the configuration, in one run.

use std::path::Path;

use serde_json::json;

use super::{
    args::Global,
    error::CliError,
    exit::Exit,
    output::{self, Paint, Stream},
    session,
};
use crate::{
    config::{self, Keys, Loaded, Severity},
    probe,
};

/// Prints the findings. The exit code is their worst severity.
pub(super) fn run(global: &Global, as_json: bool, secrets: bool) -> Result<Exit, CliError> {
    let path = session::config_path(global)?;
    let keys = if secrets { Keys::Needed } else { Keys::Noted };
    let mut loaded = config::load_with(&path, &session::variable, keys);
    samples(&path, &mut loaded)?;
    let report = &loaded.report;
    let count = |severity| {
        report
            .diagnostics
            .iter()
            .filter(|finding| finding.severity == severity)
            .count()
    };
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    if as_json {
        output::json(&json!({
            "file": path,
            "worst": report.worst(),
            "diagnostics": report.diagnostics,
        }))?;
    } else if !report.diagnostics.is_empty() {
        output::line(report.render(Paint::of(Stream::Out).on()).trim_end())?;
    }
    let summary = match (&loaded.catalog, errors, warnings) {
        (Some(catalog), _, 0) => format!(
            "good: {} workloads, {} routes, fingerprint {}",
            catalog.workloads.len(),
            catalog.routes.len(),
            catalog.fingerprint
        ),
        (Some(_), _, warnings) => format!("{warnings} warnings; it can be used"),
        (None, errors, warnings) => {
            format!("{errors} errors, {warnings} warnings; it cannot be used")
        }
    };
    output::talk(format_args!("{}: {summary}", path.display()));
    Ok(match report.worst() {
        None | Some(Severity::Note) => Exit::Done,
        Some(Severity::Warning) => Exit::Reserved,
        Some(Severity::Error) => Exit::Usage,
    })
}

/// Adds what is wrong with samples: they are files of their own, but what they must fit is the configuration.
fn samples(path: &Path, loaded: &mut Loaded) -> Result<(), CliError> {
    let Some(catalog) = &loaded.catalog else {
        return Ok(());
    };
    for workload in catalog.workloads.values() {
        for sample in &workload.samples {
            let place = loaded.samples.get(&sample.id).cloned().unwrap_or_default();
            for found in probe::findings(catalog, workload, sample)? {
                let message = format!("the sample {}: {}", sample.id, found.message);
                let report = &mut loaded.report;
                report.warn(found.code, path, place.clone(), &message, &found.help);
            }
        }
    }
    Ok(())
}
