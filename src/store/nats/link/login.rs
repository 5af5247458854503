//! Coming into a cluster: as whom, how encrypted, and what a single server says to that.
//!
//! Used by the link, and by who looks at a cluster from outside.

use std::time::Duration;

use async_nats::{ConnectOptions, ServerInfo};
use base64::Engine as _;
use zeroize::Zeroizing;

use super::CONNECT;
use crate::model::{NatsLogin, StorePlace};

/// Asks one server who it is, as whom we are to it; in words why it does not say.
pub(in crate::store) async fn ask_one(
    place: &StorePlace,
    address: &str,
) -> Result<ServerInfo, String> {
    let options = tls(options(&place.nats.login)?, place);
    once(options, address).await
}

/// Whether a server lets somebody in who shows nothing.
pub(in crate::store) async fn lets_anybody_in(
    place: &StorePlace,
    address: &str,
    patience: Duration,
) -> bool {
    let mut nobody = place.clone();
    nobody.nats.certificate = None;
    let options = tls(ConnectOptions::new(), &nobody);
    matches!(
        tokio::time::timeout(patience, once(options, address)).await,
        Ok(Ok(_))
    )
}

async fn once(options: ConnectOptions, address: &str) -> Result<ServerInfo, String> {
    let options = options
        .connection_timeout(CONNECT)
        .ignore_discovered_servers()
        .max_reconnects(1);
    let client = options.connect(address).await.map_err(|error| {
        std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string)
    })?;
    Ok(client.server_info())
}

pub(super) fn options(login: &NatsLogin) -> Result<ConnectOptions, String> {
    Ok(match login {
        NatsLogin::Nobody => ConnectOptions::new(),
        NatsLogin::Credentials(text) => {
            // The library wants the line end behind the last line.
            let text = Zeroizing::new(format!("{}\n", text.expose().trim_end()));
            ConnectOptions::with_credentials(&text).map_err(|_| {
                "the credentials are not a `.creds` file with a JWT and the seed of its nkey"
                    .to_owned()
            })?
        }
        NatsLogin::Nkey(seed) => ConnectOptions::with_nkey(seed.expose().trim().to_owned()),
        NatsLogin::Password { user, password } => {
            ConnectOptions::with_user_and_password(user.clone(), password.expose().to_owned())
        }
        NatsLogin::Token(token) => ConnectOptions::with_token(token.expose().to_owned()),
    })
}

pub(super) fn tls(mut options: ConnectOptions, place: &StorePlace) -> ConnectOptions {
    if place.url.contains("tls://") {
        options = options.require_tls(true);
    }
    if let Some(authorities) = &place.nats.authorities {
        options = options.add_root_certificates(authorities.clone());
    }
    if let Some((certificate, key)) = &place.nats.certificate {
        options = options.add_client_certificate(certificate.clone(), key.clone());
    }
    options
}

/// Who one is to the servers, in words: as their configuration names whom it gives permissions.
pub(super) fn called(login: &NatsLogin) -> String {
    let name = match login {
        NatsLogin::Nobody => return "a client without a login".to_owned(),
        NatsLogin::Token(_) => return "the login by token".to_owned(),
        NatsLogin::Password { user, .. } => Some(user.clone()),
        NatsLogin::Nkey(seed) => nkeys::KeyPair::from_seed(seed.expose().trim())
            .ok()
            .map(|pair| pair.public_key()),
        NatsLogin::Credentials(text) => name_in(text.expose()),
    };
    name.map_or_else(
        || "this login".to_owned(),
        |name| format!("the login `{name}`"),
    )
}

/// The user's name in the JWT of a `.creds` file.
fn name_in(credentials: &str) -> Option<String> {
    let mut lines = credentials.lines();
    lines.find(|line| line.contains("BEGIN NATS USER JWT"))?;
    let claims = lines.next()?.trim().split('.').nth(1)?;
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(claims)
        .ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&claims).ok()?;
    claims.get("name")?.as_str().map(ToOwned::to_owned)
}
