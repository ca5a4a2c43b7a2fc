//! Asks a cluster's Sealed Secrets controller for its certificate, through `kubectl`.
//!
//! The API server passes the question on, as it does for `kubeseal --fetch-cert`; and `kubectl` knows every way to log in to one.

use std::io;
use std::process::Stdio;

use crate::environment::Environment;
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::names::{Namespace, ResourceName, VariableName};

/// The Service of the controller.
pub struct Controller<'a> {
    /// Its name.
    pub name: ResourceName,
    /// Its namespace.
    pub namespace: Namespace,
    /// The context of the kubeconfig, unless it is the current one.
    pub context: Option<&'a str>,
    /// The variables for `kubectl`.
    pub environment: &'a Environment,
    /// Those of them that it does not get.
    pub sources: &'a [VariableName],
}

/// Why there is no answer.
enum Trouble {
    /// The program cannot be started.
    NoProgram(io::Error),
    /// It failed, and said this: not ours to repeat, as it may quote the kubeconfig.
    Failed(String),
}

impl Controller<'_> {
    /// The certificate, as the controller gives it.
    ///
    /// # Errors
    /// `kubectl` is missing, the cluster does not answer or refuses, or the controller is not there.
    pub fn certificate(&self) -> Result<Vec<u8>, Diagnostic> {
        let Self { name, namespace, .. } = self;
        self.check_context()?;
        let place = ["get", "service", name.as_str(), "--namespace", namespace.as_str()];
        let port = self
            .ask(&[&place[..], &["--output=jsonpath={.spec.ports[0].name}"]].concat())
            .map_err(|trouble| self.explain(&trouble))?;
        let port = String::from_utf8_lossy(&port);
        let path = format!("/api/v1/namespaces/{namespace}/services/http:{name}:{port}/proxy/v1/cert.pem");
        self.ask(&["get", "--raw", &path]).map_err(|trouble| self.explain(&trouble))
    }

    /// What was typed is repeated by `kubectl`, so it is only shown one that exists.
    fn check_context(&self) -> Result<(), Diagnostic> {
        let Some(wanted) = self.context else { return Ok(()) };
        let known = self.run(&["config", "get-contexts", "--output=name"]).map_err(|trouble| self.explain(&trouble))?;
        if String::from_utf8_lossy(&known).lines().any(|name| name == wanted) {
            return Ok(());
        }
        Err(Diagnostic::error(Code::NoContext, "the kubeconfig has no such `--context`")
            .hint("`kubectl config get-contexts` lists them; KUBECONFIG names another file"))
    }

    fn ask(&self, arguments: &[&str]) -> Result<Vec<u8>, Trouble> {
        let context = self.context.map(|context| format!("--context={context}"));
        let more = ["--request-timeout=30s"].into_iter().chain(context.as_deref());
        self.run(&arguments.iter().copied().chain(more).collect::<Vec<_>>())
    }

    fn run(&self, arguments: &[&str]) -> Result<Vec<u8>, Trouble> {
        let mut command = self.environment.command("kubectl", self.sources);
        command.current_dir(self.environment.directory()).args(arguments);
        let output = command.stdin(Stdio::null()).output().map_err(Trouble::NoProgram)?;
        if output.status.success() {
            Ok(output.stdout)
        } else {
            Err(Trouble::Failed(String::from_utf8_lossy(&output.stderr).into_owned()))
        }
    }

    fn explain(&self, trouble: &Trouble) -> Diagnostic {
        let Self { name, namespace, .. } = self;
        let said = match trouble {
            Trouble::NoProgram(error) => {
                return Diagnostic::error(Code::NoKubectl, format!("`kubectl` cannot be run: {}", regcred_core::diagnostic::reason(error)))
                    .hint("install kubectl and put it on PATH; or ask somebody with access for the certificate, which is not secret");
            }
            Trouble::Failed(said) => said,
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
