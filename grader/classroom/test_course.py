"""What students get and hand in; the forms of a report; a small class."""
import csv
import functools
import io
import json
import os
import random
import re
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ET
import zipfile
from html.parser import HTMLParser

import pytest
from classroom import class_run, given, grade_one, intake, overview, release, roster, winnow
from harness import points, verdict
from harness.build import BUILD, ROOT
from report import formats, page

LABS = given.LABS
WITH_FILES = [stage for stage, lab in LABS.items() if lab.files]

WORTH = next(str(e.points) for e in points.entries(2) if e.id == "ktest:02.frames_come_back")


def sh(*words, cwd, **more):
    return subprocess.run([str(w) for w in words], cwd=cwd, capture_output=True, text=True, check=False, **more)


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """The last commit, with what only instructors have put beside it, and committed."""
    if not (ROOT / ".git").exists():
        pytest.skip("must skip: releases are made from git, and this tree is not under it")
    top = tmp_path_factory.mktemp("clone") / "tree"
    assert sh("git", "clone", "-q", ROOT, top, cwd=ROOT).returncode == 0
    (top / "grader/hidden").mkdir(exist_ok=True)
    (top / "grader/hidden/02_secret.c").write_text("/* a hidden test */\n")
    sh("git", "add", "-A", cwd=top)
    assert sh("git", "-c", "user.name=x", "-c", "user.email=x@localhost", "commit", "-qm", "hidden", cwd=top).returncode == 0
    return top


def lines_of(text):
    return [" ".join(line.split()).lstrip("+- ") for line in text.splitlines() if len(line.strip()) > 3]


def runs(text, length):
    words = lines_of(text)
    return {tuple(words[i:i + length]) for i in range(len(words) - length + 1) if sum(map(len, words[i:i + length])) > 20 * length}


@functools.lru_cache(maxsize=None)
def answers(stage, length):
    """Runs of so many lines that only the references of this lab and those above have."""
    out = set()
    for one in (s for s in WITH_FILES if s >= stage):
        skeleton = given.skeleton(one)
        for name, text in given.reference(one).items():
            out |= runs(text, length) - runs(skeleton[name], length)
    return frozenset(out)


def leaks(top, stage):
    """Places where an answer stands. Three lines are enough of one; in kernel/, which does such things too, seven."""
    return [(str(path.relative_to(top)), found[0]) for path in sorted(top.rglob("*")) if path.is_file()
            for found in [list(runs(path.read_text(errors="replace"), n) & answers(stage, n)) for n in [7 if path.relative_to(top).parts[0] == "kernel" else 3]] if found]


