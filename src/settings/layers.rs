//! Reads regcred.yaml, a cluster's entry and the variables as partial Specs.

use super::file::{self, Cluster, Login, PatcherSpec, UserName};
use crate::environment::Environment;
use regcred_core::credentials::{NameSource, Source};
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::names::VariableName;
use regcred_core::spec::choice::Strategy;
use regcred_core::spec::logins::{self, Known};
use regcred_core::spec::{Certificate, Options, Origin, Parsed, PullSecret, Sourced, Spec, typed};

pub(super) const NAMESPACES: &str = "REGCRED_NAMESPACES";
/// The variable with a certificate, which kubeseal reads, too.
pub(super) const CERTIFICATE: &str = "SEALED_SECRETS_CERT";

pub(super) fn of_variables(environment: &Environment) -> Spec {
    let origin = Origin::Variable(NAMESPACES);
    let names = match environment.setting(NAMESPACES) {
        None if environment.is_set(NAMESPACES) => {
            let problem = Diagnostic::error(Code::NotUtf8, format!("{origin} is not UTF-8 text"));
            vec![Err(vec![problem.hint("write names of a-z, 0-9 and -, joined by commas")])]
        }
        names => {
            let names =
                names.unwrap_or_default().split(|character: char| character == ',' || character.is_whitespace());
            typed::patterns(names.filter(|name| !name.is_empty()).map(str::to_owned), &origin)
        }
    };
    let certificate = environment.setting(CERTIFICATE).map(|text| Certificate::Variable(text.to_owned()));
    Spec {
        options: Options {
            sealing_cert: certificate.map(|value| Sourced { value, origin: Origin::Variable(CERTIFICATE) }),
            ..Options::default()
        },
        each: PullSecret { include: list(names, origin), ..PullSecret::default() },
        pull_secrets: Vec::new(),
    }
}

/// The partial Spec of the file; with a cluster, the entry of the cluster wins over the common fields.
pub(super) fn of_file(spec: &file::Spec, cluster: Option<&Cluster>, known: &Known<'_>) -> Spec {
    // A cluster's own patcher replaces the common patcher as a whole, so no setting of the common patcher applies.
    let has_its_own = cluster.is_some_and(|cluster| cluster.patcher.is_some());
    let patcher = if has_its_own { &PatcherSpec::default() } else { &spec.patcher };
    let common = Spec {
        options: options(spec, patcher, &Origin::File),
        each: PullSecret::default(),
        pull_secrets: spec.pull_secrets.iter().map(|entry| pull_secret(entry, &Origin::File, known)).collect(),
    };
    Spec::merge(cluster.map(|cluster| of_cluster(cluster, known)).into_iter().chain([common]).collect::<Vec<_>>())
}

fn of_cluster(cluster: &Cluster, known: &Known<'_>) -> Spec {
    let Cluster {
        name,
        context: _,
        kubeconfig: _,
        strategy,
        link,
        protect,
        sealing,
        format,
        profile,
        create_namespaces,
        namespaces,
        pull_secrets,
        patcher,
    } = cluster;
    let origin = |field| Origin::Cluster(name.clone(), field);
    let (strategy, link, protect, format, profile) = (*strategy, *link, *protect, *format, *profile);
    let sealing = sealing.clone();
    let spec = file::Spec { strategy, link, protect, sealing, format, profile, ..file::Spec::default() };
    let mut options = options(&spec, patcher.as_ref().unwrap_or(&PatcherSpec::default()), &origin);
    options.create_namespaces = one(*create_namespaces, origin("createNamespaces"));
    let mut each = PullSecret::default();
    if let Some(namespaces) = namespaces {
        each = with_namespaces(each, namespaces, &origin);
    } else if strategy == Some(Strategy::Patcher) {
        // A patcher that is chosen for one cluster serves all namespaces there; the common names are for all other clusters.
        each.include = Some(Sourced { value: Vec::new(), origin: origin("include") });
    }
    let own = pull_secrets.iter().flatten().map(|entry| pull_secret(entry, &origin, known).over(each.clone()));
    Spec { options, pull_secrets: own.collect(), each }
}

