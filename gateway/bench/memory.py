"""The part of `run` that measures memory, idle streams, and the cost of a very large schema."""

import subprocess
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOOLS = HERE.parent / "suite/.tools"
WATCH = "/v1/depots/aarhus/parcels/5:watch"


def measure(bench):
    """All of it; how many requests failed."""
    print("\nmemory of ours, resident")
    failures = growth(bench)
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
        print("  the cost of a large schema is not measured: `cargo test -p gateway-suite --test google_routes` makes it")
        return 0
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
