//! Every possible cell of strategy, link, protection `sealed` or `external`, and shape that kubectl applies: taken by an API server
//! that knows the kinds, read back equal, and applied again without a change.

#![cfg(test)]

#[cfg(test)]
#[expect(dead_code, reason = "other tests use the rest")]
mod bench;
#[cfg(test)]
#[path = "bench/custom_resources.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod custom_resources;

use std::fs;
use std::path::Path;

use bench::{Bench, difference, documents, fresh};
use regcred::settings::choices::{Combination, Protect, Shape, Strategy};
use serde_json::Value;

const LOGINS: (&str, &str) = ("DOCKERHUB_AUTH", r#"{"auths":{"ghcr.io":{"auth":"YWNtZS1ib3Q6czNjcjN0"}}}"#);

/// The kinds of others that the cells hold.
const KINDS: &[&str] = &["SealedSecret", "ExternalSecret", "ECRAuthorizationToken"];

/// Where the logins of the external cells are kept.
const CONFIG: &str = r"apiVersion: regcred.dev/v1alpha1
kind: RegistryCredentials
metadata: {name: acme}
spec:
  pullSecrets:
  - name: SECRET
    external:
      store: {kind: ClusterSecretStore, name: vault}
      logins:
      - {registry: ghcr.io, username: {value: acme-bot}, password: {key: ghcr, property: token}}
      - registry: 123456789012.dkr.ecr.eu-west-1.amazonaws.com
        generator: {kind: ECRAuthorizationToken, name: ecr, spec: {region: eu-west-1}}
";

/// The documents of the files under a folder, without those that tell kustomize and regcred what there is.
fn read(folder: &Path, objects: &mut Vec<Value>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, objects);
        } else if path.extension().is_some_and(|extension| extension == "yaml") && !path.ends_with("kustomization.yaml")
        {
            objects.extend(documents(&fs::read_to_string(&path).unwrap()));
        }
    }
}

/// Renders, applies, reads back and applies again; gives what is in the cluster.
fn apply(bench: &Bench, Combination { strategy, link, protect, shape }: Combination) -> Vec<Value> {
    let cell = format!("{strategy} {link} {protect} {shape}");
    let folder = tempfile::tempdir().unwrap();
    let secret = fresh("secret");
    let choices = [("--strategy", strategy.to_string()), ("--link", link.to_string()), ("--shape", shape.to_string())];
    let regcred = bench.program("regcred").directory(folder.path()).arguments(["render", "--protect"]);
    let mut regcred = regcred.arguments([protect.to_string()]);
    for (flag, value) in choices {
        regcred = regcred.arguments([flag, &value]);
    }
    let (namespaces, patcher) = (bench.namespaces::<2>().join(","), fresh("patcher"));
    regcred = match strategy {
        Strategy::Static => regcred.arguments(["--namespaces", &namespaces]),
        Strategy::Patcher => regcred.arguments(["--patcher-namespace", &patcher]),
    };
    if protect == Protect::Sealed {
        let certificate = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/certificates/rsa-2048.pem");
        regcred = regcred.variable(LOGINS.0, LOGINS.1).arguments(["--secret-name", &secret, "--sealing-cert"]);
        regcred = regcred.arguments([certificate]);
    } else {
        // Where the logins are kept; they are not read.
        bench::write(&folder.path().join("regcred.yaml"), &CONFIG.replace("SECRET", &secret));
    }
    let out = folder.path().join("out");
    let is_stream = matches!(shape, Shape::Yaml | Shape::Json);
    let regcred = if is_stream { regcred } else { regcred.arguments(["--output", "out"]) };
    let stream = regcred.run().succeeded();
    let mut wanted = documents(&stream);
    if !is_stream {
        read(&out, &mut wanted);
    }
    let out = out.to_str().unwrap();
    let what: &[&str] = match shape {
        Shape::Directory => &["-R", "-f", out],
        Shape::Kustomization => &["-k", out],
        _ => &["-f", "-"],
    };
    let kubectl = |command: &[&str]| bench.kubectl(&[command, what].concat(), &stream).succeeded();
    let apply = ["apply", "--server-side", "--field-manager=regcred", "--validate=strict"];
    kubectl(&apply);
    let live = || documents(&kubectl(&["get", "-o", "json"]));
    let first = live();
    assert_eq!(first.len(), wanted.len(), "{cell}");
    for wanted in &wanted {
        let same = |key: &str, found: &Value| wanted["metadata"][key] == found["metadata"][key];
        let is_it = |found: &&Value| {
            wanted["kind"] == found["kind"]
                && same("name", found)
                && (same("namespace", found) || wanted["metadata"]["namespace"].is_null())
        };
        let found = first.iter().find(is_it).unwrap_or_else(|| panic!("{cell}: {wanted}"));
        assert_eq!(difference(wanted, found), None, "{cell}");
    }
    kubectl(&apply);
    for (before, after) in first.iter().zip(live()) {
        // The controllers write the status of what they run.
        if before["status"].is_null() {
            assert_eq!(before["metadata"]["resourceVersion"], after["metadata"]["resourceVersion"], "{cell}");
        }
    }
    first
}

#[test]
fn every_possible_cell_is_applied_and_holds_no_secret_in_clear() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[custom_resources::FILE]) else { return };
    custom_resources::define(bench, KINDS);
    let is_meant = |cell: &Combination| {
        let is_protected = matches!(cell.protect, Protect::Sealed | Protect::External);
        cell.is_possible() && is_protected && cell.shape != Shape::Chart
    };
    let cells: Vec<_> = Combination::all().filter(is_meant).collect();
    // None is left out unseen: two strategies, three links, two protections, four shapes.
    assert_eq!(cells.len(), 2 * 3 * 2 * 4);
    for cell in cells {
        let objects = apply(bench, cell);
        let kind = if cell.protect == Protect::Sealed { "SealedSecret" } else { "ExternalSecret" };
        assert!(objects.iter().any(|object| object["kind"] == kind), "{cell:?}");
        assert!(objects.iter().all(|object| object["kind"] != "Secret"), "{cell:?}");
    }
}
