//! What stands where a Docker config belongs: text or JSON in, what it was taken from or for out.

use serde_json::{Map, Value};

use super::presets::{Host, PRESETS, Preset, UserName};
use crate::diagnostic::{Code, Diagnostic};

/// What to do when the login has to be given as two variables.
pub(super) const TWO_VARIABLES: &str =
    "name the two variables of a login instead: `--login ghcr.io=GHCR_USER:GHCR_TOKEN`";

/// Whether text that was decoded from base64 is `user:password`, which no JSON, address or binary data looks like.
pub(super) fn is_user_and_password(text: &str) -> bool {
    text.split_once(':').is_some_and(|(user, password)| {
        let is_user = |letter: char| !letter.is_whitespace() && !matches!(letter, '{' | '"');
        !user.is_empty()
            && user.chars().all(is_user)
            && !password.is_empty()
            && !password.starts_with(char::is_whitespace)
            && !password.starts_with("//")
            && !text.contains(char::is_control)
    })
}

/// The same of text as it was set: a slash before the colon makes it a path or the name of an image.
pub(super) fn is_plain_user_and_password(text: &str) -> bool {
    is_user_and_password(text) && text.find('/').is_none_or(|slash| text.find(':').is_some_and(|colon| colon < slash))
}

/// `what` is a user name and password.
pub(super) fn user_and_password(source: &str, what: &str) -> Diagnostic {
    let hint = preset_for(source).map_or_else(
        || "put the two into variables of their own and name them: `--login HOST=USERVAR:PASSVAR`".to_owned(),
        |(preset, username)| {
            let (password, preset) = (preset.password[0], preset.name);
            format!(
                "put the two into variables of their own, `{username}` and `{password}`: `--login {preset}` reads them"
            )
        },
    );
    Diagnostic::error(Code::UserAndPassword, format!("{source} holds {what}, not a Docker config")).hint(hint)
}

/// The preset that the variable of a Docker config was named after, and the first variable of its user name.
fn preset_for(source: &str) -> Option<(&'static Preset, &'static str)> {
    let name = source.trim_start_matches('`').to_ascii_lowercase();
    PRESETS.iter().filter(|preset| name.starts_with(preset.name)).find_map(|preset| {
        match (&preset.host, &preset.username) {
            (Host::Fixed(_), UserName::Variable(names)) => Some((preset, names[0])),
            _ => None,
        }
    })
}

/// Whether it is a manifest as YAML.
pub(super) fn is_manifest(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("apiVersion:") || line.trim_start().starts_with(".dockerconfigjson:"))
}

/// It is a manifest, or the `data` of one.
pub(super) fn manifest(source: &str) -> Diagnostic {
    Diagnostic::error(Code::Manifest, format!("{source} is a manifest of Kubernetes, not the Docker config in it"))
        .hint(r"take that alone: `kubectl get secret NAME -o jsonpath='{.data.\.dockerconfigjson}'`")
}

/// JSON without entries: what it is instead.
pub(super) fn without_auths(config: &Map<String, Value>, source: &str) -> Diagnostic {
    if config.contains_key("apiVersion") || config.contains_key(".dockerconfigjson") {
        return manifest(source);
    }
    if config.contains_key("credsStore") || config.contains_key("credHelpers") {
        return Diagnostic::error(
            Code::CredentialHelper,
            format!("{source} only names a credential helper (`credsStore`, `credHelpers`), which a kubelet ignores"),
        )
        .hint(format!("the login itself is in that helper; {TWO_VARIABLES}"));
    }
    if config.values().any(|value| value.get("auth").is_some() || value.get("username").is_some()) {
        return Diagnostic::error(
            Code::NoAuths,
            format!("{source} has logins, but no `auths` around them: the old .dockercfg form"),
        )
        .hint("wrap it: {\"auths\": …}");
    }
    Diagnostic::error(Code::NoAuths, format!("{source} is a Docker config without any entry in `auths`"))
        .hint(format!("run `docker login` where no credential helper is configured, or {TWO_VARIABLES}"))
}

/// JSON that is no object.
pub(super) fn not_an_object(value: &Value, source: &str) -> Diagnostic {
    let hint = match value {
        Value::Null => "`null` is what `jq -r` prints for a name that is not there: look where the value comes from",
        _ => "a Docker config is an object: {\"auths\": {\"ghcr.io\": {\"auth\": \"…\"}}}",
    };
    Diagnostic::error(Code::NotAnObject, format!("{source} is JSON, but no object")).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_name_and_password_is_told_from_what_only_has_a_colon() {
        for (text, plain, decoded) in [
            ("me:pw", true, true),
            ("me:p w", true, true),
            ("me:p/w", true, true),
            ("org/x:pw", false, true),
            ("ghcr.io/acme/api:1.4", false, true),
            ("https://ghcr.io", false, false),
            ("user: me", false, false),
            ("not a user:pw", false, false),
            ("me:p\u{1}w", false, false),
            ("a:b\nc:d", false, false),
            ("me:", false, false),
            (":pw", false, false),
            ("{\"auths\":{}}", false, false),
        ] {
            let found = (is_plain_user_and_password(text), is_user_and_password(text));
            assert_eq!(found, (plain, decoded), "{text}");
        }
    }

    #[test]
    fn the_hint_for_a_user_name_and_password_is_that_of_the_variable() {
        for (source, expected) in [
            ("`DOCKERHUB_AUTH`", "`DOCKERHUB_USERNAME` and `DOCKERHUB_TOKEN`: `--login dockerhub`"),
            ("`QUAY_AUTH`", "`--login quay`"),
            ("`GITLAB_AUTH`", "`--login HOST=USERVAR:PASSVAR`"),
            ("`--docker-config-file x`", "`--login HOST=USERVAR:PASSVAR`"),
        ] {
            let hint = user_and_password(source, "it").hint.unwrap();
            assert!(hint.contains(expected), "{source}: {hint}");
        }
    }
}
