"""What is known of one test after it was run, and what is handed on.

A Verdict is the judge's: whether the check held, and if not, of which kind the failure is, what was expected and what came, and where in the kernel it
ended. A Record is what every output is made from (the table, and the reporters): plain values, JSON as it stands.

    id          ktest:02.frames_come_back, user:raw_hello, scenario:NAME, before:01, challenge ids like the first three
    title       one line for people
    points      integer, what the test is worth; 0 for a challenge
    score       integer, 0 … points
    status      passed | failed | error (the machine or its tools, not the student's work) | pending (not run yet)
    visibility  visible | hidden | after_due_date | after_published
    output      text for the student: kind, expected, found, back-trace, hint; empty for a test that passed
    seconds     wall-clock time that it took, a share of the boot that it ran in
    kind        empty, or: build, stopped, no boot, panic, triple fault, hang, wrong output, infrastructure
    log         the end of the serial line and of the judge's own channel, for staff and for the patient
    challenge   the name of the optional challenge that it belongs to, or empty
"""
import json
import os
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path

KINDS = ("build", "stopped", "no boot", "panic", "triple fault", "hang", "wrong output", "infrastructure")
FORMAT = 1


@dataclass
class Verdict:
    check: str
    why: str = ""       # empty: passed. Else `kind: what`, and more lines
    trace: tuple = ()   # lines of a symbolised back-trace
    log: str = ""
    seconds: float = 0.0

    @property
    def passed(self):
        return not self.why

    @property
    def kind(self):
        """The failure's kind; what names none came out wrong."""
        if not self.why:
            return ""
        first = self.why.partition(":")[0]
        return first if first in KINDS else "wrong output"


@dataclass
class Record:
    id: str
    title: str
    points: int
    score: int = 0
    status: str = "pending"
    visibility: str = "visible"
    output: str = ""
    seconds: float = 0.0
    kind: str = ""
    log: str = ""
    challenge: str = ""


@dataclass
class Report:
    """One lab, graded."""
    lab: int
    title: str
    seed: int
    source: str
    tests: list = field(default_factory=list)

    @property
    def score(self):
        return sum(t.score for t in self.tests)

    @property
    def points(self):
        return sum(t.points for t in self.tests)

    def as_json(self):
        return {"format": FORMAT, "lab": self.lab, "title": self.title, "seed": self.seed, "source": self.source, "score": self.score,
                "points": self.points, "tests": [asdict(t) for t in self.tests]}

    def write(self, path):
        """At once or not at all: whoever reads the file never sees half of it."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(path.name + ".%d" % os.getpid())
        new.write_text(json.dumps(self.as_json(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        os.replace(new, path)


def read(path):
    """A Report from its file."""
    data = json.loads(Path(path).read_text(encoding="utf-8"))
    if data["format"] != FORMAT:
        raise ValueError("%s: format %s, wanted %d" % (path, data["format"], FORMAT))
    return Report(data["lab"], data["title"], data["seed"], data["source"], [Record(**t) for t in data["tests"]])


_COMPARED = re.compile(r"^(?P<where>\S+:\d+) (?P<text>.*): got (?P<got>\S+), wanted (?P<wanted>\S+)$")
_CHECKED = re.compile(r"^(?P<where>\S+:\d+) (?P<text>.*)$")


def expectation(line):
    """A line of a failed in-kernel check as (where, expected, found); None if it is none."""
    match = _COMPARED.match(line)
    if match:
        return match["where"], "%s, that is %s" % (match["text"], match["wanted"]), match["got"]
    match = _CHECKED.match(line)
    return (match["where"], match["text"], "it does not hold") if match else None


def explain(verdict, hint="", log_lines=0):
    """The text of a failure for the student."""
    lines = verdict.why.splitlines()
    out = ["kind: %s" % verdict.kind]
    head = lines[0]
    if head.startswith(verdict.kind + ": "):
        head = head[len(verdict.kind) + 2:]
    out.append(head)
    shown = 0
    for line in lines[1:]:
        if line.startswith("--- "):
            break
        told = expectation(line)
        if told and shown < 4:
            out += ["at %s" % told[0], "  expected: %s" % told[1], "  found:    %s" % told[2]]
            shown += 1
        elif told:
            continue
        else:
            out.append("  " + line)
    out = out[:40]
    if verdict.trace and verdict.kind != "stopped":
        out += ["back-trace:"] + ["  " + line for line in verdict.trace]
    if hint and verdict.kind not in ("stopped", "build", "infrastructure"):
        out.append("hint: " + hint)
    if log_lines and verdict.log:
        out += verdict.log.splitlines()[-log_lines:]
    return "\n".join(out)
