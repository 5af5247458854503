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
    findings::{nearest, parse, suggestion, unknown},
    theme::{Looks, Role, Sheet},
    theme_look::{colour, renderings, role},
};
use crate::config::{Diagnostic, Findings, Report, Severity};

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
    let Some((path, source)) = find(name, directories) else {
        let known = names(directories);
        return Err(Failure::Unknown {
            suggestion: nearest(name, known.iter().map(String::as_str)).map(str::to_owned),
            known,
        });
    };
    let mut loading = Loading {
        directories,
        chain: Vec::new(),
        palette: Vec::new(),
        files: Vec::new(),
    };
    loading.read(name, path, source);
    let looks = loading.looks();
    let findings = loading.report();
    if findings
        .iter()
        .any(|finding| finding.severity == Severity::Error)
    {
        return Err(Failure::Broken(findings));
    }
    Ok(Loaded {
        sheet: Sheet {
            name: name.to_owned(),
            looks,
        },
        findings,
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
    findings: Findings,
}

struct Loading<'d> {
    directories: &'d [PathBuf],
    /// The names read so far, the theme itself first.
    chain: Vec<String>,
    /// The first entry of a name wins.
    palette: Vec<(String, Color)>,
    files: Vec<File>,
}

impl Loading<'_> {
    /// Reads one file's head and palette, and then what it inherits.
    fn read(&mut self, name: &str, path: PathBuf, source: String) {
        self.chain.push(name.to_owned());
        let findings = Findings::default();
        let mut parent = None;
        if let Some(table) = parse(&findings, &source) {
            parent = head(&findings, name, &table);
            self.palette.extend(palette(&findings, table.get_ref()));
        }
        let inherited = parent.and_then(|(name, span)| self.parent(&findings, name, span));
        self.files.push(File {
            path,
            source,
            findings,
        });
        if let Some((name, path, source)) = inherited {
            self.read(&name, path, source);
        }
    }

    /// Finds what is inherited, or leaves a finding.
    fn parent(
        &self,
        findings: &Findings,
        name: String,
        span: Range<usize>,
    ) -> Option<(String, PathBuf, String)> {
        if self.chain.contains(&name) {
            let chain = self.chain.join(" inherits ");
            findings.error(
                "circle",
                span,
                format!("{chain} inherits {name}: a circle"),
                (),
            );
            return None;
        }
        let Some((path, source)) = find(&name, self.directories) else {
            let known = names(self.directories);
            findings.error(
                "unknown-theme",
                span,
                format!("there is no theme \"{name}\" to inherit"),
                suggestion(&name, known.iter().map(String::as_str)),
            );
            return None;
        };
        Some((name, path, source))
    }

    /// The renderings of every role, the child's before the parent's.
    fn looks(&self) -> [Looks; Role::ALL.len()] {
        let mut looks = [Looks::default(); Role::ALL.len()];
        for File {
            source, findings, ..
        } in &self.files
        {
            let table = parse(findings, source);
            let Some(roles) = table
                .as_ref()
                .and_then(|table| table.get_ref().get("roles"))
            else {
                continue;
            };
            let Some(roles) = roles.get_ref().as_table() else {
                findings.error("type", roles.span(), "`roles` is a table", ());
                continue;
            };
            for (key, value) in roles {
                let Some(role) = role(findings, key, value.get_ref()) else {
                    continue;
                };
                let read = renderings(findings, value, &self.palette);
                let looks = &mut looks[role as usize];
                looks.rgb = looks.rgb.or(read.rgb);
                looks.ansi = looks.ansi.or(read.ansi);
                looks.mono = looks.mono.or(read.mono);
            }
        }
        looks
    }

    /// Every finding, file by file, the theme itself first.
    fn report(self) -> Vec<Diagnostic> {
        self.files
            .into_iter()
            .flat_map(|file| Report::new(&file.path, file.source, file.findings).diagnostics)
            .collect()
    }
}

/// Checks what is not colours; answers the theme to inherit.
fn head(
    findings: &Findings,
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
                (),
            ),
            "variant" if !matches!(text, Some("dark" | "light" | "any")) => findings.error(
                "variant",
                value.span(),
                "`variant` is \"dark\", \"light\" or \"any\"",
                (),
            ),
            "inherits" => match text {
                Some(text) => parent = Some((text.to_owned(), value.span())),
                None => findings.error("type", value.span(), "`inherits` is a theme's name", ()),
            },
            known if KEYS.contains(&known) => {}
            _ => unknown(findings, Severity::Warning, "key", key, KEYS),
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

fn palette(findings: &Findings, table: &DeTable<'_>) -> Vec<(String, Color)> {
    let Some(value) = table.get("palette") else {
        return Vec::new();
    };
    let Some(entries) = value.get_ref().as_table() else {
        findings.error("type", value.span(), "`palette` is a table", ());
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
