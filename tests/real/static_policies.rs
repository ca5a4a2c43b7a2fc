//! Lets the API server read the policies that confine the controller from files, as in docs/static-policies.md.

use std::fs;
use std::path::Path;

use crate::harness::bench::{self, Bench};
use crate::harness::console;
use crate::harness::controller::{Installed, OLD};

/// The path of the files in the page.
const FOLDER: &str = "/etc/kubernetes/admission";

/// The block of the page in this language.
fn block(language: &str) -> String {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/static-policies.md")).unwrap();
    let block = console::blocks(&page).into_iter().find(|block| block.language == language);
    block.unwrap().text.clone()
}

#[test]
fn policies_from_files_confine_the_controller_and_no_request_deletes_them() {
    let files = tempfile::tempdir().unwrap();
    let policies = files.path().join("policies");
    fs::create_dir(&policies).unwrap();
    let configuration = files.path().join("configuration.yaml");
    bench::write(&configuration, &block("yaml").replace(FOLDER, files.path().to_str().unwrap()));
    let Some(bench) = Bench::with_admission(&configuration) else { return };
    let installed = Installed::unconfined(bench);
    let served = installed.namespace();

    let own = format!("--controller-namespace {} --strategy", installed.system);
    let commands = block("sh").replace("--strategy", &own);
    let sh = bench.program("sh").directory(&installed.path("render")).variable("DOCKERHUB_AUTH", OLD);
    sh.arguments(["-ec", &commands]).run().succeeded();
    for file in fs::read_dir(installed.path("render/policies")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), policies.join(file.file_name())).unwrap();
    }
    bench.kill_the_api_server();

    let replica = installed.start(&[]);
    Bench::wait("readiness", || replica.answer("/readyz").0 == 200);
    Bench::wait("the namespace", || installed.is_served(&served, "canary-of-old"));
    let name = format!("regcred-{}-secrets.static.k8s.io", installed.owner);
    let objects = ["validatingadmissionpolicies,validatingadmissionpolicybindings", "-o", "name"];
    let seen = bench.kubectl(&[&["get"][..], &objects].concat(), "").succeeded();
    assert!(!seen.contains(&installed.owner), "they are in files only: {seen}");

    for kind in ["validatingadmissionpolicy", "validatingadmissionpolicybinding"] {
        let deleted = bench.kubectl(&["delete", kind, &name], "");
        assert!(deleted.status != 0 && deleted.stderr.contains("NotFound"), "{}", deleted.stderr);
    }
    let policy = fs::read_dir(&policies).unwrap().map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    let policy = policy.into_iter().find(|text| text.contains(&format!("\n  name: {name}\n"))).unwrap();
    let created = bench.kubectl(&["create", "-f", "-"], &policy);
    assert!(created.status != 0 && created.stderr.contains(".static.k8s.io"), "{}", created.stderr);

    let another = "{\"apiVersion\": \"v1\", \"kind\": \"Secret\", \"type\": \"kubernetes.io/service-account-token\", \"metadata\": \
                 {\"name\": \"NAME\", \"annotations\": {\"kubernetes.io/service-account.name\": \"default\"}}}";
    // When no replica is left, no Secret exists that the forbidden Secret would conflict with.
    drop(replica);
    let late = installed.namespace();
    let account = format!("system:serviceaccount:{}:regcred-{}", installed.system, installed.owner);
    let apply = ["apply", "--server-side", "--force-conflicts", "-n", &late, "--as", &account, "-f", "-"];
    let denied = bench.kubectl(&apply, &another.replace("NAME", &installed.owner));
    assert!(denied.status != 0 && denied.stderr.contains("regcred may"), "{}", denied.stderr);
}
