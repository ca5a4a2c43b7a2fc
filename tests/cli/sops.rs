//! Tests how sops is run, with a stand-in for sops: its directory, how many run at once, terminals, time limits and checks.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::harness::pty;
use crate::harness::stand_in::{ENCRYPTS, program, search};

const LOGINS: &str = r#"{"auths":{"docker.io":{"auth":"YWNtZS1ib3Q6czNjcjN0LXNlc2FtZQ=="}}}"#;
const KEY: (&str, &str) = ("REGCRED_FINGERPRINT_KEY", "0f1e2d3c4b5a69788796a5b4c3d2e1f0");
const RECIPIENT: (&str, &str) = ("SOPS_AGE_RECIPIENTS", "age1x");

/// A folder with the stand-in.
struct Folder(TempDir);

impl Folder {
    fn new(script: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        program(&folder.path("bin/sops"), script);
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    #[expect(clippy::disallowed_methods, reason = "whole or not at all does not matter to a test")]
    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn fifo(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        path
    }

    /// `regcred render` in a new session: without a terminal, or with this one.
    fn start(&self, arguments: &[&str], variables: &[(&str, &str)], terminal: Option<File>) -> Child {
        let (stdin, flags) = match terminal {
            Some(terminal) => (Stdio::from(terminal), &["--ctty"][..]),
            None => (Stdio::null(), &[][..]),
        };
        Command::new("/usr/bin/setsid")
            .args(flags)
            .args([env!("CARGO_BIN_EXE_regcred"), "render", "--protect", "sops", "-v"])
            .args(arguments)
            .env_clear()
            .envs([("PATH", &*search(&self.path("bin"))), ("DOCKERHUB_AUTH", LOGINS)])
            .envs(variables.iter().copied())
            .current_dir(self.0.path())
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn render(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        self.start(arguments, variables, None).wait_with_output().unwrap()
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const TREE: [&str; 6] = ["-n", "a,b", "--format", "directory", "--output", "out"];

#[test]
fn it_runs_where_regcred_does_whether_the_output_is_there_or_not() {
    let folder = Folder::new(&format!("pwd >> where\ntest -d \"$GNUPGHOME\" || exit 1\n{ENCRYPTS}"));
    fs::create_dir(folder.path("gnupg")).unwrap();
    for _ in 0..2 {
        let output = folder.render(&TREE, &[RECIPIENT, ("GNUPGHOME", "gnupg")]);
        assert!(output.status.success(), "{}", said(&output));
    }
    let here = folder.0.path().canonicalize().unwrap();
    let places = fs::read_to_string(folder.path("where")).unwrap();
    assert_eq!(places, format!("{}\n", here.display()).repeat(4));
}

#[test]
fn several_that_wait_run_at_once_on_one_core_too() {
    // The first opens the pipe for reading, the second for writing: neither continues without the other.
    let meet = "if mkdir first 2> /dev/null; then : < meeting; else : > meeting; fi";
    let folder = Folder::new(&format!("{meet}\n{ENCRYPTS}"));
    folder.fifo("meeting");
    let one = [RECIPIENT, ("RAYON_NUM_THREADS", "1"), ("REGCRED_SOPS_TIMEOUT", "30")];
    let output = folder.render(&TREE, &one);
    assert!(output.status.success(), "{}", said(&output));
    // One file each, of two clusters.
    fs::remove_dir(folder.path("first")).unwrap();
    folder.write("regcred.yaml", &fleet("namespaces: {include: [a]}"));
    let output = folder.render(&["--format", "directory", "--output", "fleet"], &one);
    assert!(output.status.success(), "{}", said(&output));
}

fn fleet(pull_secret: &str) -> String {
    format!(
        "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {{name: acme}}\nspec:\n  \
         pullSecrets: [{{{pull_secret}}}]\n  clusters: [{{name: one}}, {{name: two}}]\n"
    )
}

#[test]
fn a_key_service_may_ask_on_the_terminal() {
    let ask = "printf 'passphrase? ' > /dev/tty; read -r answer < /dev/tty; test \"$answer\" = sesame || exit 1";
    let folder = Folder::new(&format!("{ask}\n{ENCRYPTS}"));
    let (mut controller, terminal) = pty::pair();
    let arguments = ["-n", "a", "--format", "directory", "--output", "out"];
    let child = folder.start(&arguments, &[RECIPIENT, ("REGCRED_SOPS_TIMEOUT", "30")], Some(terminal));
    let mut shown = Vec::new();
    while !shown.ends_with(b"passphrase? ") {
        let mut letter = [0];
        controller.read_exact(&mut letter).unwrap();
        shown.extend(letter);
    }
    controller.write_all(b"sesame\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
}

/// How a run is interrupted.
#[derive(Clone, Copy, Debug)]
enum By {
    Signal(Signal),
    /// On its terminal.
    CtrlC,
}

#[test]
fn an_interrupt_ends_sops_leaves_nothing_and_is_how_the_run_ends() {
    // A child of sops may outlive sops. At a terminal, a signal to regcred alone ends only sops.
    let (with_child, alone) = ("tail -f /dev/null; true", "exec tail -f /dev/null");
    for (by, on_terminal, wait, signal) in [
        (By::Signal(Signal::TERM), false, with_child, 15),
        (By::Signal(Signal::INT), false, with_child, 2),
        (By::Signal(Signal::TERM), true, alone, 15),
        (By::CtrlC, true, with_child, 2),
    ] {
        let folder = Folder::new(&format!("exec 3> alive; echo started >&3\n{wait}"));
        let alive = folder.fifo("alive");
        let (mut controller, terminal) = pty::pair();
        let terminal = on_terminal.then_some(terminal);
        let arguments = ["-n", "a", "--create-namespaces", "--format", "directory", "--output", "out"];
        let child = folder.start(&arguments, &[RECIPIENT], terminal);
        let mut alive = File::open(alive).unwrap();
        let mut started = [0; 8];
        alive.read_exact(&mut started).unwrap();
        match by {
            By::Signal(signal) => kill_process(Pid::from_child(&child), signal).unwrap(),
            By::CtrlC => controller.write_all(b"\x03").unwrap(),
        }
        // The output ends when no process is left that could write.
        assert_eq!(alive.read_to_end(&mut Vec::new()).unwrap(), 0, "{by:?}");
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.signal(), Some(signal), "{by:?}: {}", said(&output));
        assert!(said(&output).contains("\nerror: interrupted before `namespaces/a/"), "{by:?}: {}", said(&output));
        assert!(!folder.path("out").exists(), "{by:?}");
    }
}

#[test]
fn a_cluster_without_a_rule_is_said_before_the_files_of_another_are_written() {
    let says = |words: &str, then: &str| format!("case \"$*\" in *out/two*) {words}; {then};; esac\n{ENCRYPTS}");
    let namespace = "sed 's/namespace: .*/namespace: ENC[AES256_GCM,data:AA==]/' | ";
    for (script, words) in [
        (
            says("echo 'error loading config: no matching creation rules found' >&2", "exit 1"),
            &["no rule of `/", "/.sops.yaml` matches `out/two/namespaces/"][..],
        ),
        (
            says(&format!("{namespace}{}", ENCRYPTS.replace('\n', "; ")), "exit 0"),
            &["secret-image-pull-secret.sops.yaml`", "sops encrypts `metadata.namespace`"],
        ),
    ] {
        let folder = Folder::new(&script);
        folder.write("regcred.yaml", &fleet("namespaces: {include: [a, b]}"));
        folder.write(".sops.yaml", "creation_rules: []");
        let output = folder.render(&["--format", "directory", "--output", "out"], &[]);
        assert_eq!(output.status.code(), Some(1), "{words:?}");
        assert!(words.iter().all(|words| said(&output).contains(words)), "{}", said(&output));
        assert!(said(&output).contains("(cluster two)"), "{}", said(&output));
        assert!(!folder.path("out").exists(), "{words:?}");
    }
}

#[test]
fn what_sops_warns_of_is_shown_without_a_secret_and_a_file_that_it_ignores_is_named() {
    let folder = Folder::new(&format!("echo 'deprecated: s3cr3t-sesame' >&2\n{ENCRYPTS}"));
    folder.write(".sops.yml", "creation_rules: []");
    let output = folder.render(&TREE, &[RECIPIENT]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("warning: sops warns: deprecated: [hidden]"), "{}", said(&output));
    assert!(said(&output).contains("warning: sops ignores the file `.sops.yml`"), "{}", said(&output));
}

#[test]
fn a_vault_that_only_the_rules_name_gets_no_token() {
    let folder = Folder::new(&format!("touch asked\n{ENCRYPTS}"));
    folder.write(".sops.yaml", "creation_rules: [{hc_vault_transit_uri: 'https://evil.test/v1/transit/keys/k'}]");
    let token = ("VAULT_TOKEN", "s3cr3t-sesame");
    for variables in [&[token][..], &[token, ("VAULT_ADDR", "https://vault.test")]] {
        let output = folder.render(&TREE, variables);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(said(&output).contains("`.sops.yaml` names `https://evil.test`"), "{}", said(&output));
        assert!(!folder.path("asked").exists() && !folder.path("out").exists());
    }
    // Without a token nothing can be sent; the program `vault` keeps a token in a file.
    folder.render(&TREE, &[("HOME", ".")]);
    assert!(folder.path("asked").exists());
    fs::remove_file(folder.path("asked")).unwrap();
    folder.write(".vault-token", "s3cr3t-sesame");
    folder.render(&TREE, &[("HOME", ".")]);
    assert!(!folder.path("asked").exists());
    for (variable, more) in [
        (("VAULT_ADDR", "https://evil.test/"), &[][..]),
        (("REGCRED_RECIPIENTS", "age1x https://evil.test/transit/k"), &[]),
        (token, &["--accept-recipient", "https://evil.test/transit/k"]),
    ] {
        let output = folder.render(&[&TREE[..], more].concat(), &[token, variable]);
        assert!(folder.path("asked").exists(), "{}", said(&output));
        fs::remove_file(folder.path("asked")).unwrap();
    }
}

#[test]
fn rules_that_never_end_are_refused() {
    let folder = Folder::new(ENCRYPTS);
    std::os::unix::fs::symlink("/dev/zero", folder.path(".sops.yaml")).unwrap();
    let output = folder.render(&TREE, &[]);
    assert!(said(&output).contains("`.sops.yaml` cannot be read: it is not a regular file"), "{}", said(&output));
    fs::remove_file(folder.path(".sops.yaml")).unwrap();
    folder.fifo(".sops.yaml");
    let output = folder.render(&TREE, &[]);
    assert!(said(&output).contains("`.sops.yaml` cannot be read: it is not a regular file"), "{}", said(&output));
}

#[test]
fn where_no_variable_names_a_recipient_the_rest_is_compared() {
    let folder = Folder::new(ENCRYPTS);
    let check = |namespaces: &str, variables: &[(&str, &str)]| {
        let output = folder.render(
            &["-n", namespaces, "--format", "directory", "--output", "out", "--check"],
            &[&[("DOCKERHUB_AUTH", "")], variables].concat(),
        );
        (output.status.code().unwrap(), said(&output))
    };
    let output = folder.render(&TREE, &[KEY, RECIPIENT]);
    assert!(output.status.success(), "{}", said(&output));
    // A merge request has no protected variable.
    let (status, words) = check("a,b", &[]);
    assert!(status == 0 && words.contains("the recipient is not known here"), "{status}: {words}");
    assert_eq!(check("a,c", &[]).0, 3, "another namespace");
    // A job that knows the recipients re-encrypts a document for other recipients.
    for (recipient, written) in [("age1x", "0 files written, 4 unchanged"), ("age1y", "2 files written")] {
        let output = folder.render(&TREE, &[KEY, ("SOPS_AGE_RECIPIENTS", recipient)]);
        assert!(said(&output).contains(written), "{recipient}: {}", said(&output));
    }
    let path = "out/namespaces/a/secret-image-pull-secret.sops.yaml";
    let text = fs::read_to_string(folder.path(path)).unwrap();
    folder.write(path, &text.replace("data:AA==", "data:BB=="));
    assert_eq!(check("a,b", &[]).0, 3, "edited");
}

#[test]
fn where_nothing_was_written_yet_a_comparison_without_any_recipient_fails_as_the_run_does() {
    let folder = Folder::new(ENCRYPTS);
    let check = [&TREE[..], &["--check"]].concat();
    for (arguments, variables) in [(&TREE[..], &[KEY][..]), (&check, &[("DOCKERHUB_AUTH", "")])] {
        let output = folder.render(arguments, variables);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(said(&output).contains("there is no `.sops.yaml` with rules at or above"), "{}", said(&output));
    }
    let output = folder.render(&check, &[("DOCKERHUB_AUTH", ""), RECIPIENT]);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    folder.write(".sops.yml", "creation_rules: [{age: age1x}]");
    let output = folder.render(&check, &[]);
    let ignored = "error: sops ignores the file `.sops.yml`\n  hint: rename it to `.sops.yaml`\n";
    assert!(output.status.code() == Some(1) && said(&output).contains(ignored), "{}", said(&output));
    folder.write(".sops.yaml", "creation_rules: [{age: age1x}]");
    assert_eq!(folder.render(&check, &[]).status.code(), Some(3));
}

#[test]
fn rules_that_have_gone_are_a_change_that_a_merge_request_sees() {
    let folder = Folder::new(ENCRYPTS);
    folder.write(".sops.yaml", "creation_rules: [{encrypted_regex: ^(data|stringData)$, age: age1x}]");
    assert!(folder.render(&TREE, &[KEY]).status.success());
    fs::remove_file(folder.path(".sops.yaml")).unwrap();
    let output = folder.render(&[&TREE[..], &["--check"]].concat(), &[("DOCKERHUB_AUTH", "")]);
    assert_eq!(output.status.code(), Some(3));
    for words in [
        "only a change of rules is compared",
        "or by another sops rule",
        "check who changed the certificate or `.sops.yaml`",
        "refuses it without `--accept-recipient`",
        "2 files are not current",
    ] {
        assert!(said(&output).contains(words), "{}", said(&output));
    }
}

#[test]
fn values_are_for_recipients_in_a_variable_and_are_compared_without_it() {
    let folder = Folder::new(ENCRYPTS);
    let values = ["-n", "a", "--format", "helm-values", "--output", "values.yaml"];
    for (recipient, written) in [("age1x", "1 file written"), ("age1x", "0 files written"), ("age1y", "1 file written")]
    {
        let output = folder.render(&values, &[KEY, ("SOPS_AGE_RECIPIENTS", recipient)]);
        assert!(said(&output).contains(written), "{recipient}: {}", said(&output));
    }
    for (namespace, status) in [("a", 0), ("b", 3)] {
        let arguments = ["-n", namespace, "--format", "helm-values", "--output", "values.yaml", "--check"];
        let output = folder.render(&arguments, &[("DOCKERHUB_AUTH", "")]);
        assert_eq!(output.status.code(), Some(status), "{}", said(&output));
        assert!(said(&output).contains("the recipient is not known here"), "{}", said(&output));
    }
}

#[test]
fn verify_needs_no_output_where_a_variable_names_the_rules() {
    let folder = Folder::new(ENCRYPTS);
    folder.write("regcred.yaml", "kind: RegistryCredentials\napiVersion: regcred.dev/v1alpha1\nmetadata: {name: a}\nspec: {protect: sops, format: directory}\n");
    folder.write("rules.yaml", "creation_rules: [{age: age1x}]\n");
    let verify = |variables: &[(&str, &str)]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_regcred"));
        command.arg("verify").env_clear().envs([("PATH", &*search(&folder.path("bin"))), ("DOCKERHUB_AUTH", LOGINS)]);
        let output = command.envs(variables.iter().copied()).current_dir(folder.0.path()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        said(&output)
    };
    assert!(verify(&[]).contains("from the working directory only"));
    assert_eq!(verify(&[("SOPS_CONFIG", "rules.yaml")]), "");
}
