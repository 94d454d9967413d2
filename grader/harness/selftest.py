"""The graders judged (`make selftest`): the reference has full marks, a skeleton none of its own lab's and all of the labs' before it, and each known
wrong solution loses points in the tests that are named to catch it.

A wrong solution, a mutant, is solutions/NN-name/mutants/NAME.patch: a patch of that lab's files, whose first line says which mistake a student made, with a
line `Fails: CHECK ...` that names checks it must fail."""
import argparse
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from . import grade, main, points
from .build import BUILD, ROOT, forget
from labs_mk import read_labs

LABS = {lab.stage: lab for lab in read_labs(ROOT)}
WITH_FILES = [stage for stage, lab in LABS.items() if lab.files]
MUTANTS = [(stage, patch) for stage, lab in LABS.items()
           for patch in sorted((ROOT / "solutions" / lab.name / "mutants").glob("*.patch"))]
LEAST = 12        # mutants of a lab
LEAST_CHECKS = 5  # of a lab's checks must have been seen to fail
TABLE = ROOT / BUILD / "selftest/mutants.md"  # what the last whole run found; the book makes its own page of the patches


def promised(patch):
    """The mistake in words, and the checks that it must fail."""
    head = patch.read_text().split("\n--- ")[0]
    fails = re.search(r"^Fails: (.+)$", head, re.M)
    return head.splitlines()[0].strip(), fails.group(1).split() if fails else []


def files_of(patch):
    return re.findall(r"^\+\+\+ b/(\S+)", patch.read_text(), re.M)


def sample():
    """A few mutants of each lab, so that each of its files is in it: those that `make test` plants."""
    chosen = []
    for stage in WITH_FILES:
        seen = {}
        for number, patch in MUTANTS:
            if number == stage:
                seen.setdefault(files_of(patch)[0], []).append(patch)
        chosen += [(stage, patch) for patches in seen.values() for patch in patches[:1 if len(seen) > 2 else 2]]
    return chosen


