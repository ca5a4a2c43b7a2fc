//! Runs every GitLab CI example with gitlab-ci-local against the real API server.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::ci::reader;
use crate::harness::bench::{self, Bench, Run};
use crate::harness::unseal;

/// A Docker config as a CI variable may hold it; its `auth` is `acme:canary-of-the-password`.
const LOGINS: &str = r#"{"auths":{"ghcr.io":{"auth":"YWNtZTpjYW5hcnktb2YtdGhlLXBhc3N3b3Jk"}}}"#;
const HUB: &str = r#"{"auths":{"docker.io":{"auth":"YWNtZTpjYW5hcnktb2YtdGhlLXBhc3N3b3Jk"}}}"#;

/// A repository with one of the examples, or with the output of `init`.
struct Project {
    bench: &'static Bench,
    repository: TempDir,
}

/// The branch a pipeline is for.
#[derive(Clone, Copy)]
enum Pipeline {
    /// The default branch, which is protected.
    Default,
    /// The default branch of a project that protects nothing.
    Unprotected,
    /// On the default branch.
    Scheduled,
    MergeRequest,
}

impl Project {
    fn of(example: &str) -> Option<Self> {
        let example = examples().join(example).join(".");
        Self::with(|_, folder| {
            assert!(Command::new("cp").arg("-R").args([&example, folder]).status().unwrap().success());
        })
    }

    fn of_init() -> Option<Self> {
        Self::with(|bench, folder| {
            bench.program("regcred").directory(folder).arguments(["init", "gitlab"]).run().succeeded();
        })
    }

    fn with(fill: impl FnOnce(&Bench, &Path)) -> Option<Self> {
        let bench = Bench::with_a_cluster_of_its_own(&["gitlab-ci-local", "helm", "helmfile", "rsync"])?;
        let repository = tempfile::tempdir().unwrap();
        fill(bench, repository.path());
        let project = Self { bench, repository };
        project.git(&["init", "--quiet", "--initial-branch=main"]);
        project.git(&["config", "user.name", "test"]);
        project.git(&["config", "user.email", "test@example.com"]);
        // Never contacted: it names the project.
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
            Pipeline::Default => program.arguments(["--variable", "CI_COMMIT_REF_PROTECTED=true"]),
            Pipeline::Scheduled => program
                .arguments(["--variable", "CI_COMMIT_REF_PROTECTED=true"])
                .arguments(["--variable", "CI_PIPELINE_SOURCE=schedule"]),
            Pipeline::Unprotected => program.arguments(["--variable", "CI_COMMIT_REF_PROTECTED=false"]),
            Pipeline::MergeRequest => program
                .arguments(["--variable", "CI_PIPELINE_SOURCE=merge_request_event", "--variable", "GITLAB_CI=true"])
                .arguments(["--variable", "CI_MERGE_REQUEST_IID=12", "--variable", "CI_COMMIT_BRANCH="]),
        }
        .variable("HELMFILE_UPGRADE_NOTICE_DISABLED", "1")
        .run()
    }

    /// Without one of these variables, or with an empty one, the pipeline that deploys fails, and names the variable.
    #[track_caller]
    fn assert_that_it_needs(&self, variable: &str, variables: &Value) {
        for value in [None, Some("")] {
            let mut variables = variables.clone();
            variables.as_object_mut().unwrap().remove(variable);
            if let Some(value) = value {
                variables[variable] = value.into();
            }
            let log = failed(self.run(Pipeline::Default, &variables));
            assert!(says(&log, variable), "{value:?}: {log}");
        }
    }

    /// The comment on a merge request after two pipelines, from an account that only reads namespaces and ServiceAccounts.
    fn comment_on_a_merge_request(&self) -> String {
        let reader = json!({"type": "file", "values": {"*": reader(self.bench)}});
        let log = succeeded(self.run(Pipeline::MergeRequest, &json!({"READER_KUBECONFIG": reader})));
        assert!(says(&log, "no comment on the merge request: COMMENT_TOKEN is not set"), "{log}");

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/api/v4", listener.local_addr().unwrap());
        let gitlab = std::thread::spawn(move || requests(&listener));
        let variables =
            json!({"READER_KUBECONFIG": reader, "COMMENT_TOKEN": "canary-of-the-token", "CI_API_V4_URL": address});
        for _ in ["the first time", "again"] {
            let log = succeeded(self.run(Pipeline::MergeRequest, &variables));
            assert!(says(&log, "ServiceAccount/default") && !says(&log, "no comment"), "{log}");
        }
        // Ends the server.
        TcpStream::connect(address["http://".len()..].split('/').next().unwrap()).unwrap();
        let heard = gitlab.join().unwrap();
        let asked: Vec<_> =
            heard.iter().map(|request| request.split("/merge_requests/12/").collect::<Vec<_>>()).collect();
        let [list, post, again, put] = asked.as_slice() else { panic!("{heard:?}") };
        for (request, method, place) in
            [(list, "GET", "notes?"), (post, "POST", "notes "), (again, "GET", "notes?"), (put, "PUT", "notes/100 ")]
        {
            assert!(request[0].starts_with(method) && request[1].starts_with(place), "{request:?}");
            assert!(request[1].contains("PRIVATE-TOKEN: canary-of-the-token"), "{request:?}");
        }
        let [first, second] = [post, put].map(|request| decoded(request[1].split_once("\r\n\r\n").unwrap().1));
        assert_eq!(first, second);
        second
    }

    /// Changes a file without a commit.
    fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.repository.path().join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        bench::write(&path, &text.replace(from, to));
    }

    fn create_namespaces(&self, names: &[&str]) {
        for name in names {
            self.bench.kubectl(&["create", "namespace", name], "").succeeded();
        }
    }

    fn has_secret(&self, namespace: &str, name: &str) -> bool {
        self.bench.kubectl(&["get", "secret", name, "-n", namespace], "").status == 0
    }

    fn docker_config(&self, namespace: &str, name: &str) -> Value {
        let secret = self.bench.get(&["secret", name, "-n", namespace]);
        let value = secret["data"][".dockerconfigjson"].as_str().unwrap();
        serde_json::from_slice(&STANDARD.decode(value).unwrap()).unwrap()
    }
}

