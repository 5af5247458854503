//! The options of `drill`.

use clap::{Args as ClapArgs, builder::TypedValueParser};

use crate::{
    model::{ErrorClass, WorkloadName},
    policy::{Evidence, ProviderError, classify},
};

/// An outage to imagine.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct DrillArgs {
    /// What is down: a route, or a provider with all its routes; can be given several times
    #[arg(long, value_name = "ROUTE|PROVIDER", required = true)]
    pub(in crate::cli) down: Vec<String>,
    /// How it fails: an HTTP status such as 503, or an error class such as `timeout`
    #[arg(long, default_value = "503", value_parser = failures(), value_name = "STATUS|CLASS")]
    pub(in crate::cli) class: ErrorClass,
    /// This workload may get errors: it does not count for the exit code; can be given several times
    #[arg(long, value_name = "WORKLOAD")]
    pub(in crate::cli) accept: Vec<WorkloadName>,
    /// Use the configuration alone, without the store: no switches of operators, no traffic (for CI)
    #[arg(long)]
    pub(in crate::cli) offline: bool,
    /// Also send the samples that would fall back to the routes that would serve them. No traffic moves; what
    /// they find is kept like that of `probe`
    #[arg(long)]
    pub(in crate::cli) live: bool,
    /// One JSON object: at, outage, workloads, targets; with --live also probes, unproven
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// An error class by its name, or the class of an HTTP status without a body.
fn failures() -> impl TypedValueParser<Value = ErrorClass> {
    clap::builder::StringValueParser::new().try_map(|text| {
        if let Ok(class) = text.parse::<ErrorClass>() {
            return Ok(class);
        }
        let status = text
            .parse()
            .ok()
            .filter(|status| (400..=599).contains(status));
        status
            .map(|status| {
                classify(&Evidence::Response {
                    status,
                    error: ProviderError::default(),
                    retry_after: None,
                })
            })
            .ok_or("neither a status from 400 to 599 nor an error class")
    })
}
