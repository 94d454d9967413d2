"""The graders judged: reference full marks (that is test_labs.py), a skeleton none of its lab's, every known wrong solution
loses some, and every lab has checks that a wrong solution was seen to fail.

A wrong solution is solutions/NN-name/mutants/NAME.patch: a patch of that lab's files, whose text before the first `---` says
which mistake it is, with a line `Fails: CHECK ...` that names checks it must fail."""
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from harness import grade as grading
from harness.build import BUILD, ROOT
from labs_mk import read_labs

LABS = {lab.stage: lab for lab in read_labs(ROOT)}
WITH_FILES = [stage for stage, lab in LABS.items() if lab.files]
MUTANTS = [(stage, patch) for stage, lab in LABS.items()
           for patch in sorted((ROOT / "solutions" / lab.name / "mutants").glob("*.patch"))]
LEAST = 3


def promised(patch):
    """The mistake in words, and the checks that it must fail."""
    head = patch.read_text().split("\n--- ")[0]
    fails = re.search(r"^Fails: (.+)$", head, re.M)
    return head.splitlines()[0].strip(), fails.group(1).split() if fails else []


def plant(stage, patch):
    """The lab's files with the mistake in them, as a folder to take the place of labs/; its path below the root."""
    lab = LABS[stage]
    folder = Path(BUILD) / "mutants" / ("%02d-%s" % (stage, patch.stem))
    top = ROOT / folder / lab.name
    shutil.rmtree(ROOT / folder, ignore_errors=True)
    for name in lab.files:
        target = top / name
        target.parent.mkdir(parents=True, exist_ok=True)
        text = subprocess.run(["unifdef", "-x2", "-DSOLUTION", str(ROOT / "solutions" / lab.name / name)],
                              capture_output=True, text=True, check=True).stdout
        target.write_text(text)
    done = subprocess.run(["patch", "-p1", "-s", "-F3", "-d", str(top)], stdin=open(patch, encoding="utf-8"),
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, "%s does not fit the reference any more:\n%s" % (patch.name, done.stdout + done.stderr)
    return folder


@pytest.mark.parametrize("stage", WITH_FILES)
def test_a_skeleton_gets_nothing(stage):
    verdicts = grading.grade(stage, "base", cap=30)
    passed = [v.check for v in verdicts if v.passed]
    assert not passed, "the skeleton of lab %02d passes %s" % (stage, " ".join(passed))
    assert not any(v.why.startswith("hang") for v in verdicts), "the skeleton of lab %02d hangs" % stage


@pytest.mark.parametrize("stage,patch", [pytest.param(s, p, id="%02d-%s" % (s, p.stem)) for s, p in MUTANTS])
def test_a_wrong_solution_loses(stage, patch):
    mistake, fails = promised(patch)
    assert mistake and fails, "%s must say which mistake it is, and `Fails: CHECK ...`" % patch.name
    folder = plant(stage, patch)
    verdicts = grading.grade(stage, "base", "LABS=%s" % folder, only=fails, cap=8)
    assert {v.check for v in verdicts} == set(fails), "%s names a check that is not there" % patch.name
    passed = [v.check for v in verdicts if v.passed]
    assert not passed, "%s (%s) is not noticed by %s" % (patch.name, mistake, " ".join(passed))
    assert not any("build:" in v.why for v in verdicts), verdicts[0].why


@pytest.mark.parametrize("stage", WITH_FILES)
def test_a_lab_has_checks_that_were_seen_to_fail(stage):
    failed = set()
    for number, patch in MUTANTS:
        if number == stage:
            failed |= set(promised(patch)[1])
    assert len(failed) >= LEAST, "lab %02d: only %d checks fail on a wrong solution" % (stage, len(failed))


def test_a_wrong_solution_is_a_file_of_its_lab():
    for stage, patch in MUTANTS:
        files = re.findall(r"^\+\+\+ b/(\S+)", patch.read_text(), re.M)
        assert files and set(files) <= set(LABS[stage].files), "%s patches %s" % (patch.name, files)
