//! The last minute in numbers: counters by second, and the time to first output on a logarithmic scale.
//!
//! Cheap enough to be fed by every request: one second's slot and one histogram cell are touched.

use std::time::Duration;

/// Seconds that are kept.
const SECONDS: usize = 60;

/// Counters of one kind, by second, over the last minute. `N` counters per second.
#[derive(Clone, Debug)]
pub(super) struct Window<const N: usize> {
    slots: Box<[Slot<N>; SECONDS]>,
}

#[derive(Clone, Copy, Debug)]
struct Slot<const N: usize> {
    second: u64,
    counts: [u32; N],
}

impl<const N: usize> Default for Window<N> {
    fn default() -> Self {
        let empty = Slot {
            second: u64::MAX,
            counts: [0; N],
        };
        Self {
            slots: Box::new([empty; SECONDS]),
        }
    }
}

impl<const N: usize> Window<N> {
    /// The counters of a second (counted from the gateway's start).
    pub(super) fn at(&mut self, second: u64) -> &mut [u32; N] {
        let slot = &mut self.slots[place(second, SECONDS)];
        if slot.second != second {
            slot.second = second;
            slot.counts = [0; N];
        }
        &mut slot.counts
    }

    /// Adds up the minute that ends with a second.
    pub(super) fn sum(&self, second: u64, into: &mut [u64; N]) {
        for slot in self.slots.iter() {
            // An unused slot's second is later than any.
            if slot.second <= second && second - slot.second < SECONDS as u64 {
                for (total, count) in into.iter_mut().zip(slot.counts) {
                    *total += u64::from(count);
                }
            }
        }
    }
}

fn place(number: u64, of: usize) -> usize {
    usize::try_from(number % of as u64).unwrap_or(0)
}

/// Cells per doubling of the time.
const PER_OCTAVE: usize = 4;
/// From 64 us to 2^24 * 64 us (18 minutes).
const OCTAVES: usize = 24;
const CELLS: usize = PER_OCTAVE * OCTAVES;
const SMALLEST_MICROS: u64 = 64;
/// The minute is kept in slices, so that old times fall out.
const SLICES: usize = 6;
const SLICE_SECONDS: u64 = 10;

/// Times over the last minute, to within a tenth.
#[derive(Clone, Debug)]
pub(super) struct Times {
    slices: Box<[Slice; SLICES]>,
}

#[derive(Clone, Copy, Debug)]
struct Slice {
    number: u64,
    cells: [u32; CELLS],
}

/// Cells added up over slices and workers.
#[derive(Clone, Debug)]
pub(super) struct Spread([u64; CELLS]);

impl Default for Times {
    fn default() -> Self {
        let empty = Slice {
            number: u64::MAX,
            cells: [0; CELLS],
        };
        Self {
            slices: Box::new([empty; SLICES]),
        }
    }
}

impl Default for Spread {
    fn default() -> Self {
        Self([0; CELLS])
    }
}

impl Times {
    pub(super) fn add(&mut self, second: u64, time: Duration) {
        let number = second / SLICE_SECONDS;
        let slice = &mut self.slices[place(number, SLICES)];
        if slice.number != number {
            slice.number = number;
            slice.cells = [0; CELLS];
        }
        slice.cells[cell(time)] += 1;
    }

    pub(super) fn sum(&self, second: u64, into: &mut Spread) {
        let newest = second / SLICE_SECONDS;
        for slice in self.slices.iter() {
            if slice.number <= newest && newest - slice.number < SLICES as u64 {
                for (total, count) in into.0.iter_mut().zip(slice.cells) {
                    *total += u64::from(count);
                }
            }
        }
    }
}

impl Spread {
    /// The time that a share of all stays below, in the middle of its cell. `None`: nothing was measured.
    pub(super) fn quantile(&self, percent: u64) -> Option<Duration> {
        let all: u64 = self.0.iter().sum();
        if all == 0 {
            return None;
        }
        let rank = (all * percent).div_ceil(100).max(1);
        let mut seen = 0;
        for (index, count) in self.0.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return Some(middle(index));
            }
        }
        None
    }
}

/// The cell of a time: octave by the highest bit, quarter by the two bits below it.
fn cell(time: Duration) -> usize {
    let longest = (SMALLEST_MICROS << OCTAVES) - 1;
    let micros = u64::try_from(time.as_micros())
        .unwrap_or(longest)
        .clamp(SMALLEST_MICROS, longest);
    let octave = (micros / SMALLEST_MICROS).ilog2() as usize;
    let base = SMALLEST_MICROS << octave;
    let quarter = usize::try_from((micros - base) * PER_OCTAVE as u64 / base).unwrap_or(0);
    octave * PER_OCTAVE + quarter
}

fn middle(cell: usize) -> Duration {
    let base = SMALLEST_MICROS << (cell / PER_OCTAVE);
    let part = (cell % PER_OCTAVE) as u64;
    Duration::from_micros(base + base * (2 * part + 1) / (2 * PER_OCTAVE as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_kept_and_older_seconds_fall_out() {
        let mut window = Window::<2>::default();
        window.at(0)[0] += 1;
        window.at(59)[0] += 2;
        window.at(59)[1] += 5;
        let sum = |window: &Window<2>, second| {
            let mut total = [0; 2];
            window.sum(second, &mut total);
            total
        };
        assert_eq!(sum(&window, 59), [3, 5]);
        assert_eq!(sum(&window, 60), [2, 5]);
        window.at(60)[0] += 7;
        assert_eq!(sum(&window, 60), [9, 5]);
        assert_eq!(sum(&window, 200), [0, 0]);
    }

    #[test]
    fn quantiles_are_within_a_seventh() {
        let mut times = Times::default();
        for millis in 1..=1000 {
            times.add(5, Duration::from_millis(millis));
        }
        let mut spread = Spread::default();
        times.sum(5, &mut spread);
        for (percent, millis) in [(50, 500.0), (95, 950.0), (1, 10.0)] {
            let found = spread.quantile(percent).unwrap().as_secs_f64() * 1000.0;
            assert!(
                (found / millis - 1.0_f64).abs() < 0.15,
                "{percent}: {found}"
            );
        }
        let mut later = Spread::default();
        times.sum(70, &mut later);
        assert_eq!(later.quantile(50), None);
    }

    proptest::proptest! {
        #[test]
        fn a_time_lies_near_the_middle_of_its_cell(micros in 64_u64..1_000_000_000) {
            let found = middle(cell(Duration::from_micros(micros)));
            let found = u64::try_from(found.as_micros()).unwrap();
            proptest::prop_assert!(found.abs_diff(micros) * 100 <= micros * 15);
        }

        #[test]
        fn no_time_is_outside(micros in 0_u64..u64::MAX) {
            proptest::prop_assert!(cell(Duration::from_micros(micros)) < CELLS);
        }
    }
}
