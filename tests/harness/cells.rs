//! Renders, validates and applies cells of the table of choices, reads them back, and applies them again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::Path;

use regcred_core::spec::choice::{Choice, Format, Link, Patcher, Profile, Protect, Strategy};
use regcred_core::spec::combination::Combination;
use serde_json::{Value, json};

use super::bench::{self, Bench, Program, difference, documents, fresh};
use super::schemas;

/// Logins for registries that no Pod uses: the policy of one test also acts on the Pods of other tests.
const LOGINS: (&str, &str) = (
    "DOCKERHUB_AUTH",
    r#"{"auths":{"one.test":{"auth":"YWNtZS1ib3Q6czNjcjN0"},"other.test":{"username":"acme-bot","password":"on"}}}"#,
);

/// The store of the external cells, which nobody reads.
const CONFIG: &str = r"apiVersion: regcred.dev/v1alpha1
kind: RegistryCredentials
metadata: {name: acme}
spec:
  pullSecrets:
  - name: SECRET
    external:
      store: {kind: ClusterSecretStore, name: vault}
      logins:
      - {registry: one.test, username: {value: acme-bot}, password: {key: one, property: token}}
      - registry: 123456789012.dkr.ecr.eu-west-1.amazonaws.com
        generator: {kind: ECRAuthorizationToken, name: ecr, spec: {region: eu-west-1}}
";

/// Fields that controllers may write, although nobody changed the object.
const CONTROLLED: [&str; 2] = ["Deployment", "ValidatingAdmissionPolicy"];

/// A cell, with the names that it uses.
#[derive(Clone)]
pub struct Cell {
    pub combination: Combination,
    patcher: Option<Patcher>,
    profile: Option<Profile>,
    /// The served namespaces; with a patcher or a controller, its own namespace.
    namespaces: Vec<String>,
    secret: String,
    more: Vec<String>,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.flags().join(" "))
    }
}

/// No profile, and each profile.
pub const PROFILES: [Option<Profile>; 4] = [None, Some(Profile::Argocd), Some(Profile::Flux), Some(Profile::Helm)];

/// Every possible cell that kubectl or Helm applies to a cluster, with each patcher and each profile.
pub fn all(is_meant: impl Fn(&Combination) -> bool, profiles: &[Option<Profile>]) -> Vec<Cell> {
    let patchers = |cell: Combination| match cell.strategy {
        Strategy::Static | Strategy::Controller => vec![None],
        // tamcore's patcher writes Secrets only where it links.
        Strategy::Patcher if cell.link == Link::ServiceAccount => Patcher::ALL.iter().copied().map(Some).collect(),
        Strategy::Patcher => vec![Some(Patcher::Titansoft)],
    };
    Combination::all()
        .filter(|cell| {
            cell.is_possible() && !matches!(cell.format, Format::DockerConfig | Format::Rbac) && is_meant(cell)
        })
        .flat_map(|cell| patchers(cell).into_iter().map(move |patcher| (cell, patcher)))
        .flat_map(|(cell, patcher)| profiles.iter().map(move |&profile| Cell::new(cell, patcher, profile)))
        .collect()
}

impl Cell {
    /// The cell with names that no other test uses.
    pub fn new(combination: Combination, patcher: Option<Patcher>, profile: Option<Profile>) -> Self {
        let namespaces = match combination.strategy {
            Strategy::Static => vec![fresh("space"), fresh("space")],
            Strategy::Patcher | Strategy::Controller => vec![fresh("patcher")],
        };
        Self { combination, patcher, profile, namespaces, secret: fresh("secret"), more: Vec::new() }
    }

    /// The cell for these namespaces.
    pub fn in_namespaces(mut self, names: &[&str]) -> Self {
        self.namespaces = names.iter().map(|&name| name.to_owned()).collect();
        self
    }

    /// The cell with more flags.
    pub fn with(mut self, flags: &[&str]) -> Self {
        self.more.extend(flags.iter().map(|&flag| flag.to_owned()));
        self
    }

