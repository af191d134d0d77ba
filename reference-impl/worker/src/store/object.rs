//! The Durable Object of one tenant.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use reference_core::{
    ports::Value,
    sabotage::{self, Sabotage},
    store::MIGRATIONS,
    tenancy::TenantId,
};
use serde::{Deserialize, Serialize};
use worker::{
    DurableObject, Env, Method, Request, Response, SqlStorage, SqlStorageValue, State, durable_object, js_sys,
    wasm_bindgen::{self, JsCast, JsValue, prelude::wasm_bindgen},
};

use super::{
    message::{Cell, LONGEST_CALL, Order, Outcome, SentStatement, Work},
    statement,
};

/// Which steps of the schema have run. The host refuses `PRAGMA user_version`.
const STEPS: &str = "CREATE TABLE IF NOT EXISTS schema_steps (number INTEGER PRIMARY KEY)";

#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen)]
extern "C" {
    #[wasm_bindgen(extends = js_sys::Object)]
    type SyncStorage;

    /// Runs `work` as one transaction, rolled back when it throws.
    #[wasm_bindgen(method, catch, js_name = transactionSync)]
    fn transaction_sync(
        this: &SyncStorage,
        work: &mut dyn FnMut() -> Result<JsValue, JsValue>,
    ) -> Result<JsValue, JsValue>;
}

/// Under which the object keeps what its alarm is for; no part of the database.
const WAITING: &str = "waiting";
/// Time after which jobs are tried again at first, in milliseconds; each time in a row it is twice as long.
const FIRST_WAIT_MS: i64 = 2_000;
/// Most times that it doubles: two minutes, about.
const MOST_DOUBLINGS: u32 = 6;
/// Time after which a running job that nothing was heard of is taken for lost with its isolate, in milliseconds.
const LOST_AFTER_MS: i64 = 20_000;
const RUNNING: &str = "SELECT id FROM jobs WHERE status = 'running'";
const TAKE_BACK: &str = "UPDATE jobs SET status = 'queued' WHERE id = ?1 AND status = 'running'";
const QUEUED: &str = "SELECT 1 FROM jobs WHERE status = 'queued' LIMIT 1";

/// Why an alarm is set. An alarm tells its object nothing, not even whose it is.
#[derive(Debug, Serialize, Deserialize)]
struct Waiting {
    tenant: String,
    /// How often the jobs were tried again in a row.
    tried: u32,
}

/// One tenant's database. Its name in the namespace is the tenant's id.
#[durable_object(alarm)]
pub(crate) struct TenantStore {
    state: State,
    env: Env,
    migrated: AtomicBool,
    /// When each running job was last heard of, in milliseconds of the host's clock; no test moves that one.
    at_work: Mutex<HashMap<String, i64>>,
    /// When this instance began to listen.
    since: i64,
}

impl DurableObject for TenantStore {
    fn new(state: State, env: Env) -> Self {
        Self { state, env, migrated: AtomicBool::new(false), at_work: Mutex::default(), since: now() }
    }

    async fn fetch(&self, mut request: Request) -> worker::Result<Response> {
        if request.method() != Method::Post {
            return Response::error("an order is a POST", 405);
        }
        Response::ok(self.carried_out(&request.text().await?).await?)
    }

    /// Runs the jobs that wait, those that were lost with their isolate among them. Where they must wait on, they set the next
    /// alarm, and while others are at work there is one as well; a failure has the host call again.
    async fn alarm(&self) -> worker::Result<Response> {
        let storage = self.state.storage();
        let Some(waiting) = storage.get::<Waiting>(WAITING).await? else { return Response::empty() };
        let failed = worker::Error::RustError;
        self.migrate().map_err(failed)?;
        let at_work = self.take_back().map_err(failed)?;
        if let Some(tenant) =
            TenantId::parse(&waiting.tenant).ok().filter(|_| !sabotage::on(Sabotage::WorkerWorkDropped))
            && !self.ids(QUEUED, Vec::new()).map_err(failed)?.is_empty()
        {
            crate::run_jobs(&self.env, &tenant).await?;
        }
        if storage.get_alarm().await?.is_none() {
            if at_work {
                storage.set_alarm(LOST_AFTER_MS).await?;
            } else {
                storage.delete(WAITING).await?;
            }
        }
        Response::empty()
    }
}

