//! A client's body that came encoded, as the request that it is: read before anything looks at it, and within
//! the same limit, so that a small body cannot become a large one.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};

use super::{
    intake::too_large,
    room::{Full, Held},
};
use crate::wire::{
    encoding::{Coding, Damaged, Decoder, Unreadable},
    error_body::GatewayError,
};

/// Steps after which others get their turn.
const TURN: usize = 16;

/// The coding of a client's body.
pub(super) fn coding(headers: &HeaderMap) -> Result<Option<Coding>, GatewayError> {
    Coding::of(headers).map_err(|Unreadable| GatewayError {
        status: 415,
        code: "backstop_body_encoded",
        message: format!(
            "the request body is in a content-encoding that cannot be read; send it as it is, or in one of {}",
            Coding::READABLE
        ),
    })
}

/// The headers of the request that is left when its coding is off.
pub(super) fn headers(encoded: &HeaderMap) -> HeaderMap {
    let mut headers = encoded.clone();
    headers.remove(header::CONTENT_ENCODING);
    headers
}

/// Takes the coding off a body, which then is no larger than `limit`, and `held` as it then is.
pub(super) async fn body(
    coding: Coding,
    encoded: Bytes,
    limit: usize,
    held: &mut Held,
) -> Result<Bytes, GatewayError> {
    let damaged = |Damaged| GatewayError {
        status: 400,
        code: "backstop_body_damaged",
        message: "the request body is not what its content-encoding says, or not all of it"
            .to_owned(),
    };
    let mut decoder = Decoder::new(coding);
    let mut all = BytesMut::new();
    let before = encoded.len();
    decoder.push(encoded);
    let mut steps = 0;
    while let Some(bytes) = decoder.step().map_err(damaged)? {
        if all.len() + bytes.len() > limit {
            return Err(too_large(limit));
        }
        held.take(bytes.len()).map_err(Full::error)?;
        all.extend_from_slice(&bytes);
        steps += 1;
        if steps % TURN == 0 {
            tokio::task::yield_now().await;
        }
    }
    if decoder.may_end() {
        held.give(before);
        Ok(all.freeze())
    } else {
        Err(damaged(Damaged))
    }
}
