//! How colours are seen: contrast as WCAG 2 measures it, and how far apart two colours are, also for eyes that
//! lack one kind of cone.
//!
//! Called by `theme_judge` and by the tests of the themes. It must not know themes or terminals.

/// Red, green and blue as sRGB has them.
pub type Rgb = [u8; 3];

/// Whose eyes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eye {
    /// All three kinds of cones.
    Full,
    /// Without those for long waves: no red.
    Protan,
    /// Without those for middle waves: no green.
    Deutan,
    /// Without those for short waves: no blue.
    Tritan,
}

impl Eye {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Full, Self::Protan, Self::Deutan, Self::Tritan];

    /// In words, for messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full colour vision",
            Self::Protan => "protanopia",
            Self::Deutan => "deuteranopia",
            Self::Tritan => "tritanopia",
        }
    }

    /// What becomes of linear light.
    ///
    /// The matrices for the full deficiency of Machado, Oliveira and Fernandes, "A Physiologically-based Model
    /// for Simulation of Color Vision Deficiency", IEEE TVCG 15(6), 2009, table 1 (severity 1.0).
    const fn matrix(self) -> [[f64; 3]; 3] {
        match self {
            Self::Full => [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
            Self::Protan => [
                [0.152_286, 1.052_583, -0.204_868],
                [0.114_503, 0.786_281, 0.099_216],
                [-0.003_882, -0.048_116, 1.051_998],
            ],
            Self::Deutan => [
                [0.367_322, 0.860_646, -0.227_968],
                [0.280_085, 0.672_501, 0.047_413],
                [-0.011_820, 0.042_940, 0.968_881],
            ],
            Self::Tritan => [
                [1.255_528, -0.076_749, -0.178_779],
                [-0.078_411, 0.930_809, 0.147_602],
                [0.004_733, 0.691_367, 0.303_900],
            ],
        }
    }
}

/// The contrast of two colours, from 1 to 21 (WCAG 2.2, "contrast ratio").
#[must_use]
pub fn contrast(left: Rgb, right: Rgb) -> f64 {
    let (left, right) = (luminance(left), luminance(right));
    (left.max(right) + 0.05) / (left.min(right) + 0.05)
}

/// How far apart two colours look (CIEDE2000). Below 1 nobody sees it; from 10 on it is seen at a glance.
#[must_use]
pub fn distance(left: Rgb, right: Rgb, eye: Eye) -> f64 {
    ciede2000(lab(left, eye), lab(right, eye))
}

fn luminance(colour: Rgb) -> f64 {
    let [red, green, blue] = linear(colour);
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

fn linear(colour: Rgb) -> [f64; 3] {
    colour.map(|value| {
        let share = f64::from(value) / 255.0;
        if share <= 0.040_45 {
            share / 12.92
        } else {
            ((share + 0.055) / 1.055).powf(2.4)
        }
    })
}

/// L*, a* and b* under daylight (D65).
fn lab(colour: Rgb, eye: Eye) -> [f64; 3] {
    const XYZ: [[f64; 3]; 3] = [
        [0.412_456_4, 0.357_576_1, 0.180_437_5],
        [0.212_672_9, 0.715_152_2, 0.072_175_0],
        [0.019_333_9, 0.119_192_0, 0.950_304_1],
    ];
    const WHITE: [f64; 3] = [0.950_47, 1.0, 1.088_83];
    let seen = times(eye.matrix(), linear(colour)).map(|share| share.clamp(0.0, 1.0));
    let xyz = times(XYZ, seen);
    let [x, y, z] = [0, 1, 2].map(|axis| {
        let share = xyz[axis] / WHITE[axis];
        if share > 216.0 / 24389.0 {
            share.cbrt()
        } else {
            (24389.0 / 27.0 * share + 16.0) / 116.0
        }
    });
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

fn times(matrix: [[f64; 3]; 3], vector: [f64; 3]) -> [f64; 3] {
    matrix.map(|row| row[0] * vector[0] + row[1] * vector[1] + row[2] * vector[2])
}

/// The formula of Sharma, Wu and Dalal, "The CIEDE2000 Color-Difference Formula", 2005, with their names.
#[expect(
    clippy::many_single_char_names,
    reason = "the names of the formula, by which it can be checked"
)]
fn ciede2000([l1, a1, b1]: [f64; 3], [l2, a2, b2]: [f64; 3]) -> f64 {
    const FULL: f64 = 360.0;
    let mean = f64::midpoint;
    let seventh = |chroma: f64| (chroma.powi(7) / (chroma.powi(7) + 25_f64.powi(7))).sqrt();
    let g = 0.5 * (1.0 - seventh(mean(a1.hypot(b1), a2.hypot(b2))));
    let (a1, a2) = (a1 * (1.0 + g), a2 * (1.0 + g));
    let (c1, c2) = (a1.hypot(b1), a2.hypot(b2));
    let hue = |a: f64, b: f64| b.atan2(a).to_degrees().rem_euclid(FULL);
    let (h1, h2) = (hue(a1, b1), hue(a2, b2));
    let grey = c1 == 0.0 || c2 == 0.0;
    let turn = h2 - h1;
    let dh = match turn {
        _ if grey => 0.0,
        turn if turn > 180.0 => turn - FULL,
        turn if turn < -180.0 => turn + FULL,
        turn => turn,
    };
    let dh = 2.0 * (c1 * c2).sqrt() * (dh / 2.0).to_radians().sin();
    let (l, c) = (mean(l1, l2), mean(c1, c2));
    let h = match h1 + h2 {
        sum if grey => sum,
        sum if turn.abs() <= 180.0 => sum / 2.0,
        sum if sum < FULL => f64::midpoint(sum, FULL),
        sum => (sum - FULL) / 2.0,
    };
    let wave = |times: f64, shift: f64| (times * h + shift).to_radians().cos();
    let t = 1.0 - 0.17 * wave(1.0, -30.0) + 0.24 * wave(2.0, 0.0) + 0.32 * wave(3.0, 6.0)
        - 0.20 * wave(4.0, -63.0);
    let lightness = (l - 50.0).powi(2);
    let sl = 1.0 + 0.015 * lightness / (20.0 + lightness).sqrt();
    let (sc, sh) = (1.0 + 0.045 * c, 1.0 + 0.015 * c * t);
    let theta = 30.0 * (-((h - 275.0) / 25.0).powi(2)).exp();
    let rt = -(2.0 * theta).to_radians().sin() * 2.0 * seventh(c);
    let (dl, dc, dh) = ((l2 - l1) / sl, (c2 - c1) / sc, dh / sh);
    (dl * dl + dc * dc + dh * dh + rt * dc * dh).sqrt()
}

