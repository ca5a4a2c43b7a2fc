//! Tests the archives of `tests/release` and the images of the Dockerfile, with a stand-in for the binary.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::bench::{self, Program, Run};

const TARGETS: [&str; 2] = ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl"];
/// What images call the machines of these targets.
const ARCHITECTURES: [&str; 2] = ["amd64", "arm64"];
const PATH: &str = env!("PATH");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn program(name: &str) -> Program {
    let home = std::env::home_dir().unwrap();
    let program = Program::new(Path::new(name)).directory(root()).variable("PATH", PATH).variable("HOME", home);
    // Rust may be installed outside of the home directory, as in Rust's own image.
    let places = [("RUSTUP_HOME", option_env!("RUSTUP_HOME")), ("CARGO_HOME", option_env!("CARGO_HOME"))];
    places.into_iter().fold(program, |program, (name, place)| match place {
        Some(place) => program.variable(name, place),
        None => program,
    })
}

fn release(arguments: &[&str]) -> Program {
    program("tests/release").arguments(arguments)
}

/// A static program that only knows its version. Unlike Rust, Go needs no more tools for another target.
fn stand_in(folder: &Path, target: &str) -> PathBuf {
    let (source, binary) = (folder.join("main.go"), folder.join(target));
    let version = concat!("regcred ", env!("CARGO_PKG_VERSION"), r"\n");
    bench::write(
        &source,
        &format!("package main\n\nimport \"os\"\n\nfunc main() {{ os.Stdout.WriteString(\"{version}\") }}\n"),
    );
    let architecture = if target == TARGETS[0] { ARCHITECTURES[0] } else { ARCHITECTURES[1] };
    let go = program("go").variable("CGO_ENABLED", "0").variable("GOOS", "linux").variable("GOARCH", architecture);
    go.arguments(["build", "-o"]).arguments([&binary, &source]).run().succeeded();
    binary
}

/// The folder with the archives of these binaries.
fn packed(binaries: &[PathBuf; 2], umask: &str) -> (TempDir, Run) {
    let folder = tempfile::tempdir().unwrap();
    let script = format!("umask {umask}; exec tests/release --pack \"$0\" {}=\"$1\" {}=\"$2\"", TARGETS[0], TARGETS[1]);
    let run = program("sh").arguments(["-c", &script]).arguments([folder.path()]).arguments(binaries).run();
    (folder, run)
}

#[test]
fn the_same_binaries_give_the_same_archives_whenever_and_by_whomever_they_are_packed() {
    if bench::tools(&["qemu-aarch64-static"]).is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let binaries = TARGETS.map(|target| stand_in(folder.path(), target));
    let (first, run) = packed(&binaries, "022");
    for target in TARGETS {
        assert!(run.stderr.contains(&format!("{target}: static, and starts\n")), "{run:?}");
    }
    let sums = run.succeeded();
    program("touch").arguments(["-d", "2001-01-01"]).arguments(&binaries).run().succeeded();
    let (_second, run) = packed(&binaries, "077");
    assert_eq!(run.succeeded(), sums, "the archives differ");

    let check = || program("sha256sum").directory(first.path()).arguments(["-c", "SHA256SUMS"]).run();
    let names = TARGETS.map(|target| format!("regcred-{}-{target}", env!("CARGO_PKG_VERSION")));
    let mut good = check().succeeded();
    for name in &names {
        good = good.replace(&format!("{name}.tar.gz: OK\n"), "");
    }
    assert_eq!(good, "", "there is a sum for each archive, and for nothing else");
    for name in &names {
        let archive = first.path().join(format!("{name}.tar.gz"));
        let list = program("tar").arguments(["--utc", "-tvzf"]).arguments([&archive]).run().succeeded();
        let rows: Vec<_> = list
            .lines()
            .map(|line| {
                let mut words = line.split_whitespace();
                let (mode, owner) = (words.next().unwrap(), words.next().unwrap());
                let path = line.rsplit(' ').next().unwrap();
                assert!(owner == "0/0" && line.contains(" 2020-01-01 00:00 "), "{line}");
                (mode, path.strip_prefix(name).unwrap())
            })
            .collect();
        let plain = "-rw-r--r--";
        let files = [
            (plain, "/CHANGELOG.md"),
            (plain, "/LICENSE"),
            (plain, "/README.md"),
            ("drwxr-xr-x", "/helm-plugin/"),
            (plain, "/helm-plugin/plugin.yaml"),
            ("-rwxr-xr-x", "/regcred"),
        ];
        assert_eq!(rows[0].1, "/");
        assert_eq!(rows[1..], files);
        bench::write(&archive, "something else");
        assert!(check().failed().contains("did NOT match"));
    }
}

