//! TLS of the listener: the certificate in force, exchanged when its files change.
//!
//! A file that cannot be used changes nothing: the old certificate stays, `/readyz` and the log say why.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use rustls::{
    ServerConfig,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::TlsAcceptor;

use super::{traffic::lock, worker::Shared};
use crate::{
    config::{self, CertificateError},
    model::TlsFiles,
};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The certificate in force, and why newer files are not.
#[derive(Debug)]
pub(super) struct Certificate {
    holder: Arc<Holder>,
    config: Arc<ServerConfig>,
    refused: Mutex<Option<String>>,
}

/// What every handshake asks.
#[derive(Debug)]
struct Holder(Mutex<Arc<CertifiedKey>>);

impl Certificate {
    /// Reads the files for the first time.
    pub(super) fn new(files: &TlsFiles) -> Result<Arc<Self>, CertificateError> {
        let holder = Arc::new(Holder(Mutex::new(config::certificate(files)?)));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        // TLS 1.2 and 1.3; this library knows nothing older.
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(CertificateError::Unusable)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&holder) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(Self {
            holder,
            config: Arc::new(config),
            refused: Mutex::new(None),
        }))
    }

    /// Why the files on disk are not in force.
    pub(super) fn refused(&self) -> Option<String> {
        lock(&self.refused).clone()
    }

    /// What accepts with whatever is in force.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }

    fn read_again(&self, files: &TlsFiles) {
        let refused = match config::certificate(files) {
            Ok(key) => {
                *lock(&self.holder.0) = key;
                tracing::info!(certificate = %files.certificate.display(), "a new certificate is in force");
                None
            }
            Err(error) => {
                tracing::error!(%error, "the certificate is refused, the old one stays in force");
                Some(error.to_string())
            }
        };
        *lock(&self.refused) = refused;
    }
}

impl ResolvesServerCert for Holder {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&lock(&self.0)))
    }
}

/// What files look like from outside. Their content is read only when this changes.
#[derive(Debug, PartialEq, Eq)]
struct Look(Vec<Option<(u64, u64, Option<SystemTime>)>>);

impl Look {
    fn at(files: &TlsFiles) -> Self {
        let look = |path: &Path| {
            // Through links, which is how certificates are exchanged in one step.
            let metadata = fs::metadata(path).ok()?;
            Some((metadata.ino(), metadata.len(), metadata.modified().ok()))
        };
        Self(vec![look(&files.certificate), look(&files.key)])
    }
}

/// Follows the files for as long as it is polled.
pub(super) async fn follow(shared: Arc<Shared>, certificate: Arc<Certificate>, files: TlsFiles) {
    let mut seen = (Look::at(&files), files);
    let mut every = interval(LOOK_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        let named = shared
            .snapshot
            .borrow()
            .prepared
            .catalog
            .gateway
            .tls
            .clone();
        let Some(files) = named else { continue };
        let now = (Look::at(&files), files);
        if now != seen {
            certificate.read_again(&now.1);
            seen = now;
        }
    }
}
