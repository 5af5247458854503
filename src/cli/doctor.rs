//! `doctor`: looks at everything an installation needs, says what is wrong and what to do. Changes nothing.

mod gateways;
mod host;

use serde_json::json;

use super::{
    args::Global,
    error::CliError,
    exit::Exit,
    output::{self, Paint, Stream, Tone},
    session,
};
use crate::{
    clock::Clock,
    config::{self, Keys, Severity},
    model::{Catalog, Checkup, Soundness, visible},
    store,
};

/// Looks, prints, and ends with what the worst finding means.
pub(super) async fn run(global: &Global, deep: bool, as_json: bool) -> Result<Exit, CliError> {
    let clock = Clock::system();
    let mut checks = vec![host::program()];
    let catalog = configuration(global, &mut checks);
    if let Some(catalog) = &catalog {
        host::keys(catalog, &mut checks);
        host::certificate(catalog, clock.now(), &mut checks);
        host::limits(catalog, &mut checks);
        host::places(&mut checks);
        match store::examine(&catalog.store.url, deep, &clock).await {
            Ok(found) => {
                checks.extend(found.checks);
                let here = gateways::Here {
                    catalog,
                    revision: found.revision,
                    now: clock.now(),
                };
                gateways::look(&here, &found.heartbeats, &mut checks);
            }
            Err(error) => checks.push(Checkup::found(
                "store-place",
                Soundness::Note,
                error.to_string(),
                "",
            )),
        }
    }
    let worst = checks.iter().map(|check| check.soundness).max();
    let worst = worst.unwrap_or(Soundness::Good);
    if as_json {
        output::json(&json!({ "worst": worst, "checks": checks }))?;
    } else {
        let paint = Paint::of(Stream::Out);
        for check in &checks {
            print(check, paint)?;
        }
        output::talk(summary(&checks));
    }
    Ok(match worst {
        Soundness::Good | Soundness::Note => Exit::Done,
        Soundness::Warning => Exit::Reserved,
        Soundness::Bad if catalog.is_none() => Exit::Usage,
        Soundness::Bad => {
            let store = |check: &Checkup| {
                check.soundness == Soundness::Bad && check.check.starts_with("store")
            };
            if checks.iter().any(store) {
                Exit::Unavailable
            } else {
                Exit::Reserved
            }
        }
    })
}

/// Reads the configuration as `check` does, without wanting keys that only the gateway has.
fn configuration(global: &Global, checks: &mut Vec<Checkup>) -> Option<Catalog> {
    let path = match session::config_path(global) {
        Ok(path) => path,
        Err(error) => {
            let missing = Checkup::found("config", Soundness::Bad, error.to_string(), "");
            checks.push(missing);
            return None;
        }
    };
    let loaded = config::load_with(&path, &session::variable, Keys::Noted);
    let shown = path.display();
    for (severity, soundness) in [
        (Severity::Error, Soundness::Bad),
        (Severity::Warning, Soundness::Warning),
    ] {
        let found = loaded.report.diagnostics.iter();
        let mut found = found.filter(|finding| finding.severity == severity);
        if let Some(first) = found.next() {
            let more = match found.count() {
                0 => String::new(),
                more => format!(" (and {more} more)"),
            };
            let check = Checkup::found(
                "config",
                soundness,
                format!("{first}{more}"),
                "`backstop check` shows every finding in its place",
            );
            checks.push(check);
        }
    }
    if let Some(catalog) = &loaded.catalog {
        checks.push(Checkup::good(
            "config",
            format!(
                "{shown}: {} workloads, {} routes, fingerprint {}",
                catalog.workloads.len(),
                catalog.routes.len(),
                catalog.fingerprint
            ),
        ));
    }
    loaded.catalog
}

/// Prints one finding and what to do about it.
pub(super) fn print(check: &Checkup, paint: Paint) -> Result<(), CliError> {
    let (mark, tone) = match check.soundness {
        Soundness::Good => ("+", Tone::Good),
        Soundness::Note => ("-", Tone::Plain),
        Soundness::Warning => ("!", Tone::Attention),
        Soundness::Bad => ("x", Tone::Bad),
    };
    output::line(format_args!(
        "{} {:<18}{}",
        paint.paint(tone, mark),
        check.check,
        visible(&check.says, 600)
    ))?;
    if let Some(advice) = &check.advice {
        output::line(format_args!("{:20}-> {}", "", visible(advice, 600)))?;
    }
    Ok(())
}

/// How many problems and warnings there are, in words.
pub(super) fn summary(checks: &[Checkup]) -> String {
    let count = |wanted| {
        checks
            .iter()
            .filter(|check| check.soundness == wanted)
            .count()
    };
    let (bad, warnings) = (count(Soundness::Bad), count(Soundness::Warning));
    if bad + warnings == 0 {
        return "nothing is wrong".to_owned();
    }
    let of = |number: usize, word: &str| match number {
        1 => format!("1 {word}"),
        number => format!("{number} {word}s"),
    };
    format!("{}, {}", of(bad, "problem"), of(warnings, "warning"))
}
