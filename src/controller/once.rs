//! Makes one pass over all namespaces, and ends.

use std::cell::RefCell;

use tokio::time::Instant;

use super::mounted::Mounts;
use super::news::News;
use super::session::{Session, choices, delivery};
use super::state::State;
use super::{Options, Origin, confinement, log, own_namespace};
use crate::environment::Environment;
use crate::report::Outcome;
use regcred_cluster::connect::{Connected, stay_connected};
use regcred_cluster::controller::check::Confined;
use regcred_cluster::controller::rights;
use regcred_cluster::controller::watch::{self, CUT, First};
use regcred_cluster::failure::Attempt;
use regcred_cluster::server::Server;
use regcred_core::controller::Counts;
use regcred_core::diagnostic::{Code, Diagnostic, Failure};

/// Makes one pass.
///
/// # Errors
/// The mounted files are wrong, or the cluster cannot be reached.
pub async fn pass(options: Options, environment: &Environment) -> Result<Outcome, Failure> {
    let Options { origin, namespace, access, allowed, .. } = options;
    let mounts = Mounts { origin: &origin, allowed: &allowed, environment };
    let wrong = |problems| Failure::Input { title: "the mounted files", problems };
    let mounted = mounts.understand(&mounts.read()).map_err(wrong)?;
    mounted.warnings.iter().for_each(log::problem);
    let of_the_cluster = |problem| Failure::of("the cluster", problem);
    let patience = access.timeout;
    let Connected { client, watching, own } = stay_connected(access, CUT).await.map_err(of_the_cluster)?;
    let namespace = own_namespace(namespace, &own).map_err(of_the_cluster)?;
    let server = Server::new(client, patience, || false);
    let state = State::new(origin.manner());
    state.lead_alone();
    let unanswered = |trouble| of_the_cluster(Attempt::new("get", "/version").failed(&trouble));
    let polls = match &origin {
        Origin::Mounted { .. } => None,
        Origin::Patcher(settings) => {
            let missing = rights::missing(&server, &namespace).await.map_err(unanswered)?;
            (!missing.watches.is_empty()).then_some(settings.interval)
        }
    };
    let first = match polls {
        Some(pause) => First::ListedEach(pause),
        None => watch::first(&server).await.map_err(unanswered)?,
    };
    let (delivery, news) = (delivery(&mounted), RefCell::new(News::new(None)));
    let mut session =
        Session::new(&state, (&server, &watching), &delivery, choices(&mounted), first, &news, &namespace);
    let work = async {
        let mut end = Instant::now() + patience;
        loop {
            session.turn().await;
            let counts = session.counts();
            if session.is_idle() && state.is_safe() && is_done(counts) {
                return Ok(counts);
            }
            // Only what nothing is done about runs out of time.
            if !session.is_idle() && state.may_write() && session.machine.is_synced() {
                end = Instant::now() + patience;
            }
            if Instant::now() >= end {
                return late(&session, &state);
            }
        }
    };
    let checks = confinement::keep_checking(&state, &server, &delivery, &namespace);
    let counts = tokio::select! {
        end = work => end.map_err(of_the_cluster)?,
        never = checks => match never {},
    };
    let words = format!("{} of {} namespaces are served", counts.served, counts.wanted);
    log::info(&words, &[]);
    Ok(if counts.served == counts.wanted { Outcome::Done } else { Outcome::Negative })
}

fn is_done(Counts { pending, failing, .. }: Counts) -> bool {
    pending == 0 && failing == 0
}

/// What a pass says that is not done in time.
fn late(session: &Session<'_>, state: &State) -> Result<Counts, Diagnostic> {
    if let Some(Confined::No(why)) = &*state.confined.borrow() {
        let problem = Diagnostic::error(
            Code::ClusterForbids,
            format!("nothing was written, since this account is not confined: {why}"),
        );
        return Err(problem.hint("apply the policies of `regcred render --strategy controller` first"));
    }
    if !session.machine.is_synced() {
        let why = session.trouble().unwrap_or_else(|| "no answer".to_owned());
        let problem = Diagnostic::error(Code::ClusterTimeout, format!("not every watch has begun: {why}"));
        return Err(problem.hint("check the rights of this account"));
    }
    Ok(session.counts())
}
