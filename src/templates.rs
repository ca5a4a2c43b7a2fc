//! The text of objects without a secret: a template's name and a context without a secret in, objects out.

use std::path::Path;

use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::settings::choices::{Chart, Format};
use regcred_core::diagnostic::{Code, Diagnostic, Failure, reason};
use regcred_core::nearest::nearest;

const TITLE: &str = "a template";

/// Our templates, and those of a user that replace them.
pub struct Templates {
    environment: Environment<'static>,
}

/// Every template that may be replaced.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("admission-policy.yaml.j2", include_str!("../templates/admission-policy.yaml.j2")),
    ("cluster-external-secret.yaml.j2", include_str!("../templates/cluster-external-secret.yaml.j2")),
    ("external-generator.yaml.j2", include_str!("../templates/external-generator.yaml.j2")),
    ("external-secret.yaml.j2", include_str!("../templates/external-secret.yaml.j2")),
    ("namespace.yaml.j2", include_str!("../templates/namespace.yaml.j2")),
    ("patcher-deployment.yaml.j2", include_str!("../templates/patcher-deployment.yaml.j2")),
    ("patcher-guard.yaml.j2", include_str!("../templates/patcher-guard.yaml.j2")),
    ("patcher-namespace.yaml.j2", include_str!("../templates/patcher-namespace.yaml.j2")),
    ("patcher-tamcore-access.yaml.j2", include_str!("../templates/patcher-tamcore-access.yaml.j2")),
    ("patcher-titansoft-access.yaml.j2", include_str!("../templates/patcher-titansoft-access.yaml.j2")),
    ("service-account.yaml.j2", include_str!("../templates/service-account.yaml.j2")),
];

/// Whether a form of output makes something of a template: what is a chart's own is made by Helm.
#[must_use]
pub fn is_used(name: &str, format: Format, chart: &Chart) -> bool {
    match (format, chart) {
        (Format::Yaml | Format::Json | Format::Directory | Format::Kustomization, _) => true,
        (Format::Chart, _) => name == "admission-policy.yaml.j2" || name.contains("external"),
        (Format::HelmValues, Chart::Tamcore) => name == "patcher-guard.yaml.j2",
        (Format::HelmValues, Chart::Empathyco) => ["namespace.yaml.j2", "patcher-guard.yaml.j2"].contains(&name),
        (Format::HelmValues, Chart::Own | Chart::Template(_)) | (Format::DockerConfig, _) => false,
    }
}

impl Templates {
    /// Ours, with those in `directory` in their place.
    ///
    /// # Errors
    /// The directory or a file in it cannot be read, or is no template: with file and line.
    pub fn load(directory: Option<&Path>) -> Result<Self, Failure> {
        let mut environment = strict();
        let mut problems = Vec::new();
        if directory.is_some_and(|directory| !directory.is_dir()) {
            problems.push(
                Diagnostic::error(Code::UnreadableFile, "`--templates` names no directory").hint("check the path"),
            );
        }
        if let Some(directory) = directory.filter(|directory| directory.is_dir()) {
            strangers(directory, &mut problems);
        }
        for (name, built_in) in BUILT_IN {
            let replaced = directory.map(|directory| directory.join(name)).filter(|path| path.exists());
            let text = match replaced.map(std::fs::read_to_string) {
                None => Ok((*built_in).to_owned()),
                Some(text) => text,
            };
            match text {
                Ok(text) => {
                    problems.extend(environment.add_template_owned(*name, text).err().map(|error| explain(&error)));
                }
                Err(error) => problems.push(Diagnostic::error(
                    Code::UnreadableFile,
                    format!("the template `{name}` cannot be read: {}", reason(&error)),
                )),
            }
        }
        Failure::unless_clean(TITLE, &problems)?;
        Ok(Self { environment })
    }

