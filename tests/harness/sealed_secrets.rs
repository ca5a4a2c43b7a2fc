//! Runs the Sealed Secrets controller as in a Pod.

use std::net::{TcpListener, UdpSocket};
use std::process::Child;
use std::sync::Mutex;

use serde_json::json;

use super::bench::Bench;

/// The controller, until it is stopped or the test process ends.
pub struct Controller {
    pub namespace: String,
    pub certificate: String,
    child: Mutex<Child>,
}

impl Controller {
    /// The controller of this bench; the first test that asks starts it.
    pub fn of(bench: &'static Bench) -> &'static Self {
        bench.controller.get_or_init(|| {
            let [namespace] = bench.namespaces();
            Self::start(bench, &namespace, "sealer")
        })
    }

    /// Starts the controller for an existing namespace, and waits until its certificate can be fetched.
    pub fn start(bench: &Bench, namespace: &str, name: &str) -> Self {
        let kind = std::fs::read_to_string(format!("{}/tests/crds/sealedsecrets.yaml", env!("CARGO_MANIFEST_DIR")));
        bench.apply(&kind.unwrap()).succeeded();
        let (address, port) = own_address();
        let account = format!("--serviceaccount={namespace}:default");
        let role = ["create", "clusterrolebinding", namespace, "--clusterrole=cluster-admin", &account];
        bench.kubectl(&role, "").succeeded();
        let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"ports": [{"name": "http", "port": 8080, "targetPort": port}]}});
        // The API server forwards requests only to addresses of Pods. No scheduler puts this Pod on a node.
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
            "spec": {"schedulerName": "none", "containers": [{"name": "c", "image": name}]}});
        let slice = json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}},
            "ports": [{"name": "http", "port": port, "protocol": "TCP"}],
            "endpoints": [{"addresses": [address], "targetRef": {"kind": "Pod", "name": name, "namespace": namespace}}]});
        for object in [service, pod, slice] {
            bench.kubectl(&["create", "-n", namespace, "-f", "-"], &object.to_string()).succeeded();
        }
        let status = json!({"status": {"podIP": address, "podIPs": [{"ip": address}]}}).to_string();
        let patch = ["patch", "pod", name, "-n", namespace, "--subresource=status", "--type=merge", "-p", &status];
        bench.kubectl(&patch, "").succeeded();
        let in_pod = format!("{}/tests/control-plane/in-pod", env!("CARGO_MANIFEST_DIR"));
        let child = bench
            .program("sh")
            .arguments(["-c", r#"exec 3<&0; "$@" </dev/null & cat <&3 >/dev/null; kill $!"#, "controller"])
            .arguments([&in_pod, namespace, "default", "sealed-secrets-controller", "--key-size", "2048"])
            .arguments([
                "--listen-addr",
                &format!("{address}:{port}"),
                "--listen-metrics-addr",
                &format!("{address}:0"),
            ])
            .arguments(["--rate-limit", "1000", "--rate-limit-burst", "1000"])
            .start();
        let url = format!("/api/v1/namespaces/{namespace}/services/http:{name}:http/proxy/v1/cert.pem");
        let mut certificate = String::new();
        Bench::wait("the controller", || {
            let answer = bench.kubectl(&["get", "--raw", &url], "");
            certificate = answer.stdout;
            answer.status == 0 && certificate.contains("BEGIN CERTIFICATE")
        });
        Self { namespace: namespace.to_owned(), certificate, child: Mutex::new(child) }
    }

    /// Ends the controller, and waits for its end.
    pub fn stop(&self) {
        let mut child = self.child.lock().unwrap();
        drop(child.stdin.take());
        child.wait().unwrap();
    }
}

/// A non-loopback address of this machine, to which the API server forwards requests, and a free port.
fn own_address() -> (String, u16) {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.connect("192.0.2.1:9").unwrap();
    let address = socket.local_addr().unwrap().ip();
    let port = TcpListener::bind((address, 0)).unwrap().local_addr().unwrap().port();
    (address.to_string(), port)
}
