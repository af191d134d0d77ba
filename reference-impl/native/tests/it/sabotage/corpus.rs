//! Ingest, documents and chunks.

use serde_json::{Value, json};

use super::Probes;
use super::world::{AURORA, LIMITS, MERIDIAN, World, texts};

pub(super) const PROBES: Probes = &[
    ("repeated-ids-accepted", |it| {
        let document = json!({"id": it.word(), "content_type": "text/plain", "content": "A text."});
        it.post(AURORA, "/ingest", json!({"documents": [document, document]})).status == 400
    }),
    ("same-document-updated", |it| again(it, "A text.", &json!({})) == "unchanged"),
    ("changed-content-ignored", |it| again(it, "Another text.", &json!({})) == "updated"),
    ("metadata-change-ignored", |it| again(it, "A text.", &json!({"a": 1})) == "updated"),
    ("old-chunks-kept", |it| {
        let id = it.word();
        it.ingest(AURORA, json!({"id": id, "content": "The first text."}));
        it.ingest(AURORA, json!({"id": id, "content": "The second text."}));
        chunks(it, &id).len() == 1
    }),
    ("created-reported-as-updated", |it| {
        it.ingest(AURORA, json!({"id": it.word(), "content": "A text."})).json()["documents"][0]["status"] == "created"
    }),
    ("content-hash-wrong", |it| {
        let id = it.word();
        let told =
            it.ingest(AURORA, json!({"id": id, "content": "A text."})).json()["documents"][0]["content_hash"].clone();
        it.get(AURORA, &format!("/documents/{id}")).json()["content_hash"] == told
    }),
    ("outcomes-reversed", |it| {
        let ids = [it.word(), it.word()];
        let documents = ids.each_ref().map(|id| json!({"id": id, "content_type": "text/plain", "content": "A text."}));
        texts(&it.post(AURORA, "/ingest", json!({ "documents": documents })).json()["documents"], "id") == ids
    }),
    ("failure-ends-request", |it| {
        let documents = json!([
            {"id": it.word(), "content_type": "application/json", "content": "{"},
            {"id": it.word(), "content_type": "text/plain", "content": "A text."},
        ]);
        let report = it.post(AURORA, "/ingest", json!({ "documents": documents })).json();
        texts(&report["documents"], "status") == ["failed", "created"]
    }),
    ("async-drops-options", |it| {
        let id = it.word();
        let document = json!({"id": id, "content_type": "text/plain", "content": "A word or two. ".repeat(30)});
        let body = json!({"documents": [document], "options": {"size": 16, "overlap": 0}, "async": true});
        let job = it.post(AURORA, "/ingest", body).json()["id"].clone();
        let job = format!("/jobs/{}", job.as_str().unwrap());
        while it.get(AURORA, &job).json()["status"] != "succeeded" {}
        chunks(it, &id).len() > 4
    }),
    ("scripts-indexed", |it| {
        let id = it.word();
        let page = "<p>Seen.</p><script>hidden()</script>";
        it.ingest(AURORA, json!({"id": id, "content_type": "text/html", "content": page}));
        !it.get(AURORA, &format!("/documents/{id}")).json()["text"].as_str().unwrap().contains("hidden")
    }),
    ("index-never-refreshed", |it| {
        it.retrieve(AURORA, "gate", json!({}), &json!({}));
        let word = it.lever(AURORA);
        it.count(&word, json!({"made_by": word})) == 1
    }),
    ("metadata-numbers-as-strings", metadata_comes_back),
    ("metadata-flattened", metadata_comes_back),
    ("metadata-keys-lowercased", metadata_comes_back),
    ("metadata-nulls-dropped", metadata_comes_back),
    ("metadata-lists-sorted", metadata_comes_back),
    ("delete-leaves-chunks", |it| {
        let word = it.lever(AURORA);
        it.call(AURORA, "DELETE", &format!("/documents/{word}"), None);
        it.count(&word, json!({"made_by": word})) == 0
    }),
    ("delete-leaves-document", |it| {
        let word = it.lever(AURORA);
        it.call(AURORA, "DELETE", &format!("/documents/{word}"), None);
        it.get(AURORA, &format!("/documents/{word}")).status == 404
    }),
    ("delete-takes-neighbours", |it| {
        let word = it.word();
        let id = |end: &str| format!("{word}-{end}");
        for end in ["one", "two"] {
            it.ingest(AURORA, json!({"id": id(end), "content": "A text."}));
        }
        it.call(AURORA, "DELETE", &format!("/documents/{}", id("one")), None);
        it.get(AURORA, &format!("/documents/{}", id("two"))).status == 200
    }),
    ("delete-of-nothing-succeeds", |it| it.call(AURORA, "DELETE", "/documents/none", None).status == 404),
    ("paging-repeats-an-item", pages_hold_all),
    ("paging-skips-an-item", pages_hold_all),
    ("pages-too-long", |it| {
        it.lever(MERIDIAN);
        texts(&it.get(MERIDIAN, "/documents?limit=1").json()["documents"], "id").len() == 1
    }),
    ("cursor-of-any-list", |it| {
        it.lever(AURORA);
        let cursor = cursor(it);
        it.get(AURORA, &format!("/documents/gate/chunks?cursor={cursor}")).status == 400
    }),
    ("cursor-of-any-tenant", |it| {
        it.lever(AURORA);
        let cursor = cursor(it);
        it.get(MERIDIAN, &format!("/documents?cursor={cursor}")).status == 400
    }),
    ("cursor-not-authenticated", |it| {
        it.lever(AURORA);
        let cursor = cursor(it);
        let altered = if cursor.starts_with('A') { cursor.replacen('A', "B", 1) } else { format!("A{}", &cursor[1..]) };
        it.get(AURORA, &format!("/documents?cursor={altered}")).status == 400
    }),
    ("chunks-in-reverse", |it| {
        let cut = cut(it, &WORDS, 16, 0);
        cut.iter().zip(0_u64..).all(|(chunk, ordinal)| chunk["ordinal"] == ordinal)
    }),
    ("chunks-leave-gaps", |it| {
        let cut = cut(it, &WORDS, 16, 0);
        cut.windows(2).all(|pair| pair[0]["span"]["end"] == pair[1]["span"]["start"])
    }),
    ("chunks-larger-than-asked", |it| cut(it, &WORDS, 16, 0).iter().all(|chunk| chunk["tokens"].as_u64() <= Some(16))),
    ("chunk-tokens-miscounted", |it| cut(it, "one two three", 16, 0)[0]["tokens"] == 3),
    ("chunk-overlap-too-large", |it| {
        let cut = cut(it, &WORDS, 16, 2);
        let at = |chunk: &Value, side: &str| chunk["span"][side].as_u64().unwrap();
        // Each word and its space have seven bytes.
        cut.windows(2).all(|pair| at(&pair[0], "end") - at(&pair[1], "start") <= 14)
    }),
    ("chunks-cut-graphemes", |it| {
        let cut = cut(it, &"👩‍👩‍👧‍👦 ".repeat(40), 16, 0);
        cut.len() > 1
            && cut.iter().all(|chunk| !chunk["text"].as_str().unwrap().starts_with('\u{200d}'))
            && cut.iter().all(|chunk| chunk["text"].as_str().unwrap().trim_end().ends_with('👦'))
    }),
    ("chunk-spans-in-characters", |it| cut(it, "ä", 16, 0)[0]["span"]["end"] == 2),
    ("heading-paths-lost", |it| {
        let id = it.word();
        it.ingest(AURORA, json!({"id": id, "content_type": "text/markdown", "content": "# Head\n\nBody."}));
        chunks(it, &id)[0]["heading_path"] == json!(["Head"])
    }),
    ("chunk-ids-random", |it| {
        let id = it.word();
        let document = json!({"id": id, "content": "A text."});
        let made = || {
            it.ingest(AURORA, document.clone());
            let made = chunks(it, &id)[0]["id"].clone();
            it.call(AURORA, "DELETE", &format!("/documents/{id}"), None);
            made
        };
        made() == made()
    }),
    ("chunk-ids-shared", |it| {
        let ids = [it.word(), it.word()];
        let made = ids.map(|id| {
            it.ingest(AURORA, json!({"id": id, "content": "A text."}));
            chunks(it, &id)[0]["id"].clone()
        });
        made[0] != made[1]
    }),
];

