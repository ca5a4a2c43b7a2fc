//! Lists the images of the Pods in manifests.

use std::collections::BTreeSet;

use super::kinds::PodPath;
use super::syntax::Broken;
use super::value::{TooMuch, Value};
use super::{Manifest, images as of, stream, visit};
use crate::diagnostic::{Code, Diagnostic};

/// The images of all Pods and Pod templates in a stream of manifests, without duplicates; messages use `source` as the name of the stream.
///
/// # Errors
/// A document is not YAML. The error names its number and the line, never its content.
pub fn images(text: &str, source: &str) -> Result<BTreeSet<String>, Diagnostic> {
    let paths: Vec<_> = PodPath::built_in().collect();
    let mut found = BTreeSet::new();
    for (number, range) in (1..).zip(stream::documents(text)) {
        let manifest = Manifest { text: &text[range.clone()] };
        let read = manifest.read(|document, _| {
            let Some(mut value) = Value::read(document)? else { return Ok(()) };
            visit::objects(&mut value, &mut |value, group, kind| {
                for path in paths.iter().filter(|path| path.is_for(group, kind)) {
                    visit::places(value, &path.fields, &mut |place| {
                        found.extend(of::at(place, path.images).into_iter().filter_map(Value::text).map(str::to_owned));
                    });
                }
            });
            Ok(())
        });
        match read {
            Ok(Ok(())) => {}
            Ok(Err(TooMuch)) => {
                let message = format!("document {number} of {source} has too many aliases, or is nested too deep");
                return Err(
                    Diagnostic::error(Code::TooManyAliases, message).hint("write out what the aliases stand for")
                );
            }
            Err(Broken { line }) => {
                let line = text[..range.start].matches('\n').count() + line.max(1);
                let message =
                    format!("document {number} of {source} is not valid YAML: line {line} is where it breaks");
                return Err(Diagnostic::error(Code::InvalidYaml, message)
                    .hint("render templates first, for example with `helm template`"));
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_images_of_pods_and_templates_are_found_wherever_a_kubelet_pulls_them() {
        let template = "spec: {template: {spec: {containers: [{image: quay.io/b:1}], initContainers: [{image: c}]}}}";
        for (text, expected) in [
            (
                "kind: Pod\nspec: {containers: [{image: a}, {image: a}, {}], volumes: [{image: {reference: v}}]}\n"
                    .to_owned(),
                "a v",
            ),
            (
                format!(
                    "apiVersion: apps/v1\nkind: Deployment\n{template}\n---\nkind: ConfigMap\ndata: {{image: x}}\n"
                ),
                "c quay.io/b:1",
            ),
            (format!("kind: List\nitems: [{{apiVersion: batch/v1, kind: Job, {template}}}]\n"), "c quay.io/b:1"),
            ("kind: Pod\nspec: {imagePullSecrets: [{name: x}], containers: [{image: a}]}\n".to_owned(), "a"),
            ("# nothing\n".to_owned(), ""),
        ] {
            let found = images(&text, "`--images-from`").unwrap();
            assert_eq!(found.into_iter().collect::<Vec<_>>().join(" "), expected, "{text}");
        }
        let problem = images("kind: Pod\n---\n{{ a\n", "`--images-from`").unwrap_err();
        assert!(problem.message.contains("document 2 of `--images-from`") && problem.message.contains("line 3"));
    }
}
