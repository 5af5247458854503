//! What the loop waits for: signals, keys, frames that were taken, results, the door, news, the clock.

use std::{future::poll_fn, io, task::Poll, time::Duration};

use crossterm::event::Event;
use futures_util::StreamExt as _;
use tokio::{
    sync::{mpsc::Receiver, oneshot},
    task::yield_now,
    time::{sleep, sleep_until},
};

use super::Console;
use crate::{
    clock::Clock,
    console::{execute::Arrival, input::Input, signals::Heard},
    control::{Control, News},
};

/// Why the door did not open.
pub(super) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What ends the loop.
#[derive(Debug)]
pub(super) enum End {
    /// The operator, or the token.
    Wanted,
    Signal(i32),
    Panicked,
    Lost(io::Error),
    Door(Failure),
}

/// What the loop waited for.
pub(super) enum Wake {
    Heard(Heard),
    End(End),
    Event(Option<io::Result<Event>>),
    Written(io::Result<()>),
    Arrived(Arrival),
    News(News),
    Opened(Result<Control, Failure>),
    Second,
    Draw,
    /// Nothing: there is time for what is not done yet.
    GoOn,
}

impl Console {
    /// Waits for the next thing to happen.
    pub(super) async fn wait(&mut self) -> Wake {
        let second = until_second(&self.clock);
        let draw_at = self.draw_at();
        let behind = self.app.data.is_behind();
        tokio::select! {
            biased;
            heard = self.signals.next() => Wake::Heard(heard),
            () = self.panicked.cancelled() => Wake::End(End::Panicked),
            () = self.end.cancelled() => Wake::End(End::Wanted),
            event = next(&mut self.input) => Wake::Event(event),
            written = self.tty.screen.written() => Wake::Written(written),
            Some(arrival) = self.arrivals.recv() => Wake::Arrived(arrival),
            Some(opened) = answer(&mut self.door) => Wake::Opened(opened),
            Some(news) = receive(&mut self.feed) => Wake::News(news),
            () = sleep_until(draw_at.unwrap_or(self.pace.next())), if draw_at.is_some() => Wake::Draw,
            () = sleep(second) => Wake::Second,
            // Also those who bring keys and news have their turn before it is answered.
            () = yield_now(), if behind => Wake::GoOn,
        }
    }

    /// What has happened already, without waiting.
    pub(super) async fn ready(&mut self) -> Option<Wake> {
        if let Some(input) = &mut self.input {
            let polled = poll_fn(|context| match input.poll_next_unpin(context) {
                Poll::Ready(event) => Poll::Ready(Some(event)),
                Poll::Pending => Poll::Ready(None),
            })
            .await;
            if let Some(event) = polled {
                return Some(Wake::Event(event));
            }
        }
        if let Ok(arrival) = self.arrivals.try_recv() {
            return Some(Wake::Arrived(arrival));
        }
        let news = self.feed.as_mut()?.try_recv().ok()?;
        Some(Wake::News(news))
    }
}

/// From now to the next whole second of the wall clock.
fn until_second(clock: &Clock) -> Duration {
    let into = clock.now().as_millisecond().rem_euclid(1000);
    Duration::from_millis(1000 - into.unsigned_abs())
}

/// The next event; never while nobody reads.
async fn next(input: &mut Option<Input>) -> Option<io::Result<Event>> {
    match input {
        Some(input) => input.next().await,
        None => std::future::pending().await,
    }
}

/// The next news; never while there is no feed.
async fn receive(feed: &mut Option<Receiver<News>>) -> Option<News> {
    match feed {
        Some(receiver) => {
            let news = receiver.recv().await;
            if news.is_none() {
                *feed = None;
            }
            news
        }
        None => std::future::pending().await,
    }
}

/// The door, once.
async fn answer(
    door: &mut Option<oneshot::Receiver<Result<Control, Failure>>>,
) -> Option<Result<Control, Failure>> {
    match door {
        Some(opened) => {
            let opened = opened.await.ok();
            *door = None;
            opened
        }
        None => std::future::pending().await,
    }
}
