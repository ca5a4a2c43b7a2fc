//! Disturbs `regcred controller` on the real API server: it must lose nothing, change no foreign object, and request no token.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::harness::bench::{self, Bench};
use crate::harness::controller::{Installed, NEW, Replica};
use crate::harness::requests::Requests;
use crate::harness::rivals::{add, names, namespace, watch_accounts, writer};
use crate::harness::served::{
    are_served, asked_only_for_its_own, logins, many, namespaces, references, requests, wait_minutes, writes,
};

#[test]
fn an_api_server_that_streams_no_lists_is_asked_for_lists_by_name_with_a_role_of_its_own() {
    let Some(bench) = Bench::without_streamed_lists() else { return };
    let installed = Installed::confined_since(bench, "1.33");
    let early = installed.namespace();
    let replica = installed.start(&[]);
    Bench::wait("the first namespace", || installed.is_served(&early, "canary-of-old"));
    let late = installed.namespace();
    Bench::wait("the new namespace", || installed.is_served(&late, "canary-of-old"));
    installed.mount_login(NEW);
    Bench::wait("the rotation", || [&early, &late].iter().all(|name| installed.is_served(name, "canary-of-new")));
    bench.kubectl(&["delete", "secret", &installed.owner, "-n", &late], "").succeeded();
    Bench::wait("the deleted Secret", || installed.is_served(&late, "canary-of-new"));
    assert_eq!(replica.answer("/readyz").0, 200);
    let mut lists = 0;
    for (verb, resource, request) in requests(&installed) {
        let uri = request["requestURI"].as_str().unwrap();
        assert!(verb != "get" || resource == "leases" || resource.is_empty(), "{request}");
        assert!(
            verb != "list" && verb != "watch" || resource == "namespaces" || uri.contains("metadata.name%3D"),
            "{uri}"
        );
        lists += usize::from(verb == "list");
    }
    assert!(lists >= 3, "{lists}");

    // Without the right to list, it reports what it lacks.
    let role = format!("regcred-{}", installed.owner);
    let mut rules = bench.get(&["clusterrole", &role])["rules"].clone();
    for rule in rules.as_array_mut().unwrap() {
        rule["verbs"].as_array_mut().unwrap().retain(|verb| verb != "list");
    }
    let patch = json!({"rules": rules}).to_string();
    bench.kubectl(&["patch", "clusterrole", &role, "--type=merge", "-p", &patch], "").succeeded();
    let account = format!("system:serviceaccount:{}:{role}", installed.system);
    Bench::wait("the role to be in force", || {
        bench.kubectl(&["auth", "can-i", "list", "namespaces", "--as", &account], "").status != 0
    });
    let other = installed.start(&[]);
    other.says("before Kubernetes 1.34 it needs the right to list, which --kube-version 1.33 grants");
    assert_eq!(other.answer("/readyz").0, 503);
}

/// Starts a replica that leads at once: the test does not wait until the Lease of a killed replica expires.
fn start_alone(installed: &Installed) -> Replica {
    let lease = format!("regcred-{}", installed.owner);
    Bench::wait("the lease to be gone", || {
        let delete = ["delete", "lease", &lease, "-n", &installed.system, "--ignore-not-found"];
        installed.bench.kubectl(&delete, "").status == 0
    });
    installed.start(&[])
}

