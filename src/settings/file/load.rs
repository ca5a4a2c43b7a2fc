//! Finds and reads regcred.yaml.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_saphyr::granit_parser::{Event, Parser};

use super::globs::globs;
use super::{File, faults};
use crate::environment::{Environment, read_text};
use regcred_core::diagnostic::{Code, Diagnostic, Failure, reason};
use regcred_core::manifest::expands_too_far;

/// The name of the file.
pub const NAME: &str = "regcred.yaml";
/// Names that people try.
const OTHER_NAMES: [&str; 3] = ["regcred.yml", ".regcred.yaml", ".regcred.yml"];

/// Which regcred.yaml is read.
#[derive(Clone, Debug)]
pub enum Which {
    /// The file with this path.
    Named(PathBuf),
    /// The first regcred.yaml from here upward to the root of the Git work tree, if there is one.
    Found,
    /// No file.
    No,
}

/// The largest number of pull secrets in a file. Each is compared with all others, which takes time.
const MAX_PULL_SECRETS: usize = 2_000;
/// The largest number of globs for namespaces, in all clusters together. Each is tried on every name of a list.
const MAX_GLOBS: usize = 500_000;

/// Finds and reads the file.
///
/// # Errors
/// The file cannot be read, or is not a valid regcred.yaml. There is one problem for each mistake. It names the line, the column and the
/// nearest valid name, and never a value.
pub fn load(which: &Which, environment: &Environment) -> Result<Option<(PathBuf, File)>, Failure> {
    let path = match which {
        Which::No => None,
        Which::Named(path) => Some(environment.directory().join(path)),
        Which::Found => find(environment.directory(), NAME),
    };
    let other = || OTHER_NAMES.into_iter().find(|name| find(environment.directory(), name).is_some());
    if let (None, Which::Found, Some(other)) = (&path, which, other()) {
        let problem =
            Diagnostic::error(Code::UnreadableFile, format!("`{other}` is not read: the file is called `{NAME}`"));
        return Err(Failure::of("regcred.yaml", problem.hint("rename it, or run without a file: --no-config")));
    }
    let Some(path) = path else { return Ok(None) };
    let text = read_text(&path).map_err(|error| {
        let file = if matches!(which, Which::Named(_)) { "the file of `--config`" } else { NAME };
        Failure::of(
            "regcred.yaml",
            Diagnostic::error(Code::UnreadableFile, format!("{file} cannot be read: {}", reason(&error)))
                .hint("check the path, or run without a file: --no-config"),
        )
    })?;
    let located = |file: File| Some((path.clone(), file.located(path.parent().unwrap_or(Path::new("")))));
    parse(&text).map(located).map_err(|problems| {
        let name = path.file_name().map_or(NAME.into(), |name| name.to_string_lossy());
        let with_file = |problem: Diagnostic| Diagnostic { message: format!("{name}: {}", problem.message), ..problem };
        Failure::Input { title: "regcred.yaml", problems: problems.into_iter().map(with_file).collect() }
    })
}

fn find(from: &Path, name: &str) -> Option<PathBuf> {
    let root = from.ancestors().find(|folder| folder.join(".git").exists()).unwrap_or(from);
    from.ancestors()
        .take_while(|folder| folder.starts_with(root))
        .map(|folder| folder.join(name))
        // Any entry with this name ends the search. If it is not a regular file, reading it is an error.
        .find(|path| path.symlink_metadata().is_ok())
}

