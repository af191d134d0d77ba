//! Bindings one by one: the fields that their kind has, and what they refer to.

use contract_types::{DeployBinding, DeployBindingKind};

use crate::config::load::{Files, TenantFile};
use crate::config::{Problem, models, needs::kind_name};

/// Whether a kind has a field.
#[derive(PartialEq)]
enum Has {
    Must,
    May,
    Not,
}

pub(super) fn check(
    files: &Files,
    tenant: &TenantFile,
    place: &str,
    binding: &DeployBinding,
    problems: &mut Vec<Problem>,
) {
    use DeployBindingKind as Kind;
    let kind = binding.kind;
    let resource = match kind {
        Kind::KvNamespace | Kind::Vectorize | Kind::R2Bucket | Kind::Queue | Kind::Analytics => Has::Must,
        Kind::Ai | Kind::DurableObject => Has::Not,
    };
    let class = if kind == Kind::DurableObject { Has::Must } else { Has::Not };
    let dimensions = if kind == Kind::Vectorize { Has::Must } else { Has::Not };
    let extra = if kind == Kind::Vectorize { Has::May } else { Has::Not };
    let fields = [
        ("resource", binding.resource.is_some(), &resource),
        ("class", binding.class.is_some(), &class),
        ("dimensions", binding.dimensions.is_some(), &dimensions),
        ("metric", binding.metric.is_some(), &extra),
        ("metadata_indexes", binding.metadata_indexes.is_some(), &extra),
    ];
    let mut tell = |field: &str, expected: String, remedy: &str| {
        problems.push(tenant.source.problem(&format!("{place}/{field}"), expected, remedy));
    };
    for (field, there, has) in fields {
        match has {
            Has::Must if !there => {
                tell(
                    field,
                    format!("expected the field `{field}` with the kind {}, found none", kind_name(kind)),
                    "add it",
                );
            }
            Has::Not if there => {
                tell(
                    field,
                    format!("expected no field `{field}` with the kind {}", kind_name(kind)),
                    "take it out, or correct the kind",
                );
            }
            Has::Must | Has::May | Has::Not => {}
        }
    }
    if let Some(class) = binding.class.as_ref().filter(|_| kind == Kind::DurableObject) {
        let made = files.config.migrations.iter().any(|migration| migration.new_sqlite_classes.contains(class));
        if !made {
            tell(
                "class",
                format!("expected a class that a migration makes, found `{class}`"),
                "correct it, or add a migration to deploy.yaml",
            );
        }
    }
    if let Some(dimensions) = binding.dimensions.filter(|_| kind == Kind::Vectorize) {
        let model = &tenant.config.models.embedding.0;
        match models::dimensions(model, &files.platform) {
            Some(of_model) if of_model != dimensions => tell(
                "dimensions",
                format!("expected {of_model}, the dimensions of the embedding model {model}, found {dimensions}"),
                "correct it; an index that exists with others must be made anew under another name",
            ),
            None => tell(
                "dimensions",
                format!("expected an embedding model of known dimensions, found {model}"),
                "name another model, or describe this one in platform.yaml",
            ),
            Some(_) => {}
        }
    }
    let wanted = tenant.config.vectors.iter().flat_map(|vectors| vectors.indexed_keys.iter().flatten());
    for key in wanted.filter(|_| kind == Kind::Vectorize) {
        if !binding.metadata_indexes.iter().flatten().any(|index| index.property == *key) {
            tell(
                "metadata_indexes",
                format!("expected an index of `{key}`, which vectors.indexed_keys lists"),
                "add it before there are vectors: those that are there already would not be found by it",
            );
        }
    }
    let mut seen = Vec::new();
    for (at, index) in binding.metadata_indexes.iter().flatten().enumerate() {
        if seen.contains(&&index.property) {
            tell(
                &format!("metadata_indexes/{at}/property"),
                format!("expected a property that stands once, found `{}` again", index.property),
                "take one of them out",
            );
        }
        seen.push(&index.property);
    }
}