def plant(stage, patch, under="mutants"):
    """The lab's files with the mistake in them, as a folder to take the place of labs/, in `under` of what is built; its path below the root."""
    lab = LABS[stage]
    folder = Path(BUILD) / under / ("%02d-%s" % (stage, patch.stem))
    top = ROOT / folder / lab.name
    shutil.rmtree(ROOT / folder, ignore_errors=True)
    for name in lab.files:
        target = top / name
        target.parent.mkdir(parents=True, exist_ok=True)
        text = subprocess.run(["unifdef", "-x2", "-DSOLUTION", str(ROOT / "solutions" / lab.name / name)],
                              capture_output=True, text=True, check=True).stdout
        target.write_text(text)
    done = subprocess.run(["patch", "-p1", "-s", "-F3", "-d", str(top)], stdin=open(patch, encoding="utf-8"),
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, "%s does not fit the reference any more:\n%s" % (patch.name, done.stdout + done.stderr)
    return folder


def noticed(stage, patch, only):
    """The verdicts on these checks of the lab with the mistake in it. What was built for it is thrown away."""
    folder = plant(stage, patch)
    try:
        return grade.grade(stage, "base", "LABS=%s" % folder, "DEBUG=0", only=only)  # a checking kernel would find some first
    finally:
        forget()
        shutil.rmtree(ROOT / BUILD / "obj/gcc" / folder, ignore_errors=True)
        shutil.rmtree(ROOT / BUILD / "obj/gcc/vdso" / folder, ignore_errors=True)
        shutil.rmtree(ROOT / BUILD / ("lab%02d-base-%s" % (stage, str(folder).replace("/", "-"))), ignore_errors=True)


def judge_mutant(stage, patch):
    """What is wrong with the graders' answer to this mutant, or None."""
    mistake, fails = promised(patch)
    if not mistake or not fails:
        return "it must say which mistake it is, and `Fails: CHECK ...`"
    verdicts = noticed(stage, patch, fails)
    if {v.check for v in verdicts} != set(fails):
        return "it names a check that is not there: %s" % " ".join(set(fails) - {v.check for v in verdicts})
    broken = [v for v in verdicts if v.kind in ("build", "infrastructure")]
    if broken:
        return broken[0].why
    passed = [v.check for v in verdicts if v.passed]
    return "not noticed by %s" % " ".join(passed) if passed else None


def answers(lab):
    """solutions/NN-name/challenges/NAME.patch: a patch of the reference for each optional challenge."""
    return sorted((ROOT / "solutions" / LABS[lab].name / "challenges").glob("*.patch"))


def judge_challenge(lab, patch):
    """What is wrong with the graders' answer to a challenge's answer, or None: its tests fail without it and pass with it, and no other test minds."""
    only = [e.id for e in points.entries(lab) if e.challenge == patch.stem]
    early = [v.check for v in grade.grade(lab, "solutions", only=only) if v.passed]
    if early or not only:
        return "the reference passes %s" % " ".join(early)
    late = [v.check + ": " + v.why[:200] for v in noticed(lab, patch, only + grade.checks(lab)) if not v.passed]
    return "with the answer there fail %s" % " ".join(late) if late else None


def judge_reference(lab):
    report = main.run(lab, "solutions")
    return [t.id for t in report.tests if t.status != "passed"]


def judge_skeleton(lab):
    report = main.run(lab, "base")
    own = [t.id for t in report.tests if t.score and not t.id.startswith("before:")]
    before = [t.id for t in report.tests if t.id.startswith("before:") and t.score != t.points]
    hangs = [t.id for t in report.tests if t.kind == "hang"]
    return own + before + hangs


def table(results):
    """The mutants as a page of the book."""
    out = ["# Wrong solutions that the graders must notice", "",
           "Each row is a mistake that a student made or could make, planted into the reference. `make selftest` plants them one by one: each must lose the",
           "points of the tests named beside it. The patches are in `solutions/NN-name/mutants/`.", ""]
    for stage in WITH_FILES:
        own = [(patch, result) for number, patch, result in results if number == stage]
        titles = {e.id: e.title for e in points.entries(stage)}
        out += ["## Lab %02d: %s" % (stage, LABS[stage].title), "", "| file | mistake | noticed by |", "|---|---|---|"]
        for patch, result in own:
            mistake, fails = promised(patch)
            by = "; ".join(titles.get(f, f) for f in fails)
            out.append("| `%s` | %s | %s |" % (files_of(patch)[0], mistake, by if result is None else "**not noticed**"))
        out.append("")
    return "\n".join(out)


class Load:
    """Keeps every CPU of the host busy, so that what depends on the clock on the wall shows."""

    def __enter__(self):
        self.busy = [subprocess.Popen([sys.executable, "-I", "-c", "while True: pass"]) for _ in range(2 * (os.cpu_count() or 1))]

    def __exit__(self, *_):
        for process in self.busy:
            process.kill()
            process.wait()


def main_selftest():
    parser = argparse.ArgumentParser(prog="make selftest")
    parser.add_argument("--lab", type=int, action="append", help="only this lab; may be given more than once")
    parser.add_argument("--runs", type=int, default=0, help="the reference so many times more, with the machine loaded")
    parser.add_argument("--short", action="store_true", help="a sample of the mutants")
    parser.add_argument("--name", help="only mutants with this in their name; nothing else")
    parser.add_argument("--no-table", action="store_true")
    args = parser.parse_args()
    labs = args.lab or WITH_FILES
    bad, started, results = 0, time.monotonic(), []

    def tell(what, wrong):
        nonlocal bad
        bad += bool(wrong)
        print("%s %-44s %s" % (main.CROSS if wrong else main.TICK, what, wrong or ""), flush=True)
    mutants = [(stage, patch) for stage, patch in (sample() if args.short else MUTANTS) if stage in labs and (not args.name or args.name in patch.stem)]
    # As many at once as there are CPUs, told in their order.
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count()) as pool:
        judged = []
        if not args.name:
            for lab in labs:
                judged.append(("lab %02d: the reference has full marks" % lab, pool.submit(judge_reference, lab)))
                judged.append(("lab %02d: the skeleton has those before" % lab, pool.submit(judge_skeleton, lab)))
                judged += [("lab %02d: challenge %s" % (lab, patch.stem), pool.submit(judge_challenge, lab, patch)) for patch in answers(lab)]
        planted = [(stage, patch, pool.submit(judge_mutant, stage, patch)) for stage, patch in mutants]
        for what, future in judged:
            wrong = future.result()
            tell(what, wrong if isinstance(wrong, (str, type(None))) else " ".join(wrong))
        for stage, patch, future in planted:
            results.append((stage, patch, future.result()))
            tell("lab %02d: %s" % (stage, patch.stem), future.result())
    if args.runs:
        with Load():
            for turn in range(args.runs):
                for lab in labs:
                    wrong = judge_reference(lab)
                    if wrong:
                        tell("lab %02d: the reference, run %d" % (lab, turn + 1), " ".join(wrong))
        print("%d runs of the reference of %d labs with the machine loaded" % (args.runs, len(labs)))
    if not args.no_table and not args.name and not args.short and labs == WITH_FILES:
        TABLE.parent.mkdir(parents=True, exist_ok=True)
        TABLE.write_text(table(results))
        print("%s: %d wrong solutions" % (TABLE.relative_to(ROOT), len(results)))
    print("%d wrong, %.0f s" % (bad, time.monotonic() - started))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main_selftest())
