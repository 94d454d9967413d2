"""A class, graded: `make grade-class ROSTER=… LAB=NN ENGINE=local|parallel|slurm`.

    OUT/class.json             the roster as it was read, and the secret that the seeds come from
    OUT/students/ID/           what grade_one.py writes of each
    OUT/marks.csv, index.html  one row for each student of the roster, never more and never less

Begun again, it goes on: whoever has a mark for the same work keeps it. Whatever engine runs the jobs, the files say what is done; what is missing when the engine
has come to its end is asked for again, ROUNDS times in all."""
import argparse
import csv
import io
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.dont_write_bytecode = True

from classroom import desk, engines, grade_one, overview, roster, sandbox, winnow  # noqa: E402
from harness import grade, verdict  # noqa: E402
from report import formats  # noqa: E402

ROUNDS = 4
COLUMNS = ("id", "name", "score", "points", "status", "passed", "tests", "seed", "seconds", "like")


class Progress:
    def __init__(self, total):
        self.total, self.told, self.started = total, -1, time.monotonic()

    def show(self, done):
        if done == self.told:
            return
        text = "%d of %d graded, %d s" % (done, self.total, time.monotonic() - self.started)
        if sys.stdout.isatty():
            width = 40
            full = width * done // max(1, self.total)
            print("\r[%s%s] %s " % ("#" * full, "." * (width - full), text), end="\n" if done == self.total else "", flush=True)
        elif self.told < 0 or done == self.total or done * 10 // self.total != self.told * 10 // self.total:
            print(text, flush=True)
        self.told = done


def fresh(out, whole, student):
    """about.json, if this student has a mark for what lies there now."""
    what = grade_one.digest(student["submission"])
    seed = roster.seed_of(whole, student["id"], what)
    about = grade_one.finished(roster.folder(out, student["id"]), grade_one.key_of(what, whole["lab"], seed, whole["test"]))
    return about if about and not about["faults"] else None


def missing(out, whole):
    return [n for n, student in enumerate(whole["students"], 1) if student["submission"] and not fresh(out, whole, student)]


def run(out, whole, engine, jobs):
    """Runs the engine until every mark is there, or ROUNDS are over."""
    wanted = missing(out, whole)
    progress = Progress(len(wanted))
    for turn in range(ROUNDS):
        left = missing(out, whole)
        if not left:
            break
        if turn:
            print("%d are missing: once more (%s)" % (len(left), engines.ranges(left)), flush=True)
        looked = 0.0
        for _ in engines.ENGINES[engine](out, left, jobs):
            if time.monotonic() - looked > 2:
                looked = time.monotonic()
                progress.show(sum(fresh(out, whole, whole["students"][n - 1]) is not None for n in wanted))
    progress.show(len(wanted) - len(missing(out, whole)))


def collect(out, whole):
    """A row for each student, their Reports, and the pairs that are alike."""
    rows, reports, prints = [], {}, {}
    for student in whole["students"]:
        who = student["id"]
        row = dict.fromkeys(COLUMNS, "")
        row.update(id=who, name=student["name"], score=0)
        about = fresh(out, whole, student) if student["submission"] else None
        if about:
            report = verdict.read(roster.folder(out, who) / "results.json")
            reports[who], prints[who] = report, about["fingerprint"]
            row.update(score=report.score, points=report.points, status="graded", passed=sum(t.status == "passed" for t in report.tests), tests=len(report.tests),
                       seconds=about["seconds"], seed=about["seed"])
        else:
            row["status"] = "not graded" if student["submission"] else "nothing handed in"
        rows.append(row)
    pairs = winnow.alike(prints)
    for share, _, one, other in pairs:
        for row in rows:
            if row["id"] in (one, other):
                row["like"] = (row["like"] + " " if row["like"] else "") + "%s:%d%%" % (other if row["id"] == one else one, 100 * share)
    return rows, reports, pairs


def publish(out, whole, title):
    rows, reports, pairs = collect(out, whole)
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows:  # a text that a spreadsheet would take for a formula is a text
        writer.writerow({k: "'" + v if isinstance(v, str) and v.startswith(("=", "+", "-", "@")) else v for k, v in row.items()})
    formats.write(Path(out) / "marks.csv", text.getvalue())
    formats.write(Path(out) / "index.html", overview.page(title, rows, reports, pairs))
    return rows, pairs


def main():
    parser = argparse.ArgumentParser(prog="make grade-class")
    parser.add_argument("roster")
    parser.add_argument("--lab", type=int, required=True)
    parser.add_argument("--engine", choices=sorted(engines.ENGINES), default="local")
    parser.add_argument("--out", required=True)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--test")
    args = parser.parse_args()
    lab = next((one for one in grade.read_labs(grade.ROOT) if one.stage == args.lab and one.files), None)
    if lab is None:
        sys.exit("make grade-class: lab %02d has no files yet" % args.lab)
    out = Path(args.out).resolve()
    try:
        whole = roster.open_class(out, args.roster, lab.stage, args.test, args.seed)
    except (roster.Wrong, OSError) as error:
        sys.exit("make grade-class: %s" % error)
    (out / "log").mkdir(exist_ok=True)
    try:
        sandbox.proved()
    except sandbox.Broken as error:
        sys.exit("make grade-class: %s" % error)
    desk.prepare(lab, "base")
    try:
        run(out, whole, args.engine, args.jobs)
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on from here", file=sys.stderr)
    rows, pairs = publish(out, whole, "Lab %02d: %s" % (lab.stage, lab.title))
    lost = [r["id"] for r in rows if r["status"] == "not graded"]
    print("%d students: %d graded, %d handed nothing in, %d pairs are alike" % (
        len(rows), sum(r["status"] == "graded" for r in rows), sum(r["status"] == "nothing handed in" for r in rows), len(pairs)))
    print("%s\n%s" % (out / "marks.csv", out / "index.html"))
    if lost:
        print("not graded: %s; see %s" % (" ".join(lost), out / "log"), file=sys.stderr)
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
