"""Disturbs and counts for benches/torture, by a `kubectl proxy` of a cluster administrator."""

import base64
import http.client
import json
import os
import select
import signal
import socket
import sys
import threading
import time

NAME = "image-pull-secret"


class Server:
    """The API server, by one connection that is made again where it breaks."""

    def __init__(self, address):
        self.address, self.connection = address, None

    def send(self, method, path, body=None, content="application/json"):
        for _ in range(50):
            try:
                self.connection = self.connection or http.client.HTTPConnection(self.address, timeout=60)
                self.connection.request(method, path, body and json.dumps(body), {"Content-Type": content})
                answer = self.connection.getresponse()
                return answer.status, json.loads(answer.read() or b"{}")
            except (OSError, http.client.HTTPException, ValueError):
                self.connection = None
                time.sleep(0.2)
        raise SystemExit("the API server does not answer")

    def list(self, kind, name):
        status, found = self.send("GET", f"/api/v1/{kind}?fieldSelector=metadata.name%3D{name}")
        return found.get("items", []) if status == 200 else []

    def patch_account(self, namespace, operations):
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/default"
        return self.send("PATCH", path, operations, "application/json-patch+json")[0]


def references(account):
    return [one["name"] for one in account.get("imagePullSecrets") or []]


def count(address, prefix, password):
    server = Server(address)
    linked = {one["metadata"]["namespace"] for one in server.list("serviceaccounts", "default") if NAME in references(one)}
    has = lambda one: password.encode() in base64.b64decode(one.get("data", {}).get(".dockerconfigjson", ""))
    secrets = {one["metadata"]["namespace"] for one in server.list("secrets", NAME) if has(one)}
    print(sum(name.startswith(prefix + "-") for name in linked & secrets))


def without_account(address, prefix):
    """How many namespaces have no ServiceAccount `default` yet."""
    server = Server(address)
    have = {one["metadata"]["namespace"] for one in server.list("serviceaccounts", "default")}
    names = [one["metadata"]["name"] for one in server.send("GET", "/api/v1/namespaces")[1].get("items", [])]
    print(sum(name.startswith(prefix + "-") and name not in have for name in names))


