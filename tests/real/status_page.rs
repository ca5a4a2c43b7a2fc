//! Opens the page of `status --html` in headless Chromium: it sorts and filters 1,000 namespaces without lag, and nothing else runs in it.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::bench::{self, Bench, Program};

const NAMESPACES: usize = 1_000;
/// The time limit for one filter or sort, on a busy machine.
const LIMIT: f64 = 1_000.0;

/// The actions of a test on the page, which leave the result in the title.
const SCRIPT: &str = r#"
const click = (head) => head.querySelector("button").click();
const heads = [...document.querySelectorAll("thead th")];
const rows = () => [...document.querySelectorAll("tbody tr")].filter((row) => !row.hidden);
const first = () => rows()[0].cells[0].textContent;
const type = (text) => { filter.value = text; filter.dispatchEvent(new Event("input")); };
const result = { paper: getComputedStyle(document.body).backgroundColor, ink: getComputedStyle(document.body).color };
const timed = (name, work) => { const began = performance.now(); work(); document.body.offsetHeight; result[name + "Took"] = performance.now() - began; };
result.all = rows().length;
timed("sort", () => click(heads[0]));
result.up = [first(), heads[0].ariaSort];
timed("sortAgain", () => click(heads[0]));
result.down = [first(), heads[0].ariaSort];
click(heads[1]);
result.worst = rows()[0].querySelector(".state").textContent;
timed("filter", () => type("-0042"));
result.filtered = [rows().length, first().slice(-4), shown.value];
type("-0042 no-such-word");
result.none = rows().length;
type("");
odd.click();
result.odd = rows().length;
odd.click();
document.querySelector("button.current").click();
result.current = rows().length;
document.querySelector("button.current").click();
result.again = rows().length;
document.title = "RESULT" + JSON.stringify(result);
"#;

/// The page in Chromium after its scripts have run, at a system with this setting.
fn opened(chromium: &Path, page: &str, setting: Option<&str>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.html");
    bench::write(&path, page);
    let address = format!("file://{}", path.display());
    let program = Program::new(chromium).variable("PATH", "/usr/bin:/bin").variable("HOME", folder.path());
    program.arguments(FLAGS).arguments(setting).arguments(["--dump-dom", &address]).run().succeeded()
}

/// The result that the script leaves.
fn result(chromium: &Path, page: &str, setting: Option<&str>) -> Value {
    let dom = opened(chromium, &with_script(page, SCRIPT), setting);
    let result = dom.split("<title>RESULT").nth(1).and_then(|rest| rest.split("</title>").next()).expect("no result");
    serde_json::from_str(result).unwrap()
}

/// No sandbox: tests run as root, in containers.
const FLAGS: [&str; 5] = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"];

fn chromium() -> Option<PathBuf> {
    Some(bench::tools(&["chromium"])?.join("chromium"))
}

/// The page of a cluster with this many namespaces: half of them are served, and every tenth has a Secret of somebody else.
fn page(bench: &Bench) -> String {
    let folder = tempfile::tempdir().unwrap();
    let prefix = bench::fresh("page");
    let (mut objects, mut served) = (String::new(), Vec::new());
    for number in 0..NAMESPACES {
        let name = format!("{prefix}-{number:04}");
        let _ = writeln!(
            objects,
            "---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}, labels: {{page: {prefix}}}}}"
        );
        if number % 2 == 0 {
            served.push(name);
        }
    }
    bench.kubectl(&["create", "-f", "-"], &objects).succeeded();
    let login = r#"{"auths":{"ghcr.io":{"username":"acme-bot","password":"canary"}}}"#;
    let regcred = |arguments: &[&str]| {
        bench.program("regcred").arguments(["--no-config"]).arguments(arguments).variable("DOCKERHUB_AUTH", login).run()
    };
    let namespaces = served.join(",");
    let applied = regcred(&["apply", "-n", &namespaces]);
    assert_eq!(applied.status, 0, "{}", applied.stderr);
    let path = folder.path().join("page.html");
    let selector = format!("page={prefix}");
    let run = regcred(&["status", "-l", &selector, "--html", path.to_str().unwrap()]);
    assert_eq!(run.status, 3, "{}", run.stderr);
    std::fs::read_to_string(path).unwrap()
}

/// The page without its own policy, and with an additional script.
fn with_script(page: &str, script: &str) -> String {
    let (before, rest) = page.split_once("<meta http-equiv=\"Content-Security-Policy\"").unwrap();
    let (_, rest) = rest.split_once('>').unwrap();
    format!("{before}{}", rest.replace("</body>", &format!("<script>{script}</script></body>")))
}

