//! Checks the order of the modules: a module uses only modules below it in the list.
//!
//! The two tables document which module may use which. A new top-level module is one line in one of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// A crate, its modules from top to bottom, and the uses that break this order and still have to be removed.
struct Rooms {
    folder: &'static str,
    order: &'static [&'static str],
    /// A line that is no longer needed makes the test fail, so this list only shrinks.
    left: &'static [(&'static str, &'static str)],
}

const BINARY: Rooms = Rooms {
    folder: "src",
    order: &[
        // The program, and its output for people.
        "main",
        "commands",
        "cli",
        // The controller.
        "controller",
        // Requests to registries.
        "registry",
        // Manifests that are read.
        "krm",
        // The output, and its protection.
        "files",
        "protect",
        "templates",
        // The settings.
        "settings",
        "credentials",
        // The world: standard error, variables, programs, signals, memory.
        "report",
        "program",
        "environment",
        "interrupt",
        "memory",
    ],
    left: &[],
};

const CLUSTER: Rooms = Rooms {
    folder: "crates/cluster/src",
    order: &[
        "controller",
        "execute",
        "explain",
        "owned",
        "stuck",
        "policy",
        "pods",
        "read",
        "connect",
        "kubeconfig",
        "rights",
        "failure",
        "path",
        "server",
        "pause",
        "body",
        "call",
        "threads",
    ],
    left: &[],
};

const CORE: Rooms = Rooms {
    folder: "crates/core/src",
    order: &[
        "controller",
        "explain",
        "cluster",
        "plan",
        "inject",
        "objects",
        "spec",
        "registry",
        "confine",
        "credentials",
        "docker_config",
        "recipient",
        "manifest",
        "names",
        "diagnostic",
        "nearest",
    ],
    left: &[],
};

fn root() -> PathBuf {
    env!("CARGO_MANIFEST_DIR").into()
}

/// The Rust files of a folder, without their unit tests and comments, by the path in that folder.
fn sources(folder: &str) -> BTreeMap<PathBuf, String> {
    let (top, mut left, mut sources) = (root().join(folder), vec![root().join(folder)], BTreeMap::new());
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            let text = fs::read_to_string(&path).unwrap();
            sources.insert(path.strip_prefix(&top).unwrap().to_owned(), without_tests(&text).to_owned());
        }
    }
    sources
}

fn without_tests(text: &str) -> &str {
    text.split("\n#[cfg(test)]\nmod tests").next().unwrap()
}

/// The top-level module that a file belongs to.
fn room(path: &Path) -> String {
    path.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned()
}

/// The uses of each module, by path: `crate::name`, `crate::{name, …}`, and as many `super` as lead to the top.
fn uses(sources: &BTreeMap<PathBuf, String>) -> BTreeSet<(String, String)> {
    let rooms: BTreeSet<_> = sources.keys().map(|path| room(path)).collect();
    let of_crate = Regex::new(r"\b(?:crate|regcred)::(?:(\w+)|\{((?:[^{}]|\{[^}]*\})*)\})").unwrap();
    let first_names = Regex::new(r"(?:^|,)\s*(\w+)").unwrap();
    let nested = Regex::new(r"\{[^}]*\}").unwrap();
    let of_super = Regex::new(r"\b((?:super::)+)(\w+)").unwrap();
    let mut found = BTreeSet::new();
    for (path, text) in sources {
        let code: String =
            text.lines().filter(|line| !line.trim_start().starts_with("//")).map(|l| l.to_owned() + "\n").collect();
        let is_a_folder = path.file_name().unwrap() == "mod.rs";
        let depth = path.iter().count() - usize::from(is_a_folder);
        let mut names = BTreeSet::new();
        for uses in of_crate.captures_iter(&code) {
            names.extend(uses.get(1).map(|name| name.as_str().to_owned()));
            let group = uses.get(2).map_or("", |group| group.as_str());
            let group = nested.replace_all(group, "").into_owned();
            names.extend(first_names.captures_iter(&group).map(|name| name[1].to_owned()));
        }
        let to_the_top = of_super.captures_iter(&code).filter(|uses| uses[1].matches("super").count() == depth);
        names.extend(to_the_top.map(|uses| uses[2].to_owned()));
        let own = room(path);
        found.extend(
            names.into_iter().filter(|name| rooms.contains(name) && *name != own).map(|name| (own.clone(), name)),
        );
    }
    found
}

