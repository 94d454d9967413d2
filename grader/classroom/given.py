"""What the tests of this folder share: submissions, made of the references and of mistakes and cheats, and a run of grade_one.py as instructors run it."""
import io
import json
import os
import subprocess
import tarfile
from pathlib import Path

from harness import verdict
from harness.build import BUILD, ROOT
from labs_mk import read_labs

LABS = {lab.stage: lab for lab in read_labs(ROOT)}


def reference(stage):
    """The lab's files as a student would hand in who has solved it."""
    lab = LABS[stage]
    return {name: subprocess.run(["unifdef", "-x2", "-DSOLUTION", str(ROOT / "solutions" / lab.name / name)], capture_output=True, text=True, check=True).stdout
            for name in lab.files}


def skeleton(stage):
    lab = LABS[stage]
    return {name: (ROOT / "labs" / lab.name / name).read_text() for name in lab.files}


def pack(path, stage, files, more=()):
    """A tarball. `more` are pairs of a whole name and a text, or a TarInfo."""
    with tarfile.open(path, "w:gz") as archive:
        for name, text in [("%s/%s" % (LABS[stage].name, n), t) for n, t in files.items()] + list(more):
            if isinstance(text, tarfile.TarInfo):
                archive.addfile(text)
                continue
            entry = tarfile.TarInfo(name)
            data = text.encode()
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


def link(name, target, kind=tarfile.SYMTYPE):
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return name, entry


def grade(submission, out, *words, test=None):
    """(Report, about, what was printed)."""
    command = ["/usr/bin/python3", "-I", "-B", str(ROOT / "grader/classroom/grade_one.py"), str(submission), "--out", str(out), "--seed", "7", *words]
    done = subprocess.run(command + (["--test", test] if test else []), capture_output=True, text=True, check=False, cwd="/",
                          env={**os.environ, "SWITCHBACK_BUILD": str(BUILD)})
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return verdict.read(Path(out) / "results.json"), json.loads((Path(out) / "about.json").read_text()), done.stdout
