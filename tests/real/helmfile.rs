//! Runs every Helmfile example with the real helmfile and helm, with its variables set, missing and wrong.

use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::bench::{self, Bench, Program, Run, documents};

const PASSWORD: &str = "canary-of-the-password";
/// The same in an `auth`: `acme:canary-of-the-password`.
const AUTH: &str = "YWNtZTpjYW5hcnktb2YtdGhlLXBhc3N3b3Jk";
/// A Docker config as a CI variable may hold it.
const LOGINS: &str = r#"{"auths": {"ghcr.io": {"auth": "YWNtZTpjYW5hcnktb2YtdGhlLXBhc3N3b3Jk"}}}"#;
/// The expected content of the Secret.
const CHECKED: &str = r#"{"auths":{"ghcr.io":{"username":"acme","password":"canary-of-the-password","auth":"YWNtZTpjYW5hcnktb2YtdGhlLXBhc3N3b3Jk"}}}"#;

/// A copy of the examples, so that files of a run do not stay.
struct Example {
    bench: &'static Bench,
    copy: TempDir,
    name: &'static str,
    variables: Vec<(&'static str, String)>,
}

impl Example {
    fn copy(name: &'static str) -> Option<Self> {
        let bench = Bench::with_a_cluster_of_its_own(&["helmfile", "helm"])?;
        let copy = tempfile::tempdir().unwrap();
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("helmfile-examples/.");
        assert!(Command::new("cp").arg("-R").args([&examples, copy.path()]).status().unwrap().success());
        let variables = vec![("HELMFILE_UPGRADE_NOTICE_DISABLED", "1".to_owned())];
        Some(Self { bench, copy, name, variables })
    }