def create(address, prefix, number, rate):
    """So many namespaces a second, from eight connections."""
    labels = {"bench": "yes"}
    new = lambda name: ("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    of_each(address, prefix, number, rate, new)


def delete(address, prefix, number, rate):
    """Deletes so many of these namespaces; the server takes its time."""
    of_each(address, prefix, number, rate, lambda name: ("DELETE", f"/api/v1/namespaces/{name}"))


def of_each(address, prefix, number, rate, request):
    began, numbers, lock = time.monotonic(), iter(range(int(number))), threading.Lock()

    def work():
        server = Server(address)
        while True:
            with lock:
                at = next(numbers, None)
            if at is None:
                return
            time.sleep(max(0, began + at / float(rate) - time.monotonic()))
            server.send(*request(f"{prefix}-{at:06}"))

    threads = [threading.Thread(target=work) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]


def add(server, namespace, entry, at="-"):
    first = [{"op": "test", "path": "/imagePullSecrets", "value": None}, {"op": "add", "path": "/imagePullSecrets", "value": [{"name": entry}]}]
    more = [{"op": "add", "path": f"/imagePullSecrets/{at}", "value": {"name": entry}}]
    return any(server.patch_account(namespace, patch) == 200 for patch in (more, first))


def openshift(address, prefix):
    """Adds its entry to each list that lacks it, as OpenShift's controller mints a token; prints how often one was dropped. Ends with stdin."""
    server, asked, had, dropped, version = Server(address), set(), set(), 0, ""
    is_over = lambda: select.select([sys.stdin], [], [], 0)[0]
    watch = None
    while not is_over():
        try:
            if watch is None:
                watch = http.client.HTTPConnection(address, timeout=5)
                watch.request("GET", f"/api/v1/serviceaccounts?watch=1&fieldSelector=metadata.name%3Ddefault&resourceVersion={version}&timeoutSeconds=60")
                lines = watch.getresponse()
            line = lines.readline()
            if not line:
                watch = None
                continue
            event = json.loads(line)
            if event["type"] == "ERROR":
                version, watch = "", None
                continue
        except (OSError, http.client.HTTPException, ValueError):
            watch = None
            continue
        account = event["object"]
        namespace, version = account["metadata"]["namespace"], account["metadata"]["resourceVersion"]
        if not namespace.startswith(prefix + "-") or event["type"] == "DELETED":
            continue
        if "openshift" in references(account):
            had.add(namespace)
        elif namespace in had:
            dropped += 1
        elif namespace not in asked:
            # States from before its own write come after it.
            asked.add(namespace)
            add(server, namespace, "openshift")
    print(dropped)


def storm(address, prefix, seconds):
    """Edits the lists and the annotations of the same ServiceAccounts all the time."""
    server, end, number = Server(address), time.monotonic() + float(seconds), 0
    while time.monotonic() < end:
        for account in server.list("serviceaccounts", "default")[-500:]:
            namespace = account["metadata"]["namespace"]
            if not namespace.startswith(prefix + "-") or time.monotonic() > end:
                continue
            number += 1
            path = f"/api/v1/namespaces/{namespace}/serviceaccounts/default"
            server.send("PATCH", path, {"metadata": {"annotations": {"number": str(number)}}}, "application/merge-patch+json")
            if "second" not in references(account):
                add(server, namespace, "second", 0)


def wire(target):
    """Passes bytes on, and prints its address; after SIGUSR1 nothing more passes by the connections that there are."""
    host, port = target.rsplit(":", 1)
    listener, connections = socket.create_server(("127.0.0.1", 0)), []
    print("127.0.0.1:%d" % listener.getsockname()[1], flush=True)
    signal.signal(signal.SIGUSR1, lambda *_: [connection.set() for connection in connections])

    def copy(one, other, is_cut):
        try:
            while data := one.recv(65536):
                while is_cut.is_set():
                    time.sleep(3600)
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    while True:
        client, is_cut = listener.accept()[0], threading.Event()
        server = socket.create_connection((host, int(port)))
        connections.append(is_cut)
        for pair in ((client, server), (server, client)):
            threading.Thread(target=copy, args=(*pair, is_cut), daemon=True).start()


def rewire(kubeconfig, address, token):
    """The kubeconfig by the wire, with a token in a file; its only context is both `bench` and the current one."""
    config = json.load(open(kubeconfig))
    cluster = config["clusters"][0]
    cluster["cluster"]["server"] = f"https://{address}"
    config["clusters"], config["users"] = [cluster], [{"name": "bench", "user": {"tokenFile": token}}]
    config["contexts"] = [{"name": "bench", "context": {"cluster": cluster["name"], "user": "bench"}}]
    config["current-context"] = "bench"
    print(json.dumps(config))


def violations(log):
    """What the account in ACCOUNT did beyond its own objects."""
    reads = writes = tokens = 0
    for line in open(log):
        if os.environ["ACCOUNT"] not in line:
            continue
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        reference = entry.get("objectRef") or {}
        resource, name, verb = reference.get("resource"), reference.get("name"), entry["verb"]
        if entry["user"]["username"] != os.environ["ACCOUNT"] or entry["stage"] != "ResponseComplete" or entry["responseStatus"]["code"] >= 300:
            continue
        if reference.get("subresource") == "token":
            tokens += 1
        elif verb in ("get", "list", "watch"):
            reads += resource == "secrets" and name != NAME and f"metadata.name%3D{NAME}" not in entry["requestURI"]
        elif resource not in ("leases", "events"):
            is_own = (resource, name) in (("secrets", NAME), ("serviceaccounts", "default")) or (resource, verb, name) == ("secrets", "create", None)
            writes += not is_own
    print(f"requests that read Secrets of others\t{reads}\nwrites of objects of others\t{writes}\ntokens asked for\t{tokens}")


def table(results, number, other):
    rows, programs = {}, []
    for line in open(results):
        program, what, cell = line.rstrip("\n").split("\t")
        rows.setdefault(what, {})[program] = cell
        programs += [program] if program not in programs else []
    names = [other if program == "other" else program for program in programs]
    print("| %s namespaces | %s |\n|---|%s" % (format(int(number), ","), " | ".join(names), "---:|" * len(names)))
    for what, cells in rows.items():
        print("| %s | %s |" % (what, " | ".join(cells.get(program, "") for program in programs)))


globals()[sys.argv[1]](*sys.argv[2:])
