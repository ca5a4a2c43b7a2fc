//! Breaks pulls in every way that an API server and a registry can show, and expects `explain` to name each cause.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::harness::bench::{self, Bench};
use crate::harness::peers::{Peers, Reply};
use crate::harness::registry::Registry;
use crate::harness::token_server::{CERTIFICATE, ISSUER, SERVICE, token};

/// `bot` with the password [`RIGHT`], by bcrypt.
const HTPASSWD: &str = "bot:$2b$05$abcdefghijklmnopqrstuukxvrW2zcl5.BqiuyGwhrqXhGqbjTxnG\n";
const RIGHT: &str = "K4n4r1e/\"Zingt&Vals\\é>";
const WRONG: &str = "Wr0ng/K4n4r1e&Zw1jgt";
const REFUSED: &str = "failed to authorize: failed to fetch anonymous token: 401 Unauthorized";
const TYPE: &str = "kubernetes.io/dockerconfigjson";

/// A failing Pod, with its own ServiceAccount and Secret; all three have the name of the case.
pub struct Case {
    /// The word of the cause.
    pub cause: &'static str,
    pub image: String,
    /// The references of the ServiceAccount before the Pod is created, and after it.
    pub account: (Vec<&'static str>, Option<Vec<&'static str>>),
    /// The Pod's own references.
    own: Vec<&'static str>,
    /// Type and Docker config of the Secret `pull-N`, for which `pull` is a placeholder in the lists above.
    secret: Option<(&'static str, Value)>,
    /// Whether the Secret is written after the Pod.
    pub late: bool,
    annotations: Value,
    status: Value,
    pub is_scheduled: bool,
}

fn waiting(reason: &str, message: &str) -> Value {
    json!({"state": {"waiting": {"reason": reason, "message": message}}, "imageID": ""})
}

fn running() -> Value {
    json!({"state": {"running": {}}, "imageID": "sha256:1"})
}

/// A case that fails with a 401, with a Secret for this key and password.
pub fn case(cause: &'static str, image: &str, key: &str, password: &str) -> Case {
    Case {
        cause,
        image: image.to_owned(),
        account: (vec!["pull"], None),
        own: Vec::new(),
        secret: Some((TYPE, json!({"auths": {key: {"username": "bot", "password": password}}}))),
        late: false,
        annotations: json!({}),
        status: waiting("ImagePullBackOff", &format!("Back-off pulling image: ErrImagePull: {REFUSED}")),
        is_scheduled: true,
    }
}

fn with_words(cause: &'static str, image: &str, reason: &str, message: &str) -> Case {
    Case { status: waiting(reason, message), ..case(cause, image, "ghcr.io", "x") }
}

fn expired() -> String {
    format!("e30.{}.x", URL_SAFE_NO_PAD.encode(r#"{"exp":1000000000}"#))
}

/// Every cause that one namespace can show; `plain` is a registry with htpasswd, `tokens` one with a token server.
pub fn cases(plain: &str, tokens: &str) -> Vec<Case> {
    let (image, api) = (format!("{plain}/acme/api:1"), "ghcr.io/acme/api:1");
    let own = |image: &str, cause| case(cause, image, plain, RIGHT);
    let with_secret = |cause, kind, config| Case { secret: Some((kind, config)), ..own(&image, cause) };
    let (host, port) = plain.split_once(':').unwrap();
    let another_port = if port == "5000" { format!("{host}:5001") } else { format!("{host}:5000") };
    vec![
        Case { account: (vec![], None), ..own(&image, "no-reference") },
        Case { account: (vec![], Some(vec!["pull"])), ..own(&image, "linked-later") },
        Case {
            account: (vec![], None),
            annotations: json!({"regcred.dev/exclude": "true"}),
            ..own(&image, "account-excluded")
        },
        Case { own: vec!["own"], ..own(&image, "own-references") },
        Case { secret: None, ..own(&image, "secret-missing") },
        with_secret("wrong-type", "Opaque", json!({"auths": {plain: {"username": "bot", "password": RIGHT}}})),
        with_secret("secret-broken", TYPE, json!({"auths": "bot"})),
        with_secret(
            "bad-entry",
            TYPE,
            json!({"auths": {plain: {"username": "bot", "password": RIGHT}, "quay.io": {"auth": "?"}}}),
        ),
        with_secret(
            "secret-empty",
            TYPE,
            json!({"auths": {"https://index.docker.io/v1/": {}}, "credsStore": "desktop"}),
        ),
        with_secret(
            "identity-token",
            TYPE,
            json!({"auths": {plain: {"auth": STANDARD.encode("0:"), "identitytoken": "x"}}}),
        ),
        case("key-port", &image, &another_port, RIGHT),
        case("key-path", &image, &format!("{plain}/other"), RIGHT),
        case("key-scheme", api, "oci://ghcr.io", "x"),
        case("key-docker-hub", "acme/api:1", "https://index.docker.io/v1", "x"),
        case("key-docker-hub", "acme/api:1", "registry-1.docker.io", "x"),
        case("key-glob", "a.registry.example.com/api", "*.example.com", "x"),
        case("key-web-site", api, "github.com", "x"),
        case("key-host", api, "ghrc.io", "x"),
        case("no-key", api, "quay.io", "x"),
        case("wrong-password", &image, plain, WRONG),
        case("expired", &image, plain, &expired()),
        case("not-found", &format!("{plain}/acme/gone:1"), plain, RIGHT),
        Case { late: true, ..own(&image, "fixed-since") },
        case("no-right", &format!("{tokens}/other/api:1"), tokens, RIGHT),
        case("no-such-tag", &format!("{tokens}/acme/api:9"), tokens, RIGHT),
        case("breaks-a-public-image", &format!("{tokens}/public/api:1"), tokens, WRONG),
        Case { status: running(), ..case("only-cached", &image, plain, WRONG) },
        Case { status: running(), ..own(&image, "fine") },
        Case { is_scheduled: false, ..own(&image, "not-scheduled") },
        with_words("never-pull", api, "ErrImageNeverPull", "Container image is not present with pull policy of Never"),
        with_words("invalid-image-name", "ghcr.io/Acme/api", "InvalidImageName", "couldn't parse image name"),
        with_words("signature-invalid", api, "SignatureValidationFailed", "image pull failed: signature"),
        with_words(
            "rate-limit",
            api,
            "ErrImagePull",
            "429 Too Many Requests - toomanyrequests: You have reached your pull rate limit",
        ),
        with_words("unreachable", api, "ErrImagePull", "dial tcp 192.0.2.1:443: i/o timeout"),
        with_words("unknown-host", api, "ErrImagePull", "dial tcp: lookup ghcr.io: no such host"),
        with_words("unknown-authority", api, "ErrImagePull", "x509: certificate signed by unknown authority"),
        with_words("invalid-certificate", api, "ErrImagePull", "x509: certificate has expired or is not yet valid"),
        with_words("plain-http", api, "ErrImagePull", "http: server gave HTTP response to HTTPS client"),
        with_words(
            "mirror",
            api,
            "ErrImagePull",
            "unexpected status from HEAD request to https://mirror.lan/v2/acme/api/manifests/1?ns=ghcr.io: 401 Unauthorized",
        ),
        with_words("wrong-platform", api, "ErrImagePull", "no match for platform in manifest: not found"),
        with_words("disk-full", api, "ErrImagePull", "write /var/lib/containerd/x: no space left on device"),
    ]
}

/// Both registries, and the host of the token server.
pub struct Registries {
    pub plain: Registry,
    pub tokens: Registry,
    realm: String,
}

pub fn registries() -> Option<Registries> {
    let program = bench::tools(&["registry"])?.join("registry");
    let basic = |password: &str| format!("Basic {}", STANDARD.encode(format!("bot:{password}")));
    let right = basic(RIGHT);
    let of = |name: &str, actions: &[&str]| json!([{"type": "repository", "name": name, "actions": actions}]);
    let token_server = Peers::start(move |request| {
        let knows = request.authorization.as_ref().map(|login| *login == right);
        let name =
            request.path.split("repository:").nth(1).and_then(|scope| scope.split(':').next()).unwrap_or_default();
        let may = name == "public/api" || knows == Some(true) && name == "acme/api";
        let access = if may { of(name, &["pull"]) } else { json!([]) };
        match knows {
            Some(false) => Reply::status(401),
            Some(true) => Reply::body(&json!({"token": token("bot", &access)}).to_string()),
            None => Reply::body(&json!({"token": token("", &access)}).to_string()),
        }
    });
    let realm = format!("127.0.0.1:{}", token_server.port);
    let auth = format!(
        "{{token: {{realm: 'http://{realm}/token', service: {SERVICE}, issuer: {ISSUER}, rootcertbundle: {CERTIFICATE}}}}}"
    );
    let tokens = Registry::start(&program, &auth, &[]);
    for name in ["acme/api", "public/api"] {
        tokens.push(name, "1", &format!("Bearer {}", token("bot", &of(name, &["pull", "push"]))));
    }
    let auth = "{htpasswd: {realm: registry, path: FOLDER/htpasswd}}";
    let plain = Registry::start(&program, auth, &[("htpasswd", HTPASSWD)]);
    plain.push("acme/api", "1", &basic(RIGHT));
    Some(Registries { plain, tokens, realm })
}

fn references(names: &[&str], number: usize) -> Value {
    let name =
        |name: &&str| json!({"name": if *name == "pull" { format!("pull-{number}") } else { (*name).to_owned() }});
    names.iter().map(name).collect()
}

pub fn account(case: &Case, number: usize, names: &[&str]) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ServiceAccount", "imagePullSecrets": references(names, number),
        "metadata": {"name": format!("account-{number}"), "annotations": case.annotations},
    })
}

