//! Filters and retrieval.

use serde_json::{Value, json};

use super::Probes;
use super::world::{AURORA, MERIDIAN, World, texts};

pub(super) const PROBES: Probes = &[
    ("filter-ignored", |it| matching(it, &[json!({"a": "x"}), json!({"a": "y"})], json!({"a": "x"})) == [0]),
    ("filter-after-top-k", |it| {
        let word = it.word();
        let text = format!("The {word} lever.");
        it.ingest(AURORA, json!({"id": format!("{word}-1"), "content": text}));
        let text = format!("Among much that is said of other things there is the {word} lever as well, and more.");
        it.ingest(AURORA, json!({"id": format!("{word}-2"), "content": text, "metadata": {"made_by": word}}));
        let found = it.retrieve(AURORA, &format!("{word} lever"), json!({"made_by": word}), &json!({"top_k": 1}));
        texts(&found["chunks"], "document_id") == [format!("{word}-2")]
    }),
    ("filter-case-insensitive", |it| matching(it, &[json!({"a": "x"}), json!({"a": "X"})], json!({"a": "x"})) == [0]),
    ("filter-numbers-equal-strings", |it| matching(it, &[json!({"a": 1}), json!({"a": "1"})], json!({"a": 1})) == [0]),
    ("filter-ne-drops-missing", |it| matching(it, &[json!({}), json!({"a": 1})], json!({"a": {"$ne": 1}})) == [0]),
    ("filter-in-takes-the-first", |it| {
        matching(it, &[json!({"a": 1}), json!({"a": 2})], json!({"a": {"$in": [1, 2]}})) == [0, 1]
    }),
    ("filter-nin-ignored", |it| matching(it, &[json!({"a": 1}), json!({"a": 2})], json!({"a": {"$nin": [2]}})) == [0]),
    ("filter-numbers-as-text", |it| {
        matching(it, &[json!({"a": 9}), json!({"a": 10})], json!({"a": {"$lt": 10}})) == [0]
    }),
    ("filter-bounds-inclusive", |it| {
        matching(it, &[json!({"a": 9}), json!({"a": 10})], json!({"a": {"$lt": 10}})) == [0]
    }),
    ("filter-one-condition-suffices", |it| {
        matching(it, &[json!({"a": 1, "b": 1}), json!({"a": 1, "b": 2})], json!({"a": 1, "b": 1})) == [0]
    }),
    ("filter-dots-not-followed", |it| matching(it, &[json!({"a": {"b": 1}}), json!({})], json!({"a.b": 1})) == [0]),
    ("filter-unknown-operators-ignored", |it| {
        it.post(AURORA, "/retrieve", json!({"query": "gate", "filter": {"a": {"$regex": "x"}}})).status == 400
            && it.post(AURORA, "/retrieve", json!({"query": "gate", "filter": {"$or": []}})).status == 400
    }),
    ("filter-missing-matches-comparisons", |it| {
        matching(it, &[json!({"a": 1}), json!({})], json!({"a": {"$lt": 2}})) == [0]
    }),
    ("retrieval-crosses-tenants", |it| {
        let word = it.lever(MERIDIAN);
        it.count(&word, json!({"made_by": word})) == 0
    }),
    ("tenant-filtered-after-top-k", |it| {
        // Chunk ids decide between equal scores, so that the own chunk comes first by chance now and then.
        (0..6).all(|_| {
            let (word, wanted) = (it.word(), it.word());
            let document =
                |id: &str| json!({"id": id, "content": format!("The {word} lever."), "metadata": {"made_by": word}});
            it.ingest(AURORA, document(&wanted));
            (0..3).for_each(|_| drop(it.ingest(MERIDIAN, document(&it.word()))));
            let found = it.retrieve(AURORA, &word, json!({"made_by": word}), &json!({"top_k": 1}));
            texts(&found["chunks"], "document_id") == [wanted]
        })
    }),
    ("namespace-filter-chooses-tenant", |it| {
        let word = it.lever(MERIDIAN);
        it.count(&word, json!({"tenant": MERIDIAN})) == 0
    }),
    ("values-compared-by-their-beginning", |it| {
        let long = |end: &str| json!({"a": format!("{}{end}", "x".repeat(64))});
        matching(it, &[long("a"), long("b")], long("a")) == [0]
    }),
    ("chunk-retrieved-twice", |it| {
        let word = it.lever(AURORA);
        it.count(&word, json!({"made_by": word})) == 1
    }),
    ("last-chunks-not-indexed", |it| {
        let word = it.word();
        let document = json!({"id": word, "content": format!("{word} ").repeat(30), "metadata": {"made_by": word}});
        let made = it.ingest_with(AURORA, document, json!({"size": 16, "overlap": 0, "strategy": "fixed"})).json();
        let chunks = made["documents"][0]["chunks"].as_u64().unwrap();
        chunks > 1 && it.count(&word, json!({"made_by": word})) as u64 == chunks
    }),
    ("queries-embedded-again", |it| {
        let word = it.word();
        let explained = || it.retrieve(AURORA, &word, json!({}), &json!({"explain": true}))["explain"].clone();
        explained();
        explained()["embedding_cache_hit"] == true
    }),
    ("scores-rise", |it| {
        let found = it.retrieve(AURORA, "gate painted", json!({}), &json!({}));
        let scores: Vec<f64> =
            found["chunks"].as_array().unwrap().iter().map(|it| it["score"].as_f64().unwrap()).collect();
        scores.is_sorted_by(|one, other| one >= other)
    }),
    ("ties-in-reverse", |it| {
        let word = it.word();
        for _ in 0..4 {
            let text = format!("The {word} lever.");
            it.ingest(AURORA, json!({"id": it.word(), "content": text, "metadata": {"made_by": word}}));
        }
        texts(&it.retrieve(AURORA, &word, json!({"made_by": word}), &json!({}))["chunks"], "chunk_id").is_sorted()
    }),
    ("min-score-ignored", |it| {
        let found = it.retrieve(AURORA, "gate painted", json!({}), &json!({"min_score": 0.9}));
        found["chunks"].as_array().unwrap().iter().all(|it| it["score"].as_f64() >= Some(0.9))
    }),
    ("min-score-exclusive", |it| {
        let best = it.retrieve(AURORA, "gate painted", json!({}), &json!({}))["chunks"][0]["score"].clone();
        !it.retrieve(AURORA, "gate painted", json!({}), &json!({"min_score": best}))["chunks"]
            .as_array()
            .unwrap()
            .is_empty()
    }),
    ("one-chunk-too-many", two_of_three),
    ("one-chunk-too-few", two_of_three),
    ("retrieval-differs-from-run-to-run", |it| {
        let found = || it.retrieve(AURORA, "gate painted", json!({}), &json!({}));
        found() == found()
    }),
    ("explain-names-another-mode", |it| {
        it.retrieve(AURORA, "gate", json!({}), &json!({"explain": true, "mode": "dense"}))["explain"]["mode"] == "dense"
    }),
    ("mode-ignored", |it| {
        it.retrieve(AURORA, "gate", json!({}), &json!({"explain": true, "mode": "dense"}))["explain"]["mode"] == "dense"
    }),
    ("stemming-off", |it| {
        let word = it.lever(AURORA);
        let found = it.retrieve(AURORA, "pressing levers", json!({"made_by": word}), &json!({"mode": "lexical"}));
        !found["chunks"].as_array().unwrap().is_empty()
    }),
    ("query-model-differs", |it| {
        let set = it.word();
        let texts_of = [
            "The harbour ferry leaves at nine.",
            "Copper kettles boil slowly.",
            "A fox sleeps under an oak.",
            "Rain fills seven barrels.",
        ];
        for (at, text) in texts_of.iter().enumerate() {
            it.ingest(AURORA, json!({"id": format!("{set}-{at}"), "content": text, "metadata": {"made_by": set}}));
        }
        // Each text finds itself first; among vectors of another model that is chance, four times over.
        texts_of.iter().enumerate().all(|(at, text)| {
            let found = it.retrieve(AURORA, text, json!({"made_by": set}), &json!({"mode": "dense"}));
            texts(&found["chunks"], "document_id").first() == Some(&format!("{set}-{at}"))
        })
    }),
    ("explain-always", |it| it.retrieve(AURORA, "gate", json!({}), &json!({}))["explain"].is_null()),
    ("explain-lacks-the-best", |it| {
        let found = it.retrieve(AURORA, "gate", json!({}), &json!({"explain": true}));
        texts(&found["explain"]["candidates"], "chunk_id").contains(&texts(&found["chunks"], "chunk_id")[0])
    }),
    ("retrieved-text-trimmed", |it| {
        let word = it.lever(AURORA);
        let stored = it.get(AURORA, &format!("/documents/{word}/chunks")).json()["chunks"][0]["text"].clone();
        it.retrieve(AURORA, &word, json!({"made_by": word}), &json!({}))["chunks"][0]["text"] == stored
    }),
    ("retrieved-metadata-lost", |it| {
        let word = it.lever(AURORA);
        it.retrieve(AURORA, &word, json!({"made_by": word}), &json!({}))["chunks"][0]["metadata"]["made_by"] == word
    }),
    ("exact-terms-ignored", |it| {
        let word = it.lever(AURORA);
        let found = it.retrieve(AURORA, "37", json!({"made_by": word}), &json!({"mode": "lexical"}));
        texts(&found["chunks"], "document_id") == [word]
    }),
    ("rerank-undeclared-accepted", |it| {
        it.post(AURORA, "/retrieve", json!({"query": "gate", "rerank": true})).status == 501
    }),
    ("empty-result-fails", |it| {
        it.post(AURORA, "/retrieve", json!({"query": "gate", "filter": {"a": it.word()}})).status == 200
    }),
];

/// Which of two new documents with this metadata are found under a filter.
fn matching(it: &World, metadata: &[Value], filter: Value) -> Vec<usize> {
    let word = it.word();
    for (index, metadata) in metadata.iter().enumerate() {
        let text = format!("The {word} lever.");
        it.ingest(AURORA, json!({"id": format!("{word}-{index}"), "content": text, "metadata": metadata}));
    }
    let found = texts(&it.retrieve(AURORA, &word, filter, &json!({}))["chunks"], "document_id");
    (0..metadata.len()).filter(|index| found.contains(&format!("{word}-{index}"))).collect()
}

fn two_of_three(it: &World) -> bool {
    let word = it.word();
    for _ in 0..3 {
        let text = format!("The {word} lever.");
        it.ingest(AURORA, json!({"id": it.word(), "content": text, "metadata": {"made_by": word}}));
    }
    let found = it.retrieve(AURORA, &word, json!({"made_by": word}), &json!({"top_k": 2}));
    texts(&found["chunks"], "chunk_id").len() == 2
}
