"""Reads the audit log of a bench: what the account in the variable ACCOUNT asked for, and when. Prints the table of benches/controller."""

import json
import os
import statistics
import subprocess
import sys
import time
from datetime import datetime, timezone

ACCOUNT = os.environ.get("ACCOUNT")


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
        entry["verb"] in ("create", "update", "patch", "delete")
        and entry["objectRef"]["resource"] in ("secrets", "serviceaccounts")
        and "dryRun" not in entry["requestURI"]
        and entry["responseStatus"]["code"] < 300
    )


def span(since, begin=None):
    """To the end of the last write, from this moment or else from the first write, in milliseconds."""
    writes = [entry for entry in of_the_controller(since) if is_write(entry)]
    begin = begin or min(moment(entry["requestReceivedTimestamp"]) for entry in writes)
    return (max(moment(entry["stageTimestamp"]) for entry in writes) - begin) * 1000


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
        elif ours and is_write(entry) and reference["resource"] == "secrets":
            secrets[namespace] = end
        elif ours and is_write(entry) and reference["resource"] == "serviceaccounts":
            links[namespace] = end
    return "%s %s" % (
        quantiles([max(secrets[name] - made[name], 0) for name in made if name in secrets]),
        quantiles([max(links[name] - accounts[name], 0) for name in accounts if name in links]),
    )


def idle(since):
    kinds = {}
    for entry in of_the_controller(since):
        what = entry["verb"] + " " + (entry.get("objectRef") or {}).get("resource", "")
        kinds[what] = kinds.get(what, 0) + 1
    return ", ".join("%d × %s" % (count, what) for what, count in sorted(kinds.items()))


def deletes(since):
    return sum(1 for entry in of_the_controller(since) if is_write(entry) and entry["verb"] == "delete")


def table(n, other):
    found = {}
    for line in open(LOG):
        program, key, *values = line.rstrip("\n").split(" ", 2)
        found.setdefault((program, key), []).append(values[0] if values else "")
    programs = [program for program in ("regcred", "other") if (program, "cold") in found]
    mean = lambda key, program="regcred": statistics.mean(float(text.split()[0]) for text in found[program, key])

    def times(key, alone):
        def cell(program):
            if "never" in found[program, key]:
                return "not within 5 minutes"
            taken = mean(key, program)
            removed = sum(int(text.split()[1]) for text in found[program, key] if len(text.split()) > 1)
            return "%.0f ms, %.1f times the writes alone" % (taken, taken / mean(alone)) + (", %d deletes" % removed if key == "rotation" else "")

        return cell

    def part(key, words, *places):
        return lambda program: words % tuple(found[program, key][0].split()[place] for place in places)

    def memory(program):
        words = found[program, "memory"][0].split()
        return "%.1f MiB, %.1f MiB" % (int(words[1]) / 1024, int(words[4]) / 1024)

    def failover(program):
        return "%.0f ms" % max(float(text) for text in found[program, "failover"]) if (program, "failover") in found else ""

    rows = [
        ("all served, from the start of the program", "1.6 times", times("cold", "writes-alone")),
        ("all rotated, from the first write", "1.6 times, no delete", times("rotation", "rotation-alone")),
        ("a new namespace, to its Secret", "20 ms, 100 ms", part("single", "p50 %s ms, p99 %s ms", 0, 1)),
        ("its ServiceAccount, to the reference", "", part("single", "p50 %s ms, p99 %s ms", 2, 3)),
        ("200 at once, to the Secret", "500 ms", part("burst", "p99 %s ms", 1)),
        ("200 at once, from the ServiceAccount to the reference", "100 ms", part("burst", "p99 %s ms", 3)),
        ("memory, at its peak and now", "16 MiB", memory),
        ("a minute in which nothing happens", "lease and watches", lambda program: found[program, "idle"][0]),
        ("from a SIGTERM to the next leader, the slowest of three", "1,000 ms", failover),
    ]
    print("| %s namespaces | goal | regcred |%s" % (format(int(n), ","), " %s |" % other if len(programs) > 1 else ""))
    print("|---|---:|---:|" + "---:|" * (len(programs) - 1))
    for name, goal, cell in rows:
        print("| %s | %s | %s |" % (name, goal, " | ".join(cell(program) for program in programs)))


LOG, job, *rest = sys.argv[1:]
if job == "now":
    print(datetime.now(timezone.utc).timestamp())
elif job == "run":
    began = time.monotonic()
    subprocess.run(rest, check=True)
    print("%.0f" % ((time.monotonic() - began) * 1000))
elif job == "span":
    print("%.0f" % span(*map(float, rest)))
elif job == "writes":
    print(sum(1 for entry in of_the_controller(float(rest[0])) if is_write(entry)))
elif job == "latency":
    print(latency(float(rest[0]), rest[1]))
elif job == "deletes":
    print(deletes(float(rest[0])))
elif job == "since":
    print("%.0f" % ((moment(rest[1]) - float(rest[0])) * 1000))
elif job == "idle":
    print(idle(float(rest[0])))
else:
    table(*rest)
