"""make trace: boot a kernel that keeps events (kernel/sched/events.c), read them out of the machine's memory, and write

    OUT/trace.json      Chrome's trace format: for https://ui.perfetto.dev, chrome://tracing, speedscope
    OUT/trace.folded    folded stacks with nanoseconds on a CPU: for flamegraph.pl, inferno, speedscope

The records are read from outside, with the machine stopped: so the kernel has no part in writing them out, and one that hangs or has panicked can be
looked at as well. With --text FILE a copy of /proc/events is converted in place of that.
"""
import argparse
import json
import re
import struct
import subprocess
import sys
import tempfile
import time
from collections import namedtuple
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "grader"))

# kernel/include/core/layout.h, kernel/include/sched/events.h
KERNEL_BASE, DIRECT_BASE = 0xffffffff80000000, 0xffff800000000000
KEPT, MAX_CPUS = 65536, 64
RECORD = struct.Struct("<QiBBH16s")
SWITCH, WAKE, CALL, CALL_END, FAULT, FAULT_END, NAME = range(1, 8)
DEAD = 4
STATES = ("runnable", "asleep, interruptible", "asleep", "stopped", "dead")

Event = namedtuple("Event", "ns tid kind cpu detail data")


class Ring(namedtuple("Ring", "count events")):
    """One CPU's records, oldest first, and how many it ever wrote."""


def words(data):
    return struct.unpack("<QQ", data)


# --- where the records come from

def ring_of(raw, count):
    events = [Event(*RECORD.unpack_from(raw, i * RECORD.size)) for i in range(min(count, KEPT))]
    if count > KEPT:
        events = events[count % KEPT:] + events[:count % KEPT]
    return Ring(count, events)


def rings_of_text(text):
    """What /proc/events printed."""
    counts, events = {}, {}
    for line in text.splitlines():
        part = line.split()
        if len(part) == 3 and part[0] == "ring":
            counts[int(part[1])] = int(part[2])
        elif len(part) == 7:
            e = Event(int(part[0]), int(part[3]), int(part[2]), int(part[1]), int(part[4], 16), struct.pack("<QQ", int(part[5], 16), int(part[6], 16)))
            events.setdefault(e.cpu, []).append(e)
    return [Ring(counts[cpu], events.get(cpu, [])) for cpu in sorted(counts)]


def rings_of_machine(qmp, symbols, folder):
    """Out of a stopped machine's memory."""
    def read(address, size):
        path = folder / "memory"
        physical = address - (KERNEL_BASE if address >= KERNEL_BASE else DIRECT_BASE)
        qmp.execute("pmemsave", val=physical, size=size, filename=str(path))
        return path.read_bytes()
    table = read(symbols["event_rings"], 16 * MAX_CPUS)
    rings = []
    for cpu in range(MAX_CPUS):
        records, count = struct.unpack_from("<QQ", table, 16 * cpu)
        if records:
            rings.append(ring_of(read(records, KEPT * RECORD.size), count))
    return rings


# --- what they mean

def merge(rings):
    """All records in the order of time, from the moment on from which every CPU's are there."""
    start = max((r.events[0].ns for r in rings if r.events and r.count > len(r.events)), default=0)
    return sorted((e for r in rings for e in r.events if e.ns >= start), key=lambda e: e.ns)


def comm(data):
    return data.split(b"\0")[0].decode(errors="replace")


def call_names(table):
    names = {}
    for line in Path(table).read_text(encoding="utf-8").splitlines():
        part = line.split()
        if part and part[0].isdigit():
            names[int(part[0])] = part[1]
    return names


