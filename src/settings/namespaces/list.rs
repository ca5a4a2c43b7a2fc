//! Reads a list of namespaces: one name per line, YAML, JSON, or the output of `kubectl get ns -o`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead};

use serde::Deserialize;
use serde_json::Value;

use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::manifest::expands_too_far;
use regcred_core::names::{InvalidName, Namespace, OPT_OUT, is_of_the_cluster};

/// The existing namespaces, according to a list.
#[derive(Debug, Default)]
pub struct Listed {
    /// The namespaces that can get a Secret.
    pub usable: Vec<Namespace>,
    /// The namespaces that are Terminating or have opted out.
    pub left_out: BTreeSet<Namespace>,
    /// The namespaces of Kubernetes and OpenShift in a list from kubectl. No Pods of users pull there, so only a name or a glob such as
    /// `kube-*` chooses them.
    pub of_the_cluster: Vec<Namespace>,
}

impl Listed {
    /// Whether there is a namespace that every OpenShift has.
    pub fn is_of_openshift(&self) -> bool {
        self.usable.iter().chain(&self.left_out).chain(&self.of_the_cluster).any(is_of_openshift)
    }

    fn add(&mut self, name: Namespace) {
        if is_of_the_cluster(name.as_str()) { self.of_the_cluster.push(name) } else { self.usable.push(name) }
    }
}

/// Whether the name is reserved by OpenShift.
pub fn is_of_openshift(name: &Namespace) -> bool {
    name.as_str().starts_with("openshift") && is_of_the_cluster(name.as_str())
}

const FORMS: &str =
    "write one name per line, a YAML or JSON list of names, or the output of `kubectl get ns -o name|json|yaml`";

#[derive(Deserialize)]
struct Object {
    kind: Option<String>,
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    status: Status,
    items: Option<Vec<Item>>,
}

/// What is kept of each object in a list, as soon as it is read: `kubectl` prints far more about a namespace.
#[derive(Deserialize)]
#[serde(from = "Object")]
enum Item {
    Usable(Namespace),
    LeftOut(Namespace),
    Unnameable(Box<InvalidName>),
    Other,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    name: String,
    annotations: Option<BTreeMap<String, String>>,
    deletion_timestamp: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    phase: String,
}

/// Reads a list from a file or a pipe as [`read`] does; of JSON it keeps only the names.
/// Errors: the reader's; of the kind `InvalidData` for text that is not UTF-8.
pub fn read_from(mut from: impl BufRead, origin: &str, problems: &mut Vec<Diagnostic>) -> io::Result<Listed> {
    const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
    if from.fill_buf()?.starts_with(BYTE_ORDER_MARK) {
        from.consume(BYTE_ORDER_MARK.len());
    }
    if from.fill_buf()?.trim_ascii_start().starts_with(b"{") {
        return match serde_json::from_reader(from) {
            Err(error) if error.is_io() => Err(error.into()),
            object => Ok(json(object, origin, problems)),
        };
    }
    let mut text = String::new();
    from.read_to_string(&mut text)?;
    Ok(read(&text, origin, problems))
}

/// Reads a list: one name per line, `kubectl get ns -o name|json|yaml`, or a YAML or JSON list of names.
pub fn read(text: &str, origin: &str, problems: &mut Vec<Diagnostic>) -> Listed {
    let text = text.trim_start_matches('\u{feff}');
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#') && *line != "---");
    match first {
        Some(line) if line.split_whitespace().take(3).eq(["NAME", "STATUS", "AGE"]) => {
            let message = format!("{origin} is the table that `kubectl get ns` makes for people");
            let hint = "add -o name, or -o json to leave out namespaces that are Terminating";
            problems.push(Diagnostic::error(Code::InvalidList, message).hint(hint));
            Listed::default()
        }
        Some(line) if line.starts_with(['{', '[']) || line.starts_with("- ") || line.contains(':') => {
            structured(text, origin, problems)
        }
        _ => lines(text, origin, problems),
    }
}

