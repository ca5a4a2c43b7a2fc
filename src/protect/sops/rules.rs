//! The rules of `.sops.yaml`: the folder of the output in, the creation rule that sops takes for a file out.

use std::fs;
use std::path::{Path, PathBuf};

use super::rule::{Fault, Rule, parse};
use super::selection::Selection;
use crate::environment::Environment;
use regcred_core::diagnostic::{Code, Diagnostic, reason};

/// The name that sops looks for.
pub const FILE: &str = ".sops.yaml";

/// The rules, and where they stand.
#[derive(Debug, Default)]
pub struct Rules {
    /// The file, absolute; none where there is none.
    pub file: Option<PathBuf>,
    /// In their order: the first that matches is taken. `None` where the file has no list of them, which is as if there were no file.
    list: Option<Vec<Rule>>,
    /// What a message calls the file.
    called: &'static str,
}

/// What there is for a file.
#[derive(Debug)]
pub enum Found<'a> {
    /// This rule, and what it says of keys, if it does.
    Rule(&'a Rule, Option<&'a Selection>),
    /// There are no rules at all.
    NoRules,
    /// There are rules, and none is for it.
    NoMatch,
}

impl Rules {
    /// The rules of the file that `SOPS_CONFIG` names, or else of the nearest `.sops.yaml` at or above the folder, which is absolute.
    ///
    /// # Errors
    /// It cannot be read, or sops could not make sense of it.
    pub fn find(folder: &Path, environment: &Environment) -> Result<Self, Diagnostic> {
        let named = environment.setting("SOPS_CONFIG").map(|path| environment.directory().join(path));
        let above = || folder.ancestors().map(|ancestor| ancestor.join(FILE)).find(|path| path.exists());
        let Some(file) = named.clone().or_else(above) else { return Ok(Self::default()) };
        let called = if named.is_some() { "the file of `SOPS_CONFIG`" } else { "`.sops.yaml`" };
        let text = fs::read_to_string(&file).map_err(|error| {
            Diagnostic::error(Code::SopsRules, format!("{called} cannot be read: {}", reason(&error)))
                .hint("it says for whom sops encrypts; check its place and mode")
        })?;
        let list = parse(&text).map_err(|fault| fault.problem(called))?;
        Ok(Self { file: Some(resolved(&file)), list, called })
    }

    /// Whether there are any, or a list of none.
    #[must_use]
    pub fn are_there(&self) -> bool {
        self.file.is_some() && self.list.is_some()
    }

    /// What there is for the file at this absolute path.
    ///
    /// # Errors
    /// sops could not make sense of a rule that it looks at.
    pub fn matching(&self, path: &Path) -> Result<Found<'_>, Diagnostic> {
        self.look(path).map_err(|fault| fault.problem(self.called))
    }

    fn look(&self, path: &Path) -> Result<Found<'_>, Fault> {
        let (Some(file), Some(rules)) = (&self.file, &self.list) else { return Ok(Found::NoRules) };
        // As sops does: below the folder of its rules a file's path begins there, elsewhere at the root.
        let relative = file.parent().and_then(|folder| path.strip_prefix(folder).ok()).unwrap_or(path);
        let relative = relative.to_string_lossy();
        for rule in rules {
            if rule.is_for(&relative)? {
                return Ok(Found::Rule(rule, rule.selection()?));
            }
        }
        Ok(Found::NoMatch)
    }
}

