"""A card whose other end is the host's own Linux: a tap in a network namespace of its own, with QEMU inside of it and a small server beside it. Only so does QEMU's
virtio card have what it can do for its driver: checksums, large segments, several queues. It needs no root where users may make namespaces.

The server's ports: 5001 takes all and answers with its SHA-256; 5002 sends SIZE bytes, of which `digest` is the SHA-256; 5003 tells /proc/net/dev of the host's end."""
import contextlib
import hashlib
import random
import subprocess
import sys

from . import qemu

ADDRESS, SIZE = "10.9.0.1", 16 << 20


def bytes_to_send():
    return random.Random(5002).randbytes(SIZE)


def digest():
    return hashlib.sha256(bytes_to_send()).hexdigest()


SETUP = """set -e
ip link set lo up
ip tuntap add t0 mode tap vnet_hdr %s
sysctl -qw net.ipv6.conf.t0.disable_ipv6=0
ip addr add %s/24 dev t0
ip -6 addr add fd09::1/64 dev t0 nodad
ip link set t0 up
"""


def possible():
    """Why not, or None."""
    done = subprocess.run(["unshare", "-rn", "sh", "-c", SETUP % ("", ADDRESS)], capture_output=True, text=True, check=False)
    return done.stderr.strip() or "no namespace" if done.returncode else None


def card(queues=1, **more):
    options = ",".join(["virtio-net-pci,netdev=n0,id=card,disable-legacy=on,romfile=,mac=52:54:00:00:00:02"] + ["%s=%s" % kv for kv in more.items()])
    return ["-netdev", "tap,id=n0,ifname=t0,script=no,downscript=no,vnet_hdr=on" + (",queues=%d" % queues if queues > 1 else ""),
            "-device", options + (",mq=on,vectors=%d" % (2 * queues + 3) if queues > 1 else "")]


@contextlib.contextmanager
def namespace(queues=1):
    """Machines that start meanwhile do so in a namespace with the tap and the server, which end with them."""
    before = qemu.launcher

    def launch(_folder, _files, command):
        script = SETUP % ("multi_queue" if queues > 1 else "", ADDRESS) + '%s -m harness.tap & server=$!\ntrap "kill $server" EXIT\n"$@"\n' % sys.executable
        return ["unshare", "-rn", "--kill-child", "--fork", "--pid", "sh", "-c", script, "sh", *command]
    qemu.launcher = launch
    try:
        yield
    finally:
        qemu.launcher = before


def serve():
    import socketserver

    class Sink(socketserver.BaseRequestHandler):
        def handle(self):
            seen = hashlib.sha256()
            while data := self.request.recv(1 << 20):
                seen.update(data)
            self.request.sendall(seen.hexdigest().encode() + b"\n")

    class Source(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.sendall(whole)

    class Counters(socketserver.BaseRequestHandler):
        def handle(self):
            with open("/proc/net/dev", "rb") as f:
                self.request.sendall(f.read())

    import socket
    import threading
    whole = bytes_to_send()

    class Server(socketserver.ThreadingTCPServer):
        address_family, allow_reuse_address, daemon_threads = socket.AF_INET6, True, True
    servers = [Server(("::", port), kind) for port, kind in ((5001, Sink), (5002, Source), (5003, Counters))]
    for one in servers[1:]:
        threading.Thread(target=one.serve_forever, daemon=True).start()
    servers[0].serve_forever()


if __name__ == "__main__":
    serve()
