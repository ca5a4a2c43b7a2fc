//! Lists the kinds of objects that Pods are made from, and where they keep images and references.

use std::str::FromStr;

use thiserror::Error;

use crate::names::ResourceName;

/// The field of a Pod spec.
pub const FIELD: &str = "imagePullSecrets";

/// Kinds with Pod specs: API group, kind, and the path of the Pod spec.
const POD_SPECS: &[(&str, &str, &str)] = &[
    ("", "Pod", "spec"),
    ("", "PodTemplate", "template.spec"),
    ("", "ReplicationController", "spec.template.spec"),
    ("apps", "DaemonSet", "spec.template.spec"),
    ("apps", "Deployment", "spec.template.spec"),
    ("apps", "ReplicaSet", "spec.template.spec"),
    ("apps", "StatefulSet", "spec.template.spec"),
    ("batch", "CronJob", "spec.jobTemplate.spec.template.spec"),
    ("batch", "Job", "spec.template.spec"),
    // OpenShift
    ("apps.openshift.io", "DeploymentConfig", "spec.template.spec"),
    // Argo Rollouts
    ("argoproj.io", "Rollout", "spec.template.spec"),
    // Knative
    ("serving.knative.dev", "Configuration", "spec.template.spec"),
    ("serving.knative.dev", "Revision", "spec"),
    ("serving.knative.dev", "Service", "spec.template.spec"),
    // OpenKruise
    ("apps.kruise.io", "CloneSet", "spec.template.spec"),
    ("apps.kruise.io", "DaemonSet", "spec.template.spec"),
    ("apps.kruise.io", "StatefulSet", "spec.template.spec"),
    // Batch: Volcano, JobSet, KEDA, Kubeflow, Ray, LeaderWorkerSet
    ("batch.volcano.sh", "Job", "spec.tasks[].template.spec"),
    ("jobset.x-k8s.io", "JobSet", "spec.replicatedJobs[].template.spec.template.spec"),
    ("keda.sh", "ScaledJob", "spec.jobTargetRef.template.spec"),
    ("kubeflow.org", "MPIJob", "spec.mpiReplicaSpecs[].template.spec"),
    ("kubeflow.org", "PyTorchJob", "spec.pytorchReplicaSpecs[].template.spec"),
    ("kubeflow.org", "TFJob", "spec.tfReplicaSpecs[].template.spec"),
    ("leaderworkerset.x-k8s.io", "LeaderWorkerSet", "spec.leaderWorkerTemplate.leaderTemplate.spec"),
    ("leaderworkerset.x-k8s.io", "LeaderWorkerSet", "spec.leaderWorkerTemplate.workerTemplate.spec"),
    ("ray.io", "RayCluster", "spec.headGroupSpec.template.spec"),
    ("ray.io", "RayCluster", "spec.workerGroupSpecs[].template.spec"),
    ("ray.io", "RayJob", "spec.rayClusterSpec.headGroupSpec.template.spec"),
    ("ray.io", "RayJob", "spec.rayClusterSpec.workerGroupSpecs[].template.spec"),
    ("ray.io", "RayService", "spec.rayClusterConfig.headGroupSpec.template.spec"),
    ("ray.io", "RayService", "spec.rayClusterConfig.workerGroupSpecs[].template.spec"),
    // Runners of GitHub Actions
    ("actions.github.com", "AutoscalingRunnerSet", "spec.template.spec"),
    ("actions.summerwind.dev", "RunnerDeployment", "spec.template.spec"),
];

/// Kinds that keep references elsewhere: API group, kind, the path below which every `image` counts, and the path from there to
/// the references. A path that ends in `s` is that of a list.
const ELSEWHERE: &[(&str, &str, &str, &str)] = &[
    // Argo Workflows
    ("argoproj.io", "ClusterWorkflowTemplate", "spec", "imagePullSecrets"),
    ("argoproj.io", "CronWorkflow", "spec.workflowSpec", "imagePullSecrets"),
    ("argoproj.io", "Workflow", "spec", "imagePullSecrets"),
    ("argoproj.io", "WorkflowTemplate", "spec", "imagePullSecrets"),
    // Prometheus Operator
    ("monitoring.coreos.com", "Alertmanager", "spec", "imagePullSecrets"),
    ("monitoring.coreos.com", "Prometheus", "spec", "imagePullSecrets"),
    ("monitoring.coreos.com", "PrometheusAgent", "spec", "imagePullSecrets"),
    ("monitoring.coreos.com", "ThanosRuler", "spec", "imagePullSecrets"),
    // Strimzi
    ("kafka.strimzi.io", "Kafka", "spec.cruiseControl", "template.pod.imagePullSecrets"),
    ("kafka.strimzi.io", "Kafka", "spec.entityOperator", "template.pod.imagePullSecrets"),
    ("kafka.strimzi.io", "Kafka", "spec.kafka", "template.pod.imagePullSecrets"),
    ("kafka.strimzi.io", "Kafka", "spec.kafkaExporter", "template.pod.imagePullSecrets"),
    ("kafka.strimzi.io", "Kafka", "spec.zookeeper", "template.pod.imagePullSecrets"),
    ("kafka.strimzi.io", "KafkaBridge", "spec", "template.pod.imagePullSecrets"),
    ("kafka.strimzi.io", "KafkaConnect", "spec", "template.pod.imagePullSecrets"),
    ("kafka.strimzi.io", "KafkaMirrorMaker2", "spec", "template.pod.imagePullSecrets"),
    // KubeVirt
    ("kubevirt.io", "VirtualMachine", "spec.template.spec.volumes[].containerDisk", "imagePullSecret"),
    ("kubevirt.io", "VirtualMachineInstance", "spec.volumes[].containerDisk", "imagePullSecret"),
];

