//! Runs Pods on a real node, which pulls their private image with the logins that `regcred` wrote.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::bench::{self, Bench, Program, fresh};
use crate::harness::controller::answer;
use crate::harness::node::{FIRST, IMAGE, Node, Password, SECOND};
use crate::harness::sealed_secrets::Controller;

/// A user of the registry.
pub struct Login {
    pub user: String,
}

impl Login {
    /// A user for this test alone, with the first password.
    pub fn new(node: &Node) -> Self {
        let user = fresh("user");
        node.registry_takes(&user, &FIRST);
        Self { user }
    }

    /// The output of `regcred` with these arguments and the login.
    fn regcred(&self, bench: &Bench, arguments: &[&str], password: &Password) -> String {
        self.program(bench, arguments, password).run().succeeded()
    }

    fn program(&self, bench: &Bench, arguments: &[&str], password: &Password) -> Program {
        let login = ["--no-config", "--login", "localhost:5000=REGISTRY_USER:REGISTRY_PASSWORD"];
        let program = bench.confined(arguments).arguments(login);
        program.variable("REGISTRY_USER", &self.user).variable("REGISTRY_PASSWORD", password.text)
    }

    /// Whether the registry accepts this user.
    fn is_good(&self, node: &Node, password: &Password) -> bool {
        let url = format!("http://{}:{}@localhost:5000/v2/", self.user, password.text);
        node.program("busybox").arguments(["wget", "-q", "-O", "-", &url]).run().status == 0
    }
}

/// A Pod with the private image, which is pulled even if the node has it.
pub fn pod(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec()})
}

fn spec() -> Value {
    json!({"terminationGracePeriodSeconds": 0,
        "containers": [{"name": "app", "image": IMAGE, "imagePullPolicy": "Always"}]})
}

pub fn create(bench: &Bench, namespace: &str, object: &Value) -> Value {
    let created = bench.kubectl(&["create", "-o", "json", "-n", namespace, "-f", "-"], &object.to_string());
    serde_json::from_str(&created.succeeded()).unwrap()
}

pub fn wait_until_it_runs(bench: &Bench, namespace: &str, pod: &str) {
    Bench::wait(&format!("{namespace}/{pod} to run"), || {
        bench.get(&["pod", pod, "-n", namespace])["status"]["phase"] == "Running"
    });
}

/// Waits until the registry has refused a Pod's image, and returns the Pod.
fn refused(bench: &Bench, namespace: &str, name: &str) -> Value {
    let mut pod = Value::Null;
    Bench::wait(&format!("{namespace}/{name} to be refused"), || {
        pod = bench.get(&["pod", name, "-n", namespace]);
        let waiting = &pod["status"]["containerStatuses"][0]["state"]["waiting"];
        let message = waiting["message"].as_str().unwrap_or_default();
        // While the kubelet waits for the next try, it repeats the message of the last one.
        (waiting["reason"] == "ErrImagePull" || message.contains("ErrImagePull"))
            && message.contains("401 Unauthorized")
    });
    pod
}

fn references(object: &Value) -> Value {
    object["spec"]["imagePullSecrets"].clone()
}

