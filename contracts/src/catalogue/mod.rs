//! The generated test cases: every example, every missing field, type error, bound, unknown field, and every way in which a
//! request can be wrong before a schema is even looked at; and the denominator that says what there was to reach.

mod body;
mod credentials;
mod denominator;
mod foreign;
mod parameters;
mod protocol;
mod values;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use denominator::{Denominator, denominator};
pub use foreign::foreign_cases;
pub use values::sample;

use crate::{Contract, model::Operation};

/// What a case tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An example of the contract, as written.
    Example,
    /// A required field or parameter left out.
    MissingField,
    /// A value of another JSON type.
    TypeError,
    /// A value exactly at a bound.
    BoundInside,
    /// A value just past a bound.
    BoundOutside,
    /// A field or parameter that the contract does not name.
    UnknownField,
    /// A body that is no JSON text.
    MalformedJson,
    /// A body in a media type that the operation does not take.
    ContentType,
    /// An `accept` header that no documented media type fits.
    Accept,
    /// A method that the path does not have.
    Method,
    /// No credential, or one that must be refused.
    Credential,
    /// A header that contradicts the credential's tenant.
    Tenant,
    /// A credential without the scope.
    Scope,
    /// Correlation headers.
    Correlation,
    /// An id that exists nowhere.
    MissingObject,
}

/// How the request identifies its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Credential {
    /// The tenant's credential with every scope that the operation needs.
    Own,
    /// No `authorization` header.
    None,
    /// `Bearer` without a token.
    EmptyBearer,
    /// The right token under `Basic`.
    Basic,
    /// A token that is neither a key nor a JWT.
    Junk,
    /// A key of the right form with a wrong checksum.
    BadChecksum,
    /// A key of the right form and checksum that was never issued.
    Unknown,
    /// The right token in the query string alone.
    InQuery,
    /// A credential of the tenant that lacks the operation's scopes.
    Unscoped,
}

/// The body that is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "as")]
pub enum Payload {
    /// No body.
    None,
    /// This JSON value.
    Json {
        /// The value.
        value: Value,
    },
    /// This JSON value, with a string of `count` times `unit` put at `pointer`.
    Filled {
        /// The value.
        value: Value,
        /// Where the string goes.
        pointer: String,
        /// What is repeated.
        unit: String,
        /// How often.
        count: u64,
    },
    /// This JSON value, with the list at `pointer` holding its only item `count` times.
    Repeated {
        /// The value.
        value: Value,
        /// Where the list is.
        pointer: String,
        /// How often.
        count: u64,
    },
    /// These bytes, in hex.
    Raw {
        /// The bytes.
        hex: String,
    },
}

/// What must come back. Whatever it is, it must also be documented: status, headers and body.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Expect {
    /// A success.
    Success,
    /// Anything but a refusal of the request's form: the values are within the contract, though what they name may not exist.
    Valid,
    /// This error.
    Error {
        /// HTTP status.
        status: u16,
        /// Error code.
        code: String,
        /// JSON pointer that one of the details must name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pointer: Option<String>,
    },
}

/// One generated case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// Stable id: operation, what is tried, where.
    pub id: String,
    /// `operationId`; for a method case, the first operation of the path.
    pub operation: String,
    /// What it tries.
    pub kind: Kind,
    /// Place in the request, such as `/body/query` or `/query/limit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// The schema keyword that it exercises.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyword: Option<String>,
    /// Method, where it is not the operation's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Who calls.
    pub credential: Credential,
    /// Path parameters that are not taken from the seeded corpus.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<(String, String)>,
    /// Query parameters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<(String, String)>,
    /// Request headers besides those that the credential and the body bring; an empty value takes a header away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// The body.
    pub payload: Payload,
    /// What must come back.
    pub expect: Expect,
}

impl Case {
    /// A case of `operation` that sends its base request and expects `expect`.
    fn new(operation: &Operation, base: &Base, kind: Kind, what: &str, expect: Expect) -> Self {
        Self {
            id: format!("{}/{what}", operation.id),
            operation: operation.id.clone(),
            kind,
            place: None,
            keyword: None,
            method: None,
            credential: Credential::Own,
            path: Vec::new(),
            query: base.query.clone(),
            headers: Vec::new(),
            payload: base.body.clone().map_or(Payload::None, |value| Payload::Json { value }),
            expect,
        }
    }
}

/// The request that cases start from: the contract's richest example, with required parameters.
struct Base {
    body: Option<Value>,
    query: Vec<(String, String)>,
}

fn refusal(status: u16, code: &str) -> Expect {
    Expect::Error { status, code: code.to_owned(), pointer: None }
}

/// Every generated case, in the order of the contract's operations; ids are unique.
pub fn cases(contract: &Contract) -> Vec<Case> {
    let judge = values::Judge::new(contract);
    let mut cases = Vec::new();
    for operation in &contract.operations {
        let base = values::base(contract, operation);
        cases.extend(body::examples(contract, operation, &base));
        cases.extend(body::mutations(contract, &judge, operation, &base));
        cases.extend(parameters::cases(contract, &judge, operation, &base));
        cases.extend(protocol::cases(contract, operation, &base));
        cases.extend(credentials::cases(operation, &base));
    }
    let mut seen = std::collections::HashSet::new();
    cases.retain(|case| seen.insert(case.id.clone()));
    cases
}
