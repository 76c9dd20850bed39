//! Kubernetes v1.37 itself on this machine: no virtual machine, no containers, no mock.
//!
//! In: Go, or a kubeconfig of the reader's own. Out: a control plane that is ready in seconds and gone without a
//! trace when its user is. Tests take [`shared()`]; what must break the control plane, or count its requests, takes one
//! of its own with [`LocalCluster::start`]; the demo and the shell have the program `local-cluster`.
//!
//! # What it is
//! etcd, kube-apiserver, kube-controller-manager and kube-scheduler as upstream has them, built from `cluster/main.go`
//! into one binary. There is no kubelet, so no container ever runs: kwok writes the status of Nodes and Pods by
//! *stages*, and a stand-in for metrics-server tells what Pods use. So a green Deployment proves nothing by itself;
//! failures are asked for by label:
//!
//! | on | gives |
//! |---|---|
//! | Pod with `testdata.kubectl-gitops/fail: image-pull` | waiting, `ImagePullBackOff` |
//! | Pod with `testdata.kubectl-gitops/fail: crash-loop` | waiting, `CrashLoopBackOff`, 3 restarts |
//! | Pod with `testdata.kubectl-gitops/fail: readiness` | running, never Ready |
//! | Pod with `testdata.kubectl-gitops/fail: exit` | phase Failed, exit code 1 |
//! | Pod with `testdata.kubectl-gitops/start: slow` | Ready after 5 seconds |
//! | Service of type `LoadBalancer`, Ingress | the address 192.0.2.10 |
//! | `PersistentVolumeClaim` | bound, by the default `StorageClass`, `kwok-volume` |
//! | Pod of a Job | succeeds at once |
//! | Pod annotated `testdata.kubectl-gitops/usage-percent: "90"` | uses 90 % of its requests, not 50 % |
//!
//! # Who ends it
//! Tests panic, are interrupted and get killed, so nothing here relies on a destructor. Between the test and the
//! components stands a supervisor, a process of its own:
//!
//! ```text
//! test ──pipe──▶ local-cluster run ──parent-death signal──▶ etcd, kube-apiserver, …
//! ```
//!
//! When the test ends in whatever way, the system closes its end of the pipe, and the supervisor kills the components
//! and deletes their data. When the supervisor itself is killed, the system kills the components, as each was started with
//! Linux' parent-death signal; the data is swept up by the next supervisor.
//!
//! # The steps, one file each
//! [`build()`] (with [`crate::golang`]) → `directory`, `credentials`, `stages`: what the components read → `components`,
//! `process` (with `crate::port`): what runs → `api`, `ready`: until it is ready → `requests`, `supervisor`: all of this, in its own
//! process → `start`, `stop`, `session`: the caller's side → `shared`.

mod api;
mod build;
mod components;
mod credentials;
mod directory;
mod error;
mod process;
mod ready;
mod requests;
mod session;
mod shared;
mod stages;
mod start;
mod stop;
mod supervisor;

pub use api::{Api, Reply};
pub use build::{Installation, build};
pub use components::Component;
pub use directory::{Connection, Options, User};
pub use error::Error;
pub use process::{become_component, leave_session};
pub use requests::Lifetime;
pub use session::Session;
pub use shared::{SharedCluster, TestNamespace, shared};
pub use start::{LocalCluster, start_detached};
pub use stop::stop;
pub use supervisor::supervise;

pub(crate) use api::Stream;
