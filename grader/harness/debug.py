"""`make grade LAB=NN TEST=name GDB=1`: the machine of that test stands still before its first instruction, with gdb on this terminal."""
import signal
import subprocess
import threading

from .build import ROOT
from .usertest import binaries


def _words(check):
    """What gdb is told: where this test begins."""
    kind, _, name = check.partition(":")
    if kind == "ktest":
        return ["-ex", "hbreak ktest_%s" % name.replace(".", "_")]
    if kind == "user":
        program = binaries([name]) / name
        return ["-ex", "add-symbol-file %s" % program, "-ex", "hbreak main" if b"main" in program.read_bytes() else "hbreak kmain"]
    return ["-ex", "hbreak kmain"]


def attach(check):
    """A function for qemu.debugger. gdb runs beside the test, which waits without an end; QEMU ends with it."""
    signal.signal(signal.SIGINT, lambda *_: None)  # ^C stops the guest, by gdb's hand; a handler is not inherited, as `ignored` would be

    def start(machine):
        command = ["gdb", "-q", str(machine.image) if machine.image else "", "-ex", "set confirm off", "-ex", "set pagination off",
                   "-ex", "target remote %s" % (machine.dir / "gdb")] + _words(check) + ["-ex", "continue"]

        def run():
            subprocess.run([w for w in command if w], cwd=ROOT, check=False)
            machine.process.kill()
        threading.Thread(target=run, daemon=True).start()
    return start
