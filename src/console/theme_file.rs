//! Theme files: `themes/<name>.toml`, found, read with what they inherit, explained when they are wrong.
//!
//! Called by `run` at the start and whenever a file changes. Missing roles fall back by their chain, unknown
//! keys are warnings, and what cannot be understood is an error: the caller keeps the last good theme.

use std::{ops::Range, path::PathBuf};

use ratatui::style::Color;
use toml::{Spanned, de::DeTable};

use super::{
    findings::{nearest, parse, suggestion, unknown},
    theme::{Looks, Role, Sheet, Variant},
    theme_find::find,
    theme_judge::{Judgement, judge},
    theme_look::{colour, colour_names, renderings, role},
};
use crate::config::{Diagnostic, Findings, Report, Severity};

pub use super::theme_find::{BUILT_IN, PARENTS, names, path};

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

/// Everything that is right and wrong with a theme.
#[derive(Debug)]
pub struct Checked {
    /// The theme; `None`: it has errors.
    pub sheet: Option<Sheet>,
    /// How well it can be read, as far as it can be used.
    pub judgement: Judgement,
    /// The findings, by file: the theme itself first, then what it inherits.
    pub reports: Vec<Report>,
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
            variant: Variant::Any,
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
    let mut loading = Loading::of(name, directories)?;
    let looks = loading.looks();
    let failed = loading.failed();
    let sheet = loading.sheet(name, &looks);
    let reports = loading.reports();
    let findings = reports
        .into_iter()
        .flat_map(|report| report.diagnostics)
        .collect();
    if failed {
        return Err(Failure::Broken(findings));
    }
    Ok(Loaded { sheet, findings })
}

/// Reads a theme as [`load`] does and judges it: what can hardly be read is a warning.
///
/// # Errors
/// There is no such theme.
pub fn check(name: &str, directories: &[PathBuf]) -> Result<Checked, Failure> {
    let mut loading = Loading::of(name, directories)?;
    let looks = loading.looks();
    if loading.failed() {
        return Ok(Checked {
            sheet: None,
            judgement: Judgement::default(),
            reports: loading.reports(),
        });
    }
    let sheet = loading.sheet(name, &looks);
    let judgement = judge(&sheet);
    for remark in &judgement.remarks {
        let place = loading.place(remark.role);
        if let Some(file) = loading.files.get(place.file) {
            file.findings.warning(
                remark.code,
                place.span,
                remark.message.as_str(),
                remark.help.as_str(),
            );
        }
    }
    Ok(Checked {
        sheet: Some(sheet),
        judgement,
        reports: loading.reports(),
    })
}

/// One file of a chain, kept as text until every palette of the chain is known: a child may change a colour
/// that its parent uses.
struct File {
    path: PathBuf,
    source: String,
    findings: Findings,
}

/// Where something was said.
#[derive(Clone, Default)]
struct Place {
    /// Which file of the chain.
    file: usize,
    span: Range<usize>,
}

struct Loading<'d> {
    directories: &'d [PathBuf],
    /// The names read so far, the theme itself first.
    chain: Vec<String>,
    variant: Option<Variant>,
    /// The first entry of a name wins.
    palette: Vec<(String, Color)>,
    /// Where each entry of the palette stands.
    entries: Vec<Place>,
    /// Where the colours of each role were said.
    places: Vec<(Role, Place)>,
    files: Vec<File>,
}

impl<'d> Loading<'d> {
    /// Reads every file of a theme, but not yet what its roles look like.
    fn of(name: &str, directories: &'d [PathBuf]) -> Result<Self, Failure> {
        let Some((path, source)) = find(name, directories, false) else {
            let known = names(directories);
            return Err(Failure::Unknown {
                suggestion: nearest(name, known.iter().map(String::as_str)).map(str::to_owned),
                known,
            });
        };
        let mut loading = Self {
            directories,
            chain: Vec::new(),
            variant: None,
            palette: Vec::new(),
            entries: Vec::new(),
            places: Vec::new(),
            files: Vec::new(),
        };
        loading.read(name, path, source);
        Ok(loading)
    }

