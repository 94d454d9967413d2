"""The fuzzers for a moment, bounded by work done: each part from its seeds, with a seed that stays. And that they can find anything:
wrong solutions of the labs, whose fault is of the kind that a fuzzer is for."""
import re
import shutil
import subprocess

import pytest

import fuzz.run as fuzz
from harness.build import ROOT

RUNS = {"ldisc": 400, "inflate": 3000, "screen": 3000}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("part", fuzz.PARTS)
def test_finds_nothing(part, tmp_path):
    fuzzer = fuzz.build(part, tmp_path / "build")
    status, text = fuzz.fuzz(part, fuzzer, fuzz.plant(part, tmp_path / "corpus"), "-runs=%d" % RUNS.get(part, 20000), "-seed=2024")
    assert not status, text[-6000:]
    assert re.search(r"DONE +cov: \d+", text), text[-2000:]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("part, lab, mutant", [
    ("format", "01-boot", "buffer-end"), ("format", "01-boot", "text-precision"),
    ("path", "08-vfs", "links-without-end"), ("path", "08-vfs", "slash-forgotten"), ("path", "08-vfs", "place-kept"),
])
def test_notices_a_wrong_solution(part, lab, mutant, tmp_path):
    wrong = shutil.copytree(ROOT / "solutions" / lab, tmp_path / "wrong")
    subprocess.run(["patch", "-s", "-p1", "-i", str(ROOT / "solutions" / lab / "mutants" / (mutant + ".patch"))], cwd=wrong, check=True)
    fuzzer = fuzz.build(part, tmp_path / "build", instead=wrong)
    status, text = fuzz.fuzz(part, fuzzer, fuzz.plant(part, tmp_path / "corpus"), "-runs=50000", "-seed=2024")
    assert status, "%s went unnoticed\n%s" % (mutant, text[-2000:])
