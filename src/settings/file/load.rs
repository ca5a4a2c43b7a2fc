//! Finds and reads regcred.yaml.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{File, faults};
use crate::environment::{Environment, read_text};
use regcred_core::diagnostic::{Code, Diagnostic, Failure, reason};
use regcred_core::manifest::expands_too_far;

/// The name of the file.
pub const NAME: &str = "regcred.yaml";

/// Which file is read.
#[derive(Clone, Debug)]
pub enum Which {
    /// This one.
    Named(PathBuf),
    /// The first regcred.yaml from here upward to the root of the Git work tree, if there is one.
    Found,
    /// None.
    No,
}

/// The largest number of pull secrets in a file, because each is compared with the others.
const PULL_SECRETS: usize = 2_000;

/// Finds and reads the file.
///
/// # Errors
/// The file cannot be read, or is not a valid regcred.yaml: every mistake with line, column and the nearest name, never with a value.
pub fn load(which: &Which, environment: &Environment) -> Result<Option<(PathBuf, File)>, Failure> {
    let path = match which {
        Which::No => return Ok(None),
        Which::Named(path) => environment.directory().join(path),
        Which::Found => match find(environment.directory()) {
            None => return Ok(None),
            Some(path) => path,
        },
    };
    let text = read_text(&path).map_err(|error| {
        Failure::of(
            "regcred.yaml",
            Diagnostic::error(Code::UnreadableFile, format!("{} cannot be read: {}", which.file(), reason(&error)))
                .hint("check the path; --no-config reads none"),
        )
    })?;
    let located = |file: File| Some((path.clone(), file.located(path.parent().unwrap_or(Path::new("")))));
    parse(&text).map(located).map_err(|problems| {
        let name = path.file_name().map_or(NAME.into(), |name| name.to_string_lossy());
        let in_the_file =
            |problem: Diagnostic| Diagnostic { message: format!("{name}: {}", problem.message), ..problem };
        Failure::Input { title: "regcred.yaml", problems: problems.into_iter().map(in_the_file).collect() }
    })
}

impl Which {
    /// Its name in a message.
    fn file(&self) -> &'static str {
        match self {
            Self::Named(_) => "the file of `--config`",
            Self::Found | Self::No => NAME,
        }
    }
}

fn find(from: &Path) -> Option<PathBuf> {
    let root = from.ancestors().find(|folder| folder.join(".git").exists()).unwrap_or(from);
    from.ancestors()
        .take_while(|folder| folder.starts_with(root))
        .map(|folder| folder.join(NAME))
        // Anything of this name is meant, so it is refused if it is not a regular file.
        .find(|path| path.symlink_metadata().is_ok())
}

/// Parses the text of the file.
///
/// # Errors
/// All mistakes in the text, each with its place.
pub fn parse(text: &str) -> Result<File, Vec<Diagnostic>> {
    if expands_too_far(text) {
        let message = "it has far too many aliases, or one that leads to itself";
        return Err(vec![
            Diagnostic::error(Code::TooManyAliases, message).hint("write out what the aliases stand for"),
        ]);
    }
    let options = serde_saphyr::options! { with_snippet: false };
    let file: Result<File, _> = serde_saphyr::from_str_with_options(text, options);
    let file = file.map_err(|error| {
        // The reader stops at the first mistake; a second check finds all.
        let faults = faults::of(text);
        if faults.is_empty() { vec![explain(text, &error)] } else { faults }
    })?;
    let of_clusters = file.spec.clusters.iter().filter_map(|cluster| cluster.pull_secrets.as_ref());
    match file.spec.pull_secrets.len() + of_clusters.map(Vec::len).sum::<usize>() {
        0..=PULL_SECRETS => Ok(file),
        count => {
            let message = format!("it has {count} pull secrets, and at most {PULL_SECRETS} are possible");
            let hint = "a pull secret holds any number of logins and serves any number of namespaces";
            Err(vec![Diagnostic::error(Code::TooLarge, message).hint(hint)])
        }
    }
}

