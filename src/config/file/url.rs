//! Base URLs.

use http::Uri;

use crate::config::{
    diagnostic::Findings,
    reader::{At, Table},
};

/// A base URL in the form that the catalog promises: no trailing slash. A version stays: `wire` knows
/// which habit of writing it each family has.
pub(super) fn base_url(table: &Table<'_>, findings: &Findings) -> Option<At<String>> {
    let text = table.filled("base_url")?;
    let fail = |code, message: &str, help: &str| {
        findings.error(code, text.span(), message, help.to_owned());
        None
    };
    let Ok(uri) = text.get_ref().parse::<Uri>() else {
        return fail(
            "bad-base-url",
            "`base_url` is not a URL",
            "write for instance \"https://api.example.com\"",
        );
    };
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return fail(
            "bad-base-url",
            "`base_url` has no scheme or no host",
            "write for instance \"https://api.example.com\"",
        );
    };
    if authority.as_str().contains('@') {
        findings.hide(text.span());
        return fail(
            "credential-in-file",
            "`base_url` holds a user name or password",
            "take it out of the URL and name its place with `key`",
        );
    }
    let port = authority.as_str().rsplit_once(':').map(|(_, port)| port);
    let bad_port = port.is_some_and(|port| !port.ends_with(']') && authority.port_u16().is_none());
    if authority.host().is_empty() || bad_port {
        return fail(
            "bad-base-url",
            "`base_url` has no host or a port that does not exist",
            "write for instance \"https://api.example.com:8443\"",
        );
    }
    if uri.query().is_some() || text.get_ref().contains('#') {
        return fail(
            "bad-base-url",
            "`base_url` has a query or a fragment, which requests cannot keep",
            "leave only scheme, host, port and path prefix",
        );
    }
    match scheme {
        "https" => {}
        "http" if is_loopback(authority.host()) => {}
        "http" => {
            return fail(
                "insecure-base-url",
                "`base_url` would send the key unencrypted to another host",
                "use https; http is only for loopback",
            );
        }
        _ => {
            return fail(
                "bad-base-url",
                "`base_url` must begin with https:// (or http:// on loopback)",
                "change the scheme",
            );
        }
    }
    let path = uri.path().trim_end_matches('/');
    Some(At::new(
        text.span(),
        format!("{scheme}://{authority}{path}"),
    ))
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}
