//! The tenants folder: `platform.yaml` and `<tenant>/tenant.yaml`, checked as a whole before anything is served.

mod demo;
mod load;
mod platform;
mod problem;
mod prompts;
mod provider;
mod provider_url;
mod schema;
mod template;
mod tenant;
mod values;
mod yaml;

pub use demo::DemoFiles;
pub use load::{Loaded, load};
pub use platform::{Platform, ServerLimits};
pub use problem::{ConfigError, Problem};
pub use provider::Configured;
pub(crate) use provider::address as provider_address;
pub use provider_url::ProviderUrl;
pub(crate) use tenant::from_value;
pub use tenant::{Models, PROBE_TENANT, too_like};
