//! Opens files of `--protect sops` with the real sops; a failure leaves the tree unchanged.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::bench::{Program, Run, documents, tools, write};
use crate::harness::forged::forge;
use crate::harness::stand_in;

const LOGINS: &str = r#"{"auths":{"docker.io":{"auth":"YWNtZS1ib3Q6czNjcjN0LXNlc2FtZQ=="}}}"#;
const OTHER_LOGINS: &str = r#"{"auths":{"docker.io":{"auth":"YWNtZS1ib3Q6cjB0YXQzZC1zZXNhbWU="}}}"#;
const FLUX_RULE: &str = r"{path_regex: '.*\.sops\.ya?ml$', encrypted_regex: ^(data|stringData)$, age: RECIPIENT}";

/// A repository with an age key, and the programs.
struct Repository {
    tools: PathBuf,
    folder: TempDir,
    recipient: String,
}

impl Repository {
    fn new(rules: &str) -> Option<Self> {
        let tools = tools(&["sops", "age-keygen", "kustomize", "helm"])?;
        let folder = tempfile::tempdir().unwrap();
        let keygen = |arguments: &[&str]| {
            Program::new(&tools.join("age-keygen")).directory(folder.path()).arguments(arguments).run().succeeded()
        };
        keygen(&["-o", "key"]);
        keygen(&["-o", "other"]);
        let recipient = keygen(&["-y", "key"]).trim().to_owned();
        let repository = Self { tools, folder, recipient };
        repository.rules(rules);
        Some(repository)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn rules(&self, rules: &str) {
        write(&self.path(".sops.yaml"), &rules.replace("RECIPIENT", &self.recipient));
    }

    fn program(&self, name: &str) -> Program {
        Program::new(&self.tools.join(name))
            .directory(self.folder.path())
            .variable("HOME", self.folder.path())
            .variable("PATH", format!("{}:/usr/bin:/bin", self.tools.display()))
    }

    fn render(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Run {
        let program = Program::new(Path::new(env!("CARGO_BIN_EXE_regcred")))
            .directory(self.folder.path())
            .variable("HOME", self.folder.path())
            .variable("PATH", format!("{}:/usr/bin:/bin", self.tools.display()))
            .variable("DOCKERHUB_AUTH", LOGINS)
            .arguments(["render", "--protect", "sops"])
            .arguments(arguments);
        variables.iter().fold(program, |program, (name, value)| program.variable(name, value)).run()
    }

    fn decrypt(&self, path: &Path, key: &str) -> Run {
        let sops = self.program("sops").variable("SOPS_AGE_KEY_FILE", self.path(key));
        sops.variable("SOPS_DISABLE_VERSION_CHECK", "1").arguments(["decrypt".as_ref(), path.as_os_str()]).run()
    }

    /// The content of the tree in `out` in clear, by path.
    fn opened(&self) -> BTreeMap<String, Value> {
        self.files()
            .into_iter()
            .filter(|(path, _)| path.ends_with(".sops.yaml"))
            .map(|(path, _)| {
                let text = self.decrypt(&self.path("out").join(&path), "key").succeeded();
                (path, documents(&text).remove(0))
            })
            .collect()
    }

    /// Every file in `out`.
    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut found = BTreeMap::new();
        walk(&self.path("out"), &self.path("out"), &mut found);
        found
    }
}

fn walk(root: &Path, folder: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(root, &path, found);
        } else {
            found.insert(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap());
        }
    }
}

/// The output of a run without protection: the Secrets, by the path that they have with protection.
fn plain(repository: &Repository, arguments: &[&str]) -> BTreeMap<String, Value> {
    let text = Program::new(Path::new(env!("CARGO_BIN_EXE_regcred")))
        .directory(repository.folder.path())
        .variable("DOCKERHUB_AUTH", LOGINS)
        .arguments(["render"])
        .arguments(arguments)
        .run()
        .succeeded();
    documents(&text)
        .into_iter()
        .filter(|object| object["kind"] == "Secret")
        .map(|object| {
            let [namespace, name] =
                ["namespace", "name"].map(|field| object["metadata"][field].as_str().unwrap().to_owned());
            (format!("namespaces/{namespace}/secret-{name}.sops.yaml"), object)
        })
        .collect()
}