def convert(rings, names):
    """(slices of Chrome's format, {stack: nanoseconds})"""
    events = merge(rings)
    slices, folded = [], {}
    running, since, mark = {}, {}, {}  # by CPU: the thread, when it came, up to when its time is booked
    comms, stacks = {0: "idle"}, {}    # by tid
    users = {e.tid for e in events if e.kind in (CALL, FAULT)}

    def book(cpu, now):
        tid = running.get(cpu)
        if tid is None:
            return
        frames = [s[0] for s in stacks.get(tid, [])]
        if not frames or frames[0] == "page fault":
            frames.insert(0, "user" if tid in users else "kernel")
        key = ";".join([comms.get(tid, "?")] + (frames if tid else []))
        folded[key] = folded.get(key, 0) + now - mark[cpu]
        mark[cpu] = now

    def put(name, pid, tid, begin, end, **args):
        slices.append({"name": name, "ph": "X", "pid": pid, "tid": tid, "ts": begin / 1000, "dur": (end - begin) / 1000, "args": args})

    def close(tid, now, **args):
        name, begin, details = stacks[tid].pop()
        put(name, 2, tid, begin, now, **details, **args)

    def leave(cpu, now, state):
        tid = running.get(cpu)
        if tid:
            put("%s [%d]" % (comms[tid], tid), 1, cpu, since[cpu], now, left=state)
        if state == STATES[DEAD]:
            while stacks.get(tid):
                close(tid, now, unfinished=True)

    for e in events:
        book(e.cpu, e.ns)
        stack = stacks.setdefault(e.tid, [])
        a, b = words(e.data)
        if e.kind == SWITCH:
            leave(e.cpu, e.ns, STATES[e.detail] if e.detail < len(STATES) else "?")
            comms[e.tid] = comm(e.data) if e.tid else "idle"
            running[e.cpu], since[e.cpu], mark[e.cpu] = e.tid, e.ns, e.ns
        elif e.kind == NAME:
            leave(e.cpu, e.ns, "still running, under another name")
            comms[e.tid], since[e.cpu] = comm(e.data), e.ns
        elif e.kind == WAKE:
            slices.append({"name": "woken", "ph": "i", "s": "t", "pid": 2, "tid": e.tid, "ts": e.ns / 1000, "args": {"to CPU": a}})
        elif e.kind == CALL:
            stack.append((names.get(e.detail, "call %d" % e.detail), e.ns, {"arguments": "%#x, %#x" % (a, b)}))
        elif e.kind == FAULT:
            stack.append(("page fault", e.ns, {"address": "%#x" % a, "rip": "%#x" % b, "error": e.detail}))
        elif e.kind == CALL_END and any(s[0] != "page fault" for s in stack):
            while stack[-1][0] == "page fault":  # it ended in no record of its own
                close(e.tid, e.ns, unfinished=True)
            close(e.tid, e.ns, result=a - (1 << 64) if a >> 63 else a)
        elif e.kind == FAULT_END and stack and stack[-1][0] == "page fault":
            close(e.tid, e.ns, resolved=bool(a))
    if events:
        end = events[-1].ns
        for cpu in running:
            book(cpu, end)
            leave(cpu, end, "still running")
        for tid, stack in stacks.items():
            while stack:
                close(tid, end, unfinished=True)
    label = [{"name": "process_name", "ph": "M", "pid": 1, "args": {"name": "CPUs"}},
             {"name": "process_name", "ph": "M", "pid": 2, "args": {"name": "threads"}}]
    label += [{"name": "thread_name", "ph": "M", "pid": 1, "tid": cpu, "args": {"name": "CPU %d" % cpu}} for cpu in sorted(running)]
    label += [{"name": "thread_name", "ph": "M", "pid": 2, "tid": tid, "args": {"name": comms.get(tid, "?")}} for tid in sorted(stacks) if tid]
    return label + slices, {k: v for k, v in folded.items() if v}


# --- the machine

def symbols_of(image):
    listing = subprocess.run(["nm", str(image)], check=True, capture_output=True, text=True).stdout
    return {part[2]: int(part[0], 16) for part in (line.split() for line in listing.splitlines()) if len(part) == 3}


