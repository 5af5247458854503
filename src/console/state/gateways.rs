//! The gateways as a list: what they are filtered by, and in which orders they stand.

use super::{filter::Fields, table::Table};
use crate::{
    control::{GatewayState, GatewayStatus},
    model::GatewayName,
};

/// The orders of the gateways screen.
pub const GATEWAY_ORDERS: [&str; 5] = ["severity", "name", "host", "traffic", "configuration"];

impl Fields for GatewayStatus {
    const NAMES: &'static [&'static str] = &[
        "gateway", "host", "region", "state", "version", "config", "revision",
    ];
    const BY_NAME_ONLY: &'static [&'static str] = &["version", "config", "revision"];

    fn words(field: &str) -> Vec<&'static str> {
        match field {
            "state" => GatewayState::ALL.map(GatewayState::as_str).to_vec(),
            "config" => vec!["same", "another"],
            _ => Vec::new(),
        }
    }

    fn any(&self, visitor: &mut dyn FnMut(&str, &str) -> bool) -> bool {
        let config = if self.same_config { "same" } else { "another" };
        visitor("gateway", self.gateway.as_str())
            || visitor("host", &self.host)
            || self
                .region
                .as_ref()
                .is_some_and(|region| visitor("region", region.as_str()))
            || visitor("state", self.state.as_str())
            || visitor("version", &self.version)
            || visitor("config", config)
            || visitor("config", &self.fingerprint)
            || visitor("revision", &self.revision.to_string())
    }
}

impl Table<GatewayName> {
    /// Orders and filters the gateways again.
    pub fn arrange(&mut self, gateways: &[GatewayStatus]) {
        let mut shown: Vec<&GatewayStatus> = gateways
            .iter()
            .filter(|gateway| self.filter.matches(*gateway))
            .collect();
        // What is alike stands by name.
        match GATEWAY_ORDERS.get(self.sort).copied() {
            Some("name") => {}
            Some("host") => shown.sort_by(|left, right| left.host.cmp(&right.host)),
            Some("traffic") => shown.sort_by_key(|gateway| std::cmp::Reverse(gateway.requests)),
            Some("configuration") => {
                shown.sort_by_key(|gateway| (gateway.same_config, gateway.fingerprint.as_str()));
            }
            Some(_) | None => shown.sort_by_key(|gateway| severity(gateway)),
        }
        if self.reversed {
            shown.reverse();
        }
        self.keys = shown
            .into_iter()
            .map(|gateway| gateway.gateway.clone())
            .collect();
    }
}

/// Worst first; another configuration is worse than none of the states that pass by themselves.
fn severity(gateway: &GatewayStatus) -> (GatewayState, bool) {
    (gateway.state, gateway.same_config)
}
