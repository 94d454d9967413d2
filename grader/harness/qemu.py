"""One guest under QEMU, and the verdict on how its run went.

A Machine is started with a kernel (`-kernel`), or with an ISO, and is a context manager. The judge's own channel is a file
that QEMU's isa-debugcon writes; the console is for people. A run ends by isa-debug-exit, by QEMU's end, or by a cap of
wall-clock time, and `outcome()` then says which kind of end it was:

    passed         isa-debug-exit with the value of success
    failed         isa-debug-exit with the value of `some test failed`
    stopped        a skeleton's TODO: the student has not written this yet
    panic          the kernel said so itself, with its back-trace
    triple fault   the CPU reset itself
    no boot        nothing of the kernel was ever seen
    powered off    the guest ended QEMU in order
    hang           it made no progress for HANG_BUDGET instructions, or sleeps and nothing can wake it; or the cap was reached

With icount the first two are told by the guest's own time, so that a loaded host fails nobody; the cap is for a machine that is stuck itself.
    runs           it still does
"""
import os
import re
import select
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from . import symbols
from .console import Console
from .build import CHECKING
from .qmp import GdbStub, Qmp

EXIT_PASSED, EXIT_FAILED = 0x20, 0x21
SLOWER = 4 if CHECKING else 1  # a checking kernel takes longer; caps are for hangs
HANG_BUDGET = 3_000_000_000 * SLOWER  # instructions without a word on either channel; one second of guest time is 1,000,000,000
LOOK_EVERY = 0.5             # seconds between two looks at the guest's clock
# For `make grade GDB=1`: a function that is called with each Machine once it stands, stopped, before its first instruction.
debugger = None
# A function of the machine's folder, the files that it reads and QEMU's words that returns the command to start: a grader of submissions puts its sandbox here.
launcher = None
PANIC = re.compile(r"^PANIC\b.*", re.M)
STOPPED = re.compile(r"^TODO (\S+) (\S+) (\S+):(\d+)$", re.M)


def last_words(text):
    """What a skeleton's stop or a panic says of itself, in one line; None if there is neither."""
    match = STOPPED.search(text)
    if match:
        chapter, function, path, line = match.groups()
        return "stopped at %s() in %s, line %s: yours to write. The chapter is handouts/%s.md" % (function, path, line, chapter)
    match = PANIC.search(text)
    return match.group(0)[len("PANIC "):] if match else None


class GuestFailure(AssertionError):
    """A run that did not end as it should; the text says which kind it was, and shows the end of what the guest said."""

    def __init__(self, text, trace=()):
        super().__init__(text)
        self.trace = trace


BUSY_BUDGET = 12 * SLOWER  # seconds of the host's CPU time without a word: one that only ticks executes few instructions
IDLE_LOOKS = 20   # looks in a row at such a guest that sleeps and says nothing
ASLEEP_LOOKS = 4  # looks in a row at one that sleeps and has done nothing in between
SUSPICIOUS = 3    # seconds of CPU time without a word before the monitor is asked


class Watch:
    """
    Tells a guest that hangs from one that works, however loaded the host is: under icount by the instructions that it has executed, else by the CPU time
    that it was given.

    The monitor is asked only when there is reason to: QEMU 7.2 stands still for ever when it ends while a question is on its way. So what the host says of
    its CPU time comes first, and a QEMU that no longer answers has ended, or will never.
    """

    def __init__(self, machine):
        self.machine = machine
        self.next_look = time.monotonic() + LOOK_EVERY
        self.said = -1      # bytes on both channels
        self.spent = 0.0    # CPU time when the last of them came
        self.since = None   # instructions when the monitor was first asked after that
        self.last = -1.0    # CPU time at the last look
        self.still = 0      # looks in a row at a QEMU that uses next to no CPU time
        self.silent = 0     # questions that were not answered
        self.asleep = []    # what it had done at the last looks in a row that found it asleep

    def says_hang(self):
        machine = self.machine
        if debugger is not None or time.monotonic() < self.next_look:
            return False
        self.next_look = time.monotonic() + LOOK_EVERY
        try:
            spent = machine.cpu_seconds()
        except (OSError, LookupError):
            return False  # it has just ended
        said = len(machine.verdict) + machine.console.mark
        if said != self.said:
            self.said, self.spent, self.since, self.still = said, spent, None, 0
        self.still = self.still + 1 if spent - self.last < 0.02 else 0
        self.last = spent
        busy = spent - self.spent
        if self.still < (4 if machine.icount else IDLE_LOOKS) and busy < SUSPICIOUS:
            return False
        return self.ask(busy)

    def ask(self, busy):
        """What the monitor says of a guest that is suspected."""
        machine = self.machine
        try:
            asleep = "HLT=0" not in machine.qmp.monitor("info registers -a")
            count = machine.qmp.execute("query-replay")["icount"] if machine.icount else 0
            transfers = sum(d["stats"][op + "_operations"] for d in machine.qmp.execute("query-blockstats") for op in ("rd", "wr", "flush"))
        except (OSError, RuntimeError, ValueError, LookupError):
            self.silent += 1
            return self.silent >= 2 and machine.process.poll() is None
        self.since = count if self.since is None else self.since
        # On a busy host one that works is given next to no time as well, and may just be between two timers, or wait for its disk: then these move.
        self.asleep = (self.asleep + [(count, transfers)])[-ASLEEP_LOOKS:] if asleep else []
        if self.still and self.asleep == [(count, transfers)] * ASLEEP_LOOKS:
            return True
        return busy > BUSY_BUDGET or count - self.since > HANG_BUDGET