#[test]
fn the_checksums_are_signed_where_a_key_is_named() {
    let Some(tools) = bench::tools(&["minisign", "qemu-aarch64-static"]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let [binary, _] = TARGETS.map(|target| stand_in(folder.path(), target));
    let (key, public) = (folder.path().join("secret.key"), folder.path().join("public.key"));
    let minisign = |arguments: &[&str]| program(tools.join("minisign").to_str().unwrap()).arguments(arguments);
    let files = ["-p", public.to_str().unwrap(), "-s", key.to_str().unwrap()];
    minisign(&[&["-G", "-W"], &files[..]].concat()).run().succeeded();
    let pair = format!("{}={}", TARGETS[0], binary.display());
    let pack = || release(&["--pack", folder.path().to_str().unwrap(), &pair]);
    pack().variable("REGCRED_MINISIGN_KEY", &key).run().succeeded();
    let sums = folder.path().join("SHA256SUMS");
    let verify = || minisign(&["-V", "-m", sums.to_str().unwrap(), "-p", public.to_str().unwrap()]).run();
    assert!(verify().succeeded().contains(concat!("Trusted comment: regcred ", env!("CARGO_PKG_VERSION"))));
    bench::write(&sums, "something else");
    verify().failed();
    // A signature of an earlier run does not stay beside other checksums.
    assert!(pack().run().stderr.contains("is not signed"));
    assert!(!folder.path().join("SHA256SUMS.minisig").exists());
    let seen = pack().variable("REGCRED_MINISIGN_KEY", folder.path().join("none")).run().failed();
    assert!(seen.contains("REGCRED_MINISIGN_KEY names no file"), "{seen}");
}

#[test]
fn a_binary_that_needs_something_of_the_machine_or_is_for_another_is_no_release() {
    let folder = tempfile::tempdir().unwrap();
    let [own, other] = TARGETS;
    let refused = |target: &str, binary: &Path| {
        let pair = format!("{target}={}", binary.display());
        let seen = release(&["--pack", folder.path().to_str().unwrap(), &pair]).run().failed();
        assert!(seen.contains(&format!("is no static binary for {target}")), "{seen}");
    };
    // The test binary of cargo needs a dynamic linker.
    refused(own, Path::new(env!("CARGO_BIN_EXE_regcred")));
    refused(other, &stand_in(folder.path(), own));
    refused(own, &stand_in(folder.path(), other));
}

#[test]
fn what_is_missing_is_said_before_anything_is_built() {
    let seen = release(&["sparc-unknown-linux-gnu"]).run().failed();
    assert!(seen.contains("there is no release for 'sparc-unknown-linux-gnu'; there are: x86_64"), "{seen}");
    // A Rust without the target.
    let folder = tempfile::tempdir().unwrap();
    bench::write(&folder.path().join("rustc"), "#!/bin/sh\necho /nowhere\n");
    program("chmod").arguments(["+x"]).arguments([folder.path().join("rustc")]).run().succeeded();
    let path = format!("{}:{PATH}", folder.path().display());
    let seen = release(&["aarch64-unknown-linux-musl"]).variable("PATH", path).run().failed();
    assert!(seen.contains("run  rustup target add aarch64-unknown-linux-musl"), "{seen}");
}

fn dockerfile() -> String {
    fs::read_to_string(root().join("Dockerfile")).unwrap()
}

/// The instructions of each stage, by its name.
fn stages(dockerfile: &str) -> Vec<(String, Vec<String>)> {
    let joined = dockerfile.replace("\\\n", " ");
    let mut stages: Vec<(String, Vec<String>)> = Vec::new();
    for line in joined.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        if let Some(from) = line.strip_prefix("FROM ") {
            stages.push((from.rsplit(' ').next().unwrap().to_owned(), vec![line.to_owned()]));
        } else if let Some((_, instructions)) = stages.last_mut() {
            instructions.push(line.to_owned());
        }
    }
    stages
}

#[test]
fn the_images_run_as_a_user_by_number_and_the_small_one_holds_the_binary_and_the_authorities_only() {
    let dockerfile = dockerfile();
    let stages = stages(&dockerfile);
    let of = |name: &str| &stages.iter().find(|(found, _)| found == name).unwrap().1;
    for name in ["regcred", "regcred-kubectl"] {
        let user = of(name).iter().filter_map(|line| line.strip_prefix("USER ")).next_back().unwrap();
        let (user, group) = user.split_once(':').unwrap();
        assert!(user.parse::<u32>().unwrap() > 0 && group.parse::<u32>().unwrap() > 0, "{name}: {user}");
    }
    assert_eq!(of("regcred")[0], "FROM scratch AS regcred");
    let copies: Vec<_> =
        of("regcred").iter().filter(|line| line.starts_with("COPY") || line.starts_with("RUN")).collect();
    let expected = [
        "COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt",
        "COPY --from=build /out/regcred /usr/local/bin/regcred",
    ];
    assert_eq!(copies, expected);
    assert_eq!(stages.last().unwrap().0, "regcred-kubectl", "what is built without --target is for jobs");
}

