//! Renders our templates, and a user's templates, which replace our objects.

mod engine;
pub mod values;
mod watch;

use std::io;
use std::path::{self, Path};
use std::sync::{Arc, LazyLock};

use minijinja::Environment;
use serde_json::Value;

use crate::environment::read_text;
use crate::report;
use engine::{place, rendered, strict};
use regcred_core::diagnostic::{Code, Diagnostic, Failure, reason};
use regcred_core::manifest::expands_too_far;
use regcred_core::names::Namespace;
use regcred_core::nearest::nearest;
use regcred_core::objects::{Object, Part, Render, Restyle};

pub use regcred_core::spec::template::BUILT_IN;

const TITLE: &str = "a template";
const VARIABLES: &str = "a template may use only the variables of our template with the same name";

/// The longest template, in bytes.
const LONGEST: u64 = 1024 * 1024;

/// Our templates of objects that are built in no other way.
static OURS: LazyLock<Arc<Environment<'static>>> = LazyLock::new(|| {
    let mut environment = strict();
    for (name, text) in [
        ("patcher-deployment.yaml.j2", include_str!("../../templates/patcher-deployment.yaml.j2")),
        ("patcher-guard.yaml.j2", include_str!("../../templates/patcher-guard.yaml.j2")),
        ("patcher-namespace.yaml.j2", include_str!("../../templates/patcher-namespace.yaml.j2")),
        ("patcher-tamcore-access.yaml.j2", include_str!("../../templates/patcher-tamcore-access.yaml.j2")),
        ("patcher-titansoft-access.yaml.j2", include_str!("../../templates/patcher-titansoft-access.yaml.j2")),
    ] {
        // A template with a mistake is left out, and the tests of patchers notice that.
        drop(environment.add_template(name, text));
    }
    Arc::new(environment)
});

/// A user's templates, which replace ours.
pub struct Templates {
    environment: Arc<Environment<'static>>,
}

impl Templates {
    /// The templates in `directory`; each replaces one of ours.
    /// Errors: the directory or a file in it cannot be read, or is no template: with file and line.
    pub fn load(directory: Option<&Path>) -> Result<Self, Failure> {
        let mut environment = strict();
        let mut problems = Vec::new();
        match directory {
            Some(directory) if directory.is_dir() => {
                strangers(directory, &mut problems);
                for name in BUILT_IN {
                    problems.extend(add(&mut environment, name, &directory.join(name)).err());
                }
            }
            Some(_) => {
                let problem = Diagnostic::error(Code::UnreadableFile, "`--templates` names no directory");
                problems.push(problem.hint("check the path"));
            }
            None => {}
        }
        Failure::unless_clean(TITLE, &problems)?;
        Ok(Self { environment: Arc::new(environment) })
    }
}

impl Restyle for Templates {
    type Error = Failure;

    /// The objects that the user's template makes for this part.
    /// Errors: an unknown variable, output that is not YAML, or an object without the fields that every object has.
    fn restyle(&self, part: Part) -> Result<Vec<Object>, Failure> {
        match self.environment.get_template(part.template) {
            Ok(_) => make(&self.environment, part.template, &part.context),
            Err(_) => Ok(part.objects),
        }
    }
}

impl Render for Templates {
    fn render(&self, template: &'static str, context: &Value) -> Result<Vec<Object>, Failure> {
        let is_replaced = self.environment.get_template(template).is_ok();
        make(if is_replaced { &self.environment } else { &OURS }, template, context)
    }
}

fn make(
    environment: &Arc<Environment<'static>>,
    template: &'static str,
    context: &Value,
) -> Result<Vec<Object>, Failure> {
    let text = rendered(environment, template, context)
        .map_err(|error| Failure::of(TITLE, place(&error, template, VARIABLES)))?;
    objects(&text).map_err(|what| {
        let problem = Diagnostic::error(Code::InvalidTemplate, format!("the template `{template}` {what}"));
        Failure::of(TITLE, problem.hint("compare it with the one that it replaces"))
    })
}

