//! Runs `regcred krm` as generator and transformer of the real kustomize and as function of kpt, and applies the output.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::bench::{self, Bench, Run, difference, documents, fresh};

const LOGINS: (&str, &str) = ("DOCKERHUB_AUTH", r#"{"auths":{"ghcr.io":{"auth":"YWNtZS1ib3Q6czNjcjN0"}}}"#);
/// The part of it that a Secret holds.
const ENCODED: &str = "eyJhdXRocyI6";

/// A regcred.yaml for these namespaces that is a function, with more in its spec.
fn config(namespaces: &[String], more: &str) -> String {
    let list = namespaces.join(", ");
    format!(
        "# Which pull secrets go where\napiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata:\n  name: acme\n  \
         annotations:\n    config.kubernetes.io/local-config: \"true\"\n    config.kubernetes.io/function: |\n      exec:\n        \
         path: regcred\n        args: [krm]\nspec:\n  pullSecrets:\n  - namespaces: {{include: [{list}]}}\n{more}"
    )
}

/// The files in a separate folder.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        bench::write(&folder.path().join(path), text);
    }
    folder
}

fn build(bench: &Bench, folder: &Path, flags: &[&str]) -> Run {
    let folder = folder.to_str().unwrap();
    let arguments = [&["build"], flags, &[folder]].concat();
    bench.program("kustomize").arguments(arguments).variable(LOGINS.0, LOGINS.1).run()
}

const EXEC: &[&str] = &["--enable-alpha-plugins", "--enable-exec"];

/// The objects of one kind, as `namespace/name`.
fn names(objects: &[Value], kind: &str) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let of_kind = objects.iter().filter(|object| object["kind"] == kind).map(|object| &object["metadata"]);
    of_kind.map(|metadata| format!("{}/{}", text(&metadata["namespace"]), text(&metadata["name"]))).collect()
}

fn pull_secrets(namespaces: &[String]) -> Vec<String> {
    namespaces.iter().map(|namespace| format!("{namespace}/image-pull-secret")).collect()
}

#[test]
fn a_generator_makes_what_render_makes_and_the_server_takes_it() {
    let Some(bench) = Bench::with(&["kustomize"]) else { return };
    let namespaces: [String; 2] = bench.namespaces();
    let folder =
        folder(&[("regcred.yaml", &config(&namespaces, "")), ("kustomization.yaml", "generators: [regcred.yaml]\n")]);
    let built = build(bench, folder.path(), EXEC).succeeded();
    let mut objects = documents(&built);
    for object in &mut objects {
        if let Some(annotations) = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
            assert_eq!(annotations.remove("regcred.dev/function-config"), Some(json!("acme")));
        }
    }
    let regcred = bench.program("regcred").directory(folder.path()).arguments(["render"]);
    let rendered = documents(&regcred.variable(LOGINS.0, LOGINS.1).run().succeeded());
    assert_eq!(objects.len(), rendered.len());
    assert!(rendered.iter().all(|object| objects.contains(object)), "{built}");
    bench.apply(&built).succeeded();
    let live = documents(&bench.kubectl(&["get", "-o", "json", "-f", "-"], &built).succeeded());
    assert_eq!(live.len(), objects.len());
    for (wanted, found) in documents(&built).iter().zip(&live) {
        assert_eq!(difference(wanted, found), None);
    }
    let account = bench.get(&["serviceaccount", "default", "-n", &namespaces[0]]);
    assert_eq!(account["imagePullSecrets"], json!([{"name": "image-pull-secret"}]));
}

