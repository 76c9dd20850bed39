// Command controlplane is a Kubernetes control plane in one binary, for tests and the demo.
//
// Which component runs depends on the name that the binary was called by: link it as
// `kube-apiserver`, `kube-controller-manager`, `kube-scheduler`, `kubectl` or `etcd`.
// Everything behind these names is the upstream code, unchanged; only `metrics-server` is
// a stand-in of ours (metrics.go). One binary instead of six saves most of the link time
// and 400 MB, since the components share nearly all of their packages.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	etcd "go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"

	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
)

func main() {
	var command *cobra.Command
	switch name := filepath.Base(os.Args[0]); name {
	case "etcd":
		etcd.Main(os.Args)
		return
	case "kubectl":
		command = kubectl.NewDefaultKubectlCommand()
	case "kube-apiserver":
		command = apiserver.NewAPIServerCommand()
	case "kube-controller-manager":
		command = controllermanager.NewControllerManagerCommand()
	case "kube-scheduler":
		command = scheduler.NewSchedulerCommand()
	case "metrics-server":
		command = newMetricsCommand()
	default:
		fmt.Fprintf(os.Stderr, "%s: link this binary under the name of a component (etcd, kubectl, kube-apiserver, kube-controller-manager, kube-scheduler, metrics-server)\n", name)
		os.Exit(2)
	}
	os.Exit(cli.Run(command))
}
