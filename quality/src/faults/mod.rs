//! Seeded faults of retrieval, made on the way between the target and the scorer or by a switch of the target, which prove that
//! the gate sees each.

mod change;
pub mod trial;

pub use change::truncated;

use harness::client::Exchange;
use serde_json::Value;

/// Share of the documents that the fault of lost documents loses.
pub const LOST: f64 = 0.02;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// 2 % of the documents are gone, from lists and from rankings.
    DocumentsLost,
    /// 2 % of the documents are listed but never retrieved.
    DocumentsNotIndexed,
    /// The first two documents of every ranking change places.
    FirstTwoSwapped,
    /// Documents are cut to their first half on the way in.
    TextTruncated,
    /// Chunks of another tenant are ranked among the tenant's own.
    ForeignDocuments,
    /// The words of queries are not stemmed: a switch of the target.
    StemmingOff,
    /// Queries are embedded with another model than the documents: a switch of the target.
    QueryModelDiffers,
}

impl Fault {
    /// Every fault.
    pub const ALL: &'static [Self] = &[
        Self::DocumentsLost,
        Self::DocumentsNotIndexed,
        Self::FirstTwoSwapped,
        Self::TextTruncated,
        Self::ForeignDocuments,
        Self::StemmingOff,
        Self::QueryModelDiffers,
    ];

    /// Its name, in words with hyphens.
    pub fn name(self) -> &'static str {
        match self {
            Self::DocumentsLost => "documents-lost",
            Self::DocumentsNotIndexed => "documents-not-indexed",
            Self::FirstTwoSwapped => "first-two-swapped",
            Self::TextTruncated => "text-truncated",
            Self::ForeignDocuments => "foreign-documents",
            Self::StemmingOff => "stemming-off",
            Self::QueryModelDiffers => "query-model-differs",
        }
    }

    /// What is wrong, in one sentence.
    pub fn text(self) -> &'static str {
        match self {
            Self::DocumentsLost => "2 % of the documents are gone",
            Self::DocumentsNotIndexed => "2 % of the documents are listed but not retrieved",
            Self::FirstTwoSwapped => "the first two documents change places",
            Self::TextTruncated => "documents are cut to their first half as they are ingested",
            Self::ForeignDocuments => "chunks of another tenant are among the tenant's own",
            Self::StemmingOff => "words of queries are not stemmed",
            Self::QueryModelDiffers => "queries are embedded with another model than documents",
        }
    }

    /// The switch of the target's control API that makes it, where it is not made on the way.
    pub fn switch(self) -> Option<&'static str> {
        match self {
            Self::StemmingOff | Self::QueryModelDiffers => Some(self.name()),
            Self::DocumentsLost
            | Self::DocumentsNotIndexed
            | Self::FirstTwoSwapped
            | Self::TextTruncated
            | Self::ForeignDocuments => None,
        }
    }

    pub(crate) fn of_request(self, path: &str, mut body: Value) -> Value {
        if self == Self::TextTruncated && path == "/ingest" {
            change::cut_documents(&mut body);
        }
        body
    }

    pub(crate) fn mixes_tenants(self, path: &str) -> bool {
        self == Self::ForeignDocuments && path == "/retrieve"
    }

    pub(crate) fn mix(own: &mut Exchange, other: &Exchange) {
        if let Some(foreign) = other.response.json() {
            change::alter(own, |body| change::add_chunks(body, &foreign));
        }
    }

    pub(crate) fn of_response(self, path: &str, exchange: &mut Exchange, seed: u64) {
        let listing = path.starts_with("/documents?");
        match self {
            Self::DocumentsLost if listing => {
                change::alter(exchange, |body| change::lose(body, "documents", "id", seed));
            }
            Self::DocumentsLost | Self::DocumentsNotIndexed if path == "/retrieve" => {
                change::alter(exchange, |body| change::lose(body, "chunks", "document_id", seed));
            }
            Self::FirstTwoSwapped if path == "/retrieve" => change::alter(exchange, change::swap_first_two),
            Self::DocumentsLost
            | Self::DocumentsNotIndexed
            | Self::FirstTwoSwapped
            | Self::TextTruncated
            | Self::ForeignDocuments
            | Self::StemmingOff
            | Self::QueryModelDiffers => {}
        }
    }
}
