"""`make trace`: records of a real run, and what the converter makes of records."""
import json
import os
import struct
import subprocess
import sys

import pytest
from harness.build import BUILD, ROOT, kernel, rootfs
from harness.qemu import Machine

sys.path.insert(0, str(ROOT / "kernel/tools"))
import trace as tool  # noqa: E402

NAMES = tool.call_names(ROOT / "kernel/include/abi/syscalls.tbl")
READ, EXIT = 0, 60
SLOP = 0.0005  # microseconds: what a float may be off by


def make_trace(tmp_path, *variables):
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")}
    run = subprocess.run(["make", "-s", "do-trace", "BUILD=%s" % BUILD, "OUT=%s" % tmp_path, *variables], cwd=ROOT, env=environment,
                         capture_output=True, text=True, timeout=200)
    assert run.returncode == 0, run.stdout + run.stderr
    slices = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    folded = {}
    for line in (tmp_path / "trace.folded").read_text().splitlines():
        stack, _, ns = line.rpartition(" ")
        folded[stack] = int(ns)
    return slices, folded


def check_slices(slices):
    """On a CPU one thing runs at a time; a thread's slices lie beside or wholly inside each other."""
    tracks = {}
    for s in slices:
        if s["ph"] == "X":
            assert s["dur"] >= 0, s
            tracks.setdefault((s["pid"], s["tid"]), []).append((s["ts"], -s["dur"], s["ts"] + s["dur"], s["name"]))
    for (pid, tid), track in tracks.items():
        ends = []
        for begin, _, end, name in sorted(track):
            while ends and ends[-1] <= begin + SLOP:
                ends.pop()
            assert not (pid == 1 and ends), "%s overlaps on CPU %d" % (name, tid)
            assert not ends or end <= ends[-1] + SLOP, "%s ends after what it lies in, in thread %d" % (name, tid)
            ends.append(end)
    return tracks


def test_threads_of_lab_04(tmp_path):
    kernel(4, "solutions")
    slices, folded = make_trace(tmp_path, "LAB=04", "FROM=solutions", "ROOTFS=none", "TIME=6")
    tracks = check_slices(slices)
    assert {tid for pid, tid in tracks if pid == 1} == {0, 1}
    assert folded["show;kernel"] > 0
    assert sum(s["name"].startswith("show [") for s in slices) >= 4


def test_a_command_of_the_shell(tmp_path):
    kernel()
    rootfs("busybox")
    slices, folded = make_trace(tmp_path, "ROOTFS=busybox", "RUN=ls / | wc -l", "TIME=60")
    check_slices(slices)
    threads = {s["args"]["name"] for s in slices if s["name"] == "thread_name" and s["pid"] == 2}
    assert {"ls", "wc", "sh"} <= threads, threads
    calls = {s["name"] for s in slices if s["ph"] == "X" and s["pid"] == 2}
    assert {"execve", "pipe2", "getdents64", "read", "write", "exit_group", "page fault"} <= calls, calls
    assert folded["ls;getdents64"] > 0 and folded["ls;user"] > 0
    # What the folded stacks book is the time that the CPUs' slices have.
    run = sum(s["dur"] for s in slices if s["ph"] == "X" and s["pid"] == 1)
    booked = sum(ns for stack, ns in folded.items() if stack != "idle") / 1000
    assert abs(run - booked) < 0.001 * run + 1, (run, booked)


