//! Tests `--protect sealed` and `fetch-cert` with the real controller and the real kubeseal.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::harness::bench::{self, Bench, Run, difference, documents, fresh};
use crate::harness::controller::{Installed, NEW, OLD};
use crate::harness::sealed_secrets::Controller;
use crate::harness::unseal::{file, unseal, value};

const LOGINS: (&str, &str) = ("DOCKERHUB_AUTH", r#"{"auths":{"ghcr.io":{"username":"u","password":"p<&é"}}}"#);
const SCOPES: [&str; 3] = ["strict", "namespace-wide", "cluster-wide"];

/// The controller, and the cluster that it runs on.
#[derive(Clone, Copy)]
struct Running {
    bench: &'static Bench,
    namespace: &'static str,
    certificate: &'static str,
}

impl Running {
    fn controller() -> Option<Self> {
        let bench = Bench::with_a_cluster_of_its_own(&["kubeseal", "sealed-secrets-controller"])?;
        let controller = Controller::of(bench);
        Some(Self { bench, namespace: &controller.namespace, certificate: &controller.certificate })
    }

    /// `kubeseal` for this controller.
    fn kubeseal(&self, arguments: &[&str], stdin: &str) -> Run {
        let controller = ["--controller-name", "sealer", "--controller-namespace", self.namespace];
        self.bench.program("kubeseal").arguments(controller).arguments(arguments).stdin(stdin).run()
    }

    fn fetch_cert(&self, arguments: &[&str]) -> Run {
        let controller = ["fetch-cert", "--controller-name", "sealer", "--controller-namespace", self.namespace];
        self.bench.program("regcred").arguments(controller).arguments(arguments).run()
    }

    /// The SealedSecret that `render` writes for its certificate.
    fn sealed(&self, namespace: &str, secret: &str, scope: &str) -> Value {
        let arguments = ["render", "--link", "none", "--protect", "sealed", "--sealing-scope", scope];
        let more = ["--format", "json", "-n", namespace, "--secret-name", secret];
        let variables = [LOGINS, ("SEALED_SECRETS_CERT", self.certificate)];
        let run = self.bench.regcred(&[&arguments[..], &more].concat(), &variables);
        documents(&run.succeeded()).remove(0)
    }

    /// The controller's result: the Secret, or that it cannot be opened.
    fn outcome(&self, sealed: &Value) -> Option<Value> {
        let name = |key: &str| sealed["metadata"][key].as_str().unwrap().to_owned();
        self.bench.apply(&sealed.to_string()).succeeded();
        let mut state = String::new();
        Bench::wait("the controller to look at the SealedSecret", || {
            let found = self.bench.get(&["sealedsecret", &name("name"), "-n", &name("namespace")]);
            state = found["status"]["conditions"][0]["status"].as_str().unwrap_or_default().to_owned();
            !state.is_empty()
        });
        (state == "True").then(|| self.bench.get(&["secret", &name("name"), "-n", &name("namespace")]))
    }
}

fn moved(sealed: &Value, namespace: &str, name: &str) -> Value {
    let mut moved = sealed.clone();
    for metadata in ["/metadata", "/spec/template/metadata"] {
        let metadata = moved.pointer_mut(metadata).unwrap();
        metadata["namespace"] = json!(namespace);
        metadata["name"] = json!(name);
    }
    moved
}

#[test]
fn each_scope_comes_out_as_the_secret_that_plain_would_have_been() {
    let Some(controller) = Running::controller() else { return };
    for scope in SCOPES {
        let [namespace] = controller.bench.namespaces();
        let sealed = controller.sealed(&namespace, "pull", scope);
        controller.kubeseal(&["--validate"], &sealed.to_string()).succeeded();
        let arguments = ["render", "--link", "none", "--format", "json", "-n", &namespace, "--secret-name", "pull"];
        let plain = documents(&controller.bench.regcred(&arguments, &[LOGINS]).succeeded()).remove(0);
        let secret = controller.outcome(&sealed).unwrap();
        assert_eq!(difference(&plain, &secret), None, "{scope}");
        // After another sealing, the bytes differ, and the Secret is the same.
        let again = controller.sealed(&namespace, "pull", scope);
        assert_ne!(value(&again), value(&sealed));
        assert_eq!(controller.outcome(&again).unwrap()["data"], plain["data"]);
    }
}

#[test]
fn another_name_or_namespace_opens_only_what_the_scope_allows() {
    let Some(controller) = Running::controller() else { return };
    let [here, there] = controller.bench.namespaces();
    for (scope, other_name, other_namespace) in
        [("strict", false, false), ("namespace-wide", true, false), ("cluster-wide", true, true)]
    {
        let sealed = controller.sealed(&here, &fresh("pull"), scope);
        for (namespace, opens) in [(&here, other_name), (&there, other_namespace)] {
            let moved = moved(&sealed, namespace, &fresh("moved"));
            let validated = controller.kubeseal(&["--validate"], &moved.to_string()).status == 0;
            assert_eq!(validated, opens, "kubeseal: {scope} in {namespace}");
            assert_eq!(controller.outcome(&moved).is_some(), opens, "the controller: {scope} in {namespace}");
        }
    }
}

#[test]
fn the_example_for_argo_cd_is_opened_in_the_cluster_it_is_for_and_in_no_other() {
    let Some(controller) = Running::controller() else { return };
    let folder = tempfile::tempdir().unwrap();
    let example = format!("{}/gitops-examples/argocd-sealed/.", env!("CARGO_MANIFEST_DIR"));
    let copy = ["-R", &example, folder.path().to_str().unwrap()];
    assert!(std::process::Command::new("cp").args(copy).status().unwrap().success());
    bench::write(&folder.path().join("certs/prod-eu.pem"), controller.certificate);
    let render = || {
        let regcred = controller.bench.program("regcred").directory(folder.path()).variable(LOGINS.0, LOGINS.1);
        let regcred = regcred.variable("REGCRED_FINGERPRINT_KEY", "0f1e2d3c4b5a69788796a5b4c3d2e1f0");
        regcred.arguments(["render", "--format", "directory", "--output", "clusters"]).run().succeeded();
    };
    render();
    let read =
        |cluster: &str, file: &str| std::fs::read_to_string(folder.path().join("clusters").join(cluster).join(file));
    let sealed = |cluster: &str, namespace: &str| {
        read(cluster, &format!("namespaces/{namespace}/sealedsecret-image-pull-secret.yaml")).unwrap()
    };
    let foreign = sealed("prod-us", "web");
    controller.kubeseal(&["--validate"], &foreign).failed();
    let folder_of_cluster = folder.path().join("clusters/prod-eu");
    let apply = ["apply", "--server-side", "--field-manager=regcred", "-R", "-f", folder_of_cluster.to_str().unwrap()];
    controller.bench.kubectl(&apply, "").succeeded();
    for namespace in ["web", "api"] {
        let text = sealed("prod-eu", namespace);
        controller.kubeseal(&["--validate"], &text).succeeded();
        let secret = controller.outcome(&documents(&text).remove(0)).unwrap();
        let docker_config = STANDARD.decode(secret["data"][".dockerconfigjson"].as_str().unwrap()).unwrap();
        let docker_config: Value = serde_json::from_slice(&docker_config).unwrap();
        assert_eq!(docker_config["auths"]["ghcr.io"]["password"], "p<&é");
    }
    // A second run leaves every byte unchanged.
    let lock = read("prod-eu", "regcred.lock").unwrap();
    render();
    assert_eq!((sealed("prod-us", "web"), read("prod-eu", "regcred.lock").unwrap()), (foreign, lock));
}

#[test]
fn the_one_file_of_a_cluster_is_applied_and_opened_and_a_second_run_leaves_it() {
    let Some(controller) = Running::controller() else { return };
    let namespaces: [String; 2] = controller.bench.namespaces();
    let folder = tempfile::tempdir().unwrap();
    bench::write(&folder.path().join("cluster.pem"), controller.certificate);
    let list = namespaces.join(", ");
    let config = format!(
        "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {{name: acme}}\nspec:\n  protect: sealed\n  \
         format: yaml\n  pullSecrets:\n  - namespaces: {{include: [{list}]}}\n  clusters:\n  - name: here\n    \
         sealing: {{certificate: cluster.pem}}\n"
    );
    bench::write(&folder.path().join("regcred.yaml"), &config);
    let render = || {
        let regcred = controller.bench.program("regcred").directory(folder.path()).variable(LOGINS.0, LOGINS.1);
        let regcred = regcred.variable("REGCRED_FINGERPRINT_KEY", "0f1e2d3c4b5a69788796a5b4c3d2e1f0");
        regcred.arguments(["render", "--output", "clusters"]).run().succeeded();
    };
    render();
    let of_cluster = folder.path().join("clusters/here");
    let read = || std::fs::read_to_string(of_cluster.join("manifests.yaml")).unwrap();
    let text = read();
    let apply = ["apply", "--server-side", "--field-manager=regcred", "-f", of_cluster.to_str().unwrap()];
    controller.bench.kubectl(&apply, "").succeeded();
    for sealed in documents(&text).iter().filter(|document| document["kind"] == "SealedSecret") {
        controller.kubeseal(&["--validate"], &sealed.to_string()).succeeded();
        let secret = controller.outcome(sealed).unwrap();
        let docker_config = STANDARD.decode(secret["data"][".dockerconfigjson"].as_str().unwrap()).unwrap();
        let docker_config: Value = serde_json::from_slice(&docker_config).unwrap();
        assert_eq!(docker_config["auths"]["ghcr.io"]["password"], "p<&é");
    }
    assert_eq!(text.matches("kind: SealedSecret").count(), 2);
    assert_eq!(text.matches("kind: ServiceAccount").count(), 2);
    render();
    assert_eq!(read(), text);
}

#[test]
fn the_source_secret_of_a_patcher_can_be_sealed() {
    let Some(controller) = Running::controller() else { return };
    let [namespace] = controller.bench.namespaces();
    let arguments = ["render", "--strategy", "patcher", "--patcher-namespace", &namespace, "--protect", "sealed"];
    let variables = [LOGINS, ("SEALED_SECRETS_CERT", controller.certificate)];
    let rendered = controller.bench.regcred(&arguments, &variables).succeeded();
    let sealed = documents(&rendered).into_iter().find(|document| document["kind"] == "SealedSecret").unwrap();
    assert!(!documents(&rendered).iter().any(|document| document["kind"] == "Secret"));
    assert!(controller.outcome(&sealed).is_some());
}

#[test]
fn a_folder_with_a_sealed_login_is_all_that_the_controller_needs() {
    let Some(running) = Running::controller() else { return };
    let bench = running.bench;
    for (profile, format, manager) in
        [("argocd", "directory", "argocd-controller"), ("flux", "kustomization", "kustomize-controller")]
    {
        let [owner, system] = ["owner", "system"].map(fresh);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cluster");
        let (namespaces, path) = (format!("{owner}-*"), path.to_str().unwrap());
        let chosen = ["--secret-name", &owner, "--namespaces", &namespaces, "--controller-namespace", &system];
        let image = ["--strategy", "controller", "--controller-image", "r.test/regcred:1"];
        let form = ["--protect", "sealed", "--profile", profile, "--format", format, "--output", path];
        let deliver = |login: &str| {
            let key = ("REGCRED_FINGERPRINT_KEY", "0f1e2d3c4b5a69788796a5b4c3d2e1f0");
            let variables = [("DOCKERHUB_AUTH", login), ("SEALED_SECRETS_CERT", running.certificate), key];
            bench.regcred(&[&["render"], &image[..], &chosen, &form].concat(), &variables).succeeded();
            let what = if format == "directory" { ["-R", "-f", path].to_vec() } else { ["-k", path].to_vec() };
            let apply = ["apply", "--server-side", "--field-manager", manager];
            bench.kubectl(&[&apply[..], &what].concat(), "").succeeded();
        };
        deliver(OLD);
        let source = format!("{owner}-src");
        let opened = |before: &Value| {
            let mut data = Value::Null;
            Bench::wait("the login to be opened", || {
                let found = bench.kubectl(&["get", "secret", &source, "-n", &system, "-o", "json"], "");
                data = serde_json::from_str::<Value>(&found.stdout)
                    .map(|secret| secret["data"].clone())
                    .unwrap_or_default();
                !data.is_null() && data != *before
            });
            data
        };
        let before = opened(&Value::Null);
        let installed = Installed::applied(bench, &owner, &system);
        let replica = installed.start(&[]);
        let namespace = installed.namespace();
        Bench::wait("the namespace to be served", || installed.is_served(&namespace, "canary-of-old"));
        assert!(!bench.get(&["secret", "-n", &namespace]).to_string().contains(&source));

        deliver(NEW);
        opened(&before);
        installed.mount_login(&installed.source().unwrap());
        Bench::wait("the new login", || installed.is_served(&namespace, "canary-of-new"));
        assert!(!replica.log().contains("canary"), "{}", replica.log());
        let files =
            bench.program("sh").arguments(["-c", "grep -rlE 'canary|kind: Secret$' \"$1\" || true", "sh", path]);
        assert_eq!(files.run().succeeded(), "", "nothing in the folder is secret");
    }
}

#[test]
fn kubeseal_and_our_tests_open_what_the_other_sealed() {
    let Some(bench) = Bench::with(&["kubeseal"]) else { return };
    for (certificate, key) in [("rsa-2048.pem", "rsa-2048.key"), ("rsa-4096.pem", "rsa-4096.key")] {
        let certificate = file(certificate).to_str().unwrap().to_owned();
        for (scope, label) in SCOPES.into_iter().zip(["team-a/pull", "team-a", ""]) {
            let arguments = ["render", "--link", "none", "--format", "json", "-n", "team-a", "--secret-name", "pull"];
            let plain = documents(&bench.regcred(&arguments, &[LOGINS]).succeeded()).remove(0);
            let text = STANDARD.decode(plain["data"][".dockerconfigjson"].as_str().unwrap()).unwrap();

            let theirs = ["--cert", &certificate, "--scope", scope];
            let theirs = bench.program("kubeseal").arguments(theirs).stdin(&plain.to_string()).run().succeeded();
            let theirs = documents(&theirs).remove(0);
            assert_eq!(unseal(key, label, value(&theirs)).unwrap().as_bytes(), text, "{scope}");

            let sealing = ["--protect", "sealed", "--sealing-scope", scope, "--sealing-cert", &certificate];
            let ours = bench.regcred(&[&arguments[..], &sealing].concat(), &[LOGINS]).succeeded();
            let ours = documents(&ours).remove(0);
            let key_file = file(key).to_str().unwrap().to_owned();
            let recovery = ["--recovery-unseal", "--recovery-private-key", &key_file];
            let opened = bench.program("kubeseal").arguments(recovery).stdin(&ours.to_string()).run().succeeded();
            assert_eq!(documents(&opened)[0]["data"], plain["data"], "{scope}");
            assert_eq!(
                ours["spec"]["template"]["metadata"]["annotations"]
                    .as_object()
                    .unwrap()
                    .keys()
                    .filter(|key| key.starts_with("sealedsecrets"))
                    .collect::<Vec<_>>(),
                theirs["spec"]["template"]["metadata"]["annotations"]
                    .as_object()
                    .into_iter()
                    .flat_map(|annotations| annotations.keys())
                    .filter(|key| key.starts_with("sealedsecrets"))
                    .collect::<Vec<_>>(),
                "{scope}"
            );
        }
    }
}

#[test]
fn the_certificate_that_is_fetched_is_the_one_of_kubeseal() {
    let Some(controller) = Running::controller() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("certificates/sealing.pem");
    let output = ["--output", path.to_str().unwrap()];
    assert_eq!(controller.fetch_cert(&[&output[..], &["--check"]].concat()).status, 3);
    assert!(!path.exists());
    controller.fetch_cert(&output).succeeded();
    let found = std::fs::read_to_string(&path).unwrap();
    assert_eq!(found, controller.kubeseal(&["--fetch-cert"], "").succeeded());
    assert_eq!(controller.fetch_cert(&[&output[..], &["--check"]].concat()).status, 0);
    let written = std::fs::metadata(&path).unwrap().modified().unwrap();
    controller.fetch_cert(&output).succeeded();
    assert_eq!(std::fs::metadata(&path).unwrap().modified().unwrap(), written, "what is current is left alone");

    // A renewed certificate replaces the old one.
    std::fs::copy(file("rsa-2048.pem"), &path).unwrap();
    assert_eq!(controller.fetch_cert(&[&output[..], &["--check"]].concat()).status, 3);
    let run = controller.fetch_cert(&output);
    assert!(run.stderr.contains("seals everything for it"), "{}", run.stderr);
    run.succeeded();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), found);

    // The certificate of a cluster in regcred.yaml is fetched with that cluster's context and kubeconfig.
    let mut elsewhere = controller.bench.kubeconfig_json();
    let real = elsewhere["contexts"][0]["context"].clone();
    elsewhere["contexts"] =
        json!([{"name": "real", "context": real}, {"name": "other", "context": {"cluster": "none", "user": "none"}}]);
    elsewhere["current-context"] = json!("other");
    bench::write(
        &folder.path().join("regcred.yaml"),
        "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {name: x}\nspec:\n  clusters:\n  - {name: prod, context: real, \
         kubeconfig: {env: KUBECONFIG_PROD}, sealing: {certificate: certificates/sealing.pem}}\n",
    );
    let outside = tempfile::tempdir().unwrap();
    let kubeconfig = outside.path().join("config");
    bench::write(&kubeconfig, &elsewhere.to_string());
    for held in [elsewhere.to_string(), kubeconfig.display().to_string()] {
        std::fs::remove_file(&path).unwrap();
        let run = controller
            .bench
            .program("regcred")
            .directory(folder.path())
            .variable("KUBECONFIG_PROD", &held)
            .arguments(["fetch-cert", "--cluster", "prod", "--controller-name", "sealer"])
            .arguments(["--controller-namespace", controller.namespace])
            .run();
        assert!(run.stderr.contains("the certificate of the context `real` was written for `prod`"), "{}", run.stderr);
        run.succeeded();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), found);
    }

    // A file of somebody else stays.
    bench::write(&folder.path().join("values.yaml"), "a: b\n");
    let other = folder.path().join("values.yaml");
    assert!(controller.fetch_cert(&["--output", other.to_str().unwrap()]).failed().contains("has no certificate"));
    assert_eq!(std::fs::read_to_string(other).unwrap(), "a: b\n");
}

