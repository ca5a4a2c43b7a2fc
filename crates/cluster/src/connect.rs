//! Creates a client from a kubeconfig, or from the ServiceAccount of the Pod.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderValue, Uri, header};
pub use kube::Client;
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use regcred_core::cluster::confine;
use regcred_core::diagnostic::{Code, Diagnostic};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::failure::Attempt;
use crate::kubeconfig::{confine_programs, invalid, parse, read};
use crate::server::{Server, Trouble};
use crate::threads;

/// How to reach a cluster.
pub struct Access {
    /// Where the addresses and logins come from.
    pub source: Source,
    /// The context; without it, the current one.
    pub context: Option<String>,
    /// The value of `REGCRED_ALLOWED_CONTEXTS`, if the context is not typed.
    pub allowed_contexts: Option<String>,
    /// The user to impersonate.
    pub user: Option<String>,
    /// The groups to impersonate.
    pub groups: Vec<String>,
    /// The variables that programs of the kubeconfig do not get.
    pub hidden_variables: Vec<String>,
    /// The folders in which programs of the kubeconfig are looked for.
    pub programs: Vec<PathBuf>,
    /// The deadline of one call.
    pub timeout: Duration,
    /// Whether the program was told to stop.
    pub stop: fn() -> bool,
}

impl Access {
    /// Which cluster is reached, and how: the content of the kubeconfig with the context, not the place of its text.
    #[expect(clippy::disallowed_methods, reason = "compares, and lets nothing out")]
    pub fn way(&self) -> Way {
        let read_once = |path: &PathBuf| path.metadata().is_ok_and(|metadata| !metadata.is_file());
        let kubeconfig = match &self.source {
            Source::Text(text) => parse(text).ok(),
            Source::Files(paths) if !paths.iter().any(read_once) => read(paths).ok(),
            Source::Files(_) | Source::Pod => None,
        };
        let said = kubeconfig.and_then(|mut kubeconfig| {
            kubeconfig.current_context = self.context.clone().or(kubeconfig.current_context);
            serde_json::to_value(kubeconfig).ok()
        });
        Way(said.unwrap_or_else(|| match &self.source {
            Source::Text(text) => json!([text.expose_secret(), self.context]),
            Source::Files(paths) => json!([paths, self.context]),
            Source::Pod => json!([self.context]),
        }))
    }
}

/// Which cluster is reached, and how. It may hold a login.
#[derive(PartialEq)]
pub struct Way(serde_json::Value);

/// Where the addresses and logins of clusters come from.
pub enum Source {
    /// From a text.
    Text(SecretString),
    /// From files, merged as kubectl does.
    Files(Vec<PathBuf>),
    /// From the ServiceAccount of the Pod.
    Pod,
}

/// Creates the client.
///
/// # Errors
/// The kubeconfig cannot be read, has no such context, or gives no login.
pub async fn connect(access: Access) -> Result<Server, Diagnostic> {
    let (timeout, stop) = (access.timeout, access.stop);
    let config = config(access).await?;
    if needs_a_thread(&config) {
        threads::keep_one().await.map_err(|_| threads::none(Code::ClusterUnreachable))?;
    }
    Ok(Server::new(client(config)?, timeout, stop))
}

/// The clients of a program that stays connected.
pub struct Connected {
    /// For reads and writes.
    pub client: Client,
    /// For watches. It has separate connections; a connection counts as cut after `cut` without a byte.
    pub watching: Client,
    /// For the Lease: if the other connections are cut, a renewal does not have to try them one after the other.
    pub electing: Client,
    /// The namespace of the Pod, or of the kubeconfig's context.
    pub own: String,
}

/// A connection for reads and writes counts as cut after this time without a byte: longer than any webhook of the API server may take.
const SILENT: Duration = Duration::from_secs(35);

/// Creates the clients of a program that stays connected.
///
/// # Errors
/// The errors of [`connect`].
pub async fn stay_connected(access: Access, cut: Duration) -> Result<Connected, Diagnostic> {
    let mut config = config(access).await?;
    config.reset_reader_on_write = true;
    config.read_timeout = Some(cut);
    let watching = client(config.clone())?;
    config.read_timeout = Some(SILENT);
    let own = config.default_namespace.clone();
    Ok(Connected { own, client: client(config.clone())?, watching, electing: client(config)? })
}

