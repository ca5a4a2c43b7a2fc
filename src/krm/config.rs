//! Reads the functionConfig: an object of `regcred.yaml`, or a ConfigMap of flags.

use clap::Parser;
use serde_json::Value;

use super::list::ResourceList;
use super::options;
use crate::cli::{Arguments, Command, RenderArguments};
use crate::settings::choices::Format;
use crate::settings::file::{self, File};
use regcred_core::diagnostic::{Code, Diagnostic};

/// A functionConfig.
pub struct FunctionConfig {
    /// Its name.
    pub name: String,
    /// The object of regcred.yaml, unless it is a `ConfigMap`.
    pub file: Option<File>,
    /// The flags of a `ConfigMap`, and those of the annotations.
    pub arguments: RenderArguments,
    /// Whether it chooses a format, which has no effect here.
    pub format: Option<Format>,
}

/// The flags that a `ConfigMap` may hold, and whether they take a value.
const FLAGS: [(&str, bool); 20] = [
    ("docker-config", true),
    ("login", true),
    ("allow-short-lived", false),
    ("namespaces", true),
    ("exclude", true),
    ("secret-name", true),
    ("create-namespaces", false),
    ("strategy", true),
    ("link", true),
    ("service-account", true),
    ("also-reference", true),
    ("profile", true),
    ("patcher", true),
    ("patcher-namespace", true),
    ("patcher-image", true),
    ("source-secret-name", true),
    ("patcher-pull-secret", true),
    ("patcher-interval", true),
    ("no-guard", false),
    ("allow-plaintext-in-git", false),
];

/// Flags that may be repeated.
const LISTS: [&str; 4] = ["docker-config", "login", "service-account", "also-reference"];

impl FunctionConfig {
    /// Reads a functionConfig.
    ///
    /// # Errors
    /// It is neither of the two, invalid, or asks for what no function can do. The error never contains a value.
    pub fn read(list: &ResourceList<'_>) -> Result<Self, Vec<Diagnostic>> {
        let value = &list.function_config;
        let name = value["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        // A function returns a list of objects, whatever format the same file chooses for `render`.
        let arguments = RenderArguments { format: Some(Format::Yaml), ..RenderArguments::default() };
        match (value["apiVersion"].as_str(), value["kind"].as_str()) {
            (Some("v1"), Some("ConfigMap")) => {
                let arguments =
                    RenderArguments { format: arguments.format, ..flags(value).map_err(|problem| vec![problem])? };
                let arguments = options::of(value, None, arguments)?;
                Ok(Self { name, file: None, arguments, format: None })
            }
            (Some(_), Some("RegistryCredentials")) => {
                let file = file::parse_function_config(list.function_config_text)?;
                let arguments = options::of(value, Some(&file.spec), arguments)?;
                Ok(Self { name, format: file.spec.format, file: Some(file), arguments })
            }
            _ => Err(vec![
                wrong("the functionConfig is neither a RegistryCredentials nor a ConfigMap of flags")
                    .hint("give the object of regcred.yaml: `regcred schema` prints its form"),
            ]),
        }
    }
}

fn wrong(message: &str) -> Diagnostic {
    Diagnostic::error(Code::InvalidFunctionConfig, message)
}

/// Turns the data of a `ConfigMap`, as `kpt fn eval … -- namespaces=team-a` makes it, into flags.
fn flags(config_map: &Value) -> Result<RenderArguments, Diagnostic> {
    let mut line = vec!["regcred".to_owned(), "render".to_owned()];
    for (key, value) in config_map["data"].as_object().into_iter().flatten() {
        let Some((flag, takes_a_value)) = FLAGS.iter().find(|(flag, _)| flag == key) else {
            let known: Vec<_> = FLAGS.iter().map(|(flag, _)| *flag).collect();
            return Err(wrong("the ConfigMap has a key that is no flag of ours")
                .hint(format!("possible are {}", known.join(", "))));
        };
        let Some(value) = value.as_str() else {
            return Err(wrong(&format!("`{flag}` of the ConfigMap is not text")).hint("quote it"));
        };
        match (takes_a_value, value) {
            (true, value) if LISTS.contains(flag) => {
                let several = value.split([',', ' ', '\n']).filter(|part| !part.is_empty());
                line.extend(several.map(|part| format!("--{flag}={part}")));
            }
            (true, value) => line.push(format!("--{flag}={value}")),
            (false, "true") => line.push(format!("--{flag}")),
            (false, "false") => {}
            (false, _) => return Err(wrong(&format!("`{flag}` of the ConfigMap is neither `true` nor `false`"))),
        }
    }
    match Arguments::try_parse_from(line).map(|arguments| arguments.command) {
        Ok(Command::Render(arguments)) => Ok(*arguments),
        Ok(_) => Err(wrong("the ConfigMap holds no flags of `regcred render`")),
        Err(error) => Err(Diagnostic { code: Code::InvalidFunctionConfig, ..Arguments::explain(&error) }),
    }
}
