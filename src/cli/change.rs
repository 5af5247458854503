//! Every command that changes something: plan, confirm, apply, wait for the gateways.
//!
//! The door decides what is allowed; this file only asks, prints and waits.

use std::{fmt, time::Duration};

use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::{
    announce,
    args::ChangeArgs,
    error::CliError,
    exit::Exit,
    output::{self, Paint, Stream},
    plan_text,
    prompt::{Asker, is_yes},
    session::Session,
    time,
};
use crate::{
    clock::Clock,
    control::{Applying, Consent, Control, ControlError, Mode, OnGateway, Progress},
    model::{
        AuditRecord, Change, Command, Mode as WorkloadMode, Plan, Revision, RiskTier, Verb, visible,
    },
};

/// How long the gateways' confirmation is waited for.
const WAIT: Duration = Duration::from_secs(3);

/// How often it is looked for: heartbeats wake nobody.
const LOOK: Duration = Duration::from_millis(20);

/// What the command line asked for, to be compared with a plan made before.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) command: Command,
    pub(super) verb: Verb,
    /// The target, when the command line names one.
    pub(super) target: Option<String>,
}

impl fmt::Display for Asked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.verb)?;
        if let Some(target) = &self.target {
            write!(formatter, " {target}")?;
        }
        match self.command.scope() {
            Some(scope) if !scope.is_all() => write!(formatter, " {}", scope.words()),
            Some(_) | None => Ok(()),
        }
    }
}

/// Carries out one command.
pub(super) async fn run(
    session: &Session,
    asked: Asked,
    args: ChangeArgs,
) -> Result<Exit, CliError> {
    let unconfirmed = args.apply.is_none() && args.confirm.is_none();
    let interactive = unconfirmed && !args.plan && !args.json && session.asker.answers();
    let only_show = unconfirmed && !interactive;
    let plan = match &args.apply {
        Some(id) => {
            let plan = session.control.kept(id.clone()).await?;
            same(&plan, &asked)?;
            plan
        }
        None => {
            session
                .control
                .plan(asked.command.clone(), only_show)
                .await?
        }
    };
    if only_show {
        return show(session, &plan, &args);
    }
    if let Some(refusal) = plan.refusal() {
        let text = plan_text::render(
            &plan,
            &session.catalog.environment.name,
            Paint::of(Stream::Err),
        );
        output::talk(text);
        return Err(ControlError::Refused {
            why: refusal.why.clone(),
        }
        .into());
    }
    let consent = if interactive {
        session.asker.forget().await?;
        let text = plan_text::render(
            &plan,
            &session.catalog.environment.name,
            Paint::of(Stream::Err),
        );
        output::talk(text);
        if session.control.mode() == Mode::Observe {
            return Err(ControlError::Observe.into());
        }
        let taken = taken_over(session, &plan).await?;
        announce::while_open(session, &plan, taken, session.asker.consent(&plan, &args)).await?
    } else {
        Consent {
            // Naming a plan by its id names its target: the plan was printed with it, and the command line
            // repeats it.
            typed: args
                .confirm
                .clone()
                .or(asked.target.filter(|_| args.apply.is_some()))
                .unwrap_or_default(),
            reason: args.reason,
            note: args.note.clone(),
            ticket: args.ticket.clone(),
            break_glass: args.break_glass,
        }
    };
    let record = session.control.apply(&plan, consent).await?;
    let progress = if args.no_wait {
        None
    } else {
        Some(settled(session, record.revision).await?)
    };
    report(session, &record, progress.as_ref(), args.json)
}

/// Asks before anything is typed whether to go first, when somebody else has a plan open for the same target.
/// Answers since when this one does.
async fn taken_over(session: &Session, plan: &Plan) -> Result<Option<jiff::Timestamp>, CliError> {
    let Some(other) = session.control.open_elsewhere(plan.target()).await? else {
        return Ok(None);
    };
    let since = other.plan_since.unwrap_or(other.since);
    let question = format!(
        "{} on {} has plan {} open for {} since {}; take it over? [y/N] ",
        visible(other.actor.name(), 60),
        visible(&other.actor.host, 60),
        other.plan.as_ref().map_or("", |(id, _)| id.0.as_str()),
        plan.target(),
        since.strftime("%H:%M:%SZ"),
    );
    if is_yes(&session.asker.question(&question).await?) {
        Ok(Some(session.clock.now()))
    } else {
        Err(CliError::Declined)
    }
}

