//! Replaces the image of Titansoft's patcher on a real node, with its manifests and the commands of the page.

use serde_json::{Value, json};

use crate::harness::bench::{Bench, fresh};
use crate::harness::node::{FIRST, Password, SECOND};
use crate::node::{Login, create, pod, wait_until_it_runs};
use crate::titansoft::manifests;

const PATCHER: &str = "imagepullsecret-patcher";

#[test]
fn the_deployment_of_the_patcher_serves_a_new_namespace_with_our_image_and_nothing_else_changed() {
    let Some((bench, node)) = Bench::with_a_node() else { return };
    let login = Login::new(node);
    let apply = |password: &Password, is_meant: fn(&Value) -> bool| {
        let logins = json!({"auths": {"localhost:5000": {"username": login.user, "password": password.text}}});
        let objects = manifests(PATCHER, &logins.to_string()).into_iter().filter(is_meant);
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects.collect::<Vec<_>>()});
        bench.kubectl(&["apply", "-f", "-"], &list.to_string()).succeeded();
    };
    apply(&FIRST, |_| true);
    let template = || bench.get(&["deployment", PATCHER, "-n", PATCHER])["spec"]["template"].clone();
    let mut wanted = template();

    let image = node.publish_regcred();
    let page = include_str!("../../docs/titansoft.md").replace("registry.example.com/platform/regcred:0.1.0", &image);
    let mut commands = page.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap());
    let [set_image, let_it_pull] = [commands.next().unwrap(), commands.next().unwrap()];
    bench.program("sh").arguments(["-ec", &format!("{let_it_pull}{set_image}")]).run().succeeded();
    wanted["spec"]["containers"][0]["image"] = json!(image);
    assert_eq!(template(), wanted);

    let namespace = fresh("space");
    bench.kubectl(&["create", "namespace", &namespace], "").succeeded();
    let data = || {
        bench.kubectl(&["get", "secret", "image-pull-secret", "-n", &namespace, "-o", "jsonpath={.data}"], "").stdout
    };
    Bench::wait("the namespace", || {
        let account = bench.kubectl(&["get", "serviceaccount", "default", "-n", &namespace, "-o", "json"], "");
        let account: Value = serde_json::from_str(&account.stdout).unwrap_or_default();
        account["imagePullSecrets"] == json!([{"name": "image-pull-secret"}]) && !data().is_empty()
    });
    create(bench, &namespace, &pod("first"));
    wait_until_it_runs(bench, &namespace, "first");

    let before = data();
    node.registry_takes(&login.user, &SECOND);
    apply(&SECOND, |object| object["kind"] == "Secret");
    Bench::wait("the new login", || data() != before);
    create(bench, &namespace, &pod("after"));
    wait_until_it_runs(bench, &namespace, "after");
}
