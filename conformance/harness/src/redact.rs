//! What may not stand in a record or on a screen: credentials and canaries.

/// Texts to take out, with what stands in their place.
#[derive(Debug, Clone, Default)]
pub struct Redactor {
    texts: Vec<(String, String)>,
}

impl Redactor {
    /// Nothing to take out yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes `text` out from now on. Short texts are left alone: they would tear holes into everything.
    pub fn add(&mut self, text: &str, instead: &str) {
        if text.len() >= 8 {
            self.texts.push((text.to_owned(), instead.to_owned()));
            self.texts.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
        }
    }

    /// `text` without what may not stand in it.
    pub fn clean(&self, text: &str) -> String {
        self.texts.iter().fold(text.to_owned(), |text, (secret, instead)| text.replace(secret, instead))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_out_the_longest_text_first() {
        let mut redactor = Redactor::new();
        redactor.add("secret-key", "[redacted]");
        redactor.add("secret-key-of-another", "[other]");
        redactor.add("a", "[never]");
        assert_eq!(redactor.clean("a secret-key-of-another secret-key"), "a [other] [redacted]");
    }
}
