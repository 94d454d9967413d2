"""The commands that the book shows, tried as handouts/README.md says."""
import os
import re
import shlex
import subprocess

import pytest
from harness import book
from harness.build import BUILD, ROOT, kernel, make, rootfs
from harness.qemu import Machine

BLOCKS = list(book.blocks())
PROMPT = r"# (?:\x1b\[6n)?$"
# What gdb says to a command that it cannot do.
GDB_REFUSES = re.compile(r"^(.*(?:No symbol|Undefined|not defined|No source file|No such file|Cannot access|cannot|Invalid|syntax error|"
                         r"Error in sourced|no type named|Junk|not understood|isn't|ambiguous|Make breakpoint pending).*)$", re.M | re.I)


def environment():
    return {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")}


def shell(line, timeout=280):
    line = line.replace("build/", "%s/" % BUILD)
    if line.startswith("make "):
        line += " BUILD=%s" % BUILD
    return subprocess.run(line, shell=True, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL)


@pytest.mark.parametrize("line", sorted({line for b in BLOCKS if b.language == "sh" and not b.run for line in b.commands if line.startswith("make ")}))
def test_make_accepts_the_line(line):
    """A door first looks after its tools and then calls make again: both are asked what they would do."""
    words = shlex.split(line)[1:]
    inner = [w if "=" in w or w.startswith("-") else {"run": "do-run", "gdb": "do-gdb", "trace": "do-trace", "grade": "do-grade", "iso": "do-iso"}.get(w, w)
             for w in words]
    for some in (words, inner):
        run = subprocess.run(["make", "-n", "BUILD=%s" % BUILD, *some], cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=120)
        assert run.returncode == 0, run.stderr[-3000:]


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "sh" and b.run], ids=lambda b: b.name)
def test_a_block_that_is_run(block):
    # Built first, and under the harness's lock: another worker may be building the same.
    for lab in set(re.findall(r"lab(\d\d)-solutions|LAB=(\d\d) FROM=solutions", block.body + block.instead)):
        kernel(int("".join(lab)), "solutions")
    if "ROOTFS=busybox" in block.instead:
        kernel()
        rootfs("busybox")
    if "user/bin" in block.body:
        make("-f", "user/user.mk", "user-bin")
    for line in [block.instead] if block.instead else block.commands:
        run = shell(line)
        assert run.returncode == 0, "%s\n%s%s" % (line, run.stdout[-3000:], run.stderr[-3000:])
        assert run.stdout.strip() or "objects" in line or "make -s kernel " in line or "check" in line, "%s printed nothing" % line


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "gdb"], ids=lambda b: b.name)
def test_gdb_understands(block, tmp_path):
    lab = block.lab or "02"
    variables = [v for v in block.variables]
    if not any(v.startswith("LAB=") for v in variables):
        variables.append("LAB=" + lab)
    lab = next(v for v in variables if v.startswith("LAB="))[4:]
    if not any(v.startswith("ROOTFS=") for v in variables):
        variables.append("ROOTFS=" + ("none" if int(lab) < 6 else "newlib" if int(lab) < 12 else "busybox"))
    kernel(int(lab), "solutions")
    if "user/bin" in block.body:
        make("-f", "user/user.mk", "user-bin")
    script = tmp_path / "commands"
    script.write_text("set pagination off\nset width 0\n" + block.body.replace("build/", "%s/" % BUILD) + "\nprintf \"all understood\\n\"\n")
    run = subprocess.run(["make", "-s", "do-gdb", "BUILD=%s" % BUILD, "FROM=solutions", "GDB_FLAGS=-batch -x %s" % script, *variables], cwd=ROOT,
                         env=environment(), capture_output=True, text=True, timeout=150, stdin=subprocess.DEVNULL)
    said = run.stdout + run.stderr
    assert "all understood" in said, said[-3000:]
    refused = GDB_REFUSES.search(said.partition("all understood")[0])
    assert not refused, said[-3000:]


@pytest.fixture(scope="module")
def busybox():
    with Machine(kernel(), initrd=rootfs("busybox"), cmdline="console=ttyS0 quiet panic=-1 rdinit=/bin/sh", icount=False, cap=200) as guest:
        guest.expect(PROMPT)
        guest.run("mount -t proc proc /proc", PROMPT)
        yield guest


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "console"], ids=lambda b: b.name)
def test_the_shell_does_it(block, busybox):
    for line in block.commands:
        busybox.run(line, PROMPT)
        # The trace of the shell's own calls may come in between: the answer is a line of its own.
        status = busybox.run("echo status $?", PROMPT)
        assert re.search(r"^status 0$", status, re.M), "%s: %s" % (line, busybox.console.text[-1500:])
    busybox.run("echo 0 > /proc/self/trace", PROMPT)
