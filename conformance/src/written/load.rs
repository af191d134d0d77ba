//! Reads written cases and checks all that can be checked offline.

use std::{
    fs,
    path::{Path, PathBuf},
};

use contracts::{Contract, model};
use serde_json::Value;

use super::{
    assertion::HeaderAssertion,
    format::{Caller, Case, Level, Need, Nobody, Step},
};
use crate::suite::SuiteError;

/// Every case under `folder`, by id.
///
/// # Errors
///
/// [`SuiteError`] names the first file that cannot be used, and the place in it.
pub fn load(folder: &Path, contract: &Contract) -> Result<Vec<Case>, SuiteError> {
    let mut files = Vec::new();
    for capability in entries(folder) {
        files.extend(entries(&capability).into_iter().filter(|file| file.extension().is_some_and(|e| e == "yaml")));
    }
    files.iter().map(|file| read(file, contract)).collect()
}

/// What lies in a folder, in order; nothing when it is none.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    entries
}

fn read(file: &Path, contract: &Contract) -> Result<Case, SuiteError> {
    let fault =
        |place: &str, message: String| SuiteError { file: file.to_path_buf(), place: place.to_owned(), message };
    let text = fs::read_to_string(file).map_err(|cause| fault("", cause.to_string()))?;
    let value: Value = serde_yaml::from_str(&text).map_err(|error| fault("", error.to_string()))?;
    // Step by step, so that a message can name the step.
    let lists = ["setup", "steps", "cleanup"].into_iter();
    let steps = lists.flat_map(|list| {
        let steps = value[list].as_array().into_iter().flatten().enumerate();
        steps.map(move |(index, step)| (format!("/{list}/{index}"), step))
    });
    for (place, step) in steps {
        serde_path_to_error::deserialize::<_, Step>(step).map_err(|error| {
            fault(&format!("{place}/{}", error.path().to_string().replace('.', "/")), error.inner().to_string())
        })?;
    }
    let mut case: Case = serde_json::from_value(value).map_err(|error| fault("/", error.to_string()))?;
    let name = |path: Option<&Path>| path.and_then(Path::file_stem).unwrap_or_default().to_string_lossy().into_owned();
    let (capability, stem) = (name(file.parent()), name(Some(file)));
    let kebab = |word: &str| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    if !kebab(&stem) || !kebab(&capability) {
        return Err(fault("", format!("`{capability}/{stem}`: expected names of lower-case words joined by hyphens")));
    }
    case.id = format!("{capability}/{stem}");
    let rule = contract.rules.iter().find(|rule| rule.id == case.rule);
    let rule = rule.ok_or_else(|| fault("/rule", format!("rules.yaml has no rule `{}`", case.rule)))?;
    let level = match rule.level {
        model::Level::Must => Level::Must,
        model::Level::Should => Level::Should,
    };
    if level != case.level {
        return Err(fault("/level", format!("the rule `{}` has another level", case.rule)));
    }
    if case.steps.is_empty() {
        return Err(fault("/steps", "expected at least one step".to_owned()));
    }
    if let Some(strange) = case.catalogue.iter().find(|id| !is_catalogue_id(id)) {
        return Err(fault("/catalogue", format!("`{strange}` is no id of the catalogue; expected one like AU-06")));
    }
    let mut names: Vec<&str> = Vec::new();
    for (list, index, step) in case.all_steps() {
        if let Some((place, message)) = step_fault(step, &case, &names) {
            return Err(fault(&format!("/{list}/{index}{place}"), message));
        }
        names.push(&step.name);
    }
    case.operations = case.all_steps().filter_map(|(_, _, step)| operation(step, contract)).collect();
    case.operations.sort();
    case.operations.dedup();
    Ok(case)
}

