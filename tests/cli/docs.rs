//! Compares the documentation with the code: generated tables, and the codes of all problems.
//!
//! `REGCRED_UPDATE_DOCS=1 cargo test --test cli docs` rewrites the tables.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use regcred::cli::Arguments;
use regcred::internals::file;
use regcred_core::credentials::presets::{Host, PRESETS, UserName};
use regcred_core::diagnostic::Code;
use regcred_core::explain::Cause;
use regcred_core::objects::marks::{Role, annotations};
use regcred_core::spec::choice::{Choice, Profile};
use regcred_core::spec::template::BUILT_IN;

use crate::harness::regcred::regcred;
use crate::tables;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[expect(clippy::disallowed_methods, reason = "the variable says whether to rewrite the pages")]
fn updates() -> bool {
    std::env::var_os("REGCRED_UPDATE_DOCS").is_some()
}

/// Compares the text between `<!-- NAME -->` and `<!-- end -->` in a page with the text from the code.
#[expect(clippy::disallowed_methods, reason = "the variable says whether to rewrite the table")]
fn compare(page: &str, name: &str, table: &str) {
    let path = root().join("docs").join(page);
    let text = fs::read_to_string(&path).unwrap();
    let (head, rest) = text.split_once(&format!("<!-- {name} -->\n")).unwrap();
    let (found, tail) = rest.split_once("<!-- end -->\n").unwrap();
    if updates() {
        fs::write(path, format!("{head}<!-- {name} -->\n{table}<!-- end -->\n{tail}")).unwrap();
    } else {
        assert_eq!(found, table, "{page}: rewrite it with REGCRED_UPDATE_DOCS=1 cargo test --test cli docs");
    }
}

fn code(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[test]
fn the_table_of_combinations_is_that_of_the_code() {
    compare("choosing.md", "combinations", &tables::combinations());
    compare("choosing.md", "protections", &tables::protections());
    compare("choosing.md", "options", &tables::options());
}

#[test]
fn the_table_of_generators_is_that_of_the_code() {
    compare("external.md", "generators", &tables::generators());
}

#[test]
fn the_table_of_presets_is_that_of_the_code() {
    let mut rows =
        vec!["| preset | host | user name | password | the user name is |\n|---|---|---|---|---|\n".to_owned()];
    for preset in PRESETS {
        let host = match preset.host {
            Host::Fixed(host) => format!("`{host}`"),
            Host::Needed(names, _) => format!("in {}", code(names)),
            Host::Optional(names, host) => format!("in {}, else `{host}`", code(names)),
        };
        let username = match preset.username {
            UserName::Fixed(name) => format!("`{name}`"),
            UserName::Variable(names) => format!("in {}", code(names)),
        };
        let password = code(preset.password);
        rows.push(format!("| `{}` | {host} | {username} | in {password} | {} |\n", preset.name, preset.rule));
    }
    compare("logins.md", "presets", &rows.concat());
}

#[test]
fn the_table_of_causes_is_that_of_the_code() {
    let head = "| cause | what is wrong | what to do |\n|---|---|---|\n".to_owned();
    let row = |cause: &Cause| format!("| `{}` | {} | {} |\n", cause.word(), cause.sentence(), cause.remedy());
    let rows: Vec<_> = std::iter::once(head).chain(Cause::ALL.iter().map(row)).collect();
    compare("explain.md", "causes", &rows.concat());
}

/// Why an object with this role has the annotation.
fn reason(annotation: &str, value: &str, role: Role) -> &'static str {
    match (annotation, value, role) {
        ("argocd.argoproj.io/sync-wave", "-1", _) => {
            "before the workloads: Argo CD applies kinds it does not know last"
        }
        ("argocd.argoproj.io/sync-wave", _, Role::Definition) => "before the resources of its kind",
        ("argocd.argoproj.io/sync-wave", ..) => "before everything that is in it",
        (.., Role::CustomResource) => "its kind may be defined in the same sync, by another Application's chart",
        (.., Role::Definition) => {
            "all controllers of a cluster share it, and its deletion would delete the resources of all: it stays"
        }
        ("argocd.argoproj.io/sync-options", ..) => {
            "it is not ours: it stays when it leaves the repository or the Application goes, and only our fields are applied"
        }
        ("helm.sh/resource-policy", ..) => "it is not ours: it stays when the release is uninstalled",
        _ => "it is not ours: it stays when it leaves the repository",
    }
}

