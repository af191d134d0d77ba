//! Cases from any OpenAPI document: only those that a document alone justifies, without the rules of our own contract.

use super::{Case, Kind, cases, values};
use crate::model::Foreign;

/// The cases of somebody else's document, in the order of its operations.
///
/// Who may call, what an unknown query parameter leads to and how a request is correlated are matters of our own contract; a
/// `format` is an annotation unless a contract says otherwise. None of them makes a case here.
pub fn foreign_cases(foreign: &Foreign) -> Vec<Case> {
    let judge = values::Judge::new(&foreign.contract);
    let fits = |case: &Case| {
        let operation = foreign.contract.operation(&case.operation)?;
        let body = operation.request.as_ref()?;
        judge.fits(crate::model::component_name(&body.schema)?, &case.payload.json()?)
    };
    let all = cases(&foreign.contract).into_iter().filter(|case| is_justified(foreign, case));
    // A sample may miss what a schema asks for in ways that sampling does not know.
    all.filter(|case| case.kind != Kind::Example || fits(case) != Some(false)).collect()
}

fn is_justified(foreign: &Foreign, case: &Case) -> bool {
    let unsendable = foreign.unsendable.iter().any(|(id, _)| *id == case.operation);
    let ends = |what: &str| case.id.ends_with(what);
    match case.kind {
        Kind::Method => true,
        _ if unsendable => false,
        Kind::Example | Kind::MissingField | Kind::BoundInside => true,
        // An empty value counts as none in many a server.
        Kind::TypeError => !ends("/type/empty"),
        Kind::BoundOutside => case.keyword.as_deref() != Some("format"),
        Kind::UnknownField => case.place.as_deref().is_some_and(|place| place.starts_with("/body")),
        Kind::MalformedJson => !(ends("malformed/empty") && foreign.optional_bodies.contains(&case.operation)),
        Kind::ContentType => !ends("content_type/absent"),
        Kind::Accept | Kind::Credential | Kind::Tenant | Kind::Scope | Kind::Correlation | Kind::MissingObject => false,
    }
}
