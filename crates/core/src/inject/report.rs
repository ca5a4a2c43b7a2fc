//! Collects the messages about manifests.

use std::collections::BTreeMap;
use std::ops::Range;

use super::rules::Rules;
use crate::diagnostic::{Code, Diagnostic};
use crate::docker_config::kubelet::Image;
use crate::names::Namespace;

/// The findings so far.
#[derive(Debug, Default)]
pub struct Report {
    /// The number of the document, from 1.
    pub document: usize,
    /// The number of Pod specs.
    pub found: usize,
    /// Warnings.
    pub warnings: Vec<Diagnostic>,
    /// Objects with matching images that no path leads to: `KIND[.GROUP]` and the path of the Pod spec, which may be empty.
    pub missed: BTreeMap<(String, String), usize>,
    /// Pod specs with matching images, by the namespace that has no pull secret for them.
    namespaces: BTreeMap<Namespace, usize>,
}

impl Report {
    /// The document, as text for messages.
    pub fn here(&self) -> String {
        format!("document {} on standard input", self.document)
    }

    /// Notes a Pod spec that gets no reference, if its namespace is the reason.
    pub fn note_namespace(&mut self, namespace: Option<&Namespace>, images: &[Image], rules: &Rules) {
        if let Some(namespace) = namespace.or(rules.namespace.as_ref())
            && !rules.wanted_anywhere(images).is_empty()
        {
            *self.namespaces.entry(namespace.clone()).or_default() += 1;
        }
    }

    /// Notes that the document becomes JSON.
    pub fn note_rewritten(&mut self) {
        let message = format!("{} becomes JSON, without its comments and anchors", self.here());
        let hint = "no smaller change keeps the meaning of everything else: write `imagePullSecrets` in each Pod spec as a plain \
                    list, without an anchor that others share or a merge key after it";
        self.warnings.push(Diagnostic::warning(Code::BecomesJson, message).hint(hint));
    }

    /// The error for a document that is not YAML from this line on.
    pub fn broken(&self, text: &str, document: &Range<usize>, line: usize) -> Diagnostic {
        let line = text[..document.start].matches('\n').count() + line.max(1);
        let mut around = text.lines().skip(line.saturating_sub(2)).take(2);
        let hint = if around.any(|line| line.contains("{{")) {
            "there is a template on that line or the one before: render it first, for example with `helm template`"
                .to_owned()
        } else {
            format!("to see the line, put `sed -n {line}p` in the place of regcred")
        };
        let message = format!("{} is not valid YAML: line {line} is where it breaks", self.here());
        Diagnostic::error(Code::InvalidYaml, message).hint(hint + "; nothing was written")
    }

    /// The error for a document whose aliases add too many values, or that is nested too deep.
    pub fn too_much(&self) -> Diagnostic {
        let message = format!("{} has too many aliases, or is nested too deep", self.here());
        Diagnostic::error(Code::TooManyAliases, message)
            .hint("write out what the aliases stand for; nothing was written")
    }

    /// The error for a document that no change fits.
    pub fn not_editable(&self, object: &str) -> Diagnostic {
        let message = format!("no reference can be added to {object} in {}, as it is written", self.here());
        Diagnostic::error(Code::NotEditable, message)
            .hint("give its Pod spec a list `imagePullSecrets: []`, and no tag like `!!int`; nothing was written")
    }

    /// Why Pod specs with matching images get no reference.
    pub fn left_out(&self) -> Option<Diagnostic> {
        let (first, _) = self.namespaces.first_key_value()?;
        let count: usize = self.namespaces.values().sum();
        let names: Vec<_> = self.namespaces.keys().take(3).map(|name| format!("`{name}`")).collect();
        let more = if self.namespaces.len() > names.len() { " and more" } else { "" };
        let message = format!(
            "no reference for {} with matching images in {}{more}: no pull secret is for that namespace",
            counted(count, "Pod spec"),
            names.join(", ")
        );
        let hint = format!(
            "add `{first}` to `namespaces.include` of a pull secret in regcred.yaml, or take it out of `exclude`"
        );
        Some(Diagnostic::warning(Code::NamespaceNotServed, message).hint(hint))
    }

    /// All warnings.
    pub fn into_warnings(mut self) -> Vec<Diagnostic> {
        let warning = |((kind, path), count): ((String, String), usize)| {
            let objects = counted(count, "object");
            let message =
                format!("no reference for {objects} of kind {kind} with matching images: no path leads there");
            Diagnostic::warning(Code::UnknownKind, message).hint(if path.is_empty() {
                format!("if the kind takes `imagePullSecrets`, say where with `--path {kind}=PATH`; else link its ServiceAccount")
            } else {
                format!("say where its Pod spec is with `--path {kind}={path}`")
            })
        };
        self.warnings.extend(self.missed.into_iter().map(warning));
        self.warnings
    }
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
