//! Decides what custom resources get: what is permitted, which resource may use the name of a pull secret, and which logins are good.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::config::{self, Permission};
use super::mounted::{Mounted, Mounts, Texts};
use super::observed::Asked;
use regcred_core::controller::conditions::Verdict;
use regcred_core::controller::permitted::{Reason, Refusal};
use regcred_core::controller::wanted::{Config, Wanted};
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::docker_config::Logins;
use regcred_core::names::ResourceName;

/// Assigns each pull secret to a resource.
type Taken = BTreeMap<ResourceName, String>;

impl Mounts<'_> {
    /// Reads the resources, the oldest first. A broken login stays as it was `earlier`; a resource that is not permitted is
    /// ignored.
    pub(super) fn decide(
        &self,
        permission: Permission,
        asked: &[Asked],
        texts: &Texts,
        earlier: Option<&Mounted>,
    ) -> Mounted {
        let (mut all, mut verdicts, mut warnings) = (Vec::new(), Vec::new(), Vec::new());
        let mut taken = Taken::new();
        for resource in asked {
            let mut verdict =
                Verdict { resource: resource.name.clone(), generation: resource.generation, ..Verdict::default() };
            match self.permitted(resource, &permission, &taken) {
                Err(refusals) => verdict.refusals = refusals,
                Ok(pull_secrets) => {
                    for wanted in pull_secrets {
                        taken.insert(wanted.name.clone(), resource.name.clone());
                        let mut problems = Vec::new();
                        let read = self.read_logins(&wanted, texts, Some(&permission.registries), &mut problems);
                        let (broken, odd): (Vec<_>, Vec<_>) = problems.into_iter().partition(Diagnostic::is_error);
                        verdict.broken.extend(broken.into_iter().map(|one| one.message));
                        warnings.extend(odd);
                        let logins =
                            read.map(Rc::new).or_else(|| earlier.and_then(|earlier| earlier.logins_of(&wanted)));
                        all.extend(logins.map(|logins| (wanted, logins, verdicts.len())));
                    }
                }
            }
            verdicts.push(verdict);
        }
        all.sort_by(|(one, ..), (other, ..)| one.name.cmp(&other.name));
        let (mut pull_secrets, mut logins) = (Vec::new(), Vec::new());
        for (number, (wanted, read, resource)) in all.into_iter().enumerate() {
            verdicts[resource].pull_secrets.push(number);
            pull_secrets.push(wanted);
            logins.push(read);
        }
        let config = Config::sparing(permission.config.owner.clone(), permission.config.link, pull_secrets);
        let (permitted, may_ask) = (Some(permission.config), permission.may_ask);
        Mounted { config, permitted, logins, may_ask, broken: Vec::new(), verdicts, warnings }
    }

    /// The pull secrets of a resource, each within the permitted limits.
    fn permitted(&self, resource: &Asked, permission: &Permission, taken: &Taken) -> Result<Vec<Wanted>, Vec<Refusal>> {
        let refused = |problem: Diagnostic| Refusal {
            reason: if problem.code == Code::NotAllowed { Reason::Registry } else { Reason::NotUnderstood },
            message: problem.message,
        };
        let asked = config::asked(&resource.spec, &permission.config.owner, self.allowed);
        let mut asked = asked.map_err(|problems| problems.into_iter().map(refused).collect::<Vec<_>>())?;
        let permitted = permission.permitted();
        let mut refusals = permitted.beyond(&asked);
        refusals.extend(asked.iter().filter_map(|one| {
            let holder = taken.get(&one.name)?;
            let message = format!("the older RegistryCredentials {holder} has the pull secret {}; ask for another that the installation names", one.name);
            Some(Refusal { reason: Reason::NameTaken, message })
        }));
        if !refusals.is_empty() {
            return Err(refusals);
        }
        for one in &mut asked {
            one.within = permitted.bounds(&one.name).map(|bounds| bounds.namespaces.clone());
        }
        Ok(asked)
    }
}

impl Mounted {
    /// Whether these are the same logins as in an earlier reading.
    pub(super) fn has_the_logins_of(&self, earlier: &Self) -> bool {
        let mut pairs = self.logins.iter().zip(&earlier.logins);
        self.logins.len() == earlier.logins.len() && pairs.all(|(one, other)| Rc::ptr_eq(one, other))
    }

    /// The current logins of a pull secret, if they come from the same sources.
    pub(super) fn logins_of(&self, wanted: &Wanted) -> Option<Rc<Logins>> {
        let is_same = |one: &Wanted| one.name == wanted.name && one.sources == wanted.sources;
        let number = self.config.pull_secrets.iter().position(is_same)?;
        self.logins.get(number).cloned()
    }
}