#[test]
fn the_first_minute_of_the_readme_ends_with_a_pod_that_runs_and_explain_names_what_breaks_it() {
    let Some((bench, node)) = Bench::with_a_node() else { return };
    let login = Login::new(node);
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let (before, rest) = readme.split_once("export DOCKERHUB_USERNAME=acme DOCKERHUB_TOKEN=example\n").unwrap();
    assert!(before.ends_with("```sh\n"));
    let script = rest.split_once("```").unwrap().0;
    let [own, other] = ["first-minute-a", "first-minute-b"];
    // The node's registry replaces Docker Hub.
    let of_the_node = [
        ("--login dockerhub", "--login localhost:5000=DOCKERHUB_USERNAME:DOCKERHUB_TOKEN"),
        ("team-a,team-b", "first-minute-a,first-minute-b"),
    ];
    let script = of_the_node.iter().fold(script.to_owned(), |script, (theirs, ours)| {
        assert!(script.contains(theirs), "{script}");
        script.replace(theirs, ours)
    });
    let shell = bench.program("sh").arguments(["-ec", &script]).variable("DOCKERHUB_USERNAME", &login.user);
    shell.variable("DOCKERHUB_TOKEN", FIRST.text).run().succeeded();
    for namespace in [own, other] {
        let created = create(bench, namespace, &pod("api"));
        assert_eq!(references(&created), json!([{"name": "image-pull-secret"}]));
        wait_until_it_runs(bench, namespace, "api");
    }

    let kubectl = |arguments: &[&str]| bench.kubectl(&[&["-n", other], arguments].concat(), "").succeeded();
    let cause_of_a_new_pod = |name: &str| {
        create(bench, other, &pod(name));
        refused(bench, other, name);
        let explain = ["explain", "pod", name, "-n", other, "--no-config", "--format", "json"];
        let answer = node.inside(|| bench.program("regcred").arguments(explain).run().succeeded());
        serde_json::from_str::<Value>(&answer).unwrap()["images"][0]["cause"].clone()
    };
    node.registry_takes(&login.user, &SECOND);
    assert_eq!(cause_of_a_new_pod("rotated"), "wrong-password");
    kubectl(&["delete", "secret", "image-pull-secret"]);
    assert_eq!(cause_of_a_new_pod("without-a-secret"), "secret-missing");
    let another = ["--docker-server=quay.io", "--docker-username=acme", "--docker-password=example"];
    kubectl(&[&["create", "secret", "docker-registry", "image-pull-secret"][..], &another].concat());
    assert_eq!(cause_of_a_new_pod("for-another-registry"), "no-key");
}

#[test]
fn without_the_secret_the_registry_refuses() {
    let Some((bench, _)) = Bench::with_a_node() else { return };
    let [namespace] = bench.namespaces();
    create(bench, &namespace, &pod("api"));
    assert_eq!(references(&refused(bench, &namespace, "api")), Value::Null);
}

#[test]
fn a_login_is_rotated_in_place() {
    let Some((bench, node)) = Bench::with_a_node() else { return };
    let [namespace] = bench.namespaces();
    let login = Login::new(node);
    let uid = || bench.get(&["secret", "image-pull-secret", "-n", &namespace])["metadata"]["uid"].clone();
    login.regcred(bench, &["apply", "--namespaces", &namespace], &FIRST);
    let before = uid();
    create(bench, &namespace, &pod("before"));
    wait_until_it_runs(bench, &namespace, "before");

    assert!(login.is_good(node, &FIRST) && !login.is_good(node, &SECOND));
    node.registry_takes(&login.user, &SECOND);
    assert!(login.is_good(node, &SECOND) && !login.is_good(node, &FIRST));
    create(bench, &namespace, &pod("between"));
    refused(bench, &namespace, "between");

    login.regcred(bench, &["apply", "--namespaces", &namespace], &SECOND);
    assert_eq!(uid(), before);
    create(bench, &namespace, &pod("after"));
    wait_until_it_runs(bench, &namespace, "after");
    // The kubelet tries again with the same Secret.
    wait_until_it_runs(bench, &namespace, "between");
}

#[test]
fn with_a_policy_the_first_pod_of_a_new_namespace_has_the_reference_and_runs() {
    let Some((bench, node)) = Bench::with_a_node() else { return };
    let [namespace] = [fresh("space")];
    let login = Login::new(node);
    let secret = fresh("secret");
    let arguments =
        ["render", "--link", "policy", "--namespaces", &namespace, "--create-namespaces", "--secret-name", &secret];
    bench.apply(&login.regcred(bench, &arguments, &FIRST)).succeeded();
    let wanted = json!([{"name": secret}]);
    Bench::wait("the policy to be in force", || {
        let probe = ["create", "--dry-run=server", "-o", "json", "-n", &namespace, "-f", "-"];
        let probe = bench.kubectl(&probe, &pod("probe").to_string());
        probe.status == 0 && references(&serde_json::from_str(&probe.stdout).unwrap()) == wanted
    });
    let account = bench.get(&["serviceaccount", "default", "-n", &namespace]);
    assert_eq!(account["imagePullSecrets"], Value::Null);
    assert_eq!(references(&create(bench, &namespace, &pod("api"))), wanted);
    wait_until_it_runs(bench, &namespace, "api");
}

