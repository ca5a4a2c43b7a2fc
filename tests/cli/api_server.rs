//! Runs the commands for a live cluster against an API server that answers what a test says.
#![expect(clippy::disallowed_methods, reason = "fixtures are files")]

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::harness::peers::{Peers, Reply};
use crate::harness::regcred::regcred;
use crate::live::kubeconfig;

const LOGIN: &str = r#"{"auths":{"ghcr.io":{"username":"robot$new","password":"canary-of-new"}}}"#;

/// The status and both outputs of `regcred` with these answers to `METHOD PATH`. A read without an answer gets 404, and a write succeeds.
fn run(arguments: &[&str], answer: impl Fn(&str) -> Option<(u16, Value)> + Send + Sync + 'static) -> (i32, String) {
    run_with(None, arguments, answer)
}

/// The same with a regcred.yaml.
fn run_with(
    config: Option<&str>,
    arguments: &[&str],
    answer: impl Fn(&str) -> Option<(u16, Value)> + Send + Sync + 'static,
) -> (i32, String) {
    let peers = Peers::start(move |request| {
        let path = request.path.split('?').next().unwrap();
        let other = if request.method == "PATCH" { (200, json!({})) } else { (404, json!({"message": "not found"})) };
        let (status, body) = answer(&format!("{} {path}", request.method)).unwrap_or(other);
        Reply::Answer(status, Vec::new(), body.to_string())
    });
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config"), kubeconfig(&format!("http://127.0.0.1:{}", peers.port))).unwrap();
    if let Some(config) = config {
        std::fs::write(folder.path().join("regcred.yaml"), config).unwrap();
    }
    let variables = [("KUBECONFIG", "config"), ("DOCKERHUB_AUTH", LOGIN)];
    let output = regcred(folder.path(), &variables, arguments);
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(!said.contains("canary"), "{said}");
    (output.status.code().unwrap(), said)
}

/// The namespace, if this is the path of one.
fn namespace(request: &str) -> Option<Value> {
    let name = request.strip_prefix("GET /api/v1/namespaces/")?;
    (!name.contains('/')).then(|| json!({"metadata": {"name": name}}))
}

#[test]
fn the_command_for_the_administrator_has_the_flags_of_the_run() {
    let arguments = ["apply", "-n", "team", "--link", "policy", "--secret-name", "pull", "--context", "a"];
    let command = "`regcred apply --link policy --context a --namespaces team --secret-name pull`";
    let forbidden = |request: &str| request.contains("admissionregistration").then(|| (403, json!({})));
    let (status, said) = run(&arguments, move |request| {
        namespace(request).map(|namespace| (200, namespace)).or_else(|| forbidden(request))
    });
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("this account may not read admission policies") && said.contains(command), "{said}");
    let (status, said) = run(&arguments, |request| match request {
        "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews" => {
            Some((201, json!({"status": {"allowed": false}})))
        }
        _ => namespace(request).map(|namespace| (200, namespace)),
    });
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("this account may not write admission policies") && said.contains(command), "{said}");
}

#[test]
fn every_namespace_that_may_not_be_read_is_named_and_nothing_is_written() {
    let writes = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&writes);
    let (status, said) = run(&["apply", "-n", "own,other,third", "--secret-name", "pull"], move |request| {
        seen.fetch_add(usize::from(request.starts_with("PATCH ")), Ordering::SeqCst);
        let is_own = !["other", "third"].iter().any(|name| request.contains(&format!("/{name}/")));
        if is_own { namespace(request).map(|found| (200, found)) } else { Some((403, json!({"message": "no"}))) }
    });
    assert_eq!((status, writes.load(Ordering::SeqCst)), (1, 0), "{said}");
    for name in ["other", "third"] {
        assert!(said.contains(&format!("the cluster forbids to get the Secret {name}/pull: no")), "{said}");
        assert!(said.contains(&format!("the cluster forbids to get the ServiceAccounts of {name}: no")), "{said}");
    }
    assert!(!said.contains("own/pull"), "{said}");
}

