//! Tells the core which objects a run needs.

use super::{SECRET_NAME, Settings};
use regcred_core::cluster::grant::{Grant, Granted};
use regcred_core::docker_config::Logins;
use regcred_core::names::ResourceName;
use regcred_core::objects::marks::Marks;
use regcred_core::objects::{Request, Wanted};

impl Settings {
    /// The objects that are to be built; `docker_configs` has one for each pull secret.
    #[must_use]
    pub fn request<'a>(&'a self, docker_configs: &'a [Logins]) -> Request<'a> {
        let pull_secrets = self.pull_secrets.iter().zip(docker_configs);
        Request {
            pull_secrets: pull_secrets
                .map(|(pull_secret, docker_config)| Wanted {
                    name: &pull_secret.name,
                    namespaces: &pull_secret.namespaces,
                    service_accounts: &pull_secret.service_accounts,
                    also_reference: &pull_secret.also_reference,
                    external: pull_secret.external.as_ref(),
                    docker_config,
                })
                .collect(),
            link: self.combination.link,
            create_namespaces: self.create_namespaces,
            patcher: self.patcher.as_ref(),
            marks: self.marks(),
        }
    }

    /// The rights that are to be granted, if any are.
    #[must_use]
    pub fn granted(&self) -> Option<Grant<'_>> {
        let grant = self.grant.as_ref()?;
        let granted = self.pull_secrets.iter().map(|one| Granted {
            name: &one.name,
            namespaces: &one.namespaces,
            include: if grant.takes_all { &[] } else { &one.include },
            exclude: &one.exclude,
            service_accounts: &one.service_accounts,
        });
        Some(Grant {
            subjects: &grant.subjects,
            pull_secrets: granted.collect(),
            reach: &grant.reach,
            link: self.combination.link,
            marks: self.marks(),
        })
    }

    /// What every object carries.
    #[must_use]
    pub fn marks(&self) -> Marks {
        let owner = self.owner.as_ref().or(self.pull_secrets.first().map(|pull_secret| &pull_secret.name));
        Marks { owner: owner.map_or(SECRET_NAME, ResourceName::as_str).to_owned(), profile: self.profile }
    }
}
