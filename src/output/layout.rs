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
