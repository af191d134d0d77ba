//! Walks a sequence: sends each request, holds each answer against the model, and takes everything back at the end.

use std::{collections::BTreeSet, time::Duration};

use harness::client::{Exchange, Request};
use serde_json::{Value, json};

use super::{
    super::{
        told::Told,
        trial::{Attempt, Failure},
    },
    command::{Command, Draft, Plan, Theme},
    model::Model,
    talk::Talk,
};
use crate::{
    session::{Session, delete_documents},
    written::format::Expect,
};

/// Longest wait for a job to end, and the pause between two looks at it.
const LONGEST_JOB: Duration = Duration::from_secs(30);
const JOB_PAUSE: Duration = Duration::from_millis(50);
/// Most pages of a list.
const MOST_PAGES: usize = 200;

/// Walks `plan` as the attempt `number` of its theme.
pub(super) async fn attempt(session: &Session, theme: Theme, scopes: &[String], plan: &Plan, number: u32) -> Attempt {
    // Alone, because the model knows of no other change: a cached answer must still be there when it says so.
    let tenants = BTreeSet::from([session.bench().to_owned()]);
    let _guard = session.guard(&tenants, |_| true).await;
    // Numbers of other themes' attempts lie far apart, so that no two share a document or a word.
    let number = number + 1000 * (1 + theme as u32);
    let mut walk = Walk {
        session,
        scopes,
        model: Model::new(plan, &session.run, number),
        talk: Talk::default(),
        steps: Vec::new(),
        jobs: 0,
    };
    let ended = walk.all(plan).await;
    let ids: Vec<String> = (0..super::command::SLOTS).map(|slot| walk.model.id(slot)).collect();
    if theme == Theme::Sessions {
        walk.forget_all().await;
    } else {
        delete_documents(session, session.bench(), &ids).await;
    }
    ended.err().unwrap_or(Attempt::Passed)
}

pub(super) struct Walk<'a> {
    session: &'a Session,
    scopes: &'a [String],
    pub(super) model: Model,
    pub(super) talk: Talk,
    steps: Vec<Told>,
    jobs: usize,
}

/// The end of a walk before its time.
pub(super) type Step<T> = Result<T, Attempt>;

/// What is sent and what must come back.
pub(super) struct Turn {
    pub(super) name: String,
    pub(super) method: &'static str,
    pub(super) target: String,
    pub(super) body: Option<Value>,
    /// Status, code and assertions, in the form of a written step.
    pub(super) expect: Value,
    pub(super) rule: &'static str,
    pub(super) foreign: bool,
    pub(super) capture: Vec<(String, String)>,
}

impl Turn {
    pub(super) fn new(name: &str, method: &'static str, target: String, rule: &'static str) -> Self {
        let expect = json!({ "status": 200 });
        Self { name: name.to_owned(), method, target, body: None, expect, rule, foreign: false, capture: Vec::new() }
    }

    pub(super) fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// A success that holds these assertions, or 404 where there is nothing to hold them.
    pub(super) fn shows(mut self, assertions: Option<Vec<Value>>) -> Self {
        self.expect = match assertions {
            Some(assertions) => json!({ "status": 200, "body": assertions }),
            None => json!({ "status": 404, "code": "NOT_FOUND" }),
        };
        self
    }
}

