//! Runs until a signal: one session after the other, each with one version of the mounted files.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, timeout};

use super::mounted::{Mounted, Mounts, Texts};
use super::news::News;
use super::observed::Observed;
use super::online::Asking;
use super::session::{Session, choices, delivery, names};
use super::state::State;
use super::statuses::Statuses;
use super::{Options, StuckPods, Wishes, confinement, http, leadership, log};
use crate::environment::Environment;
use crate::report::Outcome;
use regcred_cluster::connect::{Client, Connected, stay_connected};
use regcred_cluster::controller::events::Events;
use regcred_cluster::controller::lease::Lease;
use regcred_cluster::controller::stream;
use regcred_cluster::controller::watch::CUT;
use regcred_cluster::failure::Attempt;
use regcred_cluster::server::Server;
use regcred_core::diagnostic::{Code, Diagnostic, Failure};
use regcred_core::names::Namespace;
use regcred_core::objects::marks;

/// How often the mounted files are read.
const LOOK: Duration = Duration::from_secs(2);
/// After which time a change is read again: it counts if it is the same.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// How long one call about the lease may take.
const LEASE_CALL: Duration = Duration::from_secs(3);

/// Runs until a signal.
///
/// # Errors
/// The port cannot be had, or the cluster's address or login is wrong.
pub async fn serve(options: Options, environment: &Environment) -> Result<Outcome, Failure> {
    let Options {
        config, secrets, namespace, wishes, listen, access, allowed, identity, stuck_pods, check_online, ..
    } = options;
    let of_the_cluster = |problem| Failure::of("the cluster", problem);
    let timeouts = access.timeout;
    let Connected { client, watching, electing } = stay_connected(access, CUT).await.map_err(of_the_cluster)?;
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        let message = format!("`--listen` {listen} cannot be had: {}", error.kind());
        Failure::of("the port", Diagnostic::error(Code::Unwritable, message).hint("choose another port"))
    })?;
    let address = listener.local_addr().map_or(String::new(), |address| address.to_string());
    log::info("regcred controller", &[("version", env!("CARGO_PKG_VERSION")), ("answers", &address)]);
    let state = Rc::new(State::new());
    spawn_local(http::answer(listener, Rc::clone(&state)));
    spawn_local(stop_at_a_signal(Rc::clone(&state)));
    let server = || Server::new(client.clone(), LEASE_CALL, || false);
    let observed = (wishes == Wishes::Resources)
        .then(|| Observed::start(watching.clone(), server(), namespace.clone(), Rc::clone(&state)));
    let statuses = observed.clone().map(|observed| Statuses::new(server(), observed));
    let mounts = Mounts { config, secrets, allowed: &allowed, environment, observed };
    let news = RefCell::new(News::new(None));
    let run = Run {
        state: &state,
        server: Server::new(client.clone(), timeouts, || false),
        watching,
        mounts,
        statuses,
        namespace: &namespace,
        news: &news,
        stuck_pods,
        asking: Asking { interval: check_online, allowed: &allowed, environment },
    };
    let Some((mut mounted, mut texts)) = run.first_files().await else { return Ok(Outcome::Done) };
    let name = marks::name(mounted.config.owner.as_str());
    *news.borrow_mut() = News::new(Some(Events::new(&client, namespace.as_str(), &name, &identity)));
    run.accept(&mounted);
    let lease = Lease::new(run.watching.clone(), namespace.as_str(), &name, identity);
    let short = Server::new(electing, LEASE_CALL, || false);
    let election = spawn_local(leadership::take_part(lease, short, Rc::clone(&state)));
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
    watching: Client,
    mounts: Mounts<'a>,
    statuses: Option<Statuses>,
    namespace: &'a Namespace,
    news: &'a RefCell<News>,
    stuck_pods: StuckPods,
    asking: Asking<'a>,
}

