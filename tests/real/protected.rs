//! Applies every possible cell of strategy, link, protection `sealed` or `external`, and format, reads it back, and applies it again.

use regcred_core::spec::choice::Protect;

use crate::harness::bench::Bench;
use crate::harness::cells::{self, PROFILES};
use crate::harness::custom_resources;

/// The kinds of other projects in the cells.
const KINDS: &[&str] = &["SealedSecret", "ExternalSecret", "ECRAuthorizationToken"];

#[test]
fn every_possible_cell_is_applied_and_holds_no_secret_in_clear() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[custom_resources::FILE, "helm", "kubeconform"]) else {
        return;
    };
    custom_resources::define(bench, KINDS);
    let cells = cells::all(|cell| matches!(cell.protect, Protect::Sealed | Protect::External), &PROFILES);
    // The number shows that no cell is missing: in the four formats for kubectl, three links without a patcher, three with the controller,
    // three with titansoft's, one with tamcore's; of a chart, three links without a patcher, and three with the controller.
    assert_eq!(cells.len(), PROFILES.len() * 2 * (4 * (3 + 3 + 3 + 1) + 3 + 3));
    for (cell, objects) in cells.iter().zip(cells::prove(bench, &cells)) {
        let kind = if cell.combination.protect == Protect::Sealed { "SealedSecret" } else { "ExternalSecret" };
        assert!(objects.iter().any(|object| object["kind"] == kind), "{cell}");
        assert!(objects.iter().all(|object| object["kind"] != "Secret"), "{cell}");
    }
}