#[test]
fn a_replica_that_is_killed_in_any_phase_is_completed_by_the_next_one_and_so_is_a_killed_api_server() {
    let Some(bench) = Bench::alone() else { return };
    let installed = Installed::confined(bench);
    let all = namespaces(&installed, many(100));
    let somebody = writer(bench, "somebody");
    for namespace in &all {
        add(&somebody, namespace, "theirs");
    }
    let (foreign, ours) = all.split_first().unwrap();
    let theirs = ["create", "secret", "docker-registry", &installed.owner, "-n", foreign, "--docker-server=quay.io"];
    bench.kubectl(&[&theirs[..], &["--docker-username=them", "--docker-password=theirs"]].concat(), "").succeeded();
    bench.kubectl(&["create", "secret", "generic", "other", "-n", &ours[0]], "").succeeded();
    let untouched = || {
        let version = |name: &str, namespace: &str| {
            bench.get(&["secret", name, "-n", namespace])["metadata"]["resourceVersion"].as_str().unwrap().to_owned()
        };
        [version(&installed.owner, foreign), version("other", &ours[0])]
    };
    let before = untouched();
    // Kills it after its first write, or after this many quarters of a phase's writes; if no write is left, after some seconds.
    let kill = |quarters: &[usize], of: usize| {
        for quarter in quarters {
            let (so_far, began) = (writes(&installed), Instant::now());
            let replica = start_alone(&installed);
            Bench::wait("some writes", || {
                writes(&installed) > so_far + quarter * of / 4 || began.elapsed() > Duration::from_secs(10)
            });
            replica.signal("-KILL");
            println!("killed after {} of {of} writes", writes(&installed) - so_far);
        }
    };

    kill(&[0, 1, 1], 2 * ours.len());
    let replica = start_alone(&installed);
    Bench::wait("the first pass", || are_served(&installed, ours, "canary-of-old"));
    replica.signal("-KILL");

    installed.mount_login(NEW);
    kill(&[0, 1], ours.len());
    let replica = start_alone(&installed);
    Bench::wait("the rotation", || are_served(&installed, ours, "canary-of-new"));
    replica.signal("-KILL");

    // The next replica has no earlier state, and every namespace is excluded.
    let annotate = |annotation: &str| {
        let names = ours.iter().map(String::as_str);
        let arguments: Vec<_> = ["annotate", "namespaces"].into_iter().chain(names).chain([annotation]).collect();
        bench.kubectl(&arguments, "").succeeded();
    };
    annotate("regcred.dev/exclude=true");
    kill(&[0, 1, 2], 2 * ours.len());
    let replica = start_alone(&installed);
    Bench::wait("the exclusion", || logins(&installed).len() == 1);
    let theirs = |(_, list): (String, Vec<String>)| list == ["theirs"];
    assert!(references(&installed).into_iter().filter(|(name, _)| name != foreign).all(theirs));

    // Everything is served again while the API server is killed.
    let so_far = writes(&installed);
    annotate("regcred.dev/exclude-");
    Bench::wait("some writes", || writes(&installed) > so_far + ours.len() / 4);
    bench.kill_the_api_server();
    wait_minutes("all namespaces", || are_served(&installed, ours, "canary-of-new"));
    for (namespace, list) in references(&installed) {
        let ours = if namespace == *foreign { vec![] } else { vec![installed.owner.clone()] };
        assert!(list[0] == "theirs" && (namespace == *foreign || list[1..] == ours), "{namespace}: {list:?}");
    }
    assert_eq!(untouched(), before);
    assert_eq!(replica.answer("/healthz").0, 200);
    asked_only_for_its_own(&installed);
}

fn create(creator: &Requests, namespace: &str) -> u16 {
    let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
    creator.send("POST", "/api/v1/namespaces", "json", &object).0
}

/// Ends the other writers, also if the test fails.
struct End<'a>(&'a AtomicBool, &'a Requests);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        create(self.1, "the-end");
    }
}