#[test]
fn sops_opens_every_file_to_the_content_of_the_plain_one() {
    let Some(repository) = Repository::new(&format!("creation_rules: [{FLUX_RULE}]")) else { return };
    let target = ["-n", "team-a,on,0x1f,012,2020-01-01", "--secret-name", "null", "--profile", "flux"];
    repository.render(&[&target[..], &["--format", "kustomization", "--output", "out"]].concat(), &[]).succeeded();
    assert_eq!(repository.opened(), plain(&repository, &target));
    for (path, bytes) in repository.files() {
        let text = String::from_utf8(bytes).unwrap();
        assert!(!text.contains("YWNtZS1ib3Q6czNjcjN0") && !text.contains("czNjcjN0"), "{path}");
        if path.ends_with(".sops.yaml") {
            let object = documents(&text).remove(0);
            assert_eq!(object["kind"], "Secret");
            assert_eq!(object["metadata"]["name"], "null");
            assert!(object["data"][".dockerconfigjson"].as_str().unwrap().starts_with("ENC["), "{text}");
        }
    }
}

#[test]
fn the_source_secret_of_a_controller_opens_to_the_content_of_the_plain_one() {
    let Some(repository) = Repository::new(&format!("creation_rules: [{FLUX_RULE}]")) else { return };
    let target = ["--strategy", "controller", "--controller-image", "r.test/regcred:v1", "--secret-name", "pull"];
    repository.render(&[&target[..], &["--format", "kustomization", "--output", "out"]].concat(), &[]).succeeded();
    let opened: Vec<_> = repository.opened().into_values().collect();
    let plain: Vec<_> = plain(&repository, &target).into_values().collect();
    assert_eq!(opened, plain);
    assert_eq!((plain.len(), &plain[0]["metadata"]["name"]), (1, &Value::from("pull-src")));
    // The controller mounts the Secret that the tree has encrypted.
    let files = repository.files().into_values().map(|bytes| String::from_utf8(bytes).unwrap());
    let deployment = files.into_iter().find(|text| text.contains("kind: Deployment")).unwrap();
    assert!(deployment.contains("secretName: pull-src"), "{deployment}");
}

/// The page of the documentation.
fn page() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/sops.md")).unwrap()
}

/// The blocks of this language in a page.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let begin = format!("```{language}\n");
    page.split(&begin).skip(1).map(|rest| rest.split_once("```\n").unwrap().0).collect()
}

fn rules_of_the_page() -> String {
    let page = page();
    let rules = blocks(&page, "yaml")[0];
    let (_, recipient) = rules.split_once("age: ").unwrap();
    let recipient = recipient.lines().next().unwrap();
    assert_eq!(rules.matches(recipient).count(), 2, "{rules}");
    rules.replace(recipient, "RECIPIENT")
}

#[test]
fn the_commands_of_the_page_work_in_their_order_with_its_rules() {
    let Some(repository) = Repository::new(&rules_of_the_page()) else { return };
    let own = Path::new(env!("CARGO_BIN_EXE_regcred")).parent().unwrap();
    let path = format!("{}:{}:/usr/bin:/bin", own.display(), repository.tools.display());
    let page = page();
    let commands = page.lines().map(|line| line.trim_start_matches("$ "));
    let commands: Vec<_> = commands.filter(|line| line.starts_with("regcred render ")).collect();
    assert_eq!(commands.len(), 2, "{commands:?}");
    let shell = Program::new(Path::new("/bin/sh")).directory(repository.folder.path()).arguments(["-e"]);
    shell.variable("PATH", path).variable("DOCKERHUB_AUTH", LOGINS).stdin(&commands.join("\n")).run().succeeded();
    for file in ["pull-secrets/namespaces/team-a/secret-image-pull-secret.sops.yaml", "secrets.yaml"] {
        let opened = repository.decrypt(&repository.path(file), "key").succeeded();
        assert!(opened.contains("eyJhdXRocyI6e"), "{file}");
    }
}

