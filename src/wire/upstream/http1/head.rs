//! The response head: read, and what it says about the body and the connection.

use bytes::BytesMut;
use http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Version, header, response::Parts,
};

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
    loop {
        if !has_end(buffer, looked) {
            return Ok(None);
        }
        let Some((length, version, status, mut headers)) = parse(buffer)? else {
            return Ok(None);
        };
        *looked = 0;
        if status.is_informational() {
            // A switch of protocols was never asked for.
            if status == StatusCode::SWITCHING_PROTOCOLS {
                return Err(NotHttp);
            }
            let _ = buffer.split_to(length);
            continue;
        }
        let head = buffer.split_to(length).freeze();
        let fields = fields(&head, &mut headers)?;
        let framing = framing(status, &fields)?;
        let keep_alive = version == Version::HTTP_11
            && framing != Framing::UntilClose
            && !says_close(&fields)
            // Told twice, how long the body is: right or wrong, nobody else's answer comes after it.
            && !(fields.contains_key(header::TRANSFER_ENCODING)
                && fields.contains_key(header::CONTENT_LENGTH));
        let mut parts = Response::new(()).into_parts().0;
        parts.status = status;
        parts.version = version;
        parts.headers = fields;
        return Ok(Some(Head {
            parts,
            framing,
            keep_alive,
        }));
    }
}

/// Whether an empty line is in the buffer, so that a dripping head is not parsed again with every byte.
fn has_end(buffer: &[u8], looked: &mut usize) -> bool {
    let from = looked.saturating_sub(3);
    let found = memchr::memchr_iter(b'\n', buffer.get(from..).unwrap_or_default()).any(|at| {
        let next = from + at + 1;
        matches!(buffer.get(next..), Some([b'\n', ..] | [b'\r', b'\n', ..]))
    });
    *looked = if found { 0 } else { buffer.len() };
    found
}

/// Where names and values of the fields stand in a head.
struct Places {
    count: usize,
    places: [(usize, usize, usize, usize); MOST_FIELDS],
}

type Parsed = (usize, Version, StatusCode, Places);

fn parse(buffer: &[u8]) -> Result<Option<Parsed>, NotHttp> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut response = httparse::Response::new(&mut headers);
    let length = match response.parse(buffer) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(NotHttp),
    };
    let version = match response.version {
        Some(1) => Version::HTTP_11,
        _ => Version::HTTP_10,
    };
    let status = StatusCode::from_u16(response.code.ok_or(NotHttp)?).map_err(|_| NotHttp)?;
    let start = buffer.as_ptr().addr();
    let mut places = Places {
        count: response.headers.len(),
        places: [(0, 0, 0, 0); MOST_FIELDS],
    };
    for (place, field) in places.places.iter_mut().zip(&*response.headers) {
        let name = field.name.as_ptr().addr() - start;
        let value = field.value.as_ptr().addr() - start;
        *place = (
            name,
            name + field.name.len(),
            value,
            value + field.value.len(),
        );
    }
    Ok(Some((length, version, status, places)))
}

/// The fields, their values being slices of the head.
fn fields(head: &bytes::Bytes, places: &mut Places) -> Result<HeaderMap, NotHttp> {
    let mut fields = HeaderMap::with_capacity(places.count + 6);
    for (name, name_end, value, value_end) in places.places.iter().take(places.count) {
        let name = head.get(*name..*name_end).ok_or(NotHttp)?;
        let name = HeaderName::from_bytes(name).map_err(|_| NotHttp)?;
        let value = head.slice(*value..*value_end);
        let value = HeaderValue::from_maybe_shared(value).map_err(|_| NotHttp)?;
        fields.append(name, value);
    }
    Ok(fields)
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