    /// Sets a variable for every run.
    fn variable(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    fn folder(&self) -> PathBuf {
        self.copy.path().join(self.name)
    }

    /// Helmfile, or the script that the example runs before it.
    fn helmfile(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Program {
        let script = "./deploy";
        let program = if self.folder().join(script).exists() {
            self.bench.program("sh").arguments([script])
        } else {
            self.bench.program("helmfile")
        };
        let program = program.directory(&self.folder()).arguments(arguments);
        let always = self.variables.iter().map(|(name, value)| (*name, value.as_str()));
        always.chain(variables.iter().copied()).fold(program, |program, (name, value)| program.variable(name, value))
    }

    /// Whether the Secret exists and holds the checked Docker config.
    fn assert_secret(&self, namespace: &str, name: &str) {
        let secret = self.bench.get(&["secret", name, "-n", namespace]);
        assert_eq!(secret["type"], "kubernetes.io/dockerconfigjson");
        assert_eq!(decoded(&secret), CHECKED);
    }

    fn exists(&self, what: &[&str]) -> bool {
        self.bench.kubectl(&[&["get"], what].concat(), "").status == 0
    }
}

fn decoded(secret: &Value) -> String {
    let value = secret["data"][".dockerconfigjson"].as_str().unwrap();
    String::from_utf8(STANDARD.decode(value).unwrap()).unwrap()
}

/// The output holds no part of the login, in any form.
#[track_caller]
fn assert_tight(run: &Run) {
    for canary in [PASSWORD, AUTH, "YW5hcnktb2Yt", &STANDARD.encode(LOGINS)[..40], &STANDARD.encode(CHECKED)[..60]] {
        assert!(!run.stdout.contains(canary) && !run.stderr.contains(canary), "{}{}", run.stdout, run.stderr);
    }
}

/// With a missing or wrong variable, each example must stop, name the variable, change nothing, and print no login.
///
/// `namespace` is that of a release.
fn assert_that_it_stops(example: &Example, environment: &[&str], variable: &str, namespace: &str) {
    for command in ["template", "sync"] {
        for (value, says) in [
            (None, variable),
            (Some(""), variable),
            (Some("acme:canary-of-the-password"), "--login"),
            (Some(r#"{"auths": {"ghcr.io": {"auth": "YWNtZTpjYW5hcnktb2YtdGhlLXBhc3N3b3Jk"}"#), variable),
            (Some(r#"{"auths": {"ghcr.io": {"auth": "canary-of-the-password"}}}"#), "ghcr.io"),
        ] {
            let variables: Vec<_> = value.into_iter().map(|value| (variable, value)).collect();
            let run = example.helmfile(&[environment, &[command]].concat(), &variables).run();
            assert_ne!(run.status, 0, "{command} with {value:?}: {}", run.stdout);
            assert!(run.stderr.contains(says), "{command} with {value:?}: {}", run.stderr);
            assert_tight(&run);
        }
    }
    assert!(!example.exists(&["namespace", namespace]), "something was released to {namespace}");
}

/// If Helm fails, each example must print no login, although Helmfile prints its arguments and all its output.
fn assert_that_no_failure_of_helm_leaks(example: &Example, environment: &[&str], variables: &[(&str, &str)]) {
    for (arguments, variable, says) in [
        // No cluster, a cluster that refuses, and a Helm that does not know the command.
        (&["sync"][..], ("KUBECONFIG", "/dev/null"), "Error: "),
        (&["sync"], ("HELM_KUBEASUSER", "nobody"), "forbidden"),
        (&["template", "--args", "--no-such-flag"], ("HELM_DEBUG", "true"), "unknown flag: --no-such-flag"),
    ] {
        let run = example.helmfile(&[environment, arguments].concat(), &[variables, &[variable]].concat()).run();
        assert!(run.stderr.contains("exited with non-zero status") && run.stderr.contains(says), "{}", run.stderr);
        assert_tight(&run);
        run.failed();
    }
}

#[test]
fn a_checked_value_reaches_the_source_secret_whatever_form_the_variable_has() {
    let Some(example) = Example::copy("1-checked-value") else { return };
    assert_that_it_stops(&example, &[], "DOCKERHUB_AUTH", "imagepullsecret-patcher");
    let file = example.folder().join("config.json");
    bench::write(&file, LOGINS);
    let base64 = STANDARD.encode(LOGINS);
    for form in [LOGINS, &base64, file.to_str().unwrap()] {
        let variables = [("DOCKERHUB_AUTH", form)];
        let objects = documents(&example.helmfile(&["template"], &variables).run().succeeded());
        assert_eq!(objects.len(), 1);
        assert_eq!(decoded(&objects[0]), CHECKED);
        let sync = example.helmfile(&["sync"], &variables).run();
        assert_tight(&sync);
        sync.succeeded();
        example.assert_secret("imagepullsecret-patcher", "image-pull-secret-src");
    }
    assert_that_no_failure_of_helm_leaks(&example, &[], &[("DOCKERHUB_AUTH", LOGINS)]);
}

#[test]
fn a_hook_renders_the_chart_and_default_survives_the_release() {
    let Some(example) = Example::copy("2-prepare-hook") else { return };
    assert_that_it_stops(&example, &[], "DOCKERHUB_AUTH", "pull-secrets");
    let variables = [("DOCKERHUB_AUTH", LOGINS)];
    assert_that_no_failure_of_helm_leaks(&example, &[], &variables);
    assert!(example.helmfile(&["lint"], &[]).run().failed().contains("`DOCKERHUB_AUTH` is not set"));
    let lint = example.helmfile(&["lint"], &variables).run();
    assert_tight(&lint);
    assert!(lint.succeeded().contains("1 chart(s) linted, 0 chart(s) failed"));
    let objects = documents(&example.helmfile(&["template"], &variables).run().succeeded());
    let kinds: Vec<_> = objects.iter().map(|object| object["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["Namespace", "Namespace", "ServiceAccount", "ServiceAccount", "Secret", "Secret"]);
    for _ in ["an empty cluster", "one that is there"] {
        let sync = example.helmfile(&["sync"], &variables).run();
        assert_tight(&sync);
        sync.succeeded();
    }
    let default = || example.bench.get(&["serviceaccount", "default", "-n", "api"]);
    let before = default();
    assert_eq!(before["imagePullSecrets"][0]["name"], "image-pull-secret");
    for namespace in ["web", "api"] {
        example.assert_secret(namespace, "image-pull-secret");
    }
    example.helmfile(&["destroy"], &variables).run().succeeded();
    assert!(!example.exists(&["secret", "image-pull-secret", "-n", "api"]));
    assert_eq!(default()["metadata"]["uid"], before["metadata"]["uid"]);
}

#[test]
fn a_values_file_is_rendered_before_helmfile_and_needs_nothing_that_may_be_forbidden() {
    let Some(example) = Example::copy("3-values-file") else { return };
    let example = example.variable("HELMFILE_DISABLE_INSECURE_FEATURES", "true");
    let example = example.variable("HELMFILE_DISABLE_HOOKS", "true");
    assert_that_it_stops(&example, &[], "DOCKERHUB_AUTH", "pull-secrets-values");
    // And Helmfile alone does not go on without the values.
    for command in ["template", "sync"] {
        let helmfile = example.bench.program("helmfile").directory(&example.folder());
        let missing = helmfile.arguments([command]).run().failed();
        assert!(missing.contains("pull-secrets.yaml"), "{missing}");
    }
    assert!(!example.exists(&["namespace", "pull-secrets-values"]));

    let variables = [("DOCKERHUB_AUTH", LOGINS)];
    assert_that_no_failure_of_helm_leaks(&example, &[], &variables);
    assert_eq!(documents(&example.helmfile(&["template"], &variables).run().succeeded()).len(), 4);
    let sync = example.helmfile(&["sync"], &variables).run();
    assert_tight(&sync);
    sync.succeeded();
    for namespace in ["mail", "search"] {
        example.assert_secret(namespace, "image-pull-secret");
    }
}

#[test]
fn the_chart_in_the_example_is_the_one_that_render_writes() {
    let Some(example) = Example::copy("3-values-file") else { return };
    let arguments = ["render", "--format=chart", "--namespaces=x", "--output=written"];
    let regcred = example.bench.program("regcred").directory(&example.folder()).arguments(arguments);
    regcred.variable("DOCKERHUB_AUTH", LOGINS).run().succeeded();
    let ours = ["--exclude=values.yaml", "--exclude=.gitignore", "--exclude=regcred.lock"];
    let diff = Command::new("diff").args(["-r", "chart", "written"]).args(ours).current_dir(example.folder()).output();
    assert_eq!(String::from_utf8(diff.unwrap().stdout).unwrap(), "");
}

#[test]
fn each_environment_reads_its_own_variable_and_serves_its_own_cluster() {
    let Some(example) = Example::copy("4-environments") else { return };
    // One cluster under two names.
    let mut config = example.bench.kubeconfig_json();
    let context = config["contexts"][0].clone();
    config["contexts"] = ["staging", "production"]
        .map(|name| {
            let mut context = context.clone();
            context["name"] = name.into();
            context
        })
        .to_vec()
        .into();
    config["current-context"] = "".into();
    let kubeconfig = example.copy.path().join("kubeconfig");
    bench::write(&kubeconfig, &config.to_string());
    let example = example.variable("KUBECONFIG", kubeconfig.to_str().unwrap());

    assert_that_it_stops(&example, &["-e", "staging"], "STAGING_REGISTRY_AUTH", "shop-staging");
    let staging = [("STAGING_REGISTRY_AUTH", LOGINS)];
    assert_that_no_failure_of_helm_leaks(&example, &["-e", "staging"], &staging);
    example.helmfile(&["-e", "staging", "sync"], &staging).run().succeeded();
    example.assert_secret("shop-staging", "image-pull-secret");

    // The login of another environment does not count.
    let example = example.variable("STAGING_REGISTRY_AUTH", LOGINS);
    assert_that_it_stops(&example, &["-e", "production"], "PRODUCTION_REGISTRY_AUTH", "shop-production");
    let production = [("PRODUCTION_REGISTRY_AUTH", LOGINS)];
    assert_that_no_failure_of_helm_leaks(&example, &["-e", "production"], &production);
    let objects = documents(&example.helmfile(&["-e", "production", "template"], &production).run().succeeded());
    assert_eq!(objects.len(), 2);
    example.helmfile(&["-e", "production", "sync"], &production).run().succeeded();
    for namespace in ["shop-production", "billing-production"] {
        example.assert_secret(namespace, "image-pull-secret");
    }
}

#[test]
fn a_workload_waits_for_its_secret_and_stays_away_without_it() {
    let Some(example) = Example::copy("5-needs") else { return };
    assert_that_it_stops(&example, &[], "DOCKERHUB_AUTH", "shop");
    assert_that_no_failure_of_helm_leaks(&example, &[], &[("DOCKERHUB_AUTH", LOGINS)]);

    // A cluster that accepts no Secret: Helm keeps its own records elsewhere, so that only ours is refused.
    example.bench.kubectl(&["create", "namespace", "shop"], "").succeeded();
    example.bench.kubectl(&["create", "quota", "no-secrets", "--hard=count/secrets=0", "-n", "shop"], "").succeeded();
    Bench::wait("the quota to be counted", || {
        !example.bench.get(&["quota", "no-secrets", "-n", "shop"])["status"]["used"].is_null()
    });
    let variables = [("DOCKERHUB_AUTH", LOGINS), ("HELM_DRIVER", "configmap")];
    let refused = example.helmfile(&["sync"], &variables).run();
    assert_tight(&refused);
    assert!(refused.failed().contains("exceeded quota: no-secrets"));
    assert!(!example.exists(&["deployment", "shop", "-n", "shop"]));

    example.bench.kubectl(&["delete", "quota", "no-secrets", "-n", "shop"], "").succeeded();
    example.helmfile(&["sync"], &variables).run().succeeded();
    example.assert_secret("shop", "image-pull-secret");
    assert!(example.exists(&["deployment", "shop", "-n", "shop"]));
}

#[test]
fn one_release_holds_the_controller_its_rights_and_the_login() {
    let Some(example) = Example::copy("7-every-namespace") else { return };
    assert_that_it_stops(&example, &[], "DOCKERHUB_AUTH", "regcred-system");
    let variables = [("DOCKERHUB_AUTH", LOGINS)];
    assert_that_no_failure_of_helm_leaks(&example, &[], &variables);
    let objects = documents(&example.helmfile(&["template"], &variables).run().succeeded());
    let count = |kind: &str| objects.iter().filter(|object| object["kind"] == kind).count();
    let kinds = ["ValidatingAdmissionPolicy", "MutatingAdmissionPolicy", "ClusterRole", "Secret", "Deployment"];
    assert_eq!(kinds.map(count), [3, 1, 1, 1, 1]);
    for _ in ["an empty cluster", "one that is there"] {
        let sync = example.helmfile(&["sync"], &variables).run();
        assert_tight(&sync);
        sync.succeeded();
        example.assert_secret("regcred-system", "image-pull-secret-src");
    }
    let source = || example.bench.get(&["secret", "image-pull-secret-src", "-n", "regcred-system"]);
    let before = source();
    let rotated = LOGINS.replace(AUTH, "YWNtZTpyb3RhdGVk");
    example.helmfile(&["sync"], &[("DOCKERHUB_AUTH", &rotated)]).run().succeeded();
    assert_ne!(source()["data"], before["data"]);
    assert_eq!(source()["metadata"]["uid"], before["metadata"]["uid"]);
    example.helmfile(&["destroy"], &variables).run().succeeded();
    for left in [["deployment", "-A"], ["validatingadmissionpolicies", "-A"], ["mutatingadmissionpolicies", "-A"]] {
        assert!(!example.bench.get(&left).to_string().contains("regcred-image-pull-secret"), "{left:?}");
    }
}

#[test]
fn values_that_sops_encrypted_are_opened_by_helmfile_alone_and_only_with_the_key() {
    let Some(example) = Example::copy("6-sops") else { return };
    if bench::tools(&["sops", "age-keygen"]).is_none() {
        return;
    }
    let program = |name: &str| example.bench.program(name).directory(&example.folder());
    let keygen = |arguments: &[&str]| program("age-keygen").arguments(arguments).run().succeeded();
    keygen(&["-o", "key"]);
    keygen(&["-o", "other"]);
    let rules = example.folder().join(".sops.yaml");
    let text = std::fs::read_to_string(&rules).unwrap();
    bench::write(&rules, &text.replace("age1-public-key-of-the-cluster", keygen(&["-y", "key"]).trim()));
    let readme = std::fs::read_to_string(example.folder().join("README.md")).unwrap();
    let file = example.folder().join("secrets.yaml");
    let regcred = || {
        let command = readme.lines().find_map(|line| line.strip_prefix("regcred ")).unwrap();
        program("regcred")
            .arguments(command.split(' '))
            .variable("REGCRED_FINGERPRINT_KEY", "0f1e2d3c4b5a69788796a5b4c3d2e1f0")
    };
    let render = || {
        regcred().variable("DOCKERHUB_AUTH", LOGINS).run().succeeded();
        std::fs::read_to_string(&file).unwrap()
    };
    for regcred in [regcred(), regcred().variable("DOCKERHUB_AUTH", "")] {
        assert!(regcred.run().failed().contains("`DOCKERHUB_AUTH` is"));
    }
    assert!(!file.exists());
    for command in ["template", "sync"] {
        let missing = example.helmfile(&[command], &[]).run().failed();
        assert!(missing.contains("secrets.yaml"), "{missing}");
    }
    let encrypted = render();
    assert!(encrypted.contains("ENC[AES256_GCM,") && encrypted.contains("- mobile\n"), "{encrypted}");
    assert_eq!(render(), encrypted);

    let (key, other) = (example.folder().join("key"), example.folder().join("other"));
    let with_key = [("SOPS_AGE_KEY_FILE", key.to_str().unwrap())];
    let with_other = [("SOPS_AGE_KEY_FILE", other.to_str().unwrap())];
    let stops = |variables: &[(&str, &str)], says: &str| {
        for command in ["template", "sync"] {
            let run = example.helmfile(&[command], variables).run();
            assert_tight(&run);
            let said = run.failed();
            assert!(said.contains("sops://secrets.yaml") && said.contains(says), "{said}");
        }
        assert!(!example.exists(&["namespace", "pull-secrets-sops"]));
    };
    for variables in [&[][..], &[("SOPS_AGE_KEY_FILE", "")], &with_other] {
        stops(variables, "Error getting data key");
    }
    bench::write(&file, &encrypted.replace("- mobile\n", "- kube-system\n"));
    stops(&with_key, "failed to verify data integrity");
    bench::write(&file, &encrypted);

    assert_that_no_failure_of_helm_leaks(&example, &[], &with_key);

    // Without sops and plugins: only helmfile and helm.
    let objects = documents(&example.helmfile(&["template"], &with_key).run().succeeded());
    assert_eq!(objects.iter().filter(|object| object["kind"] == "Secret").count(), 2, "{objects:?}");
    let sync = example.helmfile(&["sync"], &with_key).run();
    assert_tight(&sync);
    sync.succeeded();
    for namespace in ["mobile", "desktop"] {
        example.assert_secret(namespace, "image-pull-secret");
    }
}
