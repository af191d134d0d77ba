//! Whether a token can do what a verb needs, asked before the verb begins.

use super::{Access, PERMISSIONS, Permission, Verb};
use crate::api::{Api, ApiError};
use crate::config::Deployment;

/// Why a token will not do.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The API could not be asked.
    #[error("the token could not be checked")]
    Api(#[from] ApiError),
    /// It is not valid.
    #[error(
        "the token of profile `{profile}` is {status}, expected it to be active; make a new one and put it where the profile says"
    )]
    Inactive {
        /// Name of the profile.
        profile: String,
        /// What the API says of it.
        status: String,
    },
    /// It is of another account.
    #[error(
        "the token of profile `{profile}` does not reach the account `{account}`; the profile names another account than the token's"
    )]
    Account {
        /// Name of the profile.
        profile: String,
        /// Name of the account.
        account: String,
    },
    /// It lacks permissions.
    #[error("the token of profile `{profile}` lacks {missing}, which deploy {verb} needs")]
    Permissions {
        /// Name of the profile.
        profile: String,
        /// What is missing, as the dashboard calls it.
        missing: String,
        /// The verb.
        verb: &'static str,
    },
}

impl TokenError {
    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Api(_) => "see that the API can be reached, and ask again",
            Self::Inactive { .. } => "make a new token, and put it where the profile says",
            Self::Account { .. } => {
                "put a token of that account where the profile says, or name the token's account in the profile"
            }
            Self::Permissions { .. } => "add them to the token; credentials.md has the table",
        }
    }
}

/// The permissions that `verb` needs for `deployment`.
pub fn needed(verb: Verb, deployment: &Deployment) -> Vec<(&'static Permission, Access)> {
    let settings = &deployment.settings;
    let applies = |permission: &Permission| {
        let of_kind = permission.kind.is_none_or(|kind| settings.bindings.iter().any(|binding| binding.kind == kind));
        of_kind && (!permission.of_routes || settings.routes.iter().flatten().next().is_some())
    };
    let all = PERMISSIONS.iter().filter(|permission| applies(permission));
    all.filter_map(|permission| verb.needs(permission).map(|access| (permission, access))).collect()
}

/// Checks the token. Where it may not be asked for its permissions, each group is read once, which proves reading and not writing.
///
/// # Errors
///
/// [`TokenError`], with everything that is missing.
pub async fn check(api: &Api, verb: Verb, deployment: &Deployment) -> Result<(), TokenError> {
    let profile = || deployment.profile.name.clone();
    let (id, status) = match api.verify_token().await {
        Ok(found) => found,
        Err(error) if error.is_forbidden() || error.is_missing() => {
            (String::new(), format!("not valid for the account `{}`", deployment.account.name))
        }
        Err(error) => return Err(error.into()),
    };
    if status != "active" {
        return Err(TokenError::Inactive { profile: profile(), status });
    }
    if !api.reaches_account().await? {
        return Err(TokenError::Account { profile: profile(), account: deployment.account.name.clone() });
    }
    let groups = api.token_groups(&id).await?;
    let mut missing = Vec::new();
    for (permission, access) in needed(verb, deployment) {
        let has = match &groups {
            Some(groups) => {
                let write = groups.iter().any(|group| *group == format!("{} Write", permission.group));
                write
                    || (access == Access::Read
                        && groups.iter().any(|group| *group == format!("{} Read", permission.group)))
            }
            None => api.may_read(permission.probe).await?,
        };
        if !has {
            missing.push(format!("`{} {access:?}`", permission.group));
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(TokenError::Permissions { profile: profile(), missing: missing.join(", "), verb: verb.name() })
}
