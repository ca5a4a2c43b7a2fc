//! Flags that would do nothing: what was typed and what it comes to in, a usage error for each such flag out.

use super::Settings;
use super::choices::{Chart, Combination, Format, Link, Patcher, Protect, Strategy};
use super::external::ExternalSettings;
use crate::cli::RenderArguments;
use crate::templates;
use regcred_core::diagnostic::{Code, Diagnostic, Failure};

/// Flags that mean nothing in some circumstances.
#[derive(Clone)]
struct Rule {
    /// Whether the circumstances are there.
    applies: bool,
    /// The circumstances, with the flag that makes them.
    when: &'static str,
    /// The flags.
    idle: &'static [&'static str],
    /// What to do instead.
    hint: &'static str,
}

/// Refuses flags that would do nothing in any cluster; variables and regcred.yaml are shared by many runs, and stay silent.
///
/// # Errors
/// Usage: each flag that means nothing, with the one that makes it so.
pub fn refuse(arguments: &RenderArguments, members: &[Settings]) -> Result<(), Failure> {
    let mut members = members.iter().map(|member| idle(arguments, member));
    let mut problems = members.next().unwrap_or_default();
    for others in members {
        problems.retain(|problem| others.contains(problem));
    }
    if problems.is_empty() { Ok(()) } else { Err(Failure::Usage(problems)) }
}

fn idle(arguments: &RenderArguments, settings: &Settings) -> Vec<Diagnostic> {
    let rules = rules(settings);
    let rule_of = |flag| rules.iter().find(|rule: &&Rule| rule.applies && rule.idle.contains(&flag));
    let mut problems: Vec<_> = typed(arguments)
        .into_iter()
        .filter_map(|flag| {
            let rule = rule_of(flag)?;
            Some(Diagnostic::error(Code::Usage, format!("`{flag}` means nothing {}", rule.when)).hint(rule.hint))
        })
        .collect();
    if rule_of("--templates").is_none() {
        problems.extend(idle_templates(settings));
    }
    problems
}

/// Templates that replace ours where none of ours is used.
fn idle_templates(
    Settings { templates: folder, combination, chart, .. }: &Settings,
) -> impl Iterator<Item = Diagnostic> {
    let format = combination.format;
    let names = templates::BUILT_IN.iter().copied();
    let idle = names.filter(move |name| !templates::is_used(name, format, chart));
    let idle = idle.filter(|name| folder.as_ref().is_some_and(|folder| folder.join(name).exists()));
    idle.map(move |name| {
        Diagnostic::error(
            Code::Usage,
            format!("`{name}` in `--templates` means nothing with `--format {format}`, which makes no object by it"),
        )
        .hint("take it out of that directory, or use --format yaml")
    })
}

/// The first that knows a flag tells of it.
fn rules(settings: &Settings) -> Vec<Rule> {
    [
        of_the_strategy(settings),
        of_the_form(settings),
        of_the_link(settings),
        of_the_patcher(settings),
        of_the_protection(settings),
    ]
    .concat()
}

fn of_the_strategy(Settings { combination, chart, .. }: &Settings) -> Vec<Rule> {
    let patcher = combination.strategy == Strategy::Patcher;
    vec![
        rule(
            !patcher,
            "without `--strategy patcher`",
            &[
                "--patcher-namespace",
                "--patcher-image",
                "--source-secret-name",
                "--patcher-pull-secret",
                "--patcher-interval",
                "--no-guard",
            ],
            "add --strategy patcher, or leave it out",
        ),
        rule(
            patcher,
            "with `--strategy patcher`, which serves every namespace",
            &["--namespaces-from"],
            "use --exclude, or --strategy static",
        ),
        rule(
            // Beside the values for empathyco's chart the namespace of the release may be made.
            patcher && *chart != Chart::Empathyco,
            "with `--strategy patcher`, which serves the namespaces that there are",
            &["--create-namespaces"],
            "leave it out, or use --strategy static",
        ),
        rule(
            patcher,
            "with `--strategy patcher`: the patcher writes the references itself",
            &["--also-reference"],
            "leave it out, or use --strategy static",
        ),
    ]
}

fn of_the_form(Settings { combination: Combination { format, .. }, chart, .. }: &Settings) -> Vec<Rule> {
    vec![
        rule(
            *format == Format::DockerConfig,
            "with `--format docker-config`, which is no object of a cluster",
            &[
                "--namespaces",
                "--namespaces-from",
                "--exclude",
                "--create-namespaces",
                "--service-account",
                "--also-reference",
                "--profile",
                "--templates",
            ],
            "leave it out, or use --format yaml",
        ),
        rule(
            matches!(chart, Chart::Template(_)),
            "with a template as `--chart`, which makes all that is written",
            &["--create-namespaces", "--also-reference", "--profile", "--templates"],
            "leave it out, and write it into the template",
        ),
        rule(
            *format == Format::HelmValues && *chart == Chart::Own,
            "with `--format helm-values`, which makes no object",
            &["--templates"],
            "leave it out, or use --format yaml",
        ),
    ]
}