#[test]
fn each_profile_has_a_page_with_every_annotation_and_its_reason() {
    let roles = [
        (Role::Namespace, "Namespace"),
        (Role::Definition, "CustomResourceDefinition"),
        (Role::LinkedServiceAccount, "linked ServiceAccount"),
        (Role::Policy, "admission policy"),
        (Role::CustomResource, "SealedSecret or ExternalSecret"),
        (Role::Owned, "Secret, and whatever else is ours"),
    ];
    for profile in Profile::ALL {
        let mut rows = vec!["| on a | annotation | value | why |\n|---|---|---|---|\n".to_owned()];
        for (role, name) in roles {
            let annotations = annotations(Some(*profile), role);
            rows.extend(annotations.iter().map(|(annotation, value)| {
                let reason = reason(annotation, value, role);
                format!("| {name} | `{annotation}` | `{value}` | {reason} |\n")
            }));
            if annotations.is_empty() {
                rows.push(format!("| {name} | none | | nothing is needed |\n"));
            }
        }
        compare(&format!("profile-{profile}.md"), "annotations", &rows.concat());
    }
}

#[test]
fn every_code_of_a_problem_is_documented_and_no_other() {
    let page = fs::read_to_string(root().join("docs/verify.md")).unwrap();
    let (_, rest) = page.split_once("<!-- codes -->\n").unwrap();
    let (table, _) = rest.split_once("<!-- end -->").unwrap();
    let rows: Vec<_> = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    assert!(rows.is_sorted_by(|one, other| one < other), "the codes are sorted, each once");
    let documented: BTreeSet<_> = rows.into_iter().collect();
    let codes: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    let missing: Vec<_> = codes.difference(&documented).collect();
    let gone: Vec<_> = documented.difference(&codes).collect();
    assert!(missing.is_empty() && gone.is_empty(), "not documented: {missing:?}; no longer there: {gone:?}");
}

/// README, CHANGELOG, SECURITY, every page in `docs` and the READMEs of the examples, with their paths.
fn pages() -> Vec<(PathBuf, String)> {
    let entries = |folder: &Path| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let mut paths = ["README.md", "CHANGELOG.md", "SECURITY.md"].map(|name| root().join(name)).to_vec();
    paths.extend(entries(&root().join("docs")));
    for kind in ["helmfile-examples", "gitlab-ci-examples", "gitops-examples"] {
        let folders = entries(&root().join(kind)).into_iter().chain([root().join(kind)]);
        paths.extend(folders.map(|folder| folder.join("README.md")).filter(|path| path.exists()));
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn the_first_screen_of_the_readme_stays_short() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    assert!(readme.lines().count() <= 160);
    let first_output = readme.lines().position(|line| line == "```console").unwrap();
    assert!(first_output < 20, "the first real output begins at line {first_output}");
}

/// The anchors of a page, as GitHub and GitLab derive them from its headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let prose = text.split("```").step_by(2).flat_map(str::lines);
    let headings = prose.filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let letter = |letter: char| match letter {
        ' ' => Some('-'),
        _ if letter.is_alphanumeric() || "-_".contains(letter) => letter.to_lowercase().next(),
        _ => None,
    };
    headings.map(|heading| heading.chars().filter_map(letter).collect()).collect()
}

#[test]
fn every_link_between_the_pages_leads_somewhere() {
    for (page, text) in pages() {
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (target, anchor) = link.split_once('#').unwrap_or((link, ""));
            if target.contains("://") {
                continue;
            }
            let target = if target.is_empty() { page.clone() } else { page.parent().unwrap().join(target) };
            assert!(target.exists(), "{}: {link}", page.display());
            let leads = anchor.is_empty() || anchors(&fs::read_to_string(&target).unwrap()).contains(anchor);
            assert!(leads, "{}: no heading for {link}", page.display());
        }
    }
}

