"""`make class-test`: a class of sixty on a Slurm cluster of this one machine, and a node whose plug is pulled in the middle. No mark is lost, none is there twice.

Each submission is really graded, in the sandbox: references, skeletons, the known wrong solutions, files that do not compile, archives that are none. They differ by
comments, so that no two are the same bytes."""
import csv
import json
import os
import subprocess
import tempfile
import time
from collections import Counter

import pytest
from classroom import desk, given, roster
from classroom.slurm_here import Here, there
from harness import selftest
from harness.build import BUILD, ROOT

pytestmark = pytest.mark.xdist_group("class")  # one after the other: wrong solutions are planted at one place
TEST = "ktest:"
LAB = 2
CLASS = 60


def submissions():
    """(kind, files or bytes or nothing) of each student."""
    right = given.reference(LAB)
    # TEST leaves out the scenarios, to be quick: so those that only a scenario notices are none of this class.
    wrong = [patch for stage, patch in selftest.MUTANTS if stage == LAB and "ktest:" in patch.read_text(encoding="utf-8").partition("--- a/")[0]]
    out = []
    for i in range(CLASS):
        if i % 20 == 19:
            out.append(("nothing", None))
        elif i % 20 == 18:
            out.append(("rubbish", os.urandom(500)))
        elif i % 10 == 7:
            out.append(("skeleton", given.skeleton(LAB)))
        elif i % 10 == 6:
            out.append(("no build", {**right, "mm/slab.c": right["mm/slab.c"] + "this is not C\n"}))
        elif i % 3 == 0:
            out.append(("right", dict(right)))
        else:
            patch = wrong[i % len(wrong)]
            folder = ROOT / selftest.plant(LAB, patch)
            out.append(("wrong " + patch.stem, {n: (folder / given.LABS[LAB].name / n).read_text() for n in given.LABS[LAB].files}))
    return out


def hand_in(tmp_path):
    """The roster, and which kind each student is of."""
    kinds, lines = {}, ["id,name,submission"]
    (tmp_path / "in").mkdir()
    for i, (kind, files) in enumerate(submissions(), 1):
        who = "s%02d" % i
        kinds[who] = kind
        path = tmp_path / "in" / (who + ".tar.gz")
        if isinstance(files, bytes):
            path.write_bytes(files)
        elif files is not None:
            given.pack(path, LAB, {n: "/* %s */\n%s" % (who, t) for n, t in files.items()})
        lines.append("%s,Student %d,in/%s.tar.gz" % (who, i, who))
    (tmp_path / "roster.csv").write_text("\n".join(lines) + "\n")
    return kinds


def command(tmp_path, engine, jobs):
    return ["/usr/bin/python3", "-I", "-B", str(ROOT / "grader/classroom/class_run.py"), str(tmp_path / "roster.csv"), "--lab", str(LAB), "--engine", engine,
            "--out", str(tmp_path / "out"), "--jobs", str(jobs), "--test", TEST, "--seed", "5"]


