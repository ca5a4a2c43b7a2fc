//! Takes one immutable snapshot of the process environment, and recognizes the CI.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use secrecy::{ExposeSecret, SecretString};

use regcred_core::names::VariableName;
use regcred_core::nearest::one_slip_away;

/// All variables as they were at the start, and the working directory. Nothing else reads the process environment.
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
    directory: PathBuf,
    ci: Ci,
}

/// The content of a variable.
pub enum Reading {
    /// There is no such variable.
    Unset,
    /// It is set to an empty text.
    Empty,
    /// Its bytes are not UTF-8.
    NotUnicode,
    /// Its value.
    Value(SecretString),
}

/// The CI system of this process: it decides the wording of hints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ci {
    /// GitLab, on a branch or tag that is protected.
    GitLabProtected,
    /// GitLab, on a branch or tag that is not protected.
    GitLabUnprotected,
    /// GitLab, on a branch or tag of unknown protection.
    GitLab,
    /// GitLab, in a merge-request pipeline.
    GitLabMergeRequest,
    /// GitHub Actions, for any other event.
    GitHub,
    /// GitHub Actions, for a pull request (perhaps of a fork).
    GitHubPullRequest,
    /// Azure Pipelines.
    Azure,
    /// Jenkins.
    Jenkins,
    /// `CircleCI`.
    CircleCi,
    /// Some other CI.
    Other,
    /// No CI: a person's shell.
    None,
}

impl Environment {
    /// Takes the snapshot of this process.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the process environment")]
    pub fn capture() -> Self {
        Self::new(env::vars_os(), env::current_dir().unwrap_or_else(|_| PathBuf::from(".")))
    }

    /// A snapshot of the given variables and directory.
    pub fn new<N: Into<OsString>, V: Into<OsString>>(
        variables: impl IntoIterator<Item = (N, V)>,
        directory: PathBuf,
    ) -> Self {
        let variables: BTreeMap<OsString, OsString> =
            variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        let ci = Ci::detect(|name| variables.get(&OsString::from(name)).and_then(|value| value.to_str()));
        Self { variables, directory, ci }
    }

    /// The content of a variable.
    #[must_use]
    pub fn read(&self, name: &VariableName) -> Reading {
        match self.variables.get(&OsString::from(name.as_str())) {
            None => Reading::Unset,
            Some(value) if value.is_empty() => Reading::Empty,
            Some(value) => value.to_str().map_or(Reading::NotUnicode, |text| Reading::Value(text.into())),
        }
    }

    /// The value of a setting that is not secret; empty counts as unset.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.variables.get(&OsString::from(name)).and_then(|value| value.to_str()).filter(|value| !value.is_empty())
    }

    /// Whether a variable of this name exists and is not empty.
    #[must_use]
    pub fn is_set(&self, name: &str) -> bool {
        self.variables.get(&OsString::from(name)).is_some_and(|value| !value.is_empty())
    }

    /// A variable that is set and whose name differs by one typo.
    #[must_use]
    pub fn like(&self, name: &VariableName) -> Option<&str> {
        let set = self.variables.iter().filter(|(_, value)| !value.is_empty());
        one_slip_away(name.as_str(), set.filter_map(|(other, _)| other.to_str()))
    }

    /// Whether the variable is set to exactly this secret.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "compares, and reveals nothing")]
    pub fn holds(&self, name: &str, secret: &SecretString) -> bool {
        !secret.expose_secret().is_empty() && self.setting(name) == Some(secret.expose_secret())
    }

    /// The variables for a child process: all except those with credentials.
    pub fn without<'a>(&'a self, sources: &'a [VariableName]) -> impl Iterator<Item = (&'a OsString, &'a OsString)> {
        self.variables.iter().filter(|(name, _)| !sources.iter().any(|source| name.as_os_str() == source.as_str()))
    }

    /// Those of the variables that have one of these names.
    pub fn only<'a>(&'a self, names: &'a [&str]) -> impl Iterator<Item = (&'a OsString, &'a OsString)> {
        self.variables.iter().filter(|(name, _)| names.iter().any(|wanted| name.as_os_str() == *wanted))
    }

    /// The path that a variable names, seen from the working directory; empty counts as unset.
    #[must_use]
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        let path = self.variables.get(&OsString::from(name)).filter(|value| !value.is_empty())?;
        Some(self.directory.join(path))
    }

    /// A program to run with these variables.
    #[must_use]
    pub fn command(&self, program: &str, sources: &[VariableName]) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(self.without(sources));
        command
    }

    /// Where relative paths start.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The CI of this process.
    #[must_use]
    pub fn ci(&self) -> Ci {
        self.ci
    }
}

