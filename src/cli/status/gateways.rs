//! `gateways`, and what `status` tells of a gateway that needs looking at.

use jiff::Timestamp;

use crate::{
    cli::{
        error::CliError,
        exit::Exit,
        output::{self, Paint, Stream, Tone},
        session::Session,
        table::Table,
        time,
    },
    control::{GatewayState, GatewayStatus, Overview},
    model::{GatewayName, visible},
    store::Touch,
};

/// Prints the gateways.
pub(in crate::cli) async fn gateways(session: &Session, json: bool) -> Result<Exit, CliError> {
    let overview = session.control.overview().await?;
    if let (true, Some(apart)) = (overview.gateways.is_empty(), apart(session)) {
        output::talk(apart);
        output::talk(UNHEARD);
        return Ok(Exit::Unavailable);
    }
    let paint = Paint::of(Stream::Out);
    if json {
        output::json(&overview.gateways)?;
    } else if overview.gateways.is_empty() {
        output::talk("no gateway has been heard of in the last day");
    } else {
        output::line(table(&overview).render(paint))?;
        for line in summary(&overview) {
            output::line(paint.paint(Tone::Attention, &visible(&line, 600)))?;
        }
    }
    if let Some(apart) = apart(session) {
        output::talk(apart);
    }
    Ok(Exit::Done)
}

/// What a process that never reached the cluster does not know.
pub(in crate::cli) const UNHEARD: &str = "which gateways there are, what they carry, events and probes are told by the \
     cluster alone and kept on no disk of this host; the switches are: `backstop status`, `backstop audit`";

/// Forgets a gateway that will not come back.
pub(in crate::cli) async fn forget(
    session: &Session,
    gateway: GatewayName,
) -> Result<Exit, CliError> {
    session.control.dismiss(gateway.clone()).await?;
    output::line(format_args!(
        "{} is forgotten; should it still run, it is back with its next sign of life",
        visible(gateway.as_str(), 60)
    ))?;
    Ok(Exit::Done)
}

/// That this very command sees only what was known when the store's cluster went away.
pub(in crate::cli) fn apart(session: &Session) -> Option<String> {
    match session.control.touch() {
        Touch::Current => None,
        Touch::Apart { since, cause } => Some(format!(
            "APART from the store for {}, since {}: {}; this is what was known then, and nothing can be changed from \
             here",
            time::age(since, session.clock.now()),
            since.strftime("%H:%M:%SZ"),
            visible(&cause, 300)
        )),
    }
}

fn table(overview: &Overview) -> Table {
    let now = overview.at;
    let mut table = Table::new(&[
        "GATEWAY", "HOST", "REGION", "VERSION", "STATE", "REVISION", "CONFIG", "DATA", "REQ/MIN",
        "SHARE", "SEEN",
    ]);
    for gateway in &overview.gateways {
        table.row(
            tone(gateway),
            &[
                gateway.gateway.as_str(),
                &gateway.host,
                gateway.region.as_ref().map_or("", |region| region.as_str()),
                &gateway.version,
                gateway.state.as_str(),
                &revision(gateway, now),
                &config(gateway),
                &time::age(gateway.known_at(), now),
                &gateway.requests.to_string(),
                &super::percent(gateway.share),
                &format!("{} ago", time::age(gateway.at, now)),
            ],
        );
    }
    table
}

fn tone(gateway: &GatewayStatus) -> Tone {
    match gateway.state {
        GatewayState::Silent | GatewayState::Refused => Tone::Bad,
        GatewayState::Apart | GatewayState::Behind | GatewayState::Draining => Tone::Attention,
        GatewayState::Alive if !gateway.same_config => Tone::Attention,
        GatewayState::Alive => Tone::Good,
        GatewayState::Replaced => Tone::Plain,
    }
}

/// What it has applied, and what it lacks.
fn revision(gateway: &GatewayStatus, now: Timestamp) -> String {
    if gateway.current {
        return gateway.revision.to_string();
    }
    let since = gateway.behind_since.map_or_else(String::new, |since| {
        format!(" for {}", time::age(since, now))
    });
    format!("{}, {} behind{since}", gateway.revision, gateway.behind)
}

fn config(gateway: &GatewayStatus) -> String {
    match (&gateway.config_error, gateway.same_config) {
        (Some(error), _) => format!("{} (refused: {error})", gateway.fingerprint),
        (None, true) => gateway.fingerprint.clone(),
        (None, false) => format!("{} (another)", gateway.fingerprint),
    }
}

/// What is not the same everywhere, in sentences.
fn summary(overview: &Overview) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(other) = overview.other_configs() {
        let groups: Vec<String> = overview
            .configs()
            .iter()
            .map(|group| {
                let names: Vec<&str> = group.gateways.iter().map(GatewayName::as_str).collect();
                let here = if group.here { " (read here)" } else { "" };
                format!("{}{here}: {}", group.fingerprint, names.join(", "))
            })
            .collect();
        lines.push(format!("! {other}: {}", groups.join("; ")));
    }
    let silent: Vec<&str> = overview.silent().map(|it| it.gateway.as_str()).collect();
    if !silent.is_empty() {
        lines.push(format!(
            "! silent: {}; where one still runs, it serves with the last switches it saw",
            silent.join(", ")
        ));
    }
    lines
}

/// What is wrong with a gateway, in words.
pub(super) fn trouble(gateway: &GatewayStatus, now: Timestamp) -> Option<String> {
    match gateway.state {
        GatewayState::Replaced => return None,
        GatewayState::Silent => {
            return Some(format!(
                "silent for {}; one that will not come back: `backstop gateways --forget {}`",
                time::age(gateway.at, now),
                gateway.gateway
            ));
        }
        GatewayState::Apart
        | GatewayState::Refused
        | GatewayState::Behind
        | GatewayState::Draining
        | GatewayState::Alive => {}
    }
    if let Some(since) = gateway.apart_since {
        return Some(format!(
            "apart from the store for {}; it serves with the switches of revision {}",
            time::age(since, now),
            gateway.revision
        ));
    }
    if let Some(error) = &gateway.config_error {
        return Some(format!(
            "refused its configuration: {}",
            visible(error, 200)
        ));
    }
    if let Some(lost) = gateway.unlogged_words(now) {
        return Some(lost);
    }
    (!gateway.same_config).then(|| "runs another configuration".to_owned())
}
