"""Kernels with a student's files in them, built in the sandbox.

Inside, the tree stands where it stands outside, and looks like a student's: labs/ with the student's files in it, kernel/, the references of the labs below. Two
steps, two views:

    compile    sees no test (no grader/), no answer (no reference of this lab or one above), and no object of either
    link       sees the tests' objects; the student's sources are not read again (make -o), and what the compiler said of their headers is gone

What is the same for all (objects of kernel/, of the tests, of the references below) is built once, outside, in the tree's own build folder, and shown inside
to be read only. What is made inside lies in a folder of the work, so that works know nothing of each other."""
import fcntl
import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

from harness import build, grade, ktest
from harness.build import BUILD, ROOT, BuildFailure, make

from . import sandbox

FLAVOURS = {"DEBUG=1": "gcc-debug"}
# What an object of a student's file may neither use nor be: the judge's.
FOREIGN = ("ktest_", "fwcfg_", "verdict", "provocation") + tuple("__%s_set_%s" % (end, name) for end in ("start", "stop") for name in ("ktests", "provocations", "destinations"))
FOREIGN_SECTIONS = ("set_ktests", "set_provocations", "set_destinations")
WITNESSES = 3  # runs of the reference


class Desk:
    def __init__(self, lab, source, work, taken):
        """`lab` is of labs_mk, `source` labs or base, `taken` maps the lab's files to bytes."""
        self.lab, self.source, self.work = lab, source, Path(work)
        self.user = sandbox.user_of(self.work)
        self.failures = {}
        self._stage(taken)

    # --- the student's labs/

    def _stage(self, taken):
        """labs/ as the student has it: a copy of the skeletons, with the files in their places."""
        shutil.rmtree(self.work / "labs", ignore_errors=True)
        shutil.rmtree(self.work / "build", ignore_errors=True)
        shutil.copytree(ROOT / "labs", self.work / "labs")
        for name, data in taken.items():
            path = self.work / "labs" / self.lab.name / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        sandbox.give(self.work / "build", self.user)

    # --- views

    def _below(self):
        return [one.name for one in grade.read_labs(ROOT) if one.stage < self.lab.stage] if self.source == "base" else []

    def _view(self, flavour, tests):
        """(what is shown to be read, what may be written)."""
        inner = ROOT / BUILD
        objects = inner / "obj" / flavour
        sandbox.give(self.work / "build/obj", self.user)
        sandbox.give(self.work / "build/obj" / flavour, self.user)
        read = [ROOT / "Makefile", ROOT / "kernel", (self.work / "labs", ROOT / "labs")]
        read += [ROOT / "solutions" / name for name in self._below() if (ROOT / "solutions" / name).exists()]
        shown = ["kernel", "gen", "flags", "vdso/solutions"] + ["solutions/" + name for name in self._below()]
        if tests:
            read += [ROOT / "grader/ktest"] + [p for p in [ROOT / "grader/hidden"] if p.exists()]
            shown.append("grader")
        read += [objects / name for name in shown if (objects / name).exists()]
        return {"read": read, "write": [(self.work / "build", inner)], "inside": ROOT, "user": self.user}

    def _make(self, flavour, tests, *words):
        command = ["make", "-s", "-j2", "BUILD=%s" % BUILD, *words]
        return sandbox.run(command, seconds=180, **self._view(flavour, tests))

    # --- building

    def builder(self, goal, words):
        """Takes the place of make in harness.build.kernel()."""
        if "FROM=" + self.source not in words:  # the reference, asked for to judge the labs below
            make(goal, *words)
            return ROOT / make(goal + "-path", *words).strip()
        path = make(goal + "-path", *words).strip()
        key = (goal, tuple(words))
        if key not in self.failures:
            self.failures[key] = self._build(goal, words, path)
        if self.failures[key]:
            raise BuildFailure("build: " + self.failures[key])
        return self.work / "build" / Path(path).relative_to(BUILD)

    def _build(self, goal, words, path):
        """What is wrong with the student's files, or None."""
        flavour = next((FLAVOURS[w] for w in words if w in FLAVOURS), "gcc")
        status, said = self._make(flavour, False, "objects", *words)
        if status == 124:
            return "compiling did not end within its time\n" + said[-3000:]
        if status:
            return "the files do not compile\n" + said[-6000:]
        objects = sorted((self.work / "build/obj" / flavour / "labs").rglob("*.o"))
        foreign = self._foreign(flavour, objects)
        if foreign:
            return foreign
        for dependencies in (self.work / "build/obj" / flavour / "labs").rglob("*.d"):
            dependencies.unlink()
        old = [w for o in objects for w in ("-o", str(Path(BUILD) / o.relative_to(self.work / "build")))]
        status, said = self._make(flavour, goal == "ktest", goal, *words, *old)
        image = self.work / "build" / Path(path).relative_to(BUILD)
        if status or not image.is_file() or image.is_symlink():
            return "the kernel does not link\n" + said[-6000:]
        return None

    def _foreign(self, flavour, objects):
        """Names and sections of the judge in the student's objects."""
        if not objects:
            return "no object came out of the files"
        inner = [str(ROOT / BUILD / o.relative_to(self.work / "build")) for o in objects]
        view = self._view(flavour, False)
        _, names = sandbox.run(["nm", "-A", "-g", *inner], **view)
        for line in names.splitlines():
            file, _, rest = line.partition(":")
            name = rest.split()[-1] if rest.split() else ""
            if name.startswith(FOREIGN):
                return "%s has the name %s in it, which belongs to the grader" % (self._short(file), name)
        _, sections = sandbox.run(["readelf", "-SW", *inner], **view)
        file = ""
        for line in sections.splitlines():
            if line.startswith("File: "):
                file = line[6:]
            for word in line.partition("]")[2].split()[:1]:
                if word in FOREIGN_SECTIONS:
                    return "%s has a section %s, which belongs to the grader" % (self._short(file), word)
        return None

    @staticmethod
    def _short(path):
        return "labs/" + path.partition("/labs/")[2].removesuffix(".o") if "/labs/" in path else path

    # --- around the harness

    def __enter__(self):
        from harness import qemu
        build.builder = self.builder
        qemu.launcher = lambda folder, files, command: sandbox.qemu(folder, files, command, self.user)
        ktest.witness = witness(self.lab.stage)
        return self

    def __exit__(self, *_):
        from harness import qemu
        build.builder = qemu.launcher = None
        ktest.witness = {}
        shutil.rmtree(self.work / "build", ignore_errors=True)


