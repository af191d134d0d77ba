//! The command that repeats a request, with variables where credentials stood.

use crate::{client::Exchange, credential::Credential, redact::Redactor};

/// Longest body that is written into a command.
const LONGEST_BODY: usize = 8192;

/// A shell command that sends the request of `exchange` again.
pub fn command(exchange: &Exchange, credentials: &[Credential], redactor: &Redactor) -> String {
    let request = &exchange.request;
    let mut parts = vec!["curl -sS -i --path-as-is".to_owned()];
    if request.method != "GET" {
        parts.push(format!("-X {}", request.method));
    }
    parts.push(variables(&quote(&exchange.url), credentials));
    for (name, value) in &request.headers {
        let value = if name == "authorization" { without_tokens(value) } else { value.clone() };
        parts.push(format!("-H {}", variables(&quote(&format!("{name}: {value}")), credentials)));
    }
    let sends_type = request.first("content-type").is_some();
    if request.body.is_some() && !sends_type {
        parts.push("-H 'content-type;'".to_owned());
    }
    if let Some(body) = &request.body {
        match std::str::from_utf8(body) {
            Ok(text) if text.len() <= LONGEST_BODY => {
                parts.push(format!("--data-binary {}", variables(&quote(text), credentials)));
            }
            Ok(text) => {
                let head: String = text.chars().take(120).collect();
                parts.push(format!("--data-binary @body.json # {} bytes that begin {}", text.len(), quote(&head)));
            }
            Err(_) => {
                let escaped = body
                    .iter()
                    .take(LONGEST_BODY / 4)
                    .fold(String::new(), |text, byte| text + &format!("\\x{byte:02x}"));
                parts.insert(0, format!("printf '{escaped}' |"));
                parts.push("--data-binary @-".to_owned());
            }
        }
    }
    redactor.clean(&parts.join(" "))
}

/// An `authorization` header without a token that a case has made: it opens the deployment until it expires.
fn without_tokens(value: &str) -> String {
    let words = value.split(' ').map(|word| {
        let is_token = word.starts_with("eyJ") && word.matches('.').count() == 2;
        if is_token { "[a token of this case]" } else { word }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// `text` for a POSIX shell.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// Takes every credential out of a quoted text and puts its variable in.
fn variables(quoted: &str, credentials: &[Credential]) -> String {
    credentials.iter().fold(quoted.to_owned(), |text, credential| {
        text.replace(credential.secret.expose(), &format!("'\"${}\"'", credential.variable()))
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        client::{Request, Response},
        credential::Secret,
    };

    fn told(request: Request) -> String {
        let response = Response {
            status: 200,
            headers: Vec::new(),
            body: bytes::Bytes::default(),
            truncated: false,
            broken: false,
            headers_after: Duration::ZERO,
            arrivals: Vec::new(),
            stopped: false,
        };
        let url = format!("http://127.0.0.1:1{}", request.target);
        let exchange = Exchange { request, url, response, elapsed: Duration::ZERO };
        let secret = Secret::new("pl_a_secret");
        let credential = Credential { tenant: "a-b".into(), name: "all".into(), scopes: Vec::new(), secret };
        command(&exchange, &[credential], &Redactor::new())
    }

    #[test]
    fn puts_variables_where_credentials_stood() {
        let text = told(
            Request::new("POST", "/search")
                .bearer(&Secret::new("pl_a_secret"))
                .json(&serde_json::json!({"query": "it's"})),
        );
        assert!(!text.contains("pl_a_secret"), "{text}");
        assert!(text.contains("-H 'authorization: Bearer '\"$PLUMBLINE_A_B_ALL\"''"), "{text}");
        assert!(text.contains("--data-binary '{\"query\":\"it'\\''s\"}'"), "{text}");
        assert!(!told(Request::new("GET", "/a?access_token=pl_a_secret")).contains("pl_a_secret"));
    }

    #[test]
    fn keeps_bytes_that_are_no_text() {
        let mut request = Request::new("POST", "/a");
        request.body = Some(bytes::Bytes::from_static(b"\xff{"));
        assert!(told(request).starts_with("printf '\\xff\\x7b' | curl"));
    }
}
