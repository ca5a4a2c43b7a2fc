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
    let action = Regex::new(r"(?m)^\s*(?:- )?uses: (.+)$").unwrap();
    let commit = Regex::new(r"^[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$").unwrap();
    let mut with_actions = Vec::new();
    for folder in ["docs", "templates/init"] {
        let files =
            fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
        for path in files {
            let text = fs::read_to_string(&path).unwrap();
            let actions: Vec<_> = action.captures_iter(&text).map(|found| found[1].to_owned()).collect();
            assert!(actions.iter().all(|action| commit.is_match(action)), "{}: {actions:?}", path.display());
            with_actions.extend((!actions.is_empty()).then(|| path.file_name().unwrap().to_owned()));
        }
    }
    with_actions.sort();
    assert_eq!(with_actions, ["ci.md", "github-commit.yml", "github-workflow.yml"]);
}
