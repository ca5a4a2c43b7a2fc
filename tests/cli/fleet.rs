//! Tests a fleet: one call writes a folder and a lock per cluster.
#![expect(clippy::disallowed_methods, reason = "fixtures are files")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::harness::interrupted::{Left, Moment, kill};

const CONFIG: &str = "apiVersion: regcred.dev/v1alpha1
kind: RegistryCredentials
metadata: {name: acme}
spec:
  pullSecrets:
  - name: hub
    namespaces: {include: [team-a, team-b]}
    serviceAccounts: [builder]
  - name: ghcr
    logins: [{registry: ghcr.io, username: {value: acme-bot}, password: {env: GHCR_TOKEN}}]
    namespaces: {include: [team-b]}
  clusters:
  - name: eu
  - name: us
    link: none
    profile: flux
    namespaces: {include: [shop]}
    pullSecrets:
    - name: hub
    - name: ghcr
      namespaces: {include: [vault]}
  - name: lab
    createNamespaces: true
    pullSecrets:
    - {name: own, logins: [{dockerConfig: {env: LAB_AUTH}}], namespaces: {include: [lab]}}
";

fn command(folder: &Path, arguments: &str) -> Command {
    let auth = r#"{"auths":{"docker.io":{"auth":"dTpjYW5hcnk="}}}"#;
    let mut command = Command::new(env!("CARGO_BIN_EXE_regcred"));
    command.args(arguments.split_whitespace()).current_dir(folder).env_clear().envs([
        ("DOCKERHUB_AUTH", auth),
        ("GHCR_TOKEN", "canary"),
        ("LAB_AUTH", auth),
    ]);
    command
}

fn regcred(folder: &Path, arguments: &str) -> Output {
    let output = command(folder, arguments).output().unwrap();
    assert!(!said(&output).contains("canary"));
    output
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn done(folder: &Path, arguments: &str) -> String {
    let output = regcred(folder, arguments);
    assert!(output.status.success(), "{}", said(&output));
    said(&output)
}

fn files(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(root).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    found.sort_unstable();
    found
}

fn place(config: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("regcred.yaml"), config).unwrap();
    folder
}

#[test]
fn each_cluster_has_what_differs_there_and_the_rest_from_above() {
    let folder = place(CONFIG);
    done(folder.path(), "render --output out");
    assert_eq!(
        files(&folder.path().join("out")),
        [
            "eu/namespaces/team-a/secret-hub.yaml",
            "eu/namespaces/team-a/serviceaccount-builder.yaml",
            "eu/namespaces/team-b/secret-ghcr.yaml",
            "eu/namespaces/team-b/secret-hub.yaml",
            "eu/namespaces/team-b/serviceaccount-builder.yaml",
            "eu/namespaces/team-b/serviceaccount-default.yaml",
            "eu/regcred.lock",
            "lab/cluster/namespace-lab.yaml",
            "lab/namespaces/lab/secret-own.yaml",
            "lab/namespaces/lab/serviceaccount-default.yaml",
            "lab/regcred.lock",
            "us/namespaces/shop/secret-hub.yaml",
            "us/namespaces/vault/secret-ghcr.yaml",
            "us/regcred.lock",
        ]
    );
}

#[test]
fn one_cluster_is_the_same_alone_and_among_others() {
    let folder = place(CONFIG);
    done(folder.path(), "render --output all --format kustomization");
    for cluster in ["eu", "us", "lab"] {
        done(folder.path(), &format!("render --output some --format kustomization --cluster {cluster}"));
    }
    let (all, some) = (folder.path().join("all"), folder.path().join("some"));
    assert_eq!(files(&all), files(&some));
    for file in files(&all) {
        assert_eq!(fs::read(all.join(&file)).unwrap(), fs::read(some.join(&file)).unwrap(), "{file}");
    }
}

#[test]
fn a_check_names_the_files_of_every_cluster() {
    let folder = place(CONFIG);
    done(folder.path(), "render --output out");
    assert_eq!(done(folder.path(), "render --output out --check"), "");
    fs::remove_file(folder.path().join("out/us/namespaces/shop/secret-hub.yaml")).unwrap();
    fs::write(folder.path().join("regcred.yaml"), CONFIG.replace("include: [lab]", "include: [lab, labs]")).unwrap();
    let output = regcred(folder.path(), "render --output out --check");
    assert_eq!(output.status.code(), Some(3));
    let text = said(&output);
    for line in ["missing: us/namespaces/shop/secret-hub.yaml", "missing: lab/namespaces/labs/secret-own.yaml"] {
        assert!(text.contains(line), "{text}");
    }
    assert!(!text.contains("eu/"), "{text}");
    let chosen = regcred(folder.path(), "render --output out --check --cluster eu");
    assert!(chosen.status.success(), "{}", said(&chosen));
}

