//! Where a scale ends: at a round number that is said beside it, and never so that a trifle looks like a disaster.

/// The top of a scale of shares: the whole, unless there is so little of it that nothing could be seen.
pub(super) fn share(most: Option<f64>) -> f64 {
    match most {
        Some(most) if most > 0.0 && most <= 0.05 => 0.05,
        Some(most) if most > 0.0 && most <= 0.2 => 0.2,
        Some(_) | None => 1.0,
    }
}

/// The top of a scale of milliseconds: the next 1, 2 or 5 with noughts.
pub(super) fn millis(most: f64) -> f64 {
    let mut top = 10.0;
    while top < most && top < 1e9 {
        for step in [2.0, 5.0, 10.0] {
            if top * step >= most {
                return top * step;
            }
        }
        top *= 10.0;
    }
    top
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{millis, share};

    #[test]
    fn scales_end_at_round_numbers() {
        for (most, top) in [
            (None, 1.0),
            (Some(0.0), 1.0),
            (Some(0.01), 0.05),
            (Some(0.05), 0.05),
            (Some(0.06), 0.2),
            (Some(0.21), 1.0),
            (Some(1.0), 1.0),
        ] {
            assert!((share(most) - top).abs() < f64::EPSILON, "{most:?}");
        }
        for (most, top) in [
            (0.0, 10.0),
            (10.0, 10.0),
            (11.0, 20.0),
            (180.0, 200.0),
            (201.0, 500.0),
            (9_800.0, 10_000.0),
            (10_001.0, 20_000.0),
        ] {
            assert!((millis(most) - top).abs() < f64::EPSILON, "{most}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_higher_than_its_scale(value in 0.0_f64..1e8, part in 0.0_f64..=1.0) {
            prop_assert!(millis(value) >= value);
            prop_assert!(share(Some(part)) >= part);
        }
    }
}
