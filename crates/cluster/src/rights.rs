//! Asks the API server what this account may do.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::call::Call;
use crate::server::{Server, Trouble};

#[derive(Deserialize)]
struct Review {
    status: Status,
}

#[derive(Deserialize)]
struct Status {
    allowed: bool,
}

/// Whether this account may do what these `resourceAttributes` say.
///
/// # Errors
/// The API server does not answer, or refuses the question.
pub async fn may(server: &Server, attributes: Value) -> Result<bool, Trouble> {
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    });
    let call = Call::create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews".to_owned(), &review);
    Ok(server.ask::<Review>(&call).await?.status.allowed)
}
