#!/usr/bin/python3
"""Figures of Switchback beside Linux: the same programs in the same initramfs in the same QEMU, in turn (A B A B ...).

    bench.py [--row NAME[,NAME]] [--part rows,scale,parallel,footprint,disk,net,jobs,boot] [--rounds N] [--keep] [--check] [--baseline]

Two measures. *Instructions*: QEMU's -icount with one processor makes a nanosecond of guest time of every instruction, so
what the programs take for time is a count, the same whatever else the host does. *Time* under plain TCG: the median of
the rounds, and how far they lie apart. Linux runs with mitigations=off. All of it is QEMU's TCG, not hardware.
--check compares our instructions with the baseline that is kept (the most of three boots), and fails when a row has grown by more than 5 %.
"""
import argparse
import glob
import json
import os
import subprocess
import sys
import tempfile

import goals
import report
import wire
from machine import Machine, boot_time, run_inside

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BASELINE = os.path.join(HERE, "baseline.json")
KEPT = os.path.join(HERE, "measured.json")
PARTS = ("rows", "scale", "parallel", "footprint", "disk", "net", "jobs", "boot")
GROWTH = 1.05
BOOTS = 3           # in which the rows of the baseline are counted
DISK_SIZE = 2 << 30
# What Debian's kernel has as modules and the parts below need, in the order in which they load.
VIRTIO_MODULES = ("drivers/virtio/virtio_ring", "drivers/virtio/virtio", "drivers/virtio/virtio_pci_modern_dev", "drivers/virtio/virtio_pci_legacy_dev",
                  "drivers/virtio/virtio_pci")
DISK_MODULES = VIRTIO_MODULES + ("drivers/block/virtio_blk",)
NET_MODULES = VIRTIO_MODULES + ("net/core/failover", "drivers/net/net_failover", "drivers/net/virtio_net")
DEBUG_LIMIT = 8.0  # times slower that a checking kernel may be


def modules_of(linux, names):
    folder = "/lib/modules/" + os.path.basename(linux).replace("vmlinuz-", "", 1) + "/kernel"
    return [path for path in (f"{folder}/{name}.ko" for name in names) if os.path.exists(path)]


def line_of(*command):
    """The first line that a command says."""
    return subprocess.run(command, cwd=TOP, capture_output=True, text=True, check=False).stdout.partition("\n")[0]


def keep(machines):
    """Into the tree, for the book."""
    tree = line_of("git", "rev-parse", "--short", "HEAD")
    if line_of("git", "status", "--porcelain", "kernel", "solutions", "user"):
        tree += " and changes"
    report.keep(machines, KEPT, tree, f"{line_of('qemu-system-x86_64', '--version')}, TCG on {os.cpu_count()} processors of the host; not hardware")


def new_disk(out):
    """An empty ext4 as mkfs makes it, with nothing left for later that Linux would do while we measure."""
    disk = os.path.join(out, "bench.disk")
    with open(disk, "wb") as stream:
        stream.truncate(DISK_SIZE)
    subprocess.run(["/sbin/mke2fs", "-q", "-F", "-t", "ext4", "-E", "lazy_itable_init=0,lazy_journal_init=0", disk], check=True)
    return disk


def combined_image(args, out, linux=None, initrd=None, inside="inside.sh", modules=DISK_MODULES):
    """Alpine's initramfs (or another) and, behind it, one with the programs: a kernel unpacks any number of them in a row."""
    initrd = initrd or args.initrd
    recipe = os.path.join(out, "bench.recipe")
    programs = os.path.join(os.path.abspath(args.build), "user/bench")
    with open(recipe, "w", encoding="utf-8") as stream:
        stream.write(f"tree /bench {programs} 755\nfile /bench/init 0755 0 0 {HERE}/{inside}\n")
        for number, path in enumerate(modules_of(linux, modules) if linux else ()):
            stream.write(f"file /bench/modules/{number} 0644 0 0 {path}\n")
    second = os.path.join(out, "bench.cpio.gz")
    subprocess.run([sys.executable, os.path.join(TOP, "rootfs/mkcpio.py"), "-o", second, recipe], check=True)
    both = os.path.join(out, "both-" + os.path.basename(initrd))
    with open(both, "wb") as stream:
        for part in (initrd, second):
            with open(part, "rb") as source:
                stream.write(source.read())
    return both


def part_of(row):
    """Which part a row is of that was asked for by name alone."""
    return "parallel" if row.startswith(("parallel-", "shared-", "emulator-")) else "disk" if row.startswith("disk-") else "net" if row.startswith(wire.ROWS) else "rows"