/// Adds the user's template of this name, if there is one.
fn add(environment: &mut Environment<'static>, name: &'static str, path: &Path) -> Result<(), Diagnostic> {
    if !path.exists() {
        return Ok(());
    }
    report::detail(&format!("reading the template {}", path.display()));
    let text = read(path).map_err(|error| {
        let message = format!("the template `{name}` cannot be read: {}", reason(&error));
        Diagnostic::error(Code::UnreadableFile, message)
    })?;
    engine::add(environment, name, text).map_err(|error| place(&error, name, VARIABLES))
}

/// Reads a template. The output shows its content, so a link may not lead to another folder, or to a file of the system.
fn read(path: &Path) -> io::Result<String> {
    let path = path::absolute(path)?;
    let (real, folder) = (path.canonicalize()?, path.parent().unwrap_or(&path).canonicalize()?);
    if !real.starts_with(folder) || ["/proc", "/dev", "/sys"].iter().any(|place| real.starts_with(place)) {
        return Err(io::ErrorKind::CrossesDevices.into());
    }
    // The parser needs some kilobytes for each block that is nested, and a hundred of our templates have this size.
    if real.metadata()?.len() > LONGEST {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    read_text(&path)
}

/// The meaning of a template's output, or its problem.
fn yaml<'a, T>(text: &'a str, what: &str, parse: fn(&'a str) -> Result<T, serde_saphyr::Error>) -> Result<T, String> {
    if expands_too_far(text) {
        return Err("makes too many YAML aliases, or an alias that contains itself".to_owned());
    }
    let line = |error: serde_saphyr::Error| error.location().map_or(0, |place| place.line());
    parse(text).map_err(|error| format!("makes no {what}: line {} of its output", line(error)))
}

/// The objects in the output of a template, or its problem.
fn objects(text: &str) -> Result<Vec<Object>, String> {
    let objects: Vec<Object> = yaml(text, "YAML", serde_saphyr::from_multiple)?;
    if objects.is_empty() {
        return Err("makes no object".to_owned());
    }
    for object in &objects {
        if !["apiVersion", "kind"].iter().all(|field| object.get(*field).is_some_and(Value::is_string)) {
            return Err("makes an object without `apiVersion` or `kind`".to_owned());
        }
        if object["kind"] == "Secret" {
            return Err("makes a Secret: templates never see one".to_owned());
        }
        let is_mapping = |value: Option<&Value>| value.is_none_or(|value| value.is_null() || value.is_object());
        let metadata = object.get("metadata");
        let in_metadata = |field| metadata.and_then(|metadata| metadata.get(field));
        if ![metadata, in_metadata("labels"), in_metadata("annotations")].into_iter().all(is_mapping) {
            return Err("makes an object whose `metadata`, `labels` or `annotations` is no mapping".to_owned());
        }
        let is_namespace = |value: &Value| value.as_str().is_some_and(|text| text.parse::<Namespace>().is_ok());
        if !in_metadata("namespace").is_none_or(is_namespace) {
            return Err("makes an object with an invalid namespace".to_owned());
        }
        if object["kind"] == "ExternalSecret" && !object.get("spec").is_some_and(Value::is_object) {
            return Err("makes no ExternalSecret with a `spec`".to_owned());
        }
    }
    Ok(objects)
}

/// Reports templates that replace none of ours: a typo in the name would silently leave ours in force.
fn strangers(directory: &Path, problems: &mut Vec<Diagnostic>) {
    let names = || BUILT_IN.iter().copied();
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
        let message = format!("`{}` in `--templates` replaces no template of ours{meant}", file.escape_debug());
        let hint = format!("possible are {}", names().collect::<Vec<_>>().join(", "));
        problems.push(Diagnostic::error(Code::UnknownTemplate, message).hint(hint));
    }
}

#[cfg(test)]
mod tests;
