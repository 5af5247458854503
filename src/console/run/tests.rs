//! The loop with a terminal in memory: keys from a channel, a screen that is read back.

use std::{
    io::{self, Write},
    num::NonZeroU16,
    path::Path,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use futures_util::stream;
use jiff::Timestamp;
use tokio::{
    sync::{Notify, mpsc},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{Console, End, Input, Jobs, Tty, terminal::Screen};
use crate::{
    clock::Clock,
    config,
    console::{
        Appearance, ConsoleError, Depth, Opening, Options, Sessions, keymap::Keymap, look::Look,
        msg::Msg,
    },
    control::{Control, Mode},
    model::Actor,
    store::{Access, Store},
};

/// Long enough for a busy machine; nothing waits for it to pass.
const DEADLINE: Duration = Duration::from_secs(20);

/// A terminal in memory.
#[derive(Clone)]
struct Shown(Arc<Inner>);

struct Inner {
    parser: Mutex<vt100::Parser>,
    bytes: Mutex<Vec<u8>>,
    more: Notify,
    /// The terminal does not read.
    stalled: Mutex<bool>,
    reads_again: Condvar,
    lost: Mutex<bool>,
}

impl Shown {
    fn new() -> Self {
        let size = |number| NonZeroU16::new(number).unwrap();
        Self(Arc::new(Inner {
            parser: Mutex::new(vt100::Parser::new(size(24), size(80), 0)),
            bytes: Mutex::default(),
            more: Notify::new(),
            stalled: Mutex::default(),
            reads_again: Condvar::new(),
            lost: Mutex::default(),
        }))
    }

    fn stall(&self, stalled: bool) {
        *self.0.stalled.lock().unwrap() = stalled;
        self.0.reads_again.notify_all();
    }

    fn text(&self) -> String {
        self.0.parser.lock().unwrap().screen().contents()
    }

    fn bytes(&self) -> String {
        String::from_utf8_lossy(&self.0.bytes.lock().unwrap()).replace('\x1b', "^")
    }

    async fn wait(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let waiting = async {
            while !holds(self) {
                self.0.more.notified().await;
            }
        };
        let held = timeout(DEADLINE, waiting).await.is_ok();
        assert!(held, "no {what}; the screen is\n{}", self.text());
    }

    async fn wait_for(&self, text: &str) {
        self.wait(text, |shown| shown.text().contains(text)).await;
    }
}

impl Write for Shown {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let stalled = self.0.stalled.lock().unwrap();
        let stalled = self.0.reads_again.wait_while(stalled, |stalled| *stalled);
        drop(stalled.unwrap());
        if *self.0.lost.lock().unwrap() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.0.parser.lock().unwrap().process(bytes);
        self.0.bytes.lock().unwrap().extend_from_slice(bytes);
        self.0.more.notify_one();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn options(door: Opening, home: &Path) -> Options {
    Options {
        door,
        actor: Actor {
            user: "mira".to_owned(),
            declared: None,
            host: "ops1".to_owned(),
            from: None,
            via: "console".to_owned(),
        },
        clock: Clock::manual("2026-11-21T14:33:05Z".parse::<Timestamp>().unwrap()),
        appearance: Appearance {
            directories: vec![home.to_owned()],
            depth: Some(Depth::Ansi),
            glyphs: crate::console::Glyphs::Ascii,
            ..Appearance::default()
        },
        keys: None,
        saves: Some(home.join("saves")),
        tour: false,
        in_lines: Arc::new(|_, _| Box::pin(async { Err("nobody is asked here".to_owned()) })),
        sessions: Sessions::default(),
        variables: Arc::new(|_| None),
        end: CancellationToken::new(),
    }
}

static STOPS: AtomicUsize = AtomicUsize::new(0);

/// A console over a terminal in memory, and where its keys come from.
fn console(
    options: &Options,
    shown: &Shown,
) -> (Console, mpsc::UnboundedSender<io::Result<Event>>) {
    let (send, keys) = mpsc::unbounded_channel();
    let keys = Arc::new(tokio::sync::Mutex::new(keys));
    let input = move || -> io::Result<Input> {
        let keys = Arc::clone(&keys);
        Ok(Box::pin(stream::unfold(keys, async |keys| {
            let event = keys.lock().await.recv().await?;
            Some((event, keys))
        })))
    };
    let tty = Tty {
        screen: Screen::fake(Box::new(shown.clone())).unwrap(),
        input: Box::new(input),
        size: || (80, 24),
        jobs: Jobs {
            can_stop: || true,
            tell_group: || Ok(false),
            stop: || {
                STOPS.fetch_add(1, Ordering::SeqCst);
                Ok(false)
            },
        },
    };
    let (look, complaint) = Look::new(options).unwrap();
    assert_eq!(complaint, None);
    let console = Console::new(options, Keymap::default(), look, tty).unwrap();
    (console, send)
}

struct Running {
    shown: Shown,
    keys: mpsc::UnboundedSender<io::Result<Event>>,
    end: CancellationToken,
    done: JoinHandle<Result<(), ConsoleError>>,
    home: tempfile::TempDir,
}

impl Running {
    fn press(&self, code: KeyCode, modifiers: KeyModifiers) {
        let key = Event::Key(KeyEvent::new(code, modifiers));
        self.keys.send(Ok(key)).unwrap();
    }

    async fn result(self) -> Result<(), ConsoleError> {
        timeout(DEADLINE, self.done)
            .await
            .expect("it ends")
            .unwrap()
    }
}

fn start(door: Opening) -> Running {
    start_in(tempfile::tempdir().unwrap(), door)
}

fn start_in(home: tempfile::TempDir, door: Opening) -> Running {
    let shown = Shown::new();
    let mut options = options(door, home.path());
    let door = std::mem::replace(&mut options.door, Box::pin(std::future::pending()));
    let (mut console, keys) = console(&options, &shown);
    let end = options.end.clone();
    let done = tokio::spawn(async move {
        let end = console.start(door, options.appearance).await;
        console.finish(end).await.map(drop)
    });
    Running {
        shown,
        keys,
        end,
        done,
        home,
    }
}

fn never() -> Opening {
    Box::pin(std::future::pending())
}

/// A door over a store in memory.
fn door(name: &'static str, home: &Path) -> Opening {
    let file = home.join("backstop.toml");
    std::fs::write(&file, CONFIG).unwrap();
    Box::pin(async move {
        let loaded = config::load(&file, &|_| None);
        let catalog = loaded.catalog.ok_or_else(|| loaded.report.render(false))?;
        let clock = Clock::system();
        let store = Store::open(&format!("memory:{name}"), Access::Write, clock.clone()).await?;
        let (followed, _follow) = config::follow(catalog);
        let actor = options(never(), Path::new("/")).actor;
        Ok(Control::new(
            followed.catalog,
            followed.refused,
            store,
            clock,
            actor,
            Mode::Write,
        ))
    })
}

const CONFIG: &str = r#"
schema = 1

[environment]
name = "test-env"

[providers.acme]
base_url = "http://127.0.0.1:1/v1"
family = "openai-chat"
key = { none = true }

[routes.first]
provider = "acme"
model = "first-model"

[routes.second]
provider = "acme"
model = "second-model"

[workloads.support-chat]
primary = "first"
fallback = "second"
"#;

#[tokio::test]
async fn the_skeleton_is_painted_before_the_door_opens_and_quitting_gives_the_terminal_back() {
    let running = start(never());
    running.shown.wait_for("? help").await;
    assert!(running.shown.bytes().starts_with("^[?1049h"));
    running.press(KeyCode::Char('q'), KeyModifiers::NONE);
    let shown = running.shown.clone();
    running.result().await.unwrap();
    let bytes = shown.bytes();
    assert!(bytes.ends_with("^[?1049l^[?25h"), "{bytes}");
    assert_eq!(bytes.matches("^[?1049l").count(), 1);
    assert_eq!(
        bytes.matches("^[?2026h").count(),
        bytes.matches("^[?2026l").count() - 1,
        "every frame is bracketed, and the end closes one that was cut"
    );
}

#[tokio::test]
async fn data_is_filled_in_when_the_door_opens() {
    let home = tempfile::tempdir().unwrap();
    let running = start(door("filled", home.path()));
    running.shown.wait_for("support-chat").await;
    running.shown.wait_for("test-env").await;
    running.press(KeyCode::Char('2'), KeyModifiers::NONE);
    running.shown.wait_for("second").await;
    running.press(KeyCode::Char('y'), KeyModifiers::NONE);
    running
        .shown
        .wait_for("sent to terminal, and saved to")
        .await;
    assert!(running.shown.bytes().contains("^]52;c;"));
    running.press(KeyCode::Char('S'), KeyModifiers::SHIFT);
    running.shown.wait_for(".json").await;
    let mut saved: Vec<_> = std::fs::read_dir(running.home.path().join("saves"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .map(|name| name.split_once('-').unwrap().1.to_owned())
        .collect();
    saved.sort();
    assert_eq!(saved, ["copy.txt", "routes.json", "routes.txt"]);
    running.press(KeyCode::Char('c'), KeyModifiers::CONTROL);
    running.result().await.unwrap();
}

#[tokio::test]
async fn a_door_that_does_not_open_ends_the_console_with_its_reason() {
    let running = start(Box::pin(async { Err("the store is on fire".into()) }));
    let shown = running.shown.clone();
    let error = running.result().await.unwrap_err();
    assert_eq!(error.to_string(), "the store is on fire");
    assert!(shown.bytes().ends_with("^[?1049l^[?25h"));
}

#[tokio::test]
async fn a_terminal_that_does_not_read_holds_up_nothing_but_frames() {
    let running = start(never());
    running.shown.wait_for("? help").await;
    let shown = running.shown.clone();
    shown.stall(true);
    for key in "123515".chars() {
        running.press(KeyCode::Char(key), KeyModifiers::NONE);
    }
    running.end.cancel();
    // It ends although the terminal still has not read.
    let done = running.done;
    timeout(DEADLINE, done)
        .await
        .expect("it ends")
        .unwrap()
        .unwrap();
    shown.stall(false);
}

#[tokio::test]
async fn a_lost_terminal_ends_it() {
    let running = start(never());
    running.shown.wait_for("? help").await;
    *running.shown.0.lost.lock().unwrap() = true;
    running.press(KeyCode::Char('3'), KeyModifiers::NONE);
    let error = running.result().await.unwrap_err();
    assert!(matches!(error, ConsoleError::Terminal(_)), "{error}");

    for (case, last) in [
        ("error", Some(io::ErrorKind::InvalidInput)),
        ("end of input", None),
    ] {
        let running = start(never());
        running.shown.wait_for("? help").await;
        match last {
            Some(kind) => running.keys.send(Err(kind.into())).unwrap(),
            None => drop(running.keys),
        }
        let done = timeout(DEADLINE, running.done).await.expect(case).unwrap();
        assert!(matches!(done, Err(ConsoleError::Terminal(_))), "{case}");
    }
}

#[tokio::test]
async fn a_suspend_gives_the_terminal_away_and_takes_it_again() {
    let running = start(never());
    running.shown.wait_for("? help").await;
    let before = STOPS.load(Ordering::SeqCst);
    running.press(KeyCode::Char('z'), KeyModifiers::CONTROL);
    running
        .shown
        .wait("second entrance", |shown| {
            shown.bytes().matches("^[?1049h").count() == 2 && shown.text().contains("? help")
        })
        .await;
    assert_eq!(STOPS.load(Ordering::SeqCst), before + 1);
    let bytes = running.shown.bytes();
    let (left, entered) = (bytes.find("^[?1049l"), bytes.rfind("^[?1049h"));
    assert!(left < entered, "given away, then taken");
    running.press(KeyCode::Char('3'), KeyModifiers::NONE);
    running.shown.wait_for("Events").await;
    running.press(KeyCode::Char('c'), KeyModifiers::CONTROL);
    running.result().await.unwrap();
}

#[tokio::test]
async fn another_size_is_a_whole_new_frame() {
    let running = start(never());
    running.shown.wait_for("? help").await;
    let size = |number| NonZeroU16::new(number).unwrap();
    {
        let mut parser = running.shown.0.parser.lock().unwrap();
        parser.screen_mut().set_size(size(40), size(120));
    }
    running.keys.send(Ok(Event::Resize(120, 40))).unwrap();
    running
        .shown
        .wait("footer on the last row", |shown| {
            let parser = shown.0.parser.lock().unwrap();
            let last = parser.screen().rows(0, 120).last().unwrap_or_default();
            last.contains("? help")
        })
        .await;
    running.end.cancel();
    running.result().await.unwrap();
}

#[tokio::test]
async fn a_size_that_came_back_unseen_is_a_whole_new_frame_as_well() {
    let running = start(never());
    running.shown.wait_for("? help").await;
    let size = |number| NonZeroU16::new(number).unwrap();
    {
        let mut parser = running.shown.0.parser.lock().unwrap();
        parser.screen_mut().set_size(size(1), size(1));
        parser.screen_mut().set_size(size(24), size(80));
    }
    assert!(!running.shown.text().contains("? help"), "thrown away");
    // Signals of one kind are one when they come together: only the last size is read.
    running.keys.send(Ok(Event::Resize(80, 24))).unwrap();
    running.shown.wait_for("? help").await;
    running.end.cancel();
    running.result().await.unwrap();
}

/// Whether some text on the screen has this colour.
fn wears(shown: &Shown, wanted: vt100::Color) -> bool {
    let parser = shown.0.parser.lock().unwrap();
    let screen = parser.screen();
    (0..24).any(|row| {
        (0..80).any(|column| {
            screen
                .cell(row, column)
                .is_some_and(|cell| cell.fgcolor() == wanted && !cell.contents().trim().is_empty())
        })
    })
}

#[tokio::test]
async fn a_saved_theme_is_worn_at_once_and_a_broken_one_is_told_and_not_worn() {
    let running = start(never());
    running.shown.wait_for("? help").await;
    let path = running.home.path().join("terminal.toml");
    let magenta = vt100::Color::Idx(5);
    assert!(!wears(&running.shown, magenta));
    let theme = "schema = 1\n[roles]\ntext = { ansi = \"magenta\" }\n";
    std::fs::write(&path, theme).unwrap();
    running
        .shown
        .wait("magenta", |shown| wears(shown, magenta))
        .await;
    std::fs::write(
        &path,
        "schema = 1\n[roles]\ntext = { ansi = \"magneta\" }\n",
    )
    .unwrap();
    running.shown.wait_for("magneta").await;
    assert!(wears(&running.shown, magenta), "the last good one is kept");
    running.end.cancel();
    running.result().await.unwrap();
}

#[tokio::test]
async fn a_theme_is_tried_on_while_it_is_chosen_and_escape_puts_the_old_one_back() {
    let home = tempfile::tempdir().unwrap();
    let mine = "schema = 1\ninherits = \"terminal\"\n[roles]\ntext = { ansi = \"magenta\" }\n";
    std::fs::write(home.path().join("mine.toml"), mine).unwrap();
    let running = start_in(home, never());
    running.shown.wait_for("? help").await;
    let (magenta, none) = (vt100::Color::Idx(5), KeyModifiers::NONE);
    let is_mine = |shown: &Shown| wears(shown, magenta);
    let say = || {
        for character in ":theme mine".chars() {
            running.press(KeyCode::Char(character), none);
        }
    };
    say();
    running.shown.wait("it is tried on", is_mine).await;
    running.press(KeyCode::Esc, none);
    let gone = |shown: &Shown| !is_mine(shown);
    running.shown.wait("the old one is back", gone).await;
    say();
    running.press(KeyCode::Enter, none);
    running
        .shown
        .wait_for("theme mine, also at the next start")
        .await;
    running.shown.wait("it stays", is_mine).await;
    running.end.cancel();
    running.result().await.unwrap();
}

#[tokio::test]
async fn nothing_is_written_when_nothing_changed() {
    let home = tempfile::tempdir().unwrap();
    let options = options(never(), home.path());
    let shown = Shown::new();
    let (mut console, _keys) = console(&options, &shown);
    console.draw().unwrap();
    console.tty.screen.written().await.unwrap();
    let painted = shown.bytes().len();
    for message in [Msg::Tick, Msg::Redraw] {
        console.take_in(message);
        console.draw().unwrap();
        assert!(console.tty.screen.is_ready(), "nothing was sent");
    }
    assert_eq!(shown.bytes().len(), painted);
}

#[tokio::test]
async fn data_waits_for_its_frame_and_keys_do_not() {
    let home = tempfile::tempdir().unwrap();
    let options = options(never(), home.path());
    let shown = Shown::new();
    let (mut console, _keys) = console(&options, &shown);
    console.draw().unwrap();
    console.tty.screen.written().await.unwrap();
    console.take_in(Msg::Redraw);
    assert!(
        !console.is_due(),
        "the last frame is younger than a tenth of a second"
    );
    assert!(console.draw_at().is_some());
    console.event(Event::Key(KeyEvent::new(
        KeyCode::Char('3'),
        KeyModifiers::NONE,
    )));
    assert!(console.is_due());
    let _ = console.finish(End::Wanted).await;
}