/// Flags of the programs that read our output through a pipe.
const FLAGS_OF_OTHERS: &[&str] = &[
    "--admission-control-config-file",
    "--no-default-features",
    "--body-file",
    "--file",
    "--features",
    "--test",
    "--nocapture",
    "--create-if-none",
    "--edit-last",
    "--repo",
    "--all-namespaces",
    "--as",
    "--as-group",
    "--decode",
    "--dry-run",
    "--cached",
    "--create-namespace",
    "--clusterrole",
    "--docker-password",
    "--docker-server",
    "--docker-username",
    "--enable-alpha-plugins",
    "--enable-exec",
    "--encrypted-regex",
    "--environment",
    "--exec",
    "--field-manager",
    "--field-selector",
    "--file",
    "--filename-override",
    "--fn-config",
    "--for",
    "--from",
    "--force-conflicts",
    "--from-file",
    "--hard",
    "--history-max",
    "--ignore-not-found",
    "--install",
    "--kube-version",
    "--locked",
    "--merge",
    "--message",
    "--namespace",
    "--ours",
    "--overrides",
    "--path",
    "--post-renderer",
    "--post-renderer-args",
    "--quiet",
    "--recursive",
    "--resource",
    "--role",
    "--server-side",
    "--serviceaccount",
    "--show-managed-fields",
    "--strict",
    "--strip-components",
    "--suppress-secrets",
    "--tag",
    "--take-ownership",
    "--target",
    "--test",
    "--theirs",
    "--type",
    "--user",
    "--values",
    "--verb",
    "--wait",
    "--platform",
    "--push",
    "--local",
    "--server",
    "--minify",
    "--flatten",
    "--embed-certs",
    "--certificate-authority",
    "--token",
];

/// The flags in a text: `--` and lower-case words.
fn flags(text: &str) -> BTreeSet<String> {
    text.match_indices("--")
        .filter(|(at, _)| text[..*at].ends_with([' ', '`', '"', '\n']))
        .map(|(at, _)| text[at..].chars().take_while(|letter| letter.is_ascii_lowercase() || *letter == '-').collect())
        .filter(|flag: &String| flag.starts_with("--") && flag.len() > 2 && !flag.starts_with("---"))
        .collect()
}

#[test]
fn every_flag_is_documented_and_every_documented_flag_is_one() {
    let mut command = Arguments::command();
    command.build();
    let ours: BTreeSet<String> = std::iter::once(&command)
        .chain(command.get_subcommands())
        .flat_map(clap::Command::get_arguments)
        .filter_map(|argument| argument.get_long().map(|long| format!("--{long}")))
        .collect();
    let mut documented = BTreeSet::new();
    for (page, text) in pages() {
        for flag in flags(&text) {
            let known = ours.contains(&flag) || FLAGS_OF_OTHERS.contains(&flag.as_str());
            assert!(known, "{}: {flag} is no flag", page.display());
            documented.insert(flag);
        }
    }
    let missing: Vec<_> =
        ours.difference(&documented).filter(|flag| *flag != "--help" && *flag != "--version").collect();
    assert!(missing.is_empty(), "not documented: {missing:?}");
}

#[test]
fn every_template_is_documented_and_no_other() {
    let page = fs::read_to_string(root().join("docs/templates.md")).unwrap();
    let documented: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    assert_eq!(documented, BUILT_IN);
}

#[expect(clippy::disallowed_methods, reason = "rewrites the schema if asked")]
#[test]
fn the_schema_of_regcred_yaml_is_that_of_the_code() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_regcred")).arg("schema").output().unwrap();
    let (schema, path) = (String::from_utf8(output.stdout).unwrap(), root().join("docs/regcred.schema.json"));
    if updates() {
        fs::write(path, schema).unwrap();
    } else {
        assert_eq!(
            fs::read_to_string(path).unwrap(),
            schema,
            "rewrite it with REGCRED_UPDATE_DOCS=1 cargo test --test cli docs"
        );
    }
}

/// The blocks of a page that are YAML.
fn yaml_blocks(text: &str) -> impl Iterator<Item = &str> {
    text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next())
}

#[test]
fn every_regcred_yaml_in_the_pages_is_whole_and_renders() {
    let mut found = 0;
    for (page, text) in pages() {
        let page = page.display();
        for block in yaml_blocks(&text) {
            if !block.contains("kind: RegistryCredentials") {
                assert!(!block.contains("logins:") && !block.contains("pullSecrets:"), "{page}: not whole: {block}");
                continue;
            }
            // No other command reads the file of the controller; a unit test of the controller reads these blocks.
            if block.contains("{secret:") {
                continue;
            }
            found += 1;
            renders(block, &page.to_string());
        }
    }
    assert!(found >= 4, "{found}");
}

