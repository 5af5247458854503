//! Certificates of a test's own: an authority, a server's for loopback and a client's.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};

/// Writes them into a directory.
pub(crate) fn write(directory: &Path) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    fs::write(directory.join("authority.pem"), authority.pem()).unwrap();

    let both = [
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    for name in ["server", "client"] {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut params = CertificateParams::new(names).unwrap();
        // Servers are each other's clients.
        params.extended_key_usages = both.to_vec();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &authority).unwrap();
        fs::write(directory.join(format!("{name}.pem")), certificate.pem()).unwrap();
        fs::write(directory.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    }
}

pub(crate) fn authority(directory: &Path) -> PathBuf {
    directory.join("authority.pem")
}

/// A server's certificate and key.
pub(crate) fn server(directory: &Path) -> (PathBuf, PathBuf) {
    (directory.join("server.pem"), directory.join("server.key"))
}

/// A client's certificate and key.
pub(crate) fn client(directory: &Path) -> (PathBuf, PathBuf) {
    (directory.join("client.pem"), directory.join("client.key"))
}
