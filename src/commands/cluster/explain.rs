//! `regcred explain` says why an image cannot be pulled, and what to do.

use anyhow::Result;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{block_on, comparison, connection};
use crate::cli::AnswerFormat;
use crate::cli::explanation::{ExplainArguments, Subject};
use crate::commands::online;
use crate::environment::Environment;
use crate::files::stream::print_text;
use crate::registry::{self, Options};
use crate::report::{self, Outcome};
use crate::settings::file::File;
use crate::settings::fleet::{Fleet, Purpose};
use crate::settings::{self, PullSecretSettings, usage};
use regcred_cluster::connect::{Access, connect};
use regcred_cluster::explain::{self as cluster, Scene};
use regcred_core::cluster::Accounts;
use regcred_core::credentials::Credential;
use regcred_core::diagnostic::{Code, Diagnostic, Failure};
use regcred_core::explain::{Cause, Facts, Finding, State, Wanted, explain};
use regcred_core::names::{Namespace, ResourceName};
use regcred_core::registry::verdict::{Login, Verdict};
use regcred_core::spec::choice::Link;
use regcred_core::spec::typed::Typed;

/// Reads the cluster, asks the registries, and explains each image.
pub fn run(
    typed: &Typed,
    arguments: &ExplainArguments,
    file: Option<&File>,
    environment: &Environment,
) -> Result<Outcome> {
    let name = arguments.name.as_deref().unwrap_or_default();
    let pod = match &arguments.subject {
        Subject::PodOf(_) if arguments.name.is_some() => return Err(no_pod().into()),
        Subject::Pod | Subject::Image if arguments.name.is_none() => {
            let hint = "for example `regcred explain pod api-7d4f -n team-a`";
            return Err(usage("`<NAME>` is missing: the Pod or the image to explain", hint).into());
        }
        Subject::Pod => Some(name.strip_prefix("pod/").unwrap_or(name)),
        Subject::PodOf(name) => Some(name.as_str()),
        // An invalid name of an image is one of the causes.
        Subject::Image => None,
    };
    let pod = pod.map(str::parse::<ResourceName>).transpose().map_err(|_| no_pod())?;
    online::check_hosts(&arguments.allow_realm, &arguments.insecure_registry)?;
    let allowed = settings::allowed(environment).map_err(|problem| Failure::of("the input", problem))?;
    let options = Options {
        allowed: &allowed,
        realms: &arguments.allow_realm,
        insecure: &arguments.insecure_registry,
        timeout: arguments.connection.timeout.0.min(online::TIMEOUT),
        environment,
    };
    let fleet = Fleet::resolve(typed, file, None, Purpose::CleanUp, environment)?;
    let mut accesses = connection::accesses(&fleet, file, &arguments.connection, environment)?;
    let (Some(access), true) = (accesses.pop(), accesses.is_empty()) else {
        let message = "regcred.yaml has several clusters, and `explain` looks into one";
        return Err(usage(message, "choose one with --cluster").into());
    };
    let ours: Vec<_> =
        fleet.members.iter().flat_map(|member| &member.pull_secrets).map(|one| one.name.clone()).collect();
    let account = arguments.account.as_ref().map_or("default", ResourceName::as_str);
    let subject = match &pod {
        Some(name) => cluster::Subject::Pod(name),
        None => cluster::Subject::Image(name, account),
    };
    let known =
        Known { ours: &ours, linked: linked(&fleet, file), excluded_by: excluded_by(&fleet, &arguments.namespace) };
    let answers = block_on(answers(access, arguments, &subject, known, &options))??;
    match arguments.format {
        AnswerFormat::Text => print_text(&as_text(arguments, &answers))?,
        AnswerFormat::Json => print_text(&report::json(&as_json(arguments, &answers))?)?,
    }
    Ok(Outcome::Done)
}

/// Everything about one image.
struct Answer {
    facts: Facts,
    finding: Finding,
}

/// What the settings say about the namespace.
struct Known<'a> {
    /// The names of the pull secrets that regcred would write.
    ours: &'a [ResourceName],
    linked: Option<Vec<Accounts<'a>>>,
    excluded_by: Option<String>,
}

