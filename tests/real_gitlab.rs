//! Every GitLab CI example, run by the real gitlab-ci-local against the real API server.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[cfg(test)]
#[expect(dead_code, reason = "here regcred is run by others")]
mod bench;
#[cfg(test)]
mod unseal;

use std::path::Path;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bench::{Bench, Run};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A Docker config as a CI variable may hold it; its `auth` is `acme:canary-of-the-password`.
const LOGINS: &str = r#"{"auths":{"ghcr.io":{"auth":"YWNtZTpjYW5hcnktb2YtdGhlLXBhc3N3b3Jk"}}}"#;
const HUB: &str = r#"{"auths":{"docker.io":{"auth":"YWNtZTpjYW5hcnktb2YtdGhlLXBhc3N3b3Jk"}}}"#;

/// A repository with one of the examples in it.
struct Project {
    bench: &'static Bench,
    repository: TempDir,
}

/// The branch a pipeline is for.
#[derive(Clone, Copy)]
enum Pipeline {
    Default,
    MergeRequest,
}

impl Project {
    fn of(example: &str) -> Option<Self> {
        let bench = Bench::with_a_cluster_of_its_own(&["gitlab-ci-local", "helm", "helmfile", "rsync"])?;
        let repository = tempfile::tempdir().unwrap();
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("gitlab-ci-examples").join(example).join(".");
        assert!(Command::new("cp").arg("-R").args([&example, repository.path()]).status().unwrap().success());
        let project = Self { bench, repository };
        project.git(&["init", "--quiet", "--initial-branch=main"]);
        project.git(&["config", "user.name", "test"]);
        project.git(&["config", "user.email", "test@example.com"]);
        // Never asked: names the project.
        project.git(&["remote", "add", "origin", "https://gitlab.example.com/acme/deploy.git"]);
        project.git(&["add", "--all"]);
        project.git(&["commit", "--quiet", "--message=An example"]);
        Some(project)
    }

    fn git(&self, arguments: &[&str]) {
        assert!(Command::new("git").args(arguments).current_dir(&self.repository).status().unwrap().success());
    }

    /// Runs all jobs that the rules choose. Variables are set as under Settings, by a file that gitlab-ci-local reads.
    fn run(&self, pipeline: Pipeline, variables: &Value) -> Run {
        bench::write(&self.repository.path().join(".gitlab-ci-local-variables.yml"), &variables.to_string());
        let program = self.bench.program("gitlab-ci-local").directory(self.repository.path());
        let program = program.arguments(["--force-shell-executor", "--no-color"]);
        match pipeline {
            Pipeline::Default => program,
            Pipeline::MergeRequest => program
                .arguments(["--variable", "CI_PIPELINE_SOURCE=merge_request_event"])
                .arguments(["--variable", "CI_MERGE_REQUEST_IID=12"]),
        }
        .variable("HELMFILE_UPGRADE_NOTICE_DISABLED", "1")
        .run()
    }

    fn create_namespaces(&self, names: &[&str]) {
        for name in names {
            self.bench.kubectl(&["create", "namespace", name], "").succeeded();
        }
    }

    fn docker_config(&self, namespace: &str, name: &str) -> Value {
        let secret = self.bench.get(&["secret", name, "-n", namespace]);
        let value = secret["data"][".dockerconfigjson"].as_str().unwrap();
        serde_json::from_slice(&STANDARD.decode(value).unwrap()).unwrap()
    }
}

/// Nothing of the login is in the log, in any form.
#[track_caller]
fn assert_tight(run: &Run) {
    for canary in ["canary-of-the", "YWNtZTpjYW5hcnkt", &STANDARD.encode(LOGINS)[..40], "Y2FuYXJ5LW9m", "eyJhdXRocyI6"]
    {
        assert!(!run.stdout.contains(canary) && !run.stderr.contains(canary), "{}{}", run.stdout, run.stderr);
    }
}

/// What the whole pipeline printed, if it failed.
#[track_caller]
fn failed(run: Run) -> String {
    assert_tight(&run);
    assert_ne!(run.status, 0, "{}{}", run.stdout, run.stderr);
    run.stdout + &run.stderr
}

/// What the whole pipeline printed, if it succeeded.
#[track_caller]
fn succeeded(run: Run) -> String {
    assert_tight(&run);
    assert_eq!(run.status, 0, "{}{}", run.stdout, run.stderr);
    run.stdout + &run.stderr
}