/// Reads the object of the file from the field `functionConfig` of another, whose line numbers mean nothing to the user.
///
/// # Errors
/// All mistakes, without places.
pub fn parse_function_config(text: &str) -> Result<File, Vec<Diagnostic>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Fields {
        function_config: File,
    }
    let options = serde_saphyr::options! { with_snippet: false };
    let fields: Result<Fields, _> = serde_saphyr::from_str_with_options(text, options);
    fields.map(|fields| fields.function_config).map_err(|_| {
        const WHERE_TO_LOOK: &str = "`regcred verify --list --config FILE` with the same object names the line";
        let mut faults = faults::of_field("functionConfig", text);
        if faults.is_empty() {
            faults.push(Diagnostic::error(Code::InvalidConfig, "functionConfig: not a valid RegistryCredentials"));
        }
        for fault in &mut faults {
            fault.hint =
                Some(fault.hint.take().map_or(WHERE_TO_LOOK.into(), |hint| format!("{hint}; {WHERE_TO_LOOK}")));
        }
        faults
    })
}

/// The reader's message about a text whose form has no mistake.
fn explain(text: &str, error: &serde_saphyr::Error) -> Diagnostic {
    let place =
        error.location().map_or(String::new(), |place| format!("line {}, column {}: ", place.line(), place.column()));
    let problem = |what: &str, hint: &str| Diagnostic::error(Code::InvalidConfig, format!("{place}{what}")).hint(hint);
    let line = error.location().and_then(|place| text.lines().nth(usize::try_from(place.line()).ok()? - 1));
    if let Some(number) = text.lines().position(|line| line.starts_with("<<<<<<< ")) {
        let message = format!("line {}: a merge conflict begins", number + 1);
        return Diagnostic::error(Code::InvalidConfig, message)
            .hint("resolve the conflict in this file first; regcred resolves conflicts only in its own files");
    }
    if matches!(error, serde_saphyr::Error::MultipleDocuments { .. }) {
        problem("a second YAML document begins", "regcred.yaml is one object; --config reads another file")
    } else if line.is_some_and(|line| line.trim_start_matches(' ').starts_with('\t')) {
        problem("a tab, and YAML is indented with spaces", "write two spaces in the place of each tab")
    } else {
        let lines = error.location().and_then(|place| usize::try_from(place.line()).ok()).unwrap_or_default();
        let field = faults::last_field(text.lines().take(lines));
        let has_no_value =
            line.is_some_and(|line| line.split(" #").next().unwrap_or_default().trim_end().ends_with(':'));
        if let (Some(field), true, Ok(_)) = (&field, has_no_value, serde_saphyr::from_str::<serde_json::Value>(text)) {
            return problem(&format!("`{field}` is empty"), "write its value below it, or remove the line");
        }
        let near = field.map_or(String::new(), |field| format!(", at or after `{field}`"));
        problem(
            &format!("not valid YAML{near}"),
            "check the indentation: the fields of a mapping begin in the same column; `regcred init` writes an example",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use regcred_core::names::NamespacePattern;

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
        let include = &file.spec.pull_secrets[0].namespaces.include;
        assert_eq!(include.iter().map(NamespacePattern::as_str).collect::<Vec<_>>(), ["team-a", "shop-*"]);
    }

    #[test]
    fn too_many_pull_secrets_are_an_error() {
        let text = |here: usize, there: usize| {
            format!(
                "{HEAD}spec:\n  pullSecrets: [{}]\n  clusters: [{{name: one, pullSecrets: [{}]}}]\n",
                "{},".repeat(here),
                "{},".repeat(there)
            )
        };
        assert!(parse(&text(PULL_SECRETS - 1, 1)).is_ok());
        let problems = parse(&text(PULL_SECRETS, 1)).unwrap_err();
        assert_eq!(problems[0].message, "it has 2001 pull secrets, and at most 2000 are possible");
    }

    #[test]
    fn a_tab_and_a_second_document_are_told_apart() {
        for (rest, message) in [
            ("spec:\n\tlink: none\n", "line 5, column 2: a tab, and YAML is indented with spaces"),
            ("spec:\n  patcher:\n  \tguard: false\n", "line 6, column 4: a tab, and YAML is indented with spaces"),
            ("spec: {}\n---\nkind: Secret\n", "line 6, column 1: a second YAML document begins"),
        ] {
            let problems = parse(&format!("{HEAD}{rest}")).unwrap_err();
            assert_eq!(problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>(), [message]);
        }
    }

    #[test]
    fn a_text_that_is_no_yaml_is_told_with_its_place_and_without_its_words() {
        let problems = parse("spec: [hunter2\nhunter3: {\n").unwrap_err();
        assert_eq!(problems.len(), 1);
        assert!(
            problems[0].message.starts_with("line ")
                && problems[0].message.ends_with("not valid YAML, at or after `spec`"),
            "{problems:?}"
        );
        assert!(!format!("{problems:?}").contains("hunter"));
    }
}
