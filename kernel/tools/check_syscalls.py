"""Compare the system calls that an image implements with the table: `nm IMAGE | check_syscalls.py TABLE STAGE [warn]`.

Every row of the table up to STAGE must have a sys_NAME of its own in the image (a strong symbol), and no row above STAGE
may: that is how a system call stays in the stage it belongs to."""
import sys

from pathlib import Path
sys.path.insert(0, str(Path(__file__).parent))
from gen_syscalls import read_table  # noqa: E402


def main():
    rows = read_table(sys.argv[1])
    stage = int(sys.argv[2])
    strict = sys.argv[3:] != ["warn"]
    strong, weak = set(), set()
    for line in sys.stdin:
        fields = line.split()
        if len(fields) == 3 and fields[2].startswith("sys_"):
            (strong if fields[1] == "T" else weak).add(fields[2][4:])
    missing = [r for r in rows if r.stage <= stage and r.name not in strong]
    early = [r for r in rows if r.stage > stage and r.name in strong]
    unknown = sorted(strong - {r.name for r in rows})
    if not (missing or early or unknown):
        return 0
    if not strict:
        print("syscalls.tbl: to do %s; too early: %s; without a row: %s" % tuple(
            " ".join(names) or "none" for names in ([r.name for r in missing], [r.name for r in early], unknown)))
        return 0
    for row in missing:
        print("%s:%d: sys_%s (stage %02d) is in the table, but nothing in stages 01..%02d implements it"
              % (sys.argv[1], row.line, row.name, row.stage, stage), file=sys.stderr)
    for row in early:
        print("%s:%d: sys_%s is implemented in stages 01..%02d, but its row says stage %02d"
              % (sys.argv[1], row.line, row.name, stage, row.stage), file=sys.stderr)
    for name in unknown:
        print("sys_%s is implemented, but %s has no row for it" % (name, sys.argv[1]), file=sys.stderr)
    return 1


sys.exit(main())
