//! The pages of `docs/`, run: every command of their console blocks, by the real tools on the real API server.

#![cfg(test)]

#[cfg(test)]
#[expect(dead_code, reason = "other tests use the rest")]
mod bench;
#[cfg(test)]
mod console;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bench::{Bench, Program};

/// Pages whose commands need tools, but no cluster; and the tools.
const WITHOUT_CLUSTER: &[(&str, &[&str])] = &[
    ("argocd.md", &[]),
    ("coming-from.md", &[]),
    ("flux.md", &["kustomize"]),
    ("gitlab.md", &[]),
    ("helmfile.md", &["helm", "helmfile"]),
];
/// Pages whose commands are run on a cluster.
const WITH_CLUSTER: &[&str] = &["helm.md", "kubectl.md", "troubleshooting.md"];

fn page(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)
}

#[test]
fn every_page_with_commands_is_run() {
    let run: BTreeSet<_> = WITHOUT_CLUSTER.iter().map(|(name, _)| *name).chain(WITH_CLUSTER.iter().copied()).collect();
    for entry in fs::read_dir(page("")).unwrap() {
        let path = entry.unwrap().path();
        let has_commands = fs::read_to_string(&path).unwrap().contains("```console\n");
        let name = path.file_name().unwrap().to_str().unwrap();
        assert_eq!(has_commands, run.contains(name), "{name}");
    }
}

#[test]
fn the_commands_that_need_no_cluster_say_what_comes_out() {
    for (name, needed) in WITHOUT_CLUSTER {
        let Some(tools) = bench::tools(needed) else { continue };
        console::compare(&page(name), |script| {
            let folder = tempfile::tempdir().unwrap();
            let own = Path::new(env!("CARGO_BIN_EXE_regcred")).parent().unwrap();
            let path = format!("{}:{}:/usr/local/bin:/usr/bin:/bin", own.display(), tools.display());
            let sh = Program::new(Path::new("/bin/sh")).directory(folder.path()).variable("PATH", path);
            let sh = sh.variable("HOME", folder.path()).variable("HELMFILE_UPGRADE_NOTICE_DISABLED", "1");
            sh.arguments(["-c", script]).run().stdout
        });
    }
}

#[test]
fn the_commands_for_a_cluster_say_what_comes_out() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&["helm"]) else { return };
    for name in WITH_CLUSTER {
        let folder = tempfile::tempdir().unwrap();
        console::compare(&page(name), |script| {
            bench.program("sh").directory(folder.path()).arguments(["-c", script]).run().stdout
        });
    }
}
