//! What a case of somebody else's document must lead to, leniently: a document says which statuses there are, not which one a
//! mistake leads to.

use contracts::{
    catalogue::{Case, Expect, Kind},
    model::{Location, Operation},
};

/// What is wrong with the status of an answer, beyond that it may not be documented.
pub(super) fn problem(case: &Case, operation: &Operation, status: u16) -> Option<String> {
    let refused = (400..500).contains(&status);
    let named = operation.parameters.iter().any(|parameter| parameter.location == Location::Path);
    // What a sample in the path names need not exist there.
    let missing = named && matches!(status, 404 | 409 | 410);
    if case.kind == Kind::Method {
        return (!refused && status != 501)
            .then(|| format!("the path has no such method: expected a refusal such as 405, found {status}"));
    }
    match &case.expect {
        Expect::Success if (200..400).contains(&status) || missing => None,
        Expect::Success if matches!(status, 401 | 403) => {
            Some(format!("expected a success, found {status}; `--header 'authorization: ...'` sends a credential"))
        }
        Expect::Success => Some(format!("expected a success, found {status}")),
        Expect::Valid if matches!(status, 400 | 415 | 422 | 500..) => {
            Some(format!("expected anything but a refusal of the request's form, found {status}"))
        }
        Expect::Valid => None,
        Expect::Error { .. } => {
            (!refused).then(|| format!("expected a documented refusal from 400 to 499, found {status}"))
        }
    }
}
