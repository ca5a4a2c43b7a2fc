//! Asks the credential helpers of Docker for logins.

use std::time::Duration;

use zeroize::Zeroizing;

use crate::environment::Environment;
use crate::program::{Program, Trouble};
use regcred_core::credentials::Credential;
use regcred_core::credentials::auths::{Kept, login_of_helper};
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::names::VariableName;

/// A helper may ask a person or a remote service, so it gets some time.
const LIMIT: Duration = Duration::from_secs(60);

/// The login that the helper `docker-credential-NAME` knows. No message repeats its output.
/// Errors: the helper cannot be run, fails, or answers with something else than a login.
pub(super) fn ask(
    kept: Kept,
    source: &str,
    hidden: &[VariableName],
    environment: &Environment,
) -> Result<Credential, Diagnostic> {
    let Kept { registry, server, helper } = kept;
    let problem = |what: &str, hint: &str| {
        Diagnostic::error(Code::HelperFailed, format!("the credential helper of {source} for `{registry}` {what}"))
            .hint(hint)
            .about(&registry)
    };
    // The name becomes a part of a path.
    if !helper.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
        return Err(problem("has a name that no program has", "look at `credsStore` and `credHelpers`"));
    }
    let name = format!("docker-credential-{helper}");
    let Some(program) = Program::find(&name, environment, environment.without(hidden), LIMIT) else {
        return Err(problem(
            &format!("is not there: no `{name}` is on PATH"),
            "install it, or run this where Docker runs",
        ));
    };
    let answer = program.run(&["get"], Zeroizing::new(server.into_bytes())).map_err(|trouble| match trouble {
        Trouble::NotStarted => problem(&format!("cannot be started: `{name}`"), "run it by hand to see why"),
        Trouble::Late(limit) => {
            problem(&format!("gave no answer within {} seconds", limit.as_secs()), "is it waiting for a person?")
        }
        Trouble::Interrupted => problem("was interrupted", "run it again"),
        Trouble::Failed { .. } => {
            problem(&format!("has no login, or failed: `{name} get`"), "log in with `docker login` first")
        }
    })?;
    let Some((username, password)) = login_of_helper(&answer.output) else {
        return Err(problem(
            "answered without a user name and a password",
            "an identity token (`az acr login`) is of no use to a kubelet: name two variables, `--login HOST=USERVAR:PASSVAR`",
        ));
    };
    Ok(Credential::from_one_source(registry, username, password, source))
}
