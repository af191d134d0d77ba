//! What a target says of itself when it is asked: whether it is there, which contract it serves, whom it knows.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use contract_types::{Feature, TargetProfile};
use serde_json::Value;

use super::{Finding, Grade};
use crate::{
    client::{Client, ClientError, Exchange, Request},
    credential::Credential,
    profile::Resolved,
    seed,
};

/// Clocks that differ by more than this make short-lived tokens fail.
const MOST_SKEW: Duration = Duration::from_secs(30);
/// Credentials that must be refused.
const REFUSED: [&str; 2] = ["revoked", "expired"];

/// Asks the target of `profile` for its health, and for its capabilities with each credential. `ours` is the version of the
/// contract that the suite holds it against.
pub async fn visit(client: &Client, profile: &Resolved, ours: &str) -> Vec<Finding> {
    let began = SystemTime::now();
    let health = match client.send(&Request::new("GET", "/health")).await {
        Ok(health) => health,
        Err(error) => return vec![unreachable(client.base(), &error)],
    };
    let mut found = vec![Finding::ok(format!("{} answers in {} ms", client.base(), health.elapsed.as_millis()))];
    found.extend(of_health(&health, ours));
    found.extend(clock(health.response.header("date"), began));
    let mut declared: Option<Vec<Feature>> = None;
    let main = profile.spec.tenants.first();
    for credential in &profile.credentials {
        let request = Request::new("GET", "/capabilities").bearer(&credential.secret);
        let exchange = match seed::send_patiently(client, &request).await {
            Ok(exchange) => exchange,
            Err(error) => {
                found.push(unreachable(client.base(), &error));
                return found;
            }
        };
        found.push(of_credential(credential, &exchange));
        let of_main =
            main.is_some_and(|main| main.0 == credential.tenant) && !REFUSED.contains(&credential.name.as_str());
        if declared.is_none() && of_main && exchange.response.status == 200 {
            let body = exchange.response.json().unwrap_or_default();
            let list = body["features"].as_array().into_iter().flatten();
            let list: Vec<Feature> = list.filter_map(|name| serde_json::from_value(name.clone()).ok()).collect();
            found.extend(features(&profile.spec, &list));
            found.extend(rate(&profile.spec, &body, exchange.response.header("x-ratelimit-limit")));
            declared = Some(list);
        }
    }
    found
}

/// Asks the control API for its tenants.
pub async fn visit_control(control: &Client) -> Finding {
    let base = control.base();
    let off = |what: String| {
        Finding::new(Grade::Fails, what, "start it, or take `control` out: its cases are then not applicable")
    };
    match control.send(&Request::new("GET", "/tenants")).await {
        Ok(exchange) if exchange.response.status == 200 => Finding::ok(format!("the control API at {base} answers")),
        Ok(exchange) => off(format!("the control API at {base} answers {} to GET /tenants", exchange.response.status)),
        Err(error) => off(format!("the control API at {base} does not answer: {error}")),
    }
}

fn unreachable(base: &str, error: &ClientError) -> Finding {
    let text = error.to_string();
    let lower = text.to_ascii_lowercase();
    let remedy = if lower.contains("certificate") {
        "the certificate is not trusted here: set SSL_CERT_FILE to the authority's, or mend the deployment's"
    } else if lower.contains("dns") || lower.contains("lookup") {
        "the name is not known here: check base_url for a slip"
    } else if base.starts_with("https") && lower.contains("corrupt message") {
        "it speaks plain HTTP there: write http://, or another port"
    } else {
        "start the deployment, or check base_url, proxy and firewall"
    };
    Finding::new(Grade::Unreachable, text, remedy)
}

fn of_health(health: &Exchange, ours: &str) -> Vec<Finding> {
    let status = health.response.status;
    let Some(body) = health.response.json() else {
        let what = format!("GET /health answers {status} without JSON");
        return vec![Finding::new(
            Grade::Fails,
            what,
            "check that base_url is the platform's and not a page before it",
        )];
    };
    let mut found = Vec::new();
    match (status, body["status"].as_str()) {
        (200, Some("ok")) => found.push(Finding::ok("it says that it is well")),
        (200 | 503, Some(word)) => {
            let what = format!("it says that it is {word}");
            found.push(Finding::new(Grade::Warning, what, "see `dependencies` of GET /health"));
        }
        _ => {
            let what = format!("GET /health answers {status} and no `status` of the contract");
            found.push(Finding::new(Grade::Fails, what, "check that base_url is the platform's"));
        }
    }
    found.push(version(body["contract_version"].as_str(), ours));
    found
}

