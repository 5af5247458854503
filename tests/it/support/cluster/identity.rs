//! Keys and tokens: an operator, two accounts and a user, as an operator's own tools would make them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use nkeys::KeyPair;
use serde_json::{Value, json};

/// What a client shows.
pub(crate) struct Credentials {
    /// The public key, which is the name of the user.
    pub(crate) public: String,
    /// The private one.
    pub(crate) seed: String,
    /// A credentials file: the token and the private key.
    pub(crate) text: String,
    /// Where it is on disk.
    pub(crate) file: PathBuf,
}

/// All of it, made anew for each cluster.
pub(crate) struct Identities {
    operator: KeyPair,
    account: KeyPair,
    system: KeyPair,
    directory: PathBuf,
    /// A user that may do everything in the account.
    pub(crate) user: Credentials,
}

impl Identities {
    pub(crate) fn new(directory: &Path) -> Self {
        let account = KeyPair::new_account();
        let user = credentials(&account, "user", &json!({}), directory);
        Self {
            operator: KeyPair::new_operator(),
            system: KeyPair::new_account(),
            account,
            directory: directory.to_owned(),
            user,
        }
    }

    /// A further user of the account, with `permissions` as a token has them: `{"pub": {"allow": [...]}, ...}`.
    pub(crate) fn further(&self, name: &str, permissions: &Value) -> Credentials {
        credentials(&self.account, name, permissions, &self.directory)
    }

    /// A user of the system account.
    pub(crate) fn of_system(&self) -> Credentials {
        credentials(&self.system, "system", &json!({}), &self.directory)
    }

    /// What a server's configuration says of them: the operator, and the accounts it is to know.
    pub(crate) fn resolver(&self) -> String {
        let unlimited = json!({
            "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1,
            "leaf": -1, "mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1,
        });
        let account = token(
            &self.operator,
            &self.account,
            "backstop",
            &json!({"type": "account", "version": 2, "limits": unlimited}),
        );
        let mut plain = unlimited;
        for name in ["mem_storage", "disk_storage", "streams", "consumer"] {
            plain[name] = json!(0);
        }
        let system = token(
            &self.operator,
            &self.system,
            "SYS",
            &json!({"type": "account", "version": 2, "limits": plain}),
        );
        let operator = token(
            &self.operator,
            &self.operator,
            "operator",
            &json!({"type": "operator", "version": 2}),
        );
        format!(
            "operator: {operator}\nsystem_account: {system_key}\nresolver: MEMORY\nresolver_preload: {{\n  \
             {account_key}: {account}\n  {system_key}: {system}\n}}\n",
            system_key = self.system.public_key(),
            account_key = self.account.public_key(),
        )
    }
}

fn credentials(
    account: &KeyPair,
    name: &str,
    permissions: &Value,
    directory: &Path,
) -> Credentials {
    let user = KeyPair::new_user();
    let mut claims = json!({"type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1});
    if let (Some(claims), Some(permissions)) = (claims.as_object_mut(), permissions.as_object()) {
        claims.extend(permissions.clone());
    }
    let token = token(account, &user, name, &claims);
    let seed = user.seed().unwrap();
    let text = format!(
        "-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    );
    let file = directory.join(format!("{name}.creds"));
    fs::write(&file, &text).unwrap();
    Credentials {
        public: user.public_key(),
        seed,
        text,
        file,
    }
}

/// A token about `subject`, signed by `issuer`.
fn token(issuer: &KeyPair, subject: &KeyPair, name: &str, nats: &Value) -> String {
    let claims = json!({
        "jti": subject.public_key(), "iat": 1_700_000_000, "iss": issuer.public_key(), "name": name,
        "sub": subject.public_key(), "nats": nats,
    });
    let head = json!({"typ": "JWT", "alg": "ed25519-nkey"});
    let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encoded(&head), encoded(&claims));
    let signature = issuer.sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}
