//! Describes the generators of the External Secrets Operator: what each makes, and for how long it is valid.

use serde_json::{Value, json};

use super::written::Generator;
use crate::spec::choice::{Choice, choice};

choice! {
    /// The kinds of `generators.external-secrets.io/v1alpha1` that make a login for a registry.
    GeneratorKind {
        /// Amazon ECR.
        ECRAuthorizationToken = "ECRAuthorizationToken",
        /// Google Artifact Registry.
        GCRAccessToken = "GCRAccessToken",
        /// Azure Container Registry.
        ACRAccessToken = "ACRAccessToken",
        /// ghcr.io, as a GitHub App.
        GithubAccessToken = "GithubAccessToken",
        /// Quay, as a robot account.
        QuayAccessToken = "QuayAccessToken",
    }
}

/// The keys that a generator gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    /// `username` and `password`.
    Login,
    /// `token`: the user name is free.
    Token,
    /// `auth`: both, in base64.
    Auth,
}

impl GeneratorKind {
    /// The field of a `ClusterGenerator` that holds its `spec`.
    pub fn cluster_field(self) -> &'static str {
        match self {
            Self::ECRAuthorizationToken => "ecrAuthorizationTokenSpec",
            Self::GCRAccessToken => "gcrAccessTokenSpec",
            Self::ACRAccessToken => "acrAccessTokenSpec",
            Self::GithubAccessToken => "githubAccessTokenSpec",
            Self::QuayAccessToken => "quayAccessTokenSpec",
        }
    }

    /// The lifetime of its token, in hours.
    pub fn hours(self) -> u32 {
        match self {
            Self::ECRAuthorizationToken => 12,
            Self::ACRAccessToken => 3,
            Self::GCRAccessToken | Self::GithubAccessToken | Self::QuayAccessToken => 1,
        }
    }

    /// The keys that it gives.
    pub fn given(self) -> Given {
        match self {
            Self::ECRAuthorizationToken | Self::GCRAccessToken | Self::ACRAccessToken => Given::Login,
            Self::GithubAccessToken => Given::Token,
            Self::QuayAccessToken => Given::Auth,
        }
    }
}

impl Generator {
    /// The kind of the object; for a `ClusterGenerator` it does not say which generator it is.
    pub fn object_kind(&self) -> &'static str {
        if self.cluster_wide { "ClusterGenerator" } else { self.kind.name() }
    }

    /// The `spec` of the object, if regcred writes it.
    pub fn object_spec(&self) -> Option<Value> {
        let spec = Value::Object(self.spec.clone()?);
        Some(if self.cluster_wide {
            json!({"kind": self.kind.name(), "generator": {self.kind.cluster_field(): spec}})
        } else {
            spec
        })
    }

    /// Whether both are the same object.
    pub fn is_same_object(&self, other: &Self) -> bool {
        (self.object_kind(), &self.name) == (other.object_kind(), &other.name)
    }
}
