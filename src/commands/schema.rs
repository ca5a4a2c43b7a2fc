//! `regcred schema`: the types of regcred.yaml in, their JSON Schema out.

use anyhow::Result;

use crate::files::stream::print_text;
use crate::report::Outcome;
use crate::settings::file::File;

/// Prints the schema.
pub fn run() -> Result<Outcome> {
    print_text(&(serde_json::to_string_pretty(&schemars::schema_for!(File))? + "\n"))?;
    Ok(Outcome::Done)
}
