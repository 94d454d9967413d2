"""All checks of one lab against one kernel, as a list of verdicts: what `make grade`, the prefix tests and the graders' own
tests build on.

A check is an in-kernel test of the stage (`ktest:02.heap_edges`), a user program of the stage (`user:raw_hello`), or a
scenario that a function of grader/labs/scenarios.py plays (`scenario:banner`)."""
import argparse
import sys
from dataclasses import dataclass

from . import ktest, usertest
from .build import ROOT, BuildFailure, kernel

sys.path.insert(0, str(ROOT / "grader"))
sys.path.insert(0, str(ROOT / "kernel/tools"))
from labs_mk import read_labs  # noqa: E402


@dataclass
class Verdict:
    check: str
    why: str = ""  # empty: passed

    @property
    def passed(self):
        return not self.why


def lab_files(lab):
    """The files that the student writes in this lab."""
    return next(one.files for one in read_labs(ROOT) if one.stage == lab)


def programs(lab):
    """The user programs that this lab is judged by: there is no loader before 06, so that one takes those of 05 too."""
    if lab < usertest.FIRST_WITH_LOADER:
        return []
    stages = (5, 6) if lab == usertest.FIRST_WITH_LOADER else (lab,)
    return [n for stage in stages for n in usertest.names(stage)]


def checks(lab):
    from labs import scenarios
    return (["ktest:" + n for n in ktest.listed(ROOT, lab)] + ["user:" + n for n in programs(lab)]
            + ["scenario:" + n for n in scenarios.of(lab)])


def user_verdicts(image, lab, names, cap):
    run = usertest.run_many if lab >= usertest.FIRST_WITH_FORK else usertest.run_in_turn
    answers = run(image, names, cap=cap)
    return [Verdict("user:" + n, usertest.complaint(n, answers[n]) or "") for n in names]


def grade(lab, source="solutions", *variables, only=None, cap=120):
    """The verdicts on every check of the lab (or on those in `only`), for the kernel LAB=lab FROM=source."""
    from labs import scenarios
    wanted = [c for c in checks(lab) if only is None or c in only]
    verdicts = []
    by_kind = {kind: [c.partition(":")[2] for c in wanted if c.startswith(kind + ":")] for kind in ("ktest", "user", "scenario")}
    try:
        if by_kind["ktest"]:
            run = ktest.run(kernel(lab, source, *variables, ktest=True), " ".join(by_kind["ktest"]), cap=cap)
            verdicts += [Verdict("ktest:" + n, run.complaint(n) or "") for n in by_kind["ktest"]]
        if by_kind["user"]:
            verdicts += user_verdicts(kernel(lab, source, *variables), lab, by_kind["user"], cap)
        for name in by_kind["scenario"]:
            try:
                scenarios.play(lab, name, source, *variables, patience=cap)
                verdicts.append(Verdict("scenario:" + name))
            except AssertionError as error:
                verdicts.append(Verdict("scenario:" + name, str(error) or "wrong output"))
    except BuildFailure as failure:
        done = {v.check for v in verdicts}
        verdicts += [Verdict(c, str(failure)) for c in wanted if c not in done]
    return verdicts


def main():
    parser = argparse.ArgumentParser(prog="make grade")
    parser.add_argument("lab", type=int)
    parser.add_argument("--from", dest="source", default="labs")
    parser.add_argument("--labs", help="the folder that holds the student's files, in place of labs/")
    parser.add_argument("-v", action="store_true", help="the whole report of each failure")
    args = parser.parse_args()
    variables = ["LABS=" + args.labs] if args.labs else []
    verdicts = grade(args.lab, args.source, *variables)
    shown = set()
    for verdict in verdicts:
        print("%-7s %s" % ("ok" if verdict.passed else "FAILED", verdict.check))
        if not verdict.passed:
            lines = verdict.why.splitlines()
            print("        " + lines[0])
            rest = "\n".join(lines[1:])
            if rest not in shown:  # one boot that failed is told once
                shown.add(rest)
                print("\n".join("        " + line for line in (lines[1:] if args.v else lines[1:30])))
    good = sum(v.passed for v in verdicts)
    print("%d of %d checks of lab %02d passed" % (good, len(verdicts), args.lab))
    return 0 if verdicts and good == len(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
