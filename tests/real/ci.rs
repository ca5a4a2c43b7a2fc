//! Validates the pipelines of `docs/ci.md` and runs their scripts against the real API server.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use regex::Regex;
use serde_json::{Value, json};

use crate::harness::bench::{self, Bench, Program, Run, documents};
use crate::harness::custom_resources;

const LOGIN: &str = r#"{"auths":{"ghcr.io":{"auth":"YWNtZTpjYW5hcnktb2YtdGhlLXBhc3N3b3Jk"}}}"#;
/// Services whose pipelines have a JSON Schema.
const WITH_SCHEMA: [&str; 3] = ["azure-pipelines", "circle-ci", "github-workflows"];

/// The block after `<!-- NAME -->`.
fn block(name: &str) -> String {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ci.md")).unwrap();
    let (_, rest) = page.split_once(&format!("<!-- {name} -->\n```")).unwrap();
    let (_, rest) = rest.split_once('\n').unwrap();
    rest.split_once("```\n").unwrap().0.to_owned()
}

/// A script as its service runs it: the shell and its flags, the text, and the variables.
#[derive(Debug)]
struct Script {
    shell: &'static [&'static str],
    text: String,
    mapped: Vec<String>,
}

/// Every script of a pipeline, in order: the last one deploys, the ones before validate.
fn scripts(service: &str) -> Vec<Script> {
    let text = block(service);
    if service == "jenkins" {
        return jenkins(&text);
    }
    let (shell, keys): (&'static [&'static str], &[&str]) = match service {
        "github-workflows" | "github-gitops" => (&["bash", "-e"], &["run"]),
        "azure-pipelines" => (&["bash"], &["bash"]),
        "circle-ci" => (&["bash", "-eo", "pipefail"], &["command", "run"]),
        "tekton" => (&["sh", "-e"], &["script"]),
        _ => panic!("{service}"),
    };
    let mut scripts = Vec::new();
    for document in documents(&text) {
        collect(&document, shell, keys, &mut scripts);
    }
    scripts
}

fn collect(value: &Value, shell: &'static [&'static str], keys: &[&str], scripts: &mut Vec<Script>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, shell, keys, scripts)),
        Value::Object(fields) => {
            if let Some(text) = keys.iter().find_map(|key| fields.get(*key)?.as_str()) {
                let names = match &fields.get("env") {
                    Some(Value::Object(env)) => env.keys().cloned().collect(),
                    Some(Value::Array(env)) => env.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect(),
                    _ => Vec::new(),
                };
                scripts.push(Script { shell, text: text.to_owned(), mapped: names });
            }
            fields.values().for_each(|field| collect(field, shell, keys, scripts));
        }
        _ => {}
    }
}

/// `sh '…'` and `sh '''…'''`, and the variables of the credentials.
fn jenkins(text: &str) -> Vec<Script> {
    let text = text.replace("'''", "\"");
    let literals = text.match_indices("  sh ").map(|(at, _)| {
        let literal = &text[at + 5..];
        let quote = literal.chars().next().unwrap();
        literal[1..].split(quote).next().unwrap().to_owned()
    });
    let variables: Vec<_> =
        text.split("variable: '").skip(1).map(|rest| rest.split('\'').next().unwrap().to_owned()).collect();
    literals.map(|text| Script { shell: &["sh", "-xe"], text, mapped: variables.clone() }).collect()
}

/// The errors of the service's schema for a pipeline.
fn validate(tools: &Path, service: &str, text: &str) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pipeline.yaml");
    bench::write(&file, text);
    let ajv = Program::new(&tools.join("ajv")).variable("PATH", env!("PATH"));
    let ajv = ajv.arguments(["validate", "--strict=false", "--validate-formats=false", "--errors=text", "-s"]);
    let schema = tools.join(format!("{service}.schema.json"));
    ajv.arguments([&schema]).arguments(["-d"]).arguments([&file]).run()
}

