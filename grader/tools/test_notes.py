"""What an in-kernel test notes of its case is shown with the failure."""
from harness.ktest import KtestRun, Result
from harness.verdict import Verdict, explain


def explained(**notes):
    run = object.__new__(KtestRun)
    run.genuine, run.outcome = True, "failed"
    run.results = {"12.typing": Result("12.typing", failures=["grader/ktest/12_lines.c:9 there: got 0x1, wanted 0x2"], ended=True, notes=notes)}
    return explain(Verdict("ktest:12.typing", run.complaint("12.typing")))


def test_notes_stand_below_what_was_found():
    text = explained(typed=127, round=3)
    assert text.index("found:    0x1") < text.index("noted: typed 127 (0x7f, 0177), round 3")


def test_without_notes_there_is_no_line():
    assert "noted" not in explained()