#[test]
fn a_cluster_that_refuses_for_another_reason_is_named_once() {
    let (status, said) = run(&["apply", "-n", "one,other", "--secret-name", "pull", "--link", "none"], |request| {
        let is_secret = request.ends_with("/secrets/pull");
        if is_secret { Some((401, json!({}))) } else { namespace(request).map(|found| (200, found)) }
    });
    assert_eq!((status, said.matches("hint: ").count()), (1, 1), "{said}");
}

#[test]
fn either_annotation_keeps_a_namespace_and_a_service_account_out() {
    let annotations = ["regcred.dev/exclude", "k8s.titansoft.com/imagepullsecret-patcher-exclude"];
    let metadata = move |name: &str, number: usize, value: &str| json!({"metadata": {"name": name, "annotations": {annotations[number]: value}}});
    let writes = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&writes);
    let arguments = ["apply", "-n", "team,out-0,out-1", "--secret-name", "pull", "--all-service-accounts"];
    let (status, said) = run(&arguments, move |request| {
        seen.lock().unwrap().extend(request.strip_prefix("PATCH /api/v1/namespaces/").map(str::to_owned));
        let accounts = [metadata("first", 0, "true"), metadata("second", 1, "true"), metadata("third", 1, "no")];
        let found = match request {
            "GET /api/v1/namespaces/team/serviceaccounts" => Some(json!({"metadata": {}, "items": accounts})),
            "GET /api/v1/namespaces/out-0" => Some(metadata("out-0", 0, "true")),
            "GET /api/v1/namespaces/out-1" => Some(metadata("out-1", 1, "true")),
            _ => namespace(request),
        };
        found.map(|found| (200, found))
    });
    assert_eq!(status, 0, "{said}");
    assert_eq!(*writes.lock().unwrap(), ["team/serviceaccounts/third", "team/secrets/pull"], "{said}");
    for name in ["out-0", "out-1"] {
        assert!(said.contains(&format!("`{name}` has opted out by its annotation, and is left out")), "{said}");
    }
    let left_out = "ServiceAccounts left out, because their annotation opts out: team/first, team/second\n";
    assert!(said.contains(left_out), "{said}");
}

/// The answers for a Pod of `team` that waits for this reason, with a registry that nobody can ask.
fn pod_that_waits(request: &str) -> Option<(u16, Value)> {
    let waiting = json!({"reason": "ImagePullBackOff", "message": "401 Unauthorized"});
    let pod = json!({"metadata": {"name": "api"},
        "spec": {"nodeName": "n", "containers": [{"name": "main", "image": "registry-of-nobody.test/api:1"}]},
        "status": {"containerStatuses": [{"name": "main", "state": {"waiting": waiting}}]}});
    let found = match request {
        "GET /api/v1/namespaces/team/pods/api" => Some(pod),
        "GET /api/v1/namespaces/team/serviceaccounts/default" => Some(json!({"metadata": {"name": "default"}})),
        _ => namespace(request),
    };
    found.map(|found| (200, found))
}

#[test]
fn a_namespace_that_regcred_yaml_excludes_gets_the_pattern_to_change_first() {
    let explain = ["explain", "pod", "api", "-n", "team", "--offline"];
    let config = "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {name: shop}\nspec:\n  pullSecrets:\n  \
                  - namespaces: {include: ['*'], exclude: ['te*']}\n";
    let (status, said) = run_with(Some(config), &explain, pod_that_waits);
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("cause: no-reference: "), "{said}");
    assert!(said.contains("what to do: take `te*` out of `exclude` in regcred.yaml, which leaves"), "{said}");
    let (status, said) = run(&["explain", "pod/api", "-n", "team", "--offline"], pod_that_waits);
    assert!(status == 0 && said.starts_with("Pod api in team\n"), "{said}");
    let (_, said) = run(&explain, pod_that_waits);
    assert!(said.contains("; if regcred.yaml excludes the namespace, change that first; then create"), "{said}");
    assert!(said.contains("`regcred apply -n team`") && !said.contains("`te*`"), "{said}");
}

