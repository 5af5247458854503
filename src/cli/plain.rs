//! The line mode: the console's verbs as lines, answered by lines, for screen readers, plain terminals and scripts.
//!
//! Called by `front` in the place of the console. Nothing moves: what was written stays, no byte steers the
//! terminal, and while somebody types nothing is said. Every verb is the one of the command line, through a door
//! that stays open; so plans, questions and guards are the same.

mod greeting;
mod help;
mod meanwhile;
mod signals;
mod verb;
mod watching;

use std::collections::VecDeque;

use tokio::sync::mpsc::Receiver;
use tokio_util::sync::CancellationToken;

use super::{
    announce::{self, Here},
    args::{Command, Global},
    at_once,
    error::CliError,
    exit::Exit,
    front::Opened,
    lines::Lines,
    output, passing,
    prompt::Asker,
    session::{self, Doors, Session},
};
use crate::{
    control::{Mode, News, Overview},
    model::visible,
};
use meanwhile::Meanwhile;
use signals::{Heard, Signals};
use verb::{Said, Verb};

/// The most lines that `messages` repeats.
const KEPT: usize = 500;

/// Events that are listed unless said otherwise: a page is long to listen to.
const EVENTS: usize = 20;

/// Why there are lines instead of a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Because {
    /// `--plain`.
    Asked,
    /// `ACCESSIBLE`.
    Accessible,
    /// `TERM=dumb`.
    Dumb,
}

impl Because {
    const fn words(self) -> &'static str {
        match self {
            Self::Asked => "--plain",
            Self::Accessible => "ACCESSIBLE is set",
            Self::Dumb => "TERM is dumb",
        }
    }
}

/// Whether lines are wanted, and why.
pub(super) fn because(global: &Global) -> Option<Because> {
    if global.plain {
        return Some(Because::Asked);
    }
    by_environment(&session::variable)
}

fn by_environment(variable: &dyn Fn(&str) -> Option<String>) -> Option<Because> {
    let no = ["", "0", "false", "no"];
    if variable("ACCESSIBLE").is_some_and(|value| !no.contains(&value.as_str())) {
        return Some(Because::Accessible);
    }
    (variable("TERM")? == "dumb").then_some(Because::Dumb)
}

/// The same before anything is parsed, so that even a complaint about the command line has no colour.
pub(super) fn wanted() -> bool {
    std::env::args_os().any(|argument| argument == "--plain")
        || by_environment(&session::variable).is_some()
}

/// What became of something that was waited for.
enum Came<T> {
    Done(T),
    /// ctrl-c.
    Interrupted,
    /// The line mode must end.
    Over(Exit),
}

/// Runs the line mode until it is left.
pub(super) async fn run(
    global: &Global,
    because: Because,
    end: CancellationToken,
    door: impl AsyncFnOnce(Global) -> Result<Opened, CliError>,
) -> Result<Exit, CliError> {
    output::only_lines();
    let mut ears = Ears {
        signals: Signals::new()?,
        end,
        feed: None,
        meanwhile: Meanwhile::default(),
    };
    output::talk(format_args!(
        "backstop {}: lines instead of a screen, because {}",
        env!("CARGO_PKG_VERSION"),
        because.words()
    ));
    let mut global = global.clone();
    let opened = match ears.beside(door(global.clone())).await {
        Came::Done(opened) => opened?,
        Came::Interrupted => return Ok(Exit::Signal(signals::INTERRUPT)),
        Came::Over(exit) => return Ok(exit),
    };
    // What opens a store by itself must not change more than this door.
    global.observe |= opened.control.mode() == Mode::Observe;
    let asker = Asker::of_lines(Lines::open().map_err(CliError::Input)?);
    let here = Here::default();
    let session = Session {
        catalog: opened.catalog.borrow().clone(),
        store: opened.store.clone(),
        control: opened.control.clone(),
        clock: opened.clock.clone(),
        asker: asker.clone(),
        here: Some(here.clone()),
    };
    ears.feed = Some(opened.control.follow(0));
    let told = session.clone();
    let mut mode = LineMode {
        global,
        opened,
        session,
        ears,
        asker,
        messages: VecDeque::new(),
        failed: None,
    };
    let exit = tokio::select! {
        exit = mode.run() => exit,
        never = here.tell(&told) => match never {},
    };
    announce::leave(&told).await;
    exit
}

