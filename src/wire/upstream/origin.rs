//! Where a route's connections go: scheme, host and port.

use std::sync::Arc;

use http::{
    Uri,
    uri::{Authority, PathAndQuery, Scheme},
};
use rustls::pki_types::ServerName;

/// Scheme, host and port, understood once.
#[derive(Clone, Debug)]
pub struct Origin {
    key: Arc<str>,
    scheme: Scheme,
    authority: Authority,
    /// Without the brackets of an IPv6 address.
    pub(super) host: Arc<str>,
    pub(super) port: u16,
    /// What the certificate must be for; `None`: no TLS.
    pub(super) server_name: Option<ServerName<'static>>,
}

/// A host that no TLS certificate can be for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a host name")]
pub struct OriginError(String);

impl Origin {
    /// The origin of a scheme (`https`, or anything else for no TLS) and an authority.
    ///
    /// # Errors
    /// When TLS is asked and the host is no name for a certificate.
    pub fn new(scheme: &Scheme, authority: &Authority) -> Result<Self, OriginError> {
        let tls = *scheme == Scheme::HTTPS;
        let host = authority.host();
        let bare = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(host);
        let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let server_name = if tls {
            let name = ServerName::try_from(bare.to_owned());
            Some(name.map_err(|_| OriginError(bare.to_owned()))?)
        } else {
            None
        };
        Ok(Self {
            key: format!("{scheme}://{host}:{port}").into(),
            scheme: scheme.clone(),
            authority: authority.clone(),
            host: bare.into(),
            port,
            server_name,
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

    /// Puts scheme and authority before a path.
    pub(super) fn make_absolute(&self, uri: &mut Uri) {
        let path = uri
            .path_and_query()
            .cloned()
            .unwrap_or_else(|| PathAndQuery::from_static("/"));
        let absolute = Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
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
    fn scheme_and_authority_are_understood() {
        for (case, scheme, authority, key, host, port) in [
            (
                "plain",
                "http",
                "a.example",
                "http://a.example:80",
                "a.example",
                80,
            ),
            (
                "port",
                "http",
                "127.0.0.1:8080",
                "http://127.0.0.1:8080",
                "127.0.0.1",
                8080,
            ),
            (
                "tls",
                "https",
                "a.example",
                "https://a.example:443",
                "a.example",
                443,
            ),
            ("ipv6", "http", "[::1]:9", "http://[::1]:9", "::1", 9),
        ] {
            let scheme: Scheme = scheme.parse().unwrap();
            let origin = Origin::new(&scheme, &authority.parse().unwrap()).unwrap();
            assert_eq!(origin.key(), key, "{case}");
            assert_eq!(&*origin.host, host, "{case}");
            assert_eq!(origin.port, port, "{case}");
            assert_eq!(
                origin.server_name.is_some(),
                scheme == Scheme::HTTPS,
                "{case}"
            );
        }
    }

    #[test]
    fn a_path_becomes_absolute() {
        let origin = Origin::new(&Scheme::HTTPS, &"h.example:444".parse().unwrap()).unwrap();
        let mut uri: Uri = "/v1/messages?beta=true".parse().unwrap();
        origin.make_absolute(&mut uri);
        assert_eq!(uri, "https://h.example:444/v1/messages?beta=true");
    }
}
