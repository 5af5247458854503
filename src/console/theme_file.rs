//! Theme files: `themes/<name>.toml`, found, read with what they inherit, explained when they are wrong.
//!
//! Called by `run` at the start and whenever a file changes. Missing roles fall back by their chain, unknown
//! keys are warnings, and what cannot be understood is an error: the caller keeps the last good theme.

use std::{
    ops::Range,
    path::{Path, PathBuf},
};

use ratatui::style::Color;
use toml::{Spanned, de::DeTable};

use super::{
    findings::{Findings, nearest, suggestion},
    theme::{Looks, Role, Sheet},
    theme_look::{colour, renderings, role},
};
use crate::config::{Diagnostic, Severity};

/// The themes inside the program.
pub const BUILT_IN: [(&str, &str); 4] = [
    ("terminal", include_str!("../../themes/terminal.toml")),
    ("mono", include_str!("../../themes/mono.toml")),
    (
        "catppuccin-mocha",
        include_str!("../../themes/catppuccin-mocha.toml"),
    ),
    (
        "high-contrast-dark",
        include_str!("../../themes/high-contrast-dark.toml"),
    ),
];

/// The only version of the format.
const SCHEMA: &str = "1";

/// A theme that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The theme.
    pub sheet: Sheet,
    /// Warnings.
    pub findings: Vec<Diagnostic>,
}

/// Why there is no theme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nothing has this name.
    Unknown {
        /// A near name.
        suggestion: Option<String>,
        /// Every name.
        known: Vec<String>,
    },
    /// The file, or one that it inherits, has errors.
    Broken(Vec<Diagnostic>),
}

/// The theme that needs no detection.
pub(super) fn default_sheet() -> Sheet {
    // The built-in files are read by a test; without one, the chains still end in something visible.
    load("terminal", &[]).map_or_else(
        |_| Sheet {
            name: "terminal".to_owned(),
            looks: [Looks::default(); Role::ALL.len()],
        },
        |loaded| loaded.sheet,
    )
}

/// Reads a theme by its name from the first directory that has it, or from the built-in ones.
///
/// # Errors
/// There is no such theme, or it cannot be used.
pub fn load(name: &str, directories: &[PathBuf]) -> Result<Loaded, Failure> {
    let mut loading = Loading {
        directories,
        chain: Vec::new(),
        palette: Vec::new(),
        files: Vec::new(),
        findings: Vec::new(),
    };
    let Some((path, source)) = find(name, directories) else {
        let known = names(directories);
        return Err(Failure::Unknown {
            suggestion: nearest(name, known.iter().map(String::as_str)).map(str::to_owned),
            known,
        });
    };
    loading.read(name, &path, &source);
    let looks = loading.looks();
    let broken = loading
        .findings
        .iter()
        .any(|finding| finding.severity == Severity::Error);
    if broken {
        return Err(Failure::Broken(loading.findings));
    }
    Ok(Loaded {
        sheet: Sheet {
            name: name.to_owned(),
            looks,
        },
        findings: loading.findings,
    })
}

/// Every theme there is, by name.
#[must_use]
pub fn names(directories: &[PathBuf]) -> Vec<String> {
    let mut names: Vec<String> = BUILT_IN
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    for directory in directories {
        let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
        names.extend(entries.filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            name.strip_suffix(".toml").map(str::to_owned)
        }));
    }
    names.sort();
    names.dedup();
    names
}

/// A theme's path and text.
fn find(name: &str, directories: &[PathBuf]) -> Option<(PathBuf, String)> {
    // A name is looked up in a directory: it must not leave it.
    if name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.') {
        return None;
    }
    let file = format!("{name}.toml");
    directories
        .iter()
        .map(|directory| directory.join(&file))
        .find_map(|path| std::fs::read_to_string(&path).ok().map(|text| (path, text)))
        .or_else(|| {
            BUILT_IN
                .iter()
                .find(|(built_in, _)| *built_in == name)
                .map(|(_, text)| (Path::new("themes").join(&file), (*text).to_owned()))
        })
}

/// One file of a chain, kept as text until every palette of the chain is known: a child may change a colour
/// that its parent uses.
struct File {
    path: PathBuf,
    source: String,
}

struct Loading<'d> {
    directories: &'d [PathBuf],
    /// The names read so far, the theme itself first.
    chain: Vec<String>,
    /// The first entry of a name wins.
    palette: Vec<(String, Color)>,
    files: Vec<File>,
    findings: Vec<Diagnostic>,
}

