//! Deserializes watched objects into the fields that the rules need. All other fields are dropped.

use std::borrow::Cow;
use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope};
use kube::Resource;
use regcred_core::cluster::facts::{Account, Metadata, NamespaceObject, Secret};
use regcred_core::cluster::installation::definition::{GROUP, KIND, PLURAL, VERSION};
use regcred_core::cluster::stuck::{Budget, Pod};
use regcred_core::controller::resource::{Resource as Credentials, SourceSecret};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

/// A kind of object that the controller watches.
pub(super) trait Fact: DeserializeOwned + Clone + Send + 'static {
    type Scope;
    const GROUP: &str;
    const VERSION: &str;
    const KIND: &str;
    const PLURAL: &str;
    fn metadata(&self) -> &Metadata;
}

macro_rules! fact {
    ($type:ty, $scope:ty, $group:expr, $version:expr, $kind:expr, $plural:expr, $($metadata:ident).+) => {
        impl Fact for $type {
            type Scope = $scope;
            const GROUP: &str = $group;
            const VERSION: &str = $version;
            const KIND: &str = $kind;
            const PLURAL: &str = $plural;

            fn metadata(&self) -> &Metadata {
                &self.$($metadata).+
            }
        }
    };
}

fact!(NamespaceObject, ClusterResourceScope, "", "v1", "Namespace", "namespaces", metadata);
fact!(Account, NamespaceResourceScope, "", "v1", "ServiceAccount", "serviceaccounts", metadata);
fact!(Secret, NamespaceResourceScope, "", "v1", "Secret", "secrets", metadata);
fact!(Pod, NamespaceResourceScope, "", "v1", "Pod", "pods", metadata);
fact!(Budget, NamespaceResourceScope, "policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", metadata);
fact!(SourceSecret, NamespaceResourceScope, "", "v1", "Secret", "secrets", metadata);
fact!(Credentials, ClusterResourceScope, GROUP, VERSION, KIND, PLURAL, metadata.object);

/// A watched object. Its `Debug` prints no field, because the object may be a Secret.
#[derive(Clone)]
pub(super) struct Seen<T> {
    /// Only the resource version, which the client needs to continue the watch.
    metadata: ObjectMeta,
    pub(super) fact: T,
}

impl<T> fmt::Debug for Seen<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }
}

impl<'de, T: Fact> Deserialize<'de> for Seen<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fact = T::deserialize(deserializer)?;
        let version = Some(fact.metadata().resource_version.clone());
        Ok(Self { metadata: ObjectMeta { resource_version: version, ..ObjectMeta::default() }, fact })
    }
}

impl<T: Fact> Resource for Seen<T> {
    type DynamicType = ();
    type Scope = T::Scope;

    fn kind((): &()) -> Cow<'_, str> {
        T::KIND.into()
    }

    fn group((): &()) -> Cow<'_, str> {
        T::GROUP.into()
    }

    fn version((): &()) -> Cow<'_, str> {
        T::VERSION.into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        T::PLURAL.into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
