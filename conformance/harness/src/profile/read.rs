//! Reading a profile and checking all that can be checked offline.

use std::{fs, path::Path};

use contract_types::{TargetCredential, TargetProfile};
use serde_json::{Value, json};

use super::{Problem, Profile, ProfileError};

/// Names of the profiles in `folder`, in order.
pub fn available(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .filter_map(|path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    names
}

/// Reads the profile `name` of `folder`.
///
/// # Errors
///
/// [`ProfileError`], with every problem at once.
pub fn read(folder: &Path, name: &str) -> Result<Profile, ProfileError> {
    let file = folder.join(format!("{name}.yaml"));
    if name.contains(['/', '\\']) || !file.is_file() {
        let available = available(folder).join(", ");
        return Err(ProfileError::Missing { name: name.to_owned(), folder: folder.to_path_buf(), available });
    }
    let text = fs::read_to_string(&file).map_err(|cause| ProfileError::Unreadable { file: file.clone(), cause })?;
    check(&text, &file)
}

/// Checks the text of a profile as if it stood in `file`.
///
/// # Errors
///
/// [`ProfileError::Syntax`] or [`ProfileError::Invalid`], with every problem at once.
pub fn check(text: &str, file: &Path) -> Result<Profile, ProfileError> {
    let file = file.to_path_buf();
    let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let value: Value = serde_yaml::from_str(text)
        .map_err(|error| ProfileError::Syntax { file: file.clone(), message: error.to_string() })?;
    let mut problems = shape(&value);
    if problems.is_empty() {
        match serde_json::from_value::<TargetProfile>(value) {
            Ok(spec) => {
                problems = meaning(&spec, &name);
                if problems.is_empty() {
                    return Ok(Profile { spec, file });
                }
            }
            Err(error) => problems.push(Problem { pointer: String::new(), message: error.to_string() }),
        }
    }
    Err(ProfileError::Invalid { file, problems })
}

/// What the schema has against the file.
fn shape(value: &Value) -> Vec<Problem> {
    let mut document = contract_types::schemas().clone();
    document["$ref"] = json!("#/components/schemas/TargetProfile");
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(&document)
        .expect("the generator writes valid schemas");
    let problem = |error: jsonschema::ValidationError<'_>| Problem {
        pointer: error.instance_path().to_string(),
        message: error.to_string(),
    };
    validator.iter_errors(value).map(problem).collect()
}

/// What the schema cannot say.
fn meaning(spec: &TargetProfile, stem: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut add = |pointer: String, message: String| problems.push(Problem { pointer, message });
    if spec.name != stem {
        add("/name".to_owned(), format!("`{}` differs from the file's name `{stem}`", spec.name));
    }
    match (&spec.base_url, &spec.start) {
        (None, None) => add(String::new(), "give `base_url` of a running deployment, or `start`".to_owned()),
        (Some(_), Some(_)) => {
            add("/base_url".to_owned(), "leave it out: a started target gets its address from its port".to_owned());
        }
        (Some(_), None) | (None, Some(_)) => {}
    }
    if let Some(start) = &spec.start {
        if let Err(error) = regex::Regex::new(&start.ready) {
            add("/start/ready".to_owned(), format!("is no regular expression: {error}"));
        }
        let binary = start.run.iter().any(|argument| argument.contains("{binary}"));
        let json = start.build.iter().flatten().any(|argument| argument.starts_with("--message-format=json"));
        if binary && !json {
            let message =
                "{binary} is the program that `build` reports; build with `cargo build --message-format=json`";
            add("/start/run".to_owned(), message.to_owned());
        }
        if !start.run.iter().any(|argument| argument.contains("{port}")) {
            add("/start/run".to_owned(), "no argument holds {port}, so the target's address is unknown".to_owned());
        }
    }
    for (index, credential) in spec.credentials.iter().enumerate() {
        let pointer = format!("/credentials/{index}");
        let sources = sources(credential);
        if sources != 1 {
            let message = format!("expected exactly one of env, file, command and demo_key, found {sources}");
            add(pointer.clone(), message);
        }
        let same = |other: &TargetCredential| other.tenant == credential.tenant && other.name == credential.name;
        if spec.credentials[..index].iter().any(same) {
            add(
                format!("{pointer}/name"),
                format!("`{}` of `{}` is there already", credential.name, credential.tenant),
            );
        }
    }
    for (index, tenant) in spec.tenants.iter().enumerate() {
        if !spec.credentials.iter().any(|credential| credential.tenant == *tenant) {
            add(format!("/tenants/{index}"), format!("no credential of `{tenant}` is listed"));
        }
    }
    if let Some(tenant) = &spec.collections
        && !spec.credentials.iter().any(|credential| credential.tenant == *tenant)
    {
        add("/collections".to_owned(), format!("no credential of `{tenant}` is listed"));
    }
    problems
}

fn sources(credential: &TargetCredential) -> usize {
    let found = [
        credential.env.is_some(),
        credential.file.is_some(),
        credential.command.is_some(),
        credential.demo_key.is_some(),
    ];
    found.into_iter().filter(|there| *there).count()
}
