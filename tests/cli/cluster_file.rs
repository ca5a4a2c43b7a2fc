//! Tests a fleet with one file per cluster: its content, a second run, and a kill.

#![expect(clippy::disallowed_methods, reason = "fixtures are files")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::harness::forged::{edit_line, forge};
use crate::harness::interrupted::{Left, Moment, kill};
use crate::harness::regcred::regcred;

const KEY: (&str, &str) = ("REGCRED_FINGERPRINT_KEY", "canary-key-0f1e2d3c4b5a69788796a5b4c3d2e1f0");
const CONFIG: &str = "apiVersion: regcred.dev/v1alpha1
kind: RegistryCredentials
metadata: {name: acme}
spec:
  format: yaml
  protect: sealed
  link: policy
  sealing: {certificate: rsa-2048.pem}
  pullSecrets:
  - name: hub
    namespaces: {include: [team-a, team-b]}
  - name: lab
    logins: [{dockerConfig: {env: LAB_AUTH}}]
    namespaces: {include: [lab]}
  clusters:
  - name: eu
    pullSecrets: [{name: hub}]
  - name: lab
";

fn login(host: &str, password: &str) -> String {
    format!(r#"{{"auths":{{"{host}":{{"username":"u","password":"canary-{password}"}}}}}}"#)
}

struct Place(tempfile::TempDir);

impl Place {
    fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["rsa-2048.pem", "rsa-4096.pem"] {
            let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/certificates").join(name);
            fs::copy(from, folder.path().join(name)).unwrap();
        }
        let place = Self(folder);
        place.configure(config);
        place
    }

    fn configure(&self, config: &str) {
        fs::write(self.0.path().join("regcred.yaml"), config).unwrap();
    }

    fn out(&self) -> PathBuf {
        self.0.path().join("out")
    }

    /// The messages of a run, and its exit status.
    fn run(&self, variables: &[(&str, &str)], arguments: &[&str]) -> (i32, String) {
        let output = regcred(self.0.path(), variables, &[&["render"], arguments].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        // The recipients of a first run are reported once.
        let said: String = said.split_inclusive('\n').filter(|line| !line.starts_with("note: first run: ")).collect();
        assert!(!said.contains("canary"), "{said}");
        (output.status.code().unwrap(), said)
    }

    /// The same, with both logins and a key.
    fn render(&self, [hub, lab]: [&str; 2], arguments: &[&str]) -> (i32, String) {
        let variables = [("DOCKERHUB_AUTH", &*login("docker.io", hub)), ("LAB_AUTH", &*login("ghcr.io", lab)), KEY];
        self.run(&variables, &[&["--output", "out"], arguments].concat())
    }

    /// The identity, the write time and the bytes of every file.
    fn files(&self) -> BTreeMap<String, (u64, i64, String)> {
        let mut seen = BTreeMap::new();
        let mut folders = vec![self.out()];
        while let Some(folder) = folders.pop() {
            for path in fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()) {
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let (metadata, bytes) = (fs::metadata(&path).unwrap(), fs::read_to_string(&path).unwrap());
                let name = path.strip_prefix(self.out()).unwrap().to_str().unwrap().to_owned();
                seen.insert(name, (metadata.ino(), metadata.mtime_nsec(), bytes));
            }
        }
        seen
    }

    fn text(&self, file: &str) -> String {
        fs::read_to_string(self.out().join(file)).unwrap()
    }
}

fn done() -> (i32, String) {
    (0, String::new())
}