async fn answers(
    access: Access,
    arguments: &ExplainArguments,
    subject: &cluster::Subject<'_>,
    Known { ours, linked, excluded_by }: Known<'_>,
    options: &Options<'_>,
) -> Result<Vec<Answer>, Failure> {
    let failed = |problem| Failure::of("the cluster", problem);
    let server = connect(access).await.map_err(failed)?;
    let scene = cluster::read(&server, &arguments.namespace, subject, ours).await.map_err(failed)?;
    let Scene { mut place, pod, mut account, wanted, secrets, others } = scene;
    place.excluded_by = excluded_by;
    let is_linked = |name: &ResourceName| linked.as_ref().is_none_or(|all| all.iter().any(|one| one.has(name)));
    account.is_left_out |= account.name.parse().is_ok_and(|name| !is_linked(&name));
    let now = Timestamp::now().as_second();
    let mut answers = Vec::with_capacity(wanted.len());
    for wanted in wanted {
        let (place, pod, account) = (place.clone(), pod.clone(), account.clone());
        let (secrets, others) = (secrets.clone(), others.clone());
        let mut facts = Facts { place, pod, account, secrets, others, wanted, verdicts: Vec::new(), now };
        if !arguments.offline {
            facts.verdicts = verdicts(&facts, options).await?;
        }
        let finding = explain(&facts);
        answers.push(Answer { facts, finding });
    }
    Ok(answers)
}

/// The ServiceAccounts that regcred.yaml links; `None` if there is no file, or Pods get their references in another way.
fn linked<'a>(fleet: &'a Fleet, file: Option<&File>) -> Option<Vec<Accounts<'a>>> {
    let member = file.and(fleet.members.first()).filter(|one| one.combination.link == Link::ServiceAccount)?;
    Some(member.pull_secrets.iter().map(|one| comparison::linked(one, false)).collect())
}

/// The pattern that leaves the namespace out, if every pull secret has one.
fn excluded_by(fleet: &Fleet, namespace: &Namespace) -> Option<String> {
    let mut all = fleet.members.iter().flat_map(|member| &member.pull_secrets);
    let of = |one: &PullSecretSettings| {
        one.exclude.iter().find(|pattern| pattern.matches(namespace)).map(|one| one.as_str().to_owned())
    };
    let first = of(all.next()?)?;
    all.all(|one| of(one).is_some()).then_some(first)
}

/// Asks with the logins that a kubelet would try, or without one.
async fn verdicts(facts: &Facts, options: &Options<'_>) -> Result<Vec<Verdict>, Failure> {
    let Ok(reference) = &facts.wanted.reference else { return Ok(Vec::new()) };
    let logins: Vec<&Credential> = facts.tried().iter().map(|candidate| candidate.login).collect();
    registry::ask(&logins, std::slice::from_ref(reference), options).await.map_err(|error| online::not_asked(&error))
}

fn as_text(arguments: &ExplainArguments, answers: &[Answer]) -> String {
    let namespace = &arguments.namespace;
    let pod = answers.iter().find_map(|answer| answer.facts.pod.as_ref());
    let head = match pod {
        Some(pod) => format!("Pod {} in {namespace}\n", pod.name),
        None => format!("Pods in {namespace}\n"),
    };
    let body = answers.iter().map(|Answer { facts, finding }| about(facts, finding));
    std::iter::once(head).chain(body).collect()
}

