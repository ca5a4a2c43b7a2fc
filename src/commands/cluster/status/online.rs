//! Asks registries whether a new node could pull the images that Pods use.

use crate::cli::status::StatusArguments;
use crate::commands::online::{TIMEOUT, check_hosts, not_asked};
use crate::environment::Environment;
use crate::registry::{self, Options};
use crate::settings;
use regcred_cluster::pods;
use regcred_cluster::server::Server;
use regcred_core::cluster::status::online::inquire;
use regcred_core::cluster::status::{NamespaceStatus, Pods, online};
use regcred_core::confine::Allowed;
use regcred_core::diagnostic::{Diagnostic, Failure};

/// How registries are asked.
pub(super) struct Online<'a> {
    arguments: &'a StatusArguments,
    allowed: Allowed,
    environment: &'a Environment,
}

impl<'a> Online<'a> {
    /// Reads the flags; `None` without `--online`.
    /// Errors: usage, or a variable with invalid limits for the registries.
    pub(super) fn read(arguments: &'a StatusArguments, environment: &'a Environment) -> Result<Option<Self>, Failure> {
        if !arguments.online {
            return Ok(None);
        }
        check_hosts(&arguments.allow_realm, &arguments.insecure_registry)?;
        let allowed = settings::allowed(environment).map_err(|problem| Failure::of("the input", problem))?;
        Ok(Some(Self { arguments, allowed, environment }))
    }

    /// Asks about the images of the Pods, and adds the answers to the namespaces.
    /// Errors: the cluster refuses to give the Secrets, or no registry can be asked at all.
    pub(super) async fn ask(
        &self,
        server: &Server,
        of_namespaces: &Pods,
        namespaces: &mut [NamespaceStatus],
    ) -> Result<(), Vec<Diagnostic>> {
        let secrets = pods::secrets(server, online::secrets(of_namespaces)).await.map_err(|problem| vec![problem])?;
        let inquiry = inquire(of_namespaces, &secrets);
        let options = Options {
            allowed: &self.allowed,
            realms: &self.arguments.allow_realm,
            insecure: &self.arguments.insecure_registry,
            timeout: TIMEOUT,
            environment: self.environment,
        };
        let mut verdicts = Vec::with_capacity(inquiry.batches.len());
        for batch in &inquiry.batches {
            let logins: Vec<_> = batch.logins.iter().collect();
            let asked = registry::ask(&logins, &batch.images, &options).await;
            verdicts.push(asked.map_err(|error| problems(not_asked(&error)))?);
        }
        let mut answers = inquiry.answers(&verdicts);
        for status in namespaces.iter_mut().filter(|status| status.failed_pulls.is_some()) {
            status.online = Some(answers.remove(&status.namespace).unwrap_or_default());
        }
        Ok(())
    }
}

fn problems(failure: Failure) -> Vec<Diagnostic> {
    match failure {
        Failure::Input { problems, .. } | Failure::Usage(problems) => problems,
        Failure::ClosedPipe => Vec::new(),
    }
}
