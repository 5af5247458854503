//! Who acts, as the operating system knows them.
//!
//! Called by `cli` and `demo` once at start. A declared name stands beside the user, never instead of it.

use crate::model::{Actor, visible};

/// Longest name that is kept.
const LIMIT: usize = 64;

/// Names the actor. `variables` reads the environment; `declared` is what `--as` said; `via` is `console`,
/// `cli` or `gateway`.
///
/// `SUDO_USER`, then what login set, then the account of the process. A user can change these variables, and
/// whoever may write the store could write anything into it: the audit is as honest as the host is.
#[must_use]
pub fn actor(
    variables: &dyn Fn(&str) -> Option<String>,
    declared: Option<&str>,
    via: &str,
) -> Actor {
    let uid = rustix::process::getuid().as_raw();
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    actor_of(variables, declared, via, uid, &accounts)
}

fn actor_of(
    variables: &dyn Fn(&str) -> Option<String>,
    declared: Option<&str>,
    via: &str,
    uid: u32,
    accounts: &str,
) -> Actor {
    let variable = |name: &str| {
        variables(name)
            .map(|value| clean(&value))
            .filter(|value| !value.is_empty())
    };
    let user = variable("SUDO_USER")
        .or_else(|| variable("LOGNAME"))
        .or_else(|| variable("USER"))
        .or_else(|| account(accounts, uid))
        .unwrap_or_else(|| format!("uid:{uid}"));
    Actor {
        user,
        declared: declared
            .map(clean)
            .or_else(|| variable("BACKSTOP_OPERATOR"))
            .filter(|name| !name.is_empty()),
        host: clean(&rustix::system::uname().nodename().to_string_lossy()),
        from: variable("SSH_CONNECTION")
            .and_then(|connection| connection.split(' ').next().map(str::to_owned))
            .filter(|address| !address.is_empty()),
        via: via.to_owned(),
    }
}

/// The name of an account in the host's own list; accounts of a directory service are not in it.
fn account(accounts: &str, uid: u32) -> Option<String> {
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let id: u32 = fields.nth(1)?.parse().ok()?;
        (id == uid && !name.is_empty()).then(|| clean(name))
    })
}

fn clean(text: &str) -> String {
    visible(text.trim(), LIMIT).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)], declared: Option<&str>, uid: u32) -> Actor {
        let variables = |name: &str| {
            pairs
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        };
        let accounts = "root:x:0:0:root:/root:/bin/sh\nbroken\nsvc:x:990:990::/:/bin/false\n";
        actor_of(&variables, declared, "cli", uid, accounts)
    }

    #[test]
    fn the_user_is_who_the_system_says() {
        for (case, pairs, uid, user) in [
            (
                "login name first",
                &[("LOGNAME", "jo"), ("USER", "mira")][..],
                1000,
                "jo",
            ),
            ("user without login name", &[("USER", "mira")], 1000, "mira"),
            (
                "sudo to root",
                &[("SUDO_USER", "jo"), ("LOGNAME", "root")],
                0,
                "jo",
            ),
            (
                "sudo to a service account",
                &[("SUDO_USER", "jo"), ("LOGNAME", "backstop")],
                990,
                "jo",
            ),
            (
                "empty is not set",
                &[("LOGNAME", ""), ("USER", "jo")],
                1000,
                "jo",
            ),
            ("only the account", &[], 990, "svc"),
            ("nothing known", &[], 1000, "uid:1000"),
            (
                "escape sequences become marks",
                &[("USER", "j\x1b[2Jo")],
                1000,
                "j\u{241b}[2Jo",
            ),
        ] {
            assert_eq!(of(pairs, None, uid).user, user, "{case}");
        }
    }

    #[test]
    fn a_declared_name_stands_beside_the_user() {
        let actor = of(
            &[("USER", "ops"), ("BACKSTOP_OPERATOR", "mira")],
            Some("jo"),
            1000,
        );
        assert_eq!((actor.user.as_str(), actor.name()), ("ops", "jo"));
        let actor = of(
            &[("USER", "ops"), ("BACKSTOP_OPERATOR", "mira")],
            None,
            1000,
        );
        assert_eq!(actor.declared.as_deref(), Some("mira"));
    }

    #[test]
    fn the_client_address_comes_from_ssh() {
        let actor = of(
            &[("SSH_CONNECTION", "192.0.2.7 51000 10.0.0.1 22")],
            None,
            1000,
        );
        assert_eq!(actor.from.as_deref(), Some("192.0.2.7"));
        assert_eq!(of(&[], None, 1000).from, None);
    }
}