impl Loading<'_> {
    /// Reads one file's head and palette, and then what it inherits.
    fn read(&mut self, name: &str, path: &Path, source: &str) {
        self.chain.push(name.to_owned());
        let mut findings = Findings::new(path, source);
        let mut parent = None;
        if let Some(table) = findings.parse(source) {
            parent = head(&mut findings, name, &table);
            self.palette.extend(palette(&mut findings, table.get_ref()));
            self.files.push(File {
                path: path.to_owned(),
                source: source.to_owned(),
            });
        }
        if let Some((inherited, span)) = parent {
            if self.chain.contains(&inherited) {
                let chain = self.chain.join(" inherits ");
                findings.error(
                    "circle",
                    span,
                    format!("{chain} inherits {inherited}: a circle"),
                    None,
                );
            } else if let Some((path, source)) = find(&inherited, self.directories) {
                self.findings.append(&mut findings.finish().diagnostics);
                return self.read(&inherited, &path, &source);
            } else {
                let known = names(self.directories);
                findings.error(
                    "unknown-theme",
                    span,
                    format!("there is no theme `{inherited}` to inherit"),
                    suggestion(&inherited, known.iter().map(String::as_str)),
                );
            }
        }
        self.findings.append(&mut findings.finish().diagnostics);
    }

    /// The renderings of every role, the child's before the parent's.
    fn looks(&mut self) -> [Looks; Role::ALL.len()] {
        let mut looks = [Looks::default(); Role::ALL.len()];
        for file in &self.files {
            let mut findings = Findings::new(&file.path, &file.source);
            if let Some(table) = findings.parse(&file.source)
                && let Some(roles) = table.get_ref().get("roles")
            {
                let Some(roles) = roles.get_ref().as_table() else {
                    findings.error("type", roles.span(), "`roles` is a table", None);
                    continue;
                };
                for (key, value) in roles {
                    let Some(role) = role(&mut findings, key, value.get_ref()) else {
                        continue;
                    };
                    let read = renderings(&mut findings, value, &self.palette);
                    let looks = &mut looks[role as usize];
                    looks.rgb = looks.rgb.or(read.rgb);
                    looks.ansi = looks.ansi.or(read.ansi);
                    looks.mono = looks.mono.or(read.mono);
                }
            }
            self.findings.append(&mut findings.finish().diagnostics);
        }
        looks
    }
}

/// Checks what is not colours; answers the theme to inherit.
fn head(
    findings: &mut Findings,
    name: &str,
    table: &Spanned<DeTable<'_>>,
) -> Option<(String, Range<usize>)> {
    const KEYS: [&str; 6] = ["schema", "name", "variant", "inherits", "palette", "roles"];
    let mut parent = None;
    for (key, value) in table.get_ref() {
        let text = value.get_ref().as_str();
        match key.get_ref().as_ref() {
            "schema" => {
                let schema = value
                    .get_ref()
                    .as_integer()
                    .map(toml::de::DeInteger::as_str);
                if schema != Some(SCHEMA) {
                    findings.error(
                        "schema",
                        value.span(),
                        "this version of the format is not known",
                        Some(format!("write `schema = {SCHEMA}`")),
                    );
                }
            }
            "name" if text != Some(name) => findings.warning(
                "name",
                value.span(),
                format!("the file is called `{name}.toml`; that is the theme's name"),
                None,
            ),
            "variant" if !matches!(text, Some("dark" | "light" | "any")) => findings.error(
                "variant",
                value.span(),
                "`variant` is \"dark\", \"light\" or \"any\"",
                None,
            ),
            "inherits" => match text {
                Some(text) => parent = Some((text.to_owned(), value.span())),
                None => findings.error("type", value.span(), "`inherits` is a theme's name", None),
            },
            known if KEYS.contains(&known) => {}
            _ => findings.unknown_key(Severity::Warning, "key", key, KEYS),
        }
    }
    if !table.get_ref().contains_key("schema") {
        findings.error(
            "schema",
            0..0,
            "the version of the format is missing",
            Some(format!("write `schema = {SCHEMA}` first")),
        );
    }
    parent
}

fn palette(findings: &mut Findings, table: &DeTable<'_>) -> Vec<(String, Color)> {
    let Some(value) = table.get("palette") else {
        return Vec::new();
    };
    let Some(entries) = value.get_ref().as_table() else {
        findings.error("type", value.span(), "`palette` is a table", None);
        return Vec::new();
    };
    let mut colours = Vec::new();
    for (key, value) in entries {
        if let Some(colour) = colour(findings, value, &[]) {
            colours.push((key.get_ref().to_string(), colour));
        }
    }
    colours
}
