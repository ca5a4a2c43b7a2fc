//! Renders a user's templates, which replace our objects.

mod engine;
pub mod values;
mod watch;

use std::io;
use std::path::{self, Path};
use std::sync::Arc;

use minijinja::Environment;
use serde_json::Value;

use crate::environment::read_text;
use crate::report;
use engine::{place, rendered, strict};
use regcred_core::diagnostic::{Code, Diagnostic, Failure, reason};
use regcred_core::manifest::expands_too_far;
use regcred_core::names::Namespace;
use regcred_core::nearest::nearest;
use regcred_core::objects::{Object, Part, Restyle};

pub use regcred_core::spec::template::BUILT_IN;

const TITLE: &str = "a template";
const VARIABLES: &str = "a template may use only the variables that ours of that name uses";

/// The templates of a user that replace ours.
pub struct Templates {
    environment: Arc<Environment<'static>>,
}

impl Templates {
    /// The templates in `directory`, each of which replaces one of ours.
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
            Some(_) => problems.push(
                Diagnostic::error(Code::UnreadableFile, "`--templates` names no directory").hint("check the path"),
            ),
            None => {}
        }
        Failure::unless_clean(TITLE, &problems)?;
        Ok(Self { environment: Arc::new(environment) })
    }
}

impl Restyle for Templates {
    type Error = Failure;

    /// What the user's template makes of the part.
    /// Errors: an unknown variable, output that is not YAML, or an object without what every object has.
    fn restyle(&self, part: Part) -> Result<Vec<Object>, Failure> {
        if self.environment.get_template(part.template).is_err() {
            return Ok(part.objects);
        }
        let text = rendered(&self.environment, part.template, &part.context)
            .map_err(|error| Failure::of(TITLE, place(&error, part.template, VARIABLES)))?;
        objects(&text).map_err(|what| {
            let message = format!("the template `{}` {what}", part.template);
            let problem = Diagnostic::error(Code::InvalidTemplate, message);
            Failure::of(TITLE, problem.hint("compare it with the one that it replaces"))
        })
    }
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
    environment.add_template_owned(name, text).map_err(|error| place(&error, name, VARIABLES))
}

/// Reads a template. What is in it is written out, so a link may not take it from another folder, nor from the system's own.
fn read(path: &Path) -> io::Result<String> {
    let path = path::absolute(path)?;
    let (real, folder) = (path.canonicalize()?, path.parent().unwrap_or(&path).canonicalize()?);
    if !real.starts_with(folder) || ["/proc", "/dev", "/sys"].iter().any(|place| real.starts_with(place)) {
        return Err(io::ErrorKind::CrossesDevices.into());
    }
    read_text(&path)
}