    /// The objects of a template.
    ///
    /// # Errors
    /// An unknown variable, output that is not YAML, or an object without `apiVersion`, `kind` or name.
    pub fn render(&self, name: &str, context: &impl Serialize) -> Result<Vec<Map<String, Value>>, Failure> {
        let text = self
            .environment
            .get_template(name)
            .and_then(|template| template.render(minijinja::value::Serde(context)))
            .map_err(|error| Failure::of(TITLE, explain(&error)))?;
        let bad = |what: &str| {
            Failure::of(
                TITLE,
                Diagnostic::error(Code::InvalidTemplate, format!("the template `{name}` {what}"))
                    .hint("compare it with the one that it replaces"),
            )
        };
        let objects: Vec<Map<String, Value>> =
            serde_saphyr::from_multiple(&text).map_err(|error: serde_saphyr::Error| {
                let line = error.location().map_or(0, |place| place.line());
                bad(&format!("makes no YAML: line {line} of its output"))
            })?;
        if objects.is_empty() {
            return Err(bad("makes no object"));
        }
        for object in &objects {
            if !["apiVersion", "kind"].iter().all(|field| object.get(*field).is_some_and(Value::is_string)) {
                return Err(bad("makes an object without `apiVersion` or `kind`"));
            }
            if object["kind"] == "Secret" {
                return Err(bad("makes a Secret: templates never see one"));
            }
            let is_mapping = |value: Option<&Value>| value.is_none_or(|value| value.is_null() || value.is_object());
            let metadata = object.get("metadata");
            let in_metadata = |field| is_mapping(metadata.and_then(|metadata| metadata.get(field)));
            if !is_mapping(metadata) || !in_metadata("labels") || !in_metadata("annotations") {
                return Err(bad("makes an object whose `metadata`, `labels` or `annotations` is no mapping"));
            }
        }
        Ok(objects)
    }
}

/// Templates that replace none of ours: a slip in the name would leave ours in force without a word.
fn strangers(directory: &Path, problems: &mut Vec<Diagnostic>) {
    let names = || BUILT_IN.iter().map(|(name, _)| *name);
    let files = match std::fs::read_dir(directory).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
        Ok(files) => files,
        Err(error) => {
            let message = format!("the directory of `--templates` cannot be read: {}", reason(&error));
            problems.push(Diagnostic::error(Code::UnreadableFile, message));
            return;
        }
    };
    let mut files: Vec<_> = files.iter().map(|file| file.file_name().to_string_lossy().into_owned()).collect();
    files.sort_unstable();
    let is_template = |name: &&String| Path::new(name).extension().is_some_and(|extension| extension == "j2");
    for file in files.iter().filter(is_template).filter(|file| !names().any(|name| name == *file)) {
        let meant = nearest(file, names()).map_or(String::new(), |name| format!("; did you mean `{name}`?"));
        problems.push(
            Diagnostic::error(
                Code::UnknownTemplate,
                format!("`{}` in `--templates` replaces no template of ours{meant}", file.escape_debug()),
            )
            .hint(format!("possible are {}", names().collect::<Vec<_>>().join(", "))),
        );
    }
}

/// The text that a template of the user's makes, which must be a YAML mapping: the values of some chart.
///
/// # Errors
/// A file that cannot be read, an unknown variable, or output that is no mapping: with file and line.
pub fn render_values(path: &Path, context: &impl Serialize) -> Result<String, Failure> {
    let fail = |problem: Diagnostic, hint: &str| Failure::of(TITLE, problem.hint(hint));
    let text = std::fs::read_to_string(path).map_err(|error| {
        let message = format!("the template that `--chart` names cannot be read: {}", reason(&error));
        fail(Diagnostic::error(Code::UnreadableFile, message), "write tamcore, empathyco, or the path of a template")
    })?;
    // The file is there, so its name is no value that was typed by mistake.
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut environment = strict();
    let mut output = environment
        .add_template_owned(name.clone(), text)
        .and_then(|()| environment.get_template(&name)?.render(minijinja::value::Serde(context)))
        .map_err(|error| {
            fail(
                place(&error),
                "it may use secret_name, namespaces, service_accounts and registries; no template sees a secret",
            )
        })?;
    serde_saphyr::from_str::<Map<String, Value>>(&output).map_err(|error| {
        let line = error.location().map_or(0, |place| place.line());
        let message = format!("the template `{name}` makes no YAML mapping: line {line} of its output");
        fail(
            Diagnostic::error(Code::InvalidTemplate, message),
            "a string is quoted already: write `key: {{ secret_name }}`",
        )
    })?;
    // The template's own last line end is not part of its output.
    output.push('\n');
    Ok(output)
}

