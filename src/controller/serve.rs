//! Runs until a signal: one session after another, each with one version of the mounted files.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, timeout};

use super::mounted::{Mounted, Mounts, Texts};
use super::news::News;
use super::observed::{Observed, SETTLES};
use super::online::Asking;
use super::session::{Session, choices, delivery, names};
use super::state::State;
use super::statuses::Statuses;
use super::{Options, Origin, StuckPods, Wishes, confinement, http, leadership, log, own_namespace, signal, stand_in};
use crate::environment::Environment;
use crate::report::Outcome;
use regcred_cluster::connect::{Client, Connected, stay_connected};
use regcred_cluster::controller::events::Events;
use regcred_cluster::controller::lease::Lease;
use regcred_cluster::controller::rights::{self, Missing};
use regcred_cluster::controller::stream::{self, First};
use regcred_cluster::controller::watch::CUT;
use regcred_cluster::failure::Attempt;
use regcred_cluster::server::{Server, Trouble};
use regcred_core::controller::Contests;
use regcred_core::diagnostic::{Code, Diagnostic, Failure};
use regcred_core::names::Namespace;
use regcred_core::objects::marks;

/// How often the mounted files are read.
const LOOK: Duration = Duration::from_secs(2);
/// The deadline of one call about the Lease.
const LEASE_CALL: Duration = Duration::from_secs(3);

/// Runs until a signal.
/// Errors: the port is in use, or the cluster's address or login is wrong.
pub async fn serve(options: Options, environment: &Environment) -> Result<Outcome, Failure> {
    let Options { origin, wishes, namespace, listen, access, allowed, identity, stuck_pods, check_online, .. } =
        options;
    let of_the_cluster = |problem| Failure::of("the cluster", problem);
    let timeouts = access.timeout;
    let Connected { client, watching, electing, own } = stay_connected(access, CUT).await.map_err(of_the_cluster)?;
    let namespace = own_namespace(namespace, &own).map_err(of_the_cluster)?;
    let state = Rc::new(State::new(origin.manner()));
    match listen {
        Some(listen) => http::begin(listen, &state).await?,
        None => log::info("regcred stands in for imagepullsecret-patcher", &[("version", env!("CARGO_PKG_VERSION"))]),
    }
    spawn_local(signal::stop_on_signal(Rc::clone(&state)));
    let server = || Server::new(client.clone(), LEASE_CALL, || false);
    let observed = (wishes == Wishes::Resources)
        .then(|| Observed::start(watching.clone(), server(), namespace.clone(), Rc::clone(&state)));
    let statuses = observed.clone().map(|observed| Statuses::new(server(), observed));
    let mounts = Mounts { origin: &origin, allowed: &allowed, environment, observed };
    let news = RefCell::new(News::new(None));
    let mut run = Run {
        state: &state,
        server: Server::new(client.clone(), timeouts, || false),
        polls: None,
        watching,
        mounts,
        statuses,
        namespace: &namespace,
        news: &news,
        stuck_pods,
        asking: Asking::new(check_online, environment),
        contests: RefCell::default(),
    };
    let Some((mut mounted, mut texts)) = run.first_files().await else { return Ok(Outcome::Done) };
    let Some(missing) = run.missing_rights(&origin).await else { return Ok(Outcome::Done) };
    let name = marks::name(mounted.config.owner.as_str());
    let events = missing.events.is_empty().then(|| Events::new(&client, namespace.as_str(), &name, &identity));
    *news.borrow_mut() = News::new(events);
    run.accept(&mounted);
    let election = if missing.leases.is_empty() {
        let lease = Lease::new(run.watching.clone(), namespace.as_str(), &name, identity);
        let short = Server::new(electing, LEASE_CALL, || false);
        spawn_local(leadership::take_part(lease, short, Rc::clone(&state)))
    } else {
        state.lead_alone();
        spawn_local(async {})
    };
    while let Some(changed) = run.session(&mounted, &mut texts).await {
        mounted = changed;
    }
    let _ = timeout(LEASE_CALL, election).await;
    log::info("stopped", &[]);
    Ok(Outcome::Done)
}

struct Run<'a> {
    state: &'a State,
    server: Server,
    /// The pause between two lists, if the account may not watch.
    polls: Option<Duration>,
    watching: Client,
    mounts: Mounts<'a>,
    statuses: Option<Statuses>,
    namespace: &'a Namespace,
    news: &'a RefCell<News>,
    stuck_pods: StuckPods,
    asking: Asking<'a>,
    /// The contests of the previous session.
    contests: RefCell<Contests>,
}