impl Walk<'_> {
    async fn all(&mut self, plan: &Plan) -> Step<()> {
        for command in &plan.commands {
            match command {
                Command::Ingest { drafts, as_job } => self.ingest(drafts, *as_job).await?,
                Command::Again { slot } => {
                    let draft = self.model.documents[*slot].as_ref().map(super::model::Document::draft);
                    if let Some(draft) = draft {
                        self.ingest(&[draft], false).await?;
                    }
                }
                Command::Delete { slot } => self.delete(*slot).await?,
                Command::Get { slot } => {
                    let rule = if self.model.documents[*slot].is_some() { "ING-004" } else { "DOC-004" };
                    let turn = Turn::new("read the document", "GET", self.document(*slot), rule);
                    self.turn(turn.shows(self.model.shown(*slot))).await?;
                }
                Command::Chunks { slot } => {
                    let target = format!("{}/chunks?limit=100", self.document(*slot));
                    let rule = if self.model.documents[*slot].is_some() { "ING-003" } else { "DOC-004" };
                    let turn = Turn::new("read the chunks", "GET", target, rule);
                    self.turn(turn.shows(self.model.chunks(*slot))).await?;
                }
                Command::List => self.list().await?,
                Command::Retrieve { slot, filtered } => self.retrieve(*slot, *filtered).await?,
                Command::Search { slot, cache } => self.search(*slot, cache).await?,
                Command::Foreign { slot } => self.foreign(*slot).await?,
                Command::Chat { slot } => self.chat(*slot).await?,
                Command::Session { slot } => self.session(*slot).await?,
                Command::Forget { slot } => self.forget(*slot).await?,
            }
        }
        Ok(())
    }

    fn document(&self, slot: usize) -> String {
        format!("/documents/{}", self.model.id(slot))
    }

    async fn ingest(&mut self, drafts: &[Draft], as_job: bool) -> Step<()> {
        let made: Vec<_> = drafts.iter().map(|draft| (draft.slot, self.model.made(draft))).collect();
        let documents: Vec<Value> = made.iter().map(|(slot, made)| made.input(&self.model.id(*slot))).collect();
        let expected = Some(self.model.report(&made));
        let report = if as_job {
            self.jobs += 1;
            let name = format!("job{}", self.jobs);
            let mut turn = Turn::new("ingest as a job", "POST", "/ingest".to_owned(), "ING-006")
                .body(json!({ "documents": documents, "async": true }));
            turn.expect = json!({ "status": 202, "body": [{ "path": "$.id", "present": true }] });
            turn.capture = vec![(name, "$.id".to_owned())];
            let exchange = self.turn(turn).await?;
            let id = exchange.response.json().unwrap_or_default()["id"].as_str().unwrap_or_default().to_owned();
            self.wait(&id).await?;
            let target = format!("/jobs/{id}/result");
            self.turn(Turn::new("read the job's result", "GET", target, "ING-006").shows(expected)).await?
        } else {
            let turn = Turn::new("ingest", "POST", "/ingest".to_owned(), "ING-001");
            self.turn(turn.body(json!({ "documents": documents })).shows(expected)).await?
        };
        let report = report.response.json().unwrap_or_default();
        if self.model.ingested(made, &report) {
            self.settle().await;
        }
        Ok(())
    }

    /// Waits for a job to succeed: told as one step that is repeated.
    async fn wait(&mut self, id: &str) -> Step<()> {
        let until = tokio::time::Instant::now() + LONGEST_JOB;
        let before = self.steps.len();
        loop {
            let ended = vec![json!({ "path": "$.status", "equals": "succeeded" })];
            let turn = Turn::new("wait for the job", "GET", format!("/jobs/{id}"), "JOB-001");
            let Err(attempt) = self.turn(turn.shows(Some(ended))).await else {
                if let Some(last) = self.steps.last_mut() {
                    last.until = true;
                }
                return Ok(());
            };
            let state = match &attempt {
                Attempt::Failed(failure) => failure.exchange.as_ref().and_then(|exchange| exchange.response.json()),
                Attempt::Passed | Attempt::Ended(_) => None,
            };
            let state = state.unwrap_or_default();
            let goes_on = matches!(state["status"].as_str(), Some("queued" | "running"));
            if !goes_on || tokio::time::Instant::now() >= until {
                return Err(attempt);
            }
            self.steps.truncate(before);
            tokio::time::sleep(JOB_PAUSE).await;
        }
    }

    async fn delete(&mut self, slot: usize) -> Step<()> {
        let id = self.model.id(slot);
        let there = self.model.documents[slot].as_ref().map(|document| {
            let mut expected =
                vec![json!({ "path": "$.id", "equals": id }), json!({ "path": "$.deleted", "equals": true })];
            expected.extend(document.chunks.map(|chunks| json!({ "path": "$.chunks", "equals": chunks })));
            expected
        });
        let turn = Turn::new("delete the document", "DELETE", self.document(slot), "DOC-004");
        self.turn(turn.shows(there)).await?;
        self.model.deleted(slot);
        self.settle().await;
        Ok(())
    }

    async fn list(&mut self) -> Step<()> {
        let (mut found, mut target) = (Vec::new(), "/documents?limit=100".to_owned());
        let all: Vec<String> = (0..super::command::SLOTS).map(|slot| self.model.id(slot)).collect();
        for _ in 0..MOST_PAGES {
            let exchange = self.turn(Turn::new("list the documents", "GET", target, "DOC-001")).await?;
            let page = exchange.response.json().unwrap_or_default();
            let ids = page["documents"].as_array().into_iter().flatten().filter_map(|one| one["id"].as_str());
            found.extend(ids.filter(|id| all.iter().any(|own| own == id)).map(str::to_owned));
            let Some(cursor) = page["next_cursor"].as_str() else {
                let expected = self.model.ids();
                if found != expected {
                    let message =
                        format!("list the documents: expected {expected:?} among them in this order, found {found:?}");
                    return Err(self.failed(message, Some(exchange), "DOC-001"));
                }
                return Ok(());
            };
            target = format!("/documents?limit=100&cursor={}", harness::client::percent_encode(cursor));
        }
        Ok(())
    }

    async fn retrieve(&mut self, slot: usize, filtered: bool) -> Step<()> {
        let mut body = json!({ "query": self.model.sought(slot), "top_k": 100 });
        let facts = self.session.facts.get(self.session.bench());
        if facts.is_some_and(|facts| facts.lists("/retrieval_modes", &json!("lexical"))) {
            body["mode"] = json!("lexical");
        }
        let known = self.model.documents[slot].as_ref();
        let filtered = filtered && known.is_some_and(|document| document.metadata.contains_key("property_slot"));
        if filtered {
            body["filter"] = json!({ "property_slot": self.model.id(slot) });
        }
        let rule = if known.is_some() { "VEC-007" } else { "DOC-003" };
        let expected = self.model.retrieved(slot, filtered);
        let turn = Turn::new("look for its word", "POST", "/retrieve".to_owned(), rule).body(body);
        self.turn(turn.shows(Some(expected))).await?;
        Ok(())
    }

    async fn search(&mut self, slot: usize, cache: &str) -> Step<()> {
        let query = format!("What does the note say about {}?", self.model.sought(slot));
        let mut expected = self.model.nothing_gone("sources", "document_id", "");
        expected.extend(self.model.nothing_gone("citations", "source", "quote"));
        let mut rule = "DOC-003";
        if let Some(hit) = self.model.hit(&query, cache) {
            expected.push(json!({ "path": "$.cache.hit", "equals": hit }));
            rule = if hit { "CAC-001" } else { "CAC-005" };
        }
        let body = json!({ "query": query, "cache": cache });
        let turn = Turn::new("ask for its word", "POST", "/search".to_owned(), rule).body(body);
        let exchange = self.turn(turn.shows(Some(expected))).await?;
        self.model.answered(&query, cache, &exchange.response.json().unwrap_or_default());
        Ok(())
    }

    async fn foreign(&mut self, slot: usize) -> Step<()> {
        let Some(tenant) = self.session.stranger() else { return Ok(()) };
        if self.session.with_scope(tenant, self.scopes).is_none() {
            return Ok(());
        }
        let (id, word) = (self.model.id(slot), self.model.sought(slot));
        let turn = Turn::new("another tenant reads the document", "GET", self.document(slot), "TEN-009");
        self.turn(Turn { foreign: true, ..turn.shows(None) }).await?;
        let nothing = vec![
            json!({ "path": format!("$.chunks[?@.document_id == '{id}']"), "absent": true }),
            json!({ "path": format!("$.chunks[?search(@.text, '{word}')]"), "absent": true }),
        ];
        let turn = Turn::new("another tenant looks for its word", "POST", "/retrieve".to_owned(), "VEC-003");
        let turn = turn.body(json!({ "query": word, "top_k": 100 })).shows(Some(nothing));
        self.turn(Turn { foreign: true, ..turn }).await?;
        Ok(())
    }

    /// Waits as long as the target says that a change may take to be seen.
    async fn settle(&self) {
        let bound = self.session.facts.get(self.session.bench()).map(|facts| facts.consistency);
        tokio::time::sleep(bound.unwrap_or_default()).await;
    }

    /// Sends one request and holds the answer against what must come back.
    pub(super) async fn turn(&mut self, turn: Turn) -> Step<Exchange> {
        let session = self.session;
        let tenant = if turn.foreign { session.stranger().unwrap_or_default() } else { session.bench() };
        let mut request = Request::new(turn.method, &turn.target);
        if let Some(credential) = session.with_scope(tenant, self.scopes) {
            request = request.bearer(&credential.secret);
        }
        if let Some(body) = &turn.body {
            request = request.json(body);
        }
        let mut told = Told::new(&turn.name, &request, turn.expect.clone(), turn.body.as_ref());
        told.foreign = turn.foreign;
        told.capture.clone_from(&turn.capture);
        let judged = match session.send(&request, Some(tenant), true).await {
            Ok(judged) => judged,
            Err(error) => {
                self.steps.push(told);
                return Err(Attempt::no_response(&error, self.steps.clone(), turn.rule));
            }
        };
        self.steps.push(told.answered(&judged.exchange));
        let mut problems = departures(&turn.expect, &judged.exchange);
        problems.extend(judged.problems);
        if problems.is_empty() {
            return Ok(judged.exchange);
        }
        let message = format!("step {}, {}: {}", self.steps.len(), turn.name, problems.join("; "));
        Err(self.failed(message, Some(judged.exchange), turn.rule))
    }

    fn failed(&self, message: String, exchange: Option<Exchange>, rule: &'static str) -> Attempt {
        Attempt::Failed(Box::new(Failure { message, exchange, steps: self.steps.clone(), rule }))
    }
}

/// Where an answer departs from an expectation in the form of a written step.
fn departures(expect: &Value, exchange: &Exchange) -> Vec<String> {
    let expect: Expect = match serde_json::from_value(expect.clone()) {
        Ok(expect) => expect,
        Err(error) => return vec![format!("the expectation itself is wrong: {error}")],
    };
    let (status, code) = (exchange.response.status, exchange.response.error_code());
    let told = code.as_deref().map(|code| format!(" {code}")).unwrap_or_default();
    if let Some(wanted) = expect.status.filter(|wanted| !wanted.contains(status)) {
        return vec![format!("expected status {wanted}, found {status}{told}")];
    }
    if let Some(wanted) = expect.code.filter(|wanted| code.as_ref() != Some(wanted)) {
        return vec![format!("expected the code {wanted}, found {}", code.as_deref().unwrap_or("none"))];
    }
    let body = exchange.response.json().unwrap_or_default();
    expect.body.iter().flat_map(|assertion| assertion.problems(&body)).collect()
}
