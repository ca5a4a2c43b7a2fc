//! Checks properties of `inject`: only references change, a second run changes nothing, and the rules of the kubelet decide.

use proptest::prelude::*;
use regcred_core::docker_config::kubelet::{self, Image};
use regcred_core::docker_config::registry::RegistryKey;

use super::*;

/// Any value that YAML and JSON can both hold; some keys are names that mean something.
fn value() -> impl Strategy<Value = Value> {
    let key = prop_oneof!["[a-z]{1,6}", Just("imagePullSecrets".to_owned()), Just("items".to_owned()), any::<String>()];
    let leaf = prop_oneof![
        any::<String>().prop_map(Value::from),
        "[ -~\n\t#:|>-]{0,20}".prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
        Just(json!({})),
        Just(json!([])),
    ];
    leaf.prop_recursive(3, 24, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..4)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

/// A Pod with a matching image, and random other fields.
fn pod() -> impl Strategy<Value = Value> {
    let list = prop_oneof![
        Just(None),
        Just(Some(Value::Null)),
        prop::collection::vec("[a-z]{1,3}|pull", 0..3)
            .prop_map(|names| Some(names.iter().map(|name| json!({"name": name})).collect::<Value>())),
    ];
    (prop::collection::btree_map("[a-z]{1,6}", value(), 0..4), list, any::<bool>()).prop_map(|(rest, list, first)| {
        let mut spec = serde_json::Map::new();
        if first {
            spec.extend(list.clone().map(|list| ("imagePullSecrets".to_owned(), list)));
        }
        spec.extend(rest);
        spec.insert("containers".to_owned(), json!([{"image": "ghcr.io/acme/api:1"}]));
        if !first {
            spec.extend(list.map(|list| ("imagePullSecrets".to_owned(), list)));
        }
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": spec})
    })
}

/// Also compares the order of keys, which `Value`'s equality ignores, without the new field.
fn ordered(value: &Value) -> String {
    let mut value = value.clone();
    value["spec"].as_object_mut().unwrap().shift_remove("imagePullSecrets");
    value.to_string()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn everything_else_is_unchanged_in_value_and_order(
        pods in prop::collection::vec((pod(), 0..4usize), 1..4),
        windows in any::<bool>(),
    ) {
        let texts: Vec<_> = pods.iter().map(|(pod, form)| written(pod, *form)).collect();
        let text = texts.join("\n---\n");
        // A lone line end within quotation marks is a space in both.
        let text = if windows { text.replace("\r\n", "\n").replace('\n', "\r\n") } else { text };
        let before = values(&text);
        let (after, warnings) = injected(&text);
        prop_assert_eq!(warnings, 0, "{}", after);
        let now = values(&after);
        prop_assert_eq!(&now, &before.iter().map(with_reference).collect::<Vec<_>>(), "{}\n{}", text, after);
        for (now, before) in now.iter().zip(&before) {
            prop_assert_eq!(ordered(now), ordered(before));
        }
        prop_assert_eq!(&injected(&after).0, &after);
    }

    #[test]
    fn any_text_is_refused_or_passes(text in any::<String>()) {
        if let Ok(Injected { edits, .. }) = inject::inject(&text, &rules(&["ghcr.io"], Which::All)) {
            prop_assert!(edits.is_empty());
        }
    }

    #[test]
    fn a_pod_gets_a_reference_where_a_kubelet_would_try_a_login(
        key in "(https://)?(ghcr\\.io|\\*\\.io|docker\\.io|index\\.docker\\.io|r\\.test:5000)(/acme|/v1/)?",
        image in "((ghcr\\.io|docker\\.io|r\\.test:5000|localhost|a\\.b\\.io)/)?(acme/|library/)?[a-z]{1,3}(:[a-z0-9]{1,3})?",
    ) {
        let parsed: RegistryKey = key.parse().unwrap();
        let wanted = !kubelet::matching(std::iter::once(&parsed), |key| key, &image.parse::<Image>().unwrap()).is_empty();
        let text = format!("apiVersion: v1\nkind: Pod\nspec: {{containers: [{{image: none.test/x}}, {{image: '{image}'}}]}}\n");
        let found = inject::inject(&text, &rules(&[&key], Which::Matching)).unwrap();
        prop_assert_eq!(found.added.len() == 1, wanted, "{} {}", key, image);
    }
}
