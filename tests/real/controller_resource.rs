//! Runs `regcred controller --crd`, which serves custom resources within the limits of the installation.

use serde_json::{Value, json};

use crate::harness::bench::Bench;
use crate::harness::controller::{DEFINITION, Installed, NEW, Replica};
use crate::harness::registry::Registry;
use crate::online::HTPASSWD;

/// A Docker config that the API server accepts, but that holds no login.
const BROKEN: &str = r#"{"auths":{"ghcr.io":{"auth":"canary-that-is-broken"}}}"#;

fn has(installed: &Installed, name: &str, condition: &str) {
    Bench::wait(condition, || installed.conditions(name).iter().any(|one| one == condition));
}

fn has_metric(replica: &Replica, metric: &str) {
    Bench::wait(metric, || replica.answer("/metrics").1.contains(&format!("{metric}\n")));
}

#[test]
fn changes_of_a_resource_are_applied_and_its_deletion_removes_nothing() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let installed = Installed::following_resources(bench);
    let (one, other) = (installed.namespace(), installed.namespace());
    let replica = installed.start(&["--crd"]);
    Bench::wait("readiness", || replica.answer("/readyz").0 == 200);
    has_metric(&replica, r#"regcred_resources{state="followed"} 0"#);
    assert!(installed.login(&one).is_none(), "no resource names the namespace yet");

    installed.ask("team", &installed.pull_secret(&json!({"include": [one]}))).succeeded();
    Bench::wait("the namespace", || installed.is_served(&one, "canary-of-old"));
    has(&installed, "team", "Ready=True Served");
    assert!(installed.login(&other).is_none());
    let name = format!("{}-team", installed.owner);
    let resource = || bench.get(&["registrycredentials", &name]);
    let status = resource()["status"].clone();
    assert_eq!((&status["wanted"], &status["served"], &status["failing"]), (&json!(1), &json!(1), &json!(0)));
    assert_eq!(
        installed.conditions("team"),
        [
            "Ready=True Served",
            "NotPermitted=False WithinTheInstallation",
            "LoginBroken=False Checked",
            "LoginAccepted=Unknown Unknown"
        ]
    );
    let table = bench.kubectl(&["get", "registrycredentials", &name], "").succeeded();
    let rows: Vec<Vec<_>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["NAME", "READY", "REASON", "SERVED", "FAILING", "LAST", "CHANGE"]);
    assert_eq!(rows[1][..5], [&name, "True", "Served", "1", "0"]);

    // The controller applies each change: more namespaces, another login, fewer namespaces.
    installed.ask("team", &installed.pull_secret(&json!({"include": [format!("{}-*", installed.owner)]}))).succeeded();
    Bench::wait("the other namespace", || installed.is_served(&other, "canary-of-old"));
    Bench::wait("the status", || resource()["status"]["served"] == 2);
    let seen = resource();
    assert_eq!(seen["status"]["observedGeneration"], seen["metadata"]["generation"]);
    installed.rotate(NEW);
    Bench::wait("the rotation", || [&one, &other].iter().all(|name| installed.is_served(name, "canary-of-new")));
    let exclude = json!({"include": [format!("{}-*", installed.owner)], "exclude": [one]});
    installed.ask("team", &installed.pull_secret(&exclude)).succeeded();
    Bench::wait("the deselection", || installed.login(&one).is_none() && installed.references(&one).is_empty());

    // While the new login is broken, the previous login stays in use, also in a new namespace.
    installed.rotate(BROKEN);
    has(&installed, "team", "LoginBroken=True Broken");
    has(&installed, "team", "Ready=False LoginBroken");
    has_metric(&replica, r#"regcred_resources{state="login-broken"} 1"#);
    Bench::wait("the Event", || installed.events().contains("LoginBroken: "));
    let late = installed.namespace();
    Bench::wait("the new namespace", || installed.is_served(&late, "canary-of-new"));
    assert!(installed.is_served(&other, "canary-of-new"));
    installed.rotate(NEW);
    has(&installed, "team", "LoginBroken=False Checked");
    has(&installed, "team", "Ready=True Served");

    // Nothing is removed if the selector matches no namespace, or if the resource is deleted.
    installed.ask("team", &installed.pull_secret(&json!({"selector": "no-such-label"}))).succeeded();
    has(&installed, "team", "Ready=False NothingChosen");
    assert!(installed.is_served(&other, "canary-of-new") && installed.is_served(&late, "canary-of-new"));
    bench.kubectl(&["delete", "registrycredentials", &name], "").succeeded();
    has_metric(&replica, r#"regcred_resources{state="followed"} 0"#);
    assert!(installed.is_served(&other, "canary-of-new") && installed.is_served(&late, "canary-of-new"));
    let said = format!("{}{}{seen}", replica.log(), installed.events());
    assert!(!said.contains("canary"), "{said}");
}

#[test]
fn the_condition_login_accepted_shows_the_answer_of_the_registry() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&["registry"]) else { return };
    let htpasswd = [("htpasswd", HTPASSWD)];
    let registry =
        Registry::start(&bench.tool("registry"), "{htpasswd: {realm: registry, path: FOLDER/htpasswd}}", &htpasswd);
    let login =
        |password: &str| json!({"auths": {&registry.host: {"username": "bot", "password": password}}}).to_string();
    let installed = Installed::asking_for_resources(bench, &login("canary-that-is-wrong"));
    let namespace = installed.namespace();
    let replica = installed.start(&["--crd", "--check-online", "1h"]);
    installed.ask("team", &installed.pull_secret(&json!({"include": [namespace]}))).succeeded();
    has(&installed, "team", "LoginAccepted=False Refused");
    // The namespace is served, although the registry refuses the login.
    has(&installed, "team", "Ready=True Served");
    let resource = || bench.get(&["registrycredentials", &format!("{}-team", installed.owner)]).to_string();
    assert!(resource().contains("the registry does not take this user name and password"), "{}", resource());
    assert!(!format!("{}{}", resource(), replica.log()).contains("canary"), "{}", resource());
    installed.rotate(&login("right"));
    has(&installed, "team", "LoginAccepted=True Accepted");
}