    /// The choices, except the format.
    fn choices(&self) -> Vec<String> {
        let Combination { strategy, link, protect, format: _ } = self.combination;
        let mut flags = vec![format!("--strategy={strategy}"), format!("--link={link}")];
        flags.push(format!("--protect={protect}"));
        flags.extend(self.patcher.map(|patcher| format!("--patcher={patcher}")));
        flags.extend(self.profile.map(|profile| format!("--profile={profile}")));
        flags.extend(self.more.iter().cloned());
        flags
    }

    fn flags(&self) -> Vec<String> {
        let Self { combination: Combination { protect, format, .. }, patcher, namespaces, secret, .. } = self;
        let mut flags = self.choices();
        flags.push(format!("--format={format}"));
        match patcher {
            // A policy for every new ServiceAccount would also act on other tests.
            None if self.combination.strategy == Strategy::Controller => flags.extend([
                format!("--controller-namespace={}", namespaces[0]),
                "--controller-image=registry.test/regcred:1".to_owned(),
                format!("--kube-version=1.{}", if self.combination.link == Link::Policy { 36 } else { 35 }),
            ]),
            None => flags.extend([format!("--namespaces={}", namespaces.join(",")), "--create-namespaces".to_owned()]),
            Some(_) => flags.push(format!("--patcher-namespace={}", namespaces[0])),
        }
        match protect {
            // regcred.yaml names it.
            Protect::External => {}
            _ => flags.push(format!("--secret-name={secret}")),
        }
        flags
    }

    /// The objects of the cell, with the names replaced by fixed ones.
    fn without_names(&self, objects: &[Value]) -> BTreeSet<String> {
        let text = |object: &Value| {
            let text = object.to_string().replace(&self.secret, "SECRET");
            let names = self.namespaces.iter().enumerate();
            names.fold(text, |text, (number, name)| text.replace(name, &format!("NAMESPACE-{number}")))
        };
        objects.iter().map(text).collect()
    }

    /// The owner of a controller is part of the names of its objects.
    fn config(&self) -> String {
        let owner = if self.combination.strategy == Strategy::Controller { &self.secret } else { "acme" };
        CONFIG.replace("acme}", &format!("{owner}}}")).replace("SECRET", &self.secret)
    }

    /// `regcred render` in this folder.
    fn regcred(&self, bench: &Bench, folder: &Path) -> Program {
        let regcred = bench.program("regcred").directory(folder).arguments(["render"]).arguments(self.flags());
        match self.combination.protect {
            Protect::External => {
                bench::write(&folder.join("regcred.yaml"), &self.config());
                regcred
            }
            Protect::Sealed => {
                let certificate = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/certificates/rsa-2048.pem");
                regcred.variable(LOGINS.0, LOGINS.1).arguments(["--sealing-cert".as_ref(), certificate.as_os_str()])
            }
            Protect::Plain | Protect::Sops => regcred.variable(LOGINS.0, LOGINS.1),
        }
    }

    /// Writes the input of kubectl: a folder, or a file that gets the right extension. Returns its objects.
    fn write(&self, bench: &Bench, place: &Path) -> Vec<Value> {
        let folder = tempfile::tempdir().unwrap();
        let regcred = self.regcred(bench, folder.path());
        let (text, extension) = match self.combination.format {
            Format::Directory | Format::Kustomization => {
                regcred.arguments(["--output".as_ref(), place.as_os_str()]).run().succeeded();
                return read(place);
            }
            Format::Json => (regcred.run().succeeded(), "json"),
            Format::Yaml | Format::DockerConfig | Format::Rbac => (regcred.run().succeeded(), "yaml"),
            Format::Chart | Format::HelmValues => (self.templated(bench, regcred, folder.path()), "yaml"),
        };
        bench::write(&place.with_extension(extension), &text);
        documents(&text)
    }

