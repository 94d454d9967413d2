"""`make mutate`: a mechanical mistake is made, built, graded, and told."""
import json
import re
import subprocess
import sys

from harness.build import ROOT


def test_a_mistake_is_made_and_graded(tmp_path):
    run = subprocess.run([sys.executable, "-m", "harness.mutate", "2", "--count", "2", "--jobs", "1", "--seed", "4", "--out", str(tmp_path / "survivors")],
                         cwd=ROOT / "grader", capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    told = re.findall(r"^(noticed |SURVIVES)  (mm/\S+):\d+  .* <- ", run.stdout, re.M)
    counted = re.search(r"^lab 02: (\d+) of (\d+) mistakes are noticed .*, 2 drawn$", run.stdout, re.M)
    assert counted, run.stdout
    assert len(told) == int(counted[2]) and sum(t[0] == "noticed " for t in told) == int(counted[1])
    assert len(json.loads((tmp_path / "survivors").read_text())) == int(counted[2]) - int(counted[1])