fn of_the_link(Settings { combination: Combination { link, .. }, pull_secrets, .. }: &Settings) -> Vec<Rule> {
    let by_label =
        |external: &Option<ExternalSettings>| external.as_ref().is_some_and(ExternalSettings::selects_by_label);
    vec![
        rule(
            *link == Link::None,
            "with `--link none`, which writes no ServiceAccount",
            &["--service-account", "--also-reference"],
            "use --link service-account, or leave it out",
        ),
        rule(
            *link == Link::Policy,
            "with `--link policy`, which is for Pods of every ServiceAccount and keeps what a Pod has",
            &["--service-account", "--also-reference"],
            "use --link service-account, or leave it out",
        ),
        rule(
            *link == Link::None && pull_secrets.iter().all(|pull_secret| by_label(&pull_secret.external)),
            "with `namespaceSelectors` in regcred.yaml, which choose namespaces by label",
            &["--namespaces", "--namespaces-from", "--exclude", "--create-namespaces"],
            "leave it out, or take `namespaceSelectors` out of the file",
        ),
    ]
}

fn of_the_patcher(Settings { chart, patcher, .. }: &Settings) -> Vec<Rule> {
    let watches = patcher.as_ref().is_some_and(|patcher| patcher.patcher == Patcher::Tamcore);
    vec![
        rule(
            *chart == Chart::Tamcore,
            "with `--chart tamcore`, whose patcher watches",
            &["--patcher titansoft", "--patcher-interval"],
            "leave it out",
        ),
        rule(watches, "with `--patcher tamcore`, which watches", &["--patcher-interval"], "leave it out"),
        rule(
            *chart == Chart::Empathyco,
            "with `--chart empathyco`",
            &["--patcher tamcore"],
            "leave --patcher out, or use --chart tamcore",
        ),
        rule(
            *chart == Chart::Empathyco,
            "with `--chart empathyco`, which has one name for the source and its copies",
            &["--source-secret-name"],
            "leave it out, or name both with --secret-name",
        ),
    ]
}

fn of_the_protection(Settings { combination: Combination { protect, .. }, .. }: &Settings) -> Vec<Rule> {
    vec![
        rule(
            *protect != Protect::Sealed,
            "without `--protect sealed`",
            &["--sealing-cert", "--sealing-scope"],
            "add --protect sealed, or leave it out",
        ),
        rule(
            !matches!(protect, Protect::Sealed | Protect::Sops),
            "without `--protect sealed` or `--protect sops`",
            &["--reseal"],
            "leave it out",
        ),
        rule(
            *protect == Protect::External,
            "with `--protect external`, which reads no login",
            &["--docker-config", "--docker-config-file", "--login", "--allow-short-lived"],
            "leave it out, and name the login's key under `external` in regcred.yaml",
        ),
    ]
}

const fn rule(applies: bool, when: &'static str, idle: &'static [&'static str], hint: &'static str) -> Rule {
    Rule { applies, when, idle, hint }
}

/// The flags that were typed, of those that a rule knows.
fn typed(arguments: &RenderArguments) -> Vec<&'static str> {
    let RenderArguments { logins, target, patcher, .. } = arguments;
    let flags = [
        ("--docker-config", !logins.docker_config.is_empty()),
        ("--docker-config-file", !logins.docker_config_file.is_empty()),
        ("--login", !logins.login.is_empty()),
        ("--allow-short-lived", logins.allow_short_lived),
        ("--credential-helpers", logins.credential_helpers),
        ("--namespaces", !target.namespaces.is_empty()),
        ("--namespaces-from", target.namespaces_from.is_some()),
        ("--exclude", !target.exclude.is_empty()),
        ("--create-namespaces", target.create_namespaces),
        ("--service-account", !arguments.service_account.is_empty()),
        ("--also-reference", !arguments.also_reference.is_empty()),
        ("--sealing-cert", arguments.protection.sealing_cert.is_some()),
        ("--sealing-scope", arguments.protection.sealing_scope.is_some()),
        ("--reseal", arguments.protection.reseal),
        ("--profile", arguments.profile.is_some()),
        ("--templates", arguments.templates.is_some()),
        ("--patcher tamcore", patcher.patcher == Some(Patcher::Tamcore)),
        ("--patcher titansoft", patcher.patcher == Some(Patcher::Titansoft)),
        ("--patcher-namespace", patcher.patcher_namespace.is_some()),
        ("--patcher-image", patcher.patcher_image.is_some()),
        ("--source-secret-name", patcher.source_secret_name.is_some()),
        ("--patcher-pull-secret", patcher.patcher_pull_secret.is_some()),
        ("--patcher-interval", patcher.patcher_interval.is_some()),
        ("--no-guard", patcher.no_guard),
    ];
    flags.into_iter().filter(|(_, typed)| *typed).map(|(flag, _)| flag).collect()
}
