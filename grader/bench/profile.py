#!/usr/bin/python3
"""Where the instructions of one row go: profile.py --row NAME [--kernel ELF] [--top N] [--lines FUNCTION]

The machine runs the row over and over; after a while its monitor turns on a log of every instruction for a moment, and
the kernel's symbols say whose they were. Counts are of one CPU under TCG; they are shares of the row, so user code and
its loop are in them too, as `(user)`. --lines also shows the instructions of one function with their counts.
"""
import argparse
import bisect
import collections
import os
import re
import socket
import subprocess
import sys
import tempfile
import time

from bench import TOP, combined_image, new_disk
from machine import Machine


def symbols(kernel):
    table = []
    for line in subprocess.run(["nm", "-n", kernel], stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines():
        address, kind, name = line.split()[:3]
        if kind in "tTwW":
            table.append((int(address, 16), name))
    return [a for a, _ in table], [n for _, n in table]


def record(machine, image, row, seconds, folder):
    """The addresses of the instructions that ran while the log was on."""
    log, monitor = os.path.join(folder, "log"), os.path.join(folder, "monitor")
    words = f"rdinit=/bench/init bench=profile bench_rows={row}"
    disk = new_disk(folder) if row.startswith("disk,") else None
    command = machine.command(image, words, 512, counted=True, disk=disk)
    command[command.index("-monitor") + 1] = f"unix:{monitor},server=on,wait=off"
    process = subprocess.Popen(command + ["-D", log], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        for line in process.stdout:
            if b"@@BENCH" in line:
                break
        time.sleep(1)
        door = socket.socket(socket.AF_UNIX)
        door.connect(monitor)
        door.sendall(b"singlestep on\nlog exec,nochain\n")
        time.sleep(seconds)
        door.sendall(b"log none\nquit\n")
        process.wait(timeout=30)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    pattern = re.compile(r"^Trace \d+: \S+ \[[^/]*/([0-9a-f]+)/")
    with open(log, encoding="ascii", errors="replace") as stream:
        for line in stream:
            match = pattern.match(line)
            if match:
                yield int(match.group(1), 16)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--row", required=True, help="or a program with its words, by commas: scale,=10 or disk,/dev/vda,/disk,large")
    parser.add_argument("--build", default=os.environ.get("BUILD", os.path.join(TOP, "build")))
    parser.add_argument("--kernel")
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--top", type=int, default=40)
    parser.add_argument("--lines", help="the instructions of this function, with their counts")
    args = parser.parse_args()
    args.kernel = args.kernel or os.path.join(args.build, "switchback.elf")
    args.initrd = os.path.join(args.build, "rootfs/alpine.cpio.gz")
    starts, names = symbols(args.kernel)
    counts, inside, total = collections.Counter(), collections.Counter(), 0
    with tempfile.TemporaryDirectory() as folder:
        image = combined_image(args, folder)
        for pc in record(Machine("Switchback", args.kernel), image, args.row, args.seconds, folder):
            total += 1
            if pc < 1 << 47:
                counts["(user)"] += 1
                continue
            i = bisect.bisect_right(starts, pc) - 1
            counts[names[i]] += 1
            if names[i] == args.lines:
                inside[pc] += 1
    if not total:
        sys.exit(f"profile: nothing was recorded: is there a row called {args.row}?")
    print(f"{total:,} instructions of {args.row}")
    for name, count in counts.most_common(args.top):
        print(f"{count / total:7.2%}  {count:9,}  {name}")
    if args.lines:
        listing = subprocess.run(["objdump", "-d", "--no-show-raw-insn", f"--disassemble={args.lines}", args.kernel],
                                 stdout=subprocess.PIPE, text=True, check=True).stdout
        for line in listing.splitlines():
            match = re.match(r"^(ffffffff[0-9a-f]+):", line)
            print(f"{inside.get(int(match.group(1), 16), 0) if match else '':>9}  {line}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
