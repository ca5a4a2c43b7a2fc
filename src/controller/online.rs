//! Asks the registries regularly about the logins (`--check-online`). A refused login stays: it may be good again later.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use super::log;
use super::mounted::Mounted;
use super::news::News;
use super::state::State;
use crate::environment::Environment;
use crate::registry::{self, Options};
use regcred_core::confine::Allowed;
use regcred_core::controller::Accepted;
use regcred_core::credentials::{Credential, lifetime};
use regcred_core::diagnostic::{Code, Diagnostic, Severity};
use regcred_core::docker_config::Logins;
use regcred_core::registry::verdict::{Login, Standing, Verdict};

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The pause of a replica that does not lead, and the shortest pause between two rounds.
const WAITS: Duration = Duration::from_secs(1);
/// A login that ends within this many seconds ends soon, as in the alert.
const SOON: i64 = 7 * 86_400;

/// Asks registries, and remembers their answers while the mounted files and custom resources change.
pub struct Asking<'a> {
    /// How often each registry is asked; `None` means never.
    interval: Option<Duration>,
    environment: &'a Environment,
    known: RefCell<Vec<Known>>,
}

/// The last answer about a login.
struct Known {
    login: Credential,
    asked: Instant,
    accepted: Accepted,
    /// The last clear answer: whether the registry refuses the login.
    is_refused: Option<bool>,
    expires: Option<i64>,
}

impl<'a> Asking<'a> {
    pub fn new(interval: Option<Duration>, environment: &'a Environment) -> Self {
        Self { interval, environment, known: RefCell::default() }
    }

    /// Asks without end, while this replica leads: a new login at once, and each login again after the interval.
    pub async fn keep_asking(&self, mounted: &Mounted, state: &State, news: &RefCell<News>) -> Infallible {
        let logins = distinct(&mounted.logins);
        self.known.borrow_mut().retain(|known| logins.iter().any(|login| is_same(login, &known.login)));
        self.show(&logins, state);
        let Some(interval) = self.interval else { return pending().await };
        let (named, others): (Vec<_>, Vec<_>) =
            logins.iter().copied().partition(|login| mounted.may_ask.allows(&login.registry));
        for login in others {
            let problem = Diagnostic::warning(Code::NotAllowed, not_named(login));
            log::problem(&problem.hint("add it to `controller.registries`, and render the controller again"));
        }
        loop {
            while !state.leads() {
                sleep(WAITS).await;
            }
            let is_due = |login: &&Credential| self.known(login, |one| one.asked.elapsed() < interval) != Some(true);
            let due: Vec<_> = named.iter().copied().filter(is_due).collect();
            self.ask(&due, &mounted.may_ask, news).await;
            self.show(&logins, state);
            let next = self.known.borrow().iter().map(|one| one.asked + interval).min();
            sleep(next.map_or(interval, |next| next.saturating_duration_since(Instant::now())).max(WAITS)).await;
        }
    }

    /// The answers of the registries about these pull secrets.
    pub fn accepted(&self, mounted: &Mounted, pull_secrets: &[usize]) -> Accepted {
        if self.interval.is_none() {
            return Accepted::Unknown("the controller runs without `--check-online`, and asks no registry".to_owned());
        }
        let logins = pull_secrets.iter().filter_map(|number| mounted.logins.get(*number));
        let said = |login: &Credential| {
            if !mounted.may_ask.allows(&login.registry) {
                return Accepted::Unknown(not_named(login));
            }
            let waits = || Accepted::Unknown(format!("the registry `{}` was not asked yet", login.registry));
            self.known(login, |one| one.accepted.clone()).unwrap_or_else(waits)
        };
        Accepted::together(logins.flat_map(|logins| logins.credentials()).map(said))
    }

    fn known<T>(&self, login: &Credential, read: impl Fn(&Known) -> T) -> Option<T> {
        self.known.borrow().iter().find(|one| is_same(&one.login, login)).map(read)
    }

    async fn ask(&self, logins: &[&Credential], allowed: &Allowed, news: &RefCell<News>) {
        let options = Options { allowed, realms: &[], insecure: &[], timeout: TIMEOUT, environment: self.environment };
        let Ok(verdicts) = registry::ask(logins, &[], &options).await else {
            return log::warn("the registries cannot be asked: the address of the proxy is invalid", &[]);
        };
        // The logins are distinct and have no images, so each has one verdict, in the same order.
        for (login, verdict) in logins.iter().zip(verdicts) {
            for problem in Verdict::problems(&verdict) {
                if problem.severity == Severity::Error {
                    news.borrow_mut().publish("LoginRefused", &problem.message, None);
                } else {
                    log::problem(&problem);
                }
            }
            self.remember(login, &verdict);
        }
    }