#[test]
fn a_pod_that_is_stuck_without_the_reference_is_replaced_by_one_that_runs() {
    let Some((bench, node)) = Bench::with_a_node() else { return };
    let [namespace] = bench.namespaces();
    let stuck = stuck_pod_of_a_deployment(bench, &namespace, &spec());
    Login::new(node).regcred(bench, &["apply", "--namespaces", &namespace], &FIRST);
    // The Pod got its list of references when it was created, and nothing adds to it.
    assert_eq!(references(&bench.get(&["pod", &stuck, "-n", &namespace])), Value::Null);
    wait_until_it_runs(bench, &namespace, &replaced(bench, &Login::new(node), &namespace, &stuck));
}

fn pods(bench: &Bench, namespace: &str) -> Vec<String> {
    let pods = bench.get(&["pods", "-n", namespace]);
    let pods = pods["items"].as_array().unwrap().iter();
    pods.map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}

/// The Pod of a new Deployment, once the registry has refused its image.
fn stuck_pod_of_a_deployment(bench: &Bench, namespace: &str, spec: &Value) -> String {
    let labels = json!({"app": "api"});
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "api"},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": spec}}});
    create(bench, namespace, &deployment);
    Bench::wait("a Pod", || pods(bench, namespace).len() == 1);
    let stuck = pods(bench, namespace).remove(0);
    refused(bench, namespace, &stuck);
    stuck
}

/// The Pod that takes the place of a stuck one after `--restart-stuck-pods`.
fn replaced(bench: &Bench, login: &Login, namespace: &str, stuck: &str) -> String {
    login.regcred(bench, &["apply", "--namespaces", namespace, "--restart-stuck-pods"], &FIRST);
    Bench::wait("another Pod", || pods(bench, namespace).iter().any(|name| name != stuck));
    pods(bench, namespace).into_iter().find(|name| name != stuck).unwrap()
}

#[test]
fn a_pod_whose_volume_is_a_private_image_is_explained_and_replaced_by_one_that_pulls_it() {
    let Some((bench, node)) = Bench::with_a_node() else { return };
    let [namespace] = bench.namespaces();
    let spec = json!({"terminationGracePeriodSeconds": 0,
        "containers": [{"name": "app", "image": "localhost/pause:1", "imagePullPolicy": "Never",
            "volumeMounts": [{"name": "model", "mountPath": "/model"}]}],
        "volumes": [{"name": "model", "image": {"reference": IMAGE, "pullPolicy": "Always"}}]});
    let stuck = stuck_pod_of_a_deployment(bench, &namespace, &spec);
    let explain = ["explain", "pod", &stuck, "-n", &namespace, "--no-config", "--format", "json"];
    let said = node.inside(|| bench.program("regcred").arguments(explain).run()).succeeded();
    let answer: Value = serde_json::from_str(&said).unwrap();
    let images = answer["images"].as_array().unwrap();
    let model = images.iter().find(|one| one["name"] == "model").unwrap();
    assert_eq!((&model["image"], &model["cause"]), (&json!(IMAGE), &json!("no-reference")), "{said}");

    let replacement = replaced(bench, &Login::new(node), &namespace, &stuck);
    // A container runtime may be too old to mount what it has pulled.
    let pulled = format!("Successfully pulled image \"{IMAGE}\"");
    Bench::wait("the image of the volume to be pulled", || {
        let events = bench.get(&["events", "-n", &namespace]);
        let is_it = |event: &Value| {
            event["involvedObject"]["name"] == *replacement
                && event["message"].as_str().is_some_and(|message| message.contains(&pulled))
        };
        events["items"].as_array().unwrap().iter().any(is_it)
    });
}

#[test]
fn a_pod_that_comes_between_the_reference_and_the_secret_runs_once_the_secret_is_there() {
    let Some((bench, node)) = Bench::with_a_node() else { return };
    let [namespace] = bench.namespaces();
    let link = r#"{"imagePullSecrets":[{"name":"image-pull-secret"}]}"#;
    bench.kubectl(&["patch", "serviceaccount", "default", "-n", &namespace, "-p", link], "").succeeded();
    create(bench, &namespace, &pod("api"));
    refused(bench, &namespace, "api");
    Login::new(node).regcred(bench, &["apply", "--namespaces", &namespace, "--link", "none"], &FIRST);
    wait_until_it_runs(bench, &namespace, "api");
}

