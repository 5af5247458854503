//! What is unsafe about a cluster, and what is lost by it. Pure.

use super::look::{Seen, Synced};
use crate::{
    model::{Checkup, Soundness},
    store::{ServerFound, StreamFound, nats::layout::OLDEST_SERVER},
};

/// As many copies as it takes to lose one and go on.
const ENOUGH: usize = 3;
/// This much of the space may be taken before somebody should look.
const FULL: f64 = 0.8;

/// One finding or more for each thing that was looked at.
pub(super) fn judge(seen: &Seen) -> Vec<Checkup> {
    let mut checks = Vec::new();
    reach(seen, &mut checks);
    if !seen.connected {
        return checks;
    }
    versions(&seen.servers, &mut checks);
    streams(seen, &mut checks);
    disk(seen, &mut checks);
    space(seen, &mut checks);
    login(seen, &mut checks);
    lines(seen, &mut checks);
    checks
}

fn reach(seen: &Seen, checks: &mut Vec<Checkup>) {
    let before = checks.len();
    let let_in = seen.servers.iter().filter(|server| server.name.is_some());
    let let_in = let_in.count();
    for server in &seen.servers {
        if let Some(problem) = &server.problem {
            let soundness = if let_in == 0 {
                Soundness::Bad
            } else {
                Soundness::Warning
            };
            checks.push(Checkup::found(
                "store-reach",
                soundness,
                format!("{}: {problem}", server.address),
                "without most of its servers a cluster takes nothing; start it, or look at the network and the login",
            ));
        } else if server.leaving {
            checks.push(Checkup::found(
                "store-reach",
                Soundness::Note,
                format!("{} is about to stop", named(server)),
                "its clients go to other servers by themselves",
            ));
        }
    }
    let of: Vec<&String> = seen
        .servers
        .iter()
        .filter_map(|server| server.cluster.as_ref())
        .collect();
    if let [first, rest @ ..] = of.as_slice()
        && rest.iter().any(|other| other != first)
    {
        checks.push(Checkup::found(
            "store-reach",
            Soundness::Bad,
            "the servers are of different clusters".to_owned(),
            "name the servers of one cluster in store.url",
        ));
    }
    if checks.len() == before {
        checks.push(Checkup::good(
            "store-reach",
            format!("{let_in} servers answer"),
        ));
    }
}

fn versions(servers: &[ServerFound], checks: &mut Vec<Checkup>) {
    let before = checks.len();
    let mut all: Vec<&str> = Vec::new();
    for server in servers {
        let Some(version) = &server.version else {
            continue;
        };
        if !all.contains(&version.as_str()) {
            all.push(version);
        }
        if !is_new_enough(version) {
            checks.push(Checkup::found(
                "store-version",
                Soundness::Bad,
                format!("{} runs nats-server {version}", named(server)),
                format!(
                    "servers older than {}.{} let two operators win the same change when a leader is lost; bring it up \
                     to date",
                    OLDEST_SERVER.0, OLDEST_SERVER.1
                ),
            ));
        }
    }
    if checks.len() == before {
        checks.push(Checkup::good(
            "store-version",
            format!("nats-server {}", all.join(", ")),
        ));
    }
}

fn is_new_enough(version: &str) -> bool {
    let mut numbers = version.split('.').map_while(|number| number.parse().ok());
    match (numbers.next(), numbers.next()) {
        (Some(major), Some(minor)) => (major, minor) >= OLDEST_SERVER,
        (Some(_), None) | (None, _) => false,
    }
}

