//! Asks registries whether a new node could pull the images that Pods use.

use std::time::Duration;

use crate::cli::OnlineArguments;
use crate::cli::status::StatusArguments;
use crate::commands::online::{check, not_asked};
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
    arguments: OnlineArguments,
    allowed: Allowed,
    timeout: Duration,
    environment: &'a Environment,
}

impl<'a> Online<'a> {
    /// Reads the flags; `None` without `--online`.
    /// Errors: usage, or a variable with invalid limits for the registries.
    pub(super) fn read(arguments: &StatusArguments, environment: &'a Environment) -> Result<Option<Self>, Failure> {
        if !arguments.online {
            return Ok(None);
        }
        let arguments = OnlineArguments {
            online: true,
            images_from: None,
            allow_realm: arguments.allow_realm.clone(),
            insecure_registry: arguments.insecure_registry.clone(),
            timeout: None,
        };
        let timeout = check(&arguments)?;
        let allowed = settings::allowed(environment).map_err(|problem| Failure::of("the input", problem))?;
        Ok(Some(Self { arguments, allowed, timeout, environment }))
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
            timeout: self.timeout,
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
