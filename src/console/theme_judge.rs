//! Whether a theme can be read: the contrast of its texts, and whether states stay apart for every eye.
//!
//! Called by `theme_file` when a theme is checked, and by the tests of the shipped ones. It can judge colours that
//! a theme names itself; the terminal's own sixteen are different on every terminal. Whatever it finds, no meaning
//! is lost: each state also has its sign and its word.

use ratatui::style::{Color, Style};

use super::{
    colour::{Eye, Rgb, contrast, distance},
    depth::Depth,
    theme::{Role, Sheet, Theme},
};

/// The least contrast of text (WCAG 2.2, success criterion 1.4.3, level AA).
pub const TEXT: f64 = 4.5;

/// The least contrast of what is no text, or cannot be used now (criteria 1.4.11 and 1.4.3).
pub const DRAWING: f64 = 3.0;

/// How far apart two states must look, in text or background.
pub const APART: f64 = 10.0;

/// What else must not be taken for one another.
const PAIRS: [(Role, Role); 7] = [
    (Role::Success, Role::Warning),
    (Role::Success, Role::Error),
    (Role::Warning, Role::Error),
    (Role::DiffAdd, Role::DiffDel),
    (Role::SideA, Role::SideB),
    (Role::EnvProd, Role::EnvOther),
    (Role::ModeObserve, Role::ModeWrite),
];

/// What was measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judgement {
    /// The lowest contrast of any text; `None`: the theme leaves its colours to the terminal.
    pub contrast: Option<f64>,
    /// The distance of the two states that are nearest, for the eye that sees them nearest.
    pub apart: Option<f64>,
    /// What falls short.
    pub remarks: Vec<Remark>,
}

/// Something that falls short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// What it is about.
    pub role: Role,
    /// A stable name for scripts.
    pub code: &'static str,
    /// In words, with figures.
    pub message: String,
    /// What to do.
    pub help: String,
}

/// Judges a theme.
#[must_use]
pub fn judge(sheet: &Sheet) -> Judgement {
    let mut judgement = Judgement::default();
    let theme = sheet.theme(Depth::Rgb);
    if let Some(seen) = Seen::of(&theme) {
        contrasts(&seen, &mut judgement);
        pairs(&seen, &mut judgement);
    }
    for (depth, where_) in [
        (Depth::Ansi, "in sixteen colours"),
        (Depth::Mono, "without colours"),
    ] {
        alike(&sheet.theme(depth), where_, &mut judgement);
    }
    judgement
}

/// A theme whose text and background are known colours.
struct Seen<'t> {
    theme: &'t Theme,
    text: Rgb,
    behind: Rgb,
    selected: Option<Rgb>,
}

impl<'t> Seen<'t> {
    fn of(theme: &'t Theme) -> Option<Self> {
        let text = theme.style(Role::Text);
        Some(Self {
            theme,
            text: rgb(text.fg)?,
            behind: rgb(text.bg)?,
            selected: rgb(theme.style(Role::Selection).bg),
        })
    }

    /// Text and background of a role; `None`: one of them is the terminal's.
    fn look(&self, role: Role) -> Option<(Rgb, Rgb)> {
        let style = self.theme.style(role);
        let known = |colour: Option<Color>, otherwise| match colour {
            None => Some(otherwise),
            colour => rgb(colour),
        };
        Some((known(style.fg, self.text)?, known(style.bg, self.behind)?))
    }
}

fn rgb(colour: Option<Color>) -> Option<Rgb> {
    match colour {
        Some(Color::Rgb(red, green, blue)) => Some([red, green, blue]),
        _ => None,
    }
}