fn streams(seen: &Seen, checks: &mut Vec<Checkup>) {
    let found = &seen.streams;
    if let [(_, why), ..] = seen.silent.as_slice() {
        let names: Vec<&str> = seen.silent.iter().map(|(name, _)| name.as_str()).collect();
        checks.push(Checkup::found(
            "store-streams",
            Soundness::Bad,
            format!("no answer about {}: {why}", names.join(", ")),
            "without a leader nobody answers; the servers must have JetStream, the login's account too, and the login \
             must be allowed $JS.API.>",
        ));
    }
    if !seen.missing.is_empty() {
        checks.push(Checkup::found(
            "store-streams",
            Soundness::Bad,
            format!("not there: {}", seen.missing.join(", ")),
            "`backstop store init` makes them",
        ));
    }
    for stream in found {
        for difference in &stream.differences {
            let (soundness, advice) = if difference.setting == "storage" {
                (
                    Soundness::Bad,
                    "what is in memory is gone when the servers stop; this cannot be changed: make the stream anew",
                )
            } else if difference.setting == "compression" {
                (
                    Soundness::Warning,
                    "a server that is killed while it compresses may not be able to write to it again; `backstop store \
                     init --change` ends that for what is written from then on",
                )
            } else if difference.setting == "deny_purge" && !difference.changeable {
                (
                    Soundness::Note,
                    "its log of changes is never trimmed and grows by 2 KB or so for each; no server takes the setting \
                     back: it takes streams made anew, under another `store.prefix`",
                )
            } else if difference.changeable {
                (
                    Soundness::Warning,
                    "`backstop store init --change` puts it right",
                )
            } else {
                (
                    Soundness::Warning,
                    "it cannot be changed while the stream is there",
                )
            };
            checks.push(Checkup::found(
                "store-streams",
                soundness,
                format!(
                    "{}: {} is {}, not {}",
                    stream.name, difference.setting, difference.found, difference.wanted
                ),
                advice,
            ));
        }
    }
    let all = seen.missing.is_empty() && seen.silent.is_empty();
    if all && found.iter().all(|stream| stream.differences.is_empty()) {
        checks.push(Checkup::good(
            "store-streams",
            format!("{} streams, as they should be", found.len()),
        ));
    }
    copies(found, checks);
}

