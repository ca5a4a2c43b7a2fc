//! Checks that base images and actions are pinned by a digest or a commit.

use std::fs;
use std::path::Path;

use regex::Regex;

#[test]
fn base_images_have_a_digest_and_actions_a_commit() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    let image = Regex::new(r"(?m)^ARG \w+_IMAGE=(\S+)$").unwrap();
    let digest = Regex::new(r"^\S+:[\w.-]+@sha256:[0-9a-f]{64}$").unwrap();
    let dockerfile = read("Dockerfile");
    let images: Vec<_> = image.captures_iter(&dockerfile).map(|found| found[1].to_owned()).collect();
    assert_eq!(images.len(), 3);
    assert!(images.iter().all(|image| digest.is_match(image)), "{images:?}");
    let from = Regex::new(r"(?m)^FROM (\S+)").unwrap();
    assert!(from.captures_iter(&dockerfile).all(|found| found[1].starts_with("${") || &found[1] == "scratch"));
    let action = Regex::new(r"uses: (\S+)").unwrap();
    let commit = Regex::new(r"^[\w-]+/[\w-]+@[0-9a-f]{40}$").unwrap();
    for path in ["docs/ci.md", "templates/init/github-workflow.yml", "templates/init/github-commit.yml"] {
        let text = read(path);
        let actions: Vec<_> = action.captures_iter(&text).map(|found| found[1].to_owned()).collect();
        assert!(!actions.is_empty() && actions.iter().all(|action| commit.is_match(action)), "{path}: {actions:?}");
    }
}
