//! Runs `regcred controller` against the real API server, as the account of `render --strategy controller`.

use std::net::TcpListener;
use std::time::{Duration, Instant, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::harness::bench::{self, Bench};
use crate::harness::controller::{Installed, NEW, Replica};
use crate::harness::registry::Registry;
use crate::online::HTPASSWD;

/// No message of a replica holds a value of a login.
fn says_no_value(installed: &Installed, replica: &Replica) {
    let said = format!("{}{}{}", replica.log(), replica.answer("/metrics").1, installed.events());
    assert!(!said.contains("canary") && !said.contains("Y2FuYXJ5"), "{said}");
}

#[test]
fn a_new_namespace_is_served_a_rotation_reaches_all_and_an_excluded_one_is_left_without_ours() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let installed = Installed::confined(bench);
    let (early, other) = (installed.namespace(), installed.namespace());
    let theirs = json!([{"op": "add", "path": "/imagePullSecrets", "value": [{"name": "theirs"}]}]).to_string();
    Bench::wait("the ServiceAccount", || {
        bench.kubectl(&["patch", "serviceaccount", "default", "-n", &early, "--type=json", "-p", &theirs], "").status
            == 0
    });
    let replica = installed.start(&[]);
    Bench::wait("the first namespaces", || {
        [&early, &other].iter().all(|name| installed.is_served(name, "canary-of-old"))
    });
    assert_eq!(replica.answer("/readyz").0, 200);
    assert_eq!(replica.answer("/healthz").0, 200);
    let late = installed.namespace();
    Bench::wait("the new namespace", || installed.is_served(&late, "canary-of-old"));
    let uid = |namespace: &str| bench.get(&["secret", &installed.owner, "-n", namespace])["metadata"]["uid"].clone();
    let before = uid(&late);

    installed.mount_login(NEW);
    Bench::wait("the rotation", || {
        [&early, &other, &late].iter().all(|name| installed.is_served(name, "canary-of-new"))
    });
    assert_eq!(uid(&late), before, "a rotation is in place");

    bench.kubectl(&["annotate", "namespace", &early, "regcred.dev/exclude=true"], "").succeeded();
    Bench::wait("the exclusion", || installed.login(&early).is_none() && installed.references(&early) == ["theirs"]);
    bench.kubectl(&["annotate", "namespace", &early, "regcred.dev/exclude-"], "").succeeded();
    Bench::wait("the namespace to be served again", || installed.is_served(&early, "canary-of-new"));
    assert_eq!(installed.references(&early), ["theirs".to_owned(), installed.owner.clone()]);

    // Deleted and edited objects come back.
    bench.kubectl(&["delete", "secret", &installed.owner, "-n", &late], "").succeeded();
    let none = json!({"imagePullSecrets": null}).to_string();
    bench.kubectl(&["patch", "serviceaccount", "default", "-n", &other, "--type=merge", "-p", &none], "").succeeded();
    Bench::wait("the drift to be mended", || {
        [&other, &late].iter().all(|name| installed.is_served(name, "canary-of-new"))
    });

    let metrics = replica.answer("/metrics").1;
    assert!(metrics.contains("regcred_namespace_served_seconds_count 1\n"), "{metrics}");
    assert!(metrics.contains("regcred_namespaces{state=\"served\"} 3\n"), "{metrics}");
    assert!(metrics.contains("regcred_leader 1\n") && metrics.contains("regcred_confined 1\n"), "{metrics}");
    says_no_value(&installed, &replica);
}

#[test]
fn a_secret_of_somebody_else_is_left_and_said_and_one_that_is_given_back_is_written() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let installed = Installed::confined(bench);
    let (foreign, plain) = (installed.namespace(), installed.namespace());
    let create = ["create", "secret", "docker-registry", &installed.owner, "-n", &foreign, "--docker-server=quay.io"];
    bench.kubectl(&[&create[..], &["--docker-username=them", "--docker-password=theirs"]].concat(), "").succeeded();
    let replica = installed.start(&[]);
    Bench::wait("the other namespace", || installed.is_served(&plain, "canary-of-old"));
    let words = format!("the Secret {foreign}/{}: it is somebody else's, and stays as it is", installed.owner);
    replica.says(&words);
    Bench::wait("the Event", || installed.events().contains(&words));
    assert!(installed.login(&foreign).unwrap().contains("them"));
    assert!(replica.answer("/metrics").1.contains("regcred_namespaces{state=\"left\"} 1\n"));
    bench.kubectl(&["delete", "secret", &installed.owner, "-n", &foreign], "").succeeded();
    Bench::wait("the namespace to be served", || installed.is_served(&foreign, "canary-of-old"));
    says_no_value(&installed, &replica);
}

