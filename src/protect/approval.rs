//! Refuses recipients that `REGCRED_RECIPIENTS` does not list.

use std::collections::BTreeSet;

use crate::environment::Environment;
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

/// The recipients that are not in the list.
pub fn not_listed(refused: &[&Recipient]) -> Diagnostic {
    let shown: Vec<_> = refused.iter().map(ToString::to_string).collect();
    Diagnostic::error(Code::AnotherRecipient, format!("`{VARIABLE}` does not list {}", shown.join(", "))).hint(
        "the owner of that key could open the logins: check who changed the certificate or `.sops.yaml`; only this variable approves a \
         recipient; if it was meant, add it to those of all clusters there, joined by commas",
    )
}