#[test]
fn what_keeps_the_certificate_away_is_said() {
    let Some(controller) = Running::controller() else { return };
    let (bench, namespace) = (controller.bench, controller.namespace);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sealing.pem");
    let output = ["--output", path.to_str().unwrap()];
    let failed = |arguments: &[&str], expected: &str| {
        let run = bench.program("regcred").arguments(["fetch-cert"]).arguments(output).arguments(arguments).run();
        assert_eq!(run.status, 1, "{}", run.stderr);
        assert!(run.stderr.contains(expected), "{}", run.stderr);
        assert!(!path.exists());
    };
    failed(&[], "there is no Service `sealed-secrets-controller` in the namespace `kube-system`");
    failed(&["--context", "Nobody/4711"], "the kubeconfig has no such context");
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "idle"},
        "spec": {"ports": [{"port": 8080}]}});
    bench.kubectl(&["create", "-n", namespace, "-f", "-"], &service.to_string()).succeeded();
    failed(&["--controller-name", "idle", "--controller-namespace", namespace], "nothing answers behind the Service");

    // A user without rights, and a cluster that does not exist.
    let mut config = bench.kubeconfig_json();
    config["users"][0]["user"]["as"] = json!("nobody");
    let kubeconfig = folder.path().join("config");
    let with_config = |config: &Value| {
        bench::write(&kubeconfig, &config.to_string());
        let program = bench.program("regcred").variable("KUBECONFIG", &kubeconfig).arguments(["fetch-cert"]);
        let run = program.arguments(output).run();
        assert_eq!(run.status, 1, "{}", run.stderr);
        run.stderr
    };
    assert!(with_config(&config).contains("does not let this user reach"));
    config["clusters"][0]["cluster"]["server"] = json!("https://127.0.0.1:1");
    assert!(with_config(&config).contains("`kubectl` gets no answer from the cluster"));
    bench::write(&kubeconfig, "hunter2: [");
    let run = bench.program("regcred").variable("KUBECONFIG", &kubeconfig).arguments(["fetch-cert"]).arguments(output);
    let said = run.run().failed();
    assert!(said.contains("`kubectl` gets no answer") && !said.contains("hunter2"), "{said}");
}
