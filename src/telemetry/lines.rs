//! Log lines on their way out, handed to a thread of their own: a full pipe, a terminal that was stopped or a slow
//! disk must never hold up a request. When nobody takes the lines, new ones are counted and given up.

use std::{
    borrow::Cow,
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

use tracing_subscriber::fmt::MakeWriter;

/// Makes one line, without its end, fit to be read: it may hold text from outside.
pub type Border = fn(&str) -> Cow<'_, str>;

/// Lines that may wait.
const ROOM: usize = 4096;
/// The longest farewell.
const FAREWELL: Duration = Duration::from_secs(1);

/// The way out.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    door: SyncSender<Job>,
    lost: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Job {
    Line(Box<[u8]>),
    /// Says when everything before it is out.
    Flush(SyncSender<()>),
}

impl Lines {
    /// Starts the thread.
    pub(super) fn start(
        out: impl Write + Send + 'static,
        border: Border,
        json: bool,
    ) -> io::Result<Self> {
        let (door, jobs) = sync_channel(ROOM);
        let lost = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&lost);
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || write(out, &jobs, border, &counted, json))?;
        Ok(Self { door, lost })
    }

    /// Waits until what was logged so far is out, but not for ever; whether it is.
    pub(super) fn flush(&self) -> bool {
        let (done, waiting) = sync_channel(1);
        // With no room left nobody takes the lines, and waiting would be in vain.
        self.door.try_send(Job::Flush(done)).is_ok() && waiting.recv_timeout(FAREWELL).is_ok()
    }
}

fn write(mut out: impl Write, jobs: &Receiver<Job>, border: Border, lost: &AtomicU64, json: bool) {
    while let Ok(job) = jobs.recv() {
        // Nobody is left to be told when a log cannot be written.
        let _ = match job {
            Job::Line(bytes) => {
                let text = String::from_utf8_lossy(&bytes);
                writeln!(out, "{}", border(text.trim_end_matches('\n')))
            }
            Job::Flush(done) => {
                let flushed = out.flush();
                let _ = done.try_send(());
                flushed
            }
        };
        match lost.swap(0, Ordering::Relaxed) {
            0 => {}
            number => {
                let words = format!("{number} lines of this log were lost: nobody took them");
                let _ = if json {
                    writeln!(out, r#"{{"level":"WARN","message":"{words}"}}"#)
                } else {
                    writeln!(out, "WARN {words}")
                };
            }
        }
    }
}

/// One event comes as one write.
impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.door.try_send(Job::Line(bytes.into())).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        borrow::Cow,
        io::{self, Write},
        sync::{Arc, Condvar, Mutex},
    };

    use super::{Lines, ROOM};

    /// A log that takes nothing until it is opened.
    #[derive(Clone, Default)]
    struct Stuck(Arc<(Mutex<State>, Condvar)>);

    #[derive(Default)]
    struct State {
        open: bool,
        taken: Vec<u8>,
    }

    impl Stuck {
        fn open(&self) {
            self.0.0.lock().unwrap().open = true;
            self.0.1.notify_all();
        }

        fn text(&self) -> String {
            String::from_utf8(self.0.0.lock().unwrap().taken.clone()).unwrap()
        }
    }

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let state = self.0.0.lock().unwrap();
            let mut state = self.0.1.wait_while(state, |state| !state.open).unwrap();
            state.taken.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn marked(text: &str) -> Cow<'_, str> {
        text.replace('\u{1b}', "ESC").into()
    }

    #[test]
    fn a_log_that_nobody_takes_holds_nobody_up_and_says_what_was_lost() {
        let stuck = Stuck::default();
        let mut lines = Lines::start(stuck.clone(), marked, false).unwrap();
        for number in 0..ROOM + 100 {
            // As one write, which an event always is.
            let line = format!("line {number}\n");
            lines.write_all(line.as_bytes()).unwrap();
        }
        assert!(!lines.flush(), "there is no room even for the question");
        stuck.open();
        while !lines.flush() {}
        let told = stuck.text();
        let kept = told
            .lines()
            .filter(|line| line.starts_with("line "))
            .count();
        let lost: usize = told
            .lines()
            .filter_map(|line| line.strip_prefix("WARN "))
            .filter_map(|rest| rest.split(' ').next()?.parse::<usize>().ok())
            .sum();
        assert_eq!(kept + lost, ROOM + 100, "{told}");
    }

    #[test]
    fn every_line_crosses_the_border_and_the_last_one_is_out_at_the_end() {
        let stuck = Stuck::default();
        stuck.open();
        let mut lines = Lines::start(stuck.clone(), marked, false).unwrap();
        lines.write_all(b"a \x1b[2J line\n").unwrap();
        assert!(lines.flush());
        assert_eq!(stuck.text(), "a ESC[2J line\n");
    }
}