fn client(config: Config) -> Result<Client, Diagnostic> {
    Client::try_from(config).map_err(|_| Attempt::new("connect to", "the cluster").failed(&Trouble::NoLogin))
}

async fn config(access: Access) -> Result<Config, Diagnostic> {
    let Access { source, context, allowed_contexts, user, groups, hidden_variables, programs, timeout, stop: _ } =
        access;
    let kubeconfig = match source {
        Source::Pod => None,
        Source::Text(text) => Some(parse(&text)?),
        Source::Files(paths) => Some(read(&paths)?),
    };
    let mut config = match kubeconfig {
        None => {
            check_pod(context.as_deref(), allowed_contexts.as_deref())?;
            Config::incluster().map_err(|_| no_kubeconfig())?
        }
        Some(mut kubeconfig) => {
            confine_programs(&mut kubeconfig, &hidden_variables, &programs)?;
            check_context(&kubeconfig, context.as_deref(), allowed_contexts.as_deref())?;
            let options = KubeConfigOptions { context, ..KubeConfigOptions::default() };
            Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|error| invalid(&error))?
        }
    };
    check_address(&config.cluster_url)?;
    config.default_retry = false;
    config.connect_timeout = Some(timeout);
    config.headers.push((header::USER_AGENT, HeaderValue::from_static(USER_AGENT)));
    if user.is_some() || !groups.is_empty() {
        config.auth_info.impersonate = user;
        config.auth_info.impersonate_groups = Some(groups);
    }
    Ok(config)
}

/// Refuses an address that no request can be sent to, such as a name without a scheme.
fn check_address(address: &Uri) -> Result<(), Diagnostic> {
    if matches!(address.scheme_str(), Some("https" | "http")) && address.host().is_some_and(|host| !host.is_empty()) {
        return Ok(());
    }
    let message = "the address of the cluster, `server` in the kubeconfig, is not a URL";
    Err(Diagnostic::error(Code::InvalidKubeconfig, message).hint("write it as in https://cluster.example.com:6443"))
}

/// Whether a host has to be looked up by its name, for which a thread is started.
fn needs_a_thread(config: &Config) -> bool {
    let is_a_name = |address: &Uri| {
        let host = address.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        host.parse::<IpAddr>().is_err()
    };
    is_a_name(config.proxy_url.as_ref().unwrap_or(&config.cluster_url))
}

const USER_AGENT: &str = concat!("regcred/", env!("CARGO_PKG_VERSION"));

/// Refuses a context that was named, and a list of allowed contexts: the cluster of this Pod has no context.
fn check_pod(context: Option<&str>, allowed: Option<&str>) -> Result<(), Diagnostic> {
    match context {
        Some(_) => Err(Diagnostic::error(Code::NoContext, "a context is named, and there is no kubeconfig that could have it")
            .hint("name a kubeconfig with --kubeconfig FILE or the variable KUBECONFIG; without a context it is the cluster of this Pod")),
        None => confine::check_current_context(None, allowed),
    }
}

fn check_context(kubeconfig: &Kubeconfig, context: Option<&str>, allowed: Option<&str>) -> Result<(), Diagnostic> {
    let names = || kubeconfig.contexts.iter().map(|context| context.name.as_str());
    match context {
        Some(wanted) if !names().any(|name| name == wanted) => {
            let known: Vec<_> = names().take(10).collect();
            Err(Diagnostic::error(Code::NoContext, "the kubeconfig has no context of that name")
                .hint(format!("its contexts are {}", known.join(", "))))
        }
        None if kubeconfig.current_context.as_deref().unwrap_or_default().is_empty() => {
            Err(Diagnostic::error(Code::NoContext, "the kubeconfig has no current context")
                .hint("name one with --context, or with `context` of the cluster in regcred.yaml"))
        }
        // A context that regcred.yaml names was checked before.
        Some(_) => Ok(()),
        None => confine::check_current_context(kubeconfig.current_context.as_deref(), allowed),
    }
}

fn no_kubeconfig() -> Diagnostic {
    Diagnostic::error(Code::NoKubeconfig, "there is no kubeconfig, and this is not a Pod with a ServiceAccount's token")
        .hint("name one with --kubeconfig FILE or the variable KUBECONFIG")
}
