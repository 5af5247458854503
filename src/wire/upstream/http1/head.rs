//! The response head: read, and what it says about the body and the connection.

use std::mem::MaybeUninit;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header, response::Parts};

use super::body::{Chunked, Framing};

/// The most fields that a head may have.
const MOST_FIELDS: usize = 128;

/// A head, understood.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) parts: Parts,
    pub(super) framing: Framing,
    /// The provider will take another request on this connection.
    pub(super) keep_alive: bool,
}

/// What came is no response head, or its framing is in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotHttp;

/// Takes a head out of what was read, and interim responses (1xx) before it. `None`: it is not whole yet.
/// `looked` keeps how much of the buffer has no end of a head in it.
pub(super) fn take(buffer: &mut BytesMut, looked: &mut usize) -> Result<Option<Head>, NotHttp> {
    while let Some(end) = end(buffer, looked) {
        let head = parse(&buffer.split_to(end).freeze())?;
        // A switch of protocols was never asked for.
        if head.parts.status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(NotHttp);
        }
        if !head.parts.status.is_informational() {
            return Ok(Some(head));
        }
    }
    Ok(None)
}

/// Where the first empty line ends. Looked for before anything is parsed, so that a dripping head is not
/// parsed again with every byte.
fn end(buffer: &[u8], looked: &mut usize) -> Option<usize> {
    let from = looked.saturating_sub(3);
    *looked = buffer.len();
    for at in memchr::memchr_iter(b'\n', buffer.get(from..)?) {
        let next = from + at + 1;
        let length = match buffer.get(next..) {
            Some([b'\n', ..]) => 1,
            Some([b'\r', b'\n', ..]) => 2,
            Some(_) | None => continue,
        };
        *looked = 0;
        return Some(next + length);
    }
    None
}

/// Reads a whole head; the values of its fields are slices of it.
fn parse(head: &Bytes) -> Result<Head, NotHttp> {
    let mut fields = [const { MaybeUninit::uninit() }; MOST_FIELDS];
    let mut response = httparse::Response::new(&mut []);
    match httparse::ParserConfig::default().parse_response_with_uninit_headers(
        &mut response,
        head,
        &mut fields,
    ) {
        Ok(httparse::Status::Complete(length)) if length == head.len() => {}
        Ok(_) | Err(_) => return Err(NotHttp),
    }
    let status = StatusCode::from_u16(response.code.ok_or(NotHttp)?).map_err(|_| NotHttp)?;
    // Room for our own fields, too.
    let mut headers = HeaderMap::with_capacity(response.headers.len() + 8);
    for field in response.headers.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| NotHttp)?;
        let value = head.slice_ref(field.value);
        headers.append(
            name,
            HeaderValue::from_maybe_shared(value).map_err(|_| NotHttp)?,
        );
    }
    let framing = framing(status, &headers)?;
    let keep_alive = response.version == Some(1)
        && framing != Framing::UntilClose
        && !says_close(&headers)
        // Told twice, how long the body is: right or wrong, nobody else's answer comes after it.
        && !(headers.contains_key(header::TRANSFER_ENCODING)
            && headers.contains_key(header::CONTENT_LENGTH));
    let mut parts = Response::new(()).into_parts().0;
    parts.status = status;
    parts.headers = headers;
    Ok(Head {
        parts,
        framing,
        keep_alive,
    })
}

/// How the end of the body is told (RFC 9112, section 6.3).
fn framing(status: StatusCode, fields: &HeaderMap) -> Result<Framing, NotHttp> {
    if status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED {
        return Ok(Framing::Length(0));
    }
    let mut codings = fields
        .get_all(header::TRANSFER_ENCODING)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii);
    if let Some(first) = codings.next() {
        // Nothing else was asked for; a body that is chunked twice, or compressed, cannot be read.
        return if first.eq_ignore_ascii_case(b"chunked") && codings.next().is_none() {
            Ok(Framing::Chunked(Chunked::Size))
        } else {
            Err(NotHttp)
        };
    }
    let mut length = None;
    for value in fields.get_all(header::CONTENT_LENGTH) {
        for text in value.as_bytes().split(|byte| *byte == b',') {
            let number = number(text.trim_ascii()).ok_or(NotHttp)?;
            if length.is_some_and(|known| known != number) {
                return Err(NotHttp);
            }
            length = Some(number);
        }
    }
    Ok(length.map_or(Framing::UntilClose, Framing::Length))
}