#[test]
fn a_pod_reaches_the_api_server_at_the_address_that_it_is_given() {
    let Some((bench, node)) = Bench::with_a_node() else { return };
    let [namespace] = bench.namespaces();
    Login::new(node).regcred(bench, &["apply", "--namespaces", &namespace], &FIRST);
    // A TLS server answers in clear to a client that does not use TLS.
    let ask = "printf 'GET /api HTTP/1.0\\r\\n\\r\\n' | \
        /busybox nc $KUBERNETES_SERVICE_HOST $KUBERNETES_SERVICE_PORT | /busybox grep 'to an HTTPS server'";
    let mut pod = pod("client");
    pod["spec"]["restartPolicy"] = json!("Never");
    pod["spec"]["containers"][0]["command"] = json!(["/busybox", "sh", "-c", ask]);
    pod["spec"]["containers"][0]["terminationMessagePolicy"] = json!("FallbackToLogsOnError");
    create(bench, &namespace, &pod);
    let mut client = Value::Null;
    Bench::wait("the client to end", || {
        client = bench.get(&["pod", "client", "-n", &namespace]);
        client["status"]["phase"] == "Succeeded" || client["status"]["phase"] == "Failed"
    });
    assert_eq!(client["status"]["phase"], "Succeeded", "{}", client["status"]["containerStatuses"]);
}

/// The controller on the node, and the names of its test.
struct Served {
    bench: &'static Bench,
    node: &'static Node,
    login: Login,
    secret: String,
    /// The controller's namespace.
    home: String,
    /// The served namespaces.
    prefix: String,
}

impl Served {
    fn new() -> Option<Self> {
        let (bench, node) = Bench::with_a_node()?;
        let [secret, home, prefix] = ["secret", "controller", "fresh"].map(fresh);
        Some(Self { bench, node, login: Login::new(node), secret, home, prefix })
    }

    /// The flags of `render`.
    fn flags(&self) -> Vec<String> {
        let image = format!("--controller-image={}", self.node.publish_regcred());
        let (home, chosen) =
            (format!("--controller-namespace={}", self.home), format!("--namespaces={}-*", self.prefix));
        let name = format!("--secret-name={}", self.secret);
        ["--strategy=controller", &image, &home, &chosen, &name, "--replicas=1"].map(str::to_owned).into()
    }

    /// The references of the ServiceAccount `default`, if it exists.
    fn list(&self, namespace: &str) -> Option<Value> {
        let account = self.bench.kubectl(&["get", "serviceaccount", "default", "-n", namespace, "-o", "json"], "");
        let account = serde_json::from_str::<Value>(&account.stdout).ok();
        account.map(|account| account["imagePullSecrets"].clone())
    }

    fn has_the_secret(&self, namespace: &str) -> bool {
        self.bench.kubectl(&["get", "secret", &self.secret, "-n", namespace], "").status == 0
    }

    fn deployment(&self) -> String {
        format!("regcred-{}", self.secret)
    }

    fn delete_the_deployment(&self) {
        self.bench.kubectl(&["delete", "deployment", &self.deployment(), "-n", &self.home], "").succeeded();
    }

    fn wait_until_it_is_ready(&self) {
        Bench::wait("the controller to be ready", || {
            self.bench.get(&["deployment", &self.deployment(), "-n", &self.home])["status"]["readyReplicas"] == 1
        });
    }