#[test]
fn a_broken_file_changes_nothing_and_new_namespaces_get_the_login_from_before() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let installed = Installed::confined(bench);
    let first = installed.namespace();
    let replica = installed.start(&[]);
    Bench::wait("the namespace", || installed.is_served(&first, "canary-of-old"));
    installed.mount_login(r#"{"auths":{"ghcr.io":{"username":"acme-bot","password":"canary-of-"#);
    replica.says("is not valid JSON");
    Bench::wait("the metric", || replica.answer("/metrics").1.contains("regcred_config_broken 1\n"));
    let second = installed.namespace();
    Bench::wait("the new namespace", || installed.is_served(&second, "canary-of-old"));
    installed.mount_config("nonsense: true\n");
    replica.says("unknown field");
    installed.mount_config("");
    installed.mount_login(NEW);
    Bench::wait("the good login", || [&first, &second].iter().all(|name| installed.is_served(name, "canary-of-new")));
    assert!(replica.answer("/metrics").1.contains("regcred_config_broken 0\n"));

    // A choice without any namespace removes nothing.
    let config = std::fs::read_to_string(installed.path("config/regcred.yaml")).unwrap();
    installed.swap("config", "regcred.yaml", &config.replace(&format!("{}-*", installed.owner), "no-such-namespace"));
    replica.says("nothing of it is removed anywhere");
    assert!(installed.is_served(&first, "canary-of-new"));
    Bench::wait("the Event", || installed.events().contains("ConfigBroken: "));
    says_no_value(&installed, &replica);
}

#[test]
fn a_watch_that_fails_removes_nothing_and_goes_on_when_the_rights_are_back() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let installed = Installed::confined(bench);
    let namespace = installed.namespace();
    let replica = installed.start(&[]);
    Bench::wait("the namespace", || installed.is_served(&namespace, "canary-of-old"));
    let versions = || {
        [("secret", installed.owner.as_str()), ("serviceaccount", "default")]
            .map(|(kind, name)| bench.get(&[kind, name, "-n", &namespace])["metadata"]["resourceVersion"].clone())
    };
    let before = versions();
    drop(replica);
    installed.may_watch_secrets(false);
    let replica = installed.start(&[]);
    replica.says("the API server refuses it (403)");
    // The replica could write: it leads, is confined, and has seen the namespaces and the ServiceAccounts.
    replica.says("this replica leads");
    replica.says("policies confine this account");
    let (status, why) = replica.answer("/readyz");
    assert!(status == 503 && why.contains("not every watch has begun"), "{status} {why}");
    assert_eq!(versions(), before);
    installed.may_watch_secrets(true);
    let late = installed.namespace();
    Bench::wait("the new namespace", || installed.is_served(&late, "canary-of-old"));
    assert_eq!(versions(), before, "nothing was removed or written again");
}