@pytest.mark.parametrize("stage", [2, 7])
def test_a_release_has_no_answer_in_it(clone, tmp_path, stage):
    release.release(stage, tmp_path / "out", root=clone)
    assert len(answers(stage, 3)) > 100
    assert not any(p.is_symlink() for p in (tmp_path / "out").rglob("*"))
    assert not leaks(tmp_path / "out", stage)
    names = [str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*")]
    assert not [n for n in names if n.startswith(release.INSTRUCTORS) or "/mutants/" in n or "/challenges/" in n or "secret" in n]
    kept = {n.split("/")[1][:2] for n in names if n.startswith("solutions/")}
    assert kept == {"%02d" % s for s in WITH_FILES if s < stage}
    assert "a hidden test" not in sh("grep", "-r", "hidden test", tmp_path / "out/grader/ktest", cwd=tmp_path).stdout


def test_the_search_for_answers_finds_one(tmp_path):
    """A function of a reference, or a wrong solution, in whatever file. Else the test above could not fail."""
    text = given.reference(3)[LABS[3].files[0]]
    for name in ("handouts/03-interrupts.md", "kernel/irq/other.c"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("some words\n" + text)
    (tmp_path / "it.patch").write_bytes(b"".join(p.read_bytes() for p in (ROOT / "solutions" / LABS[4].name / "mutants").glob("*.patch")))
    assert {n for n, _ in leaks(tmp_path, 2)} == {"handouts/03-interrupts.md", "kernel/irq/other.c", "it.patch"}
    assert not leaks(tmp_path, 5)


def test_a_release_builds_grades_and_submits(clone, tmp_path):
    """As a student: the skeleton boots on the references below; the solved lab has its points; the tarball holds the lab's files alone."""
    tree = tmp_path / "tree"
    release.release(2, tree, root=clone)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS", "SWITCHBACK"))}
    assert sh("make", "-s", "kernel-path", cwd=tree, env=environment).stdout.strip() == "build/lab02-labs/switchback.elf"
    test = "TEST=ktest:02.frames_come_back"
    done = sh("make", "-s", "do-grade", "LAB=02", "FROM=base", test, cwd=tree, env=environment)
    assert done.returncode and "stopped" in done.stdout and "0 of %s points" % WORTH in done.stdout, done.stdout + done.stderr
    for name, text in given.reference(2).items():
        (tree / "labs" / LABS[2].name / name).write_text(text)
    done = sh("make", "-s", "do-grade", "FROM=base", test, cwd=tree, env=environment)
    assert done.returncode == 0 and "%s of %s points" % (WORTH, WORTH) in done.stdout, done.stdout + done.stderr
    done = sh("make", "-s", "submit", "OUT=%s" % (tmp_path / "mine.tar.gz"), cwd=tree, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    with tarfile.open(tmp_path / "mine.tar.gz") as archive:
        assert sorted(archive.getnames()) == sorted("%s/%s" % (LABS[2].name, n) for n in LABS[2].files)
    done = sh("make", "-s", "release", "LAB=02", "OUT=x", cwd=tree, env=environment)
    assert done.returncode and "tree for students" in done.stderr


def test_checkpoints_are_a_line_and_are_made_again_to_the_byte(clone):
    first = release.checkpoints(root=clone)
    assert [b for b, _, _ in first] == ["lab/" + lab.name for lab in LABS.values()]
    assert [(b, c) for b, c, _ in release.checkpoints(root=clone)] == [(b, c) for b, c, _ in first]
    history = sh("git", "rev-list", "--parents", first[-1][1], cwd=clone).stdout.splitlines()
    assert len(history) == len(first) and all(len(line.split()) <= 2 for line in history), "a line, without merges"
    for (before, lab_before), (after, lab_after) in zip(zip(first, LABS.values()), list(zip(first, LABS.values()))[1:]):
        changed = sh("git", "diff", "--name-status", before[1], after[1], cwd=clone).stdout.splitlines()
        others = [c for c in changed if c != "M\tlabs/default.mk" and not c.startswith("A\tsolutions/%s/" % lab_before.name)]
        assert not others and len(changed) == 1 + len(lab_before.files), "a step only adds the references of the lab below: %s" % others
        assert sh("git", "show", "%s:labs/default.mk" % after[1], cwd=clone).stdout.endswith("LAB ?= %02d\n" % lab_after.stage)
    assert sh("git", "status", "--porcelain", cwd=clone).stdout == ""


def test_a_merge_of_the_next_checkpoint_leaves_the_work_alone(clone, tmp_path):
    release.checkpoints(root=clone)
    work = tmp_path / "work"
    assert sh("git", "clone", "-q", "-b", "lab/02-memory", clone, work, cwd=tmp_path).returncode == 0
    mine = work / "labs/02-memory/mm/buddy.c"
    mine.write_text("int my_own_work;\n")
    who = ["-c", "user.name=x", "-c", "user.email=x@localhost"]
    sh("git", *who, "commit", "-qam", "mine", cwd=work)
    done = sh("git", *who, "merge", "-q", "--no-edit", "origin/lab/03-interrupts", cwd=work)
    assert done.returncode == 0, done.stdout + done.stderr
    assert mine.read_text() == "int my_own_work;\n" and (work / "solutions/02-memory/mm/buddy.c").exists()


# --- what is taken

def test_files_are_known_wherever_they_lie(tmp_path):
    lab, files = LABS[2], given.skeleton(2)
    for prefix in ("", "labs/", "./", "my-copy/labs/"):
        given.pack(tmp_path / "a.tar.gz", 2, {}, [(prefix + lab.name + "/" + n, t) for n, t in files.items()])
        taken = intake.take(tmp_path / "a.tar.gz", lab)
        assert {n: d.decode() for n, d in taken.files.items()} == files and not taken.notes, prefix
        assert intake.lab_of(intake.names_in(tmp_path / "a.tar.gz"), LABS.values()) == 2
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for n, t in files.items():
            archive.writestr(n, t)
    assert sorted(intake.take(tmp_path / "a.zip", lab).files) == sorted(files)
    (tmp_path / "loose").mkdir()
    for n, t in files.items():
        (tmp_path / "loose" / n.rpartition("/")[2]).write_text(t)
    (tmp_path / "loose/other.txt").write_text("x")
    os.symlink("/etc/passwd", tmp_path / "loose/link")
    taken = intake.take(tmp_path / "loose", lab)
    assert sorted(taken.files) == sorted(files) and sorted(taken.notes) == ["link: not a file of lab 02: ignored", "other.txt: not a file of lab 02: ignored"]


def test_intake_bears_any_bytes(tmp_path):
    """Damaged archives are refused, or give what is whole in them; never anything else."""
    whole = given.pack(tmp_path / "a.tar.gz", 2, given.skeleton(2)).read_bytes()
    plain = sh("gzip", "-dc", tmp_path / "a.tar.gz", cwd=tmp_path, errors="replace").stdout.encode()
    rng = random.Random(4)
    for turn in range(120):
        data = bytearray(whole if turn % 2 else plain)
        for _ in range(rng.randrange(1, 30)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        (tmp_path / "b.tar.gz").write_bytes(data[:rng.randrange(1, len(data) + 1)])
        try:
            intake.names_in(tmp_path / "b.tar.gz")
            assert set(intake.take(tmp_path / "b.tar.gz", LABS[2]).files) <= set(LABS[2].files)
        except intake.Refused:
            pass


# --- the forms of a report

def some_report():
    report = verdict.Report(2, "Memory & more <b>", 42, "base")
    text = "kind: panic\nit broke <script>alert(1)</script> \x1b[31m\x00\nback-trace:\n  buddy_alloc at labs/02-memory/mm/buddy.c:12\n  kmain at kernel/core/main.c:3\nhint: look twice at `prev`"
    report.tests = [verdict.Record("ktest:02.a", "All is well", 40, 40, "passed", seconds=1.5),
                    verdict.Record("ktest:02.b", "It breaks", 30, 0, "failed", output=text, kind="panic", log="--- console ---\n]]> the end\x07"),
                    verdict.Record("ktest:02.c", "Nobody sees this", 10, 0, "failed", "hidden", "kind: wrong output\nsecret words", kind="wrong output"),
                    verdict.Record("before:01", "What lab 01 brought", 20, 15, "failed", output="3 of 4")]
    return report


def test_junit():
    top = ET.fromstring(formats.junit(some_report()).encode())
    suite = top.find("testsuite")
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("4", "3", "0")
    case = suite.findall("testcase")[1]
    assert case.get("name") == "02.b" and case.find("failure").get("type") == "panic" and "buddy.c:12" in case.find("failure").text
    assert "]]> the end" in case.find("system-out").text


def test_gradescope():
    told = formats.gradescope(some_report())
    assert json.loads(json.dumps(told)) == told and told["score"] == 55 == sum(t["score"] for t in told["tests"])
    assert set(told) <= {"score", "output", "visibility", "stdout_visibility", "test_output_format", "extra_data", "leaderboard", "tests"}
    assert told["output"] == "" and [t["visibility"] for t in told["tests"]] == ["visible", "visible", "hidden", "visible"]
    assert all(t["status"] in ("passed", "failed") and isinstance(t["max_score"], int) for t in told["tests"])
    early = formats.gradescope(grade_one.blank(LABS[2], 1))
    assert early["score"] == 0 and "did not come to its end" in early["output"] and sum(t["max_score"] for t in early["tests"]) == 100


def test_classroom50():
    told = formats.classroom50(some_report(), owner="ann")
    assert set(told) == {"schema", "classroom", "assignment", "assignment_type", "owner", "submission", "commit", "release", "review", "datetime", "score",
                         "max-score", "tests"}
    assert told["schema"] == "classroom50/result/v1" and (told["score"], told["max-score"]) == (55, 100)
    assert all(set(t) == {"test-name", "passed", "score", "max-score"} and isinstance(t["score"], int) for t in told["tests"])


def test_autolab_is_one_line():
    line = formats.autolab(some_report(), "lab02")
    assert "\n" not in line and json.loads(line) == {"scores": {"lab02": 55}}


class Balanced(HTMLParser):
    VOID = {"meta", "br", "line", "rect", "polyline"}

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.text = [], [], ""

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in self.open:
            while self.open and self.open.pop() != tag:
                pass

    def handle_data(self, data):
        self.text += data


def test_the_page_for_students():
    html = page.page(some_report(), ["extra.c: not a file of lab 02: ignored"])
    told = Balanced()
    told.feed(html)
    assert "script" not in told.seen and "<script>alert" not in html and "&lt;script&gt;" in html
    assert told.seen.count("details") == 2 and "Back-trace" in told.text and "buddy.c:12" in told.text and "look twice at prev" in told.text
    assert "the end" in told.text and "LAB=02 FROM=base SEED=42 TEST=ktest:02.b" in told.text and "extra.c: not a file" in told.text
    assert "secret words" not in html and "Nobody sees" not in html
    assert "secret words" in page.page(some_report(), hidden=True)
    assert not re.search(r"https?://|src=|@import|url\(", html), "it needs nothing from elsewhere"


def test_files_are_written_at_once_or_not_at_all(tmp_path):
    (tmp_path / "a").write_text("old")
    with pytest.raises(UnicodeEncodeError):
        formats.write(tmp_path / "a", "new \ud800")
    assert (tmp_path / "a").read_text() == "old"


# --- a class

def test_rosters_that_cannot_be_are_refused(tmp_path):
    path = tmp_path / "r.csv"
    for text, why in (("id,submission\n../x,a\n", "cannot be an id"), ("id,submission\na,x\nA,y\n", "comes twice"), ("who,what\n1,2\n", "cannot be an id"),
                      ("", "nobody is in it")):
        path.write_text(text)
        with pytest.raises(roster.Wrong, match=why):
            roster.read(path)


def test_a_small_class_with_each_local_engine(tmp_path):
    """Graded, stopped and begun again; a submission that is changed is graded anew, and only that one; nothing is lost."""
    given.pack(tmp_path / "ann.tar.gz", 2, given.reference(2))
    given.pack(tmp_path / "bob.tar.gz", 2, given.skeleton(2))
    (tmp_path / "cy.tar.gz").write_text("rubbish")
    (tmp_path / "r.csv").write_text("id,name,submission\nann,=Ann,ann.tar.gz\nbob,Bob <i>,bob.tar.gz\ncy,Cy,cy.tar.gz\ndee,,\n")

    def run(engine):
        done = subprocess.run(["/usr/bin/python3", "-I", "-B", str(ROOT / "grader/classroom/class_run.py"), str(tmp_path / "r.csv"), "--lab", "2", "--engine", engine,
                               "--out", str(tmp_path / "out"), "--jobs", "2", "--test", "ktest:02.frames_come_back"], capture_output=True, text=True, check=False,
                              env={**os.environ, "SWITCHBACK_BUILD": str(BUILD)}, cwd="/")
        assert done.returncode == 0, done.stdout + done.stderr
        return {r["id"]: r for r in csv.DictReader(io.StringIO((tmp_path / "out/marks.csv").read_text()))}, done.stdout
    rows, _ = run("local")
    assert [(w, r["score"], r["status"]) for w, r in rows.items()] == [("ann", WORTH, "graded"), ("bob", "0", "graded"), ("cy", "0", "graded"), ("dee", "0", "nothing handed in")]
    assert rows["ann"]["name"] == "'=Ann"
    times = {p: p.stat().st_mtime_ns for p in (tmp_path / "out/students").glob("*/about.json")}
    given.pack(tmp_path / "bob.tar.gz", 2, given.reference(2))
    (tmp_path / "out/students/cy/about.json").unlink()  # as if it had been cut short
    again, said = run("parallel")
    assert again["bob"]["score"] == WORTH and {**again["ann"], "like": ""} == rows["ann"] and again["bob"]["seed"] != rows["bob"]["seed"]
    assert times[tmp_path / "out/students/ann/about.json"] == (tmp_path / "out/students/ann/about.json").stat().st_mtime_ns
    assert (tmp_path / "out/students/cy/about.json").exists()
    assert "bob" in again["ann"]["like"] and "1 pairs are alike" in said
    html = (tmp_path / "out/index.html").read_text()
    assert "Bob &lt;i&gt;" in html and html.count("<svg") >= 3 and 'href="students/ann/report.html"' in html


def test_two_at_one_place_wait_for_each_other(tmp_path):
    """As when a node that was thought dead is not."""
    given.pack(tmp_path / "a.tar.gz", 2, given.skeleton(2))
    command = ["/usr/bin/python3", "-I", "-B", str(ROOT / "grader/classroom/grade_one.py"), str(tmp_path / "a.tar.gz"), "--out", str(tmp_path / "out"), "--seed", "3",
               "--test", "ktest:02.heap_edges"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "SWITCHBACK_BUILD": str(BUILD)}) for _ in range(2)]
    said = [p.communicate()[0] for p in both]
    assert [p.returncode for p in both] == [0, 0] and sum("graded already" in s for s in said) == 1, said


def test_a_machine_that_fails_costs_nobody_marks(tmp_path, monkeypatch, capsys):
    def broken():
        raise OSError("no space left on device")
    monkeypatch.setattr(grade_one.sandbox, "proved", broken)
    given.pack(tmp_path / "a.tar.gz", 2, given.skeleton(2))
    for _ in range(grade_one.TRIES - 1):
        assert grade_one.grade_one(tmp_path / "a.tar.gz", LABS[2], 3, tmp_path / "out", quiet=True) == grade_one.AGAIN
        assert not (tmp_path / "out/about.json").exists()
    assert grade_one.grade_one(tmp_path / "a.tar.gz", LABS[2], 3, tmp_path / "out", quiet=True) == grade_one.GRADED
    report = verdict.read(tmp_path / "out/results.json")
    assert all(t.status == "error" for t in report.tests)
    whole = {"lab": 2, "test": None, "secret": "x", "students": []}
    monkeypatch.setattr(roster, "seed_of", lambda *_: 3)
    assert json.loads((tmp_path / "out/about.json").read_text())["faults"]
    monkeypatch.setattr(roster, "folder", lambda *_: tmp_path / "out")
    assert class_run.fresh(tmp_path, whole, {"id": "a", "submission": str(tmp_path / "a.tar.gz")}) is None, "not a mark"


# --- copied code

def test_a_renamed_copy_is_noticed_and_honest_work_is_not():
    lab, right = LABS[2], given.reference(2)
    copied = {n: re.sub(r"\bfree_(\w+)", r"avail_\1", re.sub(r"/\*.*?\*/", "/* mine */", t, flags=re.S)) for n, t in right.items()}
    prints = {"a": winnow.fingerprint({n: t.encode() for n, t in right.items()}, lab), "b": winnow.fingerprint({n: t.encode() for n, t in copied.items()}, lab),
              "c": winnow.fingerprint({n: t.encode() for n, t in given.skeleton(2).items()}, lab)}
    other = {n: t.encode() for n, t in given.reference(3).items()}
    prints["d"] = winnow.fingerprint(other, lab)
    assert [(a, b) for _, _, a, b in winnow.alike(prints)] == [("a", "b")]
    assert not prints["c"], "what the skeleton has says nothing"
    many = {"s%d" % i: prints["a"] for i in range(30)}
    assert not winnow.alike(many), "what everybody has is nobody's"


def test_winnowing_keeps_a_hash_of_every_long_common_run():
    rng = random.Random(1)
    length = winnow.K + winnow.WINDOW - 1

    def words(n):
        return [rng.choice(["if", "(", ")", ";", "n", "0", "+", "-", "return", "{", "}"]) for _ in range(n)]
    for _ in range(50):
        common = words(length)
        one, other = words(60) + common + words(40), words(30) + common + words(70)
        assert winnow.hashes(" ".join(one).replace("n", "name")) & winnow.hashes(" ".join(other).replace("n", "x"))


def test_plots_are_right():
    assert re.findall(r"<title>(.*?)</title>", overview.histogram([0, 9, 10, 100, 100], 100))[0] == "0–9 points: 2"
    assert "90–100 points: 2" in overview.histogram([0, 9, 10, 100, 100], 100)
    assert sum(int(n) for n in re.findall(r"points: (\d+)", overview.histogram([3, 77, 50], 77))) == 3
    assert overview.page("x", [], {}, [])


# --- packages for services

def test_the_autograder_zip_grades(tmp_path):
    done = sh(sys.executable, "-I", "-B", ROOT / "grader/classroom/autograder.py", "2", tmp_path / "a.zip", cwd=ROOT)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        names = archive.namelist()
        assert "setup.sh" in names and "run_autograder" in names and all((i.external_attr >> 16) & 0o111 for i in archive.infolist() if i.filename in ("setup.sh", "run_autograder"))
        assert not [n for n in names if n.startswith("switchback/build/")]
        text = archive.read("run_autograder").decode()
    assert "LAB=2\n" in text
    for name in ("setup.sh", "run_autograder"):
        (tmp_path / name).write_bytes(zipfile.ZipFile(tmp_path / "a.zip").read(name))
        assert sh("sh", "-n", tmp_path / name, cwd=tmp_path).returncode == 0
    # As the service runs it, but for the place.
    (tmp_path / "auto/submission").mkdir(parents=True)
    (tmp_path / "auto/results").mkdir()
    for n, t in given.reference(2).items():
        (tmp_path / "auto/submission" / n.rpartition("/")[2]).write_text(t)
    (tmp_path / "auto/source").mkdir()
    os.symlink(ROOT, tmp_path / "auto/source/switchback")
    done = sh("sh", tmp_path / "run_autograder", cwd=tmp_path, env={**os.environ, "AUTOGRADER": str(tmp_path / "auto"), "SWITCHBACK_BUILD": str(BUILD),
                                                                    "ONLY_TEST": "ktest:02.heap_edges"})
    told = json.loads((tmp_path / "auto/results/results.json").read_text())
    assert done.returncode == 0 and told["score"] == told["tests"][0]["max_score"] == 1, (done.stdout, done.stderr, told)
