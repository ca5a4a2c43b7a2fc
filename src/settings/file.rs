//! regcred.yaml: its text in, the typed object out, or where and why it is not one. Its JSON Schema comes from the same types.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use super::choices::{Link, Patcher, Profile, Shape, Strategy};
use crate::environment::Environment;
use crate::nearest::nearest;
use crate::problem::{Failure, Problem, reason};

/// The name that is looked for.
pub const NAME: &str = "regcred.yaml";

/// Where a set of pull secrets comes from and how it gets to pods.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(title = "RegistryCredentials")]
pub struct File {
    /// Always `regcred.dev/v1alpha1`.
    pub api_version: ApiVersion,
    /// Always `RegistryCredentials`.
    pub kind: Kind,
    /// The object's name, and the annotation that keeps it out of a cluster.
    pub metadata: Metadata,
    /// The answers.
    pub spec: Spec,
}

/// The version of this form.
#[derive(Debug, Deserialize, JsonSchema)]
pub enum ApiVersion {
    /// The first.
    #[serde(rename = "regcred.dev/v1alpha1")]
    V1Alpha1,
}

/// The kind of the object.
#[derive(Debug, Deserialize, JsonSchema)]
pub enum Kind {
    /// The only one.
    RegistryCredentials,
}

/// The metadata of the object.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// A name for people.
    pub name: String,
    /// For example `config.kubernetes.io/local-config: "true"`.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    /// Labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// What a user chooses; each field is the flag of the same name.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Spec {
    /// How the Secrets get there.
    pub strategy: Option<Strategy>,
    /// How pods find them.
    pub link: Option<Link>,
    /// The form of the output.
    pub shape: Option<Shape>,
    /// The tool whose annotations are added.
    pub profile: Option<Profile>,
    /// Whether Namespace objects come first.
    pub create_namespaces: bool,
    /// The pull secrets, at least one.
    pub pull_secrets: Vec<PullSecret>,
    /// The in-cluster patcher.
    pub patcher: PatcherSpec,
}

/// One pull secret.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct PullSecret {
    /// Name of the Secret; `image-pull-secret` if left out.
    pub name: Option<String>,
    /// Its logins; the Docker config in DOCKERHUB_AUTH if left out.
    pub logins: Vec<Login>,
    /// Where it goes.
    pub namespaces: Namespaces,
    /// The ServiceAccounts that refer to it; `default` if left out.
    pub service_accounts: Vec<String>,
    /// Other pull secrets that those ServiceAccounts keep.
    pub also_reference: Vec<String>,
}

/// One source of logins: `dockerConfig`, or `preset`, or `registry` with `username` and `password`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Login {
    /// A whole Docker config.
    pub docker_config: Option<Variable>,
    /// A registry with a name of its own, for example `ghcr`.
    pub preset: Option<String>,
    /// Host, port and path.
    pub registry: Option<String>,
    /// The user name.
    pub username: Option<UserName>,
    /// The password: always a variable.
    pub password: Option<Variable>,
}

/// The name of a variable.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    /// Its name.
    pub env: String,
}

/// A user name: in a variable, or literal.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UserName {
    /// The name of a variable.
    pub env: Option<String>,
    /// The user name itself.
    pub value: Option<String>,
}

/// Names and globs of namespaces.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Namespaces {
    /// Those to take; a glob chooses from `--namespaces-from`.
    pub include: Vec<String>,
    /// Those to leave out.
    pub exclude: Vec<String>,
}

/// The in-cluster patcher.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct PatcherSpec {
    /// Which one.
    pub kind: Option<Patcher>,
    /// Its namespace.
    pub namespace: Option<String>,
    /// Its image.
    pub image: Option<String>,
    /// The Secret it copies from.
    pub source_secret_name: Option<String>,
    /// The pull Secret of its own image.
    pub pull_secret: Option<String>,
    /// How often it looks, a Go duration.
    pub interval: Option<String>,
    /// Whether the policy that confines it is written.
    pub guard: bool,
}

impl Default for PatcherSpec {
    fn default() -> Self {
        Self {
            kind: None,
            namespace: None,
            image: None,
            source_secret_name: None,
            pull_secret: None,
            interval: None,
            guard: true,
        }
    }
}

/// Which file is read.
#[derive(Clone, Debug)]
pub enum Which {
    /// This one.
    Named(PathBuf),
    /// The first regcred.yaml from here upward to the Git root, if there is one.
    Found,
    /// None.
    No,
}