#[test]
fn a_transformer_joins_what_is_there_chooses_by_globs_and_removes_what_it_made_before() {
    let Some(bench) = Bench::with(&["kustomize"]) else { return };
    let [one, other]: [String; 2] = bench.namespaces();
    let space = |name: &str| format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n");
    let account = format!(
        "apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: default, namespace: {one}}}\nautomountServiceAccountToken: false\n\
         imagePullSecrets: [{{name: theirs}}]\n"
    );
    let odd = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: odd, namespace: {one}}}\ndata: {{on: \"yes\", version: \"1.10\", \
         octal: \"012\", text: \"a\\n\\n  b\\n\"}}\n"
    );
    let former = "apiVersion: v1\nkind: Secret\nmetadata: {name: former, namespace: elsewhere, annotations: {regcred.dev/owner: \
                  acme, regcred.dev/function-config: acme}}\n";
    // The numbers at their ends may differ in more than one digit.
    let glob = [format!("{}*", one.trim_end_matches(|letter: char| letter.is_ascii_digit()))];
    let folder = folder(&[
        ("regcred.yaml", &config(&glob, "")),
        ("there.yaml", &[space(&one), space(&other), account, odd.clone(), former.to_owned()].join("---\n")),
        ("kustomization.yaml", "resources: [there.yaml]\ntransformers: [regcred.yaml]\n"),
    ]);
    let built = build(bench, folder.path(), EXEC).succeeded();
    let objects = documents(&built);
    let mut both = [one.clone(), other.clone()];
    both.sort();
    assert_eq!(names(&objects, "Secret"), pull_secrets(&both), "{built}");
    let account = objects
        .iter()
        .find(|object| object["kind"] == "ServiceAccount" && object["metadata"]["namespace"] == one.as_str());
    let account = account.unwrap();
    assert_eq!(account["imagePullSecrets"], json!([{"name": "theirs"}, {"name": "image-pull-secret"}]));
    assert_eq!(account["automountServiceAccountToken"], false);
    assert_eq!(objects.iter().find(|object| object["kind"] == "ConfigMap"), documents(&odd).first());
    bench.apply(&built).succeeded();
}

#[test]
fn namespaces_may_be_called_what_a_reader_of_yaml_1_1_takes_for_something_else_than_a_string() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&["kustomize"]) else { return };
    let names_of_spaces = ["0x1f", "1e3", "on", "y"].map(str::to_owned);
    let quoted = names_of_spaces.each_ref().map(|name| format!("'{name}'"));
    let spaces = quoted.each_ref().map(|name| format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n"));
    for place in ["generators", "transformers"] {
        let folder = folder(&[
            ("regcred.yaml", &config(&quoted, "")),
            ("there.yaml", &spaces.join("---\n")),
            ("kustomization.yaml", &format!("resources: [there.yaml]\n{place}: [regcred.yaml]\n")),
        ]);
        let built = build(bench, folder.path(), EXEC).succeeded();
        assert_eq!(names(&documents(&built), "Secret"), pull_secrets(&names_of_spaces), "{place}");
        bench.apply(&built).succeeded();
        for name in &names_of_spaces {
            let account = bench.get(&["serviceaccount", "default", "-n", name]);
            assert_eq!(account["imagePullSecrets"], json!([{"name": "image-pull-secret"}]), "{place} {name}");
        }
        let delete = ["delete", "namespace"];
        bench.kubectl(&[&delete[..], &names_of_spaces.each_ref().map(String::as_str)].concat(), "").succeeded();
    }
}

#[test]
fn without_enable_exec_kustomize_skips_the_function_and_says_nothing() {
    let Some(bench) = Bench::with(&["kustomize"]) else { return };
    let folder = folder(&[
        ("regcred.yaml", &config(&["team-a".to_owned()], "")),
        ("kustomization.yaml", "generators: [regcred.yaml]\n"),
    ]);
    let skipped = build(bench, folder.path(), &["--enable-alpha-plugins"]);
    assert_eq!((skipped.status, skipped.stdout.as_str()), (0, ""), "{skipped:?}");
}

#[test]
fn a_kustomization_that_would_move_or_rename_what_is_generated_is_refused_before_there_is_a_secret() {
    let Some(bench) = Bench::with(&["kustomize"]) else { return };
    let config = config(&["team-a".to_owned(), "team-b".to_owned()], "");
    for (line, place) in
        [("namespace: team-a", "namespace:"), ("namePrefix: dev-", "namePrefix:"), ("nameSuffix: -x", "nameSuffix:")]
    {
        let kustomization = format!("{line}\ngenerators: [regcred.yaml]\n");
        let folder = folder(&[("regcred.yaml", &config), ("kustomization.yaml", &kustomization)]);
        let run = build(bench, folder.path(), EXEC);
        assert!(!format!("{run:?}").contains(ENCODED), "{run:?}");
        let seen = run.failed();
        assert!(seen.contains(&format!("`{place}`")) && seen.contains("hint: list it under `transformers:`"), "{seen}");
    }
}

