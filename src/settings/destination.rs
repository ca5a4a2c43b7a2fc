//! Decides where the output goes: standard output, or a path to write or to compare.

use std::path::{Path, PathBuf};

use super::usage;
use regcred_core::diagnostic::Failure;
use regcred_core::spec::choice::{Format, Protect};
use regcred_core::spec::combination::{Chart, Combination};
use regcred_core::spec::{Open, Options};

/// The place of the output, and whether the output is written or compared.
#[derive(Clone, Debug)]
pub enum Destination {
    Stdout,
    /// A file, or a directory for the formats that are trees.
    Write(PathBuf),
    /// The same place, for a comparison.
    Check(PathBuf),
}

impl Destination {
    /// Without `--output`, the output goes to stdout, if that is possible.
    /// Errors: usage: the choices need files, or cannot be compared.
    pub(super) fn resolve(
        options: &Options,
        Combination { format, protect, .. }: Combination,
        chart: &Chart,
    ) -> Result<Self, Failure> {
        let Some(path) = options.output.chosen().cloned() else {
            return if format.is_a_tree() {
                let message = format!("`--format {format}` writes several files, and needs `--output`");
                Err(usage(message, "add --output DIR"))
            } else if *chart == Chart::Empathyco {
                Err(usage(
                    "`--chart empathyco` has no value for the source Secret: it is a file beside the values, and needs `--output`",
                    "add --output values.yaml; the Secret goes to values.secret.yaml",
                ))
            } else if protect == Protect::Sops {
                let message = "`--protect sops` needs `--output`: the rules of `.sops.yaml` go by the name of the file";
                Err(usage(message, "add --output secrets.yaml"))
            } else {
                Ok(Self::Stdout)
            };
        };
        if path == Path::new("-") {
            return Err(usage("`--output -` is not a file", "leave --output out: standard output is the default"));
        }
        if format == Format::Json && protect == Protect::Sealed {
            return Err(usage(
                "a sealed `--format json` cannot be a file: JSON has no place for the mark that tells whether it is current, so \
                 every run would write other bytes",
                "use --format yaml, or --format directory; or leave --output out",
            ));
        }
        Ok(if options.check.is_some() { Self::Check(path) } else { Self::Write(path) })
    }
}
