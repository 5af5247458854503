//! How many colours the terminal is taken to have, without asking it anything.
//!
//! Order: what the operator asked for, `NO_COLOR`, `TERM=dumb`, `COLORTERM`, the terminfo entry, sixteen.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
};

use ratatui::style::Color;

/// Colours of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Depth {
    /// None: attributes only.
    Mono,
    /// The sixteen of the terminal's own palette.
    Ansi,
    /// 256.
    Indexed,
    /// 24 bit.
    Rgb,
}

impl FromStr for Depth {
    type Err = String;

    /// As given to `--color`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "never" | "mono" => Ok(Self::Mono),
            "16" | "ansi" => Ok(Self::Ansi),
            "256" => Ok(Self::Indexed),
            "rgb" | "truecolor" | "24bit" => Ok(Self::Rgb),
            other => Err(format!(
                "`{other}` is no colour depth; use never, 16, 256 or rgb"
            )),
        }
    }
}

impl Depth {
    /// What the environment says.
    #[must_use]
    pub fn detect(variables: &dyn Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variables(name).filter(|value| !value.is_empty());
        if set("NO_COLOR").is_some() {
            return Self::Mono;
        }
        let Some(term) = set("TERM").filter(|term| term != "dumb") else {
            return Self::Mono;
        };
        if set("COLORTERM").is_some_and(|value| value == "truecolor" || value == "24bit") {
            return Self::Rgb;
        }
        let colours = terminfo_places(&term, &set)
            .iter()
            .find_map(|place| std::fs::read(place).ok())
            .and_then(|entry| terminfo_colours(&entry));
        match colours {
            Some(colours) if colours >= 0x100_0000 => Self::Rgb,
            Some(colours) if colours >= 256 => Self::Indexed,
            Some(colours) if colours < 8 => Self::Mono,
            None if term.ends_with("-direct") => Self::Rgb,
            None if term.ends_with("256color") => Self::Indexed,
            Some(_) | None => Self::Ansi,
        }
    }

    /// A colour as this depth can show it.
    #[must_use]
    pub fn show(self, colour: Color) -> Color {
        let Color::Rgb(red, green, blue) = colour else {
            return if self == Self::Mono {
                Color::Reset
            } else {
                colour
            };
        };
        match self {
            Self::Mono => Color::Reset,
            Self::Ansi => nearest_ansi([red, green, blue]),
            Self::Indexed => Color::Indexed(nearest_indexed([red, green, blue])),
            Self::Rgb => colour,
        }
    }
}

/// Where the compiled terminfo entry of a terminal may be.
fn terminfo_places(term: &str, set: &dyn Fn(&str) -> Option<String>) -> Vec<PathBuf> {
    let Some(first) = term.chars().next() else {
        return Vec::new();
    };
    // A name is looked up in a directory: it must not leave it.
    if term.contains('/') || term.starts_with('.') {
        return Vec::new();
    }
    let mut directories: Vec<PathBuf> = Vec::new();
    directories.extend(set("TERMINFO").map(PathBuf::from));
    directories.extend(set("HOME").map(|home| Path::new(&home).join(".terminfo")));
    directories.extend(
        set("TERMINFO_DIRS")
            .iter()
            .flat_map(|list| list.split(':'))
            .filter(|directory| !directory.is_empty())
            .map(PathBuf::from),
    );
    directories
        .extend(["/etc/terminfo", "/lib/terminfo", "/usr/share/terminfo"].map(PathBuf::from));
    directories
        .iter()
        .flat_map(|directory| {
            // Some systems name the subdirectory by the letter, others by its code.
            [first.to_string(), format!("{:x}", u32::from(first))]
                .map(|letter| directory.join(letter).join(term))
        })
        .collect()
}

