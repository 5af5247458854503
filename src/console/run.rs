//! The one loop that joins keys, news, results, signals and the clock to state and screen.
//!
//! It waits for the first of them, takes in everything else that is ready, and then draws once, if something
//! visible has changed and the terminal has taken the frame before. Keys draw at once, data at most ten times
//! a second and no quicker than the terminal takes it, and nothing is written when nothing changed.

mod aside;
mod finish;
mod frame;
mod lend;
mod pace;
mod wait;

use std::{io, path::PathBuf, sync::Arc};

use crossterm::{
    Command as _,
    clipboard::CopyToClipboard,
    event::{Event, MouseButton, MouseEventKind},
};
use jiff::{
    Timestamp,
    tz::{Offset, TimeZone},
};
use tokio::{
    sync::{mpsc::Receiver, oneshot, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{
    Appearance, ConsoleError, InLines, Opening, Options, Variables,
    app::{App, BACKLOG, Setup},
    canvas::Canvas,
    effect::Effect,
    execute::{Arrival, Executor},
    feed,
    input::{self, Input},
    jobs::Jobs,
    keymap::Keymap,
    keymap_file,
    look::Look,
    msg::Msg,
    pointer::Pointer,
    reload,
    signals::{Heard, Signals},
    state::{
        clipboard::{self, Between},
        link::Speed,
        themes::Themes,
        tour::Tour,
    },
    terminal::{self, Screen},
    theme_file,
    update::update,
};
use crate::{
    clock::Clock,
    control::{Control, Mode, News},
    model,
};
use aside::Aside;
use lend::Lend;
use pace::Pace;
use wait::{End, Failure, Wake};

/// Messages taken in before a frame, so that a flood cannot keep the screen from being drawn.
const ROUND: usize = 256;

/// The terminal as the loop sees it; a test has its own.
struct Tty {
    screen: Screen,
    /// Starts to read keys.
    input: Box<dyn Fn() -> io::Result<Input> + Send>,
    size: fn() -> (u16, u16),
    jobs: Jobs,
}

/// Everything the loop owns.
struct Console {
    app: Box<App>,
    look: Look,
    tty: Tty,
    input: Option<Input>,
    canvas: Canvas,
    signals: Signals,
    end: CancellationToken,
    panicked: CancellationToken,
    executor: Executor,
    arrivals: Receiver<Arrival>,
    door: Option<oneshot::Receiver<Result<Control, Failure>>>,
    feed: Option<Receiver<News>>,
    clock: Clock,
    variables: Variables,
    /// Where sessions are kept.
    sessions: Option<PathBuf>,
    /// The last one is not taken up.
    fresh: bool,
    /// The next frame does not wait.
    urgent: bool,
    /// How quickly frames follow each other.
    pace: Pace,
    /// The theme to wear.
    wanted: watch::Sender<String>,
    /// Asked for by an effect or a signal, done when the round is over.
    suspend: Option<Aside>,
    /// The operator's own editor wants a text and the terminal.
    lend: Option<Lend>,
    in_lines: InLines,
    /// A plan for which the screen has no room is to be asked about.
    asked: Option<model::Command>,
    quit: bool,
    /// To be printed once the terminal is given back.
    farewell: Option<String>,
}

/// Runs the console until it ends.
pub(super) async fn run(mut options: Options) -> Result<Option<String>, ConsoleError> {
    if !terminal::is_terminal() {
        return Err(ConsoleError::NoTerminal);
    }
    let (keymap, refused) = match options.keys.as_deref().map(keymap_file::read) {
        Some(Ok(keymap)) => (keymap, Vec::new()),
        // At 3 a.m. a mistake in a file of keys locks nobody out: what it is stays on screen until it is read.
        Some(Err(report)) => {
            let found = report.diagnostics.iter();
            (Keymap::default(), found.map(ToString::to_string).collect())
        }
        None => (Keymap::default(), Vec::new()),
    };
    let (look, complaint) = Look::new(&options)?;
    let tty = Tty {
        screen: Screen::take()?,
        input: Box::new(input::open),
        size: terminal::size,
        jobs: Jobs::REAL,
    };
    let door = std::mem::replace(&mut options.door, Box::pin(std::future::pending()));
    let mut console = Console::new(&options, keymap, look, tty)?;
    if !refused.is_empty() {
        console.take_in(Msg::KeysRefused(refused));
    }
    if let Some(complaint) = complaint {
        console.take_in(Msg::Themed(Err(complaint)));
    }
    if options
        .appearance
        .mouse
        .wanted(&|name| (options.variables)(name))
    {
        console.app.mouse = true;
        console.tty.screen.mouse(true);
    }
    let end = console.start(door, options.appearance).await;
    console.finish(end).await
}

impl Console {
    fn new(options: &Options, keymap: Keymap, look: Look, tty: Tty) -> Result<Self, ConsoleError> {
        let size = (tty.size)();
        let opened = options.clock.now();
        let (executor, arrivals) = Executor::new(options.clock.clone(), options.saves.clone());
        let setup = Setup {
            session: format!(
                "{}-{}-{}",
                options.actor.host,
                std::process::id(),
                opened.as_millisecond()
            ),
            process: std::process::id(),
            actor: options.actor.clone(),
            // Until the door is open there is nothing that could be changed.
            mode: Mode::Observe,
            opened,
            keymap,
            size,
            seed: fastrand::u64(..),
        };
        let appearance = &options.appearance;
        let mut app = App::new(setup);
        if appearance.slow {
            app.link.set(Speed::Spared);
        }
        app.tour = options.tour.then(Tour::default);
        app.themes = Themes::new(
            &appearance.theme,
            theme_file::names(&appearance.directories),
        );
        app.sessions.theme_given = options.sessions.theme_given;
        app.bell.enabled = appearance.bell;
        app.between = Between::of(&|name| (options.variables)(name));
        Ok(Self {
            wanted: watch::Sender::new(appearance.theme.clone()),
            app: Box::new(app),
            look,
            input: None,
            canvas: Canvas::new(size.0, size.1),
            signals: Signals::new()?,
            end: options.end.clone(),
            panicked: tty.screen.panicked(),
            tty,
            executor,
            arrivals,
            door: None,
            feed: None,
            clock: options.clock.clone(),
            variables: Arc::clone(&options.variables),
            sessions: options.sessions.directory.clone(),
            fresh: options.sessions.fresh,
            urgent: true,
            pace: Pace::new(appearance.slow, Instant::now()),
            suspend: None,
            lend: None,
            in_lines: Arc::clone(&options.in_lines),
            asked: None,
            quit: false,
            farewell: None,
        })
    }

    /// Draws the skeleton before anything is read from anywhere, and then goes on until the end.
    async fn start(&mut self, door: Opening, appearance: Appearance) -> End {
        // Heard from now on, so that no size is missed between the first look and the first frame.
        let drawn = self.listen().and_then(|()| {
            let (columns, rows) = (self.tty.size)();
            self.resized(columns, rows);
            self.draw()
        });
        if let Err(error) = drawn {
            return End::Lost(error);
        }
        self.app.zone = zone(self.clock.now());
        // The skeleton holds no data: the first that comes need not wait for it.
        self.pace.at_once(Instant::now());
        let (opened, door_opened) = oneshot::channel();
        self.door = Some(door_opened);
        self.executor.spawn(async move {
            // Nobody waits any more when the console has ended.
            let _ = opened.send(door.await);
        });
        let following = reload::follow(
            appearance.directories,
            self.wanted.subscribe(),
            self.look.read.clone(),
        );
        self.executor.spawn(following.run(self.executor.arrivals()));
        self.turn().await
    }

    async fn turn(&mut self) -> End {
        loop {
            let wake = self.wait().await;
            let mut end = self.wake(wake);
            for _ in 0..ROUND {
                if end.is_some() {
                    break;
                }
                match self.ready().await {
                    Some(wake) => end = self.wake(wake),
                    None => break,
                }
            }
            if let Some(end) = end {
                return end;
            }
            if self.quit {
                return End::Wanted;
            }
            if let Some(by) = self.suspend.take()
                && let Err(error) = self.stand_aside(by).await
            {
                return End::Lost(error);
            }
            if let Err(error) = self.lend_what_is_wanted().await {
                return End::Lost(error);
            }
            if self.is_due()
                && let Err(error) = self.draw()
            {
                return End::Lost(error);
            }
        }
    }

    /// Takes in what happened; answers the end when it is one.
    fn wake(&mut self, wake: Wake) -> Option<End> {
        match wake {
            Wake::End(end) => return Some(end),
            Wake::Heard(Heard::End(number)) => return Some(End::Signal(number)),
            Wake::Heard(Heard::Stop) => self.suspend = Some(Aside::Signal),
            Wake::Heard(Heard::Continued) => {
                if let Err(error) = self.come_back() {
                    return Some(End::Lost(error));
                }
            }
            Wake::Event(Some(Ok(event))) => self.event(event),
            Wake::Event(Some(Err(error))) | Wake::Written(Err(error)) => {
                return Some(End::Lost(error));
            }
            Wake::Event(None) => return Some(End::Lost(io::ErrorKind::UnexpectedEof.into())),
            Wake::Written(Ok(())) => {
                self.pace.taken(Instant::now());
                self.feel();
            }
            Wake::Draw => {}
            Wake::GoOn => self.take_in(Msg::GoOn),
            Wake::Arrived(Arrival::Msg(message)) => {
                // What streams in is drawn as other data is.
                self.urgent |= !matches!(
                    message,
                    Msg::Tick | Msg::Probe { .. } | Msg::Compare { .. } | Msg::Weighed(_)
                );
                self.take_in(message);
            }
            Wake::Arrived(Arrival::Theme(loaded)) => {
                self.look.wear(&loaded.sheet);
                self.urgent = true;
                self.take_in(Msg::Redraw);
            }
            Wake::Opened(Ok(control)) => {
                self.app.setup.mode = control.mode();
                if let Some(directory) = self.sessions.clone().filter(|_| !self.fresh) {
                    let environment = control.catalog().environment.name.clone();
                    self.executor.read_session(directory, environment);
                }
                self.feed = Some(control.follow(BACKLOG));
                self.executor.open(control);
            }
            Wake::Opened(Err(error)) => return Some(End::Door(error)),
            Wake::News(first) => {
                let gathered = match &mut self.feed {
                    Some(feed) => feed::gather(first, feed),
                    None => vec![first],
                };
                for news in gathered {
                    self.take_in(Msg::News(news));
                }
            }
            Wake::Second => {
                if self.tty.screen.is_lost() {
                    return Some(End::Lost(io::ErrorKind::NotConnected.into()));
                }
                self.take_in(Msg::Tick);
            }
        }
        None
    }

    /// Keys, pastes and sizes.
    fn event(&mut self, event: Event) {
        let message = match event {
            Event::Key(key) if key.is_press() => Msg::Key(key),
            Event::Paste(text) => Msg::Paste(text),
            Event::Resize(columns, rows) => return self.resized(columns, rows),
            Event::Mouse(mouse) => {
                let pointer = match mouse.kind {
                    MouseEventKind::Down(MouseButton::Left) => Pointer::Press,
                    MouseEventKind::ScrollUp => Pointer::WheelUp,
                    MouseEventKind::ScrollDown => Pointer::WheelDown,
                    _ => return,
                };
                Msg::Pointer(pointer, (mouse.column, mouse.row))
            }
            Event::Key(_) | Event::FocusGained | Event::FocusLost => return,
        };
        self.urgent = true;
        self.take_in(message);
    }

    /// The only way into the state.
    fn take_in(&mut self, message: Msg) {
        let now = self.clock.now();
        let clean = !self.app.dirty;
        let effects = update(&mut self.app, message, now);
        if clean && self.app.dirty {
            self.pace.changed(Instant::now());
        }
        for effect in effects {
            self.carry_out(effect);
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Plan { request, command } => self.executor.plan(request, command),
            Effect::InLines(command) => self.asked = Some(command),
            Effect::Apply { plan, consent } => self.executor.apply(plan, consent),
            Effect::Probe { request, questions } => self.executor.probe(request, questions),
            Effect::Drill {
                request,
                names,
                class,
            } => self.executor.drill(request, names, class),
            Effect::StopProbe => self.executor.stop_probe(),
            Effect::Compare { request, asking } => self.executor.compare(request, asking),
            Effect::StopCompare(request) => self.executor.stop_compare(request),
            Effect::Weigh(weighing) => self.executor.weigh(weighing),
            Effect::Score(workload, samples) => self.executor.score(workload, samples),
            Effect::Record { request, review } => self.executor.record(request, review),
            Effect::ReadAsked(workload) => self.executor.read_asked(workload),
            Effect::ReadPayload(workload, sample) => self.executor.read_payload(workload, sample),
            Effect::EditPayload(workload, sample, text) => {
                self.lend = Some(Lend {
                    workload,
                    sample,
                    text,
                });
            }
            Effect::ReadReview(id) => self.executor.read_review(id),
            Effect::History(routes) => self.executor.history(routes),
            Effect::Traffic(workload, since) => self.executor.traffic(workload, since),
            Effect::Watch(revision) => self.executor.watch(revision),
            Effect::Present(presence) => self.executor.present(*presence),
            Effect::Copy(text) => {
                if text.len() <= clipboard::LONGEST {
                    let mut sequence = String::new();
                    // Writing to a string cannot fail.
                    let _ = CopyToClipboard::to_clipboard_from(&text).write_ansi(&mut sequence);
                    self.tty.screen.aside(sequence.into_bytes());
                }
                self.executor.copy(text);
            }
            Effect::Save {
                name,
                text,
                extension,
                json,
            } => self.executor.save(name, (extension, text), json),
            Effect::Wake(delay) => self.executor.wake(delay),
            Effect::Wear(name) => drop(self.wanted.send(name)),
            Effect::Bell => self.tty.screen.bell(),
            Effect::Mouse(on) => self.tty.screen.mouse(on),
            Effect::Repaint => self.repaint(),
            Effect::Suspend => self.suspend = Some(Aside::Key),
            Effect::Farewell(text) => self.farewell = Some(text),
            Effect::Quit => self.quit = true,
        }
    }
}

/// The zone of this host, unless that is UTC.
fn zone(now: Timestamp) -> Option<TimeZone> {
    let zone = TimeZone::try_system().ok()?;
    (zone.to_offset(now) != Offset::UTC).then_some(zone)
}

#[cfg(test)]
mod tests;