def marks(tmp_path):
    with open(tmp_path / "out/marks.csv", newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def is_right(tmp_path, kinds):
    rows = marks(tmp_path)
    assert [r["id"] for r in rows] == list(kinds), "one row for each student, in the roster's order"
    full = max(int(r["score"]) for r in rows)
    for row in rows:
        kind, score = kinds[row["id"]], int(row["score"])
        assert row["status"] == ("nothing handed in" if kind == "nothing" else "graded"), row
        if kind == "right":
            assert score == full > 70, row
        elif kind.startswith("wrong"):
            assert score < full, (kind, row)
        else:
            assert score == 0, (kind, row)
    return rows


def begun_on(tmp_path, node):
    """Is somebody's work on this node begun and not done?"""
    for log in (tmp_path / "out/students").glob("*/runs.log"):
        if log.read_text().endswith("\n") and log.read_text().splitlines()[-1].startswith("begun on %s," % node) and not (log.parent / "about.json").exists():
            return True
    return False


@pytest.mark.timeout(1800)
def test_sixty_submissions_and_a_node_that_dies(tmp_path):
    assert there(), "slurmctld, slurmd, munge are wanted: make class-test installs them"
    os.chmod(tmp_path, 0o755)
    kinds = hand_in(tmp_path)
    desk.prepare(given.LABS[LAB], "base")
    # slurmstepd names its sockets by the whole path of the folder, and those may have 108 letters.
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder, Here(folder, nodes=2, cpus=1) as cluster:
        environment = {**cluster.environment, "SWITCHBACK_BUILD": str(BUILD)}
        started = time.monotonic()
        with open(tmp_path / "said", "w", encoding="utf-8") as said:
            driver = subprocess.Popen(command(tmp_path, "slurm", 2), env=environment, stdout=said, stderr=said, cwd="/")
        try:
            def done():
                assert driver.poll() is None, (tmp_path / "said").read_text()
                return len(list((tmp_path / "out/students").glob("*/about.json"))) >= CLASS // 3
            cluster.wait(done, "a third of the marks", 900)
            cluster.wait(lambda: begun_on(tmp_path, "here2"), "a job of the node, in the middle of its work", 120)
            killed = cluster.kill_node("here2")
            assert killed >= 3, "slurmd, slurmstepd and a job were to die, %d did" % killed
            time.sleep(20)
            cluster.start_node("here2")
            assert driver.wait(1500) == 0, (tmp_path / "said").read_text()
        finally:
            if driver.poll() is None:
                driver.terminate()
                driver.wait()
        seconds = time.monotonic() - started
        rows = is_right(tmp_path, kinds)
        completed = [line for line in (cluster.top / "jobcomp.txt").read_text().splitlines() if "JobState=NODE_FAIL" in line or "JobState=REQUEUED" in line]
        begun = Counter({p.parent.name: p.read_text().count("begun on") for p in (tmp_path / "out/students").glob("*/runs.log")})
        again = sorted(who for who, n in begun.items() if n > 1)
        assert again, "the node that died had a job, and somebody took it up again"
        nodes = Counter(line.split()[2] for p in (tmp_path / "out/students").glob("*/runs.log") for line in p.read_text().splitlines())
        assert set(nodes) == {"here1,", "here2,"}, nodes
        # Begun again, the run has nothing to do, and the marks are the same.
        before = {p: p.stat().st_mtime_ns for p in (tmp_path / "out/students").glob("*/about.json")}
        second = subprocess.run(command(tmp_path, "slurm", 2), env=environment, capture_output=True, text=True, check=False, cwd="/")
        assert second.returncode == 0, second.stderr
        assert before == {p: p.stat().st_mtime_ns for p in (tmp_path / "out/students").glob("*/about.json")}
        assert marks(tmp_path) == rows
    print("%d submissions in %.0f s; begun twice: %s; requeued lines %d; on %s" % (len(rows), seconds, " ".join(again), len(completed), dict(nodes)))


@pytest.mark.timeout(900)
def test_a_run_that_is_stopped_goes_on(tmp_path):
    """With GNU parallel: stopped in the middle, half-written results lie about; the same command goes on, and leaves alone what was done."""
    os.chmod(tmp_path, 0o755)
    kinds = hand_in(tmp_path)
    desk.prepare(given.LABS[LAB], "base")
    environment = {**os.environ, "SWITCHBACK_BUILD": str(BUILD)}
    driver = subprocess.Popen(command(tmp_path, "parallel", 2), env=environment, stdout=subprocess.DEVNULL, cwd="/")
    while len(list((tmp_path / "out/students").glob("*/about.json"))) < CLASS // 4:
        assert driver.poll() is None
        time.sleep(0.2)
    driver.kill()
    driver.wait()
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "out/students").glob("*/about.json")}
    done = subprocess.run(command(tmp_path, "local", 2), env=environment, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stdout + done.stderr
    is_right(tmp_path, kinds)
    assert all(p.stat().st_mtime_ns == when for p, when in before.items())
    whole = roster.load(tmp_path / "out")
    assert len({json.loads(p.read_text())["seed"] for p in (tmp_path / "out/students").glob("*/about.json")}) == len(whole["students"]) - kinds_of(kinds, "nothing")


def kinds_of(kinds, kind):
    return sum(k == kind for k in kinds.values())
