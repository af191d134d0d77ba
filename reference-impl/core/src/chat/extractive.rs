//! The chat model without a model: `extractive-v1` says what documents say, sentence by sentence, and nothing else.

use futures_util::{StreamExt, stream};

use crate::answer::{Band, Confidence, Evidence, Extractive, Prompt, cite};
use crate::ports::{
    BoxFuture, ChatCall, ChatDelta, ChatDeltas, ChatFinish, ChatModel, GenerationRequest, GeneratorKind, ModelError,
    Passage,
};
use crate::retrieve::words::words;
use crate::search::{Vocabulary, understand};
use crate::tenancy::TenantContext;

/// What it says where the answer must not rest on documents. It repeats nothing of what it was told.
pub(crate) const WITHOUT_DOCUMENTS: &str =
    "This model writes only what documents say, and this chat was told to leave the documents alone.";
/// What models write where the passages do not answer; a turn puts its own words in its place.
pub(super) const NO_ANSWER: &str = "NO ANSWER";
/// Most sentences of an answer.
const MAX_SENTENCES: usize = 3;

/// Continues conversations with sentences of passages.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExtractiveChat;

impl ExtractiveChat {
    /// Everything that it writes for `call`; pure, the same every time.
    fn text(tenant: &TenantContext, call: &ChatCall) -> String {
        let Some(passages) = &call.passages else { return WITHOUT_DOCUMENTS.to_owned() };
        // It sees no more of the tenant's words than the passages hold, which is what the question is held against.
        let understood = understand(&call.question, &vocabulary(passages), passages.len(), false);
        let request = GenerationRequest {
            question: call.question.clone(),
            terms: understood.terms,
            passages: passages.clone(),
            prompt: Prompt::default(),
            max_sentences: MAX_SENTENCES,
        };
        let sentences = Extractive::answer(&request);
        let cited = cite(&request, &sentences, &|quote| 0..quote.len());
        let thresholds = tenant.settings().retrieval.confidence;
        let band = Evidence::of(&request, &cited.citations)
            .map_or(Band::None, |evidence| Confidence::of(&evidence, &cited.citations, thresholds).band);
        if band == Band::None {
            return NO_ANSWER.to_owned();
        }
        let marked = sentences.iter().map(|it| {
            let markers: Vec<String> = it.passages.iter().map(|at| format!("[{}]", at + 1)).collect();
            format!("{} {}", it.text, markers.join(" "))
        });
        marked.collect::<Vec<_>>().join(" ")
    }
}

/// The words of `passages`, each with the number of passages that hold it.
fn vocabulary(passages: &[Passage]) -> Vocabulary {
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    for passage in passages {
        let mut held = words(&passage.text);
        held.extend(words(&passage.heading_path.join(" ")));
        held.sort_unstable();
        held.dedup();
        for word in held {
            *counts.entry(word).or_default() += 1;
        }
    }
    Vocabulary::new(counts.into_iter().collect())
}

impl ChatModel for ExtractiveChat {
    fn model(&self) -> &str {
        Extractive::MODEL
    }

    fn kind(&self) -> GeneratorKind {
        GeneratorKind::Extractive
    }

    fn chat<'a>(
        &'a self,
        tenant: &'a TenantContext,
        call: &'a ChatCall,
    ) -> BoxFuture<'a, Result<ChatDeltas, ModelError>> {
        Box::pin(async move {
            let text = Self::text(tenant, call);
            let words: Vec<String> = text.split_inclusive(' ').map(str::to_owned).collect();
            let deltas = words.into_iter().map(ChatDelta::Text).chain([ChatDelta::Finish(ChatFinish::Stop)]);
            Ok(stream::iter(deltas.map(Ok)).boxed())
        })
    }
}