#[test]
fn the_build_is_given_its_sources_and_nothing_that_may_hold_a_login() {
    let ignore = fs::read_to_string(root().join(".dockerignore")).unwrap();
    let mut rules = ignore.lines().filter(|line| !line.starts_with('#'));
    assert_eq!(rules.next(), Some("*"));
    let let_in: Vec<_> = rules.map(|rule| rule.strip_prefix('!').unwrap()).collect();
    let dockerfile = dockerfile();
    let stages = stages(&dockerfile);
    let copied: Vec<_> = stages[0]
        .1
        .iter()
        .filter_map(|line| line.strip_prefix("COPY "))
        .flat_map(|line| {
            let mut words: Vec<_> = line.split(' ').collect();
            words.pop();
            words
        })
        .collect();
    assert_eq!(copied.iter().collect::<BTreeSet<_>>(), let_in.iter().collect());

    // With these the package is complete: cargo finds its targets and every included file.
    let folder = tempfile::tempdir().unwrap();
    for name in &copied {
        program("cp").arguments(["-R"]).arguments([root().join(name), folder.path().join(name)]).run().succeeded();
    }
    let host = program("rustc").arguments(["--print", "host-tuple"]).run().succeeded();
    let fetch = program("cargo").directory(folder.path()).arguments(["fetch", "--offline", "--locked", "--target"]);
    fetch.arguments([host.trim_end()]).run().succeeded();
    let found = program("grep").directory(folder.path()).arguments([
        "-rEo",
        r#"include_(str|bytes)!\("[^"]*"#,
        "src",
        "crates",
    ]);
    for line in found.run().succeeded().lines() {
        let (file, include) = line.split_once(':').unwrap();
        let included = folder.path().join(file).parent().unwrap().join(include.split('"').nth(1).unwrap());
        assert!(included.exists(), "{line}");
    }
}

/// Replaces cargo: writes its own arguments to the path of the binary.
const CARGO: &str = "#!/bin/sh
for word; do
  case $last in --target) target=$word ;; --bin) bin=$word ;; esac
  last=$word
done
mkdir -p target/$target/dist && echo \"$*\" >target/$target/dist/$bin
";

#[test]
fn the_stage_that_compiles_asks_for_what_a_release_does_and_hands_on_what_cargo_made() {
    let script = fs::read_to_string(root().join("tests/release")).unwrap();
    let (_, wanted) = script.split_once("cargo zigbuild --quiet ").unwrap();
    let (wanted, _) = wanted.split_once("\"$1\"").unwrap();
    let dockerfile = dockerfile();
    let stages = stages(&dockerfile);
    let compiles = stages[0].1.iter().find_map(|line| line.strip_prefix("RUN ").filter(|line| line.contains("cargo ")));
    for target in TARGETS {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| bench::write(&folder.path().join("bin").join(name), text);
        file("uname", &format!("#!/bin/sh\necho {}\n", target.split('-').next().unwrap()));
        file("rustup", "#!/bin/sh\necho \"$*\"\n");
        file("cargo", CARGO);
        program("chmod").directory(folder.path()).arguments(["-R", "+x", "bin"]).run().succeeded();
        let (bin, out) = (folder.path().join("bin"), folder.path().join("regcred"));
        let line = compiles.unwrap().replace("/out/regcred", out.to_str().unwrap());
        let shell = program("sh").directory(folder.path()).variable("PATH", format!("{}:/usr/bin:/bin", bin.display()));
        assert_eq!(shell.arguments(["-c", &line]).run().succeeded(), format!("target add {target}\n"));
        assert_eq!(fs::read_to_string(out).unwrap(), format!("build {wanted}{target}\n"));
    }
}

