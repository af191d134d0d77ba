//! What a credential may do and what a tenant has.

/// Declares an enum whose variants have a fixed text, so that a new variant cannot ship without one.
macro_rules! named {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$doc])* $variant,)+ }

        impl $name {
            /// Every value, in the contract's order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The contract's text of the value.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The value whose contract text is exactly `text`.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use named;

named! {
    /// A right that a credential carries.
    Scope {
        /// Hold chats.
        ChatWrite = "chat:write",
        /// Read chat sessions.
        SessionsRead = "sessions:read",
        /// Delete chat sessions.
        SessionsWrite = "sessions:write",
        /// Retrieve and search.
        SearchRead = "search:read",
        /// Ingest documents.
        IngestWrite = "ingest:write",
        /// Read documents and chunks.
        DocumentsRead = "documents:read",
        /// Delete documents.
        DocumentsWrite = "documents:write",
        /// Read the tool registry.
        ToolsRead = "tools:read",
        /// Call tools.
        ToolsExecute = "tools:execute",
        /// Synthesise speech.
        TtsWrite = "tts:write",
        /// Read usage and budget.
        UsageRead = "usage:read",
        /// Read the audit log.
        AuditRead = "audit:read",
        /// Read the own tenant's metrics.
        MetricsRead = "metrics:read",
        /// Everything within the own tenant.
        Admin = "admin",
        /// Metrics of every tenant; the one right that `admin` does not hold.
        Operator = "operator",
    }
}

named! {
    /// An optional feature that `/capabilities` declares.
    Feature {
        /// Ingestion as a job.
        AsyncIngest = "async_ingest",
        /// A reranking stage.
        Rerank = "rerank",
        /// Correction of misspelt query words.
        SpellCorrection = "spell_correction",
        /// Search answers as an event stream.
        SearchStreaming = "search_streaming",
        /// Chat.
        Chat = "chat",
        /// Stored chat sessions.
        Sessions = "sessions",
        /// Tools.
        Tools = "tools",
        /// The tool registry over the Model Context Protocol.
        Mcp = "mcp",
        /// Speech synthesis.
        Tts = "tts",
        /// Usage reports.
        Usage = "usage",
        /// The audit log.
        Audit = "audit",
        /// Metrics.
        Metrics = "metrics",
        /// The same request gives the same answer, token for token.
        Deterministic = "deterministic",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_every_text_it_writes() {
        assert!(Scope::ALL.iter().all(|scope| Scope::parse(scope.as_str()) == Some(*scope)));
        assert!(Feature::ALL.iter().all(|feature| Feature::parse(feature.as_str()) == Some(*feature)));
    }

    #[test]
    fn knows_no_other_text() {
        for text in ["", "Admin", "search", "search:read ", "chat:write,admin"] {
            assert_eq!(Scope::parse(text), None, "{text:?}");
        }
    }
}