#[test]
fn flux_finds_what_it_needs_and_builds_the_same_as_without_protection() {
    let Some(repository) = Repository::new(&rules_of_the_page()) else { return };
    let target = ["-n", "team-a,team-b", "--profile", "flux", "--create-namespaces"];
    repository.render(&[&target[..], &["--format", "kustomization", "--output", "out"]].concat(), &[]).succeeded();
    let kustomization = fs::read_to_string(repository.path("out/kustomization.yaml")).unwrap();
    assert!(kustomization.contains("- namespaces/team-a/secret-image-pull-secret.sops.yaml\n"), "{kustomization}");
    // As Flux's controller does: it decrypts each encrypted file in place, then builds all of them.
    let encrypted = repository.program("kustomize").arguments(["build", "out"]).run().succeeded();
    assert_eq!(documents(&encrypted).iter().filter(|object| object["sops"]["mac"].is_string()).count(), 2);
    for path in repository.opened().into_keys() {
        let path = repository.path("out").join(path);
        write(&path, &repository.decrypt(&path, "key").succeeded());
    }
    let mut built = documents(&repository.program("kustomize").arguments(["build", "out"]).run().succeeded());
    let secrets: BTreeMap<_, _> = plain(&repository, &target);
    built.retain(|object| object["kind"] == "Secret");
    assert_eq!(built.len(), 2);
    assert!(built.iter().all(|object| secrets.values().any(|secret| secret == object)));
}

#[test]
fn no_other_key_opens_a_file_and_a_changed_file_is_noticed() {
    let Some(repository) = Repository::new(&format!("creation_rules: [{FLUX_RULE}]")) else { return };
    repository.render(&["-n", "team-a", "--format", "directory", "--output", "out"], &[]).succeeded();
    let path = repository.path("out/namespaces/team-a/secret-image-pull-secret.sops.yaml");
    repository.decrypt(&path, "other").failed();
    let text = fs::read_to_string(&path).unwrap();
    write(&path, &text.replace("namespace: team-a", "namespace: team-b"));
    let said = repository.decrypt(&path, "key").failed();
    assert!(said.contains("MAC mismatch"), "{said}");
}

#[test]
fn the_line_ends_of_the_rules_do_not_count_and_any_other_change_does() {
    let rules = format!("creation_rules:\n- {FLUX_RULE}\n");
    let Some(repository) = Repository::new(&rules) else { return };
    let target = ["-n", "team-a", "--format", "directory", "--output", "out"];
    repository.render(&target, &[]).succeeded();
    let check = || repository.render(&[&target[..], &["--check"]].concat(), &[]).status;
    repository.rules(&rules.replace('\n', "\r\n"));
    assert_eq!(check(), 0);
    repository.rules(&rules.replace(":\n", ":\r\r\n"));
    assert_eq!(check(), 3, "a lone return is a line end of YAML, and may change what a rule says");
}

#[test]
fn what_is_not_encrypted_is_found_without_logins_and_without_a_key_whatever_the_lock_says() {
    let Some(repository) = Repository::new(&format!("creation_rules: [{FLUX_RULE}]")) else { return };
    let arguments = ["-n", "a,b", "--format", "directory", "--output", "out"];
    let key = ("REGCRED_FINGERPRINT_KEY", "0f1e2d3c4b5a69788796a5b4c3d2e1f0");
    repository.render(&arguments, &[key]).succeeded();
    let path = "namespaces/a/secret-image-pull-secret.sops.yaml";
    let root = repository.path("out");
    let good = fs::read_to_string(root.join(path)).unwrap();
    let of_b = fs::read_to_string(root.join(path.replace("/a/", "/b/"))).unwrap();
    let lock = fs::read_to_string(root.join("regcred.lock")).unwrap();
    let plain = repository.decrypt(&root.join(path), "key").succeeded();
    let check = |variables: &[(&str, &str)]| {
        let run = repository.render(&[&arguments[..], &["--check"]].concat(), variables);
        let in_clear = run.stderr.contains(&format!("`{path}` holds a login in clear"));
        (run.status, in_clear || run.stderr.contains(&format!("different: {path}")))
    };
    let without = ("DOCKERHUB_AUTH", "");
    assert_eq!([check(&[without]), check(&[without, key])], [(0, false); 2]);
    let mac = good.lines().find(|line| line.contains("mac: ")).unwrap();
    for text in [&*plain, &good.replace(mac, ""), &of_b, &format!("{good}---\n{plain}"), "kind: Secret\n"] {
        forge(&root, path, text);
        for variables in [&[without][..], &[without, key], &[]] {
            // A login in clear is an error, not only a difference.
            let code = if text.contains(&plain) { 1 } else { 3 };
            assert_eq!(check(variables), (code, true), "{variables:?}: {text}");
        }
        write(&root.join("regcred.lock"), &lock);
    }
    // The recipients of a merge request are reported before anything is encrypted for them.
    write(&root.join(path), &good);
    repository.rules("creation_rules: [{age: RECIPIENT, mac_only_encrypted: true}]");
    let run = repository.render(&[&arguments[..], &["--check"]].concat(), &[without]);
    assert!(run.status == 3 && run.stderr.contains("2 encrypted files are for another recipient"), "{}", run.stderr);
}