/// The served version of the contract against ours.
pub(super) fn version(served: Option<&str>, ours: &str) -> Finding {
    let Some(served) = served else {
        let what = "GET /health names no contract_version".to_owned();
        return Finding::new(Grade::Fails, what, format!("serve contract {ours}"));
    };
    let major = |version: &str| version.split('.').next().map(str::to_owned);
    if served == ours {
        Finding::ok(format!("it serves contract {served}, which is ours"))
    } else if major(served) == major(ours) {
        let remedy = "take the suite of its version, or expect cases of what is new to fail";
        Finding::new(Grade::Warning, format!("it serves contract {served}, ours is {ours}"), remedy)
    } else {
        let remedy = "take the suite of its version";
        Finding::new(Grade::Fails, format!("it serves contract {served}, which ours, {ours}, breaks with"), remedy)
    }
}

/// How far the clock of the target, as its `date` header tells it, is from ours.
pub(super) fn clock(date: Option<&str>, now: SystemTime) -> Option<Finding> {
    let seconds = now.duration_since(UNIX_EPOCH).ok()?.as_secs();
    let told = jiff::fmt::rfc2822::parse(date?).ok()?.timestamp().as_second();
    let skew = Duration::from_secs(told.abs_diff(i64::try_from(seconds).ok()?));
    Some(if skew <= MOST_SKEW {
        Finding::ok(format!("its clock and ours differ by {skew:?} at most"))
    } else {
        let what = format!("its clock and ours differ by {skew:?}: tokens that the suite makes may count as expired");
        Finding::new(Grade::Warning, what, "set both by the same time server")
    })
}

fn of_credential(credential: &Credential, exchange: &Exchange) -> Finding {
    let name = format!("credential `{}` of `{}`", credential.name, credential.tenant);
    let refused = REFUSED.contains(&credential.name.as_str());
    let status = exchange.response.status;
    let code = exchange.response.error_code().map(|code| format!(" {code}")).unwrap_or_default();
    let told = exchange.response.json().and_then(|body| body["tenant"].as_str().map(str::to_owned));
    match (status, refused) {
        (401, true) => Finding::ok(format!("{name} is refused, as it must be")),
        (200, true) => Finding::new(Grade::Fails, format!("{name} is accepted"), "revoke it, or let it expire"),
        (200, false) => match told {
            Some(tenant) if tenant == credential.tenant => Finding::ok(format!("{name} is accepted")),
            Some(tenant) => {
                let what = format!("{name} is a credential of `{tenant}`");
                Finding::new(Grade::Fails, what, "put the right one into its source, or name the right tenant")
            }
            None => {
                let what = format!("{name}: GET /capabilities answers 200 without a tenant in JSON");
                Finding::new(Grade::Fails, what, "check that base_url is the platform's and not a page before it")
            }
        },
        (401 | 403, false) => {
            let what = format!("{name} is refused: {status}{code}");
            Finding::new(Grade::Fails, what, "put a valid one into its source, or take the entry out")
        }
        _ => {
            let what = format!("{name}: GET /capabilities answers {status}{code}");
            Finding::new(Grade::Fails, what, "see the deployment's log")
        }
    }
}

/// Features that are promised and not declared, and the other way round.
pub(super) fn features(spec: &TargetProfile, declared: &[Feature]) -> Vec<Finding> {
    let vain = spec.features.iter().filter(|feature| !declared.contains(feature)).map(|feature| {
        let what = format!("the feature `{feature}` is promised and not declared");
        Finding::new(Grade::Fails, what, "turn it on there, or take it out of `features`")
    });
    let more = declared.iter().filter(|feature| !spec.features.contains(feature)).map(|feature| {
        let what = format!("the feature `{feature}` is declared and not promised: nobody would notice its loss");
        Finding::new(Grade::Warning, what, "add it to `features`")
    });
    vain.chain(more).collect()
}

/// Whether the pace of the profile fits into the limit that the target tells.
pub(super) fn rate(spec: &TargetProfile, capabilities: &Value, limit: Option<&str>) -> Option<Finding> {
    let limit: u32 = limit?.parse().ok()?;
    let window = spec.times.as_ref().and_then(|times| serde_json::to_value(times).ok());
    let window = window.as_ref().unwrap_or(&capabilities["times"])["rate_window_ms"].as_u64()?;
    let window = Duration::from_millis(window);
    let admitted = f64::from(limit) / window.as_secs_f64();
    let pace = spec.pace.as_ref().map_or(f64::INFINITY, |pace| pace.requests_per_second);
    Some(if pace <= admitted {
        Finding::ok(format!("its limit of {limit} requests in {window:?} admits the pace"))
    } else {
        let what = format!("its limit of {limit} requests in {window:?} is below the pace: a run waits at every 429");
        let most = (admitted * 10.0).floor().max(1.0) / 10.0;
        Finding::new(Grade::Warning, what, format!("set `pace.requests_per_second` to {most}, or raise the limit"))
    })
}