/// The operation that a step reaches, by its path as it is written.
fn operation(step: &Step, contract: &Contract) -> Option<String> {
    let path = step.request.path.split('?').next().unwrap_or_default();
    let given: Vec<&str> = path.split('/').collect();
    let fits = |operation: &&model::Operation| {
        let known: Vec<&str> = operation.path.split('/').collect();
        let same = |(known, given): (&&str, &&str)| known.starts_with('{') || known == given;
        operation.method == step.request.method && known.len() == given.len() && known.iter().zip(&given).all(same)
    };
    let exact = |operation: &&model::Operation| operation.path == path && operation.method == step.request.method;
    let operations = || contract.operations.iter();
    operations().find(exact).or_else(|| operations().find(fits)).map(|operation| operation.id.clone())
}

/// Whether `id` has the form of the catalogue's ids: a group of two letters, a dash, two digits.
fn is_catalogue_id(id: &str) -> bool {
    let groups = ["AU", "IN", "SC", "VE", "CH", "TL", "TT", "ML", "AD"];
    id.split_once('-').is_some_and(|(group, number)| {
        groups.contains(&group) && number.len() == 2 && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn step_fault(step: &Step, case: &Case, before: &[&str]) -> Option<(String, String)> {
    let request = &step.request;
    let bodies = [request.body.is_some(), request.raw.is_some(), request.body_file.is_some()];
    if bodies.into_iter().filter(|given| *given).count() > 1 {
        return Some(("/request".to_owned(), "expected at most one of body, raw and body_file".to_owned()));
    }
    if request.wire.is_some() {
        if !case.needs.contains(&Need::RawHttp) {
            return Some(("/request/wire".to_owned(), "add raw_http to `needs`".to_owned()));
        }
    } else if request.method.is_empty() || !request.path.starts_with('/') && !request.path.starts_with("{{") {
        return Some(("/request".to_owned(), "expected a method, and a path that begins with a slash".to_owned()));
    }
    let expect = &step.expect;
    if let Some(name) = expect.same_as.as_deref().filter(|name| !before.contains(name)) {
        return Some(("/expect/same_as".to_owned(), format!("no earlier step is called `{name}`")));
    }
    if expect.log.is_some() && !case.needs.contains(&Need::Start) {
        return Some(("/expect/log".to_owned(), "add start to `needs`".to_owned()));
    }
    if matches!(step.caller, Caller::Word(Nobody::Control)) && !case.needs.contains(&Need::Control) {
        return Some(("/as".to_owned(), "add control to `needs`".to_owned()));
    }
    if matches!(step.caller, Caller::Word(Nobody::Upstream)) && !case.needs.contains(&Need::Upstream) {
        return Some(("/as".to_owned(), "add upstream to `needs`".to_owned()));
    }
    if let Caller::Named(identity) = &step.caller
        && identity.jwt.is_some()
        && !case.needs.contains(&Need::Tokens)
    {
        return Some(("/as/jwt".to_owned(), "add tokens to `needs`".to_owned()));
    }
    let asserts = expect.status.is_some()
        || expect.code.is_some()
        || !expect.tally.is_empty()
        || expect.fits.is_some()
        || expect.same_as.is_some()
        || expect.stream.is_some()
        || expect.log.is_some();
    if !asserts && expect.body.is_empty() && expect.headers.is_empty() {
        return Some((
            "/expect".to_owned(),
            "a step that expects nothing cannot fail; state at least the status".to_owned(),
        ));
    }
    let streamed = expect.stream.iter().flat_map(|stream| &stream.body);
    for (index, assertion) in expect.body.iter().chain(streamed).chain(expect.log.iter().flatten()).enumerate() {
        if let Some(fault) = assertion.faults(true).into_iter().next() {
            return Some((format!("/expect/body/{index}"), fault));
        }
    }
    for (name, assertion) in &expect.headers {
        if let HeaderAssertion::Assertion(assertion) = assertion
            && let Some(fault) = assertion.faults(false).into_iter().next()
        {
            return Some((format!("/expect/headers/{name}"), fault));
        }
    }
    for (name, path) in &step.capture {
        if !path.starts_with("header:")
            && let Err(error) = serde_json_path::JsonPath::parse(path)
        {
            return Some((format!("/capture/{name}"), format!("`{path}` is no JSONPath: {error}")));
        }
    }
    None
}
