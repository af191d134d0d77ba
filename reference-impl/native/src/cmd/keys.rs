//! `keys new`: an API key and its entry in `tenant.yaml`.

use jiff::Timestamp;
use reference_core::auth::ApiKey;
use reference_core::tenancy::{Scope, TenantId};

use super::{Context, Failure};
use crate::ids::OsIds;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    New(New),
}

/// Makes an API key. The key is shown once; the entry below it, which holds only its hash, goes into tenant.yaml.
#[derive(Debug, clap::Args)]
pub(super) struct New {
    /// Tenant that the key is for.
    #[arg(long, value_parser = |text: &str| TenantId::parse(text))]
    tenant: TenantId,
    /// Name of the credential, unique within the tenant.
    #[arg(long, value_parser = name)]
    name: String,
    /// What it may do, separated by commas or repeated.
    #[arg(long, value_delimiter = ',', required = true, num_args = 1.., value_parser = scope)]
    scopes: Vec<Scope>,
    /// When it stops being accepted, such as 2027-01-31T12:00:00Z. Absent means never.
    #[arg(long, value_name = "TIME", value_parser = time)]
    expires_at: Option<Timestamp>,
}

impl Command {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let Self::New(new) = self;
        let key = ApiKey::generate(new.tenant, &OsIds);
        let scopes: Vec<&str> = new.scopes.iter().map(|scope| scope.as_str()).collect();
        writeln!(context.out, "# The key of tenant {}. It is stored nowhere and cannot be shown again.", key.tenant())?;
        writeln!(context.out, "{}\n", key.expose())?;
        writeln!(context.out, "# Add this to `credentials` in {}/tenant.yaml:", key.tenant())?;
        writeln!(context.out, "  - name: {}", serde_json::to_string(&new.name)?)?;
        writeln!(context.out, "    key_sha256: {}", key.digest().to_hex())?;
        writeln!(context.out, "    scopes: [{}]", scopes.join(", "))?;
        writeln!(context.out, "    state: active")?;
        if let Some(time) = new.expires_at {
            writeln!(context.out, "    expires_at: \"{time}\"")?;
        }
        Ok(())
    }
}

fn scope(text: &str) -> Result<Scope, String> {
    let known = || Scope::ALL.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(", ");
    Scope::parse(text).ok_or_else(|| format!("expected one of {}", known()))
}

fn time(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| "expected a time such as 2027-01-31T12:00:00Z".to_owned())
}

fn name(text: &str) -> Result<String, String> {
    let bytes = text.as_bytes();
    let ends =
        bytes.first().zip(bytes.last()).is_some_and(|(a, b)| a.is_ascii_alphanumeric() && b.is_ascii_alphanumeric());
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    let fits = ends && bytes.len() <= 64 && bytes.iter().all(inner);
    let expected = "expected 1 to 64 of letters, digits and inner `.`, `_`, `-`";
    if fits { Ok(text.to_owned()) } else { Err(expected.to_owned()) }
}
