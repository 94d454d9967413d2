#!/usr/bin/python3
"""Answer by answer against Linux: the same commands, the same initramfs, the same QEMU; what differs is printed.

    grader/oracle/compare.py [--rootfs IMAGE.cpio.gz] [--smp N] [--mem M] [--timeout S] [--only PATTERN] COMMANDS...

A file of commands holds blocks; a line `## name` starts one, and what follows is a shell script. Each block is run by
`sh` with standard input from /dev/null, its two outputs mixed, and its exit status is compared too. Numbers that may
differ by right (pids, times, sizes of memory) are for the script to hide.
"""
import argparse
import concurrent.futures
import difflib
import gzip
import os
import re
import subprocess
import sys
import tempfile
import glob

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))

INIT = r"""#!/bin/sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=linux
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm; mount -t devpts devpts /dev/pts; mount -t tmpfs tmpfs /dev/shm; mount -t tmpfs tmpfs /tmp
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd; [ -e /dev/stdin ] || ln -s /proc/self/fd/0 /dev/stdin
stty -echo -onlcr </dev/console 2>/dev/null
cd /tmp
for f in /oracle/*.sh; do
  n=${f##*/}; n=${n%.sh}
  mkdir -p /tmp/w; cd /tmp/w
  echo "@@BEGIN $n"
  timeout -s KILL LIMIT sh $f </dev/null 2>&1
  s=$?; echo; echo "@@END $n $s"; echo "@@TIME $n $(cut -d" " -f1 /proc/uptime)"
  cd /; rm -rf /tmp/w
done
echo "@@DONE"
poweroff -f
"""


def blocks(paths, only):
    found = []
    for path in paths:
        name, lines = None, []
        for line in open(path):
            if line.startswith("## "):
                if name:
                    found.append((name, "".join(lines)))
                name, lines = line[3:].strip(), []
            else:
                lines.append(line)
        if name:
            found.append((name, "".join(lines)))
    return [(n, t) for n, t in found if not only or re.search(only, n)]


def cpio(entries):
    out = bytearray()
    for ino, (name, mode, data) in enumerate(entries, 1):
        fields = [ino, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
        out += b"070701" + b"".join(b"%08x" % f for f in fields) + name.encode() + b"\0"
        out += b"\0" * (-len(out) % 4) + data
        out += b"\0" * (-len(out) % 4)
    return bytes(out)


def run(name, kernel, image, args, extra):
    append = f"console=ttyS0 rdinit=/oracle-init quiet panic=-1 {extra}"
    # By instructions, the guest's clock does not know how busy the host is; Linux starts only one CPU that way.
    clock = ["-smp", "1", "-icount", "shift=0,sleep=off"] if args.icount else ["-smp", str(args.smp)]
    command = ["qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", *clock, "-m", args.mem, "-nic", "none", "-no-reboot",
               "-nographic", "-kernel", kernel, "-initrd", image, "-append", append]
    with open(os.path.join(args.keep, name + ".txt"), "w+b") if args.keep else tempfile.TemporaryFile() as stream:
        try:
            subprocess.run(command, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.DEVNULL, timeout=args.timeout)
        except subprocess.TimeoutExpired:
            pass
        stream.seek(0)
        out = stream.read()
    text = out.decode("utf-8", "replace").replace("\r", "")
    answers = {}
    for m in re.finditer(r"@@BEGIN (\S+)\n(.*?)\n@@END \1 (\d+)\n", text, re.S):
        answers[m[1]] = m[2] + f"\n[status {m[3]}]"
    return answers, text


def durations(text):
    """Seconds that each block took, by the guest's own clock."""
    stamps = [(m[1], float(m[2])) for m in re.finditer(r"@@TIME (\S+) ([\d.]+)", text)]
    return {b[0]: b[1] - a[1] for a, b in zip(stamps, stamps[1:])}


def options(description, rootfs, timeout, limit):
    """The arguments that every comparison takes."""
    p = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--rootfs", default=os.path.join(ROOT, rootfs))
    p.add_argument("--kernel", default=os.path.join(ROOT, "build/switchback.elf"))
    p.add_argument("--smp", type=int, default=2)
    p.add_argument("--icount", action="store_true", help="one CPU whose clock counts instructions: nothing depends on the host's load")
    p.add_argument("--mem", default="512M")
    p.add_argument("--timeout", type=int, default=timeout)
    p.add_argument("--limit", type=int, default=limit, help="seconds for one block")
    p.add_argument("--only", default="")
    p.add_argument("--keep", help="folder for the two whole outputs, ours.txt and linux.txt, written as they come")
    return p


def both(items, args):
    """Run blocks (name, script) under Linux and under this kernel: ((answers, text) of Linux, (answers, text) of ours), answers by block number."""
    linux = sorted(glob.glob("/boot/vmlinuz-*-cloud-amd64"))
    if not linux:
        sys.exit("the package linux-image-cloud-amd64 is missing")
    entries = [("oracle-init", 0o100755, INIT.replace("LIMIT", str(args.limit)).encode()), ("oracle", 0o40755, b"")]
    entries += [(f"oracle/{i:04d}.sh", 0o100644, t.encode()) for i, (_, t) in enumerate(items)]
    entries.append(("TRAILER!!!", 0, b""))
    if args.keep:
        os.makedirs(args.keep, exist_ok=True)
    with tempfile.NamedTemporaryFile(suffix=".cpio.gz") as image:
        image.write(open(args.rootfs, "rb").read() + gzip.compress(cpio(entries)))
        image.flush()
        # Side by side where neither can see the other's load.
        with concurrent.futures.ThreadPoolExecutor(2 if args.icount else 1) as pool:
            ours = pool.submit(run, "ours", args.kernel, image.name, args, "")
            theirs = pool.submit(run, "linux", linux[-1], image.name, args, "mitigations=off no_timer_check")
            ours, theirs = ours.result(), theirs.result()
    return theirs, ours


def main():
    p = options(__doc__, "build/rootfs/alpine.cpio.gz", 300, 60)
    p.add_argument("--times", action="store_true", help="also print the seconds of each block")
    p.add_argument("files", nargs="+")
    args = p.parse_args()
    items = blocks(args.files, args.only)
    if not items:
        sys.exit("no block matches")
    (theirs, their_text), (ours, our_text) = both(items, args)
    same = 0
    for i, (name, script) in enumerate(items):
        key = f"{i:04d}"
        a, b = theirs.get(key), ours.get(key)
        if a == b and a is not None:
            same += 1
            continue
        print(f"--- {name}")
        if a is None or b is None:
            print("    no answer from", "Linux" if a is None else "Switchback")
            continue
        for line in list(difflib.unified_diff(a.split("\n"), b.split("\n"), "Linux", "Switchback", lineterm="", n=1))[2:60]:
            print("    " + line)
    if args.times:
        t_ours, t_theirs = durations(our_text), durations(their_text)
        for i, (name, _) in enumerate(items):
            key = f"{i:04d}"
            if key in t_ours and key in t_theirs:
                print(f"{name:30} Linux {t_theirs[key]:7.2f} s   Switchback {t_ours[key]:7.2f} s")
    print(f"{same} passed, {len(items) - same} failed")
    return same != len(items)


if __name__ == "__main__":
    sys.exit(main())