#[test]
fn a_foreign_or_contested_secret_is_reported_and_not_written_again() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let installed = Installed::following_resources(bench);
    let (foreign, contested) = (installed.namespace(), installed.namespace());
    let create = ["create", "secret", "docker-registry", &installed.owner, "-n", &foreign, "--docker-server=quay.io"];
    bench.kubectl(&[&create[..], &["--docker-username=them", "--docker-password=theirs"]].concat(), "").succeeded();
    let _replica = installed.start(&["--crd"]);
    let ask =
        |namespace: &str| installed.ask("team", &installed.pull_secret(&json!({"include": [namespace]}))).succeeded();
    let version = |namespace: &str| {
        bench.get(&["secret", &installed.owner, "-n", namespace])["metadata"]["resourceVersion"].clone()
    };
    let ready = || {
        let resource = bench.get(&["registrycredentials", &format!("{}-team", installed.owner)]);
        resource["status"]["conditions"][0]["message"].as_str().unwrap_or_default().to_owned()
    };
    // Waits while the leader renews its Lease three times, a few seconds each, and checks that it did not write the Secret meanwhile.
    let is_not_written = |namespace: &str| {
        let lease = || bench.get(&["lease", &format!("regcred-{}", installed.owner), "-n", &installed.system]);
        let before = version(namespace);
        for _ in 0..3 {
            let renewed = lease()["spec"]["renewTime"].clone();
            Bench::wait("the lease", || lease()["spec"]["renewTime"] != renewed);
        }
        assert_eq!(version(namespace), before, "the Secret was written");
    };
    ask(&foreign);
    has(&installed, "team", "Ready=False Left");
    assert!(
        ready().contains(&format!("the Secret {foreign}/{}: it is somebody else's", installed.owner)),
        "{}",
        ready()
    );
    is_not_written(&foreign);

    ask(&contested);
    has(&installed, "team", "Ready=True Served");
    let rival = json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
        "metadata": {"name": installed.owner, "namespace": contested}, "data": {".dockerconfigjson": "e30="}});
    let is_contested = || installed.conditions("team").iter().any(|one| one == "Ready=False Contested");
    let mut applied = 0;
    // A slow replica may see two writes of the rival as one, so the number of writes until the condition varies.
    let apply = ["apply", "--server-side", "--field-manager=rival", "--force-conflicts", "-f", "-"];
    while !is_contested() {
        bench.kubectl(&apply, &rival.to_string()).succeeded();
        Bench::wait("the answer of the controller", || {
            installed.is_served(&contested, "canary-of-old") || is_contested()
        });
        applied += 1;
        assert!(applied < 12, "the controller never gives up");
    }
    assert!(applied >= 5, "{applied}");
    has(&installed, "team", "Ready=False Contested");
    assert!(ready().contains("`rival` undoes every write"), "{}", ready());
    // The last write of the controller may have come after the last write of the rival, so the rival writes once more.
    bench.kubectl(&apply, &rival.to_string()).succeeded();
    is_not_written(&contested);
    assert_eq!(installed.login(&contested).as_deref(), Some("{}"));
}

