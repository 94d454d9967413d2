"""What each test of a lab is worth, and how it is called: grader/labs/NN-name.toml, beside the scenarios.

    later = ["user:proc_fork"]      # programs that every later lab repeats, besides this lab's in-kernel tests

    [[test]]
    id = "ktest:07.frames_are_shared"
    points = 6                      # integer; all of a lab's make 80 (lab 01: 100)
    title = "After fork both processes use the same frames"
    hint = "…"                      # teaches, without the answer
    # challenge = "name"            # instead of points: asked for by CHALLENGE=name only
    # given = true              # a test of a layer that is given: it counts once no test of the lab stops at a function that is not written
    # visibility = "hidden"         # visible if not given

A user program of the lab's stage that has no entry tests what is given: it is run and told, and is worth nothing. Those that need a disk of their own are
left to `make test`: they take as long as all others together.

Where instructors have grader/hidden/NN-name.toml, it stands in place of that file, and names their own in-kernel tests (grader/hidden/NN_topic.c) too.

The other 20 points are for the labs before this one, a row each (`before:03`)."""
import tomllib
from dataclasses import dataclass

from . import usertest
from .build import ROOT

OWN, EARLIER = 80, 20


@dataclass(frozen=True)
class Entry:
    id: str
    title: str
    points: int = 0
    hint: str = ""
    challenge: str = ""
    visibility: str = "visible"
    given: bool = False


def path_of(lab):
    found = sorted((ROOT / "grader/hidden").glob("%02d-*.toml" % lab)) or sorted((ROOT / "grader/labs").glob("%02d-*.toml" % lab))
    return found[0] if found else None


def _load(lab):
    path = path_of(lab)
    if path is None:
        return {"test": [], "later": []}
    with open(path, "rb") as stream:
        return tomllib.load(stream)


def programs(lab):
    """The programs that it is graded by."""
    named = {e["id"] for e in _load(lab)["test"]}
    return [n for n in usertest.programs(lab) if "user:" + n in named or not usertest.wants_disk(n)]


def entries(lab):
    """The lab's own tests, challenges among them, in the order of the file; then the programs that have no entry there."""
    written = [Entry(**e) for e in _load(lab)["test"]]
    named = {e.id for e in written}
    rest = [Entry("user:" + n, n + " as on Linux", hint="What this program asks for is given; your files are below it.", given=True)
            for n in programs(lab) if written and "user:" + n not in named]
    return written + rest


def later(lab):
    return _load(lab).get("later", [])


def labs_before(lab):
    return [n for n in range(1, lab) if path_of(n)]


def earlier(lab):
    """The rows for the labs before: 20 points among them, the rest to the last ones."""
    before = labs_before(lab)
    rows = []
    for i, n in enumerate(before):
        share = EARLIER // len(before) + (len(before) - i <= EARLIER % len(before))
        rows.append(Entry("before:%02d" % n, "What lab %02d brought still works" % n, share,
                          "Run `make grade LAB=%02d` to see which of its tests fails; FROM=base puts the reference in place of your labs before this one." % n))
    return rows


def challenges(lab):
    return sorted({e.challenge for e in entries(lab) if e.challenge})