/// The ciphertexts of a file.
fn values(text: &str) -> Vec<String> {
    text.lines()
        .filter(|line| line.contains(".dockerconfigjson: Ag") || line.contains(": AQ"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_file_of_a_cluster_is_what_goes_to_standard_output_for_it() {
    let place = Place::new(&CONFIG.replace("protect: sealed", "protect: plain"));
    let variables = [("DOCKERHUB_AUTH", &*login("docker.io", "1")), ("LAB_AUTH", &*login("ghcr.io", "2"))];
    for (format, file) in [("yaml", "manifests.yaml"), ("json", "manifests.json")] {
        let (code, said) = place.run(&variables, &["--output", "out", "--format", format]);
        assert_eq!((code, said.contains("of another `--format`")), (0, format == "json"), "{said}");
        for cluster in ["eu", "lab"] {
            let printed = regcred(place.0.path(), &variables, &["render", "--cluster", cluster, "--format", format]);
            let path = place.out().join(cluster).join(file);
            let head = if format == "yaml" { "# Written by regcred\n" } else { "" };
            assert_eq!(fs::read(&path).unwrap(), [head.as_bytes(), &printed.stdout].concat(), "{cluster} {format}");
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        }
        assert_eq!(place.files().len(), 4, "and a lock each: the file of the other format is gone");
        // Without the logins, `--check` compares everything that does not depend on them.
        for (namespaces, code) in [("[team-a, team-b]", 0), ("[team-a]", 3)] {
            place.configure(
                &CONFIG.replace("protect: sealed", "protect: plain").replace("[team-a, team-b]", namespaces),
            );
            let (was, said) = place.run(&[], &["--output", "out", "--format", format, "--check"]);
            assert_eq!(was, code, "{said}");
            assert_eq!(said.contains(&format!("eu/{file}")), code == 3, "{said}");
        }
        place.configure(&CONFIG.replace("protect: sealed", "protect: plain"));
    }
}

#[test]
fn a_second_run_writes_nothing_and_a_change_reaches_what_it_is_about() {
    let place = Place::new(CONFIG);
    assert_eq!(place.render(["1", "2"], &[]), done());
    let first = place.files();
    assert!(first.keys().eq(["eu/manifests.yaml", "eu/regcred.lock", "lab/manifests.yaml", "lab/regcred.lock"]));
    assert_eq!(place.render(["1", "2"], &[]), done());
    assert_eq!(place.files(), first, "not even written");
    assert_eq!(place.render(["1", "2"], &["--check"]), done());

    // A changed login changes the clusters that have it, and there only the documents that hold it.
    let (code, said) = place.render(["1", "3"], &["--check"]);
    assert!(code == 3 && said.contains("stale: lab/manifests.yaml") && !said.contains("eu/"), "{said}");
    assert_eq!(place.render(["1", "3"], &[]), done());
    let (old, new) = (values(&first["lab/manifests.yaml"].2), values(&place.text("lab/manifests.yaml")));
    assert_eq!(place.files()["eu/manifests.yaml"], first["eu/manifests.yaml"]);
    assert_eq!(old.iter().filter(|value| new.contains(value)).count(), 2, "{old:?} {new:?}");
    assert_eq!(new.len(), 3);

    // With one more namespace, all other documents keep their ciphertexts.
    place.configure(&CONFIG.replace("[team-a, team-b]", "[team-a, team-aa, team-b]"));
    assert_eq!(place.render(["1", "3"], &[]), done());
    let more = values(&place.text("eu/manifests.yaml"));
    let of_two = values(&first["eu/manifests.yaml"].2);
    assert_eq!((more.len(), &more[0], &more[2]), (3, &of_two[0], &of_two[1]));

    let (code, said) = place.render(["1", "3"], &["--reseal"]);
    assert_eq!((code, said), done());
    assert!(values(&place.text("eu/manifests.yaml")).iter().all(|value| !more.contains(value)));
    // The same if something else differs before the first sealed document, and for edited documents.
    for (text, number) in [("# edited\n", 1), ("", 2)] {
        let before = place.text("eu/manifests.yaml");
        fs::write(place.out().join("eu/manifests.yaml"), format!("{text}{before}")).unwrap();
        place.configure(
            &CONFIG
                .replace("rsa-2048", "rsa-4096")
                .replace("  format: yaml", "  format: yaml\n  createNamespaces: true"),
        );
        for arguments in [&["--check"][..], &[]] {
            let (_, said) = place.render(["1", "3"], arguments);
            assert!(said.contains("for another recipient than before"), "{number}: {said}");
        }
        place.configure(CONFIG);
        assert_eq!(place.render(["1", "3"], &[]).0, 0);
    }
}

#[test]
fn a_merge_request_compares_what_it_can_and_says_what_it_cannot() {
    let place = Place::new(CONFIG);
    assert_eq!(place.render(["1", "2"], &[]), done());
    let check = |variables: &[(&str, &str)]| place.run(variables, &["--output", "out", "--check"]);
    let all = [("DOCKERHUB_AUTH", &*login("quay.io", "9")), ("LAB_AUTH", &*login("ghcr.io", "9"))];
    let (code, said) = check(&all);
    assert!(code == 3 && said.contains("eu/manifests.yaml"), "the policy is for other registries: {said}");
    for variables in [&[][..], &[KEY][..]] {
        let (code, said) = check(variables);
        assert!(code == 0 && said.contains("there are no credentials"), "{said}");
    }
    place.configure(&CONFIG.replace("[team-a, team-b]", "[team-a, shop]"));
    let (code, said) = check(&[]);
    assert!(code == 3 && said.contains("stale: eu/manifests.yaml"), "{said}");
    place.configure(&CONFIG.replace("rsa-2048", "rsa-4096"));
    assert_eq!(check(&[]).0, 3, "it is sealed for another");
    place.configure(CONFIG);
    let variables = [("DOCKERHUB_AUTH", &*login("docker.io", "1")), ("LAB_AUTH", &*login("ghcr.io", "2"))];
    let (code, said) = check(&variables);
    assert!(code == 0 && said.contains("`REGCRED_FINGERPRINT_KEY` is not set"), "{said}");
    let (code, said) = place.run(&variables, &["--output", "out"]);
    assert!(code == 0 && said.contains("every run re-encrypts all files"), "{said}");
}

#[test]
fn what_somebody_has_edited_or_swapped_is_noticed_and_made_anew() {
    let place = Place::new(CONFIG);
    assert_eq!(place.render(["1", "2"], &[]), done());
    let (file, good) = ("manifests.yaml", place.text("eu/manifests.yaml"));
    let [one, other] = values(&good).try_into().unwrap();
    let swapped = good.replace(&one, "-").replace(&other, &one).replace("\n-\n", &format!("\n{other}\n"));
    let in_clear = good.replace(&one, "    .dockerconfigjson: eyJhdXRocyI6e319");
    let another = format!("{good}---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: theirs\n");
    // A Kubernetes reader takes any text that begins with three hyphens for a separator.
    let hidden = good.replacen("---\n", "--- \nkind: ClusterRoleBinding\n---\n", 1);
    let bad = [swapped, in_clear, another, hidden, good.replace("failurePolicy: Fail", "failurePolicy: Ignore")];
    for (number, bad) in bad.iter().enumerate() {
        assert_ne!(*bad, good, "{number}");
        // A login in clear is an error, not only a difference.
        let (differs, what) = if number == 1 {
            (1, "`manifests.yaml` holds a login in clear")
        } else {
            (3, "different: eu/manifests.yaml")
        };
        let seen = if number == 1 { what } else { ": eu/manifests.yaml" };
        fs::write(place.out().join("eu").join(file), bad).unwrap();
        for variables in [&[][..], &[KEY][..]] {
            let (code, said) = place.run(variables, &["--output", "out", "--check"]);
            assert!(code == differs && said.contains(what), "{number}: {said}");
        }
        // An attacker who knows the form of the lock can make it match, but is still detected.
        forge(&place.out().join("eu"), file, bad);
        let (code, said) = place.run(&[], &["--output", "out", "--check"]);
        assert!(code == differs && said.contains(seen), "{number}: {said}");
        let (code, said) = place.run(&[KEY], &["--output", "out", "--check"]);
        assert!(code == differs && said.contains(what), "{number}: {said}");
        // Or the attacker removes the parts that the key could check.
        edit_line(&place.out().join("eu"), file, |_| false);
        let (code, said) = place.run(&[KEY], &["--output", "out", "--check"]);
        assert!(code == differs && said.contains(what), "{number}: {said}");
        let (code, said) = place.render(["1", "2"], &["--check"]);
        assert!(code == differs && said.contains(what), "{number}: {said}");
        let (_, said) = place.render(["1", "2"], &[]);
        assert!(said.contains(if number == 1 { what } else { "was edited" }), "{number}: {said}");
        assert_eq!(place.render(["1", "2"], &["--check"]), done());
    }
    fs::write(place.out().join("eu").join(file), format!("{good}# mine\n")).unwrap();
    let (code, said) = place.render(["1", "2"], &[]);
    assert!(code == 0 && said.contains("`manifests.yaml` was edited since regcred wrote it"), "{said}");
    assert!(said.contains("(cluster eu)"), "{said}");
}

/// Git's merge of two texts that differ in one place.
fn conflict(ours: &str, theirs: &str) -> String {
    let lines = |text: &str| text.split_inclusive('\n').map(str::to_owned).collect::<Vec<_>>();
    let [ours, theirs] = [lines(ours), lines(theirs)];
    let same = ours.iter().zip(&theirs).take_while(|(one, other)| one == other).count();
    let rest = ours[same..].iter().rev().zip(theirs[same..].iter().rev());
    let end = rest.take_while(|(one, other)| one == other).count();
    let hunk = |side: &[String]| side[same..side.len() - end].concat();
    let [head, tail] = [ours[..same].concat(), ours[ours.len() - end..].concat()];
    format!("{head}<<<<<<< HEAD\n{}=======\n{}>>>>>>> theirs\n{tail}", hunk(&ours), hunk(&theirs))
}

#[test]
fn both_sides_of_a_merge_keep_their_ciphertexts() {
    let place = Place::new(CONFIG);
    let file = place.out().join("eu/manifests.yaml");
    // One side has the documents of both, with the earlier password.
    let sides = [("1", "team-aa"), ("old", "team-ab")].map(|(password, more)| {
        place.configure(&CONFIG.replace("[team-a, team-b]", &format!("[team-a, {more}, team-b]")));
        assert_eq!(place.render([password, "2"], &[]).0, 0);
        place.text("eu/manifests.yaml")
    });
    for (ours, theirs, kept) in [(0, 1, 3), (1, 0, 3)] {
        fs::write(&file, conflict(&sides[ours], &sides[theirs])).unwrap();
        place.configure(&CONFIG.replace("[team-a, team-b]", "[team-a, team-aa, team-ab, team-b]"));
        let (code, said) = place.render(["1", "2"], &["--check"]);
        assert!(code == 3 && said.contains("different: eu/manifests.yaml"), "{said}");
        let (code, said) = place.render(["1", "2"], &[]);
        assert!(code == 0 && said.contains("`manifests.yaml` has a merge conflict, and is written again"), "{said}");
        assert!(!said.contains("edited"), "{said}");
        let merged = values(&place.text("eu/manifests.yaml"));
        assert_eq!(merged.len(), 4);
        assert_eq!(values(&sides[0]).iter().filter(|value| merged.contains(value)).count(), kept);
        assert_eq!(place.render(["1", "2"], &["--check"]), done());
    }
    // Git may merge the file cleanly, but not the lock.
    let lock = place.out().join("eu/regcred.lock");
    let text = fs::read_to_string(&lock).unwrap();
    let (head, tail) = text.split_once("sha256=").unwrap();
    let other = if tail.starts_with('0') { "1" } else { "0" };
    fs::write(&lock, conflict(&text, &format!("{head}sha256={other}{}", &tail[1..]))).unwrap();
    fs::write(&file, place.text("eu/manifests.yaml").replace("team-aa", "team-ac")).unwrap();
    let (code, said) = place.render(["1", "2"], &[]);
    assert!(
        code == 0
            && said.contains("has a merge conflict, and is written again")
            && said.contains("has a merge conflict: both sides"),
        "{said}"
    );
    assert!(!said.contains("edited"), "{said}");
    assert_eq!(place.render(["1", "2"], &["--check"]), done());
}

#[test]
fn a_comparison_of_many_documents_that_have_changed_needs_no_more_memory_than_the_file() {
    let names = (0..3000).map(|number| format!("team-{number}")).collect::<Vec<_>>().join(", ");
    let place =
        Place::new(&CONFIG.replace("[team-a, team-b]", &format!("[{names}]")).replace("link: policy", "link: none"));
    assert_eq!(place.render(["1", "2"], &[]), done());
    for (password, code) in [(Some("1"), 0), (Some("3"), 3), (None, 3)] {
        // Without the login, the other certificate is the difference.
        let certificate = if password.is_none() { "rsa-4096.pem" } else { "rsa-2048.pem" };
        place.configure(
            &fs::read_to_string(place.0.path().join("regcred.yaml")).unwrap().replace("rsa-2048.pem", certificate),
        );
        let script = "ulimit -v 400000 && \"$0\" render --output out --cluster eu --check";
        let mut command = Command::new("sh");
        command
            .args(["-c", script, env!("CARGO_BIN_EXE_regcred")])
            .current_dir(place.0.path())
            .env_clear()
            .env(KEY.0, KEY.1);
        if let Some(password) = password {
            command.env("DOCKERHUB_AUTH", login("docker.io", password));
        }
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn the_files_of_another_format_go_and_those_of_somebody_else_stay() {
    let place = Place::new(CONFIG);
    assert_eq!(place.render(["1", "2"], &["--format", "directory"]), done());
    fs::write(place.out().join("eu/theirs.yaml"), "theirs").unwrap();
    let (code, said) = place.render(["1", "2"], &["--check"]);
    assert!(code == 3 && said.contains("missing: eu/manifests.yaml"), "{said}");
    assert!(said.contains("left over: eu/namespaces/team-a/sealedsecret-hub.yaml"), "{said}");
    let (code, said) = place.render(["1", "2"], &[]);
    assert!(code == 0 && said.contains("of another `--format` were removed"), "{said}");
    let left = ["eu/manifests.yaml", "eu/regcred.lock", "eu/theirs.yaml", "lab/manifests.yaml", "lab/regcred.lock"];
    assert!(place.files().keys().eq(left), "{:?}", place.files().keys());
    let (code, said) = place.render(["1", "2"], &["--format", "directory"]);
    assert!(code == 0 && said.contains("1 file of another `--format` was removed"), "{said}");
    assert!(!place.out().join("eu/manifests.yaml").exists());
    // An existing file of somebody else is not replaced, in any cluster.
    fs::write(place.out().join("lab/manifests.yaml"), "theirs").unwrap();
    let before = place.files();
    let (code, said) = place.render(["1", "2"], &[]);
    assert!(
        code == 1
            && said.contains("`manifests.yaml` is there, and regcred did not write it")
            && said.contains("(cluster lab)"),
        "{said}"
    );
    assert_eq!(place.files(), before);
}

#[test]
fn killed_at_any_moment_the_next_run_completes_what_the_first_began() {
    let clusters = (0..40).map(|number| format!("  - {{name: c{number:02}}}\n")).collect::<Vec<_>>().concat();
    let (head, _) = CONFIG.split_once("  - name: eu").unwrap();
    let place = Place::new(&format!("{head}{clusters}"));
    let mut left = Vec::new();
    // The observer may be too slow to see it: then the test tries again.
    for round in 0..40 {
        if round >= 8 && left.contains(&Left::Temporaries) && left.contains(&Left::Journal) {
            break;
        }
        if round % 4 == 0 && place.out().exists() {
            fs::remove_dir_all(place.out()).unwrap();
        }
        let password = round.to_string();
        let child = Command::new(env!("CARGO_BIN_EXE_regcred"))
            .args(["render", "--output", "out"])
            .env_clear()
            .envs([("DOCKERHUB_AUTH", login("docker.io", &password)), ("LAB_AUTH", login("ghcr.io", "2"))])
            .env(KEY.0, KEY.1)
            .current_dir(place.0.path())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let moment = if round % 2 == 0 { Moment::Staging } else { Moment::Published(0) };
        left.push(kill(child, &place.out().join("c20"), moment));
        assert_eq!(place.render([&password, "2"], &[]), done());
        assert_eq!(place.files().len(), 80, "a file and a lock each, and nothing else");
        assert_eq!(place.render([&password, "2"], &["--check"]), done());
    }
    assert!(left.contains(&Left::Temporaries) && left.contains(&Left::Journal), "killed in the middle: {left:?}");
}