impl Run<'_> {
    /// Waits until the mounted files are good for the first time; `None` after a signal.
    async fn first_files(&self) -> Option<(Mounted, Texts)> {
        let mut said: Option<Texts> = None;
        while !self.state.is_stopping.get() {
            let texts = self.mounts.read();
            let waits_for = self.mounts.waits_for();
            let is_waiting = waits_for.is_some();
            *self.state.waits_for.borrow_mut() = waits_for;
            if said.as_ref() != Some(&texts) && !is_waiting {
                match self.mounts.understand(&texts, None) {
                    Ok(mounted) => return Some((mounted, texts)),
                    Err(problems) => self.refuse(&problems),
                }
                said = Some(texts);
            }
            self.state.turned.set(Instant::now());
            sleep(LOOK / 10).await;
        }
        None
    }

    fn accept(&self, mounted: &Mounted) {
        self.state.is_configured.set(true);
        self.state.metrics.config_broken.set(0);
        let mut news = self.news.borrow_mut();
        news.good(&mounted.warnings);
        if mounted.permitted.is_some() {
            self.state.metrics.resources(&mounted.verdicts);
            news.resources(&mounted.verdicts);
        }
    }

    fn refuse(&self, problems: &[Diagnostic]) {
        self.state.metrics.config_broken.set(1);
        self.news.borrow_mut().broken(problems);
    }

    /// Serves the cluster until the mounted files change, or a signal comes, which gives `None`.
    async fn session(&self, mounted: &Mounted, texts: &mut Texts) -> Option<Mounted> {
        let first = loop {
            match stream::first(&self.server).await {
                Ok(first) => break first,
                Err(trouble) => {
                    log::warn(
                        "the API server does not answer",
                        &[("why", &Attempt::new("get", "/version").failed(&trouble).message)],
                    );
                    self.state.turned.set(Instant::now());
                    if self.state.is_stopping.get() {
                        return None;
                    }
                    sleep(LOOK / 4).await;
                }
            }
        };
        let delivery = delivery(&mounted.config, mounted.logins.iter().map(Rc::as_ref));
        *self.state.sample.borrow_mut() = None;
        let clients = (&self.server, &self.watching);
        let mut session =
            Session::new(self.state, clients, &delivery, choices(mounted), first, self.news, self.namespace);
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
                self.state.metrics.count(session.counts());
                self.state.metrics.calls(&self.server.answers());
                if let Some(statuses) = &self.statuses {
                    statuses.tell(&session, mounted);
                }
                if let Some(changed) = self.changed(mounted, texts, &mut files) {
                    return Some(changed);
                }
            }
        };
        let names = names(mounted);
        let checks = confinement::keep_checking(self.state, &self.server, &names, self.namespace);
        tokio::select! {
            end = work => end,
            never = checks => match never {},
            never = self.asking.keep_asking(&mounted.logins, self.state, self.news) => match never {},
        }
    }

    /// The mounted files, where they have changed and are good.
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
            files.look = Instant::now() + LOOK_AGAIN;
            return None;
        }
        files.candidate = None;
        let meant = self.mounts.understand(&now, Some(mounted)).and_then(|new| same_owner(mounted, new));
        *texts = now;
        match meant {
            Ok(new) => {
                log::info("the mounted files have changed", &[]);
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

/// What was seen of the files.
struct Files {
    /// A change that was seen once.
    candidate: Option<Texts>,
    /// When they are read next.
    look: Instant,
}

/// The lease, the rights and the policies are those of one owner.
fn same_owner(mounted: &Mounted, new: Mounted) -> Result<Mounted, Vec<Diagnostic>> {
    if mounted.config.owner == new.config.owner {
        return Ok(new);
    }
    let problem =
        Diagnostic::error(Code::InvalidConfig, "`metadata.name` has changed, and a running controller keeps its owner");
    Err(vec![problem.hint("install a controller for the new owner, or put the old name back")])
}

async fn stop_at_a_signal(state: Rc<State>) {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        } else {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
    #[cfg(not(unix))]
    let _ = tokio::signal::ctrl_c().await;
    log::info("stopping", &[]);
    state.is_stopping.set(true);
    state.changed.notify_one();
    state.stop.notify_one();
}
