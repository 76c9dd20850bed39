// Stands in for metrics-server, so that a HorizontalPodAutoscaler scales as in a cluster with kubelets.
//
// It serves `pods` of metrics.k8s.io: each container of a running Pod uses half of what it requests, or as many percent
// of it as the Pod's annotation testdata.kubectl-gitops/usage-percent says. It registers itself with the API server, and
// serves nothing that is secret, so it asks nobody who they are.
package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	metrics "k8s.io/metrics/pkg/apis/metrics/v1beta1"
)

const (
	apiPath         = "/apis/metrics.k8s.io/v1beta1"
	usageAnnotation = "testdata.kubectl-gitops/usage-percent"
	usualUsage      = 50
)

func newMetricsCommand() *cobra.Command {
	var kubeconfig, certificate, key string
	command := &cobra.Command{
		Use: "metrics-server",
		RunE: func(command *cobra.Command, _ []string) error {
			config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
			if err != nil {
				return err
			}
			pair, err := tls.LoadX509KeyPair(certificate, key)
			if err != nil {
				return err
			}
			return serveMetrics(command.Context(), config, pair)
		},
	}
	command.Flags().StringVar(&kubeconfig, "kubeconfig", "", "how to reach the API server")
	command.Flags().StringVar(&certificate, "tls-cert-file", "", "the certificate to serve with")
	command.Flags().StringVar(&key, "tls-private-key-file", "", "its key")
	return command
}

func serveMetrics(ctx context.Context, config *rest.Config, pair tls.Certificate) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	pods := factory.Core().V1().Pods().Lister()
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())

	tlsConfig := &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2", "http/1.1"}}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", tlsConfig)
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- http.Serve(listener, metricsHandler(pods)) }()
	if err := register(ctx, config, listener.Addr().(*net.TCPAddr).Port); err != nil {
		return err
	}
	return <-served
}

func metricsHandler(pods corelisters.PodLister) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+apiPath, func(writer http.ResponseWriter, _ *http.Request) {
		answer(writer, meta.APIResourceList{
			TypeMeta:     meta.TypeMeta{APIVersion: "v1", Kind: "APIResourceList"},
			GroupVersion: metrics.SchemeGroupVersion.String(),
			APIResources: []meta.APIResource{{
				Name: "pods", SingularName: "pod", Namespaced: true, Kind: "PodMetrics", Verbs: meta.Verbs{"get", "list"},
			}},
		})
	})
	list := func(writer http.ResponseWriter, request *http.Request) {
		selector, err := labels.Parse(request.URL.Query().Get("labelSelector"))
		if err != nil {
			http.Error(writer, err.Error(), http.StatusBadRequest)
			return
		}
		found, err := pods.Pods(request.PathValue("namespace")).List(selector)
		if err != nil {
			http.Error(writer, err.Error(), http.StatusInternalServerError)
			return
		}
		list := metrics.PodMetricsList{
			TypeMeta: meta.TypeMeta{APIVersion: metrics.SchemeGroupVersion.String(), Kind: "PodMetricsList"},
			Items:    []metrics.PodMetrics{},
		}
		for _, pod := range found {
			if pod.Status.Phase == core.PodRunning {
				list.Items = append(list.Items, usage(pod))
			}
		}
		answer(writer, list)
	}
	mux.HandleFunc("GET "+apiPath+"/pods", list)
	mux.HandleFunc("GET "+apiPath+"/namespaces/{namespace}/pods", list)
	mux.HandleFunc("GET "+apiPath+"/namespaces/{namespace}/pods/{name}", func(writer http.ResponseWriter, request *http.Request) {
		pod, err := pods.Pods(request.PathValue("namespace")).Get(request.PathValue("name"))
		if err != nil || pod.Status.Phase != core.PodRunning {
			http.NotFound(writer, request)
			return
		}
		answer(writer, usage(pod))
	})
	return mux
}

func usage(pod *core.Pod) metrics.PodMetrics {
	percent, err := strconv.ParseInt(pod.Annotations[usageAnnotation], 10, 64)
	if err != nil {
		percent = usualUsage
	}
	result := metrics.PodMetrics{
		TypeMeta:   meta.TypeMeta{APIVersion: metrics.SchemeGroupVersion.String(), Kind: "PodMetrics"},
		ObjectMeta: meta.ObjectMeta{Name: pod.Name, Namespace: pod.Namespace, Labels: pod.Labels},
		Timestamp:  meta.Now(),
		Window:     meta.Duration{Duration: time.Second},
	}
	for _, container := range pod.Spec.Containers {
		used := core.ResourceList{}
		for _, name := range []core.ResourceName{core.ResourceCPU, core.ResourceMemory} {
			quantity := container.Resources.Requests[name].DeepCopy()
			quantity.SetMilli(quantity.MilliValue() * percent / 100)
			used[name] = quantity
		}
		result.Containers = append(result.Containers, metrics.ContainerMetrics{Name: container.Name, Usage: used})
	}
	return result
}

func answer(writer http.ResponseWriter, value any) {
	writer.Header().Set("Content-Type", "application/json")
	// It fails where nobody reads any more.
	_ = json.NewEncoder(writer).Encode(value)
}

// register tells the API server where this process serves, also after a restart on another port.
func register(ctx context.Context, config *rest.Config, port int) error {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	services := client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "services"}).Namespace("kube-system")
	apiServices := client.Resource(schema.GroupVersionResource{
		Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices",
	})
	service := map[string]any{
		"apiVersion": "v1",
		"kind":       "Service",
		"metadata":   map[string]any{"name": "metrics-server"},
		// There is no network between a cluster's IP addresses and this process.
		"spec": map[string]any{"type": "ExternalName", "externalName": "localhost"},
	}
	apiService := map[string]any{
		"apiVersion": "apiregistration.k8s.io/v1",
		"kind":       "APIService",
		"metadata":   map[string]any{"name": "v1beta1.metrics.k8s.io"},
		"spec": map[string]any{
			"group": "metrics.k8s.io", "groupPriorityMinimum": int64(100),
			"version": "v1beta1", "versionPriority": int64(100),
			"insecureSkipTLSVerify": true,
			"service":               map[string]any{"namespace": "kube-system", "name": "metrics-server", "port": int64(port)},
		},
	}
	// The namespace is made by the API server some time after it begins to answer.
	return wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		options := meta.ApplyOptions{FieldManager: "metrics-server", Force: true}
		if _, err := services.Apply(ctx, "metrics-server", &unstructured.Unstructured{Object: service}, options); err != nil {
			return false, nil
		}
		_, err := apiServices.Apply(ctx, "v1beta1.metrics.k8s.io", &unstructured.Unstructured{Object: apiService}, options)
		return err == nil, nil
	})
}
