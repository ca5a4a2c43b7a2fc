//! Sends requests to a fake API server that answers in ways that a real one shows only in trouble.

#![cfg(test)]

mod peer;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use peer::{LONG, Peer, delivery, never, run};
use regcred_cluster::call::Call;
use regcred_cluster::execute::{Ending, execute};
use regcred_cluster::policy::{self, Acts};
use regcred_cluster::server::Trouble;
use regcred_core::cluster::{Accounts, Facts, PullSecret, Space};
use regcred_core::credentials::Credential;
use regcred_core::docker_config::{DockerConfig, Logins};
use regcred_core::spec::choice::Link;
use serde_json::{Value, json};

static STOP: AtomicBool = AtomicBool::new(false);

fn stopped() -> bool {
    STOP.load(Ordering::SeqCst)
}

fn ask(peer: &Peer, timeout: Duration) -> Result<Value, Trouble> {
    run(async { peer.server(timeout, never).ask(&Call::get("/api/v1/namespaces/a".to_owned())).await })
}

#[test]
fn a_call_is_repeated_when_retry_after_says_so() {
    let peer = Peer::with(vec![(429, "Retry-After: 1\r\n", json!("later")), (200, "", json!({"a": 1}))]);
    let began = Instant::now();
    assert_eq!(ask(&peer, LONG).unwrap(), json!({"a": 1}));
    assert!(began.elapsed() >= Duration::from_secs(1));
    for much_later in ["Retry-After: 100\r\n", "Retry-After: 18446744073709551615\r\n"] {
        let peer = Peer::with(vec![(429, much_later, json!("much later"))]);
        let began = Instant::now();
        assert_eq!(ask(&peer, LONG).unwrap_err().code(), 429);
        assert!(began.elapsed() < LONG, "a wait that the deadline does not allow is no wait");
    }
}

#[test]
fn a_call_that_fails_for_a_moment_is_made_again_and_a_refusal_is_not() {
    let peer = Peer::with(vec![(503, "", json!({})), (500, "", json!({})), (200, "", json!({}))]);
    ask(&peer, LONG).unwrap();
    assert_eq!(peer.requests().len(), 3);
    for status in [400, 401, 403, 404, 409, 422] {
        let peer = Peer::with(vec![(status, "", json!({"message": "no"}))]);
        assert_eq!(ask(&peer, LONG).unwrap_err().code(), status);
        assert_eq!(peer.requests().len(), 1);
    }
}

#[test]
fn a_call_ends_with_its_deadline_or_with_the_program() {
    let peer = Peer::with(Vec::new());
    assert!(matches!(ask(&peer, Duration::from_millis(200)), Err(Trouble::Late)));

    thread::spawn(|| STOP.store(true, Ordering::SeqCst));
    let began = Instant::now();
    let answer = run(async { peer.server(LONG, stopped).ask::<Value>(&Call::get("/x".to_owned())).await });
    assert!(matches!(answer, Err(Trouble::Interrupted)));
    assert!(began.elapsed() < LONG);
}

#[test]
fn an_answer_that_is_not_from_an_api_server_is_reported() {
    let peer = Peer::with(vec![(200, "", json!(["a login page"]))]);
    let call = Call::get("/x".to_owned());
    let answer = run(async { peer.server(LONG, never).ask::<BTreeMap<String, Value>>(&call).await });
    assert!(matches!(answer, Err(Trouble::Nonsense)));
    let nobody = Peer { address: "http://127.0.0.1:1".to_owned(), requests: Arc::default() };
    let began = Instant::now();
    match run(async { nobody.server(LONG, never).ask::<Value>(&call).await }) {
        Err(Trouble::Unreachable(words)) => assert_eq!(words, "connection refused"),
        other => panic!("{other:?}"),
    }
    assert!(began.elapsed() < LONG, "one that has never answered is not asked again");
}

#[test]
fn a_list_is_read_page_by_page_and_again_when_it_has_become_too_old() {
    let page = |next: &str, name: &str| json!({"metadata": {"continue": next}, "items": [{"name": name}]});
    let peer = Peer::with(vec![
        (200, "", page("1", "old")),
        (410, "", json!({"message": "expired"})),
        (200, "", page("2", "a")),
        (200, "", page("", "b")),
    ]);
    let query = [("fieldSelector", "a=b")];
    let names: Vec<Value> = run(async { peer.server(LONG, never).list("/api/v1/secrets", &query).await }).unwrap();
    assert_eq!(names, [json!({"name": "a"}), json!({"name": "b"})]);
    let requests = peer.requests();
    assert!(requests[3].starts_with("GET /api/v1/secrets?limit=500&fieldSelector=a%3Db&continue=2 "), "{requests:?}");
}