#[test]
fn in_a_storm_of_other_writers_every_new_namespace_is_served_and_no_entry_of_others_is_dropped() {
    const A_SECOND: u32 = 100;
    let Some(bench) = Bench::alone() else { return };
    let installed = Installed::confined(bench);
    let leaving = namespaces(&installed, many(50));
    let replicas = [installed.start(&[]), installed.start(&[])];
    for replica in &replicas {
        replica.says("policies confine this account");
    }
    Bench::wait("the first namespaces", || are_served(&installed, &leaving, "canary-of-old"));
    let prefix = format!("{}-new-", installed.owner);
    let all: Vec<_> = (0..many(200)).map(|number| format!("{prefix}{number:05}")).collect();
    let [creator, openshift, second] = ["creator", "openshift", "second"].map(|user| writer(bench, user));
    let (created, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (mut asked, mut had, mut dropped) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    let began = Instant::now();
    thread::scope(|scope| {
        let end = End(&over, &creator);
        // Like OpenShift's controller, which mints a token for each list that lacks its entry.
        scope.spawn(|| {
            watch_accounts(bench, |states| {
                for state in states.iter().filter(|state| namespace(state).starts_with(&prefix)) {
                    let place = namespace(state);
                    let has = names(&state["imagePullSecrets"]).contains(&"openshift".to_owned());
                    match (has, asked.insert(place.clone())) {
                        (true, _) => drop(had.insert(place)),
                        (false, true) => add(&openshift, &place, "openshift"),
                        // States from before its own write arrive after it.
                        (false, false) if had.contains(&place) => dropped.push(place),
                        (false, false) => {}
                    }
                }
                over.load(Ordering::Relaxed) && states.iter().any(|state| namespace(state) == "the-end")
            });
        });
        // A second writer edits the same ServiceAccounts all the time: their annotations, and their lists.
        scope.spawn(|| {
            for round in 0.. {
                let names = &all[..created.load(Ordering::Relaxed)];
                for name in names {
                    let path = format!("/api/v1/namespaces/{name}/serviceaccounts/default");
                    let annotation = json!({"metadata": {"annotations": {"round": round.to_string()}}});
                    second.send("PATCH", &path, "merge-patch+json", &annotation);
                    let entry = json!([{"op": "add", "path": "/imagePullSecrets/0", "value": {"name": format!("second-{round}")}}]);
                    second.send("PATCH", &path, "json-patch+json", &entry);
                    if over.load(Ordering::Relaxed) {
                        return;
                    }
                }
            }
        });
        for (name, number) in all.iter().zip(0..) {
            while began.elapsed() < Duration::from_secs(1) * number / A_SECOND {
                thread::yield_now();
            }
            assert_eq!(create(&creator, name), 201);
            created.fetch_add(1, Ordering::Relaxed);
            if let Some(leaving) = leaving.get(number as usize / 4).filter(|_| number % 4 == 0) {
                assert_eq!(creator.send("DELETE", &format!("/api/v1/namespaces/{leaving}"), "json", &json!({})).0, 200);
            }
        }
        println!("{} namespaces were created in {:?}", all.len(), began.elapsed());
        wait_minutes("all namespaces", || are_served(&installed, &all, "canary-of-old"));
        println!("and served after {:?}", began.elapsed());
        wait_minutes("the deletions", || references(&installed).len() == all.len());
        drop(end);
    });
    assert!(dropped.is_empty(), "the entry was dropped in {dropped:?}");
    for (namespace, list) in references(&installed) {
        let once: BTreeSet<_> = list.iter().collect();
        assert!(once.len() == list.len() && list.contains(&"openshift".to_owned()), "{namespace}: {list:?}");
    }
    let is_refused = |(verb, _, request): &(String, String, Value)| {
        verb == "patch" && [409, 422].contains(&request["responseStatus"]["code"].as_u64().unwrap())
    };
    println!("{} writes came too late", requests(&installed).iter().filter(|request| is_refused(request)).count());
    asked_only_for_its_own(&installed);
}

#[test]
fn a_token_that_expires_is_replaced_by_the_one_that_is_mounted_next() {
    let Some(bench) = Bench::alone() else { return };
    let installed = Installed::confined(bench);
    installed.by_token_file();
    let first = installed.namespace();
    let replica = installed.start(&[]);
    Bench::wait("the namespace", || installed.is_served(&first, "canary-of-old"));
    // The tokens of a recreated account are void, like expired ones.
    let account = format!("regcred-{}", installed.owner);
    bench.kubectl(&["delete", "serviceaccount", &account, "-n", &installed.system], "").succeeded();
    bench.kubectl(&["create", "serviceaccount", &account, "-n", &installed.system], "").succeeded();
    replica.says("does not accept the kubeconfig's login (401)");
    let second = installed.namespace();
    // A file is read again once a minute. In between it holds nonsense.
    bench::write(&installed.path("token"), "nonsense");
    installed.mount_token();
    wait_minutes("the new namespace", || installed.is_served(&second, "canary-of-old"));
    assert_eq!(replica.answer("/healthz").0, 200);
    assert!(!replica.log().contains("nonsense") && !replica.log().contains("canary"));
}

#[test]
fn a_clock_that_jumps_elects_no_second_leader() {
    let Some(bench) = Bench::alone() else { return };
    let installed = Installed::confined(bench);
    let library = installed.path("clock.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/harness/clock.c");
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source).status().unwrap();
    assert!(built.success());
    let clocks = ["clock-1", "clock-2"].map(|name| installed.path(name));
    let set = |clock: &Path, hours: i64| bench::write(clock, &(hours * 3600).to_string());
    let start = |clock: &Path| installed.start_with(&[], &[("LD_PRELOAD", &library), ("CLOCK_FILE", clock)]);
    for clock in &clocks {
        set(clock, 0);
    }
    let leader = start(&clocks[0]);
    leader.says("this replica leads");
    let waiting = start(&clocks[1]);
    waiting.says("policies confine this account");
    let lease =
        || bench.get(&["lease", &format!("regcred-{}", installed.owner), "-n", &installed.system])["spec"].clone();
    let holder = lease()["holderIdentity"].clone();
    let now = || i64::try_from(SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap();
    let renewed = || lease()["renewTime"].as_str().unwrap().parse::<Timestamp>().unwrap().as_second();
    for (of_the_leader, of_the_other) in [(0, 2), (2, 0), (1, -1), (0, 0)] {
        set(&clocks[0], of_the_leader);
        set(&clocks[1], of_the_other);
        for _ in 0..2 {
            let before = lease()["renewTime"].clone();
            Bench::wait("a renewal", || lease()["renewTime"] != before);
        }
        let ahead = renewed() - now() - of_the_leader * 3600;
        assert!((-60..=60).contains(&ahead), "the clock did not move: {ahead}");
        assert_eq!(lease()["holderIdentity"], holder);
        assert_eq!(lease()["leaseTransitions"], 0);
        let namespace = installed.namespace();
        Bench::wait("the namespace", || installed.is_served(&namespace, "canary-of-old"));
    }
    assert!(!waiting.log().contains("this replica leads") && !leader.log().contains("another replica leads"));
    leader.signal("-KILL");
    waiting.says("this replica leads");
}