/// What is heard while something else is waited for.
struct Ears {
    signals: Signals,
    end: CancellationToken,
    feed: Option<Receiver<News>>,
    meanwhile: Meanwhile,
}

impl Ears {
    /// Waits for `work`, and takes in what happens meanwhile without a word.
    async fn beside<T>(&mut self, work: impl Future<Output = T>) -> Came<T> {
        let mut work = std::pin::pin!(work);
        loop {
            let news = async {
                match &mut self.feed {
                    Some(feed) => feed.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                done = &mut work => return Came::Done(done),
                heard = self.signals.next() => return match heard {
                    Heard::Interrupt => Came::Interrupted,
                    Heard::End(number) => Came::Over(Exit::Signal(number)),
                },
                () = self.end.cancelled() => return Came::Over(Exit::Done),
                news = news => match news {
                    Some(news) => self.meanwhile.take(news),
                    None => self.feed = None,
                },
            }
        }
    }
}

struct LineMode {
    global: Global,
    opened: Opened,
    session: Session,
    ears: Ears,
    asker: Asker,
    /// What was said without being asked for.
    messages: VecDeque<String>,
    /// The first line of a script that was not carried out.
    failed: Option<Exit>,
}

/// Whether another line is waited for.
enum Next {
    Line,
    Over(Exit),
}

impl LineMode {
    async fn run(&mut self) -> Result<Exit, CliError> {
        let overview = self.session.control.overview().await?;
        self.ears
            .meanwhile
            .begin(&overview, self.session.control.actor());
        output::talk(greeting::words(&overview, &self.session));
        loop {
            output::ask(format_args!("{} ", self.prompt()));
            let asker = self.asker.clone();
            let line = match self.ears.beside(asker.line()).await {
                Came::Done(line) => line?,
                Came::Interrupted if output::somebody_types() => {
                    output::talk("");
                    self.asker.forget().await?;
                    continue;
                }
                Came::Interrupted => return Ok(Exit::Signal(signals::INTERRUPT)),
                Came::Over(exit) => {
                    output::talk("");
                    return Ok(exit);
                }
            };
            let Some(line) = line else {
                output::talk("");
                return Ok(self.ended());
            };
            self.asker.echo(line.trim());
            self.session.catalog = self.opened.catalog.borrow().clone();
            match self.carry_out(line.trim()).await {
                Ok(Next::Line) => {}
                Ok(Next::Over(exit)) => return Ok(exit),
                Err(error) => {
                    // Whoever listened has gone.
                    let Some(message) = error.message() else {
                        return Err(error);
                    };
                    output::talk(message);
                    self.note(error.exit());
                }
            }
            self.catch_up().await;
        }
    }

    /// Where one is, and whether anything can be changed here.
    fn prompt(&self) -> String {
        let environment = visible(&self.session.catalog.environment.name, 60).into_owned();
        match self.session.control.mode() {
            Mode::Write => format!("backstop {environment}>"),
            Mode::Observe => format!("backstop {environment} (observe)>"),
        }
    }

    /// A script must not end well when one of its lines did not; a person has read it.
    fn ended(&self) -> Exit {
        self.failed
            .filter(|_| !output::somebody_types())
            .unwrap_or(Exit::Done)
    }

    fn note(&mut self, exit: Exit) {
        if exit != Exit::Done {
            self.failed.get_or_insert(exit);
        }
    }

    /// Says what happened since the last time.
    async fn catch_up(&mut self) {
        match self.session.control.overview().await {
            Ok(overview) => self.say(&overview),
            Err(error) => output::talk(format_args!("! {error}")),
        }
    }

