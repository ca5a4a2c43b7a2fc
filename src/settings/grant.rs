//! Decides who gets the rights of `--format rbac`, and in which namespaces.

use super::{PullSecretSettings, usage};
use regcred_core::cluster::grant::{Reach, Selector, Subject};
use regcred_core::cluster::selection::Others;
use regcred_core::diagnostic::{Code, Diagnostic, Failure};
use regcred_core::names::NamespacePattern;
use regcred_core::spec::{Options, PullSecret};

/// The resolved rights of `--format rbac`.
#[derive(Debug)]
pub struct GrantSettings {
    /// Who gets the rights.
    pub subjects: Vec<Subject>,
    /// Where the rights apply.
    pub reach: Reach,
    /// Whether the account evicts stuck Pods.
    pub evicts: bool,
    /// Whether `-A` wins over the names of the namespaces, as for `apply`.
    takes_all: bool,
    /// Whether the namespaces are chosen in the cluster.
    pub(super) chooses_later: bool,
}

impl GrantSettings {
    /// Resolves the rights; problems of texts are added to `problems`.
    /// Errors: usage: no subject is named.
    pub(super) fn decide(
        options: &Options,
        pull_secrets: &[PullSecret],
        has_a_list: bool,
        problems: &mut Vec<Diagnostic>,
    ) -> Result<Self, Failure> {
        let Some(subjects) = &options.subjects else {
            return Err(usage(
                "`--format rbac` needs `--subject`: who gets the rights",
                "add --subject user:NAME, group:NAME or service-account:NAMESPACE/NAME",
            ));
        };
        let mut parsed = Vec::new();
        for subject in &subjects.value {
            match subject.parse() {
                Ok(subject) => parsed.push(subject),
                Err(invalid) => {
                    let problem = Diagnostic::error(Code::InvalidName, format!("{} {invalid}", subjects.origin));
                    problems.push(problem.hint("for example service-account:ci/deploy"));
                }
            }
        }
        let selector = selector(options, problems).map(|(_, selector)| selector).unwrap_or_default();
        let takes_all = options.all_namespaces.is_some();
        let others = if takes_all || options.selector.is_some() { Others::All } else { Others::None };
        let has_globs = pull_secrets.iter().any(has_a_glob) && !has_a_list;
        let chooses_later = others == Others::All || has_globs;
        // Objects that are no longer wanted may be in any namespace.
        let is_wide = chooses_later || options.prune.is_some();
        let reach = if is_wide { Reach::Chosen { others, selector } } else { Reach::Listed };
        // In the file, this field is about the controller.
        let evicts = options.restart_stuck_pods.as_ref().is_some_and(|restart| restart.origin.is_typed());
        Ok(Self { subjects: parsed, reach, evicts, takes_all, chooses_later })
    }

    /// Names and globs of the namespaces that a pull secret goes to.
    pub fn include(&self, pull_secret: &PullSecretSettings) -> Vec<NamespacePattern> {
        match self.chooses_later {
            true if self.takes_all => Vec::new(),
            true => pull_secret.include.clone(),
            false => pull_secret.namespaces.iter().cloned().map(NamespacePattern::Name).collect(),
        }
    }
}

/// The labels of the namespaces, as written, and parsed.
pub(super) fn selector(options: &Options, problems: &mut Vec<Diagnostic>) -> Option<(String, Selector)> {
    let text = &options.selector.as_ref()?.value;
    let parsed = text.parse().map_err(|invalid| {
        let problem = Diagnostic::error(Code::InvalidName, format!("`--selector` {invalid}"));
        problems.push(problem.hint("for example team=shop,stage!=test"));
    });
    Some((text.clone(), parsed.ok()?))
}

fn has_a_glob(pull_secret: &PullSecret) -> bool {
    let include = pull_secret.include.as_ref().map_or(&[][..], |include| &include.value);
    include.iter().any(|pattern| matches!(pattern, Ok(NamespacePattern::Glob(_))))
}
