// kube-controller-manager: the kubeconfig of a ready API server goes in, running controllers come out.
package main

import (
	"context"
	"strings"

	"k8s.io/kubernetes/cmd/kube-controller-manager/app"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
	"k8s.io/kubernetes/cmd/kube-controller-manager/names"
)

// What tests look at: namespaces that get their ServiceAccount and go away, tokens, quotas, and workloads that make Pods.
// Nodes, volumes and networks do not exist here.
var controllers = []string{
	names.ClusterRoleAggregationController,
	names.CronJobController,
	names.DaemonSetController,
	names.DeploymentController,
	names.GarbageCollectorController,
	names.JobController,
	names.NamespaceController,
	names.ReplicaSetController,
	names.ResourceQuotaController,
	names.RootCACertificatePublisherController,
	names.ServiceAccountController,
	names.ServiceAccountTokenController,
	names.StatefulSetController,
	names.ValidatingAdmissionPolicyStatusController,
}

func startControllerManager(data folder) (*part, error) {
	manager, err := options.NewKubeControllerManagerOptions()
	if err != nil {
		return nil, err
	}
	known, disabled, aliases := app.KnownControllers(), app.ControllersDisabledByDefault(), app.ControllerAliases()
	flags := manager.Flags(known, disabled, aliases)
	manager.ParsedFlags = &flags
	if err := parse(flags, []string{
		"--concurrent-namespace-syncs=20",
		"--concurrent-serviceaccount-token-syncs=20",
		"--controllers=" + strings.Join(controllers, ","),
		"--kube-api-burst=2000",
		"--kube-api-qps=1000",
		"--kubeconfig=" + data.kubeconfig(),
		"--leader-elect=false",
		"--root-ca-file=" + data.certificate(),
		"--secure-port=0",
		"--service-account-private-key-file=" + data.serviceAccountKey(),
		"--use-service-account-credentials=true",
	}); err != nil {
		return nil, err
	}
	config, err := manager.Config(context.Background(), known, disabled, aliases)
	if err != nil {
		return nil, err
	}
	return start(func(running context.Context) error { return app.Run(running, config.Complete()) }), nil
}
