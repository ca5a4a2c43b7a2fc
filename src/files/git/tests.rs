//! Tests which folder is the top of a work tree.

use std::fs;

use super::*;

#[test]
fn a_submodule_is_part_of_the_work_tree_that_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let places = ["outer", "outer/sub", "outer/linked", "outer/checkout"].map(|name| folder.path().join(name));
    for place in &places {
        fs::create_dir_all(place.join("clusters")).unwrap();
    }
    let [outer, submodule, of_a_linked_tree, checkout] = &places;
    fs::create_dir_all(outer.join(".git/HEAD")).unwrap();
    for (place, git, expected) in [
        (submodule, "../.git/modules/sub", outer),
        (of_a_linked_tree, "../../main/.git/worktrees/w/modules/sub", outer),
        (checkout, "/other/.git/worktrees/x", checkout),
    ] {
        #[expect(clippy::disallowed_methods, reason = "a fixture")]
        fs::write(place.join(".git"), format!("gitdir: {git}\n")).unwrap();
        assert_eq!(top(&place.join("clusters")), Some(expected.as_path()));
    }
    assert_eq!(top(&outer.join("clusters")), Some(outer.as_path()));
}
