"""The whole triangle: every prefix against the tests of each of its stages, not of its own alone (`make matrix`)."""
import pytest

from harness import grade as grading
from harness import ktest, usertest
from harness.build import ROOT, kernel

CELLS = [(lab, stage) for lab in range(1, 14) for stage in range(1, lab + 1)]


@pytest.mark.parametrize("lab,stage", [pytest.param(lab, stage, id="%02d-%02d" % (lab, stage)) for lab, stage in CELLS])
def test_kernel(lab, stage):
    """The in-kernel tests of one stage in a kernel of that stage or a later one."""
    names = ktest.listed(ROOT, stage)
    if not names:
        return
    run = ktest.run(kernel(lab, "solutions", ktest=True), " ".join(names), cap=120)
    wrong = [run.complaint(n) for n in names if run.complaint(n)]
    assert not wrong, "\n".join(wrong[:3])


@pytest.mark.parametrize("lab", range(usertest.FIRST_WITH_FORK, 14))
def test_programs(lab):
    """The programs of all stages so far, in one boot."""
    names = [n for stage in range(1, lab + 1) for n in usertest.programs(stage)]
    answers = usertest.run_many(kernel(lab, "solutions"), list(dict.fromkeys(names)))
    wrong = [text for text in (usertest.complaint(n, answers[n]) for n in answers) if text]
    assert not wrong, "\n".join(wrong[:5])