/// Finds and reads the file.
///
/// # Errors
/// It cannot be read, or is no such object: with line, column and the nearest field name; never with a value of it.
pub fn load(which: &Which, environment: &Environment) -> Result<Option<(PathBuf, File)>, Failure> {
    let path = match which {
        Which::No => return Ok(None),
        Which::Named(path) => environment.directory().join(path),
        Which::Found => match find(environment.directory()) {
            None => return Ok(None),
            Some(path) => path,
        },
    };
    let text = std::fs::read_to_string(&path).map_err(|error| {
        Failure::of(
            "regcred.yaml",
            Problem::error("unreadable-file", format!("the file of `--config` cannot be read: {}", reason(&error)))
                .hint("check the path; --no-config reads none"),
        )
    })?;
    parse(&text).map(|file| Some((path.clone(), file))).map_err(|problem| {
        let name = path.file_name().map_or(NAME.into(), |name| name.to_string_lossy());
        Failure::of("regcred.yaml", Problem { message: format!("{name}: {}", problem.message), ..problem })
    })
}

fn find(from: &Path) -> Option<PathBuf> {
    let root = from.ancestors().find(|folder| folder.join(".git").exists()).unwrap_or(from);
    from.ancestors()
        .take_while(|folder| folder.starts_with(root))
        .map(|folder| folder.join(NAME))
        .find(|path| path.is_file())
}

/// Parses the text of the file.
///
/// # Errors
/// One problem, with its place.
pub fn parse(text: &str) -> Result<File, Problem> {
    let options = serde_saphyr::options! { with_snippet: false };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| explain(&error))
}

fn explain(error: &serde_saphyr::Error) -> Problem {
    use serde_saphyr::Error;
    let place =
        error.location().map_or(String::new(), |place| format!("line {}, column {}: ", place.line(), place.column()));
    let (what, hint) = match error.without_snippet() {
        Error::SerdeUnknownField { field, expected, .. } => unknown(field, expected),
        Error::SerdeMissingField { field, .. } => (format!("the field `{field}` is missing"), None),
        Error::SerdeUnknownVariant { expected, .. } => {
            ("is none of the possible values".into(), Some(format!("possible are {}", expected.join(", "))))
        }
        Error::DuplicateMappingKey { .. } => ("a key stands there twice".into(), Some("leave one out".into())),
        Error::SerdeInvalidType { .. } | Error::Unexpected { .. } => (
            "is not of the form that belongs there".into(),
            Some("`regcred schema` prints the form; `regcred init` writes an example".into()),
        ),
        _ => (
            "is not valid YAML of this form".into(),
            Some("`regcred schema` prints the form; `regcred init` writes an example".into()),
        ),
    };
    Problem { hint, ..Problem::error("invalid-config", format!("{place}{what}")) }
}

fn unknown(field: &str, expected: &[&str]) -> (String, Option<String>) {
    if expected == ["env"] && field == "value" {
        return (
            "a literal password or Docker config".into(),
            Some("a password is never written down: name its variable with `env:`".into()),
        );
    }
    match nearest(field, expected.iter().copied()) {
        Some(known) => {
            (format!("unknown field; did you mean `{known}`?"), Some(format!("possible are {}", expected.join(", "))))
        }
        None => ("unknown field".into(), Some(format!("possible are {}", expected.join(", ")))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {name: acme}\n";

    #[test]
    fn the_example_of_the_design_is_read() {
        let text = format!(
            "{HEAD}spec:\n  pullSecrets:\n  - name: image-pull-secret\n    logins:\n    - dockerConfig: {{env: DOCKERHUB_AUTH}}\n    \
             - registry: ghcr.io\n      username: {{value: acme-bot}}\n      password: {{env: GHCR_TOKEN}}\n    \
             namespaces: {{include: [team-a, \"shop-*\"], exclude: [\"*-tmp\"]}}\n    serviceAccounts: [default]\n"
        );
        let file = parse(&text).unwrap();
        assert_eq!(file.spec.pull_secrets[0].logins.len(), 2);
        assert_eq!(file.spec.pull_secrets[0].namespaces.include, ["team-a", "shop-*"]);
    }

    #[test]
    fn an_error_has_place_and_nearest_name_and_never_a_value() {
        for (spec, message) in [
            ("spec: {pullSecret: []}\n", "line 4, column 8: unknown field; did you mean `pullSecrets`?"),
            ("spec: {strategy: hunter2}\n", "line 4, column 18: is none of the possible values"),
            ("spec: {pullSecrets: hunter2}\n", "line 4, column 21: is not of the form that belongs there"),
            (
                "spec:\n  pullSecrets:\n  - logins:\n    - password: {value: hunter2}\n",
                "line 7, column 18: a literal password or Docker config",
            ),
        ] {
            let problem = parse(&format!("{HEAD}{spec}")).unwrap_err();
            assert_eq!(problem.message, message);
            assert!(!format!("{problem:?}").contains("hunter2"));
        }
        assert!(parse("kind: RegistryCredentials\n").unwrap_err().message.contains("is missing"));
    }
}
