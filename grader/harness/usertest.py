"""Run user programs of user/tests in a guest: under the runner that forks, or one after the other without fork."""
import difflib
import importlib.util
import re
import secrets
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .build import BUILD, CHECKING, ROOT, make
from .qemu import SLOWER, Machine, last_words

FIRST_WITH_LOADER = 6
FIRST_WITH_FORK = 7  # below it nobody can start a second program
# Of a machine that runs a lab's programs under icount: an instruction takes eight nanoseconds of its time. Programs that compute until so and so much time has
# passed (limits of CPU time, priorities) then cost the host an eighth of what they would at one nanosecond; between two ticks lie half a million instructions.
SHIFT = 3
# MiB of such a machine: enough for programs that do not say `memory:`, and no more, since what fills it to see memory run out costs the host a page for each of
# the guest's.
MEMORY = 512 if CHECKING else 160

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
    done: bool = True


def names(stage=None, run="host"):
    """The tests, of one stage or of all, that run on the host too (or anywhere)."""
    return [n for n in library.all_tests()
            if (stage is None or int(library.header(n)["stage"]) == stage)
            and library.header(n)["run"].startswith(run if run else ("host", "guest"))]


def programs(lab):
    """The user programs that a lab is judged by, all whose answers on Linux are known: there is no loader before 06, so that one takes those of 05 too."""
    if lab < FIRST_WITH_LOADER:
        return []
    stages = (5, 6) if lab == FIRST_WITH_LOADER else (lab,)
    return [n for stage in stages for n in names(stage, run="") if library.header(n)["run"] != "guest"]


def wanted(name):
    path = Path(library.EXPECT) / (name + ".out")
    return path.read_text(encoding="utf-8") if path.exists() else None


def binaries(programs=()):
    """The folder with these programs and their runner, built; with all, if none is named."""
    make("-f", "user/user.mk", "user-tests", *(["ONLY=" + " ".join(sorted({*programs, "runner"}))] if programs else []))
    return ROOT / BUILD / "user/tests"


class Run:
    """The answers of one boot, and how it went: what grade.repeated() asks for."""

    def __init__(self, guest, answers, begun):
        self.answers, self.outcome, self.log, self.trace = answers, guest.outcome(), guest.report(), guest.trace()
        self.begun = begun
        self.said = last_words(guest.verdict)

    def __getitem__(self, name):
        return self.answers[name]

    def __iter__(self):
        return iter(self.answers)

    @property
    def reached(self):
        return self.begun

    def trace_of(self, name):
        return self.trace if name is None or not self.answers[name].done else ()

    def complaint(self, name):
        answer = self.answers[name]
        if answer.done:
            return complaint(name, answer)
        outcome = "wrong output" if self.outcome in ("failed", "passed", "powered off", "runs") else self.outcome
        return "%s: %s" % (outcome, self.said or ("in " + name if name in self.begun else name + " was not reached")) + (
            "\nit had printed:\n" + answer.output[-600:] if answer.output else "") + "\n" + self.log


def wants_disk(name):
    return "disk" in library.header(name)


def memory(names):
    """What QEMU is told of the memory of a machine for these programs."""
    return "%dM" % max([MEMORY] + [int(library.header(n).get("memory", 0)) for n in names])


def boot(kernel, tests, folder, *, smp=1, cap=240, append="", mem="512M", icount=False, extra=(), **machine):
    """A Machine with the runner as its first program, which runs these tests."""
    image = library.make_image(tests, str(binaries(tests)), folder)
    words = ["console=ttyS0", "quiet", "panic=-1", append]
    if SLOWER > 1 and "seconds=" not in append:
        words.append("seconds=%d" % (60 * SLOWER))
    if sum(map(len, tests)) < 1200:  # below stage 08 the list in the archive cannot be read
        words.append("tests=" + ",".join(tests))
    return Machine(kernel, initrd=image, cmdline=" ".join(filter(None, words)), smp=smp, cap=cap, icount=icount, mem=mem,
                   extra=[*extra, *library.make_disk(tests, folder)], **machine)