# --- what is the same for all

def prepare(lab, source):
    """Builds, outside and once, what every work of this lab is linked with. Several may ask at the same time."""
    stage = "LAB=%02d" % lab.stage
    for goal in ("kernel", "ktest"):
        make(goal, stage, "FROM=solutions")
    if source == "base" and lab.stage > 1:
        make("ktest", "LAB=%02d" % (lab.stage - 1), "FROM=solutions")
    return witness(lab.stage)


def witness(stage):
    """test -> lines of the checks that the reference always comes by, in this lab's test kernel; kept in the build folder beside what it was read from."""
    image = ROOT / make("ktest-path", "LAB=%02d" % stage, "FROM=solutions").strip()
    name = hashlib.sha256(image.read_bytes()).hexdigest()[:16]
    path = ROOT / BUILD / "witness" / ("%02d-%s.json" % (stage, name))
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.with_suffix(".lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            common = _common(image, stage)
            new = path.with_suffix(".new")
            new.write_text(json.dumps({k: sorted(v) for k, v in common.items()}))
            os.replace(new, path)
    return {k: set(v) for k, v in json.loads(path.read_text()).items()}


def _common(image, stage):
    names = [n for s in range(1, stage + 1) for n in ktest.listed(ROOT, s)]
    common = {}
    for seed in range(1, WITNESSES + 1):
        run = ktest.run(image, " ".join("%02d" % s for s in range(1, stage + 1)), seed=seed, cap=300)
        for name in names:
            result = run.results.get(name)
            if result is None or not result.passed:
                print("the reference did not pass %s: its checks are not counted" % name, file=sys.stderr)
                common[name] = set()
            else:
                common[name] = common.get(name, result.sites) & result.sites
    return common
