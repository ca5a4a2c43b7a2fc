//! Runs until a signal: one session after the other, each with one version of the mounted files.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, timeout};

use super::mounted::{Mounted, Mounts, Texts};
use super::news::News;
use super::online::Asking;
use super::session::{Session, choices, delivery};
use super::state::State;
use super::{Options, Origin, StuckPods, confinement, http, leadership, log, own_namespace, stand_in};
use crate::environment::Environment;
use crate::report::Outcome;
use regcred_cluster::connect::{Client, Connected, stay_connected};
use regcred_cluster::controller::events::Events;
use regcred_cluster::controller::lease::Lease;
use regcred_cluster::controller::rights::{self, Missing};
use regcred_cluster::controller::watch::{self, CUT, First};
use regcred_cluster::failure::Attempt;
use regcred_cluster::server::{Server, Trouble};
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
    let Options { origin, namespace, listen, access, allowed, identity, stuck_pods, check_online, .. } = options;
    let of_the_cluster = |problem| Failure::of("the cluster", problem);
    let timeouts = access.timeout;
    let Connected { client, watching, own } = stay_connected(access, CUT).await.map_err(of_the_cluster)?;
    let namespace = own_namespace(namespace, &own).map_err(of_the_cluster)?;
    let state = Rc::new(State::new(origin.manner()));
    begin_to_answer(listen, &state).await?;
    spawn_local(stop_at_a_signal(Rc::clone(&state)));
    let mounts = Mounts { origin: &origin, allowed: &allowed, environment };
    let news = RefCell::new(News::new(None));
    let mut run = Run {
        state: &state,
        server: Server::new(client.clone(), timeouts, || false),
        polls: None,
        watching,
        mounts,
        namespace: &namespace,
        news: &news,
        stuck_pods,
        asking: Asking { interval: check_online, allowed: &allowed, environment },
    };
    let Some((mut mounted, mut texts)) = run.first_files().await else { return Ok(Outcome::Done) };
    let Some(missing) = run.missing_rights(&origin).await else { return Ok(Outcome::Done) };
    let name = marks::name(mounted.config.owner.as_str());
    let events = missing.events.is_empty().then(|| Events::new(&client, namespace.as_str(), &name, &identity));
    *news.borrow_mut() = News::new(events);
    let stop = Rc::new(Notify::new());
    let election = if missing.leases.is_empty() {
        let lease = Lease::new(namespace.as_str(), &name, identity);
        let short = Server::new(client, LEASE_CALL, || false);
        spawn_local(leadership::take_part(lease, short, Rc::clone(&state), Rc::clone(&stop)))
    } else {
        state.lead_alone();
        spawn_local(async {})
    };
    while let Some(changed) = run.session(&mounted, &mut texts).await {
        mounted = changed;
    }
    stop.notify_one();
    let _ = timeout(LEASE_CALL, election).await;
    log::info("stopped", &[]);
    Ok(Outcome::Done)
}

/// Answers on a port, where one is given.
async fn begin_to_answer(listen: Option<SocketAddr>, state: &Rc<State>) -> Result<(), Failure> {
    let version = ("version", env!("CARGO_PKG_VERSION"));
    let Some(listen) = listen else {
        log::info("regcred stands in for imagepullsecret-patcher", &[version]);
        return Ok(());
    };
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        let message = format!("`--listen` {listen} cannot be had: {}", error.kind());
        Failure::of("the port", Diagnostic::error(Code::Unwritable, message).hint("choose another port"))
    })?;
    let address = listener.local_addr().map_or(String::new(), |address| address.to_string());
    log::info("regcred controller", &[version, ("answers", &address)]);
    spawn_local(http::answer(listener, Rc::clone(state)));
    Ok(())
}

struct Run<'a> {
    state: &'a State,
    server: Server,
    /// The pause between two lists, where the account may not watch.
    polls: Option<Duration>,
    watching: Client,
    mounts: Mounts<'a>,
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
            if said.as_ref() != Some(&texts) {
                match self.mounts.understand(&texts) {
                    Ok(mounted) => {
                        self.accept(&mounted);
                        return Some((mounted, texts));
                    }
                    Err(problems) => self.refuse(&problems),
                }
                said = Some(texts);
            }
            self.state.turned.set(Instant::now());
            sleep(LOOK / 10).await;
        }
        None
    }

    /// What the account of a patcher may not do, which is said once; `None` after a signal.
    async fn missing_rights(&mut self, origin: &Origin) -> Option<Missing> {
        let Origin::Patcher(settings) = origin else { return Some(Missing::default()) };
        let missing = self.answered(async || rights::missing(&self.server, self.namespace).await).await?;
        stand_in::tell(&missing, settings.interval);
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
    }

    fn refuse(&self, problems: &[Diagnostic]) {
        self.state.metrics.config_broken.set(1);
        self.news.borrow_mut().broken(problems);
    }

    /// Serves the cluster until the mounted files change, or a signal comes, which gives `None`.
    async fn session(&self, mounted: &Mounted, texts: &mut Texts) -> Option<Mounted> {
        let first = match self.polls {
            Some(pause) => First::ListedEach(pause),
            None => self.answered(async || watch::first(&self.server).await).await?,
        };
        let delivery = delivery(mounted);
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
                if let Some(changed) = self.changed(mounted, texts, &mut files) {
                    return Some(changed);
                }
            }
        };
        let checks = confinement::keep_checking(self.state, &self.server, &delivery, self.namespace);
        tokio::select! {
            end = work => end,
            never = checks => match never {},
            never = self.asking.keep_asking(&mounted.logins, self.state, self.news) => match never {},
        }
    }

    /// The mounted files, where they have changed and are good.
    fn changed(&self, mounted: &Mounted, texts: &mut Texts, files: &mut Files) -> Option<Mounted> {
        if Instant::now() < files.look {
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
        let meant = self.mounts.understand(&now).and_then(|new| same_owner(mounted, new));
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
}