#[test]
fn what_is_odd_is_said_with_its_cluster() {
    let folder = place(CONFIG);
    done(folder.path(), "render --output out");
    let edited = [("eu", "team-a/serviceaccount-builder"), ("lab", "lab/serviceaccount-default")];
    for (cluster, file) in edited {
        let path = folder.path().join(format!("out/{cluster}/namespaces/{file}.yaml"));
        fs::write(&path, fs::read_to_string(&path).unwrap() + "# edited\n").unwrap();
    }
    let output = regcred(folder.path(), "render --output out --check");
    assert!(said(&output).contains("note: eu: 1 file is not current"), "{}", said(&output));
    let text = done(folder.path(), "render --output out");
    for (cluster, file) in edited {
        assert!(
            text.contains(&format!("warning: `namespaces/{file}.yaml` was edited since regcred wrote it")),
            "{text}"
        );
        assert!(text.contains(&format!("(cluster {cluster})")), "{text}");
    }
}

#[test]
fn a_cluster_that_is_gone_is_told_and_its_folder_stays() {
    let folder = place(CONFIG);
    done(folder.path(), "render --output out");
    let (without, _) = CONFIG.split_once("  - name: lab").unwrap();
    fs::write(folder.path().join("regcred.yaml"), without).unwrap();
    let text = done(folder.path(), "render --output out");
    assert!(
        text.contains("regcred wrote `lab` under `--output`, but regcred.yaml has no cluster of that name"),
        "{text}"
    );
    assert!(folder.path().join("out/lab/regcred.lock").exists());
    assert_eq!(done(folder.path(), "render --output out --cluster eu"), "");
    assert_eq!(regcred(folder.path(), "render --output out --check").status.code(), Some(3));
}

#[test]
fn values_of_one_cluster_are_a_file_and_of_several_an_error() {
    let folder = place(CONFIG);
    for format in ["helm-values", "docker-config"] {
        let arguments = format!("render --format {format} --output eu.out --cluster eu --secret-name hub");
        done(folder.path(), &arguments);
        assert!(folder.path().join("eu.out").is_file(), "{format}");
        done(folder.path(), &format!("{arguments} --check"));
        let output = regcred(folder.path(), &format!("render --format {format} --output all.out"));
        assert_eq!(output.status.code(), Some(2));
        let text = format!("`--format {format}` writes one file, and the run is for 3 clusters");
        assert!(said(&output).contains(&text) && !folder.path().join("all.out").exists(), "{}", said(&output));
    }
}

#[test]
fn globs_and_names_that_take_hours_to_compare_are_an_error() {
    let clusters = (0..21).map(|number| format!("{{name: c{number}}}")).collect::<Vec<_>>().join(", ");
    let globs = "'a*',".repeat(1_000);
    let head = "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {name: acme}\n";
    let folder = place(&format!(
        "{head}spec: {{clusters: [{clusters}], pullSecrets: [{{namespaces: {{include: [{globs}]}}}}]}}\n"
    ));
    for (names, code) in [(5_000, 2), (1, 0)] {
        let names = (0..names).map(|number| format!("a{number}")).collect::<Vec<_>>().join("\n");
        fs::write(folder.path().join("names"), names).unwrap();
        let output = regcred(folder.path(), "render --output out --namespaces-from names");
        assert_eq!(output.status.code(), Some(code), "{}", said(&output));
        assert_eq!(said(&output).contains("there are 21000 globs for 5000 namespaces"), code == 2, "{}", said(&output));
    }
}

#[test]
fn a_tree_is_not_nested_in_another() {
    let folder = place(CONFIG);
    let single = "render --no-config --namespaces team-a --format directory --output";
    done(folder.path(), "render --output out");
    let refused = |arguments: &str, message: &str| {
        for check in ["", " --check"] {
            let output = regcred(folder.path(), &format!("{arguments}{check}"));
            assert_eq!(output.status.code(), Some(1), "{arguments}");
            assert!(said(&output).contains(message), "{}", said(&output));
        }
    };
    for inside in ["out/eu", "out/eu/namespaces/clusters"] {
        refused(&format!("render --output {inside} --cluster eu"), "the directory of `--output` belongs to the tree ");
    }
    refused(&format!("{single} out/eu/inner"), "the directory of `--output` belongs to the tree ");
    refused(&format!("{single} out"), "in the directory of `--output` is a tree, as its `regcred.lock` says");
    assert!(!folder.path().join("out/eu/eu").exists() && !folder.path().join("out/namespaces").exists());
    done(folder.path(), &format!("{single} out/another"));
}

#[test]
fn nothing_is_written_for_any_cluster_when_something_is_wrong_with_one() {
    let folder = place(&CONFIG.replace("include: [vault]", "include: [\"vault-*\"]"));
    let output = regcred(folder.path(), "render --output out");
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("(cluster us)"), "{}", said(&output));
    assert!(!folder.path().join("out").exists());
}

