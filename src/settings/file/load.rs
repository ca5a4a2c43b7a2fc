//! Finding and reading regcred.yaml: a path or a directory in, the typed object out, or where and why it is not one.

use std::path::{Path, PathBuf};

use super::File;
use crate::environment::Environment;
use crate::nearest::nearest;
use crate::problem::{Failure, Problem, reason};

/// The name that is looked for.
pub const NAME: &str = "regcred.yaml";

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
    let located = |file: File| Some((path.clone(), file.located(path.parent().unwrap_or(Path::new("")))));
    parse(&text).map(located).map_err(|problem| {
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
