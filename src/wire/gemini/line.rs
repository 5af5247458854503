//! What the request lines of `gemini-generate` say: the model, the method behind its colon, and the query.
//!
//! Clients may give their key in the query. It is taken out here, before anybody can log it or pass it on.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::super::{Framing, Verb, endpoint::PathError};

/// A request line, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::wire) struct Line<'a> {
    /// Decoded.
    pub(in crate::wire) model: Cow<'a, str>,
    pub(in crate::wire) verb: Verb,
    /// What of the query goes upstream.
    pub(in crate::wire) query: Option<Cow<'a, str>>,
}

/// Reads `{model}:{method}`, as it stands behind `models/`, and the query. `None`: there is no method.
pub(in crate::wire) fn read<'a>(
    named: &'a str,
    query: Option<&'a str>,
) -> Result<Option<Line<'a>>, PathError> {
    let Ok(named) = percent_decode_str(named).decode_utf8() else {
        return Err(PathError::Unknown);
    };
    let Some((model, method)) = split(named) else {
        return Ok(None);
    };
    let verb: fn(Framing) -> Verb = match &*method {
        "generateContent" => |_| Verb::Generate,
        "streamGenerateContent" => Verb::Stream,
        "countTokens" => |_| Verb::CountTokens,
        _ => return Err(PathError::GeminiMethod),
    };
    if model.is_empty() || model.chars().any(char::is_control) {
        return Err(PathError::Unknown);
    }
    let (framing, query) = self::query(query)?;
    Ok(Some(Line {
        model,
        verb: verb(framing),
        query,
    }))
}

/// At the last colon: names of models may have one.
fn split(named: Cow<'_, str>) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
    match named {
        Cow::Borrowed(named) => {
            let (model, method) = named.rsplit_once(':')?;
            Some((model.into(), method.into()))
        }
        Cow::Owned(named) => {
            let (model, method) = named.rsplit_once(':')?;
            Some((model.to_owned().into(), method.to_owned().into()))
        }
    }
}

/// How a query asks for a stream to be framed, and what of it goes upstream.
///
/// Left out are keys, and `alt`, which is asked anew as the framing demands.
///
/// # Errors
/// When it asks for an answer in a form that cannot be checked here (`alt=proto`, `fields`, `callback`):
/// passed on, every good answer would look broken.
fn query(query: Option<&str>) -> Result<(Framing, Option<Cow<'_, str>>), PathError> {
    let mut framing = Framing::Array;
    let Some(query) = query else {
        return Ok((framing, None));
    };
    let mut kept = String::new();
    for part in query.split('&') {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let name = percent_decode_str(name).decode_utf8_lossy();
        match name.trim_start_matches('$') {
            "key" | "access_token" | "oauth_token" => {}
            "alt" => {
                let value = percent_decode_str(value).decode_utf8_lossy();
                match value.split(';').next() {
                    Some("sse") => framing = Framing::Events,
                    Some("json" | "") => {}
                    Some(_) | None => return Err(PathError::GeminiQuery("alt")),
                }
            }
            "fields" => return Err(PathError::GeminiQuery("fields")),
            "callback" => return Err(PathError::GeminiQuery("callback")),
            _ => {
                if !kept.is_empty() {
                    kept.push('&');
                }
                kept.push_str(part);
            }
        }
    }
    Ok((framing, (!kept.is_empty()).then_some(Cow::Owned(kept))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{query, read};
    use crate::wire::{Framing, Verb, endpoint::PathError};

    #[test]
    fn methods_stand_behind_the_last_colon() {
        let events = Verb::Stream(Framing::Events);
        for (case, named, line) in [
            (
                "whole",
                "m:generateContent",
                Ok(Some(("m", Verb::Generate))),
            ),
            ("stream", "m:streamGenerateContent", Ok(Some(("m", events)))),
            ("count", "m:countTokens", Ok(Some(("m", Verb::CountTokens)))),
            (
                "encoded",
                "m%3AgenerateContent",
                Ok(Some(("m", Verb::Generate))),
            ),
            (
                "encoded name",
                "caf%C3%A9:countTokens",
                Ok(Some(("caf\u{e9}", Verb::CountTokens))),
            ),
            (
                "colons",
                "a:b:generateContent",
                Ok(Some(("a:b", Verb::Generate))),
            ),
            (
                "slashes",
                "a/b:generateContent",
                Ok(Some(("a/b", Verb::Generate))),
            ),
            ("no method", "m", Ok(None)),
            (
                "another method",
                "m:embedContent",
                Err(PathError::GeminiMethod),
            ),
            ("no such method", "m:", Err(PathError::GeminiMethod)),
            ("no model", ":generateContent", Err(PathError::Unknown)),
            (
                "line feed",
                "a%0Ab:generateContent",
                Err(PathError::Unknown),
            ),
            ("not utf-8", "%FF:generateContent", Err(PathError::Unknown)),
        ] {
            let found = read(named, Some("alt=sse"))
                .map(|line| line.map(|line| (line.model.into_owned(), line.verb)));
            let wanted = line.map(|line| line.map(|(model, verb)| (model.to_owned(), verb)));
            assert_eq!(found, wanted, "{case}");
        }
    }

    #[test]
    fn a_query_loses_its_keys_and_says_the_framing() {
        for (case, text, wanted) in [
            ("nothing", "", Ok((Framing::Array, None))),
            ("events", "alt=sse", Ok((Framing::Events, None))),
            ("system spelling", "$alt=sse", Ok((Framing::Events, None))),
            ("encoded", "%24alt=ss%65", Ok((Framing::Events, None))),
            ("json", "alt=json", Ok((Framing::Array, None))),
            (
                "json with an option",
                "$alt=json;enum-encoding=int",
                Ok((Framing::Array, None)),
            ),
            ("key", "key=secret", Ok((Framing::Array, None))),
            (
                "key, encoded",
                "%6Bey=secret&alt=sse",
                Ok((Framing::Events, None)),
            ),
            (
                "token",
                "access_token=secret&a=1",
                Ok((Framing::Array, Some("a=1"))),
            ),
            (
                "others stay as written",
                "a=%20&key=s&b&prettyPrint=false",
                Ok((Framing::Array, Some("a=%20&b&prettyPrint=false"))),
            ),
            ("binary", "alt=proto", Err(PathError::GeminiQuery("alt"))),
            ("media", "alt=media", Err(PathError::GeminiQuery("alt"))),
            (
                "a part of the answer",
                "fields=usageMetadata",
                Err(PathError::GeminiQuery("fields")),
            ),
            (
                "script",
                "callback=f",
                Err(PathError::GeminiQuery("callback")),
            ),
        ] {
            let found = query(Some(text)).map(|(framing, kept)| (framing, kept.map(String::from)));
            let wanted =
                wanted.map(|(framing, kept): (_, Option<&str>)| (framing, kept.map(str::to_owned)));
            assert_eq!(found, wanted, "{case}");
        }
        assert_eq!(query(None), Ok((Framing::Array, None)));
    }

    proptest! {
        #[test]
        fn no_key_survives(before in "[a-z=&%]{0,10}", name in "(%24)?(k|%6b|%6B)(e|%65)y", after in "[a-z=&]{0,10}") {
            if let Ok((_, Some(kept))) = query(Some(&format!("{before}&{name}=SECRET&{after}"))) {
                prop_assert!(!kept.contains("SECRET"), "{kept}");
            }
        }
    }
}
