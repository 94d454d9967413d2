"""One submission, graded: `make grade-submission TARBALL=…`, and the one step that a class's run repeats.

    OUT/results.json    the Report; there from the start, with every test pending, and written again as tests end
    OUT/about.json      what was graded and how (submission, seed, notes on what was taken, fingerprint); there only when all is done
    OUT/report.html …   the other forms of the Report

Idempotent: with an about.json for the same submission, lab, seed and tests it does nothing. Two at the same OUT wait for each other.
Exit status: 0 graded, whatever the mark; 99 the machine failed and somebody should try again; 2 it was asked for wrongly."""
import argparse
import fcntl
import hashlib
import json
import os
import re
import sys
import tempfile
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "grader"))
sys.dont_write_bytecode = True

from classroom import desk, intake, sandbox, winnow  # noqa: E402
from harness import grade, main as harness_main, points, verdict  # noqa: E402
from report import formats, page  # noqa: E402

GRADED, AGAIN = 0, 99
TRIES = 3
# What stands in a log when the sandbox, not the kernel in it, came to harm.
SANDBOX_FAULT = re.compile(r"^(?:bwrap|setpriv|prlimit): ", re.M)


def _update(total, path):
    """Piece by piece: nobody said that it fits into memory."""
    with open(path, "rb") as stream:
        while piece := stream.read(1 << 20):
            total.update(piece)


def digest(path):
    """A name for what is in a submission."""
    total = hashlib.sha256()
    path = Path(path)
    if path.is_dir():
        for name in sorted(intake.names_in(path)):
            file = path / name
            total.update(name.encode(errors="surrogateescape") + b"\0")
            if file.is_file() and not file.is_symlink():
                _update(total, file)
    else:
        _update(total, path)
    return total.hexdigest()


def blank(lab, seed, test=None):
    entries, rows = harness_main.chosen(lab.stage, test, "")
    report = verdict.Report(lab.stage, lab.title, seed, "base")
    report.tests = [verdict.Record(e.id, e.title, e.points, visibility=e.visibility) for e in entries + rows]
    return report


def all_alike(report, kind, text):
    """Every test of the report failed for one reason."""
    for t in report.tests:
        t.status, t.score, t.kind, t.output = "error" if kind == "infrastructure" else "failed", 0, kind, "kind: %s\n%s" % (kind, text)
    return report


def judge(lab, submission, seed, out, test=None):
    """(Report, notes, fingerprint)."""
    path = out / "results.json"
    report = blank(lab, seed, test)
    report.write(path)
    try:
        taken = intake.take(submission, lab)
    except intake.Refused as refused:
        lines = str(refused).splitlines()
        return all_alike(report, "build", lines[0]), lines, []
    sandbox.proved()
    desk.prepare(lab, "base")
    with tempfile.TemporaryDirectory(prefix="grade-") as work:
        os.chmod(work, 0o711)
        with desk.Desk(lab, "base", work, taken.files):
            report = harness_main.run(lab.stage, "base", seed=seed, test=test, path=path)
    for t in report.tests:
        if SANDBOX_FAULT.search(t.log) or SANDBOX_FAULT.search(t.output):
            t.status, t.kind, t.score = "error", "infrastructure", 0
    return report, taken.notes, winnow.fingerprint(taken.files, lab)


def key_of(what, stage, seed, test=None):
    """What a mark is for."""
    return "%s lab%02d seed%d %s" % (what, stage, seed, test or "")


def finished(out, key):
    """The about.json, if it is of the same work."""
    try:
        about = json.loads((out / "about.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return about if about.get("key") == key and (out / "results.json").exists() else None


def _tries(out, key):
    """How often this was begun before and did not end."""
    path = out / "tries.json"
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        count = told["count"] if told["key"] == key else 0
    except (OSError, ValueError, KeyError):
        count = 0
    formats.write(path, json.dumps({"key": key, "count": count + 1}))
    return count


def grade_one(submission, lab, seed, out, test=None, name="", quiet=False):
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    key = key_of(digest(submission), lab.stage, seed, test)
    with open(out / ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if finished(out, key):
            if not quiet:
                print("%s: graded already" % out)
            return GRADED
        (out / "about.json").unlink(missing_ok=True)
        tries, started = _tries(out, key), time.monotonic()
        try:
            report, notes, fingerprint = judge(lab, submission, seed, out, test)
        except Exception as error:  # whatever it is, it is the machine's
            traceback.print_exc()
            report, notes, fingerprint = all_alike(blank(lab, seed, test), "infrastructure", str(error)), [], []
        faults = [t for t in report.tests if t.status in ("error", "pending")]
        report.write(out / "results.json")
        if faults and tries + 1 < TRIES:
            print("%s: the machine failed (%s); to be tried again" % (name or out, faults[0].output.splitlines()[-1] if faults[0].output else "no end"), file=sys.stderr)
            return AGAIN
        formats.write_all(report, out, notes)
        if any(t.visibility != "visible" for t in report.tests):
            formats.write(out / "staff.html", page.page(report, notes, hidden=True))
        formats.write(out / "about.json", json.dumps({
            "key": key, "name": name, "submission": str(submission), "lab": lab.stage, "seed": seed, "score": report.score, "points": report.points,
            "faults": len(faults), "notes": notes, "fingerprint": fingerprint, "seconds": round(time.monotonic() - started, 1), "tries": tries + 1}, indent=1) + "\n")
        if not quiet:
            for note in notes:
                print("  " + note)
            harness_main.show(report)
            print("%s" % (out / "report.html"))
        return GRADED


def main():
    parser = argparse.ArgumentParser(prog="make grade-submission")
    parser.add_argument("submission")
    parser.add_argument("--lab", type=int)
    parser.add_argument("--out", required=True)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--test")
    parser.add_argument("--name", default="")
    parser.add_argument("--gradescope", help="write Gradescope's results.json there, first of all with no points")
    parser.add_argument("--autolab", metavar="PROBLEM", help="the last line of the output is Autolab's")
    args = parser.parse_args()
    labs = grade.read_labs(ROOT)
    try:
        stage = args.lab or intake.lab_of(intake.names_in(args.submission), [one for one in labs if one.files])
    except intake.Refused as refused:
        sys.exit("make grade-submission: %s" % refused)
    lab = next((one for one in labs if one.stage == stage and one.files), None)
    if lab is None:
        print("make grade-submission: which lab? LAB=NN; the submission does not say it by the folders in it", file=sys.stderr)
        return 2
    seed = grade.new_seed() if args.seed is None else args.seed
    if args.gradescope:
        formats.write(args.gradescope, json.dumps(formats.gradescope(blank(lab, seed, args.test))))
    out = Path(args.out)
    status = AGAIN
    while status == AGAIN:
        status = grade_one(args.submission, lab, seed, out, args.test, args.name, quiet=bool(args.autolab))  # what a kernel said is not for a service to read
    report = verdict.read(out / "results.json")
    if args.gradescope:
        notes = json.loads((out / "about.json").read_text(encoding="utf-8"))["notes"]
        formats.write(args.gradescope, json.dumps(formats.gradescope(report, "\n".join(notes))))
    if args.autolab:
        print(formats.autolab(report, args.autolab))
    return GRADED


if __name__ == "__main__":
    sys.exit(main())
