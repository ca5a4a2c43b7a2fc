//! Runs `regcred controller` on a bench, as the account and with the files of `render --strategy controller`.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::bench::{self, Bench, Run, fresh};
use super::wire::Wire;

/// The name of the definition of our custom resource.
pub const DEFINITION: &str = "registrycredentials.regcred.dev";

/// Waits until the cluster serves the custom resource.
pub fn knows_the_resource(bench: &Bench) {
    let established = ["wait", "--for=condition=Established", "--timeout=1s", "crd", DEFINITION];
    Bench::wait("the custom resource to be known", || bench.kubectl(&established, "").status == 0);
}
pub const OLD: &str = r#"{"auths":{"ghcr.io":{"username":"acme-bot","password":"canary-of-old"}}}"#;
pub const NEW: &str = r#"{"auths":{"ghcr.io":{"username":"acme-bot","password":"canary-of-new"}}}"#;

/// The output of `render --strategy controller` without the Deployment, and the mounted files of its replicas.
pub struct Installed {
    pub bench: &'static Bench,
    /// The owner, which is also the name of the pull secret.
    pub owner: String,
    pub system: String,
    folder: TempDir,
    rendered: Vec<Value>,
}

/// A running replica.
pub struct Replica {
    keeper: Child,
    log: PathBuf,
}

impl Installed {
    /// Everything except the policies and the Deployment.
    pub fn unconfined(bench: &'static Bench) -> Self {
        Self::without_policies(bench, &[], OLD)
    }

    /// Everything except the Deployment, for clusters from this version of Kubernetes on.
    pub fn confined_since(bench: &'static Bench, version: &str) -> Self {
        let installed = Self::without_policies(bench, &["--kube-version", version], OLD);
        installed.confine();
        installed
    }

    /// Everything except the Deployment, with the rights to evict Pods.
    pub fn evicting(bench: &'static Bench) -> Self {
        let installed = Self::without_policies(bench, &["--restart-stuck-pods"], OLD);
        installed.confine();
        installed
    }

    /// Everything except the Deployment, for an installation with custom resources.
    pub fn following_resources(bench: &'static Bench) -> Self {
        Self::asking_for_resources(bench, OLD)
    }

    /// The same, with this login, whose registry may be asked.
    pub fn asking_for_resources(bench: &'static Bench, login: &str) -> Self {
        let installed = Self::without_policies(bench, &["--crd", "--check-online", "1h"], login);
        installed.confine();
        installed.define();
        installed
    }

    /// Everything but the Deployment, with this login, whose registry may be asked.
    pub fn asking(bench: &'static Bench, login: &str) -> Self {
        let installed = Self::without_policies(bench, &["--check-online", "1h"], login);
        installed.confine();
        installed
    }

    /// Adds the kind of the custom resource to the cluster.
    pub fn define(&self) {
        self.apply(|object| object["kind"] == "CustomResourceDefinition");
        knows_the_resource(self.bench);
    }

    /// Applies a custom resource for this controller: its name begins with the owner's.
    pub fn ask(&self, name: &str, pull_secret: &Value) -> Run {
        let metadata =
            json!({"name": format!("{}-{name}", self.owner), "annotations": {"regcred.dev/owner": self.owner}});
        let resource = json!({"apiVersion": "regcred.dev/v1alpha1", "kind": "RegistryCredentials", "metadata": metadata,
            "spec": {"pullSecrets": [pull_secret]}});
        self.bench.apply(&resource.to_string())
    }

    /// A pull secret of the installation, for these namespaces.
    pub fn pull_secret(&self, namespaces: &Value) -> Value {
        let source = format!("{}-src", self.owner);
        json!({"name": self.owner, "logins": [{"dockerConfig": {"secret": source}}], "namespaces": namespaces})
    }

    /// The conditions of a custom resource: `Ready=True Served`.
    pub fn conditions(&self, name: &str) -> Vec<String> {
        let resource = self.bench.get(&["registrycredentials", &format!("{}-{name}", self.owner)]);
        let text = |condition: &Value, field: &str| condition[field].as_str().unwrap().to_owned();
        let condition = |one: &Value| format!("{}={} {}", text(one, "type"), text(one, "status"), text(one, "reason"));
        resource["status"]["conditions"].as_array().into_iter().flatten().map(condition).collect()
    }

    /// Changes the login of the Secret that the controller watches.
    pub fn rotate(&self, login: &str) {
        let patch = json!({"stringData": {".dockerconfigjson": login}}).to_string();
        let source = format!("{}-src", self.owner);
        self.bench.kubectl(&["patch", "secret", &source, "-n", &self.system, "-p", &patch], "").succeeded();
    }

