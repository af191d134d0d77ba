//! The tenant of the run, its documents and its questions, all the same in every run.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::load::{Request, once};

/// The fixtures' tenant with default settings.
pub(crate) const TENANT: &str = "open-shelf";
/// Words that documents are made of.
const WORDS: usize = 2_000;
/// Chunks of each document.
const PER_DOCUMENT: usize = 50;

/// Copies what the run serves to `folder`: one tenant without a limit that a bench could meet, whose vectors cost little.
/// Gives the folder of tenants.
pub(crate) fn tenants(folder: &Path) -> PathBuf {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    let (tenants, credentials) = (folder.join("tenants"), folder.join("credentials"));
    for folder in [&tenants.join(TENANT), &credentials] {
        std::fs::create_dir_all(folder).expect("the folder of this run is writable");
    }
    for file in std::fs::read_dir(fixtures.join("credentials")).expect("the fixtures").flatten() {
        std::fs::copy(file.path(), credentials.join(file.file_name())).expect("a fixture");
    }
    std::fs::copy(fixtures.join("tenants/platform.yaml"), tenants.join("platform.yaml")).expect("a fixture");
    let name = format!("{TENANT}/tenant.yaml");
    let text = std::fs::read_to_string(fixtures.join("tenants").join(&name)).expect("a fixture");
    let wide = text.replace("_requests: 100000", "_requests: 1000000").replace(
        "embedding: all-minilm-l6-v2-int8",
        &format!("embedding: {}", reference_core::retrieve::HashedEmbedder::MODEL),
    );
    assert_ne!(text, wide, "the fixture's limits and model are written as this bench knows them");
    std::fs::write(tenants.join(name), wide).expect("the folder of this run is writable");
    tenants
}

/// The published key of the tenant.
pub(crate) fn key(tenants: &Path) -> String {
    let text = std::fs::read_to_string(tenants.join("../credentials/keys.yaml")).expect("the fixtures' keys");
    let keys: Vec<Value> = serde_yaml::from_str(&text).expect("a list of keys");
    let key = keys.iter().find(|it| it["tenant"] == TENANT && it["name"] == "all").expect("a key of the tenant");
    key["key"].as_str().expect("a text").to_owned()
}

/// Numbers that are the same in every run.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    #[expect(clippy::cast_precision_loss, reason = "24 bits")]
    fn uniform(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / 16_777_216.0
    }

    /// Words of which few are frequent and many are rare, as in any language.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "small and positive"
    )]
    pub(crate) fn text(&mut self, words: usize) -> String {
        let mut word = || format!("word{}", (WORDS as f32 * self.uniform().powi(3)) as usize);
        (0..words).map(|_| word()).collect::<Vec<_>>().join(" ")
    }
}

/// Ingests documents until there are `wanted` chunks.
pub(crate) fn ingest(address: &str, key: &str, wanted: usize) {
    let mut random = Random::new(9);
    let mut chunks = 0;
    while chunks < wanted {
        let document = json!({"id": format!("d{chunks}"), "content_type": "text/plain", "content": random.text(64 * PER_DOCUMENT)});
        let body = json!({"documents": [document], "options": {"size": 64, "overlap": 0}});
        let answer: Value =
            serde_json::from_slice(&once(address, &Request::post("/ingest", key, &body))).expect("JSON");
        chunks += answer["documents"][0]["chunks"].as_u64().and_then(|it| usize::try_from(it).ok()).expect("a count");
    }
}

/// Questions of six words.
pub(crate) fn questions(count: usize) -> Vec<String> {
    let mut random = Random::new(11);
    (0..count).map(|_| random.text(6)).collect()
}
