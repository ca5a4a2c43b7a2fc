//! Finds what a custom resource asks for beyond what the installation permits.

use super::Selection;
use super::wanted::{Config, Source, Wanted};
use crate::confine::Allowed;
use crate::names::{NameGlob, NamespacePattern, ResourceName};

/// What the installation permits.
pub struct Permitted<'a> {
    /// For each pull secret, the maximum that a resource may ask for.
    pub config: &'a Config,
    /// More Secrets of the controller's namespace that its logins may name.
    pub secrets: &'a [ResourceName],
    /// The permitted registries.
    pub registries: &'a Allowed,
}

/// The reason why a resource is ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// In one word.
    pub reason: Reason,
    /// In a sentence.
    pub message: String,
}

/// The reason why a resource is ignored, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A pull secret that the installation does not name.
    PullSecret,
    /// Namespaces that the installation does not permit.
    Namespaces,
    /// ServiceAccounts that the installation does not permit.
    ServiceAccounts,
    /// A Secret that the controller may not read.
    SourceSecret,
    /// A registry that the installation does not permit.
    Registry,
    /// An older resource already uses the pull secret.
    NameTaken,
    /// Something that this version does not support.
    NotUnderstood,
}

impl Reason {
    /// The word, as a condition has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PullSecret => "PullSecret",
            Self::Namespaces => "Namespaces",
            Self::ServiceAccounts => "ServiceAccounts",
            Self::SourceSecret => "SourceSecret",
            Self::Registry => "Registry",
            Self::NameTaken => "NameTaken",
            Self::NotUnderstood => "NotUnderstood",
        }
    }
}

impl Permitted<'_> {
    /// Every request of these pull secrets that is not permitted.
    pub fn beyond(&self, asked: &[Wanted]) -> Vec<Refusal> {
        asked.iter().flat_map(|one| self.beyond_for(one)).collect()
    }

    /// The maximum that a resource may ask for of a pull secret.
    pub fn bounds(&self, name: &ResourceName) -> Option<&Wanted> {
        self.config.pull_secrets.iter().find(|one| one.name == *name)
    }

    fn beyond_for(&self, asked: &Wanted) -> Vec<Refusal> {
        let name = &asked.name;
        let refusal =
            |reason, what: String| Refusal { reason, message: format!("the installation does not permit {what}") };
        let Some(bounds) = self.bounds(name) else {
            let known: Vec<_> = self.config.pull_secrets.iter().map(|one| one.name.as_str()).collect();
            let known = known.join(", ");
            return vec![refusal(Reason::PullSecret, format!("a pull secret of the name {name}, only {known}"))];
        };
        let only = |permitted: Vec<&str>| match permitted.as_slice() {
            [] => String::new(),
            permitted => format!(", only {}", permitted.join(", ")),
        };
        let mut refusals = Vec::new();
        for pattern in asked.namespaces.include.iter().filter(|pattern| !permits(&bounds.namespaces, pattern)) {
            let permitted = only(bounds.namespaces.include.iter().map(NamespacePattern::as_str).collect());
            let what = format!("the namespaces `{}` for the pull secret {name}{permitted}", pattern.as_str());
            refusals.push(refusal(Reason::Namespaces, what));
        }
        for account in accounts_beyond(asked, bounds) {
            let globs = bounds.account_globs.iter().map(NameGlob::as_str);
            let permitted = only(bounds.accounts.iter().map(ResourceName::as_str).chain(globs).collect());
            let what = format!("the ServiceAccounts `{account}` for the pull secret {name}{permitted}");
            refusals.push(refusal(Reason::ServiceAccounts, what));
        }
        for source in &asked.sources {
            let permitted = |secret: &ResourceName| {
                self.secrets.contains(secret)
                    || bounds.sources.iter().flat_map(Source::keys).any(|key| key.secret == *secret)
            };
            for key in source.keys().into_iter().filter(|key| !permitted(&key.secret)) {
                let what = format!("the Secret {} for the pull secret {name}", key.secret);
                refusals.push(refusal(Reason::SourceSecret, what));
            }
            if let Source::Login { registry, .. } = source
                && !self.registries.allows(&registry.clone().canonical().0)
            {
                refusals.push(refusal(Reason::Registry, format!("the registry `{registry}`")));
            }
        }
        refusals.dedup();
        refusals
    }
}