#[cfg(test)]
mod tests {
    use super::{Eye, ciede2000, contrast, distance};

    fn near(left: f64, right: f64, within: f64) -> bool {
        (left - right).abs() < within
    }

    #[test]
    fn contrast_is_that_of_wcag() {
        for (case, left, right, expected) in [
            ("black on white", [0; 3], [255; 3], 21.0),
            ("the same", [77, 1, 200], [77, 1, 200], 1.0),
            (
                "the lightest grey that passes AA on white",
                [118; 3],
                [255; 3],
                4.54,
            ),
            ("pure red on white", [255, 0, 0], [255; 3], 4.0),
        ] {
            let measured = contrast(left, right);
            assert!(near(measured, expected, 0.01), "{case}: {measured}");
            assert!(near(measured, contrast(right, left), 1e-12), "{case}");
        }
    }

    /// Rows of the table that comes with the formula: two colours and what must come out.
    #[test]
    fn distances_are_those_of_the_published_table() {
        for (row, left, right, expected) in [
            (1, [50.0, 2.6772, -79.7751], [50.0, 0.0, -82.7485], 2.0425),
            (7, [50.0, 0.0, 0.0], [50.0, -1.0, 2.0], 2.3669),
            (9, [50.0, 2.49, -0.001], [50.0, -2.49, 0.0009], 7.1792),
            (12, [50.0, 2.49, -0.001], [50.0, -2.49, 0.0012], 7.2195),
            (17, [50.0, 2.5, 0.0], [73.0, 25.0, -18.0], 27.1492),
            (18, [50.0, 2.5, 0.0], [61.0, -5.0, 29.0], 22.8977),
            (
                25,
                [60.2574, -34.0099, 36.2677],
                [60.4626, -34.1751, 39.4387],
                1.2644,
            ),
            (
                33,
                [6.7747, -0.2908, -2.4247],
                [5.8714, -0.0985, -2.2286],
                0.6377,
            ),
            (
                34,
                [2.0776, 0.0795, -1.135],
                [0.9033, -0.0636, -0.5514],
                0.9082,
            ),
        ] {
            let measured = ciede2000(left, right);
            assert!(near(measured, expected, 0.000_1), "row {row}: {measured}");
            assert!(near(measured, ciede2000(right, left), 1e-9), "row {row}");
        }
    }

    #[test]
    fn eyes_without_a_cone_confuse_what_they_are_known_to_confuse() {
        let (red, olive) = ([190, 40, 30], [110, 100, 0]);
        let (teal, blue) = ([0, 150, 160], [0, 140, 200]);
        for (case, eye, left, right) in [
            ("red and olive", Eye::Deutan, red, olive),
            ("teal and blue", Eye::Tritan, teal, blue),
        ] {
            let (seen, full) = (distance(left, right, eye), distance(left, right, Eye::Full));
            assert!(seen < full * 0.6, "{case}: {seen} of {full}");
        }
        for eye in Eye::ALL {
            assert!(
                distance([0; 3], [255; 3], eye) > 90.0,
                "{eye:?}: lightness stays"
            );
            assert!(near(distance(red, red, eye), 0.0, 1e-9), "{eye:?}");
        }
    }
}