#[test]
fn two_pull_secrets_have_namespaces_of_their_own_and_follow_a_label_that_comes_and_goes() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let installed = Installed::of_two_pull_secrets(bench);
    let too = format!("{}-too", installed.owner);
    let text = std::fs::read_to_string(installed.path("config/regcred.yaml")).unwrap();
    let mut config = bench::documents(&text).remove(0);
    for one in config["spec"]["pullSecrets"].as_array_mut().unwrap().iter_mut().filter(|one| one["name"] == too) {
        one["namespaces"]["selector"] = json!("tier=web");
    }
    installed.swap("config", "regcred.yaml", &config.to_string());
    let (web, plain) = (installed.namespace(), installed.namespace());
    let label = |namespace: &str, label: &str| {
        bench.kubectl(&["label", "namespace", namespace, label], "").succeeded();
    };
    label(&web, "tier=web");
    let has = |namespace: &str, names: &[&str]| {
        let there = |name: &String| bench.kubectl(&["get", "secret", name, "-n", namespace], "").status == 0;
        let all = [&installed.owner, &too];
        installed.references(namespace) == names && all.iter().all(|name| there(name) == names.contains(&name.as_str()))
    };
    let (one, both) = ([installed.owner.as_str()], [installed.owner.as_str(), too.as_str()]);
    let replica = installed.start(&[]);
    Bench::wait("both in one namespace", || has(&web, &both));
    Bench::wait("one in the other", || has(&plain, &one));
    let uid = || bench.get(&["secret", &installed.owner, "-n", &plain])["metadata"]["uid"].clone();
    let before = uid();
    label(&plain, "tier=web");
    Bench::wait("the label to come", || has(&plain, &both));
    label(&plain, "tier-");
    Bench::wait("the label to go", || has(&plain, &one));
    assert!(uid() == before && has(&web, &both), "the others stay");
    assert!(replica.answer("/metrics").1.contains("regcred_namespaces{state=\"served\"} 2\n"));
}

#[test]
fn without_the_policies_nothing_is_written_and_with_them_it_begins() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let installed = Installed::unconfined(bench);
    let namespace = installed.namespace();
    let replica = installed.start(&[]);
    replica.says("nothing is written, since this account is not confined: apply the output of `regcred render` again");
    let (status, why) = replica.answer("/readyz");
    assert!(status == 503 && why.contains("not confined: no ValidatingAdmissionPolicy denies"), "{status} {why}");
    let run = installed.once();
    assert_eq!(run.status, 1, "{}", run.stderr);
    assert!(run.stderr.contains("nothing was written, since this account is not confined"), "{}", run.stderr);
    let account = format!("`--as system:serviceaccount:{}:regcred-{}`", installed.system, installed.owner);
    assert!(run.stderr.contains(&account), "{}", run.stderr);
    assert!(installed.login(&namespace).is_none() && installed.references(&namespace).is_empty());
    installed.confine();
    Bench::wait("the namespace", || installed.is_served(&namespace, "canary-of-old"));
    Bench::wait("readiness", || replica.answer("/readyz").0 == 200);
}

#[test]
fn one_pass_ends_with_its_result() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let installed = Installed::confined(bench);
    let namespace = installed.namespace();
    // The policies are active a moment later.
    Bench::wait("the first pass", || installed.once().status == 0);
    assert!(installed.is_served(&namespace, "canary-of-old"));
    installed.mount_login(NEW);
    let run = installed.once();
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(
        installed.is_served(&namespace, "canary-of-new") && run.stderr.contains("1 of 1 namespaces are served"),
        "{}",
        run.stderr
    );
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": {"count/secrets": "0"}}});
    let refused = installed.namespace();
    bench.kubectl(&["apply", "-n", &refused, "-f", "-"], &quota.to_string()).succeeded();
    let run = installed.once();
    assert_eq!(run.status, 1, "{}", run.stderr);
    assert!(run.stderr.contains("exceeded quota") && !run.stderr.contains("canary"), "{}", run.stderr);
    installed.mount_login("nonsense");
    let run = installed.once();
    assert_eq!(run.status, 1, "{}", run.stderr);
    assert!(run.stderr.contains("the mounted Secret"), "{}", run.stderr);
}

#[test]
fn a_manager_that_undoes_every_write_is_named_and_left_alone_for_a_while() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let installed = Installed::confined(bench);
    let namespace = installed.namespace();
    let replica = installed.start(&[]);
    Bench::wait("the namespace", || installed.is_served(&namespace, "canary-of-old"));
    let other = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: {}, namespace: {namespace}}}\ntype: kubernetes.io/dockerconfigjson\n\
         data: {{.dockerconfigjson: e30=}}\n",
        installed.owner
    );
    for _ in 0..5 {
        let apply = ["apply", "--server-side", "--field-manager=rival", "--force-conflicts", "-f", "-"];
        bench.kubectl(&apply, &other).succeeded();
        Bench::wait("the answer", || {
            installed.is_served(&namespace, "canary-of-old") || replica.log().contains("undoes every write")
        });
    }
    replica.says("`rival` undoes every write, so the next try waits");
    assert_eq!(installed.login(&namespace).as_deref(), Some("{}"));
    assert!(replica.answer("/metrics").1.contains("regcred_namespaces{state=\"contested\"} 1\n"));
    Bench::wait("the Event", || installed.events().contains("Contested: "));
    let fine = installed.namespace();
    Bench::wait("another namespace", || installed.is_served(&fine, "canary-of-old"));
}

