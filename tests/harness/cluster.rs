//! Starts a control plane for the tests, or uses an existing cluster; removes what a test made when its process ends.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

/// A cluster, until it is stopped or the test process ends.
pub struct Cluster {
    /// What a client needs.
    pub kubeconfig: PathBuf,
    /// Goes on when its stdin closes, which the end of the test process does, however it ends.
    keeper: Mutex<Child>,
}

/// Ends the control plane, and removes its folder.
const STOP: &str = r#""$1" --data "$2" --until-stdin-closes; rm -rf "$3""#;

/// Deletes what bears the mark of this run, even after a Ctrl-C, which reaches this shell, too.
const TIDY_UP: &str = r#"
trap '' INT
cat
for kind in mutatingadmissionpolicybindings mutatingadmissionpolicies namespaces; do
  names=$("$1" get "$kind" -o name | grep -F -e "$2") && "$1" delete --timeout=2m $names
done
rm -rf "$3"
"#;

impl Cluster {
    /// Starts a control plane, and waits until a client can.
    pub fn of_its_own(control_plane: &Path, folder: &Path) -> Self {
        let data = folder.join("control-plane");
        std::fs::create_dir_all(folder).unwrap();
        let mut keeper = shell(STOP).args([control_plane, &data, folder]).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(keeper.stdout.take().unwrap()).lines();
        assert!(lines.map_while(Result::ok).any(|line| line == "ready"), "the control plane did not start");
        Self { kubeconfig: data.join("kubeconfig"), keeper: Mutex::new(keeper) }
    }

    /// Ends what was started, and waits for that.
    pub fn stop(&self) {
        let mut keeper = self.keeper.lock().unwrap();
        drop(keeper.stdin.take());
        keeper.wait().unwrap();
    }

    /// A cluster that others may use, too: of what is in no namespace, whatever has `mark` in its name is of the tests.
    pub fn that_is_there(kubeconfig: PathBuf, kubectl: &Path, mark: &str, folder: &Path) -> Self {
        let mut keeper = shell(TIDY_UP);
        keeper.arg(kubectl).arg(mark).arg(folder).env("KUBECONFIG", &kubeconfig).stdout(Stdio::null());
        Self { kubeconfig, keeper: Mutex::new(keeper.spawn().unwrap()) }
    }
}

fn shell(script: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", script, "cluster"]).stdin(Stdio::piped());
    shell
}
