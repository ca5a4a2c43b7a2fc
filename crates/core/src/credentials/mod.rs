//! Decodes and checks logins: text from variables and files becomes one checked login for each registry.

mod answers;
pub mod as_kubelet;
pub mod auths;
mod broken;
mod damage;
pub mod decode;
mod doubles;
pub(crate) mod entry;
mod findings;
mod foreign;
mod google;
mod json;
pub mod lifetime;
mod mistaken;
mod other;
pub mod presets;
mod source;
mod stand_in;

use secrecy::SecretString;

pub use crate::docker_config::credential::{Credential, is_public_username};
pub use damage::text_of;
pub use findings::checked;
pub use google::decoded_key;
pub use other::is_ngc;
pub use source::{DEFAULT_VARIABLE, NameSource, Need, OTHER_VARIABLE, Source, Variable};
pub use stand_in::is_a_placeholder;

/// The facts that a check of logins needs.
pub struct Facts<'a> {
    /// The current time, in seconds since 1970.
    pub now: i64,
    /// Whether a password may end with the job, because the user insists.
    pub allow_short_lived: bool,
    /// The [variables](lifetime::JOB_TOKENS) whose value is valid only while the job runs, with their values.
    pub job_tokens: Vec<(&'static str, SecretString)>,
    /// How to keep a `$` in a value in the CI where the logins are set.
    pub keep_a_dollar: &'a str,
}