#[test]
fn a_dry_run_that_would_only_evict_pods_names_them_and_exits_3() {
    let auth = STANDARD.encode("robot$new:canary-of-new");
    let config = LOGIN.replace("\"}", &format!("\",\"auth\":\"{auth}\"}}"));
    let secret = json!({
        "metadata": {"name": "pull", "annotations": {"regcred.dev/owner": "pull"},
            "labels": {"app.kubernetes.io/managed-by": "regcred"}},
        "type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": STANDARD.encode(config)},
    });
    let account = json!({"metadata": {"name": "default"}, "imagePullSecrets": [{"name": "pull"}]});
    let pod = |name: &str| {
        let waiting = json!({"reason": "ImagePullBackOff", "message": "401 Unauthorized"});
        json!({"metadata": {"name": name, "namespace": "team", "ownerReferences": [{"kind": "ReplicaSet", "name": "x", "controller": true}]},
            "spec": {"serviceAccountName": "default", "containers": [{"name": "main", "image": "ghcr.io/acme/api:1"}]},
            "status": {"containerStatuses": [{"name": "main", "image": "ghcr.io/acme/api:1", "state": {"waiting": waiting}}]}})
    };
    let answer = move |request: &str| {
        let list = |items: &[Value]| json!({"metadata": {}, "items": items});
        let found = match request {
            "GET /api/v1/namespaces/team/secrets/pull" => Some(secret.clone()),
            "GET /api/v1/namespaces/team/serviceaccounts/default" => Some(account.clone()),
            "GET /api/v1/namespaces/team/serviceaccounts" => Some(list(std::slice::from_ref(&account))),
            "GET /api/v1/namespaces/team/pods" => Some(list(&["a", "b", "c", "d"].map(pod))),
            "GET /apis/policy/v1/namespaces/team/poddisruptionbudgets" => Some(list(&[])),
            _ => namespace(request),
        };
        found.map(|found| (200, found))
    };
    let apply = ["apply", "-n", "team", "--secret-name", "pull", "--dry-run", "--restart-stuck-pods"];
    let (status, said) = run(&apply[..6], answer.clone());
    assert_eq!(status, 0, "nothing else differs: {said}");
    let (status, said) = run(&apply, answer);
    assert_eq!(status, 3, "{said}");
    let named = "4 stuck Pods were found that would be evicted: team/a, team/b, team/c and 1 more";
    assert!(said.contains(named), "{said}");
}

#[test]
fn a_foreign_secret_of_another_type_gets_the_flags_that_replace_it_at_once() {
    for (kind, hint) in [
        ("Opaque", "the Secret is of another type or immutable: --recreate --on-conflict overwrite deletes it"),
        ("kubernetes.io/dockerconfigjson", "--on-conflict adopt takes the Secret over"),
    ] {
        let secret = json!({"metadata": {"name": "pull"}, "type": kind,
            "data": {".dockerconfigjson": STANDARD.encode(LOGIN)}});
        let (status, said) = run(&["apply", "-n", "team", "--secret-name", "pull"], move |request| {
            let secret = request.ends_with("/secrets/pull").then(|| secret.clone());
            secret.or_else(|| namespace(request)).map(|found| (200, found))
        });
        assert_eq!(status, 1, "{said}");
        assert!(said.contains(&format!("hint: {hint}")), "{said}");
    }
}

#[test]
fn namespaces_that_have_all_opted_out_get_the_command_that_takes_them_in() {
    let (status, said) = run(&["apply", "-n", "out-1,out-0", "--secret-name", "pull"], |request| {
        let mut found = namespace(request)?;
        found["metadata"]["annotations"] = json!({"regcred.dev/exclude": "true"});
        Some((200, found))
    });
    assert_eq!(status, 1, "{said}");
    let hint = "hint: `kubectl annotate namespace out-0 out-1 regcred.dev/exclude-` takes the annotation off";
    assert!(said.contains("every chosen namespace has opted out by its annotation") && said.contains(hint), "{said}");
}