#[test]
fn a_manager_that_takes_every_reference_away_is_named_and_left_alone_for_a_while() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let installed = Installed::confined(bench);
    let namespace = installed.namespace();
    let replica = installed.start(&[]);
    Bench::wait("the namespace", || installed.is_served(&namespace, "canary-of-old"));
    let take_away = || {
        let list = json!({"imagePullSecrets": [{"name": "theirs"}]}).to_string();
        let patch =
            ["patch", "serviceaccount", "default", "-n", &namespace, "--field-manager=rival", "--type=merge", "-p"];
        bench.kubectl(&[&patch[..], &[&list]].concat(), "").succeeded();
    };
    let is_contested = || replica.log().contains("undoes every write");
    let mut taken = 0;
    // A replica that lags may see two writes of the rival as one.
    while !is_contested() {
        take_away();
        Bench::wait("the answer", || installed.is_served(&namespace, "canary-of-old") || is_contested());
        taken += 1;
        assert!(taken < 12, "it answers for ever");
    }
    assert!(taken >= 5, "{taken}");
    replica.says(&format!("the ServiceAccount {namespace}/default: `rival` undoes every write, so the next try waits"));
    Bench::wait("the Event", || installed.events().contains("Contested: "));
    assert!(replica.answer("/metrics").1.contains("regcred_namespaces{state=\"contested\"} 1\n"));
    // The last answer may have been under way when the rival came for the last time.
    take_away();
    let fine = installed.namespace();
    Bench::wait("another namespace", || installed.is_served(&fine, "canary-of-old"));
    assert_eq!(installed.references(&namespace), ["theirs"]);
    assert!(installed.login(&namespace).unwrap().contains("canary-of-old"), "the Secret stays");
}

/// The moment when the leader took the Lease, in milliseconds since 1970.
fn acquired(installed: &Installed) -> u128 {
    let lease = installed.bench.get(&["lease", &format!("regcred-{}", installed.owner), "-n", &installed.system]);
    let time: Timestamp = lease["spec"]["acquireTime"].as_str().unwrap().parse().unwrap();
    u128::try_from(time.as_millisecond()).unwrap()
}

#[test]
fn another_replica_takes_over_at_once_after_a_sigterm_and_in_twenty_seconds_after_a_kill() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let installed = Installed::confined(bench);
    let mut leader = installed.start(&[]);
    leader.says("this replica leads");
    let mut times = Vec::new();
    for _ in 0..3 {
        let next = installed.start(&[]);
        next.says("policies confine this account");
        assert_eq!(next.answer("/readyz").0, 200);
        assert!(next.answer("/metrics").1.contains("regcred_leader 0\n"));
        let told = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
        leader.signal("-TERM");
        next.says("this replica leads");
        times.push(acquired(&installed) - told);
        leader.says("\"message\":\"stopped\"");
        let namespace = installed.namespace();
        Bench::wait("the namespace", || installed.is_served(&namespace, "canary-of-old"));
        leader = next;
    }
    println!("after a SIGTERM another replica led after {times:?} ms");
    // Other programs may take the processors, so slow takeovers are tolerated, but not in every round.
    assert!(times.iter().any(|time| *time < 1000) && times.iter().all(|time| *time < 3000), "{times:?}");

    let next = installed.start(&[]);
    next.says("policies confine this account");
    let began = Instant::now();
    leader.signal("-KILL");
    next.says("this replica leads");
    let took = began.elapsed();
    assert!(took < Duration::from_secs(20), "{took:?}");
    let namespace = installed.namespace();
    Bench::wait("the namespace", || installed.is_served(&namespace, "canary-of-old"));
    println!("after a kill another replica led in {took:?}");
}