pub fn secret(case: &Case, number: usize) -> Option<Value> {
    let (kind, config) = case.secret.as_ref()?;
    Some(json!({
        "apiVersion": "v1", "kind": "Secret", "type": kind, "metadata": {"name": format!("pull-{number}")},
        "data": {".dockerconfigjson": STANDARD.encode(config.to_string())},
    }))
}

pub fn pod(case: &Case, number: usize) -> Value {
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": format!("pod-{number}")},
        "spec": {
            "serviceAccountName": format!("account-{number}"), "automountServiceAccountToken": false,
            "containers": [{"name": "main", "image": case.image}], "imagePullSecrets": references(&case.own, number),
        },
    });
    if case.is_scheduled {
        pod["spec"]["nodeName"] = json!("node-of-the-tests");
    }
    pod
}

pub fn list(items: &[Value]) -> String {
    json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
}

/// Creates the objects of the cases in a namespace, in the order in which they break pulls.
fn set_up(bench: &Bench, namespace: &str, cases: &[Case]) {
    let apply = |objects: Vec<Value>| {
        if !objects.is_empty() {
            bench.kubectl(&["apply", "--server-side", "-n", namespace, "-f", "-"], &list(&objects)).succeeded();
        }
    };
    let numbered = || (0..).zip(cases);
    let secrets = |late| {
        numbered()
            .filter(move |(_, case)| case.late == late)
            .filter_map(|(number, case)| secret(case, number))
            .collect()
    };
    apply(secrets(false));
    apply(numbered().map(|(number, case)| account(case, number, &case.account.0)).collect());
    let pods = || list(&numbered().map(|(number, case)| pod(case, number)).collect::<Vec<_>>());
    // The API server looks up the ServiceAccount in a cache that may be a moment old.
    Bench::wait("the Pods", || {
        bench.kubectl(&["apply", "--server-side", "-n", namespace, "-f", "-"], &pods()).status == 0
    });
    let created = std::time::Instant::now();
    for (number, case) in numbered() {
        let mut status = json!({"name": "main", "image": case.image, "ready": false, "restartCount": 0});
        status.as_object_mut().unwrap().extend(case.status.as_object().unwrap().clone());
        let patch = json!({"status": {"containerStatuses": [status]}}).to_string();
        let pod = format!("pod-{number}");
        bench
            .kubectl(&["patch", "pod", &pod, "-n", namespace, "--subresource=status", "--type=merge", "-p", &patch], "")
            .succeeded();
    }
    let later = numbered().filter_map(|(number, case)| Some(account(case, number, case.account.1.as_ref()?)));
    apply(later.collect());
    // Dates of the API server have whole seconds.
    Bench::wait("the next second", || created.elapsed().as_millis() > 1_100);
    apply(secrets(true));
}

