//! `regcred fetch-cert` writes the certificate of a cluster's Sealed Secrets controller to a file.

use std::path::{Path, PathBuf};

use anyhow::Result;
use jiff::Timestamp;

use super::kubeconfig;
use crate::cli::FetchCertArguments;
use crate::environment::{Environment, Kubeconfig, read_file};
use crate::files::{folder, git};
use crate::protect::sealed::certificate::{self, Recipient};
use crate::protect::sealed::controller::Controller;
use crate::report::{self, Outcome};
use crate::settings::file::{Cluster, File, Spec};
use crate::settings::fleet::choose;
use crate::settings::{secret_variables, usage};
use regcred_core::cluster::confine::{CONTEXTS, check_context, check_current_context, check_path_of_kubeconfig};
use regcred_core::diagnostic::{Code, Diagnostic, Failure, reason};
use regcred_core::names::InvalidName;

/// The variables and defaults of kubeseal.
const NAME: (&str, &str) = ("SEALED_SECRETS_CONTROLLER_NAME", "sealed-secrets-controller");
const NAMESPACE: (&str, &str) = ("SEALED_SECRETS_CONTROLLER_NAMESPACE", "kube-system");
const TITLE: &str = "the certificate";

/// Asks the controller, checks its answer, and replaces the file if the certificate differs.
pub fn run(arguments: &FetchCertArguments, file: Option<&File>, environment: &Environment) -> Result<Outcome> {
    let FetchCertArguments { output, cluster, check, controller_name, controller_namespace, context } = arguments;
    let entry = entry(cluster.as_deref(), file)?;
    let path = path(output.as_deref(), entry, file, environment)?;
    git::check_place(&path)?;
    let there = read(&path)?;
    let (context, kubeconfig) = way(context.as_deref(), entry, file, environment).map_err(failed)?;
    let nothing = Spec::default();
    let sources = secret_variables::of(file.map_or(&nothing, |file| &file.spec), environment);
    let controller = Controller {
        name: choice(controller_name.as_deref(), NAME, "--controller-name", environment)?,
        namespace: choice(controller_namespace.as_deref(), NAMESPACE, "--controller-namespace", environment)?,
        context,
        kubeconfig: kubeconfig.as_ref(),
        environment,
        sources: &sources,
    };
    if let (None, Some(listed)) = (context, environment.guard(CONTEXTS)) {
        let current = controller.current_context().map_err(failed)?;
        check_current_context(current.as_deref(), Some(listed)).map_err(failed)?;
    }
    let pem = controller.certificate().map_err(failed)?;
    let source = "the answer of the controller";
    let Recipient { warnings, last_day, .. } = certificate::choose(&pem, source, Timestamp::now()).map_err(failed)?;
    report::warn(&warnings);
    let is_current = there.as_ref().is_some_and(|there| certificate::ders(there) == certificate::ders(&pem));
    if *check {
        if !is_current {
            report::note(match there {
                None => "the file of the certificate is missing",
                Some(_) => "the certificate of the cluster is another than that in the file",
            });
        }
        return Ok(if is_current { Outcome::Done } else { Outcome::Differs });
    }
    if !is_current {
        folder::replace(&path, &pem)?;
        if there.is_some() {
            report::note("the certificate is another than before: the next `regcred render` seals everything for it");
        }
    }
    // The context exists, so it is not a value that somebody typed in place of a name.
    let of = context.map_or("the current context".to_owned(), |context| format!("the context `{context}`"));
    let done = if is_current { "is there already" } else { "was written" };
    let for_whom = entry.map_or(String::new(), |entry| format!(" for `{}`", entry.name));
    report::note(&format!("the certificate of {of} {done}{for_whom}; it ends on {last_day}"));
    Ok(Outcome::Done)
}

/// The cluster of `--cluster`.
/// Errors: usage: regcred.yaml has no such cluster.
fn entry<'a>(name: Option<&str>, file: Option<&'a File>) -> Result<Option<&'a Cluster>, Failure> {
    let Some(name) = name else { return Ok(None) };
    if name.contains(',') {
        let message = "`--cluster` takes one name here, since each cluster has its own certificate";
        return Err(usage(message, "run the command once for each cluster"));
    }
    let clusters = file.map_or(&[][..], |file| &file.spec.clusters);
    choose(&[name.to_owned()], clusters).map(|chosen| chosen.first().copied())
}

