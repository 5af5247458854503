//! A simulated provider: a real HTTP/1.1 server on loopback that answers, or fails as its board says.
//!
//! Started by the demo and by `backstop simulate`. It must not know the gateway.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    DemoError,
    board::Board,
    cast::{CAST, Member},
    respond,
    script::Script,
};
use crate::clock::Clock;

/// Between two tries to take its own port again.
const REOPEN: Duration = Duration::from_millis(20);

/// How fast the models speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tempo {
    /// As the cast says.
    Usual,
    /// Without waiting: for a rehearsal that nobody sees.
    AtOnce,
}

/// One simulated provider.
#[derive(Debug)]
pub(super) struct Provider {
    /// Who it plays.
    pub(super) member: &'static Member,
    /// How it fails.
    pub(super) board: Board,
    /// For times in answers.
    pub(super) clock: Clock,
    /// How fast its models speak.
    pub(super) tempo: Tempo,
    seed: u64,
    requests: AtomicU64,
}

impl Provider {
    /// A provider that plays its part of a script from `start` on.
    pub(super) fn new(
        member: &'static Member,
        script: &Script,
        seed: u64,
        clock: Clock,
        tempo: Tempo,
        start: Instant,
    ) -> Self {
        Self {
            member,
            tempo,
            board: Board::new(script.of(member.name), start),
            clock,
            seed,
            requests: AtomicU64::new(0),
        }
    }

    /// A source of randomness for one request: the same seed gives the same sequence.
    pub(super) fn random(&self) -> fastrand::Rng {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let mix = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let name = self.member.name.bytes().fold(7_u64, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(u64::from(byte))
        });
        fastrand::Rng::with_seed(self.seed ^ mix ^ name)
    }

    /// Serves until `end`. While the board refuses connections the port is closed and open connections are cut.
    async fn serve(
        self: Arc<Self>,
        first: std::net::TcpListener,
        end: CancellationToken,
        tasks: TaskTracker,
    ) -> io::Result<()> {
        let address = first.local_addr()?;
        let mut orders = self.board.orders();
        let mut listener = Some(TcpListener::from_std(first)?);
        loop {
            orders.borrow_and_update();
            let now = Clock::instant();
            if self.board.refuses(now) {
                listener = None;
                tokio::select! {
                    () = end.cancelled() => return Ok(()),
                    () = self.board.change(&mut orders, now) => continue,
                }
            }
            let open = match listener.take() {
                Some(open) => open,
                None => match TcpListener::bind(address).await {
                    Ok(open) => open,
                    Err(error) => {
                        tracing::warn!(%address, %error, "a simulated provider waits for its port");
                        tokio::time::sleep(REOPEN).await;
                        continue;
                    }
                },
            };
            let connections = end.child_token();
            let keep = tokio::select! {
                () = end.cancelled() => return Ok(()),
                keep = self.accept(&open, &mut orders, &connections, &tasks) => keep,
            };
            if keep {
                listener = Some(open);
            } else {
                connections.cancel();
            }
        }
    }

    /// Accepts until the board may have changed its mind; whether the port stays open.
    async fn accept(
        self: &Arc<Self>,
        listener: &TcpListener,
        orders: &mut tokio::sync::watch::Receiver<()>,
        connections: &CancellationToken,
        tasks: &TaskTracker,
    ) -> bool {
        loop {
            let now = Clock::instant();
            if self.board.refuses(now) {
                return false;
            }
            tokio::select! {
                () = self.board.change(orders, now) => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        let _ = stream.set_nodelay(true);
                        let provider = Arc::clone(self);
                        let cut = connections.clone();
                        tasks.spawn(async move {
                            let service = service_fn(|request| respond::respond(&provider, request));
                            let connection = http1::Builder::new()
                                .serve_connection(TokioIo::new(stream), service);
                            tokio::select! {
                                () = cut.cancelled() => {}
                                // A client that goes away, or a fault that cuts the answer: both are usual.
                                _ = connection => {}
                            }
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a simulated provider cannot accept");
                        tokio::time::sleep(REOPEN).await;
                    }
                },
            }
        }
    }
}

/// A port that is taken, for a provider that does not run yet.
#[derive(Debug)]
pub(super) struct Seat {
    /// Whose.
    pub(super) member: &'static Member,
    listener: std::net::TcpListener,
    address: SocketAddr,
}

impl Seat {
    /// What clients use as base URL.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Takes a port for every member of the cast: `port` and the following, or any free ones for 0.
///
/// # Errors
/// The port that could not be had.
pub(super) fn take_seats(port: u16) -> Result<Vec<Seat>, DemoError> {
    let wanted = |index: usize| match port {
        0 => 0,
        first => first.saturating_add(u16::try_from(index).unwrap_or(u16::MAX)),
    };
    CAST.iter()
        .enumerate()
        .map(|(index, member)| {
            let port = wanted(index);
            let take = || -> io::Result<Seat> {
                let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
                listener.set_nonblocking(true)?;
                let address = listener.local_addr()?;
                Ok(Seat {
                    member,
                    listener,
                    address,
                })
            };
            take().map_err(|cause| DemoError::Listen { port, cause })
        })
        .collect()
}

/// Starts every provider on its seat. They end with `end`; wait for them with `tasks`.
pub(super) fn start(
    seats: Vec<Seat>,
    script: &Script,
    seed: u64,
    clock: &Clock,
    tempo: Tempo,
    end: &CancellationToken,
    tasks: &TaskTracker,
) {
    let begin = Clock::instant();
    for seat in seats {
        let provider = Arc::new(Provider::new(
            seat.member,
            script,
            seed,
            clock.clone(),
            tempo,
            begin,
        ));
        let name = seat.member.name;
        let serving = provider.serve(seat.listener, end.clone(), tasks.clone());
        tasks.spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!(provider = name, %error, "a simulated provider ended");
            }
        });
    }
}

#[cfg(test)]
mod tests;