#[test]
fn failures_that_differ_only_in_their_namespace_are_one_message() {
    let (status, said) =
        run(&["apply", "-n", "team-1,team-2,team-3,team-4,other", "--secret-name", "pull"], |request| {
            let Some(path) = request.strip_prefix("PATCH ") else {
                return namespace(request).map(|namespace| (200, namespace));
            };
            let name = path.strip_prefix("/api/v1/namespaces/")?.strip_suffix("/secrets/pull")?;
            let why = if name == "other" { "ask the platform team" } else { "exceeded quota: none" };
            Some((403, json!({"message": format!("secrets \"pull\" is forbidden in \"{name}\": {why}")})))
        });
    assert_eq!(status, 1, "{said}");
    let together = "Secret/pull in 4 namespaces (team-1, team-2, team-3 and 1 more): the cluster forbids to patch it: \
                    secrets \"pull\" is forbidden in \"…\": exceeded quota: none\n";
    let alone = "the cluster forbids to patch the Secret other/pull: secrets \"pull\" is forbidden in \"other\": ask the platform team";
    assert!(said.contains(together) && said.contains(alone), "{said}");
    assert_eq!(said.matches("hint: ").count(), 2, "{said}");
}

#[test]
fn a_difference_names_the_old_and_the_new_user_name_where_they_are_public() {
    let config =
        |name: &str| json!({"auths": {"ghcr.io": {"username": name, "password": "canary-of-old"}}}).to_string();
    for (old, shown) in [
        ("robot$old", "ghcr.io: another user name, was robot$old, now robot$new\n"),
        ("canary", "ghcr.io: another user name, now robot$new\n"),
    ] {
        let secret = json!({
            "metadata": {"name": "pull", "annotations": {"regcred.dev/owner": "pull"},
                "labels": {"app.kubernetes.io/managed-by": "regcred"}},
            "type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": STANDARD.encode(config(old))},
        });
        let (status, said) = run(&["diff", "-n", "team", "--secret-name", "pull"], move |request| {
            let secret = request.ends_with("/secrets/pull").then(|| secret.clone());
            secret.or_else(|| namespace(request)).map(|found| (200, found))
        });
        assert_eq!(status, 3, "{said}");
        assert!(said.contains(shown), "{said}");
    }
}

#[test]
fn status_asks_a_registry_once_about_each_image_with_the_same_logins() {
    let peers = Peers::start(|request| match (request.host.as_str(), request.path.split('?').next().unwrap()) {
        ("ghcr.io", _) if request.authorization.is_some() => Reply::status(200),
        ("ghcr.io", _) => Reply::challenge("Basic"),
        (_, path) => {
            let name = path.split('/').nth(4).unwrap_or_default();
            // Both Pods of each namespace use one image, and the second Pod also another one. The third namespace has another login.
            let pod = |images: &[&str]| {
                let containers: Vec<_> = images.iter().map(|image| json!({"name": "c", "image": image})).collect();
                json!({"metadata": {"name": "p"}, "spec": {"containers": containers, "imagePullSecrets": [{"name": "pull"}]}})
            };
            let pods = || [pod(&["ghcr.io/acme/api:1"]), pod(&["ghcr.io/acme/api:1", "ghcr.io/acme/web:2"])];
            let login = if name == "third" { LOGIN.replace("robot$new", "robot$other") } else { LOGIN.to_owned() };
            let body = if path.ends_with("/pods") {
                json!({"metadata": {}, "items": pods()})
            } else if path.ends_with("/secrets/pull") {
                json!({"metadata": {"name": "pull"}, "type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": STANDARD.encode(login)}})
            } else {
                namespace(&format!("GET {path}")).unwrap_or_else(|| json!({"metadata": {}, "items": []}))
            };
            Reply::body(&body.to_string())
        }
    });
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config"), kubeconfig(&format!("http://127.0.0.1:{}", peers.port))).unwrap();
    let [one, other] = peers.variables();
    let variables = [("KUBECONFIG", "config"), ("NO_PROXY", "127.0.0.1"), (one.0, &one.1), (other.0, &other.1)];
    let arguments = ["status", "-n", "first,second,third", "--secret-name", "pull", "--online", "--format", "json"];
    let output = regcred(folder.path(), &variables, &arguments);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    for namespace in answer["clusters"][0]["namespaces"].as_array().unwrap() {
        let pulls: Vec<_> = namespace["online"].as_array().unwrap().iter().map(|image| &image["pull"]).collect();
        assert_eq!(pulls, ["good", "good"], "{answer}");
    }
    // One question about the login and one about each image: with each login, and without a login for comparison.
    let asked: Vec<_> = peers.seen().into_iter().filter(|request| request.host == "ghcr.io").collect();
    let questions: BTreeSet<_> = asked.iter().filter_map(|it| Some((&it.path, it.authorization.as_ref()?))).collect();
    assert_eq!(questions.len(), 6, "two logins: {asked:?}");
    for path in ["/v2/", "/v2/acme/api/manifests/1", "/v2/acme/web/manifests/2"] {
        let of_path = asked.iter().filter(|request| request.path == path);
        let (with, without): (Vec<_>, Vec<_>) = of_path.partition(|request| request.authorization.is_some());
        assert_eq!((with.len(), without.len()), (2, 2), "{path}: {asked:?}");
    }
    assert_eq!(asked.len(), 12, "{asked:?}");
}

