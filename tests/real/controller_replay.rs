//! Replays the recorded traces of the state machine on the real API server: each step is a call of kubectl, a signal or a new replica.

#[expect(dead_code, reason = "only the model reads every field of a step")]
#[path = "../../crates/core/tests/controller/traces.rs"]
mod traces;

use serde_json::json;

use crate::harness::bench::Bench;
use crate::harness::controller::{Installed, NEW, Replica};
use traces::{Step, TRACES};

/// The state of a namespace that the other writers want.
#[derive(Clone, Copy, Default)]
struct Space {
    exists: bool,
    is_excluded: bool,
    is_foreign: bool,
}

struct Replay {
    // The replicas are dropped before the folder with their logs, which a failed test prints.
    replica: Option<Replica>,
    /// The replicas that have ended.
    ended: Vec<Replica>,
    installed: Installed,
    spaces: [Space; 3],
    password: &'static str,
    /// How many writes of the replica the trace has seen end.
    writes: usize,
    /// How a replica ends: by SIGKILL, or by SIGSTOP if its writes are to arrive late.
    signal: &'static str,
}

impl Replay {
    fn name(&self, at: usize) -> String {
        format!("{}-{}", self.installed.owner, ["a", "b", "c"][at])
    }

    fn kubectl(&self, arguments: &[&str], stdin: &str) {
        self.installed.bench.kubectl(arguments, stdin).succeeded();
    }

    /// A step of somebody else, which happens in the cluster.
    fn happens(&mut self, step: Step) {
        let owner = self.installed.owner.clone();
        let in_space = |at: usize| self.name(at);
        match step {
            Step::Create(at) => {
                let name = in_space(at);
                self.kubectl(&["create", "namespace", &name], "");
                self.spaces[at] = Space { exists: true, ..Space::default() };
            }
            Step::Account(at, _) => {
                let name = in_space(at);
                let get = ["get", "serviceaccount", "default", "-n", &name];
                Bench::wait("the ServiceAccount", || self.installed.bench.kubectl(&get, "").status == 0);
            }
            Step::Delete(at) => {
                let name = in_space(at);
                self.kubectl(&["delete", "namespace", &name], "");
                self.spaces[at].exists = false;
            }
            Step::Exclude(at) => {
                let is_excluded = !self.spaces[at].is_excluded;
                let annotation = if is_excluded { "regcred.dev/exclude=true" } else { "regcred.dev/exclude-" };
                self.kubectl(&["annotate", "namespace", &in_space(at), annotation], "");
                self.spaces[at].is_excluded = is_excluded;
            }
            Step::Foreign(at) => {
                let name = in_space(at);
                let create = ["create", "secret", "docker-registry", &owner, "-n", &name, "--docker-server=quay.io"];
                self.kubectl(&[&create[..], &["--docker-username=them", "--docker-password=theirs"]].concat(), "");
                self.spaces[at].is_foreign = true;
            }
            Step::DeleteSecret(at) => {
                self.kubectl(&["delete", "secret", &owner, "-n", &in_space(at), "--ignore-not-found"], "");
            }
            Step::Drift(at) => {
                let patch = json!({"data": {".dockerconfigjson": "e30="}}).to_string();
                self.kubectl(&["patch", "secret", &owner, "-n", &in_space(at), "-p", &patch], "");
            }
            Step::Refer(at, _) => {
                let name = in_space(at);
                let mut entries = self.installed.references(&name);
                entries.push("theirs".to_owned());
                self.refer(&name, &entries);
            }
            Step::Unrefer(at, _) => {
                let name = in_space(at);
                let mut entries = self.installed.references(&name);
                entries.retain(|entry| *entry != owner);
                self.refer(&name, &entries);
            }
            _ => self.of_the_replica(step),
        }
    }

    fn refer(&self, namespace: &str, entries: &[String]) {
        let entries: Vec<_> = entries.iter().map(|name| json!({"name": name})).collect();
        let patch = json!({"imagePullSecrets": entries}).to_string();
        self.kubectl(&["patch", "serviceaccount", "default", "-n", namespace, "--type=merge", "-p", &patch], "");
    }

