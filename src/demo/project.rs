//! The directory of a demo: its configuration, keys and samples as files, so that any other subcommand works
//! on it from another shell with `--config`.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use super::{DemoError, provider::Seat};

/// The configuration with a place for the URL of each provider.
const TEMPLATE: &str = include_str!("project/backstop.toml");

macro_rules! samples {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("project/samples/", $name)))),*]
    };
}

/// Names and texts of everything in `samples`.
const SAMPLES: &[(&str, &str)] = samples![
    "support-chat.json",
    "support-tools.json",
    "support-refund.json",
    "support-return.json",
    "support-password.json",
    "support-shipping.json",
    "support-address.json",
    "support-german.json",
    "extraction-invoice.json",
    "extraction-invoice.schema.json",
    "extraction-hotel.json",
    "extraction-coffee.json",
    "extraction-tools.json",
    "extraction-print.json",
    "extraction-energy.json",
    "code-debounce.json",
    "code-totals.json",
    "code-position.json",
    "agent-lookup.json",
    "search-texts.json",
    "catalog-lamp.json",
    "image-caption.json",
];

/// What was written.
#[derive(Clone, Debug)]
pub(super) struct Project {
    /// The configuration file.
    pub(super) config: PathBuf,
    /// Where the log belongs.
    pub(super) log: PathBuf,
}

/// Writes everything into a directory that exists and is the caller's own.
pub(super) fn write(directory: &Path, seats: &[Seat]) -> Result<Project, DemoError> {
    for name in ["keys", "samples", "state"] {
        private_directory(&directory.join(name))?;
    }
    for seat in seats {
        let member = seat.member;
        private_file(&directory.join("keys").join(member.name), member.key)?;
    }
    for (name, text) in SAMPLES {
        private_file(&directory.join("samples").join(name), text)?;
    }
    let config = directory.join("backstop.toml");
    let text = seats.iter().fold(TEMPLATE.to_owned(), |text, seat| {
        text.replace(&format!("{{{}}}", seat.member.name), &seat.url())
    });
    private_file(&config, &text)?;
    Ok(Project {
        config,
        log: directory.join("backstop.log"),
    })
}

fn private_directory(path: &Path) -> Result<(), DemoError> {
    fs::DirBuilder::new()
        .mode(0o700)
        .create(path)
        .map_err(|cause| DemoError::write(path, cause))
}

fn private_file(path: &Path, text: &str) -> Result<(), DemoError> {
    let write = || -> io::Result<()> {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?
            .write_all(text.as_bytes())
    };
    write().map_err(|cause| DemoError::write(path, cause))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::{SAMPLES, write};
    use crate::demo::{cast::CAST, provider::take_seats};

    #[test]
    fn the_directory_holds_what_other_subcommands_need() {
        let directory = tempfile::tempdir().unwrap();
        let seats = take_seats(0).unwrap();
        let project = write(directory.path(), &seats).unwrap();
        let text = std::fs::read_to_string(&project.config).unwrap();
        for (seat, member) in seats.iter().zip(CAST) {
            assert!(text.contains(&seat.url()), "{}", member.name);
            let key = directory.path().join("keys").join(member.name);
            assert_eq!(std::fs::read_to_string(&key).unwrap(), member.key);
            let mode = std::fs::metadata(&key).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{}", member.name);
            for model in member.models {
                assert!(
                    text.contains(&format!("\"{}\"", model.name)),
                    "{}",
                    model.name
                );
            }
        }
        assert!(!text.contains("base_url = \"{"), "every place is filled");
        for (name, _) in SAMPLES {
            assert!(text.contains(&format!("samples/{name}")), "{name}");
        }
    }

    #[test]
    fn the_configuration_is_accepted_with_the_one_warning_it_is_there_to_show() {
        let directory = tempfile::tempdir().unwrap();
        let project = write(directory.path(), &take_seats(0).unwrap()).unwrap();
        let loaded = crate::config::load(&project.config, &|_| None);
        let codes: Vec<_> = loaded
            .report
            .diagnostics
            .iter()
            .filter(|found| found.severity != crate::config::Severity::Note)
            .map(|found| found.code)
            .collect();
        assert_eq!(
            codes,
            ["paid-without-notice"],
            "{}",
            loaded.report.render(false)
        );
        let catalog = loaded.catalog.expect("accepted");
        assert_eq!(catalog.workloads.len(), 7);
        let sampled = |workload: &crate::model::Workload| !workload.samples.is_empty();
        assert!(catalog.workloads.values().all(sampled));
    }
}