#[wasm_bindgen(
    wasm_bindgen = worker::wasm_bindgen,
    wasm_bindgen_futures = worker::wasm_bindgen_futures,
    js_sys = worker::js_sys
)]
#[expect(unreachable_pub, reason = "what JavaScript calls is public")]
impl TenantStore {
    /// Carries out an order as it travels, and answers in the same form; with nothing where the answer is too long for a call. As a method of the object it costs the one thread that
    /// all requests share a tenth of what a request to the object does.
    pub async fn order(&self, order: String) -> Result<String, JsValue> {
        let answer = self.carried_out(&order).await?;
        // What only reads is asked for again by a request; a write has been done, and its rows are few.
        Ok(if answer.len() > LONGEST_CALL { String::new() } else { answer })
    }
}

impl TenantStore {
    async fn carried_out(&self, order: &str) -> worker::Result<String> {
        let order: Order = serde_json::from_str(order)?;
        let mine = self.state.id().name().as_deref() == Some(order.tenant.as_str())
            || sabotage::on(Sabotage::WorkerObjectsConfused);
        let answer = if mine {
            match order.work {
                Work::Batch(statements) => self.batch(&statements),
                Work::Destroy => self.destroy().await,
                Work::WakeLater => told(self.wake_later(order.tenant).await),
                Work::AtWork { job } => told(self.at_work(order.tenant, job).await),
            }
        } else {
            Outcome::Unavailable { reason: "the order is for another tenant's store".to_owned() }
        };
        Ok(serde_json::to_string(&answer)?)
    }

    fn batch(&self, statements: &[SentStatement]) -> Outcome {
        if let Err(reason) = self.migrate() {
            return Outcome::Unavailable { reason };
        }
        let sql = self.state.storage().sql();
        if let [statement] = statements
            && !statement.guard
            && statement.sql.starts_with("SELECT ")
        {
            // One statement sees one state of the store by itself.
            return match one(&sql, statement) {
                Ok(found) => Outcome::Rows(vec![found]),
                Err(reason) => Outcome::Refused { index: 0, reason },
            };
        }
        let (mut rows, mut stopped) = (Vec::with_capacity(statements.len()), None);
        let done = self.transaction(|| {
            rows.clear();
            for (index, statement) in statements.iter().enumerate() {
                match one(&sql, statement) {
                    Ok(found) if statement.guard && found.is_empty() => {
                        stopped = Some(Outcome::GuardFailed { index });
                        return Err("guard".to_owned());
                    }
                    Ok(found) => rows.push(found),
                    Err(reason) => {
                        stopped = Some(Outcome::Refused { index, reason });
                        return Err("refused".to_owned());
                    }
                }
            }
            Ok(())
        });
        match (stopped, done) {
            (Some(stopped), _) => stopped,
            (None, Ok(())) => Outcome::Rows(rows),
            (None, Err(reason)) => Outcome::Unavailable { reason },
        }
    }

