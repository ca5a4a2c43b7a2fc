//! Makes one pass over all namespaces, and ends.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::mounted::{Mounted, Mounts};
use super::news::News;
use super::observed::Observed;
use super::online::Asking;
use super::session::{Session, choices, delivery, names};
use super::state::State;
use super::statuses::Statuses;
use super::{Options, Origin, Wishes, confinement, log, own_namespace};
use crate::environment::Environment;
use crate::report::Outcome;
use regcred_cluster::connect::{Connected, stay_connected};
use regcred_cluster::controller::check::Confined;
use regcred_cluster::controller::rights;
use regcred_cluster::controller::stream::{self, First};
use regcred_cluster::controller::watch::CUT;
use regcred_cluster::failure::Attempt;
use regcred_cluster::server::Server;
use regcred_core::controller::Counts;
use regcred_core::diagnostic::{Code, Diagnostic, Failure};
use regcred_core::names::Namespace;
use regcred_core::objects::marks;

/// How often the pass checks whether custom resources were read.
const LOOK: Duration = Duration::from_millis(50);

/// Makes one pass.
/// Errors: the mounted files are wrong, or the cluster cannot be reached.
pub async fn pass(options: Options, environment: &Environment) -> Result<Outcome, Failure> {
    let Options { origin, wishes, namespace, access, allowed, .. } = options;
    let mut mounts = Mounts { origin: &origin, allowed: &allowed, environment, observed: None };
    let wrong = |problems| Failure::Input { title: "the mounted files", problems };
    let of_the_settings = match wishes {
        Wishes::Settings => Some(mounts.understand(&mounts.read(), None).and_then(without_a_problem).map_err(wrong)?),
        Wishes::Resources => None,
    };
    let of_the_cluster = |problem| Failure::of("the cluster", problem);
    let patience = access.timeout;
    let Connected { client, watching, electing: _, own } = stay_connected(access, CUT).await.map_err(of_the_cluster)?;
    let namespace = own_namespace(namespace, &own).map_err(of_the_cluster)?;
    let server = Server::new(client.clone(), patience, || false);
    let state = Rc::new(State::new(origin.manner()));
    let mounted = if let Some(mounted) = of_the_settings {
        mounted
    } else {
        let server = Server::new(client.clone(), patience, || false);
        mounts.observed = Some(Observed::start(watching.clone(), server, namespace.clone(), Rc::clone(&state)));
        mounts.understand(&mounts.read(), None).map_err(wrong)?;
        wait(&mounts, patience).await.map_err(of_the_cluster)?;
        mounts.understand(&mounts.read(), None).map_err(wrong)?
    };
    mounted.warnings.iter().for_each(log::problem);
    state.lead_alone();
    let unanswered = |trouble| of_the_cluster(Attempt::new("ask", "the API server").failed(&trouble));
    let polls = match &origin {
        Origin::Mounted { .. } => None,
        Origin::Patcher(settings) => {
            let missing = rights::missing(&server, &namespace).await.map_err(unanswered)?;
            (!missing.watches.is_empty()).then_some(settings.interval)
        }
    };
    let first = match polls {
        Some(pause) => First::ListedEach(pause),
        None => stream::first(&server).await.map_err(unanswered)?,
    };
    let delivery = delivery(&mounted.config, mounted.logins.iter().map(Rc::as_ref));
    let news = RefCell::new(News::new(None));
    news.borrow_mut().resources(&mounted.verdicts);
    let mut session =
        Session::new(&state, (&server, &watching), &delivery, choices(&mounted), first, &news, &namespace);
    let work = async {
        let mut end = Instant::now() + patience;
        loop {
            session.turn().await;
            let counts = session.machine.counts();
            if session.is_idle() && state.is_safe() && is_done(counts) {
                return Ok(counts);
            }
            // The time counts only while there is work that cannot go on.
            if !session.is_idle() && state.may_write() && session.machine.is_synced() {
                end = Instant::now() + patience;
            }
            if Instant::now() >= end {
                return late(&session, &state, &namespace);
            }
        }
    };
    let names = names(&mounted);
    let checks = confinement::keep_checking(&state, &server, &names, &namespace);
    let counts = tokio::select! {
        end = work => end.map_err(of_the_cluster)?,
        never = checks => match never {},
    };
    if let Some(observed) = mounts.observed {
        let statuses = Statuses::new(Server::new(client, patience, || false), observed);
        statuses.tell_all(&session, &mounted, &Asking::new(None, environment)).await;
    }
    let words = format!("{} of {} namespaces are served", counts.served, counts.wanted);
    log::info(&words, &[]);
    let is_followed = mounted.verdicts.iter().all(|one| one.refusals.is_empty() && one.broken.is_empty());
    Ok(if counts.served == counts.wanted && is_followed { Outcome::Done } else { Outcome::Negative })
}

/// Refuses files with a broken login: one pass serves every pull secret, or none.
fn without_a_problem(mounted: Mounted) -> Result<Mounted, Vec<Diagnostic>> {
    if mounted.broken.is_empty() { Ok(mounted) } else { Err(mounted.broken) }
}

/// Waits until custom resources and their Secrets are read.
async fn wait(mounts: &Mounts<'_>, patience: Duration) -> Result<(), Diagnostic> {
    let end = Instant::now() + patience;
    loop {
        mounts.read();
        let Some(why) = mounts.waits_for() else { return Ok(()) };
        if Instant::now() >= end {
            return Err(Diagnostic::error(Code::ClusterTimeout, why).hint("check the rights of this account"));
        }
        sleep(LOOK).await;
    }
}

fn is_done(Counts { pending, failing, .. }: Counts) -> bool {
    pending == 0 && failing == 0
}

/// The result of work that did not end in time: the counts, unless this account is not confined or a watch has not begun.
fn late(session: &Session<'_>, state: &State, own: &Namespace) -> Result<Counts, Diagnostic> {
    if let Some(Confined::No(why)) = &*state.confined.borrow() {
        let problem = Diagnostic::error(
            Code::ClusterForbids,
            format!("nothing was written, since this account is not confined: {why}"),
        );
        return Err(problem.hint(format!(
            "apply the policies of `regcred render --strategy controller` first; outside of a Pod, run as the account that they \
             confine: `--as system:serviceaccount:{own}:{}`",
            marks::name(&session.delivery.marks.owner)
        )));
    }
    if !session.machine.is_synced() {
        let why = session.trouble().unwrap_or_else(|| "no answer".to_owned());
        let problem = Diagnostic::error(Code::ClusterTimeout, format!("not every watch has begun: {why}"));
        return Err(problem.hint("check the rights of this account"));
    }
    Ok(session.machine.counts())
}
