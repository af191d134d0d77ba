//! One tenant in one environment: all that a plan is made from.

use std::fmt;
use std::str::FromStr;

use contract_types::{DeployAccount, DeployEnvironment, DeployMigration, DeployOutcomeEnvironment, DeployProfile};

/// An environment, in the order in which versions move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Environment {
    /// Work in progress.
    Dev,
    /// Where a version shows itself.
    Stage,
    /// What clients use.
    Prod,
}

impl Environment {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Dev, Self::Stage, Self::Prod];

    /// Its name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Stage => "stage",
            Self::Prod => "prod",
        }
    }

    pub(crate) fn wire(self) -> DeployOutcomeEnvironment {
        match self {
            Self::Dev => DeployOutcomeEnvironment::Dev,
            Self::Stage => DeployOutcomeEnvironment::Stage,
            Self::Prod => DeployOutcomeEnvironment::Prod,
        }
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Environment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|it| it.name() == text)
            .ok_or_else(|| format!("expected dev, stage or prod, found `{text}`"))
    }
}

/// A tenant in an environment, with nothing wrong in its configuration.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// Tenant id.
    pub tenant: String,
    /// Environment.
    pub environment: Environment,
    /// What `tenant.yaml` says of it.
    pub settings: DeployEnvironment,
    /// The account that it lives in.
    pub account: DeployAccount,
    /// Where the token comes from.
    pub profile: DeployProfile,
    /// Its host names: those of the environment, and where that has none the tenant's.
    pub hostnames: Vec<String>,
    /// Migrations of Durable Objects, oldest first.
    pub migrations: Vec<DeployMigration>,
    /// Text of the binding CONFIG: platform, tenant, prompts and keys of tokens.
    pub config_text: String,
    /// Target profile whose passing record opens the way to prod.
    pub gate_target: String,
}

impl Deployment {
    /// `tenant in environment`, for people.
    pub fn label(&self) -> String {
        format!("{} in {}", self.tenant, self.environment)
    }

    /// Where a new version is tried, without a slash at its end.
    pub fn smoke_url(&self) -> Option<String> {
        self.settings.smoke_url.clone().or_else(|| {
            let route = self.settings.routes.iter().flatten().next()?;
            Some(format!("https://{}", route.pattern.split('/').next().unwrap_or_default()))
        })
    }
}