#[test]
fn a_transformer_comes_after_namespace_and_prefix_and_is_not_touched_by_them() {
    let Some(bench) = Bench::with(&["kustomize"]) else { return };
    let namespaces = ["team-a".to_owned(), "team-b".to_owned()];
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: web, image: ghcr.io/acme/web}]}\n";
    let folder = folder(&[
        ("regcred.yaml", &config(&namespaces, "")),
        ("pod.yaml", pod),
        (
            "kustomization.yaml",
            "namespace: team-a\nnamePrefix: dev-\nresources: [pod.yaml]\ntransformers: [regcred.yaml]\n",
        ),
    ]);
    let objects = documents(&build(bench, folder.path(), EXEC).succeeded());
    assert_eq!(names(&objects, "Pod"), ["team-a/dev-web"]);
    assert_eq!(names(&objects, "Secret"), pull_secrets(&namespaces));
    assert_eq!(names(&objects, "ServiceAccount"), ["team-a/default", "team-b/default"]);
}

#[test]
fn a_prefix_on_generated_secrets_that_nothing_links_is_followed_by_the_references_in_pods() {
    let Some(bench) = Bench::with(&["kustomize"]) else { return };
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: team-a}\nspec: {imagePullSecrets: [{name: \
               image-pull-secret}], containers: [{name: web, image: ghcr.io/acme/web}]}\n";
    let folder = folder(&[
        ("regcred.yaml", &config(&["team-a".to_owned()], "  link: none\n")),
        ("pod.yaml", pod),
        ("kustomization.yaml", "namePrefix: dev-\nresources: [pod.yaml]\ngenerators: [regcred.yaml]\n"),
    ]);
    let objects = documents(&build(bench, folder.path(), EXEC).succeeded());
    assert_eq!(names(&objects, "Secret"), ["team-a/dev-image-pull-secret"]);
    let pod = objects.iter().find(|object| object["kind"] == "Pod").unwrap();
    assert_eq!(pod["spec"]["imagePullSecrets"], json!([{"name": "dev-image-pull-secret"}]));
}

#[test]
fn a_kustomization_of_its_own_beside_the_one_with_a_namespace_works() {
    let Some(bench) = Bench::with(&["kustomize"]) else { return };
    let namespaces = ["team-a".to_owned(), "team-b".to_owned()];
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\n";
    let folder = folder(&[
        ("pull-secrets/regcred.yaml", &config(&namespaces, "")),
        ("pull-secrets/kustomization.yaml", "generators: [regcred.yaml]\n"),
        ("app/map.yaml", map),
        ("app/kustomization.yaml", "namespace: team-a\nresources: [map.yaml]\n"),
        ("kustomization.yaml", "resources: [pull-secrets, app]\n"),
    ]);
    let objects = documents(&build(bench, folder.path(), EXEC).succeeded());
    assert_eq!(names(&objects, "Secret"), pull_secrets(&namespaces));
    assert_eq!(names(&objects, "ConfigMap"), ["team-a/web"]);
}

/// The reason for all tests above. regcred cannot notice it from the inner kustomization, so the documentation warns.
#[test]
fn a_namespace_in_a_kustomization_above_makes_kustomize_print_the_secrets() {
    let Some(bench) = Bench::with(&["kustomize"]) else { return };
    let folder = folder(&[
        ("pull-secrets/regcred.yaml", &config(&["team-a".to_owned(), "team-b".to_owned()], "  link: none\n")),
        ("pull-secrets/kustomization.yaml", "generators: [regcred.yaml]\n"),
        ("kustomization.yaml", "namespace: team-a\nresources: [pull-secrets]\n"),
    ]);
    let seen = build(bench, folder.path(), EXEC).failed();
    assert!(seen.contains("namespace transformation produces ID conflict") && seen.contains(ENCODED), "{seen}");
}

#[test]
fn an_account_that_a_generator_and_a_resource_both_make_is_a_conflict_without_a_secret_in_it() {
    let Some(bench) = Bench::with(&["kustomize"]) else { return };
    let account = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: default, namespace: team-a}\n";
    let folder = folder(&[
        ("regcred.yaml", &config(&["team-a".to_owned()], "")),
        ("account.yaml", account),
        ("kustomization.yaml", "resources: [account.yaml]\ngenerators: [regcred.yaml]\n"),
    ]);
    let run = build(bench, folder.path(), EXEC);
    assert!(!format!("{run:?}").contains(ENCODED), "{run:?}");
    assert!(run.failed().contains("behavior must be merge or replace"));
}