def record(args):
    """Boots, waits, stops the machine; its rings."""
    from harness.console import Console
    from harness.qmp import Qmp
    symbols = symbols_of(args.image)
    if "event_rings" not in symbols:
        sys.exit("make trace: this kernel has no events: they come with lab 04")
    # Without a command to wait for, events are on from the start; else the shell switches them on around it.
    command_line = "console=ttyS0 panic=0 " + ("rdinit=/bin/sh" if args.run else "events=1") + " " + args.append
    with tempfile.TemporaryDirectory(prefix="switchback-trace-") as folder:
        folder = Path(folder)
        command = ["qemu-system-x86_64", "-nodefaults", "-no-reboot", "-no-shutdown", "-display", "none", "-accel", args.accel,
                   "-cpu", "host" if args.accel == "kvm" else "max", "-smp", args.smp, "-m", args.mem, "-kernel", args.image, "-append", command_line,
                   "-serial", "stdio", "-qmp", "unix:%s,server=on,wait=off" % (folder / "qmp")]
        if args.initrd:
            command += ["-initrd", args.initrd]
        machine = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            console = Console(machine.stdout, machine.stdin)
            qmp = Qmp(folder / "qmp")
            if args.run:
                run_at_the_shell(console, args.run, args.time)
            else:
                until = time.monotonic() + args.time
                while time.monotonic() < until and qmp.execute("query-status")["running"]:
                    time.sleep(0.1)
            qmp.execute("stop")
            return rings_of_machine(qmp, symbols, folder), console.text
        finally:
            machine.kill()
            machine.wait()


def run_at_the_shell(console, run, seconds):
    prompt = r"# (?:\x1b\[6n)?$"
    for line in ("mount -t proc proc /proc", "{ echo 1 > /proc/events; %s; echo 0 > /proc/events; }" % run):
        if not console.wait(prompt, seconds):
            sys.exit("make trace: the shell's prompt did not come in %d s; the console said\n%s" % (seconds, console.text[-2000:]))
        console.line(line)
    if not console.wait(r"\n[^\n]*" + prompt, seconds):
        print("make trace: the command did not end in %d s; what it did so far is written" % seconds, file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(prog="make trace")
    parser.add_argument("--image")
    parser.add_argument("--text", help="a copy of /proc/events")
    parser.add_argument("--initrd")
    parser.add_argument("--append", default="")
    parser.add_argument("--run", help="record this command of the shell only, not the boot")
    parser.add_argument("--time", type=float, default=10, help="seconds to wait at most")
    parser.add_argument("--smp", default="2")
    parser.add_argument("--mem", default="512M")
    parser.add_argument("--accel", default="tcg")
    parser.add_argument("--out", type=Path, default=Path("build/trace"))
    args = parser.parse_args()
    if args.text:
        rings, said = rings_of_text(Path(args.text).read_text(encoding="utf-8")), ""
    else:
        rings, said = record(args)
    slices, folded = convert(rings, call_names(ROOT / "kernel/include/abi/syscalls.tbl"))
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "trace.json").write_text(json.dumps({"traceEvents": slices, "displayTimeUnit": "ns"}), encoding="utf-8")
    (args.out / "trace.folded").write_text("".join("%s %d\n" % item for item in sorted(folded.items())), encoding="utf-8")
    (args.out / "console.log").write_text(said, encoding="utf-8")
    for cpu, ring in enumerate(rings):
        print("CPU %d: %d events, the newest %d of them kept" % (cpu, ring.count, len(ring.events)))
    for stack, ns in sorted(folded.items(), key=lambda item: -item[1])[:12]:
        print("%12.3f ms  %s" % (ns / 1e6, stack))
    print("%s: open it in ui.perfetto.dev or speedscope\n%s: for a flame graph" % (args.out / "trace.json", args.out / "trace.folded"))
    if not any(r.events for r in rings):
        sys.exit("make trace: no event was recorded%s" % (": the console ended with\n" + re.sub(r"\r", "", said)[-1500:] if said else ""))


if __name__ == "__main__":
    main()
