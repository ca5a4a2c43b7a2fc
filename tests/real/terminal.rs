//! Runs `apply` and `delete` at a pseudo-terminal: the line of progress, and the question before something is deleted.

use std::os::unix::process::ExitStatusExt;

use crate::harness::bench::Bench;
use crate::harness::terminal::{CTRL_C, CTRL_D, Session};

const LOGIN: (&str, &str) =
    ("DOCKERHUB_AUTH", r#"{"auths":{"ghcr.io":{"username":"acme-bot","password":"canary-of-the-terminal"}}}"#);
const QUESTION: &str = "delete these? [y/N] ";
const SIGINT: i32 = 2;

fn secret_is_there(bench: &Bench, namespace: &str) -> bool {
    bench.kubectl(&["get", "secret", "image-pull-secret", "-n", namespace], "").status == 0
}

#[test]
fn progress_is_a_line_at_a_terminal_that_goes_with_the_run_and_is_printed_nowhere_else() {
    let Some(bench) = Bench::with(&[]) else { return };
    let [one, other] = bench.namespaces();
    let at_a_terminal = ["apply", "--no-config", "-n", &one];
    let (status, shown) = Session::start(bench, &at_a_terminal, &[LOGIN]).end();
    assert!(status.success(), "{shown}");
    assert!(shown.contains("0/2 changes, "), "{shown}");
    let (progress, summary) = shown.rsplit_once("\u{1b}[2K").unwrap();
    assert!(progress.contains("changes"), "{shown}");
    assert_eq!(summary.trim(), "note: 1 namespace: 1 linked, 1 created", "{shown}");
    assert!(!shown.contains("canary"), "{shown}");
    // Nothing is left to change.
    let (_, shown) = Session::start(bench, &at_a_terminal, &[LOGIN]).end();
    assert_eq!(shown, "note: 1 namespace: 2 unchanged\n");
    let run = bench.confined(&["apply", "--no-config", "-n", &other]);
    let run = run.variable("TERM", "xterm").variable(LOGIN.0, LOGIN.1).run();
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", "note: 1 namespace: 1 linked, 1 created\n"));
}

#[test]
fn delete_asks_at_a_terminal_and_only_yes_deletes() {
    let Some(bench) = Bench::with(&[]) else { return };
    let [namespace] = bench.namespaces();
    let delete = ["delete", "--no-config", "-n", &namespace];
    let apply = ["apply", "--no-config", "-n", &namespace];
    bench.confined(&apply).variable(LOGIN.0, LOGIN.1).run().succeeded();
    for keys in ["\n", "n\n", "yesterday\n", CTRL_D, CTRL_C] {
        let mut session = Session::start(bench, &delete, &[]);
        session.answer(QUESTION, keys);
        let (status, shown) = session.end();
        assert!(shown.contains(&format!("{namespace}/Secret/image-pull-secret: delete")), "{keys:?}: {shown}");
        assert!(shown.ends_with("\nnote: nothing was deleted\n"), "{keys:?}: {shown}");
        if keys == CTRL_C {
            assert_eq!(status.signal(), Some(SIGINT), "{shown}");
        } else {
            assert!(status.success(), "{keys:?}: {shown}");
        }
        assert!(secret_is_there(bench, &namespace), "{keys:?}: {shown}");
    }
    for keys in ["y\n", "YES\n"] {
        let mut session = Session::start(bench, &delete, &[]);
        session.answer(QUESTION, keys);
        let (status, shown) = session.end();
        assert!(status.success() && shown.contains("note: 1 namespace: 1 unlinked, 1 deleted"), "{keys:?}: {shown}");
        assert!(!secret_is_there(bench, &namespace), "{keys:?}: {shown}");
        bench.confined(&apply).variable(LOGIN.0, LOGIN.1).run().succeeded();
    }
    let (status, shown) = Session::start(bench, &[&delete[..], &["--yes"]].concat(), &[]).end();
    assert!(status.success() && !shown.contains(QUESTION), "{shown}");
    assert!(!secret_is_there(bench, &namespace), "{shown}");
    // There is nothing to ask about.
    let (status, shown) = Session::start(bench, &delete, &[]).end();
    assert!(status.success() && !shown.contains(QUESTION), "{shown}");
}