/// Whether a template of the user's uses this variable; one that cannot be read uses none.
#[must_use]
pub fn uses(path: &Path, variable: &str) -> bool {
    let Ok(text) = std::fs::read_to_string(path) else { return false };
    let environment = strict();
    environment.template_from_str(&text).is_ok_and(|template| template.undeclared_variables(false).contains(variable))
}

/// An unknown variable is an error, and what is put in is JSON, which is YAML.
fn strict() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Json);
    environment
}

fn explain(error: &minijinja::Error) -> Diagnostic {
    place(error).hint("a template may use only the variables that ours of that name uses")
}

fn place(error: &minijinja::Error) -> Diagnostic {
    let name = error.name().unwrap_or("?");
    let line = error.line().map_or(String::new(), |line| format!(", line {line}"));
    Diagnostic::error(Code::InvalidTemplate, format!("the template `{name}`{line}: {}", error.kind()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The text that a template makes, or what is wrong with it.
    fn values(template: &str) -> Result<String, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        #[expect(clippy::disallowed_methods, reason = "a fixture")]
        std::fs::write(file.path(), template).unwrap();
        let context = json!({"secret_name": "on", "namespaces": ["a", "y"]});
        let name = file.path().file_name().unwrap().to_str().unwrap().to_owned();
        render_values(file.path(), &context).map_err(|failure| {
            let Failure::Input { problems, .. } = failure else { panic!("of the input") };
            problems[0].message.replace(&name, "FILE")
        })
    }

    #[test]
    fn values_are_what_the_template_says_with_names_quoted() {
        assert_eq!(
            values("# ours\na: {{ secret_name }}\nb: {{ namespaces }}\n").unwrap(),
            "# ours\na: \"on\"\nb: [\"a\",\"y\"]\n"
        );
    }

    #[test]
    fn values_that_are_none_are_an_error_with_file_and_line() {
        assert_eq!(values("a: 1\nb: {{ password }}\n").unwrap_err(), "the template `FILE`, line 2: undefined value");
        assert_eq!(values("a: 1\n{% if %}\n").unwrap_err(), "the template `FILE`, line 2: syntax error");
        for (no_mapping, line) in [("- {{ secret_name }}\n", 1), ("a: 1\nb: \"{{ secret_name }}\"\n", 2)] {
            let said = values(no_mapping).unwrap_err();
            assert_eq!(said, format!("the template `FILE` makes no YAML mapping: line {line} of its output"));
        }
    }

    #[test]
    fn an_unknown_variable_is_an_error_with_file_and_line() {
        let folder = tempfile::tempdir().unwrap();
        #[expect(clippy::disallowed_methods, reason = "a fixture")]
        std::fs::write(folder.path().join("namespace.yaml.j2"), "apiVersion: v1\nkind: {{ kidn }}\n").unwrap();
        let Err(Failure::Input { problems, .. }) = Templates::load(Some(folder.path()))
            .and_then(|templates| templates.render("namespace.yaml.j2", &json!({})))
        else {
            panic!("an error was due")
        };
        assert!(problems[0].message.contains("`namespace.yaml.j2`, line 2"), "{}", problems[0].message);
    }
}
