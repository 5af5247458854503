//! Tells a service manager such as systemd what the gateway is about (`sd_notify`): that it serves, that it ends.
//!
//! Called by `serve`. Where nobody asked to be told (`NOTIFY_SOCKET`), or nobody listens, nothing happens.

use std::{
    io,
    os::unix::net::{SocketAddr, UnixDatagram},
};

use super::session;

/// Tells it, as lines of `NAME=value`.
pub(super) fn tell(state: &str) {
    let Some(place) = session::variable("NOTIFY_SOCKET") else {
        return;
    };
    if let Err(error) = send(&place, state) {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}

fn send(place: &str, state: &str) -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    socket.send_to_addr(state.as_bytes(), &address(place)?)?;
    Ok(())
}

fn address(place: &str) -> io::Result<SocketAddr> {
    #[cfg(target_os = "linux")]
    if let Some(name) = place.strip_prefix('@') {
        use std::os::linux::net::SocketAddrExt as _;
        return SocketAddr::from_abstract_name(name);
    }
    SocketAddr::from_pathname(place)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use super::send;

    #[test]
    fn a_listener_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let listener = UnixDatagram::bind(&path).unwrap();
        send(path.to_str().unwrap(), "READY=1").unwrap();
        let mut heard = [0; 64];
        let length = listener.recv(&mut heard).unwrap();
        assert_eq!(&heard[..length], b"READY=1");
        drop(listener);
        assert!(send(path.to_str().unwrap(), "READY=1").is_err());
    }
}
