//! Reads kubeconfigs, and confines the files and programs that they name.

use std::env::consts::EXE_SUFFIX;
use std::io;
use std::path::{Path, PathBuf};

use kube::config::{AuthInfo, AuthProviderConfig, Kubeconfig, KubeconfigError};
use regcred_core::diagnostic::{Code, Diagnostic};
use secrecy::{ExposeSecret, SecretString};

/// The largest size of a kubeconfig.
const LONGEST: u64 = 16 * 1024 * 1024;

/// Reads a kubeconfig that is not a file. Relative paths in it would start from the working directory, which may be a repository.
#[expect(clippy::disallowed_methods, reason = "the kubeconfig is parsed here")]
pub(crate) fn parse(text: &SecretString) -> Result<Kubeconfig, Diagnostic> {
    let kubeconfig = Kubeconfig::from_yaml(text.expose_secret()).map_err(|error| invalid(&error))?;
    let clusters = kubeconfig.clusters.iter().filter_map(|named| named.cluster.as_ref());
    let users = || kubeconfig.auth_infos.iter().filter_map(|named| named.auth_info.as_ref());
    let of_users = |field: fn(&AuthInfo) -> Option<&String>| users().filter_map(field);
    let commands = of_users(|user| user.exec.as_ref()?.command.as_ref());
    let commands = commands.filter(|command| command.contains(['/', '\\']));
    let fields = [
        ("certificate-authority", clusters.filter_map(|cluster| cluster.certificate_authority.as_ref()).collect()),
        ("client-certificate", of_users(|user| user.client_certificate.as_ref()).collect()),
        ("client-key", of_users(|user| user.client_key.as_ref()).collect()),
        ("tokenFile", of_users(|user| user.token_file.as_ref()).collect()),
        ("command", commands.collect::<Vec<_>>()),
    ];
    let is_relative = |(_, paths): &&(&str, Vec<&String>)| paths.iter().any(|path| Path::new(path).is_relative());
    let Some((field, _)) = fields.iter().find(is_relative) else { return Ok(kubeconfig) };
    let message =
        format!("`{field}` of the kubeconfig has a relative path, and a kubeconfig in a variable has no folder");
    Err(Diagnostic::error(Code::InvalidKubeconfig, message)
        .hint("write an absolute path; `kubectl config view --flatten --raw` writes certificates and keys into it"))
}

/// Reads the files that exist, as kubectl does, and fails if none of them exists.
pub(crate) fn read(paths: &[PathBuf]) -> Result<Kubeconfig, Diagnostic> {
    let is_missing = |path: &Path| path.metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    let found: Vec<_> = paths.iter().filter(|path| !is_missing(path)).collect();
    let paths = if found.is_empty() { paths.iter().take(1).collect() } else { found };
    paths.iter().try_for_each(|path| check_file(path))?;
    let merged =
        paths.into_iter().try_fold(Kubeconfig::default(), |merged, path| merged.merge(Kubeconfig::read_from(path)?));
    merged.map_err(|error| invalid(&error))
}

/// Refuses a file that may never end: a device, a pipe without a writer, or a file that is longer than any kubeconfig.
fn check_file(path: &Path) -> Result<(), Diagnostic> {
    let is_open = path.starts_with("/dev/fd") || path == Path::new("/dev/stdin");
    let what = match path.metadata() {
        Ok(metadata) if metadata.len() > LONGEST => "is longer than 16 MiB",
        Ok(metadata) if !metadata.is_file() && !is_open => "is not a regular file",
        // A missing file is an error where it is read.
        _ => return Ok(()),
    };
    let message = format!("the kubeconfig cannot be read: it {what}");
    Err(Diagnostic::error(Code::NoKubeconfig, message)
        .hint("name a file with --kubeconfig FILE or the variable KUBECONFIG"))
}

/// Programs of the kubeconfig get no variable with a login of ours. They are looked up in absolute folders only, because a relative folder
/// of `PATH` may be in a repository. The program of an `auth-provider` would get all variables, so it is refused.
pub(crate) fn confine_programs(
    kubeconfig: &mut Kubeconfig,
    variables: &[String],
    folders: &[PathBuf],
) -> Result<(), Diagnostic> {
    for user in kubeconfig.auth_infos.iter_mut().filter_map(|user| user.auth_info.as_mut()) {
        if let Some(exec) = &mut user.exec {
            exec.drop_env = Some(variables.to_vec());
            let name = exec.command.as_ref().map(|name| format!("{name}{EXE_SUFFIX}"));
            if let Some(name) = name.filter(|name| !name.contains(['/', '\\'])) {
                let found = folders.iter().map(|folder| folder.join(&name)).find(|path| path.is_file());
                // A program that is not found is an error when it is started.
                let path = found.unwrap_or_else(|| Path::new("/").join(name));
                exec.command = path.into_os_string().into_string().ok();
            }
        }
        let runs = |provider: &AuthProviderConfig| provider.config.contains_key("cmd-path");
        if user.auth_provider.as_ref().is_some_and(runs) {
            let message =
                "the kubeconfig has an `auth-provider` that runs a program, which Kubernetes dropped with 1.26";
            return Err(Diagnostic::error(Code::InvalidKubeconfig, message).hint("use an `exec` entry instead"));
        }
    }
    Ok(())
}

/// The problem of a kubeconfig, without its text.
pub(crate) fn invalid(error: &KubeconfigError) -> Diagnostic {
    let what = match error {
        KubeconfigError::ReadConfig(error, _) => {
            let message = format!("the kubeconfig cannot be read: {}", regcred_core::diagnostic::reason(error));
            return Diagnostic::error(Code::NoKubeconfig, message)
                .hint("check the path in --kubeconfig or in the variable KUBECONFIG");
        }
        KubeconfigError::Parse(_) => "the kubeconfig is not the YAML that kubectl takes",
        KubeconfigError::LoadContext(_) | KubeconfigError::CurrentContextNotSet => "the kubeconfig has no such context",
        KubeconfigError::LoadClusterOfContext(_)
        | KubeconfigError::MissingClusterUrl
        | KubeconfigError::ParseClusterUrl(_) => "the context of the kubeconfig has no cluster with an address",
        KubeconfigError::LoadCertificateAuthority(_)
        | KubeconfigError::LoadClientCertificate(_)
        | KubeconfigError::LoadClientKey(_)
        | KubeconfigError::ParseCertificates(_) => "a certificate or key of the kubeconfig cannot be read",
        KubeconfigError::ParseProxyUrl(_) => "the address of the proxy is invalid",
        _ => "the kubeconfig is invalid",
    };
    Diagnostic::error(Code::InvalidKubeconfig, what)
        .hint("decode it if it is base64, and try it with kubectl: `kubectl get namespaces`")
}
