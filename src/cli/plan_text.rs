//! A plan for people: now and after, what changes, the checks, and what it takes.

use super::{
    output::{Paint, Tone},
    time,
};
use crate::{
    control::{NOTE_LETTERS, TYPED_LETTERS},
    model::{CheckVerdict, Plan, RiskTier, visible},
};

/// Longest line of outside text.
const LINE: usize = 300;

/// Draws the plan.
pub(super) fn render(plan: &Plan, environment: &str, paint: Paint) -> String {
    let shown = |text: &str| visible(text, LINE).into_owned();
    let mut lines = vec![
        format!(
            "{}  {} {}  {}  revision {}",
            paint.paint(Tone::Strong, &format!("PLAN {}", plan.id)),
            plan.verb,
            shown(&plan.key.named()),
            shown(environment),
            plan.revision
        ),
        format!("NOW    {}", shown(&plan.now_line)),
        format!("AFTER  {}", shown(&plan.after_line)),
        "what changes".to_owned(),
    ];
    lines.extend(
        plan.effects
            .iter()
            .map(|effect| format!("  - {}", shown(effect))),
    );
    lines.push("checks".to_owned());
    let width = plan
        .checks
        .iter()
        .map(|check| check.name.len())
        .max()
        .unwrap_or(0);
    for check in &plan.checks {
        let (mark, tone) = match check.verdict {
            CheckVerdict::Pass => ("+ ok    ", Tone::Good),
            CheckVerdict::Warn => ("! warn  ", Tone::Attention),
            CheckVerdict::Fail => ("x FAIL  ", Tone::Bad),
            CheckVerdict::Refuse => ("x REFUSE", Tone::Bad),
        };
        lines.push(format!(
            "  {} {:width$}  {}",
            paint.paint(tone, mark),
            check.name,
            shown(&check.why)
        ));
    }
    lines.push(format!("needs  {}", needs(plan)));
    lines.push(if plan.refusal().is_some() {
        "Nothing has changed.".to_owned()
    } else {
        format!(
            "Nothing has changed yet. The plan can be applied until {}.",
            time::short(plan.valid_until, plan.made)
        )
    });
    lines.join("\n")
}

/// What the tier demands, in words.
fn needs(plan: &Plan) -> String {
    if plan.refusal().is_some() {
        return "cannot be done from here: a check refuses it".to_owned();
    }
    match plan.tier {
        RiskTier::Confirm => "a yes".to_owned(),
        RiskTier::Typed => format!(
            "a reason, and {TYPED_LETTERS} or more leading letters of `{}`",
            plan.target()
        ),
        RiskTier::BreakGlass => format!(
            "--break-glass, a note of {NOTE_LETTERS} letters or more, and the whole name `{}`",
            plan.target()
        ),
    }
}
