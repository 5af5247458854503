//! Where state lives: the URL of a store, and what a cluster asks of whoever comes to it.
//!
//! Read by `config`, opened by `store`. Nothing here opens anything.

use std::{fmt, path::PathBuf};

use super::Secret;

/// Where state lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorePlace {
    /// `sqlite:DIRECTORY`, `memory:NAME`, or `nats://HOST:PORT,HOST:PORT` (`tls://` for TLS from the start).
    pub url: String,
    /// The directory in which a host keeps what it has seen of a cluster's state, and what it could not yet send.
    /// `None`: the usual state directory.
    pub view: Option<PathBuf>,
    /// For a cluster: how to come in, and the names in it.
    pub nats: NatsAccess,
}

/// How to come into a NATS cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NatsAccess {
    /// What the names of streams and subjects begin with: several fleets may share a cluster.
    pub prefix: String,
    /// Who one is.
    pub login: NatsLogin,
    /// Authorities to trust beside those of the system; a PEM file.
    pub authorities: Option<PathBuf>,
    /// One's own certificate and its key; PEM files.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

/// Who one is to a NATS cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum NatsLogin {
    /// Nobody: for a cluster without authentication.
    #[default]
    Nobody,
    /// The text of a `.creds` file: a JWT and the seed of its nkey.
    Credentials(Secret),
    /// The seed of an nkey.
    Nkey(Secret),
    /// User and password.
    Password {
        /// User.
        user: String,
        /// Password.
        password: Secret,
    },
    /// A token.
    Token(Secret),
}

impl Default for NatsAccess {
    fn default() -> Self {
        Self {
            prefix: "backstop".to_owned(),
            login: NatsLogin::Nobody,
            authorities: None,
            certificate: None,
        }
    }
}

impl From<&str> for StorePlace {
    fn from(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            view: None,
            nats: NatsAccess::default(),
        }
    }
}

impl From<&String> for StorePlace {
    fn from(url: &String) -> Self {
        url.as_str().into()
    }
}

impl From<&Self> for StorePlace {
    fn from(place: &Self) -> Self {
        place.clone()
    }
}

impl fmt::Display for StorePlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.url)
    }
}
