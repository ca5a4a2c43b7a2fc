//! Joins a real node to a bench: a kubelet, a scheduler, containerd and a private registry, in separate Linux namespaces.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde_json::Value;

use super::bench;
use super::program::Program;

/// The tools for a node, apart from those for a control plane.
pub const TOOLS: [&str; 11] = [
    "bridge",
    "buildah",
    "busybox",
    "containerd",
    "containerd-shim-runc-v2",
    "ctr",
    "host-local",
    "loopback",
    "registry",
    "regcred-node",
    "runc",
];

/// A private image of the node's registry: it holds `/busybox`, and sleeps without end.
pub const IMAGE: &str = "localhost:5000/private/app:1";

/// A password, and its hash for a registry.
pub struct Password {
    pub text: &'static str,
    bcrypt: &'static str,
}

/// A password that registries of nodes may accept.
pub const FIRST: Password =
    Password { text: "first-password", bcrypt: "$2b$04$fJyKtsdRKUvsm3F7vptsb.SO5XeuBIQ59QUoo5Y1cUnj.jGJW/urm" };

/// Another password.
pub const SECOND: Password =
    Password { text: "second-password", bcrypt: "$2b$04$rrTwS4kfbCPP3tTBNuCOrepTZWEPkFRColxxPGauno8SJlnYsGwiq" };

/// The user who puts the image into the registry.
const PUBLISHER: &str = "publisher";

/// A node, until it is stopped or the test process ends.
pub struct Node {
    folder: PathBuf,
    tools: PathBuf,
    /// A process in the node's network.
    process: String,
    users: Mutex<BTreeMap<String, &'static str>>,
    /// Ends when its stdin closes: the end of the test process always closes it.
    keeper: Mutex<Child>,
}

/// Whether this user may start a node.
pub fn may_start() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// Whether Pods may run on this node.
pub fn is_ready(node: &Value) -> bool {
    let conditions = node["status"]["conditions"].as_array();
    let is_ready = |condition: &Value| condition["type"] == "Ready" && condition["status"] == "True";
    conditions.is_some_and(|conditions| conditions.iter().any(is_ready)) && node["spec"]["taints"].is_null()
}

impl Node {
    /// Starts the node beside this control plane, with this new folder, and waits until its registry has the image.
    pub fn start(kubeconfig: &Path, tools: &Path, folder: PathBuf) -> Self {
        fs::create_dir_all(&folder).unwrap();
        fs::copy(kubeconfig, folder.join("kubeconfig")).unwrap();
        let users = BTreeMap::from([(PUBLISHER.to_owned(), FIRST.bcrypt)]);
        write_users(&folder, &users);
        let mut keeper = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node/keep"))
            .arg("outside")
            .args([&folder, tools])
            .arg(server(kubeconfig))
            .env("LOGIN", format!("{PUBLISHER}:{}", FIRST.text))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let process = line.trim_end().strip_prefix("ready ").map(str::to_owned);
        let process = process.unwrap_or_else(|| panic!("the node did not start"));
        Self { folder, tools: tools.to_owned(), process, users: Mutex::new(users), keeper: Mutex::new(keeper) }
    }

    /// Ends the started programs, and waits for their end.
    pub fn stop(&self) {
        let mut keeper = self.keeper.lock().unwrap();
        drop(keeper.stdin.take());
        keeper.wait().unwrap();
    }

    /// From now on, the registry accepts only this password of this user.
    pub fn registry_takes(&self, user: &str, password: &Password) {
        let mut users = self.users.lock().unwrap();
        users.insert(user.to_owned(), password.bcrypt);
        write_users(&self.folder, &users);
    }

