//! `routes`: every route with what traffic and probes say of it.

use std::sync::Arc;

use jiff::Timestamp;

use super::{
    error::CliError,
    exit::Exit,
    output::{self, Paint, Stream, Tone},
    session::Session,
    status::{circuit, drained, percent},
    table::Table,
    time,
};
use crate::{
    control::{RouteProbed, RouteStatus},
    model::{CircuitState, Verdict, WorkloadName},
};

/// Prints the routes.
pub(super) async fn run(session: &Session, json: bool) -> Result<Exit, CliError> {
    let overview = session.control.overview().await?;
    if json {
        output::json(&overview.routes)?;
    } else {
        let paint = Paint::of(Stream::Out);
        output::line(table(&overview.routes, overview.at).render(paint))?;
    }
    Ok(Exit::Done)
}

fn table(routes: &[Arc<RouteStatus>], now: Timestamp) -> Table {
    let mut table = Table::new(&[
        "ROUTE", "MODEL", "FAMILY", "CIRCUIT", "FAILED", "USED", "PROBED", "DRAINED", "SERVES",
    ]);
    for route in routes {
        let serves: Vec<&str> = route.used_by.iter().map(WorkloadName::as_str).collect();
        table.row(
            tone(route),
            &[
                route.route.as_str(),
                &route.model,
                &route.family.to_string(),
                circuit(route.circuit),
                &percent(route.failure_share),
                &percent(route.used),
                &probed(route.probed.as_ref(), now),
                &drained(route, now),
                &serves.join(" "),
            ],
        );
    }
    table
}

fn tone(route: &RouteStatus) -> Tone {
    let failed = |probed: &RouteProbed| probed.verdict == Verdict::Failed;
    if route.circuit == CircuitState::Open || route.probed.as_ref().is_some_and(failed) {
        Tone::Bad
    } else if route.circuit == CircuitState::HalfOpen || route.drained_by.is_some() {
        Tone::Attention
    } else {
        Tone::Plain
    }
}

/// How its probes came out, when, and why.
fn probed(probed: Option<&RouteProbed>, now: Timestamp) -> String {
    let Some(probed) = probed else {
        return "never".to_owned();
    };
    let when = time::age(probed.at, now);
    match &probed.why {
        Some(why) => format!("{} {when} ago: {why}", probed.verdict),
        None => format!("{} {when} ago", probed.verdict),
    }
}
