//! `regcred schema` prints the JSON Schema of regcred.yaml.

use anyhow::Result;

use crate::files::stream::print_text;
use crate::report::Outcome;
use crate::settings::file::File;

pub fn run() -> Result<Outcome> {
    print_text(&(serde_json::to_string_pretty(&schemars::schema_for!(File))? + "\n"))?;
    Ok(Outcome::Done)
}