    /// Runs the steps that the database does not have yet, each as one transaction together with its number.
    fn migrate(&self) -> Result<(), String> {
        if self.migrated.load(Ordering::Relaxed) {
            return Ok(());
        }
        let sql = self.state.storage().sql();
        let run = |text: &str| sql.exec(text, None).map(drop).map_err(|error| error.to_string());
        run(STEPS)?;
        let last = SentStatement {
            sql: "SELECT coalesce(max(number), 0) FROM schema_steps".to_owned(),
            params: Vec::new(),
            guard: false,
        };
        let done = match one(&sql, &last)?.first().and_then(|row| row.first()) {
            Some(Cell(Value::Integer(number))) => *number,
            Some(_) | None => return Err("the list of schema steps cannot be read".to_owned()),
        };
        let newest = MIGRATIONS.last().map_or(0, |step| i64::from(step.number));
        if done > newest {
            return Err(format!("schema {done} was written by a newer Worker; this one knows {newest}"));
        }
        for step in MIGRATIONS.iter().filter(|step| i64::from(step.number) > done) {
            self.transaction(|| {
                run(step.sql)?;
                run(&format!("INSERT INTO schema_steps VALUES ({})", step.number))
            })?;
        }
        self.migrated.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Removes the database as a whole; the next batch finds a new one.
    async fn destroy(&self) -> Outcome {
        self.migrated.store(false, Ordering::Relaxed);
        let storage = self.state.storage();
        // The host keeps alarms apart from what else is stored.
        let removed = async {
            storage.delete_alarm().await?;
            storage.delete_all().await
        };
        match removed.await {
            Ok(()) => Outcome::Rows(Vec::new()),
            Err(error) => Outcome::Unavailable { reason: error.to_string() },
        }
    }

    /// Sets the alarm, unless one is set that comes as early.
    async fn wake_later(&self, tenant: String) -> worker::Result<()> {
        let storage = self.state.storage();
        let tried = storage.get::<Waiting>(WAITING).await?.map_or(0, |waiting| waiting.tried);
        let wait = FIRST_WAIT_MS << tried.min(MOST_DOUBLINGS);
        // Such a one is for the same jobs: a runner beside requests waits as often as they have it try again.
        if storage.get_alarm().await?.is_some_and(|at| at <= now() + wait) {
            return Ok(());
        }
        storage.put(WAITING, Waiting { tenant, tried: tried.saturating_add(1) }).await?;
        storage.set_alarm(wait).await
    }

    /// Notes that a job is at work, and has an alarm look after it.
    async fn at_work(&self, tenant: String, job: String) -> worker::Result<()> {
        self.heard().insert(job, now());
        let storage = self.state.storage();
        if storage.get_alarm().await?.is_some() {
            return Ok(());
        }
        let tried = storage.get::<Waiting>(WAITING).await?.map_or(0, |waiting| waiting.tried);
        storage.put(WAITING, Waiting { tenant, tried }).await?;
        storage.set_alarm(LOST_AFTER_MS).await
    }

    /// Queues running jobs again that nothing was heard of for too long; says whether others are at work.
    fn take_back(&self) -> Result<bool, String> {
        let running = self.ids(RUNNING, Vec::new())?;
        let mut heard = self.heard();
        heard.retain(|job, _| running.contains(job));
        let mut at_work = false;
        for job in running {
            if now() - heard.get(&job).copied().unwrap_or(self.since) < LOST_AFTER_MS {
                at_work = true;
                continue;
            }
            heard.remove(&job);
            worker::console_error!("a job was lost with its isolate and is queued again: {job}");
            self.ids(TAKE_BACK, vec![Cell(Value::Text(job))])?;
        }
        Ok(at_work)
    }

    fn heard(&self) -> MutexGuard<'_, HashMap<String, i64>> {
        self.at_work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first cell of each row that a statement gives, as text.
    fn ids(&self, sql: &str, params: Vec<Cell>) -> Result<Vec<String>, String> {
        let statement = SentStatement { sql: sql.to_owned(), params, guard: false };
        let rows = one(&self.state.storage().sql(), &statement)?;
        let cells = rows.into_iter().filter_map(|row| row.into_iter().next());
        Ok(cells.map(|Cell(value)| if let Value::Text(id) = value { id } else { String::new() }).collect())
    }

    fn transaction(&self, work: impl FnMut() -> Result<(), String>) -> Result<(), String> {
        let storage = self.state.storage();
        let storage = storage.as_raw().unchecked_ref::<SyncStorage>();
        // Work that panics is rolled back like work that fails, and what it had collected is never looked at.
        let mut work = AssertUnwindSafe(work);
        let mut run = move || {
            let AssertUnwindSafe(work) = &mut work;
            work().map(|()| JsValue::UNDEFINED).map_err(|reason| js_sys::Error::new(&reason).into())
        };
        storage.transaction_sync(&mut run).map(drop).map_err(|error| said(&error))
    }
}

/// Milliseconds of the host's clock.
#[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970 fit")]
fn now() -> i64 {
    js_sys::Date::now() as i64
}

fn told(done: worker::Result<()>) -> Outcome {
    match done {
        Ok(()) => Outcome::Rows(Vec::new()),
        Err(error) => Outcome::Unavailable { reason: error.to_string() },
    }
}

fn one(sql: &SqlStorage, sent: &SentStatement) -> Result<Vec<Vec<Cell>>, String> {
    let bound: Vec<SqlStorageValue> = sent.params.iter().map(|cell| statement::bound(&cell.0)).collect();
    let cursor = sql.exec(&statement::typed(&sent.sql, &sent.params), bound).map_err(|error| error.to_string())?;
    let row = |row: worker::Result<Vec<SqlStorageValue>>| {
        let row = row.map_err(|error| error.to_string())?;
        let cells: Option<Vec<Cell>> = row.into_iter().map(|value| statement::read(value).map(Cell)).collect();
        cells.ok_or_else(|| "a number lies outside the range that this host reads exactly, 2^53".to_owned())
    };
    cursor.raw().map(row).collect()
}

fn said(error: &JsValue) -> String {
    error.dyn_ref::<js_sys::Error>().map_or_else(|| format!("{error:?}"), |error| String::from(error.message()))
}
