//! Builds the manifests of the controller, and the rights of an account, for the run of one cluster.

use super::cluster_run::ClusterRun;
use crate::settings::Settings;
use regcred_core::cluster::grant::{Grant, Granted, Rights};
use regcred_core::cluster::installation::{ControllerSettings, Installation, InstalledSecret};
use regcred_core::manifest::Manifests;
use regcred_core::names::NamespacePattern;

impl ClusterRun {
    /// The manifests of the controller; none with another strategy.
    pub fn installation(&self) -> Manifests {
        let controller = self.settings.controller.as_ref();
        controller.map_or_else(Manifests::default, |controller| self.controller(controller).manifests())
    }

    /// The installation of the controller with these settings.
    pub fn controller<'a>(&'a self, settings: &'a ControllerSettings) -> Installation<'a> {
        let installed = self.pull_secrets().map(|(one, docker_config)| InstalledSecret {
            name: &one.name,
            include: &one.include,
            exclude: one.exclude.iter().cloned().chain([NamespacePattern::Name(settings.namespace.clone())]).collect(),
            service_accounts: &one.service_accounts,
            written_accounts: &one.written_accounts,
            external: one.external.as_ref(),
            docker_config,
        });
        let (pull_secrets, link) = (installed.collect(), self.settings.combination.link);
        Installation { settings, pull_secrets, link, marks: self.settings.marks() }
    }

    /// The rights to grant; none with another format.
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
            written_accounts: &one.written_accounts,
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
