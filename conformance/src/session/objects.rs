//! Things that cases need to exist: a document, a finished job, a session, a tool; and throwaway ones for cases that delete.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use harness::{
    client::{Exchange, Request},
    seed,
};
use serde_json::{Value, json};

use super::Session;

/// Longest wait for a job to end.
const LONGEST_JOB: Duration = Duration::from_secs(30);

/// Why there is no such thing.
#[derive(Debug, Clone)]
pub enum NoObject {
    /// The target does not declare what it takes.
    NotDeclared(String),
    /// The target refused.
    Refused(String),
}

/// Things of one tenant that every case may read.
#[derive(Debug, Default)]
pub struct Objects {
    tenant: String,
    /// A document that stays.
    pub document: Option<Result<String, NoObject>>,
    /// A job that has ended with a result.
    pub job: Option<Result<String, NoObject>>,
    /// A session with one turn.
    pub session: Option<Result<String, NoObject>>,
    made: AtomicU32,
}

impl Objects {
    /// Makes for `tenant` what can be made.
    pub async fn make(session: &Session, tenant: &str) -> Self {
        let objects = Self { tenant: tenant.to_owned(), ..Self::default() };
        let document = objects.document(session).await;
        let job = objects.job(session, true).await;
        let chat = objects.session(session).await;
        Self { document: Some(document), job: Some(job), session: Some(chat), ..objects }
    }

    /// Ids of the things that every case may read.
    pub fn ids(&self) -> Vec<String> {
        let all = [&self.document, &self.job, &self.session];
        all.into_iter().flatten().filter_map(|made| made.as_ref().ok().cloned()).collect()
    }

    /// Ids of every document that was made so far.
    pub(super) fn made(&self, session: &Session) -> Vec<String> {
        let made = self.made.load(Ordering::Relaxed);
        (0..made).map(|number| self.name(session, number)).collect()
    }

    fn next(&self, session: &Session) -> String {
        self.name(session, self.made.fetch_add(1, Ordering::Relaxed))
    }

    /// Names differ between tenants, so that an id of one is an id that the other does not have.
    fn name(&self, session: &Session, number: u32) -> String {
        format!("conformance-{}-{}-{number}", session.run, self.tenant)
    }

    fn input(&self, session: &Session, id: &str) -> Value {
        let marks = session.fixtures.tenant(&self.tenant).map(|tenant| tenant.canaries.values().cloned());
        let marks: Vec<String> = marks.into_iter().flatten().collect();
        json!({
            "id": id,
            "content": format!(
                "# Workbench\n\nThis note was written by a conformance run and may be deleted. Its name is {id}. {}\n",
                marks.join(" ")
            ),
            "content_type": "text/markdown",
            "metadata": { "title": "Workbench", "area": "conformance" },
        })
    }

    /// Makes a document of its own.
    ///
    /// # Errors
    ///
    /// [`NoObject`].
    pub async fn document(&self, session: &Session) -> Result<String, NoObject> {
        let id = self.next(session);
        let exchange =
            post(session, &self.tenant, "/ingest", &json!({ "documents": [self.input(session, &id)] })).await?;
        expect(&exchange, &[200])?;
        Ok(id)
    }

    /// Makes a job by ingesting one document; `finished` waits for its end.
    ///
    /// # Errors
    ///
    /// [`NoObject`].
    pub async fn job(&self, session: &Session, finished: bool) -> Result<String, NoObject> {
        declared(session, &self.tenant, "async_ingest")?;
        let id = self.next(session);
        let exchange =
            post(session, &self.tenant, "/ingest", &json!({ "documents": [self.input(session, &id)], "async": true }))
                .await?;
        expect(&exchange, &[202])?;
        let job = text(&exchange, "/id")?;
        if finished {
            wait(session, &self.tenant, &job).await?;
        }
        Ok(job)
    }

    /// Makes a session by saying something.
    ///
    /// # Errors
    ///
    /// [`NoObject`].
    pub async fn session(&self, session: &Session) -> Result<String, NoObject> {
        declared(session, &self.tenant, "sessions")?;
        declared(session, &self.tenant, "chat")?;
        let body = json!({ "messages": [{ "role": "user", "content": "Hello" }], "rag": false, "stream": false });
        let exchange = post(session, &self.tenant, "/chat", &body).await?;
        expect(&exchange, &[200])?;
        text(&exchange, "/session_id")
    }
}

/// Waits until a job has ended.
///
/// # Errors
///
/// [`NoObject::Refused`] when it does not end in time or cannot be read.
pub async fn wait(session: &Session, tenant: &str, job: &str) -> Result<(), NoObject> {
    let until = tokio::time::Instant::now() + LONGEST_JOB;
    while tokio::time::Instant::now() < until {
        let exchange = send(session, tenant, Request::new("GET", &format!("/jobs/{job}"))).await?;
        expect(&exchange, &[200])?;
        match text(&exchange, "/status")?.as_str() {
            "queued" | "running" => tokio::time::sleep(Duration::from_millis(100)).await,
            _ => return Ok(()),
        }
    }
    Err(NoObject::Refused(format!("job {job} did not end within {LONGEST_JOB:?}")))
}

/// Deletes documents of a tenant; whether they were there makes no difference.
pub async fn delete_documents(session: &Session, tenant: &str, ids: &[String]) {
    for id in ids {
        let _ = send(session, tenant, Request::new("DELETE", &format!("/documents/{id}"))).await;
    }
}

/// Deletes a chat's session. One that stays runs out by itself.
pub async fn delete_session(session: &Session, tenant: &str, id: &str) {
    let _ = send(session, tenant, Request::new("DELETE", &format!("/sessions/{id}"))).await;
}

fn declared(session: &Session, tenant: &str, feature: &str) -> Result<(), NoObject> {
    let has = session.facts.get(tenant).is_some_and(|facts| facts.has(feature));
    let reason = || NoObject::NotDeclared(format!("the target does not declare the feature {feature}"));
    if has { Ok(()) } else { Err(reason()) }
}

async fn post(session: &Session, tenant: &str, path: &str, body: &Value) -> Result<Exchange, NoObject> {
    send(session, tenant, Request::new("POST", path).json(body)).await
}

async fn send(session: &Session, tenant: &str, request: Request) -> Result<Exchange, NoObject> {
    let credential = session.principal(tenant);
    let credential = credential.ok_or_else(|| NoObject::NotDeclared("the profile has no credential".to_owned()))?;
    let sent = seed::send_patiently(&session.client, &request.bearer(&credential.secret)).await;
    sent.map_err(|error| NoObject::Refused(error.to_string()))
}

fn expect(exchange: &Exchange, statuses: &[u16]) -> Result<(), NoObject> {
    let status = exchange.response.status;
    if statuses.contains(&status) {
        return Ok(());
    }
    let body: String = String::from_utf8_lossy(&exchange.response.body).chars().take(300).collect();
    let request = &exchange.request;
    Err(NoObject::Refused(format!(
        "{} {} to prepare the case answered {status}: {body}",
        request.method, request.target
    )))
}

fn text(exchange: &Exchange, pointer: &str) -> Result<String, NoObject> {
    let found = exchange.response.json().and_then(|body| body.pointer(pointer)?.as_str().map(str::to_owned));
    found
        .ok_or_else(|| NoObject::Refused(format!("the answer to {} has no text at {pointer}", exchange.request.target)))
}