    /// Shows that the first Pod of a new namespace runs, also with the new login after `rotate`; returns the namespace.
    fn serves_a_new_namespace(&self, rotate: impl FnOnce()) -> String {
        let Self { bench, node, login, secret, prefix, .. } = self;
        let wanted = json!([{"name": secret}]);
        let mut number = 0;
        let mut namespace = String::new();
        Bench::wait("the policy for ServiceAccounts to be in force", || {
            number += 1;
            namespace = format!("{prefix}-{number}");
            bench.kubectl(&["create", "namespace", &namespace], "").succeeded();
            let mut list_at_birth = None;
            Bench::wait("the ServiceAccount", || {
                list_at_birth = self.list(&namespace);
                list_at_birth.is_some()
            });
            list_at_birth == Some(wanted.clone())
        });
        assert_eq!(references(&create(bench, &namespace, &pod("first"))), wanted);
        wait_until_it_runs(bench, &namespace, "first");

        node.registry_takes(&login.user, &SECOND);
        let data = || bench.get(&["secret", secret, "-n", &namespace])["data"].clone();
        let before = data();
        rotate();
        Bench::wait("the new login", || data() != before);
        create(bench, &namespace, &pod("after"));
        wait_until_it_runs(bench, &namespace, "after");
        namespace
    }

    /// Shows that an exclusion removes our objects, that they outlive the controller, and that `delete` leaves nothing.
    fn leaves_nothing(&self, namespace: &str, uninstall: impl FnOnce()) {
        let Self { bench, secret, prefix, .. } = self;
        bench.kubectl(&["annotate", "namespace", namespace, "regcred.dev/exclude=true"], "").succeeded();
        Bench::wait("ours to leave the excluded namespace", || {
            !self.has_the_secret(namespace) && self.list(namespace) == Some(Value::Null)
        });
        let other = format!("{prefix}-other");
        bench.kubectl(&["create", "namespace", &other], "").succeeded();
        Bench::wait("the other namespace to be served", || {
            self.has_the_secret(&other) && self.list(&other) == Some(json!([{"name": secret}]))
        });
        uninstall();
        Bench::wait("the controller to be gone", || {
            bench.get(&["pods", "-n", &self.home])["items"].as_array().unwrap().is_empty()
        });
        assert!(self.has_the_secret(&other), "nothing goes with the controller");
        let delete = ["delete", "--no-config", "-A", "--yes", "--secret-name", secret];
        bench.program("regcred").arguments(delete).run().succeeded();
        assert!(!self.has_the_secret(&other) && self.list(&other) == Some(Value::Null));
        for kind in [
            "validatingadmissionpolicies",
            "validatingadmissionpolicybindings",
            "mutatingadmissionpolicies",
            "mutatingadmissionpolicybindings",
            "clusterroles",
            "clusterrolebindings",
        ] {
            assert!(!bench.get(&[kind]).to_string().contains(secret.as_str()), "one of the {kind} is left");
        }
        // The page deletes the controller's namespace last.
        bench.kubectl(&["delete", "namespace", &self.home], "").succeeded();
        for kind in ["roles", "rolebindings", "leases", "secrets", "configmaps", "serviceaccounts", "events"] {
            let left = bench.get(&[kind, "-A"]);
            let is_there = |object: &Value| object["metadata"]["namespace"] == self.home.as_str();
            assert!(!left["items"].as_array().unwrap().iter().any(is_there), "one of the {kind} is left");
        }
    }
}

#[test]
fn the_controller_runs_from_its_image_and_the_first_pod_of_a_new_namespace_runs() {
    let Some(served) = Served::new() else { return };
    let flags = served.flags();
    let render: Vec<_> = ["render"].into_iter().chain(flags.iter().map(String::as_str)).collect();
    let apply = |password: &Password| {
        served.bench.apply(&served.login.regcred(served.bench, &render, password)).succeeded();
    };
    apply(&FIRST);
    served.wait_until_it_is_ready();
    let namespace = served.serves_a_new_namespace(|| apply(&SECOND));
    served.leaves_nothing(&namespace, || served.delete_the_deployment());
}

