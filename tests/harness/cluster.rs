//! Starts a control plane for the tests, or uses an existing cluster; removes what a test made when its process ends.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Mutex;

/// A cluster, until it is stopped or the test process ends.
pub struct Cluster {
    /// The kubeconfig for clients.
    pub kubeconfig: PathBuf,
    /// Ends when its stdin closes: the end of the test process always closes it.
    keeper: Mutex<Child>,
    /// The control plane's message when it is ready; kept, because it also comes when the control plane continues.
    ready: Option<Mutex<BufReader<ChildStdout>>>,
}

/// Ends the control plane, and removes its folder. A killed control plane continues, as in a real cluster.
const STOP: &str = r#"
more=
while "$1" --data "$2" $4 $more --until-stdin-closes; [ $? = 137 ]; do more=--continue; done
rm -rf "$3"
"#;

/// Deletes the objects with the mark of this run, even after a Ctrl-C, which reaches this shell, too.
const TIDY_UP: &str = r#"
trap '' INT
cat
admission='mutatingadmissionpolicybindings mutatingadmissionpolicies validatingadmissionpolicybindings validatingadmissionpolicies'
for kind in $admission clusterrolebindings clusterroles namespaces; do
  names=$("$1" get "$kind" -o name | grep -F -e "$2") && "$1" delete --timeout=2m $names
done
rm -rf "$3"
"#;

impl Cluster {
    /// Starts a control plane with these flags, if any, and waits until a client can connect.
    pub fn of_its_own(control_plane: &Path, folder: &Path, flags: &str) -> Self {
        let data = folder.join("control-plane");
        std::fs::create_dir_all(folder).unwrap();
        let mut keeper = shell(STOP);
        keeper.args([control_plane, &data, folder]).arg(flags).stdout(Stdio::piped());
        let mut keeper = keeper.spawn().unwrap();
        let mut ready = BufReader::new(keeper.stdout.take().unwrap());
        assert!(is_said(&mut ready), "the control plane did not start");
        let ready = Some(Mutex::new(ready));
        Self { kubeconfig: data.join("kubeconfig"), keeper: Mutex::new(keeper), ready }
    }

    /// Kills the control plane without a warning, and waits until it is back at the same address.
    pub fn kill(&self) {
        let process = std::fs::read_to_string(self.kubeconfig.with_file_name("process")).unwrap();
        assert!(Command::new("kill").args(["-KILL", &process]).status().unwrap().success());
        assert!(is_said(&mut self.ready.as_ref().unwrap().lock().unwrap()), "the control plane did not come back");
    }

    /// Ends the started programs, and waits for their end.
    pub fn stop(&self) {
        let mut keeper = self.keeper.lock().unwrap();
        drop(keeper.stdin.take());
        keeper.wait().unwrap();
    }

    /// A cluster that others may use, too: cluster-wide objects with `mark` in their name belong to the tests.
    pub fn that_is_there(kubeconfig: PathBuf, kubectl: &Path, mark: &str, folder: &Path) -> Self {
        let mut keeper = shell(TIDY_UP);
        keeper.arg(kubectl).arg(mark).arg(folder).env("KUBECONFIG", &kubeconfig).stdout(Stdio::null());
        Self { kubeconfig, keeper: Mutex::new(keeper.spawn().unwrap()), ready: None }
    }
}

fn is_said(ready: &mut BufReader<ChildStdout>) -> bool {
    ready.lines().map_while(Result::ok).any(|line| line == "ready")
}

fn shell(script: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", script, "cluster"]).stdin(Stdio::piped());
    shell
}