/// The contrast that a role needs; `None`: it is decoration.
const fn wanted(role: Role) -> Option<f64> {
    match role {
        Role::Border => None,
        Role::BorderFocus | Role::KeyDisabled | Role::SparkLow | Role::SparkHigh => Some(DRAWING),
        Role::Text
        | Role::Muted
        | Role::Title
        | Role::Heading
        | Role::Link
        | Role::Key
        | Role::Selection
        | Role::SelectionInactive
        | Role::Cursor
        | Role::Match
        | Role::Info
        | Role::Success
        | Role::Warning
        | Role::Error
        | Role::StateOk
        | Role::StateDegraded
        | Role::StateFallback
        | Role::StateForced
        | Role::StateFailing
        | Role::StateUnknown
        | Role::StateDisabled
        | Role::DiffAdd
        | Role::DiffDel
        | Role::DiffChange
        | Role::DiffEmph
        | Role::SideA
        | Role::SideB
        | Role::EnvProd
        | Role::EnvOther
        | Role::ModeObserve
        | Role::ModeWrite => Some(TEXT),
    }
}

fn contrasts(seen: &Seen<'_>, judgement: &mut Judgement) {
    for role in Role::ALL {
        let (Some(wanted), Some((text, behind))) = (wanted(role), seen.look(role)) else {
            continue;
        };
        // What stands on the common background also stands on the selected row.
        let selected = seen.selected.filter(|_| behind == seen.behind);
        let places = [
            (Some(behind), "its background"),
            (selected.filter(|_| wanted >= TEXT), "the selected row"),
        ];
        for (behind, place) in places {
            let Some(behind) = behind else { continue };
            let measured = contrast(text, behind);
            if wanted >= TEXT {
                judgement.contrast = Some(
                    judgement
                        .contrast
                        .map_or(measured, |least| least.min(measured)),
                );
            }
            if measured < wanted {
                judgement.remarks.push(Remark {
                    role,
                    code: "contrast",
                    message: format!(
                        "\"{}\" has a contrast of {measured:.1} on {place} ({} on {})",
                        role.as_str(),
                        hexadecimal(text),
                        hexadecimal(behind),
                    ),
                    help: format!("{wanted:.1} is the least that can be read well"),
                });
            }
        }
    }
}

/// Every two roles that must not be taken for one another.
fn opposed() -> impl Iterator<Item = (Role, Role)> {
    let states = Role::STATES.into_iter().enumerate();
    states
        .flat_map(|(index, left)| {
            Role::STATES
                .into_iter()
                .skip(index + 1)
                .map(move |right| (left, right))
        })
        .chain(PAIRS)
}

fn pairs(seen: &Seen<'_>, judgement: &mut Judgement) {
    for (left, right) in opposed() {
        let (Some(first), Some(second)) = (seen.look(left), seen.look(right)) else {
            continue;
        };
        let nearest = Eye::ALL
            .map(|eye| {
                let text = distance(first.0, second.0, eye);
                (text.max(distance(first.1, second.1, eye)), eye)
            })
            .into_iter()
            .min_by(|left, right| left.0.total_cmp(&right.0));
        let Some((apart, eye)) = nearest else {
            continue;
        };
        judgement.apart = Some(judgement.apart.map_or(apart, |least| least.min(apart)));
        if apart < APART {
            judgement.remarks.push(Remark {
                role: right,
                code: "apart",
                message: format!(
                    "\"{}\" and \"{}\" are only {apart:.1} apart with {}",
                    left.as_str(),
                    right.as_str(),
                    eye.as_str(),
                ),
                help: format!("{APART:.0} (CIEDE2000) is seen at a glance; change the text or what is behind it"),
            });
        }
    }
}

/// States that look the same where a theme leaves colours to the terminal, or has none.
fn alike(theme: &Theme, place: &str, judgement: &mut Judgement) {
    let style = |role| -> Style { theme.style(role) };
    for (index, left) in Role::STATES.into_iter().enumerate() {
        for right in Role::STATES.into_iter().skip(index + 1) {
            if style(left) == style(right) {
                judgement.remarks.push(Remark {
                    role: right,
                    code: "alike",
                    message: format!(
                        "\"{}\" and \"{}\" look the same {place}",
                        left.as_str(),
                        right.as_str()
                    ),
                    help: "give one of them another attribute".to_owned(),
                });
            }
        }
    }
}

fn hexadecimal([red, green, blue]: Rgb) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}
