"""Run user programs of user/tests in a guest: under the runner that forks, or one after the other without fork."""
import difflib
import importlib.util
import re
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


def boot(kernel, tests, folder, *, smp=1, cap=240, append="", mem="512M"):
    """A Machine with the runner as its first program, which runs these tests."""
    image = library.make_image(tests, str(binaries()), folder)
    words = ["console=ttyS0", "quiet", "panic=-1", append]
    if sum(map(len, tests)) < 1200:  # below stage 08 the list in the archive cannot be read
        words.append("tests=" + ",".join(tests))
    return Machine(kernel, initrd=image, cmdline=" ".join(filter(None, words)), smp=smp, cap=cap, icount=False, mem=mem)


def run_many(kernel, tests, **options):
    """name -> Answer, all in one boot."""
    with tempfile.TemporaryDirectory() as folder, boot(kernel, tests, folder, **options) as guest:
        guest.wait_end()
        found = library.records(guest.console.text)
        outcome, report = guest.outcome(), guest.report()
    return {n: Answer(*found[n]) if n in found else Answer("", outcome, report) for n in tests}


def run_in_turn(kernel, tests, *, cap=60):
    """name -> Answer for a kernel that cannot fork yet: stage 06 runs the programs of `programs=` one after the other, and
    says `program: NAME` before and how it ended behind each."""
    with tempfile.TemporaryDirectory() as folder:
        recipe = Path(folder) / "tests.recipe"
        recipe.write_text("".join("file /tests/%s 0755 0 0 %s\n" % (n, binaries() / n) for n in tests))
        image = Path(folder) / "tests.cpio.gz"
        subprocess.run([sys.executable, str(ROOT / "rootfs/mkcpio.py"), "-o", str(image),
                        str(ROOT / "rootfs/common.recipe"), str(recipe)], check=True)
        programs = ",".join("/tests/" + n for n in tests)
        with Machine(kernel, initrd=image, cmdline="console=ttyS0 panic=-1 programs=" + programs, cap=cap) as guest:
            guest.wait_end()
            text, outcome, report = guest.console.text.replace("\r", ""), guest.outcome(), guest.report()
    text = re.sub(r"^system call \d+ .* is not there: .*\n", "", text, flags=re.M)  # the kernel's remarks
    answers = {}
    for name in tests:
        match = re.search(r"^program: /tests/%s\n(.*?)^program: /tests/%s: (.*?)\n" % (name, name), text, re.S | re.M)
        answers[name] = Answer(match.group(1), match.group(2), report) if match else Answer("", outcome, report)
    return answers


def complaint(name, answer):
    """Why the answer is not that of Linux; None if it is."""
    expected = wanted(name)
    if answer.ended != "exit 0":
        return "%s: %s\n%s\n%s" % (name, answer.ended, answer.output[-2000:], answer.report)
    if expected is not None and answer.output != expected:
        diff = difflib.unified_diff(expected.splitlines(), answer.output.splitlines(), "Linux", "Switchback", "", "", 2)
        return "%s: wrong output\n%s" % (name, "\n".join(list(diff)[:60]))
    return None