def test_events_of_a_running_system_as_text(tmp_path):
    """/proc/events, read inside and converted outside."""
    with Machine(kernel(), initrd=rootfs("busybox"), cmdline="console=ttyS0 quiet panic=-1 rdinit=/bin/sh", icount=False, cap=60) as guest:
        prompt = r"# (?:\x1b\[6n)?$"
        guest.expect(prompt)
        guest.run("mount -t proc proc /proc", prompt)
        assert guest.run("head -n 1 /proc/events", prompt) == "off"
        guest.run("echo 1 > /proc/events; ls / > /dev/null; echo 0 > /proc/events", prompt)
        text = guest.run("cat /proc/events", prompt)
    copy = tmp_path / "events.txt"
    copy.write_text(text)
    run = subprocess.run([sys.executable, "kernel/tools/trace.py", "--text", str(copy), "--out", str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    slices = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    check_slices(slices)
    assert any(s["name"] == "getdents64" for s in slices), run.stdout


# --- the converter alone

def event(ns, kind, tid=7, cpu=0, detail=0, a=0, b=0):
    return tool.Event(ns, tid, kind, cpu, detail, struct.pack("<QQ", a, b))


def switch(ns, tid, name, cpu=0, state=0):
    return tool.Event(ns, tid, tool.SWITCH, cpu, state, name.encode().ljust(16, b"\0"))


def converted(*events):
    slices, folded = tool.convert([tool.Ring(len(events), list(events))], NAMES)
    check_slices(slices)
    return {s["name"]: s for s in slices if s["ph"] == "X"}, folded


def test_time_is_booked_to_what_runs():
    slices, folded = converted(switch(1000, 7, "cat"), event(2000, tool.CALL, detail=READ), event(3000, tool.FAULT), event(3500, tool.FAULT_END, a=1),
                               switch(4000, 8, "dd", state=1), switch(9000, 7, "cat"), event(9500, tool.CALL_END, detail=READ, a=12),
                               switch(10000, 0, "idle"))
    assert folded == {"cat;user": 1500, "cat;read": 2000, "cat;read;page fault": 500, "dd;kernel": 5000}
    assert (slices["read"]["ts"], slices["read"]["dur"], slices["read"]["args"]["result"]) == (2, 7.5, 12)


def test_a_program_that_becomes_another_has_a_slice_for_each():
    slices, folded = converted(switch(0, 7, "sh"), tool.Event(400, 7, tool.NAME, 0, 0, b"ls".ljust(16, b"\0")), switch(1000, 0, "idle"))
    assert (slices["sh [7]"]["dur"], slices["ls [7]"]["dur"]) == (0.4, 0.6) and folded == {"sh;kernel": 400, "ls;kernel": 600}


def test_a_result_below_zero_is_shown_so():
    slices, _ = converted(switch(0, 7, "cat"), event(10, tool.CALL, detail=READ), event(20, tool.CALL_END, detail=READ, a=(1 << 64) - 9))
    assert slices["read"]["args"]["result"] == -9


def test_what_never_comes_back_ends_with_its_thread():
    slices, _ = converted(switch(0, 7, "cat"), event(10, tool.CALL, detail=EXIT), switch(50, 8, "sh", state=tool.DEAD), event(90, tool.WAKE, tid=8))
    assert slices["exit"]["dur"] == 0.04 and slices["exit"]["args"]["unfinished"]


def test_an_end_without_a_beginning_is_dropped():
    slices, _ = converted(switch(0, 7, "cat"), event(10, tool.CALL_END, detail=READ), event(20, tool.FAULT_END))
    assert set(slices) == {"cat [7]"}


def test_a_ring_that_ran_over_begins_where_the_others_do():
    old = tool.Ring(3, [switch(1, 7, "cat"), switch(2, 8, "sh"), switch(3, 7, "cat")])
    young = tool.Ring(9, [switch(2, 9, "dd", cpu=1)])
    assert [e.ns for e in tool.merge([old, young])] == [2, 2, 3]


@pytest.mark.parametrize("count", [0, 5, 65536, 65537, 200001])
def test_a_ring_is_read_in_order(count):
    raw = bytearray(tool.KEPT * tool.RECORD.size)
    for n in range(max(0, count - tool.KEPT), count):
        tool.RECORD.pack_into(raw, n % tool.KEPT * tool.RECORD.size, n, 1, tool.WAKE, 0, 0, bytes(16))
    ring = tool.ring_of(bytes(raw), count)
    assert [e.ns for e in ring.events] == list(range(max(0, count - tool.KEPT), count))