/// A hundred words of six letters.
static WORDS: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| "sevens ".repeat(100));

/// The status of a document that is sent again.
fn again(it: &World, content: &str, metadata: &Value) -> String {
    let id = it.word();
    it.ingest(AURORA, json!({"id": id, "content": "A text.", "metadata": {}}));
    let report = it.ingest(AURORA, json!({"id": id, "content": content, "metadata": metadata})).json();
    report["documents"][0]["status"].as_str().unwrap_or_default().to_owned()
}

fn metadata_comes_back(it: &World) -> bool {
    let id = it.word();
    let metadata = json!({"number": 1.5, "Key": {"in": 1}, "none": null, "list": ["b", "a"]});
    it.ingest(AURORA, json!({"id": id, "content": "A text.", "metadata": metadata}));
    it.get(AURORA, &format!("/documents/{id}")).json()["metadata"] == metadata
}

fn chunks(it: &World, id: &str) -> Vec<Value> {
    let list = it.get(AURORA, &format!("/documents/{id}/chunks?limit=100")).json();
    list["chunks"].as_array().cloned().unwrap_or_default()
}

/// The chunks of a new document of `text`.
fn cut(it: &World, text: &str, size: u32, overlap: u32) -> Vec<Value> {
    let id = it.word();
    let options = json!({"size": size, "overlap": overlap, "strategy": "fixed"});
    let answer = it.ingest_with(AURORA, json!({"id": id, "content": text}), options);
    assert_eq!(answer.status, 200, "{answer:?}");
    chunks(it, &id)
}

fn cursor(it: &World) -> String {
    it.get(AURORA, "/documents?limit=1").json()["next_cursor"].as_str().unwrap().to_owned()
}

/// Whether pages of two hold every document of a small tenant once.
fn pages_hold_all(it: &World) -> bool {
    while texts(&it.get(LIMITS, "/documents?limit=100").json()["documents"], "id").len() < 5 {
        it.lever(LIMITS);
    }
    let all = texts(&it.get(LIMITS, "/documents?limit=100").json()["documents"], "id");
    let (mut found, mut path) = (Vec::new(), "/documents?limit=2".to_owned());
    while found.len() <= 2 * all.len() {
        let page = it.get(LIMITS, &path).json();
        found.extend(texts(&page["documents"], "id"));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/documents?limit=2&cursor={cursor}");
    }
    found == all
}