/// `max_colors` of a compiled terminfo entry (term(5)).
fn terminfo_colours(entry: &[u8]) -> Option<u32> {
    /// The place of `max_colors` among the numbers.
    const MAX_COLOURS: usize = 13;
    let short = |at: usize| {
        let bytes = entry.get(at..at + 2)?;
        Some(u16::from_le_bytes([bytes[0], bytes[1]]))
    };
    let wide = match short(0)? {
        0o432 => false,
        0o1036 => true,
        _ => return None,
    };
    let (names, booleans, numbers) = (short(2)?, short(4)?, short(6)?);
    if usize::from(numbers) <= MAX_COLOURS {
        return None;
    }
    let unaligned = 12 + usize::from(names) + usize::from(booleans);
    let start = unaligned + unaligned % 2;
    if wide {
        let at = start + MAX_COLOURS * 4;
        let bytes = entry.get(at..at + 4)?;
        let value = i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        u32::try_from(value).ok()
    } else {
        let value = short(start + MAX_COLOURS * 2)?;
        // Absent numbers are -1.
        (value < 0x8000).then_some(u32::from(value))
    }
}

/// The usual values of the sixteen colours, for the one case in which a theme names none.
const ANSI: [(Color, [u8; 3]); 16] = [
    (Color::Black, [0, 0, 0]),
    (Color::Red, [205, 0, 0]),
    (Color::Green, [0, 205, 0]),
    (Color::Yellow, [205, 205, 0]),
    (Color::Blue, [0, 0, 238]),
    (Color::Magenta, [205, 0, 205]),
    (Color::Cyan, [0, 205, 205]),
    (Color::Gray, [229, 229, 229]),
    (Color::DarkGray, [127, 127, 127]),
    (Color::LightRed, [255, 0, 0]),
    (Color::LightGreen, [0, 255, 0]),
    (Color::LightYellow, [255, 255, 0]),
    (Color::LightBlue, [92, 92, 255]),
    (Color::LightMagenta, [255, 0, 255]),
    (Color::LightCyan, [0, 255, 255]),
    (Color::White, [255, 255, 255]),
];

fn nearest_ansi(colour: [u8; 3]) -> Color {
    ANSI.iter()
        .min_by_key(|(_, value)| near(*value, colour))
        .map_or(Color::Reset, |(named, _)| *named)
}

/// What the colours behind the first sixteen look like: a cube, and then a ramp of greys.
pub(super) const fn indexed(index: u8) -> [u8; 3] {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    if index >= 232 {
        return [8 + 10 * (index - 232); 3];
    }
    let cube = index.saturating_sub(16);
    [
        STEPS[(cube / 36) as usize],
        STEPS[(cube / 6 % 6) as usize],
        STEPS[(cube % 6) as usize],
    ]
}

/// The nearest of the colour cube and the grey ramp; the first sixteen depend on the terminal's palette.
fn nearest_indexed(colour: [u8; 3]) -> u8 {
    (16..=u8::MAX)
        .min_by_key(|index| near(indexed(*index), colour))
        .unwrap_or(16)
}

/// Squared, weighted as the eye weighs the three.
pub(super) fn near(left: [u8; 3], right: [u8; 3]) -> u32 {
    left.into_iter()
        .zip(right)
        .zip([3, 4, 2])
        .map(|((left, right), weight)| u32::from(left.abs_diff(right)).pow(2) * weight)
        .sum()
}

#[cfg(test)]
mod tests {
    use ratatui::style::Color;

    use super::{Depth, terminfo_colours};

