//! Builds the paths of objects at an API server. Names are valid, so no part of a path needs encoding.

use regcred_core::names::{Namespace, ResourceName};

/// Every namespace.
pub const NAMESPACES: &str = "/api/v1/namespaces";

/// One namespace.
pub fn namespace(name: &Namespace) -> String {
    format!("{NAMESPACES}/{name}")
}

/// A kind of object in namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Secrets.
    Secret,
    /// `ServiceAccounts`.
    ServiceAccount,
}

impl Kind {
    /// The name that rules of RBAC use.
    pub fn resource(self) -> &'static str {
        match self {
            Self::Secret => "secrets",
            Self::ServiceAccount => "serviceaccounts",
        }
    }

    /// The path of the objects of every namespace.
    pub fn everywhere(self) -> String {
        format!("/api/v1/{}", self.resource())
    }

    /// The path of the objects of one namespace.
    pub fn within(self, namespace: &Namespace) -> String {
        format!("{NAMESPACES}/{namespace}/{}", self.resource())
    }

    /// The path of one object.
    pub fn one(self, namespace: &Namespace, name: &ResourceName) -> String {
        format!("{}/{name}", self.within(namespace))
    }
}
