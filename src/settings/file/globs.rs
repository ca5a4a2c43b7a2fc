//! Counts the globs for namespaces in regcred.yaml, and the names they are tried on.

use super::{Cluster, Namespaces, PullSecret, Spec};
use regcred_core::names::NamespacePattern;

/// The longest list of names of namespaces.
pub fn longest_list(spec: &Spec) -> usize {
    let names = |namespaces: &Namespaces| namespaces.include.iter().filter_map(NamespacePattern::name).count();
    let secrets = |all: &[PullSecret]| all.iter().map(|one| names(&one.namespaces)).max();
    let of = |cluster: &Cluster| {
        let own = cluster.namespaces.as_ref().map(names);
        own.max(secrets(cluster.pull_secrets.as_deref().unwrap_or_default()))
    };
    spec.clusters.iter().filter_map(of).chain(secrets(&spec.pull_secrets)).max().unwrap_or_default()
}

/// The number of globs for namespaces that a run tries, in all clusters together. Each alternative in braces is one.
pub fn globs(spec: &Spec) -> usize {
    let in_list = |list: &[NamespacePattern]| list.iter().map(NamespacePattern::globs).sum::<usize>();
    let in_one = |namespaces: &Namespaces| in_list(&namespaces.include) + in_list(&namespaces.exclude);
    let in_all = |list: &[PullSecret]| list.iter().map(|one| in_one(&one.namespaces)).sum::<usize>();
    let common = in_all(&spec.pull_secrets);
    let in_cluster = |cluster: &Cluster| {
        let own = cluster.pull_secrets.as_ref().unwrap_or(&spec.pull_secrets);
        let in_own = cluster.pull_secrets.as_deref().map_or(0, in_all);
        common + in_own + cluster.namespaces.as_ref().map_or(0, in_one) * own.len().max(1)
    };
    spec.clusters.iter().map(in_cluster).sum::<usize>().max(common)
}