#[test]
fn buildah_builds_the_images_around_the_binary() {
    let Some(tools) = bench::tools(&["buildah", "kubectl"]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let context = folder.path().join("context");
    fs::create_dir(&context).unwrap();
    fs::copy(stand_in(folder.path(), TARGETS[0]), context.join("regcred")).unwrap();
    fs::copy(root().join("tests/certificates/registries-authority.pem"), context.join("authorities")).unwrap();
    fs::copy(tools.join("kubectl"), context.join("kubectl")).unwrap();
    let buildah = |arguments: &[&str]| {
        let store = ["--root", "--runroot"].into_iter().zip([folder.path().join("images"), folder.path().join("run")]);
        let mut program = program(tools.join("buildah").to_str().unwrap()).arguments(["--storage-driver", "vfs"]);
        for (flag, path) in store {
            program = program.arguments([flag]).arguments([path]);
        }
        program.arguments(arguments).run().succeeded()
    };
    let build = |name: &str, dockerfile: &str, more: &[&str]| {
        let file = context.join(format!("{name}.Dockerfile"));
        bench::write(&file, dockerfile);
        let image = format!("localhost/{name}");
        let arguments = ["bud", "--quiet", "--isolation", "chroot", "--tag", &image, "--file", file.to_str().unwrap()];
        buildah(&[&arguments, more, &[context.to_str().unwrap()]].concat());
        buildah(&["from", &image]).trim_end().to_owned()
    };
    // The compiler's image and the others come from registries. Here, images with only the copied files replace them. The stages around
    // them are built unchanged.
    build("kubectl", "FROM scratch\nCOPY kubectl /bin/kubectl\n", &[]);
    let text = dockerfile();
    let (_, after) = text.split_once("\nFROM ${KUBECTL_IMAGE}").unwrap();
    let text = format!(
        "ARG SHELL_IMAGE\nARG KUBECTL_IMAGE\nFROM scratch AS build\nCOPY regcred /out/regcred\n\
         COPY authorities /etc/ssl/certs/ca-certificates.crt\nFROM ${{KUBECTL_IMAGE}}{after}"
    );
    let images = ["--build-arg", "KUBECTL_IMAGE=localhost/kubectl", "--build-arg", "SHELL_IMAGE=localhost/kubectl"];
    let small = build("small", &text, &[&images[..], &["--target", "regcred"]].concat());
    let jobs = build("jobs", &text, &images);
    let run = |container: &str, arguments: &[&str]| {
        buildah(&[&["run", "--isolation", "chroot", container, "--"], arguments].concat())
    };
    let version = concat!("regcred ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(run(&small, &["/usr/local/bin/regcred", "--version"]), version);
    assert_eq!(run(&jobs, &["regcred", "--version"]), version);
    assert!(run(&jobs, &["kubectl", "version", "--client"]).starts_with("Client Version: "));
    // A user's own image, built from ours as in docs/ci.md.
    assert!(text.contains("COPY --from=build") && dockerfile().contains("/buildpack-deps:bookworm-scm@"), "it has git");
    let page = fs::read_to_string(root().join("docs/ci.md")).unwrap();
    let (_, own) = page.split_once("```text\nFROM ").unwrap();
    let (own, _) = own.split_once("```").unwrap();
    buildah(&["tag", "localhost/small", "registry.example.com/tools/regcred:0.1.0"]);
    buildah(&["tag", "localhost/kubectl", "registry.example.com/base/git:1"]);
    let own = build("own", &format!("FROM {own}"), &["--pull-never"]);
    assert_eq!(run(&own, &["/usr/local/bin/regcred", "--version"]), version);
    let mount = buildah(&["mount", &small]);
    let files = program("find").arguments([mount.trim_end(), "-type", "f", "-printf", "%P %m\n"]).run().succeeded();
    buildah(&["umount", &small]);
    for file in ["usr/local/bin/regcred 755", "etc/ssl/certs/ca-certificates.crt 644"] {
        assert!(files.lines().any(|line| line == file), "{files}");
    }

    // One image for both architectures, as docs/ci.md builds it.
    assert!(page.contains("--platform linux/amd64,linux/arm64 --target regcred"));
    for (target, architecture) in TARGETS.into_iter().zip(ARCHITECTURES) {
        fs::copy(stand_in(folder.path(), target), context.join(format!("regcred-{architecture}"))).unwrap();
    }
    let file = context.join("both.Dockerfile");
    let of_each = "ARG TARGETARCH\nCOPY regcred-$TARGETARCH /out/regcred\n";
    bench::write(&file, &text.replace("COPY regcred /out/regcred\n", of_each));
    let build =
        ["bud", "--quiet", "--isolation", "chroot", "--platform", "linux/amd64,linux/arm64", "--target", "regcred"];
    let more = ["--manifest", "localhost/both", "--file", file.to_str().unwrap(), context.to_str().unwrap()];
    buildah(&[&build[..], &images, &more].concat());
    let index: Value = serde_json::from_str(&buildah(&["manifest", "inspect", "localhost/both"])).unwrap();
    let platform = |one: &Value| one["platform"]["architecture"].as_str().unwrap().to_owned();
    assert_eq!(
        index["manifests"].as_array().unwrap().iter().map(platform).collect::<BTreeSet<_>>(),
        ARCHITECTURES.map(str::to_owned).into()
    );
}
