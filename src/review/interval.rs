//! Numbers that say how far they can be trusted: shares and means with their 95 % intervals, spreads.
//!
//! Called by `scores` and `variance`. A number of few samples is never told without its interval.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The normal quantile of 97.5 %.
const Z: f64 = 1.959_963_984_540_054;

/// Student's quantiles of 97.5 % for 1 to 30 degrees of freedom.
const STUDENT: [f64; 30] = [
    12.706_205, 4.302_653, 3.182_446, 2.776_445, 2.570_582, 2.446_912, 2.364_624, 2.306_004,
    2.262_157, 2.228_139, 2.200_985, 2.178_813, 2.160_369, 2.144_787, 2.131_450, 2.119_905,
    2.109_816, 2.100_922, 2.093_024, 2.085_963, 2.079_614, 2.073_873, 2.068_658, 2.063_899,
    2.059_539, 2.055_529, 2.051_831, 2.048_407, 2.045_230, 2.042_272,
];

/// A 95 % confidence interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// How many of some samples have something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// How many have it.
    pub hits: usize,
    /// Of how many that could.
    pub of: usize,
    /// `hits / of`, from 0 to 1; `None`: of none.
    pub share: Option<f64>,
    /// Wilson's score interval without continuity correction (Wilson 1927), which holds for few samples and for
    /// shares near 0 and 1, unlike the usual `p ± 1.96 s` (Brown, Cai and `DasGupta` 2001).
    pub interval: Option<Interval>,
}

impl Share {
    /// A share of samples that do not depend on each other.
    #[must_use]
    pub fn new(hits: usize, of: usize) -> Self {
        if of == 0 {
            return Self::default();
        }
        let (n, p) = (real(of), real(hits) / real(of));
        let scale = 1.0 + Z * Z / n;
        let middle = (p + Z * Z / (2.0 * n)) / scale;
        let half = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt() / scale;
        Self {
            hits,
            of,
            share: Some(p),
            interval: Some(Interval {
                // Exact at the ends, where rounding would leave a trace.
                low: if hits == 0 { 0.0 } else { middle - half },
                high: if hits == of { 1.0 } else { middle + half },
            }),
        }
    }

    /// Counts the samples that have it. `None` stands for a sample that cannot have it.
    pub(super) fn count(samples: impl Iterator<Item = Option<bool>>) -> Self {
        let (mut hits, mut of) = (0, 0);
        for has in samples.flatten() {
            of += 1;
            hits += usize::from(has);
        }
        Self::new(hits, of)
    }
}

/// `7 of 8; 95 % interval 53 % to 98 %`.
impl fmt::Display for Share {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Interval { low, high }) = self.interval else {
            return formatter.write_str("no sample to tell from");
        };
        write!(
            formatter,
            "{} of {}; 95 % interval {:.0} % to {:.0} %",
            self.hits,
            self.of,
            low * 100.0,
            high * 100.0
        )
    }
}

/// The mean of some samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mean {
    /// Of how many samples.
    pub of: usize,
    /// The mean; `None`: of none.
    pub mean: Option<f64>,
    /// Student's t interval (Student 1908), cut where a value cannot be. `None`: one sample, or all the same; how
    /// far others would spread cannot be told from them.
    pub interval: Option<Interval>,
}

impl Mean {
    /// The arithmetic mean of values from 0 to 1.
    #[must_use]
    pub fn of_shares(values: &[f64]) -> Self {
        let mean = Self::arithmetic(values);
        Self {
            interval: mean.interval.map(|interval| Interval {
                low: interval.low.max(0.0),
                high: interval.high.min(1.0),
            }),
            ..mean
        }
    }

    /// The geometric mean of ratios, with the interval of their logarithms: twice as long and half as long are as
    /// far from equal. Values that are not above 0 are left out.
    #[must_use]
    pub fn of_ratios(values: &[f64]) -> Self {
        let logarithms: Vec<f64> = values
            .iter()
            .filter(|value| **value > 0.0)
            .map(|value| value.ln())
            .collect();
        let mean = Self::arithmetic(&logarithms);
        Self {
            of: mean.of,
            mean: mean.mean.map(f64::exp),
            interval: mean.interval.map(|interval| Interval {
                low: interval.low.exp(),
                high: interval.high.exp(),
            }),
        }
    }

    fn arithmetic(values: &[f64]) -> Self {
        if values.is_empty() {
            return Self::default();
        }
        let n = real(values.len());
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let same = values
            .windows(2)
            .all(|two| two[0].total_cmp(&two[1]).is_eq());
        let interval = (values.len() > 1 && !same).then(|| {
            let half = student(values.len() - 1) * (squares / (n - 1.0) / n).sqrt();
            Interval {
                low: mean - half,
                high: mean + half,
            }
        });
        Self {
            of: values.len(),
            mean: Some(mean),
            interval,
        }
    }
}

/// `0.65 on 5; 95 % interval 0.45 to 0.85`.
impl fmt::Display for Mean {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(mean) = self.mean else {
            return formatter.write_str("no sample to tell from");
        };
        match self.interval {
            Some(Interval { low, high }) => write!(
                formatter,
                "{mean:.2} on {}; 95 % interval {low:.2} to {high:.2}",
                self.of
            ),
            None if self.of == 1 => write!(formatter, "{mean:.2} on 1; no interval from one"),
            None => write!(formatter, "{mean:.2} on each of {}", self.of),
        }
    }
}