/// Digits and nothing else.
fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 18 {
        return None;
    }
    text.iter().try_fold(0_u64, |number, byte| {
        let digit = char::from(*byte).to_digit(10)?;
        Some(number * 10 + u64::from(digit))
    })
}

fn says_close(fields: &HeaderMap) -> bool {
    fields
        .get_all(header::CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn head(text: &str) -> Result<Option<Head>, NotHttp> {
        take(&mut BytesMut::from(text), &mut 0)
    }

    #[test]
    fn a_head_says_where_the_body_ends_and_whether_the_connection_stays() {
        let chunked = Framing::Chunked(Chunked::Size);
        for (case, text, wanted) in [
            (
                "length",
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
                Some((Framing::Length(5), true)),
            ),
            (
                "chunks",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n",
                Some((chunked, true)),
            ),
            (
                "neither",
                "HTTP/1.1 200 OK\r\n\r\n",
                Some((Framing::UntilClose, false)),
            ),
            (
                "close",
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: x, Close\r\n\r\n",
                Some((Framing::Length(5), false)),
            ),
            (
                "old version",
                "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n",
                Some((Framing::Length(5), false)),
            ),
            (
                "no content",
                "HTTP/1.1 204 No Content\r\n\r\n",
                Some((Framing::Length(0), true)),
            ),
            (
                "equal lengths",
                "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\nContent-Length: 5\r\n\r\n",
                Some((Framing::Length(5), true)),
            ),
            (
                "length and chunks",
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
                Some((chunked, false)),
            ),
            (
                "interim first",
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                Some((Framing::Length(0), true)),
            ),
            (
                "two lengths",
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
                None,
            ),
            (
                "no number",
                "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
                None,
            ),
            (
                "too large a number",
                "HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999999\r\n\r\n",
                None,
            ),
            (
                "chunked twice",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
                None,
            ),
            (
                "compressed",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
                None,
            ),
            (
                "another protocol",
                "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n",
                None,
            ),
            ("not http", "hello\r\n\r\n", None),
            (
                "space before the colon",
                "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\n",
                None,
            ),
        ] {
            let found = head(text).map(|head| head.map(|head| (head.framing, head.keep_alive)));
            assert_eq!(found, wanted.map(Some).ok_or(NotHttp), "{case}");
        }
    }

    #[test]
    fn fields_are_kept_in_order_and_what_follows_is_left() {
        let text = "HTTP/1.1 418 Teapot\r\nX-One: 1\r\nx-two:  two \r\nX-One: 3\r\nempty:\r\ncontent-length: 4\r\n\r\nbody";
        let mut buffer = BytesMut::from(text);
        let head = take(&mut buffer, &mut 0).unwrap().unwrap();
        assert_eq!(buffer, "body");
        assert_eq!(head.parts.status, 418);
        let ones: Vec<_> = head.parts.headers.get_all("x-one").iter().collect();
        assert_eq!(ones, ["1", "3"]);
        assert_eq!(head.parts.headers["x-two"], "two");
        assert_eq!(head.parts.headers["empty"], "");
    }

    #[test]
    fn too_many_fields_are_refused() {
        let text = format!(
            "HTTP/1.1 200 OK\r\n{}\r\n",
            "a: b\r\n".repeat(MOST_FIELDS + 1)
        );
        assert!(head(&text).is_err());
    }

    proptest! {
        /// However a head is cut into reads, the same comes out, and never before its end is there.
        #[test]
        fn a_head_comes_in_any_pieces(cut in 1_usize..20) {
            let text = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\nx: y\r\n\r\n";
            let (mut buffer, mut looked, mut found) = (BytesMut::new(), 0, None);
            for piece in text.chunks(cut) {
                prop_assert!(found.is_none());
                buffer.extend_from_slice(piece);
                found = take(&mut buffer, &mut looked).unwrap();
            }
            prop_assert_eq!(found.unwrap().framing, Framing::Length(3));
            prop_assert!(buffer.is_empty());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = take(&mut BytesMut::from(&bytes[..]), &mut 0);
            let text = [b"HTTP/1.1 200 OK\r\n", &bytes[..], b"\r\n\r\n"].concat();
            let _ = take(&mut BytesMut::from(&text[..]), &mut 0);
        }
    }
}
