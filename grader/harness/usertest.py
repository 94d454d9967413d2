"""Run user programs of user/tests in a guest: many in one boot under the runner, or one alone as the first program."""
import importlib.util
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .build import BUILD, ROOT, make
from .qemu import Machine

FIRST_WITH_LOADER = 6
FIRST_WITH_FORK = 7  # below it nobody can start a second program

_spec = importlib.util.spec_from_file_location("user_tests_run", ROOT / "user/tests/run.py")
library = importlib.util.module_from_spec(_spec)
sys.dont_write_bytecode = True
_spec.loader.exec_module(library)


@dataclass
class Answer:
    """What one program printed, and how it ended: `exit 0`, `signal 11`, `timeout`, or how the machine ended instead."""
    output: str
    ended: str
    report: str = ""


def names(stage=None, run="host"):
    """The tests, of one stage or of all, that run on the host too (or anywhere)."""
    return [n for n in library.all_tests()
            if (stage is None or int(library.header(n)["stage"]) == stage)
            and library.header(n)["run"].startswith(run if run else ("host", "guest"))]


def wanted(name):
    path = Path(library.EXPECT) / (name + ".out")
    return path.read_text(encoding="utf-8") if path.exists() else None


def binaries():
    make("-f", "user/user.mk", "user-tests")
    return ROOT / BUILD / "user/tests"


def run_many(kernel, tests, *, smp=1, cap=240, append="", mem="512M"):
    """name -> Answer, all in one boot."""
    with tempfile.TemporaryDirectory() as folder:
        image = library.make_image(tests, str(binaries()), folder)
        with Machine(kernel, initrd=image, cmdline=("console=ttyS0 quiet panic=-1 " + append).strip(), smp=smp, cap=cap,
                     icount=False, mem=mem) as guest:
            guest.wait_end()
            found = library.records(guest.console.text)
            outcome, report = guest.outcome(), guest.report()
    return {n: Answer(*found[n]) if n in found else Answer("", outcome, report) for n in tests}


def run_alone(kernel, name, *, cap=30):
    """One program as /init of an archive: what it printed between the boot's lines. The image is `quiet`."""
    with tempfile.TemporaryDirectory() as folder:
        recipe = Path(folder) / "one.recipe"
        recipe.write_text("file /init 0755 0 0 %s\n" % (binaries() / name))
        image = Path(folder) / "one.cpio.gz"
        subprocess.run([sys.executable, str(ROOT / "rootfs/mkcpio.py"), "-o", str(image),
                        str(ROOT / "rootfs/common.recipe"), str(recipe)], check=True)
        with Machine(kernel, initrd=image, cmdline="console=ttyS0 quiet panic=-1", cap=cap) as guest:
            guest.wait_end()
            return Answer(guest.console.text.replace("\r", ""), guest.outcome(), guest.report())


def complaint(name, answer, alone=False):
    """Why the answer is not that of Linux; None if it is."""
    expected = wanted(name)
    if alone:
        lines = [line for line in (expected or "").splitlines() if line.strip()]
        missing = [line for line in lines if line not in answer.output]
        if missing:
            return "%s: wrong output: `%s` did not come\n%s" % (name, missing[0], answer.report)
        return None
    if answer.ended != "exit 0":
        return "%s: %s\n%s\n%s" % (name, answer.ended, answer.output[-2000:], answer.report)
    if expected is not None and answer.output != expected:
        import difflib
        diff = difflib.unified_diff(expected.splitlines(), answer.output.splitlines(), "Linux", "Switchback", "", "", 2)
        return "%s: wrong output\n%s" % (name, "\n".join(list(diff)[:60]))
    return None
