//! The listener's certificate: read from its files, by `check` and by a running gateway alike.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use rustls::{
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    sign::CertifiedKey,
};

use super::{Keys, diagnostic::Findings, expiry, file::File, resolve::Source};
use crate::model::TlsFiles;

/// A certificate that cannot be used. Nothing of a key is in any of these.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file is missing or may not be read.
    #[error("{} cannot be read: {cause}", .path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// There is no certificate in the file.
    #[error("{} holds no certificate in PEM form", .0.display())]
    NoCertificate(PathBuf),
    /// There is no key in the file.
    #[error("{} holds no private key in PEM form", .0.display())]
    NoKey(PathBuf),
    /// Both are there and do not fit, or are of a kind that is not supported.
    #[error("certificate and key cannot be used together: {0}")]
    Unusable(rustls::Error),
}

/// Reads certificate and key, and makes sure that they belong together.
///
/// # Errors
/// When one of them is missing, or they do not fit.
pub fn certificate(files: &TlsFiles) -> Result<Arc<CertifiedKey>, CertificateError> {
    let read = |path: &Path| {
        fs::read(path).map_err(|cause| CertificateError::Unreadable {
            path: path.to_owned(),
            cause,
        })
    };
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(&read(&files.certificate)?)
            .collect::<Result<_, _>>()
            .map_err(|_| CertificateError::NoCertificate(files.certificate.clone()))?;
    if chain.is_empty() {
        return Err(CertificateError::NoCertificate(files.certificate.clone()));
    }
    let key = PrivateKeyDer::from_pem_slice(&read(&files.key)?)
        .map_err(|_| CertificateError::NoKey(files.key.clone()))?;
    CertifiedKey::from_der(chain, key, &default_provider())
        .map(Arc::new)
        .map_err(CertificateError::Unusable)
}

/// The moment at which the listener's own certificate ends, when it can be read.
#[must_use]
pub fn certificate_until(files: &TlsFiles) -> Option<Timestamp> {
    let bytes = fs::read(&files.certificate).ok()?;
    let own = CertificateDer::pem_slice_iter(&bytes).next()?.ok()?;
    expiry::not_after(&own)
}

/// The files with their whole paths; findings when they could not serve.
pub(super) fn check(file: &File, source: &Source<'_>, findings: &Findings) -> Option<TlsFiles> {
    let tls = file.tls.as_ref()?;
    let files = TlsFiles {
        certificate: source.places.directory.join(tls.certificate.get_ref()),
        key: source.places.directory.join(tls.key.get_ref()),
    };
    // An operator's shell may not be allowed to read the key, and need not.
    if source.keys == Keys::Needed {
        if let Err(error) = certificate(&files) {
            findings.error(
                "bad-certificate",
                tls.certificate.span(),
                error.to_string(),
                "the listener could not speak TLS; both must be PEM files that belong together",
            );
        } else if readable_by_all(&files.key) {
            findings.warning(
                "credential-file-open",
                tls.key.span(),
                format!(
                    "the key file {} can be read by every user",
                    files.key.display()
                ),
                format!("chmod 600 {}", files.key.display()),
            );
        }
    }
    Some(files)
}

/// A group may be allowed: that is how certificates are shared with those who serve them.
#[cfg(unix)]
fn readable_by_all(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o007 != 0)
}

#[cfg(not(unix))]
fn readable_by_all(_: &Path) -> bool {
    false
}
