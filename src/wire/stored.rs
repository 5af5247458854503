//! Requests about a response that its provider keeps: to fetch it, to stop it, to delete it, to list its input.
//!
//! Made by `endpoint`, sent by the gateway. Such a request has no model, and only a route that sees what the
//! primary's provider keeps can answer it: it needs `provider-state` and nothing else. Its answer is relayed
//! as it comes.

use http::Method;

/// The longest id that is passed on.
const LONGEST: usize = 256;

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored<'a> {
    /// As the client asks.
    pub method: Method,
    /// Below `responses/`: the id, and what of it is asked.
    pub path: &'a str,
}

/// What can be done below an id, and with which methods.
const METHODS: [(Option<&str>, &[Method], &str); 3] = [
    (None, &[Method::GET, Method::DELETE], "GET, DELETE"),
    (Some("cancel"), &[Method::POST], "POST"),
    (Some("input_items"), &[Method::GET], "GET"),
];

impl<'a> Stored<'a> {
    /// Reads what stands below `responses/`. `None`: no path of the API. `Err`: the methods that it answers.
    pub(super) fn read(method: &Method, path: &'a str) -> Option<Result<Self, &'static str>> {
        let (id, of_it) = match path.split_once('/') {
            Some((id, of_it)) => (id, Some(of_it)),
            None => (path, None),
        };
        // It becomes part of a path upstream, with the route's own key.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'=');
        if id.is_empty() || id.len() > LONGEST || !id.bytes().all(plain) {
            return None;
        }
        let (_, methods, allow) = METHODS.iter().find(|(known, ..)| *known == of_it)?;
        Some(if methods.contains(method) {
            Ok(Self {
                method: method.clone(),
                path,
            })
        } else {
            Err(*allow)
        })
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::Stored;

    #[test]
    fn the_paths_of_the_api_are_understood_and_no_other() {
        let read = |method: Method, path| {
            Stored::read(&method, path).map(|read| read.map(|stored| stored.method))
        };
        for (method, path, wanted) in [
            (Method::GET, "resp_1a-B=", Some(Ok(Method::GET))),
            (Method::DELETE, "resp_1", Some(Ok(Method::DELETE))),
            (Method::POST, "resp_1/cancel", Some(Ok(Method::POST))),
            (Method::GET, "resp_1/input_items", Some(Ok(Method::GET))),
            (Method::POST, "resp_1", Some(Err("GET, DELETE"))),
            (Method::GET, "resp_1/cancel", Some(Err("POST"))),
            (Method::DELETE, "resp_1/input_items", Some(Err("GET"))),
            (Method::GET, "resp_1/", None),
            (Method::GET, "resp_1/other", None),
            (Method::GET, "resp_1/cancel/x", None),
            (Method::GET, "", None),
            (Method::GET, "..", None),
            (Method::GET, "../files/f", None),
            (Method::GET, "a%2Fb", None),
        ] {
            assert_eq!(read(method, path), wanted, "{path}");
        }
        assert_eq!(read(Method::GET, &"a".repeat(257)), None);
    }
}
