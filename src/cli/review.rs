//! `review`: what people said of fallbacks, for scripts and for people without the console.
//!
//! It reads through the door and records through it; what a review means is decided elsewhere.

mod gate;
mod judge;
mod text;

use std::{
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use tokio::task::spawn_blocking;

use super::{
    args::{ReviewCommand, ReviewImportArgs},
    error::CliError,
    exit::Exit,
    output::{self, Paint, Stream},
    session::{Doors, Session},
};
use crate::{
    control::{Sheet, Verdicts},
    model::{Review, ReviewHead, ReviewId, WorkloadName},
    store::ReviewQuery,
};

/// Does one of them.
pub(super) async fn run(doors: &Doors, command: ReviewCommand) -> Result<Exit, CliError> {
    let reading = async || doors.reading().await;
    match command {
        ReviewCommand::List {
            workload,
            limit,
            json,
        } => list(&reading().await?, workload, limit, json).await,
        ReviewCommand::Queue { all, json } => gate::queue(&reading().await?, all, json).await,
        ReviewCommand::Check { workloads, json } => {
            gate::check(&reading().await?, &workloads, json).await
        }
        ReviewCommand::Show {
            review,
            answers,
            json,
            markdown,
        } => {
            let review = find(&reading().await?, &review).await?;
            if json {
                output::json(&Sheet::of_review(review))?;
            } else if markdown {
                output::document(&Sheet::of_review(review).markdown())?;
            } else {
                let paint = Paint::of(Stream::Out);
                output::line(text::review(&review, answers, paint))?;
            }
            Ok(Exit::Done)
        }
        ReviewCommand::Export {
            review,
            markdown,
            csv,
        } => {
            let sheet = Sheet::of_review(find(&reading().await?, &review).await?);
            if markdown {
                output::document(&sheet.markdown())?;
            } else if csv {
                output::document(&sheet.csv())?;
            } else {
                output::json(&sheet)?;
            }
            Ok(Exit::Done)
        }
        ReviewCommand::Form { comparison } => {
            let mut sheet = Sheet::read(&read(comparison).await?)?;
            for sample in &mut sheet.samples {
                sample.judgement = None;
                sample.note = String::new();
            }
            output::document(&sheet.csv())?;
            Ok(Exit::Done)
        }
        ReviewCommand::Judge(args) => judge::run(doors, args).await,
        ReviewCommand::Import(args) => import(doors, args).await,
    }
}

async fn list(
    session: &Session,
    workload: Option<WorkloadName>,
    limit: usize,
    json: bool,
) -> Result<Exit, CliError> {
    if let Some(workload) = &workload {
        session.control.workload_known(workload)?;
    }
    let heads = session
        .control
        .reviews(ReviewQuery {
            workload,
            limit,
            ..ReviewQuery::default()
        })
        .await?;
    if json {
        for head in &heads {
            output::json(head)?;
        }
    } else if heads.is_empty() {
        output::talk("nothing was reviewed yet");
    } else {
        output::line(text::list(&heads, Paint::of(Stream::Out)))?;
    }
    Ok(Exit::Done)
}

/// A review by its id, or the newest of a workload.
async fn find(session: &Session, name: &str) -> Result<Review, CliError> {
    let mut id = ReviewId(name.to_ascii_uppercase());
    if session.catalog.workloads.contains_key(name) {
        let query = ReviewQuery {
            workload: Some(name.into()),
            limit: 1,
            ..ReviewQuery::default()
        };
        let newest: Option<ReviewHead> = session.control.reviews(query).await?.pop();
        let Some(newest) = newest else {
            return Err(CliError::Negative(format!("{name} was never reviewed")));
        };
        id = newest.id;
    }
    Ok(session.control.review(id).await?)
}

async fn import(doors: &Doors, args: ReviewImportArgs) -> Result<Exit, CliError> {
    let session = doors.writing().await?;
    let file = read(args.file).await?;
    let (sheet, verdicts) = match (args.comparison, args.review) {
        (Some(comparison), _) => (
            Sheet::read(&read(comparison).await?)?,
            Verdicts::read(&file)?,
        ),
        (None, Some(review)) => {
            let review = find(&session, &review).await?;
            (Sheet::of_review(review), Verdicts::read(&file)?)
        }
        (None, None) if Sheet::is_one(&file) => {
            let sheet = Sheet::read(&file)?;
            let verdicts = sheet.verdicts();
            (sheet, verdicts)
        }
        (None, None) => {
            return Err(CliError::Usage(
                "say which answers the verdicts are about: --comparison PATH or --review ID"
                    .to_owned(),
            ));
        }
    };
    let head = session
        .control
        .record_review(sheet.judged(&verdicts, args.note)?)
        .await?;
    if args.json {
        output::json(&head)?;
    } else {
        output::line(text::recorded(&head))?;
    }
    Ok(Exit::Done)
}

/// Reads a file, or standard input for `-`; not in the way of a signal, and not more than a sheet may be.
async fn read(path: PathBuf) -> Result<Vec<u8>, CliError> {
    let name = path.display().to_string();
    let text = spawn_blocking(move || bytes(&path))
        .await
        .map_err(io::Error::other)?;
    text.map_err(|error| CliError::Usage(format!("cannot read {name}: {error}")))
}

fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let source: Box<dyn io::Read> = if path.as_os_str() == "-" {
        Box::new(io::stdin().lock())
    } else {
        Box::new(std::fs::File::open(path)?)
    };
    let mut text = Vec::new();
    source.take(Sheet::LIMIT + 1).read_to_end(&mut text)?;
    if text.len() as u64 > Sheet::LIMIT {
        return Err(io::Error::other("it is larger than a comparison can be"));
    }
    Ok(text)
}
