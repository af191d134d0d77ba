//! Which rule a generated case holds, and which side of it.

use contracts::catalogue::{Case, Expect, Kind};

use crate::written::Polarity;

/// The rule that a generated case holds above all, where there is one, and the side of it that it shows.
pub fn of_generated(case: &Case) -> Option<(&'static str, Polarity)> {
    use Polarity::{Negative, Positive};
    let refused = matches!(case.expect, Expect::Error { .. });
    Some(match case.kind {
        Kind::Example => ("HDR-002", Positive),
        Kind::MissingField | Kind::TypeError | Kind::BoundOutside => ("ERR-004", Negative),
        Kind::BoundInside => ("ERR-004", Positive),
        Kind::UnknownField if case.place.as_deref() == Some("/query") => ("HDR-004", Negative),
        Kind::UnknownField => ("HDR-003", Negative),
        Kind::MalformedJson => ("ERR-003", Negative),
        Kind::ContentType => ("ERR-007", Negative),
        Kind::Accept if refused => ("ERR-006", Negative),
        Kind::Accept => ("ERR-006", Positive),
        Kind::Method => ("ERR-005", Negative),
        Kind::Credential => match case.credential {
            contracts::catalogue::Credential::None => ("AUT-001", Negative),
            contracts::catalogue::Credential::BadChecksum | contracts::catalogue::Credential::Unknown => {
                ("AUT-003", Negative)
            }
            contracts::catalogue::Credential::Own
            | contracts::catalogue::Credential::EmptyBearer
            | contracts::catalogue::Credential::Basic
            | contracts::catalogue::Credential::Junk
            | contracts::catalogue::Credential::InQuery
            | contracts::catalogue::Credential::Unscoped => ("AUT-002", Negative),
        },
        Kind::Tenant if refused => ("TEN-002", Negative),
        Kind::Tenant => ("TEN-002", Positive),
        Kind::Scope => ("AUT-012", Negative),
        Kind::Correlation => match case.headers.first().map(|(name, _)| name.as_str()) {
            Some("x-request-id") if case.id.ends_with("/echoed") => ("HDR-005", Positive),
            Some("x-request-id") => ("HDR-006", Negative),
            _ => ("HDR-009", Negative),
        },
        Kind::MissingObject => ("TEN-009", Positive),
    })
}