#[test]
fn every_pipeline_is_valid_by_the_schema_of_its_service() {
    let files = WITH_SCHEMA.map(|service| format!("{service}.schema.json"));
    let Some(tools) = bench::tools(&["ajv", &files[0], &files[1], &files[2]]) else { return };
    for service in WITH_SCHEMA {
        let text = block(service);
        validate(&tools, service, &text).succeeded();
        // The schema does find errors.
        validate(&tools, service, &text.replace("jobs:", "jobz:")).failed();
    }
    validate(&tools, "github-workflows", &block("github-gitops")).succeeded();
}

const COMPONENT: &str = "gitlab-ci-examples/4-component/templates/regcred.yml";

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn the_examples_for_gitlab_the_component_and_what_init_writes_are_valid_by_its_schema() {
    let Some(tools) = bench::tools(&["ajv", "gitlab-ci.schema.json"]) else { return };
    let mut pipelines =
        vec![read(COMPONENT), read("templates/init/gitlab-ci.yml"), read("templates/init/gitlab-ci-commit.yml")];
    for example in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("gitlab-ci-examples")).unwrap() {
        let path = example.unwrap().path().join(".gitlab-ci.yml");
        pipelines.extend(path.exists().then(|| fs::read_to_string(path).unwrap()));
    }
    assert_eq!(pipelines.len(), 9);
    for text in pipelines {
        // A component is two documents: its inputs, and its jobs.
        for document in documents(&text) {
            validate(&tools, "gitlab-ci", &document.to_string()).succeeded();
        }
    }
    // The schema does find errors, in each of the two.
    let broken = read(COMPONENT).replace("rules:", "rulez:").replace("  inputs:", "  input:");
    for document in documents(&broken) {
        validate(&tools, "gitlab-ci", &document.to_string()).failed();
    }
}

#[test]
fn the_inputs_of_the_component_take_names_and_no_values() {
    let specification = documents(&read(COMPONENT)).remove(0);
    let inputs = &specification["spec"]["inputs"];
    // RE2, which GitLab uses, reads these as we do: `^` and `$` are the ends of the text, not of a line.
    let takes =
        |input: &str, value: &str| Regex::new(inputs[input]["regex"].as_str().unwrap()).unwrap().is_match(value);
    for (input, good, bad) in [
        ("docker-config-variable", "REGISTRY_AUTH", "registry-auth"),
        ("environment", "prod-eu", "prod eu"),
        ("namespaces", "shop,billing-*", "shop; env"),
        ("reader-kubeconfig-variable", "READER_KUBECONFIG", "reader kubeconfig"),
        ("secret-name", "acme.pull-secret", "$(env)"),
    ] {
        assert!(takes(input, good), "{input}");
        let values = [
            LOGIN,
            &STANDARD.encode(LOGIN),
            "acme:canary-of-the-password",
            "$REGISTRY_AUTH",
            "/builds/acme/config.json",
        ];
        for value in values.into_iter().chain([bad, "", &format!("{good}\n{bad}")]) {
            assert!(!takes(input, value), "{input}: {value}");
        }
        if let Some(default) = inputs[input]["default"].as_str() {
            assert!(takes(input, default), "{input}");
        }
    }
}

#[test]
fn actionlint_finds_nothing_and_init_writes_the_very_workflow() {
    let workflow = block("github-workflows");
    let folder = tempfile::tempdir().unwrap();
    let regcred = Program::new(Path::new(env!("CARGO_BIN_EXE_regcred"))).directory(folder.path());
    regcred.arguments(["init", "github"]).run().succeeded();
    let written = fs::read_to_string(folder.path().join(".github/workflows/regcred.yml")).unwrap();
    assert_eq!(workflow, written);
    let Some(tools) = bench::tools(&["actionlint"]) else { return };
    let actionlint = |text: &str| {
        Program::new(&tools.join("actionlint"))
            .arguments(["-no-color", "-shellcheck=", "-pyflakes=", "-"])
            .stdin(text)
            .run()
    };
    actionlint(&workflow).succeeded();
    actionlint(&block("github-gitops")).succeeded();
    actionlint(&read("templates/init/github-commit.yml")).succeeded();
    actionlint(&workflow.replace("github.event_name", "github.evnt_name")).failed();
}

