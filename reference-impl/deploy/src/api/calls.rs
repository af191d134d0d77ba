//! The calls that the tool makes, each with what it gives.

use hyper::Method;
use serde_json::{Value, json};

use super::{Api, ApiError, Body, ENTRIES, Upload, ZONES, deployment_body, list};

/// A zone of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// A route of a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Its id.
    pub id: String,
    /// Its pattern.
    pub pattern: String,
    /// The Worker that it leads to; `None` where it keeps Workers away.
    pub script: Option<String>,
}

/// A Worker's settings as they are live.
#[derive(Debug, Clone, PartialEq)]
pub struct Script {
    /// Its bindings, as the API tells them; of secrets the names alone.
    pub bindings: Vec<Value>,
    /// Its compatibility date.
    pub compatibility_date: String,
    /// Its compatibility flags.
    pub compatibility_flags: Vec<String>,
    /// Tag of its last migration.
    pub migration_tag: Option<String>,
}

/// A version of a Worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its id.
    pub id: String,
    /// Our tag, where it has one.
    pub tag: Option<String>,
    /// Message that it was uploaded with.
    pub message: Option<String>,
}

/// A version's share of the traffic.
#[derive(Debug, Clone, PartialEq)]
pub struct VersionShare {
    /// Version id.
    pub version: String,
    /// 0 to 100.
    pub percentage: f64,
}

/// A Vectorize index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexInfo {
    /// Its dimensions.
    pub dimensions: u64,
    /// How it compares.
    pub metric: String,
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn version(value: &Value) -> Option<Version> {
    let notes = &value["annotations"];
    Some(Version {
        id: text(&value["id"])?,
        tag: text(&notes["workers/tag"]),
        message: text(&notes["workers/message"]),
    })
}

fn index(value: &Value) -> Option<IndexInfo> {
    let config = &value["config"];
    Some(IndexInfo { dimensions: config["dimensions"].as_u64()?, metric: text(&config["metric"])? })
}

#[expect(clippy::unnecessary_wraps, reason = "it stands where others read something")]
fn nothing(_: &Value) -> Option<()> {
    Some(())
}

/// What does not exist as `None`.
fn missing_is_none<T>(result: Result<T, ApiError>) -> Result<Option<T>, ApiError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(error),
    }
}

#[expect(clippy::missing_errors_doc, reason = "every call fails as `ApiError` says")]
impl Api {
    fn script(&self, name: &str, rest: &str) -> String {
        self.own(&format!("workers/scripts/{name}{rest}"))
    }

    /// Whether the token is valid; gives its id and status. A token that the account owns and no user is refused as one of a user.
    pub async fn verify_token(&self) -> Result<(String, String), ApiError> {
        let result = match self.read("/user/tokens/verify").await {
            Err(error) if error.is_forbidden() || error.is_missing() => self.read(&self.own("tokens/verify")).await?,
            result => result?,
        };
        Ok((text(&result["id"]).unwrap_or_default(), text(&result["status"]).unwrap_or_default()))
    }

    /// Permission groups of the token, where it may be asked for them.
    pub async fn token_groups(&self, id: &str) -> Result<Option<Vec<String>>, ApiError> {
        let result = match self.read(&format!("/user/tokens/{id}")).await {
            Ok(result) => result,
            Err(error) if error.is_forbidden() || error.is_missing() => return Ok(None),
            Err(error) => return Err(error),
        };
        let groups = result["policies"].as_array().into_iter().flatten().filter(|policy| policy["effect"] == "allow");
        let groups = groups.flat_map(|policy| policy["permission_groups"].as_array().cloned().unwrap_or_default());
        Ok(Some(groups.filter_map(|group| text(&group["name"])).collect()))
    }