    /// Everything but the Deployment, with two pull secrets: the second has the name of the owner, with `-too`.
    pub fn of_two_pull_secrets(bench: &'static Bench) -> Self {
        let installed = Self::of_pull_secrets(bench, &["", "-too"], &[], OLD);
        installed.swap(&format!("secrets/{}-too-src", installed.owner), ".dockerconfigjson", OLD);
        installed.confine();
        installed
    }

    /// Takes the right to watch the Secrets away, or gives it back; the right to write them stays.
    pub fn may_watch_secrets(&self, may: bool) {
        for role in self.rendered.iter().filter(|object| object["kind"] == "ClusterRole") {
            let mut role = role.clone();
            let of_secrets = |rule: &&mut Value| rule["resources"] == json!(["secrets"]);
            for rule in role["rules"].as_array_mut().unwrap().iter_mut().filter(of_secrets) {
                rule["verbs"].as_array_mut().unwrap().retain(|verb| may || verb != "watch");
            }
            self.bench.apply(&role.to_string()).succeeded();
        }
        let account = format!("system:serviceaccount:{}:regcred-{}", self.system, self.owner);
        let secret = format!("secrets/{}", self.owner);
        Bench::wait("the right", || {
            let can = ["auth", "can-i", "watch", &secret, "--all-namespaces", "--as", &account];
            (self.bench.kubectl(&can, "").status == 0) == may
        });
    }

    fn without_policies(bench: &'static Bench, more: &[&str], login: &str) -> Self {
        Self::of_pull_secrets(bench, &[""], more, login)
    }

    /// The pull secrets have the name of the owner, with these ends.
    fn of_pull_secrets(bench: &'static Bench, ends: &[&str], more: &[&str], login: &str) -> Self {
        let (owner, [system]) = (fresh("owner"), bench.namespaces());
        let folder = tempfile::tempdir().unwrap();
        let mut installed = Self { bench, owner, system, folder, rendered: Vec::new() };
        installed.rendered = installed.render(ends, more, login);
        let is_here = |object: &&Value| {
            let kind = object["kind"].as_str().unwrap();
            !kind.contains("Policy") && !["Namespace", "Deployment", "PodDisruptionBudget"].contains(&kind)
        };
        installed.apply(is_here);
        installed.take_the_account();
        installed.mount_config("");
        installed.mount_login(login);
        installed
    }

    /// The objects that somebody else has applied: the replicas mount the files of the cluster.
    pub fn applied(bench: &'static Bench, owner: &str, system: &str) -> Self {
        let config = bench.get(&["configmap", &format!("regcred-{owner}"), "-n", system]);
        let (owner, system, folder) = (owner.to_owned(), system.to_owned(), tempfile::tempdir().unwrap());
        let installed = Self { bench, owner, system, folder, rendered: vec![config] };
        installed.take_the_account();
        installed.mount_config("");
        installed.mount_login(&installed.source().unwrap());
        installed
    }

    /// Lets the replicas act as the account.
    fn take_the_account(&self) {
        let account = format!("regcred-{}", self.owner);
        let token = self.bench.kubectl(&["create", "token", &account, "-n", &self.system], "").succeeded();
        let mut kubeconfig = self.bench.kubeconfig_json();
        kubeconfig["users"][0]["user"] = json!({"token": token.trim()});
        bench::write(&self.path("kubeconfig"), &kubeconfig.to_string());
    }

    /// Everything except the Deployment.
    pub fn confined(bench: &'static Bench) -> Self {
        let installed = Self::unconfined(bench);
        installed.confine();
        installed
    }

    /// Applies the policies that confine the account.
    pub fn confine(&self) {
        self.apply(|object| object["kind"].as_str().unwrap().starts_with("ValidatingAdmissionPolicy"));
    }

    fn apply(&self, is_meant: impl Fn(&&Value) -> bool) {
        let items: Vec<_> = self.rendered.iter().filter(is_meant).collect();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
        self.bench.apply(&list.to_string()).succeeded();
    }

