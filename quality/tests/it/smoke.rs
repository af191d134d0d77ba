//! The smoke run against targets that rank well, badly, and not at all.

use contract_types::{OPENAPI, RankedChunk, RetrieveResponse};
use contracts::Contract;
use fixtures::{Fixtures, TenantFixture};
use harness::{
    client::{Bounds, Client},
    credential::{Credential, Secret},
    judge::Judge,
    pace::Pace,
};
use quality::smoke::{TOP_K, TenantScores, ask_all};
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::header};

/// A target that knows the judgements and answers from them.
struct Target {
    tenant: TenantFixture,
    ranks: fn(&TenantFixture, &fixtures::Question) -> Vec<String>,
    status: u16,
}

impl Respond for Target {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let body: Value = request.body_json().unwrap();
        assert_eq!((request.url.path(), &body["top_k"]), ("/retrieve", &json!(TOP_K)));
        let question = self.tenant.questions.iter().find(|question| body["query"] == question.text).unwrap();
        let documents = (self.ranks)(&self.tenant, question);
        let chunks = documents.into_iter().zip(1_u32..).map(|(document, rank)| {
            let chunk_id = format!("chk_{rank:032x}").into();
            let span = contract_types::ByteSpan { start: 0, end: 1 };
            let score = 1.0 / f64::from(rank);
            let metadata = serde_json::from_value(json!({})).unwrap();
            RankedChunk::new(rank.into(), score, chunk_id, document.into(), span, "x".to_owned(), Vec::new(), metadata)
        });
        let answer = RetrieveResponse { chunks: chunks.collect(), explain: None, degraded: None };
        let response = ResponseTemplate::new(self.status)
            .set_body_json(answer)
            .insert_header("x-request-id", "r1")
            .insert_header("x-tenant-id", self.tenant.id.as_str())
            .insert_header("cache-control", "no-store");
        let limits = ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"];
        limits.into_iter().fold(response, |response, name| response.insert_header(name, "100"))
    }
}

fn by_grade(_: &TenantFixture, question: &fixtures::Question) -> Vec<String> {
    let mut judged: Vec<(&String, &u8)> = question.judgements.iter().collect();
    judged.sort_by(|left, right| right.1.cmp(left.1));
    judged.into_iter().map(|(document, _)| document.clone()).collect()
}

fn irrelevant_first(tenant: &TenantFixture, question: &fixtures::Question) -> Vec<String> {
    let others = tenant.documents.iter().map(|document| &document.id);
    let others = others.filter(|id| !question.judgements.contains_key(*id)).take(5).cloned();
    others.chain(by_grade(tenant, question)).collect()
}

async fn run(ranks: fn(&TenantFixture, &fixtures::Question) -> Vec<String>, status: u16) -> TenantScores {
    let fixtures = Fixtures::load(&Fixtures::embedded_root()).unwrap();
    let tenant = fixtures.tenant("aurora-bikes").unwrap().clone();
    let server = MockServer::start().await;
    let target = Target { tenant: tenant.clone(), ranks, status };
    Mock::given(header("authorization", "Bearer key")).respond_with(target).mount(&server).await;
    let client = Client::new(&server.uri(), Bounds::default()).unwrap();
    let judge = Judge::new(&Contract::from_document(serde_json::from_str(OPENAPI).unwrap()).unwrap());
    let credential = Credential {
        tenant: tenant.id.clone(),
        name: "all".to_owned(),
        scopes: Vec::new(),
        secret: Secret::new("key"),
    };
    ask_all(&client, &judge, &Pace::new(None), &tenant, &credential).await.unwrap()
}

#[tokio::test]
async fn passes_a_target_that_ranks_by_grade() {
    let found = run(by_grade, 200).await;
    assert_eq!(found.problems, Vec::<String>::new());
    let mean = found.mean();
    assert!((mean.ndcg_10 - 1.0).abs() < 1e-9 && (mean.mrr - 1.0).abs() < 1e-9, "{mean:?}");
    assert!(found.passes());
    assert!(found.unanswerable >= 8 && found.asked.len() >= 50);
}

#[tokio::test]
async fn fails_a_target_that_ranks_five_others_first() {
    let found = run(irrelevant_first, 200).await;
    let mean = found.mean();
    assert!(mean.recall_5.abs() < 1e-9 && mean.recall_10 > 0.5, "{mean:?}");
    assert!(found.problems.is_empty() && !found.passes());
}

#[tokio::test]
async fn fails_a_target_that_does_not_answer_with_rankings() {
    let found = run(by_grade, 500).await;
    assert!(
        found.problems.iter().any(|problem| problem.contains("expected status 200, found 500")),
        "{:?}",
        found.problems
    );
    assert!(found.mean().recall_5.abs() < 1e-9 && !found.passes());
}
