//! Refuses recipients that `REGCRED_RECIPIENTS` does not list, and logins that everybody can read.

use std::collections::BTreeSet;

use crate::environment::Environment;
use crate::settings::Settings;
use regcred_core::diagnostic::{Code, Diagnostic, Failure};
use regcred_core::recipient::{Authority, Recipient, Recipients};

pub use regcred_core::confine::RECIPIENTS as VARIABLE;

/// The fingerprints in the variable, if it is set.
pub fn listed(environment: &Environment) -> Option<BTreeSet<String>> {
    let list = environment.guard(VARIABLE)?;
    Some(list.split([',', ' ', '\n', '\r', '\t']).filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

/// Refuses these recipients if there is a list, and one of them is not in it.
/// Errors: a recipient is not in the list.
pub fn check(listed: Option<&BTreeSet<String>>, recipients: &Recipients) -> Result<(), Failure> {
    let Some(listed) = listed else { return Ok(()) };
    let authority = Authority::List(listed.clone());
    let refused = authority.refuse(recipients);
    if refused.is_empty() { Ok(()) } else { Err(Failure::of("the recipients", not_listed(&refused))) }
}

/// Refuses logins in clear in a file if there is a list of recipients, unless a flag asks for them: a merge request can change `protect`.
/// Errors: a list exists, and no flag asks for logins in clear.
pub fn check_in_clear(settings: &Settings, environment: &Environment) -> Result<(), Failure> {
    let is_typed = settings.options.protect.as_ref().is_some_and(|protect| !protect.origin.is_of_a_file());
    if is_typed || listed(environment).is_none() {
        return Ok(());
    }
    Err(Failure::of("the recipients", in_clear()))
}

/// The problem of logins in clear although there is a list of recipients.
pub fn in_clear() -> Diagnostic {
    let message =
        format!("a file would hold the logins in clear, and `{VARIABLE}` allows only the recipients that it lists");
    Diagnostic::error(Code::NotAllowed, message).hint(
        "choose `--protect sealed`, `sops` or `external`, or `protect` in regcred.yaml, and check who changed it; if it was meant, type --protect plain",
    )
}

pub fn not_listed(refused: &[&Recipient]) -> Diagnostic {
    let shown: Vec<_> = refused.iter().map(|one| one.fingerprint()).collect();
    Diagnostic::error(Code::AnotherRecipient, format!("`{VARIABLE}` does not list {}", shown.join(", "))).hint(
        "the owner of that key could open the logins: check who changed the certificate or `.sops.yaml`; only this variable approves a \
         recipient; if it was meant, add it to those of all clusters there, joined by commas",
    )
}
