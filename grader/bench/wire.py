"""The network between a guest and others: Debian's own servers asked from the host through QEMU's user network, and two guests of one kernel on a wire that
loses frames. Switchback and Linux boot the same image with the same card. A row is the time of one operation, or of one MiB, so that less is better as everywhere."""
import json
import os
import re
import selectors
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, closing

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.qemu import free_port  # noqa: E402
from harness.relay import Relay  # noqa: E402

ROWS = ("net-iperf-", "net-http", "net-redis-", "net-loss-")
MEMORY, SMP, BOOT = 768, 2, 240
MIB = 1 << 20
SECONDS = 4                   # of each transfer
LOSSES = (0, 1, 5)            # percent
REQUESTS, CLIENTS = 1500, 8
COMMANDS = 4000               # of redis, of each kind
PORTS = {"http": 80, "redis": 6379, "iperf": 5201}
REQUEST = b"GET /kilobyte HTTP/1.1\r\nHost: guest\r\n\r\n"
KILOBYTE = 1024


class Failure(Exception):
    """What did not answer."""


class Guest:
    """A machine that runs on, and what its console has said."""

    def __init__(self, machine, image, words, net):
        command = machine.command(image, "rdinit=/bench/init " + words, MEMORY, SMP, net=net)
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.text = b""
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            piece = os.read(self.process.stdout.fileno(), 65536)
            if not piece:
                return
            self.text += piece

    def wait_for(self, word, seconds):
        end = time.monotonic() + seconds
        while word not in self.text:
            if time.monotonic() > end or self.process.poll() is not None:
                raise Failure("no %s after %d s; the last lines:\n%s" % (word.decode(), seconds, self.text[-800:].decode(errors="replace")))
            time.sleep(0.05)

    def close(self):
        self.process.kill()
        self.process.wait()


def program(tree, name, *words):
    """A program of the image's own tree, run here: what it prints."""
    lib = os.path.join(tree, "usr/lib/x86_64-linux-gnu")
    return subprocess.run([os.path.join(tree, "usr/bin", name), *words], env={**os.environ, "LD_LIBRARY_PATH": lib}, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=120, check=False).stdout


def bandwidth(tree, port, *words):
    """Nanoseconds for one MiB that the receiver has got."""
    said = program(tree, "iperf3", "-c", "127.0.0.1", "-p", str(port), "-t", str(SECONDS), "-J", *words)
    try:
        return 8 * MIB * 1e9 / json.loads(said)["end"]["sum_received"]["bits_per_second"]
    except (ValueError, KeyError, ZeroDivisionError) as error:
        raise Failure("iperf3 %s: %s" % (" ".join(words), said[-600:])) from error


class Client:
    """A connection that asks for one thing after the other."""

    def __init__(self, port, selector):
        self.socket, self.got = socket.create_connection(("127.0.0.1", port), timeout=60), b""
        selector.register(self.socket, selectors.EVENT_READ, self)

    def ask(self):
        self.got = b""
        self.socket.sendall(REQUEST)

    def hear(self):
        """Whether the answer is there, whole."""
        piece = self.socket.recv(65536)
        self.got += piece
        head = self.got.find(b"\r\n\r\n") + 4
        if piece and (head < 4 or len(self.got) < head + KILOBYTE):
            return False
        if not self.got.startswith(b"HTTP/1.1 200") or len(self.got) != head + KILOBYTE:
            raise Failure("nginx answered %r" % self.got[:200])
        return True

    def close(self):
        self.socket.close()


def http(port, requests):
    """Nanoseconds for one request, CLIENTS of them at a time. (Fresh connections are not asked for here: QEMU's user network hands some of them on a second late.)"""
    selector = selectors.DefaultSelector()
    with ExitStack() as stack:
        clients = [stack.enter_context(closing(Client(port, selector))) for _ in range(CLIENTS)]
        begun, done, asked = time.monotonic(), 0, len(clients)
        for one in clients:
            one.ask()
        while done < requests:
            ready = selector.select(60)
            if not ready:
                raise Failure("nginx is silent after %d of %d answers" % (done, requests))
            for key, _ in ready:
                if key.data.hear():
                    done += 1
                    if asked < requests:
                        asked += 1
                        key.data.ask()
        return (time.monotonic() - begun) * 1e9 / requests


def redis(tree, port):
    """(nanoseconds for one SET, and for one GET), as redis's own program counts them."""
    said = program(tree, "redis-benchmark", "-p", str(port), "-n", str(COMMANDS), "-c", str(CLIENTS), "-t", "set,get", "--csv")
    rates = re.findall(r'^"[SG]ET","([\d.]+)"', said, re.M)
    if len(rates) != 2:
        raise Failure("redis-benchmark: " + said[-600:])
    return [1e9 / float(rate) for rate in rates]


def servers(machine, image, tree):
    ports = {there: free_port() for there in PORTS}
    forward = "".join(",hostfwd=tcp:127.0.0.1:%d-:%d" % (ports[name], PORTS[name]) for name in PORTS)
    net = ["-netdev", "user,id=n0" + forward, "-device", "virtio-net-pci,netdev=n0,disable-legacy=on"]
    with closing(Guest(machine, image, "bench=servers bench_address=10.0.2.15", net)) as guest:
        guest.wait_for(b"@@READY", BOOT)
        machine.note("net", "net-iperf-in", bandwidth(tree, ports["iperf"]))
        machine.note("net", "net-iperf-out", bandwidth(tree, ports["iperf"], "-R"))
        machine.note("net", "net-http", http(ports["http"], REQUESTS))
        for row, took in zip(("net-redis-set", "net-redis-get"), redis(tree, ports["redis"])):
            machine.note("net", row, took)


def losing(machine, image, percent, seed):
    words = "bench=%s bench_address=10.9.1.%d bench_peer=10.9.1.1 bench_seconds=%d"
    with ExitStack() as stack:
        wire = stack.enter_context(closing(Relay(seed, drop=percent / 100)))
        stack.enter_context(closing(Guest(machine, image, words % ("receiver", 1, 0), wire.qemu(0))))
        sender = stack.enter_context(closing(Guest(machine, image, words % ("sender", 2, 2 * SECONDS), wire.qemu(1))))
        sender.wait_for(b"@@DONE", BOOT + 10 * SECONDS)
        found = re.search(rb"([\d.]+) Kbits/sec\s+receiver", sender.text)
        if not found or not float(found.group(1)):
            raise Failure("iperf3: " + sender.text[-600:].decode(errors="replace"))
        machine.note("net", "net-loss-%d" % percent, 8 * MIB * 1e9 / (float(found.group(1)) * 1000))


def measure(machine, image, tree, seed):
    """Every row once. What fails is said, and has no figure."""
    steps = [lambda: servers(machine, image, tree)] + [lambda percent=percent: losing(machine, image, percent, seed) for percent in LOSSES]
    for step in steps:
        try:
            step()
        except (Failure, OSError, subprocess.TimeoutExpired) as error:
            print("%s: %s" % (machine.name, error), flush=True)
