//! A control plane of the tests' own: its program and an empty folder in, the kubeconfig of its administrator out.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// The control plane runs until its stdin closes, which the end of the test process does, however it ends.
static CONTROL_PLANE: OnceLock<Child> = OnceLock::new();

/// Starts it, and waits until a client can. The folder goes when it stops.
pub fn start(program: &Path, folder: &Path) -> PathBuf {
    let data = folder.join("control-plane");
    std::fs::create_dir_all(folder).unwrap();
    let mut child = Command::new("sh")
        .args(["-c", r#""$1" --data "$2" --until-stdin-closes; rm -rf "$3""#, "control-plane"])
        .args([program, &data, folder])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line == "ready"), "the control plane did not start");
    CONTROL_PLANE.set(child).expect("it is started once");
    data.join("kubeconfig")
}
