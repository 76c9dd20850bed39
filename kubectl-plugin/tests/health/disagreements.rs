//! Where our health is not Argo CD's, and why.

use kubectl_gitops::health::Status::{self, Degraded, Healthy, Missing, Progressing, Suspended, Unknown};

const DELETED: &str =
    "what is being deleted is on its way out, whatever it said before; Argo CD does not ask its script then either";
const IN_CLUSTER: &str = "what is missing is something outside; the object itself is there, and wrong";
const NOBODY_ASKED: &str = "nobody asked it to stand still, so a wait goes on";
const NOT_READY: &str = "its reason does not say what is wrong, so it may be at work; a wait goes on in both cases";
const NO_WORD: &str = "its controller has said nothing yet: that is work to come, not a status that nobody knows";
const OLD: &str = "the failure is of an earlier generation, and the controller is at work on this one";
const OWN_FIELDS: &str = "Argo CD's script compares fields that only this kind has";
const PAUSED_FIRST: &str = "what is paused is not looked at, so its generation stays unseen";
const SAME_WAIT: &str = "somebody asked for it; a wait is over in both cases";
const SILENT: &str =
    "it has no status, and this kind is not known to report one in any case; a wait gives it a short grace";
const SUMMARY: &str = "`Ready` is true, and sums it up";
const WANTED: &str = "three replicas are wanted, and there is none";
const WARNING: &str = "a warning beside a phase that is well";
const WORD: &str = "a word of its own, which we read by its plain meaning";