/// Where objects of a kind keep images and references: as text `KIND[.GROUP]=FIELD.FIELD`, where `[]` after a field means each
/// item of a list, or each value of a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodPath {
    kind: String,
    group: Option<String>,
    /// From the object to the mapping that the images are in.
    pub fields: Vec<PathField>,
    /// From that mapping to the references, their own field last.
    pub references: Vec<String>,
    /// Which images count.
    pub images: Images,
}

/// The images that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Images {
    /// Those of a Pod spec's containers and volumes; in a mapping without containers, every `image`.
    OfPodSpec,
    /// Every `image`.
    Every,
}

/// A field on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathField {
    /// Its name.
    pub name: String,
    /// Whether the way goes on in each of its items or values.
    pub each_item: bool,
}

/// Why a text is not such a path. Never holds the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidPath {
    /// There is no `=`.
    #[error("has no `=` between the kind and the path")]
    NoPath,
    /// What comes before the `=` is not a kind.
    #[error("has no kind before the `=`: a word that begins with a capital letter, perhaps with `.` and the API group")]
    Kind,
    /// A field is not valid.
    #[error("has an empty or invalid field at position {0}")]
    Field(usize),
}

impl FromStr for PodPath {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        let (kind, path) = text.split_once('=').ok_or(InvalidPath::NoPath)?;
        let (kind, group) = kind.split_once('.').map_or((kind, None), |(kind, group)| (kind, Some(group)));
        if !is_kind(kind) || group.is_some_and(|group| !is_group(group)) {
            return Err(InvalidPath::Kind);
        }
        for (number, field) in path.split('.').enumerate() {
            let name = field.strip_suffix("[]").unwrap_or(field);
            let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
            if name.is_empty() || !is_name {
                return Err(InvalidPath::Field(number + 1));
            }
        }
        Ok(Self::new(group, kind, path, FIELD, Images::OfPodSpec))
    }
}

impl PodPath {
    /// The paths of the kinds that are known.
    pub fn built_in() -> impl Iterator<Item = Self> {
        let in_pod_specs = POD_SPECS
            .iter()
            .map(|(group, kind, path)| Self::new(Some(group), kind, path, FIELD, Images::OfPodSpec));
        let elsewhere = ELSEWHERE
            .iter()
            .map(|(group, kind, path, references)| Self::new(Some(group), kind, path, references, Images::Every));
        in_pod_specs.chain(elsewhere)
    }

    fn new(group: Option<&str>, kind: &str, path: &str, references: &str, images: Images) -> Self {
        let field = |text: &str| PathField {
            name: text.trim_end_matches("[]").to_owned(),
            each_item: text.ends_with("[]"),
        };
        Self {
            kind: kind.to_owned(),
            group: group.map(str::to_owned),
            fields: path.split('.').map(field).collect(),
            references: references.split('.').map(str::to_owned).collect(),
            images,
        }
    }

    /// Whether it is for objects of this API group and kind.
    #[must_use]
    pub fn is_for(&self, group: &str, kind: &str) -> bool {
        self.kind == kind && self.group.as_deref().is_none_or(|own| own == group)
    }
}

/// Whether the text can be the name of a kind.
#[must_use]
pub fn is_kind(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_uppercase())
        && text.len() <= 63
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Whether the text can be the name of an API group.
#[must_use]
pub fn is_group(text: &str) -> bool {
    text.parse::<ResourceName>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_a_kind_and_fields() {
        for good in ["Rollout=spec.template.spec", "Job.batch.volcano.sh=spec.tasks[].template.spec", "A1=x-y_z"] {
            assert!(good.parse::<PodPath>().is_ok(), "{good}");
        }
        for (bad, error) in [
            ("Rollout", InvalidPath::NoPath),
            ("=spec", InvalidPath::Kind),
            ("rollout=spec", InvalidPath::Kind),
            ("Roll out=spec", InvalidPath::Kind),
            ("Rollout.=spec", InvalidPath::Kind),
            ("Rollout=", InvalidPath::Field(1)),
            ("Rollout=spec..x", InvalidPath::Field(2)),
            ("Rollout=spec/template", InvalidPath::Field(1)),
            ("Rollout=spec.[]", InvalidPath::Field(2)),
        ] {
            assert_eq!(bad.parse::<PodPath>(), Err(error), "{bad}");
        }
    }

    #[test]
    fn the_tables_hold_what_a_flag_could() {
        let paths = POD_SPECS.iter().map(|(group, kind, path)| (group, kind, path));
        for (group, kind, path) in paths.chain(ELSEWHERE.iter().map(|(group, kind, path, _)| (group, kind, path))) {
            let group = if group.is_empty() { String::new() } else { format!(".{group}") };
            assert!(format!("{kind}{group}={path}").parse::<PodPath>().is_ok(), "{kind}");
        }
    }
}
