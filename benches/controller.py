"""Reads the audit log of benches/controller: what the controller asked for, and when."""

import json
import statistics
import subprocess
import sys
import time
from datetime import datetime, timezone

ACCOUNT = "system:serviceaccount:regcred-system:regcred-image-pull-secret"


def moment(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def entries(since):
    for line in open(LOG):
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if moment(entry["requestReceivedTimestamp"]) >= since and entry["stage"] == "ResponseComplete":
            yield entry


def of_the_controller(since):
    return (entry for entry in entries(since) if entry["user"]["username"] == ACCOUNT)


def is_write(entry):
    return (
        entry["verb"] in ("patch", "delete")
        and entry["objectRef"]["resource"] in ("secrets", "serviceaccounts")
        and "dryRun" not in entry["requestURI"]
        and entry["responseStatus"]["code"] < 300
    )


def span(since):
    """From the first request to the end of the last write, in milliseconds."""
    asked = [moment(entry["requestReceivedTimestamp"]) for entry in of_the_controller(since) if entry["verb"] == "watch" or is_write(entry)]
    written = [moment(entry["stageTimestamp"]) for entry in of_the_controller(since) if is_write(entry)]
    first = min(moment(entry["requestReceivedTimestamp"]) for entry in of_the_controller(since) if is_write(entry))
    return (max(written) - (min(asked) if min(asked) < first and first - min(asked) < 5 else first)) * 1000


def quantiles(values):
    values = sorted(values)
    return "%.0f %.0f" % (statistics.median(values) * 1000, values[int(len(values) * 0.99)] * 1000)


def latency(since, prefix):
    made, accounts, secrets, links = {}, {}, {}, {}
    for entry in entries(since):
        reference, code = entry.get("objectRef") or {}, entry["responseStatus"]["code"]
        namespace = reference.get("namespace") or reference.get("name", "")
        end = moment(entry["stageTimestamp"])
        if not namespace.startswith(prefix) or code >= 300:
            continue
        ours = entry["user"]["username"] == ACCOUNT
        if entry["verb"] == "create" and reference["resource"] == "namespaces":
            made[namespace] = end
        elif entry["verb"] == "create" and reference["resource"] == "serviceaccounts" and reference.get("name") in (None, "default"):
            accounts[namespace] = end
        elif ours and entry["verb"] == "patch" and reference["resource"] == "secrets":
            secrets[namespace] = end
        elif ours and entry["verb"] == "patch" and reference["resource"] == "serviceaccounts":
            links[namespace] = end
    return "%s %s" % (
        quantiles([max(secrets[name] - made[name], 0) for name in made]),
        quantiles([max(links[name] - accounts[name], 0) for name in accounts if name in links]),
    )


def idle(since):
    kinds = {}
    for entry in of_the_controller(since):
        what = entry["verb"] + " " + (entry.get("objectRef") or {}).get("resource", "")
        kinds[what] = kinds.get(what, 0) + 1
    return ", ".join("%d × %s" % (count, what) for what, count in sorted(kinds.items()))


def row(name, figure, goal):
    print("| %s | %s | %s |" % (name, figure, goal))


def table(n, writes_alone, cold, rotation_alone, rotation, single, burst, quiet, memory):
    n = int(n)
    mean = lambda text: statistics.mean(map(float, text.split()))
    one, many = single.split(), burst.split()
    rss = memory.split()
    print("| %s namespaces | measured | goal |\n|---|---:|---:|" % format(n, ","))
    row("all served, from the first watch", "%.0f ms, %.1f times the writes alone" % (mean(cold), mean(cold) / mean(writes_alone)), "1.6 times")
    row("all rotated", "%.0f ms, %.1f times the writes alone" % (mean(rotation), mean(rotation) / mean(rotation_alone)), "1.6 times")
    row("a new namespace, to its Secret", "p50 %s ms, p99 %s ms" % (one[0], one[1]), "20 ms, 100 ms")
    row("its ServiceAccount, to the reference", "p50 %s ms, p99 %s ms" % (one[2], one[3]), "")
    row("200 at once, to the Secret", "p99 %s ms" % many[1], "500 ms")
    row("200 at once, from the ServiceAccount to the reference", "p99 %s ms" % many[3], "100 ms")
    row("memory, at its peak and now", "%.1f MiB, %.1f MiB" % (int(rss[1]) / 1024, int(rss[4]) / 1024), "16 MiB")
    row("a minute in which nothing happens", quiet, "lease and watches")


LOG, job, *rest = sys.argv[1:]
if job == "now":
    print(datetime.now(timezone.utc).timestamp())
elif job == "run":
    began = time.monotonic()
    subprocess.run(rest, check=True)
    print("%.0f" % ((time.monotonic() - began) * 1000))
elif job == "span":
    print("%.0f" % span(float(rest[0])))
elif job == "writes":
    print(sum(1 for entry in of_the_controller(float(rest[0])) if is_write(entry)))
elif job == "latency":
    print(latency(float(rest[0]), rest[1]))
elif job == "idle":
    print(idle(float(rest[0])))
else:
    table(*rest)
