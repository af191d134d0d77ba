//! Saboteurs of time: each is slow with some answers, and the probe of its rule must see it.
//!
//! A probe never decides a run, for a busy machine blurs it. So a saboteur is caught when the probe finds something with it, and
//! a worse figure than the same probe has without it: what the machine alone makes of a figure catches nothing.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use contract_types::Feature;

use super::{Saboteur, drive::Tried, fault::Fault, proxy::Proxy, slow::Slow};
use crate::{
    outcome::{Ending, Outcome},
    probe::{Finding, Probe},
    session::{Objects, Session},
    suite::Test,
};

/// What a probe's saboteur does, by the end of the probe's id.
const WAYS: [(&str, Slow, &str); 6] = [
    ("/foreign-or-missing", Slow::Known, "an object of another tenant is looked up before it is refused"),
    ("/asked-by-another", Slow::Unasked, "what another tenant asked is answered from one store of all tenants"),
    ("/stored-answer", Slow::Fifth(Duration::from_millis(130)), "every fifth stored answer takes 130 ms"),
    ("/tenant-check", Slow::Every(Duration::from_millis(40)), "finding the tenant takes 40 ms"),
    ("/first-token", Slow::Fifth(Duration::from_millis(700)), "every fifth answer begins 700 ms late"),
    ("/shares-under-a-flood", Slow::Crowded, "a tenant that presses harder is served first"),
];

/// Tries them one after the other; those whose probe does not apply to the target are left out.
pub(super) async fn all(session: &Arc<Session>, tests: &[Test], wanted: &dyn Fn(&str) -> bool) -> Vec<Tried> {
    let mut tried = Vec::new();
    for test in tests {
        let Test::Probe(probe) = test else { continue };
        let Some((_, slow, text)) = WAYS.iter().find(|(end, _, _)| probe.id().ends_with(end)) else { continue };
        let saboteur = Saboteur {
            id: format!("probes/{}", probe.id().trim_start_matches("probe/")),
            rule: Some(probe.rule()),
            operation: probe.operation().to_owned(),
            text: format!("`{}`: {text}", probe.operation()),
            needles: &[],
            meant: vec![probe.id().to_owned()],
            fault: Fault::Slow(*slow),
        };
        let speaks = probe.operation() != "chat" || session.features(session.main_tenant()).contains(&Feature::Chat);
        if !speaks || !wanted(&saboteur.id) {
            continue;
        }
        let began = Instant::now();
        let Some(verdict) = attempt(session, &saboteur, probe).await else { continue };
        tried.push(Tried {
            id: format!("saboteurs/{}", saboteur.id),
            rule: saboteur.rule.map(str::to_owned),
            operation: Some(saboteur.operation),
            text: saboteur.text,
            verdict,
            took: began.elapsed(),
        });
    }
    tried
}

/// What caught it, or why nothing did; `None` where the probe does not apply.
async fn attempt(session: &Arc<Session>, saboteur: &Saboteur, probe: &Probe) -> Option<Result<String, String>> {
    let mut figures = Vec::new();
    for saboteur in [None, Some(saboteur)] {
        match measured(session, saboteur, probe).await {
            Err(message) => return Some(Err(message)),
            Ok(Err(Outcome { ending: Ending::NotApplicable(_), .. })) => return None,
            Ok(Err(outcome)) => return Some(Err(format!("{}: {:?}", probe.id(), outcome.ending))),
            Ok(Ok(finding)) => figures.push(finding),
        }
    }
    let [without, with] = &figures[..] else { return None };
    let told = format!("{}; without it: {}", with.text, without.text);
    let seen = with.bad && with.figure > without.figure;
    Some(if seen { Ok(format!("seen by {}: {told}", probe.id())) } else { Err(format!("not seen: {told}")) })
}

/// What the probe measures through a proxy, or why it measures nothing.
async fn measured(
    session: &Arc<Session>,
    saboteur: Option<&Saboteur>,
    probe: &Probe,
) -> Result<Result<Finding, Outcome>, String> {
    let (judge, contract) = (Arc::clone(&session.judge), Arc::clone(&session.contract));
    let objects = session.objects.values().flat_map(Objects::ids).collect();
    let proxy = Proxy::start(&session.target.base_url, judge, contract, saboteur.cloned(), objects).await?;
    let behind = session.through(&proxy.base_url).map_err(|error| error.to_string())?;
    let found = probe.measure(&behind).await;
    if saboteur.is_some() && found.is_ok() && proxy.broken() == 0 {
        return Err(format!("{}: the proxy had nothing to be slow with", probe.id()));
    }
    Ok(found)
}