def free_port():
    """A port of the host's loopback that nobody has: for what is led to a guest, or listens here."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Machine:
    def __init__(self, kernel=None, *, initrd=None, cmdline="", iso=None, uefi=False, smp=1, mem="256M", icount=None,
                 cap=60, fwcfg=None, machine="pc", display=False, gdb=False, extra=(), disks=(), threads="single", uart=True, watch=None, shift=0):
        self.cap = cap * SLOWER if debugger is None else 1e9
        gdb = gdb or debugger is not None
        self.image = kernel
        self.icount = smp == 1 if icount is None else icount
        self.watch_expected = watch
        self.watch = self.icount if watch is None else watch  # whether a hang ends a wait: not where the guest may be silent for long
        self.frames = []  # where it was when it hung
        self.hung = False
        self.dir = Path(tempfile.mkdtemp(prefix="switchback-"))
        self.exit_status = None
        self._ended = None
        if icount is None:
            icount = smp == 1
        command = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
                   "-machine", machine, "-cpu", "max", "-m", str(mem), "-smp", str(smp),
                   "-accel", "tcg" + ("" if icount else ",thread=" + threads)]
        if icount:
            command += ["-icount", "shift=%d,sleep=off" % shift]  # an instruction takes 2^shift ns
        if kernel is not None:
            # Else the firmware looks for a boot record on each disk. Its queues for many lie where QEMU has the initrd put: a late look at one changes the initrd.
            command += ["-kernel", str(kernel), "-boot", "strict=on"]
            if cmdline:
                command += ["-append", cmdline]
        if initrd is not None:
            command += ["-initrd", str(initrd)]
        if iso is not None:
            command += ["-cdrom", str(iso), "-boot", "d"]
        if uefi:
            firmware = next(p for p in ("/usr/share/ovmf/OVMF.fd", "/usr/share/OVMF/OVMF_CODE.fd") if os.path.exists(p))
            command += ["-bios", firmware]
        if display:
            command += ["-vga", "std"]
        command += ["-chardev", "stdio,id=serial,signal=off", "-serial", "chardev:serial" if uart else "none",
                    "-chardev", "file,id=verdict,path=%s" % (self.dir / "verdict"),
                    "-device", "isa-debugcon,iobase=0xe9,chardev=verdict",
                    "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
                    "-qmp", "unix:%s,server=on,wait=off" % (self.dir / "qmp"),
                    "-d", "cpu_reset", "-D", str(self.dir / "qemu.log")]
        for name, text in (fwcfg or {}).items():
            path = self.dir / ("fwcfg-" + name)
            path.write_text(text)
            command += ["-fw_cfg", "name=opt/switchback/%s,file=%s" % (name, path)]
        if gdb:
            command += ["-gdb", "unix:%s,server=on,wait=off" % (self.dir / "gdb"), "-S"]
        # Images that the guest may write, named in `extra`: in its folder as long as it lives, since a sandbox sees nothing else.
        self.disks = [(Path(path), self.dir / Path(path).name) for path in disks]
        for outside, inside in self.disks:
            shutil.move(outside, inside)
            extra = [word.replace(str(outside), str(inside)) for word in extra]
        command += list(extra)
        if launcher is not None:
            command = launcher(self.dir, [p for p in (kernel, initrd, iso) if p is not None], command)
        self.command = command
        self.started = time.monotonic()
        # Under the debugger ^C is meant for gdb alone.
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        start_new_session=debugger is not None)
        self.end = os.pidfd_open(self.process.pid)
        self.console = Console(self.process.stdout, self.process.stdin)
        self._qmp = None
        self.gdb = GdbStub(self.dir / "gdb") if gdb and debugger is None else None
        if debugger is not None:
            debugger(self)

    # --- life

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        try:
            if isinstance(error, OSError) and self.has_ended():
                self.fail("the machine ended while it was looked at")
        finally:
            self.close()

    def has_ended(self):
        """Its monitor is closed a moment before QEMU is gone."""
        try:
            self.exit_status = self.process.wait(2)
        except subprocess.TimeoutExpired:
            return False
        return True

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.end >= 0:
            os.close(self.end)
            self.end = -1
        for outside, inside in self.disks:
            if inside.exists():
                shutil.move(inside, outside)
        if self._qmp:
            self._qmp.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    @property
    def qmp(self):
        if self._qmp is None:
            self._qmp = Qmp(self.dir / "qmp", lambda: self.process.poll() is None)
        return self._qmp

    def cpu_seconds(self):
        """CPU time that the host gave to QEMU."""
        words = Path("/proc/%d/stat" % self.process.pid).read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def wants_cpu(self):
        """Whether a thread of QEMU runs or waits for a CPU of the host: a guest that has halted has none."""
        return any(stat.read_text().rpartition(")")[2].split()[0] == "R" for stat in Path("/proc/%d/task" % self.process.pid).glob("*/stat"))

    def pause(self, seconds):
        """Waits until QEMU has ended, for so long at most. (Popen.wait with a time looks a hundred times a second.)"""
        ended = select.poll()
        ended.register(self.end, select.POLLIN)
        ended.poll(max(0.0, min(seconds, self.remaining())) * 1000)

    def remaining(self):
        return max(0.0, self.cap - (time.monotonic() - self.started))

    def wait_end(self):
        """Wait for the guest's end, up to the cap. The skeleton's stop, a panic and a hang end the wait as well."""
        watch, heard = Watch(self), -1
        while self.process.poll() is None and self.remaining() > 0:
            if self.verdict_length != heard:
                heard = self.verdict_length
                verdict = self.verdict
                if STOPPED.search(verdict) or PANIC.search(verdict):
                    self.hear_out()
                    break
            if self.watch and watch.says_hang():
                self.hung = True
                break
            self.pause(0.05)
        self.exit_status = self.process.poll()
        if self.exit_status is None:
            if not PANIC.search(self.verdict):
                self.look_where()
            self.process.kill()
            self.process.wait()
        self.console.finish()
        return self

    def hear_out(self):
        """After a panic or a stop, the rest of what the guest has to say: until QEMU ends, sleeps, or had a second of CPU time and was silent."""
        said, spent, asleep = -1, 0.0, 0
        while self.process.poll() is None and self.remaining() > 0:
            try:
                now = self.cpu_seconds()
                asleep = 0 if self.wants_cpu() else asleep + 1
            except OSError:
                continue  # it has just ended
            if len(self.verdict) + self.console.mark != said:
                said, spent, asleep = len(self.verdict) + self.console.mark, now, 0
            if asleep >= 5 or now - spent > 1:
                break
            try:
                self.process.wait(min(0.1, self.remaining()))
            except subprocess.TimeoutExpired:
                pass

    def look_where(self):
        """Notes where the guest is: for the report of one that hangs."""
        try:
            self.frames = symbols.of_running(self.qmp)
        except (OSError, RuntimeError, ValueError):
            pass

    def trace(self):
        """The back-trace, symbolised: of the panic, of the triple fault, or of the hang."""
        addresses = symbols.of_panic(self.verdict)
        if not addresses:
            try:
                addresses = symbols.of_triple_fault((self.dir / "qemu.log").read_text(errors="replace"))
            except FileNotFoundError:
                pass
        return tuple(symbols.lines(self.image, addresses or self.frames))

    def wait_quiet(self, quiet=1.0):
        """Wait until the guest has said nothing for a while, or has ended; the console's text."""
        while self.process.poll() is None and self.remaining() > 0:
            mark = self.console.mark
            time.sleep(quiet)
            if self.console.mark == mark:
                break
        self.exit_status = self.process.poll()
        return self.console.text.replace("\r", "")

    # --- what the guest said

    @property
    def verdict(self):
        try:
            return (self.dir / "verdict").read_text(errors="replace")
        except FileNotFoundError:
            return ""

    @property
    def verdict_length(self):
        """In bytes."""
        try:
            return os.stat(self.dir / "verdict").st_size
        except FileNotFoundError:
            return 0

    def expect(self, pattern, timeout=None):
        """Wait for `pattern` on the console; anything else is a GuestFailure that says what happened instead."""
        match = None
        watch = Watch(self) if self.watch_expected else None
        end = time.monotonic() + min(timeout * SLOWER if timeout else self.cap, self.remaining())
        while match is None:
            left = max(0.0, end - time.monotonic())
            match = self.console.wait(pattern, min(left, LOOK_EVERY) if watch else left)
            if match is None and (not left or self.console.closed or (watch and watch.says_hang())):
                break
            if not watch:
                break
        if match is None:
            if self.process.poll() is not None:
                self.exit_status = self.process.returncode
            else:
                self.look_where()
            self.fail("`%s` did not come" % pattern)
        return match

    def wait_for_verdict(self, pattern):
        """Wait for a record on the verdict channel."""
        while not re.search(pattern, self.verdict, re.M):
            if self.process.poll() is not None or self.remaining() <= 0:
                self.exit_status = self.process.poll()
                self.fail("no record `%s` on the verdict channel" % pattern)
            time.sleep(0.05)

    def run(self, command, prompt=r"# $", timeout=None):
        """Type a command at a shell's prompt; what it printed, without the echo."""
        start = self.console.mark
        self.console.line(command)
        self.expect(re.escape(command) + r"\r?\n", timeout)
        self.expect(prompt, timeout)
        text = self.console.since(start).replace("\r\n", "\n")
        lines = text.split("\n")  # the echo first, the next prompt last
        return "\n".join(lines[1:-1])

    # --- judgement

    def outcome(self):
        verdict, status = self.verdict, self.exit_status
        if status is not None and status & 1 and status >> 1 == EXIT_PASSED:
            return "passed"
        if STOPPED.search(verdict):
            return "stopped"
        if PANIC.search(verdict):
            return "panic"
        if status is not None and status & 1 and status >> 1 == EXIT_FAILED:
            return "failed"
        if self._triple_fault():
            return "triple fault"
        if status is None and self.process.returncode is None:
            return "runs" if verdict or self.console.text else "no boot"
        if status is not None:
            return "powered off" if verdict or self.console.text else "no boot"
        return "hang" if verdict.strip() or self.console.text.strip() else "no boot"

    def _triple_fault(self):
        try:
            return "Triple fault" in (self.dir / "qemu.log").read_text(errors="replace")
        except FileNotFoundError:
            return False

    def report(self):
        """The end of both channels, for a failure's text."""
        parts = []
        head = PANIC.search(self.verdict)
        if head:
            # The kernel's own report, with the line that matters to who wrote it in front.
            lines = self.verdict[head.start():].replace("\r", "").splitlines()
            nearest = [line for line in lines if line.startswith("The nearest line of a lab is")]
            parts.append("\n".join([lines[0]] + nearest + [line for line in lines[1:60] if line not in nearest]))
        for title, text in (("verdict channel", self.verdict), ("console", self.console.text)):
            if head:
                text = text.partition(head.group(0))[0] or text  # the rest stands above: what led to it is what is missing
            lines = text.replace("\r", "").splitlines()[-20 if head else -40:]
            parts.append("--- %s ---\n%s" % (title, "\n".join(lines) or "(nothing)"))
        if self.process.poll() is not None:
            errors = self.process.stderr.read().decode(errors="replace").strip()
            if errors:
                parts.append("--- QEMU ---\n" + errors)
        return "\n".join(parts)

    def fail(self, text):
        outcome = self.outcome()
        if outcome in ("runs", "powered off", "failed", "passed"):
            outcome = "wrong output"  # it lives, but does not say what it should
        if outcome == "stopped":
            text = "%s; %s" % (last_words(self.verdict), text)
        raise GuestFailure("%s: %s\n%s" % (outcome, text, self.report()), self.trace())

    def screenshot(self, path):
        self.qmp.execute("screendump", filename=str(path), format="png")
