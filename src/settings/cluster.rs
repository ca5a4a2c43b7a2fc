//! A cluster of a fleet: its own answers and the common ones in, those that hold there out.

use super::choices::{Format, Strategy};
use super::file::{Cluster, PullSecret, Spec};
use super::logins;
use crate::cli::RenderArguments;
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::nearest::nearest;

impl Cluster {
    /// The answers there: its own, and the common ones where it has none.
    pub(super) fn spec(&self, common: &Spec, arguments: &RenderArguments) -> Spec {
        let Self {
            name: _,
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
        } = self;
        let mut listed: Vec<PullSecret> = match pull_secrets {
            None => common.pull_secrets.clone(),
            Some(own) => own.iter().map(|own| own.over(&common.pull_secrets)).collect(),
        };
        let own: Vec<_> = match pull_secrets {
            Some(own) => own.iter().map(|own| !own.namespaces.is_empty()).collect(),
            None => vec![false; listed.len()],
        };
        let inherited = listed.iter_mut().zip(own).filter(|(_, own)| !own).map(|(pull_secret, _)| pull_secret);
        match namespaces {
            Some(namespaces) => inherited.for_each(|pull_secret| pull_secret.namespaces = namespaces.clone()),
            // Who chooses a patcher for a cluster means all its namespaces; the common names are for the others.
            None if *strategy == Some(Strategy::Patcher) => {
                inherited.for_each(|pull_secret| pull_secret.namespaces.include.clear());
            }
            None => {}
        }
        if let (Some(namespaces), true) = (namespaces, listed.is_empty()) {
            listed.push(PullSecret { namespaces: namespaces.clone(), ..PullSecret::default() });
        }
        let to_folders = arguments.output.is_some();
        Spec {
            strategy: strategy.or(common.strategy),
            link: link.or(common.link),
            protect: protect.or(common.protect),
            sealing: sealing.over(&common.sealing),
            format: format.or(common.format).or(to_folders.then_some(Format::Directory)),
            profile: profile.or(common.profile),
            create_namespaces: create_namespaces.unwrap_or(common.create_namespaces),
            pull_secrets: listed,
            patcher: patcher.as_ref().unwrap_or(&common.patcher).clone(),
            clusters: Vec::new(),
        }
    }

    /// Its pull secrets that have no logins, and are like none that has: the default would be somebody else's login.
    /// Flags fill the one that they choose.
    pub(super) fn without_logins(&self, common: &Spec, arguments: &RenderArguments) -> Vec<Diagnostic> {
        if logins::are_typed(&arguments.logins) {
            return Vec::new();
        }
        let is_chosen =
            |own: &&PullSecret| arguments.target.secret_name.as_ref().is_none_or(|name| name == own.secret_name());
        let known = || common.pull_secrets.iter().map(PullSecret::secret_name);
        let is_left_out = |own: &&PullSecret| {
            own.logins.is_empty() && own.external.is_none() && known().all(|name| name != own.secret_name())
        };
        let problem = |own: &PullSecret| {
            let name = own.secret_name();
            let message = format!("the pull secret `{name}` has no `logins`, and no other of that name has any");
            Diagnostic::error(Code::NoLogins, message).hint(match nearest(name, known()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "give it `logins`, or the name of one under `spec.pullSecrets`".to_owned(),
            })
        };
        // Where there are none in common, the login of all is in the variable that is read by default.
        let own = self.pull_secrets.iter().flatten().filter(|_| !common.pull_secrets.is_empty());
        own.filter(is_chosen).filter(is_left_out).map(problem).collect()
    }
}

impl PullSecret {
    /// This one, with what it leaves out from the one of the same name.
    fn over(&self, common: &[Self]) -> Self {
        fn or<T: Clone>(own: &[T], base: &[T]) -> Vec<T> {
            if own.is_empty() { base } else { own }.to_vec()
        }
        let Some(base) = common.iter().find(|base| base.secret_name() == self.secret_name()) else {
            return self.clone();
        };
        Self {
            name: self.name.clone(),
            external: self.external.as_ref().or(base.external.as_ref()).cloned(),
            logins: or(&self.logins, &base.logins),
            namespaces: if self.namespaces.is_empty() { base.namespaces.clone() } else { self.namespaces.clone() },
            service_accounts: or(&self.service_accounts, &base.service_accounts),
            also_reference: or(&self.also_reference, &base.also_reference),
        }
    }
}
