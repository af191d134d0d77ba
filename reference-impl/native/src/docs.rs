//! The reference pages: Swagger UI, all of it from this binary.

use std::sync::Arc;

use reference_http::DocsPages;
use utoipa_swagger_ui::{Config, serve};

/// The page, made once.
pub struct SwaggerPage(String);

impl SwaggerPage {
    /// The page that shows `/openapi.json` of the same host.
    ///
    /// # Errors
    ///
    /// As [`page`].
    pub fn new() -> anyhow::Result<Self> {
        page("/openapi.json").map(Self)
    }
}

impl DocsPages for SwaggerPage {
    fn page(&self) -> String {
        self.0.clone()
    }
}

/// One page that loads nothing but the contract from the host it came from: style and script stand in it.
///
/// - `document`: path of the contract's document on the same host.
///
/// # Errors
///
/// When a file of Swagger UI is missing, which a build without feature `vendored` would cause.
pub fn page(document: &'static str) -> anyhow::Result<String> {
    let config = Arc::new(Config::new([document]));
    let file = |name: &str| {
        let found = serve(name, Arc::clone(&config)).map_err(|error| anyhow::anyhow!("`{name}`: {error}"))?;
        let found = found.ok_or_else(|| anyhow::anyhow!("Swagger UI has no file `{name}`"))?;
        Ok::<_, anyhow::Error>(String::from_utf8(found.bytes.into_owned())?)
    };
    let (style, bundle) = (file("swagger-ui.css")?, file("swagger-ui-bundle.js")?);
    // Neither text may end the element that it stands in; in a script `\/` is `/`.
    let (style, bundle) = (style.replace("</style", "<\\/style"), bundle.replace("</script", "<\\/script"));
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>API reference</title>\n\
         <style>{style}</style>\n</head>\n<body>\n<div id=\"swagger-ui\"></div>\n<script>{bundle}</script>\n\
         <script>\nSwaggerUIBundle({{ url: \"{document}\", dom_id: \"#swagger-ui\", deepLinking: true, \
         validatorUrl: null }});\n</script>\n</body>\n</html>\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fits_the_contract_and_loads_nothing_from_elsewhere() {
        let page = page("/openapi.json").unwrap();
        assert!(page.len() < 16_777_216);
        assert_eq!((page.matches("</script>").count(), page.matches("</style>").count()), (2, 1));
        assert!(!page.contains(" src=\"http") && !page.contains("@import"));
        assert!(page.contains("url: \"/openapi.json\""));
    }
}
