//! Checks how a namespace, its Secrets, ServiceAccounts and Pods are shown.

use super::*;
use crate::cluster::delivery::{Accounts, OnConflict, Unchangeable};
use crate::credentials::Credential;
use crate::docker_config::{DockerConfig, Logins};
use crate::names::ResourceName;
use crate::objects::marks::Marks;
use crate::spec::choice::Link;

const OURS: &str = r#""labels":{"app.kubernetes.io/managed-by":"regcred"},"annotations":{"regcred.dev/owner":"o"}"#;
const WANTED: &str = r#"{"auths":{"ghcr.io":{"username":"u","password":"wanted-password"}}}"#;
const OTHER: &str = r#"{"auths":{"ghcr.io":{"username":"u","password":"other-password"}}}"#;

fn logins() -> Logins {
    let login = Credential::sample("ghcr.io", "u", "wanted-password");
    Logins::Read(DockerConfig::merge(vec![login]).unwrap())
}

/// The Secret `s` with this metadata, type and Docker config.
fn secret(metadata: &str, type_: &str, docker_config: &str) -> String {
    use base64::Engine;
    let data = base64::engine::general_purpose::STANDARD.encode(docker_config);
    format!(r#"{{"metadata":{{"name":"s",{metadata}}},"type":"{type_}","data":{{".dockerconfigjson":"{data}"}}}}"#)
}

fn space(secret: Option<&str>, list: &str) -> Space {
    let account = format!(
        r#"{{"metadata":{{"name":"default","managedFields":[{{"manager":"kubectl-patch","fieldsV1":{{"f:imagePullSecrets":{{}}}}}}]}},"imagePullSecrets":{list}}}"#
    );
    let secrets = secret.map(|text| ("s".parse().unwrap(), serde_json::from_str(text).unwrap()));
    let accounts = [("default".parse().unwrap(), serde_json::from_str(&account).unwrap())];
    Space { secrets: Some(secrets.into_iter().collect()), accounts: accounts.into_iter().collect(), ..Space::default() }
}

fn pods(text: &str) -> Pods {
    let pods: Vec<Pod> = serde_json::from_str(text).unwrap();
    Pods::from([("team".parse().unwrap(), pods)])
}

/// The status of the one namespace, with the choice for foreign Secrets.
fn status(logins: &Logins, space: Space, pods: &Pods, on_conflict: OnConflict) -> NamespaceStatus {
    let (name, accounts): (ResourceName, Vec<ResourceName>) = ("s".parse().unwrap(), vec!["default".parse().unwrap()]);
    let namespace: Namespace = "team".parse().unwrap();
    let delivery = Delivery {
        pull_secrets: vec![PullSecret::new(&name, vec![namespace.clone()], Accounts::Chosen(&accounts, &[]), logins)],
        link: Link::ServiceAccount,
        marks: Marks { owner: "o".to_owned(), profile: None },
        on_conflict,
        unchangeable: Unchangeable::Refuse,
    };
    let facts = Facts { namespaces: [(namespace, space)].into() };
    let comparison = delivery.compare(&facts);
    let [status] = <[_; 1]>::try_from(describe(&delivery, &facts, &comparison, pods)).unwrap();
    // There is one notion of difference: `status` and `diff` agree, except about facts that only kubelets and Pods know.
    let only_here = status.secrets[0].state == State::Invalid || status.failed_pulls.iter().flatten().next().is_some();
    assert!(only_here || comparison.differs() != status.is_as_wanted(), "{status:?}");
    status
}

const LINKED: &str = r#"[{"name":"s"}]"#;

#[test]
fn a_pull_secret_is_in_one_of_eight_states() {
    const TYPE: &str = "kubernetes.io/dockerconfigjson";
    let other_owner = OURS.replace(r#":"o""#, r#":"p""#);
    let helm = r#""annotations":{"meta.helm.sh/release-name":"shop"}"#;
    let known = logins();
    let exact = known.to_json();
    #[expect(clippy::disallowed_methods, reason = "a sample")]
    let exact = secrecy::ExposeSecret::expose_secret(&exact).to_owned();
    let cases: &[(&Logins, Option<String>, State, bool)] = &[
        (&known, None, State::Missing, false),
        (&known, Some(secret(OURS, TYPE, &exact)), State::Current, true),
        (&known, Some(secret(OURS, TYPE, OTHER)), State::Outdated, false),
        (&known, Some(secret(r#""labels":{}"#, TYPE, &exact)), State::Foreign, false),
        (&known, Some(secret(&other_owner, TYPE, OTHER)), State::Foreign, false),
        (&known, Some(secret(helm, TYPE, WANTED)), State::Managed, true),
        (&known, Some(secret(helm, TYPE, OTHER)), State::Managed, false),
        (&known, Some(secret(OURS, TYPE, "{")), State::Invalid, false),
        (&known, Some(secret(OURS, "Opaque", OTHER)), State::Invalid, false),
        (&known, Some(secret(OURS, "kubernetes.io/dockercfg", OTHER)), State::Outdated, false),
        (&Logins::Unavailable, Some(secret(OURS, TYPE, OTHER)), State::Present, true),
        (&Logins::Unavailable, Some(secret(OURS, TYPE, "[]")), State::Invalid, false),
        (&Logins::Unavailable, None, State::Missing, false),
        (&Logins::Unavailable, Some(secret(&other_owner, TYPE, OTHER)), State::Foreign, false),
        (&Logins::Unavailable, Some(secret(helm, TYPE, OTHER)), State::Managed, true),
    ];
    for (logins, secret, expected, as_wanted) in cases {
        let found = status(logins, space(secret.as_deref(), LINKED), &Pods::new(), OnConflict::Fail);
        assert_eq!((found.secrets[0].state, found.secrets[0].as_wanted), (*expected, *as_wanted), "{secret:?}");
        assert_eq!(found.secrets[0].fault.is_some(), *expected == State::Invalid, "{secret:?}");
        assert_eq!(found.is_as_wanted(), *as_wanted, "{secret:?}");
    }
    let found = status(&known, space(cases[4].1.as_deref(), LINKED), &Pods::new(), OnConflict::Skip);
    assert!(found.secrets[0].state == State::Foreign && found.secrets[0].as_wanted, "it is left alone as wanted");
    assert_eq!(found.secrets[0].whose.as_deref(), Some("owner p"));
    let unread = Space { secrets: None, ..space(None, LINKED) };
    let found = status(&known, unread, &Pods::new(), OnConflict::Fail);
    assert!(found.secrets[0].state == State::NotRead && found.is_as_wanted() && found.failed_pulls.is_none());
}

#[test]
fn a_service_account_is_linked_or_not_and_its_list_has_writers() {
    let known = logins();
    for (list, expected) in
        [(LINKED, LinkState::Linked), ("[]", LinkState::NotLinked), (r#"[{"name":"t"}]"#, LinkState::NotLinked)]
    {
        let found = status(&known, space(None, list), &Pods::new(), OnConflict::Fail);
        let [account] = found.secrets[0].accounts.as_slice() else { panic!("{found:?}") };
        assert_eq!((account.state, account.writers.as_slice()), (expected, &["kubectl-patch".to_owned()][..]));
        assert_eq!(serde_json::to_value(account).unwrap()["state"], serde_json::to_value(expected).unwrap());
    }
    // The cluster creates `default` soon after the namespace, and it has to be linked then.
    let found = status(&known, Space { accounts: <_>::default(), ..space(None, "[]") }, &Pods::new(), OnConflict::Fail);
    assert_eq!(found.secrets[0].accounts[0].state, LinkState::NotLinked);
}

fn failing(image: &str, references: &str, words: &str) -> Pods {
    pods(&format!(
        r#"[{{"metadata":{{"name":"api"}},"spec":{{"imagePullSecrets":{references},"containers":[{{"name":"c","image":"{image}"}}]}},
        "status":{{"containerStatuses":[{{"name":"c","state":{{"waiting":{{"reason":"ErrImagePull","message":"{words}"}}}}}}]}}}}]"#
    ))
}

#[test]
fn a_pod_that_fails_to_pull_is_not_as_wanted_and_says_which_reference_it_lacks() {
    let known = logins();
    for (image, references, lacks) in [
        ("ghcr.io/acme/api", "[]", 1),
        ("ghcr.io/acme/api", LINKED, 0),
        ("quay.io/acme/api", "[]", 0),
        ("Not An Image", "[]", 0),
    ] {
        let there = space(Some(&secret(OURS, "kubernetes.io/dockerconfigjson", WANTED)), LINKED);
        let found = status(&known, there, &failing(image, references, "401 Unauthorized"), OnConflict::Fail);
        let [pull] = found.failed_pulls.as_deref().unwrap() else { panic!("{found:?}") };
        assert_eq!(
            (pull.lacks.len(), pull.words.as_deref()),
            (lacks, Some("401 Unauthorized")),
            "{image} {references}"
        );
        assert!(!found.is_as_wanted());
    }
}

#[test]
fn the_advice_fits_the_reason_for_which_a_pod_lacks_a_reference() {
    let known = logins();
    let there = || space(Some(&secret(OURS, "kubernetes.io/dockerconfigjson", WANTED)), LINKED);
    let of = |account: &str, references: &str| {
        let mut pods = failing("ghcr.io/acme/api", references, "401 Unauthorized");
        pods.values_mut().flatten().for_each(|pod| pod.spec.service_account_name = account.to_owned());
        let mut there = there();
        for (name, list) in [("builder", "[]"), ("late", LINKED)] {
            let account = format!(r#"{{"metadata":{{"name":"{name}"}},"imagePullSecrets":{list}}}"#);
            there.accounts.insert(name.parse().unwrap(), serde_json::from_str(&account).unwrap());
        }
        let found = status(&known, there, &pods, OnConflict::Fail);
        found.failed_pulls.unwrap().remove(0).advice.unwrap_or_default()
    };
    for (account, references, words) in [
        ("default", "[]", "a Pod gets references only when it is created"),
        ("", "[]", "a Pod gets references only when it is created"),
        ("default", r#"[{"name":"own"}]"#, "or its template has a list `imagePullSecrets`: create it again"),
        ("builder", "[]", "its ServiceAccount builder is not linked"),
        ("late", "[]", "a Pod gets references only when it is created"),
        ("late", r#"[{"name":"own"}]"#, "or its template has a list `imagePullSecrets`: create it again"),
        ("unread", "[]", "not among those of this run, and was not read: add `--service-account unread`"),
        ("default", LINKED, ""),
    ] {
        let advice = of(account, references);
        assert!(advice.contains(words) && advice.is_empty() == words.is_empty(), "{account} {references}: {advice}");
    }
}

#[test]
fn words_that_quote_a_login_are_not_shown() {
    let there = || space(Some(&secret(OURS, "kubernetes.io/dockerconfigjson", OTHER)), LINKED);
    for words in ["no: wanted-password", "bad other-password here"] {
        let found = status(&logins(), there(), &failing("ghcr.io/a", LINKED, words), OnConflict::Fail);
        assert_eq!(found.failed_pulls.unwrap()[0].words.as_deref(), Some(HIDDEN), "{words}");
    }
}

#[test]
fn what_a_pod_says_has_no_characters_that_forge_a_line() {
    let text = |of: &str| format!("{of}\\u001b[2J\\n\\u202e\\u2066b");
    let failed = pods(&format!(
        r#"[{{"metadata":{{"name":"api"}},"spec":{{"containers":[{{"name":"{0}","image":"{1}"}}]}},"status":{{"containerStatuses":[
        {{"name":"{0}","state":{{"waiting":{{"reason":"r {2}","message":"{2}"}}}}}}]}}}}]"#,
        text("c"),
        text("i"),
        text("w")
    ));
    let found = status(&logins(), space(None, "[]"), &failed, OnConflict::Fail).failed_pulls.unwrap();
    let pull = &found[0];
    assert_eq!((pull.name.as_str(), pull.image.as_str()), ("c[2Jb", "i[2Jb"));
    assert_eq!((pull.reason.as_str(), pull.words.as_deref()), ("r w[2Jb", Some("w[2J b")));
    for words in ["wanted\\u202e-password", "other\\u200b-password"] {
        let there = space(Some(&secret(OURS, "kubernetes.io/dockerconfigjson", OTHER)), LINKED);
        let found = status(&logins(), there, &failing("ghcr.io/a", LINKED, words), OnConflict::Fail);
        assert_eq!(found.failed_pulls.unwrap()[0].words.as_deref(), Some(HIDDEN), "{words}");
    }
}
