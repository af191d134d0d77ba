//! The cells of the matrix.

use contracts::{
    Contract,
    model::{Location, Operation, Scopes},
};

use crate::written::Polarity;

/// Which object a request names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Object {
    /// The operation names none.
    None,
    /// One of the caller's tenant.
    Own,
    /// One of another tenant.
    Foreign,
    /// One that exists nowhere.
    Missing,
}

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Caller {
    /// The tenant's credential with every scope.
    Owner,
    /// A credential of the tenant without the operation's scopes.
    Unscoped,
    /// A key that was revoked.
    Revoked,
    /// A key whose time is over.
    Expired,
    /// A well-formed key of the other tenant that was never issued.
    Unknown,
    /// Nobody.
    Nobody,
}

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Check {
    /// The answer.
    Answer,
    /// The answer, when the request carries the other tenant's canaries.
    Canary,
    /// The other tenant's state before and after.
    Trace,
}

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The operation.
    pub operation: String,
    /// Which object it names.
    pub object: Object,
    /// Who calls.
    pub caller: Caller,
    /// What is looked at.
    pub check: Check,
}

impl Attempt {
    /// Its stable id.
    pub fn id(&self) -> String {
        let Self { operation, object, caller, check } = self;
        let object = format!("{object:?}").to_lowercase();
        match check {
            Check::Answer => format!("isolation/{operation}/{object}/{}", format!("{caller:?}").to_lowercase()),
            Check::Canary => format!("isolation/{operation}/canaries"),
            Check::Trace => format!("isolation/{operation}/{object}/trace"),
        }
    }

    /// The rule that it holds above all.
    pub fn rule(&self) -> &'static str {
        match (self.check, self.caller, self.object) {
            (Check::Canary, _, _) => "TEN-010",
            (Check::Trace, _, _) => "TEN-011",
            (Check::Answer, Caller::Owner, Object::Own | Object::Missing | Object::Foreign) => "TEN-009",
            (Check::Answer, Caller::Owner, Object::None) => "TEN-001",
            (Check::Answer, Caller::Unscoped, _) => "AUT-012",
            (Check::Answer, Caller::Revoked | Caller::Expired, _) => "AUT-004",
            (Check::Answer, Caller::Unknown, _) => "AUT-003",
            (Check::Answer, Caller::Nobody, _) => "AUT-001",
        }
    }

    /// Which side of the rule it shows.
    pub fn polarity(&self) -> Polarity {
        match (self.check, self.caller, self.object) {
            (Check::Answer, Caller::Owner, Object::Own | Object::None | Object::Missing) => Polarity::Positive,
            _ => Polarity::Negative,
        }
    }

    /// Cases of the catalogue that it is a part of.
    pub fn catalogue(&self) -> &'static [&'static str] {
        match (self.check, self.caller, self.object) {
            (Check::Canary, _, _) => &["SC-01"],
            (Check::Trace, _, _) => &["VE-04", "IN-02"],
            (Check::Answer, Caller::Nobody | Caller::Unknown, _) => &["AU-01"],
            (Check::Answer, Caller::Revoked | Caller::Expired, _) => &["AU-09"],
            (Check::Answer, Caller::Unscoped, _) => &["AU-10"],
            (Check::Answer, Caller::Owner, Object::Foreign | Object::Missing) => match self.operation.as_str() {
                "get_session" | "delete_session" => &["CH-01", "ML-06"],
                "get_job_result" => &["TT-01", "ML-06"],
                _ => &["VE-04", "ML-06"],
            },
            (Check::Answer, Caller::Owner, Object::Own | Object::None) => &[],
        }
    }
}

/// Whether an operation's path names an object that belongs to a tenant.
pub(super) fn names_an_object(operation: &Operation) -> bool {
    operation.own_parameters().any(|parameter| parameter.location == Location::Path)
        // Tools belong to the deployment: another tenant's tool is a tool that is not listed.
        && !operation.path.starts_with("/tools")
}

/// Every cell, in the order of the contract.
pub fn all(contract: &Contract) -> Vec<Attempt> {
    let callers = [Caller::Owner, Caller::Unscoped, Caller::Revoked, Caller::Expired, Caller::Unknown, Caller::Nobody];
    let mut attempts = Vec::new();
    for operation in contract.operations.iter().filter(|operation| operation.scopes != Scopes::Open) {
        let attempt = |object, caller, check| Attempt { operation: operation.id.clone(), object, caller, check };
        let objects: &[Object] =
            if names_an_object(operation) { &[Object::Own, Object::Foreign, Object::Missing] } else { &[Object::None] };
        for &object in objects {
            for caller in callers {
                // Where any credential is enough, none lacks a scope.
                let any = matches!(&operation.scopes, Scopes::AllOf(all) if all.is_empty());
                if caller != Caller::Unscoped || !any {
                    attempts.push(attempt(object, caller, Check::Answer));
                }
            }
        }
        if operation.request.is_some() {
            attempts.push(attempt(Object::None, Caller::Owner, Check::Canary));
        }
        let object = if names_an_object(operation) { Object::Foreign } else { Object::None };
        attempts.push(attempt(object, Caller::Owner, Check::Trace));
    }
    attempts
}