fn lines(text: &str, origin: &str, problems: &mut Vec<Diagnostic>) -> Listed {
    let mut listed = Listed::default();
    for (number, line) in text.lines().enumerate() {
        let name = line.split('#').next().unwrap_or_default().trim();
        if !name.is_empty() {
            let place = || format!("{origin}, line {}", number + 1);
            match name.strip_prefix("namespace/") {
                Some(name) => parsed(name, place, problems).into_iter().for_each(|name| listed.add(name)),
                None => listed.usable.extend(parsed(name, place, problems)),
            }
        }
    }
    listed
}

fn parsed(name: &str, place: impl FnOnce() -> String, problems: &mut Vec<Diagnostic>) -> Option<Namespace> {
    name.parse()
        .map_err(|invalid| {
            let several = name.contains([',', ' ', '\t']);
            let problem = unnameable(&invalid, &place());
            problems.push(if several { problem.hint("a line has one name: write each on its own") } else { problem });
        })
        .ok()
}

fn unnameable(invalid: &InvalidName, place: &str) -> Diagnostic {
    Diagnostic::error(Code::InvalidNamespace, format!("{place}: {invalid}")).hint(invalid.hint)
}

fn unreadable(origin: &str, place: Option<(u64, u64)>) -> Diagnostic {
    let place =
        place.map_or(String::new(), |(line, column)| format!(": line {line}, column {column} is where it breaks"));
    Diagnostic::error(Code::InvalidList, format!("{origin} is not a list of namespaces{place}")).hint(FORMS)
}

fn json(object: Result<Object, serde_json::Error>, origin: &str, problems: &mut Vec<Diagnostic>) -> Listed {
    let mut listed = Listed::default();
    match object {
        Ok(object) => objects(object, origin, &mut listed, problems),
        Err(error) => problems.push(unreadable(origin, Some((error.line() as u64, error.column() as u64)))),
    }
    listed
}

fn structured(text: &str, origin: &str, problems: &mut Vec<Diagnostic>) -> Listed {
    if text.trim_start().starts_with('{') {
        return json(serde_json::from_str(text), origin, problems);
    }
    let mut listed = Listed::default();
    if expands_too_far(text) {
        problems.push(unreadable(origin, None));
        return listed;
    }
    let options = || serde_saphyr::options! { budget: None, with_snippet: false };
    match serde_saphyr::from_str_with_options::<Vec<serde_saphyr::Spanned<String>>>(text, options()) {
        Ok(names) => {
            for name in names {
                let place = || format!("{origin}, line {}", name.referenced.line());
                listed.usable.extend(parsed(&name.value, place, problems));
            }
        }
        Err(error) => {
            match serde_saphyr::from_str_with_options::<Value>(text, options()).map(serde_json::from_value::<Object>) {
                Ok(Ok(object)) => objects(object, origin, &mut listed, problems),
                _ => problems
                    .push(unreadable(origin, error.location().map(|location| (location.line(), location.column())))),
            }
        }
    }
    listed
}

fn objects(object: Object, origin: &str, listed: &mut Listed, problems: &mut Vec<Diagnostic>) {
    let all = match (object.items, object.kind.as_deref()) {
        (Some(items), _) => items,
        (None, Some("Namespace")) => vec![Item::from(Object { items: None, ..object })],
        (None, Some(kind)) if kind.ends_with("List") => Vec::new(),
        (None, _) => {
            let message = format!("{origin} is a mapping, and neither a Namespace nor a list of them with `items`");
            problems.push(Diagnostic::error(Code::InvalidList, message).hint(FORMS));
            return;
        }
    };
    for (number, item) in all.into_iter().enumerate() {
        let place = || format!("{origin}, item {}", number + 1);
        match item {
            Item::Usable(name) => listed.add(name),
            Item::LeftOut(name) => {
                listed.left_out.insert(name);
            }
            Item::Unnameable(invalid) => problems.push(unnameable(&invalid, &place())),
            Item::Other => problems.push(
                Diagnostic::error(Code::InvalidList, format!("{}, is not a Namespace", place()))
                    .hint("list only Namespaces, as `kubectl get ns` does"),
            ),
        }
    }
}