#[test]
fn a_merge_request_is_validated_without_secrets_and_the_default_branch_is_deployed() {
    let Some(project) = Project::of("1-validate-diff-deploy") else { return };
    project.create_namespaces(&["team-a", "team-b"]);
    project.git(&["switch", "--quiet", "--create", "change"]);
    let log = succeeded(project.run(Pipeline::MergeRequest, &json!({})));
    assert!(log.contains("GHCR_TOKEN") && log.contains("MISSING"), "{log}");
    assert!(!log.contains("kubectl"), "{log}");

    let settings = project.repository.path().join("regcred.yaml");
    let good = std::fs::read_to_string(&settings).unwrap();
    bench::write(&settings, &good.replace("pullSecrets", "pullSecret"));
    assert!(failed(project.run(Pipeline::MergeRequest, &json!({}))).contains("pullSecrets"));
    bench::write(&settings, &good);

    project.git(&["switch", "--quiet", "main"]);
    let log = failed(project.run(Pipeline::Default, &json!({})));
    assert!(log.contains("`DOCKERHUB_AUTH`") && log.contains("`GHCR_TOKEN`"), "{log}");

    let variables = json!({"DOCKERHUB_AUTH": STANDARD.encode(HUB), "GHCR_TOKEN": "canary-of-the-token"});
    let log = succeeded(project.run(Pipeline::Default, &variables));
    assert!(log.contains("+kind: Secret"), "the difference is shown: {log}");
    for namespace in ["team-a", "team-b"] {
        let auths = &project.docker_config(namespace, "image-pull-secret")["auths"];
        assert_eq!(auths["ghcr.io"]["password"], "canary-of-the-token");
        assert_eq!(auths["https://index.docker.io/v1/"]["username"], "acme");
    }
    let again = succeeded(project.run(Pipeline::Default, &variables));
    assert!(!again.contains("kind: Secret"), "there is no difference any more: {again}");
}

#[test]
fn helmfile_is_run_only_when_a_kubelet_could_pull() {
    let Some(project) = Project::of("2-helmfile") else { return };
    for (variables, says) in [
        (json!({}), "`DOCKERHUB_AUTH` is not set"),
        (json!({"DOCKERHUB_AUTH": "acme:canary-of-the-password"}), "--login"),
        (json!({"DOCKERHUB_AUTH": STANDARD.encode(HUB)}), "no entry matches"),
    ] {
        let log = failed(project.run(Pipeline::Default, &variables));
        assert!(log.contains(says), "{log}");
        assert!(!log.contains("Upgrading release"), "{log}");
    }
    succeeded(project.run(Pipeline::Default, &json!({"DOCKERHUB_AUTH": STANDARD.encode(LOGINS)})));
    let docker_config = project.docker_config("team-helmfile", "image-pull-secret");
    assert_eq!(docker_config["auths"]["ghcr.io"]["username"], "acme");
}

/// Runs git in a folder, and gives what it prints.
fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git").args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_gitops_repository_gets_a_commit_only_when_something_changed() {
    let Some(project) = Project::of("3-gitops") else { return };
    let bare = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str]| git(bare.path(), arguments);
    git(&["init", "--quiet", "--bare", "--initial-branch=main"]);
    let variables = |login: &str| json!({"GITOPS_REPOSITORY": format!("file://{}", bare.path().display()), "DOCKERHUB_AUTH": STANDARD.encode(login)});
    for (login, commits) in [(LOGINS, "1"), (LOGINS, "1"), (HUB, "2")] {
        succeeded(project.run(Pipeline::Default, &variables(login)));
        assert_eq!(git(&["rev-list", "--count", "main"]).trim(), commits);
    }
    let log = failed(project.run(Pipeline::Default, &variables("canary-of-the-password")));
    assert!(log.contains("`DOCKERHUB_AUTH`"), "{log}");
    assert_eq!(git(&["rev-list", "--count", "main"]).trim(), "2");

    // What is in the repository is what a cluster takes.
    project.create_namespaces(&["web", "api"]);
    let checkout = tempfile::tempdir().unwrap();
    git(&["clone", "--quiet", ".", checkout.path().to_str().unwrap()]);
    let tree = checkout.path().join("clusters/production/pull-secrets");
    project.bench.kubectl(&["apply", "--server-side", "-k", tree.to_str().unwrap()], "").succeeded();
    let docker_config = project.docker_config("web", "image-pull-secret");
    assert_eq!(docker_config["auths"]["https://index.docker.io/v1/"]["username"], "acme");
}

