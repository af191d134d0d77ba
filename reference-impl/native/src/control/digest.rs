//! What a tenant has stored, as one SHA-256 a store.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use reference_core::ports::{Databases, Row, Statement, Value};
use reference_core::tenancy::{TenantContext, TenantSettings};
use serde_json::{Map, json};
use sha2::{Digest, Sha256};

use super::Control;
use super::reply::{Refusal, json_response};

/// What is read of each store, in the order of its keys. Row numbers, leases and what merely counts requests are left out.
const STORES: [(&str, &str); 7] = [
    (
        "documents",
        "SELECT id, content_type, content_hash, text, size_bytes, metadata, chunks, created_at, updated_at \
         FROM documents ORDER BY id",
    ),
    (
        "chunks",
        "SELECT document_id, ordinal, id, span_start, span_end, tokens, text, heading_path \
         FROM chunks ORDER BY document_id, ordinal",
    ),
    ("vectors", "SELECT id, embedding_model, dimensions, embedding FROM chunks ORDER BY id"),
    (
        "jobs",
        "SELECT id, kind, status, scope, request, items, done, total, result, error, created_at, updated_at, expires_at \
         FROM jobs ORDER BY id",
    ),
    (
        "idempotency",
        "SELECT operation, key, request_hash, state, status, headers, body, expires_at \
         FROM idempotency ORDER BY operation, key",
    ),
    ("sessions", "SELECT id, title, created_at, updated_at, turns, next FROM sessions ORDER BY id"),
    (
        "turns",
        "SELECT session_id, position, role, content, citations, tokens, at FROM session_turns \
         ORDER BY session_id, position",
    ),
];

/// One store.
pub(super) struct StoreDigest {
    pub(super) sha256: String,
    pub(super) items: usize,
}

pub(super) async fn get(State(control): State<Control>, Path(id): Path<String>) -> Result<Response, Refusal> {
    let tenant = control.tenant(&id)?;
    let mut stores = stores(&control, &tenant).await?;
    stores.push(("configuration", configuration(tenant.settings())));
    stores.sort_by_key(|(name, _)| *name);
    let mut all = Sha256::new();
    let mut found = Map::new();
    for (name, store) in stores {
        all.update(format!("{name}:{}\n", store.sha256));
        found.insert(name.to_owned(), json!({"sha256": store.sha256, "items": store.items}));
    }
    let body = json!({"tenant": id, "stores": found, "sha256": hex(&all.finalize())});
    Ok(json_response(StatusCode::OK, &body))
}

/// Every store of the tenant's database.
pub(super) async fn stores(
    control: &Control,
    tenant: &TenantContext,
) -> Result<Vec<(&'static str, StoreDigest)>, Refusal> {
    let database = control.deployment.databases.open(tenant).await.map_err(|error| Refusal::failed(&error))?;
    let reads = STORES.iter().map(|(_, sql)| Statement::new(sql, Vec::new())).collect();
    let answers = database.batch(reads).await.map_err(|error| Refusal::failed(&error))?;
    Ok(STORES.iter().map(|(name, _)| *name).zip(answers.iter().map(|rows| of_rows(rows))).collect())
}

fn of_rows(rows: &[Row]) -> StoreDigest {
    let mut hash = Sha256::new();
    for value in rows.iter().flatten() {
        // Kind and length before each value, so that no two lists of values look the same.
        let number;
        let (kind, bytes): (u8, &[u8]) = match value {
            Value::Null => (0, &[]),
            Value::Integer(it) => {
                number = it.to_be_bytes();
                (1, &number)
            }
            Value::Real(it) => {
                number = it.to_be_bytes();
                (2, &number)
            }
            Value::Text(it) => (3, it.as_bytes()),
            Value::Blob(it) => (4, it),
        };
        hash.update([kind]);
        hash.update(bytes.len().to_be_bytes());
        hash.update(bytes);
    }
    StoreDigest { sha256: hex(&hash.finalize()), items: rows.len() }
}

fn configuration(settings: &TenantSettings) -> StoreDigest {
    let mut hash = Sha256::new();
    hash.update(format!("{settings:?}")); // without the keys' hashes, which hide themselves
    for credential in &settings.credentials {
        hash.update(credential.key_sha256.to_hex());
    }
    StoreDigest { sha256: hex(&hash.finalize()), items: 1 }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}
