//! Checks the answers if facts are missing or disagree, and the commands of remedies.

use super::*;

/// The Pod refers to a Secret that the account may not read, and the registry gives this answer to a request without a login.
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
fn a_refusal_that_only_the_node_reports_names_the_logins_and_a_secret_that_it_may_not_have_tried() {
    let offline = |change: fn(&mut Facts)| {
        let mut facts = Facts { verdicts: Vec::new(), ..facts() };
        change(&mut facts);
        explain(&facts)
    };
    let finding = offline(|_| {});
    assert_eq!(
        (finding.cause, finding.about.as_str()),
        (Some(Cause::RefusedThere), "the node reports this; a kubelet tries `ghcr.io` in `pull`")
    );
    assert_eq!(finding.remedy, "check the password first, then the right to read the repository");
    let finding = offline(|facts| facts.secrets[0].written = "2026-01-03T00:00:00Z".into());
    assert!(finding.about.ends_with("; `pull` was written after the Pod, and the node may not have tried it yet"));
    for change in [
        (|facts| says(facts, "something else")) as fn(&mut Facts),
        |facts| facts.secrets.push(PullSecret::unreadable("other")),
        |facts| facts.verdicts = verdict(Some(Login::Good), Pull::Unreachable(Fault::Name)),
    ] {
        assert_eq!(offline(change).cause, None);
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
fn a_container_that_runs_from_a_kept_image_has_the_reason_for_which_a_new_node_cannot_pull() {
    for (change, reason, remedy) in [
        (
            (|facts| with_secret(facts, PullSecret::missing("pull"))) as fn(&mut Facts),
            "secret-missing: the Pod or its ServiceAccount names a pull secret that does not exist: `pull`",
            "create it with `regcred apply -n shop --secret-name pull`; run it with the `--login`",
        ),
        (without_references, "no-reference: ", "link the pull secret: `regcred apply "),
        (
            |facts| facts.verdicts = verdict(Some(Login::Refused), Pull::Refused),
            "wrong-password: the registry does not take the user name and password: `ghcr.io` in Secret `pull`",
            "create a new token",
        ),
    ] {
        let mut facts = facts();
        facts.place.name = "shop".into();
        change(&mut facts);
        facts.wanted.state = State::Pulled;
        let finding = explain(&facts);
        assert_eq!(finding.cause, Some(Cause::OnlyCached));
        assert!(finding.about.starts_with(reason) && finding.remedy.contains(remedy), "{finding:?}");
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
            |facts| says(facts, "x509: certificate signed by unknown authority"),
            "only if `config_path` in its configuration",
        ),
        (|facts| facts.pod.as_mut().unwrap().is_scheduled = false, "`kubectl describe pod api-1 -n shop`"),
        (
            |facts| with_secret(facts, PullSecret::read("own", &json!({"type": "Opaque", "data": {}}))),
            "`regcred apply -n shop --secret-name own --recreate --on-conflict overwrite`",
        ),
        (
            |facts| {
                facts.secrets[0].is_ours = true;
                facts.verdicts = verdict(Some(Login::Expired), Pull::Refused);
            },
            "`regcred apply -n shop --secret-name pull`; run it with the `--login` or the regcred.yaml of the first run",
        ),
        (
            |facts| with_key(facts, "oci://ghcr.io", IMAGE),
            "write the host alone as the key; do so where `pull` is made, or let regcred write it: `regcred apply -n shop --secret-name pull --on-conflict overwrite`",
        ),
        (
            |facts| facts.secrets.push(secret("own", &json!({"quay.io": {"auth": "?"}}))),
            "correct or remove that entry; do so where `own` is made, or let regcred write it: `regcred apply -n shop --secret-name own --on-conflict overwrite`",
        ),
        (
            |facts| {
                with_key(facts, "ghcr.io:443", IMAGE);
                facts.secrets[0].is_ours = true;
            },
            "compares ports as text: `regcred apply -n shop --secret-name pull`;",
        ),
        (
            |facts| facts.verdicts = verdict(Some(Login::Refused), Pull::Refused),
            "create a new token; write it into `pull` where that Secret is made",
        ),
        (
            |facts| {
                facts.secrets[0].is_ours = true;
                facts.verdicts = verdict(Some(Login::Refused), Pull::Refused);
            },
            "put it into its variable, and run `regcred apply -n shop --secret-name pull`;",
        ),
        (|facts| with_key(facts, "quay.io", IMAGE), "`pull` with the tool that wrote that Secret (not regcred)"),
        (
            |facts| {
                facts.place.has_controller = true;
                facts.secrets[0].is_ours = true;
                facts.verdicts = verdict(Some(Login::Refused), Pull::Refused);
            },
            "and create a new token; change the login or the regcred.yaml of the controller, which serves this cluster",
        ),
    ] {
        let said = remedy(change);
        assert!(said.contains(command), "{command} in {said}");
    }
    let bare: fn(&mut Facts) = |facts| {
        with_key(facts, "quay.io", IMAGE);
        facts.others = vec![secret("pull", &login("ghcr.io"))];
        *facts.pod.as_mut().unwrap() =
            Pod { references: vec!["own".into()], is_bare: true, ..facts.pod.clone().unwrap() };
    };
    let expected = "if the Pod's manifest has a list `imagePullSecrets`, remove that list or add `pull` to it; then create the Pod again: \
                    `kubectl delete pod api-1 -n shop`";
    assert_eq!(remedy(bare), expected);
    let is_bare = |owners: Value| Pod::read(&json!({"metadata": {"ownerReferences": owners}})).is_bare;
    assert!(is_bare(Value::Null) && !is_bare(json!([{"kind": "Job", "name": "once"}])));
    let pod = |metadata: Value| Pod::read(&json!({ "metadata": metadata })).workload;
    let owned = |kind: &str, name: &str| json!([{"kind": kind, "name": name, "controller": true}]);
    let labels = json!({"pod-template-hash": "5d4f8"});
    let of_a_deployment = json!({"labels": labels, "ownerReferences": owned("ReplicaSet", "api-v2-5d4f8")});
    assert_eq!(pod(of_a_deployment).as_deref(), Some("deployment/api-v2"));
    assert_eq!(pod(json!({"ownerReferences": owned("StatefulSet", "db")})).as_deref(), Some("statefulset/db"));
    assert_eq!(pod(json!({"ownerReferences": owned("Job", "once")})), None);
}

#[test]
fn a_pod_with_other_references_than_its_service_account_may_be_older_than_a_new_name_of_the_pull_secret() {
    let mut facts = facts();
    with_secret(&mut facts, PullSecret::missing("image-pull-secret"));
    facts.place.name = "shop".into();
    facts.place.ours.push("pull".into());
    facts.others = vec![secret("other", &login("ghcr.io")), secret("pull", &login("ghcr.io"))];
    let pod = facts.pod.as_mut().unwrap();
    (pod.references, pod.workload) = (vec!["image-pull-secret".into()], Some("deployment/api".into()));
    let finding = explain(&facts);
    assert_eq!((finding.cause, finding.about.as_str()), (Some(Cause::OwnReferences), "`pull` has a login for it"));
    assert_eq!(
        finding.remedy,
        "if the Pod's template has a list `imagePullSecrets`, remove that list or add `pull` to it; then create the Pod again: \
         `kubectl rollout restart deployment/api -n shop`"
    );
    // A new Pod of a ServiceAccount without the reference needs a list.
    facts.account.references.clear();
    facts.account.references.push("theirs".into());
    let remedy = explain(&facts).remedy;
    assert!(remedy.starts_with("add `other` to `imagePullSecrets` in the Pod's template; then create"), "{remedy}");
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
