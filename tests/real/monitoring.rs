//! Tests the alerts of the controller with the real promtool, and applies the objects to an API server that has their kinds.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::harness::bench::{self, Bench, documents};
use crate::harness::custom_resources;

const KINDS: &[&str] = &["PodMonitor", "PrometheusRule"];

fn of_the_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The `PodMonitor` and the `PrometheusRule` of the chart for the default names.
fn of_the_chart(bench: &Bench) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chart");
    let render = ["render", "--strategy", "controller", "--controller-image", "r.test/regcred:1", "--format", "chart"];
    let logins = ("DOCKERHUB_AUTH", r#"{"auths":{"ghcr.io":{"auth":"YWNtZTpzM2NyM3Q="}}}"#);
    bench.regcred(&[&render[..], &["--output", path.to_str().unwrap()]].concat(), &[logins]).succeeded();
    let enabled = ["--set", "podMonitor.enabled=true,prometheusRule.enabled=true"];
    let helm = bench.program("helm").arguments(["template", "x"]).arguments([&path]).arguments(enabled);
    let mut made = documents(&helm.run().succeeded());
    made.retain(|object| KINDS.contains(&object["kind"].as_str().unwrap()));
    made
}

/// The object of this kind.
fn find<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    objects.iter().find(|object| object["kind"] == kind).unwrap()
}

#[test]
fn each_alert_comes_when_it_should_and_says_what_to_do() {
    let Some(bench) = Bench::with(&["helm", "promtool"]) else { return };
    let made = of_the_chart(bench);
    let folder = tempfile::tempdir().unwrap();
    let rules = &find(&made, "PrometheusRule")["spec"];
    let promtool = |arguments: &[&str]| bench.program("promtool").directory(folder.path()).arguments(arguments).run();
    bench::write(&folder.path().join("rules.yaml"), &rules.to_string());
    let tests = fs::read_to_string(of_the_repository("tests/monitoring/alerts.yaml")).unwrap();
    bench::write(&folder.path().join("alerts.yaml"), &tests);
    promtool(&["check", "rules", "--lint=all", "--lint-fatal", "rules.yaml"]).succeeded();
    promtool(&["test", "rules", "alerts.yaml"]).succeeded();

    for rule in rules["groups"][0]["rules"].as_array().unwrap() {
        // Every alert is tested, and a test fails without its alert.
        let name = rule["alert"].as_str().unwrap();
        assert!(tests.contains(&format!("alertname: {name}\n    exp_alerts:")), "{name} is not tested");
        let mut without = rules.clone();
        without["groups"][0]["rules"].as_array_mut().unwrap().retain(|rule| rule["alert"] != name);
        bench::write(&folder.path().join("rules.yaml"), &without.to_string());
        let said = promtool(&["test", "rules", "alerts.yaml"]);
        assert!(said.status != 0 && (said.stdout + &said.stderr).contains(name), "{name}");
    }
}

#[test]
fn the_metrics_of_the_alerts_are_those_of_the_controller() {
    let Some(bench) = Bench::with(&["helm"]) else { return };
    let made = of_the_chart(bench);
    let source = fs::read_to_string(of_the_repository("src/controller/metrics.rs")).unwrap();
    let rules = find(&made, "PrometheusRule")["spec"].to_string();
    let names = rules.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let names: std::collections::BTreeSet<_> = names.filter_map(|word| word.strip_prefix("regcred_")).collect();
    assert_eq!(names.len(), 7, "{names:?}");
    for name in names {
        assert!(source.contains(&format!("\"{name}\"")), "the controller has no metric regcred_{name}");
    }
}

#[test]
fn an_api_server_that_knows_the_kinds_takes_both_and_the_files_of_the_example_are_the_same() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&["helm", "kubeconform", custom_resources::FILE]) else {
        return;
    };
    let tools = bench::tools(&[]).unwrap();
    custom_resources::define(bench, KINDS);
    bench.kubectl(&["create", "namespace", "regcred-system"], "").succeeded();
    let made = of_the_chart(bench);
    let list = json!({"apiVersion": "v1", "kind": "List", "items": made}).to_string();
    let apply = ["apply", "--server-side", "--validate=strict", "--field-manager=regcred", "-f", "-"];
    bench.kubectl(&apply, &list).succeeded();
    for object in &made {
        let kind = object["kind"].as_str().unwrap();
        let (status, answer) = custom_resources::validate(&tools, &[kind], &object.to_string());
        assert_eq!((status, &answer["summary"]["valid"]), (0, &json!(1)), "{answer}");
        let file = format!("gitops-examples/monitoring/{}.yaml", kind.to_lowercase());
        let of_the_example = documents(&fs::read_to_string(of_the_repository(&file)).unwrap()).remove(0);
        assert_eq!(of_the_example["spec"], object["spec"], "{file}");
        assert_eq!(of_the_example["metadata"]["name"], object["metadata"]["name"], "{file}");
        assert_eq!(of_the_example["metadata"]["namespace"], object["metadata"]["namespace"], "{file}");
        bench.kubectl(&apply, &of_the_example.to_string()).succeeded();
    }
}
