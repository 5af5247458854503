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
    control::GatewayStatus,
    model::visible,
};

/// Prints the gateways.
pub(in crate::cli) async fn gateways(session: &Session, json: bool) -> Result<Exit, CliError> {
    let overview = session.control.overview().await?;
    if json {
        output::json(&overview.gateways)?;
    } else if overview.gateways.is_empty() {
        output::talk("no gateway has been heard of in the last day");
    } else {
        output::line(table(&overview.gateways, overview.at).render(Paint::of(Stream::Out)))?;
    }
    Ok(Exit::Done)
}

fn table(gateways: &[GatewayStatus], now: Timestamp) -> Table {
    let mut table = Table::new(&[
        "GATEWAY", "HOST", "VERSION", "STATE", "REVISION", "CONFIG", "SEEN",
    ]);
    for gateway in gateways {
        let (tone, state) = match (gateway.alive, gateway.draining) {
            (false, _) => (Tone::Bad, "silent"),
            (true, true) => (Tone::Attention, "draining"),
            (true, false) => (Tone::Good, "alive"),
        };
        let revision = if gateway.current {
            gateway.revision.to_string()
        } else {
            format!("{} (behind)", gateway.revision)
        };
        let config = match (&gateway.config_error, gateway.same_config) {
            (Some(error), _) => format!("refused: {error}"),
            (None, true) => "same".to_owned(),
            (None, false) => "another".to_owned(),
        };
        table.row(
            tone,
            &[
                gateway.gateway.as_str(),
                &gateway.host,
                &gateway.version,
                state,
                &revision,
                &config,
                &format!("{} ago", time::age(gateway.at, now)),
            ],
        );
    }
    table
}

/// What is wrong with a gateway, in words.
pub(super) fn trouble(gateway: &GatewayStatus, now: Timestamp) -> Option<String> {
    if !gateway.alive {
        return Some(format!("silent for {}", time::age(gateway.at, now)));
    }
    if let Some(error) = &gateway.config_error {
        return Some(format!(
            "refused its configuration: {}",
            visible(error, 200)
        ));
    }
    if gateway.unlogged > 0 {
        return Some(format!(
            "{} events could not be made durable",
            gateway.unlogged
        ));
    }
    (!gateway.same_config).then(|| "runs another configuration".to_owned())
}
