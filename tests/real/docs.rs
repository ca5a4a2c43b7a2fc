//! Runs every command in README, the pages of `docs/` and the READMEs of the examples with the real tools.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::bench::{self, Bench, Program};
use crate::harness::console;
use crate::harness::sealed_secrets::Controller;

/// A page with commands, the tools that it needs, and the setup that it assumes. With `kubectl` it gets a cluster.
type Page = (&'static str, &'static [&'static str], &'static str);

/// The setup that every page assumes: a login, unless the page sets one itself.
const LOGIN: &str = r#"export DOCKERHUB_AUTH='{"auths":{"ghcr.io":{"username":"acme-bot","password":"example"}}}'"#;
/// The Sealed Secrets controller, running in the cluster.
const CONTROLLER: &str = "sealed-secrets-controller";

/// A namespace for each of the other tools, in the state that the tool leaves, and the patcher itself.
const OTHERS: &str = r#"
cp -R $REPOSITORY/helmfile-examples/charts/pull-secret .
for namespace in shop billing mail search imagepullsecret-patcher; do
    kubectl create namespace $namespace
    kubectl wait serviceaccount default -n $namespace --for=create
done
copy() { kubectl create secret docker-registry $2 -n $1 --docker-username=acme-bot --docker-password=old; }
link() { kubectl patch serviceaccount default -n $1 -p "imagePullSecrets: [{name: $2}]"; }
copy shop image-pull-secret; link shop image-pull-secret
copy billing hub-registrycreds; link billing hub-registrycreds
copy mail reflected
kubectl create deployment imagepullsecret-patcher -n imagepullsecret-patcher --image=quay.io/titansoft/imagepullsecret-patcher:v0.14
"#;

/// First the pages that use only their own namespaces.
const PAGES: &[Page] = &[
    ("gitops-examples/argocd-sealed/README.md", &["kubectl", CONTROLLER], ""),
    ("gitops-examples/external-secrets/README.md", &[], "unset DOCKERHUB_AUTH"),
    (
        "gitops-examples/flux-sops/README.md",
        &["kubectl", "age-keygen", "sops"],
        "kubectl create namespace flux-system
        age-keygen -o prod-us.agekey; sed -i \"s/age1-public-key-of-prod-us/$(age-keygen -y prod-us.agekey)/\" .sops.yaml",
    ),
    ("helmfile-examples/1-checked-value/README.md", &["kubectl", "helm", "helmfile"], ""),
    ("helmfile-examples/2-prepare-hook/README.md", &["kubectl", "helm", "helmfile"], ""),
    ("helmfile-examples/3-values-file/README.md", &["kubectl", "helm", "helmfile"], ""),
    ("helmfile-examples/4-environments/README.md", &["kubectl", "helm", "helmfile"], ""),
    ("helmfile-examples/5-needs/README.md", &["kubectl", "helm", "helmfile"], ""),
    ("helmfile-examples/6-sops/README.md", &["kubectl", "helm", "helmfile", "sops", "age-keygen"], ""),
    ("helmfile-examples/7-every-namespace/README.md", &["kubectl", "helm", "helmfile"], ""),
    // `regcred` is installed: it is the tested program.
    ("README.md", &["kubectl", CONTROLLER], "unset DOCKERHUB_AUTH; cargo() { :; }"),
    ("docs/argocd.md", &[], ""),
    ("docs/cluster.md", &["kubectl"], ""),
    (
        "docs/coming-from.md",
        &["kubectl", "helm", "helmfile"],
        OTHERS,
    ),
    (
        "docs/controller.md",
        &["kubectl"],
        "kubectl create namespace team-a; kubectl wait serviceaccount default -n team-a --for=create
        regcred render --strategy controller --namespaces 'team-*' --controller-image registry.example.com/regcred:0.1.0 \\
          | kubectl apply --server-side --field-manager=regcred-image-pull-secret -f -",
    ),
    (
        "docs/fleet.md",
        &["kubectl", CONTROLLER],
        "mkdir certs; cp $REPOSITORY/tests/certificates/rsa-2048.pem certs/prod-us.pem; cp $REPOSITORY/tests/certificates/rsa-4096.pem certs/lab.pem
        export GHCR_TOKEN=example REGCRED_FINGERPRINT_KEY=$(openssl rand -hex 32)",
    ),
    ("docs/flux.md", &["kustomize"], ""),
    ("docs/gitlab.md", &["kubectl"], "unset DOCKERHUB_AUTH"),
    ("docs/helm.md", &["kubectl", "helm"], ""),
    ("docs/helmfile.md", &["helm", "helmfile"], ""),
    (
        "docs/inject.md",
        &["kubectl", "helm", "helmfile", "kustomize"],
        "kubectl create namespace shop; kubectl create namespace web
        cp -R $REPOSITORY/helm-plugin $REPOSITORY/helmfile-examples/charts/workload . && mv workload chart
        sed -i 's/^imagePullSecrets:/imagePullSecrets: []/; /image-pull-secret/d' chart/values.yaml
        helm template shop ./chart > workloads.yaml",
    ),
    (
        "docs/krm.md",
        &["kubectl", "kustomize", "kpt"],
        "git init --quiet; mkdir package; kubectl create namespace team-a -o yaml --dry-run=client | tee namespaces.yaml > package/namespaces.yaml
        kubectl create namespace team-b; kubectl create configmap workloads -n team-a -o yaml --dry-run=client > workloads.yaml",
    ),
    ("docs/kubectl.md", &["kubectl"], ""),
    ("docs/patcher.md", &["kubectl", "helm"], "cp -R $REPOSITORY/tests/charts/empathyco imagepullsecret-patcher"),
    ("docs/profile-flux.md", &["kubectl", "age-keygen"], "kubectl create namespace flux-system"),
    ("docs/sealed.md", &["kubectl", CONTROLLER], "export REGCRED_FINGERPRINT_KEY=$(openssl rand -hex 32)"),
    ("docs/serve-every-namespace.md", &["kubectl"], "mkdir certs; cp $REPOSITORY/tests/certificates/rsa-2048.pem certs/prod.pem"),
    (
        "docs/service-accounts.md",
        &["kubectl"],
        "kubectl create namespace team-a; kubectl wait serviceaccount default -n team-a --for=create
        kubectl patch serviceaccount default -n team-a -p 'imagePullSecrets: [{name: theirs}]'",
    ),
    ("docs/sops.md", &["sops"], ""),
    (
        "docs/status.md",
        &["kubectl"],
        r#"for namespace in shop billing; do
            kubectl create namespace $namespace; kubectl wait serviceaccount default -n $namespace --for=create
        done
        kubectl run api -n billing --image=ghcr.io/acme/api:1.4
        said='Back-off pulling image \"ghcr.io/acme/api:1.4\": ErrImagePull: failed to authorize: 401 Unauthorized'
        waiting="{\"reason\": \"ImagePullBackOff\", \"message\": \"$said\"}"
        kubectl patch pod api -n billing --subresource=status -p "{\"status\": {\"containerStatuses\": [{\"name\": \"api\", \"image\": \"ghcr.io/acme/api:1.4\",
            \"imageID\": \"\", \"ready\": false, \"restartCount\": 0, \"state\": {\"waiting\": $waiting}}]}}"
        regcred apply -n shop"#,
    ),
    (
        "docs/titansoft.md",
        &["kubectl"],
        "kubectl create namespace imagepullsecret-patcher
        kubectl create serviceaccount imagepullsecret-patcher -n imagepullsecret-patcher
        kubectl create clusterrole imagepullsecret-patcher --verb=* --resource=secrets,serviceaccounts
        kubectl create clusterrolebinding imagepullsecret-patcher --clusterrole=imagepullsecret-patcher \
          --serviceaccount=imagepullsecret-patcher:imagepullsecret-patcher
        kubectl create deployment imagepullsecret-patcher -n imagepullsecret-patcher --image=quay.io/titansoft/imagepullsecret-patcher:v0.14",
    ),
    ("docs/static-policies.md", &[], ""),
    ("docs/trees.md", &[], ""),
    (
        "docs/troubleshooting.md",
        &["kubectl", "helm", "kustomize", "sops"],
        "cp -R $REPOSITORY/gitops-examples/external-secrets external",
    ),
];

/// The `sh` blocks that are not run, by their beginning, and the reason.
const NOT_RUN: &[(&str, &str)] = &[
    ("helm upgrade --install shop ./chart --post-renderer regcred \\", "Helm 3, which `tests/real/inject.rs` runs"),
    ("docker build", "there is no registry of images to build from"),
    (
        "kubectl apply --server-side --field-manager=platform",
        "`tests/real/monitoring.rs` applies both, where the kinds are known",
    ),
    ("minisign -V", "`tests/real/release.rs` runs it, with its own key"),
    ("curl -fsSLO \"$DOWNLOADS", "`tests/real/ci.rs` runs it, with an archive"),
];

/// Pages whose YAML other tests read: `tests/real/ci.rs`, and `tests/real/gitops.rs`.
const READ: &[&str] = &["docs/ci.md", "docs/profile-argocd.md"];

/// The cluster under the names that pages use for it.
const CONTEXTS: &str = "
for name in prod-eu prod-us staging; do kubectl config set-context $name --cluster=regcred --user=regcred-admin; done
";

/// Makes the cluster empty for a page of `docs`, because all pages use the same names. The cluster's own objects and the controller stay.
const EMPTY: &str = "
kubectl delete validatingadmissionpolicies,validatingadmissionpolicybindings,mutatingadmissionpolicies,mutatingadmissionpolicybindings --all
until number=$((number + 1)) && kubectl create namespace probe-$number && kubectl wait serviceaccount default -n probe-$number --for=create &&
  [ -z \"$(kubectl get serviceaccount default -n probe-$number -o jsonpath='{.imagePullSecrets}')\" ]; do [ $number -lt 30 ] || exit 1; done
kubectl get namespaces -o name | grep -vE '/(default|kube-.*)$' | xargs -r kubectl delete
kubectl delete clusterroles,clusterrolebindings -l app.kubernetes.io/managed-by
";

fn root() -> PathBuf {
    env!("CARGO_MANIFEST_DIR").into()
}

/// README, the pages, and the READMEs of the examples, by their paths; and all other files of the examples and of the cases of `tests/cmd`.
fn texts() -> (BTreeMap<String, String>, Vec<String>) {
    let (mut pages, mut sources) = (BTreeMap::new(), Vec::new());
    let mut left = ["README.md", "docs", "helmfile-examples", "gitlab-ci-examples", "gitops-examples", "tests/cmd"]
        .map(|name| root().join(name))
        .to_vec();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "md") {
            let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
            pages.insert(name, fs::read_to_string(path).unwrap());
        } else {
            sources.extend(fs::read_to_string(path));
        }
    }
    (pages, sources)
}