    /// Builds the image of `regcred` around the tested program and its libraries, by the steps of the Dockerfile after the
    /// compiler's, and puts the image into the registry. `REGCRED_SHIPPED` names another program, such as that of `tests/release`.
    pub fn publish_regcred(&self) -> String {
        const IMAGE: &str = "localhost:5000/private/regcred:1";
        let folder = tempfile::tempdir().unwrap();
        let context = folder.path().join("context");
        fs::create_dir(&context).unwrap();
        let program = bench::setting("REGCRED_SHIPPED").unwrap_or_else(|| env!("CARGO_BIN_EXE_regcred").to_owned());
        let program = Path::new(&program);
        Program::new(Path::new("strip"))
            .arguments(["-o"])
            .arguments([&context.join("regcred"), program])
            .run()
            .succeeded();
        let linked = Program::new(Path::new("ldd")).arguments([program]).run().succeeded();
        let mut lines = Vec::new();
        for library in linked.split_whitespace().filter(|word| word.starts_with('/')) {
            let name = Path::new(library).file_name().unwrap().to_str().unwrap();
            fs::copy(library, context.join(name)).unwrap();
            lines.push(format!("COPY {name} {library}\n"));
        }
        let dockerfile = include_str!("../../Dockerfile");
        let (_, stage) = dockerfile.split_once("FROM scratch AS regcred\n").unwrap();
        let stage = stage.split_once("\n\n").unwrap().0.replace("--from=build /out/regcred", "regcred");
        let stage = stage.replace("--from=build /etc/ssl/certs/ca-certificates.crt", "authorities");
        let authorities = include_str!("../certificates/registries-authority.pem");
        bench::write(&context.join("authorities"), authorities);
        let file = context.join("Dockerfile");
        bench::write(&file, &format!("FROM scratch\n{}{stage}\n", lines.concat()));
        let buildah = |arguments: &[&str]| {
            let store = [("--root", folder.path().join("images")), ("--runroot", folder.path().join("run"))];
            let buildah = self.program("buildah").arguments(["--storage-driver", "vfs"]);
            let buildah =
                store.iter().fold(buildah, |buildah, (flag, path)| buildah.arguments([flag]).arguments([path]));
            buildah.arguments(arguments).run().succeeded()
        };
        let build = ["build", "--quiet", "--isolation", "chroot", "--tag", "localhost/regcred", "--file"];
        buildah(&[&build[..], &[file.to_str().unwrap(), context.to_str().unwrap()]].concat());
        let creds = format!("{PUBLISHER}:{}", FIRST.text);
        let to = format!("docker://{IMAGE}");
        buildah(&["push", "--quiet", "--tls-verify=false", "--creds", &creds, "localhost/regcred", &to]);
        IMAGE.to_owned()
    }

    /// Runs this in the node's network: servers and programs that it starts stay in that network.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let network = fs::File::open(format!("/proc/{}/ns/net", self.process)).unwrap();
        let inside = || {
            move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            work()
        };
        thread::scope(|scope| scope.spawn(inside).join().unwrap())
    }

    /// One of the tools in the node's network, where `localhost:5000` is the registry.
    pub fn program(&self, name: &str) -> Program {
        let net = format!("--net=/proc/{}/ns/net", self.process);
        Program::new(Path::new("/usr/bin/nsenter")).arguments([&net, "--"]).arguments([self.tools.join(name)])
    }
}

/// Written beside the file and renamed, because the registry reads the file after every change.
fn write_users(folder: &Path, users: &BTreeMap<String, &'static str>) {
    let lines: Vec<_> = users.iter().map(|(user, bcrypt)| format!("{user}:{bcrypt}")).collect();
    bench::write(&folder.join("htpasswd.new"), &(lines.join("\n") + "\n"));
    fs::rename(folder.join("htpasswd.new"), folder.join("htpasswd")).unwrap();
}

/// The host and port of the API server.
fn server(kubeconfig: &Path) -> String {
    let kubeconfig: Value = serde_saphyr::from_str(&fs::read_to_string(kubeconfig).unwrap()).unwrap();
    let server = kubeconfig["clusters"][0]["cluster"]["server"].as_str().unwrap();
    server.strip_prefix("https://").unwrap().to_owned()
}
