//! Runs `status` against the real API server, with Pods whose status the tests write, and the real registry.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::harness::bench::{self, Bench};
use crate::harness::program::Run;
use crate::harness::registry::Registry;

const LOGIN: &str = r#"{"auths":{"ghcr.io":{"username":"acme-bot","password":"canary-of-old"}}}"#;
const OTHER: &str = r#"{"auths":{"ghcr.io":{"username":"acme-bot","password":"canary-of-new"}}}"#;

fn regcred(bench: &Bench, arguments: &[&str], login: &str) -> Run {
    let program = bench.confined(arguments).arguments(["--no-config"]);
    program.variable("DOCKERHUB_AUTH", login).run()
}

/// The output of `status --format json` for one cluster; it holds no value of a login.
#[track_caller]
fn status(bench: &Bench, arguments: &[&str], login: &str, exit: i32) -> Value {
    let run = regcred(bench, &[&["status", "--format", "json"], arguments].concat(), login);
    let said = format!("{}{}", run.stdout, run.stderr);
    assert_eq!(run.status, exit, "{said}");
    assert!(!said.contains("canary"), "{said}");
    serde_json::from_str::<Value>(&run.stdout).unwrap()["clusters"][0].take()
}

/// The state of the pull secret, and of the first ServiceAccount, in the namespace.
fn states<'a>(cluster: &'a Value, namespace: &str) -> (&'a str, &'a str) {
    let all = cluster["namespaces"].as_array().unwrap();
    let one = all.iter().find(|one| one["namespace"] == namespace).unwrap();
    let secret = &one["secrets"][0];
    (secret["state"].as_str().unwrap(), secret["accounts"][0]["state"].as_str().unwrap())
}

fn secret(namespace: &str, metadata: &str, type_: &str, login: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\ntype: {type_}\n\
         metadata: {{name: image-pull-secret, namespace: {namespace}{metadata}}}\nstringData: {{.dockerconfigjson: '{login}'}}\n"
    )
}

/// A Pod with this container image, its own references, and the statuses that a kubelet would write.
fn failing_pod(bench: &Bench, namespace: &str, spec: &Value, statuses: &Value) {
    let pod =
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "api", "namespace": namespace}, "spec": spec});
    bench.kubectl(&["create", "-f", "-"], &pod.to_string()).succeeded();
    let patch = json!({ "status": statuses }).to_string();
    bench.kubectl(&["patch", "pod", "api", "-n", namespace, "--subresource=status", "-p", &patch], "").succeeded();
}

fn waiting(name: &str, image: &str, reason: &str, message: &str) -> Value {
    json!([{"name": name, "image": image, "imageID": "", "ready": false, "restartCount": 0,
        "state": {"waiting": {"reason": reason, "message": message}}}])
}

const KIND: &str = "kubernetes.io/dockerconfigjson";

#[test]
fn each_state_of_a_pull_secret_is_seen_as_diff_sees_it() {
    let Some(bench) = Bench::with(&[]) else { return };
    let [missing, current, outdated, foreign, managed, opaque] = bench.namespaces();
    let all = [&missing, &current, &outdated, &foreign, &managed, &opaque].map(String::as_str).join(",");
    assert_eq!(regcred(bench, &["apply", "-n", &format!("{current},{outdated}")], LOGIN).status, 0);
    let helm = ", annotations: {meta.helm.sh/release-name: shop}";
    let ours = ", labels: {app.kubernetes.io/managed-by: regcred}, annotations: {regcred.dev/owner: image-pull-secret}";
    for object in
        [secret(&foreign, "", KIND, LOGIN), secret(&managed, helm, KIND, LOGIN), secret(&opaque, ours, "Opaque", LOGIN)]
    {
        bench.kubectl(&["create", "-f", "-"], &object).succeeded();
    }
    let changed = json!({"data": {".dockerconfigjson": STANDARD.encode(OTHER)}}).to_string();
    bench.kubectl(&["patch", "secret", "image-pull-secret", "-n", &outdated, "-p", &changed], "").succeeded();

    let cluster = status(bench, &["-n", &all], LOGIN, 3);
    for (namespace, expected) in [
        (&missing, ("missing", "not-linked")),
        (&current, ("current", "linked")),
        (&outdated, ("outdated", "linked")),
        (&foreign, ("foreign", "not-linked")),
        (&managed, ("managed", "not-linked")),
        (&opaque, ("invalid", "not-linked")),
    ] {
        assert_eq!(states(&cluster, namespace), expected, "{namespace}");
        let wanted = status(bench, &["-n", namespace], LOGIN, if *namespace == current { 0 } else { 3 });
        let diff = regcred(bench, &["diff", "-n", namespace], LOGIN).status;
        assert_eq!(wanted["asWanted"] == true, diff == 0, "{namespace}: there is one notion of difference");
    }
    let cluster = status(bench, &["-n", &all], "", 3);
    assert_eq!(states(&cluster, &current), ("present", "linked"), "without a login");
    assert_eq!(states(&cluster, &outdated), ("present", "linked"), "without a login");
    status(bench, &["-n", &current], "", 0);
}