    #[test]
    fn the_environment_decides_in_order() {
        for (case, variables, expected) in [
            ("nothing", &[][..], Depth::Mono),
            (
                "dumb",
                &[("TERM", "dumb"), ("COLORTERM", "truecolor")],
                Depth::Mono,
            ),
            (
                "no colour wins",
                &[
                    ("NO_COLOR", "1"),
                    ("TERM", "xterm"),
                    ("COLORTERM", "truecolor"),
                ],
                Depth::Mono,
            ),
            (
                "empty no colour",
                &[
                    ("NO_COLOR", ""),
                    ("TERM", "nowhere"),
                    ("COLORTERM", "24bit"),
                ],
                Depth::Rgb,
            ),
            (
                "unknown colorterm",
                &[("TERM", "nowhere"), ("COLORTERM", "yes")],
                Depth::Ansi,
            ),
            ("suffix", &[("TERM", "nowhere-256color")], Depth::Indexed),
            ("direct", &[("TERM", "nowhere-direct")], Depth::Rgb),
            ("a path is no name", &[("TERM", "../../x")], Depth::Ansi),
        ] {
            let variables = |name: &str| {
                variables
                    .iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(Depth::detect(&variables), expected, "{case}");
        }
    }

    /// A compiled entry with `colours` at its place.
    fn entry(wide: bool, numbers: u16, colours: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        let magic: u16 = if wide { 0o1036 } else { 0o432 };
        for value in [magic, 5, 2, numbers, 0, 0] {
            bytes.extend(value.to_le_bytes());
        }
        bytes.extend(b"test\0");
        bytes.extend([0, 0]);
        bytes.push(0);
        for index in 0..u32::from(numbers) {
            let value = if index == 13 { colours } else { 0xffff_ffff };
            if wide {
                bytes.extend(value.to_le_bytes());
            } else {
                bytes.extend(&value.to_le_bytes()[..2]);
            }
        }
        bytes
    }

    #[test]
    fn without_better_knowledge_the_terminals_entry_decides() {
        let place = tempfile::tempdir().unwrap();
        for (letter, name, colours) in [
            ("t", "two", 2),
            ("e", "eight", 8),
            ("s", "sixteen", 16),
            ("m", "many", 256),
        ] {
            let directory = place.path().join(letter);
            std::fs::create_dir_all(&directory).unwrap();
            std::fs::write(directory.join(name), entry(false, 20, colours)).unwrap();
        }
        let directory = place.path().join("a");
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join("all-256color"), entry(true, 20, 0x100_0000)).unwrap();
        for (term, more, expected) in [
            ("two", None, Depth::Mono),
            ("eight", None, Depth::Ansi),
            ("sixteen", None, Depth::Ansi),
            ("many", None, Depth::Indexed),
            ("all-256color", None, Depth::Rgb),
            ("two", Some(("COLORTERM", "truecolor")), Depth::Rgb),
            ("many", Some(("NO_COLOR", "1")), Depth::Mono),
            ("unknown", None, Depth::Ansi),
        ] {
            let variables = |name: &str| match name {
                "TERM" => Some(term.to_owned()),
                "TERMINFO" => Some(place.path().display().to_string()),
                name => more
                    .filter(|(key, _)| *key == name)
                    .map(|(_, value)| value.to_owned()),
            };
            assert_eq!(Depth::detect(&variables), expected, "{term} {more:?}");
        }
    }

    #[test]
    fn terminfo_entries_are_read_and_broken_ones_are_not_believed() {
        assert_eq!(terminfo_colours(&entry(false, 20, 256)), Some(256));
        assert_eq!(
            terminfo_colours(&entry(true, 20, 0x100_0000)),
            Some(0x100_0000)
        );
        assert_eq!(terminfo_colours(&entry(false, 20, 0xffff)), None, "absent");
        assert_eq!(
            terminfo_colours(&entry(false, 13, 8)),
            None,
            "no such number"
        );
        assert_eq!(terminfo_colours(b"\x1a\x01"), None, "cut");
        assert_eq!(terminfo_colours(b"not an entry"), None);
    }

    #[test]
    fn colours_are_shown_as_near_as_the_depth_allows() {
        for (case, depth, colour, shown) in [
            (
                "rgb stays",
                Depth::Rgb,
                Color::Rgb(1, 2, 3),
                Color::Rgb(1, 2, 3),
            ),
            (
                "cube",
                Depth::Indexed,
                Color::Rgb(255, 0, 0),
                Color::Indexed(196),
            ),
            (
                "grey ramp",
                Depth::Indexed,
                Color::Rgb(30, 30, 30),
                Color::Indexed(234),
            ),
            (
                "near red",
                Depth::Ansi,
                Color::Rgb(250, 10, 10),
                Color::LightRed,
            ),
            ("named stays", Depth::Indexed, Color::Blue, Color::Blue),
            ("no colour", Depth::Mono, Color::Blue, Color::Reset),
        ] {
            assert_eq!(depth.show(colour), shown, "{case}");
        }
    }
}
