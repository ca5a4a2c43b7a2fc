//! Recognizes logins of another service, and text that cannot be a token of this one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::findings::Subject;
use super::{damage, lifetime};

/// The beginnings of one service's tokens, and the registries of that service.
const TOKENS: [(&[&str], &[&str]); 3] = [
    (&["dckr_pat_", "dckr_oat_"], &["docker.io", "index.docker.io", "registry-1.docker.io"]),
    (&["ghp_", "gho_", "ghs_", "ghu_", "github_pat_"], &["ghcr.io", "docker.pkg.github.com"]),
    (&["glpat-", "gldt-", "glcbt-", "glptt-"], &["registry.gitlab.com"]),
];
/// Registries of one company, which accept no token of another.
const KNOWN: [&str; 8] = [
    "docker.io",
    "index.docker.io",
    "ghcr.io",
    "registry.gitlab.com",
    "quay.io",
    "gcr.io",
    "nvcr.io",
    "registry.redhat.io",
];
/// The endings of the hosts of clouds.
const CLOUDS: [&str; 4] = [".gcr.io", "-docker.pkg.dev", ".azurecr.io", ".amazonaws.com"];
/// The length of a secret access key; a token of ECR has more than a thousand characters.
const OF_A_SECRET_KEY: usize = 40;

/// Whether the password is a token of another service than the registry's.
pub(super) fn is_of_another_service(it: &Subject<'_>) -> bool {
    let host = it.registry.host();
    let is_known = KNOWN.contains(&host) || CLOUDS.iter().any(|end| host.ends_with(end));
    let begins = |heads: &[&str]| heads.iter().any(|head| it.password.starts_with(head));
    is_known && TOKENS.iter().any(|(heads, hosts)| begins(heads) && !hosts.contains(&host))
}

/// Whether the password equals the user name.
pub(super) fn is_the_username(it: &Subject<'_>) -> bool {
    it.username.len() > 2 && it.password == it.username
}

/// Whether the password is base64 of UTF-16 text, which PowerShell encodes by default.
pub(super) fn is_utf_16(it: &Subject<'_>) -> bool {
    let Ok(bytes) = STANDARD.decode(it.password) else { return false };
    // A NUL that UTF-8 text has stays in the text, and is not graphic.
    let is_wide = bytes.len() >= 8 && bytes.contains(&0);
    is_wide && damage::text_of(bytes).is_some_and(|text| text.bytes().all(|byte| byte.is_ascii_graphic()))
}

/// Whether the user name is not the one that ECR accepts.
pub(super) fn is_another_than_ecr_takes(it: &Subject<'_>) -> bool {
    lifetime::is_host_of_ecr(it.registry.host()) && it.username != "AWS"
}

/// Whether the password has the length of a secret access key, for a registry of ECR.
pub(super) fn is_no_token_of_ecr(it: &Subject<'_>) -> bool {
    let is_json = it.password.starts_with("eyJ");
    lifetime::is_host_of_ecr(it.registry.host())
        && it.username == "AWS"
        && it.password.len() == OF_A_SECRET_KEY
        && !is_json
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker_config::registry::RegistryKey;

    #[test]
    fn what_belongs_elsewhere_is_recognized_and_what_may_be_right_is_not() {
        type Kind = fn(&Subject<'_>) -> bool;
        const KINDS: [Kind; 5] =
            [is_of_another_service, is_the_username, is_utf_16, is_another_than_ecr_takes, is_no_token_of_ecr];
        const ECR: &str = "1.dkr.ecr.eu-west-1.amazonaws.com";
        let long = "e".repeat(1200);
        for (registry, username, password, expected) in [
            ("docker.io", "acme", "ghp_abc", Some(0)),
            ("ghcr.io", "acme", "dckr_pat_abc", Some(0)),
            ("quay.io", "acme", "glpat-abc", Some(0)),
            ("eu.gcr.io", "acme", "github_pat_abc", Some(0)),
            ("a.azurecr.io", "acme", "dckr_oat_abc", Some(0)),
            ("ghcr.io", "acme", "acme", Some(1)),
            ("ghcr.io", "acme", "ZABjAGsAcgBfAHAAYQB0AA==", Some(2)),
            ("ghcr.io", "acme", "AGQAYwBrAHIAXwBwAGEAdA==", Some(2)),
            ("ghcr.io", "acme", "//5kAGMAawByAF8AcABhAHQA", Some(2)),
            ("ghcr.io", "acme", "/v8AZABjAGsAcgBfAHAAYQB0", Some(2)),
            ("ghcr.io", "acme", "ZGNrcl9wYXQAZGNrcg==", None),
            (ECR, "aws", long.as_str(), Some(3)),
            (ECR, "acme", long.as_str(), Some(3)),
            (ECR, "AWS", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", Some(4)),
            (ECR, "AWS", long.as_str(), None),
            ("docker.io", "acme", "dckr_pat_abc", None),
            ("ghcr.io", "acme", "ghp_abc", None),
            ("registry.gitlab.com", "acme", "glpat-abc", None),
            ("harbor.example.com", "acme", "ghp_abc", None),
            ("gitlab.example.com:5050", "acme", "glpat-abc", None),
            ("ghcr.io", "a", "a", None),
            ("ghcr.io", "acme", "c2VjcmV0c2VjcmV0", None),
        ] {
            let registry: RegistryKey = registry.parse().unwrap();
            let subject = Subject { registry: &registry, username, password, text: password };
            assert_eq!(KINDS.iter().position(|is| is(&subject)), expected, "{username} {password}");
        }
    }
}