fn copies(streams: &[StreamFound], checks: &mut Vec<Checkup>) {
    let before = checks.len();
    // The same for many streams is said once.
    let names = |wanted: &dyn Fn(&StreamFound) -> bool| {
        let names: Vec<&str> = streams
            .iter()
            .filter(|stream| wanted(stream))
            .map(|stream| stream.name.as_str())
            .collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    if let Some(names) = names(&|stream| stream.leader.is_none() && stream.replicas > 1) {
        checks.push(Checkup::found(
            "store-copies",
            Soundness::Bad,
            format!("no leader: {names}"),
            "nothing is taken until more than half of the servers see each other again",
        ));
    }
    if let Some(names) = names(&|stream| stream.replicas == 1) {
        checks.push(Checkup::found(
            "store-copies",
            Soundness::Warning,
            format!("on a single server: {names}"),
            "while it is away nothing can be changed, and with its disk everything is lost; `backstop store init \
             --replicas 3 --change` on three servers",
        ));
    }
    if let Some(names) = names(&|stream| (2..ENOUGH).contains(&stream.replicas)) {
        checks.push(Checkup::found(
            "store-copies",
            Soundness::Warning,
            format!("on two servers: {names}"),
            "two stop as soon as one of them is away; `backstop store init --replicas 3 --change`",
        ));
    }
    for stream in streams {
        for follower in &stream.followers {
            if follower.offline || !follower.current {
                let (state, advice) = if follower.offline {
                    (
                        "is offline",
                        "with one more server away nothing is taken any more",
                    )
                } else {
                    (
                        "is away or has not caught up",
                        "with one more server away nothing is taken any more; when it runs and stays behind, its copy is \
                         damaged: stop it, move its `store_dir` away and start it, and it copies everything anew",
                    )
                };
                checks.push(Checkup::found(
                    "store-copies",
                    Soundness::Warning,
                    format!("{}: {} {state}", stream.name, follower.server),
                    advice,
                ));
            }
        }
    }
    if checks.len() == before && !streams.is_empty() {
        let fewest = streams.iter().map(|stream| stream.replicas).min();
        checks.push(Checkup::good(
            "store-copies",
            format!(
                "each on {} servers, all current",
                fewest.unwrap_or_default()
            ),
        ));
    }
}

fn disk(seen: &Seen, checks: &mut Vec<Checkup>) {
    if seen.synced.is_empty() {
        checks.push(Checkup::found(
            "store-disk",
            Soundness::Warning,
            "how often the servers write to disk cannot be seen from here".to_owned(),
            "the default, every two minutes, loses everything when all of them lose power: each needs `jetstream { \
             sync_interval: always }`; --monitoring http://HOST:8222 of each looks (or curl HOST:8222/varz)",
        ));
        return;
    }
    for (url, told) in &seen.synced {
        checks.push(match told {
            Ok(Synced {
                server,
                always: true,
                ..
            }) => Checkup::good("store-disk", format!("{server} writes before it acknowledges")),
            Ok(Synced { server, every, .. }) => Checkup::found(
                "store-disk",
                Soundness::Bad,
                format!(
                    "{server} writes to disk every {} s, after it has acknowledged",
                    every.as_secs()
                ),
                "when all servers lose power, streams and all that was acknowledged are lost; write `jetstream { \
                 sync_interval: always }` and restart them one by one",
            ),
            Err(why) => Checkup::found(
                "store-disk",
                Soundness::Warning,
                format!("{url}: {why}"),
                "without it nobody knows how often that server writes to disk",
            ),
        });
    }
    let unseen = seen
        .servers
        .iter()
        .filter_map(|server| server.name.as_ref());
    let unseen: Vec<&str> = unseen
        .filter(|name| {
            let told = seen
                .synced
                .iter()
                .filter_map(|(_, told)| told.as_ref().ok());
            !told.into_iter().any(|told| told.server == **name)
        })
        .map(String::as_str)
        .collect();
    if !unseen.is_empty() {
        checks.push(Checkup::found(
            "store-disk",
            Soundness::Warning,
            format!("not looked at: {}", unseen.join(", ")),
            "name the monitoring port of every server",
        ));
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share of a disk")]
fn space(seen: &Seen, checks: &mut Vec<Checkup>) {
    let Some((taken, Some(most))) = seen.space else {
        return;
    };
    let says = format!(
        "{} MB of {} MB of the account are taken",
        taken >> 20,
        most >> 20
    );
    if most == 0 || taken as f64 >= most as f64 * FULL {
        checks.push(Checkup::found(
            "store-space",
            Soundness::Warning,
            says,
            "a full account takes neither events nor overrides; raise its limit, or keep events for a shorter time",
        ));
    } else {
        checks.push(Checkup::good("store-space", says));
    }
}

fn login(seen: &Seen, checks: &mut Vec<Checkup>) {
    checks.push(if seen.open {
        Checkup::found(
            "store-login",
            Soundness::Warning,
            "the servers let anybody in who reaches them".to_owned(),
            "whoever reaches them can flip every workload; give gateways, operators and observers logins of their own",
        )
    } else {
        Checkup::good("store-login", "nobody comes in without a login")
    });
}

fn lines(seen: &Seen, checks: &mut Vec<Checkup>) {
    checks.push(if seen.encrypted {
        Checkup::good("store-tls", "connections are encrypted")
    } else if seen.here {
        Checkup::good("store-tls", "not encrypted, on this host only")
    } else {
        Checkup::found(
            "store-tls",
            Soundness::Warning,
            "connections leave this host and are not encrypted".to_owned(),
            "give the servers certificates, and write tls:// in store.url",
        )
    });
}

fn named(server: &ServerFound) -> String {
    match &server.name {
        Some(name) => format!("{name} ({})", server.address),
        None => server.address.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Difference, Follower};

    fn server(name: &str) -> ServerFound {
        ServerFound {
            address: format!("{name}.example:4222"),
            name: Some(name.to_owned()),
            version: Some("2.15.1".to_owned()),
            cluster: Some("c".to_owned()),
            ..ServerFound::default()
        }
    }

    fn stream() -> StreamFound {
        let follower = |server: &str| Follower {
            server: server.to_owned(),
            current: true,
            offline: false,
            lag: 0,
            silent_ms: 3,
        };
        StreamFound {
            name: "backstop-state".to_owned(),
            leader: Some("a".to_owned()),
            replicas: 3,
            followers: vec![follower("b"), follower("c")],
            messages: 0,
            bytes: 0,
            oldest: None,
            newest: None,
            last: 0,
            keeps_seconds: None,
            storage: "file",
            differences: Vec::new(),
        }
    }

    fn safe() -> Seen {
        let always = |name: &str| {
            let told = Synced {
                server: name.to_owned(),
                always: true,
                every: std::time::Duration::from_mins(2),
            };
            (format!("http://{name}"), Ok(told))
        };
        Seen {
            servers: vec![server("a"), server("b"), server("c")],
            connected: true,
            here: false,
            encrypted: true,
            open: false,
            streams: vec![stream()],
            silent: Vec::new(),
            missing: Vec::new(),
            synced: ["a", "b", "c"].map(always).to_vec(),
            space: Some((10 << 20, Some(100 << 20))),
        }
    }

    type Harm = fn(&mut Seen);

    #[expect(clippy::too_many_lines, reason = "one table")]
    /// What was done to a safe one, and what is found then.
    fn harms() -> [(&'static str, Harm, &'static str, Soundness); 15] {
        [
            (
                "old",
                |seen| seen.servers[1].version = Some("2.9.10".to_owned()),
                "store-version",
                Soundness::Bad,
            ),
            (
                "one away",
                |seen| {
                    seen.servers[1] = ServerFound {
                        address: "b".to_owned(),
                        problem: Some("refused".to_owned()),
                        ..ServerFound::default()
                    }
                },
                "store-reach",
                Soundness::Warning,
            ),
            (
                "another cluster",
                |seen| seen.servers[1].cluster = Some("d".to_owned()),
                "store-reach",
                Soundness::Bad,
            ),
            (
                "missing",
                |seen| seen.missing.push("backstop-pulse".to_owned()),
                "store-streams",
                Soundness::Bad,
            ),
            (
                "no streams",
                |seen| {
                    let silent = ("backstop-state".to_owned(), "timed out".to_owned());
                    seen.silent.push(silent);
                },
                "store-streams",
                Soundness::Bad,
            ),
            (
                "never trimmed",
                |seen| {
                    let latched = Difference {
                        setting: "deny_purge".to_owned(),
                        found: "true".to_owned(),
                        wanted: "none".to_owned(),
                        changeable: false,
                    };
                    stream_of(seen).differences.push(latched);
                },
                "store-streams",
                Soundness::Note,
            ),
            (
                "no leader",
                |seen| stream_of(seen).leader = None,
                "store-copies",
                Soundness::Bad,
            ),
            (
                "one copy",
                |seen| {
                    let one = stream_of(seen);
                    one.replicas = 1;
                    one.followers.clear();
                },
                "store-copies",
                Soundness::Warning,
            ),
            (
                "behind",
                |seen| stream_of(seen).followers[0].current = false,
                "store-copies",
                Soundness::Warning,
            ),
            (
                "lazy",
                |seen| {
                    if let (_, Ok(told)) = &mut seen.synced[0] {
                        told.always = false;
                    }
                },
                "store-disk",
                Soundness::Bad,
            ),
            (
                "not seen",
                |seen| seen.synced.clear(),
                "store-disk",
                Soundness::Warning,
            ),
            (
                "one not seen",
                |seen| {
                    seen.synced.pop();
                },
                "store-disk",
                Soundness::Warning,
            ),
            (
                "full",
                |seen| seen.space = Some((90, Some(100))),
                "store-space",
                Soundness::Warning,
            ),
            (
                "open",
                |seen| seen.open = true,
                "store-login",
                Soundness::Warning,
            ),
            (
                "plain",
                |seen| seen.encrypted = false,
                "store-tls",
                Soundness::Warning,
            ),
        ]
    }

    #[test]
    fn each_thing_that_is_unsafe_is_found_and_nothing_else() {
        let sound = judge(&safe());
        assert!(
            sound.iter().all(|check| check.soundness == Soundness::Good),
            "{sound:?}"
        );
        for (case, harm, check, soundness) in harms() {
            let mut seen = safe();
            harm(&mut seen);
            let found: Vec<Checkup> = judge(&seen)
                .into_iter()
                .filter(|check| check.soundness != Soundness::Good)
                .collect();
            assert!(!found.is_empty(), "{case}");
            for found in found {
                assert_eq!(
                    (found.check, found.soundness),
                    (check, soundness),
                    "{case}: {}",
                    found.says
                );
                assert!(found.advice.is_some(), "{case}");
            }
        }
    }

    fn stream_of(seen: &mut Seen) -> &mut StreamFound {
        seen.streams.first_mut().unwrap()
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        for (version, enough) in [
            ("2.14.0", true),
            ("2.9.10", false),
            ("3.0", true),
            ("2.100.1-rc", true),
            ("dev", false),
        ] {
            assert_eq!(is_new_enough(version), enough, "{version}");
        }
    }
}
