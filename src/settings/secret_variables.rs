//! What child processes do not see: the answers of regcred.yaml in, the variables that a login may be in out.

use super::file::Spec;
use super::logins;
use crate::credentials::{DEFAULT_VARIABLE, OTHER_VARIABLE, Source};
use crate::environment::Environment;
use crate::files::marks::key::{KEY_VARIABLE, PREVIOUS_VARIABLE};
use regcred_core::names::VariableName;

/// Those of every pull secret of every cluster, also of clusters that were not chosen, those that are read where none is named, and the key
/// of fingerprints.
pub fn of(spec: &Spec, environment: &Environment) -> Vec<VariableName> {
    let of_clusters = spec.clusters.iter().flat_map(|cluster| cluster.pull_secrets.iter().flatten());
    let known = [DEFAULT_VARIABLE, OTHER_VARIABLE, KEY_VARIABLE, PREVIOUS_VARIABLE].map(VariableName::known);
    let mut names: Vec<_> = spec
        .pull_secrets
        .iter()
        .chain(of_clusters)
        // What is wrong with them is for `render` to say.
        .flat_map(|pull_secret| logins::sources(None, &pull_secret.logins, environment, &mut Vec::new()))
        .flat_map(|source: Source| source.variables())
        .map(|variable| variable.name)
        .chain(known)
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}
