//! A sign of life of the gateway that carried the demo's past: what it says besides its traffic.

use jiff::{SignedDuration, Timestamp};

use crate::model::{Catalog, GatewayName, Heartbeat, Revision, WorkloadTraffic};

/// A sign of life at a moment, with this traffic.
pub(super) fn heartbeat(
    catalog: &Catalog,
    gateway: &GatewayName,
    at: Timestamp,
    workloads: Vec<WorkloadTraffic>,
) -> Heartbeat {
    Heartbeat {
        gateway: gateway.clone(),
        host: "demo".to_owned(),
        region: None,
        pid: 0,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        listen: ([127, 0, 0, 1], 0).into(),
        started: at - SignedDuration::from_hours(9),
        at,
        revision: Revision::default(),
        fingerprint: catalog.fingerprint.clone(),
        config_error: None,
        draining: false,
        unlogged: 0,
        withheld: 0,
        unlogged_at: None,
        apart_since: None,
        partings: 0,
        workloads,
        routes: Vec::new(),
    }
}