#[test]
fn a_resource_outside_the_limits_of_the_installation_is_reported_and_not_served() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let installed = Installed::following_resources(bench);
    let namespace = installed.namespace();
    let good = || installed.pull_secret(&json!({"include": [namespace]}));
    let with = |field: &str, value: Value| {
        let mut one = good();
        one[field] = value;
        one
    };
    let login = |registry: &str| {
        let password = json!({"secret": format!("{}-src", installed.owner), "key": ".dockerconfigjson"});
        json!([{"registry": registry, "username": {"value": "u"}, "password": password}])
    };
    let asked = [
        ("name", with("name", json!("another")), "PullSecret"),
        ("namespace", with("namespaces", json!({"include": ["default"]})), "Namespaces"),
        ("glob", with("namespaces", json!({"include": ["*"]})), "Namespaces"),
        ("account", with("serviceAccounts", json!(["builder"])), "ServiceAccounts"),
        ("accounts", with("serviceAccounts", json!(["*"])), "ServiceAccounts"),
        ("secret", with("logins", json!([{"dockerConfig": {"secret": "theirs"}}])), "SourceSecret"),
        ("registry", with("logins", login("evil.test")), "Registry"),
    ];
    for (name, pull_secret, _) in &asked {
        installed.ask(name, pull_secret).succeeded();
    }
    let replica = installed.start(&["--crd"]);
    for (name, _, reason) in &asked {
        has(&installed, name, &format!("NotPermitted=True {reason}"));
        has(&installed, name, "Ready=False NotPermitted");
    }
    has_metric(&replica, &format!(r#"regcred_resources{{state="not-permitted"}} {}"#, asked.len()));
    assert!(installed.login(&namespace).is_none() && installed.references(&namespace).is_empty());
    let is_named = |events: &str, name: &str| {
        events.contains(&format!("RegistryCredentials {}-{name} is ignored", installed.owner))
    };
    Bench::wait("an Event for each", || {
        let events = installed.events();
        asked.iter().all(|(name, ..)| is_named(&events, name))
    });
    let run = installed.once_with(&["--crd"]);
    assert_eq!(run.status, 1, "{}", run.stderr);

    // If two resources name the same pull secret, the controller serves the older one until it is deleted.
    installed.ask("z-first", &good()).succeeded();
    Bench::wait("the namespace", || installed.is_served(&namespace, "canary-of-old"));
    has(&installed, "z-first", "Ready=True Served");
    // Creation times have whole seconds, so a second resource is created again until its time is later.
    let created = |name: &str| {
        let resource = bench.get(&["registrycredentials", &format!("{}-{name}", installed.owner)]);
        resource["metadata"]["creationTimestamp"].as_str().unwrap().to_owned()
    };
    let mut number = 0;
    let mut second = String::new();
    Bench::wait("a younger resource", || {
        number += 1;
        second = format!("second-{number}");
        installed.ask(&second, &good()).succeeded();
        created(&second) > created("z-first")
    });
    has(&installed, &second, "Ready=False NameTaken");
    has(&installed, "z-first", "Ready=True Served");
    let all: Vec<_> = (1..=number).map(|number| format!("{}-second-{number}", installed.owner)).collect();
    let first = format!("{}-z-first", installed.owner);
    let rest = all[..all.len() - 1].iter().chain([&first]).map(String::as_str);
    bench.kubectl(&["delete", "registrycredentials"].into_iter().chain(rest).collect::<Vec<_>>(), "").succeeded();
    has(&installed, &second, "Ready=True Served");
    assert!(installed.is_served(&namespace, "canary-of-old"));

    for (name, ..) in &asked {
        bench.kubectl(&["delete", "registrycredentials", &format!("{}-{name}", installed.owner)], "").succeeded();
    }
    let run = installed.once_with(&["--crd"]);
    assert!(run.status == 0 && run.stderr.contains("1 of 1 namespaces are served"), "{}", run.stderr);
}

#[test]
fn a_single_pass_writes_every_status_before_it_ends() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let installed = Installed::following_resources(bench);
    let namespace = installed.namespace();
    let good = installed.pull_secret(&json!({"include": [namespace]}));
    let mut wide = good.clone();
    wide["serviceAccounts"] = json!(["*"]);
    installed.ask("good", &good).succeeded();
    installed.ask("wide", &wide).succeeded();
    // The API server activates the policies a moment after their creation, so the first passes may fail.
    Bench::wait("the pass", || installed.once_with(&["--crd"]).stderr.contains("1 of 1 namespaces are served"));
    let [good, wide] = ["good", "wide"].map(|name| installed.conditions(name));
    assert_eq!(good.first().map(String::as_str), Some("Ready=True Served"));
    assert_eq!(wide.first().map(String::as_str), Some("Ready=False NotPermitted"));
}