/// Student's quantile of 97.5 %; beyond the table by the expansion of Cornish and Fisher, exact to six digits there.
fn student(freedom: usize) -> f64 {
    if let Some(quantile) = freedom.checked_sub(1).and_then(|at| STUDENT.get(at)) {
        return *quantile;
    }
    let v = real(freedom.max(1));
    Z + (Z.powi(3) + Z) / (4.0 * v)
        + (5.0 * Z.powi(5) + 16.0 * Z.powi(3) + 3.0 * Z) / (96.0 * v * v)
        + (3.0 * Z.powi(7) + 19.0 * Z.powi(5) + 17.0 * Z.powi(3) - 15.0 * Z) / (384.0 * v.powi(3))
}

/// Where some values lie.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// How many.
    pub of: usize,
    /// The least.
    pub min: f64,
    /// The one in the middle; of an even number the mean of the two in the middle.
    pub median: f64,
    /// The greatest.
    pub max: f64,
}

impl Spread {
    /// `None`: there are no values.
    #[must_use]
    pub fn new(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        Some(Self {
            of: values.len(),
            min: *values.first()?,
            median: if values.len() % 2 == 1 {
                values[middle]
            } else {
                f64::midpoint(values[middle - 1], values[middle])
            },
            max: *values.last()?,
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2 to the 52")]
const fn real(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Interval, Mean, Share, Spread, student};

    fn near(found: f64, expected: f64) -> bool {
        (found - expected).abs() < 5e-7
    }

    /// Expected: the roots of `(p - k/n)² = z² p (1 - p) / n`, found by bisection in Python with `z` from
    /// `statistics.NormalDist().inv_cdf(0.975)`.
    #[test]
    fn shares_have_wilsons_interval() {
        for (hits, of, low, high) in [
            (7, 8, 0.529_111_817_8, 0.977_582_508_5),
            (0, 3, 0.0, 0.561_497_031_8),
            (3, 3, 0.438_502_968_2, 1.0),
            (8, 8, 0.675_592_435_1, 1.0),
            (1, 2, 0.094_531_205_7, 0.905_468_794_3),
            (80, 100, 0.711_170_834_4, 0.866_633_066_7),
            (0, 1, 0.0, 0.793_450_685_6),
            (450, 500, 0.870_578_090_4, 0.923_322_437_3),
        ] {
            let found = Share::new(hits, of).interval.unwrap();
            assert!(
                near(found.low, low) && near(found.high, high),
                "{hits} of {of}: {found:?}"
            );
        }
    }

    /// Expected: the density of Student's distribution integrated by Simpson's rule in Python, and bisected.
    #[test]
    fn students_quantiles_are_as_integrated() {
        for (freedom, expected) in [
            (1, 12.706_205),
            (2, 4.302_653),
            (4, 2.776_445),
            (30, 2.042_272),
            (31, 2.039_513),
            (40, 2.021_075),
            (60, 2.000_298),
            (99, 1.984_217),
            (500, 1.964_720),
        ] {
            assert!(
                (student(freedom) - expected).abs() < 2e-6,
                "{freedom}: {}",
                student(freedom)
            );
        }
    }

    /// Expected: Python's `statistics.mean` and `stdev` with the quantiles above.
    #[test]
    fn means_have_students_interval() {
        let found = Mean::of_shares(&[0.62, 0.71, 0.55, 0.90, 0.48]);
        assert!(near(found.mean.unwrap(), 0.652));
        let Interval { low, high } = found.interval.unwrap();
        assert!(
            near(low, 0.449_986_2) && near(high, 0.854_013_8),
            "{low} {high}"
        );
        let found = Mean::of_ratios(&[0.5, 2.0, 1.25, 0.8, 0.0]);
        assert_eq!(found.of, 4);
        assert!(near(found.mean.unwrap(), 1.0));
        let Interval { low, high } = found.interval.unwrap();
        assert!(
            near(low, 0.388_263_1) && near(high, 2.575_572_9),
            "{low} {high}"
        );
    }

    #[test]
    fn few_samples_are_told_as_few() {
        for (words, expected) in [
            (
                Share::new(7, 8).to_string(),
                "7 of 8; 95 % interval 53 % to 98 %",
            ),
            (
                Share::new(3, 3).to_string(),
                "3 of 3; 95 % interval 44 % to 100 %",
            ),
            (Share::new(0, 0).to_string(), "no sample to tell from"),
            (Mean::of_shares(&[]).to_string(), "no sample to tell from"),
            (
                Mean::of_shares(&[0.5]).to_string(),
                "0.50 on 1; no interval from one",
            ),
            (
                Mean::of_shares(&[1.0, 1.0]).to_string(),
                "1.00 on each of 2",
            ),
            (
                Mean::of_shares(&[0.9, 1.0]).to_string(),
                "0.95 on 2; 95 % interval 0.31 to 1.00",
            ),
        ] {
            assert_eq!(words, expected);
        }
    }

    #[test]
    fn the_middle_of_an_even_number_is_between() {
        let spread = Spread::new(vec![4.0, 1.0, 2.0, 10.0]).unwrap();
        assert_eq!((spread.min, spread.median, spread.max), (1.0, 3.0, 10.0));
        assert_eq!(Spread::new(Vec::new()), None);
    }

    proptest! {
        #[test]
        fn an_interval_holds_its_share_and_shrinks(hits in 0_usize..60, more in 0_usize..60) {
            let of = hits + more;
            let share = Share::new(hits, of);
            if let (Some(p), Some(Interval { low, high })) = (share.share, share.interval) {
                prop_assert!(0.0 <= low && low <= p && p <= high && high <= 1.0);
                let wider = Share::new(4 * hits, 4 * of).interval.unwrap();
                prop_assert!(wider.high - wider.low < high - low);
            }
        }
    }
}
