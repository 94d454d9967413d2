"""What the tests are worth: every test of a lab has its points, title and hint, and they add up."""
import io
import shutil

import pytest

from harness import grade, main, points, selftest
from harness.verdict import Report, Verdict, read

LABS = [lab for lab in range(1, 14) if grade.lab_files(lab)]


@pytest.mark.parametrize("lab", LABS)
def test_each_test_has_its_entry(lab):
    entries = points.entries(lab)
    assert [e.id for e in entries] == list(dict.fromkeys(e.id for e in entries)), "a test stands there twice"
    assert {e.id for e in entries if not e.challenge} == set(grade.checks(lab))
    for e in entries:
        assert e.title and e.hint and isinstance(e.points, int)
        assert (e.points > 0) != bool(e.challenge) or (e.given and not e.points), "%s: points, or the name of a challenge" % e.id


@pytest.mark.parametrize("lab", LABS)
def test_each_challenge_has_its_answer(lab):
    """A patch that fits the reference, and with which the challenge's tests pass: the latter is tried by `make selftest`."""
    answers = {p.stem for p in selftest.answers(lab)}
    assert answers == set(points.challenges(lab))
    for patch in selftest.answers(lab):
        shutil.rmtree(selftest.ROOT / selftest.plant(lab, patch))


@pytest.mark.parametrize("lab", LABS)
def test_points_add_up(lab):
    own, before = sum(e.points for e in points.entries(lab)), sum(r.points for r in points.earlier(lab))
    assert (own, before) == ((100, 0) if lab == 1 else (points.OWN, points.EARLIER))


def test_what_is_not_written_hides_nothing_that_is():
    """More tests stop than there are boots: those of other files are reached all the same, and in the end each has its verdict."""
    names = ["a%d" % i for i in range(2 * grade.BOOTS)] + ["b0", "b1"]
    booted = []

    class Run:
        outcome, log, trace = "stopped", "", ()

        def __init__(self, left):
            booted.append(list(left))
            first = next((i for i, n in enumerate(left) if n[0] == "a"), len(left))
            self.reached = set(left[:first + 1])

        def complaint(self, name):
            return None if name[0] == "b" and name in self.reached else "stopped: " + name

        def trace_of(self, name):
            return ()

    verdicts = grade.repeated(Run, names, "ktest:", lambda name: name[0])
    assert [v.check for v in verdicts] == ["ktest:" + n for n in names]
    assert [v.check for v in verdicts if v.passed] == ["ktest:b0", "ktest:b1"]
    assert len(booted) == grade.BOOTS and booted[1] == ["b0", "b1"]


@pytest.mark.parametrize("lab", LABS)
def test_what_later_labs_repeat_is_there(lab):
    assert set(points.later(lab)) <= set(grade.checks(lab))


def test_a_report_is_what_it_was_after_a_file(tmp_path):
    entries = points.entries(2)[:2]
    report = Report(2, "memory", 7, "labs", [main.Record(e.id, e.title, e.points) for e in entries])
    main.settle(report.tests[0], entries[0], Verdict(entries[0].id))
    main.settle(report.tests[1], entries[1], Verdict(entries[1].id, "panic: in a\nx.c:5 a == b: got 0x1, wanted 0x2\n--- console ---", ("f at x.c:5",), "log"))
    report.write(tmp_path / "r.json")
    again = read(tmp_path / "r.json")
    assert again == report and again.score == entries[0].points
    assert again.tests[1].kind == "panic" and "found:    0x1" in again.tests[1].output and "hint: " in again.tests[1].output
    out = io.StringIO()
    main.show(again, out)
    assert main.CROSS in out.getvalue() and "1 of 2 tests passed" in out.getvalue()