def run_many(kernel, tests, **options):
    """All in one boot."""
    mark = "@@%s:" % secrets.token_hex(6)  # a kernel that prints what is expected does not know it
    append = "%s mark=%s" % (options.pop("append", ""), mark)
    with tempfile.TemporaryDirectory() as folder, boot(kernel, tests, folder, append=append, **options) as guest:
        guest.wait_end()
        text = guest.console.text.replace("\r", "")
        found = library.records(text, mark)
        outcome, report = guest.outcome(), guest.report()
        begun = set(re.findall(r"^%sBEGIN (\S+)$" % mark, text, re.M))
        answers = {n: Answer(*found[n]) if n in found else Answer(text.partition("%sBEGIN %s\n" % (mark, n))[2], outcome, report, False) for n in tests}
        return Run(guest, answers, begun)


def run_in_turn(kernel, tests, *, cap=60, icount=True):
    """The same for a kernel that cannot fork yet: stage 06 runs the programs of `programs=` one after the other, and
    says `program: NAME` before and how it ended behind each."""
    with tempfile.TemporaryDirectory() as folder:
        recipe = Path(folder) / "tests.recipe"
        built = binaries(tests)
        place = "/tests/" + secrets.token_hex(6)  # a kernel that prints what is expected does not know it
        recipe.write_text("".join("file %s/%s 0755 0 0 %s\n" % (place, n, built / n) for n in tests))
        image = Path(folder) / "tests.cpio"
        subprocess.run([sys.executable, str(ROOT / "rootfs/mkcpio.py"), "-o", str(image),
                        str(ROOT / "rootfs/common.recipe"), str(recipe)], check=True)
        programs = ",".join(place + "/" + n for n in tests)
        with Machine(kernel, initrd=image, cmdline="console=ttyS0 panic=-1 programs=" + programs, cap=cap, icount=icount) as guest:
            guest.wait_end()
            text, outcome, report = guest.console.text.replace("\r", ""), guest.outcome(), guest.report()
            return Run(guest, *_in_turn(text, place, tests, outcome, report))


def _in_turn(text, place, tests, outcome, report):
    text = re.sub(r"^system call \d+ .* is not there: .*\n", "", text, flags=re.M)  # the kernel's remarks
    answers = {}
    for name in tests:
        match = re.search(r"^program: %s/%s\n(.*?)^program: %s/%s: (.*?)\n" % (place, name, place, name), text, re.S | re.M)
        answers[name] = Answer(match.group(1), match.group(2), report) if match else Answer("", outcome, report, False)
    return answers, set(re.findall(r"^program: %s/(\w+)$" % place, text, re.M))


def _difference(name, answer):
    """Lines that begin with - are expected (Linux printed them), those with + came."""
    expected, found = (wanted(name) or "").splitlines(), answer.output.splitlines()
    lines = list(difflib.unified_diff(expected, found, "expected, as on Linux", "found", n=2, lineterm=""))
    return "\n".join(line.replace("--- ", "-- ", 1) if line.startswith("--- ") else line for line in lines[:30])


def complaint(name, answer):
    """Why the answer is not that of Linux; None if it is."""
    expected = wanted(name)
    leak = re.search(r"^@@(?:\w+:)?LEAK \S+ (.*)$", answer.output, re.M)
    if answer.ended != "exit 0":  # first: one that stopped halfway leaves things behind
        return "wrong output: %s ended with `%s`, on Linux with `exit 0`\n%s\n%s" % (name, answer.ended, _difference(name, answer), answer.report)
    if leak:
        return "%s: leak: the kernel holds more than before: %s\n%s" % (name, leak.group(1), answer.output[leak.start():][:4000])
    if expected is not None and answer.output != expected:
        return "wrong output: %s does not print what it prints on Linux\n%s" % (name, _difference(name, answer))
    return None
