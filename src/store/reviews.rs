//! Reviews as bytes: JSON, compressed. Outputs are text that repeats itself, so they become a fraction of it.

use std::io;

use super::packing;
use crate::model::Review;

/// Nothing larger is unpacked: the door keeps no review that is near it.
const LIMIT: usize = 64 * 1024 * 1024;

/// Packs a review.
pub(super) fn pack(review: &Review) -> Result<Vec<u8>, io::Error> {
    packing::pack(&serde_json::to_vec(review)?)
}

/// Unpacks a review.
pub(super) fn unpack(packed: &[u8]) -> Result<Review, io::Error> {
    Ok(serde_json::from_slice(&packing::unpack(packed, LIMIT)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Actor, Basis, ComparedRoute, ReviewHead, ReviewId, ReviewMode, Tally};

    fn review(note: String) -> Review {
        let at = "2026-11-21T14:32:00Z".parse().unwrap();
        let route = |name: &str| ComparedRoute {
            route: name.into(),
            base_url: "http://127.0.0.1:1".to_owned(),
            model: name.to_owned(),
        };
        Review {
            head: ReviewHead {
                id: ReviewId::new(at, 7),
                workload: "chat".into(),
                at,
                actor: Actor {
                    user: "jo".to_owned(),
                    declared: None,
                    host: "ops1".to_owned(),
                    from: None,
                    via: "cli".to_owned(),
                },
                mode: ReviewMode::Blind,
                basis: Basis {
                    primary: route("premium"),
                    fallback: route("stable"),
                    samples: Vec::new(),
                },
                tally: Tally::default(),
                vetoed: Vec::new(),
                note,
            },
            seed: u64::MAX,
            samples: Vec::new(),
            stripped: false,
        }
    }

    #[test]
    fn what_is_packed_comes_back() {
        let noise: String = (0..400_000_u32)
            .map(|place| {
                char::from(b' ' + u8::try_from(place.wrapping_mul(2_654_435_761) >> 26).unwrap())
            })
            .collect();
        for (case, note) in [
            ("nothing said", String::new()),
            (
                "more than one step",
                "the same words again. ".repeat(20_000),
            ),
            ("what hardly packs", noise),
            ("wide letters", "\u{4e2d}\u{1f600}".repeat(30_000)),
        ] {
            let review = review(note);
            let packed = pack(&review).expect("it packs");
            assert_eq!(unpack(&packed).expect("it unpacks"), review, "{case}");
        }
    }

    #[test]
    fn damage_is_said() {
        let packed = pack(&review("words ".repeat(1000))).expect("it packs");
        for (case, bytes) in [
            ("nothing", &[][..]),
            ("cut", packed.get(..packed.len() / 2).unwrap()),
            ("no zstd", b"{\"id\": 1}"),
        ] {
            assert!(unpack(bytes).is_err(), "{case}");
        }
    }
}
