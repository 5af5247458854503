//! `[store]`: where state lives, and how to come in where that is a cluster.

use crate::config::{
    diagnostic::Findings,
    file::key::{self, Key},
    reader::{At, Table},
    reference::{STORE_LOGIN, STORE_TLS},
};

/// `[store]`, without its retention.
pub(in crate::config) struct Store {
    /// As written; absent: the default place.
    pub(in crate::config) url: Option<At<String>>,
    pub(in crate::config) view: Option<At<String>>,
    pub(in crate::config) prefix: At<String>,
    pub(in crate::config) login: Option<Login>,
    pub(in crate::config) authorities: Option<At<String>>,
    pub(in crate::config) certificate: Option<At<String>>,
    pub(in crate::config) key: Option<At<String>>,
    /// The first key that only a cluster understands.
    pub(in crate::config) of_cluster: Option<At<&'static str>>,
}

/// `[store.login]`.
pub(in crate::config) struct Login {
    pub(in crate::config) with: At<With>,
    pub(in crate::config) user: Option<At<String>>,
    pub(in crate::config) key: At<Key>,
}

/// The ways to come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum With {
    Credentials,
    Nkey,
    Password,
    Token,
}

/// Reads the table.
pub(super) fn store(table: &Table<'_>, findings: &Findings) -> Store {
    let login = table.table("login", &STORE_LOGIN);
    let tls = table.table("tls", &STORE_TLS);
    let of_tls = |key| tls.as_ref().and_then(|tls| tls.filled(key));
    let of_cluster = ["view", "prefix", "login", "tls"]
        .into_iter()
        .find_map(|key| Some(At::new(table.key_place(key)?, key)));
    Store {
        url: table.filled("url"),
        view: table.filled("view"),
        prefix: table.parsed("prefix", prefix),
        login: login.and_then(|table| {
            let with = table.word_if_there("with")?;
            let user = table.filled("user");
            match (*with.get_ref(), &user) {
                (With::Password, None) => findings.error(
                    "missing-key",
                    with.span(),
                    "a password needs the key `user`",
                    "user = \"NAME\"",
                ),
                (With::Credentials | With::Nkey | With::Token, Some(user)) => findings.error(
                    "unused-key",
                    user.span(),
                    "`user` says nothing here: only a password belongs to a user",
                    "remove it, or write with = \"password\"",
                ),
                _ => {}
            }
            Some(Login {
                with,
                user,
                key: key::key(&table, findings)?,
            })
        }),
        authorities: of_tls("authorities"),
        certificate: of_tls("certificate"),
        key: of_tls("key"),
        of_cluster,
    }
}

/// A name that can begin the names of streams and subjects.
fn prefix(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if text.is_empty() || text.len() > 32 || !text.bytes().all(plain) {
        return Err(format!(
            "\"{text}\" cannot begin the name of a stream: 1 to 32 letters, digits, `-` and `_`"
        ));
    }
    Ok(text.to_owned())
}
