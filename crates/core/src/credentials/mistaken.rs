//! Recognizes other text in place of a Docker config, and says what it is.

use serde_json::{Map, Value};

use super::answers;
use super::presets::{Host, PRESETS, Preset, UserName};
use crate::diagnostic::{Code, Diagnostic};
use crate::docker_config::token::is_token;

/// Whether text that was decoded from base64 has the form `user:password`, which JSON, addresses and binary data do not have.
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

/// The same for a text that was not decoded: a slash before the colon makes it a path or the name of an image.
pub(super) fn is_plain_user_and_password(text: &str) -> bool {
    is_user_and_password(text) && text.find('/').is_none_or(|slash| text.find(':').is_some_and(|colon| colon < slash))
}

/// The problem: `what` is a user name and a password.
pub(super) fn user_and_password(source: &str, what: &str) -> Diagnostic {
    let hint = preset_for(source).map_or_else(
        || "put the two into variables of their own and name them: `--login HOST=USERVAR:PASSVAR`".to_owned(),
        |(preset, username)| {
            let (password, preset) = (preset.password[0], preset.name);
            format!(
                "put the two into variables of their own, `{username}` and `{password}`: `--login {preset}`, or `- preset: {preset}` in regcred.yaml, reads them"
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

/// Another thing that people put in place of a Docker config.
struct Mistake<T: ?Sized> {
    is: fn(&T) -> bool,
    code: Code,
    /// The problem, as in "`DOCKERHUB_AUTH` is a manifest".
    what: &'static str,
    remedy: &'static str,
}

impl<T: ?Sized> Mistake<T> {
    fn explain(&self, source: &str) -> Diagnostic {
        Diagnostic::error(self.code, format!("{source} {}", self.what)).hint(self.remedy)
    }
}

const IS_A_MANIFEST: &str = "is a manifest of Kubernetes, not the Docker config in it";
const TAKE_ITS_DATA: &str = r"take that alone: `kubectl get secret NAME -o jsonpath='{.data.\.dockerconfigjson}'`";

const OF_SOPS: &str = "is a file that sops encrypted";
const DECRYPT: &str = "decrypt it before regcred runs: `sops decrypt FILE`";

/// `source` is a file that sops encrypted.
pub(super) fn encrypted_by_sops(source: &str) -> Diagnostic {
    Diagnostic::error(Code::Encrypted, format!("{source} {OF_SOPS}")).hint(DECRYPT)
}

/// Texts that are not JSON, as set or as decoded from base64.
const TEXTS: &[Mistake<str>] = &[
    Mistake { is: answers::is_file_of_sops, code: Code::Encrypted, what: OF_SOPS, remedy: DECRYPT },
    Mistake {
        is: |text| is_token(text) && !text.contains(char::is_whitespace),
        code: Code::UserAndPassword,
        what: "is a token, not a Docker config",
        remedy: "name it with its user name instead: `--login HOST=USERVAR:PASSVAR`",
    },
    Mistake {
        is: answers::is_what_a_command_said,
        code: Code::NotADockerConfig,
        what: "is the error message of a command, not a Docker config",
        remedy: "run the command by hand, and set its output after it succeeds",
    },
    Mistake {
        is: |text| {
            text.lines().any(|it| it.starts_with("apiVersion:") || it.trim_start().starts_with(".dockerconfigjson:"))
        },
        code: Code::Manifest,
        what: IS_A_MANIFEST,
        remedy: TAKE_ITS_DATA,
    },
    Mistake {
        is: answers::is_windows_path,
        code: Code::NotADockerConfig,
        what: "is a path of Windows, and no such file can be read here",
        remedy: "set the content of the file, for example as base64, or the path that it has where regcred runs",
    },
    Mistake {
        is: |text| text.lines().any(|line| line.trim_end() == "auths:"),
        code: Code::NotADockerConfig,
        what: "is YAML, and a Docker config is JSON",
        remedy: "translate it: `yq -o json . FILE`",
    },
    Mistake {
        is: |text| {
            let name = text.split_once('=').filter(|(_, value)| value.trim_start_matches(['\'', '"']).starts_with('{'));
            name.is_some_and(|(name, _)| {
                name.trim_start_matches("export ").bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_')
            })
        },
        code: Code::NotADockerConfig,
        what: "is a line of a file with variables, `NAME=VALUE`",
        remedy: "set what stands after the `=` alone",
    },
    Mistake {
        is: |text| text.starts_with("machine ") && text.contains(" password "),
        code: Code::NotADockerConfig,
        what: "is a .netrc, not a Docker config",
        remedy: "put its login and its password into two variables: `--login HOST=USERVAR:PASSVAR`",
    },
    Mistake {
        is: |text| text == ":",
        code: Code::UserAndPassword,
        what: "holds `:`, an empty user name and an empty password",
        remedy: "the two variables were empty when it was put together: look there",
    },
    Mistake {
        is: |text| text.starts_with("-----BEGIN "),
        code: Code::NotADockerConfig,
        what: "is a certificate or a key, not a Docker config",
        remedy: "name the variable of the Docker config",
    },
    Mistake {
        is: |text| text.get(..5).is_some_and(|head| ["<html", "<!doc"].contains(&&*head.to_ascii_lowercase())),
        code: Code::NotADockerConfig,
        what: "is a page of HTML, not a Docker config",
        remedy: "a server answered with a page instead of the secret: look at how it was fetched",
    },
    Mistake {
        is: |text| text.contains("Login Succeeded"),
        code: Code::NotADockerConfig,
        what: "is the output of `docker login`, not the file that `docker login` writes",
        remedy: "set the content of ~/.docker/config.json",
    },
];

/// What the text is instead of a Docker config, if that is known.
pub(super) fn text(text: &str, source: &str) -> Option<Diagnostic> {
    TEXTS.iter().find(|mistake| (mistake.is)(text)).map(|mistake| mistake.explain(source))
}

/// Fields in which programs answer with a secret.
const WRAPPERS: [&str; 8] =
    ["value", "data", "SecretString", "secret", "content", "payload", "dockerconfigjson", "dockerConfigJson"];

/// Objects without entries.
const OBJECTS: &[Mistake<Map<String, Value>>] = &[
    Mistake { is: |config| config.contains_key("sops"), code: Code::Encrypted, what: OF_SOPS, remedy: DECRYPT },
    Mistake {
        is: |config| ["apiVersion", ".dockerconfigjson", "stringData"].iter().any(|name| config.contains_key(*name)),
        code: Code::Manifest,
        what: IS_A_MANIFEST,
        remedy: TAKE_ITS_DATA,
    },
    Mistake {
        is: |config| config.contains_key("Secret") && config.contains_key("Username"),
        code: Code::CredentialHelper,
        what: "is the answer of a credential helper for one registry, not a Docker config",
        remedy: "put its `Username` and its `Secret` into two variables: `--login HOST=USERVAR:PASSVAR`",
    },
    Mistake {
        is: |config| matches!(config.get("auths"), Some(Value::String(_))),
        code: Code::NoAuths,
        what: "has an `auths` that is text, where an object with the entries belongs",
        remedy: "the object was encoded as text: write {\"auths\": {\"ghcr.io\": {\"auth\": \"…\"}}}",
    },
    Mistake {
        is: |config| config.get("auths").is_some_and(|auths| !auths.is_object() && !auths.is_null()),
        code: Code::NoAuths,
        what: "has an `auths` that is not an object",
        remedy: "write one entry for each registry: {\"auths\": {\"ghcr.io\": {\"auth\": \"…\"}}}",
    },
    Mistake {
        is: |config| config.contains_key("credsStore") || config.contains_key("credHelpers"),
        code: Code::CredentialHelper,
        what: "only names a credential helper (`credsStore`, `credHelpers`), which a kubelet ignores",
        remedy: "the login itself is in that helper: `--credential-helpers` asks it for the registries of `credHelpers` and of \
                 empty entries; or name two variables: `--login ghcr.io=GHCR_USER:GHCR_TOKEN`",
    },
    Mistake {
        is: |config| config.values().any(|value| value.get("auth").is_some() || value.get("username").is_some()),
        code: Code::NoAuths,
        what: "has logins, but no `auths` around them: the old .dockercfg form",
        remedy: "wrap it: {\"auths\": …}",
    },
    Mistake {
        is: |config| WRAPPERS.iter().any(|name| config.contains_key(*name)),
        code: Code::NoAuths,
        what: "is the answer of a command or a server, and the Docker config is in one of its fields",
        remedy: "take that field alone, for example with `jq -r .value`",
    },
    Mistake {
        is: |config| {
            ["token", "accessToken", "access_token", "authorizationData"].iter().any(|name| config.contains_key(*name))
        },
        code: Code::NoAuths,
        what: "is an answer with a token, not a Docker config",
        remedy: "put user name and token into two variables: `--login HOST=USERVAR:PASSVAR`",
    },
    Mistake {
        is: |config| config.contains_key("private_key") || config.contains_key("client_email"),
        code: Code::NoAuths,
        what: "is the key of a service account, not a Docker config",
        remedy: "`--login gar` takes the key in `GAR_KEY_FILE`, with the host in `GAR_HOST`",
    },
    Mistake {
        is: |config| config.get("auths").is_some_and(|auths| auths.as_object().is_some_and(Map::is_empty)),
        code: Code::NoAuths,
        what: "is a Docker config without any entry in `auths`",
        remedy: "run `docker login` where no credential helper is configured, or name the two variables of a login instead: \
                 `--login ghcr.io=GHCR_USER:GHCR_TOKEN`",
    },
    Mistake {
        is: |config| {
            const OF_DOCKER: &str =
                "auths HttpHeaders currentContext plugins psFormat detachKeys proxies aliases features";
            config.keys().all(|name| OF_DOCKER.split(' ').any(|known| known == name))
        },
        code: Code::NoAuths,
        what: "is a Docker config without any entry in `auths`",
        remedy: "look where it was put together, or name the two variables of a login instead: \
                 `--login ghcr.io=GHCR_USER:GHCR_TOKEN`",
    },
];

/// JSON without entries, and what it is instead.
pub(super) fn without_auths(json: &str, source: &str) -> Diagnostic {
    let config = serde_json::from_str::<Map<String, Value>>(json).unwrap_or_default();
    let known = OBJECTS.iter().find(|mistake| (mistake.is)(&config)).map(|mistake| mistake.explain(source));
    known.unwrap_or_else(|| {
        Diagnostic::error(Code::NoAuths, format!("{source} is JSON, but not a Docker config: it has no `auths`"))
            .hint("a Docker config is an object: {\"auths\": {\"ghcr.io\": {\"auth\": \"…\"}}}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_name_and_password_is_distinguished_from_other_text_with_a_colon() {
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