#[test]
fn a_thousand_namespaces_are_sorted_and_filtered_without_lag() {
    let (Some(chromium), Some(bench)) = (chromium(), Bench::with(&[])) else { return };
    let page = page(bench);
    let [result, dark] = [None, Some("--force-dark-mode")].map(|setting| result(&chromium, &page, setting));
    assert_eq!((&result["paper"], &result["ink"]), (&"rgb(255, 255, 255)".into(), &"rgb(29, 36, 48)".into()));
    assert_eq!((&dark["paper"], &dark["ink"]), (&"rgb(20, 24, 31)".into(), &"rgb(228, 232, 239)".into()));
    assert_eq!(result["all"], NAMESPACES, "{result}");
    let ends = |value: &Value, end: &str| value.as_str().unwrap().ends_with(end);
    assert!(ends(&result["up"][0], "-0000") && result["up"][1] == "ascending", "{result}");
    assert!(ends(&result["down"][0], "-0999") && result["down"][1] == "descending", "{result}");
    assert_eq!(result["worst"], "missing", "{result}");
    assert_eq!(result["filtered"], serde_json::json!([1, "0042", format!("1 of {NAMESPACES} namespaces")]), "{result}");
    assert_eq!(
        (&result["none"], &result["odd"], &result["current"]),
        (&0.into(), &500.into(), &500.into()),
        "{result}"
    );
    assert_eq!(result["again"], NAMESPACES, "{result}");
    for what in ["sortTook", "sortAgainTook", "filterTook"] {
        let milliseconds = result[what].as_f64().unwrap();
        println!("{what}: {milliseconds:.0} ms");
        assert!(milliseconds < LIMIT, "{result}");
    }

    // Under its own policy its own script runs, and another script does not.
    let dom = opened(&chromium, &page.replace("</tbody>", "</tbody><script>document.title = 'foreign'</script>"), None);
    assert!(dom.contains("<title>Pull secrets</title>"), "a foreign script has run");
    assert!(dom.contains(" data-ready"), "our own script has not run");
}

/// Five namespaces: served, an old login, an unusable Secret, nothing, and a Secret of a Helm release.
const FIVE: &str = r#"
for namespace in billing legacy mail search shop; do
    kubectl create namespace $namespace; kubectl wait serviceaccount default -n $namespace --for=create
done
login() { printf '{"auths":{"ghcr.io":{"username":"acme-bot","password":"%s"}}}' "$1"; }
make() { kubectl create secret generic image-pull-secret -n "$@"; }
DOCKERHUB_AUTH=$(login example) regcred apply --no-config -n shop,mail
DOCKERHUB_AUTH=$(login old) regcred apply --no-config -n billing
make search --type=kubernetes.io/dockerconfigjson --from-literal=.dockerconfigjson='{"auths":{"ghcr.io":{"auth":"x"}}}'
make legacy --type=kubernetes.io/dockerconfigjson --from-literal=.dockerconfigjson="$(login example)"
kubectl annotate secret image-pull-secret -n legacy meta.helm.sh/release-name=legacy
kubectl patch serviceaccount default -n legacy -p '{"imagePullSecrets":[{"name":"image-pull-secret"}]}'
kubectl delete secret image-pull-secret -n mail
kubectl run api -n mail --image=ghcr.io/acme/api:1.4
said='Back-off pulling image \"ghcr.io/acme/api:1.4\": ErrImagePull: failed to authorize: failed to fetch anonymous token: 401 Unauthorized'
kubectl patch pod api -n mail --subresource=status -p '{"status": {"containerStatuses": [{"name": "api", "image": "x", "imageID": "", "ready": false,
    "restartCount": 0, "state": {"waiting": {"reason": "ImagePullBackOff", "message": "'"$said"'"}}}]}}'
DOCKERHUB_AUTH=$(login example) regcred status --no-config -A --exclude default --html "$PAGE" || test $? = 3
"#;

#[test]
#[expect(clippy::disallowed_methods, reason = "the variable says whether to write the picture")]
fn the_picture_in_the_documentation_shows_five_namespaces() {
    let (Some(chromium), Some(bench)) = (chromium(), Bench::with_a_cluster_of_its_own(&[])) else { return };
    let folder = tempfile::tempdir().unwrap();
    let [page, picture] = ["page.html", "status.png"].map(|name| folder.path().join(name));
    bench.program("sh").arguments(["-ec", FIVE]).variable("PAGE", &page).run().succeeded();
    let text = std::fs::read_to_string(&page).unwrap();
    bench::write(&page, &text.replace("<details>", "<details open>"));
    let program = Program::new(&chromium).variable("PATH", "/usr/bin:/bin").variable("HOME", folder.path());
    let screenshot = format!("--screenshot={}", picture.display());
    let program = program.arguments(FLAGS).arguments([&screenshot, "--hide-scrollbars", "--window-size=1100,520"]);
    program.arguments([format!("file://{}", page.display())]).run().succeeded();
    let drawn = std::fs::read(&picture).unwrap();
    let documented = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/images/status.png");
    if std::env::var_os("REGCRED_UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(documented.parent().unwrap()).unwrap();
        std::fs::copy(&picture, &documented).unwrap();
    }
    // Fonts differ between machines, so only the size of the picture is compared.
    let size = |png: &[u8]| png[16..24].to_vec();
    assert_eq!(size(&drawn), size(&std::fs::read(documented).unwrap()));
    assert!(drawn.len() > 20_000, "an empty page is smaller: {} bytes", drawn.len());
    for state in ["current", "outdated", "invalid", "missing", "managed"] {
        assert!(text.contains(&format!("<span class=\"state {state}\">")), "{state}");
    }
}
