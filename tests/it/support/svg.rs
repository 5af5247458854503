//! A terminal's screen as a picture: SVG whose text stays text, small, the same for the same screen.

use std::{collections::BTreeMap, fmt::Write as _};

use unicode_width::UnicodeWidthStr as _;

/// Points that a column and a row take.
const COLUMN: f32 = 8.4;
const ROW: f32 = 18.0;
/// Points around the screen.
const MARGIN: f32 = 10.0;

/// What a terminal shows where a program names a colour by its number.
const NAMED: [&str; 16] = [
    "#2e3436", "#e5534b", "#57ab5a", "#c69026", "#539bf5", "#b083f0", "#39c5cf", "#adbac7",
    "#768390", "#ff938a", "#6bc46d", "#daaa3f", "#6cb6ff", "#dcbdfb", "#56d4dd", "#f2f6fa",
];
/// The terminal's own colours.
const INK: &str = "#d5dde5";
const PAPER: &str = "#16191d";

/// How a run of characters looks.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Style {
    ink: String,
    paper: String,
    /// Further attributes of its text.
    marks: String,
}

/// A screen, as its cells say.
pub(crate) fn picture(screen: &vt100::Screen) -> String {
    let (rows, columns) = screen.size();
    let (rows, columns) = (rows.get(), columns.get());
    let (width, height) = (
        f32::from(columns) * COLUMN + 2.0 * MARGIN,
        f32::from(rows) * ROW + 2.0 * MARGIN,
    );
    let ground = ground(screen, rows, columns);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
         height=\"{height:.0}\" font-family=\"ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace\" \
         font-size=\"14\" xml:space=\"preserve\">\n<rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"{ground}\"/>\n"
    );
    for row in 0..rows {
        line(&mut out, screen, row, columns, &ground);
    }
    out.push_str("</svg>\n");
    out
}

/// The ground that most cells stand on.
fn ground(screen: &vt100::Screen, rows: u16, columns: u16) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for row in 0..rows {
        let cells = (0..columns).filter_map(|column| screen.cell(row, column));
        for cell in cells {
            *counts.entry(style(cell).paper).or_default() += 1;
        }
    }
    let most = counts.into_iter().max_by_key(|(_, count)| *count);
    most.map_or_else(|| PAPER.to_owned(), |(paper, _)| paper)
}

/// One row: what is behind the text, then the text.
fn line(out: &mut String, screen: &vt100::Screen, row: u16, columns: u16, ground: &str) {
    let mut runs: Vec<(u16, u16, Style, String)> = Vec::new();
    for column in 0..columns {
        let Some(cell) = screen.cell(row, column) else {
            continue;
        };
        let style = style(cell);
        let text = match cell.contents() {
            _ if cell.is_wide_continuation() => "",
            "" => " ",
            text => text,
        };
        match runs.last_mut() {
            Some((_, end, last, run)) if *last == style => {
                *end = column;
                run.push_str(text);
            }
            Some(_) | None => runs.push((column, column, style, text.to_owned())),
        }
    }
    let top = MARGIN + f32::from(row) * ROW;
    // Neighbours on the same ground are one rectangle: a seam between two could be seen.
    for block in runs.chunk_by(|one, other| one.2.paper == other.2.paper) {
        let [(from, _, style, _), ..] = block else {
            continue;
        };
        let to = block.last().map_or(*from, |(_, to, ..)| *to);
        if style.paper != ground {
            let (left, width) = (x(*from), f32::from(to - from + 1) * COLUMN);
            let _ = writeln!(
                out,
                "<rect x=\"{left:.1}\" y=\"{top:.0}\" width=\"{width:.1}\" height=\"{ROW:.0}\" fill=\"{}\"/>",
                style.paper
            );
        }
    }
    for (from, _, style, text) in &runs {
        write_run(out, *from, top, style, text);
    }
}

/// Words apart by one space stay together; what is further apart gets a place of its own.
fn write_run(out: &mut String, from: u16, top: f32, style: &Style, text: &str) {
    let mut at = from;
    for part in text.split_inclusive("  ") {
        let words = part.trim_end();
        let lead = words.len() - words.trim_start().len();
        let words = words.trim_start();
        let wide = u16::try_from(part.width()).unwrap_or(0);
        if !words.is_empty() {
            let lead = u16::try_from(lead).unwrap_or(0);
            let length = points(words.width()) * COLUMN;
            let _ = writeln!(
                out,
                "<text x=\"{:.1}\" y=\"{:.0}\" textLength=\"{length:.1}\" fill=\"{}\"{}>{}</text>",
                x(at + lead),
                top + 13.5,
                style.ink,
                style.marks,
                escaped(words)
            );
        }
        at += wide;
    }
}

