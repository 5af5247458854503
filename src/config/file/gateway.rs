//! `[gateway]`: where it listens, and what that demands.

use std::net::SocketAddr;

use crate::{
    config::{
        diagnostic::Findings,
        reader::{At, Table},
        reference::TLS,
        value,
    },
    model::GatewaySettings,
};

/// `[gateway.tls]`.
pub(in crate::config) struct Tls {
    pub(in crate::config) certificate: At<String>,
    pub(in crate::config) key: At<String>,
}

/// Reads the settings. `open`: no client is configured, so nobody is asked for a key.
pub(super) fn gateway(
    table: &Table<'_>,
    open: bool,
    findings: &Findings,
) -> (GatewaySettings, Option<Tls>) {
    let listen = table.parsed("listen", |text| {
        text.parse::<SocketAddr>().map(Some).map_err(|_| {
            format!("\"{text}\" is not an address with a port such as 127.0.0.1:8080 or [::1]:8080")
        })
    });
    let place = listen.span();
    let listen = listen
        .into_inner()
        .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080)));
    let plaintext = table.flag("plaintext").into_inner();
    let reachable = !listen.ip().is_loopback();
    if reachable && open {
        findings.error(
            "listen-without-keys",
            place.clone(),
            format!("`listen` is {listen}, which other hosts can reach, and no client needs a key"),
            "make a key with `backstop key new NAME` and add the lines that it prints, or listen on 127.0.0.1 \
             or [::1]",
        );
    }
    let tls = table.table("tls", &TLS);
    if reachable && !plaintext && tls.is_none() {
        findings.error(
            "listen-plaintext",
            place,
            format!("`listen` is {listen}, and keys and prompts would cross the network unencrypted"),
            "give it a certificate in [gateway.tls]; `plaintext = true` says that something in front does TLS; or listen on 127.0.0.1 or [::1]",
        );
    }
    let region = table.parsed_if_there("region", |text| {
        value::is_name(text).then(|| text.into()).ok_or_else(|| {
            format!(
                "\"{text}\" is not a name: lower-case letters, digits and inner `-`, `_` or `.`, at most 63 characters"
            )
        })
    });
    let max_body = table.parsed("max_body", value::size);
    let max_body_memory = table.parsed("max_body_memory", value::size);
    if max_body_memory.get_ref() < max_body.get_ref() {
        findings.error(
            "body-memory-too-small",
            max_body_memory.span(),
            "`max_body_memory` is less than `max_body`, so the largest body would never be taken",
            "raise it, or lower `max_body`",
        );
    }
    let settings = GatewaySettings {
        listen,
        region: region.map(At::into_inner),
        workers: usize::try_from(table.whole("workers", 0..1025).into_inner()).unwrap_or_default(),
        max_body: max_body.into_inner(),
        max_body_memory: max_body_memory.into_inner(),
        max_connections: usize::try_from(table.whole("max_connections", 1..1_000_001).into_inner())
            .unwrap_or_default(),
        max_requests: usize::try_from(table.whole("max_requests", 1..10_000_001).into_inner())
            .unwrap_or_default(),
        idle: table.parsed("idle", value::positive).into_inner(),
        pause: table.parsed("pause", value::positive).into_inner(),
        drain: table.duration("drain").into_inner(),
        without_store: table.word("without_store").into_inner(),
        // The paths come with the directory, when it is known.
        tls: None,
    };
    let tls = tls.and_then(|table| {
        Some(Tls {
            certificate: table.filled("certificate")?,
            key: table.filled("key")?,
        })
    });
    (settings, tls)
}
