//! The blast radius of a change: which gateways it reaches, and which it does not although they are inside its
//! scope.
//!
//! Made by the door out of heartbeats and overrides; part of every plan.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Change, GatewayName, HostName, OverrideKey, RegionName};

/// What a change reaches, as it was known when its plan was made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Radius {
    /// Living gateways that will follow it, by host.
    pub reached: Vec<Reached>,
    /// More specific overrides that stay in force: inside their scopes it changes nothing.
    pub exceptions: Vec<Exception>,
    /// Gateways inside that have been silent for seconds or minutes: nobody knows whether they follow.
    pub silent: Vec<Reached>,
    /// Living gateways outside of its scope.
    pub outside: usize,
}

/// A gateway, by where it runs and what it carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached {
    /// Which.
    pub gateway: GatewayName,
    /// Its host.
    pub host: HostName,
    /// Its region.
    pub region: Option<RegionName>,
    /// Its share of the target's requests in the last minute over all living gateways, in whole percent.
    pub percent: Option<u8>,
    /// When it was last heard of.
    pub at: Timestamp,
}

/// An override that a change does not reach past.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    /// Its key: the same subject in a narrower scope.
    pub key: OverrideKey,
    /// What it sets.
    pub change: Change,
    /// Who made it.
    pub by: String,
    /// Until when it holds.
    pub until: Option<Timestamp>,
    /// Living gateways on which it decides.
    pub gateways: Vec<Reached>,
}
