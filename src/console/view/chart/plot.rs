//! Bars in rows of cells, with the signs of a set. It knows numbers and signs, and nothing of what they mean.

use super::super::pen::Line;
use crate::console::{
    glyph::{Chart, Fill, Glyphs},
    state::chart::Axis,
    theme::Role,
};

/// What stands in one bar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Bar {
    /// Nobody has told.
    Unknown,
    /// There was nothing to count.
    Idle,
    /// A value, in this role.
    Value(f64, Role),
    /// A value, and a larger one above it.
    Pair(f64, f64),
}

impl Bar {
    const fn low(self) -> f64 {
        match self {
            Self::Unknown | Self::Idle => 0.0,
            Self::Value(value, _) | Self::Pair(value, _) => value,
        }
    }

    const fn high(self) -> f64 {
        match self {
            Self::Unknown | Self::Idle => 0.0,
            Self::Value(value, _) => value,
            Self::Pair(_, high) => high,
        }
    }

    const fn roles(self) -> (Role, Role) {
        match self {
            Self::Unknown | Self::Idle => (Role::Muted, Role::Muted),
            Self::Value(_, role) => (role, role),
            // Neither is good or bad by itself: no colour of a state.
            Self::Pair(..) => (Role::Info, Role::Muted),
        }
    }
}

/// Bars on an axis, up to `top`, as rows from the highest to the lowest.
pub(super) fn plot(bars: &[Bar], axis: Axis, rows: usize, top: f64, glyphs: &Glyphs) -> Vec<Line> {
    let ramp: Chart = match glyphs.chart.fill {
        // In one row every step counts.
        Fill::Steps(steps) if rows == 1 && steps.len() < 7 => Chart {
            fill: Fill::Steps(&ONE_ROW),
            ..glyphs.chart
        },
        Fill::Steps(_) | Fill::Dots => glyphs.chart,
    };
    (0..rows)
        .map(|row| {
            let from_bottom = rows - 1 - row;
            let mut line = Runs::default();
            for cell in 0..axis.cells() {
                let first = cell * ramp.fill.bars();
                let of_cell = bars.get(first..).unwrap_or_default();
                let of_cell = &of_cell[..of_cell.len().min(ramp.fill.bars())];
                match ramp.fill {
                    Fill::Steps(steps) => {
                        step(&mut line, of_cell, steps, from_bottom, rows, top, &ramp);
                    }
                    Fill::Dots => dots(&mut line, of_cell, from_bottom, rows, top, &ramp),
                }
            }
            line.line
        })
        .collect()
}

/// The ramp of ASCII in charts of one row.
const ONE_ROW: [&str; 7] = [".", ":", "-", "=", "+", "*", "#"];

/// Parts of a line, joined while their role is the same.
#[derive(Default)]
struct Runs {
    line: Line,
}

impl Runs {
    fn push(&mut self, role: Role, sign: &str) {
        match self.line.0.last_mut() {
            Some((last, text)) if *last == role || sign == " " => text.push_str(sign),
            Some(_) | None => self.line.0.push((role, sign.to_owned())),
        }
    }

    fn put(&mut self, role: Role, sign: char) {
        self.push(role, sign.encode_utf8(&mut [0; 4]));
    }
}

/// How many steps high a value is; what is not nothing has one at least.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "clamped to the height of a screen"
)]
fn height(value: f64, top: f64, most: usize) -> usize {
    if value <= 0.0 || top <= 0.0 || !value.is_finite() {
        return 0;
    }
    (((value / top) * most as f64).round() as usize).clamp(1, most)
}

/// What stands at the bottom where there is no bar.
fn ground(bars: &[Bar], chart: &Chart) -> &'static str {
    if bars.contains(&Bar::Unknown) {
        chart.unknown
    } else if bars.iter().any(|bar| *bar != Bar::Idle) {
        chart.zero
    } else {
        " "
    }
}

fn step(
    line: &mut Runs,
    bars: &[Bar],
    steps: &[&'static str],
    from_bottom: usize,
    rows: usize,
    top: f64,
    chart: &Chart,
) {
    let Some(bar) = bars.first() else {
        return line.push(Role::Muted, " ");
    };
    let most = rows * steps.len();
    let below = from_bottom * steps.len();
    let (role, light) = bar.roles();
    let filled = height(bar.low(), top, most)
        .saturating_sub(below)
        .min(steps.len());
    if let Some(sign) = filled.checked_sub(1).and_then(|index| steps.get(index)) {
        return line.push(role, sign);
    }
    if height(bar.high(), top, most) > below {
        return line.push(light, chart.light);
    }
    if from_bottom == 0 {
        line.push(Role::Muted, ground(bars, chart));
    } else {
        line.push(Role::Muted, " ");
    }
}

/// The dots of a column of a braille cell, from its bottom.
const COLUMNS: [[u32; 4]; 2] = [[0x40, 0x04, 0x02, 0x01], [0x80, 0x20, 0x10, 0x08]];
const BRAILLE: u32 = 0x2800;

fn dots(line: &mut Runs, bars: &[Bar], from_bottom: usize, rows: usize, top: f64, chart: &Chart) {
    let below = from_bottom * 4;
    let mut signs = 0;
    let mut role = Role::Muted;
    for (bar, column) in bars.iter().zip(COLUMNS) {
        let (own, light) = bar.roles();
        let low = height(bar.low(), top, rows * 4);
        let high = height(bar.high(), top, rows * 4);
        for (step, dot) in column.into_iter().enumerate() {
            let at = below + step + 1;
            if at <= low {
                signs |= dot;
                role = own;
            } else if at == high {
                signs |= dot;
                if role == Role::Muted {
                    role = light;
                }
            }
        }
    }
    match char::from_u32(BRAILLE + signs).filter(|_| signs > 0) {
        Some(sign) => line.put(role, sign),
        None if from_bottom == 0 && !bars.is_empty() => {
            line.push(Role::Muted, ground(bars, chart));
        }
        None => line.push(Role::Muted, " "),
    }
}

#[cfg(test)]
mod tests;
