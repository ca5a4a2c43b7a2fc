//! Checks what is read from the objects of an API server.

use super::*;

#[test]
fn the_objects_of_an_api_server_are_read() {
    let pod = json!({
        "metadata": {"creationTimestamp": "2026-01-02T00:00:00Z"},
        "spec": {
            "nodeName": "n", "serviceAccountName": "ci", "imagePullSecrets": [{"name": "a"}, {}],
            "initContainers": [{"name": "i", "image": "busybox"}],
            "containers": [{"name": "c", "image": IMAGE}, {"name": "d", "image": IMAGE}],
            "volumes": [{"name": "v", "image": {"reference": "quay.io/x/y"}}, {"name": "w", "emptyDir": {}}],
        },
        "status": {
            "initContainerStatuses": [{"name": "i", "imageID": "sha256:1", "state": {"terminated": {}}}],
            "containerStatuses": [
                {"name": "c", "imageID": "", "state": {"waiting": {"reason": "ImagePullBackOff", "message": REFUSED}}},
                {"name": "d", "imageID": "", "state": {"waiting": {"reason": "ContainerCreating"}}},
            ],
        },
    });
    let read = Pod::read(&pod);
    assert_eq!(
        (read.references.as_slice(), read.account.as_str(), read.is_scheduled),
        (&["a".to_owned()][..], "ci", true)
    );
    let wanted = Wanted::all(&pod);
    let states: Vec<_> = wanted.iter().map(|wanted| (wanted.name.as_str(), wanted.reason())).collect();
    assert_eq!(states, [("i", ""), ("c", "ImagePullBackOff"), ("d", ""), ("v", "")]);
    assert_eq!((&wanted[0].state, &wanted[2].state), (&State::Pulled, &State::Unknown));

    let managed = |manager: &str| json!([{"manager": manager, "fieldsV1": {"f:imagePullSecrets": {}}}]);
    let account = |manager: &str| json!({"metadata": {"managedFields": managed(manager), "annotations": {"regcred.dev/exclude": "true"}}});
    let writers = |manager: &str| Account::read(&account(manager)).other_writers;
    assert_eq!(writers("openshift-controller-manager"), ["openshift-controller-manager"]);
    assert!(writers("regcred-image-pull-secret").is_empty());
    assert_eq!(Account::read(&account("x")).opts_out, ["regcred.dev/exclude"]);
}

/// A policy on this resource with its binding, both of one name.
fn policies(resource: &str, annotations: &Value, bindings: &[Value]) -> Policies {
    let rules = json!([{"resources": [resource]}]);
    let metadata = json!({"name": "p", "annotations": annotations});
    let policy = json!({"metadata": metadata, "spec": {"matchConstraints": {"resourceRules": rules}}});
    Policies { mutating: vec![policy], bindings: bindings.to_vec(), confining: Vec::new() }
}

fn binding(matched: &Value) -> Value {
    json!({"spec": {"policyName": "p", "matchResources": {"namespaceSelector": matched}}})
}

#[test]
fn a_binding_serves_the_namespaces_that_it_selects() {
    let named = |operator: &str, values: &[&str]| {
        let expression = json!({"key": "kubernetes.io/metadata.name", "operator": operator, "values": values});
        binding(&json!({"matchExpressions": [expression]}))
    };
    let namespace = json!({"metadata": {"labels": {"kubernetes.io/metadata.name": "team-a", "team": "a"}}});
    let with_labels = |labels: Value| binding(&json!({ "matchLabels": labels }));
    for (bindings, state) in [
        (vec![], PolicyState::None),
        (vec![named("In", &["team-a"])], PolicyState::Serves),
        (vec![named("In", &["team-b"])], PolicyState::Excludes),
        (vec![named("In", &["team-b"]), named("NotIn", &["team-b"])], PolicyState::Serves),
        (vec![named("NotIn", &["team-a"])], PolicyState::Excludes),
        (vec![with_labels(json!({"team": "a"}))], PolicyState::Serves),
        (vec![with_labels(json!({"team": "b"}))], PolicyState::Excludes),
    ] {
        let of_pods = policies("pods", &json!({}), &bindings);
        assert_eq!(Place::read("team-a", Some(&namespace), &of_pods).policy, state, "{bindings:?}");
        if !bindings.iter().any(|binding| binding.to_string().contains("matchLabels")) {
            assert_eq!(Place::read("team-a", None, &of_pods).policy, state, "{bindings:?}");
        }
        let of_accounts = policies("serviceaccounts", &json!({}), &bindings);
        assert_eq!(Place::read("team-a", None, &of_accounts).policy, PolicyState::None, "{bindings:?}");
    }
}

#[test]
fn the_choice_of_a_controller_is_read_from_the_annotation_on_its_policy() {
    let choice = json!({
        "namespaces": {"include": ["team-*", "kube-system"], "exclude": ["team-out-*"], "selector": "team=shop"},
        "serviceAccounts": ["default", "ci-*"],
    });
    let annotations = json!({"regcred.dev/strategy": "controller", "regcred.dev/serves": choice.to_string()});
    let namespace = |opted_out: &str, team: &str| json!({"metadata": {"labels": {"team": team}, "annotations": {"regcred.dev/exclude": opted_out}}});
    let of_pods = policies("pods", &annotations, &[binding(&json!({}))]);
    for (name, namespace, state) in [
        ("team-one", namespace("no", "shop"), PolicyState::Serves),
        ("kube-system", namespace("no", "shop"), PolicyState::Serves),
        ("team-one", namespace("true", "shop"), PolicyState::Excludes),
        ("team-one", namespace("no", "other"), PolicyState::Excludes),
        ("team-out-one", namespace("no", "shop"), PolicyState::Excludes),
        ("one", namespace("no", "shop"), PolicyState::Excludes),
    ] {
        let place = Place::read(name, Some(&namespace), &of_pods);
        assert_eq!((place.policy, place.has_controller), (state, true), "{name} {namespace}");
    }
    let of_accounts = policies("serviceaccounts", &annotations, &[binding(&json!({}))]);
    let served = namespace("no", "shop");
    let leave_out = |account: &str, name: &str| of_accounts.leave_out(account, name, Some(&served));
    assert!(leave_out("builder", "team-one") && !leave_out("builder", "one"));
    assert!(!leave_out("default", "team-one") && !leave_out("ci-1", "team-one"));
}
