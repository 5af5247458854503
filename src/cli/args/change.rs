//! What every command that changes something takes: how long, on which gateways, and how it is confirmed.

use std::time::Duration;

use clap::{
    Args as ClapArgs,
    builder::{PossibleValuesParser, TypedValueParser},
};

use crate::{
    cli::time,
    model::{PlanId, ReasonCode, Scope, hostile},
};

/// On which gateways.
#[derive(Clone, Debug, ClapArgs)]
pub(in crate::cli) struct ScopeArgs {
    /// On which gateways: all, region:NAME or host:NAME; at a gateway the most specific override in force decides
    #[arg(long, value_name = "SCOPE", default_value = "all", value_parser = scope)]
    pub(in crate::cli) scope: Scope,
}

/// How long.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(in crate::cli) struct LastingArgs {
    /// How long: 90s, 30m, 2h, 1h30m, 1d, or until-changed (longer than 24h needs break-glass) [default: 30m
    /// for what deviates from the configuration]
    #[arg(long = "for", value_name = "DURATION", value_parser = time::lasting, conflicts_with = "apply")]
    pub(in crate::cli) lasting: Option<Duration>,
}

/// How a change is planned, confirmed and applied.
///
/// On a terminal the plan is shown and the confirmation asked for. Elsewhere nothing is changed without
/// `--apply ID` (a plan that was printed before) or `--confirm NAME`.
#[derive(Debug, Default, ClapArgs)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(in crate::cli) struct ChangeArgs {
    /// Print the plan and keep it for ten minutes; change nothing
    #[arg(long, conflicts_with_all = ["apply", "confirm"])]
    pub(in crate::cli) plan: bool,
    /// Apply this plan, printed before with --plan
    #[arg(long, alias = "yes", value_name = "PLAN")]
    pub(in crate::cli) apply: Option<PlanId>,
    /// The name of the target, as confirmation where nobody can be asked: plan and apply at once
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) confirm: Option<String>,
    /// Why: needed for force, hold, notice off and drain
    #[arg(long, value_parser = reasons())]
    pub(in crate::cli) reason: Option<ReasonCode>,
    /// Why, in words: needed for --break-glass and for the reason `other`
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub(in crate::cli) note: String,
    /// The ticket
    #[arg(long)]
    pub(in crate::cli) ticket: Option<String>,
    /// Override failed checks; needs the whole name and a note, and is marked in the audit
    #[arg(long)]
    pub(in crate::cli) break_glass: bool,
    /// Do not wait for the gateways to confirm
    #[arg(long)]
    pub(in crate::cli) no_wait: bool,
    /// JSON: the plan; after a change `{"audit": {...}, "progress": {...}}`, where progress has `applied`,
    /// `gateways`, `confirmed`, `elapsed_ms` and `each` gateway, or is null with --no-wait
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

fn reasons() -> impl TypedValueParser<Value = ReasonCode> {
    PossibleValuesParser::new(ReasonCode::CHOICES.map(ReasonCode::as_str))
        .try_map(|text| text.parse::<ReasonCode>())
}

/// A scope whose name a terminal can show as it is.
fn scope(text: &str) -> Result<Scope, String> {
    if text.chars().any(hostile) {
        return Err("a name holds characters that cannot be shown".to_owned());
    }
    text.parse()
}
