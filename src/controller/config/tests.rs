//! Tests the meaning of a mounted regcred.yaml.

use super::*;
use crate::settings::file::parse;

fn read(spec: &str) -> Result<Config, Vec<String>> {
    let head = "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {name: acme}\n";
    let file = parse(&format!("{head}spec: {spec}\n")).unwrap();
    super::read(&file, &Allowed::default())
        .map_err(|problems| problems.into_iter().map(|problem| problem.message).collect())
}

#[test]
fn a_pull_secret_without_logins_takes_them_from_the_mounted_secret_of_its_name() {
    let config = read(
        "{pullSecrets: [{name: b, serviceAccounts: ['*']}, {name: a, logins: [{dockerConfig: {secret: x}}, \
         {registry: ghcr.io, username: {value: u}, password: {secret: x, key: p}}]}]}",
    )
    .unwrap();
    let keys: Vec<_> = config.keys().map(|key| format!("{}/{}", key.secret, key.key)).collect();
    assert_eq!(keys, ["x/.dockerconfigjson", "x/p", "b/.dockerconfigjson"]);
    let accounts: Vec<_> = config.pull_secrets.iter().map(|one| one.accounts.len()).collect();
    assert_eq!(accounts, [1, 0]);
}

#[test]
fn the_example_in_the_documentation_is_valid() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/controller.md")).unwrap();
    let (_, rest) = page.split_once("```yaml\n").unwrap();
    let file = parse(rest.split_once("```").unwrap().0).unwrap();
    let config = super::read(&file, &Allowed::default()).unwrap_or_else(|problems| panic!("{problems:?}"));
    assert_eq!(config.keys().count(), 2);
}

#[test]
fn everything_that_only_other_commands_can_do_is_reported_at_once() {
    let problems = read(
        "{protect: sealed, clusters: [{name: a}], pullSecrets: [{logins: [{dockerConfig: {env: A}}, {preset: ghcr}, \
         {registry: ghcr.io, username: {secret: x}, password: {env: P}}]}]}",
    );
    let Err(problems) = problems else { panic!("refused") };
    let expected = [
        "`protect` has no effect",
        "`clusters` has no effect",
        "`dockerConfig` names no mounted Secret",
        "is a preset",
        "`username` has no `key`",
        "`password` names no mounted Secret",
    ];
    assert_eq!(problems.len(), expected.len(), "{problems:?}");
    for (problem, expected) in problems.iter().zip(expected) {
        assert!(problem.contains(expected), "{problem}: {expected}");
    }
    let Err(problems) = read("{pullSecrets: []}") else { panic!("refused") };
    assert_eq!(problems, ["`pullSecrets` names no pull secret"]);
    let braces = "{a,b}".repeat(10);
    let Err(problems) = read(&format!("{{pullSecrets: [{{namespaces: {{exclude: ['{braces}']}}}}]}}")) else {
        panic!("refused")
    };
    assert_eq!(problems, ["there are 1024 globs for namespaces, and at most 1000 are tried"]);
}

#[test]
fn the_limits_for_custom_resources_are_never_taken_for_what_is_wanted() {
    let head = "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {name: acme}\n";
    let with =
        |controller| parse(&format!("{head}spec: {{controller: {controller}, pullSecrets: [{{name: a}}]}}\n")).unwrap();
    let problems = settings(with("{crd: true, registries: [ghcr.io]}"), &Allowed::default()).unwrap_err();
    assert!(
        problems.len() == 1 && problems[0].hint.as_ref().is_some_and(|hint| hint.contains("`--crd`")),
        "{problems:?}"
    );
    assert!(settings(with("{registries: [ghcr.io]}"), &Allowed::default()).is_ok());
    for limits in ["{crd: true, registries: [ghcr.io]}", "{registries: [ghcr.io]}"] {
        assert!(Permission::read(with(limits), &Allowed::default()).is_ok(), "{limits}");
    }
}
