//! What a release is made of: the archives of `tests/release`, and the images of the Dockerfile, from a stand-in for the binary.

#![cfg(test)]

#[cfg(test)]
#[expect(dead_code, reason = "nothing here reads its stdin")]
#[path = "bench/program.rs"]
mod program;

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use program::Program;
use tempfile::TempDir;

const TARGET: &str = "x86_64-unknown-linux-musl";
const PATH: &str = env!("PATH");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[expect(clippy::disallowed_methods, reason = "whole or not at all does not matter to a test")]
fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
}

fn program(name: &str) -> Program {
    let home = std::env::home_dir().unwrap();
    Program::new(Path::new(name)).directory(root()).variable("PATH", PATH).variable("HOME", home)
}

fn release(arguments: &[&str]) -> Program {
    program("tests/release").arguments(arguments)
}

/// Said on stderr, and not by `eprintln`, which is captured.
fn skip(why: &str) {
    writeln!(io::stderr(), "SKIPPED: {why}").unwrap();
}

/// A static program that knows its version and nothing else; none where Rust's library for the target is not installed.
fn stand_in(folder: &Path) -> Option<PathBuf> {
    let library = program("rustc").arguments(["--print", "target-libdir", "--target", TARGET]).run().succeeded();
    if !Path::new(library.trim_end()).exists() {
        skip(&format!("Rust's library for {TARGET} is not installed: run  rustup target add {TARGET}"));
        return None;
    }
    let (source, binary) = (folder.join("main.rs"), folder.join("regcred"));
    write(&source, concat!("fn main() { println!(\"regcred ", env!("CARGO_PKG_VERSION"), "\"); }"));
    let rustc = program("rustc").arguments(["--target", TARGET, "-C", "strip=symbols", "-o"]);
    rustc.arguments([&binary, &source]).run().succeeded();
    Some(binary)
}

fn packed(binary: &Path, umask: &str) -> (TempDir, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let script = format!("umask {umask}; exec tests/release --pack {TARGET} \"$0\" \"$1\"");
    program("sh").arguments(["-c", &script]).arguments([binary, folder.path()]).run().succeeded();
    let name = format!("regcred-{}-{TARGET}.tar.gz", env!("CARGO_PKG_VERSION"));
    let archive = fs::read(folder.path().join(name)).unwrap();
    (folder, archive)
}

#[test]
fn the_same_binary_gives_the_same_archive_whenever_and_by_whomever_it_is_packed() {
    let folder = tempfile::tempdir().unwrap();
    let Some(binary) = stand_in(folder.path()) else { return };
    let (first, bytes) = packed(&binary, "022");
    program("touch").arguments(["-d", "2001-01-01"]).arguments([&binary]).run().succeeded();
    assert!(bytes == packed(&binary, "077").1, "the archives differ");

    let archive = fs::read_dir(first.path()).unwrap().next().unwrap().unwrap().path();
    let list = program("tar").arguments(["--utc", "-tvzf"]).arguments([archive]).run().succeeded();
    let folder = format!("regcred-{}-{TARGET}/", env!("CARGO_PKG_VERSION"));
    let rows: Vec<_> = list
        .lines()
        .map(|line| {
            let mut words = line.split_whitespace();
            let (mode, owner) = (words.next().unwrap(), words.next().unwrap());
            let path = line.rsplit(' ').next().unwrap();
            assert!(owner == "0/0" && line.contains(" 2020-01-01 00:00 "), "{line}");
            (mode, path.strip_prefix(&folder).unwrap())
        })
        .collect();
    let plain = "-rw-r--r--";
    let files = [(plain, "CHANGELOG.md"), (plain, "LICENSE"), (plain, "README.md"), ("-rwxr-xr-x", "regcred")];
    assert_eq!(rows[0].1, "");
    assert_eq!(rows[1..], files);
}

