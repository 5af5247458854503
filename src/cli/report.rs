//! `report`: an incident as Markdown, out of what was recorded.
//!
//! It prints what [`crate::control::Control::report`] gathers.

use super::{args::ReportArgs, error::CliError, exit::Exit, output, session::Session};
use crate::control::Range;

/// Prints the report.
pub(super) async fn run(session: &Session, args: ReportArgs) -> Result<Exit, CliError> {
    let now = session.clock.now();
    let range = Range {
        since: args.since.at(now),
        until: args.until.map_or(now, |until| until.at(now)),
        workload: args.workload,
    };
    if range.since >= range.until {
        return Err(CliError::Usage(
            "the report would end before it begins; --since must lie before --until".to_owned(),
        ));
    }
    let report = session.control.report(range).await?;
    if args.json {
        output::json(&report)?;
    } else {
        output::document(&report.markdown())?;
    }
    Ok(Exit::Done)
}