#[test]
fn sealed_files_are_committed_only_when_something_changed_and_checked_without_credentials() {
    let Some(project) = Project::of("6-gitops-sealed") else { return };
    let bare = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str]| git(bare.path(), arguments);
    git(&["init", "--quiet", "--bare", "--initial-branch=main"]);
    let address = format!("file://{}", bare.path().display());
    project.git(&["push", "--quiet", &address, "main"]);
    let key = "canary-of-the-fingerprint-key-0123456789";
    let variables = |login: &str| json!({"GITOPS_REPOSITORY": address, "DOCKERHUB_AUTH": STANDARD.encode(login), "REGCRED_FINGERPRINT_KEY": key});
    for (login, commits) in [(LOGINS, "2"), (LOGINS, "2"), (HUB, "3"), (HUB, "3")] {
        succeeded(project.run(Pipeline::Default, &variables(login)));
        assert_eq!(git(&["rev-list", "--count", "main"]).trim(), commits);
    }
    let changed = git(&["diff", "--name-only", "main~1", "main"]);
    let secrets =
        ["api", "web"].map(|name| format!("pull-secrets/namespaces/{name}/sealedsecret-image-pull-secret.yaml\n"));
    assert_eq!(changed, secrets.concat() + "pull-secrets/regcred.lock\n");
    for (namespace, file) in ["api", "web"].iter().zip(&secrets) {
        let text = git(&["show", &format!("main:{}", file.trim_end())]);
        let sealed: Value = bench::documents(&text).remove(0);
        let label = format!("{namespace}/image-pull-secret");
        let opened = unseal::unseal("rsa-2048.key", &label, unseal::value(&sealed)).unwrap();
        assert!(opened.contains("index.docker.io"), "{namespace}");
        let certificate = project.repository.path().join("sealing.pem");
        assert_eq!(std::fs::read(certificate).unwrap(), std::fs::read(unseal::file("rsa-2048.pem")).unwrap());
    }

    // A merge request has no variables at all.
    project.git(&["pull", "--quiet", &address, "main"]);
    project.git(&["switch", "--quiet", "--create", "change"]);
    let log = succeeded(project.run(Pipeline::MergeRequest, &json!({})));
    assert!(!log.contains("missing:") && !log.contains("different:") && !log.contains("git clone"), "{log}");
    let settings = project.repository.path().join("regcred.yaml");
    let good = std::fs::read_to_string(&settings).unwrap();
    bench::write(&settings, &good.replace("[web, api]", "[web, api, shop]"));
    let log = succeeded(project.run(Pipeline::MergeRequest, &json!({})));
    assert!(log.contains("missing: namespaces/shop/sealedsecret-image-pull-secret.yaml"), "{log}");
    assert!(log.contains(" WARN  check") && !log.contains(" FAIL  check"), "{log}");
    // gitlab-ci-local's own exit status is 0 for every job that may fail with some status; its report tells them apart.
    bench::write(&settings, &good.replace("pullSecrets", "pullSecret"));
    let log = project.run(Pipeline::MergeRequest, &json!({})).stdout;
    assert!(log.contains(" FAIL  check") && log.contains("pullSecrets"), "{log}");
    bench::write(&settings, &good);
    let file = project.repository.path().join(secrets[0].trim_end());
    let text = std::fs::read_to_string(&file).unwrap();
    bench::write(&file, &text.replace("kubernetes.io/dockerconfigjson", "Opaque"));
    let log = succeeded(project.run(Pipeline::MergeRequest, &json!({})));
    assert!(log.contains("different: namespaces/api/sealedsecret-image-pull-secret.yaml"), "{log}");
}

#[test]
fn the_component_takes_names_of_variables() {
    let Some(project) = Project::of("4-component") else { return };
    project.create_namespaces(&["shop", "billing"]);
    let log = failed(project.run(Pipeline::Default, &json!({"DOCKERHUB_AUTH": LOGINS})));
    assert!(log.contains("`REGISTRY_AUTH` is not set"), "{log}");
    succeeded(project.run(Pipeline::Default, &json!({"REGISTRY_AUTH": STANDARD.encode(LOGINS)})));
    for namespace in ["shop", "billing"] {
        let docker_config = project.docker_config(namespace, "acme-pull-secret");
        assert_eq!(docker_config["auths"]["ghcr.io"]["username"], "acme");
    }
}

#[test]
fn a_variable_of_type_file_is_read_where_it_points() {
    let Some(project) = Project::of("5-file-variable") else { return };
    project.create_namespaces(&["team-file"]);
    let pretty = serde_json::to_string_pretty(&serde_json::from_str::<Value>(LOGINS).unwrap()).unwrap();
    let file = |content: &str| json!({"REGISTRY_CONFIG": {"type": "file", "values": {"*": content}}});
    let log = failed(project.run(Pipeline::Default, &file(&pretty.replace("auths", "other"))));
    assert!(log.contains("REGISTRY_CONFIG"), "{log}");
    succeeded(project.run(Pipeline::Default, &file(&pretty)));
    assert_eq!(project.docker_config("team-file", "image-pull-secret")["auths"]["ghcr.io"]["username"], "acme");
}