/// The path without links in its folders: sops compares texts.
fn resolved(file: &Path) -> PathBuf {
    match (file.parent().and_then(|folder| folder.canonicalize().ok()), file.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => file.to_path_buf(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Rules {
        Rules { file: Some(PathBuf::from("/repo/.sops.yaml")), list: parse(text).unwrap(), called: "x" }
    }

    fn age(found: &Found<'_>) -> String {
        match found {
            Found::Rule(rule, _) => rule.content["age"].as_str().unwrap().to_owned(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn the_first_rule_that_matches_the_path_below_the_file_is_taken() {
        let rules = rules(
            "creation_rules:\n- {path_regex: '^out/prod/', age: one}\n- {path_regex: '\\.sops\\.ya?ml$', age: two}\n- {path_regex: ^/elsewhere/, age: three}\n",
        );
        for (path, expected) in [
            ("/repo/out/prod/a.sops.yaml", "one"),
            ("/repo/out/a.sops.yml", "two"),
            ("/repo/out/a.yaml", "NoMatch"),
            ("/elsewhere/a", "three"),
            ("/elsewhere/out/prod/x", "three"),
        ] {
            assert_eq!(age(&rules.look(Path::new(path)).unwrap()), expected, "{path}");
        }
    }

    #[test]
    fn a_rule_without_a_path_is_for_all_files() {
        for text in ["creation_rules: [{age: one}]", "creation_rules: [{path_regex: '', age: one}]"] {
            assert_eq!(age(&rules(text).look(Path::new("/x")).unwrap()), "one");
        }
    }

    #[test]
    fn a_file_without_the_list_is_as_none_and_an_empty_list_matches_nothing() {
        for text in ["", "stores: {}", "creation_rules:", "destination_rules: []"] {
            assert!(matches!(rules(text).look(Path::new("/x")).unwrap(), Found::NoRules), "{text}");
        }
        assert!(matches!(rules("creation_rules: []").look(Path::new("/x")).unwrap(), Found::NoMatch));
    }

    #[test]
    fn what_comes_after_the_first_document_is_not_read() {
        for text in [
            "---\ncreation_rules: [{age: one}]\n---\ncreation_rules: [{age: two}]\n",
            "creation_rules: [{age: one}]\n---\n[\n",
        ] {
            assert_eq!(age(&rules(text).look(Path::new("/x")).unwrap()), "one");
        }
    }

    #[test]
    fn what_a_rule_says_does_not_depend_on_the_order_of_its_keys() {
        let content = |text| match rules(text).look(Path::new("/x")).unwrap() {
            Found::Rule(rule, _) => serde_json::to_string(&rule.content).unwrap(),
            other => format!("{other:?}"),
        };
        assert_eq!(
            content("creation_rules: [{age: a, kms: b, path_regex: x}]"),
            content("creation_rules:\n# note\n- path_regex: /\n  kms: b\n  age: a\n")
        );
    }

    #[test]
    fn a_fault_is_told_with_its_place_and_without_its_text() {
        for (text, expected) in [
            ("creation_rules: [", Fault::Yaml(None)),
            ("canary", Fault::Format("the top".to_owned())),
            ("creation_rules: canary", Fault::Format("creation_rules".to_owned())),
            ("creation_rules: [canary]", Fault::Format("creation_rules, rule 1".to_owned())),
            ("creation_rules: [{path_regex: 1}]", Fault::Format("creation_rules, rule 1, path_regex".to_owned())),
            ("creation_rules: [{path_regex: why}, {path_regex: 'canary('}]", Fault::Regex(2, "path_regex")),
            ("creation_rules: [{encrypted_regex: 'canary('}]", Fault::Regex(1, "encrypted_regex")),
            ("creation_rules: [{encrypted_regex: a, unencrypted_suffix: b}]", Fault::Several(1)),
        ] {
            let fault = match parse(text) {
                Err(fault) => fault,
                Ok(_) => rules(text).look(Path::new("/x")).unwrap_err(),
            };
            assert!(!fault.problem("x").message.contains("canary"), "{fault:?}");
            assert!(fault == expected || matches!((&fault, &expected), (Fault::Yaml(_), Fault::Yaml(_))), "{fault:?}");
        }
    }

    #[test]
    fn a_rule_after_the_one_that_matches_is_not_looked_at_and_one_before_it_is() {
        let text = "creation_rules: [{path_regex: x, age: one}, {path_regex: '(', age: two}]";
        assert_eq!(age(&rules(text).look(Path::new("/x")).unwrap()), "one");
        assert_eq!(rules(text).look(Path::new("/y")).unwrap_err(), Fault::Regex(2, "path_regex"));
        let text = "creation_rules: [{path_regex: why, encrypted_regex: '('}, {age: one}]";
        assert_eq!(age(&rules(text).look(Path::new("/x")).unwrap()), "one");
    }
}