#[test]
fn the_tasks_are_valid_by_tektons_own_schema() {
    let Some(tools) = bench::tools(&["kubeconform", custom_resources::FILE]) else { return };
    let tasks = block("tekton");
    let (status, answer) = custom_resources::validate(&tools, &["Task"], &tasks);
    assert_eq!((status, &answer["summary"]["valid"]), (0, &json!(2)), "{answer}");
    let (status, _) = custom_resources::validate(&tools, &["Task"], &tasks.replace("workingDir", "workDir"));
    assert_ne!(status, 0);
}

/// An archive as in a release, and the variables that a job gets for it.
fn archive(folder: &Path) -> BTreeMap<&'static str, String> {
    let name = "regcred-0.1.0-x86_64-unknown-linux-musl";
    let staged = folder.join(name);
    fs::create_dir_all(&staged).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_regcred"), staged.join("regcred")).unwrap();
    let tar = Program::new(Path::new("/bin/tar")).variable("PATH", "/usr/bin:/bin").directory(folder);
    tar.arguments(["-czf", &format!("{name}.tar.gz"), name]).run().succeeded();
    let sum = Program::new(Path::new("/usr/bin/sha256sum")).directory(folder);
    let sum = sum.arguments([format!("{name}.tar.gz")]).run().succeeded();
    let sum = sum.split(' ').next().unwrap().to_owned();
    let downloads = format!("file://{}", folder.display());
    [("DOWNLOADS", downloads), ("REGCRED_SHA256", sum), ("ARCHIVE", name.to_owned())].into()
}

