"""All checks of one lab against one kernel, as a list of verdicts: what `make grade`, the prefix tests and the graders' own
tests build on.

A check is an in-kernel test of the stage (`ktest:02.heap_edges`), a user program of the stage (`user:raw_hello`), or a
scenario that a function in grader/labs/ plays (`scenario:banner`). A test that brings the machine down takes only itself along: the
others run in another boot. What each is worth stands in grader/labs/NN-name.toml (points.py)."""
import random
import sys
import time

from . import ktest, points, usertest
from .build import ROOT, BuildFailure, kernel
from .chance import chance
from .verdict import Verdict

sys.path.insert(0, str(ROOT / "grader"))
sys.path.insert(0, str(ROOT / "kernel/tools"))
from labs_mk import read_labs  # noqa: E402

BOOTS = 12  # of one list of tests, at most
HANGS = 4   # among them: each costs seconds


def lab_files(lab):
    """The files that the student writes in this lab."""
    return next(one.files for one in read_labs(ROOT) if one.stage == lab)


def checks(lab):
    from labs import scenarios
    return (["ktest:" + n for n in ktest.listed(ROOT, lab)] + ["user:" + n for n in points.programs(lab)]
            + ["scenario:" + n for n in scenarios.of(lab)])


def challenges(lab):
    """The checks of the optional challenges: they run only when they are asked for."""
    return [e.id for e in points.entries(lab) if e.challenge]


def repeated(boot, names, prefix, family=lambda name: name):
    """Runs the names, and again those that were not reached because one before them brought the machine down. Its family then waits until all others had
    their turn: there are only so many boots, and what a student has not begun must not hide what he has done."""
    verdicts, left, later, hangs = {}, list(names), [], 0
    for _ in range(BOOTS):
        started = time.monotonic()
        run = boot(left)
        share = (time.monotonic() - started) / len(left)
        reached = [n for n in left if n in run.reached]
        for name in reached:
            verdicts[name] = Verdict(prefix + name, run.complaint(name) or "", run.trace_of(name), run.log, share)
        hangs += run.outcome == "hang"
        left = [n for n in left if n not in reached]
        if reached:
            later += [n for n in left if family(n) == family(reached[-1])]
            left = [n for n in left if n not in later]
        if not left:
            left, later = later, []
        if not left or not reached or hangs >= HANGS:
            break
    for name in left + later:
        verdicts[name] = Verdict(prefix + name, run.complaint(name), run.trace_of(None), run.log)
    return [verdicts[n] for n in names]


def ktest_verdicts(image, names, cap, seed=None):
    files = ktest.sources(ROOT)
    return repeated(lambda left: ktest.run(image, " ".join(left), cap=cap, seed=seed), names, "ktest:", files.get)


def user_verdicts(image, lab, names, cap):
    run = usertest.run_many if lab >= usertest.FIRST_WITH_FORK else usertest.run_in_turn
    # Not under icount where there is a disk: an idle guest's clock would run ahead of QEMU's, which works in the host's time.
    on_disk = [n for n in names if usertest.wants_disk(n)]
    off_disk = [n for n in names if n not in on_disk]
    plain = {"icount": True} | ({"shift": usertest.SHIFT, "mem": usertest.memory(off_disk)} if run is usertest.run_many else {})
    groups = [(off_disk, plain), (on_disk, {"icount": False, "watch": True, "mem": usertest.memory(on_disk)})]
    found = [v for group, how in groups if group for v in repeated(lambda left, how=how: run(image, left, cap=cap, **how), group, "user:")]
    return sorted(found, key=lambda v: names.index(v.check.partition(":")[2]))


def scenario_verdict(lab, name, source, variables, cap, seed):
    from labs import scenarios
    chance.begin(seed, name)
    started = time.monotonic()
    why, trace = "", ()
    try:
        scenarios.play(lab, name, source, *variables, patience=cap)
    except AssertionError as error:
        why, trace = str(error) or "wrong output", getattr(error, "trace", ())
    told, _, log = why.partition("\n--- ")
    return Verdict("scenario:" + name, told, trace, "--- " + log if log else "", time.monotonic() - started)


def apart(lab, wanted):
    """These scenarios in parts that can be played at once."""
    from labs import scenarios
    return [wanted] if scenarios.share(lab) else [{name} for name in sorted(wanted)]


def grade(lab, source="solutions", *variables, only=None, cap=600, seed=None):
    """The verdicts on every check of the lab (or on those in `only`), for the kernel LAB=lab FROM=source."""
    wanted = checks(lab) if only is None else [c for c in checks(lab) + challenges(lab) if c in only]
    verdicts = []
    by_kind = {kind: [c.partition(":")[2] for c in wanted if c.startswith(kind + ":")] for kind in ("ktest", "user", "scenario")}
    try:
        if by_kind["ktest"]:
            verdicts += ktest_verdicts(kernel(lab, source, *variables, ktest=True), by_kind["ktest"], cap, seed)
        if by_kind["user"]:
            verdicts += user_verdicts(kernel(lab, source, *variables), lab, by_kind["user"], cap)
        for name in by_kind["scenario"]:
            verdicts.append(scenario_verdict(lab, name, source, variables, cap, seed))
    except BuildFailure as failure:
        done = {v.check for v in verdicts}
        verdicts += [Verdict(c, str(failure)) for c in wanted if c not in done]
    return without_the_given(lab, verdicts)


def without_the_given(lab, verdicts):
    """What is given works from the start: that is nothing that the student did while a function is still to be written."""
    stopped = next((v for v in verdicts if v.kind == "stopped"), None)
    given = {e.id for e in points.entries(lab) if e.given}
    if stopped is None:
        return verdicts
    return [Verdict(v.check, stopped.why, (), stopped.log, v.seconds) if v.passed and v.check in given else v for v in verdicts]


def source_below(source):
    """Where the files of the lab below come from, seen from a lab with this source."""
    return "labs" if source == "labs" else "solutions"


def _earlier_on(lab, source, variables, stages, cap, seed):
    """stage -> verdicts on what is repeated of it, on one kernel."""
    names = [n for s in stages for n in ktest.listed(ROOT, s)]
    verdicts = ktest_verdicts(kernel(lab, source, *variables, ktest=True), names, cap, seed)
    told = {s: [v for v in verdicts if v.check.startswith("ktest:%02d." % s)] for s in stages}
    users = {c.partition(":")[2]: s for s in stages for c in points.later(s)}
    if users and lab >= usertest.FIRST_WITH_LOADER:
        for v in user_verdicts(kernel(lab, source, *variables), lab, list(users), cap):
            told[users[v.check.partition(":")[2]]].append(v)
    return told


def grade_earlier(lab, source="solutions", *variables, cap=600, seed=None, stages=None):
    """stage -> verdicts for the labs before, on this lab's kernel. One that stops at a function that is yet to be written says nothing about them:
    then on the kernel of the lab below."""
    stages = points.labs_before(lab) if stages is None else stages
    if not stages:
        return {}
    try:
        told = _earlier_on(lab, source, variables, stages, cap, seed)
        if all(v.passed or v.kind != "stopped" for one in told.values() for v in one):
            return told
    except BuildFailure as failure:
        told = {s: [Verdict("before:%02d" % s, str(failure))] for s in stages}
        if source == "labs":
            return told
    try:
        return _earlier_on(max(points.labs_before(lab)), source_below(source), variables, stages, cap, seed)
    except BuildFailure as failure:
        return {s: [Verdict("before:%02d" % s, str(failure))] for s in stages}


def new_seed():
    return random.SystemRandom().randrange(1 << 32)
