//! Gives each cause its typical facts, and expects its name.

#![expect(clippy::unwrap_used, reason = "facts of a test have a Pod")]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use regcred_core::explain::{
    Account, Cause, Facts, Finding, Place, Pod, Policies, PolicyState, PullSecret, State, Wanted, explain,
};
use regcred_core::registry::verdict::{Login, Pull, Verdict};
use serde_json::{Value, json};

const IMAGE: &str = "ghcr.io/acme/api:1";
const REFUSED: &str = "Back-off pulling image: ErrImagePull: failed to authorize: unexpected status: 401 Unauthorized";

fn secret(name: &str, auths: &Value) -> PullSecret {
    let config = STANDARD.encode(json!({"auths": auths}).to_string());
    let object = json!({
        "metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"},
        "type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": config},
    });
    PullSecret::read(name, &object)
}

fn login(key: &str) -> Value {
    json!({key: {"auth": "dTpw"}})
}

fn verdict(login: Option<Login>, pull: Pull) -> Vec<Verdict> {
    let source = login.as_ref().map(|_| "Secret `pull`".to_owned());
    let images = vec![(IMAGE.to_owned(), pull)];
    vec![Verdict { registry: "ghcr.io".into(), source, username: None, login, images, expires: None, limits: None }]
}

fn waiting(reason: &str, message: &str) -> State {
    State::Waiting(reason.to_owned(), message.to_owned())
}

/// A Pod that fails to pull, although all facts are right.
fn facts() -> Facts {
    Facts {
        place: Place::default(),
        pod: Some(Pod {
            name: "api-1".into(),
            workload: None,
            references: vec!["pull".into()],
            account: "default".into(),
            is_scheduled: true,
            created: "2026-01-02T00:00:00Z".into(),
        }),
        account: Account { exists: true, references: vec!["pull".into()], ..Account::default() },
        secrets: vec![secret("pull", &login("ghcr.io"))],
        others: Vec::new(),
        wanted: Wanted { state: waiting("ImagePullBackOff", REFUSED), ..Wanted::image(IMAGE) },
        verdicts: verdict(Some(Login::Good), Pull::Allowed),
        now: 1_800_000_000,
    }
}

/// The Pod has no reference, and the registry requires a login.
fn without_references(facts: &mut Facts) {
    facts.pod.as_mut().unwrap().references.clear();
    facts.account.references.clear();
    facts.secrets.clear();
    facts.verdicts = verdict(None, Pull::NeedsLogin);
}

/// The Pod refers to another Secret.
fn with_secret(facts: &mut Facts, secret: PullSecret) {
    facts.secrets = vec![secret];
    facts.verdicts = verdict(None, Pull::NeedsLogin);
}

fn with_key(facts: &mut Facts, key: &str, image: &str) {
    with_secret(facts, secret("pull", &login(key)));
    facts.wanted = Wanted { state: facts.wanted.state.clone(), ..Wanted::image(image) };
    facts.verdicts.clear();
}

fn says(facts: &mut Facts, message: &str) {
    facts.wanted.state = waiting("ErrImagePull", message);
}

type Change = fn(&mut Facts);