/// The options of the file, or of one of its clusters.
fn options(spec: &file::Spec, patcher: &PatcherSpec, origin: &dyn Fn(&'static str) -> Origin) -> Options {
    let controller = spec.controller.clone();
    let on = |is_on: bool| is_on.then_some(true);
    Options {
        strategy: one(spec.strategy, origin("strategy")),
        link: one(spec.link, origin("link")),
        protect: one(spec.protect, origin("protect")),
        format: one(spec.format, origin("format")),
        profile: one(spec.profile, origin("profile")),
        sealing_cert: one(spec.sealing.certificate.clone().map(Certificate::File), origin("sealing.certificate")),
        sealing_scope: one(spec.sealing.scope, origin("sealing.scope")),
        create_namespaces: one(on(spec.create_namespaces), origin("createNamespaces")),
        controller_namespace: one(controller.namespace, origin("controller.namespace")),
        controller_image: one(controller.image, origin("controller.image")),
        replicas: one(controller.replicas, origin("controller.replicas")),
        kube_version: one(controller.kube_version, origin("controller.kubeVersion")),
        crd: one(on(controller.crd), origin("controller.crd")),
        restart_stuck_pods: one(on(controller.restart_stuck_pods), origin("controller.restartStuckPods")),
        check_online: one(controller.check_online, origin("controller.checkOnline")),
        permitted_registries: list(controller.registries, origin("controller.registries")),
        permitted_secrets: list(controller.secrets, origin("controller.secrets")),
        patcher: one(patcher.kind, origin("patcher.kind")),
        patcher_namespace: one(patcher.namespace.clone(), origin("patcher.namespace")),
        patcher_image: one(patcher.image.clone(), origin("patcher.image")),
        source_secret_name: one(patcher.source_secret_name.clone(), origin("patcher.sourceSecretName")),
        patcher_pull_secret: one(patcher.pull_secret.clone(), origin("patcher.pullSecret")),
        patcher_interval: one(patcher.interval.clone(), origin("patcher.interval")),
        no_default_excludes: one(on(!patcher.default_excludes), origin("patcher.defaultExcludes")),
        no_guard: one(on(!patcher.guard), origin("patcher.guard")),
        ..Options::default()
    }
}

fn one<T>(value: Option<T>, origin: Origin) -> Option<Sourced<T>> {
    value.map(|value| Sourced { value, origin })
}

/// An empty list counts as missing.
fn list<T>(value: Vec<T>, origin: Origin) -> Option<Sourced<Vec<T>>> {
    one(Some(value).filter(|value| !value.is_empty()), origin)
}

fn good<T: Clone>(values: &[T]) -> Vec<Parsed<T>> {
    values.iter().cloned().map(Ok).collect()
}

/// Includes and excludes belong together: neither is taken from another place in the file.
fn with_namespaces(
    pull_secret: PullSecret,
    namespaces: &file::Namespaces,
    origin: &dyn Fn(&'static str) -> Origin,
) -> PullSecret {
    let mut include = good(&namespaces.include);
    if namespaces.selector.is_some() {
        let message = "`selector` in regcred.yaml chooses by label, and only `regcred controller` does";
        let hint = "name namespaces or globs in `include`, or use --selector";
        include.push(Err(vec![Diagnostic::error(Code::MeansNothing, message).hint(hint)]));
    }
    PullSecret {
        include: Some(Sourced { value: include, origin: origin("include") }),
        exclude: Some(Sourced { value: good(&namespaces.exclude), origin: origin("exclude") }),
        ..pull_secret
    }
}

fn pull_secret(entry: &file::PullSecret, origin: &dyn Fn(&'static str) -> Origin, known: &Known<'_>) -> PullSecret {
    let file::PullSecret { name, logins, external, namespaces, service_accounts, also_reference } = entry;
    let of = name.as_ref().map_or(String::new(), |name| format!(" of the pull secret `{name}`"));
    let logins = logins.iter().enumerate().map(|(number, login)| {
        let place = format!("`logins`, item {}{of} in regcred.yaml", number + 1);
        let source = self::login(login, &place, known)?;
        known.allowed.confined(source, &place)
    });
    let logins = logins.collect();
    let pull_secret = PullSecret {
        name: one(name.clone(), origin("name")),
        logins: list(logins, origin("logins")),
        external: one(external.clone(), origin("external")),
        service_accounts: list(good(service_accounts), origin("serviceAccounts")),
        also_reference: list(good(also_reference), origin("alsoReference")),
        ..PullSecret::default()
    };
    if namespaces.is_empty() { pull_secret } else { with_namespaces(pull_secret, namespaces, origin) }
}

/// A login of the file.
fn login(login: &Login, place: &str, known: &Known<'_>) -> Parsed<Source> {
    match login {
        Login::Whole(whole) => variable(whole, place, "dockerConfig", known).map(Source::DockerConfig),
        Login::Preset(preset) => Ok(Source::Preset(preset.0)),
        Login::One { registry, username, password } => {
            let username = match username {
                UserName { env: Some(name), value: None, secret: None, key: None } => {
                    logins::variable(name, place, known).map(NameSource::Variable)
                }
                UserName { env: None, value: Some(name), secret: None, key: None } => {
                    Ok(NameSource::Literal(name.clone()))
                }
                UserName { secret: Some(_), .. } => Err(vec![only_mounted(place, "username")]),
                _ => {
                    let message = format!("{place}: `username` has either `env` or `value`");
                    Err(vec![Diagnostic::error(Code::InvalidLogin, message)])
                }
            };
            let password = variable(password, place, "password", known);
            logins::login(logins::registry(registry, place), username, password)
        }
    }
}

fn variable(written: &file::Place, place: &str, field: &str, known: &Known<'_>) -> Parsed<VariableName> {
    match written {
        file::Place { env: Some(name), secret: None, key: None } => logins::variable(name, place, known),
        file::Place { secret: Some(_), .. } => Err(vec![only_mounted(place, field)]),
        _ => {
            let message = format!("{place}: `{field}` has no `env`");
            Err(vec![
                Diagnostic::error(Code::InvalidLogin, message).hint("write `{env: NAME}`, with the name of a variable"),
            ])
        }
    }
}

/// A mounted Secret, which only the controller can read.
fn only_mounted(place: &str, field: &str) -> Diagnostic {
    let message = format!("{place}: `{field}` names a Secret, and only `regcred controller` reads mounted Secrets");
    Diagnostic::error(Code::InvalidLogin, message)
        .hint(format!("write `{field}: {{env: NAME}}`, and set that variable"))
}