impl Ci {
    fn detect<'a>(get: impl Fn(&'static str) -> Option<&'a str>) -> Self {
        let is = |name, value| get(name) == Some(value);
        let set = |name| get(name).is_some_and(|value| !value.is_empty());
        if is("GITLAB_CI", "true") {
            if set("CI_MERGE_REQUEST_IID") {
                Self::GitLabMergeRequest
            } else if is("CI_COMMIT_REF_PROTECTED", "true") {
                Self::GitLabProtected
            } else if is("CI_COMMIT_REF_PROTECTED", "false") {
                Self::GitLabUnprotected
            } else {
                Self::GitLab
            }
        } else if is("GITHUB_ACTIONS", "true") {
            if get("GITHUB_EVENT_NAME").is_some_and(|event| event.starts_with("pull_request")) {
                Self::GitHubPullRequest
            } else {
                Self::GitHub
            }
        } else if set("TF_BUILD") {
            Self::Azure
        } else if set("JENKINS_URL") {
            Self::Jenkins
        } else if set("CIRCLECI") {
            Self::CircleCi
        } else if ["CI", "TEAMCITY_VERSION", "BUILDKITE", "CODEBUILD_BUILD_ID"].into_iter().any(set) {
            Self::Other
        } else {
            Self::None
        }
    }

    /// Whether it is GitLab, on any branch.
    #[must_use]
    pub fn is_gitlab(self) -> bool {
        matches!(self, Self::GitLab | Self::GitLabProtected | Self::GitLabUnprotected | Self::GitLabMergeRequest)
    }

    /// The hint for a credential variable that is not set or empty.
    #[must_use]
    pub fn how_to_set(self, name: &VariableName) -> String {
        match self {
            Self::GitLabMergeRequest => {
                "this is a merge-request pipeline, and protected variables do not exist there; \
                 run this on a protected branch; `regcred verify --list` and `regcred render --check` need no login"
                    .into()
            }
            Self::GitLabUnprotected => {
                "this branch or tag is not protected, and protected variables do not exist on it; \
                 protect it, or run on one that is (Settings > CI/CD > Variables)"
                    .into()
            }
            Self::GitLabProtected => format!("add {name} under Settings > CI/CD > Variables, masked and protected"),
            Self::GitLab => format!(
                "is {name} there under Settings > CI/CD > Variables? is it protected, and this branch or tag is not? \
                 is it limited to another environment?"
            ),
            Self::GitHubPullRequest => format!(
                "secrets are empty in workflows of pull requests from forks; elsewhere map it in the step: \
                 `env: {{{name}: ${{{{ secrets.{name} }}}}}}`"
            ),
            Self::GitHub => format!(
                "a secret reaches a step only when it is mapped: `env: {{{name}: ${{{{ secrets.{name} }}}}}}`; \
                 an unknown secret is empty, not an error"
            ),
            Self::Azure => format!("a secret variable must be mapped in the step: `env: {{{name}: $({name})}}`"),
            Self::Jenkins => {
                format!("bind it in the stage: `withCredentials([string(credentialsId: '…', variable: '{name}')])`")
            }
            Self::CircleCi => {
                format!("add {name} to the project's environment variables, or give the job its `context`")
            }
            Self::Other => {
                format!("add {name} to the secret variables of this CI, and to the variables this job may read")
            }
            Self::None => format!("run `export {name}=…` first"),
        }
    }

    /// The hint that keeps this CI from expanding a `$` in a value.
    #[must_use]
    pub fn how_to_keep_a_dollar(self) -> &'static str {
        match self {
            Self::GitLab | Self::GitLabProtected | Self::GitLabUnprotected | Self::GitLabMergeRequest => {
                "switch off \"Expand variable reference\" for the variable, or write `$$`"
            }
            Self::GitHub | Self::GitHubPullRequest => {
                "map the secret with `env:`; do not paste `${{ … }}` into a double-quoted shell string"
            }
            Self::Azure => "map the secret with `env:`; `$(…)` in a script is replaced as text",
            Self::Jenkins => "use single quotes in Groovy: in double quotes it expands `$`",
            Self::CircleCi | Self::Other | Self::None => {
                "quote it with single quotes where it is set: in double quotes a shell expands `$`"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ci(variables: &[(&str, &str)]) -> Ci {
        Environment::new(variables.iter().copied(), PathBuf::new()).ci()
    }

    #[test]
    fn each_ci_is_told_by_the_variables_it_sets() {
        for (variables, expected) in [
            (&[][..], Ci::None),
            (&[("CI", "true")], Ci::Other),
            (&[("GITLAB_CI", "true"), ("CI_MERGE_REQUEST_IID", "12")], Ci::GitLabMergeRequest),
            (&[("GITLAB_CI", "true"), ("CI_COMMIT_REF_PROTECTED", "true")], Ci::GitLabProtected),
            (&[("GITLAB_CI", "true"), ("CI_COMMIT_REF_PROTECTED", "false")], Ci::GitLabUnprotected),
            (&[("GITLAB_CI", "true"), ("CI", "true")], Ci::GitLab),
            (&[("GITLAB_CI", "false"), ("CI", "true")], Ci::Other),
            (&[("GITHUB_ACTIONS", "true"), ("GITHUB_EVENT_NAME", "pull_request_target")], Ci::GitHubPullRequest),
            (&[("GITHUB_ACTIONS", "true"), ("GITHUB_EVENT_NAME", "push")], Ci::GitHub),
            (&[("TF_BUILD", "True")], Ci::Azure),
            (&[("JENKINS_URL", "http://ci.test")], Ci::Jenkins),
            (&[("CIRCLECI", "true")], Ci::CircleCi),
            (&[("TEAMCITY_VERSION", "2026.1")], Ci::Other),
            (&[("BUILDKITE", "true")], Ci::Other),
        ] {
            assert_eq!(ci(variables), expected, "{variables:?}");
        }
    }

    #[test]
    fn a_child_gets_every_variable_but_the_sources() {
        let environment = Environment::new([("PATH", "/bin"), ("TOKEN", "x")], PathBuf::new());
        let sources = ["TOKEN".parse().unwrap()];
        let left: Vec<_> = environment.without(&sources).map(|(name, _)| name.clone()).collect();
        assert_eq!(left, ["PATH"]);
    }
}
