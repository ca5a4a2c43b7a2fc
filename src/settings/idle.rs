//! Flags that would do nothing: what was typed and what it comes to in, a usage error for each such flag out.

use super::Settings;
use super::choices::{Chart, Combination, Link, Patcher, Protect, Shape, Strategy};
use crate::cli::RenderArguments;
use crate::problem::{Failure, Problem};

/// Flags that mean nothing in some circumstances.
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
    let mut members = members.iter().map(|member| idle(arguments, member.combination, &member.chart));
    let mut problems = members.next().unwrap_or_default();
    for others in members {
        problems.retain(|problem| others.contains(problem));
    }
    if problems.is_empty() { Ok(()) } else { Err(Failure::Usage(problems)) }
}

fn idle(arguments: &RenderArguments, combination: Combination, chart: &Chart) -> Vec<Problem> {
    let rules = rules(combination, chart);
    typed(arguments)
        .into_iter()
        .filter_map(|flag| {
            let rule = rules.iter().find(|rule| rule.applies && rule.idle.contains(&flag))?;
            Some(Problem::error("usage", format!("`{flag}` means nothing {}", rule.when)).hint(rule.hint))
        })
        .collect()
}

fn rules(Combination { strategy, link, protect, shape }: Combination, chart: &Chart) -> [Rule; 11] {
    let rule = |applies, when, idle, hint| Rule { applies, when, idle, hint };
    let patcher = strategy == Strategy::Patcher;
    [
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
        rule(
            shape == Shape::DockerConfig,
            "with `--shape docker-config`, which is no object of a cluster",
            &["--namespaces", "--namespaces-from", "--create-namespaces", "--profile", "--also-reference"],
            "leave it out, or use --shape yaml",
        ),
        rule(
            link == Link::None,
            "with `--link none`, which writes no ServiceAccount",
            &["--also-reference"],
            "use --link service-account, or leave it out",
        ),
        rule(
            link == Link::Policy,
            "with `--link policy`, which keeps what a Pod has",
            &["--also-reference"],
            "use --link service-account, or leave it out",
        ),
        match chart {
            Chart::Tamcore => rule(true, "with `--chart tamcore`", &["--patcher titansoft"], "leave --patcher out"),
            _ => rule(
                *chart == Chart::Empathyco,
                "with `--chart empathyco`",
                &["--patcher tamcore"],
                "leave --patcher out, or use --chart tamcore",
            ),
        },
        rule(
            protect != Protect::Sealed,
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
            protect == Protect::External,
            "with `--protect external`, which reads no login",
            &["--docker-config", "--docker-config-file", "--login", "--allow-short-lived"],
            "leave it out, and name the login's key under `external` in regcred.yaml",
        ),
    ]
}

/// The flags that were typed, of those that a rule knows.
fn typed(arguments: &RenderArguments) -> Vec<&'static str> {
    let RenderArguments { logins, target, patcher, .. } = arguments;
    let flags = [
        ("--docker-config", !logins.docker_config.is_empty()),
        ("--docker-config-file", !logins.docker_config_file.is_empty()),
        ("--login", !logins.login.is_empty()),
        ("--allow-short-lived", logins.allow_short_lived),
        ("--namespaces", !target.namespaces.is_empty()),
        ("--namespaces-from", target.namespaces_from.is_some()),
        ("--create-namespaces", target.create_namespaces),
        ("--also-reference", !arguments.also_reference.is_empty()),
        ("--sealing-cert", arguments.protection.sealing_cert.is_some()),
        ("--sealing-scope", arguments.protection.sealing_scope.is_some()),
        ("--reseal", arguments.protection.reseal),
        ("--profile", arguments.profile.is_some()),
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