    /// A step of the replica, or a fault.
    fn of_the_replica(&mut self, step: Step) {
        match step {
            // It sees and begins by itself.
            Step::See(_) | Step::Begin => {}
            // The first write of a namespace adds the reference, the second one makes the Secret.
            Step::End(_) => {
                self.writes += 1;
                let spaces = 0..self.spaces.len();
                let chosen = spaces.filter(|at| self.spaces[*at].exists && !self.spaces[*at].is_excluded);
                let names: Vec<_> = chosen.map(|at| self.name(at)).collect();
                let is_done = |name: &String| {
                    self.installed.references(name).contains(&self.installed.owner)
                        && (self.writes < 2 || self.installed.login(name).is_some())
                };
                Bench::wait("a write", || names.iter().all(is_done));
            }
            Step::Rotate => {
                self.installed.mount_login(NEW);
                self.password = "canary-of-new";
            }
            Step::Late(_) => {
                if let Some(replica) = self.ended.first() {
                    replica.signal("-CONT");
                }
            }
            Step::Unheard(_) | Step::Crash | Step::CrashToStale(_) | Step::Miss(_) | Step::BeginStale(..) => {
                self.kill();
                self.start();
            }
            _ => unreachable!("{step:?} is a step of somebody else"),
        }
    }

    /// Ends the replica. The next one need not wait for the Lease of a killed one. A stopped one goes on later, so its Lease has to run out.
    fn kill(&mut self) {
        let Some(replica) = self.replica.take() else { return };
        replica.signal(self.signal);
        self.ended.push(replica);
        if self.signal == "-KILL" {
            let lease = format!("regcred-{}", self.installed.owner);
            self.kubectl(&["delete", "lease", &lease, "-n", &self.installed.system, "--ignore-not-found"], "");
        }
    }

    fn start(&mut self) {
        self.writes = 0;
        self.replica = Some(self.installed.start(&[]));
    }

    /// The cluster is as it should be.
    fn is_right(&self) -> bool {
        let owner = &self.installed.owner;
        self.spaces.iter().enumerate().filter(|(_, space)| space.exists).all(|(at, space)| {
            let name = self.name(at);
            let (login, refers) = (self.installed.login(&name), self.installed.references(&name));
            let count = refers.iter().filter(|one| *one == owner).count();
            match (space.is_excluded, space.is_foreign) {
                (true, _) => login.is_none() && count == 0,
                (false, true) => login.is_some_and(|login| login.contains("theirs")) && count == 1,
                (false, false) => login.is_some_and(|login| login.contains(self.password)) && count == 1,
            }
        })
    }
}

/// Whether a step belongs to somebody else, and the next step of the replica is a fault that hides it.
fn is_missed(rest: &[Step]) -> bool {
    let is_fault = |step: &Step| matches!(step, Step::Miss(_) | Step::BeginStale(..) | Step::CrashToStale(_));
    let of_the_replica = |step: &&Step| matches!(step, Step::See(_) | Step::Begin | Step::End(_)) || is_fault(step);
    rest.iter().find(of_the_replica).is_some_and(is_fault)
}

#[test]
fn every_kept_trace_ends_in_what_is_wanted_on_the_real_api_server() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    for (name, steps) in TRACES {
        println!("{name}");
        let installed = Installed::confined(bench);
        let signal = if steps.iter().any(|step| matches!(step, Step::Late(_))) { "-STOP" } else { "-KILL" };
        let (spaces, password) = ([Space::default(); 3], "canary-of-old");
        let mut replay = Replay { installed, spaces, password, replica: None, writes: 0, signal, ended: Vec::new() };
        replay.start();
        for (at, step) in steps.iter().enumerate() {
            if is_missed(&steps[at..]) {
                replay.kill();
            }
            replay.happens(*step);
        }
        if replay.replica.is_none() {
            replay.start();
        }
        Bench::wait(name, || replay.is_right());
        // It stays so, also when every replica that was stopped goes on.
        for replica in replay.ended.iter().filter(|_| signal == "-STOP") {
            replica.signal("-CONT");
        }
        let late = replay.installed.namespace();
        Bench::wait("a new namespace", || replay.installed.is_served(&late, replay.password));
        assert!(replay.is_right(), "{name}");
    }
}
