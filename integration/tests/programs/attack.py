"""What a hostile job would try: one line per attempt, `refused` or `ALLOWED`. Standard library only.

The home has `targets.json`: paths to `read` and to `write`, addresses to `connect` to, sockets in `unix`, names to
`resolve`, process ids to `touch`, and a `marker` that other processes have in their arguments.
"""

import ctypes
import json
import os
import signal
import socket

LIBC = ctypes.CDLL(None, use_errno=True)


def attempt(what, act):
    try:
        got = act()
    except (OSError, UnicodeError) as error:
        print(f"{what}: refused ({error})")
    else:
        print(f"{what}: ALLOWED ({got!r:.60})")


def read(path):
    if os.path.isdir(path):
        return os.listdir(path)
    with open(path, "rb") as file:
        return file.read(100)


def write(path):
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))


def connect(family, address):
    with socket.socket(family) as client:
        client.settimeout(3)
        client.connect(address)


def call(name, *arguments):
    if getattr(LIBC, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def syscall(number, *arguments):
    call("syscall", ctypes.c_long(number), *arguments)


def strangers(marker):
    """Processes that this one has not started."""
    own = {os.getpid(), os.getppid()}
    found = [pid for pid in filter(str.isdigit, os.listdir("/proc")) if int(pid) not in own]
    seen = [pid for pid in found if marker in read(f"/proc/{pid}/cmdline").decode()]
    if not seen:
        raise OSError(f"only {len(found)} processes beside its own, and none of the machine")
    return seen


def capabilities():
    status = dict(line.split(":\t") for line in open("/proc/self/status").read().splitlines() if ":\t" in line)
    if int(status["CapEff"], 16) or int(status["CapBnd"], 16):
        return status["CapEff"]
    raise OSError("none")


def become_root():
    os.setuid(0)


def attack(targets):
    for path in targets["read"]:
        attempt(f"read {path}", lambda: read(path))
    for path in targets["write"]:
        attempt(f"write {path}", lambda: write(path))
    for host, port in targets["connect"]:
        attempt(f"connect {host}:{port}", lambda: connect(socket.AF_INET, (host, port)))
    for path in targets["unix"]:
        attempt(f"connect {path}", lambda: connect(socket.AF_UNIX, path))
    for name in targets["resolve"]:
        attempt(f"resolve {name}", lambda: socket.getaddrinfo(name, 8000))
    for pid in targets["touch"]:
        attempt(f"signal {pid}", lambda: os.kill(pid, 0))
        attempt(f"environment of {pid}", lambda: read(f"/proc/{pid}/environ"))
        attempt(f"files of {pid}", lambda: read(f"/proc/{pid}/root"))
        attempt(f"memory of {pid}", lambda: open(f"/proc/{pid}/mem", "rb").read(1))
        attempt(f"trace {pid}", lambda: call("ptrace", 16, pid, None, None))
    attempt("see others", lambda: strangers(targets["marker"]))
    attempt("capabilities", capabilities)
    attempt("mount", lambda: call("mount", b"none", b"/tmp", b"tmpfs", 0, None))
    attempt("unmount", lambda: call("umount2", b"/data", 2))
    attempt("new user namespace", lambda: call("unshare", 0x10000000))
    attempt("new mounts", lambda: call("unshare", 0x00020000))
    attempt("join a namespace", lambda: call("setns", os.open("/proc/self/ns/net", os.O_RDONLY), 0))
    attempt("chroot", lambda: os.chroot("/tmp"))
    attempt("become root", become_root)
    attempt("device", lambda: os.mknod("/tmp/disk", 0o60600, os.makedev(254, 0)))
    attempt("host name", lambda: socket.sethostname("x"))
    attempt("raw socket", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))
    attempt("packet socket", lambda: socket.socket(17, socket.SOCK_RAW, 3))
    attempt("vsock", lambda: socket.socket(40, socket.SOCK_STREAM))
    attempt("kernel keys", lambda: syscall(250, 0, -3, 0))
    attempt("io_uring", lambda: syscall(425, 1, ctypes.byref(ctypes.create_string_buffer(120))))
    attempt("bpf", lambda: syscall(321, 0, None, 0))
    attempt("first process", lambda: call("ptrace", 16, 1, None, None))


signal.signal(signal.SIGINT, signal.SIG_DFL)
with open("targets.json") as file:
    attack(json.load(file))
print("done")