/// Whether every namespace that a pattern can match is permitted. Namespaces that the installation excludes do not count.
fn permits(bounds: &Selection, asked: &NamespacePattern) -> bool {
    match asked {
        NamespacePattern::Name(name) => bounds.choice().names_it(name),
        NamespacePattern::Glob(glob) => {
            bounds.include.is_empty() || bounds.include.iter().any(|bound| covers(bound.as_str(), glob.as_str()))
        }
    }
}

fn accounts_beyond<'a>(asked: &'a Wanted, bounds: &Wanted) -> Vec<&'a str> {
    if bounds.has_all_accounts() {
        return Vec::new();
    }
    if asked.has_all_accounts() {
        return vec!["*"];
    }
    let is_named = |name: &&ResourceName| {
        bounds.accounts.contains(name) || bounds.account_globs.iter().any(|glob| glob.is_match(name.as_str()))
    };
    let names = asked.accounts.iter().filter(|name| !is_named(name)).map(ResourceName::as_str);
    let is_covered = |glob: &&str| bounds.account_globs.iter().any(|bound| covers(bound.as_str(), glob));
    let globs = asked.account_globs.iter().map(NameGlob::as_str).filter(|glob| !is_covered(glob));
    names.chain(globs).collect()
}

/// Whether a pattern is sure to match everything that a glob matches: both are equal, or the pattern is plain text with one star at its end
/// and the glob begins with that text.
fn covers(pattern: &str, glob: &str) -> bool {
    const SPECIAL: [char; 4] = ['*', '?', '[', '{'];
    let beginning = glob.split(SPECIAL).next().unwrap_or_default();
    let bound = pattern.strip_suffix('*').filter(|bound| !bound.contains(SPECIAL));
    pattern == glob || bound.is_some_and(|bound| beginning.starts_with(bound))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::wanted::{Key, Name};
    use crate::names::{AccountName, SecretKey};
    use crate::spec::choice::Link;

    /// A pull secret of these names, namespaces, ServiceAccounts and sources: `SECRET` is a whole Docker config, `SECRET@HOST` one login.
    fn wanted(name: &str, (include, exclude): (&[&str], &[&str]), accounts: &[&str], sources: &[&str]) -> Wanted {
        let patterns = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        let parsed: Vec<AccountName> = accounts.iter().map(|name| name.parse().unwrap()).collect();
        let is_all = accounts.contains(&"*");
        let source = |text: &&str| {
            let (secret, registry) = text.split_once('@').map_or((*text, None), |(secret, host)| (secret, Some(host)));
            let key = Key { secret: secret.parse().unwrap(), key: SecretKey::known("key") };
            match registry {
                None => Source::Whole(key),
                Some(host) => Source::Login {
                    registry: host.parse().unwrap(),
                    username: Name::Literal("u".to_owned()),
                    password: key,
                },
            }
        };
        let names = parsed.iter().filter(|name| name.glob().is_none() && !is_all);
        Wanted {
            name: name.parse().unwrap(),
            sources: sources.iter().map(source).collect(),
            namespaces: Selection { include: patterns(include), exclude: patterns(exclude), selector: None },
            within: None,
            accounts: names.map(|name| name.as_str().parse().unwrap()).collect(),
            account_globs: parsed.iter().filter(|_| !is_all).filter_map(AccountName::glob).collect(),
        }
    }

    fn reasons(bounds: Wanted, asked: &Wanted) -> Vec<&'static str> {
        let config = Config::sparing("acme".parse().unwrap(), Link::None, vec![bounds]);
        let registries = Allowed::read(None, Some("ghcr.io,index.docker.io")).unwrap();
        let permitted = Permitted { config: &config, secrets: &["more".parse().unwrap()], registries: &registries };
        permitted.beyond(std::slice::from_ref(asked)).iter().map(|refusal| refusal.reason.as_str()).collect()
    }

    #[test]
    fn a_resource_asks_for_names_registries_and_secrets_that_the_installation_permits() {
        let bounds = || wanted("pull", (&[], &[]), &["default"], &["pull-src"]);
        for (asked, expected) in [
            (wanted("pull", (&[], &[]), &["default"], &["pull-src", "more@ghcr.io"]), vec![]),
            (wanted("other", (&[], &[]), &["default"], &["pull-src"]), vec!["PullSecret"]),
            (wanted("pull", (&[], &[]), &["builder"], &["theirs"]), vec!["ServiceAccounts", "SourceSecret"]),
            (wanted("pull", (&[], &[]), &["*"], &["pull-src@quay.io"]), vec!["ServiceAccounts", "Registry"]),
            (wanted("pull", (&[], &[]), &["d*"], &["pull-src@docker.io"]), vec!["ServiceAccounts"]),
        ] {
            assert_eq!(reasons(bounds(), &asked), expected, "{asked:?}");
        }
    }

    #[test]
    fn a_refusal_names_what_is_permitted() {
        let bounds = wanted("pull", (&["team-*", "shop"], &[]), &["default", "ci-*"], &["s"]);
        let config = Config::sparing("acme".parse().unwrap(), Link::None, vec![bounds]);
        let registries = Allowed::read(None, None).unwrap();
        let permitted = Permitted { config: &config, secrets: &[], registries: &registries };
        let asked = wanted("pull", (&["web"], &[]), &["builder"], &["s"]);
        let refusals = permitted.beyond(&[asked]);
        let messages: Vec<_> = refusals.iter().map(|refusal| refusal.message.as_str()).collect();
        let expected = [
            "the installation does not permit the namespaces `web` for the pull secret pull, only team-*, shop",
            "the installation does not permit the ServiceAccounts `builder` for the pull secret pull, only default, ci-*",
        ];
        assert_eq!(messages, expected);
    }

    #[test]
    fn a_name_or_a_glob_of_namespaces_is_permitted_if_all_that_it_matches_is() {
        let include = ["team-*", "shop", "a?"];
        for (asked, is_permitted) in [
            ("team-a", true),
            ("team-*", true),
            ("team-web-*", true),
            ("team-{a,b}", true),
            ("shop", true),
            ("a?", true),
            ("ab", true),
            ("team-x", false),
            ("tea*", false),
            ("*", false),
            ("shop*", false),
            ("a*", false),
            ("other", false),
        ] {
            let bounds = wanted("pull", (&include, &["team-x*"]), &["*"], &["s"]);
            let asked = wanted("pull", (&[asked], &[]), &["*"], &["s"]);
            assert_eq!(reasons(bounds, &asked).is_empty(), is_permitted, "{asked:?}");
        }
        // Without names, all namespaces except the cluster's own are permitted. A glob may match these, but they do not count.
        for (asked, is_permitted) in [("*", true), ("team-a", true), ("kube-*", true), ("kube-system", false)] {
            let asked = wanted("pull", (&[asked], &[]), &["*"], &["s"]);
            assert_eq!(
                reasons(wanted("pull", (&[], &[]), &["*"], &["s"]), &asked).is_empty(),
                is_permitted,
                "{asked:?}"
            );
        }
    }

    #[test]
    fn globs_of_service_accounts_are_covered_by_wider_ones() {
        for (bounds, asked, is_permitted) in [
            (&["*"][..], &["*"][..], true),
            (&["ci-*"], &["ci-build", "ci-x-*"], true),
            (&["ci-*"], &["c*"], false),
            (&["ci-*", "default"], &["default"], true),
            (&["ci-*"], &["*"], false),
        ] {
            let bounds = wanted("pull", (&[], &[]), bounds, &["s"]);
            let asked = wanted("pull", (&[], &[]), asked, &["s"]);
            assert_eq!(reasons(bounds, &asked).is_empty(), is_permitted, "{asked:?}");
        }
    }
}
