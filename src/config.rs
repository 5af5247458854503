//! Configuration files: found, read, checked, explained, and followed when they change.
//!
//! Called by `cli` and `demo`. What it makes is a [`Catalog`]; what it cannot accept it explains with file,
//! line, column and a hint. It must not open the store or the network.

mod check;
mod diagnostic;
mod expiry;
mod file;
mod find;
mod fingerprint;
mod follow;
mod keys;
mod load;
mod reader;
mod redact;
mod reference;
mod render;
mod resolve;
mod samples;
mod store;
mod tls;
mod value;

use std::{collections::BTreeMap, ops::Range};

use crate::model::{Catalog, SampleId};

pub use diagnostic::{Diagnostic, Findings, Help, Report, Severity};
pub use find::find;
pub use fingerprint::fingerprint;
pub use follow::{Follow, Followed, follow, follow_with};
pub use load::{load, load_with};
pub use reference::reference;
pub use samples::{SAMPLE_LIMIT, sample_body};
pub use tls::{CertificateError, certificate, certificate_until};
pub use value::{is_name, moment};

/// What reading one configuration gave.
#[derive(Debug)]
pub struct Loaded {
    /// Present when there is no error.
    pub catalog: Option<Catalog>,
    /// Every error and warning, in the order of the file.
    pub report: Report,
    /// Where in the file each sample of the catalog is, for what is found later.
    pub samples: BTreeMap<SampleId, Range<usize>>,
}

/// Reads environment variables; a test passes its own.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What becomes of a credential that is not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keys {
    /// A missing key of a route in use is an error: for processes that send requests, and for `check`.
    #[default]
    Needed,
    /// A missing key is a note: for `check` where the gateway's environment is not at hand.
    Noted,
    /// Keys are read where they can be, and nothing is said about the others: for an operator's shell,
    /// which has the store but seldom the gateway's environment.
    IfThere,
}