#[test]
fn a_replica_that_was_stopped_for_a_while_writes_nothing_late() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let installed = Installed::confined(bench);
    let spaces: Vec<_> = (0..40).map(|_| installed.namespace()).collect();
    let first = installed.start(&[]);
    first.says("this replica leads");
    let second = installed.start(&[]);
    second.says("policies confine this account");
    Bench::wait("the namespaces", || spaces.iter().all(|name| installed.is_served(name, "canary-of-old")));
    // The replica is stopped in the middle of its writes: it reads the answers in its sockets later.
    installed.mount_login(NEW);
    first.says("the mounted files have changed");
    first.signal("-STOP");
    second.says("this replica leads");
    Bench::wait("the rotation", || spaces.iter().all(|name| installed.is_served(name, "canary-of-new")));
    let excluded = &spaces[0];
    bench.kubectl(&["annotate", "namespace", excluded, "regcred.dev/exclude=true"], "").succeeded();
    Bench::wait("the exclusion", || installed.login(excluded).is_none());
    let versions = || -> Vec<_> {
        let version =
            |name: &String| bench.get(&["secret", &installed.owner, "-n", name])["metadata"]["resourceVersion"].clone();
        spaces[1..].iter().map(version).collect()
    };
    let before = versions();
    first.signal("-CONT");
    first.says("another replica leads");
    // The main loop has turned again, and the replica has seen the events that it missed.
    let namespace = installed.namespace();
    Bench::wait("the namespace", || installed.is_served(&namespace, "canary-of-new"));
    assert_eq!(versions(), before, "a late write changed something");
    assert!(installed.login(excluded).is_none() && installed.references(excluded).is_empty());

    // A write that creates a Secret replaces none, not even with the same field manager.
    let late = format!(
        "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/dockerconfigjson\ndata: {{.dockerconfigjson: e30=}}\n\
         metadata: {{name: {}, namespace: {}, resourceVersion: \"1\"}}\n",
        installed.owner, spaces[1]
    );
    let manager = format!("--field-manager=regcred-{}", installed.owner);
    let refusal = bench.kubectl(&["apply", "--server-side", &manager, "-f", "-"], &late).failed();
    assert!(refusal.contains("the object has been modified"), "{refusal}");
}

#[test]
fn a_replica_goes_on_after_the_api_server_was_killed() {
    let Some(bench) = Bench::alone() else { return };
    let installed = Installed::confined(bench);
    let first = installed.namespace();
    let replica = installed.start(&[]);
    Bench::wait("the namespace", || installed.is_served(&first, "canary-of-old"));
    bench.kill_the_api_server();
    let second = installed.namespace();
    Bench::wait("the new namespace", || installed.is_served(&second, "canary-of-old"));
    bench.kubectl(&["delete", "secret", &installed.owner, "-n", &first], "").succeeded();
    Bench::wait("the deleted Secret", || installed.is_served(&first, "canary-of-old"));
    assert_eq!(replica.answer("/healthz").0, 200);
    says_no_value(&installed, &replica);

    // Its requests: no list, no read of a Secret, and no watch without a name.
    let user = format!("system:serviceaccount:{}:regcred-{}", installed.system, installed.owner);
    for request in bench.requests().iter().filter(|request| request["user"]["username"] == user.as_str()) {
        let (verb, resource) = (request["verb"].as_str().unwrap(), &request["objectRef"]["resource"]);
        assert_ne!(verb, "list", "{request}");
        assert!(verb != "get" || resource == "leases" || resource.is_null(), "{request}");
        let uri = request["requestURI"].as_str().unwrap();
        assert!(verb != "watch" || resource == "namespaces" || uri.contains("metadata.name%3D"), "{uri}");
        assert!(request["userAgent"].as_str().unwrap().starts_with("regcred/"), "{request}");
    }
}