    /// Whether `path` below the account, or `zones`, may be read.
    pub async fn may_read(&self, path: &str) -> Result<bool, ApiError> {
        let path = if path == "zones" {
            format!("/zones?account.id={}&page=1&per_page=5", self.account)
        } else {
            self.own(path)
        };
        match self.read(&path).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_forbidden() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether the token reaches the account.
    pub async fn reaches_account(&self) -> Result<bool, ApiError> {
        match self.read(&format!("/accounts/{}", self.account)).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_forbidden() || error.is_missing() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// A Worker's settings; `None` where there is no such Worker.
    pub async fn settings(&self, name: &str) -> Result<Option<Script>, ApiError> {
        let Some(mut found) = missing_is_none(self.read(&self.script(name, "/settings")).await)? else {
            return Ok(None);
        };
        // The tag of the last migration stands in the list of Workers alone.
        let scripts = self.read(&self.own("workers/scripts")).await?;
        let listed = scripts.as_array().into_iter().flatten().find(|script| script["id"] == name);
        Ok(Some(Script {
            migration_tag: listed.and_then(|script| text(&script["migration_tag"])),
            bindings: list(&mut found["bindings"], ""),
            compatibility_date: text(&found["compatibility_date"]).unwrap_or_default(),
            compatibility_flags: list(&mut found["compatibility_flags"], "").iter().filter_map(text).collect(),
        }))
    }

    /// Uploads a version that gets no traffic; finds it by its tag where the answer was lost.
    pub async fn upload_version(&self, name: &str, upload: &Upload, tag: &str) -> Result<Version, ApiError> {
        let path = self.script(name, "/versions?bindings_inherit=strict");
        let read = |value: &Value| Some(Version { id: text(&value["id"])?, tag: None, message: None });
        let find =
            async || Ok(self.versions(name).await?.into_iter().find(|version| version.tag.as_deref() == Some(tag)));
        self.create(Method::POST, &path, upload.body(), read, find).await
    }

    /// Uploads a Worker that gets all traffic at once: a new one, or one with a migration. To do it twice is to do it once.
    pub async fn upload_script(&self, name: &str, upload: &Upload) -> Result<(), ApiError> {
        let path = self.script(name, "?bindings_inherit=strict");
        self.call(Method::PUT, &path, upload.body(), false).await.map(drop)
    }

    /// Versions of a Worker, newest first.
    pub async fn versions(&self, name: &str) -> Result<Vec<Version>, ApiError> {
        let found = missing_is_none(self.pages(&self.script(name, "/versions"), "items", ENTRIES).await)?;
        Ok(found.into_iter().flatten().filter_map(|value| version(&value)).collect())
    }

    /// One version in full: annotations, bindings, script.
    pub async fn version(&self, name: &str, id: &str) -> Result<Option<Value>, ApiError> {
        missing_is_none(self.read(&self.script(name, &format!("/versions/{id}"))).await)
    }

    /// How the traffic of a Worker is shared out now; empty where it was never deployed.
    pub async fn traffic(&self, name: &str) -> Result<Vec<VersionShare>, ApiError> {
        let Some(found) = missing_is_none(self.read(&self.script(name, "/deployments")).await)? else {
            return Ok(Vec::new());
        };
        let shares = found["deployments"][0]["versions"].as_array().cloned().unwrap_or_default();
        let share = |value: &Value| {
            Some(VersionShare { version: text(&value["version_id"])?, percentage: value["percentage"].as_f64()? })
        };
        Ok(shares.iter().filter_map(share).collect())
    }

    /// Shares the traffic out. After a lost answer the deployment in force is read before it is made again.
    pub async fn deploy(&self, name: &str, shares: &[VersionShare], message: &str) -> Result<(), ApiError> {
        let find = async || {
            let now = self.traffic(name).await?;
            let same = now.len() == shares.len() && shares.iter().all(|share| now.contains(share));
            Ok(same.then_some(()))
        };
        let path = self.script(name, "/deployments");
        self.create(Method::POST, &path, Body::Json(deployment_body(shares, message)), nothing, find).await
    }

    /// Deletes a secret of a Worker by its name.
    pub async fn delete_secret(&self, name: &str, secret: &str) -> Result<(), ApiError> {
        let path = self.script(name, &format!("/secrets/{secret}"));
        missing_is_none(self.call(Method::DELETE, &path, Body::None, true).await).map(drop)
    }

    /// Deletes a Worker.
    pub async fn delete_script(&self, name: &str) -> Result<(), ApiError> {
        missing_is_none(self.call(Method::DELETE, &self.script(name, "?force=true"), Body::None, true).await).map(drop)
    }

    /// Times at which a Worker is woken.
    pub async fn schedules(&self, name: &str) -> Result<Vec<String>, ApiError> {
        let mut found = missing_is_none(self.read(&self.script(name, "/schedules")).await)?.unwrap_or_default();
        Ok(list(&mut found["schedules"], "").iter().filter_map(|it| text(&it["cron"])).collect())
    }

    /// Sets them all.
    pub async fn set_schedules(&self, name: &str, crons: &[String]) -> Result<(), ApiError> {
        let body: Vec<Value> = crons.iter().map(|cron| json!({"cron": cron})).collect();
        self.call(Method::PUT, &self.script(name, "/schedules"), Body::Json(json!(body)), true).await.map(drop)
    }

    /// The zones of the account.
    pub async fn zones(&self) -> Result<Vec<Zone>, ApiError> {
        let found = self.pages(&format!("/zones?account.id={}", self.account), "", ZONES).await?;
        Ok(found.iter().filter_map(|it| Some(Zone { id: text(&it["id"])?, name: text(&it["name"])? })).collect())
    }

    /// The routes of a zone.
    pub async fn routes(&self, zone: &str) -> Result<Vec<Route>, ApiError> {
        let mut found = self.read(&format!("/zones/{zone}/workers/routes")).await?;
        let route = |it: &Value| {
            Some(Route { id: text(&it["id"])?, pattern: text(&it["pattern"])?, script: text(&it["script"]) })
        };
        Ok(list(&mut found, "").iter().filter_map(route).collect())
    }

    /// Makes a route; gives its id.
    pub async fn create_route(&self, zone: &str, pattern: &str, script: &str) -> Result<String, ApiError> {
        let find = async || {
            let found = self.routes(zone).await?.into_iter().find(|route| route.pattern == pattern);
            Ok(found.map(|route| route.id))
        };
        let body = Body::Json(json!({"pattern": pattern, "script": script}));
        self.create(Method::POST, &format!("/zones/{zone}/workers/routes"), body, |it| text(&it["id"]), find).await
    }

    /// Leads a route to another Worker.
    pub async fn update_route(&self, zone: &str, route: &Route, script: Option<&str>) -> Result<(), ApiError> {
        let mut body = json!({"pattern": route.pattern});
        if let Some(script) = script {
            body["script"] = json!(script);
        }
        let body = Body::Json(body);
        self.call(Method::PUT, &format!("/zones/{zone}/workers/routes/{}", route.id), body, true).await.map(drop)
    }

    /// Deletes a route.
    pub async fn delete_route(&self, zone: &str, id: &str) -> Result<(), ApiError> {
        let path = format!("/zones/{zone}/workers/routes/{id}");
        missing_is_none(self.call(Method::DELETE, &path, Body::None, true).await).map(drop)
    }

    /// KV namespaces: titles and ids.
    pub async fn namespaces(&self) -> Result<Vec<(String, String)>, ApiError> {
        let found = self.pages(&self.own("storage/kv/namespaces"), "", ENTRIES).await?;
        Ok(found.iter().filter_map(|it| Some((text(&it["title"])?, text(&it["id"])?))).collect())
    }

    /// Makes a KV namespace; gives its id.
    pub async fn create_namespace(&self, title: &str) -> Result<String, ApiError> {
        let find = async || Ok(self.namespaces().await?.into_iter().find(|(name, _)| name == title).map(|(_, id)| id));
        let body = Body::Json(json!({"title": title}));
        self.create(Method::POST, &self.own("storage/kv/namespaces"), body, |it| text(&it["id"]), find).await
    }

    /// Deletes a KV namespace by its id.
    pub async fn delete_namespace(&self, id: &str) -> Result<(), ApiError> {
        let path = self.own(&format!("storage/kv/namespaces/{id}"));
        missing_is_none(self.call(Method::DELETE, &path, Body::None, true).await).map(drop)
    }

    /// A Vectorize index; `None` where there is none.
    pub async fn index(&self, name: &str) -> Result<Option<IndexInfo>, ApiError> {
        let path = self.own(&format!("vectorize/v2/indexes/{name}"));
        let found = missing_is_none(self.read(&path).await)?;
        found
            .map(|it| {
                index(&it).ok_or_else(|| ApiError::Strange(format!("GET {path}"), "dimensions and metric".to_owned()))
            })
            .transpose()
    }

    /// Makes a Vectorize index.
    pub async fn create_index(&self, name: &str, dimensions: u64, metric: &str) -> Result<(), ApiError> {
        let find = async || Ok(self.index(name).await?.map(drop));
        let body = json!({"name": name, "config": {"dimensions": dimensions, "metric": metric}});
        self.create(Method::POST, &self.own("vectorize/v2/indexes"), Body::Json(body), nothing, find).await
    }

    /// Deletes a Vectorize index.
    pub async fn delete_index(&self, name: &str) -> Result<(), ApiError> {
        let path = self.own(&format!("vectorize/v2/indexes/{name}"));
        missing_is_none(self.call(Method::DELETE, &path, Body::None, true).await).map(drop)
    }

    /// The metadata indexes of a Vectorize index: property and type.
    pub async fn metadata_indexes(&self, name: &str) -> Result<Vec<(String, String)>, ApiError> {
        let path = self.own(&format!("vectorize/v2/indexes/{name}/metadata_index/list"));
        let mut found = missing_is_none(self.read(&path).await)?.unwrap_or_default();
        let entry = |it: &Value| Some((text(&it["propertyName"])?, text(&it["indexType"])?.to_lowercase()));
        Ok(list(&mut found["metadataIndexes"], "").iter().filter_map(entry).collect())
    }

    /// Makes a metadata index.
    pub async fn create_metadata_index(&self, name: &str, property: &str, kind: &str) -> Result<(), ApiError> {
        let find =
            async || Ok(self.metadata_indexes(name).await?.into_iter().any(|(it, _)| it == property).then_some(()));
        let path = self.own(&format!("vectorize/v2/indexes/{name}/metadata_index/create"));
        let body = Body::Json(json!({"propertyName": property, "indexType": kind}));
        self.create(Method::POST, &path, body, nothing, find).await
    }

    /// Deletes a metadata index.
    pub async fn delete_metadata_index(&self, name: &str, property: &str) -> Result<(), ApiError> {
        let path = self.own(&format!("vectorize/v2/indexes/{name}/metadata_index/delete"));
        let body = Body::Json(json!({"propertyName": property}));
        missing_is_none(self.call(Method::POST, &path, body, true).await).map(drop)
    }

    /// Whether there is a bucket of this name.
    pub async fn has_bucket(&self, name: &str) -> Result<bool, ApiError> {
        Ok(missing_is_none(self.read(&self.own(&format!("r2/buckets/{name}"))).await)?.is_some())
    }

    /// Makes a bucket.
    pub async fn create_bucket(&self, name: &str) -> Result<(), ApiError> {
        let find = async || Ok(self.has_bucket(name).await?.then_some(()));
        self.create(Method::POST, &self.own("r2/buckets"), Body::Json(json!({"name": name})), nothing, find).await
    }

    /// Deletes a bucket, which must be empty.
    pub async fn delete_bucket(&self, name: &str) -> Result<(), ApiError> {
        let path = self.own(&format!("r2/buckets/{name}"));
        missing_is_none(self.call(Method::DELETE, &path, Body::None, true).await).map(drop)
    }

    /// Queues: names and ids.
    pub async fn queues(&self) -> Result<Vec<(String, String)>, ApiError> {
        let found = self.pages(&self.own("queues"), "", ENTRIES).await?;
        Ok(found.iter().filter_map(|it| Some((text(&it["queue_name"])?, text(&it["queue_id"])?))).collect())
    }

    /// Makes a queue; gives its id.
    pub async fn create_queue(&self, name: &str) -> Result<String, ApiError> {
        let find = async || Ok(self.queues().await?.into_iter().find(|(it, _)| it == name).map(|(_, id)| id));
        let body = Body::Json(json!({"queue_name": name}));
        self.create(Method::POST, &self.own("queues"), body, |it| text(&it["queue_id"]), find).await
    }

    /// Deletes a queue by its id.
    pub async fn delete_queue(&self, id: &str) -> Result<(), ApiError> {
        let path = self.own(&format!("queues/{id}"));
        missing_is_none(self.call(Method::DELETE, &path, Body::None, true).await).map(drop)
    }
}
