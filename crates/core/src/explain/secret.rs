//! Reads a Secret as a kubelet reads it, with the keys as they are written.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;
use serde_json::{Map, Value, json};

use crate::credentials::{Credential, as_kubelet};
use crate::docker_config::registry::RegistryKey;
use crate::objects::marks::MANAGED_BY;

/// A Secret that a Pod or ServiceAccount refers to.
#[derive(Clone)]
pub struct PullSecret {
    /// Its name.
    pub name: String,
    /// Its content.
    pub held: Held,
    /// When it was last written, in the API server's date format.
    pub written: String,
    /// Whether it has the label of regcred.
    pub is_ours: bool,
    /// Whether it has logins without `auths` around them.
    pub lacks_auths: bool,
}

/// Why a kubelet finds no login in a Secret that lacks `auths`, in the words of `verify`.
pub(super) const LACKS_AUTHS: &str = "has logins, but no `auths` around them: the old .dockercfg form";

/// The content of a Secret that a Pod or ServiceAccount refers to.
#[derive(Clone)]
pub enum Held {
    /// The Secret does not exist.
    Missing,
    /// This account may not read it.
    Unreadable,
    /// A kubelet does not read Secrets of its type.
    OfAnotherType,
    /// It holds no Docker config.
    Broken,
    /// A Docker config.
    Entries(Vec<Entry>),
}

/// One entry of `auths`.
#[derive(Clone)]
pub enum Entry {
    /// A login, with its key as written.
    Login(Credential),
    /// A kubelet cannot read this entry, nor the rest of the Secret.
    Bad,
    /// The entry has no password: a kubelet that chooses it pulls without a login.
    Empty(RegistryKey),
    /// The entry has only an identity token: for a kubelet, that is an entry without a password.
    IdentityToken(RegistryKey),
    /// The key names no registry: it begins with a scheme other than HTTP's, followed by this host.
    OtherScheme(String),
    /// The key names no registry.
    NoRegistry,
}

impl PullSecret {
    /// A Secret that does not exist.
    pub fn missing(name: &str) -> Self {
        Self { name: name.to_owned(), held: Held::Missing, written: String::new(), is_ours: false, lacks_auths: false }
    }

