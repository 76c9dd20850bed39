//! The flags of a cluster, and the connection to it.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use gitops_compiler::store::Store;

use crate::apply::Destination;
use crate::cluster::{Cluster, ConnectOptions, connect};
use crate::error::CommandError;
use crate::record::Records;

/// Which cluster, and how to speak to it.
#[derive(Debug, Clone, Args)]
pub struct ClusterArgs {
    /// The kubeconfig file [default: $KUBECONFIG or ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// The context in it [default: its current context]
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    /// Where manifests without a namespace go [default: the context's namespace]
    #[arg(short, long, value_name = "NAMESPACE")]
    pub namespace: Option<String>,
    /// Where the record of the application lives [default: the context's namespace]
    #[arg(long, value_name = "NAMESPACE")]
    pub record_namespace: Option<String>,
    /// How long one request may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=300))]
    pub request_timeout: u64,
}

/// A cluster with the namespaces that the flags and the context give.
pub struct Connected {
    /// The records there.
    pub records: Records,
    /// Where manifests without a namespace go.
    pub destination: String,
}

/// Where an application belongs, as far as it says so itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Home {
    /// The namespace of its record: that of its `Application`.
    pub record_namespace: Option<String>,
    /// The namespace of its destination.
    pub destination: Option<String>,
}

impl ClusterArgs {
    /// Where an application that was applied before has its manifests without a namespace.
    #[must_use]
    pub fn recorded_destination(&self) -> Destination<'_> {
        Destination::Recorded { given: self.namespace.as_deref() }
    }

    /// Connects. Nothing is sent yet.
    pub async fn connect(&self, store: Option<Store>) -> Result<Connected, CommandError> {
        self.connect_for(&Home::default(), store).await
    }

    /// Connects for an application that says itself where it belongs. Flags say more.
    pub async fn connect_for(&self, home: &Home, store: Option<Store>) -> Result<Connected, CommandError> {
        let options = ConnectOptions { kubeconfig: self.kubeconfig.clone(), context: self.context.clone() };
        let connection = connect(&options).await?;
        let context_namespace = connection.namespace.clone();
        let first = |flag: &Option<String>, said: &Option<String>| {
            flag.clone().or_else(|| said.clone()).unwrap_or_else(|| context_namespace.clone())
        };
        let namespace = first(&self.record_namespace, &home.record_namespace);
        let destination = first(&self.namespace, &home.destination);
        for name in [&namespace, &destination] {
            // Both become parts of paths.
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
                return Err(CommandError::user(format!("`{name}` cannot be the name of a namespace")));
            }
        }
        let cluster = Cluster { connection, timeout: Duration::from_secs(self.request_timeout), is_patient: false };
        Ok(Connected { records: Records { cluster, namespace, store, keeper: None, at_hand: None }, destination })
    }
}
