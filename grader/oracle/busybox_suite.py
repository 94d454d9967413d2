#!/usr/bin/python3
"""Busybox's own test suite under Debian's Linux and under this kernel, test by test.

    grader/oracle/busybox_suite.py [--only APPLET] [--smp N] [--keep FOLDER]

Debian's source package is fetched into build/busybox by apt with a sources list of its own, so the machine's lists stay
as they are; Busybox is built from it, static with musl, every applet in. Each applet's tests are one block of
grader/oracle/compare.py. A test that fails under both kernels says something about the suite and counts as the same.
"""
import glob
import os
import re
import subprocess
import sys

import compare

HERE = os.path.join(compare.ROOT, "build/busybox")
IMAGE = "build/rootfs/busybox-suite.cpio.gz"
# Minutes of long division under emulation, and not a system call in them.
LEFT_OUT = {"bc"}


def command(*words, **more):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    if done.returncode:
        sys.exit(f"{' '.join(words)}:\n{done.stdout[-2000:]}")


def mirror():
    """Where this machine has its packages from."""
    for name in ["/etc/apt/sources.list", *glob.glob("/etc/apt/sources.list.d/*")]:
        with open(name, encoding="utf-8") as stream:
            for line in stream:
                words = line.split()
                if words and words[0] in ("deb", "URIs:"):
                    return next(w for w in words if "://" in w)
    sys.exit("busybox_suite: no source of packages in /etc/apt")


def source():
    """The unpacked source, fetched when it is not there."""
    found = glob.glob(HERE + "/busybox-*/testsuite")
    if not found:
        lists = HERE + "/lists"
        os.makedirs(lists + "/partial", exist_ok=True)
        with open(HERE + "/sources.list", "w", encoding="ascii") as stream:
            stream.write(f"deb-src {mirror()} bookworm main\n")
        apt = ["apt-get", "-q", "-o", f"Dir::Etc::sourcelist={HERE}/sources.list", "-o", "Dir::Etc::sourceparts=-",
               "-o", f"Dir::State::lists={lists}", "-o", "APT::Sandbox::User="]
        command(*apt, "update")
        command(*apt, "source", "busybox", cwd=HERE)
        found = glob.glob(HERE + "/busybox-*/testsuite")
    return os.path.dirname(found[0])


def build(tree):
    """The binary in build/busybox/out, with its .config beside it as the suite wants it."""
    out = HERE + "/out"
    if os.path.exists(out + "/busybox"):
        return out
    headers = HERE + "/headers"
    os.makedirs(headers, exist_ok=True)
    os.makedirs(out, exist_ok=True)
    for name, place in (("linux", ""), ("asm-generic", ""), ("mtd", ""), ("asm", "x86_64-linux-gnu/")):
        if not os.path.lexists(f"{headers}/{name}"):
            os.symlink(f"/usr/include/{place}{name}", f"{headers}/{name}")
    command("make", "-C", tree, f"O={out}", "defconfig")
    with open(out + "/.config", encoding="ascii") as stream:
        text = stream.read()
    text = text.replace("# CONFIG_STATIC is not set", "CONFIG_STATIC=y")
    text = re.sub(r'CONFIG_EXTRA_CFLAGS=.*', f'CONFIG_EXTRA_CFLAGS="-isystem {headers}"', text)
    with open(out + "/.config", "w", encoding="ascii") as stream:
        stream.write(text)
    command("sh", "-c", "yes '' | make oldconfig", cwd=out)
    command("make", "-j2", "CC=musl-gcc", cwd=out)
    return out


def pack(tree, out):
    """The image: Busybox as the root file system, the suite in /suite with its links made once and not at every applet."""
    with open(tree + "/testsuite/runtest", encoding="utf-8") as stream:
        text = stream.read()
    for old, new in (('rm -rf "$LINKSDIR" 2>/dev/null', ":"), ("for i in $implemented; do", "for i in; do")):
        if text.count(old) != 1:
            sys.exit(f"runtest of another release: no line {old}")
        text = text.replace(old, new)
    with open(HERE + "/runtest", "w", encoding="utf-8") as stream:
        stream.write(text)
    names = subprocess.run([out + "/busybox", "--list"], capture_output=True, text=True, check=True).stdout.split()
    recipe = f"tree /suite/testsuite {tree}/testsuite\nfile /suite/testsuite/runtest 0755 0 0 {HERE}/runtest\n"
    recipe += f"file /suite/busybox 0755 0 0 {out}/busybox\nfile /suite/.config 0644 0 0 {out}/.config\n"
    recipe += "".join(f"slink /suite/runtest-tempdir-links/{n} /suite/busybox\n" for n in names)
    with open(HERE + "/suite.recipe", "w", encoding="utf-8") as stream:
        stream.write(recipe)
    rootfs = os.path.join(compare.ROOT, "rootfs")
    command(sys.executable, rootfs + "/mkcpio.py", "-l", "1", "-D", f"BUSYBOX={out}/busybox", "-o", os.path.join(compare.ROOT, IMAGE),
            rootfs + "/common.recipe", rootfs + "/busybox/busybox.recipe", HERE + "/suite.recipe")
    return names


def applets(tree, names):
    """What the suite has tests for, in the order of their names."""
    suite = tree + "/testsuite/"
    return sorted(n for n in names if (os.path.isdir(suite + n) or os.path.exists(f"{suite}{n}.tests")) and n not in LEFT_OUT)


def verdicts(text):
    """[(test, verdict)] in order, and what was printed up to each of them."""
    found, last = [], 0
    for m in re.finditer(r"^(PASS|FAIL|SKIPPED|UNTESTED): (.*)$", text or "", re.M):
        found.append((m[2], m[1], text[last:m.end()]))
        last = m.end()
    return found


def main():
    args = compare.options(__doc__, IMAGE, 3000, 300).parse_args()
    os.makedirs(HERE, exist_ok=True)
    os.makedirs(os.path.dirname(args.rootfs), exist_ok=True)
    tree = source()
    names = pack(tree, build(tree))
    wanted = [n for n in applets(tree, names) if not args.only or re.fullmatch(args.only, n)]
    if not wanted:
        sys.exit("no applet matches")
    script = "cd /suite/testsuite; SKIP_KNOWN_BUGS=y SKIP_INTERNET_TESTS=y SHELL=/bin/sh sh ./runtest -v %s\n"
    (theirs, _), (ours, _) = compare.both([(n, script % n) for n in wanted], args)
    same = wrong = 0
    count = {"PASS": 0, "FAIL": 0, "SKIPPED": 0, "UNTESTED": 0}
    for i, name in enumerate(wanted):
        a, b = (verdicts(answers.get(f"{i:04d}")) for answers in (theirs, ours))
        for _, verdict, _ in a:
            count[verdict] += 1
        if not a and not b:
            print(f"--- {name}: no verdicts; its tests ask for what this configuration has not")
            continue
        if [t for t, _, _ in a] != [t for t, _, _ in b]:
            wrong += 1
            print(f"--- {name}: {len(a)} verdicts under Linux, {len(b)} under Switchback")
            continue
        for (test, one, said), (_, two, says) in zip(a, b):
            if one == two:
                same += 1
                continue
            wrong += 1
            print(f"--- {name}: {test}: Linux {one}, Switchback {two}")
            print("    " + (said if one == "FAIL" else says).strip().replace("\n", "\n    "))
    print("Linux:", ", ".join(f"{n} {k.lower()}" for k, n in count.items()))
    print(f"{same} passed, {wrong} failed")
    return wrong != 0


if __name__ == "__main__":
    sys.exit(main())
