//! Where theme files are: the operator's directories first, then inside the program.
//!
//! Called by `theme_file`. It must not know what is in them.

use std::path::{Path, PathBuf};

/// The themes inside the program.
pub const BUILT_IN: [(&str, &str); 14] = [
    ("terminal", include_str!("../../themes/terminal.toml")),
    ("mono", include_str!("../../themes/mono.toml")),
    (
        "high-contrast-dark",
        include_str!("../../themes/high-contrast-dark.toml"),
    ),
    (
        "high-contrast-light",
        include_str!("../../themes/high-contrast-light.toml"),
    ),
    (
        "colorblind-dark",
        include_str!("../../themes/colorblind-dark.toml"),
    ),
    (
        "colorblind-light",
        include_str!("../../themes/colorblind-light.toml"),
    ),
    ("tritan-dark", include_str!("../../themes/tritan-dark.toml")),
    (
        "catppuccin-mocha",
        include_str!("../../themes/catppuccin-mocha.toml"),
    ),
    (
        "catppuccin-latte",
        include_str!("../../themes/catppuccin-latte.toml"),
    ),
    (
        "gruvbox-dark",
        include_str!("../../themes/gruvbox-dark.toml"),
    ),
    (
        "gruvbox-light",
        include_str!("../../themes/gruvbox-light.toml"),
    ),
    ("nord", include_str!("../../themes/nord.toml")),
    (
        "solarized-dark",
        include_str!("../../themes/solarized-dark.toml"),
    ),
    (
        "solarized-light",
        include_str!("../../themes/solarized-light.toml"),
    ),
];

/// What is there to be inherited only: it has no colours of its own.
pub const PARENTS: [(&str, &str); 1] = [("base", include_str!("../../themes/base.toml"))];

/// Every theme that can be worn, by name: the built-in ones in their order, then the operator's.
#[must_use]
pub fn names(directories: &[PathBuf]) -> Vec<String> {
    let mut own: Vec<String> = directories
        .iter()
        .flat_map(|directory| std::fs::read_dir(directory).into_iter().flatten().flatten())
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            name.strip_suffix(".toml")
                .filter(|name| may_be_looked_up(name))
                .map(str::to_owned)
        })
        .filter(|name| BUILT_IN.iter().all(|(built_in, _)| built_in != name))
        .collect();
    own.sort();
    own.dedup();
    BUILT_IN
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .chain(own)
        .collect()
}

/// Where a theme's file is; `None`: inside the program, or nowhere.
#[must_use]
pub fn path(name: &str, directories: &[PathBuf]) -> Option<PathBuf> {
    files(name, directories).find(|path| path.is_file())
}

/// A theme's path and text, for one to be worn or for one to be inherited.
pub(super) fn find(name: &str, directories: &[PathBuf], parent: bool) -> Option<(PathBuf, String)> {
    let parents = PARENTS.iter().filter(|_| parent);
    files(name, directories)
        .find_map(|path| std::fs::read_to_string(&path).ok().map(|text| (path, text)))
        .or_else(|| {
            BUILT_IN
                .iter()
                .chain(parents)
                .find(|(built_in, _)| *built_in == name)
                .map(|(_, text)| {
                    let path = Path::new("themes").join(format!("{name}.toml"));
                    (path, (*text).to_owned())
                })
        })
}

fn files<'d>(name: &str, directories: &'d [PathBuf]) -> impl Iterator<Item = PathBuf> + 'd {
    let file = may_be_looked_up(name).then(|| format!("{name}.toml"));
    directories
        .iter()
        .filter_map(move |directory| Some(directory.join(file.as_ref()?)))
}

/// A name is looked up in a directory: it must not leave it.
fn may_be_looked_up(name: &str) -> bool {
    !(name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.'))
}
