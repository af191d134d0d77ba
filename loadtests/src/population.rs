//! Who asks: the tenants of a target that have what a scenario needs, and everything that the workers of a run share.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use contract_types::Feature;
use fixtures::TenantFixture;
use harness::{canary::Scanner, client::Request, credential::Secret, judge::Judge, prepare::Prepared, seed};
use serde_json::Value;

use crate::{
    action::{self, Action},
    ask::{Caller, Shared},
    inspection::Inspector,
    recorder::Recorder,
    scenario::Spec,
    workload::Workload,
};

/// Most stretches of time that a record tells by themselves.
const STRETCHES: u32 = 120;

/// What workers share beside the target and the fixtures.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sharing {
    /// Zipf's exponent of the questions.
    pub(crate) zipf: f64,
    /// Seed of the questions and their order.
    pub(crate) seed: u64,
    /// One in how many answers of each worker is inspected.
    pub(crate) inspect_every: u64,
    /// How long the run lasts, where that is known.
    pub(crate) duration: Option<Duration>,
    /// Most requests.
    pub(crate) most: Option<u64>,
}

/// A tenant that may be asked as, with what it has.
#[derive(Debug)]
struct Member {
    fixture: TenantFixture,
    secret: Secret,
    features: Vec<String>,
    tools: Vec<String>,
}

/// The tenants of a target, and the marks that none of them may see of another.
#[derive(Debug)]
pub(crate) struct Population {
    base_url: String,
    members: Vec<Member>,
    marks: Vec<(String, BTreeMap<String, String>)>,
    calls: Vec<(&'static str, Value)>,
}

impl Population {
    /// The tenants of a target that was filled; asks each of them what it has.
    ///
    /// # Errors
    ///
    /// What was expected and found, where a tenant does not tell or the fixtures cannot be read.
    pub(crate) async fn of(prepared: &Prepared) -> Result<Self, String> {
        let mut members = Vec::new();
        for (tenant, credential) in prepared.tenants() {
            let request = Request::new("GET", "/capabilities").bearer(&credential.secret);
            let exchange = seed::send_patiently(&prepared.client, &request).await.map_err(|error| error.to_string())?;
            let told = exchange.response.json().filter(|_| exchange.response.status == 200).ok_or_else(|| {
                format!("GET /capabilities of `{}`: expected status 200, found {}", tenant.id, exchange.response.status)
            })?;
            let names = |of: &str| {
                let names = told[of].as_array().into_iter().flatten().filter_map(Value::as_str);
                names.map(str::to_owned).collect::<Vec<_>>()
            };
            members.push(Member {
                fixture: tenant.clone(),
                secret: credential.secret.clone(),
                features: names("features"),
                tools: names("tools"),
            });
        }
        let marks = prepared.fixtures.tenants().iter().map(|tenant| (tenant.id.clone(), tenant.canaries.clone()));
        Ok(Self {
            base_url: prepared.target.base_url.clone(),
            members,
            marks: marks.collect(),
            calls: action::calls(&prepared.fixtures).map_err(|error| error.to_string())?,
        })
    }

    /// The members that have every feature that `spec` needs.
    fn able(&self, spec: Spec) -> Vec<&Member> {
        let needed: Vec<Feature> = spec.mix.iter().filter_map(|(action, _)| action.feature()).collect();
        let has =
            |member: &&Member| needed.iter().all(|feature| member.features.iter().any(|it| it == feature.as_str()));
        self.members.iter().filter(has).collect()
    }

    /// Everything that the workers of a run of `spec` share.
    ///
    /// # Errors
    ///
    /// What is missing: tenants with the features, their questions, their documents, or calls that they may make.
    pub(crate) fn share(&self, sharing: &Sharing, spec: Spec, judge: impl Into<Arc<Judge>>) -> Result<Shared, String> {
        let able = self.able(spec);
        if able.is_empty() {
            let needed = spec.mix.iter().filter_map(|(action, _)| action.feature()).map(Feature::as_str);
            let needed = needed.collect::<Vec<_>>().join(", ");
            return Err(format!("expected a tenant with the features {needed}, found none among those of the profile"));
        }
        let mut scanner = Scanner::new();
        self.marks.iter().for_each(|(tenant, canaries)| scanner.add(tenant, canaries));
        let questions =
            able.iter().map(|it| it.fixture.questions.iter().map(|question| question.text.clone()).collect());
        let workload = Workload::new(questions.collect(), spec.mix, sharing.zipf, sharing.seed);
        let does = |wanted: Action| spec.mix.iter().any(|(action, _)| *action == wanted);
        let callers: Vec<Caller> = able
            .iter()
            .map(|member| Caller {
                tenant: member.fixture.id.clone(),
                secret: member.secret.clone(),
                documents: if does(Action::Ingest) { member.fixture.documents.clone() } else { Vec::new() },
                calls: if does(Action::Tool) { self.calls_of(member) } else { Vec::new() },
            })
            .collect();
        for caller in &callers {
            let wrong = [
                (does(Action::Ingest) && caller.documents.is_empty(), "without documents"),
                (does(Action::Tool) && caller.calls.is_empty(), "without a tool that reads"),
            ];
            if let Some((_, what)) = wrong.into_iter().find(|(wrong, _)| *wrong) {
                return Err(format!("the tenant `{}` takes part {what}", caller.tenant));
            }
        }
        Ok(Shared {
            base_url: self.base_url.clone(),
            addresses: std::sync::OnceLock::new(),
            callers,
            workload: workload.ok_or("a tenant without questions takes part")?,
            recorder: Recorder::new((sharing.duration.unwrap_or_default() / STRETCHES).max(Duration::from_secs(1))),
            inspector: Inspector::new(judge, scanner, sharing.inspect_every),
            seed: sharing.seed,
            left: AtomicU64::new(sharing.most.unwrap_or(u64::MAX)),
            copies: AtomicU64::new(0),
        })
    }

    /// The calls of tools that the tenant may make.
    fn calls_of(&self, member: &Member) -> Vec<Value> {
        let may = |name: &str| member.tools.iter().any(|tool| tool == name);
        self.calls.iter().filter(|(name, _)| may(name)).map(|(_, call)| call.clone()).collect()
    }
}
