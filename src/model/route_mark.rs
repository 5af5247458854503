//! What makes a route the same one: an answer given by it proves nothing of a route that has its name, or its
//! place in a workload, after a change.

use std::{fmt, fmt::Write as _, str::FromStr};

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::Route;

/// A digest of a route's name, base URL and model.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RouteMark([u8; 8]);

impl RouteMark {
    /// The mark of a route as it is configured now.
    #[must_use]
    pub fn of(route: &Route) -> Self {
        // None of them holds a line feed.
        let text = format!("{}\n{}\n{}", route.name, route.base_url, route.model);
        let mut mark = [0; 8];
        let whole = digest(&SHA256, text.as_bytes());
        mark.copy_from_slice(&whole.as_ref()[..8]);
        Self(mark)
    }
}

impl fmt::Display for RouteMark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(16);
        for byte in self.0 {
            write!(text, "{byte:02x}")?;
        }
        formatter.pad(&text)
    }
}

impl fmt::Debug for RouteMark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RouteMark({self})")
    }
}

impl FromStr for RouteMark {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u64::from_str_radix(text, 16).ok().filter(|_| digits);
        Ok(Self(number.ok_or(())?.to_be_bytes()))
    }
}

impl Serialize for RouteMark {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RouteMark {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|()| D::Error::custom("not sixteen hexadecimal digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::RouteMark;

    #[test]
    fn it_is_written_and_read_as_sixteen_digits() {
        let mark = RouteMark([0, 0x1f, 2, 3, 4, 5, 0xa6, 0xff]);
        assert_eq!(mark.to_string(), "001f02030405a6ff");
        assert_eq!("001f02030405a6ff".parse(), Ok(mark));
        let json = serde_json::to_string(&mark).unwrap();
        assert_eq!(serde_json::from_str::<RouteMark>(&json).unwrap(), mark);
        for bad in [
            "",
            "+01f02030405a6ff",
            "001f02030405a6f",
            "001f02030405a6ff0",
        ] {
            assert_eq!(bad.parse::<RouteMark>(), Err(()), "{bad}");
        }
    }
}