#[test]
fn a_pod_of_the_controller_is_not_ready_and_writes_nothing_until_its_policies_are_bound() {
    let Some(served) = Served::new() else { return };
    let Served { bench, node, login, home, prefix, .. } = &served;
    let namespace = format!("{prefix}-early");
    bench.kubectl(&["create", "namespace", &namespace], "").succeeded();
    Bench::wait("the ServiceAccount", || served.list(&namespace).is_some());
    let flags = served.flags();
    let render: Vec<_> = ["render"].into_iter().chain(flags.iter().map(String::as_str)).collect();
    let rendered = login.regcred(bench, &render, &FIRST);
    let mut unbound = bench::documents(&rendered);
    unbound.retain(|object| object["kind"] != "ValidatingAdmissionPolicyBinding");
    bench.apply(&json!({"apiVersion": "v1", "kind": "List", "items": unbound}).to_string()).succeeded();
    let mut pod = Value::Null;
    Bench::wait("the Pod to say why it is not ready", || {
        pod = bench.get(&["pods", "-n", home])["items"][0].take();
        let said = pod["status"]["podIP"].as_str().map(|ip| node.inside(|| answer(&format!("{ip}:8080"), "/readyz")));
        matches!(said, Some(Ok((503, why))) if why.contains("not confined: no ValidatingAdmissionPolicy denies"))
    });
    assert_eq!(pod["status"]["containerStatuses"][0]["ready"], false, "{pod}");
    assert!(!served.has_the_secret(&namespace) && served.list(&namespace) == Some(Value::Null));
    bench.apply(&rendered).succeeded();
    served.wait_until_it_is_ready();
    Bench::wait("the namespace", || {
        served.has_the_secret(&namespace) && served.list(&namespace) == Some(json!([{"name": served.secret}]))
    });
    let same = bench.get(&["pods", "-n", home])["items"][0]["metadata"]["uid"].clone();
    assert_eq!(same, pod["metadata"]["uid"], "it did not have to start again");
}

#[test]
fn a_gitops_folder_with_a_sealed_login_serves_every_namespace() {
    let Some(served) = Served::new() else { return };
    let Some(_) = bench::tools(&["sealed-secrets-controller"]) else { return };
    let certificate = &Controller::of(served.bench).certificate;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let flags = served.flags();
    let render: Vec<_> = ["render", "--protect=sealed", "--format=kustomization", "--output", path].into();
    let render: Vec<_> = render.into_iter().chain(flags.iter().map(String::as_str)).collect();
    // Flux builds the kustomization of a folder, and applies it server-side.
    let sync = |password: &Password| {
        let program = served.login.program(served.bench, &render, password);
        program.variable("SEALED_SECRETS_CERT", certificate).run().succeeded();
        let built = served.bench.kubectl(&["kustomize", path], "").succeeded();
        assert!(built.contains("kind: SealedSecret") && !built.contains("kind: Secret\n"), "{built}");
        served.bench.apply(&built).succeeded();
    };
    sync(&FIRST);
    served.wait_until_it_is_ready();
    let namespace = served.serves_a_new_namespace(|| sync(&SECOND));
    served.leaves_nothing(&namespace, || served.delete_the_deployment());
}

#[test]
fn one_release_of_helmfile_serves_every_namespace_from_one_variable() {
    let Some(served) = Served::new() else { return };
    let Some(_) = bench::tools(&["helm", "helmfile"]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("helmfile-examples/7-every-namespace/helmfile.yaml");
    let text = fs::read_to_string(example).unwrap();
    // The node's image and registry replace those of the example, and the names of this test replace its names.
    let flags = format!("    - '{}'\n", served.flags().join("'\n    - '"));
    let of_the_example =
        "    - --strategy=controller\n    - --controller-image=registry.example.com/platform/regcred:0.1.0\n";
    assert!(text.contains(of_the_example) && text.contains("namespace: regcred-system\n"), "{text}");
    let text = text.replace(of_the_example, &flags).replace("regcred-system", &served.home);
    bench::write(&folder.path().join("helmfile.yaml"), &text);
    let helmfile = |command: &str, password: &Password| {
        let logins = json!({"auths": {"localhost:5000": {"username": served.login.user, "password": password.text}}});
        let helmfile = served.bench.program("helmfile").directory(folder.path()).arguments([command]);
        let helmfile = helmfile.variable("HELMFILE_UPGRADE_NOTICE_DISABLED", "1");
        helmfile.variable("DOCKERHUB_AUTH", logins.to_string()).run().succeeded();
    };
    helmfile("sync", &FIRST);
    served.wait_until_it_is_ready();
    let namespace = served.serves_a_new_namespace(|| helmfile("sync", &SECOND));
    served.leaves_nothing(&namespace, || helmfile("destroy", &SECOND));
}