fn check(rooms: &Rooms) {
    let mut sources = sources(rooms.folder);
    // This file only lists the modules.
    sources.remove(Path::new("lib.rs"));
    let place = |name: &str| {
        let place = rooms.order.iter().position(|room| *room == name);
        place.unwrap_or_else(|| panic!("`{name}` of {} has no place in the order: add it to this test", rooms.folder))
    };
    let against: BTreeSet<_> = uses(&sources).into_iter().filter(|(user, used)| place(user) > place(used)).collect();
    let left: BTreeSet<_> = rooms.left.iter().map(|(user, used)| ((*user).to_owned(), (*used).to_owned())).collect();
    let new: Vec<_> = against.difference(&left).collect();
    assert!(new.is_empty(), "{}: against the order of the modules, each uses one above it: {new:?}", rooms.folder);
    let gone: Vec<_> = left.difference(&against).collect();
    assert!(gone.is_empty(), "{}: these uses are gone; remove them from the list in this test: {gone:?}", rooms.folder);
}

#[test]
fn the_modules_of_the_binary_use_only_what_is_below_them() {
    check(&BINARY);
}

#[test]
fn the_modules_of_the_cluster_use_only_what_is_below_them() {
    check(&CLUSTER);
}

#[test]
fn the_modules_of_the_core_use_only_what_is_below_them() {
    check(&CORE);
}

#[test]
fn paths_of_every_form_are_seen() {
    let file = |path: &str, text: &str| (PathBuf::from(path), text.to_owned());
    let sources = BTreeMap::from([
        file("a/mod.rs", "use crate::b::X;\nuse super::d;\n// crate::e\nfn f() { super::super::e() }\n"),
        file("a/deep.rs", "use crate::{c::{X, e}, d};\nuse super::super::b;\nuse super::c;\n"),
        file("b.rs", "fn f() { crate::c::g() }\n"),
        file("c.rs", ""),
        file("d.rs", ""),
        file("e.rs", ""),
    ]);
    let pair = |user: &str, used: &str| (user.to_owned(), used.to_owned());
    let expected = [pair("a", "b"), pair("a", "c"), pair("a", "d"), pair("b", "c")];
    assert_eq!(uses(&sources), expected.into());
}

/// The limit for lines of Rust without unit tests, apart from those for a live cluster.
const LINES: usize = 27_395;
/// The modules for a live cluster, which are counted separately.
const LIVE: &[&str] = &[
    "crates/cluster/src",
    "crates/core/src/cluster",
    "crates/core/src/controller",
    "crates/core/src/credentials/as_kubelet.rs",
    "crates/core/src/explain",
    "crates/core/src/inject/listed.rs",
    "crates/core/src/registry",
    "src/cli/cluster.rs",
    "src/cli/controller.rs",
    "src/cli/explanation.rs",
    "src/cli/in_cluster.rs",
    "src/cli/online.rs",
    "src/cli/status.rs",
    "src/commands/cluster",
    "src/commands/controller.rs",
    "src/commands/kubeconfig.rs",
    "src/commands/online.rs",
    "src/controller",
    "src/credentials/mounted.rs",
    "src/files/chart/controller.rs",
    "src/files/in_cluster.rs",
    "src/registry",
    "src/settings/controller.rs",
    "src/settings/file/controller.rs",
    "src/settings/grant.rs",
];
/// The limit for the lines of a file.
const LINES_OF_A_FILE: usize = 300;

#[test]
fn the_code_stays_small() {
    let (mut all, mut live) = (0, 0);
    let mut long: BTreeSet<String> = BTreeSet::new();
    for folder in [BINARY.folder, CLUSTER.folder, CORE.folder] {
        for (path, code) in sources(folder) {
            let counted = if LIVE.iter().any(|live| root().join(folder).join(&path).starts_with(root().join(live))) {
                &mut live
            } else {
                &mut all
            };
            *counted += code.lines().count();
            let lines = fs::read_to_string(root().join(folder).join(&path)).unwrap().lines().count();
            if lines > LINES_OF_A_FILE {
                long.insert(format!("{folder}/{}", path.display()));
            }
        }
    }
    println!("{all} lines of Rust without unit tests, and {live} for a live cluster");
    assert!(all <= LINES, "{all} lines of Rust without unit tests: the limit is {LINES}");
    assert!(long.is_empty(), "files over {LINES_OF_A_FILE} lines: {long:?}");
}
