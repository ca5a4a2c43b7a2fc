//! Where the output goes: arguments and what they come to in, stdout or a path to write or to compare out.

use std::path::{Path, PathBuf};

use super::choices::{Chart, Combination, Format, Protect};
use super::usage;
use crate::cli::RenderArguments;
use regcred_core::diagnostic::Failure;

/// Where the output goes, and whether it is written or compared.
#[derive(Clone, Debug)]
pub enum Destination {
    /// Standard output.
    Stdout,
    /// A file, or a directory for the formats that are trees.
    Write(PathBuf),
    /// The same, compared.
    Check(PathBuf),
}

impl Destination {
    /// What has no name on the command line goes to stdout, if it can.
    ///
    /// # Errors
    /// Usage: what was chosen needs files, or cannot be compared.
    pub(super) fn resolve(
        arguments: &RenderArguments,
        Combination { format, protect, .. }: Combination,
        chart: &Chart,
    ) -> Result<Self, Failure> {
        if arguments.output.as_deref() == Some(Path::new("-")) {
            return Err(usage("`--output -` is no file", "leave --output out: standard output is the default"));
        }
        match (&arguments.output, arguments.check) {
            (None, _) if format.is_a_tree() => Err(usage(
                &format!("`--format {format}` writes several files, and needs `--output`"),
                "add --output DIR",
            )),
            (None, _) if *chart == Chart::Empathyco => Err(usage(
                "`--chart empathyco` has no value for the source Secret: it is a file beside the values, and needs `--output`",
                "add --output values.yaml; the Secret goes to values.secret.yaml",
            )),
            (None, _) if protect == Protect::Sops => Err(usage(
                "`--protect sops` needs `--output`: the rules of `.sops.yaml` go by the name of the file",
                "add --output secrets.yaml",
            )),
            (None, _) => Ok(Self::Stdout),
            (Some(_), _) if format == Format::Json && protect == Protect::Sealed => Err(usage(
                "a sealed `--format json` cannot be a file: JSON has no place for what tells whether it is current, so it would \
                 be other bytes at every run",
                "use --format yaml, or --format directory; or leave --output out",
            )),
            (Some(path), false) => Ok(Self::Write(path.clone())),
            (Some(path), true) => Ok(Self::Check(path.clone())),
        }
    }
}
