//! Uses the output of `init` with the tools that it is for.

use std::path::Path;

use crate::harness::bench::{Program, tools, write};
use crate::harness::regcred::regcred;

fn started(tool: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    assert!(regcred(folder.path(), &[], &["init", tool]).status.success());
    folder
}

/// The output of the tool there; `None` if the tool is missing.
fn run(tool: &str, arguments: &[&str], folder: &Path) -> Option<String> {
    let tools = tools(&[tool])?;
    let own = Path::new(env!("CARGO_BIN_EXE_regcred")).parent().unwrap();
    let system = ["/usr/local/bin", "/usr/bin", "/bin"].map(Path::new);
    let path = std::env::join_paths([own, &tools].into_iter().chain(system)).unwrap();
    let program = Program::new(&tools.join(tool)).directory(folder).arguments(arguments);
    let program = program.variable("PATH", path).variable("HOME", folder);
    Some(program.variable("DOCKERHUB_AUTH", r#"{"auths":{"ghcr.io":{"auth":"dTpw"}}}"#).run().succeeded())
}

#[test]
fn kustomize_leaves_regcred_yaml_out() {
    let folder = started("flux");
    write(&folder.path().join("kustomization.yaml"), "resources: [regcred.yaml, kustomization-flux.yaml]\n");
    let Some(built) = run("kustomize", &["build", "."], folder.path()) else { return };
    assert!(built.contains("kustomize.toolkit.fluxcd.io/v1") && !built.contains("RegistryCredentials"), "{built}");
}

#[test]
fn actionlint_finds_nothing_in_the_workflow() {
    let folder = started("github");
    run("actionlint", &["-no-color", ".github/workflows/regcred.yml"], folder.path());
}

#[test]
fn helmfile_renders_the_chart_that_its_hook_writes() {
    let folder = started("helmfile");
    let Some(manifests) = run("helmfile", &["template", "--quiet"], folder.path()) else { return };
    assert_eq!(manifests.matches("\nkind: Secret\n").count(), 2, "{manifests}");
    assert!(folder.path().join("generated/pull-secrets/Chart.yaml").exists());
}
