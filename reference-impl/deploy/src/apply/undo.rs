//! What takes a step back.

use super::perform::same_traffic;
use crate::api::{Api, ApiError, Route, VersionShare};

/// The way back of one step.
#[derive(Debug)]
pub(crate) enum Undo {
    /// Nothing was changed.
    Nothing,
    /// There is no way back.
    Never,
    Namespace(String),
    Index(String),
    Property {
        index: String,
        property: String,
    },
    Bucket(String),
    Queue(String),
    Script,
    Traffic {
        /// What it was.
        before: Vec<VersionShare>,
        /// What the step made of it.
        ours: Vec<VersionShare>,
    },
    Route {
        zone: String,
        id: String,
    },
    Lead {
        zone: String,
        route: Route,
    },
    Schedules(Vec<String>),
}

impl Undo {
    /// Takes the step back; false where there was nothing to take back.
    pub(crate) async fn take_back(self, api: &Api, worker: &str) -> Result<bool, ApiError> {
        match self {
            Self::Nothing => return Ok(false),
            Self::Never => return Err(ApiError::Unusable("there is no way back")),
            Self::Namespace(id) => api.delete_namespace(&id).await?,
            Self::Index(name) => api.delete_index(&name).await?,
            Self::Property { index, property } => api.delete_metadata_index(&index, &property).await?,
            Self::Bucket(name) => api.delete_bucket(&name).await?,
            Self::Queue(id) => api.delete_queue(&id).await?,
            Self::Script => api.delete_script(worker).await?,
            Self::Traffic { before, ours } => {
                let now = api.traffic(worker).await?;
                if same_traffic(&now, &before) && now.len() == before.len() {
                    return Ok(true);
                }
                // What somebody else has done since is not ours to take back.
                if !same_traffic(&now, &ours) {
                    return Err(ApiError::Unusable("the traffic is no longer as this run left it"));
                }
                api.deploy(worker, &before, "plumbline: back to what was").await?;
            }
            Self::Route { zone, id } => api.delete_route(&zone, &id).await?,
            Self::Lead { zone, route } => api.update_route(&zone, &route, route.script.as_deref()).await?,
            Self::Schedules(crons) => api.set_schedules(worker, &crons).await?,
        }
        Ok(true)
    }
}
