//! Names the templates that a user may replace, and says which of them a format uses.

use super::choice::Format;
use super::combination::Chart;

/// Every template that a user may replace; `templates/` has a copy of each to start from.
pub const BUILT_IN: &[&str] = &[
    "admission-policy.yaml.j2",
    "cluster-external-secret.yaml.j2",
    "external-generator.yaml.j2",
    "external-secret.yaml.j2",
    "namespace.yaml.j2",
    "patcher-deployment.yaml.j2",
    "patcher-guard.yaml.j2",
    "patcher-namespace.yaml.j2",
    "patcher-tamcore-access.yaml.j2",
    "patcher-titansoft-access.yaml.j2",
    "service-account.yaml.j2",
];

/// Whether a format uses a template: Helm makes the chart's own objects.
pub fn is_used(name: &str, format: Format, chart: &Chart) -> bool {
    match (format, chart) {
        (Format::Chart, _) => name == "admission-policy.yaml.j2" || name.contains("external"),
        (Format::HelmValues, Chart::Tamcore) => name == "patcher-guard.yaml.j2",
        (Format::HelmValues, Chart::Empathyco) => ["namespace.yaml.j2", "patcher-guard.yaml.j2"].contains(&name),
        _ => format.holds_every_object(),
    }
}
