//! Writes the status as one page for a browser, with everything that it needs in it.
//!
//! The template escapes every value. A Content-Security-Policy in the page allows only our style and our script, by their hashes: no
//! network, and no script from a value.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Error, UndefinedBehavior};
use serde::Serialize;

use super::Seen;
use crate::commands::cluster::shown::{self, deed, why};
use crate::settings::Settings;
use regcred_core::cluster::status::{LinkState, NamespaceStatus, State};
use regcred_core::diagnostic::Diagnostic;
use regcred_core::names::ResourceName;
use regcred_core::registry::verdict::Standing;

const PAGE: &str = include_str!("page.html.j2");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The variables of the template: no secret.
#[derive(Serialize)]
struct Context<'a> {
    at: String,
    style: &'static str,
    style_hash: String,
    script: &'static str,
    script_hash: String,
    is_fleet: bool,
    is_online: bool,
    counts: Vec<Count>,
    rows: Vec<Row<'a>>,
    others: Vec<Other<'a>>,
    problems: Vec<Problem<'a>>,
}

/// The number of pull secrets in a state.
#[derive(Serialize)]
struct Count {
    state: State,
    count: usize,
}

#[derive(Serialize)]
struct Row<'a> {
    cluster: Option<&'a ResourceName>,
    status: &'a NamespaceStatus,
    as_wanted: bool,
    /// The worst state of its pull secrets, as a number to sort by.
    worst: u8,
    not_linked: usize,
    /// Images that a new node could not pull.
    refused: usize,
}

/// A cluster-wide object.
#[derive(Serialize)]
struct Other<'a> {
    cluster: Option<&'a ResourceName>,
    kind: &'a str,
    name: &'a ResourceName,
    deed: &'static str,
    why: String,
}

#[derive(Serialize)]
struct Problem<'a> {
    cluster: Option<&'a ResourceName>,
    #[serde(flatten)]
    problem: &'a Diagnostic,
}

/// The page.
/// Errors: the errors of the template, which only a bug can cause.
pub(super) fn write(clusters: &[(&Settings, Seen)]) -> Result<String, Error> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.template_from_str(PAGE)?.render(Serde(&context(clusters)))
}

fn context<'a>(clusters: &'a [(&Settings, Seen)]) -> Context<'a> {
    let (mut rows, mut others, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    for (settings, seen) in clusters {
        let cluster = settings.cluster.as_ref();
        rows.extend(seen.namespaces.iter().map(|status| Row::new(cluster, status)));
        let differs = seen.others.iter().filter(|step| step.change.differs());
        others.extend(differs.map(|step| Other {
            cluster,
            kind: step.object.kind(),
            name: &step.name,
            deed: deed(step),
            why: why(step),
        }));
        problems.extend(seen.problems.iter().map(|problem| Problem { cluster, problem }));
    }
    Context {
        at: Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string(),
        style: STYLE,
        style_hash: hash(STYLE),
        script: SCRIPT,
        script_hash: hash(SCRIPT),
        is_fleet: clusters.iter().any(|(settings, _)| settings.cluster.is_some()),
        is_online: rows.iter().any(|row| row.status.online.is_some()),
        counts: counts(&rows),
        rows,
        others,
        problems,
    }
}

fn counts(rows: &[Row<'_>]) -> Vec<Count> {
    let mut states: Vec<_> = rows.iter().flat_map(|row| &row.status.secrets).map(|secret| secret.state).collect();
    states.sort_unstable();
    shown::counts(states.into_iter()).into_iter().map(|(state, count)| Count { state, count }).collect()
}

impl<'a> Row<'a> {
    fn new(cluster: Option<&'a ResourceName>, status: &'a NamespaceStatus) -> Self {
        let accounts = status.secrets.iter().flat_map(|secret| &secret.accounts);
        Self {
            cluster,
            status,
            as_wanted: status.is_as_wanted(),
            worst: status.secrets.iter().map(|secret| secret.state as u8).min().unwrap_or(u8::MAX),
            refused: status.online.iter().flatten().filter(|image| image.pull == Standing::Refused).count(),
            not_linked: accounts.filter(|account| account.state == LinkState::NotLinked).count(),
        }
    }
}

/// The hash of a text, in the form for the policy of the page.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(digest(&SHA256, text.as_bytes())))
}