#[test]
fn pods_that_were_created_too_early_are_evicted_if_somebody_makes_new_ones() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let installed = Installed::evicting(bench);
    let namespace = installed.namespace();
    Bench::wait("the ServiceAccount", || {
        bench.kubectl(&["get", "serviceaccount", "default", "-n", &namespace], "").status == 0
    });
    bench.kubectl(&["create", "configmap", "controller", "-n", &namespace], "").succeeded();
    // Any object can be a controller; a ReplicaSet would create new Pods.
    let uid = bench.get(&["configmap", "controller", "-n", &namespace])["metadata"]["uid"].clone();
    let owner =
        json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "controller", "uid": uid, "controller": true}]);
    let pod = |name: &str, owners: &Value| {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace, "ownerReferences": owners},
            "spec": {"containers": [{"name": "c", "image": "ghcr.io/acme/api:1"}]}});
        bench.kubectl(&["create", "-f", "-"], &pod.to_string()).succeeded();
        let waiting = json!({"name": "c", "image": "x", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"waiting": {"reason": "ImagePullBackOff"}}});
        let status = json!({"status": {"containerStatuses": [waiting]}}).to_string();
        bench.kubectl(&["patch", "pod", name, "-n", &namespace, "--subresource=status", "-p", &status], "").succeeded();
    };
    pod("bare", &json!([]));
    pod("free", &owner);
    let replica = installed.start(&["--restart-stuck-pods"]);
    Bench::wait("the namespace", || installed.is_served(&namespace, "canary-of-old"));
    // The Pods were seen before the namespace was served, and no kubelet writes their status again.
    Bench::wait("the eviction", || bench.kubectl(&["get", "pod", "free", "-n", &namespace], "").status != 0);
    replica.says(&format!("the Pod {namespace}/bare lacks the reference and stays: no controller would replace it"));
    bench.kubectl(&["get", "pod", "bare", "-n", &namespace], "").succeeded();
    assert!(replica.answer("/metrics").1.contains("regcred_pods_evicted_total 1\n"));
}