impl Run<'_> {
    /// Waits until the mounted files are valid for the first time; `None` after a signal.
    async fn first_files(&self) -> Option<(Mounted, Texts)> {
        let mut said: Option<Texts> = None;
        while !self.state.is_stopping.get() {
            let texts = self.mounts.read();
            let waits_for = self.mounts.waits_for();
            let is_waiting = waits_for.is_some();
            *self.state.waits_for.borrow_mut() = waits_for;
            if said.as_ref() != Some(&texts) {
                match self.mounts.understand(&texts, None) {
                    // The watches may still show what is missing.
                    Ok(_) if is_waiting => {}
                    Ok(mounted) => return Some((mounted, texts)),
                    Err(problems) => {
                        self.refuse(&problems);
                        said = Some(texts);
                    }
                }
            }
            self.state.turned.set(Instant::now());
            sleep(LOOK / 10).await;
        }
        None
    }

    /// Finds and logs the rights that the account of a patcher lacks; `None` after a signal.
    async fn missing_rights(&mut self, origin: &Origin) -> Option<Missing> {
        let Origin::Patcher(settings) = origin else { return Some(Missing::default()) };
        let missing = self.answered(async || rights::missing(&self.server, self.namespace).await).await?;
        stand_in::log_missing_rights(&missing, settings.interval);
        self.polls = (!missing.watches.is_empty()).then_some(settings.interval);
        Some(missing)
    }

    /// Asks the API server until it answers; `None` after a signal.
    async fn answered<T>(&self, ask: impl AsyncFn() -> Result<T, Trouble>) -> Option<T> {
        loop {
            let trouble = match ask().await {
                Ok(answer) => return Some(answer),
                Err(trouble) => trouble,
            };
            let why = Attempt::new("ask", "the API server").failed(&trouble).message;
            log::warn("the API server does not answer", &[("why", &why)]);
            self.state.turned.set(Instant::now());
            if self.state.is_stopping.get() {
                return None;
            }
            sleep(LOOK / 4).await;
        }
    }

    fn accept(&self, mounted: &Mounted) {
        self.state.is_configured.set(true);
        self.state.metrics.config_broken.set(0);
        self.news.borrow_mut().good(&mounted.warnings);
        self.tell_broken_logins(mounted);
        if mounted.permitted.is_some() {
            self.state.metrics.resources(&mounted.verdicts);
            self.news.borrow_mut().resources(&mounted.verdicts);
        }
    }

    fn tell_broken_logins(&self, mounted: &Mounted) {
        if !mounted.broken.is_empty() {
            const MEANWHILE: &str =
                "all other pull secrets are served, and this one keeps its earlier logins, if it has any";
            self.state.metrics.config_broken.set(1);
            self.news.borrow_mut().broken(&mounted.broken, MEANWHILE);
        }
    }

    fn refuse(&self, problems: &[Diagnostic]) {
        self.state.metrics.config_broken.set(1);
        self.news.borrow_mut().broken(problems, "the earlier logins and settings stay in force");
    }

    /// Serves the cluster until the mounted files change, or until a signal, which gives `None`.
    async fn session(&self, mounted: &Mounted, texts: &mut Texts) -> Option<Mounted> {
        let first = match self.polls {
            Some(pause) => First::ListedEach(pause),
            None => self.answered(async || stream::first(&self.server).await).await?,
        };
        let delivery = delivery(&mounted.config, mounted.logins.iter().map(Rc::as_ref));
        *self.state.sample.borrow_mut() = None;
        let clients = (&self.server, &self.watching);
        let mut session =
            Session::new(self.state, clients, &delivery, choices(mounted), first, self.news, self.namespace);
        session.machine.resume(self.contests.take());
        if self.stuck_pods == StuckPods::Evict {
            session.restart_stuck_pods(&self.watching);
        }
        let work = async {
            let mut files = Files { candidate: None, look: Instant::now() + LOOK };
            loop {
                session.turn().await;
                if self.state.is_stopping.get() {
                    session.drain().await;
                    return None;
                }
                self.state.metrics.count(session.machine.counts());
                self.state.metrics.calls(&self.server.answers());
                if let Some(statuses) = &self.statuses {
                    statuses.tell(&session, mounted, &self.asking);
                }
                if let Some(changed) = self.changed(mounted, texts, &mut files) {
                    self.contests.replace(session.machine.contests());
                    return Some(changed);
                }
            }
        };
        let names = names(mounted);
        let checks = confinement::keep_checking(self.state, &self.server, &names, self.namespace);
        tokio::select! {
            end = work => end,
            never = checks => match never {},
            never = self.asking.keep_asking(mounted, self.state, self.news) => match never {},
        }
    }

    /// The mounted files, if they have changed and are valid.
    fn changed(&self, mounted: &Mounted, texts: &mut Texts, files: &mut Files) -> Option<Mounted> {
        let is_shown = self.mounts.take_change();
        if (Instant::now() < files.look && !is_shown) || self.mounts.waits_for().is_some() {
            return None;
        }
        files.look = Instant::now() + LOOK;
        let now = self.mounts.read();
        if now == *texts {
            files.candidate = None;
            return None;
        }
        if files.candidate.as_ref() != Some(&now) {
            files.candidate = Some(now);
            files.look = Instant::now() + SETTLES;
            return None;
        }
        files.candidate = None;
        let meant = self.mounts.understand(&now, Some(mounted)).and_then(|new| same_owner(mounted, new));
        let is_same_config = texts.config == now.config;
        *texts = now;
        match meant {
            // Nothing that is served changes, so the session goes on.
            Ok(new) if is_same_config && new.has_the_logins_of(mounted) && !new.broken.is_empty() => {
                self.tell_broken_logins(&new);
                None
            }
            Ok(new) => {
                let what = if new.permitted.is_some() { "the resources or their Secrets" } else { "the mounted files" };
                log::info(&format!("{what} have changed"), &[]);
                self.accept(&new);
                Some(new)
            }
            Err(problems) => {
                self.refuse(&problems);
                None
            }
        }
    }
}

/// The last readings of the files.
struct Files {
    /// A change that was seen once.
    candidate: Option<Texts>,
    /// When the files are read next.
    look: Instant,
}

/// The Lease, the rights and the policies belong to one owner.
fn same_owner(mounted: &Mounted, new: Mounted) -> Result<Mounted, Vec<Diagnostic>> {
    if mounted.config.owner == new.config.owner {
        return Ok(new);
    }
    let problem =
        Diagnostic::error(Code::InvalidConfig, "`metadata.name` has changed, and a running controller keeps its owner");
    Err(vec![problem.hint("install a controller for the new owner, or put the old name back")])
}