#[test]
fn who_wrote_the_list_of_references_is_said() {
    let Some(bench) = Bench::with(&[]) else { return };
    let [namespace] = bench.namespaces();
    let account = format!(
        "apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: ci, namespace: {namespace}}}\nimagePullSecrets: [{{name: theirs}}]\n"
    );
    bench.kubectl(&["create", "-f", "-"], &account).succeeded();
    let arguments = ["-n", &namespace, "--service-account", "ci"];
    let seen = |exit| status(bench, &arguments, LOGIN, exit)["namespaces"][0]["secrets"][0]["accounts"].clone();
    assert_eq!(seen(3), json!([{"name": "ci", "state": "not-linked", "writers": ["kubectl-create"]}]));
    let text = regcred(bench, &[&["status"], &arguments[..]].concat(), LOGIN).stdout;
    assert!(text.contains("ci not linked (list of kubectl-create)"), "{text}");
    assert_eq!(regcred(bench, &[&["apply"], &arguments[..]].concat(), LOGIN).status, 0);
    assert_eq!(seen(0), json!([{"name": "ci", "state": "linked", "writers": ["regcred-image-pull-secret"]}]));
}

#[test]
fn pods_that_fail_to_pull_are_shown_with_the_words_of_the_registry() {
    let Some(bench) = Bench::with(&[]) else { return };
    let [plain, init, volume, ephemeral] = bench.namespaces();
    let all = [&plain, &init, &volume, &ephemeral].map(String::as_str).join(",");
    let container = json!([{"name": "main", "image": "ghcr.io/acme/api:1"}]);
    let said = "Back-off pulling image \"ghcr.io/acme/api:1\": ErrImagePull: failed to authorize: 401 Unauthorized";
    failing_pod(
        bench,
        &plain,
        &json!({ "containers": container }),
        &json!({"phase": "Pending", "containerStatuses": waiting("main", "ghcr.io/acme/api:1", "ImagePullBackOff", said)}),
    );
    assert_eq!(regcred(bench, &["apply", "-n", &all], LOGIN).status, 0);
    failing_pod(
        bench,
        &init,
        &json!({"initContainers": [{"name": "first", "image": "quay.io/other/tool"}], "containers": container}),
        &json!({"phase": "Pending", "initContainerStatuses": waiting("first", "quay.io/other/tool", "ErrImagePull", "not found")}),
    );
    let model = json!([{"name": "model", "image": {"reference": "ghcr.io/acme/model:2", "pullPolicy": "Always"}}]);
    let said = "Back-off pulling image \"ghcr.io/acme/model:2\": ErrImagePull: denied";
    failing_pod(
        bench,
        &volume,
        &json!({"containers": container, "volumes": model}),
        &json!({"phase": "Pending", "containerStatuses": waiting("main", "ghcr.io/acme/api:1", "ImagePullBackOff", said)}),
    );
    let debug = json!({"spec": {"ephemeralContainers": [{"name": "look", "image": "ghcr.io/acme/debug"}]}});
    failing_pod(bench, &ephemeral, &json!({ "containers": container }), &json!({"phase": "Running"}));
    bench
        .kubectl(
            &["patch", "pod", "api", "-n", &ephemeral, "--subresource=ephemeralcontainers", "-p", &debug.to_string()],
            "",
        )
        .succeeded();
    let statuses =
        json!({"status": {"ephemeralContainerStatuses": waiting("look", "ghcr.io/acme/debug", "ErrImagePull", "no")}});
    bench
        .kubectl(&["patch", "pod", "api", "-n", &ephemeral, "--subresource=status", "-p", &statuses.to_string()], "")
        .succeeded();

    let cluster = status(bench, &["-n", &all], LOGIN, 3);
    let pulls = |namespace: &str| {
        let all = cluster["namespaces"].as_array().unwrap();
        all.iter().find(|one| one["namespace"] == namespace).unwrap()["failedPulls"].clone()
    };
    let expected = json!([{"pod": "api", "place": "container", "name": "main", "image": "ghcr.io/acme/api:1",
        "reason": "ImagePullBackOff", "words": "failed to authorize: 401 Unauthorized", "lacks": ["image-pull-secret"],
        "advice": "the Pod has no reference to image-pull-secret: a Pod gets references only when it is created; once the Secret and the \
            link are current, create it again (`kubectl rollout restart`)"}]);
    assert_eq!(pulls(&plain), expected, "the Pod is older than the reference");
    let expected = json!([{"pod": "api", "place": "init-container", "name": "first", "image": "quay.io/other/tool",
        "reason": "ErrImagePull", "words": "not found"}]);
    assert_eq!(pulls(&init), expected);
    assert_eq!(pulls(&volume)[0]["place"], "volume");
    assert_eq!(pulls(&volume)[0]["image"], "ghcr.io/acme/model:2");
    assert_eq!(pulls(&ephemeral)[0]["place"], "ephemeral-container");
    let text = regcred(bench, &["status", "-n", &plain], LOGIN);
    assert!(text.stdout.contains("  failed to authorize: 401 Unauthorized\n"), "{}", text.stdout);
    assert!(text.stdout.contains("has no reference to image-pull-secret"), "{}", text.stdout);
    assert!(text.stderr.contains("1 namespace: 1 current; 1 pull fails"), "{}", text.stderr);
    let diff = regcred(bench, &["diff", "-n", &plain], LOGIN);
    assert_eq!(diff.status, 0, "only status looks at Pods");
}

