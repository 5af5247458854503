//! `explain`: why an event came out as it did, what would happen to a workload, what an error class is.
//!
//! It prints what [`crate::control::Control::explain`] finds.

use super::{
    args::{ExplainArgs, Global},
    error::CliError,
    exit::Exit,
    output::{self, Paint, Stream, Tone},
    session::{self, Doors},
};
use crate::{
    config::Keys,
    control::{self, Explanation},
    model::ErrorClass,
};

/// Prints the explanation.
pub(super) async fn run(doors: &Doors, args: ExplainArgs) -> Result<Exit, CliError> {
    let explanation = if let Some(explanation) = alone(&doors.global, &args.what)? {
        explanation
    } else {
        let session = doors.reading().await?;
        session.control.explain(&args.what).await?
    };
    if args.json {
        output::json(&explanation)?;
    } else {
        output::line(render(&explanation, Paint::of(Stream::Out)))?;
    }
    Ok(Exit::Done)
}

/// A class needs no store, and not even a configuration.
fn alone(global: &Global, what: &str) -> Result<Option<Explanation>, CliError> {
    let Ok(class) = what.parse::<ErrorClass>() else {
        return Ok(None);
    };
    match session::catalog_with(global, Keys::IfThere) {
        Ok(catalog) if catalog.workloads.contains_key(what) => Ok(None),
        Ok(catalog) => Ok(Some(control::explain_class(class, Some(&catalog)))),
        Err(CliError::NoConfig(_)) => Ok(Some(control::explain_class(class, None))),
        Err(error) => Err(error),
    }
}

fn render(explanation: &Explanation, paint: Paint) -> String {
    let mut lines = vec![paint.paint(Tone::Strong, &explanation.headline)];
    for part in explanation
        .parts
        .iter()
        .filter(|part| !part.lines.is_empty())
    {
        lines.push(String::new());
        lines.push(paint.paint(Tone::Strong, part.title));
        lines.extend(part.lines.iter().map(|line| format!("  {line}")));
    }
    lines.join("\n")
}
