//! Warns about passwords that expire, and refuses passwords that end with the job.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;

use super::{Credential, Facts};
use crate::diagnostic::{Code, Diagnostic};
use crate::docker_config::token::claims;

/// Variables whose value is valid only while the job runs.
pub const JOB_TOKENS: [&str; 4] =
    ["CI_JOB_TOKEN", "CI_REGISTRY_PASSWORD", "CI_DEPENDENCY_PROXY_PASSWORD", "GITHUB_TOKEN"];

/// The problem if the password of this login expires, has expired, or ends with the job.
#[expect(clippy::disallowed_methods, reason = "looks at prefixes and dates in the password")]
pub fn check(login: &Credential, facts: &Facts<'_>) -> Option<Diagnostic> {
    let (username, password, host) =
        (login.username.expose_secret(), login.password.expose_secret(), login.registry.host());
    let which = |what| format!("the {what} for `{}` in {}", login.registry, login.source);
    let job_token = facts.job_tokens.iter().find(|(_, value)| value.expose_secret() == password).map(|(name, _)| name);
    let dies = match job_token {
        Some(name) => Some(format!("is the value of `{name}`")),
        None if password.starts_with("glcbt-") => Some("is a CI job token".into()),
        None if username == "gitlab-ci-token" => Some("goes with `gitlab-ci-token`, the user of CI job tokens".into()),
        None if password.starts_with("ghs_") => Some("is the token of a GitHub app or job".into()),
        None if username == "oauth2accesstoken" => Some("is an access token of Google".into()),
        None => None,
    };
    if let Some(what) = dies {
        return Some(dying(&format!("{} {what}", which("password")), facts.allow_short_lived).about(&login.registry));
    }
    let token = which("token");
    let problem = if let Some(expires) = expiry(username, host, password) {
        expiring(&token, expires.saturating_sub(facts.now))
    } else {
        let (what, life) = match username {
            _ if is_ecr(username, host) => ("ECR", "12 hours"),
            "00000000-0000-0000-0000-000000000000" => ("ACR", "3 hours"),
            _ => return None,
        };
        Diagnostic::warning(
            Code::Expires,
            format!("{token} is one of {what}: it lives {life}, and pulls fail from then on"),
        )
        .hint("run again before then, or let the nodes' own role pull")
    };
    Some(problem.about(&login.registry))
}

/// When the password ends, in seconds since 1970, if the password itself says so.
#[expect(clippy::disallowed_methods, reason = "looks at a date in the password")]
pub fn ends(login: &Credential) -> Option<i64> {
    expiry(login.username.expose_secret(), login.registry.host(), login.password.expose_secret())
}

fn dying(what: &str, is_allowed: bool) -> Diagnostic {
    const INSTEAD: &str = "use a deploy token, robot account or personal access token with read access";
    let message = format!("{what}, which is worthless as soon as the job or its hour ends");
    if is_allowed {
        Diagnostic::warning(Code::ShortLived, message).hint(INSTEAD)
    } else {
        Diagnostic::error(Code::ShortLived, message).hint(format!("{INSTEAD}; --allow-short-lived insists"))
    }
}

fn expiring(token: &str, seconds: i64) -> Diagnostic {
    if seconds <= 0 {
        return Diagnostic::error(Code::Expired, format!("{token} has expired"))
            .hint("fetch a new one, or use a login that does not expire");
    }
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600, seconds / 60);
    let left = match (days, hours, minutes) {
        (2.., _, _) => format!("{days} days"),
        (_, 2.., _) => format!("{hours} hours"),
        (_, _, 2..) => format!("{minutes} minutes"),
        _ => "1 minute".to_owned(),
    };
    Diagnostic::warning(Code::Expires, format!("{token} expires in {left}, and pulls fail from then on"))
        .hint("run again before then, or use a login that does not expire")
}

/// Whether the login is a token of ECR.
fn is_ecr(username: &str, host: &str) -> bool {
    username == "AWS" && is_host_of_ecr(host)
}

