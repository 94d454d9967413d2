#!/usr/bin/python3
"""Figures of Switchback beside Linux: the same QEMU, the same initramfs, the same flags, in turn (A B A B ...).

    bench.py [--kernel ELF] [--linux VMLINUZ] [--rounds N] [--icount] [--json FILE]

Boot time is measured outside, from the start of QEMU to the first prompt of Alpine's /bin/sh. The rest is measured
inside, by programs of user/bench. With --icount one CPU counts a nanosecond per instruction: then the inside
figures are instructions (in thousands where the row says us), and repeat to the digit.
Linux runs with mitigations=off. Printed are the median of the rounds and the spread, from the best to the worst; a
loaded host only ever makes a figure worse.
"""
import argparse
import glob
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
PROMPT = re.compile(rb"# ?(\x1b\[6n)?$")


class Machine:
    """One kernel of the comparison."""

    def __init__(self, name, image, words):
        self.name, self.image, self.words = name, image, words
        self.rows = {}

    def note(self, row, value):
        self.rows.setdefault(row, []).append(value)

    def median(self, row):
        return statistics.median(self.rows[row]) if row in self.rows else None

    def cell(self, row):
        """Median and spread as text."""
        if row not in self.rows:
            return f"{'-':>12}{'':17}"
        values = self.rows[row]
        spread = f" {min(values):.3f}..{max(values):.3f}" if max(values) > min(values) else ""
        return f"{self.median(row):12.3f}{spread:17}"

    def command(self, initrd, words, args, extra=()):
        return ["qemu-system-x86_64", "-display", "none", "-serial", "stdio", "-monitor", "none", "-no-reboot", "-nic", "none",
                "-m", args.memory, "-smp", "1", "-cpu", "max", "-kernel", self.image, "-initrd", initrd,
                "-append", f"console=ttyS0 quiet {words} {self.words}"] + list(extra)


def boot_time(machine, initrd, args):
    """Seconds from the start of QEMU to the shell's prompt; None when it never comes."""
    start = time.monotonic()
    process = subprocess.Popen(machine.command(initrd, "rdinit=/bin/sh", args), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    seen = b""
    try:
        os.set_blocking(process.stdout.fileno(), False)
        while time.monotonic() - start < args.timeout and process.poll() is None:
            try:
                seen += os.read(process.stdout.fileno(), 65536)
            except BlockingIOError:
                time.sleep(0.002)
            if PROMPT.search(seen[-32:]):
                return time.monotonic() - start
        return None
    finally:
        process.kill()
        process.wait()


def run_inside(machine, initrd, args):
    extra = ("-icount", "shift=0,sleep=off") if args.icount else ()
    command = machine.command(initrd, "rdinit=/bench/init", args, extra)
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              timeout=args.timeout * 4)
        text = done.stdout
    except subprocess.TimeoutExpired as error:
        text = error.stdout or b""
    text = text.decode(errors="replace").replace("\r", "")
    for name, value in re.findall(r"^row (\S+) ([\d.]+)$", text, re.M):
        machine.note(name, float(value))
    if "@@DONE" not in text:
        print(f"{machine.name}: the programs did not end; the last lines:\n" + "\n".join(text.splitlines()[-8:]), file=sys.stderr)


def combined_image(args, out):
    """Alpine's initramfs and, behind it, one with the programs: a kernel unpacks any number of them in a row."""
    recipe = os.path.join(out, "bench.recipe")
    programs = os.path.join(os.path.abspath(args.build), "user/bench")
    with open(recipe, "w", encoding="utf-8") as stream:
        stream.write(f"tree /bench {programs} 755\nfile /bench/init 0755 0 0 {HERE}/inside.sh\n")
    second = os.path.join(out, "bench.cpio.gz")
    subprocess.run([sys.executable, os.path.join(TOP, "rootfs/mkcpio.py"), "-o", second, recipe], check=True)
    both = os.path.join(out, "both.cpio.gz")
    with open(both, "wb") as stream:
        for part in (args.initrd, second):
            with open(part, "rb") as source:
                stream.write(source.read())
    return both


def report(ours, linux):
    print(f"{'':20}{ours.name:>12}{'':17}{linux.name if linux else '':>12}{'':17}{'ratio' if linux else '':>7}")
    for row in ours.rows if not linux else dict.fromkeys(list(ours.rows) + list(linux.rows)):
        a, b = ours.median(row), linux.median(row) if linux else None
        print(f"{row:20}{ours.cell(row)}{linux.cell(row) if linux else ''}{f'{b / a:.2f}' if a and b else '':>7}")
    if linux:
        print("median best..worst; ratio: Linux / Switchback, more is better for us")


def goals(ours, linux, counted):
    """The figures to reach, each with what was reached. `counted`: the figures are instructions, not time."""
    fast, slow = ours.median("getpid-syscall-ns"), ours.median("getpid-int80-ns")
    checks = []
    if fast and slow and not counted:
        checks.append(("SYSCALL at least twice as fast as INT 0x80", slow / fast, slow / fast >= 2))
    if linux:
        for row in ("getpid-syscall-ns", "getpid-int80-ns"):
            a, b = ours.median(row), linux.median(row)
            if a and b:
                checks.append((f"{row} not slower than Linux's", b / a, a <= b))
        a, b = ours.median("boot-s"), linux.median("boot-s")
        if a and b:
            checks.append(("boot in a third of Linux's time", b / a, a * 3 <= b))
    for text, value, good in checks:
        print(f"{'reached' if good else 'MISSED '}  {text}: {value:.2f} times")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.environ.get("BUILD", os.path.join(TOP, "build")))
    parser.add_argument("--kernel")
    parser.add_argument("--linux")
    parser.add_argument("--initrd")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", default="512")
    parser.add_argument("--timeout", type=float, default=60)
    parser.add_argument("--icount", action="store_true")
    parser.add_argument("--only", choices=["boot", "inside"])
    parser.add_argument("--json")
    args = parser.parse_args()
    args.kernel = args.kernel or os.path.join(args.build, "switchback.elf")
    args.initrd = args.initrd or os.path.join(args.build, "rootfs/alpine.cpio.gz")
    for path in (args.kernel, args.initrd):
        if not os.path.exists(path):
            sys.exit(f"bench: {path} is missing")
    found = sorted(glob.glob("/boot/vmlinuz-*-cloud-amd64"))
    args.linux = args.linux or (found[-1] if found else None)
    ours = Machine("Switchback", args.kernel, "")
    linux = Machine("Linux", args.linux, "mitigations=off") if args.linux else None
    if not linux:
        print("bench: no Linux to compare with; its package is linux-image-cloud-amd64", file=sys.stderr)
    machines = [m for m in (ours, linux) if m]
    with tempfile.TemporaryDirectory() as out:
        both = combined_image(args, out)
        for _ in range(args.rounds):
            for machine in machines:
                if args.only != "inside":
                    seconds = boot_time(machine, args.initrd, args)
                    if seconds is None:
                        print(f"{machine.name}: no prompt within {args.timeout:.0f} s", file=sys.stderr)
                    else:
                        machine.note("boot-s", seconds)
                if args.only != "boot":
                    run_inside(machine, both, args)
    report(ours, linux)
    goals(ours, linux, args.icount)
    if args.json:
        with open(args.json, "w", encoding="utf-8") as stream:
            json.dump({m.name: m.rows for m in machines}, stream, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
