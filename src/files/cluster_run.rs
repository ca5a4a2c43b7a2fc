//! Holds the settings, the logins and the protector of the run for one cluster.

use crate::files::marks::Known;
use crate::protect::Protector;
use crate::settings::{PullSecretSettings, Settings};
use regcred_core::docker_config::Logins;
use regcred_core::objects::{Request, Wanted};
use regcred_core::spec::Open;

/// The run for one cluster, or for the only one.
pub struct ClusterRun {
    pub settings: Settings,
    /// The logins of each pull secret, in the order of the settings.
    pub docker_configs: Vec<Logins>,
    /// How much a comparison can know.
    pub known: Known,
    pub protector: Protector,
}

impl ClusterRun {
    pub fn pull_secrets(&self) -> impl Iterator<Item = (&PullSecretSettings, &Logins)> {
        self.settings.pull_secrets.iter().zip(&self.docker_configs)
    }

    /// The objects to build.
    pub fn request(&self) -> Request<'_> {
        let Settings { combination, patcher, options, .. } = &self.settings;
        let wanted = self.pull_secrets().map(|(pull_secret, docker_config)| Wanted {
            name: &pull_secret.name,
            namespaces: &pull_secret.namespaces,
            service_accounts: &pull_secret.service_accounts,
            also_reference: &pull_secret.also_reference,
            external: pull_secret.external.as_ref(),
            docker_config,
        });
        Request {
            pull_secrets: wanted.collect(),
            link: combination.link,
            create_namespaces: options.create_namespaces.or_default(),
            patcher: patcher.as_ref(),
            marks: self.settings.marks(),
        }
    }
}

impl AsRef<Settings> for ClusterRun {
    fn as_ref(&self) -> &Settings {
        &self.settings
    }
}