/// The requests that a GitLab gets, until a client connects and sends nothing. It has a comment of another user, and keeps what is posted.
fn requests(listener: &TcpListener) -> Vec<String> {
    let mut heard = Vec::new();
    loop {
        let mut stream = BufReader::new(listener.accept().unwrap().0);
        let (mut request, mut length) = (String::new(), 0);
        while stream.read_line(&mut request).unwrap() > 2 {
            let last = request.lines().last().unwrap().to_lowercase();
            length = last.strip_prefix("content-length: ").map_or(length, |length| length.parse().unwrap());
        }
        if request.is_empty() {
            return heard;
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).unwrap();
        let body = String::from_utf8(body).unwrap();
        // In the order of GitLab.
        let note = |id: u32, body: &str| {
            format!(r#"{{"id":{id},"type":null,"body":{},"attachment":null,"author":{{"id":9}}}}"#, json!(body))
        };
        let others = note(7, r#"Look: {"id":8,"type":null,"body":"[regcred]: #"}"#);
        let is_posted = heard.iter().find(|request: &&String| request.starts_with("POST "));
        let posted = is_posted.map(|post| note(100, &decoded(post.split_once("\r\n\r\n").unwrap().1)));
        let answer = format!("[{}]", [others].into_iter().chain(posted).collect::<Vec<_>>().join(","));
        let answer =
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{answer}", answer.len());
        stream.get_mut().write_all(answer.as_bytes()).unwrap();
        heard.push(request + &body);
    }
}

/// A form's value.
fn decoded(form: &str) -> String {
    let text = form.strip_prefix("body=").unwrap().replace('+', " ");
    let (first, rest) = text.split_once('%').unwrap_or((&text, ""));
    let bytes = rest
        .split('%')
        .filter(|part| part.len() >= 2)
        .flat_map(|part| [&[u8::from_str_radix(&part[..2], 16).unwrap()], &part.as_bytes()[2..]].concat());
    first.to_owned() + &String::from_utf8(bytes.collect()).unwrap()
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("gitlab-ci-examples")
}

/// The log holds no part of the login, in any form.
#[track_caller]
fn assert_tight(run: &Run) {
    for canary in ["canary-of-the", "YWNtZTpjYW5hcnkt", &STANDARD.encode(LOGINS)[..40], "Y2FuYXJ5LW9m", "eyJhdXRocyI6"]
    {
        assert!(!run.stdout.contains(canary) && !run.stderr.contains(canary), "{}{}", run.stdout, run.stderr);
    }
}

/// The output of the whole pipeline, if it failed.
#[track_caller]
fn failed(run: Run) -> String {
    assert_tight(&run);
    assert_ne!(run.status, 0, "{}{}", run.stdout, run.stderr);
    run.stdout + &run.stderr
}

/// The output of the whole pipeline, if it succeeded.
#[track_caller]
fn succeeded(run: Run) -> String {
    assert_tight(&run);
    assert_eq!(run.status, 0, "{}{}", run.stdout, run.stderr);
    run.stdout + &run.stderr
}

/// Whether the output of a job has this text, and not only the script, which the log repeats.
fn says(log: &str, what: &str) -> bool {
    log.lines().filter_map(|line| line.split_once(" > ")).any(|(_, line)| line.contains(what))
}

#[test]
fn a_merge_request_is_validated_without_secrets_and_the_default_branch_is_deployed() {
    let Some(project) = Project::of("1-validate-diff-deploy") else { return };
    project.create_namespaces(&["team-a", "team-b"]);
    project.git(&["switch", "--quiet", "--create", "change"]);
    let log = succeeded(project.run(Pipeline::MergeRequest, &json!({})));
    assert!(log.contains("GHCR_TOKEN") && log.contains("MISSING"), "{log}");
    assert!(!log.contains("kubectl"), "{log}");

    project.edit("regcred.yaml", "pullSecrets", "pullSecret");
    assert!(failed(project.run(Pipeline::MergeRequest, &json!({}))).contains("pullSecrets"));
    project.git(&["restore", "."]);
    let comments = project.comment_on_a_merge_request();
    assert!(comments.contains("| team-a | `ServiceAccount/default` | link |"), "{comments}");
    assert!(comments.contains("Secrets not compared"), "{comments}");

    project.git(&["switch", "--quiet", "main"]);
    let variables = json!({"DOCKERHUB_AUTH": STANDARD.encode(HUB), "GHCR_TOKEN": "canary-of-the-token"});
    for variable in ["DOCKERHUB_AUTH", "GHCR_TOKEN"] {
        project.assert_that_it_needs(variable, &variables);
    }
    let log = failed(project.run(Pipeline::Default, &json!({})));
    assert!(log.contains("`DOCKERHUB_AUTH`") && log.contains("`GHCR_TOKEN`"), "{log}");
    assert!(!["team-a", "team-b"].iter().any(|namespace| project.has_secret(namespace, "image-pull-secret")));

    let log = succeeded(project.run(Pipeline::Default, &variables));
    assert!(says(&log, "create Secret/image-pull-secret  (missing)"), "the difference is shown: {log}");
    for namespace in ["team-a", "team-b"] {
        let auths = &project.docker_config(namespace, "image-pull-secret")["auths"];
        assert_eq!(auths["ghcr.io"]["password"], "canary-of-the-token");
        assert_eq!(auths["https://index.docker.io/v1/"]["username"], "acme");
    }
    let again = succeeded(project.run(Pipeline::Default, &variables));
    assert!(!says(&again, "Secret/") && says(&again, "4 unchanged"), "there is no difference any more: {again}");
    let page = std::fs::read_to_string(project.repository.path().join("pull-secrets.html")).unwrap();
    assert!(page.contains("team-b") && !page.contains("canary"), "the artifact shows the namespaces");
}

#[test]
fn helmfile_is_run_only_when_a_kubelet_could_pull() {
    let Some(project) = Project::of("2-helmfile") else { return };
    project.assert_that_it_needs("DOCKERHUB_AUTH", &json!({}));
    for (variables, says) in [
        (json!({"DOCKERHUB_AUTH": "acme:canary-of-the-password"}), "--login"),
        (json!({"DOCKERHUB_AUTH": STANDARD.encode(HUB)}), "no entry matches"),
    ] {
        let log = failed(project.run(Pipeline::Default, &variables));
        assert!(log.contains(says), "{log}");
        assert!(!log.contains("Upgrading release"), "{log}");
    }
    assert!(!project.has_secret("team-helmfile", "image-pull-secret"));
    succeeded(project.run(Pipeline::Default, &json!({"DOCKERHUB_AUTH": STANDARD.encode(LOGINS)})));
    let docker_config = project.docker_config("team-helmfile", "image-pull-secret");
    assert_eq!(docker_config["auths"]["ghcr.io"]["username"], "acme");
}

/// Runs git in a folder, and returns its output.
fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git").args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The repository that a job pushes to, without commits.
fn bare_repository() -> TempDir {
    let bare = tempfile::tempdir().unwrap();
    git(bare.path(), &["init", "--quiet", "--bare", "--initial-branch=main"]);
    bare
}

fn commits(bare: &TempDir) -> String {
    git(bare.path(), &["rev-list", "--count", "--all"]).trim().to_owned()
}

/// With a missing or wrong login, or a missing or unreachable repository, the job fails with its reason; `variables` are those with
/// which it succeeds.
fn assert_that_nothing_is_committed(project: &Project, bare: &TempDir, variables: &Value) {
    let before = commits(bare);
    for variable in ["DOCKERHUB_AUTH", "GITOPS_REPOSITORY"] {
        project.assert_that_it_needs(variable, variables);
    }
    let unreachable = "https://ci:canary-of-the-token@127.0.0.1:1/gitops.git";
    for (variable, value, reason) in [
        ("DOCKERHUB_AUTH", "acme:canary-of-the-password", "--login"),
        ("GITOPS_REPOSITORY", unreachable, "127.0.0.1:1"),
    ] {
        let mut variables = variables.clone();
        variables[variable] = value.into();
        let log = failed(project.run(Pipeline::Default, &variables));
        assert!(says(&log, reason), "{log}");
    }
    assert_eq!(commits(bare), before);
}

#[test]
fn a_gitops_repository_gets_a_commit_only_when_something_changed() {
    let Some(project) = Project::of("3-gitops") else { return };
    let bare = bare_repository();
    let git = |arguments: &[&str]| git(bare.path(), arguments);
    let address = format!("file://{}", bare.path().display());
    let variables = |login: &str| json!({"GITOPS_REPOSITORY": address, "DOCKERHUB_AUTH": STANDARD.encode(login)});
    assert_that_nothing_is_committed(&project, &bare, &variables(LOGINS));
    for (login, expected) in [(LOGINS, "1"), (LOGINS, "1"), (HUB, "2")] {
        succeeded(project.run(Pipeline::Default, &variables(login)));
        assert_eq!(commits(&bare), expected);
    }

    // A cluster accepts the content of the repository.
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
    let bare = bare_repository();
    let git = |arguments: &[&str]| git(bare.path(), arguments);
    let address = format!("file://{}", bare.path().display());
    project.git(&["push", "--quiet", &address, "main"]);
    let key = "canary-of-the-fingerprint-key-0123456789";
    let variables = |login: &str| json!({"GITOPS_REPOSITORY": address, "DOCKERHUB_AUTH": STANDARD.encode(login), "REGCRED_FINGERPRINT_KEY": key});
    assert_that_nothing_is_committed(&project, &bare, &variables(LOGINS));
    for (login, expected) in [(LOGINS, "2"), (LOGINS, "2"), (HUB, "3"), (HUB, "3")] {
        succeeded(project.run(Pipeline::Default, &variables(login)));
        assert_eq!(commits(&bare), expected);
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
    project.edit("regcred.yaml", "[web, api]", "[web, api, shop]");
    let log = succeeded(project.run(Pipeline::MergeRequest, &json!({})));
    assert!(log.contains("missing: namespaces/shop/sealedsecret-image-pull-secret.yaml"), "{log}");
    assert!(log.contains(" WARN  check") && !log.contains(" FAIL  check"), "{log}");
    // gitlab-ci-local exits with 0 for every job that may fail with some status; its report shows the difference.
    project.edit("regcred.yaml", "pullSecrets", "pullSecret");
    let log = project.run(Pipeline::MergeRequest, &json!({})).stdout;
    assert!(log.contains(" FAIL  check") && log.contains("pullSecrets"), "{log}");
    project.git(&["restore", "."]);
    project.edit(secrets[0].trim_end(), "kubernetes.io/dockerconfigjson", "Opaque");
    let log = succeeded(project.run(Pipeline::MergeRequest, &json!({})));
    assert!(log.contains("different: namespaces/api/sealedsecret-image-pull-secret.yaml"), "{log}");
}

#[test]
fn the_component_takes_names_of_variables() {
    let Some(project) = Project::of("4-component") else { return };
    project.create_namespaces(&["shop", "billing", "shop-staging"]);
    let comment = project.comment_on_a_merge_request();
    assert!(comment.contains("| shop | `ServiceAccount/default` | link |"), "{comment}");
    let variables = json!({"REGISTRY_AUTH": STANDARD.encode(LOGINS), "DOCKERHUB_AUTH": STANDARD.encode(HUB)});
    project.assert_that_it_needs("REGISTRY_AUTH", &variables);
    // A value in place of the name: GitLab refuses it by `regex`, which gitlab-ci-local ignores. regcred refuses it, too.
    let value = STANDARD.encode(LOGINS);
    project.edit(".gitlab-ci.yml", "REGISTRY_AUTH", &value);
    let run = project.run(Pipeline::Default, &variables);
    assert_ne!(run.status, 0);
    let log = run.stdout + &run.stderr;
    assert!(says(&log, "expects the name of a variable") && !says(&log, &value[..40]), "{log}");
    project.git(&["restore", "."]);
    assert!(!["shop", "billing"].iter().any(|namespace| project.has_secret(namespace, "acme-pull-secret")));

    // Once for each environment.
    let text = std::fs::read_to_string(project.repository.path().join(".gitlab-ci.yml")).unwrap();
    let (_, included) = text.split_once("include:\n").unwrap();
    let (included, _) = included.split_once("\n\n").unwrap();
    let staging = included.replace("shop,billing", "shop-staging\n    environment: staging");
    project.edit(".gitlab-ci.yml", "include:\n", &format!("include:\n{staging}\n"));
    succeeded(project.run(Pipeline::Default, &variables));
    for namespace in ["shop", "billing", "shop-staging"] {
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
    project.assert_that_it_needs("REGISTRY_CONFIG", &json!({}));
    for content in ["", &pretty.replace("auths", "other")] {
        let log = failed(project.run(Pipeline::Default, &file(content)));
        assert!(says(&log, "REGISTRY_CONFIG"), "{log}");
    }
    assert!(!project.has_secret("team-file", "image-pull-secret"));
    succeeded(project.run(Pipeline::Default, &file(&pretty)));
    assert_eq!(project.docker_config("team-file", "image-pull-secret")["auths"]["ghcr.io"]["username"], "acme");
}

#[test]
fn the_pipeline_of_init_reads_no_secret_on_a_merge_request_and_deploys_from_the_protected_branch() {
    let Some(project) = Project::of_init() else { return };
    let [namespace] = project.bench.namespaces();
    project.edit("regcred.yaml", "[team-a, team-b]", &format!("[{namespace}]"));
    let log = succeeded(project.run(Pipeline::MergeRequest, &json!({})));
    assert!(says(&log, "MISSING") && !log.contains("regcred diff"), "{log}");
    assert!(says(&log, "MISSING is expected here") && !log.contains("not current"), "{log}");
    let comments = project.comment_on_a_merge_request();
    assert!(comments.contains(&format!("| {namespace} | `ServiceAccount/default` | link |")), "{comments}");

    let variables = json!({"DOCKERHUB_AUTH": STANDARD.encode(LOGINS)});
    project.assert_that_it_needs("DOCKERHUB_AUTH", &variables);
    assert!(!project.has_secret(&namespace, "image-pull-secret"));
    for _ in ["the first time", "again"] {
        succeeded(project.run(Pipeline::Default, &variables));
        let auths = &project.docker_config(&namespace, "image-pull-secret")["auths"];
        assert_eq!(auths["ghcr.io"]["username"], "acme");
    }
    let default = project.bench.get(&["serviceaccount", "default", "-n", &namespace]);
    assert_eq!(default["imagePullSecrets"], json!([{"name": "image-pull-secret"}]));

    // A schedule serves a new namespace.
    let prefix = bench::fresh("glob");
    project.edit(".gitlab-ci.yml", "    regcred apply ||", &format!("    regcred apply --namespaces '{prefix}-*' ||"));
    project.create_namespaces(&[&format!("{prefix}-a")]);
    succeeded(project.run(Pipeline::Scheduled, &variables));
    assert!(project.has_secret(&format!("{prefix}-a"), "image-pull-secret"));
}

#[test]
fn no_script_of_the_pipeline_that_includes_the_jobs_runs_in_them() {
    let existing = "default: {before_script: [exit 42], after_script: [echo of-the-script]}\n\
                    include: [{local: pull-secrets.gitlab-ci.yml}]\n";
    let project = Project::with(|bench, folder| {
        bench::write(&folder.join(".gitlab-ci.yml"), existing);
        bench.program("regcred").directory(folder).arguments(["init", "gitlab"]).run().succeeded();
    });
    let Some(project) = project else { return };
    let log = succeeded(project.run(Pipeline::MergeRequest, &json!({})));
    assert!(says(&log, "MISSING is expected here"), "{log}");
    project.edit("pull-secrets.gitlab-ci.yml", "  inherit:\n    default: [tags, retry, timeout]\n", "");
    failed(project.run(Pipeline::MergeRequest, &json!({})));
}

#[test]
fn where_the_default_branch_is_not_protected_no_job_runs() {
    let names = std::fs::read_dir(examples()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    for project in names.map(|path| Project::of(path.to_str().unwrap())).chain([Project::of_init()]) {
        let Some(project) = project else { return };
        let log = succeeded(project.run(Pipeline::Unprotected, &json!({"DOCKERHUB_AUTH": STANDARD.encode(LOGINS)})));
        assert!(!["$", ">"].iter().any(|mark| log.contains(&format!(" {mark} "))), "{log}");
    }
}
