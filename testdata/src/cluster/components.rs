//! The parts of the control plane and how each is called; pure.
//!
//! In: a component, the port of the API server, whether requests are audited. Out: the arguments. All paths are
//! relative to the data directory, which is every component's working directory.

use super::directory as file;

/// The names by which the binary `controlplane` is called.
pub(super) const PROGRAMS: [&str; 6] =
    ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "metrics-server"];

/// One process of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Component {
    /// The database.
    Etcd,
    /// The API server.
    ApiServer,
    /// What gives Pods to Nodes.
    Scheduler,
    /// What plays the kubelets, the volumes and the cloud.
    Kwok,
    /// What tells how much of the CPU Pods use; a stand-in of ours.
    Metrics,
    /// What makes Pods of Deployments, endpoints of Services, and all the rest.
    ControllerManager,
}

/// What a component has to know of this cluster.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    /// The port of the API server.
    pub(super) port: u16,
    /// Whether each request is written to the audit log.
    pub(super) audit: bool,
    /// Whether it is told of others whose tokens it takes.
    pub(super) authentication: bool,
}

impl Component {
    /// All of them, in the order in which they are started.
    pub const ALL: [Self; 6] =
        [Self::Etcd, Self::ApiServer, Self::Scheduler, Self::Kwok, Self::Metrics, Self::ControllerManager];

    /// The name of its program, its log and its user.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::ApiServer => "kube-apiserver",
            Self::Scheduler => "kube-scheduler",
            Self::Kwok => "kwok",
            Self::Metrics => "metrics-server",
            Self::ControllerManager => "kube-controller-manager",
        }
    }

    /// The component of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|component| component.name() == name)
    }

    /// The arguments of its program.
    pub(super) fn arguments(self, setting: Setting) -> Vec<String> {
        match self {
            Self::Etcd => etcd(),
            Self::ApiServer => api_server(setting),
            Self::Scheduler => scheduler(),
            Self::Kwok => kwok(),
            Self::Metrics => metrics(),
            Self::ControllerManager => controller_manager(),
        }
    }
}

fn etcd() -> Vec<String> {
    // Host names, to etcd, are socket files of the working directory: no port is needed, so none can be taken.
    let (clients, peers) = ("unix://etcd.sock", "unix://peer.sock");
    vec![
        "--data-dir=etcd".into(),
        "--unsafe-no-fsync".into(),
        format!("--listen-client-urls={clients}"),
        format!("--advertise-client-urls={clients}"),
        format!("--listen-peer-urls={peers}"),
        format!("--initial-advertise-peer-urls={peers}"),
        format!("--initial-cluster=default={peers}"),
        // It elects itself, so it need not give others a second to object.
        "--heartbeat-interval=50".into(),
        "--election-timeout=250".into(),
        "--log-level=warn".into(),
    ]
}

fn api_server(setting: Setting) -> Vec<String> {
    let mut arguments = vec![
        "--etcd-servers=unix://etcd.sock".into(),
        "--bind-address=127.0.0.1".into(),
        // Else it looks for a network, and a laptop on a train has none.
        "--advertise-address=127.0.0.1".into(),
        format!("--secure-port={}", setting.port),
        // The supervisor holds the port while the API server is not up; see `port`.
        "--permit-port-sharing".into(),
        "--endpoint-reconciler-type=none".into(),
        "--service-cluster-ip-range=10.96.0.0/16".into(),
        "--authorization-mode=RBAC".into(),
        "--allow-privileged".into(),
        format!("--token-auth-file={}", file::TOKENS),
        format!("--tls-cert-file={}", file::SERVING_CERTIFICATE),
        format!("--tls-private-key-file={}", file::SERVING_KEY),
        "--service-account-issuer=https://kubernetes.default.svc".into(),
        format!("--service-account-key-file={}", file::SERVICE_ACCOUNT_PUBLIC_KEY),
        format!("--service-account-signing-key-file={}", file::SERVICE_ACCOUNT_KEY),
    ];
    if setting.audit {
        arguments.push(format!("--audit-policy-file={}", file::AUDIT_POLICY));
        arguments.push(format!("--audit-log-path={}", file::AUDIT_LOG));
    }
    if setting.authentication {
        arguments.push(format!("--authentication-config={}", file::AUTHENTICATION));
    }
    arguments
}

fn controller_manager() -> Vec<String> {
    let mut arguments = vec![
        kubeconfig(Component::ControllerManager),
        "--leader-elect=false".into(),
        "--secure-port=0".into(),
        format!("--root-ca-file={}", file::CERTIFICATE_AUTHORITY),
        format!("--service-account-private-key-file={}", file::SERVICE_ACCOUNT_KEY),
        // A machine that is busy compiling is late with everything; its Node is not dead for that.
        "--node-monitor-grace-period=10m".into(),
        // Autoscalers that were just made have a status in 5 seconds, not in 15.
        "--horizontal-pod-autoscaler-sync-period=5s".into(),
        "--kube-api-qps=1000".into(),
        "--kube-api-burst=2000".into(),
    ];
    for what in ["deployment", "replicaset", "namespace", "service-endpoint", "serviceaccount-token"] {
        arguments.push(format!("--concurrent-{what}-syncs=20"));
    }
    arguments
}

fn scheduler() -> Vec<String> {
    vec![
        kubeconfig(Component::Scheduler),
        "--leader-elect=false".into(),
        "--secure-port=0".into(),
        "--kube-api-qps=1000".into(),
        "--kube-api-burst=2000".into(),
    ]
}

fn metrics() -> Vec<String> {
    vec![
        kubeconfig(Component::Metrics),
        format!("--tls-cert-file={}", file::SERVING_CERTIFICATE),
        format!("--tls-private-key-file={}", file::SERVING_KEY),
    ]
}

fn kwok() -> Vec<String> {
    vec![
        kubeconfig(Component::Kwok),
        format!("--config={}", file::STAGES),
        "--manage-all-nodes".into(),
        "--node-lease-duration-seconds=40".into(),
        "--node-ip=10.0.0.1".into(),
        // Room for 65,000 Pods.
        "--cidr=10.244.0.0/16".into(),
    ]
}

fn kubeconfig(component: Component) -> String {
    format!("--kubeconfig={}", file::kubeconfig(component.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_found_by_their_names() {
        for component in Component::ALL {
            assert_eq!(Component::named(component.name()), Some(component));
        }
        assert_eq!(Component::named("kubelet"), None);
    }

    #[test]
    fn requests_are_audited_only_where_it_was_asked_for() {
        let audits = |audit| {
            let arguments = Component::ApiServer.arguments(Setting { port: 1, audit, authentication: false });
            arguments.iter().filter(|argument| argument.starts_with("--audit")).count()
        };
        assert_eq!((audits(false), audits(true)), (0, 2));
    }
}