#[test]
fn a_pod_of_an_excluded_namespace_and_each_pod_that_fails_are_shown_with_what_helps() {
    let Some(bench) = Bench::with(&[]) else { return };
    let [served, excluded] = bench.namespaces();
    bench.kubectl(&["annotate", "namespace", &excluded, "regcred.dev/exclude=true"], "").succeeded();
    for namespace in [&served, &excluded] {
        bench.kubectl(&["label", "namespace", namespace, &format!("of={served}")], "").succeeded();
    }
    bench.kubectl(&["create", "serviceaccount", "builder", "-n", &served], "").succeeded();
    assert_eq!(regcred(bench, &["apply", "-n", &served], LOGIN).status, 0);
    let image = "ghcr.io/acme/api:1";
    let fails = |namespace: &str, name: &str, spec: Value| {
        let mut spec = spec;
        spec["containers"] = json!([{"name": "main", "image": image}]);
        let metadata = json!({"name": name, "namespace": namespace});
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec});
        Bench::wait("the Pod", || bench.kubectl(&["create", "-f", "-"], &pod.to_string()).status == 0);
        let status = json!({"status": {"containerStatuses": waiting("main", image, "ErrImagePull", "no")}}).to_string();
        let patch = ["patch", "pod", name, "-n", namespace, "--subresource=status", "-p", &status];
        bench.kubectl(&patch, "").succeeded();
    };
    fails(&served, "own", json!({"imagePullSecrets": [{"name": "own"}]}));
    fails(&served, "builds", json!({"serviceAccountName": "builder"}));
    fails(&excluded, "left", json!({}));
    let status = ["status", "--no-config", "--selector", &format!("of={served}")];
    let run = bench.program("regcred").arguments(status).variable("DOCKERHUB_AUTH", LOGIN).run();
    assert_eq!(run.status, 3, "{}", run.stderr);
    for words in [
        "had other references when the Pod was created, or its template has a list `imagePullSecrets`",
        "its ServiceAccount builder is not linked",
        "the namespace has opted out by its annotation",
        &format!("regcred explain pod own -n {served}\n"),
        &format!("regcred explain pod builds -n {served}\n"),
        &format!("regcred explain pod left -n {excluded}\n"),
    ] {
        assert!(run.stdout.contains(words), "{words} in {}", run.stdout);
    }
    assert!(!run.stdout.contains("a Pod gets references only"), "{}", run.stdout);
    let row = run.stdout.lines().find(|line| line.starts_with(&excluded)).unwrap();
    assert!(row.contains("excluded") && row.contains("1 pull fails"), "{row}");
}

#[test]
fn an_account_that_may_read_neither_secrets_nor_pods_sees_the_rest() {
    let Some(bench) = Bench::with(&[]) else { return };
    let [namespace] = bench.namespaces();
    let reader = format!("status-of-{namespace}");
    bench.grant(&reader, &["apiGroups: [''], resources: [namespaces, serviceaccounts], verbs: [get, list]"]);
    let run = regcred(bench, &["status", "-n", &namespace, "--as", &reader], LOGIN);
    assert_eq!(run.status, 3, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("not read  default not linked"), "{}", run.stdout);
    assert!(run.stderr.contains("Secrets not compared") && run.stderr.contains("Pods not read"), "{}", run.stderr);
}

/// `bot` with the password `right`, by bcrypt.
const HTPASSWD: &str = "bot:$2b$05$abcdefghijklmnopqrstuu8xaCxxL82bnl.UY74PMksDxIJShppPC\n";