#[test]
fn every_block_of_every_page_is_run_or_is_read_by_another_test() {
    let (pages, sources) = texts();
    let run: BTreeSet<_> = PAGES.iter().map(|(page, ..)| *page).collect();
    let mut with_commands = BTreeSet::new();
    let mut not_run = BTreeSet::new();
    for (page, text) in &pages {
        for block in console::blocks(text) {
            let place = format!("{page}:{}", block.line);
            match block.language {
                "sh" if NOT_RUN.iter().any(|(beginning, _)| block.text.starts_with(beginning)) => {
                    not_run.extend(NOT_RUN.iter().filter(|(beginning, _)| block.text.starts_with(beginning)));
                }
                "console" | "sh" => _ = with_commands.insert(page.as_str()),
                "yaml" => {
                    let is_a_file = block.file().is_some() && run.contains(page.as_str());
                    let is_read = block.text.contains("kind: RegistryCredentials") || READ.contains(&page.as_str());
                    let is_copied = sources.iter().any(|source| source.contains(&block.text));
                    assert!(is_a_file || is_read || is_copied, "{place}: nothing reads this");
                }
                "text" | "json" | "groovy" => assert!(!block.text.contains("\n$ "), "{place}: these are commands"),
                language => panic!("{place}: what is `{language}`?"),
            }
        }
        let prose: Vec<_> = text.split("```").step_by(2).collect();
        assert!(!prose.iter().any(|text| text.contains("\n\n    ")), "{page}: a block of code has no language");
    }
    assert_eq!(with_commands, run);
    assert_eq!(not_run, NOT_RUN.iter().collect(), "and no more exceptions than blocks");
}

