//! Asks a cluster's Sealed Secrets controller for its certificate, through `kubectl`.
//!
//! The API server forwards the request, as for `kubeseal --fetch-cert`. `kubectl` supports every way to log in to a cluster.

use std::time::Duration;

use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use crate::environment::{Environment, Kubeconfig};
use crate::interrupt;
use crate::program::{Program, Trouble};
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::names::{Namespace, ResourceName, VariableName};

pub struct Controller<'a> {
    pub name: ResourceName,
    pub namespace: Namespace,
    /// The context of the kubeconfig; without it, the current one.
    pub context: Option<&'a str>,
    /// The kubeconfig, unless it is the default one of `kubectl`.
    pub kubeconfig: Option<&'a Kubeconfig>,
    /// The variables for `kubectl`.
    pub environment: &'a Environment,
    /// The variables that hold logins, which `kubectl` does not get.
    pub sources: &'a [VariableName],
}

/// Longer than `kubectl` waits for one request, and long enough for a login.
const LIMIT: Duration = Duration::from_secs(120);

impl Controller<'_> {
    /// The certificate, as the controller sends it.
    /// Errors: `kubectl` is missing, the cluster does not answer or refuses, or the controller is missing.
    pub fn certificate(&self) -> Result<Vec<u8>, Diagnostic> {
        let Self { name, namespace, .. } = self;
        interrupt::handle();
        self.check_context()?;
        let place = ["get", "service", name.as_str(), "--namespace", namespace.as_str()];
        let port = self
            .ask(&[&place[..], &["--output=jsonpath={.spec.ports[0].name}"]].concat())
            .map_err(|trouble| self.explain(trouble))?;
        let port = String::from_utf8_lossy(&port);
        let path = format!("/api/v1/namespaces/{namespace}/services/http:{name}:{port}/proxy/v1/cert.pem");
        self.ask(&["get", "--raw", &path]).map(|pem| pem.to_vec()).map_err(|trouble| self.explain(trouble))
    }

    /// The current context of the kubeconfig, if there is one.
    /// Errors: `kubectl` is missing, or does not end.
    pub fn current_context(&self) -> Result<Option<String>, Diagnostic> {
        match self.run(&["config", "current-context"]) {
            Ok(said) => Ok(Some(String::from_utf8_lossy(&said).trim().to_owned())),
            Err(Some(Trouble::Failed { .. })) => Ok(None),
            Err(trouble) => Err(self.explain(trouble)),
        }
    }

    /// `kubectl` repeats what the user typed, so it gets only a context that exists.
    fn check_context(&self) -> Result<(), Diagnostic> {
        let Some(wanted) = self.context else { return Ok(()) };
        let known = self.run(&["config", "get-contexts", "--output=name"]).map_err(|trouble| self.explain(trouble))?;
        if String::from_utf8_lossy(&known).lines().any(|name| name == wanted) {
            return Ok(());
        }
        Err(Diagnostic::error(Code::NoContext, "the kubeconfig has no such context")
            .hint("`kubectl config get-contexts` lists them; `--context` and KUBECONFIG choose another"))
    }

    fn ask(&self, arguments: &[&str]) -> Result<Zeroizing<Vec<u8>>, Option<Trouble>> {
        let context = self.context.map(|context| format!("--context={context}"));
        let more = ["--request-timeout=30s"].into_iter().chain(context.as_deref());
        self.run(&arguments.iter().copied().chain(more).collect::<Vec<_>>())
    }

    #[expect(clippy::disallowed_methods, reason = "kubectl reads the kubeconfig from its standard input")]
    fn run(&self, arguments: &[&str]) -> Result<Zeroizing<Vec<u8>>, Option<Trouble>> {
        let variables = self.environment.without(self.sources);
        let mut program = Program::find("kubectl", self.environment, variables, LIMIT).ok_or(None)?;
        let input = match self.kubeconfig {
            None => Zeroizing::default(),
            Some(Kubeconfig::File(path)) => {
                program = program.with("KUBECONFIG", path);
                Zeroizing::default()
            }
            // Standard input holds the text, so that no temporary file does.
            Some(Kubeconfig::Text(text)) => {
                program = program.with("KUBECONFIG", "/dev/stdin");
                Zeroizing::new(text.expose_secret().as_bytes().to_vec())
            }
        };
        program.run(arguments, input).map(|answer| answer.output).map_err(Some)
    }

    /// The output of `kubectl` is not shown, because it may quote the kubeconfig. Without `kubectl` there is no failure to name.
    fn explain(&self, trouble: Option<Trouble>) -> Diagnostic {
        let Self { name, namespace, .. } = self;
        let said = match trouble {
            None | Some(Trouble::NotStarted) => {
                return Diagnostic::error(
                    Code::NoKubectl,
                    "the program `kubectl` is not on PATH, or cannot be started",
                )
                .hint("install kubectl, or ask someone who has kubectl for the certificate, which is public");
            }
            Some(Trouble::Interrupted) => {
                return Diagnostic::error(Code::Interrupted, "interrupted before the cluster answered")
                    .hint("nothing was written; run the same command again");
            }
            Some(Trouble::Late(_)) => String::new(),
            Some(Trouble::Failed { answer, .. }) => String::from_utf8_lossy(&answer.words).into_owned(),
        };
        if said.contains("(NotFound)") {
            Diagnostic::error(
                Code::ControllerNotFound,
                format!("there is no Service `{name}` in the namespace `{namespace}`"),
            )
            .hint(
                "name it with --controller-name and --controller-namespace; this may find it: \
                 `kubectl get services --all-namespaces --selector app.kubernetes.io/name=sealed-secrets`",
            )
        } else if said.contains("(Forbidden)") {
            Diagnostic::error(
                Code::ClusterForbids,
                format!("the cluster does not let this user reach the Service `{name}` in the namespace `{namespace}`"),
            )
            .hint(
                "it takes `get` on that Service and on its `services/proxy`, which the Role `sealed-secrets-service-proxier` \
                 of the controller gives; or ask somebody with access for the certificate, which is not secret",
            )
        } else if said.contains("(ServiceUnavailable)") {
            Diagnostic::error(
                Code::ControllerNotRunning,
                format!("nothing answers behind the Service `{name}` in the namespace `{namespace}`"),
            )
            .hint(format!("is the controller running? `kubectl get pods --namespace {namespace}`"))
        } else {
            Diagnostic::error(Code::ClusterUnreachable, "`kubectl` gets no answer from the cluster")
                .hint("`kubectl version` says why; KUBECONFIG and --context choose the cluster")
        }
    }
}
