//! `store init|status|migrate`: the streams of a cluster made, the cluster looked at, a store of one host taken over.

mod text;

use std::iter;

use serde_json::json;

use super::{
    args::{Global, StoreCommand, StoreInitArgs, StoreMigrateArgs, StoreStatusArgs},
    doctor,
    error::CliError,
    exit::Exit,
    output::{self, Paint, Stream},
    prompt::Asker,
    session,
};
use crate::{
    clock::Clock,
    config::Keys,
    model::Soundness,
    store::{Act, Cluster, ClusterWish, Migration, Step, Survey},
};

/// Runs one of them.
pub(super) async fn run(global: &Global, command: StoreCommand) -> Result<Exit, CliError> {
    match command {
        StoreCommand::Init(args) => init(global, args).await,
        StoreCommand::Status(args) => status(global, &args).await,
        StoreCommand::Migrate(args) => migrate(global, args).await,
    }
}

async fn cluster(global: &Global, replicas: Option<u8>) -> Result<Cluster, CliError> {
    let catalog = session::catalog_with(global, Keys::IfThere)?;
    let wish = ClusterWish {
        replicas: replicas.map(usize::from),
        events: catalog.retention.events,
    };
    Ok(Cluster::open(&catalog.store, wish).await?)
}

async fn status(global: &Global, args: &StoreStatusArgs) -> Result<Exit, CliError> {
    let survey = cluster(global, None).await?.survey(&args.monitoring).await;
    if args.json {
        output::json(&survey)?;
    } else {
        let paint = Paint::of(Stream::Out);
        let now = Clock::system().now();
        output::line(text::servers(&survey).render(paint))?;
        if !survey.streams.is_empty() {
            output::line("")?;
            output::line(text::streams(&survey, now).render(paint))?;
        }
        output::line("")?;
        for check in &survey.checks {
            doctor::print(check, paint)?;
        }
        output::talk(doctor::summary(&survey.checks));
    }
    Ok(exit(&survey))
}

async fn init(global: &Global, args: StoreInitArgs) -> Result<Exit, CliError> {
    let cluster = cluster(global, args.replicas).await?;
    let steps = cluster.steps().await?;
    let paint = Paint::of(Stream::Out);
    if args.plan {
        if args.look.json {
            output::json(&json!({ "steps": steps }))?;
        } else {
            for step in &steps {
                text::planned(step, paint)?;
            }
        }
        let work = steps.iter().any(Step::does_something);
        return Ok(if work { Exit::Reserved } else { Exit::Done });
    }
    let differing: Vec<&Step> = steps.iter().filter(|step| step.changes()).collect();
    if !differing.is_empty() && !args.change {
        for step in &differing {
            text::differs(step);
        }
        let asker = Asker::default();
        if !asker.answers() {
            output::talk("nothing was changed; say --change to put right what is there");
            return Ok(Exit::Refused);
        }
        if !asker.agrees("put it right? [y/N] ").await? {
            return Err(CliError::Declined);
        }
    }
    for step in &steps {
        if step.does_something() {
            cluster.take(step).await?;
        }
        if !args.look.json {
            text::done(step, paint)?;
        }
    }
    if steps.iter().any(Step::does_something) {
        cluster.settle().await;
    }
    let survey = cluster.survey(&args.look.monitoring).await;
    if args.look.json {
        output::json(&json!({ "steps": steps, "survey": survey }))?;
    } else {
        for check in &survey.checks {
            if check.soundness > Soundness::Good {
                doctor::print(check, paint)?;
            }
        }
        output::talk(doctor::summary(&survey.checks));
    }
    Ok(exit(&survey))
}

async fn migrate(global: &Global, args: StoreMigrateArgs) -> Result<Exit, CliError> {
    let catalog = session::catalog_with(global, Keys::IfThere)?;
    let mut to = catalog.store.clone();
    if let Some(url) = args.to {
        to.url = url;
    }
    let migration = Migration::open(&args.from, &to, Clock::system()).await?;
    let done = if args.dry_run {
        migration.look().await
    } else {
        migration.run().await
    };
    // Whatever came of it, and the more important word first.
    let closed = migration.close().await;
    let done = done?;
    closed?;
    if args.json {
        output::json(&done)?;
    } else {
        output::line(text::migrated(&done, args.dry_run))?;
        if !args.dry_run {
            output::talk(
                "both were compared and are the same; start the gateways with the cluster as their store",
            );
        }
    }
    Ok(Exit::Done)
}

fn exit(survey: &Survey) -> Exit {
    let all = survey.checks.iter().map(|check| check.soundness);
    match all.chain(iter::once(Soundness::Good)).max() {
        Some(Soundness::Bad) => Exit::Unavailable,
        Some(Soundness::Warning) => Exit::Reserved,
        Some(Soundness::Note | Soundness::Good) | None => Exit::Done,
    }
}

/// What a step does, as a verb and what it is about.
fn verb(step: &Step) -> (&'static str, String) {
    match &step.act {
        Act::Keep => ("is as it should be", String::new()),
        Act::Make { replicas: 1 } => ("made", "on 1 server".to_owned()),
        Act::Make { replicas } => ("made", format!("on {replicas} servers")),
        Act::Change { differences } => {
            let all: Vec<String> = differences.iter().map(text::difference).collect();
            ("changed", all.join(", "))
        }
    }
}
