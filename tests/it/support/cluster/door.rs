//! A way to a server that can be closed, and silenced as a network without a route does it.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    runtime::Handle,
    sync::watch,
};

/// What becomes of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passage {
    /// They are carried.
    Open,
    /// They end, and new ones are ended at once.
    Closed,
    /// They stay and carry nothing; what was sent arrives when it is open again.
    Silent,
}

/// Listens for as long as its runtime runs.
pub(crate) struct Door {
    address: SocketAddr,
    passage: watch::Sender<Passage>,
    target: watch::Sender<Option<SocketAddr>>,
}

impl Door {
    /// Opens it on a free port of loopback; it leads nowhere yet.
    pub(crate) async fn open(runtime: &Handle) -> Self {
        let (passage, passed) = watch::channel(Passage::Open);
        let (target, leads) = watch::channel(None);
        let listener = runtime
            .spawn(TcpListener::bind("127.0.0.1:0"))
            .await
            .unwrap()
            .unwrap();
        let address = listener.local_addr().unwrap();
        drop(runtime.spawn(async move {
            loop {
                let Ok((near, _)) = listener.accept().await else {
                    continue;
                };
                tokio::task::spawn(carry(near, passed.clone(), leads.clone()));
            }
        }));
        Self {
            address,
            passage,
            target,
        }
    }

    /// Where it listens, always the same.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What new connections lead to from now on.
    pub(crate) fn lead_to(&self, target: SocketAddr) {
        self.target.send_replace(Some(target));
    }

    /// Changes what becomes of connections, of those there are as well.
    pub(crate) fn set(&self, passage: Passage) {
        self.passage.send_replace(passage);
    }
}

/// Carries one connection until an end closes it or the door does.
async fn carry(
    near: TcpStream,
    mut passage: watch::Receiver<Passage>,
    target: watch::Receiver<Option<SocketAddr>>,
) {
    // A silent network answers nobody who connects: at the latest when it is open, the target is asked for.
    let Ok(now) = passage
        .wait_for(|now| *now != Passage::Silent)
        .await
        .map(|now| *now)
    else {
        return;
    };
    let leads = *target.borrow();
    let (Passage::Open, Some(leads)) = (now, leads) else {
        return;
    };
    let Ok(far) = TcpStream::connect(leads).await else {
        return;
    };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let (near_in, near_out) = near.into_split();
    let (far_in, far_out) = far.into_split();
    tokio::select! {
        () = pour(near_in, far_out, passage.clone()) => {}
        () = pour(far_in, near_out, passage.clone()) => {}
        _ = passage.wait_for(|now| *now == Passage::Closed) => {}
    }
}

/// Carries one direction; ends with it, and so ends the other.
async fn pour(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut passage: watch::Receiver<Passage>,
) {
    let mut held = vec![0; 64 * 1024];
    loop {
        let Ok(length @ 1..) = from.read(&mut held).await else {
            return;
        };
        if passage.wait_for(|now| *now == Passage::Open).await.is_err()
            || to.write_all(&held[..length]).await.is_err()
        {
            return;
        }
    }
}