/// Asks about a plan on a terminal that a console has lent, and applies it when it is confirmed. Answers why nothing
/// was changed, in words; ctrl-c, and what ends the console, are a no.
pub(super) async fn in_lines(
    control: Control,
    command: Command,
) -> Result<Box<AuditRecord>, String> {
    let interrupted = async || -> std::io::Result<()> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hangup = signal(SignalKind::hangup())?;
        tokio::select! {
            _ = interrupt.recv() => Ok(()),
            _ = terminate.recv() => Ok(()),
            _ = hangup.recv() => Ok(()),
        }
    };
    let done = tokio::select! {
        done = ask(&control, command) => done,
        _ = interrupted() => Err(CliError::Declined),
    };
    done.map(Box::new).map_err(|error| error.to_string())
}

async fn ask(control: &Control, command: Command) -> Result<AuditRecord, CliError> {
    let environment = control.overview().await?.environment;
    let plan = control.plan(command, true).await?;
    let asker = Asker::default();
    asker.forget().await?;
    output::talk(plan_text::render(
        &plan,
        &environment,
        Paint::of(Stream::Err),
    ));
    if let Some(refusal) = plan.refusal() {
        let why = refusal.why.clone();
        return Err(ControlError::Refused { why }.into());
    }
    if control.mode() == Mode::Observe {
        return Err(ControlError::Observe.into());
    }
    let mut args = ChangeArgs::default();
    if plan.tier == RiskTier::BreakGlass {
        let answer = asker.question("a check fails: break glass? [y/N] ").await?;
        args.break_glass = is_yes(&answer);
    }
    let consent = asker.consent(&plan, &args).await?;
    Ok(control.apply(&plan, consent).await?)
}

/// Prints a kept plan; changes nothing.
fn show(session: &Session, plan: &Plan, args: &ChangeArgs) -> Result<Exit, CliError> {
    if args.json {
        output::json(plan)?;
    } else {
        output::line(plan_text::render(
            plan,
            &session.catalog.environment.name,
            Paint::of(Stream::Out),
        ))?;
    }
    if let Some(refusal) = plan.refusal() {
        output::talk(format_args!("refused: {}", refusal.why));
        return Ok(Exit::Refused);
    }
    if session.control.mode() == Mode::Observe {
        output::talk("OBSERVE: the plan is not kept and cannot be applied");
    }
    if args.plan {
        return Ok(Exit::Done);
    }
    output::talk(format_args!(
        "not confirmed; nothing was changed. Repeat the command with --apply {}{}",
        plan.id,
        missing(plan, args)
    ));
    Ok(Exit::Refused)
}

/// The options that applying a plan still wants, beside its id.
fn missing(plan: &Plan, args: &ChangeArgs) -> String {
    let mut options = String::new();
    let named = plan.verb != Verb::Undo;
    match plan.tier {
        RiskTier::Confirm => {}
        RiskTier::Typed => {
            if !named {
                options.push_str(" --confirm NAME");
            }
            if args.reason.is_none() {
                options.push_str(" --reason REASON");
            }
        }
        RiskTier::BreakGlass => {
            if !named {
                options.push_str(" --confirm NAME");
            }
            if !args.break_glass {
                options.push_str(" --break-glass");
            }
            if args.note.is_empty() {
                options.push_str(" --note TEXT");
            }
        }
    }
    options
}

/// A plan is applied only by the command that it was made for.
fn same(plan: &Plan, asked: &Asked) -> Result<(), CliError> {
    let target = asked
        .target
        .as_deref()
        .is_none_or(|target| target == plan.target());
    let undoes = match &asked.command {
        Command::Undo {
            sequence: Some(sequence),
        } => plan.undoes == Some(*sequence),
        Command::Undo { sequence: None }
        | Command::Mode { .. }
        | Command::Notice { .. }
        | Command::Drain { .. }
        | Command::Undrain { .. } => true,
    };
    let scope = (asked.command.scope()).is_none_or(|scope| *scope == plan.key.scope);
    if plan.verb == asked.verb && target && scope && undoes {
        return Ok(());
    }
    Err(CliError::OtherPlan {
        plan: plan.id.to_string(),
        planned: format!("{} {}", plan.verb, plan.key.named()),
        asked: asked.to_string(),
    })
}