#[test]
fn the_definition_may_be_added_later_and_deleted_and_the_account_makes_only_the_expected_calls() {
    let Some(bench) = Bench::alone() else { return };
    let installed = Installed::following_resources(bench);
    let undefine = || {
        bench.kubectl(&["delete", "crd", DEFINITION], "").succeeded();
    };
    undefine();
    let first = installed.namespace();
    let replica = installed.start(&["--crd"]);
    replica.says("a watch failed and goes on");
    let (status, why) = replica.answer("/readyz");
    assert!(status == 503 && why.contains("apply its definition"), "{status} {why}");
    assert_eq!(replica.answer("/healthz").0, 200);

    let ask = || {
        installed.define();
        let everything = installed.pull_secret(&json!({}));
        Bench::wait("the resource", || installed.ask("all", &everything).status == 0);
    };
    ask();
    Bench::wait("the namespace", || installed.is_served(&first, "canary-of-old"));
    has(&installed, "all", "Ready=True Served");
    assert_eq!(replica.answer("/readyz").0, 200);
    undefine();
    has_metric(&replica, r#"regcred_resources{state="followed"} 0"#);
    assert!(installed.is_served(&first, "canary-of-old"), "nothing is removed");
    let second = installed.namespace();
    ask();
    Bench::wait("the new namespace", || installed.is_served(&second, "canary-of-old"));
    assert!(installed.is_served(&first, "canary-of-old"));

    let user = format!("system:serviceaccount:{}:regcred-{}", installed.system, installed.owner);
    for request in bench.requests().iter().filter(|request| request["user"]["username"] == user.as_str()) {
        let (verb, of) = (request["verb"].as_str().unwrap(), &request["objectRef"]);
        let uri = request["requestURI"].as_str().unwrap();
        assert_ne!(verb, "list", "{request}");
        assert!(verb != "get" || of["resource"] == "leases" || of["resource"].is_null(), "{request}");
        let is_named = ["namespaces", "registrycredentials"].iter().any(|kind| of["resource"] == *kind);
        assert!(verb != "watch" || is_named || uri.contains("metadata.name%3D"), "{uri}");
        assert!(
            of["resource"] != "registrycredentials" || verb == "watch" || of["subresource"] == "status",
            "{request}"
        );
    }
}

#[test]
fn the_definition_accepts_only_logins_that_name_secrets() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let installed = Installed::following_resources(bench);
    let login = |login: Value| json!({"name": "p", "logins": [login]});
    let password = json!({"secret": "s", "key": "k"});
    for (number, pull_secret) in [
        login(json!({"dockerConfig": {"secret": "s"}})),
        login(json!({"registry": "ghcr.io", "username": {"value": "u"}, "password": password})),
        login(json!({"registry": "ghcr.io", "username": {"secret": "s", "key": "u"}, "password": password})),
    ]
    .iter()
    .enumerate()
    {
        installed.ask(&format!("good-{number}"), pull_secret).succeeded();
    }
    for (pull_secret, words) in [
        (json!({"name": "p"}), "logins: Required value"),
        (json!({"name": "p", "logins": []}), "should have at least 1 items"),
        (json!({"logins": [{"dockerConfig": {"secret": "s"}}]}), "name"),
        (login(json!({"dockerConfig": {"env": "DOCKERHUB_AUTH"}})), "env"),
        (login(json!({"dockerConfig": {"secret": "s", "env": "A"}})), "env"),
        (login(json!({"preset": "ghcr"})), "preset"),
        (login(json!({"dockerConfig": {"secret": "../s"}})), "should match"),
        (login(json!({"dockerConfig": {"secret": "s"}, "registry": "ghcr.io"})), "give `dockerConfig: {secret: NAME}`"),
        (login(json!({"registry": "ghcr.io", "username": {"value": "u"}})), "give `dockerConfig: {secret: NAME}`"),
        (
            login(json!({"registry": "r.io", "username": {"value": "u", "key": "k"}, "password": password})),
            "give `value`",
        ),
        (login(json!({"registry": "r.io", "username": {"value": "u"}, "password": {"secret": "s"}})), "password.key"),
        (json!({"name": "p", "logins": [{"dockerConfig": {"secret": "s"}}], "external": {}}), "external"),
        (
            json!({"name": "p", "logins": [{"dockerConfig": {"secret": "s"}}], "namespaces": {"include": ["Team"]}}),
            "should match",
        ),
    ] {
        let said = installed.ask("bad", &pull_secret).failed();
        assert!(said.contains(words), "{pull_secret}: {said}");
    }
    // With `--validate=false`, the API server drops the unknown field `env`, so the required field `secret` is missing.
    let variable = json!({"apiVersion": "regcred.dev/v1alpha1", "kind": "RegistryCredentials", "metadata": {"name": "committed"},
        "spec": {"protect": "sealed", "pullSecrets": [{"name": "p", "logins": [{"dockerConfig": {"env": "DOCKERHUB_AUTH"}}]}]}});
    let said = bench.kubectl(&["create", "--validate=false", "-f", "-"], &variable.to_string()).failed();
    assert!(said.contains("dockerConfig.secret: Required value"), "{said}");
    let said = bench.kubectl(&["create", "-f", "-"], &variable.to_string()).failed();
    assert!(said.contains("unknown field \"spec.protect\""), "{said}");
    let page = bench.kubectl(&["explain", "registrycredentials.spec.pullSecrets.logins"], "").succeeded();
    assert!(page.contains("dockerConfig") && page.contains("A whole Docker config."), "{page}");
}
