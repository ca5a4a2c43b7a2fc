//! Builds the objects of the Prometheus operator: where the metrics of the controller are, and when to alert.

use serde_json::{Value, json};

use super::Installation;
use super::workload::{labels, metadata};

const API: &str = "monitoring.coreos.com/v1";

/// Prometheus asks both Pods: only the leader writes, but each Pod reports whether it could.
pub(super) fn pod_monitor(of: &Installation<'_>) -> Value {
    json!({
        "apiVersion": API, "kind": "PodMonitor", "metadata": metadata(of),
        "spec": {"selector": {"matchLabels": labels(of)}, "podMetricsEndpoints": [{"port": "http"}]},
    })
}

pub(super) fn rules(of: &Installation<'_>) -> Value {
    let rules: Vec<_> = ALERTS.iter().map(|alert| alert.rule(of)).collect();
    json!({
        "apiVersion": API, "kind": "PrometheusRule", "metadata": metadata(of),
        "spec": {"groups": [{"name": of.name(), "rules": rules}]},
    })
}

/// An alert. JOB, NAMESPACE and NAME stand for the controller's values; a `PodMonitor` makes JOB from NAMESPACE and NAME.
struct Alert {
    name: &'static str,
    severity: &'static str,
    /// How long the expression must hold.
    lasting: &'static str,
    expression: &'static str,
    summary: &'static str,
    remedy: &'static str,
}

/// The states that need a person. Counts and answers of registries come from the leader: another replica may have old ones.
const ALERTS: &[Alert] = &[
    Alert {
        name: "RegcredControllerDown",
        severity: "critical",
        lasting: "5m",
        expression: r#"absent(up{job="JOB"} == 1)"#,
        summary: "No replica of the regcred controller answers",
        remedy: "New namespaces get no pull secret. Look at the Pods of Deployment NAME in namespace NAMESPACE.",
    },
    Alert {
        name: "RegcredNoLeader",
        severity: "critical",
        lasting: "5m",
        expression: r#"sum(regcred_leader{job="JOB"}) == 0"#,
        summary: "No replica of the regcred controller leads",
        remedy: "New namespaces get no pull secret. The log of the Pods says why they do not take Lease NAME.",
    },
    Alert {
        name: "RegcredNotConfined",
        severity: "critical",
        lasting: "5m",
        expression: r#"regcred_confined{job="JOB"} == 0"#,
        summary: "No policy confines the regcred controller, so it writes nothing",
        remedy: "Apply the ValidatingAdmissionPolicies and bindings NAME again. Find out who deleted them.",
    },
    Alert {
        name: "RegcredNotReady",
        severity: "warning",
        lasting: "10m",
        expression: r#"kube_pod_status_ready{namespace="NAMESPACE",pod=~"NAME-[0-9a-z]+-[0-9a-z]+",condition="true"} == 0"#,
        summary: "Pod {{ $labels.pod }} of the regcred controller is not ready",
        remedy: "Its path /readyz and its log say why. This alert needs kube-state-metrics.",
    },
    Alert {
        name: "RegcredConfigBroken",
        severity: "warning",
        lasting: "5m",
        expression: r#"regcred_config_broken{job="JOB"} == 1"#,
        summary: "A file or a login of the regcred controller is wrong, and what was right before stays",
        remedy: "The Events of Deployment NAME in namespace NAMESPACE say what is wrong.",
    },
    Alert {
        name: "RegcredResourcesNotFollowed",
        severity: "warning",
        lasting: "15m",
        expression: r#"max by (state) (regcred_resources{job="JOB",state=~"not-permitted|login-broken"} and on (namespace, pod) regcred_leader{job="JOB"} == 1) > 0"#,
        summary: "Custom resources {{ $labels.state }}: {{ $value }}",
        remedy: "`kubectl get registrycredentials` and the Events of Deployment NAME say which and why. This alert needs `--crd`.",
    },
    Alert {
        name: "RegcredNamespacesNotServed",
        severity: "warning",
        lasting: "15m",
        expression: r#"max by (state) (regcred_namespaces{job="JOB",state=~"pending|failing|contested"} and on (namespace, pod) regcred_leader{job="JOB"} == 1) > 0"#,
        summary: "Namespaces {{ $labels.state }}: {{ $value }}",
        remedy: "Pods there may fail to pull. `regcred status` and the Events of Deployment NAME say which and why.",
    },
    Alert {
        name: "RegcredLoginRefused",
        severity: "critical",
        lasting: "5m",
        expression: r#"max by (registry) (regcred_login_refused{job="JOB"} and on (namespace, pod) regcred_leader{job="JOB"} == 1) == 1"#,
        summary: "{{ $labels.registry }} refuses the login",
        remedy: "Pods that pull from there fail. Rotate the login. This alert needs `--check-online`.",
    },
    Alert {
        name: "RegcredLoginExpiresSoon",
        severity: "warning",
        lasting: "1h",
        expression: r#"min by (registry) (regcred_login_expires_timestamp_seconds{job="JOB"}) - time() < 7 * 86400"#,
        summary: "The login for {{ $labels.registry }} ends in {{ $value | humanizeDuration }}",
        remedy: "Rotate the login before Pods fail to pull.",
    },
];

impl Alert {
    fn rule(&self, of: &Installation<'_>) -> Value {
        let (namespace, name) = (of.settings.namespace.as_str(), of.name());
        let fill = |text: &str| {
            let text = text.replace("JOB", &format!("{namespace}/{name}"));
            text.replace("NAMESPACE", namespace).replace("NAME", &name)
        };
        json!({
            "alert": self.name, "expr": fill(self.expression), "for": self.lasting,
            "labels": {"severity": self.severity},
            "annotations": {"summary": fill(self.summary), "description": fill(self.remedy)},
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_that_only_the_leader_keeps_current_is_read_from_the_leader() {
        for metric in ["regcred_namespaces{", "regcred_resources{", "regcred_login_refused{"] {
            let alerts: Vec<_> = ALERTS.iter().filter(|alert| alert.expression.contains(metric)).collect();
            assert!(!alerts.is_empty(), "{metric}");
            for alert in alerts {
                let joined = r#" and on (namespace, pod) regcred_leader{job="JOB"} == 1)"#;
                assert!(alert.expression.contains(joined), "{}", alert.name);
            }
        }
    }
}