#[test]
fn a_rotated_password_that_is_wrong_is_found_although_no_pod_fails() {
    let Some(bench) = Bench::with(&["registry"]) else { return };
    let auth = "{htpasswd: {realm: registry, path: FOLDER/htpasswd}}";
    let registry =
        Registry::start(&bench::tools(&["registry"]).unwrap().join("registry"), auth, &[("htpasswd", HTPASSWD)]);
    registry.push("acme/api", "1", &format!("Basic {}", STANDARD.encode("bot:right")));
    let [namespace, other] = bench.namespaces();
    let both = format!("{namespace},{other}");
    let config =
        |password: &str| json!({"auths": {&registry.host: {"username": "bot", "password": password}}}).to_string();
    assert_eq!(regcred(bench, &["apply", "-n", &both], &config("right")).status, 0);
    for place in [&namespace, &other] {
        let image = format!("{}/acme/api:1", registry.host);
        let pod = json!({"containers": [{"name": "main", "image": image}]});
        failing_pod(bench, place, &pod, &json!({"phase": "Running"}));
    }
    let cluster = status(bench, &["-n", &both, "--online"], &config("right"), 0);
    let online = &cluster["namespaces"][0]["online"][0];
    assert_eq!((&online["pull"], &online["secrets"]), (&json!("good"), &json!(["image-pull-secret"])), "{cluster}");

    assert_eq!(regcred(bench, &["apply", "-n", &both], &config("wrong-canary")).status, 0);
    status(bench, &["-n", &both], &config("wrong-canary"), 0);
    let cluster = status(bench, &["-n", &both, "--online"], &config("wrong-canary"), 3);
    assert_eq!(cluster["namespaces"][1]["online"][0]["pull"], "refused", "{cluster}");
    let text = regcred(bench, &["status", "-n", &both, "--online"], &config("wrong-canary"));
    assert!(text.stdout.contains(": a new node could not pull"), "{}", text.stdout);
    assert!(text.stderr.contains("2 images could not be pulled by a new node"), "{}", text.stderr);
}

#[test]
fn the_page_is_written_whole_with_every_value_escaped() {
    let Some(bench) = Bench::with(&[]) else { return };
    let [namespace] = bench.namespaces();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("status.html");
    let spec = json!({"containers": [{"name": "main", "image": "ghcr.io/a<script>alert(1)</script>"}]});
    let said = "<img src=x onerror=alert(1)> \"quoted\" & more";
    let statuses = waiting("main", "x", "InvalidImageName", said);
    failing_pod(bench, &namespace, &spec, &json!({"phase": "Pending", "containerStatuses": statuses}));
    let run = regcred(bench, &["status", "-n", &namespace, "--html", path.to_str().unwrap()], LOGIN);
    assert_eq!(run.status, 3, "{}", run.stderr);
    let page = std::fs::read_to_string(&path).unwrap();
    assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;") && !page.contains("<img"), "{page}");
    assert_eq!(page.matches("<script").count(), 1, "{page}");
    assert!(!page.contains("canary") && page.trim_end().ends_with("</html>"));
    for outside in ["http://", "https://", "src=\"", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    let before = page;
    let nowhere = ["status", "-n", &namespace, "--html", "/proc/no/status.html"];
    assert_eq!(regcred(bench, &nowhere, LOGIN).status, 1);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), before);
    assert_eq!(names(folder.path()), ["status.html"], "nothing half written is left");
}

fn names(folder: &Path) -> Vec<String> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn two_clusters_are_one_table() {
    let Some(bench) = Bench::with(&[]) else { return };
    let [namespace] = bench.namespaces();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("regcred.yaml");
    bench::write(
        &config,
        "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {name: acme}\n\
         spec: {pullSecrets: [{name: pull}], clusters: [{name: eu}, {name: us, kubeconfig: {env: KUBECONFIG_US}}]}\n",
    );
    let page = folder.path().join("status.html");
    let arguments =
        ["--config", config.to_str().unwrap(), "status", "-n", &namespace, "--html", page.to_str().unwrap()];
    // The same API server, with other names.
    let other = bench.kubeconfig_json().to_string().replace("\"regcred\"", "\"other\"");
    let run = bench.program("regcred").arguments(arguments).variable("KUBECONFIG_US", other).run();
    assert_eq!(run.status, 3, "{}", run.stderr);
    let lines: Vec<_> = run.stdout.lines().map(|line| line.split_whitespace().take(4).collect::<Vec<_>>()).collect();
    let expected = [["eu", namespace.as_str(), "pull", "missing"], ["us", namespace.as_str(), "pull", "missing"]];
    assert_eq!(lines[1..], expected.map(|line| line.to_vec()), "{}", run.stdout);
    assert!(run.stdout.starts_with("CLUSTER  NAMESPACE"), "{}", run.stdout);
    assert!(std::fs::read_to_string(page).unwrap().contains("<button type=\"button\">Cluster</button>"));
}
