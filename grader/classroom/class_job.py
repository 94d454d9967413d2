"""One student of a class: class_job.py OUT NUMBER (from 1, as the roster counts). What every engine runs, on whatever machine; see grade_one.py for the exit status."""
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.dont_write_bytecode = True

from classroom import grade_one, roster  # noqa: E402
from harness import grade  # noqa: E402


def main():
    out, number = sys.argv[1], int(sys.argv[2])
    whole = roster.load(out)
    student = whole["students"][number - 1]
    if not student["submission"]:
        return grade_one.GRADED
    lab = next(one for one in grade.read_labs(grade.ROOT) if one.stage == whole["lab"])
    place = roster.folder(out, student["id"])
    place.mkdir(parents=True, exist_ok=True)
    with open(place / "runs.log", "a", encoding="utf-8") as log:
        log.write("begun on %s, process %d\n" % (os.environ.get("SLURMD_NODENAME") or os.uname().nodename, os.getpid()))
    return grade_one.grade_one(student["submission"], lab, roster.seed_of(whole, student["id"], grade_one.digest(student["submission"])), place, whole["test"], student["id"], quiet=True)


if __name__ == "__main__":
    sys.exit(main())
