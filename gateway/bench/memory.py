"""The part of `run` that measures memory, idle streams, and the cost of a very large schema."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOOLS = HERE.parent / "suite/.tools"
WATCH = "/v1/depots/aarhus/parcels/5:watch"


def measure(bench):
    """All of it; how many requests failed."""
    print("\nmemory of ours, resident")
    failures = growth(bench) + large(bench)
    swaps(bench)
    for http2, connections, streams, goal in [(True, 1, 250, 8), (False, 1000, 1000, 24)]:
        idle(bench, http2, connections, streams, goal)
    return failures + google(bench)


def growth(bench):
    process, port = bench.gateway("ours-memory")
    print(f"  after its start {process.mebibytes():.1f} MiB")
    failures, after = 0, []
    for _ in range(2):
        _, failed = bench.load(port, "tiny GET", True, 1_000_000)
        failures += failed
        after.append(process.mebibytes())
    met = "met" if after[1] <= after[0] + 1 and after[1] <= 20 else "MISSED"
    print(f"  after 1 million requests {after[0]:.1f} MiB, after 2 million {after[1]:.1f} MiB "
          f"(goal: within 1 MiB, at most 20 MiB: {met})", flush=True)
    process.stop()
    return failures


def large(bench):
    """160 large requests and answers at a time, and then none: what stays."""
    process, port = bench.gateway("ours-large")
    failures, most = 0, 0
    for case in ["list of 100", "put of 100", "stream of 100"]:
        _, failed = bench.load(port, case, True, 5000)
        failures += failed
        most = max(most, process.mebibytes())
    time.sleep(3)
    after = process.mebibytes()
    print(f"  after 15,000 large answers, 160 at a time, {after:.1f} MiB, under the load {most:.1f} MiB "
          f"(goal: at most 20 MiB after: {'met' if after <= 20 else 'MISSED'})", flush=True)
    process.stop()
    return failures


def swaps(bench, count=10_000):
    """Another schema each time: every path, some names of fields, and all comments have another word."""
    file, original = bench.folder / "swapped.bin", bench.descriptors.read_bytes()

    def write(number):
        word = b"p%06d" % number
        (bench.folder / "next.bin").write_bytes(original.replace(b"parcels", word))
        os.replace(bench.folder / "next.bin", file)
        return word.decode()

    write(0)
    process, port, admin = bench.gateway_with("ours-swaps", "admin", "--descriptor", file)
    client, operator = (http.client.HTTPConnection("127.0.0.1", each) for each in (port, admin))

    def get(connection, path):
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()

    def known():
        return json.loads(get(operator, "/schema")[1])["hash"]

    began, former, after = time.monotonic(), known(), {}
    for number in range(1, count + 1):
        word = write(number)
        os.kill(process.process.pid, signal.SIGHUP)
        patience = time.monotonic() + 10
        while (hash_ := known()) == former:
            if time.monotonic() > patience:
                sys.exit(f"schema {number} was not adopted")
        former = hash_
        if number % 100 == 0:
            status, body = get(client, f"/v1/depots/aarhus/{word}/5")
            if status != 200:
                sys.exit(f"with schema {number}: {status} {body}")
        if number in (count // 10, count // 2, count):
            time.sleep(3)
            after[number] = process.mebibytes()
    grown = after[count] - after[count // 10]
    print("  after " + ", ".join(f"{number:,} swaps {size:.1f} MiB" for number, size in after.items())
          + f" in {time.monotonic() - began:.0f} s (goal: no growth, within 1 MiB: {'met' if grown <= 1 else 'MISSED'})",
          flush=True)
    process.stop()


def idle(bench, http2, connections, streams, goal):
    """What a stream costs that has nothing to say: one record was sent, the next never comes."""
    version = "h2" if http2 else "h1"
    process, port = bench.gateway(f"ours-idle-{version}")
    bench.load(port, "tiny GET", http2, 2000)
    time.sleep(1)
    before = process.mebibytes()
    command = ["h2load", "-t", "1", "-c", connections, "-n", streams, "-m", streams // connections,
               "-H", "accept: text/event-stream", *([] if http2 else ["--h1"]), f"http://127.0.0.1:{port}{WATCH}"]
    holder = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(3)
    each = (process.mebibytes() - before) * 1024 / streams
    holder.kill()
    holder.wait()
    met = "met" if each <= goal else "MISSED"
    print(f"  idle SSE streams: {each:.1f} KiB each, {streams} on {connections} {version} connection(s) "
          f"(goal: {goal} KiB: {met})", flush=True)
    process.stop()


def google(bench):
    """The cost of a request with all of Google's routes loaded against the bench's own."""
    descriptors = next(TOOLS.glob("google-proto-files-*.bin"), None)
    if descriptors is None:
        sys.exit("the descriptors of Google's APIs are not there: ./setup makes them")
    own, own_port = bench.gateway("ours-10", "--descriptor", bench.descriptors)
    all_, all_port = bench.gateway("ours-google", "--descriptor", bench.descriptors, "--descriptor", descriptors)
    count, costs, failures = 30_000, {own: [], all_: []}, 0
    for _ in range(5):
        for process, port in [(own, own_port), (all_, all_port)]:
            before = process.seconds()
            _, failed = bench.load(port, "tiny GET", False, count)
            costs[process].append(1e6 * (process.seconds() - before) / count)
            failures += failed
    few, many = (sorted(costs[process])[2] for process in (own, all_))
    met = "met" if many <= 1.2 * few else "MISSED"
    print(f"  tiny GET with all of Google's routes {many:.1f} µs, with the bench's own {few:.1f} µs, "
          f"{all_.mebibytes():.0f} MiB (goal: 1.2 times: {met})", flush=True)
    own.stop()
    all_.stop()
    return failures
