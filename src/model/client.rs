//! Who may call the gateway: named clients, known by the hashes of their keys.
//!
//! Read by `config`, asked by the gateway on every request, made by `cli`. A key itself exists only where it
//! is made, at the client, and in the request that carries it.

use std::{collections::BTreeSet, fmt, fmt::Write as _, str::FromStr};

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
};
use jiff::Timestamp;

use super::{ClientName, Secret, WorkloadName};

/// What every key begins with: scanners of code and logs can find one that was leaked.
const PREFIX: &str = "backstop_";
/// The random part, in bytes.
const RANDOM: usize = 32;

/// A text that can be a client key: the prefix and 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientKey(Secret);

impl ClientKey {
    /// Makes a key of 256 random bits.
    #[must_use]
    pub fn new(random: [u8; RANDOM]) -> Self {
        Self(Secret::new(&format!("{PREFIX}{}", hexadecimal(&random))))
    }

    /// Reads a key; `None`: the text cannot be one.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(PREFIX)?;
        let lower_hexadecimal = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let is_key = digits.len() == 2 * RANDOM && digits.bytes().all(lower_hexadecimal);
        is_key.then(|| Self(Secret::new(text)))
    }

    /// Whether a text was meant to be a key, whole or not.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        text.trim_start().starts_with(PREFIX)
    }

    /// The key itself, to be given to whoever asked for it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The hash that stands in the configuration: `printf %s "$KEY" | sha256sum`.
    ///
    /// One round without salt is right here, and only here: a key is 256 bits of randomness that this program
    /// made, so there is nothing to guess, no two are equal, and a slow hash would only cost every request.
    /// That is also why nothing but a key of this form is ever hashed: a password would need more.
    #[must_use]
    pub fn hash(&self) -> KeyHash {
        let mut hash = [0; 32];
        for (to, from) in hash
            .iter_mut()
            .zip(digest(&SHA256, self.expose().as_bytes()).as_ref())
        {
            *to = *from;
        }
        KeyHash(hash)
    }
}

/// The SHA-256 of a client key. It may stand in version control.
#[derive(Clone, Copy)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// The first eight digits: enough to tell the keys of a client apart in a metric or a list.
    #[must_use]
    pub fn short(&self) -> String {
        hexadecimal(&self.0[..4])
    }
}

/// In constant time.
impl PartialEq for KeyHash {
    fn eq(&self, other: &Self) -> bool {
        verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl Eq for KeyHash {}

impl fmt::Display for KeyHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&hexadecimal(&self.0))
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.short())
    }
}

impl FromStr for KeyHash {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut hash = [0; 32];
        if text.len() != 2 * hash.len() || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(());
        }
        for (byte, pair) in hash.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| ())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| ())?;
        }
        Ok(Self(hash))
    }
}

/// One key of a client, as configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptedKey {
    /// Its hash.
    pub hash: KeyHash,
    /// From then on it is refused.
    pub expires: Option<Timestamp>,
}

/// What a client may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Every workload, also one that is added later.
    Every,
    /// These.
    Only(BTreeSet<WorkloadName>),
}

impl Reach {
    /// Whether a workload is inside.
    #[must_use]
    pub fn covers(&self, workload: &str) -> bool {
        match self {
            Self::Every => true,
            Self::Only(names) => names.contains(workload),
        }
    }
}

/// A client as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its name.
    pub name: ClientName,
    /// Any of them is accepted: several while keys are exchanged.
    pub keys: Vec<AcceptedKey>,
    /// What it may call.
    pub reach: Reach,
    /// Whether it may read metrics and the details of readiness.
    pub metrics: bool,
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{ClientKey, KeyHash, Reach};

    #[test]
    fn a_key_is_read_back_and_hashed_as_sha256sum_does() {
        let key = ClientKey::new([0xab; 32]);
        assert_eq!(key.expose(), format!("backstop_{}", "ab".repeat(32)));
        assert_eq!(ClientKey::read(key.expose()), Some(key.clone()));
        assert_eq!(
            key.hash().to_string(),
            "6fbd1e781fd2a83f4045d70859ad53c32ff265e5c4f14bf493a2b8a4b5565a8e"
        );
        assert_eq!(key.hash().to_string().parse(), Ok(key.hash()));
        assert!(key.hash() != ClientKey::new([0xac; 32]).hash());
        assert_eq!(format!("{key:?}"), "ClientKey(***)");
    }

    #[test]
    fn nothing_else_is_a_key_or_a_hash() {
        let good = ClientKey::new([1; 32]).expose().to_owned();
        for (case, text) in [
            ("empty", String::new()),
            ("prefix only", "backstop_".to_owned()),
            ("a provider's", "sk-proj-0123456789".to_owned()),
            ("cut", good.chars().skip(1).collect()),
            ("too long", format!("{good}0")),
            ("upper case", good.to_uppercase()),
            ("other letters", good.replace('0', "g")),
            ("spaces", format!(" {good}")),
        ] {
            assert!(ClientKey::read(&text).is_none(), "{case}");
            assert!(text.parse::<KeyHash>().is_err(), "{case}");
        }
        assert!("\u{e9}".repeat(32).parse::<KeyHash>().is_err());
        assert!("+1".repeat(32).parse::<KeyHash>().is_err());
    }

    #[test]
    fn a_scope_covers_what_it_names() {
        let only = Reach::Only(["chat".into()].into());
        assert!(only.covers("chat") && !only.covers("cha") && !only.covers(""));
        assert!(Reach::Every.covers("anything"));
    }
}