/// Waits until every living gateway has applied a revision, but not for ever.
async fn settled(session: &Session, revision: Revision) -> Result<Progress, CliError> {
    let start = Clock::instant();
    loop {
        let progress = session.control.progress(revision).await?;
        if progress.applied == progress.gateways || start.elapsed() >= WAIT {
            return Ok(progress);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Says what was done and how far it has come.
fn report(
    session: &Session,
    record: &AuditRecord,
    progress: Option<&Progress>,
    as_json: bool,
) -> Result<Exit, CliError> {
    let confirmed = progress.is_none_or(Progress::is_everywhere);
    if as_json {
        output::json(&json!({
            "audit": record,
            "progress": progress.map(|progress| json!({
                "applied": progress.applied,
                "gateways": progress.gateways,
                "confirmed": confirmed,
                "elapsed_ms": u64::try_from(progress.elapsed.as_millis()).unwrap_or(u64::MAX),
                "each": progress.each,
            })),
        }))?;
    } else {
        output::line(done(record, session.clock.now()))?;
        if let Some(progress) = progress {
            output::line(reached(progress, confirmed))?;
            for line in each(progress, session.clock.now()) {
                output::line(line)?;
            }
        }
    }
    Ok(if confirmed {
        Exit::Done
    } else {
        Exit::Reserved
    })
}

fn done(record: &AuditRecord, now: jiff::Timestamp) -> String {
    let target = visible(&record.key.named(), 200).into_owned();
    let state = match record.after {
        Some(Change::Mode(WorkloadMode::Force)) => "is forced to its fallback",
        Some(Change::Mode(WorkloadMode::Hold)) => "is held on its primary",
        Some(Change::Mode(WorkloadMode::Auto)) => "is armed",
        Some(Change::Notice(true)) => "gives its notice",
        Some(Change::Notice(false)) => "gives no notice",
        Some(Change::Drain) => "is drained",
        None => "is as configured",
    };
    let until = match (record.after, record.expires) {
        (Some(_), Some(expires)) => format!(" until {}", time::short(expires, now)),
        (Some(_), None) => " until somebody changes it".to_owned(),
        (None, _) => String::new(),
    };
    let glass = if record.break_glass {
        ", break-glass"
    } else {
        ""
    };
    format!(
        "{target} {state}{until} (revision {}, audit {}{glass}); undo with `backstop undo`",
        record.revision, record.sequence
    )
}

fn reached(progress: &Progress, confirmed: bool) -> String {
    let Progress {
        applied,
        gateways,
        elapsed,
        each: _,
    } = progress;
    if *gateways == 0 {
        return "no gateway is alive: it takes effect when one starts".to_owned();
    }
    if confirmed {
        return format!(
            "applied on {applied}/{gateways} gateways in {:.2} s",
            elapsed.as_secs_f64()
        );
    }
    format!(
        "applied on {applied}/{gateways} gateways after {:.1} s; the others have not confirmed: see `backstop gateways`",
        elapsed.as_secs_f64()
    )
}

/// Gateway by gateway, where there are several or one has not got it.
fn each(progress: &Progress, now: jiff::Timestamp) -> Vec<String> {
    let one = |one: &OnGateway| {
        let told = match one.applying {
            Applying::Applied { after_ms: Some(ms) } => format!("applied within {ms} ms"),
            Applying::Applied { after_ms: None } => "applied".to_owned(),
            Applying::Elsewhere => "not meant, keeps what is in force there".to_owned(),
            Applying::Waits | Applying::Apart { .. } | Applying::Silent { .. } => {
                one.applying.missing(now).unwrap_or_default()
            }
        };
        visible(&format!("  {} on {}: {told}", one.gateway, one.host), 400).into_owned()
    };
    if progress.each.len() < 2 && progress.is_everywhere() {
        return Vec::new();
    }
    progress.each.iter().map(one).collect()
}