    /// The output of `helm template` for its chart or its values.
    fn templated(&self, bench: &Bench, regcred: Program, folder: &Path) -> String {
        let helm = bench.program("helm").directory(folder).arguments(["template", "release"]);
        match (self.combination.format, self.patcher) {
            (Format::HelmValues, Some(patcher)) => {
                let chart = match patcher {
                    Patcher::Titansoft => "empathyco",
                    Patcher::Tamcore => "tamcore",
                };
                // As `helm install --create-namespace` does.
                bench.kubectl(&["create", "namespace", &self.namespaces[0]], "").succeeded();
                regcred.arguments(["--chart", chart, "--output", "values.yaml"]).run().succeeded();
                let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/charts").join(chart);
                let helm = helm.arguments([chart]).arguments(["--namespace", &self.namespaces[0]]);
                let made = helm.arguments(["--values", "values.yaml"]).run().succeeded();
                // As Helm does at an install, for objects without a namespace.
                let fill = ["create", "--dry-run=client", "-o", "yaml", "-n", &self.namespaces[0], "-f", "-"];
                let made = bench.kubectl(&fill, &made).succeeded();
                // The files for kubectl are beside the chart.
                let beside = ["values.guard.yaml", "values.secret.yaml"].map(|file| folder.join(file));
                let beside = beside.iter().filter_map(|file| fs::read_to_string(file).ok());
                beside.chain([made]).collect::<Vec<_>>().join("---\n")
            }
            (Format::HelmValues, None) => {
                // A chart for other namespaces, so that nothing comes from its default values.
                let chart = Combination { format: Format::Chart, ..self.combination };
                let chart = Self { combination: chart, ..self.clone() }.in_namespaces(&["elsewhere"]);
                chart.regcred(bench, folder).arguments(["--output", "chart"]).run().succeeded();
                let values = regcred.run().succeeded();
                helm.arguments(["chart", "--values", "-"]).stdin(&values).run().succeeded()
            }
            _ => {
                regcred.arguments(["--output", "chart"]).run().succeeded();
                helm.arguments(["chart"]).run().succeeded()
            }
        }
    }
}

/// The documents of the files under a folder, without those that are only for kustomize and regcred.
fn read(folder: &Path) -> Vec<Value> {
    let mut objects = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            objects.extend(read(&path));
        } else if path.extension().is_some_and(|extension| extension == "yaml") && !path.ends_with("kustomization.yaml")
        {
            objects.extend(documents(&fs::read_to_string(&path).unwrap()));
        }
    }
    objects
}

/// Applies the cells to the cluster, all of a format at once, and returns the objects of each cell in the cluster.
///
/// Each object is valid by the server's own schemas, is read back equal, and does not change when it is applied again.
pub fn prove(bench: &Bench, cells: &[Cell]) -> Vec<Vec<Value>> {
    let folder = tempfile::tempdir().unwrap();
    let place =
        |number: usize| folder.path().join(cells[number].combination.format.to_string()).join(number.to_string());
    let wanted: Vec<_> = cells.iter().enumerate().map(|(number, cell)| cell.write(bench, &place(number))).collect();
    for (cell, wanted) in cells.iter().zip(&wanted) {
        let is_of_the_cell = |namespace: &str| cell.namespaces.iter().any(|of_the_cell| of_the_cell == namespace);
        let namespaces: BTreeSet<_> =
            wanted.iter().filter_map(|object| object["metadata"]["namespace"].as_str()).collect();
        assert!(namespaces.iter().all(|namespace| is_of_the_cell(namespace)), "{cell}: {namespaces:?}");
    }
    assert_formats_agree(cells, &wanted);
    let kinds: BTreeSet<_> = wanted.iter().flatten().filter_map(|object| object["kind"].as_str()).collect();
    let answer = schemas::validate(bench, &kinds, folder.path());
    let count: usize = wanted.iter().map(Vec::len).sum();
    let summary = json!({"valid": count, "invalid": 0, "errors": 0, "skipped": 0});
    assert_eq!(answer["summary"], summary, "{answer}");

    let mut live = BTreeMap::new();
    for format in Format::ALL {
        let of_format =
            cells.iter().zip(&wanted).enumerate().filter(|(_, (cell, _))| cell.combination.format == *format);
        let numbers: Vec<_> = of_format.clone().map(|(number, _)| number.to_string()).collect();
        if !numbers.is_empty() {
            let folder = folder.path().join(format.to_string());
            let what = if *format == Format::Kustomization {
                let kustomization = json!({"resources": numbers}).to_string();
                bench::write(&folder.join("kustomization.yaml"), &kustomization);
                vec!["-k"]
            } else {
                vec!["-R", "-f"]
            };
            let what = [&what[..], &[folder.to_str().unwrap()]].concat();
            live.extend(apply(bench, &what, &of_format.map(|(_, cell)| cell).collect::<Vec<_>>()));
        }
    }
    wanted.iter().map(|objects| objects.iter().map(|object| live[&identity(object)].clone()).collect()).collect()
}

