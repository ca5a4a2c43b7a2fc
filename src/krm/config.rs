//! Reads the functionConfig: the object of regcred.yaml, or a ConfigMap of options.

use serde_json::Value;

use super::list::ResourceList;
use super::options;
use crate::settings::file::{self, File};
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::spec::Origin;
use regcred_core::spec::choice::Format;
use regcred_core::spec::typed::{SETTINGS, Setting, Typed, Values, find};

pub struct FunctionConfig {
    pub name: String,
    pub file: Option<File>,
    /// The options, from a ConfigMap and from annotations.
    pub typed: Typed,
    /// The chosen format, which has no effect on a function.
    pub format: Option<Format>,
}

impl FunctionConfig {
    /// Reads the functionConfig.
    /// Errors: it is neither of the two, is malformed, or asks for something that no function can do. No error contains a value of it.
    pub fn read(list: &ResourceList<'_>) -> Result<Self, Vec<Diagnostic>> {
        let value = &list.function_config;
        let name = value["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let (file, mut typed) = match (value["apiVersion"].as_str(), value["kind"].as_str()) {
            (Some("v1"), Some("ConfigMap")) => (None, of_config_map(value).map_err(|problem| vec![problem])?),
            (Some(_), Some("RegistryCredentials")) => {
                (Some(file::parse_function_config(list.function_config_text)?), Typed::default())
            }
            _ => {
                let problem = wrong("the functionConfig is neither a RegistryCredentials nor a ConfigMap of options");
                return Err(vec![problem.hint("give the object of regcred.yaml: `regcred schema` prints its form")]);
            }
        };
        options::add(value, file.as_ref().map(|file| &file.spec), &mut typed)?;
        // The output is a list of objects, whatever format the file chooses for `render`.
        options::set(&mut typed, "format", &[Format::Yaml.to_string()]);
        Ok(Self { name, format: file.as_ref().and_then(|file| file.spec.format), file, typed })
    }
}

fn wrong(message: &str) -> Diagnostic {
    Diagnostic::error(Code::InvalidFunctionConfig, message)
}

/// The options in the data of a ConfigMap, as `kpt fn eval … -- namespaces=team-a` makes it.
fn of_config_map(config_map: &Value) -> Result<Typed, Diagnostic> {
    let mut typed = Typed::default();
    for (key, value) in config_map["data"].as_object().into_iter().flatten() {
        if key == "shape" {
            return Err(wrong("the ConfigMap has `shape`, which is called `format` now")
                .hint("leave it out: a function gives objects, whatever the format"));
        }
        let Some(setting) = find(key).filter(|setting| setting.in_a_function && setting.key() == key) else {
            let known: Vec<_> = SETTINGS.iter().filter(|setting| setting.in_a_function).map(Setting::key).collect();
            return Err(
                wrong("the ConfigMap has an unknown key").hint(format!("possible keys are {}", known.join(", ")))
            );
        };
        let key = setting.key();
        let Some(value) = value.as_str() else {
            return Err(wrong(&format!("`{key}` of the ConfigMap is not text")).hint("quote it"));
        };
        let values = match (setting.values, value) {
            (Values::Any, value) => value.split([',', ' ', '\n']).filter(|part| !part.is_empty()).collect(),
            (Values::One, value) => vec![value],
            (Values::None, "true") => Vec::new(),
            (Values::None, "false") => continue,
            (Values::None, _) => {
                return Err(wrong(&format!("`{key}` of the ConfigMap is neither `true` nor `false`")));
            }
        };
        typed.add(setting, Origin::Key(key), values.into_iter().map(Into::into).collect());
    }
    Ok(typed)
}
