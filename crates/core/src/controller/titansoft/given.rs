//! Collects the flags, as Go reads them, and the variables. A flag wins over its variable.

use std::collections::BTreeMap;

use crate::diagnostic::{Code, Diagnostic};
use crate::nearest::nearest;

/// A setting by its two names.
pub(super) struct Setting {
    pub(super) variable: &'static str,
    flag: &'static str,
    form: Form,
}

/// The kind of value that a setting takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A boolean: the flag without a value means `true`; a value needs `=`.
    Switch,
    /// A text.
    Text,
}

const fn setting(variable: &'static str, flag: &'static str, form: Form) -> Setting {
    Setting { variable, flag, form }
}

/// Every setting of the patcher.
pub(super) const SETTINGS: [Setting; 11] = [
    setting("CONFIG_FORCE", "-force", Form::Switch),
    setting("CONFIG_DEBUG", "-debug", Form::Switch),
    setting("CONFIG_MANAGEDONLY", "-managedonly", Form::Switch),
    setting("CONFIG_RUNONCE", "-runonce", Form::Switch),
    setting("CONFIG_SERVICEACCOUNTS", "-serviceaccounts", Form::Text),
    setting("CONFIG_ALLSERVICEACCOUNT", "-allserviceaccount", Form::Switch),
    setting("CONFIG_DOCKERCONFIGJSON", "-dockerconfigjson", Form::Text),
    setting("CONFIG_DOCKERCONFIGJSONPATH", "-dockerconfigjsonpath", Form::Text),
    setting("CONFIG_SECRETNAME", "-secretname", Form::Text),
    setting("CONFIG_EXCLUDED_NAMESPACES", "-excluded-namespaces", Form::Text),
    setting("CONFIG_LOOP_DURATION", "-loop-duration", Form::Text),
];

/// Variables of tamcore's patcher that Titansoft's does not have.
const OF_TAMCORE: [&str; 6] = [
    "CONFIG_DELETE_PODS",
    "CONFIG_EXCLUDE_ANNOTATION",
    "CONFIG_MAX_CONCURRENT_RECONCILES",
    "CONFIG_SECRET_NAME",
    "CONFIG_SECRET_NAMESPACE",
    "CONFIG_WATCH_DOCKERCONFIGJSONPATH",
];

/// The given settings: by the variable's name, the name that was used, and the text.
pub(super) struct Given<'a>(BTreeMap<&'static str, (&'static str, &'a str)>);

impl<'a> Given<'a> {
    pub(super) fn collect(
        arguments: &[&'a str],
        variables: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
        problems: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut given = BTreeMap::new();
        for (name, value) in variables {
            match (SETTINGS.iter().find(|setting| setting.variable == name), value) {
                (Some(setting), Some(value)) => drop(given.insert(setting.variable, (setting.variable, value))),
                (Some(setting), None) => problems.push(not_text(setting.variable)),
                (None, _) if is_of_a_service(name) => {}
                (None, _) => problems.push(unknown_variable(name)),
            }
        }
        flags(arguments, &mut given, problems);
        Self(given)
    }

    /// The name that was used for a setting, and its text; an empty text counts as not given.
    pub(super) fn text(&self, variable: &str) -> Option<(&'static str, &'a str)> {
        self.even_empty(variable).filter(|(_, text)| !text.is_empty())
    }

    /// The same, for a setting whose empty text has a meaning.
    pub(super) fn even_empty(&self, variable: &str) -> Option<(&'static str, &'a str)> {
        self.0.get(variable).copied()
    }
}

/// Whether an argument is a flag of the patcher, with or without a value.
pub(super) fn is_a_flag(argument: &str) -> bool {
    find(argument).is_some()
}

/// The setting of a flag, with the value after its `=`. Go accepts one dash or two.
fn find(argument: &str) -> Option<(&'static Setting, Option<&str>)> {
    let typed = argument.strip_prefix("--").or_else(|| argument.strip_prefix('-'))?;
    let (name, value) = typed.split_once('=').map_or((typed, None), |(name, value)| (name, Some(value)));
    SETTINGS.iter().find(|setting| &setting.flag[1..] == name).map(|setting| (setting, value))
}

fn flags<'a>(
    arguments: &[&'a str],
    given: &mut BTreeMap<&'static str, (&'static str, &'a str)>,
    problems: &mut Vec<Diagnostic>,
) {
    let mut left = arguments.iter().enumerate();
    while let Some((number, argument)) = left.next() {
        let Some((setting, value)) = find(argument) else {
            problems.push(unknown_flag(number + 1, argument));
            continue;
        };
        let value = match (value, setting.form) {
            (Some(value), _) => Some(value),
            (None, Form::Switch) => Some("true"),
            (None, Form::Text) => left.next().map(|(_, value)| *value),
        };
        match value {
            Some(value) => drop(given.insert(setting.variable, (setting.flag, value))),
            None => problems.push(
                Diagnostic::error(Code::Usage, format!("`{}` has no value", setting.flag))
                    .hint(format!("write {}=VALUE", setting.flag)),
            ),
        }
    }
}

fn unknown_flag(number: usize, argument: &str) -> Diagnostic {
    let message = format!("argument {number} is no flag of imagepullsecret-patcher");
    let name = argument.trim_start_matches('-').split('=').next().unwrap_or_default();
    let known = SETTINGS.iter().map(|setting| &setting.flag[1..]);
    let hint = match nearest(name, known).filter(|_| argument.starts_with('-')) {
        Some(near) => format!("did you mean `-{near}`?"),
        None => "a boolean takes its value after `=`, as in -force=false".to_owned(),
    };
    Diagnostic::error(Code::Usage, message).hint(hint)
}

fn unknown_variable(name: &str) -> Diagnostic {
    let message = format!("`{name}` is no variable of imagepullsecret-patcher");
    let hint = match nearest(name, SETTINGS.iter().map(|setting| setting.variable)) {
        _ if OF_TAMCORE.contains(&name) => {
            "it belongs to tamcore's patcher: take it out, or use `regcred render --strategy controller`".to_owned()
        }
        Some(near) => format!("did you mean `{near}`?"),
        None => "take it out of the Deployment: every variable that begins with CONFIG_ is read".to_owned(),
    };
    Diagnostic::error(Code::InvalidConfig, message).hint(hint)
}

fn not_text(variable: &str) -> Diagnostic {
    Diagnostic::error(Code::NotUtf8, format!("`{variable}` is not UTF-8 text")).hint("write it again as text")
}

/// Whether a kubelet sets this variable, for a Service in the Pod's namespace whose name begins with `config`.
fn is_of_a_service(name: &str) -> bool {
    let is_port = |rest: &str| {
        let mut parts = rest.split('_');
        let number =
            parts.next().is_some_and(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()));
        let protocol = parts.next().is_some_and(|protocol| ["TCP", "UDP", "SCTP"].contains(&protocol));
        let end = parts.next().is_none_or(|end| ["PROTO", "PORT", "ADDR"].contains(&end));
        number && protocol && end && parts.next().is_none()
    };
    ["_SERVICE_HOST", "_SERVICE_PORT", "_PORT"].iter().any(|end| name.ends_with(end))
        || name.contains("_SERVICE_PORT_")
        || name.match_indices("_PORT_").any(|(at, end)| is_port(&name[at + end.len()..]))
}