/// Kind, case, ours, theirs, why.
type Row = (&'static str, &'static str, Status, Status, &'static str);

/// Cases of Argo CD's scripts.
pub(crate) const TABLE: &[Row] = &[
    ("apps.kruise.io/StatefulSet", "partition_suspended", Healthy, Suspended, SAME_WAIT),
    ("apps.openshift.io/DeploymentConfig", "degraded", Progressing, Degraded, NOT_READY),
    ("apps.openshift.io/DeploymentConfig", "healthy_zero_replicas", Progressing, Healthy, WANTED),
    ("astra.netapp.io/Backup", "progressing_nostatus", Healthy, Progressing, SILENT),
    ("astra.netapp.io/ExecHooksRun", "progressing_nostatus", Healthy, Progressing, SILENT),
    ("astra.netapp.io/ResticVolumeBackup", "degraded", Progressing, Degraded, DELETED),
    ("astra.netapp.io/ResticVolumeBackup", "progressing_nostatus", Healthy, Progressing, SILENT),
    ("beat.k8s.elastic.co/Beat", "invalid", Degraded, Unknown, WORD),
    ("beat.k8s.elastic.co/Beat", "progressing", Healthy, Progressing, OWN_FIELDS),
    ("beat.k8s.elastic.co/Beat", "unknown", Progressing, Unknown, NO_WORD),
    ("capabilities.3scale.net/ActiveDoc", "progressing", Healthy, Progressing, SILENT),
    ("capabilities.3scale.net/Application", "progressing", Healthy, Progressing, SILENT),
    ("capabilities.3scale.net/ApplicationAuth", "progressing", Healthy, Progressing, SILENT),
    ("capabilities.3scale.net/CustomPolicyDefinition", "progressing", Healthy, Progressing, SILENT),
    ("capabilities.3scale.net/DeveloperAccount", "progressing", Healthy, Progressing, SILENT),
    ("capabilities.3scale.net/DeveloperAccount", "waiting", Progressing, Suspended, NOBODY_ASKED),
    ("capabilities.3scale.net/Product", "degraded-orphan", Healthy, Degraded, OWN_FIELDS),
    ("capabilities.3scale.net/Product", "progressing", Healthy, Progressing, SILENT),
    ("capabilities.3scale.net/Tenant", "progressing", Healthy, Progressing, SILENT),
    ("cassandra.rook.io/Cluster", "progressing", Healthy, Progressing, SILENT),
    ("ceph.rook.io/CephCluster", "degraded_warn", Healthy, Degraded, WARNING),
    ("coralogix.com/Alert", "progressing_alert", Healthy, Progressing, SILENT),
    ("core.gardener.cloud/Shoot", "degraded", Healthy, Degraded, OWN_FIELDS),
    ("core.gardener.cloud/Shoot", "unknown", Progressing, Unknown, NO_WORD),
    ("core.humio.com/HumioAlert", "notfound", Degraded, Missing, IN_CLUSTER),
    ("core.humio.com/HumioAlert", "progressing", Healthy, Progressing, SILENT),
    ("core.humio.com/HumioParser", "notfound", Degraded, Missing, IN_CLUSTER),
    ("core.humio.com/HumioParser", "progressing", Healthy, Progressing, SILENT),
    ("core.humio.com/HumioRepository", "notfound", Degraded, Missing, IN_CLUSTER),
    ("core.humio.com/HumioRepository", "progressing", Healthy, Progressing, SILENT),
    ("core.humio.com/HumioView", "notfound", Degraded, Missing, IN_CLUSTER),
    ("core.humio.com/HumioView", "progressing", Healthy, Progressing, SILENT),
    ("core.spinkube.dev/SpinApp", "no-status", Healthy, Progressing, SILENT),
    ("core.spinkube.dev/SpinApp", "progressing", Healthy, Progressing, OWN_FIELDS),
    ("elasticsearch.k8s.elastic.co/Elasticsearch", "progressing", Healthy, Progressing, OWN_FIELDS),
    ("elasticsearch.k8s.elastic.co/Elasticsearch", "unknown", Progressing, Unknown, NO_WORD),
    ("flink.apache.org/FlinkDeployment", "healthy_suspended_v0.1.x", Suspended, Healthy, SAME_WAIT),
    ("flink.apache.org/FlinkDeployment", "healthy_suspended_v1.x", Suspended, Healthy, SAME_WAIT),
    ("game.kruise.io/GameServerSet", "suspended-partition", Healthy, Suspended, SAME_WAIT),
    ("gateway.solo.io/MatchableHttpGateway", "gloo-pending", Progressing, Suspended, NOBODY_ASKED),
    ("gateway.solo.io/MatchableHttpGateway", "non-namespaced-gloo-pending", Progressing, Suspended, NOBODY_ASKED),
    ("gateway.solo.io/VirtualHostOption", "gloo-pending", Progressing, Suspended, NOBODY_ASKED),
    ("gateway.solo.io/VirtualHostOption", "non-namespaced-gloo-pending", Progressing, Suspended, NOBODY_ASKED),
    ("gloo.solo.io/Settings", "gloo-pending", Progressing, Suspended, NOBODY_ASKED),
    ("gloo.solo.io/Settings", "non-namespaced-gloo-pending", Progressing, Suspended, NOBODY_ASKED),
    ("gloo.solo.io/Upstream", "gloo-pending", Progressing, Suspended, NOBODY_ASKED),
    ("gloo.solo.io/Upstream", "non-namespaced-gloo-pending", Progressing, Suspended, NOBODY_ASKED),
    ("gloo.solo.io/UpstreamGroup", "gloo-pending", Progressing, Suspended, NOBODY_ASKED),
    ("gloo.solo.io/UpstreamGroup", "non-namespaced-gloo-pending", Progressing, Suspended, NOBODY_ASKED),
    ("grafana-org-operator.kubitus-project.gitlab.io/_", "empty", Healthy, Progressing, SILENT),
    ("grafana.integreatly.org/Grafana", "progressing", Healthy, Progressing, OWN_FIELDS),
    ("iammanager.keikoproj.io/Iamrole", "progressing_noStatus", Healthy, Progressing, SILENT),
    ("kafka.banzaicloud.io/KafkaCluster", "degraded", Healthy, Degraded, OWN_FIELDS),
    ("kafka.banzaicloud.io/KafkaCluster", "updating", Healthy, Progressing, OWN_FIELDS),
    ("kafka.strimzi.io/KafkaBridge", "degraded", Progressing, Degraded, DELETED),
    ("kafka.strimzi.io/KafkaBridge", "healthy", Progressing, Healthy, DELETED),
    ("kafka.strimzi.io/KafkaConnector", "degraded", Progressing, Degraded, DELETED),
    ("kafka.strimzi.io/KafkaConnector", "healthy", Progressing, Healthy, DELETED),
    ("karpenter.sh/NodeClaim", "degraded", Progressing, Degraded, NOT_READY),
    ("karpenter.sh/NodeClaim", "suspended_disrupting", Healthy, Suspended, SUMMARY),
    ("karpenter.sh/NodePool", "degraded", Progressing, Degraded, NOT_READY),
    ("kubernetes-client.io/ExternalSecret", "degraded", Healthy, Degraded, WORD),
    ("kubernetes-client.io/ExternalSecret", "progressing", Healthy, Progressing, SILENT),
    ("metrics.keptn.sh/Analysis", "degraded", Healthy, Degraded, OWN_FIELDS),
    ("monitoring.coreos.com/Prometheus", "degraded", Progressing, Degraded, NOT_READY),
    ("networking.gke.io/ManagedCertificate", "failed", Progressing, Degraded, OWN_FIELDS),
    ("numaflow.numaproj.io/InterStepBufferService", "degraded", Progressing, Degraded, NOT_READY),
    ("numaflow.numaproj.io/InterStepBufferService", "degraded-progressive", Healthy, Degraded, OWN_FIELDS),
    ("numaflow.numaproj.io/MonoVertex", "degraded", Progressing, Degraded, NOT_READY),
    ("numaflow.numaproj.io/MonoVertex", "degraded-progressive", Healthy, Degraded, OWN_FIELDS),
    ("numaflow.numaproj.io/MonoVertex", "paused", Suspended, Healthy, SAME_WAIT),
    ("numaflow.numaproj.io/Vertex", "degraded", Progressing, Degraded, NOT_READY),
    ("numaplane.numaproj.io/ISBServiceRollout", "ISBServiceRollout/progressing-nostatus", Healthy, Progressing, SILENT),
    ("numaplane.numaproj.io/PipelineRollout", "PipelineRollout/paused", Suspended, Healthy, SAME_WAIT),
    (
        "numaplane.numaproj.io/PipelineRollout",
        "PipelineRollout/progressing-observedGen",
        Suspended,
        Progressing,
        PAUSED_FIRST,
    ),
    ("opentelemetry.io/OpenTelemetryCollector", "degraded", Progressing, Degraded, NOT_READY),
    ("operator.knative.dev/KnativeServing", "degraded", Progressing, Degraded, NOT_READY),
    ("platform.confluent.io/Connector", "connector-task-failure", Healthy, Degraded, OWN_FIELDS),
    ("policy.open-cluster-management.io/ConfigurationPolicy", "progressing", Degraded, Progressing, OWN_FIELDS),
    ("policy.open-cluster-management.io/OperatorPolicy", "progressing_no_compliance", Healthy, Progressing, OWN_FIELDS),
    ("proclaim.dogmatiq.io/DNSSDServiceInstance", "degraded_advertiseError", Healthy, Degraded, OWN_FIELDS),
    ("proclaim.dogmatiq.io/DNSSDServiceInstance", "degraded_notAdopted", Healthy, Degraded, OWN_FIELDS),
    ("proclaim.dogmatiq.io/DNSSDServiceInstance", "degraded_unadvertiseError", Healthy, Degraded, OWN_FIELDS),
    ("proclaim.dogmatiq.io/DNSSDServiceInstance", "progressing_negativeBrowse", Healthy, Progressing, OWN_FIELDS),
    ("proclaim.dogmatiq.io/DNSSDServiceInstance", "progressing_negativeLookup", Healthy, Progressing, OWN_FIELDS),
    ("proclaim.dogmatiq.io/DNSSDServiceInstance", "unknown_discoveryError", Healthy, Unknown, OWN_FIELDS),
    ("projectcontour.io/HTTPProxy", "parent_child", Degraded, Healthy, OWN_FIELDS),
    ("promoter.argoproj.io/ChangeTransferPolicy", "active-dry-sha-missing", Healthy, Progressing, OWN_FIELDS),
    ("promoter.argoproj.io/ChangeTransferPolicy", "missing-sha-and-not-ready", Progressing, Degraded, NOT_READY),
    ("promoter.argoproj.io/ChangeTransferPolicy", "progressing-failed-pending", Healthy, Progressing, OWN_FIELDS),
    ("promoter.argoproj.io/ChangeTransferPolicy", "proposed-dry-sha-missing", Healthy, Progressing, OWN_FIELDS),
    ("promoter.argoproj.io/PromotionStrategy", "active-dry-sha-missing", Healthy, Progressing, OWN_FIELDS),
    ("promoter.argoproj.io/PromotionStrategy", "different-proposed-commits", Healthy, Progressing, OWN_FIELDS),
    ("promoter.argoproj.io/PromotionStrategy", "missing-sha-and-not-ready", Progressing, Degraded, NOT_READY),
    ("promoter.argoproj.io/PromotionStrategy", "no-environments", Healthy, Degraded, OWN_FIELDS),
    ("promoter.argoproj.io/PromotionStrategy", "progressing-failed-pending", Healthy, Progressing, OWN_FIELDS),
    ("promoter.argoproj.io/PromotionStrategy", "proposed-dry-sha-missing", Healthy, Progressing, OWN_FIELDS),
    ("promoter.argoproj.io/PromotionStrategy", "proposed-note-dry-sha-preferred", Healthy, Progressing, OWN_FIELDS),
    ("psmdb.percona.com/PerconaServerMongoDB", "unknown", Progressing, Unknown, NO_WORD),
    ("pxc.percona.com/PerconaXtraDBCluster", "paused", Suspended, Unknown, SAME_WAIT),
    ("pxc.percona.com/PerconaXtraDBCluster", "stopping", Progressing, Degraded, WORD),
    ("pxc.percona.com/PerconaXtraDBCluster", "unknown", Healthy, Unknown, WORD),
    ("rabbitmq.com/Binding", "unknown", Progressing, Unknown, NO_WORD),
    ("rabbitmq.com/Permission", "unknown", Progressing, Unknown, NO_WORD),
    ("rabbitmq.com/Policy", "unknown", Progressing, Unknown, NO_WORD),
    ("rabbitmq.com/Queue", "unknown", Progressing, Unknown, NO_WORD),
    ("rabbitmq.com/RabbitmqCluster", "degraded_badconfig", Progressing, Degraded, NOT_READY),
    ("rabbitmq.com/RabbitmqCluster", "degraded_replicas_unknown", Degraded, Progressing, WORD),
    ("rabbitmq.com/Shovel", "unknown", Progressing, Unknown, NO_WORD),
    ("rabbitmq.com/Vhost", "unknown", Progressing, Unknown, NO_WORD),
    ("rollouts.kruise.io/Rollout", "degraded", Progressing, Degraded, OWN_FIELDS),
    ("rollouts.kruise.io/Rollout", "suspended", Progressing, Suspended, OWN_FIELDS),
    ("services.cloud.sap.com/ServiceBinding", "progressing", Healthy, Progressing, SILENT),
    ("source.toolkit.fluxcd.io/OCIRepository", "degraded", Progressing, Degraded, OLD),
];

/// Cases of the kinds that Argo CD judges without a script: file, ours, theirs, why.
pub(crate) const BUILT_IN: &[(&str, Status, Status, &str)] = &[];
