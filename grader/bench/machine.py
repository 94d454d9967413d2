"""The machines of a comparison: a kernel in QEMU with the benchmark programs, and what it printed."""
import os
import re
import select
import statistics
import subprocess
import sys
import time

PROMPT = re.compile(rb"# ?(\x1b\[6n)?$")


class Machine:
    """One kernel. rows[kind][name] is the list of what was measured; kind is `count` (instructions) or `time`."""

    def __init__(self, name, image, words=""):
        self.name, self.image, self.words = name, image, words
        self.rows = {}

    def note(self, kind, row, value):
        self.rows.setdefault(kind, {}).setdefault(row, []).append(value)

    def median(self, kind, row):
        values = self.rows.get(kind, {}).get(row)
        return statistics.median(values) if values else None

    def spread(self, kind, row):
        """How far the rounds lie apart, as a part of their median."""
        values = self.rows.get(kind, {}).get(row)
        return (max(values) - min(values)) / statistics.median(values) if values and statistics.median(values) else 0

    def command(self, initrd, words, memory, smp=1, counted=False, disk=None, net=()):
        extra = ["-icount", "shift=0,sleep=off"] if counted else []
        if disk:  # what the host's own disk costs is left out: its cache takes everything
            extra += ["-drive", f"file={disk},format=raw,if=none,id=disk,cache=unsafe", "-device", "virtio-blk-pci,drive=disk"]
        return ["qemu-system-x86_64", "-display", "none", "-serial", "stdio", "-monitor", "none", "-no-reboot", *(net or ("-nic", "none")),
                "-m", str(memory), "-smp", str(smp), "-cpu", "max", "-kernel", self.image, "-initrd", initrd,
                "-append", f"console=ttyS0 quiet {words} {self.words}"] + extra


def boot_time(machine, initrd, memory, limit):
    """Seconds from the start of QEMU to the prompt of Alpine's /bin/sh; None when it never comes."""
    start = time.monotonic()
    process = subprocess.Popen(machine.command(initrd, "rdinit=/bin/sh", memory), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    seen = b""
    try:
        while time.monotonic() - start < limit:
            if select.select([process.stdout], [], [], 0.1)[0]:
                piece = os.read(process.stdout.fileno(), 65536)
                if not piece:
                    return None
                seen += piece
                if PROMPT.search(seen[-32:]):
                    return time.monotonic() - start
        return None
    finally:
        process.kill()
        process.wait()


def run_inside(machine, initrd, what, kind, memory, limit, smp=1, rows=(), disk=None):
    """Boot, let /bench/init do `what`, and note every row that it prints. False when it did not come to its end."""
    words = f"rdinit=/bench/init bench={what} bench_memory={memory} bench_rows={','.join(rows)}"
    command = machine.command(initrd, words, memory, smp, counted=kind.endswith("count"), disk=disk)
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=limit)
        text = done.stdout
    except subprocess.TimeoutExpired as error:
        text = error.stdout or b""
    text = text.decode(errors="replace").replace("\r", "")
    for name, value in re.findall(r"^row (\S+) ([\d.]+)$", text, re.M):
        machine.note(kind, name, float(value))
    # What the program itself needs for a row, and what was found besides: NAME may have blanks there.
    for also, name, value in re.findall(r"^(program|contended) (.*\S) +([\d.]+)$", text, re.M):
        machine.note(f"{kind}-{also}", name, float(value))
    for line in re.findall(r"^failed .*$", text, re.M):
        print(f"{machine.name}: {line}", file=sys.stderr)
    if "@@DONE" not in text:
        print(f"{machine.name}: {what} did not end; the last lines:\n" + "\n".join(text.splitlines()[-8:]), file=sys.stderr)
        return False
    return True