    /// Reads the object of the API server.
    pub fn read(name: &str, object: &Value) -> Self {
        let found = Self {
            written: written(&object["metadata"]),
            is_ours: object["metadata"]["labels"][MANAGED_BY.0] == MANAGED_BY.1,
            ..Self::missing(name)
        };
        let text = |key: &str| {
            let bytes = STANDARD.decode(object["data"][key].as_str()?).ok()?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        };
        let config = match object["type"].as_str() {
            Some("kubernetes.io/dockerconfigjson") => text(".dockerconfigjson"),
            Some("kubernetes.io/dockercfg") => text(".dockercfg").map(|auths| format!(r#"{{"auths":{auths}}}"#)),
            _ => return Self { held: Held::OfAnotherType, ..found },
        };
        let lacks_auths = config.as_deref().is_some_and(lacks_auths);
        let held = match config.and_then(|config| auths(&config)) {
            Some(Value::Object(auths)) => {
                Held::Entries(auths.iter().map(|(key, value)| entry(name, key, value)).collect())
            }
            Some(Value::Null) => Held::Entries(Vec::new()),
            _ => Held::Broken,
        };
        Self { held, lacks_auths, ..found }
    }

    /// A Secret that this account may not read.
    pub fn unreadable(name: &str) -> Self {
        Self { held: Held::Unreadable, ..Self::missing(name) }
    }

    /// The content, in a few words.
    pub fn summary(&self) -> String {
        match &self.held {
            Held::Missing => "is not there".to_owned(),
            Held::Unreadable => "may not be read by this account".to_owned(),
            Held::OfAnotherType => "has another type".to_owned(),
            Held::Broken => "holds no Docker config".to_owned(),
            Held::Entries(_) => match self.logins().map(|login| login.registry.to_string()).collect::<Vec<_>>() {
                keys if keys.is_empty() => "holds no login".to_owned(),
                keys => format!("has logins for {}", keys.join(", ")),
            },
        }
    }

    /// Whether a kubelet cannot read it, and therefore pulls nothing for a Pod that refers to it.
    pub fn is_broken(&self) -> bool {
        matches!(self.held, Held::Broken) || self.entries().iter().any(|entry| matches!(entry, Entry::Bad))
    }

    /// Its entries.
    pub fn entries(&self) -> &[Entry] {
        match &self.held {
            Held::Entries(entries) => entries,
            _ => &[],
        }
    }

    /// Its logins.
    pub fn logins(&self) -> impl Iterator<Item = &Credential> {
        self.entries().iter().filter_map(|entry| match entry {
            Entry::Login(login) => Some(login),
            _ => None,
        })
    }
}

/// The last write that the API server has recorded.
fn written(metadata: &Value) -> String {
    let writes = metadata["managedFields"].as_array().into_iter().flatten().map(|entry| &entry["time"]);
    let all = writes.chain([&metadata["creationTimestamp"]]).filter_map(Value::as_str);
    all.max().unwrap_or_default().to_owned()
}

/// The `auths` of a Docker config. Go reads the name of a field in any case.
fn auths(config: &str) -> Option<Value> {
    match serde_json::from_str(config).ok()? {
        Value::Object(config) => {
            let auths = config.into_iter().rfind(|(name, _)| name.eq_ignore_ascii_case("auths"));
            Some(auths.map_or(Value::Null, |(_, auths)| auths))
        }
        Value::Null => Some(Value::Null),
        _ => None,
    }
}

/// Whether the text is only the content of `auths`.
fn lacks_auths(config: &str) -> bool {
    let Ok(Value::Object(config)) = serde_json::from_str(config) else { return false };
    let is_login = |value: &Value| ["auth", "password"].iter().any(|field| value[field].is_string());
    !config.is_empty() && config.iter().all(|(key, value)| key.parse::<RegistryKey>().is_ok() && is_login(value))
}

fn entry(secret: &str, written: &str, value: &Value) -> Entry {
    let auths: Map<_, _> = [(written.to_owned(), value.clone())].into_iter().collect();
    let alone: SecretString = json!({ "auths": auths }).to_string().into();
    let Ok(logins) = as_kubelet::read(&alone, &format!("Secret `{secret}`")) else { return Entry::Bad };
    let Ok(key) = written.parse::<RegistryKey>() else {
        let other = written.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or_default());
        let host = other.filter(|host| host.parse::<RegistryKey>().is_ok());
        return host.map_or(Entry::NoRegistry, |host| Entry::OtherScheme(host.to_owned()));
    };
    let has_token = ["identitytoken", "registrytoken"].iter().any(|token| value[token].is_string());
    match logins.into_iter().next() {
        Some(login) => Entry::Login(login),
        None if has_token => Entry::IdentityToken(key),
        None => Entry::Empty(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: &str, key: &str, text: &str) -> String {
        let secret = PullSecret::read("pull", &json!({"type": kind, "data": {key: STANDARD.encode(text)}}));
        match &secret.held {
            Held::Missing => "missing".into(),
            Held::Unreadable => "unreadable".into(),
            Held::OfAnotherType => "another type".into(),
            Held::Broken => "broken".into(),
            Held::Entries(entries) => entries.iter().map(word).collect::<Vec<_>>().join(" "),
        }
    }

    fn word(entry: &Entry) -> String {
        match entry {
            Entry::Login(login) => login.registry.to_string(),
            Entry::Bad => "bad".into(),
            Entry::Empty(_) => "empty".into(),
            Entry::IdentityToken(_) => "identity".into(),
            Entry::OtherScheme(host) => format!("scheme:{host}"),
            Entry::NoRegistry => "none".into(),
        }
    }

    #[test]
    fn a_secret_is_read_as_a_kubelet_reads_it() {
        let (kind, key) = ("kubernetes.io/dockerconfigjson", ".dockerconfigjson");
        for (text, expected) in [
            (r#"{"auths":{"ghcr.io":{"auth":"dTpw"}}}"#, "ghcr.io"),
            (
                r#"{"auths":{"https://index.docker.io/v1":{"auth":"dTpw"},"hub.docker.com":{"auth":"dTpw"}}}"#,
                "https://index.docker.io/v1 hub.docker.com",
            ),
            (r#"{"auths":{"ghcr.io":{"auth":"dTpw"},"quay.io":{"auth":"?"}}}"#, "ghcr.io bad"),
            (r#"{"auths":{"ghcr.io":{"auth":"dQ=="}}}"#, "bad"),
            (r#"{"auths":{"ghcr.io":[]}}"#, "bad"),
            (r#"{"auths":{"ghcr.io":{}}}"#, "empty"),
            (r#"{"Auths":{"ghcr.io":{"Auth":"dTpw"}}}"#, "ghcr.io"),
            (r#"{"auths":{"hunter2":{"auth":"?"}}}"#, "bad"),
            ("null", ""),
            (r#"{"auths":{"acme.azurecr.io":{"auth":"MDo=","identitytoken":"x"}}}"#, "identity"),
            (r#"{"auths":{"oci://ghcr.io/acme":{"auth":"dTpw"},"hunter2":{"auth":"dTpw"}}}"#, "scheme:ghcr.io none"),
            (r#"{"credsStore":"desktop"}"#, ""),
            (r#"{"auths":"x"}"#, "broken"),
            ("nonsense", "broken"),
            ("[]", "broken"),
        ] {
            assert_eq!(read(kind, key, text), expected, "{text}");
        }
        assert_eq!(read("kubernetes.io/dockercfg", ".dockercfg", r#"{"ghcr.io":{"auth":"dTpw"}}"#), "ghcr.io");
        assert_eq!(read("Opaque", key, r#"{"auths":{"ghcr.io":{"auth":"dTpw"}}}"#), "another type");
        assert_eq!(read(kind, ".dockercfg", "{}"), "broken");
    }
}