fn points(count: usize) -> f32 {
    f32::from(u16::try_from(count).unwrap_or(u16::MAX))
}

fn x(column: u16) -> f32 {
    MARGIN + f32::from(column) * COLUMN
}

fn style(cell: &vt100::Cell) -> Style {
    let (ink, paper) = (
        colour(cell.fgcolor()).unwrap_or_else(|| INK.to_owned()),
        colour(cell.bgcolor()).unwrap_or_else(|| PAPER.to_owned()),
    );
    let (ink, paper) = if cell.inverse() {
        (paper, ink)
    } else {
        (ink, paper)
    };
    let marks = [
        (cell.bold(), " font-weight=\"bold\""),
        (cell.dim(), " opacity=\"0.7\""),
        (cell.italic(), " font-style=\"italic\""),
        (cell.underline(), " text-decoration=\"underline\""),
    ];
    let marks = marks.into_iter().filter(|(is, _)| *is);
    Style {
        ink,
        paper,
        marks: marks.map(|(_, mark)| mark).collect(),
    }
}

/// A colour as a browser takes it; `None`: the terminal's own.
fn colour(colour: vt100::Color) -> Option<String> {
    match colour {
        vt100::Color::Default => None,
        vt100::Color::Idx(number) => Some(indexed(number)),
        vt100::Color::Rgb(red, green, blue) => Some(format!("#{red:02x}{green:02x}{blue:02x}")),
    }
}

/// The colours of xterm: sixteen with names, a cube, a ramp of greys.
fn indexed(number: u8) -> String {
    if let Some(named) = NAMED.get(usize::from(number)) {
        return (*named).to_owned();
    }
    if number >= 232 {
        let grey = (number - 232) * 10 + 8;
        return format!("#{grey:02x}{grey:02x}{grey:02x}");
    }
    let level = |step: u8| if step == 0 { 0 } else { step * 40 + 55 };
    let cube = number - 16;
    let (red, green, blue) = (level(cube / 36), level(cube / 6 % 6), level(cube % 6));
    format!("#{red:02x}{green:02x}{blue:02x}")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// What a picture says: its words, row by row, each run after one space.
pub(crate) fn words(picture: &str) -> String {
    let mut said = String::new();
    let mut row = "";
    for line in picture.lines() {
        let Some(rest) = line.strip_prefix("<text ") else {
            continue;
        };
        let (attributes, text) = rest.split_once('>').expect("a text of a picture");
        let y = attributes.split(" y=\"").nth(1).unwrap_or("");
        let y = y.split('"').next().unwrap_or("");
        said.push(if y == row { ' ' } else { '\n' });
        row = y;
        let text = text.trim_end_matches("</text>");
        said.push_str(
            &text
                .replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&amp;", "&"),
        );
    }
    said
}

/// Pictures below each other in so many columns, each with its name, as one.
pub(crate) fn gallery(pictures: &[(&str, String)], columns: usize, scale: f32) -> String {
    let size = |name: &str, picture: &str| -> f32 {
        let mark = format!(" {name}=\"");
        let rest = picture.split(&mark).nth(1).unwrap_or("");
        rest.split('"').next().unwrap_or("").parse().unwrap_or(0.0)
    };
    let first = &pictures[0].1;
    let (width, height) = (size("width", first) * scale, size("height", first) * scale);
    let (gap, label) = (12.0, 20.0);
    let rows = pictures.len().div_ceil(columns);
    let whole = |count: usize, each: f32| points(count) * (each + gap) - gap;
    let (all, tall) = (whole(columns, width), whole(rows, height + label));
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {all:.0} {tall:.0}\" width=\"{all:.0}\" \
         height=\"{tall:.0}\" font-family=\"sans-serif\" font-size=\"13\">\n"
    );
    for (index, (name, picture)) in pictures.iter().enumerate() {
        let left = points(index % columns) * (width + gap);
        let top = points(index / columns) * (height + label + gap);
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"#808890\">{name}</text>\n<g transform=\"translate({left:.1} {:.1}) scale({scale})\">\n{}</g>",
            left + 4.0,
            top + 14.0,
            top + label,
            picture
        );
    }
    out.push_str("</svg>\n");
    out
}