const CASES: &[(Cause, Change)] = &[
    (Cause::InvalidImageName, |facts| facts.wanted = Wanted::image("ghcr.io/Acme/api")),
    (Cause::InvalidImageName, |facts| facts.wanted.state = waiting("InvalidImageName", "")),
    (Cause::NeverPull, |facts| facts.wanted.state = waiting("ErrImageNeverPull", "")),
    (Cause::SignatureInvalid, |facts| facts.wanted.state = waiting("SignatureValidationFailed", "")),
    (Cause::NotScheduled, |facts| facts.pod.as_mut().unwrap().is_scheduled = false),
    (Cause::UnknownAuthority, |facts| {
        says(facts, "tls: failed to verify certificate: x509: certificate signed by unknown authority");
    }),
    (Cause::InvalidCertificate, |facts| says(facts, "x509: certificate has expired or is not yet valid")),
    (Cause::PlainHttp, |facts| says(facts, "http: server gave HTTP response to HTTPS client")),
    (Cause::Mirror, |facts| {
        says(facts, "Head \"https://mirror.lan/v2/acme/api/manifests/1?ns=ghcr.io\": 401 Unauthorized");
    }),
    (Cause::UnknownHost, |facts| says(facts, "dial tcp: lookup ghcr.io: no such host")),
    (Cause::Unreachable, |facts| says(facts, "dial tcp 10.0.0.1:443: connect: connection refused")),
    (Cause::Unreachable, |facts| facts.wanted.state = waiting("RegistryUnavailable", "")),
    (Cause::RateLimit, |facts| says(facts, "429 Too Many Requests")),
    (Cause::WrongPlatform, |facts| says(facts, "no match for platform in manifest: not found")),
    (Cause::DiskFull, |facts| says(facts, "write /var/lib/x: no space left on device")),
    (Cause::SecretBroken, |facts| {
        let object =
            json!({"type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": STANDARD.encode("x")}});
        facts.secrets.push(PullSecret::read("other", &object));
    }),
    (Cause::BadEntry, |facts| facts.secrets.push(secret("other", &json!({"quay.io": {"auth": "?"}})))),
    (Cause::AccountMissing, |facts| {
        without_references(facts);
        facts.account.exists = false;
    }),
    (Cause::NamespaceExcluded, |facts| {
        without_references(facts);
        facts.place.opts_out = vec!["regcred.dev/exclude"];
    }),
    (Cause::AccountExcluded, |facts| {
        without_references(facts);
        facts.account.opts_out = vec!["regcred.dev/exclude"];
    }),
    (Cause::LinkedLater, |facts| {
        without_references(facts);
        facts.account.references.push("pull".into());
        facts.others = vec![secret("pull", &login("ghcr.io"))];
    }),
    (Cause::PolicyExcludes, |facts| {
        without_references(facts);
        facts.place.policy = PolicyState::Excludes;
    }),
    (Cause::PolicyLater, |facts| {
        without_references(facts);
        facts.place.policy = PolicyState::Serves;
    }),
    (Cause::ReferenceDropped, |facts| {
        without_references(facts);
        facts.place.ours.push("image-pull-secret".into());
        facts.account.other_writers = vec!["openshift-controller-manager".into()];
    }),
    // No writer is recorded, as after a client-side apply.
    (Cause::ReferenceDropped, |facts| {
        with_key(facts, "quay.io", IMAGE);
        facts.place.ours.push("image-pull-secret".into());
        facts.others = vec![secret("image-pull-secret", &login("ghcr.io"))];
    }),
    (Cause::NoReference, without_references),
    (Cause::OwnReferences, |facts| {
        with_key(facts, "quay.io", IMAGE);
        facts.pod.as_mut().unwrap().references = vec!["own".into()];
        facts.others = vec![secret("pull", &login("ghcr.io"))];
    }),
    (Cause::SecretMissing, |facts| with_secret(facts, PullSecret::missing("pull"))),
    (Cause::WrongType, |facts| with_secret(facts, PullSecret::read("pull", &json!({"type": "Opaque", "data": {}})))),
    (Cause::IdentityToken, |facts| {
        with_secret(facts, secret("pull", &json!({"ghcr.io": {"auth": "MDo=", "identitytoken": "x"}})));
    }),
    (Cause::SecretEmpty, |facts| with_secret(facts, secret("pull", &json!({"ghcr.io": {}})))),
    (Cause::SecretEmpty, |facts| with_secret(facts, secret("pull", &json!({})))),
    (Cause::KeyScheme, |facts| with_key(facts, "oci://ghcr.io", IMAGE)),
    (Cause::KeyDockerHub, |facts| with_key(facts, "https://index.docker.io/v1", "acme/api")),
    (Cause::KeyDockerHub, |facts| with_key(facts, "registry-1.docker.io", "acme/api")),
    (Cause::KeyDockerHub, |facts| with_key(facts, "hub.docker.com", "nginx")),
    (Cause::KeyPort, |facts| with_key(facts, "ghcr.io:443", IMAGE)),
    (Cause::KeyPath, |facts| with_key(facts, "ghcr.io/other", IMAGE)),
    (Cause::KeyGlob, |facts| with_key(facts, "*.io", "a.b.io/x")),
    (Cause::KeyWebSite, |facts| with_key(facts, "github.com", IMAGE)),
    (Cause::KeyHost, |facts| with_key(facts, "ghrc.io", IMAGE)),
    (Cause::NoKey, |facts| with_key(facts, "quay.io", IMAGE)),
    (Cause::Expired, |facts| facts.verdicts = verdict(Some(Login::Expired), Pull::Refused)),
    (Cause::Expired, |facts| {
        facts.verdicts = verdict(Some(Login::Refused), Pull::Refused);
        facts.verdicts[0].expires = Some(1_700_000_000);
    }),
    (Cause::WrongPassword, |facts| facts.verdicts = verdict(Some(Login::Refused), Pull::Refused)),
    (Cause::BreaksPublic, |facts| facts.verdicts = verdict(Some(Login::Refused), Pull::BreaksPublic)),
    (Cause::NoRight, |facts| facts.verdicts = verdict(Some(Login::Good), Pull::NoRight)),
    (Cause::NoSuchTag, |facts| facts.verdicts = verdict(Some(Login::Good), Pull::NoSuchTag)),
    (Cause::NotFound, |facts| facts.verdicts = verdict(Some(Login::Good), Pull::NotFound)),
    (Cause::RefusedThere, |facts| facts.verdicts = verdict(Some(Login::Anybody), Pull::Refused)),
    (Cause::LaterFixed, |facts| facts.secrets[0].written = "2026-01-03T00:00:00Z".into()),
    (Cause::OnlyCached, |facts| {
        facts.wanted.state = State::Pulled;
        facts.verdicts = verdict(Some(Login::Refused), Pull::Refused);
    }),
    (Cause::Fine, |facts| facts.wanted.state = State::Pulled),
    (Cause::Fine, |facts| facts.wanted.state = State::Unknown),
];

