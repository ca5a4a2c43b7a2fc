// kube-apiserver: a folder and the address of etcd go in, a running server and its kubeconfig come out.
package main

import (
	"context"
	"net"
	"os"
	"time"

	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"
)

// everyRequest is a policy: who asked for what, once it is answered.
const everyRequest = `{"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"],
"rules": [{"level": "Metadata"}]}`

func startAPIServer(data folder, etcd, gates, admission string, audits bool) (*part, error) {
	// Our own listener, so that no other process can take the port between its choice and its use.
	listener, err := net.Listen("tcp", data.address())
	if err != nil {
		return nil, err
	}
	server := options.NewServerRunOptions()
	server.SecureServing.Listener = listener
	server.SecureServing.BindPort = listener.Addr().(*net.TCPAddr).Port
	arguments := []string{
		"--admission-control-config-file=" + admission,
		"--advertise-address=127.0.0.1",
		"--allow-privileged=true",
		"--authorization-mode=RBAC",
		"--bind-address=127.0.0.1",
		"--cert-dir=" + data.certificates(),
		// A loopback address cannot be the endpoint of the Service `kubernetes`, and nothing here looks for it.
		"--endpoint-reconciler-type=none",
		"--etcd-servers=http://" + etcd,
		"--feature-gates=" + gates,
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + data.serviceAccountKey(),
		"--service-account-signing-key-file=" + data.serviceAccountKey(),
		"--service-cluster-ip-range=10.0.0.0/24",
		"--token-auth-file=" + data.tokens(),
	}
	if audits {
		if err := os.WriteFile(data.auditPolicy(), []byte(everyRequest), 0o600); err != nil {
			return nil, err
		}
		arguments = append(arguments, "--audit-policy-file="+data.auditPolicy(), "--audit-log-path="+data.auditLog())
	}
	if err := parse(server.Flags(), arguments); err != nil {
		return nil, err
	}
	if err := server.GenericServerRunOptions.ComponentGlobalsRegistry.Set(); err != nil {
		return nil, err
	}
	completed, err := server.Complete(context.Background())
	if err != nil {
		return nil, err
	}
	if problems := completed.Validate(); len(problems) > 0 {
		return nil, utilerrors.NewAggregate(problems)
	}
	if err := data.writeKubeconfig("https://" + listener.Addr().String()); err != nil {
		return nil, err
	}
	return start(func(running context.Context) error { return app.Run(running, completed) }), nil
}

func waitUntilReady(limit context.Context, data folder) error {
	return poll(limit, data, func(client *kubernetes.Clientset) error {
		return client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(limit).Error()
	})
}

// waitForControllers: once the first namespace has its `default` ServiceAccount, others get theirs at once.
func waitForControllers(limit context.Context, data folder) error {
	return poll(limit, data, func(client *kubernetes.Clientset) error {
		_, err := client.CoreV1().ServiceAccounts("default").Get(limit, "default", metav1.GetOptions{})
		return err
	})
}

// poll asks until there is no error, and returns the last one when the time is over.
func poll(limit context.Context, data folder, ask func(*kubernetes.Clientset) error) error {
	config, err := data.client()
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	var last error
	err = wait.PollUntilContextCancel(limit, 50*time.Millisecond, true, func(context.Context) (bool, error) {
		last = ask(client)
		return last == nil, nil
	})
	if err == nil {
		return nil
	}
	return last
}

// parse gives a component its flags in the form in which its manual explains them.
func parse(sets cliflag.NamedFlagSets, arguments []string) error {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	for _, set := range sets.FlagSets {
		flags.AddFlagSet(set)
	}
	return flags.Parse(arguments)
}
