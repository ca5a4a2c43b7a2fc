//! Renders the templates that make the values of a chart.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

use super::engine::{self, place, rendered, strict};
use super::{TITLE, read, yaml};
use crate::report;
use regcred_core::diagnostic::{Code, Diagnostic, Failure, reason};

/// The text that the template of `--chart` writes: the values of a chart.
/// Errors: a file that cannot be read, an unknown variable, or output that is no mapping: with file and line.
pub fn render_file(path: &Path, context: &impl Serialize) -> Result<String, Failure> {
    let text = read(path).map_err(|error| {
        let message = format!("the template that `--chart` names cannot be read: {}", reason(&error));
        let problem = Diagnostic::error(Code::UnreadableFile, message);
        Failure::of(TITLE, problem.hint("write tamcore, empathyco, or the path of a template"))
    })?;
    report::detail(&format!("reading the template {}", path.display()));
    // The file exists, so its name is not a value that somebody typed by mistake.
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let (mut output, _) = render(&name, text, context)?;
    // The template's own last line end is not part of its output.
    output.push('\n');
    Ok(output)
}

/// The text of a values template, and its meaning: a YAML mapping.
/// Errors: an unknown variable, or output that is no mapping: with file and line.
pub fn render(name: &str, template: String, context: &impl Serialize) -> Result<(String, Map<String, Value>), Failure> {
    let mut environment = strict();
    let output = engine::add(&mut environment, name, template)
        .and_then(|()| rendered(&Arc::new(environment), name, context))
        .map_err(|error| {
            let hint = "it may use secret_name, namespaces, service_accounts and registries; no template sees a secret";
            Failure::of(TITLE, place(&error, name, hint))
        })?;
    let values = yaml(&output, "YAML mapping", serde_saphyr::from_str).map_err(|what| {
        let problem = Diagnostic::error(Code::InvalidTemplate, format!("the template `{name}` {what}"));
        Failure::of(
            TITLE,
            problem.hint(
                "a string is quoted already: write `key: {{ secret_name }}`; and replace each alias by its value",
            ),
        )
    })?;
    Ok((output, values))
}

/// Whether a user's template uses this variable; an unreadable template uses none.
pub fn uses(path: &Path, variable: &'static str) -> bool {
    read(path).is_ok_and(|text| engine::uses(text, variable))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The text that a template writes, or its problem.
    fn values(template: &str) -> Result<String, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        #[expect(clippy::disallowed_methods, reason = "a fixture")]
        std::fs::write(file.path(), template).unwrap();
        let context = json!({"secret_name": "on", "namespaces": ["a", "y"]});
        let name = file.path().file_name().unwrap().to_str().unwrap().to_owned();
        render_file(file.path(), &context).map_err(|failure| {
            let Failure::Input { problems, .. } = failure else { panic!("of the input") };
            problems[0].message.replace(&name, "FILE")
        })
    }

    #[test]
    fn a_template_without_an_end_is_ended() {
        let endless = [
            "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
            "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}",
            "{% for a in range(99999) %}{% for b in range(999) %}a: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n{% endfor %}{% endfor %}",
        ];
        for template in endless {
            let said = values(template).unwrap_err();
            assert!(said.contains("has no end") || said.contains("invalid operation"), "{said}");
        }
    }

    #[test]
    fn a_template_that_nests_deeply_or_is_huge_is_refused() {
        let nested = |depth| "{% if true %}".repeat(depth) + "a: 1" + &"{% endif %}".repeat(depth);
        assert_eq!(values(&nested(100)).unwrap(), "a: 1\n");
        for depth in [1_700, 40_000] {
            // The parser has its own limit, or takes too much memory; in no case does it end the process.
            drop(values(&nested(depth)));
        }
        assert!(values(&nested(50_000)).unwrap_err().contains("cannot be read: it is too long"));
    }

    #[test]
    fn values_are_what_the_template_says_with_names_quoted() {
        assert_eq!(
            values("# ours\na: {{ secret_name }}\nb: {{ namespaces }}\n").unwrap(),
            "# ours\na: \"on\"\nb: [\"a\",\"y\"]\n"
        );
    }

    #[test]
    fn output_that_is_no_mapping_is_an_error_with_file_and_line() {
        assert_eq!(values("a: 1\nb: {{ password }}\n").unwrap_err(), "the template `FILE`, line 2: undefined value");
        assert_eq!(values("a: 1\n{% if %}\n").unwrap_err(), "the template `FILE`, line 2: syntax error");
        for (no_mapping, line) in [("- {{ secret_name }}\n", 1), ("a: 1\nb: \"{{ secret_name }}\"\n", 2)] {
            let said = values(no_mapping).unwrap_err();
            assert_eq!(said, format!("the template `FILE` makes no YAML mapping: line {line} of its output"));
        }
        assert!(values("a: &a {b: *a}\n").unwrap_err().contains("makes too many YAML aliases"));
    }
}
