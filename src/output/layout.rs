//! Where each manifest's file goes in a tree: manifests in, files with stable names out.

use std::io;

use zeroize::Zeroizing;

use super::{File, Protection};
use crate::manifest::{Manifest, Manifests};

/// A file an object: `cluster/KIND-NAME.yaml`, `namespaces/NAMESPACE/KIND-NAME.yaml`.
///
/// `kubectl apply --recursive` walks by name, and so meets Namespaces before what is in them.
pub fn files(manifests: &Manifests) -> impl Iterator<Item = io::Result<File>> {
    manifests.iter().map(|manifest| {
        let mut bytes = Zeroizing::new(Vec::new());
        manifest.write_yaml(&mut *bytes)?;
        let protection = if manifest.is_sensitive() { Protection::Plaintext } else { Protection::Public };
        Ok(File { path: path(&manifest), bytes, protection })
    })
}

/// The `kustomization.yaml` beside them: every file, in the order of the manifests, and never a `namespace:`, which would move them all.
#[must_use]
pub fn kustomization(manifests: &Manifests) -> File {
    let head = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n".to_owned();
    let text = manifests.iter().fold(head, |text, manifest| text + "- " + &path(&manifest) + "\n");
    File {
        path: "kustomization.yaml".to_owned(),
        bytes: Zeroizing::new(text.into_bytes()),
        protection: Protection::Public,
    }
}

fn path(manifest: &Manifest<'_>) -> String {
    let file = format!("{}-{}.yaml", manifest.kind().to_lowercase(), manifest.name());
    match manifest.namespace() {
        Some(namespace) => format!("namespaces/{namespace}/{file}"),
        None => format!("cluster/{file}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::manifest::{Blueprint, Place};

    fn manifests() -> Manifests {
        let object = |kind: &str| json!({"kind": kind, "metadata": {"name": "x"}}).as_object().cloned().unwrap();
        let mut manifests = Manifests::default();
        let namespaces = || vec![("b".parse().unwrap(), 0), ("c".parse().unwrap(), 0)];
        manifests.each(vec![vec![Blueprint::plain(object("Namespace"), Place::Itself)]], namespaces());
        manifests.once(Blueprint::plain(object("ClusterRole"), Place::Cluster));
        manifests.once(Blueprint::plain(object("Deployment"), Place::Fixed("a".parse().unwrap())));
        manifests.each(vec![vec![Blueprint::plain(object("ServiceAccount"), Place::Each)]], namespaces());
        manifests
    }

    #[test]
    fn each_object_has_a_file_in_the_folder_of_its_namespace() {
        let manifests = manifests();
        let paths: Vec<_> = files(&manifests).map(|file| file.unwrap().path).collect();
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
    fn a_kustomization_lists_the_files_in_their_order_and_sets_no_namespace() {
        let manifests = manifests();
        let last = kustomization(&manifests);
        let text = String::from_utf8(last.bytes.to_vec()).unwrap();
        assert_eq!(last.path, "kustomization.yaml");
        assert!(!text.contains("namespace:"), "{text}");
        let listed: Vec<_> = text.lines().filter_map(|line| line.trim_start().strip_prefix("- ")).collect();
        let paths: Vec<_> = files(&manifests).map(|file| file.unwrap().path).collect();
        assert_eq!(listed, paths);
    }
}
