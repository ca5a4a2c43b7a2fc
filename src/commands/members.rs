//! Runs work for every cluster, and gathers results and problems.

use std::collections::HashMap;

use rayon::prelude::*;

use crate::protect::Protector;
use crate::settings::Settings;
use crate::settings::choices::Protect;
use crate::settings::findings::Findings;
use crate::settings::fleet::Fleet;
use crate::settings::sealing::CertificateSource;
use regcred_core::diagnostic::{Code, Diagnostic, Failure};

/// Does the same for each cluster, on all cores if there are several; the answers are in order.
pub(super) fn each<A: Send, B: Send>(members: Vec<A>, work: impl Fn(A) -> B + Send + Sync) -> Vec<B> {
    if members.len() > 1 {
        members.into_par_iter().map(work).collect()
    } else {
        members.into_iter().map(work).collect()
    }
}

/// How many programs that wait for a key service run at once, at least: they need no core meanwhile.
const PROGRAMS: usize = 8;

/// Does it with more threads than there are cores where others' programs do the work.
pub(super) fn side_by_side<T: Send>(fleet: &Fleet, work: impl FnOnce() -> T + Send) -> T {
    if fleet.members.iter().all(|settings| settings.combination.protect != Protect::Sops) {
        return work();
    }
    let threads = PROGRAMS.max(rayon::current_num_threads());
    match rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
        Ok(pool) => pool.install(work),
        Err(_) => work(),
    }
}

/// What has been done for the clusters, and what is wrong with all the others together.
pub(super) fn apart<T>(results: Vec<Result<T, Failure>>, members: &[Settings]) -> (Vec<T>, Result<(), Failure>) {
    let (mut done, mut findings, mut failed_with) = (Vec::new(), Findings::default(), None);
    for (result, settings) in results.into_iter().zip(members) {
        let problems = match result {
            Ok(one) => {
                done.push(one);
                Vec::new()
            }
            Err(Failure::Input { title, problems }) => {
                failed_with.get_or_insert(title);
                problems
            }
            Err(failure) => return (done, Err(failure)),
        };
        findings.add(problems, settings.cluster.as_ref());
    }
    let failed = failed_with.map_or(Ok(()), |title| Err(Failure::Input { title, problems: findings.said() }));
    (done, failed)
}

/// Warns of clusters whose own certificates are of one key: most likely one of them was fetched from the wrong cluster.
pub(super) fn of_one_key(members: &[Settings], protectors: &[Protector]) -> Vec<Diagnostic> {
    let mut known: HashMap<&[u8], &Settings> = HashMap::new();
    let mut warnings = Vec::new();
    for (settings, protector) in members.iter().zip(protectors) {
        let (Some(recipient), Some(CertificateSource::File(_)), Some(cluster)) =
            (protector.recipient(), &settings.sealing.certificate, &settings.cluster)
        else {
            continue;
        };
        let first = *known.entry(recipient).or_insert(settings);
        if let (true, Some(other)) = (first.sealing.certificate != settings.sealing.certificate, &first.cluster) {
            let message = format!("{other} and {cluster} use different files with the same key");
            let hint = format!(
                "if one of them was fetched from the wrong cluster: `regcred fetch-cert --cluster {cluster} --context CONTEXT`"
            );
            warnings.push(Diagnostic::warning(Code::SameRecipient, message).hint(hint));
        }
    }
    warnings
}
