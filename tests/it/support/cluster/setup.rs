//! What kind of servers are wanted, and the configuration they get for it.

use std::{
    fmt::Write as _,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use super::{certificates, identity::Identities};

/// The user of `Login::Password`, who may do everything.
pub(crate) const USER: &str = "backstop";
/// That user's password; the system account's `system` has the same.
pub(crate) const PASSWORD: &str = "a-password-of-tests";

/// How clients say who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Login {
    /// Not at all.
    Open,
    /// By `USER` and `PASSWORD`.
    Password,
    /// By a key.
    Nkey,
    /// By a token of an account, in a credentials file.
    Jwt,
}

/// What lines are encrypted with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encryption {
    /// Nothing.
    None,
    /// TLS; clients know the servers' authority.
    Tls,
    /// The same, and clients show a certificate too.
    Mutual,
}

/// What is wanted.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) servers: usize,
    pub(crate) login: Login,
    pub(crate) encryption: Encryption,
    /// Whether every write is on disk before it is acknowledged. Servers left alone do it every two minutes.
    pub(crate) always_synced: bool,
    /// Whether servers can be cut off. Without, connections are direct: for benches.
    pub(crate) doors: bool,
    /// Where the servers' files are; else where temporary files are.
    pub(crate) under: Option<PathBuf>,
    /// Further users of the account, in the server's own words: `{user: ..., password: ..., permissions: {...}}`.
    pub(crate) users: String,
}

impl Setup {
    /// So many servers, as safe as they can be without asking who comes.
    pub(crate) fn of(servers: usize) -> Self {
        Self {
            servers,
            login: Login::Open,
            encryption: Encryption::None,
            always_synced: true,
            doors: true,
            under: None,
            users: String::new(),
        }
    }

    pub(crate) fn login(self, login: Login) -> Self {
        Self { login, ..self }
    }

    pub(crate) fn encryption(self, encryption: Encryption) -> Self {
        Self { encryption, ..self }
    }

    /// With the servers' own interval between writes to disk, which loses what was acknowledged.
    pub(crate) fn lazily_synced(self) -> Self {
        Self {
            always_synced: false,
            ..self
        }
    }

    /// Direct connections.
    pub(crate) fn without_doors(self) -> Self {
        Self {
            doors: false,
            ..self
        }
    }

    /// With all files of the servers in a directory.
    pub(crate) fn on(self, directory: &Path) -> Self {
        Self {
            under: Some(directory.to_owned()),
            ..self
        }
    }

    pub(crate) fn users(self, users: &str) -> Self {
        Self {
            users: users.to_owned(),
            ..self
        }
    }

    /// The configuration of one server.
    pub(super) fn text(&self, place: &Place, directory: &Path, identities: &Identities) -> String {
        let name = name(place.index);
        let mut text = format!(
            "server_name: {name}\nlisten: {}\nhttp: \"127.0.0.1:-1\"\n",
            listen(place.clients)
        );
        if let Some(known_as) = place.known_as {
            let _ = writeln!(text, "client_advertise: \"{known_as}\"");
        }
        let store = directory.join(&name).join("jetstream");
        let sync = if self.always_synced {
            "\n  sync_interval: always"
        } else {
            ""
        };
        let _ = writeln!(
            text,
            "jetstream {{\n  store_dir: \"{}\"{sync}\n}}",
            store.display()
        );
        let tls = self.tls(directory, self.encryption == Encryption::Mutual);
        text.push_str(&tls);
        if self.servers > 1 {
            let routes: Vec<String> = place
                .others
                .iter()
                .map(|other| format!("\"nats://{other}\""))
                .collect();
            // What others would hear of it, and connect to past the doors, leads nowhere: all routes are written out.
            let hidden = match place.known_as {
                Some(_) => "\n  cluster_advertise: \"127.0.0.1:1\"",
                None => "",
            };
            let _ = writeln!(
                text,
                "cluster {{\n  name: tests\n  listen: {}{hidden}\n  routes: [{}]\n{}}}",
                listen(place.routes),
                routes.join(", "),
                self.tls(directory, false)
            );
        }
        text.push_str(&self.accounts(identities));
        text
    }

    fn tls(&self, directory: &Path, clients_too: bool) -> String {
        if self.encryption == Encryption::None {
            return String::new();
        }
        let (certificate, key) = certificates::server(directory);
        let authority = certificates::authority(directory);
        format!(
            "tls {{\n  cert_file: \"{}\"\n  key_file: \"{}\"\n  ca_file: \"{}\"\n  verify: {clients_too}\n}}\n",
            certificate.display(),
            key.display(),
            authority.display()
        )
    }

    fn accounts(&self, identities: &Identities) -> String {
        let user = match self.login {
            Login::Open => return String::new(),
            Login::Jwt => return identities.resolver(),
            Login::Password => format!("{{user: {USER}, password: \"{PASSWORD}\"}}"),
            Login::Nkey => format!("{{nkey: {}}}", identities.user.public),
        };
        format!(
            "accounts {{\n  SYS {{ users: [{{user: system, password: \"{PASSWORD}\"}}] }}\n  \
             BACKSTOP {{\n    jetstream: enabled\n    users: [\n      {user}\n      {}\n    ]\n  }}\n}}\n\
             system_account: SYS\n",
            self.users
        )
    }
}

/// Where a server stands.
pub(super) struct Place {
    pub(super) index: usize,
    /// Its ports, when they are not any that is free.
    pub(super) clients: Option<SocketAddr>,
    pub(super) routes: Option<SocketAddr>,
    /// What clients are told instead of its own address.
    pub(super) known_as: Option<SocketAddr>,
    /// What it connects to when it means the other servers.
    pub(super) others: Vec<SocketAddr>,
}

/// The name of a server.
pub(super) fn name(index: usize) -> String {
    format!("n{}", index + 1)
}

fn listen(address: Option<SocketAddr>) -> String {
    match address {
        Some(address) => format!("\"{address}\""),
        None => "\"127.0.0.1:-1\"".to_owned(),
    }
}
