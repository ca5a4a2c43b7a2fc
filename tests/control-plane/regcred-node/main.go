// Command regcred-node is what a node needs of Kubernetes, in one program: `regcred-node kubelet FLAGS`, `… scheduler FLAGS`,
// `… controller-manager FLAGS`, and `… forward FROM TO`, which joins the node's network to the API server outside of it.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

func main() {
	name := ""
	if len(os.Args) > 1 {
		name = os.Args[1]
	}
	// Each part reads the arguments of the process, and gets its own.
	os.Args = append(os.Args[:1], os.Args[min(2, len(os.Args)):]...)
	var command *cobra.Command
	switch name {
	case "kubelet":
		command = kubelet.NewKubeletCommand(context.Background())
	case "scheduler":
		command = scheduler.NewSchedulerCommand()
	case "controller-manager":
		command = controllers.NewControllerManagerCommand()
	case "forward":
		if len(os.Args) == 3 {
			exit(forward(os.Args[1], os.Args[2]))
		}
		fallthrough
	default:
		fmt.Fprintln(os.Stderr, "usage: regcred-node kubelet|scheduler|controller-manager FLAGS, or regcred-node forward FROM TO")
		os.Exit(2)
	}
	os.Exit(cli.Run(command))
}

func exit(err error) {
	fmt.Fprintln(os.Stderr, "regcred-node:", err)
	os.Exit(1)
}