#[test]
fn what_is_wrong_stops_kustomize_with_our_message_and_nothing_is_built() {
    let Some(bench) = Bench::with(&["kustomize"]) else { return };
    for place in ["generators", "transformers"] {
        let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\n";
        let folder = folder(&[
            ("regcred.yaml", &config(&["team-a".to_owned()], "")),
            ("map.yaml", map),
            ("kustomization.yaml", &format!("resources: [map.yaml]\n{place}: [regcred.yaml]\n")),
        ]);
        let path = folder.path().to_str().unwrap();
        let run = bench.program("kustomize").arguments([&["build"], EXEC, &[path]].concat()).run();
        assert_eq!(run.stdout, "", "{place}");
        assert!(run.failed().contains("`DOCKERHUB_AUTH` is not set"), "{place}");
    }
}

#[test]
fn the_working_directory_is_the_kustomizations_and_a_regcred_yaml_above_is_not_read() {
    let Some(bench) = Bench::with(&["kustomize"]) else { return };
    let folder = folder(&[
        ("regcred.yaml", "not: ours\n"),
        ("inner/pull-secrets.yaml", &config(&["team-a".to_owned()], "").replace("path: regcred", "path: ./function")),
        ("inner/function", "#!/bin/sh\nexec regcred krm\n"),
        ("inner/kustomization.yaml", "generators: [pull-secrets.yaml]\n"),
        ("kustomization.yaml", "resources: [inner]\n"),
    ]);
    let path = folder.path().join("inner/function");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(path, executable).unwrap();
    let objects = documents(&build(bench, folder.path(), EXEC).succeeded());
    assert_eq!(names(&objects, "Secret"), ["team-a/image-pull-secret"]);
}

#[test]
fn kpt_adds_files_to_a_package_changes_none_that_is_not_ours_and_removes_what_is_stale() {
    let Some(bench) = Bench::with(&["kpt"]) else { return };
    let [one, other] = [fresh("kpt"), fresh("kpt")];
    let odd = "# A comment\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: odd\ndata:\n  # of a value\n  version: \"1.10\"\n";
    let folder = folder(&[("package/odd.yaml", odd), ("regcred.yaml", &config(&[one.clone(), other.clone()], ""))]);
    let eval = |more: &[&str]| {
        let own = Path::new(env!("CARGO_BIN_EXE_regcred"));
        let exec = format!("{} krm", own.display());
        let arguments = [&["fn", "eval", "package", "--exec", &exec], more].concat();
        bench.program("kpt").arguments(arguments).directory(folder.path()).variable(LOGINS.0, LOGINS.1).run()
    };
    let read = |path: &str| fs::read_to_string(folder.path().join("package").join(path));
    let config_file = ["--fn-config", "regcred.yaml"];
    let first = eval(&config_file);
    assert!(!format!("{first:?}").contains(ENCODED), "{first:?}");
    assert!(format!("{first:?}").contains("the Secrets are in clear"), "{first:?}");
    first.succeeded();
    let secret = |namespace: &str| format!("{namespace}/secret_image-pull-secret.yaml");
    let written = read(&secret(&one)).unwrap();
    assert!(written.contains(ENCODED) && read(&secret(&other)).is_ok());
    assert_eq!(read("odd.yaml").unwrap(), odd);
    eval(&config_file).succeeded();
    assert_eq!(read(&secret(&one)).unwrap(), written);
    bench::write(&folder.path().join("regcred.yaml"), &config(std::slice::from_ref(&one), ""));
    eval(&config_file).succeeded();
    assert_eq!(read(&secret(&one)).unwrap(), written);
    assert!(read(&secret(&other)).is_err());
    // Flags as a ConfigMap; a failure leaves the package unchanged.
    let shown = eval(&["--output", "unwrap", "--", "namespaces=team-a", "link=none", "secret-name=pull"]).succeeded();
    assert!(names(&documents(&shown), "Secret").contains(&"team-a/pull".to_owned()), "{shown}");
    let failed = eval(&["--", "namespaces=team-a", "docker-config=NOT_THERE"]);
    assert!(format!("{failed:?}").contains("`NOT_THERE` is not set"), "{failed:?}");
    failed.failed();
    assert_eq!(read(&secret(&one)).unwrap(), written);
}