const NAME: &str = "pull";

#[test]
fn a_policy_is_tried_until_the_account_of_the_pod_is_there_and_a_refusal_is_shown() {
    let tried = |answers, timeout| {
        let (peer, name) = (Peer::with(answers), NAME.parse().unwrap());
        let (team, keys) = ("team".parse().unwrap(), ["ghcr.io".parse().unwrap()]);
        run(async { policy::wait(&peer.server(timeout, never), &team, &name, keys.iter()).await }).unwrap()
    };
    let pod = |name: &str| (201, "", json!({"spec": {"imagePullSecrets": [{"name": name}]}}));
    let no = |words: &str| (403, "", json!({"message": format!("pods \"regcred-probe-x\" is forbidden: {words}")}));
    let no_account = || no("error looking up service account team/default: serviceaccount \"default\" not found");
    assert_eq!(tried(vec![no_account(), pod("theirs"), pod(NAME)], LONG), Acts::Yes);
    assert_eq!(tried(vec![pod("theirs"); 1000], Duration::from_millis(300)), Acts::NotYet);
    let quota = "exceeded quota: pods, requested: pods=1";
    let late = Duration::from_millis(300);
    for (answers, timeout, said) in [(vec![no(quota)], LONG, quota), (vec![no_account(); 1000], late, "not found")] {
        let Acts::Refused(problem) = tried(answers, timeout) else { panic!("{said}") };
        assert!(problem.message.starts_with("the cluster forbids to create a Pod on trial in team: "), "{problem:?}");
        assert!(problem.message.ends_with(said), "{problem:?}");
    }
}

/// Executes the step from this Secret, or from none, to the wanted one in the namespace `team`, and returns the outcomes as text.
fn executed(peer: &Peer, there: Option<Value>) -> Vec<String> {
    executed_within(peer, there, LONG)
}

fn executed_within(peer: &Peer, there: Option<Value>, timeout: Duration) -> Vec<String> {
    let (name, account) = (NAME.parse().unwrap(), ["default".parse().unwrap()]);
    let logins =
        Logins::Read(DockerConfig::merge(vec![Credential::sample("ghcr.io", "robot", "hunter2canary")]).unwrap());
    let team = vec!["team".parse().unwrap()];
    let delivery =
        delivery(Link::ServiceAccount, vec![PullSecret::new(&name, team, Accounts::Chosen(&account, &[]), &logins)]);
    let secrets = there.map(|there| (name.clone(), serde_json::from_value(there).unwrap())).into_iter().collect();
    let accounts =
        [("default".parse().unwrap(), regcred_core::cluster::facts::Account::default())].into_iter().collect();
    let space = Space { secrets: Some(secrets), accounts, ..Space::default() };
    let steps = delivery.compare(&Facts { namespaces: [("team".parse().unwrap(), space)].into() }).steps;
    let done = run(async { execute(&peer.server(timeout, never), &delivery, steps, &|| ()).await });
    let words = |ending| match ending {
        Ending::Written => "written".to_owned(),
        Ending::Kept => "kept".to_owned(),
        Ending::Gone => "gone".to_owned(),
        Ending::Failed(problem) => problem.message,
    };
    done.into_iter().map(|(_, ending)| words(ending)).collect()
}

/// A Secret of the owner with other logins.
fn ours() -> Value {
    json!({"metadata": {"name": NAME, "uid": "u1", "resourceVersion": "7",
        "labels": {"app.kubernetes.io/managed-by": "regcred"}, "annotations": {"regcred.dev/owner": "acme"}},
        "type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": "e30="}})
}

