//! Creates a run for each cluster, does the same for all of them, and collects the problems.

use std::collections::HashMap;
use std::io;
use std::sync::mpsc;
use std::thread;

use rayon::prelude::*;

use super::logins::{Missing, Reading};
use crate::environment::Environment;
use crate::files::cluster_run::ClusterRun;
use crate::files::marks::key::Key;
use crate::protect::Protector;
use crate::report;
use crate::settings::choices::Protect;
use crate::settings::findings::Findings;
use crate::settings::{Certificate, Destination, Settings};
use regcred_core::diagnostic::{Code, Diagnostic, Failure};
use regcred_core::names::VariableName;
use regcred_core::spec::Open;

/// Reads each login once, merges the logins of every pull secret, and prepares the protector of each cluster.
/// Errors: all problems of the logins and of their protection.
pub(super) fn all(
    members: Vec<Settings>,
    warnings: Vec<Diagnostic>,
    secret_variables: &[VariableName],
    environment: &Environment,
) -> Result<Vec<ClusterRun>, Failure> {
    let mut reading = Reading::of(&members, environment);
    let prepared = in_parallel(members, |settings| {
        let protector = Protector::prepare(&settings, secret_variables, environment);
        (settings, protector)
    });
    let (mut runs, mut findings) = (Vec::new(), Findings::default());
    for (settings, protector) in prepared {
        let compares = matches!(settings.destination, Destination::Check(_));
        let missing = if compares { Missing::IsNotCompared } else { Missing::Fails };
        let (docker_configs, known) = reading.merge(&settings, missing);
        let cluster = settings.cluster.as_ref();
        match protector {
            Ok(protector) => {
                findings.add(protector.warnings().to_vec(), cluster);
                runs.push(ClusterRun { settings, docker_configs, known, protector });
            }
            Err(Failure::Input { problems, .. }) => findings.add(problems, cluster),
            Err(failure) => return Err(failure),
        }
    }
    findings.add(Key::problems(secret_variables, environment), None);
    let protection = findings.said();
    together(reading.finish(warnings), Failure::unless_clean("the protection", &protection))?;
    report::warn(&protection);
    report::warn(&of_one_key(&runs));
    Ok(runs)
}

fn together(one: Result<(), Failure>, other: Result<(), Failure>) -> Result<(), Failure> {
    match (one, other) {
        (Err(Failure::Input { problems, .. }), Err(Failure::Input { problems: more, .. })) => {
            Err(Failure::Input { title: "the input", problems: [problems, more].concat() })
        }
        (one, other) => one.and(other),
    }
}

/// Does the same for each cluster, and collects all problems; the results are in order.
pub(super) fn each<A: AsRef<Settings> + Send, B: Send>(
    runs: Vec<A>,
    work: impl Fn(A) -> Result<B, Failure> + Send + Sync,
) -> (Vec<B>, Result<(), Failure>) {
    let done = in_parallel(runs, |run| {
        let cluster = run.as_ref().cluster.clone();
        (cluster, work(run))
    });
    let (mut results, mut findings, mut failed_with) = (Vec::new(), Findings::default(), None);
    for (cluster, result) in done {
        let problems = match result {
            Ok(one) => {
                results.push(one);
                Vec::new()
            }
            Err(Failure::Input { title, problems }) => {
                failed_with.get_or_insert(title);
                problems
            }
            Err(failure) => return (results, Err(failure)),
        };
        findings.add(problems, cluster.as_ref());
    }
    let failed = failed_with.map_or(Ok(()), |title| Err(Failure::Input { title, problems: findings.said() }));
    (results, failed)
}

/// On all cores if there are several clusters.
fn in_parallel<A: Send, B: Send>(runs: Vec<A>, work: impl Fn(A) -> B + Send + Sync) -> Vec<B> {
    if runs.len() > 1 { runs.into_par_iter().map(work).collect() } else { runs.into_iter().map(work).collect() }
}

/// Starts a thread for each core, or as many as a low limit of processes allows. A plain stream needs none.
pub(super) fn prepare_threads(members: &[Settings], environment: &Environment) {
    let streams = |one: &Settings| matches!(one.destination, Destination::Stdout);
    let is_plain = |one: &Settings| one.combination.protect == Protect::Plain && streams(one);
    if matches!(members, [one] if is_plain(one)) {
        return;
    }
    // If the pool cannot start one of its threads, it fails as a whole, and a second attempt is not possible.
    let start = |_| {
        let (sender, receiver) = mpsc::channel::<rayon::ThreadBuilder>();
        thread::Builder::new().spawn(move || receiver.recv().map(rayon::ThreadBuilder::run)).ok().map(|_| sender)
    };
    // All programs with this thread pool read this variable.
    let wanted = environment.setting("RAYON_NUM_THREADS").and_then(|number| number.parse().ok());
    let threads = wanted.filter(|number| *number > 0).or_else(|| Some(thread::available_parallelism().ok()?.get()));
    let mut started: Vec<_> = (0..threads.unwrap_or(1)).map_while(start).collect();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(started.len().max(1));
    // An error means that a pool exists already, and its threads do the work.
    let _ = if started.is_empty() {
        pool.use_current_thread().build_global()
    } else {
        pool.spawn_handler(|work| {
            started.pop().map_or(Ok(()), |thread| thread.send(work).map_err(|_| io::ErrorKind::BrokenPipe.into()))
        })
        .build_global()
    };
}

/// The least number of programs that run at once while they wait for a key service: they use no core meanwhile.
const PROGRAMS: usize = 8;

/// Does the work with more threads than cores if other programs do it.
pub(super) fn side_by_side<T: Send>(runs: Vec<ClusterRun>, work: impl FnOnce(Vec<ClusterRun>) -> T + Send) -> T {
    if runs.iter().all(|run| run.settings.combination.protect != Protect::Sops) {
        return work(runs);
    }
    let threads = PROGRAMS.max(rayon::current_num_threads());
    match rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
        Ok(pool) => pool.install(|| work(runs)),
        Err(_) => work(runs),
    }
}

/// Warns about clusters whose own certificates have the same key: probably one was fetched from the wrong cluster.
fn of_one_key(runs: &[ClusterRun]) -> Vec<Diagnostic> {
    let mut known: HashMap<&[u8], &Settings> = HashMap::new();
    let mut warnings = Vec::new();
    for ClusterRun { settings, protector, .. } in runs {
        let (Some(recipient), Some(Certificate::File(_)), Some(cluster)) =
            (protector.recipient(), settings.options.sealing_cert.chosen(), &settings.cluster)
        else {
            continue;
        };
        let first = *known.entry(recipient).or_insert(settings);
        if let (true, Some(other)) =
            (first.options.sealing_cert.chosen() != settings.options.sealing_cert.chosen(), &first.cluster)
        {
            let message = format!("{other} and {cluster} use different files with the same key");
            let hint = format!(
                "if one of them is from the wrong cluster, get it again: `regcred fetch-cert --cluster {other} --context CONTEXT`, or the same for {cluster}"
            );
            warnings.push(Diagnostic::warning(Code::SameRecipient, message).hint(hint));
        }
    }
    warnings
}