    /// What `render --strategy controller` writes, for the namespaces whose names begin with the owner's.
    fn render(&self, ends: &[&str], more: &[&str], login: &str) -> Vec<Value> {
        let pull_secret = |end: &&str| {
            json!({"name": format!("{}{end}", self.owner), "logins": [{"dockerConfig": {"env": "DOCKERHUB_AUTH"}}],
                "namespaces": {"include": [format!("{}-*", self.owner)]}})
        };
        let pull_secrets: Vec<_> = ends.iter().map(pull_secret).collect();
        let config = json!({"apiVersion": "regcred.dev/v1alpha1", "kind": "RegistryCredentials", "metadata": {"name": self.owner},
            "spec": {"pullSecrets": pull_secrets}});
        bench::write(&self.path("render/regcred.yaml"), &config.to_string());
        let image = format!("example.com/regcred@sha256:{}", "a".repeat(64));
        let render = self.bench.program("regcred").directory(&self.path("render")).variable("DOCKERHUB_AUTH", login);
        let flags = ["--strategy", "controller", "--controller-namespace", &self.system, "--controller-image", &image];
        bench::documents(&render.arguments(["render"]).arguments(flags).arguments(more).run().succeeded())
    }

    /// Lets replicas that start from now on reach the API server through this wire.
    pub fn by_wire(&self) -> Wire {
        let mut kubeconfig: Value =
            serde_json::from_str(&fs::read_to_string(self.path("kubeconfig")).unwrap()).unwrap();
        let server = kubeconfig["clusters"][0]["cluster"]["server"].as_str().unwrap().to_owned();
        let wire = Wire::to(server.strip_prefix("https://").unwrap().parse().unwrap());
        kubeconfig["clusters"][0]["cluster"]["server"] = json!(format!("https://{}", wire.address));
        bench::write(&self.path("kubeconfig"), &kubeconfig.to_string());
        wire
    }

    /// Lets replicas that start from now on read the token from a file, as in a Pod.
    pub fn by_token_file(&self) {
        let mut kubeconfig: Value =
            serde_json::from_str(&fs::read_to_string(self.path("kubeconfig")).unwrap()).unwrap();
        kubeconfig["users"][0]["user"] = json!({"tokenFile": self.path("token")});
        self.mount_token();
        bench::write(&self.path("kubeconfig"), &kubeconfig.to_string());
    }

    /// Puts a new token into that file.
    pub fn mount_token(&self) {
        let account = format!("regcred-{}", self.owner);
        let token = self.bench.kubectl(&["create", "token", &account, "-n", &self.system], "").succeeded();
        bench::write(&self.path("token"), token.trim());
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Mounts the regcred.yaml of the rendered ConfigMap, with these lines at its end.
    pub fn mount_config(&self, more: &str) {
        let map = self.rendered.iter().find(|object| object["kind"] == "ConfigMap").unwrap();
        self.swap("config", "regcred.yaml", &format!("{}{more}", map["data"]["regcred.yaml"].as_str().unwrap()));
    }

    /// Mounts a login in place of the earlier one.
    pub fn mount_login(&self, login: &str) {
        self.swap(&format!("secrets/{}-src", self.owner), ".dockerconfigjson", login);
    }

    /// Swaps the content of a mount as a kubelet does: a new folder, and a symbolic link that is renamed.
    pub fn swap(&self, mount: &str, file: &str, text: &str) {
        let mount = self.path(mount);
        let data = fresh("..data");
        bench::write(&mount.join(&data).join(file), text);
        let link = |target: &Path, path: &Path| {
            let fresh = path.with_file_name("..new");
            std::os::unix::fs::symlink(target, &fresh).unwrap();
            fs::rename(fresh, path).unwrap();
        };
        link(Path::new(&data), &mount.join("..data"));
        if !mount.join(file).exists() {
            link(&Path::new("..data").join(file), &mount.join(file));
        }
    }

    /// A new namespace that this installation serves.
    pub fn namespace(&self) -> String {
        let name = format!("{}-{}", self.owner, fresh("x").rsplit('-').next().unwrap());
        self.bench.kubectl(&["create", "namespace", &name], "").succeeded();
        name
    }

    fn arguments(&self) -> Vec<String> {
        let path = |name| self.path(name).display().to_string();
        [
            "controller",
            "--config",
            &path("config/regcred.yaml"),
            "--secrets",
            &path("secrets"),
            "--namespace",
            &self.system,
        ]
        .map(str::to_owned)
        .into()
    }

    /// One pass.
    pub fn once(&self) -> Run {
        self.once_with(&[])
    }

    /// One pass with more flags.
    pub fn once_with(&self, more: &[&str]) -> Run {
        let program = self
            .bench
            .program("regcred")
            .arguments(self.arguments())
            .arguments(["--once", "--timeout", "8s"])
            .arguments(more);
        program.variable("KUBECONFIG", self.path("kubeconfig")).run()
    }

    /// Starts a replica.
    pub fn start(&self, more: &[&str]) -> Replica {
        self.start_with(more, &[])
    }

    /// Starts a replica with more variables in its environment.
    pub fn start_with(&self, more: &[&str], variables: &[(&str, &Path)]) -> Replica {
        let arguments = self.arguments();
        let listen = ["--listen", "127.0.0.1:0", "--log-format", "json"];
        let arguments: Vec<_> =
            arguments.iter().map(String::as_str).chain(listen).chain(more.iter().copied()).collect();
        let kubeconfig = self.path("kubeconfig");
        let variables: Vec<_> =
            [("KUBECONFIG", kubeconfig.as_path())].into_iter().chain(variables.iter().copied()).collect();
        Replica::start(self.bench, self.path(&fresh("log")), &arguments, &variables)
    }

    /// The content of the pull secret of a namespace.
    pub fn login(&self, namespace: &str) -> Option<String> {
        self.content(&self.owner, namespace)
    }

    /// The content of the Secret that the controller's Pods mount.
    pub fn source(&self) -> Option<String> {
        self.content(&format!("{}-src", self.owner), &self.system)
    }

    fn content(&self, secret: &str, namespace: &str) -> Option<String> {
        let get = ["get", "secret", secret, "-n", namespace, "-o", r"jsonpath={.data.\.dockerconfigjson}"];
        let run = self.bench.kubectl(&get, "");
        let decode = |text: &str| base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text).unwrap();
        (run.status == 0).then(|| String::from_utf8(decode(&run.stdout)).unwrap())
    }

