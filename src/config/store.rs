//! Where state lives: from the mirror of the file to the place that a store is opened at.
//!
//! Called by `resolve`. It reads the login's secret; it must not talk to a server.

use std::path::Path;

use super::{
    Keys,
    diagnostic::{Findings, Severity},
    file::{File, Login, With},
    keys::{self, Wanted},
    reader::At,
    resolve::{Source, state_directory},
};
use crate::model::{NatsAccess, NatsLogin, Secret, StorePlace};

/// The place, with absolute directories.
pub(super) fn place(file: &File, source: &Source<'_>, findings: &Findings) -> Option<StorePlace> {
    let state = state_directory(&source.places).join("backstop");
    let Some(url) = &file.store.url else {
        only_for_cluster(file, findings);
        return Some(StorePlace::from(&format!("sqlite:{}", state.display())));
    };
    match url.get_ref().split_once(':') {
        Some(("sqlite", path)) if !path.is_empty() => {
            only_for_cluster(file, findings);
            let path = source.places.directory.join(path);
            Some(StorePlace::from(&format!("sqlite:{}", path.display())))
        }
        Some(("memory", _)) => {
            only_for_cluster(file, findings);
            Some(StorePlace::from(url.get_ref()))
        }
        Some(("nats" | "tls", _)) => cluster(file, url, &state, source, findings),
        Some(_) | None => {
            // Other stores' URLs hold passwords, so nothing of it is repeated.
            findings.hide(url.span());
            findings.error(
                "unsupported-store",
                url.span(),
                "`url` does not name a store of this version",
                "write \"sqlite:DIRECTORY\", or \"nats://HOST:4222,HOST:4222,HOST:4222\" for many hosts",
            );
            None
        }
    }
}

fn only_for_cluster(file: &File, findings: &Findings) {
    if let Some(key) = &file.store.of_cluster {
        findings.error(
            "unused-key",
            key.span(),
            format!(
                "`{}` says nothing here: this store is not a cluster",
                key.get_ref()
            ),
            "remove it, or write url = \"nats://HOST:4222,HOST:4222,HOST:4222\"",
        );
    }
}

fn cluster(
    file: &File,
    url: &At<String>,
    state: &Path,
    source: &Source<'_>,
    findings: &Findings,
) -> Option<StorePlace> {
    let store = &file.store;
    let servers = url.get_ref();
    if servers.contains('@') {
        findings.hide(url.span());
        findings.error(
            "credential-in-file",
            url.span(),
            "a user or password must not be written into the URL",
            "name its place in [store.login]; then replace the password, it may have been seen",
        );
        return None;
    }
    if let Some(wrong) = servers.split(',').find(|server| !is_server(server)) {
        findings.error(
            "bad-value",
            url.span(),
            format!("`{wrong}` is not the address of a server"),
            "write \"nats://HOST:4222,HOST:4222,HOST:4222\"",
        );
        return None;
    }
    let directory = source.places.directory;
    let prefix = store.prefix.get_ref().clone();
    let path = |path: &Option<At<String>>| path.as_ref().map(|path| directory.join(path.get_ref()));
    let certificate = match (path(&store.certificate), path(&store.key)) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => {
            let place = store.certificate.as_ref().or(store.key.as_ref());
            findings.error(
                "missing-key",
                place.map_or(0..0, At::span),
                "a certificate and its key belong together",
                "name both in [store.tls]",
            );
            None
        }
    };
    Some(StorePlace {
        url: servers.clone(),
        view: Some(path(&store.view).unwrap_or_else(|| state.join(&prefix))),
        nats: NatsAccess {
            prefix,
            login: match &store.login {
                Some(entry) => login(entry, source, findings)?,
                None => NatsLogin::Nobody,
            },
            authorities: path(&store.authorities),
            certificate,
        },
    })
}

/// `nats://HOST`, `tls://HOST:PORT`, `HOST:PORT`.
fn is_server(text: &str) -> bool {
    let text = text.trim();
    let rest = text
        .strip_prefix("nats://")
        .or_else(|| text.strip_prefix("tls://"))
        .unwrap_or(text);
    let (host, port) = match rest.rsplit_once(':') {
        // Colons of an address without a port.
        Some((_, port)) if port.ends_with(']') => (rest, None),
        Some((host, port)) => (host, Some(port)),
        None => (rest, None),
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_[]:".contains(&byte);
    !host.is_empty()
        && host.bytes().all(plain)
        && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

fn login(entry: &Login, source: &Source<'_>, findings: &Findings) -> Option<NatsLogin> {
    let with = *entry.with.get_ref();
    let wanted = Wanted {
        lines: with == With::Credentials,
        without: "the cluster lets nobody in",
    };
    let read = keys::read_as(entry.key.get_ref(), wanted, &source.places);
    if let Some(problem) = read.problem {
        // Without it nobody comes in, neither gateway nor operator; a check elsewhere only notes it.
        let severity = match source.keys {
            Keys::Noted => Severity::Note,
            Keys::Needed | Keys::IfThere => problem.severity,
        };
        findings.add(
            severity,
            problem.code,
            entry.key.span(),
            problem.message,
            problem.help,
        );
    }
    let secret: Secret = match (read.secret, source.keys) {
        (Some(secret), _) => secret,
        (None, Keys::Noted) => return Some(NatsLogin::Nobody),
        (None, Keys::Needed | Keys::IfThere) => {
            return findings.failed().then_some(NatsLogin::Nobody);
        }
    };
    Some(match with {
        With::Credentials => NatsLogin::Credentials(secret),
        With::Nkey => NatsLogin::Nkey(secret),
        With::Token => NatsLogin::Token(secret),
        With::Password => NatsLogin::Password {
            user: entry.user.as_ref()?.get_ref().clone(),
            password: secret,
        },
    })
}