#[test]
fn an_archive_is_taken_only_with_the_sum_that_was_pinned() {
    let (folder, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let script = block("download");
    let run = |variables: &BTreeMap<&str, String>| {
        let sh = Program::new(Path::new("/bin/sh")).directory(home.path()).variable("HOME", home.path());
        let sh = sh.variable("PATH", "/usr/local/bin:/usr/bin:/bin").arguments(["-e", "-c", &script]);
        variables.iter().fold(sh, |sh, (name, value)| sh.variable(name, value)).run()
    };
    let mut variables = archive(folder.path());
    let good = variables.insert("REGCRED_SHA256", "0".repeat(64)).unwrap();
    run(&variables).failed();
    assert!(!home.path().join("bin").exists());
    variables.insert("REGCRED_SHA256", good);
    run(&variables).succeeded();
    let regcred = Program::new(&home.path().join("bin/regcred"));
    assert!(regcred.arguments(["--version"]).run().succeeded().starts_with("regcred "));
}

/// The kubeconfig of an account that only reads namespaces and ServiceAccounts, made as in `docs/gitlab.md`.
pub fn reader(bench: &Bench) -> String {
    let name = bench::fresh("reader");
    let role = ["create", "clusterrole", &name, "--verb=get,list", "--resource=namespaces,serviceaccounts"];
    bench.kubectl(&role, "").succeeded();
    let binding = ["create", "clusterrolebinding", &name, &format!("--clusterrole={name}"), &format!("--user={name}")];
    bench.kubectl(&binding, "").succeeded();
    let mut kubeconfig = bench.kubeconfig_json();
    kubeconfig["users"][0]["user"]["as"] = json!(name);
    kubeconfig.to_string()
}

/// A program called `gh` that records its arguments and its input.
fn stand_in_for_gh(folder: &Path) {
    let gh = folder.join("gh");
    bench::write(&gh, "#!/bin/sh\ncd \"${0%/*}\"\necho \"$@\" > arguments\ncat > comment.md\n");
    fs::set_permissions(&gh, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
}

/// An output of a step, over several lines, or an empty text.
fn output(file: &Path, name: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let (_, rest) = text.split_once(&format!("{name}<<")).unwrap_or_default();
    let (end, rest) = rest.split_once('\n').unwrap_or_default();
    rest.split(end).next().unwrap_or_default().to_owned()
}

#[test]
fn every_pipeline_validates_without_secrets_and_deploys_with_them() {
    let Some(bench) = Bench::with(&[]) else { return };
    let downloads = tempfile::tempdir().unwrap();
    let given = archive(downloads.path());
    let kubeconfig = bench.kubectl(&["config", "view", "--raw"], "").succeeded();
    let reader = reader(bench);
    for service in ["github-workflows", "azure-pipelines", "circle-ci", "jenkins", "tekton"] {
        let [namespace] = bench.namespaces();
        let folder = tempfile::tempdir().unwrap();
        bench.program("regcred").directory(folder.path()).arguments(["init", "github"]).run().succeeded();
        let settings = folder.path().join("regcred.yaml");
        let text = fs::read_to_string(&settings).unwrap();
        bench::write(&settings, &text.replace("[team-a, team-b]", &format!("[{namespace}]")));
        bench::write(&folder.path().join("kubeconfig-of-the-job"), &kubeconfig);
        let (summary, bin) = (folder.path().join("summary.md"), folder.path().join("bin"));
        // It replaces GitHub, which the test does not contact.
        stand_in_for_gh(&bin);
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display());
        let run = |script: &Script, with_login: bool| -> Run {
            let (shell, flags) = script.shell.split_first().unwrap();
            let program = bench.program("sh").directory(folder.path()).variable("HOME", folder.path());
            let program = program.variable("RUNNER_TEMP", folder.path());
            let program = given.iter().fold(program, |program, (name, value)| program.variable(name, value));
            let program = program.variable("KUBECONFIG_CONTENT", &kubeconfig);
            let program = if script.mapped.contains(&"READER_KUBECONFIG".to_owned()) {
                program.variable("READER_KUBECONFIG", &reader).variable("GITHUB_STEP_SUMMARY", &summary)
            } else {
                program
            };
            let program = program.variable("GITHUB_OUTPUT", folder.path().join("output"));
            let program = if script.mapped.contains(&"GH_TOKEN".to_owned()) {
                let comment = output(&folder.path().join("output"), "comment");
                program
                    .variable("COMMENT", comment)
                    .variable("NUMBER", "12")
                    .variable("GITHUB_REPOSITORY", "acme/deploy")
                    .variable("PATH", &path)
            } else {
                program
            };
            let is_given =
                with_login && (service == "circle-ci" || script.mapped.contains(&"DOCKERHUB_AUTH".to_owned()));
            let program = if is_given { program.variable("DOCKERHUB_AUTH", LOGIN) } else { program };
            let line = format!("exec {shell} {} -c \"$0\"", flags.join(" "));
            program.arguments(["-c", &line, &script.text]).run()
        };
        let tight = |run: &Run| {
            for canary in ["canary-of-the", "YWNtZTpjYW5hcnkt"] {
                assert!(!run.stdout.contains(canary) && !run.stderr.contains(canary), "{service}: {run:?}");
            }
        };
        let scripts = scripts(service);
        let (deploy, validate) = scripts.split_last().unwrap();
        let listed: String = validate.iter().map(|script| run(script, false).succeeded()).collect();
        assert!(listed.contains("DOCKERHUB_AUTH") && listed.contains("MISSING"), "{service}: {listed}");

        if service == "github-workflows" {
            let comment = fs::read_to_string(folder.path().join("bin/comment.md")).unwrap();
            assert!(comment.contains("| link | `not linked` |") && !comment.contains("Secret/"), "{comment}");
            assert!(comment.contains("Secrets not compared"), "{comment}");
            assert_eq!(comment.trim_end(), fs::read_to_string(&summary).unwrap().trim_end());
            let said = fs::read_to_string(folder.path().join("bin/arguments")).unwrap();
            assert!(said.starts_with("pr comment 12 --repo acme/deploy "), "{said}");
        }

        let without = run(deploy, false);
        assert!(without.stderr.contains("`DOCKERHUB_AUTH` is not set"), "{service}: {without:?}");
        let get = ["get", "secret", "image-pull-secret", "-n", &namespace];
        without.failed();
        bench.kubectl(&get, "").failed();

        let done = run(deploy, true);
        tight(&done);
        done.succeeded();
        bench.kubectl(&get, "").succeeded();
        if service == "github-workflows" {
            // The next step uploads it, by this name.
            let page = fs::read_to_string(folder.path().join("pull-secrets.html")).unwrap();
            assert!(page.contains(&namespace) && !page.contains("canary"), "{page}");
            assert!(block(service).contains("\n        path: pull-secrets.html\n"));
        }
    }
}

#[test]
fn sealed_files_are_checked_without_secrets_and_committed_only_when_something_changed() {
    let (folder, bare) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let example = format!("{}/gitlab-ci-examples/6-gitops-sealed", env!("CARGO_MANIFEST_DIR"));
    for file in ["regcred.yaml", "sealing.pem"] {
        fs::copy(Path::new(&example).join(file), folder.path().join(file)).unwrap();
    }
    let git = |arguments: &[&str]| {
        let git = Program::new(Path::new("/usr/bin/git")).directory(folder.path()).variable("HOME", folder.path());
        let git = git.arguments(["-c", "user.name=test", "-c", "user.email=test@example.com"]);
        git.variable("PATH", "/usr/bin:/bin").arguments(arguments).run().succeeded()
    };
    git(&["init", "--quiet", "--initial-branch=main"]);
    git(&["init", "--quiet", "--bare", "--initial-branch=main", bare.path().to_str().unwrap()]);
    git(&["remote", "add", "origin", bare.path().to_str().unwrap()]);
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "--message=Start"]);
    let run = |script: &Script, login: Option<&str>| {
        let own = Path::new(env!("CARGO_BIN_EXE_regcred")).parent().unwrap();
        let bash = Program::new(Path::new("/bin/bash")).directory(folder.path()).variable("HOME", folder.path());
        let bash = bash.variable("PATH", format!("{}:/usr/bin:/bin", own.display())).arguments(&script.shell[1..]);
        let bash = match login {
            Some(login) => bash
                .variable("DOCKERHUB_AUTH", login)
                .variable("REGCRED_FINGERPRINT_KEY", "canary-of-the-fingerprint-key-0123456789"),
            None => bash,
        };
        let run = bash.arguments(["-c", &script.text]).run();
        for canary in ["canary-of-the", "YWNtZTpjYW5hcnkt"] {
            assert!(!run.stdout.contains(canary) && !run.stderr.contains(canary), "{run:?}");
        }
        run
    };
    let scripts = scripts("github-gitops");
    let [check, render] = scripts.as_slice() else { panic!("{scripts:?}") };
    let first = run(check, None);
    assert!(first.stderr.contains("missing: namespaces/web/"), "{first:?}");
    first.succeeded();
    let commits = || git(&["rev-list", "--count", "origin/main"]).trim().to_owned();
    for (login, expected) in [(LOGIN, "2"), (LOGIN, "2"), (&LOGIN.replace("ghcr.io", "quay.io"), "3")] {
        run(render, Some(login)).succeeded();
        assert_eq!(commits(), expected);
    }
    let current = run(check, None);
    assert!(!current.stderr.contains("missing: ") && !current.stderr.contains("different: "), "{current:?}");
    current.succeeded();
    bench::write(&folder.path().join("sealing.pem"), "");
    run(check, None).failed();
}