/// The context and the kubeconfig of the cluster in regcred.yaml, unless a flag names the context.
fn way<'a>(
    typed: Option<&'a str>,
    entry: Option<&'a Cluster>,
    file: Option<&File>,
    environment: &Environment,
) -> Result<(Option<&'a str>, Option<Kubeconfig>), Diagnostic> {
    let written = entry.and_then(|entry| entry.context.as_deref());
    if let (Some(context), None) = (written, typed) {
        check_context(context, environment.guard(CONTEXTS))?;
    }
    let context = typed.or(written);
    if let Some(variable) = entry.and_then(|entry| entry.kubeconfig.as_ref()) {
        return Ok((context, Some(kubeconfig::of_variable(variable.env.as_str(), file, environment)?)));
    }
    check_path_of_kubeconfig(environment.setting("KUBECONFIG").unwrap_or_default(), "`KUBECONFIG`")?;
    Ok((context, None))
}

fn failed(problem: Diagnostic) -> Failure {
    Failure::of(TITLE, problem)
}

/// The file of the flag, or the certificate of regcred.yaml.
fn path(
    output: Option<&Path>,
    entry: Option<&Cluster>,
    file: Option<&File>,
    environment: &Environment,
) -> Result<PathBuf, Failure> {
    let sealing = entry.map(|entry| &entry.sealing).or(file.map(|file| &file.spec.sealing));
    let in_the_file = sealing.and_then(|sealing| sealing.certificate.as_deref());
    if let (None, Some(path)) = (output, in_the_file)
        && !git::is_inside(&environment.directory().join(path), environment.directory())
    {
        let message = "`sealing.certificate` in regcred.yaml is a path outside of this folder and its work tree";
        let hint = "a merge request may have written it: name the file with --output, if that is meant";
        return Err(Failure::of("the output", Diagnostic::error(Code::NotAllowed, message).hint(hint)));
    }
    output.or(in_the_file).map(|path| environment.directory().join(path)).ok_or_else(|| {
        let (missing, hint) = match entry {
            Some(_) => (
                "the cluster of `--cluster` has no `sealing.certificate` in regcred.yaml",
                "write it there, for example `sealing: {certificate: certs/NAME.pem}`",
            ),
            None if file.is_some_and(|file| !file.spec.clusters.is_empty()) => (
                "`--cluster` is missing, and each cluster of regcred.yaml may have its own certificate",
                "choose the cluster with --cluster NAME",
            ),
            None => (
                "`--output` is missing, and regcred.yaml has no `sealing.certificate`",
                "add --output FILE, for example --output sealing.pem",
            ),
        };
        usage(missing, hint)
    })
}

/// The content of the file, if it exists. If it holds anything except certificates, regcred may not replace it.
fn read(path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    let problem = match read_file(path) {
        Ok(bytes) if bytes.is_empty() => return Ok(Some(bytes)),
        Ok(bytes) if certificate::ders(&bytes).is_empty() => {
            Diagnostic::error(Code::NotOurs, "the file of `--output` exists, and has no certificate in it")
                .hint("remove it, or choose another path")
        }
        Ok(bytes) if certificate::holds_more(&bytes) => {
            let message =
                "the file of `--output` holds more than certificates, for example a private key, which would be lost";
            Diagnostic::error(Code::NotOurs, message).hint("choose another path")
        }
        Ok(bytes) => return Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => Diagnostic::error(
            Code::UnreadableFile,
            format!("the file of `--output` cannot be read: {}", reason(&error)),
        )
        .hint("name a file, and check that this user may read it"),
    };
    Err(Failure::of("the output", problem))
}

/// A name from the flag, the variable, or the default.
fn choice<T: std::str::FromStr<Err = InvalidName>>(
    flag: Option<&str>,
    (variable, default): (&'static str, &str),
    flag_name: &str,
    environment: &Environment,
) -> Result<T, Failure> {
    let (text, place) = match (flag, environment.setting(variable)) {
        (Some(text), _) => (text, flag_name),
        (None, Some(text)) => (text, variable),
        (None, None) => (default, flag_name),
    };
    text.parse().map_err(|invalid: InvalidName| {
        failed(Diagnostic::error(Code::InvalidName, format!("`{place}`: {invalid}")).hint(invalid.hint))
    })
}