/// The input of kubectl is the same in each format, except sealed values, which always differ.
fn assert_formats_agree(cells: &[Cell], wanted: &[Vec<Value>]) {
    let mut objects = BTreeMap::new();
    for (cell, wanted) in cells.iter().zip(wanted) {
        let is_for_helm = matches!(cell.combination.format, Format::Chart | Format::HelmValues);
        if !is_for_helm && cell.combination.protect != Protect::Sealed {
            let of_cell = cell.without_names(wanted);
            assert_eq!(objects.entry(cell.choices()).or_insert_with(|| of_cell.clone()), &of_cell, "{cell}");
        }
    }
}

type Objects = BTreeMap<[String; 3], Value>;

/// Applies this twice, and returns the objects in the cluster.
fn apply(bench: &Bench, what: &[&str], cells: &[(&Cell, &Vec<Value>)]) -> Objects {
    let kubectl = |command: &[&str]| bench.kubectl(&[command, what].concat(), "").succeeded();
    let apply = || kubectl(&["apply", "--server-side", "--field-manager=regcred"]);
    let live = || -> Objects {
        let objects = documents(&kubectl(&["get", "-o", "json"]));
        objects.into_iter().map(|object| (identity(&object), object)).collect()
    };
    apply();
    let mut first = live();
    Bench::wait("the controllers to have seen what was applied", || {
        let are_seen = first.values().filter(|object| is_controlled(object)).all(is_seen);
        if !are_seen {
            first = live();
        }
        are_seen
    });
    assert_eq!(first.len(), cells.iter().map(|(_, wanted)| wanted.len()).sum::<usize>());
    for (cell, wanted) in cells {
        for wanted in *wanted {
            let found = first.get(&identity(wanted)).unwrap_or(&Value::Null);
            assert_eq!(difference(wanted, found), None, "{cell}: {:?}", identity(wanted));
        }
    }
    apply();
    let second = live();
    for (identity, before) in &first {
        assert_eq!(by_us(before), by_us(&second[identity]), "{identity:?}");
    }
    assert_eq!(kubectl(&["diff", "--server-side", "--field-manager=regcred"]), "");
    second
}

/// By kind, namespace and name.
fn identity(object: &Value) -> [String; 3] {
    let metadata = &object["metadata"];
    [&object["kind"], &metadata["namespace"], &metadata["name"]]
        .map(|text| text.as_str().unwrap_or_default().to_owned())
}

fn is_controlled(object: &Value) -> bool {
    CONTROLLED.iter().any(|kind| object["kind"] == *kind)
}

fn is_seen(object: &Value) -> bool {
    object["status"]["observedGeneration"] == object["metadata"]["generation"]
}

/// The object, with its resourceVersion, and without the fields that its controller may have written meanwhile.
fn by_us(object: &Value) -> Value {
    let mut object = object.clone();
    if is_controlled(&object) {
        object["status"].take();
        object["metadata"]["resourceVersion"].take();
        object["metadata"]["managedFields"].take();
    }
    object
}
