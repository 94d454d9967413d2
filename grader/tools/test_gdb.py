"""`make gdb` in every lab, and its commands ps, pagetable, vmas and locks, driven in batch mode."""
import os
import re
import signal
import socket
import subprocess

import pytest
from harness.build import BUILD, CHECKING, ROOT, kernel, rootfs


ALIKE = ["DEBUG=1"] if CHECKING else []  # as kernel() builds


def gdb(tmp_path, commands, *variables, timeout=120):
    """What gdb says to these commands after the stop at kmain."""
    script = tmp_path / "commands.gdb"
    script.write_text("set pagination off\nset height 0\nset width 0\n" + commands + "\nkill\n")
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")}
    run = subprocess.run(["make", "-s", "do-gdb", "BUILD=%s" % BUILD, "GDB_FLAGS=-batch -x %s" % script, *ALIKE, *variables], cwd=ROOT, env=environment,
                         capture_output=True, text=True, timeout=timeout)
    return run.stdout + run.stderr


@pytest.mark.parametrize("lab", range(1, 14))
def test_every_lab_stops_at_kmain(lab, tmp_path):
    image = kernel(lab, "solutions")
    said = gdb(tmp_path, "pagetable kmain\nps", "LAB=%02d" % lab, "FROM=solutions", "ROOTFS=none")
    assert re.search(r"Breakpoint 1, kmain \(magic=", said), said
    listing = subprocess.run(["nm", str(image)], check=True, capture_output=True, text=True).stdout
    address = int(re.search(r"^(\w+) T kmain$", listing, re.M).group(1), 16)
    assert "physical %#x, a page of 2 MiB" % (address - 0xffffffff80000000) in said, said
    assert "There are no threads: they come with lab 04" in said, said


def test_a_skeleton_stops_at_kmain(tmp_path):
    kernel(7, "base")
    assert "Breakpoint 1, kmain" in gdb(tmp_path, "bt 1", "LAB=07", "FROM=base", "ROOTFS=none")


def test_the_commands_tell_what_is(tmp_path):
    """At the shell's first getcwd: who runs, what its memory is, and where its pages are."""
    kernel()
    rootfs("busybox")
    said = gdb(tmp_path, """delete
hbreak buddy_alloc
continue
locks
delete
hbreak sys_getcwd
continue
ps
vmas 1
pagetable buf
pagetable 0x123456789000
printf "USER STACK %#lx\\n", ((struct trapframe *)(current_frame))->rsp
""".replace("(current_frame)", "(cpus[$_thread - 1]->current->stack_top - sizeof(struct trapframe))"),
               "ROOTFS=busybox", "INIT=/bin/sh", "KERNEL_DIRECT=1")
    assert re.search(r"^spinlock buddy_lock: held by CPU 0$", said, re.M), said
    # ps: the shell runs on one CPU, and a worker sleeps in its loop
    assert re.search(r"^ +1 +1 R +\d sh +running on CPU \d$", said, re.M), said
    assert re.search(r"^ +- +\d+ S +0 kworker/0 +worker \(kernel/sched/workqueue.c:\d+\)$", said, re.M), said
    # vmas: the program's own headers say where it lies, and the stack pointer where its stack is
    areas = [(int(a, 16), int(b, 16), rights, label) for a, b, rights, label in
             re.findall(r"^([0-9a-f]{14})-([0-9a-f]{14}) (\S{4}) +\d+ KiB  (.*)$", said, re.M)]
    assert re.search(r"^sh: %d areas, heap " % len(areas), said, re.M), said
    assert areas[0][0] == 0x400000 and areas[0][3] == "/bin/busybox", said
    assert any(rights == "r-xp" and label == "/bin/busybox" for *_, rights, label in areas), said
    sp = int(re.search(r"USER STACK (0x\w+)", said).group(1), 16)
    assert [label for a, b, _, label in areas if a <= sp < b] == ["[stack]"], said
    # pagetable: the user's buffer is writable data of ring 3; what was never mapped is not
    walks = re.findall(r"^0x\w+   CR3[^$]*?^  (?:physical .*|not mapped)$", said, re.M)
    assert len(walks) == 2, said
    assert "present" in walks[0].splitlines()[1] and "user" in walks[0] and "no-execute" in walks[0], said
    assert walks[1].endswith("not mapped"), said


def test_a_checking_kernel_tells_who_took_a_lock(tmp_path):
    kernel(2, "solutions", "DEBUG=1")
    said = gdb(tmp_path, "delete\nhbreak buddy_alloc if buddy_lock.owner_cpu == 0\ncontinue\nlocks", "LAB=02", "FROM=solutions", "DEBUG=1", "ROOTFS=none")
    assert re.search(r"^CPU 0 holds buddy, taken in \w+ \(kernel/mm/frame.c:\d+\)$", said, re.M), said


def test_an_editor_can_attach(tmp_path):
    """`make gdb-server`, and gdb as .vscode/launch.json drives it."""
    image = kernel(2, "solutions")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")}
    server = subprocess.Popen(["make", "-s", "do-gdb-server", "BUILD=%s" % BUILD, "LAB=02", "FROM=solutions", "ROOTFS=none", "PORT=%d" % port, *ALIKE], cwd=ROOT,
                              env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert "waits for a debugger at localhost:%d" % port in server.stdout.readline()
        script = tmp_path / "attach.gdb"
        script.write_text("source kernel/tools/gdb.py\nset remotetimeout 60\nset tcp connect-timeout 60\ntarget remote localhost:%d\nhbreak kmain\ncontinue\n"
                          "pagetable kmain\nkill\n" % port)
        run = subprocess.run(["gdb", "-q", "-batch", "-x", str(script), str(image)], cwd=ROOT, capture_output=True, text=True, timeout=120)
        assert "Breakpoint 1, kmain" in run.stdout and "a page of 2 MiB" in run.stdout, run.stdout + run.stderr
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
