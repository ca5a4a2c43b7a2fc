//! Completes the choices of a user to one combination, and re-exports their types for the modules of the program.

use super::fleet::Purpose;
use super::usage;
use regcred_core::diagnostic::Failure;
use regcred_core::spec::{Open, Options, PullSecret};

pub use regcred_core::spec::choice::{Format, Link, Patcher, Profile, Protect, SealingScope, Strategy};
pub use regcred_core::spec::combination::{Chart, Combination, Wish};

fn wish(options: &Options) -> Wish {
    Wish {
        strategy: options.strategy.chosen().copied(),
        link: options.link.chosen().copied(),
        protect: options.protect.chosen().copied(),
        format: options.format.chosen().copied(),
    }
}

/// The combination for a run that needs only the logins. Without a format, one that fits every protection is assumed; flags that name
/// logins replace the store of `protect: external`.
pub(super) fn of_logins(options: &Options, pull_secrets: &[PullSecret]) -> Result<Combination, Failure> {
    let wish = wish(options);
    // An impossible combination in the file is an error for every command.
    let combination = Combination::resolve(Wish { format: wish.format.or(Some(Format::Directory)), ..wish })?;
    let combination = patchable(combination, options)?;
    let reads_logins =
        combination.protect == Protect::External && pull_secrets.iter().any(PullSecret::has_typed_logins);
    Ok(if reads_logins { Combination { protect: Protect::Plain, ..combination } } else { combination })
}

/// The combination for a live cluster: format and protection are about files.
/// Errors: usage: the strategy or protection writes no Secret there.
pub(super) fn of_a_cluster(options: &Options, purpose: Purpose) -> Result<Combination, Failure> {
    let Wish { strategy, link, protect, .. } = wish(options);
    let is_only_seen = purpose == Purpose::Look && strategy == Some(Strategy::Controller);
    if let Some(other) = strategy.filter(|strategy| *strategy != Strategy::Static && !is_only_seen) {
        return Err(usage(
            format!(
                "`strategy: {other}` in regcred.yaml: the {other} writes the Secrets, so `apply` would write them a second time"
            ),
            "apply its manifests, `regcred render | kubectl apply --server-side --field-manager=regcred-NAME -f -`; or use \
             `strategy: static`",
        ));
    }
    if protect == Some(Protect::External) {
        return Err(usage(
            "`protect: external` in regcred.yaml: an operator writes the Secrets, so `apply` would write them a second time",
            "apply the manifests of `regcred render` with kubectl; or use another `protect`, and `logins`",
        ));
    }
    Combination::resolve(Wish { strategy, link, protect: Some(Protect::Plain), format: Some(Format::Yaml) })
}

/// The combination of the choices, including those that follow from a chart, a patcher or a named ServiceAccount.
/// Errors: usage: choices that cannot be combined.
pub(super) fn combination(
    options: &Options,
    pull_secrets: &[PullSecret],
    chart: &Chart,
) -> Result<Combination, Failure> {
    let Wish { strategy, link, protect, format } = wish(options);
    // regcred.yaml may protect files; a live cluster, which the rights are for, has no files.
    let is_of_files = matches!(protect, Some(Protect::Sealed | Protect::Sops))
        && options.protect.as_ref().is_some_and(|protect| !protect.origin.is_typed());
    let protect = protect.filter(|_| !(format == Some(Format::Rbac) && is_of_files));
    let is_typed = options.patcher.as_ref().is_some_and(|patcher| patcher.origin.is_typed());
    let of_a_patcher = matches!(chart, Chart::Tamcore | Chart::Empathyco) || is_typed;
    let strategy = strategy.or(of_a_patcher.then_some(Strategy::Patcher));
    if of_a_patcher && strategy == Some(Strategy::Static) {
        return Err(usage(
            "`--strategy static` cannot be combined with the patcher that `--chart` or `--patcher` names",
            "leave --strategy out",
        ));
    }
    let of_no_patcher = matches!(chart, Chart::Own | Chart::Template(_));
    if strategy == Some(Strategy::Patcher) && format == Some(Format::HelmValues) && of_no_patcher {
        return Err(usage(
            "`--strategy patcher` and `--format helm-values` need a chart of a patcher",
            "add --chart tamcore or --chart empathyco",
        ));
    }
    // A chart links nothing by default, but a named ServiceAccount must be linked.
    let names_an_account = |pull_secret: &PullSecret| {
        pull_secret.service_accounts.as_ref().is_some_and(|accounts| accounts.origin.is_typed())
    };
    let named = matches!(format, Some(Format::Chart | Format::HelmValues)) && pull_secrets.iter().any(names_an_account);
    let link = link.or(named.then_some(Link::ServiceAccount));
    patchable(Combination::resolve(Wish { strategy, link, protect, format })?, options)
}

/// The same combination, if the chosen patcher can do it.
/// Errors: usage: tamcore's patcher must link.
fn patchable(combination: Combination, options: &Options) -> Result<Combination, Failure> {
    let patcher = options.patcher.chosen().copied();
    if combination.strategy == Strategy::Patcher
        && patcher == Some(Patcher::Tamcore)
        && combination.link != Link::ServiceAccount
    {
        return Err(usage(
            format!(
                "`--patcher tamcore` and `--link {}` cannot be combined: it writes Secrets only where it links",
                combination.link
            ),
            "use --patcher titansoft, or --link service-account",
        ));
    }
    Ok(combination)
}