/// The word of the cause that `explain` names; the output must hold no password.
pub fn explained(bench: &Bench, registries: &Registries, subject: &[&str]) -> String {
    let allowed = format!("{},{}", registries.plain.host, registries.tokens.host);
    let text = |format: &str| {
        let explain = bench.program("regcred").variable("REGCRED_ALLOWED_REGISTRIES", &allowed).arguments(["explain"]);
        let run = explain
            .arguments(subject)
            .arguments(["--no-config", "--allow-realm", &registries.realm, "--format", format])
            .run();
        let said = run.stdout.clone() + &run.stderr;
        for secret in [RIGHT, WRONG, &expired()] {
            let forms = [
                secret.to_owned(),
                json!(secret).to_string().trim_matches('"').to_owned(),
                STANDARD.encode(format!("bot:{secret}")),
            ];
            assert!(forms.iter().all(|form| !said.contains(form)), "`{secret}` in {said}");
        }
        run.succeeded()
    };
    let answer: Value = serde_json::from_str(&text("json")).unwrap();
    let cause = answer["images"][0]["cause"].as_str().unwrap_or("unknown").to_owned();
    let said = text("text");
    assert!(cause == "unknown" || said.contains(&format!("cause: {cause}: ")), "{said}");
    cause
}

#[test]
fn each_broken_pull_is_named() {
    let Some(registries) = registries() else { return };
    let Some(bench) = Bench::with_a_cluster_of_its_own(&["registry"]) else { return };
    let [main, excluded, dropped, policed] = bench.namespaces();
    let cases = cases(&registries.plain.host, &registries.tokens.host);
    let image = format!("{}/acme/api:1", registries.plain.host);
    set_up(bench, &main, &cases);
    // A namespace of others: the Secret `own` of the case with its own references has a login for another image.
    let config = json!({"auths": {"quay.io": {"username": "bot", "password": "x"}}});
    let other = Case { secret: Some((TYPE, config)), ..case("", &image, "", "") };
    let mut own = secret(&other, 0).unwrap();
    own["metadata"]["name"] = json!("own");
    bench.kubectl(&["apply", "--server-side", "-n", &main, "-f", "-"], &own.to_string()).succeeded();

    let mut results = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        results.push((case.cause, explained(bench, &registries, &["pod", &format!("pod-{number}"), "-n", &main])));
    }
    let of_image = |namespace: &str, image: &str, account: &str| {
        explained(bench, &registries, &["image", image, "-n", namespace, "--service-account", account])
    };
    results.push(("account-missing", of_image(&main, &image, "gone")));
    for subject in ["image", "pod"] {
        let nowhere = ["explain", subject, "api", "-n", "not-there", "--offline", "--no-config"];
        let said = bench.program("regcred").arguments(nowhere).run().failed();
        assert!(said.contains("there is no namespace `not-there` in the cluster"), "{said}");
    }
    results.push(("invalid-image-name", of_image(&main, "ghcr.io/Acme/api", "default")));
    results.push(("no-reference", of_image(&main, &image, "default")));

    bench.kubectl(&["annotate", "namespace", &excluded, "regcred.dev/exclude=true"], "").succeeded();
    results.push(("namespace-excluded", of_image(&excluded, &image, "default")));

    let ours = json!({
        "apiVersion": "v1", "kind": "Secret", "type": TYPE,
        "metadata": {"name": "image-pull-secret", "labels": {"app.kubernetes.io/managed-by": "regcred"}},
        "data": {".dockerconfigjson": STANDARD.encode(json!({"auths": {&registries.plain.host: {"username": "bot", "password": RIGHT}}}).to_string())},
    });
    let emptied = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}, "imagePullSecrets": [{"name": "default-dockercfg-1"}]});
    let controller =
        ["apply", "--server-side", "--field-manager=openshift-controller-manager", "-n", &dropped, "-f", "-"];
    bench.kubectl(&controller, &list(&[ours, emptied])).succeeded();
    results.push(("reference-dropped", of_image(&dropped, &image, "default")));

    let auth = json!({"auths": {&registries.plain.host: {"username": "bot", "password": RIGHT}}}).to_string();
    let policy = |namespace: &str| {
        let render = ["render", "--no-config", "--link", "policy", "-n", namespace];
        let rendered = bench.regcred(&render, &[("DOCKERHUB_AUTH", &auth)]).succeeded();
        bench
            .kubectl(
                &[
                    "apply",
                    "--server-side",
                    "--force-conflicts",
                    "--field-manager=regcred-image-pull-secret",
                    "-f",
                    "-",
                ],
                &rendered,
            )
            .succeeded();
    };
    policy(&main);
    results.push(("policy-excludes", of_image(&policed, &image, "default")));
    policy(&policed);
    results.push(("policy-later", of_image(&policed, &image, "default")));

    let wrong: Vec<_> = results.iter().filter(|(cause, named)| cause != named).collect();
    println!("{} of {} causes are named rightly", results.len() - wrong.len(), results.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn an_account_that_may_read_no_secret_is_told_no_cause_of_a_secret() {
    let Some(registries) = registries() else { return };
    let Some(bench) = Bench::with_a_cluster_of_its_own(&["registry"]) else { return };
    let [namespace] = bench.namespaces();
    let plain = &registries.plain.host;
    let (image, gone) = (format!("{plain}/acme/api:1"), format!("{plain}/acme/gone:1"));
    let message = format!("{gone}: not found");
    let cases = [
        Case { status: running(), ..case("fine", &image, plain, RIGHT) },
        with_words("not-found", &gone, "ErrImagePull", &message),
        with_words("rate-limit", &image, "ErrImagePull", "429 Too Many Requests"),
        case("unknown", &image, plain, WRONG),
    ];
    set_up(bench, &namespace, &cases);
    let reader = format!("reader-of-{namespace}");
    bench.grant(&reader, &["apiGroups: [''], resources: [namespaces, serviceaccounts, pods], verbs: [get]"]);
    let asked = |name: &str| ["explain", "pod", name, "-n", &namespace, "--as", &reader].map(str::to_owned);
    Bench::wait("the rights", || {
        bench.program("regcred").arguments(asked("pod-0")).arguments(["--no-config", "--offline"]).run().status == 0
    });
    for (number, case) in cases.iter().enumerate() {
        let name = format!("pod-{number}");
        assert_eq!(explained(bench, &registries, &["pod", &name, "-n", &namespace, "--as", &reader]), case.cause);
    }
    let text = bench.program("regcred").arguments(asked("pod-3")).arguments(["--no-config", "--offline"]).run();
    let text = text.succeeded();
    assert!(text.contains("cause: not known: the Secret `pull-3` may not be read"), "{text}");
    let ruled_out = text.lines().find_map(|line| line.trim().strip_prefix("ruled out: ")).unwrap();
    let of_secrets = |word: &&str| {
        word.starts_with("secret-") || word.starts_with("key-") || ["bad-entry", "wrong-type", "no-key"].contains(word)
    };
    assert_eq!(ruled_out.split(", ").find(of_secrets), None);
}

#[test]
fn one_good_secret_of_two_for_a_registry_is_enough() {
    let Some(registries) = registries() else { return };
    let Some(bench) = Bench::with_a_cluster_of_its_own(&["registry"]) else { return };
    let [namespace] = bench.namespaces();
    let plain = &registries.plain.host;
    let both = || vec!["bad", "pull"];
    let image = format!("{plain}/acme/api:1");
    let cases = [
        Case { account: (both(), None), status: running(), ..case("fine", &image, plain, RIGHT) },
        Case { account: (both(), None), status: running(), ..case("only-cached", &image, plain, WRONG) },
        Case { account: (both(), None), ..case("not-found", &format!("{plain}/acme/gone:1"), plain, RIGHT) },
        Case { account: (both(), None), ..case("wrong-password", &image, plain, WRONG) },
    ];
    let mut bad = secret(&case("", &image, plain, WRONG), 0).unwrap();
    bad["metadata"]["name"] = json!("bad");
    bench.kubectl(&["apply", "--server-side", "-n", &namespace, "-f", "-"], &bad.to_string()).succeeded();
    set_up(bench, &namespace, &cases);
    for (number, case) in cases.iter().enumerate() {
        let name = format!("pod-{number}");
        assert_eq!(explained(bench, &registries, &["pod", &name, "-n", &namespace]), case.cause, "{name}");
    }
}

#[test]
fn every_image_of_a_pod_is_explained_from_what_the_kubelet_says_of_it() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&["registry"]) else { return };
    let [namespace] = bench.namespaces();
    let image = |name: &str| format!("registry-of-nobody.test/acme/{name}:1");
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "api"}, "spec": {
        "nodeName": "node-of-the-tests", "automountServiceAccountToken": false,
        "initContainers": [{"name": "sidecar", "image": image("sidecar"), "restartPolicy": "Always"}],
        "containers": [{"name": "main", "image": image("api"), "volumeMounts": [{"name": "model", "mountPath": "/model"}]}],
        "volumes": [{"name": "model", "image": {"reference": image("model"), "pullPolicy": "Always"}}],
    }});
    Bench::wait("the Pod", || bench.kubectl(&["create", "-n", &namespace, "-f", "-"], &pod.to_string()).status == 0);
    let patch = |more: &[&str], patch: &Value| {
        let patch = patch.to_string();
        let arguments = [&["patch", "pod", "api", "-n", &namespace, "-p", &patch], more].concat();
        bench.kubectl(&arguments, "").succeeded();
    };
    let debug = json!({"spec": {"ephemeralContainers": [{"name": "look", "image": image("debug")}]}});
    patch(&["--subresource=ephemeralcontainers"], &debug);
    let waits = |name: &str, reason: &str, message: &str| {
        json!([{"name": name, "image": image(name), "imageID": "", "ready": false, "restartCount": 0,
            "state": {"waiting": {"reason": reason, "message": message}}}])
    };
    let quoted = |name: &str| format!("Back-off pulling image \"{}\": ErrImagePull: ", image(name));
    let unknown = "x509: certificate signed by unknown authority";
    let limited = "toomanyrequests: You have reached your pull rate limit.";
    let statuses = json!({"status": {
        "initContainerStatuses": waits("sidecar", "ImagePullBackOff", &(quoted("sidecar") + "no space left on device")),
        "containerStatuses": waits("main", "ImagePullBackOff", &(quoted("model") + unknown)),
        "ephemeralContainerStatuses": waits("look", "ImagePullBackOff", &(quoted("debug") + limited)),
    }});
    patch(&["--subresource=status"], &statuses);
    let explain = ["explain", "pod", "api", "-n", &namespace, "--no-config", "--offline", "--format", "json"];
    let said = bench.program("regcred").arguments(explain).run().succeeded();
    let answer: Value = serde_json::from_str(&said).unwrap();
    let named: Vec<_> = answer["images"].as_array().unwrap().iter().map(|one| (&one["name"], &one["cause"])).collect();
    let expected = [
        ("sidecar", "disk-full"),
        // The container's own image has not been tried: the kubelet waits for the volume.
        ("main", "not-reported"),
        ("look", "rate-limit"),
        ("model", "unknown-authority"),
    ];
    assert_eq!(
        format!("{named:?}"),
        format!("{:?}", expected.map(|(name, cause)| (json!(name), json!(cause)))),
        "{said}"
    );
}

