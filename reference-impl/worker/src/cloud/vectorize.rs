//! A vector index in Vectorize, a namespace for each tenant.

use reference_core::ports::{BoxFuture, KeptVector, MOST_NEAREST, UnixMillis, VectorError, VectorIndex};
use reference_core::sabotage::{self, Sabotage};
use reference_core::tenancy::TenantContext;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use worker::{
    Env, js_sys,
    send::{SendFuture, SendWrapper},
    wasm_bindgen::{JsCast as _, JsValue, prelude::wasm_bindgen},
    wasm_bindgen_futures::JsFuture,
};

/// Vectors or ids of one call.
const BATCH: usize = 1000;
/// A mutation counts as seen once the host has come this far beyond the time at which it was taken, in milliseconds: clocks differ.
const MARGIN_MS: i64 = 5_000;

#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen)]
extern "C" {
    #[wasm_bindgen(extends = js_sys::Object)]
    #[derive(Clone)]
    type Binding;

    #[wasm_bindgen(method, catch)]
    fn upsert(this: &Binding, vectors: &JsValue) -> Result<js_sys::Promise, JsValue>;

    #[wasm_bindgen(method, catch, js_name = deleteByIds)]
    fn delete_by_ids(this: &Binding, ids: &JsValue) -> Result<js_sys::Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn query(this: &Binding, vector: &JsValue, options: &JsValue) -> Result<js_sys::Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn describe(this: &Binding) -> Result<js_sys::Promise, JsValue>;
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mutation {
    mutation_id: String,
}

#[derive(Deserialize)]
struct Matches {
    matches: Vec<Match>,
}

#[derive(Deserialize)]
struct Match {
    id: String,
    #[serde(default)]
    namespace: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Description {
    #[serde(default)]
    processed_up_to_mutation: Option<Json>,
    #[serde(default)]
    processed_up_to_datetime: Option<Json>,
}

/// One index, of all tenants of the deployment.
pub(crate) struct Vectorize(SendWrapper<Binding>);

impl Vectorize {
    /// `None` where there is no such binding.
    pub(crate) fn new(env: &Env, name: &str) -> Option<Self> {
        let found = js_sys::Reflect::get(env, &JsValue::from_str(name)).ok()?;
        found.is_object().then(|| Self(SendWrapper::new(found.unchecked_into())))
    }

    async fn put_all(&self, tenant: &TenantContext, vectors: Vec<KeptVector>) -> Result<String, VectorError> {
        let namespace = tenant.id().as_str();
        let sent = |it: &KeptVector| json!({"id": it.id, "values": it.values, "namespace": namespace, "metadata": it.metadata});
        let mut last = String::new();
        for batch in vectors.chunks(BATCH) {
            let batch: Vec<Json> = batch.iter().map(sent).collect();
            let answer = answered(self.0.upsert(&given(&Json::from(batch))?)).await?;
            last = read::<Mutation>(&answer)?.mutation_id;
        }
        Ok(last)
    }

    async fn remove_all(&self, mut ids: Vec<String>) -> Result<String, VectorError> {
        if sabotage::on(Sabotage::BindingVectorsStay) {
            ids = vec!["nothing".to_owned()];
        }
        let mut last = String::new();
        for batch in ids.chunks(BATCH) {
            let answer = answered(self.0.delete_by_ids(&given(&json!(batch))?)).await?;
            last = read::<Mutation>(&answer)?.mutation_id;
        }
        Ok(last)
    }

    async fn sees(&self, mutation: &str, since: UnixMillis) -> Result<bool, VectorError> {
        let told: Description = read(&answered(self.0.describe()).await?)?;
        if sabotage::on(Sabotage::BindingVectorsEarly) {
            return Ok(true);
        }
        let newest = told.processed_up_to_mutation.is_some_and(|it| it.as_str() == Some(mutation));
        // The host names its latest mutation alone, which may be another tenant's; then time tells.
        let until = told.processed_up_to_datetime.and_then(|it| match it {
            Json::Number(number) => number.as_i64(),
            Json::String(text) => text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond),
            Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => None,
        });
        Ok(newest || until.is_some_and(|until| until >= since.saturating_add(MARGIN_MS)))
    }

    async fn look_up(
        &self,
        tenant: &TenantContext,
        vector: &[f32],
        filter: Option<Map<String, Json>>,
    ) -> Result<Vec<String>, VectorError> {
        let namespace = tenant.id().as_str();
        let mut options = json!({
            "topK": MOST_NEAREST, "namespace": namespace, "returnValues": false, "returnMetadata": "none",
        });
        let shared = sabotage::on(Sabotage::BindingVectorsShared);
        if shared && let Some(options) = options.as_object_mut() {
            options.remove("namespace");
        }
        if let Some(filter) = filter {
            options["filter"] = Json::Object(filter);
        }
        let answer = answered(self.0.query(&given(&json!(vector))?, &given(&options)?)).await?;
        let found: Matches = read(&answer)?;
        // What comes back is looked at again: a match that says it is another tenant's is none.
        let own = |it: &Match| shared || it.namespace.as_deref().is_none_or(|it| it == namespace);
        Ok(found.matches.into_iter().filter(own).map(|it| it.id).collect())
    }
}

fn given(value: &Json) -> Result<JsValue, VectorError> {
    js_sys::JSON::parse(&value.to_string()).map_err(|error| failed(&error))
}

async fn answered(called: Result<js_sys::Promise, JsValue>) -> Result<JsValue, VectorError> {
    let promise = called.map_err(|error| failed(&error))?;
    JsFuture::from(promise).await.map_err(|error| failed(&error))
}

fn read<T: for<'de> Deserialize<'de>>(answer: &JsValue) -> Result<T, VectorError> {
    let text = js_sys::JSON::stringify(answer).map_err(|error| failed(&error))?;
    let unusable =
        |error: serde_json::Error| VectorError::Unavailable { reason: format!("its answer is of no use: {error}") };
    serde_json::from_str(&String::from(text)).map_err(unusable)
}

/// The host's codes from 40000 on are about what was sent, as statuses are.
fn failed(error: &JsValue) -> VectorError {
    let reason = error.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message()));
    let reason = reason.unwrap_or_else(|| format!("{error:?}"));
    let code = reason.split(|it: char| !it.is_ascii_digit()).find(|part| part.len() == 5);
    if code.is_some_and(|code| code.starts_with("40")) {
        VectorError::Refused { reason }
    } else {
        VectorError::Unavailable { reason }
    }
}

impl VectorIndex for Vectorize {
    fn put<'a>(
        &'a self,
        tenant: &'a TenantContext,
        vectors: Vec<KeptVector>,
    ) -> BoxFuture<'a, Result<String, VectorError>> {
        Box::pin(SendFuture::new(self.put_all(tenant, vectors)))
    }

    fn remove<'a>(
        &'a self,
        _tenant: &'a TenantContext,
        ids: Vec<String>,
    ) -> BoxFuture<'a, Result<String, VectorError>> {
        Box::pin(SendFuture::new(self.remove_all(ids)))
    }

    fn is_visible<'a>(
        &'a self,
        _tenant: &'a TenantContext,
        mutation: &'a str,
        since: UnixMillis,
    ) -> BoxFuture<'a, Result<bool, VectorError>> {
        Box::pin(SendFuture::new(self.sees(mutation, since)))
    }

    fn nearest<'a>(
        &'a self,
        tenant: &'a TenantContext,
        vector: &'a [f32],
        filter: Option<Map<String, Json>>,
    ) -> BoxFuture<'a, Result<Vec<String>, VectorError>> {
        Box::pin(SendFuture::new(self.look_up(tenant, vector, filter)))
    }
}
