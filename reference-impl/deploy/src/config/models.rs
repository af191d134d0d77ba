//! Dimensions of the embedding models that a configuration can name.

use contract_types::PlatformConfig;

/// Models whose dimensions are known without a configuration.
const KNOWN: [(&str, u64); 6] = [
    ("hashed-lexical-v1", 512),
    ("all-minilm-l6-v2-int8", 384),
    ("@cf/baai/bge-small-en-v1.5", 384),
    ("@cf/baai/bge-base-en-v1.5", 768),
    ("@cf/baai/bge-large-en-v1.5", 1024),
    ("@cf/baai/bge-m3", 1024),
];

/// Length of the vectors of `model`; `None` where nothing is known of it.
pub(super) fn dimensions(model: &str, platform: &PlatformConfig) -> Option<u64> {
    let provider = platform.model_providers.iter().flatten().find(|provider| provider.id.0 == model);
    match provider {
        Some(provider) => provider.dimensions,
        None => KNOWN.iter().find(|(name, _)| *name == model).map(|(_, dimensions)| *dimensions),
    }
}
