//! `--provider-url ID=URL`: another address for a provider of `platform.yaml`, such as that of a stand-in in a test.

use std::fmt;
use std::str::FromStr;

use super::Loaded;
use super::provider::address;

/// A provider's id and the address that takes the place of the file's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderUrl {
    id: String,
    url: String,
}

impl FromStr for ProviderUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (id, url) = text.split_once('=').filter(|(id, _)| !id.is_empty()).ok_or("expected ID=URL")?;
        Ok(Self { id: id.to_owned(), url: address(url)? })
    }
}

impl fmt::Display for ProviderUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}={}", self.id, self.url)
    }
}

impl ProviderUrl {
    /// Puts the address in the place of the file's.
    ///
    /// # Errors
    ///
    /// A text that says which providers there are, when none has this id.
    pub fn apply(&self, loaded: &mut Loaded) -> Result<(), String> {
        let providers = &mut loaded.platform.model_providers;
        let known = providers.iter().map(|provider| provider.provider.id.clone()).collect::<Vec<_>>().join(", ");
        let found = providers.iter_mut().find(|provider| provider.provider.id == self.id);
        let found = found.ok_or_else(|| {
            let known = if known.is_empty() { "none".to_owned() } else { known };
            format!("--provider-url: platform.yaml lists no model provider `{}`; there are: {known}", self.id)
        })?;
        found.provider.url.clone_from(&self.url);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{DemoFiles, load};

    #[test]
    fn takes_an_id_and_an_address() {
        let read: ProviderUrl = "far/embed=http://127.0.0.1:9/v1/".parse().unwrap();
        assert_eq!(read, ProviderUrl { id: "far/embed".to_owned(), url: "http://127.0.0.1:9/v1".to_owned() });
        for (text, expected) in [
            ("http://127.0.0.1:9", "expected ID=URL"),
            ("=http://127.0.0.1:9", "expected ID=URL"),
            ("far/embed=127.0.0.1:9", "expected an address"),
        ] {
            let error = text.parse::<ProviderUrl>().unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn takes_the_place_of_the_files_address_and_of_no_other() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/tenants");
        let mut loaded = load(&folder, &crate::deployment::models(), Some(&DemoFiles::beside(&folder))).unwrap();
        let before = loaded.platform.model_providers.clone();
        let change: ProviderUrl = "far/embed=http://127.0.0.1:1/v1".parse().unwrap();
        change.apply(&mut loaded).unwrap();
        for (old, new) in before.iter().zip(&loaded.platform.model_providers) {
            let changed = if old.provider.id == "far/embed" { "http://127.0.0.1:1/v1" } else { &old.provider.url };
            assert_eq!(
                (new.provider.url.as_str(), &new.provider.key),
                (changed, &old.provider.key),
                "{}",
                old.provider.id
            );
        }
        let stranger: ProviderUrl = "far/none=http://127.0.0.1:1".parse().unwrap();
        let error = stranger.apply(&mut loaded).unwrap_err();
        assert!(error.contains("no model provider `far/none`") && error.contains("far/embed"), "{error}");
    }
}
