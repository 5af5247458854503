//! Names that come from the configuration: cheap to clone, ordered, and not to be mixed up.
//!
//! Used by every layer as map keys and labels. A name is validated where it is read (`config`), not here.

use std::{borrow::Borrow, fmt, sync::Arc};

use serde::{Deserialize, Serialize};

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, formatter)
            }
        }
    };
}

name!(
    /// A workload: what clients call instead of a model.
    WorkloadName
);
name!(
    /// A route: provider, endpoint, model, credential and boundary that move together.
    RouteName
);
name!(
    /// A provider: base URL, family and credential shared by routes.
    ProviderName
);
name!(
    /// A client of the gateway: who holds its keys.
    ClientName
);
name!(
    /// One running gateway process, unique over the fleet (`host-pid-start`).
    GatewayName
);
name!(
    /// A region of gateways, as `gateway.region` or `serve --region` gives it.
    RegionName
);
name!(
    /// A host of gateways, as the operating system calls it: any text.
    HostName
);
name!(
    /// A sample, unique in a catalog: `WORKLOAD/NAME`.
    SampleId
);

impl SampleId {
    /// The sample `name` of a workload.
    #[must_use]
    pub fn of(workload: &WorkloadName, name: &str) -> Self {
        format!("{workload}/{name}").into()
    }

    /// Its name within its workload.
    #[must_use]
    pub fn name(&self) -> &str {
        self.as_str().split_once('/').map_or("", |(_, name)| name)
    }
}
