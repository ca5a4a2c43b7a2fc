//! Reads an owner's objects from a fake API server, as an account that may list everything.

#![cfg(test)]

mod peer;

use std::collections::BTreeSet;

use peer::{LONG, Peer, never, run};
use regcred_cluster::owned;
use regcred_cluster::read::Wanted;
use regcred_core::cluster::{Facts, Removal, Space};
use serde_json::{Value, json};

fn list(items: &[Value]) -> (u16, &'static str, Value) {
    (200, "", json!({"items": items}))
}

#[test]
fn a_reference_to_a_secret_of_somebody_else_stays_and_one_to_no_secret_goes() {
    let name = "pull".parse().unwrap();
    let theirs = json!({"metadata": {"name": "pull", "namespace": "legacy", "uid": "u"}});
    let account = json!({"metadata": {"name": "default"}, "imagePullSecrets": [{"name": "pull"}]});
    for (secrets, left_over) in [(vec![theirs], 0), (vec![], 1)] {
        // A Secret that `kubectl create secret` made has no label.
        let peer = Peer::with(vec![list(&[]), list(&secrets), list(&[account.clone()])]);
        let mut spaces = [("legacy".parse().unwrap(), Space::default())].into();
        run(async { owned::read(&peer.server(LONG, never), &mut spaces, &[&name], Wanted::All).await }).unwrap();
        let removal = Removal { owner: "acme", names: vec![&name], wanted: BTreeSet::new() };
        assert_eq!(removal.steps(&Facts { namespaces: spaces }).len(), left_over);
        let requests = peer.requests();
        let by_name = "GET /api/v1/namespaces/legacy/secrets?limit=500&fieldSelector=metadata.name%3Dpull&continue= ";
        assert!(requests[1].starts_with(by_name), "{requests:?}");
    }
}
