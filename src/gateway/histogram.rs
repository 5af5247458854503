//! Times in fixed buckets, as Prometheus wants them.

use std::time::Duration;

/// Upper bounds of the buckets in microseconds; what is above the last goes into one more.
const ANSWERS: [u64; 16] = [
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    30_000_000,
    60_000_000,
    300_000_000,
];
const OVERHEAD: [u64; 16] = [
    25, 50, 75, 100, 150, 250, 500, 750, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000,
    1_000_000,
];
const BUCKETS: usize = ANSWERS.len() + 1;

/// Which bounds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bounds {
    /// For answers: a millisecond to five minutes.
    Answers,
    /// For the gateway's own time: 25 microseconds to a second.
    Overhead,
}

/// Counted times.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    bounds: &'static [u64; BUCKETS - 1],
    counts: [u64; BUCKETS],
    micros: u64,
}

impl Histogram {
    pub(super) const fn new(bounds: Bounds) -> Self {
        Self {
            bounds: match bounds {
                Bounds::Answers => &ANSWERS,
                Bounds::Overhead => &OVERHEAD,
            },
            counts: [0; BUCKETS],
            micros: 0,
        }
    }

    pub(super) fn observe(&mut self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let bucket = self.bounds.partition_point(|bound| *bound < micros);
        self.counts[bucket] += 1;
        self.micros = self.micros.saturating_add(micros);
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(other.counts) {
            *mine += theirs;
        }
        self.micros = self.micros.saturating_add(other.micros);
    }

    /// Sum in seconds, count, and for each bucket its upper bound in seconds with its own count.
    pub(super) fn parts(&self) -> (f64, u64, [(f64, u64); BUCKETS]) {
        let seconds = |micros: u64| Duration::from_micros(micros).as_secs_f64();
        let mut buckets = [(f64::INFINITY, 0); BUCKETS];
        for (index, bucket) in buckets.iter_mut().enumerate() {
            let bound = self
                .bounds
                .get(index)
                .map_or(f64::INFINITY, |bound| seconds(*bound));
            *bucket = (bound, self.counts[index]);
        }
        (seconds(self.micros), self.counts.iter().sum(), buckets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_falls_into_the_first_bucket_that_holds_it() {
        let mut histogram = Histogram::new(Bounds::Answers);
        for micros in [1, 1_000, 1_001, 400_000_000] {
            histogram.observe(Duration::from_micros(micros));
        }
        let (sum, count, buckets) = histogram.parts();
        assert_eq!(count, 4);
        assert!((sum - 400.002_002).abs() < 1e-9, "{sum}");
        assert_eq!(buckets[0].1, 2);
        assert_eq!(buckets[1].1, 1);
        assert_eq!(buckets[BUCKETS - 1].1, 1);
    }
}
