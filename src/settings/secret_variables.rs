//! Lists the variables that may hold a login, a kubeconfig or a fingerprint key. Child processes do not get them.

use std::collections::BTreeSet;

use super::file::Spec;
use super::{layers, pull_secret, with_known};
use crate::environment::Environment;
use regcred_core::credentials::{DEFAULT_VARIABLE, OTHER_VARIABLE};
use regcred_core::names::VariableName;

pub const KEY_VARIABLE: &str = "REGCRED_FINGERPRINT_KEY";
/// The variable with the previous key, whose signatures are still valid.
pub const PREVIOUS_VARIABLE: &str = "REGCRED_FINGERPRINT_KEY_PREVIOUS";

/// The variables that the file reads, the default variables, and the fingerprint keys.
pub fn of(spec: &Spec, environment: &Environment) -> Vec<VariableName> {
    let others = [DEFAULT_VARIABLE, OTHER_VARIABLE, KEY_VARIABLE, PREVIOUS_VARIABLE].map(VariableName::known);
    read(spec, environment).into_iter().chain(others).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The variables of every pull secret and of every kubeconfig, also of clusters that were not chosen.
pub fn read(spec: &Spec, environment: &Environment) -> BTreeSet<VariableName> {
    let layers = with_known(environment, |known| {
        let of_clusters = spec.clusters.iter().map(|cluster| layers::of_file(spec, Some(cluster), known));
        of_clusters.chain([layers::of_file(spec, None, known)]).collect::<Vec<_>>()
    });
    let pull_secrets = layers.iter().flat_map(|layer| &layer.pull_secrets);
    // `render` reports their problems.
    let sources = pull_secrets.flat_map(|pull_secret| pull_secret::sources(pull_secret, &mut Vec::new()));
    let kubeconfigs = spec.clusters.iter().filter_map(|cluster| cluster.kubeconfig.as_ref()?.env.parse().ok());
    sources.flat_map(|source| source.variables()).map(|variable| variable.name).chain(kubeconfigs).collect()
}
