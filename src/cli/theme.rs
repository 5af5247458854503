//! `theme`: checks, lists and shows themes, so that one can be made without opening the console.

use std::{
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
};

use serde_json::json;

use super::{
    args::{ThemeCommand, ThemePreviewArgs},
    error::CliError,
    exit::Exit,
    output::{self, Paint, Stream, Tone},
    places, session,
    table::Table,
};
use crate::{
    config::{Report, Severity},
    console::{
        ConsoleError, Depth, glyph,
        glyph::Glyphs,
        print,
        theme_file::{self, Checked, Failure},
        view,
    },
};

/// Runs one of them.
pub(super) fn run(command: ThemeCommand) -> Result<Exit, CliError> {
    match command {
        ThemeCommand::Check { themes, json } => check(&asked(themes), json),
        ThemeCommand::List { json } => list(json),
        ThemeCommand::Preview(args) => preview(args),
    }
}

/// A theme that was asked for, and where to look for it.
struct Asked {
    name: String,
    directories: Vec<PathBuf>,
}

/// What was named: themes by their names, or files.
fn asked(themes: Vec<String>) -> Vec<Asked> {
    let directories = places::theme_directories();
    let names = if themes.is_empty() {
        theme_file::names(&directories)
    } else {
        themes
    };
    names
        .into_iter()
        .map(|text| {
            let path = Path::new(&text);
            let mut directories = directories.clone();
            let is_file = path
                .extension()
                .is_some_and(|extension| extension == "toml");
            if is_file && let Some(name) = path.file_stem().and_then(|name| name.to_str()) {
                let parent = path.parent().unwrap_or(Path::new("")).to_owned();
                directories.insert(0, parent);
                let name = name.to_owned();
                return Asked { name, directories };
            }
            Asked {
                name: text,
                directories,
            }
        })
        .collect()
}

fn read(asked: &Asked) -> Result<Checked, CliError> {
    theme_file::check(&asked.name, &asked.directories).map_err(|failure| match failure {
        Failure::Unknown { suggestion, known } => ConsoleError::NoTheme {
            name: asked.name.clone(),
            suggestion,
            known,
        }
        .into(),
        // A check answers with its findings instead.
        Failure::Broken(findings) => CliError::Usage(
            findings
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n"),
        ),
    })
}

fn worst(reports: &[Report]) -> Option<Severity> {
    reports.iter().filter_map(Report::worst).max()
}

/// Prints the findings. The exit code is their worst severity.
fn check(asked: &[Asked], as_json: bool) -> Result<Exit, CliError> {
    let mut exit = None;
    for asked in asked {
        let checked = read(asked)?;
        let worst = worst(&checked.reports);
        exit = exit.max(worst);
        if as_json {
            let diagnostics: Vec<_> = checked
                .reports
                .iter()
                .flat_map(|report| &report.diagnostics)
                .collect();
            output::json(&json!({
                "name": asked.name,
                "worst": worst,
                "contrast": figure(checked.judgement.contrast),
                "apart": figure(checked.judgement.apart),
                "diagnostics": diagnostics,
            }))?;
            continue;
        }
        for report in &checked.reports {
            let text = report.render(Paint::of(Stream::Out).on());
            if !text.is_empty() {
                output::line(text.trim_end())?;
            }
        }
        output::talk(format_args!("{}: {}", asked.name, summary(&checked)));
    }
    Ok(match exit {
        None | Some(Severity::Note) => Exit::Done,
        Some(Severity::Warning) => Exit::Reserved,
        Some(Severity::Error) => Exit::Usage,
    })
}

fn summary(checked: &Checked) -> String {
    let count = |severity| -> usize {
        let counts = checked.reports.iter().map(|report| report.count(severity));
        counts.sum()
    };
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    if errors > 0 {
        return format!("{errors} errors, {warnings} warnings; it cannot be used");
    }
    let judged = match (checked.judgement.contrast, checked.judgement.apart) {
        (Some(contrast), Some(apart)) => {
            format!(
                "contrast at least {contrast:.1}, states at least {apart:.1} apart for every eye"
            )
        }
        _ => "its colours are the terminal's own".to_owned(),
    };
    if warnings == 0 {
        format!("good: {judged}")
    } else {
        format!("{warnings} warnings; it can be used; {judged}")
    }
}

/// One decimal place, as it is shown.
fn figure(measured: Option<f64>) -> Option<f64> {
    measured.map(|measured| (measured * 10.0).round() / 10.0)
}

fn list(as_json: bool) -> Result<Exit, CliError> {
    let mut table = Table::new(&["NAME", "FOR", "CONTRAST", "APART", "FROM"]);
    for asked in asked(Vec::new()) {
        let file = theme_file::path(&asked.name, &asked.directories);
        let checked = read(&asked)?;
        let variant = checked.sheet.as_ref().map(|sheet| sheet.variant.as_str());
        let measured = [checked.judgement.contrast, checked.judgement.apart];
        if as_json {
            output::json(&json!({
                "name": asked.name,
                "variant": variant,
                "file": file,
                "contrast": figure(measured[0]),
                "apart": figure(measured[1]),
            }))?;
            continue;
        }
        let [contrast, apart] = measured.map(|measured| {
            measured.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.1}"))
        });
        let from = file.map_or_else(|| "built in".to_owned(), |file| file.display().to_string());
        let tone = if variant.is_some() {
            Tone::Strong
        } else {
            Tone::Bad
        };
        let variant = variant.unwrap_or("broken");
        table.row(tone, &[&asked.name, variant, &contrast, &apart, &from]);
    }
    if !as_json {
        output::line(table.render(Paint::of(Stream::Out)))?;
    }
    Ok(Exit::Done)
}

fn preview(args: ThemePreviewArgs) -> Result<Exit, CliError> {
    let terminal = io::stdout().is_terminal();
    let plain =
        output::are_only_lines() || args.color.is_none() && (!terminal || !output::has_colour());
    let depth = args
        .color
        .unwrap_or_else(|| Depth::detect(&session::variable));
    let glyphs = if args.ascii {
        glyph::ASCII
    } else {
        Glyphs::of_locale(&session::variable)
    };
    let mut exit = Exit::Done;
    for asked in asked(args.themes) {
        output::talk(&asked.name);
        let checked = read(&asked)?;
        let Some(sheet) = checked.sheet else {
            let colour = Paint::of(Stream::Err).on();
            for report in &checked.reports {
                output::talk(report.render(colour).trim_end());
            }
            exit = Exit::Usage;
            continue;
        };
        let sample = view::sample(&sheet.theme(depth), &glyphs);
        output::raw(&print::lines(&sample, plain))?;
    }
    Ok(exit)
}