    fn failed(&self) -> bool {
        self.files.iter().any(|file| file.findings.failed())
    }

    fn sheet(&self, name: &str, looks: &[Looks; Role::ALL.len()]) -> Sheet {
        Sheet {
            name: name.to_owned(),
            variant: self.variant.unwrap_or_default(),
            looks: *looks,
        }
    }

    /// Reads one file's head and palette, and then what it inherits.
    fn read(&mut self, name: &str, path: PathBuf, source: String) {
        self.chain.push(name.to_owned());
        let findings = Findings::default();
        let mut parent = None;
        if let Some(table) = parse(&findings, &source) {
            let head = head(&findings, name, &table);
            parent = head.parent;
            self.variant = self.variant.or(head.variant);
            for (name, colour, span) in palette(&findings, table.get_ref()) {
                self.palette.push((name, colour));
                self.entries.push(Place {
                    file: self.files.len(),
                    span,
                });
            }
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
        let Some((path, source)) = find(&name, self.directories, true) else {
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
    fn looks(&mut self) -> [Looks; Role::ALL.len()] {
        let mut looks = [Looks::default(); Role::ALL.len()];
        for (
            file,
            File {
                source, findings, ..
            },
        ) in self.files.iter().enumerate()
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
                if looks.rgb.is_none() && read.rgb.is_some() {
                    let mut named = colour_names(value).filter_map(|name| {
                        let entry = self.palette.iter().position(|(known, _)| known == name)?;
                        let place = self.entries.get(entry)?;
                        // Whoever says both can change the role.
                        (place.file <= file).then(|| place.clone())
                    });
                    let span = key.span();
                    let place = named.next().unwrap_or(Place { file, span });
                    self.places.push((role, place));
                }
                looks.rgb = looks.rgb.or(read.rgb);
                looks.ansi = looks.ansi.or(read.ansi);
                looks.mono = looks.mono.or(read.mono);
            }
        }
        looks
    }

    /// Where the colours of a role can be changed: where its palette name stands, else the role, else what stands
    /// in for it, else the beginning of the theme.
    fn place(&self, role: Role) -> Place {
        std::iter::successors(Some(role), |role| role.stand_in())
            .find_map(|role| self.places.iter().find(|(known, _)| *known == role))
            .map(|(_, place)| place.clone())
            .unwrap_or_default()
    }

    /// What was found, file by file, the theme itself first.
    fn reports(self) -> Vec<Report> {
        self.files
            .into_iter()
            .map(|file| Report::new(&file.path, file.source, file.findings))
            .collect()
    }
}

/// What a file says besides colours.
#[derive(Default)]
struct Head {
    /// What it inherits, and where it says so.
    parent: Option<(String, Range<usize>)>,
    variant: Option<Variant>,
}

/// Reads what is not colours.
fn head(findings: &Findings, name: &str, table: &Spanned<DeTable<'_>>) -> Head {
    const KEYS: [&str; 6] = ["schema", "name", "variant", "inherits", "palette", "roles"];
    let mut head = Head::default();
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
            "variant" => {
                head.variant = text.and_then(Variant::named);
                if head.variant.is_none() {
                    findings.error(
                        "variant",
                        value.span(),
                        "`variant` is \"dark\", \"light\" or \"any\"",
                        (),
                    );
                }
            }
            "inherits" => match text {
                Some(text) => head.parent = Some((text.to_owned(), value.span())),
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
    head
}

/// The names of a palette, their colours and where they stand.
fn palette(findings: &Findings, table: &DeTable<'_>) -> Vec<(String, Color, Range<usize>)> {
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
            colours.push((key.get_ref().to_string(), colour, value.span()));
        }
    }
    colours
}