fn about(facts: &Facts, finding: &Finding) -> String {
    let Wanted { name, image, .. } = &facts.wanted;
    let of = if name.is_empty() { String::new() } else { format!("{name}: ") };
    let reason = facts.wanted.reason();
    let reason = if reason.is_empty() { String::new() } else { format!(", {reason}") };
    let mut lines = vec![format!("{of}{image}{reason}")];
    lines.extend(words(facts).map(|words| format!("  the node says: {words}")));
    lines.extend(facts.secrets.iter().map(|secret| format!("  Secret `{}` {}", secret.name, secret.summary())));
    if facts.secrets.is_empty() {
        lines.push("  there is no reference to a pull secret".to_owned());
    }
    let (tried, has_unread) = (facts.tried(), !finding.unread.is_empty());
    let tried: Vec<_> = tried.iter().map(|one| format!("{} in `{}`", one.login.registry, one.secret)).collect();
    if facts.wanted.reference.is_ok() {
        lines.push(match tried.as_slice() {
            _ if facts.is_stopped() => "  a kubelet does not try: it cannot read one of the Secrets".to_owned(),
            [] if has_unread => "  what a kubelet tries is not known".to_owned(),
            [] => "  a kubelet pulls without a login".to_owned(),
            tried => format!("  a kubelet tries, in this order: {}", tried.join(", ")),
        });
    }
    lines.extend(facts.verdicts.iter().flat_map(said));
    lines.extend(conclusion(finding));
    lines.iter().map(|line| report::inert(line) + "\n").collect()
}

/// The node's message, unless it quotes a login.
fn words(facts: &Facts) -> Option<String> {
    let State::Waiting(_, message) = &facts.wanted.state else { return None };
    let line: String = message.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(400).collect();
    (!line.is_empty() && !facts.quotes_a_login(&line)).then_some(line)
}

/// The answers of a registry to this machine.
fn said(verdict: &Verdict) -> Vec<String> {
    let login = verdict.login.as_ref().filter(|_| verdict.source.is_some()).map(Login::sentence);
    let login = login.map(|sentence| format!("  {} says from here: the login is {sentence}", verdict.registry));
    let images = verdict.images.iter().map(|(_, pull)| verdict.sentence(*pull));
    let images = images.map(|sentence| format!("  {} says from here: {sentence}", verdict.registry));
    login.into_iter().chain(images).collect()
}

fn conclusion(finding: &Finding) -> Vec<String> {
    let Finding { cause, about, remedy, ruled_out, unread } = finding;
    let Some(cause) = cause else {
        let ruled_out: Vec<_> = ruled_out.iter().map(|cause| cause.word()).collect();
        let why = if unread.is_empty() {
            "; a node may have another proxy, authorities or mirror than this machine".to_owned()
        } else {
            let unread: Vec<_> = unread.iter().map(|name| format!("`{name}`")).collect();
            format!(": the Secret {} may not be read; ask with an account that may `get` it", unread.join(", "))
        };
        return vec![format!("  cause: not known{why}"), format!("  ruled out: {}", ruled_out.join(", "))];
    };
    let about = if about.is_empty() { String::new() } else { format!(": {about}") };
    let remedy = Some(remedy).filter(|remedy| !remedy.is_empty()).map(|remedy| format!("  what to do: {remedy}"));
    std::iter::once(format!("  cause: {}: {}{about}", cause.word(), cause.sentence())).chain(remedy).collect()
}

fn as_json(arguments: &ExplainArguments, answers: &[Answer]) -> Value {
    let images = answers.iter().map(|Answer { facts, finding }| {
        let tried = facts.tried();
        let tried = tried.iter().map(|one| json!({"registry": one.login.registry.to_string(), "secret": one.secret}));
        json!({
            "name": facts.wanted.name,
            "image": facts.wanted.image,
            "reason": facts.wanted.reason(),
            "tried": tried.collect::<Vec<_>>(),
            "online": facts.verdicts.iter().map(online::as_json).collect::<Vec<_>>(),
            "cause": finding.cause.map(Cause::word),
            "message": finding.cause.map(Cause::sentence),
            "about": finding.about,
            "remedy": finding.cause.map(|_| &finding.remedy),
            "notRead": finding.unread,
            "ruledOut": finding.ruled_out.iter().map(|cause| cause.word()).collect::<Vec<_>>(),
        })
    });
    json!({"namespace": arguments.namespace.as_str(), "images": images.collect::<Vec<_>>()})
}

fn no_pod() -> Failure {
    let problem = Diagnostic::error(Code::InvalidName, "what `explain pod` got is not the name of a Pod");
    Failure::Usage(vec![problem.hint("`kubectl get pods -n NAMESPACE` lists them")])
}
