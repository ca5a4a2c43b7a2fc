// Command regcred-control-plane takes an empty folder and makes a Kubernetes control plane in it: etcd, kube-apiserver and
// kube-controller-manager in this one process, on free loopback ports. It writes kubeconfig into the folder, prints "ready"
// when a client can start, and runs until SIGTERM, SIGINT or, on request, the end of its standard input.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"k8s.io/klog/v2"
)

const (
	timeToStart = 2 * time.Minute
	timeToStop  = 15 * time.Second
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("regcred-control-plane: ")
	folder := flag.String("data", "", "the `folder` for its data, its log and the kubeconfig; made if missing, else empty")
	continues := flag.Bool("continue", false, "go on at the same address with the data of a control plane that was killed")
	audits := flag.Bool("audit", false, "write a line for each request, without bodies, to audit.log in the folder")
	gates := flag.String("feature-gates", "", "`gates` of kube-apiserver, for example WatchList=false, as in a server before Kubernetes 1.34")
	admission := flag.String("admission", "", "the `file` with the admission configuration of kube-apiserver")
	untilStdinCloses := flag.Bool("until-stdin-closes", false, "stop when standard input ends, as it does when the parent dies")
	flag.Parse()
	if *folder == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}

	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	if *untilStdinCloses {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			cancel()
		}()
	}
	if err := run(stop, *folder, *gates, *admission, *continues, *audits); err != nil {
		log.Fatal(err)
	}
}

// run starts each part when the one that it needs is there, and stops them in reverse.
func run(stop context.Context, path, gates, admission string, continues, audits bool) error {
	data, err := prepare(path, continues)
	if err != nil {
		return err
	}
	defer klog.Flush()

	etcd, err := startEtcd(data)
	if err != nil {
		return fmt.Errorf("etcd: %w", err)
	}
	defer etcd.Close()

	apiServer, err := startAPIServer(data, etcd.Clients[0].Addr().String(), gates, admission, audits)
	if err != nil {
		return fmt.Errorf("kube-apiserver: %w", err)
	}
	defer apiServer.stop()

	starting, cancel := context.WithTimeout(stop, timeToStart)
	defer cancel()
	if err := waitUntilReady(starting, data); err != nil {
		return unlessStopped(stop, apiServer.blame(err))
	}

	controllers, err := startControllerManager(data)
	if err != nil {
		return fmt.Errorf("kube-controller-manager: %w", err)
	}
	defer controllers.stop()
	if err := waitForControllers(starting, data); err != nil {
		return unlessStopped(stop, controllers.blame(err))
	}

	fmt.Println("ready")
	select {
	case <-stop.Done():
		return nil
	case <-apiServer.done:
		return apiServer.blame(errors.New("kube-apiserver stopped by itself"))
	case <-controllers.done:
		return controllers.blame(errors.New("kube-controller-manager stopped by itself"))
	}
}

// unlessStopped gives up at once when we were told to stop while starting: what is interrupted in its first seconds calls
// that fatal and prints stacks, and the end of the process leaves nothing behind anyway.
func unlessStopped(stop context.Context, err error) error {
	if stop.Err() != nil {
		os.Exit(0)
	}
	return err
}

// part is one server of the control plane, running until it is told to stop.
type part struct {
	cancel context.CancelFunc
	done   chan struct{}
	err    error // valid once done is closed
}

func start(serve func(context.Context) error) *part {
	running, cancel := context.WithCancel(context.Background())
	p := &part{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		p.err = serve(running)
	}()
	return p
}

// stop waits, but not for ever: the process ends right after, and its data are worth nothing.
func (p *part) stop() {
	p.cancel()
	select {
	case <-p.done:
	case <-time.After(timeToStop):
	}
}

// blame prefers the error with which the part ended to what was seen from outside.
func (p *part) blame(seen error) error {
	select {
	case <-p.done:
		return errors.Join(seen, p.err)
	default:
		return seen
	}
}

// logOnlyTo keeps standard error for what makes us fail: on each start the components log errors that heal by themselves.
func logOnlyTo(logFile io.Writer) error {
	settings := flag.NewFlagSet("", flag.ContinueOnError)
	klog.InitFlags(settings)
	klog.SetOutput(logFile)
	return errors.Join(
		settings.Set("logtostderr", "false"),
		settings.Set("stderrthreshold", "FATAL"),
	)
}

// prepare makes the folder, unless it continues with one, and sends the log of all parts into it.
func prepare(path string, continues bool) (folder, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return folder{}, err
	}
	if entries, err := os.ReadDir(path); err == nil && len(entries) > 0 && !continues {
		return folder{}, fmt.Errorf("%s is not empty: a control plane starts from nothing, unless it continues", path)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return folder{}, err
	}
	data := folder{path}
	logFile, err := os.OpenFile(data.file("control-plane.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return folder{}, err
	}
	if err := logOnlyTo(logFile); err != nil {
		return folder{}, err
	}
	process := strconv.Itoa(os.Getpid())
	if err := os.WriteFile(data.file("process"), []byte(process), 0o600); err != nil || continues {
		return data, err
	}
	return data, data.writeIdentities()
}