#[test]
fn each_cause_is_named_by_what_it_shows() {
    let mut wrong = Vec::new();
    for (number, (cause, change)) in CASES.iter().enumerate() {
        let mut facts = facts();
        change(&mut facts);
        let finding = explain(&facts);
        if finding.cause != Some(*cause) {
            wrong.push(format!("case {number}: {:?} in place of {cause:?}", finding.cause));
        }
    }
    println!("{} of {} cases are named rightly", CASES.len() - wrong.len(), CASES.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_cause_has_a_case() {
    let without: Vec<_> = Cause::ALL.iter().filter(|cause| !CASES.iter().any(|(known, _)| known == *cause)).collect();
    assert!(without.is_empty(), "{without:?}");
}

#[test]
fn what_is_not_known_is_said_with_what_was_ruled_out() {
    let finding = explain(&facts());
    assert_eq!(finding.cause, None);
    assert!(finding.ruled_out.contains(&Cause::WrongPassword) && finding.ruled_out.len() > 30, "{finding:?}");
}

#[test]
fn a_missing_secret_is_no_cause_where_another_one_has_the_login() {
    let mut facts = facts();
    facts.secrets.insert(0, PullSecret::missing("gone"));
    facts.verdicts = verdict(Some(Login::Refused), Pull::Refused);
    assert_eq!(explain(&facts).cause, Some(Cause::WrongPassword));
    let about = explain(&facts).about;
    assert!(about.contains("Secret `pull`"), "{about}");
}

#[test]
fn one_good_login_of_several_is_enough() {
    let mut facts = facts();
    facts.verdicts.extend(verdict(Some(Login::Refused), Pull::Refused));
    assert_eq!(explain(&facts).cause, None);
}

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

/// The Pod refers to a Secret that the account may not read, and a stranger gets this answer.
fn unread(state: State, pull: Pull) -> Facts {
    let secrets = vec![PullSecret::unreadable("pull")];
    let wanted = Wanted { state, ..Wanted::image(IMAGE) };
    Facts { secrets, wanted, verdicts: verdict(None, pull), ..facts() }
}

#[test]
fn what_depends_on_a_secret_that_may_not_be_read_is_not_known_and_not_ruled_out() {
    let waits = |message: &str| waiting("ErrImagePull", message);
    for (facts, cause) in [
        (unread(State::Pulled, Pull::NeedsLogin), Some(Cause::Fine)),
        (unread(waits(REFUSED), Pull::NeedsLogin), None),
        (unread(waits(REFUSED), Pull::NotFound), None),
        (unread(waits("ghcr.io/acme/api:1: not found"), Pull::NeedsLogin), Some(Cause::NotFound)),
        (unread(waits("something"), Pull::NotFound), Some(Cause::NotFound)),
        (unread(waits("429 Too Many Requests"), Pull::NeedsLogin), Some(Cause::RateLimit)),
        (
            unread(waits("dial tcp 10.0.0.1:443: connect: connection refused"), Pull::NeedsLogin),
            Some(Cause::Unreachable),
        ),
        (unread(State::Unknown, Pull::NeedsLogin), None),
        (unread(State::Unknown, Pull::Public), None),
        (Facts { verdicts: Vec::new(), ..unread(waits(REFUSED), Pull::NeedsLogin) }, None),
    ] {
        let Finding { cause: found, about, ruled_out, unread, .. } = explain(&facts);
        assert_eq!(found, cause, "{:?}", facts.wanted.state);
        assert_eq!(unread, ["pull"]);
        assert_eq!(found == Some(Cause::Fine), about.contains("`pull` may not be read"), "{about}");
        let of_the_secret = |cause: &&Cause| {
            let word = cause.word();
            let words = [
                "bad-entry",
                "wrong-type",
                "no-key",
                "identity-token",
                "linked-later",
                "own-references",
                "reference-dropped",
                "expired",
                "wrong-password",
                "breaks-a-public-image",
                "no-right",
                "no-such-tag",
                "not-found",
                "refused",
                "fixed-since",
                "only-cached",
            ];
            word.starts_with("secret-") || word.starts_with("key-") || words.contains(&word)
        };
        let wrong: Vec<_> = ruled_out.iter().filter(of_the_secret).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}

#[test]
fn one_good_login_of_two_counts_for_a_running_pod_and_for_a_tag_that_is_missing() {
    let bad = || verdict(Some(Login::Refused), Pull::Refused);
    let both = |good: Vec<Verdict>| Facts { verdicts: [bad(), good].concat(), ..facts() };
    let running = |mut facts: Facts| {
        facts.wanted.state = State::Pulled;
        explain(&facts).cause
    };
    assert_eq!(running(both(verdict(Some(Login::Good), Pull::Allowed))), Some(Cause::Fine));
    assert_eq!(running(both(bad())), Some(Cause::OnlyCached));
    for (login, pull, cause) in [
        (Login::Good, Pull::NotFound, Cause::NotFound),
        (Login::Anybody, Pull::NotFound, Cause::NotFound),
        (Login::Good, Pull::NoSuchTag, Cause::NoSuchTag),
        (Login::Good, Pull::NoRight, Cause::NoRight),
        (Login::Refused, Pull::Refused, Cause::WrongPassword),
    ] {
        let mut facts = both(verdict(Some(login), pull));
        assert_eq!(explain(&facts).cause, Some(cause));
        facts.verdicts[0].expires = Some(1);
        let expired = if cause == Cause::WrongPassword { Cause::Expired } else { cause };
        assert_eq!(explain(&facts).cause, Some(expired));
    }
}

#[test]
fn a_remedy_has_the_names_that_its_command_needs() {
    let remedy = |change: fn(&mut Facts)| {
        let mut facts = facts();
        facts.place.name = "shop".into();
        change(&mut facts);
        explain(&facts).remedy
    };
    let old: fn(&mut Facts) = |facts| {
        without_references(facts);
        facts.account.references.push("pull".into());
        facts.others = vec![secret("pull", &login("ghcr.io"))];
    };
    assert!(remedy(old).ends_with(": `kubectl delete pod api-1 -n shop`"), "{}", remedy(old));
    for (change, command) in [
        (
            (|facts| {
                without_references(facts);
                facts.place.opts_out = vec!["regcred.dev/exclude"];
            }) as fn(&mut Facts),
            "`kubectl annotate namespace shop regcred.dev/exclude-`",
        ),
        (
            |facts| with_secret(facts, PullSecret::read("own", &json!({"type": "Opaque", "data": {}}))),
            "`regcred apply -n shop --secret-name own --recreate --on-conflict overwrite`",
        ),
        (
            |facts| {
                facts.secrets[0].is_ours = true;
                facts.verdicts = verdict(Some(Login::Expired), Pull::Refused);
            },
            "`regcred apply -n shop --secret-name pull`",
        ),
        (|facts| with_key(facts, "quay.io", IMAGE), "`pull` where that Secret is made: regcred did not write it"),
        (
            |facts| {
                facts.place.has_controller = true;
                facts.verdicts = verdict(Some(Login::Refused), Pull::Refused);
            },
            "a controller serves this cluster and will undo it",
        ),
    ] {
        let said = remedy(change);
        assert!(said.contains(command), "{command} in {said}");
    }
    let pod = |metadata: Value| Pod::read(&json!({ "metadata": metadata })).workload;
    let owned = |kind: &str, name: &str| json!([{"kind": kind, "name": name, "controller": true}]);
    let labels = json!({"pod-template-hash": "5d4f8"});
    let of_a_deployment = json!({"labels": labels, "ownerReferences": owned("ReplicaSet", "api-v2-5d4f8")});
    assert_eq!(pod(of_a_deployment).as_deref(), Some("deployment/api-v2"));
    assert_eq!(pod(json!({"ownerReferences": owned("StatefulSet", "db")})).as_deref(), Some("statefulset/db"));
    assert_eq!(pod(json!({"ownerReferences": owned("Job", "once")})), None);
}

#[test]
fn a_secret_without_auths_and_the_writer_of_a_list_are_named() {
    let mut facts = facts();
    let config = STANDARD.encode(json!({"localhost:5000": {"auth": "dTpw"}}).to_string());
    let object = json!({"type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": config}});
    with_secret(&mut facts, PullSecret::read("pull", &object));
    let finding = explain(&facts);
    assert_eq!(finding.cause, Some(Cause::SecretEmpty));
    assert!(finding.about.contains("no `auths` around them"), "{}", finding.about);
    without_references(&mut facts);
    facts.place.ours.push("image-pull-secret".into());
    facts.account.other_writers = vec!["argocd-controller".into()];
    assert!(explain(&facts).about.contains("argocd-controller writes the list"), "{}", explain(&facts).about);
    facts.place.ours.clear();
    facts.account.is_left_out = true;
    assert!(explain(&facts).about.ends_with("`default`, which is not served"), "{}", explain(&facts).about);
}
