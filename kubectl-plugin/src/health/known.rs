//! What the controllers of widely used kinds always report.
//!
//! In: a custom resource. Out: whether its controller has yet to say what it says of every object of the kind. Of other
//! kinds nobody knows whether they ever get a status, so there silence is no news.
//!
//! These are facts about kinds, not rules: what a report means is for the conventions to say.

use std::fmt;

use super::Health;
use super::live::Live;

/// What is always reported of some kinds.
pub(super) struct Known {
    /// Their group. With a dot in front, all groups that end so.
    pub(super) group: &'static str,
    /// The kinds.
    pub(super) kinds: &'static [&'static str],
    pub(super) report: Report,
}

/// Where the report stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Report {
    /// In a condition.
    Condition(&'static str),
    /// In a word, in this field of the status.
    Word(&'static str),
    /// Somewhere in the status.
    Status,
}

use Report::{Condition, Status, Word};

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Condition(kind) => write!(formatter, "the condition `{kind}`"),
            Word(field) => write!(formatter, "`status.{field}`"),
            Status => formatter.write_str("a status"),
        }
    }
}

const READY: Report = Condition("Ready");

/// By group.
pub(super) const KNOWN: &[Known] = &[
    known(".cluster.x-k8s.io", &["ClusterResourceSet", "KubeadmControlPlane"], Status),
    known(".cnrm.cloud.google.com", &[], READY),
    known(".k8s.elastic.co", &["Agent", "ApmServer", "Beat", "Elasticsearch", "EnterpriseSearch", "Kibana"], Status),
    known(".services.k8s.aws", &[], Condition("ACK.ResourceSynced")),
    known("acid.zalan.do", &["postgresql"], Word("PostgresClusterStatus")),
    known("acme.cert-manager.io", &["Challenge", "Order"], Status),
    known("apps.kruise.io", &["CloneSet", "DaemonSet", "StatefulSet"], Status),
    known("argoproj.io", &["AnalysisRun", "Experiment"], Word("phase")),
    known("argoproj.io", &["EventBus", "EventSource", "Sensor"], Status),
    known("bitnami.com", &["SealedSecret"], Condition("Synced")),
    known("cdi.kubevirt.io", &["DataVolume"], Word("phase")),
    known("ceph.rook.io", &["CephBlockPool", "CephCluster", "CephFilesystem", "CephObjectStore"], Status),
    known("cert-manager.io", &["Certificate", "CertificateRequest", "ClusterIssuer", "Issuer"], READY),
    known("certmanager.k8s.io", &["Certificate", "ClusterIssuer", "Issuer"], READY),
    known("clickhouse-keeper.altinity.com", &["ClickHouseKeeperInstallation"], Word("status")),
    known("clickhouse.altinity.com", &["ClickHouseInstallation"], Word("status")),
    known("cluster.x-k8s.io", &["Cluster", "Machine", "MachineDeployment", "MachinePool", "MachineSet"], Status),
    known("external-secrets.io", &["ClusterSecretStore", "ExternalSecret", "PushSecret", "SecretStore"], READY),
    known("flink.apache.org", &["FlinkDeployment"], Word("jobManagerDeploymentStatus")),
    known("grafana.integreatly.org", &["Grafana"], Word("stageStatus")),
    known("grafana.integreatly.org", &["GrafanaDashboard", "GrafanaDatasource", "GrafanaFolder"], Status),
    known("helm.toolkit.fluxcd.io", &["HelmRelease"], READY),
    known("image.toolkit.fluxcd.io", &["ImagePolicy", "ImageRepository", "ImageUpdateAutomation"], READY),
    known("k8s.mariadb.com", &["Database", "Grant", "MariaDB", "User"], READY),
    known("kafka.strimzi.io", &["Kafka", "KafkaBridge", "KafkaConnect", "KafkaConnector"], Status),
    known("kafka.strimzi.io", &["KafkaMirrorMaker2", "KafkaTopic", "KafkaUser"], Status),
    known("karpenter.sh", &["NodeClaim", "NodePool"], READY),
    known("keda.sh", &["ScaledJob", "ScaledObject"], READY),
    known("kubevirt.io", &["VirtualMachine"], Word("printableStatus")),
    known("kustomize.toolkit.fluxcd.io", &["Kustomization"], READY),
    known(
        "monitoring.coreos.com",
        &["Alertmanager", "Prometheus", "PrometheusAgent", "ThanosRuler"],
        Condition("Available"),
    ),
    known("networking.gke.io", &["ManagedCertificate"], Word("certificateStatus")),
    known("notification.toolkit.fluxcd.io", &["Receiver"], READY),
    known("objectbucket.io", &["ObjectBucketClaim"], Word("phase")),
    known("operator.knative.dev", &["KnativeEventing", "KnativeServing"], READY),
    known("operators.coreos.com", &["ClusterServiceVersion", "InstallPlan", "Subscription"], Status),
    known("policy.open-cluster-management.io", &["CertificatePolicy", "ConfigurationPolicy"], Word("compliant")),
    known("policy.open-cluster-management.io", &["OperatorPolicy", "Policy"], Word("compliant")),
    known("postgresql.cnpg.io", &["Cluster"], READY),
    known("projectcontour.io", &["ExtensionService"], Status),
    known("projectcontour.io", &["HTTPProxy"], Word("currentStatus")),
    known("promoter.argoproj.io", &["ChangeTransferPolicy", "ClusterScmProvider", "CommitStatus"], READY),
    known("promoter.argoproj.io", &["GitRepository", "PromotionStrategy", "PullRequest", "ScmProvider"], READY),
    known("psmdb.percona.com", &["PerconaServerMongoDB"], Word("state")),
    known("pxc.percona.com", &["PerconaXtraDBCluster"], Word("state")),
    known("rabbitmq.com", &["Binding", "Exchange", "Permission", "Policy", "Queue", "Shovel", "User", "Vhost"], READY),
    known("rabbitmq.com", &["RabbitmqCluster"], Status),
    known("serving.knative.dev", &["Configuration", "Revision", "Route", "Service"], READY),
    known("solr.apache.org", &["SolrCloud"], Status),
    known(
        "source.toolkit.fluxcd.io",
        &["Bucket", "ExternalArtifact", "GitRepository", "HelmChart", "OCIRepository"],
        READY,
    ),
    known("tekton.dev", &["PipelineRun", "TaskRun"], Condition("Succeeded")),
];