/// Whether it is a registry of ECR: by IPv4 or dual-stack, FIPS or not, or the public gallery.
pub(super) fn is_host_of_ecr(host: &str) -> bool {
    host.contains(".dkr.ecr") || host.contains(".dkr-ecr") || host == "public.ecr.aws"
}

/// When an ECR token or a JWT ends, in seconds since 1970.
fn expiry(username: &str, host: &str, password: &str) -> Option<i64> {
    if is_ecr(username, host) {
        let token = STANDARD.decode(password).ok()?;
        return serde_json::from_slice::<serde_json::Value>(&token).ok()?.get("expiration").and_then(seconds);
    }
    claims(password)?.get("exp").and_then(seconds)
}

/// A date in JSON: RFC 7519 allows fractions.
#[expect(clippy::cast_possible_truncation, reason = "what is out of range becomes the nearest that is not")]
fn seconds(date: &serde_json::Value) -> Option<i64> {
    date.as_i64().or_else(|| date.as_f64().map(|seconds| seconds as i64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    fn code(registry: &str, username: &str, password: &str) -> Option<&'static str> {
        code_if(false, registry, username, password)
    }

    fn code_if(allow_short_lived: bool, registry: &str, username: &str, password: &str) -> Option<&'static str> {
        let job_tokens = vec![("CI_JOB_TOKEN", "job-secret".into())];
        let facts = Facts { now: 1_800_000_000, allow_short_lived, job_tokens, keep_a_dollar: "" };
        check(&Credential::sample(registry, username, password), &facts).map(|problem| problem.code.as_str())
    }

    #[test]
    fn a_password_that_dies_with_the_job_is_refused_or_warned_about() {
        for password in ["job-secret", "glcbt-64_x", "ghs_x"] {
            assert_eq!(code("ghcr.io", "u", password), Some("short-lived"), "{password}");
            assert_eq!(code_if(true, "ghcr.io", "u", password), Some("short-lived"), "{password}");
        }
        for username in ["gitlab-ci-token", "oauth2accesstoken"] {
            assert_eq!(code("ghcr.io", username, "p"), Some("short-lived"), "{username}");
        }
        assert_eq!(code("ghcr.io", "u", "ghp_x"), None);
    }

    #[test]
    fn an_expiry_date_in_a_token_is_read() {
        let jwt = |exp: f64| format!("e30.{}.x", URL_SAFE_NO_PAD.encode(format!("{{\"exp\":{exp}}}")));
        assert_eq!(code("ghcr.io", "u", &jwt(1_000_000_000.5)), Some("expired"));
        let jwt = |exp: i64| format!("e30.{}.x", URL_SAFE_NO_PAD.encode(format!("{{\"exp\":{exp}}}")));
        let ecr = |at: i64| STANDARD.encode(format!("{{\"payload\":\"x\",\"expiration\":{at}}}"));
        let host = "1.dkr.ecr.eu-west-1.amazonaws.com";
        assert_eq!(code("ghcr.io", "u", &jwt(1)), Some("expired"));
        assert_eq!(code("ghcr.io", "u", &jwt(i64::MIN)), Some("expired"));
        assert_eq!(code("ghcr.io", "u", &jwt(9_999_999_999)), Some("expires"));
        assert_eq!(code(host, "AWS", &ecr(1)), Some("expired"));
        assert_eq!(code(host, "AWS", &ecr(9_999_999_999)), Some("expires"));
        for host in [host, "1.dkr-ecr.eu-west-1.on.aws", "1.dkr.ecr-fips.us-east-1.amazonaws.com", "public.ecr.aws"] {
            assert_eq!(code(host, "AWS", "opaque"), Some("expires"), "{host}");
        }
        let nobody = "00000000-0000-0000-0000-000000000000";
        assert_eq!(code("acme.azurecr.io", nobody, "opaque"), Some("expires"));
        assert_eq!(code("ghcr.io", "AWS", "opaque"), None);
        assert_eq!(code("ghcr.io", "u", "a.b.c"), None);
        for (left, said) in
            [(7_300, "in 2 hours,"), (7_100, "in 118 minutes,"), (119, "in 1 minute,"), (5, "in 1 minute,")]
        {
            assert!(expiring("the token", left).message.contains(said), "{left}");
        }
    }
}
