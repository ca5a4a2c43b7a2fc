//! Finds out which CI the process runs in, and writes remedies for that CI.

use regcred_core::names::VariableName;

/// The CI system of this process: it decides the wording of hints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ci {
    /// GitLab, on a protected branch or tag.
    GitLabProtected,
    /// GitLab, on an unprotected branch or tag.
    GitLabUnprotected,
    /// GitLab, on a branch or tag that may be protected or not.
    GitLab,
    /// GitLab, in a merge-request pipeline.
    GitLabMergeRequest,
    /// GitHub Actions, for any event except a pull request.
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

impl Ci {
    pub(super) fn detect<'a>(get: impl Fn(&'static str) -> Option<&'a str>) -> Self {
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
    pub fn is_gitlab(self) -> bool {
        matches!(self, Self::GitLab | Self::GitLabProtected | Self::GitLabUnprotected | Self::GitLabMergeRequest)
    }

    /// The reason why logins may be missing in this CI although nobody made a mistake.
    pub fn why_missing(self) -> Option<&'static str> {
        match self {
            Self::GitLabMergeRequest | Self::GitLabUnprotected => {
                Some("MISSING is expected here: protected variables exist on protected branches and tags only")
            }
            Self::GitHubPullRequest => Some("MISSING is expected here: the check of a pull request needs no secrets"),
            _ => None,
        }
    }

    /// The remedy for files that are not current.
    pub fn how_to_update(self) -> &'static str {
        match self {
            Self::GitLabMergeRequest | Self::GitHubPullRequest => "the run after the merge changes that",
            _ => "run the same without --check",
        }
    }

    /// The hint for an unset or empty variable of a login.
    pub fn how_to_set(self, name: &VariableName) -> String {
        match self {
            Self::GitLabMergeRequest => {
                "this is a merge-request pipeline, and protected variables do not exist there; \
                 run this on a protected branch; `regcred verify --list` needs no login"
                    .into()
            }
            Self::GitLabUnprotected => {
                "this branch or tag is not protected, and protected variables do not exist on it; \
                 protect it, or run on one that is (Settings > CI/CD > Variables)"
                    .into()
            }
            Self::GitLabProtected => format!(
                "add {name} under Settings > CI/CD > Variables, masked and protected; if it is there, is it limited to another environment?"
            ),
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

    /// A hint: how to keep this CI from expanding a `$` in a value.
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
    use std::path::PathBuf;

    use super::super::Environment;
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
}
