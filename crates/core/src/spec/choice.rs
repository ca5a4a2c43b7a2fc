//! Declares the choices of a user: strategy, link, protection, scope, format, profile and patcher.

/// One of a few words that a flag, a key of a ConfigMap or a field of regcred.yaml takes.
pub trait Choice: Copy + Eq + Send + Sync + 'static {
    /// Every value, in the order of the help text.
    const ALL: &'static [Self];

    /// The word.
    fn name(self) -> &'static str;

    /// What it does, in one line.
    fn help(self) -> &'static str;

    /// The value with this word.
    fn named(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|choice| choice.name() == word)
    }
}

macro_rules! choice {
    ($(#[$documentation:meta])* $choice:ident { $(#[doc = $help:literal] $variant:ident = $name:literal,)+ }) => {
        $(#[$documentation])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize, schemars::JsonSchema)]
        pub enum $choice {
            $(#[doc = $help] #[serde(rename = $name)] $variant,)+
        }

        impl $crate::spec::choice::Choice for $choice {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            fn help(self) -> &'static str {
                match self { $(Self::$variant => $help.trim_ascii()),+ }
            }
        }

        impl std::fmt::Display for $choice {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str($crate::spec::choice::Choice::name(*self))
            }
        }
    };
}

pub(crate) use choice;

choice! {
    /// How the Secrets get there.
    Strategy {
        /// One in each listed namespace
        Static = "static",
        /// A controller of ours serves every chosen namespace, new ones too
        Controller = "controller",
        /// A source Secret and an in-cluster patcher that copies it, to new namespaces too
        Patcher = "patcher",
    }
}

choice! {
    /// How pods find them.
    Link {
        /// A reference on ServiceAccounts
        ServiceAccount = "service-account",
        /// A MutatingAdmissionPolicy adds it to Pods at creation (Kubernetes 1.36 and later)
        Policy = "policy",
        /// Not at all
        None = "none",
    }
}

choice! {
    /// How a Secret is made safe to keep.
    Protect {
        /// In clear, for what is applied at once
        Plain = "plain",
        /// SealedSecrets, which only the cluster can open
        Sealed = "sealed",
        /// Encrypted by the sops program, with the rules of .sops.yaml
        Sops = "sops",
        /// ExternalSecrets that name where the login is kept; none is read
        External = "external",
    }
}

choice! {
    /// The form of messages.
    MessageFormat {
        /// For people, on stderr
        Human = "human",
        /// One JSON object per change, on stdout
        Json = "json",
    }
}

choice! {
    /// To which name and namespace a sealed value is bound.
    SealingScope {
        /// To the name and the namespace
        Strict = "strict",
        /// To the namespace
        NamespaceWide = "namespace-wide",
        /// To nothing: any namespace opens it
        ClusterWide = "cluster-wide",
    }
}

choice! {
    /// The form of the output.
    Format {
        /// A YAML stream
        Yaml = "yaml",
        /// A v1/List
        Json = "json",
        /// One file per object, one folder per namespace
        Directory = "directory",
        /// The same files, with a kustomization.yaml
        Kustomization = "kustomization",
        /// A Helm chart
        Chart = "chart",
        /// Values for a Helm chart
        HelmValues = "helm-values",
        /// The checked Docker config itself
        DockerConfig = "docker-config",
        /// The rights that `regcred apply` needs, with the policies that confine them; no login is read
        Rbac = "rbac",
    }
}

choice! {
    /// A tool whose annotations are added.
    Profile {
        /// Sync waves; what is not ours is neither pruned nor deleted
        Argocd = "argocd",
        /// What is not ours is not pruned
        Flux = "flux",
        /// What is not ours is kept when a release goes
        Helm = "helm",
    }
}

choice! {
    /// An in-cluster patcher.
    Patcher {
        /// titansoft-pte-ltd/imagepullsecret-patcher: polls
        Titansoft = "titansoft",
        /// tamcore/imagepullsecret-patcher: watches
        Tamcore = "tamcore",
    }
}

impl Format {
    /// Whether it holds every object as it is, for kubectl.
    pub fn holds_every_object(self) -> bool {
        matches!(self, Self::Yaml | Self::Json | Self::Directory | Self::Kustomization)
    }

    /// Whether it is always one file, also for a cluster of a fleet.
    pub fn is_one_file(self) -> bool {
        matches!(self, Self::HelmValues | Self::DockerConfig)
    }

    /// Whether it is several files in a directory.
    pub fn is_a_tree(self) -> bool {
        matches!(self, Self::Directory | Self::Kustomization | Self::Chart)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    fn words_are_read_as_they_are_printed<C: Choice + fmt::Display + fmt::Debug>() {
        for choice in C::ALL {
            assert_eq!(C::named(&choice.to_string()), Some(*choice));
            assert!(!choice.help().is_empty() && !choice.help().starts_with(' ') && !choice.help().ends_with('.'));
        }
        assert_eq!(C::named("hunter2"), None);
    }

    #[test]
    fn every_word_of_every_choice_is_read_as_it_is_printed() {
        words_are_read_as_they_are_printed::<Strategy>();
        words_are_read_as_they_are_printed::<Link>();
        words_are_read_as_they_are_printed::<Protect>();
        words_are_read_as_they_are_printed::<MessageFormat>();
        words_are_read_as_they_are_printed::<SealingScope>();
        words_are_read_as_they_are_printed::<Format>();
        words_are_read_as_they_are_printed::<Profile>();
        words_are_read_as_they_are_printed::<Patcher>();
    }
}