#[test]
fn a_secret_of_another_owner_stays_and_the_message_says_how_to_act_as_that_owner() {
    let answer = |request: &str| {
        let theirs = json!({
            "metadata": {"name": "image-pull-secret", "namespace": "team-a", "uid": "u", "resourceVersion": "1",
                "labels": {"app.kubernetes.io/managed-by": "regcred"}, "annotations": {"regcred.dev/owner": "acme"}},
            "type": "kubernetes.io/dockerconfigjson",
            "data": {".dockerconfigjson": STANDARD.encode(r#"{"auths":{"ghcr.io":{"auth":"dTpw"}}}"#)},
        });
        match request {
            "GET /api/v1/namespaces/team-a/secrets/image-pull-secret" => Some((200, theirs)),
            "GET /api/v1/namespaces/team-a/secrets" => Some((200, json!({"items": [theirs]}))),
            "GET /api/v1/namespaces/team-a/serviceaccounts" => Some((200, json!({"items": []}))),
            _ => namespace(request).map(|namespace| (200, namespace)),
        }
    };
    for dry_run in [&["--yes"][..], &["--dry-run"]] {
        let (status, said) = run(&[&["delete", "-n", "team-a"], dry_run].concat(), answer);
        assert_eq!(status, 0, "{said}");
        let stays = "note: team-a/Secret/image-pull-secret stays: it is of owner acme\n  hint: run with its regcred.yaml \
                     (`--config`), or with `--no-config --secret-name acme` if it has none\n";
        assert!(said.contains(stays) && said.contains("1 namespace: nothing to do"), "{said}");
    }
    let (status, said) = run(&["apply", "-n", "team-a"], answer);
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("is of another owner acme, and holds other logins"), "{said}");
    assert!(said.contains("; or run with the regcred.yaml of that owner (`--config`)"), "{said}");
    for arguments in [&["diff", "-n", "team-a"][..], &["apply", "-v", "-n", "team-a", "--on-conflict", "skip"]] {
        let (_, said) = run(arguments, answer);
        assert!(said.contains("(of another owner acme)") && !said.contains("not regcred's"), "{said}");
    }
}

#[test]
fn a_name_of_no_namespace_is_a_warning_of_delete() {
    let (status, said) = run(&["delete", "-n", "tema-a", "--yes"], |_| None);
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("warning: there is no namespace `tema-a` in the cluster\n"), "{said}");
}