def say(text):
    """Progress, for people only."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def measure(args, machines, image, out):
    """Every part that was asked for, on each machine in turn."""
    rows, limit = args.row, args.timeout
    plan = []
    if "rows" in args.part:
        plan.append(("rows", "count", args.memory, 1, 1))
        plan.append(("rows", "time", args.memory, 1, args.rounds))
    if "scale" in args.part:
        plan.append(("scale", "count", 6144, 1, 1))
    if "parallel" in args.part:
        plan.append(("parallel", "parallel", args.memory, 2, args.rounds))
    if "footprint" in args.part:
        plan.append(("footprint", "memory", args.memory, 1, 1))
    if "disk" in args.part:
        plan.append(("disk", "disk", 1024, 1, min(args.rounds, 3)))
        plan.append(("lookups", "disk-count", 1024, 1, 1))
    if "jobs" in args.part:
        plan.append(("jobs", "job", 1024, 1, min(args.rounds, 3)))
    for what, kind, memory, smp, rounds in plan:
        for done in range(rounds):
            for machine in machines:
                say(f"{what}, {kind}: round {done + 1} of {rounds}, {machine.name}")
                run_inside(machine, image, what, kind, memory, limit, smp, rows, new_disk(out) if kind.startswith("disk") else None)
    if "net" in args.part:
        measure_net(args, machines, out)
    if "boot" in args.part:
        for done in range(args.rounds):
            for machine in machines:
                say(f"boot: round {done + 1} of {args.rounds}, {machine.name}")
                seconds = boot_time(machine, args.initrd, args.memory, 60)
                if seconds is None:
                    print(f"{machine.name}: no prompt within a minute", file=sys.stderr)
                else:
                    machine.note("job", "boot-to-prompt", seconds * 1e9)
    say("")


def measure_net(args, machines, out):
    images = os.path.join(args.build, "rootfs")
    image = combined_image(args, out, args.linux, os.path.join(images, "debian-net.cpio.gz"), "inside_net.sh", NET_MODULES)
    rounds = min(args.rounds, 3)
    for done in range(rounds):
        for machine in machines:
            say(f"net: round {done + 1} of {rounds}, {machine.name}")
            wire.measure(machine, image, os.path.join(images, "debian/tree-net"), done + 1)


def simple_table(machines, kind, title, unit, scale):
    ours, linux = machines[0], machines[1] if len(machines) > 1 else None
    names = dict.fromkeys(list(ours.rows.get(kind, {})) + list(linux.rows.get(kind, {}) if linux else ()))
    if not names:
        return
    print(f"\n{title} ({unit})")
    for row in names:
        a, b = ours.median(kind, row), linux.median(kind, row) if linux else None
        there = f"{b / scale:12,.3f}  ratio {b / a:.2f}" if a and b else ""
        print(f"{row:20}{a / scale if a else float('nan'):12,.3f}{there}")


def least(ours, row):
    return min(ours.rows["count"].get(row, ()), default=None)


def count_rows(ours, image, args, rows):
    return run_inside(ours, image, "rows", "count", args.memory, args.timeout, 1, rows)


def check_baseline(ours, image, args):
    """How many rows cost more than 5 % more than the baseline says. What has grown is counted in further boots too, and the least counts:
    where two processes take turns, how a boot began settles which of them sleeps more often."""
    with open(BASELINE, encoding="utf-8") as stream:
        kept = {row: count for row, count in json.load(stream).items() if not args.row or row in args.row}
    for _ in range(BOOTS - 1):
        grown = [row for row, before in kept.items() if (least(ours, row) or 0) > before * GROWTH]
        if not grown or not count_rows(ours, image, args, grown):
            break
    bad = 0
    for row, before in kept.items():
        now = least(ours, row)
        if now is None:
            print(f"missing  {row}")
            bad += 1
        elif now > before * GROWTH:
            print(f"grown    {row}: {before:,.1f} to {now:,.1f} instructions ({now / before - 1:+.1%})")
            bad += 1
        elif now < before / GROWTH:
            print(f"better   {row}: {before:,.1f} to {now:,.1f} instructions ({now / before - 1:+.1%})")
    print(f"{len(kept)} rows in the baseline, {bad} beyond it")
    return 1 if bad else 0


def keep_baseline(ours, image, args):
    """Keeps the most that each row has cost in some boots."""
    for _ in range(BOOTS - 1):
        if not count_rows(ours, image, args, args.row):
            return 1
    with open(BASELINE, "w", encoding="utf-8") as stream:
        json.dump({row: max(counts) for row, counts in ours.rows["count"].items()}, stream, indent=1)
        stream.write("\n")
    return 0


def slowdown(plain, checking):
    """How many times more instructions each row costs in the checking kernel: 0 if the geometric mean is within the limit."""
    names = [n for n in plain.rows.get("count", {}) if checking.median("count", n)]
    if not names:
        print("no row that both have")
        return 1
    factors = {n: checking.median("count", n) / plain.median("count", n) for n in names}
    for row, factor in factors.items():
        print(f"{row:20}{report.number(plain.median('count', row)):>14}{report.number(checking.median('count', row)):>14}{factor:8.2f}")
    mean, worst = report.geometric_mean(list(factors.values())), max(factors, key=factors.get)
    print(f"the checking kernel needs {mean:.2f} times the instructions in the geometric mean of {len(factors)} rows "
          f"(at most {DEBUG_LIMIT:.0f}); the worst row is {worst}: {factors[worst]:.2f} times")
    return 0 if mean <= DEBUG_LIMIT else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.environ.get("BUILD", os.path.join(TOP, "build")))
    parser.add_argument("--kernel")
    parser.add_argument("--linux")
    parser.add_argument("--initrd")
    parser.add_argument("--row", default="", type=lambda text: [w for w in text.split(",") if w])
    parser.add_argument("--part", default=",".join(PARTS), type=lambda text: [w for w in text.split(",") if w])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory", type=int, default=512)
    parser.add_argument("--timeout", type=float, default=900)
    parser.add_argument("--keep", action="store_true", help="keep what was measured in the tree, where the book has its figures from")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--baseline", action="store_true", help="keep our instructions as the new baseline")
    parser.add_argument("--debug", metavar="ELF", help="compare with this checking kernel, in place of Linux")
    args = parser.parse_args()
    unknown = [p for p in args.part if p not in PARTS]
    if unknown:
        sys.exit(f"bench: no part called {unknown[0]}: there are {' '.join(PARTS)}")
    if args.row and args.part == list(PARTS):
        args.part = list(dict.fromkeys(part_of(row) for row in args.row))
    args.kernel = args.kernel or os.path.join(args.build, "switchback.elf")
    args.initrd = args.initrd or os.path.join(args.build, "rootfs/alpine.cpio.gz")
    for path in (args.kernel, args.initrd):
        if not os.path.exists(path):
            sys.exit(f"bench: {path} is missing")
    found = sorted(glob.glob("/boot/vmlinuz-*-cloud-amd64"))
    args.linux = args.linux or (found[-1] if found else None)
    ours = Machine("Switchback", args.kernel)
    with tempfile.TemporaryDirectory() as out:
        image = combined_image(args, out, args.linux)
        if args.check or args.baseline:
            if not count_rows(ours, image, args, args.row):
                return 1
            return check_baseline(ours, image, args) if args.check else keep_baseline(ours, image, args)
        if args.debug:
            checking = Machine("checking", args.debug)
            for machine in (ours, checking):
                run_inside(machine, image, "rows", "count", args.memory, args.timeout * 4, 1, args.row)
            return slowdown(ours, checking)
        linux = Machine("Linux", args.linux, "mitigations=off") if args.linux else None
        if not linux:
            print("bench: no Linux to compare with; its package is linux-image-cloud-amd64", file=sys.stderr)
        machines = [m for m in (ours, linux) if m]
        measure(args, machines, image, out)
    names = report.row_names(ours, linux)
    known = sorted({n.split("@")[0] for kinds in ours.rows.values() for n in kinds})
    unknown = [r for r in args.row if r not in known]
    if unknown:
        sys.exit(f"bench: no row called {unknown[0]}; there are: {', '.join(known)}")
    if names:
        report.table(ours, linux, names)
    if "scale" in args.part:
        report.scale_table(machines, "count", "instructions")
    if "parallel" in args.part:
        report.parallel_table(machines)
    simple_table(machines, "memory", "memory", "KiB", 1)
    simple_table(machines, "disk", "disk: ext4 on virtio-blk, time for one operation", "us", 1e3)
    simple_table(machines, "disk-count", "the same look-ups in instructions", "of the processor", 1)
    simple_table(machines, "net", "network: virtio-net, Debian's servers asked from the host; two guests, of whose frames so many in a hundred are lost; for one request, or one MiB",
                 "us", 1e3)
    simple_table(machines, "job", "whole jobs", "s", 1e9)
    goals.show(ours, linux)
    folder = os.path.join(args.build, "bench")
    os.makedirs(folder, exist_ok=True)
    report.write_json(machines, os.path.join(folder, "bench.json"))
    if linux and names:
        report.chart(ours, linux, names, os.path.join(folder, "bench.svg"))
    if args.keep:
        keep(machines)
    print(f"\nkept: {os.path.relpath(folder, os.getcwd())}/bench.json" + (" and bench.svg" if linux and names else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
