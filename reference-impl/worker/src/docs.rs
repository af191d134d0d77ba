//! The reference page: a list of operations, small enough for a Worker's size limit.

use std::fmt::Write as _;

use reference_http::{DocsPages, OPERATIONS};

/// The page, made once.
#[derive(Debug)]
pub(crate) struct OperationList(String);

impl OperationList {
    pub(crate) fn new() -> Self {
        let mut rows = String::new();
        for operation in OPERATIONS {
            let (method, path, id) = (operation.method, escape(operation.path), escape(operation.id));
            let (summary, description) = (escape(operation.summary), escape(operation.description));
            // Writing to a string cannot fail.
            let _ = writeln!(
                rows,
                "<section id=\"{id}\"><h2><code>{method} {path}</code></h2><p><strong>{summary}</strong></p>\
                 <p>{description}</p></section>"
            );
        }
        Self(format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>API reference</title>\n\
             <style>body{{max-width:60rem;margin:2rem auto;padding:0 1rem;font:1rem/1.5 system-ui}}\
             h2{{font-size:1rem}}</style>\n</head>\n<body>\n<h1>API reference</h1>\n\
             <p>The whole contract: <a href=\"/openapi.json\">/openapi.json</a></p>\n{rows}</body>\n</html>\n"
        ))
    }
}

impl DocsPages for OperationList {
    fn page(&self) -> String {
        self.0.clone()
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