    /// An unclear answer leaves the last clear one as it was.
    fn remember(&self, login: &Credential, verdict: &Verdict) {
        let is_refused = match verdict.login.as_ref().map_or(Standing::Unknown, Login::standing) {
            Standing::Good => Some(false),
            Standing::Refused => Some(true),
            Standing::Unknown => self.known(login, |one| one.is_refused).flatten(),
        };
        let expires = verdict.expires.or_else(|| lifetime::ends(login));
        let accepted = accepted(login, verdict, expires);
        let answer = Known { login: login.clone(), asked: Instant::now(), accepted, is_refused, expires };
        let mut known = self.known.borrow_mut();
        known.retain(|one| !is_same(&one.login, login));
        known.push(answer);
    }

    /// Shows one value per registry: the first end, and whether any login is refused.
    fn show(&self, logins: &[&Credential], state: &State) {
        let mut registries: BTreeMap<&str, (Option<i64>, Option<bool>)> = BTreeMap::new();
        for login in logins {
            let expires = self.known(login, |one| one.expires).unwrap_or_else(|| lifetime::ends(login));
            let is_refused = self.known(login, |one| one.is_refused).flatten();
            let (first, any) = registries.entry(login.registry.as_str()).or_default();
            *first = [*first, expires].into_iter().flatten().min();
            *any = (*any).max(is_refused);
        }
        state.metrics.logins(&registries);
    }
}

fn accepted(login: &Credential, verdict: &Verdict, expires: Option<i64>) -> Accepted {
    let registry = &login.registry;
    let Some(said) = &verdict.login else {
        return Accepted::Unknown(format!("the registry `{registry}` says nothing"));
    };
    let words = format!("the login for `{registry}` is {}", said.sentence());
    match said.standing() {
        Standing::Refused => Accepted::Refused(words),
        Standing::Unknown => Accepted::Unknown(words),
        Standing::Good => match expires.filter(|at| at.saturating_sub(Timestamp::now().as_second()) < SOON) {
            Some(at) => {
                let time = Timestamp::from_second(at).map_or("soon".to_owned(), |time| format!("at {time}"));
                Accepted::EndsSoon(format!("the login for `{registry}` ends {time}"))
            }
            None => Accepted::Yes,
        },
    }
}

/// Why a registry is not asked.
fn not_named(login: &Credential) -> String {
    let registry = &login.registry;
    format!(
        "the registry `{registry}` is not asked: `controller.registries` of the mounted regcred.yaml does not name it"
    )
}

fn distinct(logins: &[Rc<Logins>]) -> Vec<&Credential> {
    let mut all: Vec<&Credential> = Vec::new();
    for login in logins.iter().flat_map(|logins| logins.credentials()) {
        if !all.iter().any(|one| is_same(one, login)) {
            all.push(login);
        }
    }
    all
}

fn is_same(one: &Credential, other: &Credential) -> bool {
    one.registry.index() == other.registry.index() && one.is_same_login(other)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use regcred_core::controller::Manner;
    use regcred_core::registry::verdict::Fault;

    fn verdict(login: Login, expires: Option<i64>) -> Verdict {
        let registry = "ghcr.io".to_owned();
        Verdict {
            registry,
            source: None,
            username: None,
            login: Some(login),
            images: Vec::new(),
            expires,
            limits: None,
        }
    }

    #[test]
    fn an_unclear_answer_changes_no_metric_and_another_login_begins_without_one() {
        let (environment, state) = (Environment::new([("A", "b")], PathBuf::from("/")), State::new(Manner::Controller));
        let asking = Asking::new(Some(Duration::from_secs(1)), &environment);
        let (old, new) = (Credential::sample("ghcr.io", "u", "old"), Credential::sample("ghcr.io", "u", "new"));
        let shown = |login: &Credential, answer: Option<Login>| {
            if let Some(answer) = answer {
                asking.remember(login, &verdict(answer, None));
            }
            asking.show(&[login], &state);
            let text = state.metrics.text();
            text.lines()
                .find_map(|line| Some(line.strip_prefix("regcred_login_refused{registry=\"ghcr.io\"} ")?.to_owned()))
        };
        assert_eq!(shown(&old, None), None);
        assert_eq!(shown(&old, Some(Login::Unreachable(Fault::Timeout))), None);
        assert_eq!(shown(&old, Some(Login::Refused)).as_deref(), Some("1"));
        assert_eq!(shown(&old, Some(Login::Limited)).as_deref(), Some("1"));
        assert_eq!(shown(&new, None), None);
        assert_eq!(shown(&new, Some(Login::Good)).as_deref(), Some("0"));
    }

    #[test]
    fn a_login_that_ends_within_a_week_ends_soon() {
        let login = Credential::sample("ghcr.io", "u", "p");
        let at = |days: i64| Some(Timestamp::now().as_second() + days * 86_400);
        let said = |answer: Login, expires| accepted(&login, &verdict(answer, expires), expires);
        assert_eq!(said(Login::Good, at(8)), Accepted::Yes);
        assert!(matches!(said(Login::Good, at(6)), Accepted::EndsSoon(_)));
        assert!(matches!(said(Login::Refused, at(6)), Accepted::Refused(_)));
        assert!(matches!(said(Login::Limited, None), Accepted::Unknown(_)));
    }
}