#[test]
fn delete_notes_a_reference_of_ours_that_stays_beside_a_secret_of_somebody_else() {
    for (manager, expected) in [("regcred-image-pull-secret", true), ("kubectl", false)] {
        let (status, said) = run(&["delete", "-n", "team-a", "--yes"], move |request| {
            let managers = json!([{"manager": manager, "fieldsV1": {"f:imagePullSecrets": {}}}]);
            let account = json!({"metadata": {"name": "default", "namespace": "team-a", "managedFields": managers},
                "imagePullSecrets": [{"name": "image-pull-secret"}]});
            let theirs = json!({"metadata": {"name": "image-pull-secret", "namespace": "team-a"}});
            match request {
                "GET /api/v1/namespaces/team-a/secrets" => Some((200, json!({"items": [theirs]}))),
                "GET /api/v1/namespaces/team-a/serviceaccounts" => Some((200, json!({"items": [account]}))),
                _ => namespace(request).map(|namespace| (200, namespace)),
            }
        });
        assert_eq!(status, 0, "{said}");
        let stays = "note: the pull secret is not ours, so it and the reference of team-a/ServiceAccount/default stay";
        assert_eq!(said.contains(stays), expected, "{said}");
    }
}

#[test]
fn without_the_right_for_service_accounts_delete_names_the_flag_that_reads_none() {
    let answer = |request: &str| match request {
        _ if request.contains("/serviceaccounts") || request.ends_with("/secrets") => Some((403, json!({}))),
        _ => namespace(request).map(|namespace| (200, namespace)),
    };
    let (status, said) = run(&["delete", "-n", "team-a", "--yes"], answer);
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("with `--link none` or `--link policy` no ServiceAccount is needed"), "{said}");
    let (status, said) = run(&["delete", "-n", "team-a", "--yes", "--link", "none"], answer);
    assert_eq!(status, 0, "{said}");
}

#[test]
fn without_the_right_that_prune_needs_the_hint_is_about_prune() {
    let (status, said) = run(&["apply", "-n", "team-a", "--prune", "--link", "none"], |request| match request {
        "GET /api/v1/namespaces" => Some((403, json!({}))),
        _ => namespace(request).map(|namespace| (200, namespace)),
    });
    assert_eq!(status, 1, "{said}");
    assert!(
        said.contains("leave out `--prune`, or apply its rights: `regcred render --format rbac --prune`"),
        "{said}"
    );
}

#[test]
fn status_shows_a_service_account_that_has_opted_out() {
    let (status, said) = run(&["status", "-n", "team", "--secret-name", "pull"], |request| {
        let annotations = json!({"regcred.dev/exclude": "true"});
        let account = json!({"metadata": {"name": "default", "annotations": annotations}});
        let found = match request {
            "GET /api/v1/namespaces/team/serviceaccounts/default" => Some(account),
            "GET /api/v1/namespaces/team/serviceaccounts" => Some(json!({"metadata": {}, "items": [account]})),
            "GET /api/v1/namespaces/team/pods" => Some(json!({"metadata": {}, "items": []})),
            _ => namespace(request),
        };
        found.map(|found| (200, found))
    });
    assert_eq!(status, 3, "{said}");
    assert!(said.contains("missing  default excluded  "), "{said}");
}

#[test]
fn the_page_of_status_names_the_command_that_explains_a_failing_pod_and_unread_pods_are_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    let status = |pods: fn() -> (u16, Value)| {
        let arguments = ["status", "-n", "team", "--secret-name", "pull", "--html", page.to_str().unwrap()];
        let (_, said) = run(&arguments, move |request| match request {
            "GET /api/v1/namespaces/team/pods" => Some(pods()),
            _ => namespace(request).map(|found| (200, found)),
        });
        (said, std::fs::read_to_string(&page).unwrap())
    };
    let (_, html) = status(|| {
        let waiting = json!({"reason": "ImagePullBackOff", "message": "401 Unauthorized"});
        let pod = json!({"metadata": {"name": "api-1"}, "spec": {"containers": [{"name": "main", "image": "ghcr.io/acme/api:1"}]},
            "status": {"containerStatuses": [{"name": "main", "image": "ghcr.io/acme/api:1", "state": {"waiting": waiting}}]}});
        (200, json!({"metadata": {}, "items": [pod]}))
    });
    assert!(html.contains("<code>regcred explain pod api-1 -n team</code>"), "{html}");
    let (said, _) = status(|| (403, json!({"message": "no"})));
    assert!(said.contains("warning: Pods not read: this account may not list them in team"), "{said}");
}