/// The bytes of every file.
fn texts(root: &Path) -> BTreeMap<String, Vec<u8>> {
    files(root).into_iter().map(|name| (name.clone(), fs::read(root.join(name)).unwrap())).collect()
}

#[test]
fn what_fails_in_one_cluster_while_it_is_written_leaves_all_of_them_as_they_were() {
    let in_the_way = |root: &Path, cluster: &str, file: &str| {
        fs::create_dir_all(root.join(cluster).join("namespaces/new")).unwrap();
        fs::write(root.join(cluster).join("namespaces/new").join(file), "theirs").unwrap();
    };
    let is_a_file = |root: &Path| {
        fs::create_dir_all(root).unwrap();
        fs::write(root.join("us"), "theirs").unwrap();
    };
    let new = CONFIG.replace("include: [shop]", "include: [shop, new]");
    // A new fleet: any failure leaves no folder.
    let folder = place(&new);
    let out = folder.path().join("out");
    is_a_file(&out);
    let output = regcred(folder.path(), "render --output out");
    assert!(output.status.code() == Some(1) && said(&output).contains("(cluster us)"), "{}", said(&output));
    assert_eq!(fs::read_dir(&out).unwrap().count(), 1, "{:?}", files(&out));
    // An existing fleet, and two clusters that fail: both are reported.
    let folder = place(CONFIG);
    let out = folder.path().join("out");
    done(folder.path(), "render --output out");
    in_the_way(&out, "us", "secret-hub.yaml");
    in_the_way(&out, "lab", "secret-own.yaml");
    let before = texts(&out);
    let new = new.replace("include: [lab]", "include: [lab, new]").replace("[builder]", "[runner]");
    fs::write(folder.path().join("regcred.yaml"), new).unwrap();
    let output = regcred(folder.path(), "render --output out");
    assert_eq!(output.status.code(), Some(1));
    for words in ["(cluster us)", "(cluster lab)", "nothing was written"] {
        assert!(said(&output).contains(words), "{}", said(&output));
    }
    assert_eq!(texts(&out), before, "and no temporaries");
    for cluster in ["us", "lab"] {
        fs::remove_dir_all(out.join(cluster).join("namespaces/new")).unwrap();
    }
    done(folder.path(), "render --output out");
    assert!(out.join("eu/namespaces/team-a/serviceaccount-runner.yaml").exists());
    assert_eq!(done(folder.path(), "render --output out --check"), "");
}

#[test]
fn no_cluster_changes_before_all_are_written_and_what_was_killed_is_completed() {
    let names = (0..150).map(|number| format!("team-{number}")).collect::<Vec<_>>().join(", ");
    let config = |account: &str| {
        CONFIG.replace("[builder]", &format!("[{account}]")).replace("[team-a, team-b]", &format!("[{names}]"))
    };
    let folder = place(&config("builder"));
    let out = folder.path().join("out");
    done(folder.path(), "render --output out");
    let mut left = Vec::new();
    // The observer may be too slow to see it: then the test tries again.
    for round in 0..40 {
        if round >= 4 && left.contains(&Left::Journal) {
            break;
        }
        let account = format!("account-{round}");
        fs::write(folder.path().join("regcred.yaml"), config(&account)).unwrap();
        let moment = if round == 0 { Moment::Staging } else { Moment::Published(round % 4 * 30) };
        left.push(kill(command(folder.path(), "render --output out").spawn().unwrap(), &out.join("eu"), moment));
        let us = out.join("us");
        let is_written = us.join(".regcred-new/lock").exists() || !us.join(".regcred-new").exists();
        assert!(round == 0 || is_written, "the others had only to be put in their places");
        done(folder.path(), "render --output out");
        assert_eq!(done(folder.path(), "render --output out --check"), "");
        let of_account = format!("serviceaccount-{account}.yaml");
        assert_eq!(files(&out).iter().filter(|file| file.ends_with(&of_account)).count(), 150);
        assert!(!files(&out).iter().any(|file| file.contains("regcred-new")));
    }
    assert!(left.contains(&Left::Journal), "killed in the middle: {left:?}");
}

