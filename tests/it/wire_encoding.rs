//! Content codings: what they hold comes out whole and at once, a bomb comes out in small steps, and what is
//! damaged is told.

use std::io::Write as _;

use backstop::wire::encoding::{Coding, Damaged, Decoder, Unreadable};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use proptest::{prelude::*, proptest};

use crate::support::encoded::{encoded, encoded_pieces};

const CODINGS: [Coding; 3] = [Coding::Gzip, Coding::Brotli, Coding::Zstd];

/// Everything that comes out when the bytes come in pieces of this size.
fn decoded(coding: Coding, bytes: &[u8], size: usize) -> Result<Vec<u8>, Damaged> {
    let mut decoder = Decoder::new(coding);
    let mut all = Vec::new();
    for piece in bytes.chunks(size.max(1)) {
        decoder.push(Bytes::copy_from_slice(piece));
        while let Some(bytes) = decoder.step()? {
            assert!(!bytes.is_empty() && bytes.len() <= 16 * 1024);
            all.extend_from_slice(&bytes);
        }
    }
    if decoder.may_end() {
        Ok(all)
    } else {
        Err(Damaged)
    }
}

proptest! {
    #[test]
    fn what_was_put_in_comes_out_however_it_is_split(
        seed in proptest::collection::vec(any::<u8>(), 0..300),
        times in 1..400_usize,
        size in 1..5000_usize,
    ) {
        let text = seed.repeat(times);
        for coding in CODINGS {
            let bytes = encoded(coding, &text);
            prop_assert_eq!(&decoded(coding, &bytes, size).unwrap(), &text);
        }
    }

    #[test]
    fn what_is_cut_is_never_taken_for_whole(
        text in proptest::collection::vec(any::<u8>(), 1..2000),
        at in 0.0..1.0_f64,
    ) {
        for coding in CODINGS {
            let bytes = encoded(coding, &text);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a share of a small length")]
            let end = ((bytes.len() as f64) * at) as usize;
            prop_assume!(end > 0);
            prop_assert_eq!(decoded(coding, &bytes[..end], 512), Err(Damaged));
        }
    }

    #[test]
    fn anything_else_ends_in_good_order(bytes in proptest::collection::vec(any::<u8>(), 0..2000), size in 1..64_usize) {
        for coding in CODINGS {
            let _ = decoded(coding, &bytes, size);
        }
    }
}

#[test]
fn every_piece_that_was_flushed_comes_out_at_once() {
    let pieces = ["data: one\n\n", "data: two\n\n", "data: three\n\n"];
    for coding in CODINGS {
        let mut decoder = Decoder::new(coding);
        for (piece, bytes) in pieces.iter().zip(encoded_pieces(coding, &pieces)) {
            decoder.push(bytes.into());
            let mut out = Vec::new();
            while let Some(bytes) = decoder.step().unwrap() {
                out.extend_from_slice(&bytes);
            }
            assert_eq!(String::from_utf8(out).unwrap(), *piece, "{coding:?}");
        }
        assert!(decoder.may_end(), "{coding:?}");
    }
}

#[test]
fn a_bomb_comes_out_in_small_steps() {
    let bomb = vec![0; 64 * 1024 * 1024];
    for coding in CODINGS {
        let bytes = encoded(coding, &bomb);
        assert!(bytes.len() < 512 * 1024, "{coding:?}: {}", bytes.len());
        let mut decoder = Decoder::new(coding);
        decoder.push(bytes.into());
        // Whoever takes one step has one step in memory.
        for _ in 0..10 {
            assert!(decoder.step().unwrap().unwrap().len() <= 16 * 1024);
        }
        assert!(!decoder.may_end());
    }
}

#[test]
fn several_members_are_one_message_but_what_follows_brotli_is_not() {
    for coding in CODINGS {
        let twice = [encoded(coding, b"one "), encoded(coding, b"two")].concat();
        let wanted = if coding == Coding::Brotli {
            Err(Damaged)
        } else {
            Ok(b"one two".to_vec())
        };
        assert_eq!(decoded(coding, &twice, 7), wanted, "{coding:?}");
        let mut trailing = encoded(coding, b"one");
        trailing.write_all(b"garbage").unwrap();
        assert_eq!(decoded(coding, &trailing, 100), Err(Damaged), "{coding:?}");
    }
}

#[test]
fn the_coding_is_what_the_header_says() {
    for (values, wanted) in [
        (&[][..], Ok(None)),
        (&["identity"], Ok(None)),
        (&[""], Ok(None)),
        (&["gzip"], Ok(Some(Coding::Gzip))),
        (&["X-GZIP"], Ok(Some(Coding::Gzip))),
        (&["identity, br"], Ok(Some(Coding::Brotli))),
        (&["zstd"], Ok(Some(Coding::Zstd))),
        (&["gzip, br"], Err(Unreadable)),
        (&["gzip", "gzip"], Err(Unreadable)),
        (&["deflate"], Err(Unreadable)),
    ] {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::CONTENT_ENCODING, HeaderValue::from_static(value));
        }
        assert_eq!(Coding::of(&headers), wanted, "{values:?}");
    }
}