    fn say(&mut self, overview: &Overview) {
        let control = &self.session.control;
        for line in self.ears.meanwhile.tell(overview, control) {
            if self.messages.len() == KEPT {
                self.messages.pop_front();
            }
            output::talk(&line);
            self.messages.push_back(line);
        }
    }

    async fn carry_out(&mut self, line: &str) -> Result<Next, CliError> {
        let verb = match verb::read(line, &self.session.catalog) {
            Said::Nothing => return Ok(Next::Line),
            Said::Wrong(text) => return Err(CliError::Said(text)),
            Said::Help(text) => {
                output::line(text.trim_end())?;
                return Ok(Next::Line);
            }
            Said::Verb(verb) => verb,
        };
        match *verb {
            Verb::Workloads { json } => {
                self.command(Command::Status {
                    workload: None,
                    json,
                })
                .await
            }
            Verb::Show { workload, json } => {
                if let Some(here) = &self.session.here {
                    here.look_at(Some(workload.clone()));
                }
                let workload = Some(workload);
                self.command(Command::Status { workload, json }).await
            }
            Verb::Watch => self.watch().await,
            Verb::Claim { workload } => self.claim(workload),
            Verb::Messages => {
                if self.messages.is_empty() {
                    output::talk("nothing happened since you are here");
                }
                for line in &self.messages {
                    output::line(line)?;
                }
                Ok(Next::Line)
            }
            Verb::Help { verb } => {
                output::line(help::words(&verb).map_err(CliError::Said)?)?;
                Ok(Next::Line)
            }
            Verb::Quit => Ok(Next::Over(self.ended())),
            Verb::Command(command) => self.command(command).await,
        }
    }

    /// A command as on the command line, through the open door.
    async fn command(&mut self, mut command: Command) -> Result<Next, CliError> {
        let mut follows = false;
        if let Command::Events(args) = &mut command {
            follows = args.follow;
            if args.since.is_none() {
                args.limit = args.limit.or(Some(EVENTS));
            }
        }
        if follows {
            output::talk("new events as they come; Enter ends it");
        }
        let command = match at_once(&self.global, command) {
            std::ops::ControlFlow::Break(exit) => {
                self.note(exit?);
                return Ok(Next::Line);
            }
            std::ops::ControlFlow::Continue(command) => command,
        };
        let doors = Doors {
            global: self.global.clone(),
            held: Some(self.session.clone()),
        };
        let asker = self.asker.clone();
        let work = async {
            // Large, and only one at a time.
            let mut work = Box::pin(passing(&doors, command));
            if !follows {
                return work.await;
            }
            tokio::select! {
                exit = &mut work => exit,
                line = asker.line() => line.map(|_| Exit::Done),
            }
        };
        match self.ears.beside(work).await {
            Came::Done(exit) => {
                self.note(exit?);
                Ok(Next::Line)
            }
            Came::Interrupted if output::somebody_types() => {
                output::talk("");
                if !follows {
                    output::talk("broken off; `audit` says what was changed, if anything was");
                }
                Ok(Next::Line)
            }
            Came::Interrupted => Ok(Next::Over(Exit::Signal(signals::INTERRUPT))),
            Came::Over(exit) => {
                output::talk("");
                Ok(Next::Over(exit))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Because, by_environment};

    #[test]
    fn the_environment_chooses_lines() {
        let of = |pairs: &[(&str, &str)]| {
            by_environment(&|name| {
                let found = pairs.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        for (case, pairs, expected) in [
            ("a screen", &[("TERM", "xterm")][..], None),
            ("nothing is known", &[], None),
            (
                "wanted",
                &[("ACCESSIBLE", "1"), ("TERM", "xterm")],
                Some(Because::Accessible),
            ),
            (
                "not wanted",
                &[("ACCESSIBLE", "0"), ("TERM", "xterm")],
                None,
            ),
            ("empty is not set", &[("ACCESSIBLE", "")], None),
            ("a dumb terminal", &[("TERM", "dumb")], Some(Because::Dumb)),
        ] {
            assert_eq!(of(pairs), expected, "{case}");
        }
    }
}