const fn known(group: &'static str, kinds: &'static [&'static str], report: Report) -> Known {
    Known { group, kinds, report }
}

impl Known {
    fn is_of(&self, group: &str, kind: &str) -> bool {
        let is_group = if self.group.starts_with('.') { group.ends_with(self.group) } else { group == self.group };
        is_group && (self.kinds.is_empty() || self.kinds.contains(&kind))
    }
}

/// What is always reported of an object of this kind, if that is known.
fn report(live: &Live<'_>) -> Option<Report> {
    // What manages something outside by Crossplane's convention, whosever group it is in.
    if live.at("/spec/forProvider").is_some() {
        return Some(READY);
    }
    KNOWN.iter().find(|known| known.is_of(live.group(), live.kind())).map(|known| known.report)
}

/// Whether its controller reports in any case, so that silence means that it has not looked yet.
pub(super) fn reports(live: &Live<'_>) -> bool {
    report(live).is_some()
}

/// The field of the status in which such a kind has its word.
pub(super) fn word(live: &Live<'_>) -> Option<&'static str> {
    match report(live)? {
        Word(field) => Some(field),
        Condition(_) | Status => None,
    }
}

/// What has yet to be reported.
pub(super) fn missing(live: &Live<'_>) -> Option<Health> {
    let waits = |what: &str| Some(Health::progressing(&format!("Waiting for its controller to report {what}")));
    match report(live)? {
        Status if !live.has_status() => waits("a status"),
        Condition(kind) if live.conditions().next().is_none() => waits(&format!("the condition {kind}")),
        // Other conditions may tell already what is wrong.
        Condition(kind) if live.condition(kind).is_none() => super::conditions::assess(live)
            .filter(|health| health.status > super::Status::Progressing)
            .or_else(|| waits(&format!("the condition {kind}"))),
        Word(field) if live.text(&format!("/status/{field}")).is_empty() => super::conditions::assess(live)
            .filter(|health| health.status > super::Status::Progressing)
            .or_else(|| waits(&format!("its {field}"))),
        Status | Condition(_) | Word(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_in_order() {
        assert!(KNOWN.is_sorted_by_key(|known| known.group));
        assert!(KNOWN.iter().all(|known| known.kinds.is_sorted()));
    }
}