#[test]
fn a_binary_that_needs_something_of_the_machine_or_is_for_another_is_no_release() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().to_str().unwrap();
    // What cargo built for the tests asks for a dynamic linker.
    let seen = release(&["--pack", TARGET, env!("CARGO_BIN_EXE_regcred"), output]).run().failed();
    assert!(seen.contains("is no static binary for x86_64-unknown-linux-musl"), "{seen}");
    let Some(binary) = stand_in(folder.path()) else { return };
    let arguments = ["--pack", "aarch64-unknown-linux-musl", binary.to_str().unwrap(), output];
    let seen = release(&arguments).run().failed();
    assert!(seen.contains("is no static binary for aarch64-unknown-linux-musl"), "{seen}");
}

#[test]
fn what_is_missing_is_said_before_anything_is_built() {
    let seen = release(&["sparc-unknown-linux-gnu"]).run().failed();
    assert!(seen.contains("there is no release for 'sparc-unknown-linux-gnu'; there are: x86_64"), "{seen}");
    // A Rust without the target.
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("rustc"), "#!/bin/sh\necho /nowhere\n");
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
fn the_images_run_as_a_user_by_number_and_the_small_one_holds_the_binary_only() {
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
    assert_eq!(copies, ["COPY --from=build /out/regcred /usr/local/bin/regcred"]);
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

    // With these the package is whole: cargo finds its targets, and every file that the sources include is there.
    let folder = tempfile::tempdir().unwrap();
    for name in &copied {
        program("cp").arguments(["-R"]).arguments([root().join(name), folder.path().join(name)]).run().succeeded();
    }
    program("cargo").directory(folder.path()).arguments(["fetch", "--offline", "--locked"]).run().succeeded();
    let found = program("grep").directory(folder.path()).arguments(["-rEo", r#"include_(str|bytes)!\("[^"]*"#, "src"]);
    for line in found.run().succeeded().lines() {
        let (file, include) = line.split_once(':').unwrap();
        let included = folder.path().join(file).parent().unwrap().join(include.split('"').nth(1).unwrap());
        assert!(included.exists(), "{line}");
    }
}

#[test]
fn buildah_builds_the_images_around_the_binary() {
    let tools = program("tests/tools/path").run().succeeded();
    let tools = Path::new(tools.trim_end());
    let missing: Vec<_> = ["buildah", "kubectl"].into_iter().filter(|tool| !tools.join(tool).exists()).collect();
    if !missing.is_empty() {
        return skip(&format!("{} not in {}: run tests/tools/install", missing.join(", "), tools.display()));
    }
    let folder = tempfile::tempdir().unwrap();
    let context = folder.path().join("context");
    fs::create_dir(&context).unwrap();
    let Some(binary) = stand_in(folder.path()) else { return };
    fs::copy(&binary, context.join("regcred")).unwrap();
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
        write(&file, dockerfile);
        let image = format!("localhost/{name}");
        let arguments = ["bud", "--quiet", "--isolation", "chroot", "--tag", &image, "--file", file.to_str().unwrap()];
        buildah(&[&arguments, more, &[context.to_str().unwrap()]].concat());
        buildah(&["from", &image]).trim_end().to_owned()
    };
    // The compiler's image and the others come from registries: here their place is taken by images with just what is copied
    // out of them. The stages around them are built as they stand.
    build("kubectl", "FROM scratch\nCOPY kubectl /bin/kubectl\n", &[]);
    let text = dockerfile();
    let (_, after) = text.split_once("\nFROM ${KUBECTL_IMAGE}").unwrap();
    let text = format!(
        "ARG SHELL_IMAGE\nARG KUBECTL_IMAGE\nFROM scratch AS build\nCOPY regcred /out/regcred\nFROM ${{KUBECTL_IMAGE}}{after}"
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
    let mount = buildah(&["mount", &small]);
    let files = program("find").arguments([mount.trim_end(), "-type", "f", "-printf", "%P %m\n"]).run().succeeded();
    buildah(&["umount", &small]);
    assert!(files.lines().any(|line| line == "usr/local/bin/regcred 755"), "{files}");
}
