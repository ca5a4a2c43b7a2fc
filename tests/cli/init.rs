//! Tests the files that `regcred init` writes.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const TOOLS: &[(&str, &[&str])] = &[
    ("argocd", &["application.yaml", "regcred.yaml"]),
    ("flux", &[".sourceignore", "kustomization-flux.yaml", "regcred.yaml"]),
    ("github", &[".github/workflows/regcred.yml", "regcred.yaml"]),
    ("gitlab", &[".gitlab-ci.yml", "regcred.yaml"]),
    ("helmfile", &["helmfile.yaml", "regcred.yaml"]),
];

fn regcred(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_regcred")).args(arguments).current_dir(folder).env_clear().output().unwrap()
}

/// The files under a folder, sorted.
fn files(folder: &Path) -> Vec<String> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { walk(&path, found) } else { found.push(path) }
        }
    }
    let mut found = Vec::new();
    walk(folder, &mut found);
    let mut names: Vec<_> =
        found.iter().map(|path| path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

#[test]
fn each_tool_gets_its_files_and_a_regcred_yaml_that_regcred_reads() {
    for (tool, expected) in TOOLS {
        let folder = tempfile::tempdir().unwrap();
        let output = regcred(folder.path(), &["init", tool]);
        assert!(output.status.success(), "{tool}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(files(folder.path()), *expected, "{tool}");
        let said = String::from_utf8_lossy(&output.stdout);
        let (written, next) = said.split_once("next:\n").unwrap();
        assert!(expected.iter().all(|name| written.contains(&format!("wrote {name}\n"))), "{tool}: {written}");
        assert!(next.starts_with("- put your logins and namespaces into regcred.yaml"), "{tool}: {next}");
        // The steps that are left name the tool's own file, or the command of the tool.
        let own = expected.iter().filter(|name| **name != "regcred.yaml");
        assert!(own.chain([&"helmfile template"]).any(|word| next.contains(word)), "{tool}: {next}");
        let config = fs::read_to_string(folder.path().join("regcred.yaml")).unwrap();
        assert!(config.contains("# +argocd:skip-file-rendering\n"), "{config}");
        assert!(config.contains("config.kubernetes.io/local-config: \"true\"\n"), "{config}");
        // Tools that always force take away the references of OpenShift.
        assert_eq!(config.contains("# On OpenShift: `link: policy`"), ["argocd", "flux"].contains(tool), "{config}");
        let list = regcred(folder.path(), &["verify", "--list"]);
        assert_eq!(
            String::from_utf8_lossy(&list.stdout),
            "DOCKERHUB_AUTH  a whole Docker config: MISSING\n",
            "{tool}: {}",
            String::from_utf8_lossy(&list.stderr)
        );
    }
}

#[test]
fn where_nobody_has_listed_namespaces_the_controller_is_proposed_and_its_comment_works() {
    for (tool, _) in TOOLS {
        let folder = tempfile::tempdir().unwrap();
        let output = regcred(folder.path(), &["init", tool]);
        let said = String::from_utf8_lossy(&output.stdout);
        let path = folder.path().join("regcred.yaml");
        let config = fs::read_to_string(&path).unwrap();
        let is_proposed = ["helmfile", "argocd"].contains(tool);
        assert_eq!(said.contains("let the controller serve every one"), is_proposed, "{tool}: {said}");
        assert_eq!(config.contains("# strategy: controller\n"), is_proposed, "{tool}: {config}");
        if !is_proposed {
            continue;
        }
        // As the comment in the file says.
        let config = config.replace("# strategy:", "strategy:").replace("# controller:", "controller:");
        let config = config.replace("      include: [team-a, team-b]\n", "      exclude: [sandbox]\n");
        let config = config.replace("link: none", "link: service-account");
        fs::File::create(&path).unwrap().write_all(config.as_bytes()).unwrap();
        let chart = ["render", "--check", "--protect", "plain", "--format", "chart", "--output", "chart"];
        let output = regcred(folder.path(), &chart);
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("templates/deployment.yaml"), "{tool}: {said}");
    }
}

#[test]
fn a_file_that_is_there_is_named_and_then_nothing_is_written() {
    for (tool, names) in TOOLS {
        // If a pipeline exists, a file to include is written.
        for existing in names.iter().filter(|name| **name != ".gitlab-ci.yml") {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(existing);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::File::create(&path).unwrap();
            let output = regcred(folder.path(), &["init", tool]);
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{tool}");
            assert!(output.stdout.is_empty() && stderr.contains(&format!("`{existing}` is there already")), "{stderr}");
            assert_eq!(files(folder.path()), [*existing]);
            let has_a_way =
                stderr.contains("run `regcred init helmfile --directory pull-secrets`, and add `helmfiles:");
            assert_eq!(has_a_way, *existing == "helmfile.yaml", "{stderr}");
            assert_eq!(fs::metadata(path).unwrap().len(), 0);
        }
    }
}

#[test]
fn helmfile_gets_no_second_file_of_which_it_reads_one() {
    for existing in ["helmfile.yaml.gotmpl", "helmfile.d"] {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(existing)).unwrap();
        let output = regcred(folder.path(), &["init", "helmfile"]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(
            stderr.contains(&format!("`{existing}` is there already")) && stderr.contains("helmfiles:"),
            "{stderr}"
        );
        assert!(files(folder.path()).is_empty());
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the user's own file")]
fn a_regcred_yaml_with_a_mistake_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("regcred.yaml"), "spec:\n  pullSecrets: [\n").unwrap();
    let output = regcred(folder.path(), &["init", "gitlab"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("is there already, but not valid") && stderr.contains("the `[` of line 2"), "{stderr}");
    assert_eq!(files(folder.path()), ["regcred.yaml"]);
}

#[test]
fn jobs_are_written_for_a_regcred_yaml_that_is_there() {
    let folder = tempfile::tempdir().unwrap();
    assert!(regcred(folder.path(), &["init", "github"]).status.success());
    let output = regcred(folder.path(), &["init", "gitlab"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.starts_with("kept regcred.yaml\nwrote .gitlab-ci.yml\n"), "{said}");
    // A release has the Secrets of this one.
    let folder = tempfile::tempdir().unwrap();
    assert!(regcred(folder.path(), &["init", "helmfile"]).status.success());
    let output = regcred(folder.path(), &["init", "gitlab"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("`helmfile sync`, as in"), "{said}");
}

#[test]
fn a_second_tool_in_one_folder_hears_which_files_to_take_over() {
    let folder = tempfile::tempdir().unwrap();
    assert!(regcred(folder.path(), &["init", "argocd"]).status.success());
    let output = regcred(folder.path(), &["init", "flux"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let hint = "  hint: write to another folder with `--directory DIR`; then move `.sourceignore` here, move `kustomization-flux.yaml` here, \
                copy the settings of the new `regcred.yaml` into the existing one, and correct the paths\n";
    assert!(said.contains(hint), "{said}");
}

#[test]
fn a_second_regcred_yaml_below_the_first_one_is_noted() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join(".git")).unwrap();
    fs::File::create(folder.path().join(".git/HEAD")).unwrap();
    for (directory, is_noted) in [(".", false), ("below", true)] {
        let output = regcred(folder.path(), &["init", "argocd", "--directory", directory]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        assert_eq!(
            said.contains("note: `regcred.yaml` at the top of the repository is another one"),
            is_noted,
            "{said}"
        );
    }
}

/// The lines of a job that begin with these words.
fn commands<'a>(jobs: &'a str, words: &str) -> Vec<&'a str> {
    let lines = jobs.lines().map(|line| line.trim_start().trim_start_matches("- ").trim_start_matches("run: "));
    lines.filter(|line| line.starts_with(words)).collect()
}

#[cfg(unix)]
#[test]
fn the_merge_request_job_fails_where_a_merge_request_can_see_the_fault() {
    for (tool, jobs) in [("gitlab", ".gitlab-ci.yml"), ("github", ".github/workflows/regcred.yml")] {
        let folder = tempfile::tempdir().unwrap();
        assert!(regcred(folder.path(), &["init", tool]).status.success());
        let jobs = fs::read_to_string(folder.path().join(jobs)).unwrap();
        let in_a_merge_request = commands(&jobs, "regcred verify --list");
        let before_apply = commands(&jobs, "regcred verify --namespaces-from");
        assert_eq!((in_a_merge_request.len(), before_apply.len()), (1, 1), "{jobs}");
        let config = fs::read_to_string(folder.path().join("regcred.yaml")).unwrap();
        for (old, new, fault) in [
            ("", "", ""),
            ("team-b", "'shop-*'", ""),
            ("link:", "lnik:", "unknown field; did you mean `link`?"),
            ("team-b", "Team", "capital letter"),
            ("link:", "protect: sealed\n  sealing: {certificate: none.pem}\n  link:", "cannot be read: no such file"),
        ] {
            assert!(config.contains(old), "{config}");
            let mut file = fs::File::create(folder.path().join("regcred.yaml")).unwrap();
            file.write_all(config.replacen(old, new, usize::from(!old.is_empty())).as_bytes()).unwrap();
            for (command, login) in
                [(in_a_merge_request[0], ""), (before_apply[0], r#"{"auths":{"a.test":{"auth":"dTpw"}}}"#)]
            {
                let command = command.replacen("regcred", env!("CARGO_BIN_EXE_regcred"), 1);
                let mut shell = Command::new("sh");
                shell.args(["-ec", &command]).current_dir(folder.path()).env_clear().env("DOCKERHUB_AUTH", login);
                let output = shell.output().unwrap();
                let said = String::from_utf8_lossy(&output.stderr);
                assert_eq!(output.status.success(), fault.is_empty(), "{tool}: {command}: {said}");
                assert!(said.contains(fault), "{tool}: {command}: {said}");
            }
        }
    }
}

#[test]
fn a_pipeline_that_is_there_gets_a_file_to_include_in_its_stages() {
    for (existing, validate, deploy) in [
        ("stages: [lint, ship]\nlint: {stage: lint, script: [make lint]}\n", "lint", "ship"),
        ("stages: [build, test, deploy, clean]\n", "test", "deploy"),
        ("stages: [build, unit-test, deploy-staging, deploy-prod, cleanup]\n", "build", "deploy-staging"),
        ("stages: [.pre, lint, Rollout, notify, .post]\n", "lint", "Rollout"),
        ("spec:\n  inputs:\n    env: {default: dev}\n---\nstages: [compile, ship]\n", "compile", "ship"),
        ("stages: [compile, ship]\nvariables: {A: \"1\", A: \"2\"}\n", "compile", "ship"),
        ("build: {script: !reference [.x, script]}\n", "test", "deploy"),
        ("", "test", "deploy"),
        ("stages: [build\n", "test", "deploy"),
        ("workflow: {rules: [{when: always}]}\n", "test", "deploy"),
        ("stages: ['yes', \"a\\n  script: [b]\"]\n", "\"yes\"", "\"a\\n  script: [b]\""),
    ] {
        let folder = tempfile::tempdir().unwrap();
        #[expect(clippy::disallowed_methods, reason = "a fixture")]
        fs::write(folder.path().join(".gitlab-ci.yml"), existing).unwrap();
        let output = regcred(folder.path(), &["init", "gitlab"]);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("add `include: [{local: pull-secrets.gitlab-ci.yml}]` to .gitlab-ci.yml"), "{said}");
        assert_eq!(said.contains("two pipelines"), !existing.contains("workflow:"), "{said}");
        assert_eq!(
            said.contains("the stages in .gitlab-ci.yml cannot be read"),
            existing == "stages: [build\n",
            "{said}"
        );
        assert_eq!(said.contains("no job deploys before its stage"), deploy != "deploy", "{said}");
        assert_eq!(files(folder.path()), [".gitlab-ci.yml", "pull-secrets.gitlab-ci.yml", "regcred.yaml"]);
        assert_eq!(fs::read_to_string(folder.path().join(".gitlab-ci.yml")).unwrap(), existing);
        let jobs = fs::read_to_string(folder.path().join("pull-secrets.gitlab-ci.yml")).unwrap();
        assert_eq!(jobs.matches("  stage: ").count(), 3);
        assert!(jobs.contains(&format!("\n  stage: {validate}\n")) && jobs.contains(&format!("\n  stage: {deploy}\n")));
        assert!(!jobs.contains("\nstages:") && !jobs.contains("\ndefault:"));
    }
}

#[test]
fn a_fleet_gets_the_job_of_the_ci_that_is_there() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join(".github")).unwrap();
    assert!(regcred(folder.path(), &["init", "argocd", "--clusters", "eu"]).status.success());
    let workflow = fs::read_to_string(folder.path().join(".github/workflows/pull-secrets.yml")).unwrap();
    assert!(workflow.contains("\n        regcred render --output clusters\n"), "{workflow}");
    assert!(workflow.contains("REGCRED_FINGERPRINT_KEY"));
    assert!(!folder.path().join(".gitlab-ci.yml").exists());
    // A second run keeps the job.
    let output = regcred(folder.path(), &["init", "argocd"]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("kept .github/workflows/pull-secrets.yml\n"));
}

#[test]
fn a_workflow_that_was_moved_to_the_top_of_the_repository_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join(".github/workflows")).unwrap();
    fs::create_dir(folder.path().join(".git")).unwrap();
    fs::File::create(folder.path().join(".git/HEAD")).unwrap();
    let init = |more: &[&str]| {
        let output = regcred(folder.path(), &[&["init", "flux", "--directory", "below"], more].concat());
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let name = ".github/workflows/pull-secrets-below.yml";
    assert!(init(&["--clusters", "eu"]).contains(&format!("- move below/{name} to {name}")));
    fs::rename(folder.path().join("below").join(name), folder.path().join(name)).unwrap();
    let said = init(&[]);
    assert!(said.contains("kept ") && !said.contains("move below") && !folder.path().join("below").join(name).exists());
}

#[test]
fn a_folder_that_is_a_file_is_an_error_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    fs::File::create(folder.path().join(".github")).unwrap();
    let output = regcred(folder.path(), &["init", "github"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("`.github` is not a folder, and `.github/workflows/regcred.yml` needs one there"), "{said}");
    assert_eq!(files(folder.path()), [".github"]);
}

#[test]
fn another_directory_can_be_named() {
    let folder = tempfile::tempdir().unwrap();
    let output = regcred(folder.path(), &["init", "gitlab", "--directory", "a/b"]);
    assert!(output.status.success());
    assert_eq!(files(folder.path()), ["a/b/.gitlab-ci.yml", "a/b/regcred.yaml"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.starts_with("wrote a/b/regcred.yaml\nwrote a/b/.gitlab-ci.yml\nnext, in a/b:\n"), "{said}");
}

#[test]
fn below_the_top_of_a_repository_the_jobs_name_their_regcred_yaml_and_the_steps_say_where_the_ci_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join(".git")).unwrap();
    fs::File::create(folder.path().join(".git/HEAD")).unwrap();
    let init = |arguments: &[&str]| {
        let output = regcred(folder.path(), &[&["init"], arguments].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let included = "pull-secrets.gitlab-ci.yml";
    let include =
        format!("\n- add `include: [{{local: a/b/{included}}}]` to .gitlab-ci.yml at the top of the repository");
    let workflow = ".github/workflows/regcred-a-b.yml";
    let moved = format!("\n- move a/b/{workflow} to {workflow} at the top of the repository\n");
    for (arguments, jobs, step, commands_of_jobs) in [
        (&["gitlab"][..], included, &include, 7),
        (&["github"], workflow, &moved, 6),
        (&["flux", "--clusters", "eu"], included, &include, 2),
    ] {
        let said = init(&[arguments, &["--directory", "a/b"]].concat());
        assert!(said.contains("\nnext, in a/b:\n") && said.contains(step) && !said.contains("--config"), "{said}");
        let text = fs::read_to_string(folder.path().join("a/b").join(jobs)).unwrap();
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        let verbs = ["verify ", "render ", "diff ", "apply ", "status "];
        let parts = lines.flat_map(|line| line.split("regcred "));
        let found: Vec<_> = parts.filter_map(|part| verbs.iter().find_map(|verb| part.strip_prefix(verb))).collect();
        assert_eq!(found.len(), commands_of_jobs, "{text}");
        assert!(found.iter().all(|rest| rest.starts_with("--config a/b/regcred.yaml ")), "{text}");
        fs::remove_dir_all(folder.path().join("a")).unwrap();
    }
    assert!(!init(&["helmfile", "--directory", "a/c"]).contains("at the top"));
    let said = init(&["gitlab", "--directory", "a folder"]);
    assert!(said.ends_with("- put a folder/ before each path in the new files, with quotes\n"), "{said}");
    let said = init(&["gitlab"]);
    assert!(!said.contains("at the top") && files(folder.path()).contains(&".gitlab-ci.yml".to_owned()), "{said}");
    assert!(!fs::read_to_string(folder.path().join(".gitlab-ci.yml")).unwrap().contains("--config"));
}

#[test]
fn two_folders_of_one_repository_have_jobs_and_workflows_of_their_own() {
    for (arguments, ci, jobs) in [
        (&["gitlab"][..], ".gitlab", "pull-secrets.gitlab-ci.yml"),
        (&["flux", "--clusters", "eu"], ".gitlab", "pull-secrets.gitlab-ci.yml"),
        (&["github"], ".github", ".github/workflows/regcred-FOLDER.yml"),
        (&["argocd", "--clusters", "eu"], ".github", ".github/workflows/pull-secrets-FOLDER.yml"),
    ] {
        let top = tempfile::tempdir().unwrap();
        for name in [".git", ci] {
            fs::create_dir_all(top.path().join(name)).unwrap();
        }
        fs::File::create(top.path().join(".git/HEAD")).unwrap();
        for (directory, folder) in [("one", "one"), ("two/b c", "two-b-c")] {
            let output = regcred(top.path(), &[&["init"], arguments, &["--directory", directory]].concat());
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let (said, jobs) = (String::from_utf8(output.stdout).unwrap(), jobs.replace("FOLDER", folder));
            let text = fs::read_to_string(top.path().join(directory).join(&jobs)).unwrap();
            if ci == ".github" {
                assert!(said.contains(&format!("/{jobs} to {jobs} at the top of the repository")), "{said}");
                assert!(text.contains(&format!("\n    concurrency: pull-secrets-{folder}\n")), "{text}");
            } else {
                let is_name = |line: &&str| line.ends_with(':') && !line.starts_with([' ', '#']);
                let names: Vec<_> = text.lines().filter(is_name).collect();
                assert!(names.len() > 2 && names.iter().all(|name| name.contains(&format!("-{folder}"))), "{names:?}");
                assert_eq!(text.matches(&format!("extends: .pull-secrets-{folder}\n")).count(), names.len() - 1);
                assert!(!text.contains("[regcred]: #") && !text.contains(r"\[regcred\]: #"), "{text}");
            }
            // A second run finds the job that the first one wrote.
            if arguments.contains(&"--clusters") {
                let again = regcred(top.path(), &["init", arguments[0], "--directory", directory]);
                let said = String::from_utf8(again.stdout).unwrap();
                assert!(said.contains(&format!("kept {directory}/{jobs}\n")) && !said.contains("wrote "), "{said}");
            }
        }
    }
}

#[test]
fn below_the_top_of_a_repository_the_jobs_get_the_stages_of_the_pipeline_at_the_top() {
    for arguments in [&["gitlab"][..], &["argocd", "--clusters", "eu"]] {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join(".git")).unwrap();
        fs::File::create(folder.path().join(".git/HEAD")).unwrap();
        #[expect(clippy::disallowed_methods, reason = "a fixture")]
        fs::write(folder.path().join(".gitlab-ci.yml"), "stages: [build, deploy]\n").unwrap();
        let output = regcred(folder.path(), &[&["init"], arguments, &["--directory", "a/b"]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let jobs = fs::read_to_string(folder.path().join("a/b/pull-secrets.gitlab-ci.yml")).unwrap();
        assert!(jobs.contains("  stage: build\n") && jobs.contains("  stage: deploy\n"), "{jobs}");
        assert!(!jobs.contains("stage: test"), "{jobs}");
    }
}

#[test]
fn below_the_top_of_a_repository_the_files_name_paths_from_the_top() {
    for (arguments, written) in [
        (&["argocd"][..], &[("application.yaml", "    path: a/b/pull-secrets\n")][..]),
        (&["flux"], &[("kustomization-flux.yaml", "  path: ./a/b/pull-secrets\n")]),
        (
            &["argocd", "--clusters", "eu"],
            &[
                ("applicationset.yaml", "      - path: a/b/clusters/*\n"),
                (
                    "pull-secrets.gitlab-ci.yml",
                    "  - regcred render --config a/b/regcred.yaml --output a/b/clusters\n  - git add --all a/b/clusters\n",
                ),
            ],
        ),
        (
            &["flux", "--clusters", "eu"],
            &[
                ("clusters/eu/pull-secrets.yaml", "  path: ./a/b/pull-secrets/eu\n"),
                // sops compares with the path from the folder of the rules.
                (".sops.yaml", "- path_regex: ^pull-secrets/eu/"),
                (
                    "pull-secrets.gitlab-ci.yml",
                    "  - regcred render --config a/b/regcred.yaml --output a/b/pull-secrets --check\n",
                ),
            ],
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("a/b");
        for name in [".git", "a/b"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        fs::File::create(folder.path().join(".git/HEAD")).unwrap();
        let output = regcred(&place, &[&["init"][..], arguments].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("next, in a/b:\n") && !said.contains("HERE"), "{said}");
        for (name, expected) in written {
            let text = fs::read_to_string(place.join(name)).unwrap();
            assert!(text.contains(expected), "{name}: {text}");
        }
    }
}

/// The names of the clusters of a fleet; `on` is no string to a reader of YAML 1.1.
const FLEET: [&str; 4] = ["--clusters", "prod-eu,on", "--clusters", "eu.lab"];

const FLEETS: &[(&str, &[&str])] = &[
    ("argocd", &[".gitlab-ci.yml", "applicationset.yaml", "regcred.yaml"]),
    (
        "flux",
        &[
            ".gitlab-ci.yml",
            ".sops.yaml",
            "clusters/eu.lab/pull-secrets.yaml",
            "clusters/on/pull-secrets.yaml",
            "clusters/prod-eu/pull-secrets.yaml",
            "regcred.yaml",
        ],
    ),
];

#[test]
fn names_of_clusters_make_a_fleet_that_regcred_reads() {
    for (tool, expected) in FLEETS {
        let folder = tempfile::tempdir().unwrap();
        let output = regcred(folder.path(), &[&["init", tool][..], &FLEET].concat());
        assert!(output.status.success(), "{tool}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(files(folder.path()), *expected, "{tool}");
        assert!(expected.iter().all(|name| !fs::read_to_string(folder.path().join(name)).unwrap().contains("HERE")));
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(expected.iter().all(|name| said.contains(&format!("wrote {name}\n"))), "{tool}: {said}");
        for cluster in ["prod-eu", "on", "eu.lab"] {
            if *tool == "argocd" {
                let certificate = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/certificates/rsa-2048.pem");
                fs::create_dir_all(folder.path().join("certs")).unwrap();
                fs::copy(certificate, folder.path().join(format!("certs/{cluster}.pem"))).unwrap();
            }
            let list = regcred(folder.path(), &["verify", "--list", "--cluster", cluster]);
            let (stdout, stderr) = (String::from_utf8_lossy(&list.stdout), String::from_utf8_lossy(&list.stderr));
            assert_eq!(stdout, "DOCKERHUB_AUTH  a whole Docker config: MISSING\n", "{tool}: {stderr}");
        }
        // A new fleet replaces no existing file; the rules of sops and a pipeline may exist.
        for name in *expected {
            let again = tempfile::tempdir().unwrap();
            fs::create_dir_all(again.path().join(name).parent().unwrap()).unwrap();
            fs::File::create(again.path().join(name)).unwrap();
            let output = regcred(again.path(), &[&["init", tool][..], &FLEET].concat());
            assert_eq!(output.status.success(), name.starts_with('.'), "{tool}: {name}");
            assert_eq!(fs::metadata(again.path().join(name)).unwrap().len(), 0, "{tool}: {name}");
        }
    }
}

#[test]
fn a_regcred_yaml_with_clusters_is_kept_and_what_it_lacks_is_written() {
    let config = "apiVersion: regcred.dev/v1alpha1
kind: RegistryCredentials
metadata: {name: acme}
spec:
  protect: sealed
  pullSecrets: [{namespaces: {include: [team-a]}}]
  clusters: [{name: eu}, {name: us, protect: sops}, {name: lab, protect: plain}]
";
    let folder = tempfile::tempdir().unwrap();
    #[expect(clippy::disallowed_methods, reason = "a fixture")]
    fs::write(folder.path().join("regcred.yaml"), config).unwrap();
    for tool in ["argocd", "flux"] {
        let output = regcred(folder.path(), &["init", tool]);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.starts_with("kept regcred.yaml\n") && said.contains("of lab would be in clear"), "{said}");
        assert!(!said.contains("put your logins"), "{said}");
    }
    assert_eq!(fs::read_to_string(folder.path().join("regcred.yaml")).unwrap(), config);
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(read("applicationset.yaml").contains("\n      - path: clusters/*\n"));
    for (cluster, decrypts) in [("eu", false), ("us", true), ("lab", false)] {
        let text = read(&format!("clusters/{cluster}/pull-secrets.yaml"));
        assert!(text.contains(&format!("\n  path: ./pull-secrets/{cluster}\n")), "{text}");
        assert_eq!(text.contains("\n  decryption:\n"), decrypts, "{text}");
    }
    assert_eq!(read(".sops.yaml").matches("path_regex").count(), 1);

    // An added cluster gets its file, and the others keep theirs.
    #[expect(clippy::disallowed_methods, reason = "a fixture")]
    fs::write(folder.path().join("regcred.yaml"), config.replace("{name: eu}", "{name: eu}, {name: asia}")).unwrap();
    let output = regcred(folder.path(), &["init", "flux"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("kept clusters/eu/pull-secrets.yaml\n"), "{said}");
    assert!(said.contains("wrote clusters/asia/pull-secrets.yaml\n"), "{said}");
    assert_eq!(said.matches("wrote ").count(), 1, "{said}");
}

#[test]
fn a_cluster_with_the_profile_of_the_other_tool_is_left_out() {
    let config = "apiVersion: regcred.dev/v1alpha1
kind: RegistryCredentials
metadata: {name: acme}
spec:
  profile: argocd
  protect: sops
  pullSecrets: [{namespaces: {include: [team-a]}}]
  clusters: [{name: eu}, {name: us, profile: flux}]
";
    for (tool, expected) in [
        ("argocd", &[".gitlab-ci.yml", "applicationset.yaml", "regcred.yaml"][..]),
        ("flux", &[".gitlab-ci.yml", ".sops.yaml", "clusters/us/pull-secrets.yaml", "regcred.yaml"]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        #[expect(clippy::disallowed_methods, reason = "a fixture")]
        fs::write(folder.path().join("regcred.yaml"), config).unwrap();
        let output = regcred(folder.path(), &["init", tool]);
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(files(folder.path()), expected, "{said}");
        let flags = if tool == "argocd" { " --cluster eu" } else { " --format kustomization --cluster us" };
        assert!(said.contains(&format!("- run `regcred render{flags} --output ")), "{said}");
        let jobs = fs::read_to_string(folder.path().join(".gitlab-ci.yml")).unwrap();
        assert!(jobs.contains(&format!("- regcred render{flags} --output ")), "{jobs}");

        let other = if tool == "argocd" { "flux" } else { "argocd" };
        let (before, after) = (format!("profile: {tool}"), format!("profile: {other}"));
        #[expect(clippy::disallowed_methods, reason = "a fixture")]
        fs::write(folder.path().join("regcred.yaml"), config.replace(&before, &after)).unwrap();
        let output = regcred(folder.path(), &["init", tool]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(&format!("every cluster in `regcred.yaml` has `profile: {other}`\n")), "{said}");
        assert!(said.contains("start in another folder with `--clusters NAME --directory DIR`\n"), "{said}");
    }
}

#[test]
fn rules_of_sops_that_are_there_get_the_missing_ones_as_text() {
    let folder = tempfile::tempdir().unwrap();
    let existing = "creation_rules:\n- path_regex: ^pull-secrets/eu/.*\\.yaml$\n  age: age1\n";
    #[expect(clippy::disallowed_methods, reason = "a fixture")]
    fs::write(folder.path().join(".sops.yaml"), existing).unwrap();
    let output = regcred(folder.path(), &["init", "flux", "--clusters", "eu,us.lab"]);
    let said = String::from_utf8_lossy(&output.stdout);
    let rule = "because sops takes the first match; and name the public key of each cluster:
  - path_regex: ^pull-secrets/us\\.lab/.*\\.sops\\.ya?ml$
    encrypted_regex: ^(data|stringData)$
    age: age1-public-key-of-us.lab
- give each cluster its private key";
    assert!(said.contains(rule) && said.contains("kept .sops.yaml\n"), "{said}");
    assert!(said.contains("before every rule that matches these folders"), "{said}");
    assert_eq!(fs::read_to_string(folder.path().join(".sops.yaml")).unwrap(), existing);
}

#[test]
fn clusters_are_for_what_reads_git_and_have_names() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, status, expected) in [
        (["init", "gitlab", "--clusters", "eu"], 2, "`--clusters` is for argocd and flux"),
        (["init", "argocd", "--clusters", "EU"], 1, "`--clusters`: the name has a capital letter"),
        (["init", "flux", "--clusters", "eu,eu"], 1, "two clusters have the same name"),
    ] {
        let output = regcred(folder.path(), &arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{stderr}");
        assert!(stderr.contains(expected), "{stderr}");
    }
    assert!(files(folder.path()).is_empty());
}