/// Sets every variable that the file reads, and renders it.
fn renders(block: &str, page: &str) {
    let folder = tempfile::tempdir().unwrap();
    #[expect(clippy::disallowed_methods, reason = "a fixture")]
    fs::write(folder.path().join("regcred.yaml"), block).unwrap();
    for certificate in block.split("certificate: ").skip(1).filter_map(|rest| rest.split(['}', ',', '\n']).next()) {
        let path = folder.path().join(certificate);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(root().join("tests/certificates/rsa-2048.pem"), path).unwrap();
    }
    // A glob chooses from a list.
    let is_chosen =
        block.contains('*') && !block.contains("strategy: patcher") && !block.contains("strategy: controller");
    #[expect(clippy::disallowed_methods, reason = "a fixture")]
    fs::write(folder.path().join("list"), "team-a\nshop-a\nshop-tmp\n").unwrap();
    let namespaces: &[&str] = if is_chosen { &["--namespaces-from", "list"] } else { &[] };
    let list = [&["verify", "--list", "--format", "json"], namespaces].concat();
    let list = regcred(folder.path(), &[], &list);
    assert!(list.status.success(), "{page}: {}", String::from_utf8_lossy(&list.stderr));
    let list: serde_json::Value = serde_json::from_slice(&list.stdout).unwrap();
    let variables: Vec<(&str, &str)> = list["variables"]
        .as_array()
        .unwrap()
        .iter()
        .map(|variable| {
            let value = match variable["purpose"].as_str().unwrap() {
                purpose if purpose.contains("Docker config") => r#"{"auths":{"docker.io":{"auth":"dTpw"}}}"#,
                purpose if purpose.contains("host") => "registry.example.com",
                _ => "x",
            };
            (variable["name"].as_str().unwrap(), value)
        })
        .collect();
    let arguments = [&["render", "--output", "out"], namespaces].concat();
    let output = regcred(folder.path(), &variables, &arguments);
    assert!(output.status.success(), "{page}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_example_of_regcred_yaml_is_one() {
    let page = fs::read_to_string(root().join("docs/regcred-yaml.md")).unwrap();
    let (_, rest) = page.split_once("```yaml\n").unwrap();
    let (example, _) = rest.split_once("```\n").unwrap();
    let file = file::parse(example).unwrap();
    assert_eq!(file.spec.pull_secrets.len(), 2);
}

#[test]
fn every_figure_that_is_asked_for_is_there() {
    let page = fs::read_to_string(root().join("docs/performance.md")).unwrap();
    for (table, rows) in [
        ("render", ["| 10 |", "| 1,000 |", "| 10,000 |", "| 100,000 |"].as_slice()),
        ("inject", &["| 10.5 MB |"]),
        ("sops", &["| 1 |", "| 100 |"]),
        ("sealed", &["| 1 |", "| 100 |", "| 1,000 |", "| 10,000 |"]),
        ("fleet", &["| 1,000 |"]),
        ("rerun", &["| 10,000 |"]),
        (
            "apply",
            &["| 1,000 | nothing is there | the writes alone |", "| 1,000 | difference | kubectl diff --server-side |"],
        ),
        (
            "controller",
            &[
                "| all served, from the start of the program |",
                "| all rotated, from the first write |",
                "| memory, at its peak and now |",
            ],
        ),
        (
            "torture",
            &[
                "| kill -9 four times while all are served |",
                "| 6000 new namespaces in 60 s",
                "| tokens asked for | 0 |",
            ],
        ),
    ] {
        let (_, rest) = page.split_once(&format!("<!-- {table} -->\n")).unwrap();
        let (found, _) = rest.split_once("<!-- end -->").unwrap();
        assert!(rows.iter().all(|row| found.contains(&format!("\n{row}"))), "{table}: {found}");
    }
}

#[test]
fn the_plugin_for_helm_has_the_version_of_the_program() {
    let plugin = fs::read_to_string(root().join("helm-plugin/plugin.yaml")).unwrap();
    assert!(plugin.contains(concat!("\nversion: ", env!("CARGO_PKG_VERSION"), "\n")), "{plugin}");
}

#[test]
fn every_file_that_contributing_names_is_there() {
    let text = fs::read_to_string(root().join("CONTRIBUTING.md")).unwrap();
    let words = text.split('`').skip(1).step_by(2);
    let paths = words.filter(|word| {
        ["src/", "crates/", "templates/", "tests/", "docs/"].iter().any(|folder| word.starts_with(folder))
    });
    let paths: Vec<_> = paths.filter(|word| !word.contains([' ', '*'])).collect();
    assert!(paths.len() > 15, "{paths:?}");
    for path in paths {
        assert!(root().join(path).exists(), "CONTRIBUTING.md names {path}");
    }
}
