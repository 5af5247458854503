//! Closed lists of words.

use std::str::FromStr as _;

use crate::{
    config::file::With,
    model::{
        AllDown, BoundaryKind, Capability, Capture, ErrorClass, Family, LogFailure, Mode,
        NoticeStyle, PayloadClass, Tier,
    },
};

/// A word of a closed list.
pub(in crate::config) trait Word: Sized {
    /// Every word.
    fn words() -> impl Iterator<Item = &'static str>;
    /// The meaning of a word.
    fn read(text: &str) -> Option<Self>;
}

macro_rules! words {
    ($($type:ty: $($word:literal => $value:expr),+;)+) => {$(
        impl Word for $type {
            fn words() -> impl Iterator<Item = &'static str> {
                [$($word),+].into_iter()
            }

            fn read(text: &str) -> Option<Self> {
                match text {
                    $($word => Some($value),)+
                    _ => None,
                }
            }
        }
    )+};
}

macro_rules! listed {
    ($($type:ty),+) => {$(
        impl Word for $type {
            fn words() -> impl Iterator<Item = &'static str> {
                Self::ALL.into_iter().map(Self::as_str)
            }

            fn read(text: &str) -> Option<Self> {
                Self::from_str(text).ok()
            }
        }
    )+};
}

listed!(Capability, ErrorClass, Family, PayloadClass);
words! {
    BoundaryKind: "billing" => Self::Billing, "region" => Self::Region, "compliance" => Self::Compliance;
    Mode: "auto" => Self::Auto, "hold" => Self::Hold, "force" => Self::Force;
    Tier: "standard" => Self::Standard, "paid" => Self::Paid;
    NoticeStyle: "header" => Self::Header, "inline" => Self::Inline;
    AllDown: "primary" => Self::Primary, "refuse" => Self::Refuse;
    Capture: "off" => Self::Off, "redacted" => Self::Redacted;
    With: "credentials" => Self::Credentials, "nkey" => Self::Nkey, "password" => Self::Password, "token" => Self::Token;
    LogFailure: "refuse" => Self::Refuse, "serve" => Self::Serve;
}