/// Compares with `…` for varying text: whether the text has these pieces, in this order, on one line.
fn says(output: &str, symptom: &str) -> bool {
    output.lines().any(|line| {
        let mut rest = line;
        symptom.split('…').all(|piece| {
            let found = rest.split_once(piece);
            rest = found.map_or("", |(_, rest)| rest);
            found.is_some()
        })
    })
}

#[test]
fn every_symptom_in_troubleshooting_is_one_that_a_command_of_that_page_shows() {
    let text = fs::read_to_string(root().join("docs/troubleshooting.md")).unwrap();
    let shown: String = console::blocks(&text).into_iter().map(|block| block.text).collect();
    let quoted =
        text.lines().filter(|line| line.starts_with("## ")).flat_map(|line| line.split('"').skip(1).step_by(2));
    let rows = text.lines().filter(|line| line.starts_with("| `") && !line.starts_with("| `kubectl` "));
    let rows = rows.filter_map(|line| line.split(" | ").next()).flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let symptoms: Vec<_> = quoted.chain(rows).collect();
    assert!(symptoms.len() > 10, "{symptoms:?}");
    for symptom in symptoms {
        assert!(says(&shown, symptom), "no command shows: {symptom}");
    }
}

/// Runs a page in a new folder; an example in a copy of all examples of its kind.
fn run(&(page, tools, granted): &Page) {
    let Some(folder_of_tools) = bench::tools(tools) else { return };
    let folder = tempfile::tempdir().unwrap();
    let sh = if tools.contains(&"kubectl") {
        let Some(bench) = Bench::with_a_cluster_of_its_own(tools) else { return };
        let empty = if page.starts_with("docs/") { EMPTY } else { "" };
        bench.program("sh").arguments(["-ec", &format!("{CONTEXTS}{empty}")]).run().succeeded();
        if tools.contains(&CONTROLLER) {
            bench.controller.get_or_init(|| Controller::start(bench, "kube-system", CONTROLLER));
        }
        bench.program("sh")
    } else {
        let own = Path::new(env!("CARGO_BIN_EXE_regcred")).parent().unwrap();
        let path = format!("{}:{}:/usr/local/bin:/usr/bin:/bin", own.display(), folder_of_tools.display());
        Program::new(Path::new("/bin/sh")).variable("PATH", path)
    };
    let sh = sh.directory(folder.path()).variable("HOME", folder.path()).variable("REPOSITORY", root());
    let sh = sh.variable("HELMFILE_UPGRADE_NOTICE_DISABLED", "1").variable("SOPS_DISABLE_VERSION_CHECK", "1");
    let granted = match page.split_once("-examples/") {
        Some((kind, _)) => {
            let example = page.strip_suffix("/README.md").unwrap();
            format!("{LOGIN}\ncp -R \"$REPOSITORY/{kind}-examples\" .\ncd {example}\n{granted}")
        }
        None => format!("{LOGIN}\n{granted}"),
    };
    let not_run: Vec<_> = NOT_RUN.iter().map(|(beginning, _)| *beginning).collect();
    console::compare(&root().join(page), &granted, &not_run, |script| sh.arguments(["-c", script]).run().stdout);
}

#[test]
fn the_pages_that_need_no_cluster_say_what_comes_out() {
    PAGES.iter().filter(|(_, tools, _)| !tools.contains(&"kubectl")).for_each(run);
}

#[test]
fn the_pages_for_a_cluster_say_what_comes_out() {
    PAGES.iter().filter(|(_, tools, _)| tools.contains(&"kubectl")).for_each(run);
}
