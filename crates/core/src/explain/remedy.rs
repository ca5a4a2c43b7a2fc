//! Writes what to do about a cause, with the names that the commands need.

use super::answers::{expired_login, refused_login};
use super::cause::Cause;
use super::facts::Facts;
use super::key;
use super::references::better;
use super::secret::{Held, PullSecret};
use crate::names::ResourceName;

/// The command in every remedy that writes to the cluster.
const APPLY: &str = "`regcred apply";
/// The step in place of `regcred apply`, which a controller would undo.
const CHANGE_THE_CONTROLLER: &str = "change the login or the regcred.yaml of the controller, which serves this cluster, or with `--crd` the custom resource";

/// What to do.
pub(super) fn of(cause: Cause, facts: &Facts) -> String {
    let mut remedy = with_names(cause, facts).unwrap_or_else(|| cause.remedy().to_owned());
    if facts.pod.as_ref().is_some_and(|pod| pod.is_bare) && remedy.contains("the Pod's template") {
        let again = if remedy.contains("create the Pod again") { "" } else { "; then create the Pod again" };
        remedy = remedy.replace("the Pod's template", "the Pod's manifest") + again;
    }
    if !remedy.contains(APPLY) {
        return remedy;
    }
    if !facts.place.has_controller {
        return remedy + "; run it with the `--login` or the regcred.yaml of the first run";
    }
    let of_the_controller = |step| if str::contains(step, APPLY) { CHANGE_THE_CONTROLLER } else { step };
    remedy.split("; ").map(of_the_controller).collect::<Vec<_>>().join("; ")
}

fn with_names(cause: Cause, facts: &Facts) -> Option<String> {
    let namespace = facts.place.name.as_str();
    let again = || format!("then create the Pod again{}", new_pod(facts));
    let annotated = |object: &str, keys: &[&str]| {
        let keys: Vec<_> = keys.iter().map(|key| format!("{key}-")).collect();
        let apply = if facts.place.has_controller { "" } else { "`regcred apply` in this namespace, " };
        (!keys.is_empty()).then(|| format!("`kubectl annotate {object} {}`, {apply}{}", keys.join(" "), again()))
    };
    match cause {
        Cause::NamespaceExcluded => annotated(&format!("namespace {namespace}"), &facts.place.opts_out),
        Cause::AccountExcluded => {
            let account = &facts.account.name;
            annotated(&format!("serviceaccount {account} -n {namespace}"), &facts.account.opts_out)
        }
        Cause::NotScheduled | Cause::NotReported => {
            let named = format!("`kubectl describe pod {} -n {namespace}`", facts.pod.as_ref()?.name);
            Some(cause.remedy().replace("`kubectl describe pod`", &named))
        }
        Cause::LinkedLater if facts.pod.as_ref().is_some_and(|pod| pod.is_bare) => {
            Some(format!("delete the Pod, and create it again{}", new_pod(facts)))
        }
        Cause::LinkedLater => {
            Some(format!("delete the Pod, so that its controller creates a new one{}", new_pod(facts)))
        }
        Cause::PolicyExcludes if facts.place.has_controller => {
            Some(format!("add the namespace to `namespaces` in the controller's regcred.yaml, {}", again()))
        }
        Cause::PolicyLater => Some(format!(
            "create the Pod again{}; if that does not help, add a login for the registry of this image",
            new_pod(facts)
        )),
        Cause::NoReference if facts.account.is_left_out => {
            let name = &facts.account.name;
            Some(format!("add `{name}` to `serviceAccounts` in regcred.yaml, and apply it; {}", again()))
        }
        Cause::NoReference => {
            let remedy =
                cause.remedy().replace("`regcred apply` in this namespace", &format!("`regcred apply -n {namespace}`"));
            let remedy = match &facts.place.excluded_by {
                Some(pattern) => format!(
                    "take `{pattern}` out of `exclude` in regcred.yaml, which leaves this namespace out; {}",
                    remedy.replace(" if regcred.yaml excludes the namespace, change that first;", "")
                ),
                None => remedy,
            };
            Some(remedy + &new_pod(facts))
        }
        Cause::OwnReferences => better(facts).map(|better| format!("{}; {}", list(better), again())),
        Cause::SecretMissing => {
            let secret = facts.secrets.iter().find(|secret| matches!(secret.held, Held::Missing))?;
            secret.name.parse::<ResourceName>().ok()?;
            Some(cause.remedy().replace("regcred apply", &apply(secret, namespace)))
        }
        Cause::WrongType => {
            let secret = facts.secrets.iter().find(|secret| matches!(secret.held, Held::OfAnotherType))?;
            let overwrite = if secret.is_ours { "" } else { " --on-conflict overwrite" };
            Some(format!(
                "create it again with the type kubernetes.io/dockerconfigjson: `{} --recreate{overwrite}`",
                apply(secret, namespace)
            ))
        }
        Cause::Expired | Cause::WrongPassword => {
            let (verdict, new) = if cause == Cause::Expired {
                (expired_login(facts), "create a new token")
            } else {
                (refused_login(facts), "check the user name, and create a new token")
            };
            let source = verdict?.source.as_deref()?;
            let secret = facts.secrets.iter().find(|secret| source.contains(&format!("`{}`", secret.name)))?;
            Some(if secret.is_ours {
                format!("{new}; put it into its variable, and run `{}`", apply(secret, namespace))
            } else {
                format!("{new}; write it into `{}` where that Secret is made", secret.name)
            })
        }
        Cause::NoKey => {
            let secret = facts.secrets.iter().find(|secret| secret.logins().next().is_some())?;
            let name = &secret.name;
            (!secret.is_ours).then(|| {
                format!("add a login for that registry to `{name}` with the tool that wrote that Secret (not regcred)")
            })
        }
        Cause::SecretEmpty if facts.secrets.iter().any(|secret| secret.lacks_auths) => {
            Some("put `{\"auths\": …}` around the logins, and write the Secret again".to_owned())
        }
        Cause::SecretBroken
        | Cause::BadEntry
        | Cause::KeyScheme
        | Cause::KeyDockerHub
        | Cause::KeyPort
        | Cause::KeyPath
        | Cause::KeyGlob
        | Cause::KeyWebSite
        | Cause::KeyHost => written_again(cause, facts),
        _ => None,
    }
}