/// Parses the text of the file.
///
/// # Errors
/// All mistakes in the text, each with its line and column.
pub fn parse(text: &str) -> Result<File, Vec<Diagnostic>> {
    if expands_too_far(text) {
        let message = "too many YAML aliases, or an alias that contains itself";
        return Err(vec![
            Diagnostic::error(Code::TooManyAliases, message).hint("write each value in full in place of its alias"),
        ]);
    }
    let options = serde_saphyr::options! { with_snippet: false };
    let file: Result<File, _> = serde_saphyr::from_str_with_options(text, options);
    let file = file.map_err(|error| {
        // The YAML reader stops at the first mistake; `faults` finds all.
        let faults = faults::find(text);
        if faults.is_empty() { vec![explain(text, &error)] } else { faults }
    })?;
    let too_large = |message: String, hint: &str| Err(vec![Diagnostic::error(Code::TooLarge, message).hint(hint)]);
    let of_clusters = file.spec.clusters.iter().filter_map(|cluster| cluster.pull_secrets.as_ref());
    let (count, globs) = (file.spec.pull_secrets.len() + of_clusters.map(Vec::len).sum::<usize>(), globs(&file.spec));
    if count > MAX_PULL_SECRETS {
        let hint = "a pull secret holds any number of logins and serves any number of namespaces";
        return too_large(format!("{count} pull secrets; at most {MAX_PULL_SECRETS} are allowed"), hint);
    }
    if globs > MAX_GLOBS {
        let hint = "name the namespaces, or use fewer, wider globs";
        return too_large(format!("{globs} globs for namespaces in all clusters; at most {MAX_GLOBS} are tried"), hint);
    }
    Ok(file)
}

/// Parses the field `functionConfig` of a `ResourceList`. The user did not write that list, so messages name no line of it.
///
/// # Errors
/// All mistakes, without line and column.
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
        let mut faults = faults::find_in_field("functionConfig", text);
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

/// Explains an error of the YAML reader for which `faults` names no field.
fn explain(text: &str, error: &serde_saphyr::Error) -> Diagnostic {
    let place =
        error.location().map_or(String::new(), |place| format!("line {}, column {}: ", place.line(), place.column()));
    let problem = |what: &str, hint: &str| Diagnostic::error(Code::InvalidConfig, format!("{place}{what}")).hint(hint);
    let stop = error.location().and_then(|at| Some((at.line().try_into().ok()?, at.column().try_into().ok()?)));
    let line = stop.and_then(|(line, _): (usize, usize)| text.lines().nth(line.checked_sub(1)?));
    if let Some(number) = text.lines().position(|line| line.starts_with("<<<<<<< ")) {
        let message = format!("line {}: a merge conflict begins", number + 1);
        return Diagnostic::error(Code::InvalidConfig, message)
            .hint("resolve the conflict in this file first; regcred resolves conflicts only in its own files");
    }
    if matches!(error, serde_saphyr::Error::MultipleDocuments { .. }) {
        problem(
            "a second YAML document begins here",
            "regcred.yaml holds one object; put the other in its own file and name it with --config",
        )
    } else if line.is_some_and(|line| line.trim_start_matches(' ').starts_with('\t')) {
        problem("indented with a tab; YAML allows only spaces", "replace each tab by two spaces")
    } else {
        let field = faults::last_field(text.lines().take(stop.map_or(0, |(line, _)| line)));
        let has_no_value =
            line.is_some_and(|line| line.split(" #").next().unwrap_or_default().trim_end().ends_with(':'));
        if let (Some(field), true, Ok(_)) = (&field, has_no_value, serde_saphyr::from_str::<serde_json::Value>(text)) {
            return problem(&format!("`{field}` is empty"), faults::EMPTY);
        }
        if let Some((sign, number)) = unclosed(text, stop) {
            let message = format!("not valid YAML, inside the `{sign}` of line {number}");
            return problem(&message, "close it there, or look for a missing comma or blank after it");
        }
        let near = field.map_or(String::new(), |field| format!(", at or after `{field}`"));
        problem(
            &format!("not valid YAML{near}"),
            "check the indentation: each field is on its own line, in the column of its neighbours, with a blank after `:` and `-`; `regcred init` writes an example",
        )
    }
}

