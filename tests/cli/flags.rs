//! Checks that every flag of `render` changes the output of every kind of run, or is refused.
#![expect(clippy::disallowed_methods, reason = "fixtures are files")]

use std::fs;
use std::path::Path;

use clap::CommandFactory;
use rayon::prelude::*;
use regcred::cli::Arguments;
use regcred_core::spec::choice::{Format, Link, Protect, Strategy};
use regcred_core::spec::combination::Combination;

use crate::harness::regcred::regcred;

const VARIABLES: &[(&str, &str)] = &[
    ("DOCKERHUB_AUTH", r#"{"auths":{"ghcr.io":{"auth":"dTpw"}}}"#),
    ("OTHER", r#"{"auths":{"quay.io":{"auth":"dTpw"}}}"#),
    ("NAME", "u"),
    ("WORD", "p"),
];

const FILES: &[(&str, &str)] = &[
    ("list", "c\n"),
    ("other.json", r#"{"auths":{"quay.io":{"auth":"dTpw"}}}"#),
    ("values.j2", "a: {{ secret_name }}\nb: {{ namespaces }}\nc: {{ service_accounts }}\nd: {{ registries }}\n"),
    (
        "store.yaml",
        "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {name: acme}\nspec:\n  pullSecrets:\n  - external:\n      \
         store: {kind: ClusterSecretStore, name: vault}\n      logins:\n      - registry: ghcr.io\n        username: {key: u}\n        \
         password: {key: p}\n",
    ),
    ("mine/service-account.yaml.j2", "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: mine}\n"),
    ("mine/admission-policy.yaml.j2", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: mine}\n"),
    ("mine/patcher-namespace.yaml.j2", "apiVersion: v1\nkind: Namespace\nmetadata: {name: mine}\n"),
];

/// A kind of run: the choices that define it.
struct Run {
    strategy: Strategy,
    link: Link,
    arguments: Vec<String>,
}

/// The possible combinations, with each chart and each patcher. One format represents all formats that contain every object. Encrypted
/// output is left out, because it differs at every run.
fn runs() -> Vec<Run> {
    let mut runs = Vec::new();
    for cell in Combination::all().filter(|cell| cell.is_possible()) {
        let Combination { strategy, link, protect, format } = cell;
        if matches!(format, Format::Json | Format::Directory | Format::Kustomization)
            || matches!(protect, Protect::Sealed | Protect::Sops)
        {
            continue;
        }
        let mut arguments = format!("--strategy {strategy} --link {link} --protect {protect} --format {format}");
        if strategy == Strategy::Static && format != Format::DockerConfig {
            arguments += " --namespaces a,b";
        }
        if strategy == Strategy::Controller {
            arguments += " --all-namespaces --controller-image r.test/regcred:v1";
        }
        if format == Format::Rbac {
            arguments += " --subject user:ci";
        }
        if format.is_a_tree() || format == Format::HelmValues {
            arguments += " --output out/it";
        }
        if protect == Protect::External {
            arguments += " --config store.yaml";
        }
        let variants: &[&str] = match (strategy, format, link) {
            (Strategy::Patcher, Format::HelmValues, _) => &["--chart tamcore", "--chart empathyco"],
            (Strategy::Patcher, _, Link::ServiceAccount) => &["--patcher titansoft", "--patcher tamcore"],
            (Strategy::Static, Format::HelmValues, _) => &["", "--chart values.j2"],
            _ => &[""],
        };
        runs.extend(variants.iter().map(|variant| {
            let arguments = format!("{arguments} {variant}").split_whitespace().map(str::to_owned).collect();
            Run { strategy, link, arguments }
        }));
    }
    runs
}

/// A value other than the default of a flag; `None` for flags that define the kind of run, name the place of the output, or insist.
fn other_value(flag: &str) -> Option<&'static str> {
    Some(match flag {
        "strategy"
        | "link"
        | "protect"
        | "format"
        | "chart"
        | "patcher"
        | "output"
        | "check"
        | "help"
        | "config"
        | "no-config"
        | "verbose"
        | "allow-short-lived"
        | "credential-helpers"
        | "allow-plaintext-in-git" => return None,
        "create-namespaces"
        | "crd"
        | "reseal"
        | "raw"
        | "no-guard"
        | "no-default-excludes"
        | "all-namespaces"
        | "prune"
        | "restart-stuck-pods" => "",
        "docker-config" => "OTHER",
        "docker-config-file" => "other.json",
        "login" => "quay.io=NAME:WORD",
        "namespaces" => "c",
        "namespaces-from" => "list",
        "subject" => "group:deploy",
        "selector" => "team=a",
        "exclude" => "b",
        "sealing-cert" => "cert.pem",
        "sealing-scope" => "cluster-wide",
        "accept-recipient" => "0123",
        "message-format" => "json",
        "profile" => "argocd",
        "templates" => "mine",
        "patcher-image" => "r.test/patcher:v2",
        "patcher-interval" => "33s",
        "controller-image" => "r.test/regcred:v2",
        "replicas" => "5",
        "kube-version" => "1.34",
        "check-online" => "2h",
        "cluster"
        | "secret-name"
        | "service-account"
        | "also-reference"
        | "controller-namespace"
        | "patcher-namespace"
        | "source-secret-name"
        | "patcher-pull-secret" => "other",
        unknown => panic!("say what changes with --{unknown}"),
    })
}

/// The exit status, the output, and every file below `out`.
fn outcome(arguments: &[String]) -> (Option<i32>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in FILES {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    fs::create_dir(folder.path().join("out")).unwrap();
    let arguments: Vec<_> = ["render"].into_iter().chain(arguments.iter().map(String::as_str)).collect();
    let output = regcred(folder.path(), VARIABLES, &arguments);
    let mut said = vec![String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap()];
    read(&folder.path().join("out"), &mut said);
    (output.status.code(), said)
}

fn read(folder: &Path, into: &mut Vec<String>) {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort_unstable();
    for path in paths {
        into.push(path.file_name().unwrap().to_string_lossy().into_owned());
        if path.is_dir() { read(&path, into) } else { into.push(fs::read_to_string(&path).unwrap()) }
    }
}

/// Whether the run makes no object that the flag is about, so that the flag is accepted and has no effect.
fn has_nothing_to_do(flag: &str, run: &Run) -> bool {
    let secrets_alone = run.strategy == Strategy::Static && run.link == Link::None;
    // Only the policy on new ServiceAccounts depends on it.
    let links_no_account = run.strategy == Strategy::Controller && run.link != Link::ServiceAccount;
    (secrets_alone && matches!(flag, "profile" | "templates")) || (links_no_account && flag == "kube-version")
}

#[test]
fn every_flag_changes_what_is_written_or_is_refused() {
    let command = Arguments::command();
    let render = command.find_subcommand("render").unwrap();
    let flags: Vec<_> = render.get_arguments().filter_map(|argument| argument.get_long()).collect();
    // Names a flag without a value once, not in each thread.
    for flag in &flags {
        let _ = other_value(flag);
    }
    let idle: Vec<_> = runs()
        .par_iter()
        .flat_map_iter(|run| {
            let (status, before) = outcome(&run.arguments);
            assert_eq!(status, Some(0), "{:?}: {before:?}", run.arguments);
            flags.iter().filter_map(move |flag| {
                let value = other_value(flag).filter(|_| !has_nothing_to_do(flag, run))?;
                let typed = [format!("--{flag}"), value.to_owned()];
                let typed = typed.into_iter().filter(|word| !word.is_empty());
                let arguments: Vec<_> = run.arguments.iter().cloned().chain(typed).collect();
                match outcome(&arguments) {
                    (Some(2), _) => None,
                    (Some(0), after) if after != before => None,
                    (status, after) => Some(format!("{status:?} {} {:?}", arguments.join(" "), after.get(1))),
                }
            })
        })
        .collect();
    assert!(idle.is_empty(), "{}", idle.join("\n"));
}