#[test]
fn a_login_that_its_registry_refuses_is_said_and_stays_where_it_is() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&["registry"]) else { return };
    let htpasswd = [("htpasswd", HTPASSWD)];
    let registry =
        Registry::start(&bench.tool("registry"), "{htpasswd: {realm: registry, path: FOLDER/htpasswd}}", &htpasswd);
    let entry = |password: &str| json!({"username": "bot", "password": password});
    let login = |password: &str| json!({"auths": {&registry.host: entry(password)}}).to_string();
    let installed = Installed::asking(bench, &login("canary-that-is-wrong"));
    let namespace = installed.namespace();
    let replica = installed.start(&["--check-online", "1h"]);
    let metric = |value: u8| format!("regcred_login_refused{{registry=\"{}\"}} {value}\n", registry.host);
    Bench::wait("the refusal", || replica.answer("/metrics").1.contains(&metric(1)));
    Bench::wait("the Event", || installed.events().contains("LoginRefused: "));
    Bench::wait("the namespace", || installed.is_served(&namespace, "canary-that-is-wrong"));
    says_no_value(&installed, &replica);

    // Another file is no reason to ask again about the same login; another login is.
    let refusals = || replica.log().matches("\"reason\":\"LoginRefused\"").count();
    assert_eq!(refusals(), 1, "{}", replica.log());
    installed.mount_config("# again\n");
    replica.says("the mounted files have changed");
    let other = installed.namespace();
    Bench::wait("the other namespace", || installed.is_served(&other, "canary-that-is-wrong"));
    installed.mount_login(&login("canary-that-is-wrong-too"));
    Bench::wait("the second refusal", || refusals() > 1);
    assert_eq!(refusals(), 2, "{}", replica.log());
    installed.mount_login(&login("right"));
    Bench::wait("the good login", || replica.answer("/metrics").1.contains(&metric(0)));

    // A registry that was not named at installation gets no request, whatever is mounted later.
    let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
    stranger.set_nonblocking(true).unwrap();
    let host = stranger.local_addr().unwrap().to_string();
    // The payload of a JWT says when it ends.
    let jwt = format!("e30.{}.x", URL_SAFE_NO_PAD.encode(r#"{"exp":9999999999,"jti":"canary"}"#));
    let auths = json!({"auths": {&registry.host: entry(&jwt), &host: entry("canary-of-a-stranger")}});
    installed.mount_login(&auths.to_string());
    replica.says(&format!("the registry `{host}` is not asked: `controller.registries` of the mounted regcred.yaml"));
    Bench::wait("the third refusal", || replica.answer("/metrics").1.contains(&metric(1)));
    Bench::wait("both logins", || installed.is_served(&namespace, "canary-of-a-stranger"));
    assert_eq!(stranger.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    let metrics = replica.answer("/metrics").1;
    assert!(!metrics.contains(&format!("login_refused{{registry=\"{host}\"}}")), "{metrics}");
    let expires = format!("regcred_login_expires_timestamp_seconds{{registry=\"{}\"}} 9999999999\n", registry.host);
    assert!(metrics.contains(&expires), "{metrics}");
    says_no_value(&installed, &replica);
}

#[test]
fn a_namespace_that_takes_no_secret_counts_as_failing_and_the_answers_are_counted() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let installed = Installed::confined(bench);
    let namespace = installed.namespace();
    let replica = installed.start(&[]);
    Bench::wait("the namespace", || installed.is_served(&namespace, "canary-of-old"));
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": {"count/secrets": "0"}}});
    bench.kubectl(&["apply", "-n", &namespace, "-f", "-"], &quota.to_string()).succeeded();
    let probe = ["create", "secret", "generic", "probe", "-n", &namespace, "--dry-run=server"];
    Bench::wait("the quota", || bench.kubectl(&probe, "").status != 0);
    bench.kubectl(&["delete", "secret", &installed.owner, "-n", &namespace], "").succeeded();
    let counts = |metric: &str| replica.answer("/metrics").1.contains(metric);
    Bench::wait("the metric", || counts("regcred_namespaces{state=\"failing\"} 1\n"));
    let answers = |code: u16| format!("regcred_api_calls_total{{verb=\"patch\",code=\"{code}\"}}");
    assert!(counts(&answers(403)), "{}", replica.answer("/metrics").1);
    assert!(counts("regcred_writes_total{kind=\"apply\",result=\"failed\"}"));
    bench.kubectl(&["delete", "resourcequota", "none", "-n", &namespace], "").succeeded();
    Bench::wait("the namespace to be served again", || installed.is_served(&namespace, "canary-of-old"));
    Bench::wait("the metric to fall", || counts("regcred_namespaces{state=\"failing\"} 0\n"));
    says_no_value(&installed, &replica);
}

#[test]
fn connections_that_are_cut_without_a_word_are_made_again() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let installed = Installed::confined(bench);
    let wire = installed.by_wire();
    let first = installed.namespace();
    let replica = installed.start(&["--timeout", "5s"]);
    Bench::wait("the namespace", || installed.is_served(&first, "canary-of-old"));
    wire.cut();
    let (began, second) = (Instant::now(), installed.namespace());
    // A watch is cut after 55 seconds without a byte, and the next one starts somewhat later.
    while !installed.is_served(&second, "canary-of-old") {
        assert!(began.elapsed() < Duration::from_secs(75), "{}", replica.log());
    }
    println!("after a cut the next namespace was served in {:?}", began.elapsed());
    assert_eq!(replica.answer("/healthz").0, 200);
    assert!(replica.answer("/metrics").1.contains("regcred_leader 1\n"));
}

#[test]
fn a_pull_secret_that_the_account_may_not_write_keeps_no_other_from_being_served() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let installed = Installed::confined(bench);
    let first = installed.namespace();
    let replica = installed.start(&[]);
    Bench::wait("the namespace", || installed.is_served(&first, "canary-of-old"));
    let config = std::fs::read_to_string(installed.path("config/regcred.yaml")).unwrap();
    let more = format!(
        "  - name: another\n    logins: [{{dockerConfig: {{secret: {0}-src}}}}]\n    namespaces: {{include: [\"{0}-*\"]}}\n",
        installed.owner
    );
    installed.swap("config", "regcred.yaml", &config.replace("  pullSecrets:\n", &format!("  pullSecrets:\n{more}")));
    replica.says("the mounted files have changed");
    replica.says("the API server refuses it (403)");
    let second = installed.namespace();
    Bench::wait("the new namespace", || installed.is_served(&second, "canary-of-old"));
    installed.mount_login(NEW);
    Bench::wait("the rotation", || [&first, &second].iter().all(|name| installed.is_served(name, "canary-of-new")));
    assert_eq!(installed.references(&second), [installed.owner.as_str()]);
}