#[test]
fn a_rule_is_found_and_matched_as_for_a_person_in_the_repository() {
    let Some(repository) = Repository::new("") else { return };
    let regex = "^(kind|apiVersion|metadata|type)$";
    repository.rules(&format!(
        "creation_rules:\n- {{path_regex: ^clusters/prod/namespaces/, unencrypted_regex: {regex}, mac_only_encrypted: true, age: RECIPIENT}}\n- {{path_regex: yaml$, age: age1nobody}}\n"
    ));
    let elsewhere = tempfile::tempdir().unwrap();
    // The folder does not exist yet, and regcred does not run in the repository.
    let output = repository.path("clusters/new/../prod");
    let run = Program::new(Path::new(env!("CARGO_BIN_EXE_regcred")))
        .directory(elsewhere.path())
        .variable("PATH", repository.tools.as_os_str())
        .variable("DOCKERHUB_AUTH", LOGINS)
        .arguments(["render", "--protect", "sops", "-n", "team-a", "--format", "directory", "--output"])
        .arguments([&output]);
    fs::create_dir_all(repository.path("clusters/new")).unwrap();
    run.run().succeeded();
    let path = repository.path("clusters/prod/namespaces/team-a/secret-image-pull-secret.sops.yaml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(&format!("unencrypted_regex: {regex}\n")) && text.contains("mac_only_encrypted: true"));
    repository.decrypt(&path, "key").succeeded();
}

#[test]
fn a_rule_that_says_nothing_of_keys_gets_the_choice_that_flux_needs() {
    let Some(repository) = Repository::new("creation_rules: [{age: RECIPIENT}]") else { return };
    repository.render(&["-n", "team-a", "--format", "directory", "--output", "out"], &[]).succeeded();
    let text = fs::read_to_string(repository.path("out/namespaces/team-a/secret-image-pull-secret.sops.yaml")).unwrap();
    assert!(text.contains("encrypted_regex: ^(data|stringData)$\n") && text.contains("kind: Secret\n"), "{text}");
    assert_eq!(repository.opened().len(), 1);
}

#[test]
fn recipients_may_be_in_a_variable() {
    let Some(repository) = Repository::new("stores: {yaml: {indent: 2}}") else { return };
    let recipients = [("SOPS_AGE_RECIPIENTS", repository.recipient.as_str())];
    // Rules of regcred's working directory do not apply to the output.
    let elsewhere = tempfile::tempdir().unwrap();
    write(&repository.path("work/.sops.yaml"), "creation_rules: [");
    let output = elsewhere.path().join("out");
    let arguments = ["render", "--protect", "sops", "-n", "team-a", "--format", "directory", "--output"];
    let program = Program::new(Path::new(env!("CARGO_BIN_EXE_regcred"))).directory(&repository.path("work"));
    let program = program.variable("PATH", &repository.tools).variable("DOCKERHUB_AUTH", LOGINS);
    let program = recipients.iter().fold(program, |program, (name, value)| program.variable(name, value));
    program.arguments(arguments).arguments([&output]).run().succeeded();
    repository.decrypt(&output.join("namespaces/team-a/secret-image-pull-secret.sops.yaml"), "key").succeeded();

    repository.render(&["-n", "team-a", "--format", "directory", "--output", "out"], &recipients).succeeded();
    assert_eq!(repository.opened(), plain(&repository, &["-n", "team-a"]));
    let text = fs::read_to_string(repository.path("out/namespaces/team-a/secret-image-pull-secret.sops.yaml")).unwrap();
    assert!(text.contains("\ndata:\n  .dockerconfigjson: ENC["), "the indentation is the user's: {text}");
}

#[test]
fn fifty_namespaces_are_fifty_files_that_sops_opens() {
    let Some(repository) = Repository::new(&format!("creation_rules: [{FLUX_RULE}]")) else { return };
    let names: Vec<_> = (0..50).map(|number| format!("team-{number}")).collect();
    let names = names.join(",");
    repository.render(&["-n", &names, "--format", "directory", "--output", "out"], &[]).succeeded();
    let opened = repository.opened();
    assert_eq!(opened.len(), 50);
    assert_eq!(opened, plain(&repository, &["-n", &names]));
}

#[test]
fn what_fails_says_why_and_leaves_the_tree_as_it_was() {
    let Some(repository) = Repository::new(&format!("creation_rules: [{FLUX_RULE}]")) else { return };
    let arguments = ["-n", "team-a,team-b", "--format", "kustomization", "--output", "out"];
    repository.render(&arguments, &[]).succeeded();
    let before = repository.files();
    let changed = [("DOCKERHUB_AUTH", OTHER_LOGINS), ("VAULT_TOKEN", "x"), ("VAULT_ADDR", "http://127.0.0.1:9")];
    let (good, prod) = ("age: RECIPIENT", "path_regex: ^out/namespaces/team-a/, age: RECIPIENT");
    for (rules, words) in [
        ("{age: age1nonsense}".to_owned(), &["`sops` could not encrypt", "sops says: ", "age1nonsense"][..]),
        ("{pgp: ABCDEF0123456789ABCDEF0123456789ABCDEF01}".to_owned(), &["could not encrypt", "ABCDEF01"]),
        (
            "{hc_vault_transit_uri: 'http://127.0.0.1:9/v1/transit/keys/x'}".to_owned(),
            &["could not encrypt", "may this job use it?", "connection refused"],
        ),
        ("{mac_only_encrypted: true}".to_owned(), &["could not encrypt", "empty key group"]),
        (format!("{{{prod}}}"), &["/.sops.yaml` matches `", "namespaces/team-b/secret-"]),
        (format!("{{unencrypted_regex: data, {good}}}"), &["encrypts `apiVersion`", "^(data|stringData)$"]),
        (format!("{{unencrypted_regex: ^metadata$, {good}}}"), &["encrypts `apiVersion`"]),
        (format!("{{encrypted_suffix: _secret, {good}}}"), &["leaves `data..dockerconfigjson`"]),
        (format!("{{path_regex: '(', {good}}}"), &["could not encrypt", "sops says: "]),
        (format!("{{encrypted_regex: a, unencrypted_regex: b, {good}}}"), &["cannot use more than one of"]),
        ("[".to_owned(), &["`.sops.yaml` is not valid YAML, at or after line 1"]),
        ("{hc_vault_transit_uri: 'http://localhost:9/v1/transit/keys/x'}".to_owned(), &["names `http://localhost:9`"]),
    ] {
        repository.rules(&format!("creation_rules: [{rules}]\n"));
        let run = repository.render(&arguments, &changed);
        assert_eq!(run.status, 1, "{rules}: {}", run.stderr);
        for word in words {
            assert!(run.stderr.contains(word), "{rules}: {}", run.stderr);
        }
        assert_eq!(repository.files(), before, "{rules}");
        // A missing folder is not created, either.
        let fresh = ["-n", "team-a,team-b", "--format", "directory", "--output", "fresh/folder"];
        assert_eq!(repository.render(&fresh, &changed).status, 1, "{rules}");
        assert!(!repository.path("fresh").exists(), "{rules}");
    }
    fs::remove_file(repository.path(".sops.yaml")).unwrap();
    let run = repository.render(&arguments, &changed);
    assert!(run.failed().contains("there is no `.sops.yaml` with rules"));
    write(&repository.path(".sops.yml"), "creation_rules: []");
    assert!(repository.render(&arguments, &changed).failed().contains("rename it to `.sops.yaml`"));
    assert_eq!(repository.files(), before);
}

#[test]
fn a_program_that_prints_something_else_is_not_believed() {
    let Some(repository) = Repository::new(&format!("creation_rules: [{FLUX_RULE}]")) else { return };
    let arguments = ["-n", "team-a", "--format", "directory", "--output", "out"];
    for (script, words) in [
        ("cat", "in encrypted form"),
        ("true", "in encrypted form"),
        (r"cat; printf 'sops: {mac: x, lastmodified: x, version: x}\n'", "leaves `data..dockerconfigjson`"),
        ("cat >&2; exit 1", "sops says: apiVersion: v1 kind: Secret data: .dockerconfigjson: [hidden] metadata:"),
        ("echo $DOCKERHUB_AUTH >&2; exit 1", "sops says nothing"),
        ("exit 1", "sops says nothing"),
        ("exec tail -f /dev/null", "within 1 seconds"),
        ("exec >/dev/null; exec tail -f /dev/null", "within 1 seconds"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        stand_in::program(&folder.path().join("sops"), script);
        let search = stand_in::search(folder.path());
        let run = repository.render(&arguments, &[("PATH", &search), ("REGCRED_SOPS_TIMEOUT", "1")]);
        let said = run.failed();
        assert!(said.contains(words) && !said.contains("YWNtZS"), "{script}: {said}");
        assert!(!repository.path("out").exists(), "{script}");
    }
}

#[test]
fn nothing_is_on_disk_in_clear_while_sops_works() {
    let Some(repository) = Repository::new(&format!("creation_rules: [{FLUX_RULE}, {{age: RECIPIENT}}]")) else {
        return;
    };
    // The search covers places where nobody looks: the login, its parts, and the base64 of each.
    let fixtures = tempfile::tempdir().unwrap();
    let marks = fixtures.path().join("marks");
    write(&marks, "s3cr3t-sesame\nYWNtZS1ib3Q6czNjcjN0\nczNjcjN0LXNlc2Ft\nM2NyM3Qtc2VzYW1l\neyJhdXRocyI6e\n");
    let found = fixtures.path().join("found");
    let looks = format!(
        "grep -rlF -f {} . \"$TMPDIR\" /dev/shm >> {} 2> /dev/null\nexec {} \"$@\"",
        marks.display(),
        found.display(),
        repository.tools.join("sops").display()
    );
    stand_in::program(&fixtures.path().join("bin/sops"), &looks);
    let temporary = repository.path("tmp");
    fs::create_dir(&temporary).unwrap();
    let search = stand_in::search(&fixtures.path().join("bin"));
    let variables = [("PATH", &*search), ("TMPDIR", temporary.to_str().unwrap())];
    let formats = [
        &["-n", "a,b,c,d", "--create-namespaces", "--format", "kustomization", "--output", "out"][..],
        &["-n", "a", "--format", "helm-values", "--output", "values.yaml"],
    ];
    for format in formats {
        for _ in 0..2 {
            repository.render(format, &variables).succeeded();
        }
    }
    assert_eq!(fs::read_to_string(&found).unwrap(), "");
    // The search does find it.
    write(&temporary.join("x"), "YWNtZS1ib3Q6czNjcjN0LXNlc2FtZQ==");
    repository.render(formats[1], &variables).succeeded();
    assert!(fs::read_to_string(&found).unwrap().contains("/tmp/x\n"));
}

#[test]
fn encrypted_values_are_those_that_helm_needs_and_stay_when_nothing_changed() {
    let Some(repository) = Repository::new("creation_rules: [{age: RECIPIENT}]") else { return };
    let key = ("REGCRED_FINGERPRINT_KEY", "0f1e2d3c4b5a69788796a5b4c3d2e1f0");
    let arguments = ["-n", "team-a,team-b", "--format", "helm-values", "--output", "secrets.yaml"];
    let secrets = repository.path("secrets.yaml");
    let read = || fs::read_to_string(&secrets).unwrap();
    repository.render(&arguments, &[key]).succeeded();
    let first = read();
    assert!(first.starts_with("# Written by regcred.") && !first.contains("YWNtZS"), "{first}");
    assert!(first.contains("- team-a\n") && first.contains("dockerConfigJson: ENC["), "{first}");

    // Helmfile's steps for `secrets:`: sops decrypts, helm takes the values.
    let values = repository.decrypt(&secrets, "key").succeeded();
    repository.render(&["-n", "x", "--format", "directory", "--output", "unused"], &[]).succeeded();
    let regcred = |arguments: &[&str]| {
        let program = Program::new(Path::new(env!("CARGO_BIN_EXE_regcred"))).directory(repository.folder.path());
        program.variable("DOCKERHUB_AUTH", LOGINS).arguments(arguments).run().succeeded()
    };
    regcred(&["render", "-n", "unused", "--format", "chart", "--output", "chart"]);
    let helm = repository.program("helm").arguments(["template", "x", "chart", "--values", "-"]).stdin(&values);
    let made = documents(&helm.run().succeeded());
    let wanted = plain(&repository, &["-n", "team-a,team-b"]);
    assert_eq!(made.len(), 2);
    for secret in wanted.values() {
        assert!(made.iter().any(|object| object["data"] == secret["data"]
            && object["metadata"]["namespace"] == secret["metadata"]["namespace"]));
    }

    repository.render(&arguments, &[key]).succeeded();
    assert_eq!(read(), first, "nothing changed");
    let check = |variables: &[(&str, &str)]| repository.render(&[&arguments[..], &["--check"]].concat(), variables);
    assert_eq!(check(&[key]).status, 0);
    assert_eq!(check(&[key, ("DOCKERHUB_AUTH", OTHER_LOGINS)]).status, 3);
    assert!(check(&[]).stderr.contains("were not compared"));
    // It needs no program for that.
    assert_eq!(check(&[key, ("PATH", "")]).status, 0);

    let ciphertext = |text: &str| text.lines().find(|line| line.contains("dockerConfigJson: ENC[")).unwrap().to_owned();
    write(&secrets, &first.replace("- team-b", "- team-c"));
    repository.render(&arguments, &[key]).succeeded();
    assert_ne!(ciphertext(&read()), ciphertext(&first), "edited by hand");
    let second = read();
    repository.render(&[&arguments[..], &["--reseal"]].concat(), &[key]).succeeded();
    assert_ne!(ciphertext(&read()), ciphertext(&second), "--reseal");
    let third = read();
    repository.rules("creation_rules: [{age: RECIPIENT, mac_only_encrypted: true}]");
    repository.render(&arguments, &[key]).succeeded();
    assert_ne!(ciphertext(&read()), ciphertext(&third), "the rule has changed");
    let said = repository.render(&arguments, &[]).stderr;
    assert!(said.contains("`REGCRED_FINGERPRINT_KEY` is not set, so every run re-encrypts"), "{said}");
    repository.decrypt(&secrets, "key").succeeded();

    repository.rules("creation_rules: [{encrypted_regex: ^(data|stringData)$, age: RECIPIENT}]");
    repository.render(&arguments, &[key]).succeeded();
    assert!(ciphertext(&read()).contains("ENC["), "the keys that a rule chooses do not leave a login in clear");
}

#[test]
fn encrypted_values_are_compared_without_logins_and_without_a_key_as_far_as_anybody_can() {
    let Some(repository) = Repository::new("creation_rules: [{age: RECIPIENT}]") else { return };
    let key = ("REGCRED_FINGERPRINT_KEY", "0f1e2d3c4b5a69788796a5b4c3d2e1f0");
    let secrets = repository.path("secrets.yaml");
    let arguments = ["--format", "helm-values", "--output", "secrets.yaml"];
    let check = |namespaces: &str, variables: &[(&str, &str)]| {
        repository.render(&[&["-n", namespaces], &arguments[..], &["--check"]].concat(), variables)
    };
    // Written with a key and without, checked by a job that has no logins, no key, or neither.
    for written in [&[key][..], &[]] {
        repository.rules("creation_rules: [{age: RECIPIENT}]");
        repository.render(&[&["-n", "a,b"], &arguments[..]].concat(), written).succeeded();
        let first = fs::read_to_string(&secrets).unwrap();
        for variables in [&[("DOCKERHUB_AUTH", "")][..], &[("DOCKERHUB_AUTH", ""), key], &[]] {
            let run = check("a,b", variables);
            // With the key, a file without its signature is not ours.
            let is_foreign = written.is_empty() && variables.contains(&key);
            assert_eq!(run.status, if is_foreign { 3 } else { 0 }, "{variables:?}: {}", run.stderr);
            assert!(run.stderr.contains("not compared"), "{}", run.stderr);
            assert_eq!(check("a,c", variables).status, 3, "another namespace: {variables:?}");
            let decrypted = repository.decrypt(&secrets, "key").succeeded();
            let mac = first.lines().find(|line| line.contains("mac: ")).unwrap();
            let edited = first.replace("- b\n", "- c\n");
            for text in [&*decrypted, "garbage", "", &edited, &first.replace(mac, ""), &first.replace(['='], "")] {
                write(&secrets, text);
                // A run would not replace a file that is not ours.
                let code = if text == decrypted || text == "garbage" { 1 } else { 3 };
                assert_eq!(check("a,b", variables).status, code, "{variables:?}: {text}");
            }
            write(&secrets, &first);
            repository.rules("creation_rules: [{age: RECIPIENT, mac_only_encrypted: true}]");
            assert_eq!(check("a,b", variables).status, 3, "another rule: {variables:?}");
            repository.rules("creation_rules: [{age: RECIPIENT}]");
        }
    }
    // A rule that would hide more than the login is overridden: the mark hashes nothing that is hidden.
    repository.rules("creation_rules: [{encrypted_regex: '.*', age: RECIPIENT}]");
    repository.render(&[&["-n", "a,b"], &arguments[..]].concat(), &[]).succeeded();
    let text = fs::read_to_string(&secrets).unwrap();
    assert!(text.contains("dockerConfigJson: ENC[") && text.contains("- a\n"), "{text}");
}

#[test]
fn rules_are_taken_as_sops_takes_them() {
    let Some(repository) = Repository::new("") else { return };
    for path_regex in [r"^out/\Qnamespaces/\E", r"^[\w/-]+\.sops\.ya{0,1}ml$", r"(x{y)?\.yaml$"] {
        let rest = "{path_regex: '(', age: nonsense}";
        repository.rules(&format!("creation_rules: [{{path_regex: '{path_regex}', age: RECIPIENT}}, {rest}]"));
        repository.render(&["-n", "a", "--format", "directory", "--output", "out"], &[]).succeeded();
        assert_eq!(repository.opened().len(), 1, "{path_regex}");
        fs::remove_dir_all(repository.path("out")).unwrap();
    }
}

#[test]
fn values_for_a_patchers_chart_are_encrypted_where_their_secret_is() {
    let Some(repository) = Repository::new("creation_rules: [{age: RECIPIENT}]") else { return };
    let format = ["--format", "helm-values", "--output"];
    repository.render(&[&format[..], &["tamcore.yaml", "--chart", "tamcore"]].concat(), &[]).succeeded();
    let text = fs::read_to_string(repository.path("tamcore.yaml")).unwrap();
    assert!(
        text.contains("CONFIG_SECRETNAME: image-pull-secret\n") && text.contains(".dockerconfigjson: ENC["),
        "{text}"
    );
    let values = documents(&repository.decrypt(&repository.path("tamcore.yaml"), "key").succeeded()).remove(0);
    assert!(values["extraObjects"][0]["data"][".dockerconfigjson"].as_str().unwrap().starts_with("eyJhdXRocyI6e"));

    let flags = ["values.yaml", "--chart", "empathyco", "--create-namespaces"];
    repository.render(&[&format[..], &flags].concat(), &[]).succeeded();
    let values = fs::read_to_string(repository.path("values.yaml")).unwrap();
    assert!(!values.contains("ENC["), "no secret is among them: {values}");
    let path = repository.path("values.secret.sops.yaml");
    let objects = documents(&repository.decrypt(&path, "key").succeeded());
    assert_eq!(
        objects.iter().map(|object| object["kind"].as_str().unwrap()).collect::<Vec<_>>(),
        ["Namespace", "Secret"]
    );
    assert!(objects[1]["data"][".dockerconfigjson"].as_str().unwrap().starts_with("eyJhdXRocyI6e"));
}