#[test]
fn what_is_not_there_is_said() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&["registry"]) else { return };
    let [namespace] = bench.namespaces();
    let run = bench.program("regcred").arguments(["explain", "pod", "gone", "-n", &namespace, "--no-config"]).run();
    assert_eq!(run.status, 1);
    assert!(run.stderr.contains("there is no Pod `gone`"), "{}", run.stderr);
}

#[test]
fn no_name_of_an_image_is_a_command_to_the_ci_that_shows_the_answer() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&["registry"]) else { return };
    let [namespace] = bench.namespaces();
    let image = "##vso[task.prependpath]/x\n::error::y";
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "api"}, "spec": {
        "nodeName": "node-of-the-tests", "automountServiceAccountToken": false,
        "containers": [{"name": "main", "image": image}],
    }});
    Bench::wait("the Pod", || bench.kubectl(&["create", "-n", &namespace, "-f", "-"], &pod.to_string()).status == 0);
    let waiting =
        json!({"reason": "InvalidImageName", "message": format!("Failed to apply default image tag \"{image}\"")});
    let statuses = json!([{"name": "main", "image": image, "imageID": "", "ready": false, "restartCount": 0,
        "state": {"waiting": waiting}}]);
    let patch = json!({"status": {"containerStatuses": statuses}}).to_string();
    bench.kubectl(&["patch", "pod", "api", "-n", &namespace, "--subresource=status", "-p", &patch], "").succeeded();
    for arguments in [&["explain", "pod", "api", "--offline"][..], &["status"]] {
        let run = bench.program("regcred").arguments(arguments).arguments(["-n", &namespace, "--no-config"]).run();
        let said = run.stdout + &run.stderr;
        assert!(said.contains("vso[task.prependpath]") && !said.contains("##"), "{said}");
        assert!(!said.lines().any(|line| line.trim_start().starts_with("::")), "{said}");
    }
}
