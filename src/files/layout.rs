//! Gives each document a file with a stable path.

use zeroize::Zeroizing;

use super::folder::entry::{Content, Entry, HEADER, NeedsLogins};
use super::folder::path::LONGEST;
use super::marks::digest::Digest;
use super::{File, Protection, WriteError};
use crate::protect::{Document, Documents};

/// One file per object: `cluster/KIND-NAME.yaml`, `namespaces/NAMESPACE/KIND-NAME.yaml`.
///
/// `kubectl apply --recursive` reads by name, so it reads Namespaces before the objects in them.
pub fn entries<'a>(documents: &'a Documents<'a>) -> impl Iterator<Item = Result<Entry<'a>, WriteError>> {
    documents.iter().map(|document| {
        let path = path(&document);
        let content = if let Some(encryption) = document.encryption() {
            Content::Encrypted(Box::new(encryption))
        } else {
            let mut bytes = Zeroizing::new(Vec::new());
            document.write_yaml(&path, &mut *bytes)?;
            Content::Ready(bytes, document.protection())
        };
        let logins = match (document.protection(), document.kind()) {
            // The regcred.yaml of a controller may name the registries of its logins.
            (Protection::Plaintext, _) | (_, "MutatingAdmissionPolicy" | "ConfigMap") => NeedsLogins::ForValues,
            (Protection::Public | Protection::Encrypted, _) => NeedsLogins::NotNeeded,
        };
        let named = Some(name(&document));
        Ok(Entry { path, document: named, head: HEADER.to_vec(), content, logins })
    })
}

/// The `kustomization.yaml` beside the files: it lists every file in the order of the documents, and has no `namespace:`, which would move
/// all of them.
pub fn kustomization(documents: &Documents<'_>) -> File {
    let head = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n".to_owned();
    let text = documents.iter().fold(head, |text, document| text + "- " + &path(&document) + "\n");
    File::public("kustomization.yaml", text)
}

/// The kind, the namespace and the name of an object.
fn name(document: &Document<'_>) -> String {
    let namespace = document.namespace().map_or(String::new(), |namespace| format!("{namespace}/"));
    format!("{} {namespace}{}", document.kind(), document.name())
}

fn path(document: &Document<'_>) -> String {
    let name = format!("{}-{}", document.kind().to_lowercase(), document.name());
    let file =
        format!("{}.{}", shortened(name, LONGEST - ".".len() - document.extension().len()), document.extension());
    match document.namespace() {
        Some(namespace) => format!("namespaces/{namespace}/{file}"),
        None => format!("cluster/{file}"),
    }
}

/// The name, or its beginning and a hash if it is too long: an object's kind and name can be longer than a file name.
fn shortened(name: String, room: usize) -> String {
    if name.len() <= room {
        return name;
    }
    let hash = &Digest::of(name.as_bytes()).to_string()[..16];
    format!("{}-{hash}", name.get(..room - 1 - hash.len()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protect::Protector;
    use regcred_core::manifest::{Manifests, ObjectTemplate, Place};

    fn documents() -> Documents<'static> {
        let object = |kind: &str| json!({"kind": kind, "metadata": {"name": "x"}}).as_object().cloned().unwrap();
        let mut manifests = Manifests::default();
        let namespaces = || vec![("b".parse().unwrap(), 0), ("c".parse().unwrap(), 0)];
        manifests.each(vec![vec![ObjectTemplate::plain(object("Namespace"), Place::Itself)]], namespaces());
        manifests.once(ObjectTemplate::plain(object("ClusterRole"), Place::Cluster));
        manifests.once(ObjectTemplate::plain(object("Deployment"), Place::Fixed("a".parse().unwrap())));
        manifests.each(vec![vec![ObjectTemplate::plain(object("ServiceAccount"), Place::Each)]], namespaces());
        Documents::new(manifests, &Protector::Plain)
    }

    #[test]
    fn each_object_has_a_file_in_the_folder_of_its_namespace() {
        let documents = documents();
        let paths: Vec<_> = entries(&documents).map(|entry| entry.unwrap().path).collect();
        assert_eq!(
            paths,
            [
                "cluster/namespace-b.yaml",
                "cluster/namespace-c.yaml",
                "cluster/clusterrole-x.yaml",
                "namespaces/a/deployment-x.yaml",
                "namespaces/b/serviceaccount-x.yaml",
                "namespaces/c/serviceaccount-x.yaml",
            ]
        );
    }

    #[test]
    fn a_name_that_is_too_long_for_a_file_keeps_its_beginning_and_gets_a_hash() {
        let [one, other] = ["x", "y"].map(|end| shortened("a".repeat(252) + end, 100));
        assert!(one != other && one.len() == 100 && one.starts_with(&"a".repeat(83)), "{one} {other}");
        assert_eq!(shortened("a".repeat(100), 100), "a".repeat(100));
    }

    #[test]
    fn a_kustomization_lists_the_files_in_their_order_and_sets_no_namespace() {
        let documents = documents();
        let last = kustomization(&documents);
        let text = String::from_utf8(last.bytes.to_vec()).unwrap();
        assert_eq!(last.path, "kustomization.yaml");
        assert!(!text.contains("namespace:"), "{text}");
        let listed: Vec<_> = text.lines().filter_map(|line| line.trim_start().strip_prefix("- ")).collect();
        let paths: Vec<_> = entries(&documents).map(|entry| entry.unwrap().path).collect();
        assert_eq!(listed, paths);
    }
}