impl From<Object> for Item {
    fn from(Object { kind, metadata, status, .. }: Object) -> Self {
        if kind.is_some_and(|kind| kind != "Namespace") {
            return Self::Other;
        }
        let opted_out = metadata.annotations.is_some_and(|annotations| {
            OPT_OUT.iter().any(|name| annotations.get(*name).is_some_and(|value| value == "true"))
        });
        let ending = metadata.deletion_timestamp.is_some() || status.phase == "Terminating";
        match metadata.name.parse() {
            Ok(name) if opted_out || ending => Self::LeftOut(name),
            Ok(name) => Self::Usable(name),
            Err(invalid) => Self::Unnameable(Box::new(invalid)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> (Vec<String>, usize) {
        let mut problems = Vec::new();
        let listed = read(text, "`--namespaces-from`", &mut problems);
        (listed.usable.iter().map(ToString::to_string).collect(), problems.len())
    }

    #[test]
    fn a_list_comes_in_many_forms() {
        for text in [
            "a\nb # the second\n\n# none\n",
            "namespace/a\nnamespace/b\n",
            "- a\n- b\n",
            "---\n- \"a\"\n- b\n",
            "[a, b]",
            "[\"a\", \"b\"]",
            r#"{"kind":"List","items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"}}]}"#,
            "apiVersion: v1\nkind: List\nitems:\n- metadata: {name: a}\n- metadata: {name: b}\n",
        ] {
            assert_eq!(names(text), (vec!["a".into(), "b".into()], 0), "{text}");
        }
        assert_eq!(names("- on\n- y\n- 1e3\n- 0x1f\n").0, ["on", "y", "1e3", "0x1f"]);
        assert_eq!(names("A\nb\n-c\n"), (vec!["b".into()], 2));
        assert_eq!(names("\u{feff}a\r\nb\r\n"), (vec!["a".into(), "b".into()], 0));
        assert_eq!(names("{"), (vec![], 1));
        assert_eq!(names(r#"{"items":[{"kind":"Pod","metadata":{"name":"a"}}]}"#), (vec![], 1));
    }

    #[test]
    fn namespaces_that_end_or_opt_out_are_left_out() {
        let text = r#"{"kind":"List","items":[
            {"metadata":{"name":"a"},"status":{"phase":"Active"}},
            {"metadata":{"name":"b"},"status":{"phase":"Terminating"}},
            {"metadata":{"name":"c","deletionTimestamp":"2026-01-01T00:00:00Z"}},
            {"metadata":{"name":"d","annotations":{"regcred.dev/exclude":"true"}}},
            {"metadata":{"name":"e","annotations":{"k8s.titansoft.com/imagepullsecret-patcher-exclude":"true"}}}]}"#;
        assert_eq!(names(text), (vec!["a".into()], 0));
    }

    #[test]
    fn a_list_of_a_cluster_leaves_out_the_namespaces_of_kubernetes() {
        for text in [
            "namespace/a\nnamespace/kube-system\nnamespace/kube-public\n",
            r#"{"kind":"List","items":[{"metadata":{"name":"a"}},{"metadata":{"name":"kube-system"}}]}"#,
            "kind: NamespaceList\nitems:\n- metadata: {name: a}\n- metadata: {name: kube-node-lease}\n",
            "namespace/a\nnamespace/openshift\nnamespace/openshift-monitoring\n",
            "namespace/a\nnamespace/kube-flannel\n",
        ] {
            assert_eq!(names(text), (vec!["a".into()], 0), "{text}");
        }
        assert_eq!(names("a\nkube-system\n").0, ["a", "kube-system"]);
    }
}
