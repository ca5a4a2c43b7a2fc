//! Writes a reference and a pull secret into each namespace that has the label `bench=yes`. It compares nothing, so its time is the
//! shortest in which an API server can take these writes.

use std::error::Error;

use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::{Namespace, Secret, ServiceAccount};
use kube::api::{Api, ListParams, Patch, PatchParams};
use kube::{Client, Config, ResourceExt};
use serde_json::json;

const AT_ONCE: usize = 32;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let docker_config = std::env::args().nth(1).ok_or("usage: raw BASE64_OF_A_DOCKER_CONFIG [rotate]")?;
    let links = std::env::args().nth(2).is_none();
    let client = Client::try_from(Config::infer().await?)?;
    let chosen = Api::<Namespace>::all(client.clone()).list(&ListParams::default().labels("bench=yes")).await?;
    stream::iter(chosen.items)
        .map(|namespace| write(client.clone(), namespace.name_any(), &docker_config, links))
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<()>>()
        .await?;
    Ok(())
}

async fn write(client: Client, namespace: String, docker_config: &str, links: bool) -> Result<(), kube::Error> {
    if links {
        link(client.clone(), &namespace).await?;
    }
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": docker_config},
        "metadata": {
            "name": "image-pull-secret", "annotations": {"regcred.dev/owner": "image-pull-secret"},
            "labels": {"app.kubernetes.io/managed-by": "regcred"},
        },
    });
    let manager = PatchParams::apply("regcred-image-pull-secret").force();
    Api::<Secret>::namespaced(client, &namespace).patch("image-pull-secret", &manager, &Patch::Apply(secret)).await?;
    Ok(())
}

async fn link(client: Client, namespace: &str) -> Result<(), kube::Error> {
    let reference = serde_json::from_value(json!([
        {"op": "test", "path": "/imagePullSecrets", "value": null},
        {"op": "add", "path": "/imagePullSecrets", "value": [{"name": "image-pull-secret"}]},
    ]))
    .map_err(kube::Error::SerdeError)?;
    Api::<ServiceAccount>::namespaced(client, namespace)
        .patch("default", &PatchParams::default(), &Patch::Json::<()>(reference))
        .await?;
    Ok(())
}