/// What to do about the list of a Pod, which may come from its template. If the template has no list, a new Pod gets the references of its
/// ServiceAccount.
fn list((name, is_of_account): (&str, bool)) -> String {
    if is_of_account {
        format!("if the Pod's template has a list `imagePullSecrets`, remove that list or add `{name}` to it")
    } else {
        format!("add `{name}` to `imagePullSecrets` in the Pod's template")
    }
}

/// The owner of the Secret decides who has to write it again.
fn written_again(cause: Cause, facts: &Facts) -> Option<String> {
    let secret = facts.secrets.iter().find(|secret| has_the_fault(secret, cause, facts))?;
    let (apply, remedy) = (apply(secret, &facts.place.name), cause.remedy());
    Some(if secret.is_ours {
        format!("{remedy}: `{apply}`")
    } else {
        format!(
            "{remedy}; do so where `{}` is made, or let regcred write it: `{apply} --on-conflict overwrite`",
            secret.name
        )
    })
}

fn has_the_fault(secret: &PullSecret, cause: Cause, facts: &Facts) -> bool {
    let Ok(reference) = &facts.wanted.reference else { return secret.is_broken() };
    let is_of_key = |entry| key::fault(entry, reference.image()).is_some_and(|(found, _)| found == cause);
    match cause {
        Cause::SecretBroken => matches!(secret.held, Held::Broken),
        Cause::BadEntry => secret.is_broken(),
        _ => secret.entries().iter().any(is_of_key),
    }
}

fn apply(secret: &PullSecret, namespace: &str) -> String {
    format!("regcred apply -n {namespace} --secret-name {}", secret.name)
}

/// The command that makes a workload create its Pods again.
fn new_pod(facts: &Facts) -> String {
    let namespace = &facts.place.name;
    match facts.pod.as_ref().map(|pod| (&pod.name, &pod.workload)) {
        Some((_, Some(workload))) => format!(": `kubectl rollout restart {workload} -n {namespace}`"),
        Some((name, None)) => format!(": `kubectl delete pod {name} -n {namespace}`"),
        None => String::new(),
    }
}