#[test]
fn more_clusters_than_files_may_be_open_are_written_at_once() {
    let clusters = (0..100).map(|number| format!("  - {{name: c{number}}}\n")).collect::<Vec<_>>().concat();
    let (head, _) = CONFIG.split_once("  - name: eu").unwrap();
    let folder = place(&format!("{head}{clusters}"));
    let run = |limit: &str| {
        Command::new("sh")
            .args(["-c", &format!("ulimit {limit} && \"$0\" render --output out"), env!("CARGO_BIN_EXE_regcred")])
            .current_dir(folder.path())
            .env("DOCKERHUB_AUTH", r#"{"auths":{"docker.io":{"auth":"dTpw"}}}"#)
            .env("GHCR_TOKEN", "t")
            .output()
            .unwrap()
    };
    let output = run("-n 64");
    assert!(output.status.code() == Some(1) && said(&output).contains("render fewer at a time"), "{}", said(&output));
    assert!(!folder.path().join("out").exists());
    let output = run("-Sn 64");
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(fs::read_dir(folder.path().join("out")).unwrap().count(), 100);
}

#[test]
fn clusters_share_one_reading_of_the_list_and_of_each_login() {
    // A pipe can be read only once: a second reader would find nothing.
    let clusters = (0..50).map(|number| format!("  - {{name: c{number}}}\n")).collect::<Vec<_>>().concat();
    let (head, _) = CONFIG.split_once("  - name: eu").unwrap();
    let folder = place(&format!("{head}{clusters}"));
    let script =
        r#"printf %s "$LOGIN" | { exec 3<&0; echo team-a | "$0" render --output out --namespaces-from - -v; }"#;
    let output = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_regcred")])
        .current_dir(folder.path())
        .env("DOCKERHUB_AUTH", "/dev/fd/3")
        .env("LOGIN", r#"{"auths":{"docker.io":{"auth":"dTpw"}}}"#)
        .env("GHCR_TOKEN", "t")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(fs::read_dir(folder.path().join("out")).unwrap().count(), 50);
}

#[test]
fn a_cluster_whose_logins_are_there_is_compared_whole_though_another_lacks_its_own() {
    let folder = place(CONFIG);
    done(folder.path(), "render --output out");
    let check = |unset: &str, hub: &str| {
        let auth = format!(r#"{{"auths":{{"docker.io":{{"auth":"{hub}"}}}}}}"#);
        let output = command(folder.path(), "render --output out --check")
            .env("DOCKERHUB_AUTH", auth)
            .env_remove(unset)
            .output()
            .unwrap();
        (output.status.code().unwrap(), said(&output))
    };
    let (code, text) = check("LAB_AUTH", "dTpjYW5hcnk=");
    assert!(code == 0 && text.contains("warning: `LAB_AUTH` is not set"), "{text}");
    assert!(text.contains("(cluster lab)") && text.contains("not all credentials are there"), "{text}");
    assert!(!text.contains("GHCR_TOKEN"), "{text}");
    let (code, text) = check("LAB_AUTH", "dTpub3RoZXI=");
    assert!(
        code == 3 && text.contains("stale: eu/namespaces/team-a/secret-hub.yaml") || text.contains("different: eu/"),
        "{text}"
    );
}

#[test]
fn a_comparison_fails_where_a_run_would_and_names_the_other_differences() {
    let folder = place(CONFIG);
    done(folder.path(), "render --output out");
    let theirs = folder.path().join("out/lab/namespaces/extra/serviceaccount-default.yaml");
    fs::create_dir_all(theirs.parent().unwrap()).unwrap();
    fs::write(theirs, "kind: ServiceAccount\n").unwrap();
    let config = CONFIG.replace("include: [lab]", "include: [lab, extra]").replace("[shop]", "[shop, extra]");
    fs::write(folder.path().join("regcred.yaml"), config).unwrap();
    let refusal = "`namespaces/extra/serviceaccount-default.yaml` is there, and regcred did not write it (cluster lab)";
    let run = regcred(folder.path(), "render --output out");
    let check = regcred(folder.path(), "render --output out --check");
    for output in [&run, &check] {
        assert!(output.status.code() == Some(1) && said(output).contains(refusal), "{}", said(output));
    }
    let text = said(&check);
    assert!(text.contains("missing: us/namespaces/extra/secret-hub.yaml") && text.contains("us: 1 file"), "{text}");
    assert!(text.contains("not regcred's: lab/") && !text.contains("lab: "), "no run would help: {text}");
}

#[test]
fn of_two_runs_at_once_one_waits_for_the_other() {
    let clusters = (0..40).map(|number| format!("  - {{name: c{number}}}\n")).collect::<Vec<_>>().concat();
    let (head, _) = CONFIG.split_once("  - name: eu").unwrap();
    let folder = place(&format!("{head}{clusters}"));
    for _ in 0..5 {
        let runs =
            [(); 2].map(|()| command(folder.path(), "render --output out").stderr(Stdio::piped()).spawn().unwrap());
        let outputs = runs.map(|run| run.wait_with_output().unwrap());
        for output in outputs {
            assert!(output.status.success(), "{}", said(&output));
        }
        assert_eq!(done(folder.path(), "render --output out --check"), "");
        fs::remove_dir_all(folder.path().join("out")).unwrap();
    }
}
