//! Checks how the entries of `auths` are read, and the problems of entries that cannot be read.

use super::*;

fn codes(json: &str) -> (usize, Vec<&'static str>) {
    let mut problems = Vec::new();
    let (logins, _) = read(&json.into(), "`A`", false, &mut problems);
    (logins.len(), problems.into_iter().map(|problem| problem.code.as_str()).collect())
}

#[test]
fn an_entry_is_read_from_auth_or_from_user_name_and_password() {
    for entry in [
        r#"{"auth":"dTpw"}"#,
        r#"{"auth":"dTpw\n"}"#,
        r#"{"auth":"dTpwcA=="}"#,
        r#"{"auth":"dTpwcA"}"#,
        r#"{"auth":"dTpwcB=="}"#,
        r#"{"username":"u","password":"p"}"#,
        r#"{"AUTH":"dTpw","identityToken":1}"#,
        r#"{"u\u017fername":"u","Password":"p","note":1e999}"#,
        r#"{"username":"u","password":"p","auth":"dTpw","email":null}"#,
    ] {
        assert_eq!(codes(&format!(r#"{{"auths":{{"ghcr.io":{entry}}}}}"#)), (1, vec![]), "{entry}");
    }
}

#[test]
fn what_a_kubelet_trips_over_is_named() {
    for (entry, code) in [
        ("[]", "entry-not-an-object"),
        (r#"{"username":1}"#, "entry-not-text"),
        (r#"{"auth":"?"}"#, "auth-not-base64"),
        (r#"{"auth":"${AUTH}"}"#, "placeholder"),
        (r#"{"auth":"<base64>"}"#, "placeholder"),
        (r#"{"auth":"{{ x }}"}"#, "placeholder"),
        (r#"{"auth":"null"}"#, "placeholder"),
        (r#"{"auth":"ENC[AES256_GCM,data:x]"}"#, "encrypted"),
        (r#"{"auth":"ref+vault://a/b"}"#, "helmfile-reference"),
        (r#"{"auth":"Ogo="}"#, "entry-empty"),
        (r#"{"auth":"dXA="}"#, "auth-without-colon"),
        (r#"{"auth":"OoA="}"#, "auth-not-utf-8"),
        (r#"{"auth":"dTo=","identitytoken":"x"}"#, "identity-token"),
        (r#"{"identitytoken":"x"}"#, "identity-token"),
        ("{}", "entry-empty"),
        ("null", "entry-empty"),
        (r#"{"auth":"Og=="}"#, "entry-empty"),
        (r#"{"username":"u"}"#, "no-password"),
        (r#"{"auth":"OnA="}"#, "no-username"),
    ] {
        assert_eq!(codes(&format!(r#"{{"auths":{{"ghcr.io":{entry}}}}}"#)), (0, vec![code]), "{entry}");
    }
}

#[test]
fn what_is_wrong_with_one_entry_is_a_warning_where_a_kubelet_reads_it_and_another_login_is_left() {
    for (entry, expected) in [
        ("{}", (1, vec!["entry-empty"])),
        ("null", (1, vec!["entry-empty"])),
        (r#"{"auth":"Og=="}"#, (1, vec!["entry-empty"])),
        (r#"{"auth":"OoA="}"#, (1, vec!["auth-not-utf-8"])),
        (r#"{"identitytoken":"x"}"#, (1, vec!["identity-token"])),
        (r#"{"username":"u"}"#, (1, vec!["no-password"])),
        (r#"{"password":"p"}"#, (1, vec!["no-username"])),
        (r#"{"auth":"dTpw","password":"q"}"#, (2, vec!["auth-disagrees"])),
        (r#"{"auth":"dQA6AHAA"}"#, (2, vec!["auth-not-utf-8"])),
        (r#"{"identitytoken":1e999,"auth":"dTpw"}"#, (2, vec![])),
        (r#"{"username":"\ud800","password":"p"}"#, (2, vec![])),
    ] {
        let json = format!(r#"{{"auths":{{"ghcr.io":{entry},"quay.io":{{"auth":"dTpw"}}}}}}"#);
        let mut problems = Vec::new();
        let (logins, _) = read(&json.as_str().into(), "`A`", false, &mut problems);
        assert!(!problems.iter().any(Diagnostic::is_error), "{entry}");
        let codes = problems.iter().map(|problem| problem.code.as_str()).collect();
        assert_eq!((logins.len(), codes), expected, "{entry}");
    }
}

#[test]
fn what_breaks_the_whole_secret_is_an_error_beside_good_entries() {
    for entry in [
        "1",
        r#"{"auth":1}"#,
        r#"{"auth":"${AUTH}"}"#,
        r#"{"auth":"?"}"#,
        r#"{"auth":"dXA="}"#,
        r#"{"auth":1,"auth":"dTpw"}"#,
    ] {
        let json = format!(r#"{{"auths":{{"ghcr.io":{entry},"quay.io":{{"auth":"dTpw"}}}}}}"#);
        let mut problems = Vec::new();
        read(&json.as_str().into(), "`A`", false, &mut problems);
        assert!(problems.iter().any(Diagnostic::is_error), "{entry}");
    }
}

#[test]
fn the_last_of_equal_fields_is_used() {
    for (entry, expected) in [
        (r#"{"auth":"dTpw","auth":"dTpw"}"#, (1, vec![])),
        (r#"{"auth":"dTpw","auth":"dTpx"}"#, (1, vec!["conflict"])),
        (r#"{"auth":"?","auth":"dTpx"}"#, (1, vec!["conflict"])),
        (r#"{"auth":"dTpw","auth":null}"#, (1, vec![])),
        (r#"{"username":"u","password":"p","password":"q"}"#, (1, vec!["conflict"])),
        (r#"{"auth":"dTpw","note":1,"note":2}"#, (1, vec![])),
    ] {
        assert_eq!(codes(&format!(r#"{{"auths":{{"ghcr.io":{entry}}}}}"#)), expected, "{entry}");
    }
}

#[test]
fn what_is_no_docker_config_is_recognized() {
    for (json, code) in [
        ("{", "invalid-json"),
        ("[]", "not-an-object"),
        ("{}", "no-auths"),
        (r#"{"auths":{}}"#, "no-auths"),
        (r#"{"auths":[]}"#, "no-auths"),
        (r#"{"ghcr.io":{"auth":"dTpw"}}"#, "no-auths"),
        ("null", "not-an-object"),
        (r#"{"apiVersion":"v1","kind":"Secret","data":{".dockerconfigjson":"e30="}}"#, "manifest"),
        (r#"{".dockerconfigjson":"e30="}"#, "manifest"),
        (r#"{"auths":"{}"}"#, "no-auths"),
        (r#"{"value":"e30="}"#, "no-auths"),
        (r#"{"ServerURL":"x","Username":"u","Secret":"p"}"#, "credential-helper"),
        (r#"{"auths":"ENC[AES256_GCM,data:x]","sops":{}}"#, "encrypted"),
        (r#"{"auths":{"ghcr.io":{"auth":"ENC[AES256_GCM,data:x]"},"quay.io":{}},"sops":{}}"#, "encrypted"),
        (r#"{"auths":{"ghcr.io":{"username":"u","password":"ENC[AES256_GCM,x]"}},"sops":{}}"#, "encrypted"),
        (r#"{"credsStore":"desktop"}"#, "credential-helper"),
        (r#"{"auths":{"ghcr.io":{}},"credsStore":"desktop"}"#, "credential-helper"),
        (r#"{"auths":{"gh cr":{"auth":"dTpw"}}}"#, "invalid-registry"),
    ] {
        assert_eq!(codes(json), (0, vec![code]), "{json}");
    }
}

#[test]
fn what_a_kubelet_reads_is_read() {
    let good = r#"{"auth":"dTpw"}"#;
    for (json, expected) in [
        (format!(r#"{{"AUTHS":{{"ghcr.io":{good}}}}}"#), (1, vec![])),
        (format!(r#"{{"auths":{{"ghcr.io":{good}}},"auths":{{"quay.io":{good}}}}}"#), (2, vec![])),
        (format!(r#"{{"auths":{{"ghcr.io":{good}}},"HttpHeaders":1e999}}"#), (1, vec![])),
        (format!(r#"{{"auths":{{"registry":{good},"ghcr.io":{good}}}}}"#), (1, vec!["invalid-registry"])),
        (format!(r#"{{"auths":{{"bot:x@ghcr.io":{good}}}}}"#), (1, vec![])),
        (
            format!(r#"{{"auths":{{"ghcr.io":{good}}},"credHelpers":{{"gcr.io":"gcloud","ghcr.io":"x"}}}}"#),
            (1, vec!["credential-helper"]),
        ),
        (
            format!(
                r#"{{"auths":{{"https://index.docker.io/v1/":{good},"https://index.docker.io/v1/access-token":{good},"https://index.docker.io/v1/refresh-token":{good}}}}}"#
            ),
            (1, vec!["token-of-the-cli"]),
        ),
    ] {
        assert_eq!(codes(&json), expected, "{json}");
    }
}

#[test]
fn a_token_of_the_cli_is_left_out_however_its_key_is_written() {
    for key in [
        "index.docker.io/v1/access-token",
        "https://index.docker.io/v1/access-token/",
        "http://index.docker.io/v1/refresh-token",
        "HTTPS://Index.Docker.io/v1/refresh-token//",
        "https://registry.hub.docker.com/v1/access-token",
        "docker.io/v1/refresh-token",
    ] {
        let json = format!(r#"{{"auths":{{"docker.io":{{"auth":"dTpw"}},"{key}":{{"auth":"dTpw"}}}}}}"#);
        assert_eq!(codes(&json), (1, vec!["token-of-the-cli"]), "{key}");
    }
    for key in ["docker.io/acme/access-token", "ghcr.io/v1/access-token"] {
        assert!(!is_token_of_the_cli(key), "{key}");
    }
}

#[test]
fn the_tokens_of_the_cli_stay_a_note_where_something_else_is_the_reason() {
    let json = r#"{"auths":{"https://index.docker.io/v1/":{},"https://index.docker.io/v1/access-token":{}},"credsStore":"desktop"}"#;
    let mut problems = Vec::new();
    read(&json.into(), "`A`", false, &mut problems);
    let found: Vec<_> = problems.iter().map(|problem| (problem.code.as_str(), problem.severity)).collect();
    let expected = [("token-of-the-cli", Severity::Note), ("credential-helper", Severity::Error)];
    assert_eq!(found, expected);
}

#[test]
fn the_answer_of_a_helper_is_a_login_or_nothing() {
    for (answer, good) in [
        (r#"{"ServerURL":"x","Username":"u","Secret":"p"}"#, true),
        (r#"{"ServerURL":"x","Username":"<token>","Secret":"p"}"#, false),
        (r#"{"Username":"u","Secret":""}"#, false),
        ("credentials not found in native keychain", false),
    ] {
        assert_eq!(login_of_helper(answer.as_bytes()).is_some(), good, "{answer}");
    }
}

#[test]
fn a_login_in_a_helper_is_asked_for() {
    let json =
        r#"{"auths":{"https://index.docker.io/v1/":{}},"credsStore":"desktop","credHelpers":{"gcr.io":"gcloud"}}"#;
    let (logins, kept) = read(&json.into(), "`A`", true, &mut Vec::new());
    let kept: Vec<_> = kept.iter().map(|kept| (kept.server.as_str(), kept.helper.as_str())).collect();
    assert_eq!((logins.len(), kept), (0, vec![("https://index.docker.io/v1/", "desktop"), ("gcr.io", "gcloud")]));
}
