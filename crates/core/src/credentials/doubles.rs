//! Decides between several logins for one registry in one Docker config, as a kubelet does.

use super::Credential;
use crate::diagnostic::{Code, Diagnostic};
use crate::docker_config::kubelet;
use crate::docker_config::registry::RegistryKey;

/// A login with its key as written, before all names of Docker Hub are replaced by one key.
pub(super) struct Written<'a> {
    pub text: &'a str,
    pub key: RegistryKey,
    pub login: Credential,
}

/// Each login that a kubelet would try, once. Problems of left-out and doubtful logins are added to `problems`.
pub(super) fn resolve(written: Vec<Written<'_>>, source: &str, problems: &mut Vec<Diagnostic>) -> Vec<Credential> {
    let mut kept: Vec<Written<'_>> = Vec::new();
    for new in written {
        if let Some(at) = kept.iter().position(|old| old.text == new.text) {
            let old = kept.remove(at);
            if !old.login.is_same_login(&new.login) {
                problems.push(warning(source, &new.login, "a kubelet uses the last"));
            }
        }
        kept.push(new);
    }
    keep_docker_io(&mut kept, source, problems);
    let mut resolved: Vec<Credential> = Vec::new();
    while !kept.is_empty() {
        let index = kept[0].login.registry.index().to_owned();
        let (mut same, others): (Vec<_>, Vec<_>) = kept.into_iter().partition(|it| it.login.registry.index() == index);
        kept = others;
        same.sort_by_key(|it| rank(&it.key));
        resolved.extend(resolve_one_registry(same, source, problems));
    }
    resolved
}

/// A kubelet looks for Docker Hub's usual key only if no other key matches. So beside such a key `docker.io` keeps its name; otherwise
/// a kubelet would no longer try its login.
fn keep_docker_io(kept: &mut [Written<'_>], source: &str, problems: &mut Vec<Diagnostic>) {
    let is_plain = |it: &Written<'_>| rank(&it.key) == 0;
    let Some(plain) = kept.iter().find(|it| is_plain(it)) else { return };
    let usual = kept.iter().find(|it| rank(&it.key) == 1 && !it.login.is_same_login(&plain.login));
    if usual.is_some() {
        problems.push(warning(source, &plain.login, "for Docker Hub a kubelet uses the login of `docker.io`"));
    }
    if usual.is_some() || kept.iter().any(|it| !is_plain(it) && kubelet::is_for_docker_hub(&it.key)) {
        kept.iter_mut().filter(|it| is_plain(it)).for_each(|it| it.login.registry = it.key.clone());
    }
}

fn resolve_one_registry(same: Vec<Written<'_>>, source: &str, problems: &mut Vec<Diagnostic>) -> Vec<Credential> {
    let best = same.first().map(|it| rank(&it.key));
    let mut logins: Vec<Credential> = Vec::new();
    for Written { key, login, .. } in same {
        if let Some(equal) = logins.iter_mut().find(|other| other.is_same_login(&login)) {
            if login.registry.as_str().len() < equal.registry.as_str().len() {
                equal.registry = login.registry;
            }
        } else if Some(rank(&key)) == best {
            logins.push(login);
        } else {
            let what = format!("`{key}` is left out, as a kubelet never uses it for Docker Hub");
            problems.push(warning(source, &login, &what));
        }
    }
    if logins.len() > 1 {
        problems.push(warning(source, &logins[0], "a kubelet tries them all, in no fixed order"));
        spell_apart(&mut logins);
    }
    logins
}

/// Gives each login a different key, because the JSON holds every key once. For a kubelet these keys are the same. A login for which no
/// spelling of the key is left is dropped.
fn spell_apart(logins: &mut Vec<Credential>) {
    let mut used: Vec<String> = Vec::new();
    logins.retain_mut(|login| {
        let free = login.registry.spellings().into_iter().find(|key| !used.iter().any(|text| text == key.as_str()));
        free.is_some_and(|key| {
            used.push(key.as_str().to_owned());
            login.registry = key;
            login.is_one_of_several = true;
            true
        })
    });
}

/// Which names of Docker Hub a kubelet looks for first; all other keys are equal.
fn rank(key: &RegistryKey) -> u8 {
    match key.index() {
        "docker.io" => 0,
        "index.docker.io" => 1,
        _ => 2,
    }
}

fn warning(source: &str, login: &Credential, what: &str) -> Diagnostic {
    let registry = &login.registry;
    Diagnostic::warning(Code::Conflict, format!("{source} holds different logins for `{registry}`: {what}"))
        .hint("leave the outdated one out, or put them into two pull secrets in regcred.yaml")
        .about(registry)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The remaining keys, each with its user name, and the number of warnings.
    fn resolved(written: &[(&str, &str)]) -> (Vec<String>, usize) {
        let written = written
            .iter()
            .map(|(text, name)| {
                let key: RegistryKey = text.parse().unwrap();
                let registry = key.clone().canonical().0;
                Written { text, key, login: Credential { registry, ..Credential::sample("ghcr.io", name, "p") } }
            })
            .collect();
        let mut problems = Vec::new();
        let logins = resolve(written, "`A`", &mut problems);
        let shown = |login: &Credential| {
            let name = ["a", "b", "c"]
                .into_iter()
                .find(|name| login.is_same_login(&Credential::sample("ghcr.io", name, "p")))
                .unwrap();
            format!("{} {name}", login.registry.as_str())
        };
        (logins.iter().map(shown).collect(), problems.len())
    }

    #[test]
    fn logins_for_one_registry_are_those_that_a_kubelet_tries() {
        let hub = "https://index.docker.io/v1/";
        for (written, expected, warnings) in [
            (&[("ghcr.io", "a"), ("https://ghcr.io", "a")][..], &["ghcr.io a"][..], 0),
            (&[("ghcr.io", "a"), ("ghcr.io", "b")], &["ghcr.io b"], 1),
            (&[("ghcr.io", "a"), ("https://ghcr.io", "b")], &["ghcr.io a", "https://ghcr.io b"], 1),
            (&[("ghcr.io", "a"), ("x:y@ghcr.io", "b")], &["ghcr.io a", "https://ghcr.io b"], 1),
            (&[(hub, "a"), ("docker.io", "b")], &["https://index.docker.io/v1/ a", "docker.io b"], 1),
            (&[(hub, "a"), ("docker.io", "a")], &["https://index.docker.io/v1/ a"], 0),
            (&[("docker.io", "a"), ("docker.io/acme", "b")], &["docker.io a", "docker.io/acme b"], 0),
            (&[("docker.io", "a"), ("*.io", "b")], &["docker.io a", "*.io b"], 0),
            (&[("docker.io", "a"), ("ghcr.io", "b")], &["https://index.docker.io/v1/ a", "ghcr.io b"], 0),
            (&[("hub.docker.com", "a"), (hub, "b")], &["https://index.docker.io/v1/ b"], 1),
            (
                &[("docker.io", "a"), ("http://docker.io", "b")],
                &["https://index.docker.io/v1/ a", "index.docker.io b"],
                1,
            ),
            (&[("ghcr.io", "a"), ("quay.io", "b")], &["ghcr.io a", "quay.io b"], 0),
        ] {
            let expected = expected.iter().map(|text| (*text).to_owned()).collect();
            assert_eq!(resolved(written), (expected, warnings), "{written:?}");
        }
    }
}