/// The bracket, brace or quote that is open where the YAML reader stops, with its line.
fn unclosed(text: &str, stop: Option<(usize, usize)>) -> Option<(char, usize)> {
    let sign = |line: usize, column: usize| text.lines().nth(line.checked_sub(1)?)?.chars().nth(column);
    let mut open = Vec::new();
    for (event, span) in Parser::new_from_str(text).map_while(Result::ok) {
        match event {
            Event::SequenceStart(..) | Event::MappingStart(..) => open.push((span.start.line(), span.start.col())),
            Event::SequenceEnd | Event::MappingEnd => drop(open.pop()),
            _ => {}
        }
    }
    let quote = stop.and_then(|(line, column)| Some((sign(line, column.checked_sub(1)?)?, line)));
    let bracket = || open.iter().rev().find_map(|(line, column)| Some((sign(*line, *column)?, *line)));
    quote
        .filter(|(sign, _)| ['"', '\''].contains(sign))
        .or_else(|| bracket().filter(|(sign, _)| ['[', '{'].contains(sign)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use regcred_core::names::NamespacePattern;

    const HEAD: &str = "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {name: acme}\n";

    #[test]
    fn an_example_with_two_kinds_of_login_is_read() {
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
        assert!(parse(&text(MAX_PULL_SECRETS - 1, 1)).is_ok());
        let problems = parse(&text(MAX_PULL_SECRETS, 1)).unwrap_err();
        assert_eq!(problems[0].message, "2001 pull secrets; at most 2000 are allowed");
    }

    #[test]
    fn too_many_globs_in_all_clusters_are_an_error() {
        let text = |globs: usize, clusters: usize| {
            let clusters = vec!["{name: a}"; clusters].join(", ");
            let globs = "'a*',".repeat(globs);
            format!(
                "{HEAD}spec:\n  pullSecrets: [{{namespaces: {{include: [a, {globs}]}}}}]\n  clusters: [{clusters}]\n"
            )
        };
        assert!(parse(&text(1_000, 500)).is_ok());
        let in_braces = text(1_000, 500).replacen("'a*'", "'{a,b}*'", 1);
        assert_eq!(parse(&in_braces).unwrap_err().len(), 1);
        let problems = parse(&text(1_000, 501)).unwrap_err();
        assert_eq!(problems[0].message, "501000 globs for namespaces in all clusters; at most 500000 are tried");
    }

    #[test]
    fn a_tab_and_a_second_document_have_their_own_messages() {
        for (rest, message) in [
            ("spec:\n\tlink: none\n", "line 5, column 2: indented with a tab; YAML allows only spaces"),
            ("spec:\n  patcher:\n  \tguard: false\n", "line 6, column 4: indented with a tab; YAML allows only spaces"),
            ("spec: {}\n---\nkind: Secret\n", "line 6, column 1: a second YAML document begins here"),
        ] {
            let problems = parse(&format!("{HEAD}{rest}")).unwrap_err();
            assert_eq!(problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>(), [message]);
        }
    }

    #[test]
    fn an_open_bracket_or_quote_is_named_with_its_own_line() {
        for (spec, message) in [
            ("link: [a, b\n  format: yaml\n", "line 5, column 9: not valid YAML, inside the `[` of line 5"),
            ("link: {a: b\n  format: yaml\n", "line 5, column 10: not valid YAML, inside the `{` of line 5"),
            ("link: [a,, b]\n", "line 5, column 9: not valid YAML, inside the `[` of line 5"),
            ("link: \"none\n", "line 5, column 9: not valid YAML, inside the `\"` of line 5"),
            ("link: a: b\n", "line 5, column 9: not valid YAML, at or after `link`"),
        ] {
            let problems = parse(&format!("{HEAD}spec:\n  {spec}")).unwrap_err();
            assert_eq!(problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>(), [message]);
        }
    }

    #[test]
    fn invalid_yaml_is_reported_with_its_line_and_without_its_text() {
        let problems = parse("spec: [hunter2\nhunter3: {\n").unwrap_err();
        assert_eq!(problems.len(), 1);
        assert!(
            problems[0].message.starts_with("line ")
                && problems[0].message.ends_with("not valid YAML, inside the `[` of line 1"),
            "{problems:?}"
        );
        assert!(!format!("{problems:?}").contains("hunter"));
    }
}
