//! The smoke run: every judged question of every tenant once through `POST /retrieve`.

use contract_types::{RetrieveResponse, TenantId};
use fixtures::{Question, TenantFixture};
use harness::{
    client::{Client, ClientError, Exchange, Request},
    credential::Credential,
    judge::Judge,
    pace::Pace,
    seed::send_patiently,
};
use serde_json::json;

use crate::{metrics::Scores, ranking::Ranking};

/// Chunks that are asked for, the most that the contract allows: enough that documents rank by their best chunk.
pub const TOP_K: u64 = 100;
/// Least recall of the first five documents of a tenant that passes.
pub const RECALL_5_FLOOR: f64 = 0.60;

/// A question that was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The question's id.
    pub question: String,
    /// Its scores; zeros when the answer was no ranking.
    pub scores: Scores,
}

/// What one tenant's questions came to.
#[derive(Debug, Clone)]
pub struct TenantScores {
    /// The tenant.
    pub tenant: TenantId,
    /// The judged questions that a document of the corpus answers.
    pub asked: Vec<Asked>,
    /// Questions without a relevant document; a ranking cannot be right or wrong about them, so they are only counted.
    pub unanswerable: usize,
    /// What was wrong with answers, one line each: status, contract.
    pub problems: Vec<String>,
}

impl TenantScores {
    /// The means over the answerable questions.
    pub fn mean(&self) -> Scores {
        let scores: Vec<Scores> = self.asked.iter().map(|asked| asked.scores).collect();
        Scores::mean(&scores)
    }

    /// Whether recall of the first five documents reaches its floor.
    pub fn reaches_floor(&self) -> bool {
        self.mean().recall_5 >= RECALL_5_FLOOR
    }

    /// Whether every answer was a ranking that fits the contract, and the floor was reached.
    pub fn passes(&self) -> bool {
        self.reaches_floor() && self.problems.is_empty()
    }
}

/// Asks every question of `tenant`, in order and one at a time, and scores the answers.
///
/// Unanswerable questions are asked too, so that their answers are held against the contract as all others.
///
/// # Errors
///
/// [`ClientError`] when the target gives no response.
pub async fn ask_all(
    client: &Client,
    judge: &Judge,
    pace: &Pace,
    tenant: &TenantFixture,
    credential: &Credential,
) -> Result<TenantScores, ClientError> {
    let mut found =
        TenantScores { tenant: tenant.id.as_str().into(), asked: Vec::new(), unanswerable: 0, problems: Vec::new() };
    for question in &tenant.questions {
        pace.request().await;
        let body = json!({ "query": question.text, "top_k": TOP_K });
        let request = Request::new("POST", "/retrieve").bearer(&credential.secret).json(&body);
        let exchange = send_patiently(client, &request).await?;
        let ranking = read(&exchange, judge, question, &mut found.problems);
        if is_answerable(question) {
            let scores = Scores::of(&ranking, &question.judgements);
            found.asked.push(Asked { question: question.id.clone(), scores });
        } else {
            found.unanswerable += 1;
        }
    }
    Ok(found)
}

fn is_answerable(question: &Question) -> bool {
    question.judgements.values().any(|grade| *grade > 0)
}

/// The ranking of an answer; empty, with a problem noted, when it is none.
fn read(exchange: &Exchange, judge: &Judge, question: &Question, problems: &mut Vec<String>) -> Ranking {
    let mut note = |problem: &dyn std::fmt::Display| problems.push(format!("{}: {problem}", question.id));
    judge.violations(exchange).iter().for_each(|violation| note(violation));
    if exchange.response.status != 200 {
        let code = exchange.response.error_code().unwrap_or_else(|| "no error code".to_owned());
        note(&format!("expected status 200, found {} ({code})", exchange.response.status));
        return Ranking::default();
    }
    match serde_json::from_slice::<RetrieveResponse>(&exchange.response.body) {
        Ok(answer) => Ranking::from_chunks(&answer.chunks),
        Err(error) => {
            note(&format!("the answer is no ranking: {error}"));
            Ranking::default()
        }
    }
}