    /// The references of the `default` ServiceAccount of a namespace.
    pub fn references(&self, namespace: &str) -> Vec<String> {
        let run = self.bench.kubectl(&["get", "serviceaccount", "default", "-n", namespace, "-o", "json"], "");
        let account: Value = serde_json::from_str(&run.stdout).unwrap_or_default();
        let name = |entry: &Value| entry["name"].as_str().unwrap().to_owned();
        account["imagePullSecrets"].as_array().into_iter().flatten().map(name).collect()
    }

    /// Whether a namespace has the login and the reference.
    pub fn is_served(&self, namespace: &str, password: &str) -> bool {
        self.login(namespace).is_some_and(|login| login.contains(password))
            && self.references(namespace).contains(&self.owner)
    }

    /// The messages of its Events.
    pub fn events(&self) -> String {
        let events = self.bench.get(&["events.events.k8s.io", "-n", &self.system]);
        let note =
            |event: &Value| format!("{}: {}\n", event["reason"].as_str().unwrap(), event["note"].as_str().unwrap());
        events["items"].as_array().unwrap().iter().map(note).collect()
    }
}

impl Replica {
    /// Starts `regcred` with these arguments and variables, and writes its log to this file.
    pub fn start(bench: &Bench, log: PathBuf, arguments: &[&str], variables: &[(&str, impl AsRef<OsStr>)]) -> Self {
        // It ends when the shell's stdin closes: the end of the test process always closes it.
        let script = r#"log=$1; shift; "$@" </dev/null 2>"$log" & echo $! >"$log.pid"; cat >/dev/null; kill -KILL $! 2>/dev/null"#;
        let shell = bench.program("sh").arguments(["-c", script, "sh", &log.display().to_string(), "regcred"]);
        let shell = shell.arguments(arguments).variable("HOSTNAME", fresh("pod"));
        let shell = variables.iter().fold(shell, |shell, (name, value)| shell.variable(name, value.as_ref()));
        Self { keeper: shell.start(), log }
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub fn signal(&self, signal: &str) {
        let path = format!("{}.pid", self.log.display());
        let process = || fs::read_to_string(&path).unwrap_or_default().trim().to_owned();
        Bench::wait("the process", || !process().is_empty());
        assert!(Command::new("kill").args([signal, &process()]).status().unwrap().success());
    }

    /// Waits until the log has this text.
    pub fn says(&self, words: &str) {
        Bench::wait(words, || self.log().contains(words));
    }

    /// The answer on its port: the status, and the text.
    pub fn answer(&self, path: &str) -> (u16, String) {
        self.says("\"answers\":\"");
        let log = self.log();
        let address = log.split("\"answers\":\"").nth(1).unwrap().split('"').next().unwrap();
        answer(address, path).unwrap()
    }
}

/// The answer of a controller at this address: the status, and the text.
pub fn answer(address: &str, path: &str) -> io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    Ok((head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned()))
}

impl Drop for Replica {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        self.keeper.wait().unwrap();
        if std::thread::panicking() {
            println!("the log of {}:\n{}", self.log.display(), self.log());
        }
    }
}
