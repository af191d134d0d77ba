//! How quick the target is, as seen from here: the way to it is part of every figure.

use std::{
    fmt::Write as _,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use contract_types::Feature;
use harness::client::{Flow, Request, Response};
use serde_json::json;

use super::{Finding, Stop, needs, pair, quantile, search, timed};
use crate::session::Session;

/// Measurements of each thing.
const TIMES: usize = 200;
/// Measurements of what is slower.
const FEW: usize = 30;
/// How long each half of a comparison under load lasts.
const LOAD: Duration = Duration::from_secs(3);
/// Requests that a flood keeps under way.
const FLOOD: usize = 8;

/// A stored answer, again and again.
pub(super) async fn stored_answer(session: &Session) -> Result<Finding, Stop> {
    let tenant = session.main_tenant();
    let request = || search(&format!("How is a stored answer timed for {}?", session.run));
    timed(session, tenant, request(), 200).await?;
    let mut times = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        times.push(timed(session, tenant, request(), 200).await?);
    }
    Ok(held("a stored answer takes", quantile(&times, 0.9), 100.0, ""))
}

/// An answer that needs the tenant against one that needs none.
pub(super) async fn tenant_check(session: &Session) -> Result<Finding, Stop> {
    let tenant = session.main_tenant();
    let (mut with, mut without) = (Vec::with_capacity(TIMES), Vec::with_capacity(TIMES));
    for _ in 0..TIMES {
        with.push(timed(session, tenant, Request::new("GET", "/capabilities"), 200).await?);
        let open = session.send(&Request::new("GET", "/health"), None, false).await.map_err(Stop::NoResponse)?;
        without.push(open.exchange.elapsed);
    }
    let (with, without) = (quantile(&with, 0.9), quantile(&without, 0.5));
    let how = format!(" (/capabilities {with:.2} ms at the 90th percentile, /health {without:.2} ms at the median)");
    Ok(held("finding and checking the tenant adds", (with - without).max(0.0), 2.0, &how))
}

/// The first token of a chat, the model's own time included: a black box does not tell it apart.
pub(super) async fn first_token(session: &Session) -> Result<Finding, Stop> {
    let tenant = session.main_tenant();
    needs(session, tenant, Feature::Chat)?;
    let principal = session.principal(tenant);
    let principal = principal.ok_or_else(|| Stop::NotApplicable("the profile has no credential".to_owned()))?;
    let body = json!({ "messages": [{ "role": "user", "content": "Hello" }], "stream": true, "rag": false });
    let request = Request::new("POST", "/chat").json(&body).bearer(&principal.secret);
    let mut times = Vec::with_capacity(FEW);
    for _ in 0..FEW {
        let mut first = None;
        let read = |_: &Response, after, piece: &[u8]| {
            // An event of one piece: what is split over two is found late, which makes the figure no better.
            if String::from_utf8_lossy(piece).contains("token") && first.is_none() {
                first = Some(after);
                return Flow::Stop;
            }
            Flow::On
        };
        session.client.watch(&request, session.bounds, read).await.map_err(Stop::NoResponse)?;
        times.extend(first);
    }
    if times.len() < FEW {
        let text = format!("{} of {FEW} chats had no token", FEW - times.len());
        return Ok(Finding { figure: f64::INFINITY, bad: true, text });
    }
    Ok(held("the first token takes, with the model's own time,", quantile(&times, 0.9), 500.0, ""))
}

/// What one tenant gets beside a flood of another, against what it gets alone and half of all there is.
pub(super) async fn shares(session: &Session) -> Result<Finding, Stop> {
    let (tenant, flooder) = pair(session)?;
    let (alone, _) = load(session, tenant, flooder, 0).await?;
    let (beside, flood) = load(session, tenant, flooder, FLOOD).await?;
    let fair = alone.min(f64::midpoint(beside, flood));
    let figures = format!(
        "alone {alone:.0} requests a second, {beside:.0} beside {FLOOD} callers of `{flooder}` that get {flood:.0}; its share is {fair:.0}"
    );
    // A tenth less is what a busy machine makes of equal shares.
    Ok(Finding { figure: fair / beside.max(0.01), bad: beside < fair * 0.9, text: figures })
}

/// Requests a second of one caller of `tenant`, and of so many callers of `flooder` beside it.
async fn load(session: &Session, tenant: &str, flooder: &str, callers: usize) -> Result<(f64, f64), Stop> {
    let (over, flood) = (AtomicBool::new(false), AtomicUsize::new(0));
    let request = || Request::new("POST", "/retrieve").json(&json!({ "query": "What is the warranty?", "top_k": 5 }));
    let one = async {
        let began = Instant::now();
        let mut done = 0_u32;
        let result = loop {
            match timed(session, tenant, request(), 200).await {
                Ok(_) if began.elapsed() < LOAD => done += 1,
                Ok(_) => break Ok(f64::from(done) / began.elapsed().as_secs_f64()),
                Err(stop) => break Err(stop),
            }
        };
        over.store(true, Ordering::Relaxed);
        result
    };
    let others = (0..callers).map(|_| async {
        while !over.load(Ordering::Relaxed) && timed(session, flooder, request(), 200).await.is_ok() {
            flood.fetch_add(1, Ordering::Relaxed);
        }
    });
    let (one, _) = futures_util::future::join(one, futures_util::future::join_all(others)).await;
    #[expect(clippy::cast_precision_loss, reason = "a few thousand requests")]
    let flood = flood.into_inner() as f64 / LOAD.as_secs_f64();
    Ok((one?, flood))
}

fn held(what: &str, found: f64, most: f64, how: &str) -> Finding {
    let mut text = format!("{what} {found:.2} ms at the 90th percentile{how}");
    let bad = found >= most;
    if bad {
        let _ = write!(text, "; expected less than {most} ms");
    }
    Finding { figure: found, bad, text }
}
