"""The graders judged, as far as every run of the tests can afford it: harness/selftest.py says how, and `make selftest` does all of it. The reference's
full marks are test_labs.py's."""
import shutil

import pytest

from harness import grade as grading
from harness import selftest

SAMPLE = selftest.sample()


@pytest.mark.parametrize("stage", selftest.WITH_FILES)
def test_a_skeleton_gets_nothing(stage):
    verdicts = grading.grade(stage, "base")
    passed = [v.check for v in verdicts if v.passed]
    assert not passed, "the skeleton of lab %02d passes %s" % (stage, " ".join(passed))
    assert not any(v.kind == "hang" for v in verdicts), "the skeleton of lab %02d hangs" % stage
    stopped = [v for v in verdicts if v.kind == "stopped"]
    told = [v for v in stopped if "was not reached" not in v.why.partition("\n")[0]]  # those after it in the same boot
    assert told and all("yours to write" in v.why and "handouts/" in v.why for v in told)


@pytest.mark.parametrize("stage,patch", [pytest.param(s, p, id="%02d-%s" % (s, p.stem)) for s, p in SAMPLE])
def test_a_wrong_solution_loses(stage, patch):
    wrong = selftest.judge_mutant(stage, patch)
    assert not wrong, "%s (%s): %s" % (patch.name, selftest.promised(patch)[0], wrong)


@pytest.mark.parametrize("stage", selftest.WITH_FILES)
def test_a_lab_has_wrong_solutions_for_all_of_it(stage):
    """Enough of them, for each of its files, and for many of its tests."""
    mutants = [patch for number, patch in selftest.MUTANTS if number == stage]
    assert len(mutants) >= selftest.LEAST
    assert {f for patch in mutants for f in selftest.files_of(patch)} == set(selftest.LABS[stage].files)
    failed = {check for patch in mutants for check in selftest.promised(patch)[1]}
    assert len(failed) >= selftest.LEAST_CHECKS and failed <= set(grading.checks(stage)), failed - set(grading.checks(stage))


@pytest.mark.parametrize("stage", selftest.WITH_FILES)
def test_every_wrong_solution_fits_the_reference(stage):
    for patch in (patch for number, patch in selftest.MUTANTS if number == stage):
        shutil.rmtree(grading.ROOT / selftest.plant(stage, patch, "fitting"))


def test_every_lab_is_in_the_sample():
    assert {stage for stage, _ in SAMPLE} == set(selftest.WITH_FILES)

