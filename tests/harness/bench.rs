//! Gives tests the real programs and one running control plane.

use std::env;
use std::io::{self, Write};
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use super::cluster::Cluster;
use super::confined::Accounts;
use super::node::{self, Node};
pub use super::program::{Program, Run};
use super::sealed_secrets::Controller;
use super::turns;

const CONTROL_PLANE: &str = "regcred-control-plane";

/// The time limit for anything to become true.
const LIMIT: Duration = Duration::from_secs(60);

/// The tools, and a cluster to use them on.
pub struct Bench {
    tools: PathBuf,
    cluster: Cluster,
    home: PathBuf,
    /// The Sealed Secrets controller of this cluster, once a test has started it.
    pub controller: OnceLock<Controller>,
    node: OnceLock<Node>,
    /// The accounts that commands have run as.
    pub accounts: Accounts,
}

impl Bench {
    /// The bench with these tools; the first test that asks starts it.
    ///
    /// `None` if a tool is missing: stderr says so, and in CI it is a failure.
    pub fn with(tools: &[&str]) -> Option<&'static Self> {
        static BENCH: OnceLock<Bench> = OnceLock::new();
        let there = cluster_that_is_there();
        let needed =
            ["kubectl"].into_iter().chain(there.is_none().then_some(CONTROL_PLANE)).chain(tools.iter().copied());
        self::tools(&needed.collect::<Vec<_>>()).map(|folder| BENCH.get_or_init(|| Self::start(folder, there, "")))
    }

    /// The bench with these tools for tests that must not use a shared cluster: they use fixed names, reach beyond the namespaces of
    /// a test, or add kinds.
    ///
    /// The tests of one file share this cluster. It ends when the tests of another file begin.
    #[track_caller]
    pub fn with_a_cluster_of_its_own(tools: &[&str]) -> Option<&'static Self> {
        if cluster_that_is_there().is_some() {
            writeln!(io::stderr(), "SKIPPED: not on a cluster that others may use").unwrap();
            return None;
        }
        let folder = self::tools(&[&["kubectl", CONTROL_PLANE], tools].concat())?;
        Some(turns::take(Location::caller().file(), || Self::start(folder, None, "")))
    }

    /// A bench for a single test, not shared even in the same file.
    #[track_caller]
    pub fn alone() -> Option<&'static Self> {
        let folder = self::tools(&["kubectl", CONTROL_PLANE])?;
        // The audit log of this bench has every request.
        Some(turns::take(&Location::caller().to_string(), || Self::start(folder, None, "--audit")))
    }

    /// A bench for a single test, whose API server has this admission configuration.
    #[track_caller]
    pub fn with_admission(configuration: &Path) -> Option<&'static Self> {
        let folder = self::tools(&["kubectl", CONTROL_PLANE])?;
        let start = || Self::start(folder, None, &format!("--admission {}", configuration.display()));
        Some(turns::take(&Location::caller().to_string(), start))
    }

    /// A bench for a single test, whose API server begins no watch with the existing objects, as before Kubernetes 1.34.
    #[track_caller]
    pub fn without_streamed_lists() -> Option<&'static Self> {
        let folder = self::tools(&["kubectl", CONTROL_PLANE])?;
        let start = || Self::start(folder, None, "--audit --feature-gates=WatchList=false");
        Some(turns::take(&Location::caller().to_string(), start))
    }

    /// The answers of the API server of a bench that is `alone`, one per request.
    pub fn requests(&self) -> Vec<Value> {
        let log = self.cluster.kubeconfig.with_file_name("audit.log");
        std::fs::read_to_string(log).unwrap().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Kills the API server without a warning, and waits until it is back.
    pub fn kill_the_api_server(&self) {
        self.cluster.kill();
    }

    /// A bench for this file that a real node has joined: Pods run here, and pull from the node's registry.
    #[track_caller]
    pub fn with_a_node() -> Option<(&'static Self, &'static Node)> {
        if !node::may_start() {
            writeln!(io::stderr(), "SKIPPED: a node can only be started by root").unwrap();
            return None;
        }
        let bench = Self::with_a_cluster_of_its_own(&node::TOOLS)?;
        let node = bench.node.get_or_init(|| {
            let node = Node::start(&bench.cluster.kubeconfig, &bench.tools, env::temp_dir().join(fresh("node")));
            Self::wait("the node to be ready", || {
                let node = bench.kubectl(&["get", "node", "node", "-o", "json"], "");
                node.status == 0 && node::is_ready(&serde_json::from_str(&node.stdout).unwrap())
            });
            node
        });
        Some((bench, node))
    }

    fn start(tools: PathBuf, there: Option<PathBuf>, flag: &str) -> Self {
        let folder = env::temp_dir().join(fresh("bench"));
        let home = folder.join("home");
        std::fs::create_dir_all(&home).unwrap();
        let cluster = match there {
            Some(kubeconfig) => Cluster::that_is_there(kubeconfig, &tools.join("kubectl"), mark(), &folder),
            None => Cluster::of_its_own(&tools.join(CONTROL_PLANE), &folder, flag),
        };
        Self { tools, cluster, home, controller: OnceLock::new(), node: OnceLock::new(), accounts: Accounts::default() }
    }

    /// Ends the cluster and the programs that use it.
    pub fn stop(&self) {
        if let Some(controller) = self.controller.get() {
            controller.stop();
        }
        if let Some(node) = self.node.get() {
            node.stop();
        }
        self.cluster.stop();
    }

    /// One of the tools, with the cluster in its environment. From our environment it gets only a `PATH`, with the tools and `regcred`.
    pub fn program(&self, name: &str) -> Program {
        let own = Path::new(env!("CARGO_BIN_EXE_regcred"));
        let system = ["/usr/local/bin", "/usr/bin", "/bin"].map(PathBuf::from);
        let path =
            env::join_paths([own.parent().unwrap().to_owned(), self.tools.clone()].into_iter().chain(system)).unwrap();
        let executable = match name {
            "regcred" => own.to_owned(),
            "sh" => "/bin/sh".into(),
            tool => self.tools.join(tool),
        };
        Program::new(&executable)
            .directory(&self.home)
            .variable("HOME", &self.home)
            .variable("KUBECONFIG", &self.cluster.kubeconfig)
            .variable("PATH", path)
    }

    /// The path of one of the tools.
    pub fn tool(&self, name: &str) -> PathBuf {
        self.tools.join(name)
    }

    /// The kubeconfig for clients of the cluster.
    pub fn kubeconfig(&self) -> &Path {
        &self.cluster.kubeconfig
    }

    /// A new file of this name, outside of where programs run.
    pub fn file(&self, name: &str) -> PathBuf {
        self.home.with_file_name(name)
    }

    /// `kubectl` with this on its stdin.
    pub fn kubectl(&self, arguments: &[&str], stdin: &str) -> Run {
        self.program("kubectl").arguments(arguments).stdin(stdin).run()
    }

    /// The output of `kubectl get … -o json`.
    pub fn get(&self, arguments: &[&str]) -> Value {
        let output = self.kubectl(&[&["get", "-o", "json"], arguments].concat(), "").succeeded();
        serde_json::from_str(&output).unwrap()
    }

    /// `kubectl apply` with the flags of the documentation.
    pub fn apply(&self, manifests: &str) -> Run {
        self.kubectl(&["apply", "--server-side", "--field-manager=regcred", "-f", "-"], manifests)
    }

    /// `regcred` in an empty directory, with only these variables.
    pub fn regcred(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Run {
        let program = Program::new(Path::new(env!("CARGO_BIN_EXE_regcred"))).directory(&self.home).arguments(arguments);
        variables.iter().fold(program, |program, (name, value)| program.variable(name, value)).run()
    }

    /// New namespaces, each with its `default` ServiceAccount.
    pub fn namespaces<const N: usize>(&self) -> [String; N] {
        let names = std::array::from_fn(|_| fresh("space"));
        let objects: Vec<_> =
            names.iter().map(|name| format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n")).collect();
        self.kubectl(&["create", "-f", "-"], &objects.join("---\n")).succeeded();
        for name in &names {
            Self::wait("the ServiceAccount `default`", || {
                self.kubectl(&["get", "serviceaccount", "default", "-n", name], "").status == 0
            });
        }
        names
    }

    /// Repeats the question until the answer is yes.
    pub fn wait(what: &str, is_so: impl FnMut() -> bool) {
        Self::wait_for(LIMIT, what, is_so);
    }

    /// The same with another time limit.
    pub fn wait_for(limit: Duration, what: &str, mut is_so: impl FnMut() -> bool) {
        let began = Instant::now();
        while !is_so() {
            assert!(began.elapsed() < limit, "still waiting for {what} after {limit:?}");
        }
    }
}

/// A name that no other test uses, with the mark of this run.
pub fn fresh(what: &str) -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("{}{what}-{:04}", mark(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A text that no other test process on the cluster has or had.
fn mark() -> &'static str {
    static MARK: OnceLock<String> = OnceLock::new();
    let seconds = || SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    MARK.get_or_init(|| format!("regcred-{}-{}-", std::process::id(), seconds()))
}

/// The kubeconfig of an existing cluster that the tests should use.
fn cluster_that_is_there() -> Option<PathBuf> {
    setting("REGCRED_USE_KUBECONFIG")?;
    Some(setting("KUBECONFIG").expect("with REGCRED_USE_KUBECONFIG, KUBECONFIG names the cluster").into())
}

/// Writes a file for the test, and creates its folders.
#[expect(clippy::disallowed_methods, reason = "whole or not at all does not matter to a test")]
pub fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// The documents of a stream of YAML or JSON; a `v1/List` is its items.
pub fn documents(text: &str) -> Vec<Value> {
    let documents: Vec<Value> = if text.starts_with('{') {
        serde_json::Deserializer::from_str(text).into_iter().map(Result::unwrap).collect()
    } else {
        serde_saphyr::from_multiple(text).unwrap()
    };
    documents
        .into_iter()
        .flat_map(|document| match document["items"].as_array() {
            Some(items) if document["kind"] == "List" => items.clone(),
            _ => vec![document],
        })
        .collect()
}

/// The places where `found` lacks a part of `wanted`, or differs; the server may add fields, but no entries of a list.
pub fn difference(wanted: &Value, found: &Value) -> Option<String> {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => wanted.iter().find_map(|(key, value)| {
            difference(value, found.get(key).unwrap_or(&Value::Null)).map(|place| format!("/{key}{place}"))
        }),
        (Value::Array(wanted), Value::Array(found)) if wanted.len() == found.len() => {
            wanted.iter().zip(found).enumerate().find_map(|(number, (wanted, found))| {
                difference(wanted, found).map(|place| format!("/{number}{place}"))
            })
        }
        _ => (wanted != found).then(|| format!(": {wanted} is {found}")),
    }
}

/// The folder with these tools, programs or files, for tests that need no cluster.
///
/// `None` if `tests/run` leaves a tool out, or if it is missing: stderr says so, and a missing tool is a failure in CI.
pub fn tools(needed: &[&str]) -> Option<PathBuf> {
    let folder = tools_folder();
    let left_out = setting("REGCRED_LEFT_OUT").unwrap_or_default();
    let left_out: Vec<_> =
        needed.iter().copied().filter(|tool| left_out.split(' ').any(|name| name == *tool)).collect();
    if !left_out.is_empty() {
        writeln!(io::stderr(), "LEFT OUT: {}; tests/run all has it", left_out.join(", ")).unwrap();
        return None;
    }
    let missing: Vec<_> = needed.iter().copied().filter(|tool| !folder.join(tool).exists()).collect();
    if missing.is_empty() {
        return Some(folder);
    }
    let said = format!("{} not in {}: run tests/tools/install", missing.join(", "), folder.display());
    assert!(setting("CI").is_none(), "{said}");
    // Not with `eprintln`, whose output is captured: a skip must be visible.
    writeln!(io::stderr(), "SKIPPED: {said}").unwrap();
    None
}

fn tools_folder() -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let ask = || {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/path");
        let output = Command::new(script).output().unwrap();
        assert!(output.status.success(), "tests/tools/path: {}", String::from_utf8_lossy(&output.stderr));
        PathBuf::from(String::from_utf8(output.stdout).unwrap().trim_end())
    };
    FOLDER.get_or_init(|| setting("REGCRED_TOOLS").map_or_else(ask, PathBuf::from)).clone()
}

#[expect(clippy::disallowed_methods, reason = "what the tests themselves are told")]
pub fn setting(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
