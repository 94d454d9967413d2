"""`make grade LAB=NN`: a table of what works, and for each failure what kind it is, what was expected and what came.

The Report (verdict.py) is made first, with every test pending, and written again after each step, so that a run that is cut short has left what it
knew. Everything that is printed is printed from it."""
import argparse
import concurrent.futures
import re
import sys
import time

from . import debug, grade, points, qemu
from .verdict import Record, Report, Verdict, explain

# Machines at the same time: a CPU each for two, and a third, since one of the scenarios mostly waits for a guest that sleeps.
WORKERS = 3
TICK, CROSS = "\u2713", "\u2717"


def chosen(lab, test, challenge):
    """The entries that are asked for, and the rows for the labs before."""
    entries = [e for e in points.entries(lab) if e.challenge == challenge]
    rows = points.earlier(lab) if not challenge else []
    if test:
        exact = [e for e in points.entries(lab) if test in (e.id, e.id.partition(":")[2], e.id.rpartition(".")[2])]
        entries = exact or [e for e in points.entries(lab) if test in e.id]
        rows = [r for r in rows if r.id == test]
    return entries, rows


def settle(record, entry, verdict):
    """Writes a verdict into its record."""
    record.status = "passed" if verdict.passed else "error" if verdict.kind == "infrastructure" else "failed"
    record.score = entry.points if verdict.passed else 0
    record.kind, record.log, record.seconds = verdict.kind, verdict.log, round(verdict.seconds, 2)
    record.output = "" if verdict.passed else explain(verdict, entry.hint)


def settle_earlier(record, row, verdicts):
    """A lab before this one: points in proportion to what of it still works."""
    bad = [v for v in verdicts if not v.passed]
    record.status = "failed" if bad or not verdicts else "passed"
    record.score = row.points * (len(verdicts) - len(bad)) // len(verdicts) if verdicts else 0
    record.seconds = round(sum(v.seconds for v in verdicts), 2)
    if bad:
        record.kind, record.log = bad[0].kind, bad[0].log
        names = "%d of %d fail: %s" % (len(bad), len(verdicts), " ".join(v.check for v in bad[:6]))
        record.output = names + "\n" + explain(bad[0], row.hint)


def run(lab, source, variables=(), *, seed=None, test=None, challenge="", path=None, cap=600):
    """The Report of one lab."""
    seed = grade.new_seed() if seed is None else seed
    entries, rows = chosen(lab, test, challenge)
    title = next((one.title for one in grade.read_labs(grade.ROOT) if one.stage == lab), "")
    report = Report(lab, title, seed, source)
    report.tests = [Record(e.id, e.title, e.points, visibility=e.visibility, challenge=e.challenge) for e in entries + rows]
    by_id = {r.id: r for r in report.tests}
    save = (lambda: report.write(path)) if path else (lambda: None)
    save()
    wanted = {e.id for e in entries}
    scenarios = {c for c in wanted if c.startswith("scenario:")}
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        def start(fn, *more, **options):
            return pool.submit(fn, lab, source, *variables, *more, cap=cap, seed=seed, **options)
        # What boots once for many tests comes first: scenarios fill the gaps.
        before = start(grade.grade_earlier, stages=[int(r.id[-2:]) for r in rows]) if rows else None
        parts = [start(grade.grade, only=part) for part in [wanted - scenarios] + grade.apart(lab, scenarios) if part]
        for part in parts:
            for verdict in part.result():
                entry = next(e for e in entries if e.id == verdict.check)
                settle(by_id[entry.id], entry, verdict)
            save()
        verdicts = grade.without_the_given(lab, [v for part in parts for v in part.result()])
        told = before.result() if before else {}
    for verdict in verdicts:
        entry = next(e for e in entries if e.id == verdict.check)
        settle(by_id[entry.id], entry, verdict)
    for entry in entries:
        if by_id[entry.id].status == "pending":
            settle(by_id[entry.id], entry, Verdict(entry.id, "infrastructure: there is no such test"))
    for row in rows:
        settle_earlier(by_id[row.id], row, told[int(row.id[-2:])])
    save()
    return report


def _alike(tests):
    """Failures that say the same, together: text without hints -> [(record, its hints)]."""
    found = {}
    for t in tests:
        if t.status != "passed":
            lines = t.output.splitlines()
            hints = [line for line in lines if line.startswith("hint: ")]
            found.setdefault("\n".join(line for line in lines if not line.startswith("hint: ")), []).append((t, hints))
    return found


def show(report, out=sys.stdout, verbose=False):
    """The table, then the failures: what one boot's end says of many tests is told once."""
    width = max([len(t.title) for t in report.tests] + [20])
    print("Lab %02d: %s (SEED=%d)" % (report.lab, report.title, report.seed), file=out)
    for t in report.tests:
        mark = TICK if t.status == "passed" else CROSS
        score = "%3d/%-3d" % (t.score, t.points) if t.points else "       "
        print("  %s %s  %-*s  %s" % (mark, score, width, t.title, t.kind if t.kind else ""), file=out)
    for body, tests in _alike(report.tests).items():
        print("", file=out)
        for t, hints in tests:
            print("%s %s  (TEST=%s)" % (CROSS, t.title, t.id), file=out)
        print("\n".join("    " + line for line in body.splitlines() + list(dict.fromkeys(h for _, hints in tests for h in hints))), file=out)
        if verbose and tests[0][0].log:
            print("\n".join("    " + line for line in tests[0][0].log.splitlines()), file=out)
    unwritten = {m for t in report.tests for m in re.findall(r"yours to write. The chapter is handouts/(\d\d)-", t.output) if int(m) < report.lab}
    if unwritten:
        print("\nLab %s is not written. FROM=base takes the labs before this one from solutions/." % min(unwritten), file=out)
    good = sum(t.status == "passed" for t in report.tests)
    print("\n%d of %d tests passed: %d of %d points" % (good, len(report.tests), report.score, report.points), file=out)


def main():
    parser = argparse.ArgumentParser(prog="make grade")
    parser.add_argument("lab", type=int)
    parser.add_argument("--from", dest="source", default="labs")
    parser.add_argument("--labs", help="the folder that holds the student's files, in place of labs/")
    parser.add_argument("--test", help="one test, by its id, its name or a part of it")
    parser.add_argument("--challenge", default="", help="the tests of an optional challenge")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--gdb", action="store_true", help="stop in the test, under the debugger")
    parser.add_argument("--results", help="write the records there, as JSON (harness/verdict.py)")
    parser.add_argument("-v", action="store_true", help="with the end of both channels")
    args = parser.parse_args()
    entries, rows = chosen(args.lab, args.test, args.challenge)
    if not entries and not rows:
        names = [e.id for e in points.entries(args.lab)]
        parser.error("no such test in lab %02d%s" % (args.lab, "; there are:\n  " + "\n  ".join(names) if names else ", which has no files yet"))
    if args.gdb:
        if len(entries) != 1:
            parser.error("GDB=1 wants one test: TEST=name; these fit: %s" % " ".join(e.id for e in entries))
        qemu.debugger = debug.attach(entries[0].id)
    started = time.monotonic()
    report = run(args.lab, args.source, ["LABS=" + args.labs] if args.labs else [], seed=args.seed, test=args.test,
                 challenge=args.challenge, path=args.results)
    show(report, verbose=args.v)
    print("%.1f s" % (time.monotonic() - started))
    return 0 if all(t.status == "passed" for t in report.tests) else 1


if __name__ == "__main__":
    sys.exit(main())