#[test]
fn a_new_secret_is_not_forced_and_one_that_was_read_only_as_it_was_read() {
    let peer = Peer::with(vec![(200, "", json!({})), (201, "", json!({}))]);
    assert_eq!(executed(&peer, None), ["written", "written"]);
    let requests = peer.requests();
    let list = r#"[{"op":"test","path":"/imagePullSecrets","value":null},{"op":"add","path":"/imagePullSecrets","value":[{"name":"pull"}]}]"#;
    let path = "PATCH /api/v1/namespaces/team/serviceaccounts/default?fieldManager=regcred-acme HTTP/1.1 ";
    assert_eq!(requests[0], format!("{path}{list}"));
    assert!(requests[1].starts_with("PATCH /api/v1/namespaces/team/secrets/pull?fieldManager=regcred-acme HTTP/1.1 "));
    assert!(!requests[1].contains("resourceVersion"));

    let peer = Peer::with(vec![(200, "", json!({})), (200, "", json!({}))]);
    assert_eq!(executed(&peer, Some(ours())), ["written", "written"]);
    let secret = &peer.requests()[1];
    assert!(secret.contains("&force=true "), "{secret}");
    assert!(secret.contains(r#""uid":"u1""#) && secret.contains(r#""resourceVersion":"7""#), "{secret}");
}

#[test]
fn a_secret_that_somebody_else_made_meanwhile_stays() {
    let managers = json!([{"manager": "kubectl-create", "fieldsV1": {"f:data": {}}}, {"manager": "x", "fieldsV1": {"f:type": {}}}]);
    let theirs = json!({"metadata": {"name": NAME, "uid": "u", "managedFields": managers}, "type": "Opaque"});
    let peer = Peer::with(vec![(200, "", json!({})), (409, "", json!({"message": "conflict"})), (200, "", theirs)]);
    let endings = executed(&peer, None);
    let said = "was written by somebody else while this run was going on; `kubectl-create` writes it, too";
    assert!(endings[1].contains(said), "{endings:?}");
    assert_eq!(peer.requests().len(), 3, "nothing is written after it was read");
}

#[test]
fn a_namespace_that_goes_meanwhile_is_no_failure() {
    let ends =
        json!({"reason": "Forbidden", "details": {"causes": [{"reason": "NamespaceTerminating", "message": "m"}]}});
    let gone = json!({"reason": "NotFound", "details": {"kind": "namespaces", "name": "team"}});
    let peer = Peer::with(vec![(403, "", ends), (404, "", gone)]);
    assert_eq!(executed(&peer, None), ["gone", "gone"]);
}

#[test]
fn the_words_of_a_refusal_are_shown_unless_they_quote_the_login() {
    let quota = "exceeded quota: secrets, requested: count/secrets=1";
    for (said, shown) in [(quota, quota), ("bad: hunter2canary", "its words quote the login, and are not shown")] {
        let peer = Peer::with(vec![(200, "", json!({})), (403, "", json!({"message": said}))]);
        let endings = executed(&peer, None);
        assert!(endings[1].ends_with(shown), "{endings:?}");
        assert!(endings[1].contains("patch the Secret team/pull"), "{endings:?}");
    }
}

#[test]
fn a_writer_that_keeps_changing_a_list_is_named() {
    let account = |number: usize| {
        json!({"metadata": {"name": "default", "managedFields": [
            {"manager": "their-controller", "fieldsV1": {"f:imagePullSecrets": {}}},
            {"manager": "regcred-acme", "fieldsV1": {"f:imagePullSecrets": {}}},
        ]}, "imagePullSecrets": [{"name": format!("theirs-{number}")}]})
    };
    let lost = |number| [(422, "", json!({"message": "test failed"})), (200, "", account(number))];
    let peer = Peer::with((0..10_000).flat_map(lost).collect());
    let said = executed_within(&peer, None, Duration::from_millis(300)).remove(0);
    assert!(said.contains("(422): test failed; `their-controller` writes it, too"), "{said}");
    assert!(peer.requests().len() < 20, "each try waits longer: {}", peer.requests().len());
}

#[test]
fn a_secret_that_others_write_all_the_time_is_tried_again_after_longer_and_longer_pauses() {
    let lost = || [(409, "", json!({"message": "conflict"})), (200, "", ours())];
    let peer = Peer::with([(200, "", json!({}))].into_iter().chain((0..10_000).flat_map(|_| lost())).collect());
    let said = executed_within(&peer, Some(ours()), Duration::from_millis(300)).remove(1);
    assert!(said.contains("the Secret team/pull (409): conflict"), "{said}");
    assert!((5..20).contains(&peer.requests().len()), "{}", peer.requests().len());
}

#[test]
fn a_list_that_is_refused_though_it_did_not_change_is_a_failure() {
    let refused = || (422, "", json!({"message": "a policy says no"}));
    let read = || (200, "", json!({"metadata": {"name": "default"}}));
    let peer = Peer::with(vec![refused(), read(), refused(), read(), (200, "", json!({}))]);
    let endings = executed(&peer, None);
    assert!(endings[0].contains("a policy says no"), "{endings:?}");
    assert_eq!(endings[1], "written", "the Secret is written all the same");
}
