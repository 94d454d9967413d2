"""Run the in-kernel tests of a test kernel and read their records (grader/ktest/ktest.c says what they are)."""
import random
import re
from dataclasses import dataclass, field

from .qemu import Machine, last_words

NONCE_DIGITS = 16
# What the reference does: test -> lines of the checks that it always comes by. Set by who grades submissions: a test that says that it passed, but came by
# fewer than half of them, was left by another way.
witness = {}


@dataclass
class Result:
    name: str
    ended: bool = False
    failures: list = field(default_factory=list)
    notes: dict = field(default_factory=dict)
    sites: set = field(default_factory=set)
    again: bool = False  # it was begun twice: nobody does that who has no part in it

    @property
    def passed(self):
        return self.ended and not self.failures


class KtestRun:
    """The results by name, and how the run as a whole ended."""

    def __init__(self, machine, nonce):
        self.outcome = machine.outcome()
        self.verdict = machine.verdict
        self.report = machine.report()
        self.trace = machine.trace()
        self.said = last_words(machine.verdict)
        self.results = {}
        self.genuine = False
        self.last = None
        for line in machine.verdict.splitlines():
            words = line.split(" ", 4)
            if words[:2] != ["ktest", nonce] or len(words) < 3:
                continue
            kind, name, rest = (words[2:] + ["", ""])[:3]
            if kind == "hello":
                self.genuine = True
            elif kind == "begin":
                again = name in self.results
                self.last = self.results[name] = Result(name, again=again)
            elif name not in self.results:
                continue
            elif kind == "fail":
                self.results[name].failures.append(rest)
            elif kind == "note":
                what, _, value = rest.rpartition(" ")
                self.results[name].notes[what] = int(value) if value.isdigit() else 0
            elif kind == "end":
                self.results[name].ended = True
                self.results[name].sites = {int(n) for n in rest.partition(" ")[2].split(",") if n.isdigit()}

    @property
    def reached(self):
        """The tests that were begun, if the run is genuine."""
        return self.results if self.genuine else {}

    @property
    def log(self):
        return self.report

    def trace_of(self, name):
        """The back-trace belongs to the test that never ended, or to all if none was reached."""
        result = self.results.get(name)
        return self.trace if name is None or (result and not result.ended) else ()

    def complaint(self, name):
        """Why this test did not pass, in one text; None if it did."""
        outcome = "wrong output" if self.outcome in ("failed", "passed", "powered off") else self.outcome
        if not self.genuine:
            return "%s: %s\n%s" % (outcome, self.said or "the tests were not reached", self.report)
        result = self.results.get(name)
        if result is None:
            where = " (it came as far as %s)" % self.last.name if self.last else ""
            return "%s: %s was not reached%s\n%s" % (outcome, name, where, self.report)
        if result.failures:
            return "wrong output: %s\n%s%s" % (name, "\n".join(result.failures), _noted(result.notes))
        if result.ended and (result.again or len(result.sites & witness.get(name, set())) * 2 < len(witness.get(name, ()))):
            return "wrong output: %s was left by another way than through its checks\nexpected: the checks in lines %s\nfound:    those in lines %s%s" % (
                name, _numbers(witness.get(name, ())), _numbers(result.sites), ", and the test begun twice" if result.again else "")
        if not result.ended:
            return "%s: %s\n%s" % (outcome, "in %s%s" % (name, ": " + self.said if self.said else ""), self.report)
        return None


def _numbers(lines):
    return ", ".join(map(str, sorted(lines))) or "(none)"


def _noted(notes):
    """What a test told of its case, as a line; flags and characters are easier to read in the other bases."""
    told = ["%s %d%s" % (what, value, " (0x%x, 0%o)" % (value, value) if value > 9 else "") for what, value in notes.items()]
    return "\nnoted: " + ", ".join(told) if told else ""


def run(kernel, tests="", *, seed=None, cap=60, files=None, **machine):
    """One boot of a test kernel; `files` are more fw_cfg files for tests that ask for them."""
    rng = random.SystemRandom()
    nonce = "".join(rng.choice("0123456789abcdef") for _ in range(NONCE_DIGITS))
    fwcfg = {"nonce": nonce, "seed": str(seed if seed is not None else rng.randrange(1 << 32)), "tests": tests or " ", **(files or {})}
    with Machine(kernel, cap=cap, fwcfg=fwcfg, cmdline="console=ttyS0", **machine) as guest:
        guest.wait_end()
        return KtestRun(guest, nonce)


def sources(root):
    """test -> the file that it stands in, for all tests: STAGE.NAME."""
    paths = sorted((root / "grader/ktest").glob("[0-9][0-9]_*.c")) + sorted((root / "grader/hidden").glob("[0-9][0-9]_*.c"))
    return {"%s.%s" % pair: path for path in paths for pair in re.findall(r"^KTEST\((\d\d), (\w+)\)", path.read_text(), re.M)}


def listed(root, stage=None):
    """The names of all tests, from the sources."""
    return [n for n in sources(root) if not n[3:].startswith(("crash_", "ask_", "challenge_")) and (stage is None or int(n[:2]) == stage)]
