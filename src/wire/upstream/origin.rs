//! Where a route's connections go: scheme, host and port.

use std::sync::Arc;

use http::{HeaderValue, Uri, uri::PathAndQuery};
use rustls::pki_types::ServerName;

/// Scheme, host and port of a base URL, understood once.
#[derive(Clone, Debug)]
pub struct Origin {
    key: Arc<str>,
    pub(super) tls: bool,
    /// Without the brackets of an IPv6 address.
    pub(super) host: Arc<str>,
    pub(super) port: u16,
    pub(super) server_name: Option<ServerName<'static>>,
    host_header: HeaderValue,
}

/// A URL that no connection can be made to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// No scheme of ours.
    #[error("`{0}` must start with http:// or https://")]
    Scheme(String),
    /// No host, or one that cannot be used.
    #[error("`{0}` has no usable host name")]
    Host(String),
}

impl Origin {
    /// Reads scheme, host and port of an absolute URI.
    ///
    /// # Errors
    /// When it has no usable scheme or host.
    pub fn of(uri: &Uri) -> Result<Self, OriginError> {
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(OriginError::Scheme(uri.to_string())),
        };
        let no_host = || OriginError::Host(uri.to_string());
        let authority = uri.authority().ok_or_else(no_host)?;
        let host = authority.host();
        let bare = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(host);
        let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
        // User information in a URL is not a host, and must not be sent.
        let host_header = match authority.port() {
            Some(port) => HeaderValue::try_from(format!("{host}:{port}")),
            None => HeaderValue::try_from(host),
        }
        .map_err(|_| no_host())?;
        let server_name = if tls {
            Some(ServerName::try_from(bare.to_owned()).map_err(|_| no_host())?)
        } else {
            None
        };
        let scheme = if tls { "https" } else { "http" };
        Ok(Self {
            key: format!("{scheme}://{host}:{port}").into(),
            tls,
            host: bare.into(),
            port,
            server_name,
            host_header,
        })
    }

    /// Equal for equal origins.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    pub(super) fn shared_key(&self) -> Arc<str> {
        Arc::clone(&self.key)
    }

    /// The value of the `host` header.
    #[must_use]
    pub fn host_header(&self) -> &HeaderValue {
        &self.host_header
    }

    /// Puts scheme and authority before a path.
    pub(super) fn make_absolute(&self, uri: &mut Uri) {
        let path = uri
            .path_and_query()
            .cloned()
            .unwrap_or_else(|| PathAndQuery::from_static("/"));
        let absolute = Uri::builder()
            .scheme(if self.tls { "https" } else { "http" })
            .authority(self.host_header.as_bytes())
            .path_and_query(path)
            .build();
        if let Ok(absolute) = absolute {
            *uri = absolute;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_understood() {
        for (case, url, key, header) in [
            ("plain", "http://a.example/v1", "http://a.example:80", "a.example"),
            ("port", "http://127.0.0.1:8080", "http://127.0.0.1:8080", "127.0.0.1:8080"),
            ("tls", "https://api.example/v1", "https://api.example:443", "api.example"),
            ("ipv6", "http://[::1]:9/v1", "http://[::1]:9", "[::1]:9"),
            ("user information", "http://me:pw@h.example/", "http://h.example:80", "h.example"),
        ] {
            let origin = Origin::of(&url.parse().unwrap()).unwrap();
            assert_eq!(origin.key(), key, "{case}");
            assert_eq!(origin.host_header(), header, "{case}");
        }
        assert_eq!(&*Origin::of(&"http://[::1]:9".parse().unwrap()).unwrap().host, "::1");
    }

    #[test]
    fn other_schemes_and_bare_paths_are_not() {
        for url in ["/v1", "ftp://a.example/", "a.example:80"] {
            assert!(Origin::of(&url.parse().unwrap()).is_err(), "{url}");
        }
    }
}
