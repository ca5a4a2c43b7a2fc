//! Holds what the run for one cluster needs: what was decided, the logins, and what protects the documents.

use crate::files::marks::Known;
use crate::protect::Protector;
use crate::settings::{PullSecretSettings, Settings};
use regcred_core::cluster::grant::{Grant, Granted, Rights};
use regcred_core::cluster::installation::{ControllerSettings, Installation, Installed};
use regcred_core::docker_config::Logins;
use regcred_core::manifest::Manifests;
use regcred_core::objects::{Request, Wanted};

/// The run for one cluster, or the only one.
pub struct ClusterRun {
    /// What was decided.
    pub settings: Settings,
    /// The logins of each pull secret, in the order of the settings.
    pub docker_configs: Vec<Logins>,
    /// What a comparison can know.
    pub known: Known,
    /// What protects the documents.
    pub protector: Protector,
}

impl ClusterRun {
    /// The pull secrets, each with its logins.
    pub fn pull_secrets(&self) -> impl Iterator<Item = (&PullSecretSettings, &Logins)> {
        self.settings.pull_secrets.iter().zip(&self.docker_configs)
    }

    /// The objects that are to be built.
    pub fn request(&self) -> Request<'_> {
        let Settings { combination, create_namespaces, patcher, .. } = &self.settings;
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
            create_namespaces: *create_namespaces,
            patcher: patcher.as_ref(),
            marks: self.settings.marks(),
        }
    }

    /// What runs the controller; nothing with another strategy.
    #[must_use]
    pub fn installation(&self) -> Manifests {
        self.settings
            .controller
            .as_ref()
            .map_or_else(Manifests::default, |controller| self.controller(controller).manifests())
    }

    /// The installation of the controller with these settings.
    #[must_use]
    pub fn controller<'a>(&'a self, settings: &'a ControllerSettings) -> Installation<'a> {
        let installed = self.pull_secrets().map(|(one, docker_config)| Installed {
            name: &one.name,
            include: &one.include,
            exclude: one.exclude.iter().cloned().chain([settings.namespace.clone().into()]).collect(),
            service_accounts: &one.service_accounts,
            written_accounts: &one.written_accounts,
            external: one.external.as_ref(),
            docker_config,
        });
        let (pull_secrets, link) = (installed.collect(), self.settings.combination.link);
        Installation { settings, pull_secrets, link, marks: self.settings.marks() }
    }

    /// The rights that are to be granted; nothing with another format.
    #[must_use]
    pub fn grant(&self) -> Manifests {
        let Settings { grant, pull_secrets, combination, .. } = &self.settings;
        let Some(grant) = grant else { return Manifests::default() };
        let include: Vec<_> = pull_secrets.iter().map(|one| grant.include(one)).collect();
        let granted = pull_secrets.iter().zip(&include).map(|(one, include)| Granted {
            name: &one.name,
            namespaces: &one.namespaces,
            include,
            exclude: &one.exclude,
            service_accounts: &one.service_accounts,
        });
        Grant {
            subjects: &grant.subjects,
            pull_secrets: granted.collect(),
            reach: &grant.reach,
            link: combination.link,
            rights: Rights::Applying { evicts: grant.evicts },
            marks: self.settings.marks(),
        }
        .manifests()
    }
}

impl AsRef<Settings> for ClusterRun {
    fn as_ref(&self) -> &Settings {
        &self.settings
    }
}