/// The objects in the output of a template, or what is wrong with it.
fn objects(text: &str) -> Result<Vec<Object>, String> {
    if expands_too_far(text) {
        return Err("makes far too many aliases".to_owned());
    }
    let objects: Vec<Object> = serde_saphyr::from_multiple(text).map_err(|error: serde_saphyr::Error| {
        format!("makes no YAML: line {} of its output", error.location().map_or(0, |place| place.line()))
    })?;
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

/// Templates that replace none of ours: a slip in the name would leave ours in force without a word.
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
        problems.push(
            Diagnostic::error(
                Code::UnknownTemplate,
                format!("`{}` in `--templates` replaces no template of ours{meant}", file.escape_debug()),
            )
            .hint(format!("possible are {}", names().collect::<Vec<_>>().join(", "))),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use regcred_core::docker_config::Logins;
    use regcred_core::manifest::Manifests;
    use regcred_core::objects::marks::Marks;
    use regcred_core::objects::patcher::{Accounts, Guard, PatcherSettings};
    use regcred_core::objects::{self, CreateNamespaces, Request, Wanted};
    use regcred_core::spec::choice::{Link, Patcher, Profile};
    use regcred_core::spec::external::{self, written::External};
    use serde_json::json;

    #[test]
    fn an_unknown_variable_is_an_error_with_file_and_line() {
        let folder = tempfile::tempdir().unwrap();
        #[expect(clippy::disallowed_methods, reason = "a fixture")]
        std::fs::write(folder.path().join("namespace.yaml.j2"), "apiVersion: v1\nkind: {{ kidn }}\n").unwrap();
        let part = Part { template: "namespace.yaml.j2", context: json!({}), objects: Vec::new() };
        let Err(Failure::Input { problems, .. }) =
            Templates::load(Some(folder.path())).and_then(|templates| templates.restyle(part))
        else {
            panic!("an error was due")
        };
        assert!(problems[0].message.contains("`namespace.yaml.j2`, line 2"), "{}", problems[0].message);
    }

    #[test]
    fn a_value_that_is_too_deep_is_an_error_and_ends_no_process() {
        let deep = format!("{}ns.x{}", "[".repeat(100), "]".repeat(100));
        for (times, value) in [(99_999, "[ns.x]"), (99_999, "{'a': ns.x}"), (40_000, &deep)] {
            for printed in ["{{ ns.x }}", "{{ ns.x | string }}", "{{ ns.x | tojson }}", "{{ ns.x == [ns.x] }}", ""] {
                let template = format!(
                    "{{% set ns = namespace(x=[1]) %}}{{% for i in range({times}) %}}{{% set ns.x = {value} %}}{{% endfor %}}{printed}"
                );
                let folder = tempfile::tempdir().unwrap();
                #[expect(clippy::disallowed_methods, reason = "a fixture")]
                std::fs::write(folder.path().join("namespace.yaml.j2"), template).unwrap();
                let part = Part { template: "namespace.yaml.j2", context: json!({}), objects: Vec::new() };
                let made = Templates::load(Some(folder.path())).and_then(|templates| templates.restyle(part));
                assert!(made.is_err(), "{value} {printed}");
            }
        }
    }

    const EXTERNAL: &str = "store: {kind: ClusterSecretStore, name: vault}
logins:
- {registry: ghcr.io, username: {value: bot}, password: {key: ghcr}}
- {registry: quay.io, generator: {kind: QuayAccessToken, name: quay, spec: {url: quay.io}}}
- {registry: a.azurecr.io, generator: {kind: ACRAccessToken, name: acr, clusterWide: true, spec: {registry: a.azurecr.io}}}
clusterExternalSecret: {refreshTime: 2m}
";

    fn patchers() -> Vec<PatcherSettings> {
        let settings = |patcher, guard, service_accounts, own: &str| PatcherSettings {
            patcher,
            namespace: own.parse().unwrap(),
            image: "registry.test/patcher@sha256:0".to_owned(),
            source: "source".parse().unwrap(),
            pull_secret: (own == "on").then(|| "own".parse().unwrap()),
            interval: "1m".to_owned(),
            guard,
            exclude: vec!["kube-*".to_owned(), "1e3".to_owned()],
            service_accounts,
        };
        let named = || Accounts::Named(vec!["ci".parse().unwrap()]);
        vec![
            settings(Patcher::Titansoft, Guard::Confined, Accounts::None, "on"),
            settings(Patcher::Titansoft, Guard::Unconfined, Accounts::All, "pulls"),
            settings(Patcher::Tamcore, Guard::Confined, named(), "pulls"),
            settings(Patcher::Tamcore, Guard::Confined, Accounts::All, "on"),
        ]
    }

    /// The templates in `templates/` are where a user starts from: they make what we build.
    #[test]
    fn our_templates_make_the_objects_that_are_built_without_them() {
        let templates = Templates::load(Some(&Path::new(env!("CARGO_MANIFEST_DIR")).join("templates"))).unwrap();
        let docker_config = Logins::Unavailable;
        let mut problems = Vec::new();
        let cluster: External = serde_saphyr::from_str(EXTERNAL).unwrap();
        let each = External { cluster_external_secret: None, ..cluster.clone() };
        let external = [cluster, each].map(|it| external::resolve(Some(&it), &mut problems).unwrap());
        assert!(problems.is_empty(), "{problems:?}");
        let (name, namespaces) = ("on".parse().unwrap(), ["a", "on"].map(|name| name.parse().unwrap()));
        let accounts = ["ci".parse().unwrap()];
        let request = |patcher, external, link| Request {
            pull_secrets: vec![Wanted {
                name: &name,
                namespaces: &namespaces,
                service_accounts: &accounts,
                also_reference: &accounts,
                external,
                docker_config: &docker_config,
            }],
            link,
            create_namespaces: CreateNamespaces::First,
            patcher,
            marks: Marks { owner: "acme".to_owned(), profile: Some(Profile::Argocd) },
        };
        let patchers = patchers();
        let requests = patchers.iter().map(|patcher| request(Some(patcher), None, Link::Policy));
        let requests = requests.chain(external.iter().map(|external| request(None, Some(external), Link::Policy)));
        for request in requests.chain([request(None, None, Link::ServiceAccount)]) {
            let values = |manifests: &Manifests| manifests.iter().map(|manifest| manifest.object()).collect::<Vec<_>>();
            let (ours, theirs) = (objects::as_built(&request), objects::build(&request, &templates).unwrap());
            for (ours, theirs) in values(&ours).iter().zip(values(&theirs)) {
                assert_eq!(*ours, theirs);
            }
            assert_eq!(ours.iter().count(), theirs.iter().count());
        }
    }
}
